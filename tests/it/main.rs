//! The stories: what chatd, chatctl and chat-client do together, through real processes and sockets.

mod support;

mod bounds;
mod client;
mod control;
mod crowd;
mod ctl;
mod history;
mod hostile;
mod log;
mod restart;
mod rooms;
mod sealed;
mod session;
mod start;
mod terminal;
