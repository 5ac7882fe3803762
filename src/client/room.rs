//! One room as the client holds it: what has been shown, what waits for its turn. Makes out of frames that come in any
//! order a log in which each message comes once.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::Seq;
use crate::base::record::Kind;
use crate::wire::event::{Message, RoomState};

/// Messages that wait for an earlier one at most. Past that the gap is taken for one that will not be filled.
const HELD_MAX: usize = 10_000;

/// Redactions that are remembered.
const REDACTED_MAX: usize = 10_000;

/// A room that one is in.
#[derive(Clone, Debug)]
pub struct Room {
    /// As the server last told it.
    pub state: RoomState,
    /// The last number shown; below it nothing is missing.
    cursor: Seq,
    /// The highest number that this connection was given out of the log. The server gives the log in order, so that
    /// below it only own messages can be missing whose `sent` is on its way.
    given: Seq,
    held: BTreeMap<Seq, Message>,
    /// Whether it is known from where on messages come. Not where the first that was heard of the room was one of them.
    is_told: bool,
    /// Whose texts are gone, as far as it was told lately: a page that was asked for before may still have them.
    redacted: BTreeSet<Seq>,
}

/// How a room compares with what the server tells of it after a reconnection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// So many messages come now.
    Missed(u64),
    /// So many were missed and are no longer kept; the other number of them come now.
    Expired(u64, u64),
    /// The server has less than it had: this was the last number.
    WentBack(Seq),
}

impl Room {
    /// A room of which everything up to its end is taken for known.
    pub(super) fn at_end(state: RoomState) -> Self {
        let cursor = state.last_seq;
        Self::after(state, cursor)
    }

    /// A room of which everything up to `cursor` is known.
    pub(super) fn after(state: RoomState, cursor: Seq) -> Self {
        Self {
            state,
            cursor,
            given: cursor,
            held: BTreeMap::new(),
            is_told: true,
            redacted: BTreeSet::new(),
        }
    }

    /// A room that a message came from before it was told: all before that is not missed.
    pub(super) fn untold(state: RoomState) -> Self {
        Self {
            is_told: false,
            ..Self::after(state, Seq(0))
        }
    }

    /// The last number shown: below it nothing is missing.
    #[must_use]
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// How many messages were not yet said to be read.
    #[must_use]
    pub fn unread(&self) -> u64 {
        let end = self.cursor.max(self.state.last_seq);
        let start = self
            .state
            .read_seq
            .0
            .max(self.state.first_seq.0.saturating_sub(1));
        end.0.saturating_sub(start)
    }

    /// Takes a message in. `logged`: it came out of the log, not as the answer to a send.
    pub(super) fn take(&mut self, message: Message, logged: bool) {
        let seq = message.seq;
        if logged {
            self.given = self.given.max(seq);
        }
        self.state.last_seq = self.state.last_seq.max(seq);
        if let Some(seq) = message.redacts {
            self.redacted.insert(seq);
            if self.redacted.len() > REDACTED_MAX {
                self.redacted.pop_first();
            }
            self.held.entry(seq).and_modify(blank);
        }
        if seq > self.cursor {
            self.held.entry(seq).or_insert(message);
        }
    }

    /// Takes out of a page what is gone by now.
    pub(super) fn censor(&self, page: &mut Vec<Message>) {
        page.retain(|message| {
            message.room != self.state.room || message.seq >= self.state.first_seq
        });
        page.iter_mut()
            .filter(|message| message.room == self.state.room)
            .filter(|message| self.redacted.contains(&message.seq))
            .for_each(blank);
    }

    /// What was said before this number is gone: it is not waited for, and what of it is held is not shown.
    pub(super) fn begin_at(&mut self, first: Seq) {
        self.state.first_seq = self.state.first_seq.max(first);
        let before = Seq(self.state.first_seq.0.saturating_sub(1));
        self.held.retain(|seq, _| *seq > before);
        self.cursor = self.cursor.max(before);
        self.given = self.given.max(before);
        self.state.last_seq = self.state.last_seq.max(before);
    }

    /// The room is told anew while one is in it. Returns how many messages were missed and are gone.
    pub(super) fn refresh(&mut self, state: RoomState) -> u64 {
        let had = self.cursor;
        let first = state.first_seq;
        self.state = state;
        self.begin_at(first);
        match self.is_told {
            true => self.cursor.0 - had.0,
            false => 0,
        }
    }

    /// The next message to show, and how many before it were missed and are gone. `sending`: an own message to this room is
    /// on its way and may fill a gap.
    pub(super) fn next(&mut self, sending: bool) -> Option<(u64, Message)> {
        let seq = *self.held.first_key_value()?.0;
        let follows = seq.0 - 1 == self.cursor.0;
        let gap_stays = seq <= self.given && (!sending || self.held.len() > HELD_MAX);
        if !follows && !gap_stays {
            return None;
        }
        let message = self.held.remove(&seq)?;
        let gone = match std::mem::replace(&mut self.is_told, true) {
            true => seq.0 - 1 - self.cursor.0,
            false => 0,
        };
        self.cursor = seq;
        Some((gone, message))
    }

    /// The connection is gone: what waited for its turn comes again.
    pub(super) fn disconnected(&mut self) {
        self.held.clear();
        self.given = self.cursor;
    }

    /// The server tells the room anew, after a reconnection or because this client was behind. In another epoch its numbers
    /// may have other messages, and it goes on at the end.
    pub(super) fn compare(&mut self, state: RoomState, is_other_epoch: bool) -> Compared {
        let had = self.cursor;
        let first = Seq(state.first_seq.0.saturating_sub(1));
        self.state = state;
        if self.state.last_seq < had || is_other_epoch {
            self.cursor = self.state.last_seq;
            self.disconnected();
            return Compared::WentBack(had);
        }
        self.cursor = had.max(first);
        self.given = self.given.max(self.cursor);
        let missed = self.state.last_seq.0.saturating_sub(self.cursor.0);
        match self.cursor.0 - had.0 {
            0 => Compared::Missed(missed),
            expired => Compared::Expired(expired, missed),
        }
    }
}

fn blank(message: &mut Message) {
    (message.kind, message.text) = (Kind::Redacted, "".into());
}
