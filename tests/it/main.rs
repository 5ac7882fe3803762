//! Everything that is checked from outside the library, in one program: `cargo test --test it`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// What needs no running daemon: the map, the specification, the shipped files.
mod catalog;
mod config;
mod dashboard;
mod docs;
mod layers;
mod man;
mod spec;
mod units;

// What they are made with.
mod full;
mod page;
mod source;

// The store alone, on a disk that fails.
mod migrate;
mod plug;

// The stories: what chatd, chatctl and chat-client do together, through real processes and sockets.
mod admins;
mod audit;
mod audit_follow;
mod backup;
mod bans;
mod bounds;
mod bundle;
mod certificate;
mod check;
mod clear_history;
mod client;
mod completion;
mod control;
mod credential;
mod crowd;
mod ctl;
mod detach;
mod disabled;
mod drain;
mod eager;
mod ended;
mod entrance;
mod export;
mod far;
mod fault;
mod faults;
mod flipper;
mod floods;
mod foreign;
mod fuzz;
mod handed;
mod harmless;
mod history;
mod hostile;
mod import;
mod init;
mod invite;
mod journal;
mod lag;
mod ledger;
mod links;
mod log;
mod matrix;
mod memory;
mod metrics;
mod moderation;
mod names;
mod nearest;
mod password;
mod proxy;
mod rates;
mod redact;
mod rekey;
mod resets;
mod restart;
mod retention;
mod room;
mod rooms;
mod russian;
mod scarce;
mod screen;
mod screen_elsewhere;
mod screen_figures;
mod screen_hostile;
mod screen_order;
mod sealed;
mod service;
mod session;
mod start;
mod stats;
mod strangers;
mod terminal;
mod tls;
mod tls_client;
mod tls_hostile;
mod tongues;
mod top;
mod verify;
mod wal;

mod support;
