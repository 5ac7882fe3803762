//! The rules of the chat: who is where, who may do what, what comes next. Is told what happened and what time it is,
//! and answers with what to do.

pub mod cursor;
pub mod effect;
pub mod fanout;
pub mod input;
mod outbox;
