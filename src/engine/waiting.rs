//! What waits for the writer or the password threads, by ticket.

use std::collections::{BTreeMap, VecDeque};

use super::key::Digest;
use super::{Asker, Then, account, redact};
use crate::base::record::{Change, Clearing, Draft, Redaction};
use crate::base::{CallId, ConnId, Ticket};

/// What waits. Each ticket is given once and taken back once.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    last: Ticket,
    /// For the writer. It takes them in this order, so what it tells is mostly about the first: no tree is needed to find it.
    stores: VecDeque<(Ticket, Storing)>,
    /// For the password threads, which are done in any order.
    hashes: BTreeMap<Ticket, Hashing>,
    appends: u32,
    append_bytes: usize,
}

/// What waits for the writer.
#[derive(Debug)]
pub(super) enum Storing {
    Append(Append),
    Redact {
        redaction: Redaction,
        by: redact::Redactor,
    },
    Clear {
        clearing: Clearing,
        /// None where the settings ask for it.
        call: Option<CallId>,
    },
    Commit {
        changes: Vec<Change>,
        then: Then,
    },
}

/// A message.
#[derive(Debug)]
pub(super) struct Append {
    pub draft: Draft,
    /// Of the draft's key, if it has one.
    pub key: Option<Digest>,
    /// The connection that sent it.
    pub origin: ConnId,
    pub asker: Asker,
    /// Who sent the same meanwhile.
    pub also: Vec<Asker>,
}

/// What waits for the password threads.
#[derive(Debug)]
pub(super) struct Hashing {
    pub asker: Asker,
    pub then: account::Verified,
}

impl Waiting {
    fn ticket(&mut self) -> Ticket {
        self.last = self.last.next();
        self.last
    }

    /// From now on this waits for the writer.
    pub fn store(&mut self, store: Storing) -> Ticket {
        let ticket = self.ticket();
        if let Storing::Append(append) = &store {
            self.appends += 1;
            self.append_bytes += append.draft.text.len();
        }
        self.stores.push_back((ticket, store));
        ticket
    }

    /// From now on this waits for the password threads.
    pub fn hash(&mut self, hash: Hashing) -> Ticket {
        let ticket = self.ticket();
        self.hashes.insert(ticket, hash);
        ticket
    }

    /// The writer is done with it.
    pub fn stored(&mut self, ticket: Ticket) -> Option<Storing> {
        let at = self.place(ticket)?;
        let (_, store) = self.stores.remove(at)?;
        if let Storing::Append(append) = &store {
            self.appends -= 1;
            self.append_bytes -= append.draft.text.len();
        }
        Some(store)
    }

    /// The password threads are done with it.
    pub fn hashed(&mut self, ticket: Ticket) -> Option<Hashing> {
        self.hashes.remove(&ticket)
    }

    /// The message that waits by this name.
    pub fn append(&mut self, ticket: Ticket) -> Option<&mut Append> {
        let at = self.place(ticket)?;
        match &mut self.stores[at].1 {
            Storing::Append(append) => Some(append),
            _ => None,
        }
    }

    fn place(&self, ticket: Ticket) -> Option<usize> {
        match self.stores.front()?.0 == ticket {
            true => Some(0),
            false => (self
                .stores
                .binary_search_by_key(&ticket, |(ticket, _)| *ticket))
            .ok(),
        }
    }

    /// Whether anything waits for the writer.
    pub fn is_storing(&self) -> bool {
        !self.stores.is_empty()
    }

    /// How many messages wait, and the bytes of their texts.
    pub fn appends(&self) -> (u32, usize) {
        (self.appends, self.append_bytes)
    }

    /// All changes that wait, in order.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let commits = self.stores.iter().filter_map(|(_, store)| match store {
            Storing::Commit { changes, .. } => Some(changes),
            _ => None,
        });
        commits.flatten()
    }
}

/// What the simulation looks at.
#[cfg(test)]
impl Waiting {
    pub fn is_empty(&self) -> bool {
        self.stores.is_empty() && self.hashes.is_empty()
    }

    pub fn stores(&self) -> impl Iterator<Item = &Storing> {
        self.stores.iter().map(|(_, store)| store)
    }

    pub fn hashes(&self) -> impl Iterator<Item = &Hashing> {
        self.hashes.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::LOBBY;
    use crate::base::record::Kind;
    use crate::base::{Timestamp, UserId};

    fn append(text: &str) -> Storing {
        let conn = ConnId {
            worker: 0,
            turn: 0,
            slot: 0,
        };
        Storing::Append(Append {
            draft: Draft {
                room: LOBBY,
                author: UserId(1),
                at: Timestamp(0),
                kind: Kind::Text,
                key: None,
                text: text.into(),
                redacts: None,
            },
            key: None,
            origin: conn,
            asker: Asker { conn, re: None },
            also: Vec::new(),
        })
    }

    #[test]
    fn what_waits_is_found_in_any_order_and_counted() {
        let mut waiting = Waiting::default();
        let tickets = ["one", "three", "", "seven"].map(|text| waiting.store(append(text)));
        assert_eq!(waiting.appends(), (4, 13));
        let text = |store| match store {
            Some(Storing::Append(append)) => append.draft.text.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(text(waiting.stored(tickets[2])), "");
        assert_eq!(text(waiting.stored(tickets[0])), "one");
        assert!(waiting.stored(tickets[0]).is_none() && waiting.append(tickets[2]).is_none());
        assert_eq!(waiting.append(tickets[3]).unwrap().draft.text.len(), 5);
        assert_eq!(text(waiting.stored(tickets[3])), "seven");
        assert_eq!(waiting.appends(), (1, 5));
        assert_eq!(text(waiting.stored(tickets[1])), "three");
        assert!(waiting.is_empty() && !waiting.is_storing());
    }
}
