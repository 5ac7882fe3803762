//! The deadlines of all connections of a worker, for its one timer. An entry may outlive its reason: whoever takes it out
//! looks whether it still holds. So logging in costs nothing here, and a timer is set only while there is one to wait for.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Being logged in.
    Login,
    /// The turn of its handshake.
    Handshake,
    /// The rest of a frame.
    Frame,
    /// The last answers to a client that has ended its side.
    Finish,
    /// Having taken the last words.
    Close,
    /// Another question to the store.
    AskAgain,
    /// The end of the worker.
    Stop,
}

/// A deadline in milliseconds since the worker began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// When.
    pub at: u64,
    /// Whose.
    pub slot: u32,
    /// Which turn of the slot.
    pub turn: u16,
    /// What.
    pub kind: Kind,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Deadlines(BinaryHeap<Reverse<Deadline>>);

impl Deadlines {
    /// One more.
    pub fn push(&mut self, deadline: Deadline) {
        self.0.push(Reverse(deadline));
    }

    /// The next one.
    #[must_use]
    pub fn first(&self) -> Option<Deadline> {
        self.0.peek().map(|Reverse(deadline)| *deadline)
    }

    /// Takes the next one out.
    pub fn pop(&mut self) {
        self.0.pop();
        // A rush of newcomers leaves no memory behind.
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to(self.0.len() * 2);
        }
    }
}
