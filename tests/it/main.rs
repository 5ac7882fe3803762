//! The stories: what chatd, chatctl and chat-client do together, through real processes and sockets.

mod support;

mod client;
mod crowd;
mod ctl;
mod history;
mod hostile;
mod restart;
mod rooms;
mod session;
