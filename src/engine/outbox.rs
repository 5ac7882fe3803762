//! What one connection is still to be given: answers and signals as bytes, messages only as cursors into the logs.
//! Does no I/O: whoever owns the socket asks for the next bytes and says how many of them it took.
//!
//! Messages wait in the ring that all connections of a worker share, never here, so a slow reader costs its cursors
//! and the rest of the one frame that its socket cut. A queue of references to chunks for each connection was turned
//! down: it has to be bounded, dropped and rebuilt, and costs an allocation for each connection and commit.

use std::io::IoSlice;

use bytes::Bytes;

use crate::base::{ConnId, Seq, Target, UserId};
use crate::engine::cursor::{Chunk, Ring, Runs};
use crate::engine::effect::Query;

/// The bytes of messages that are copied for one connection so that a signal comes behind them. Small, because a signal
/// may be for thousands.
pub(super) const TAKE_UP_BYTES: usize = 2_048;
/// The bytes that may wait beyond `outbox_bytes` before one is not told any more which rooms one is in: a thousand changes.
const ROOMS_BYTES: usize = 65_536;

/// The bytes waiting for one connection, and its cursors.
#[derive(Debug)]
pub struct Outbox {
    pub(super) conn: ConnId,
    pub(super) viewer: UserId,
    /// Answers, signals, what was read from the store, the rest of a cut frame. Goes out before what is in the ring.
    queue: Vec<u8>,
    /// How much of the queue is sent.
    sent: usize,
    pub(super) feeds: Vec<Feed>,
    /// The feeds whose cursor is not at the head, in the order in which they fell behind it.
    pending: Vec<u32>,
    asked: Option<Asked>,
    /// Whether it is in the list of those to be flushed.
    pub(super) dirty: bool,
    /// Whether its socket takes no more at present.
    pub(super) blocked: bool,
    /// Whether signals were dropped since it was last told the state of things.
    pub(super) missed: bool,
}

/// A channel that the connection is attached to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feed {
    /// The channel's place in the ring.
    pub place: u32,
    /// The connection's place among the channel's members.
    pub member: u32,
    /// The last number given.
    cursor: Seq,
    pending: bool,
    /// Whether it still comes from a cursor that the client brought along. What was said meanwhile is then read from the
    /// store, where authors find the keys of their own messages, and not from the ring, which is the same for all.
    returning: bool,
    /// Whether the store fails at what comes next, and the client was told.
    unreadable: bool,
}

impl Feed {
    /// What is to be given next out of the ring; `None` when the store has to be asked.
    fn runs<'a>(&self, ring: &'a Ring, reader: ConnId) -> Option<Runs<'a>> {
        match self.returning {
            true => None,
            false => ring.log(self.place).runs(self.cursor, reader),
        }
    }
}

/// How far a connection is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The messages that it was not given yet, its own included.
    pub messages: u64,
    /// In how many rooms and conversations.
    pub rooms: u32,
    /// The one with most of them, as it is called there, and how many.
    pub room: Option<Target>,
    /// See above.
    pub room_messages: u64,
    /// The bytes in memory that wait to be sent to it. What only the store has is not among them.
    pub bytes: u64,
}

/// A question to the store.
#[derive(Clone, Copy, Debug)]
struct Asked {
    place: u32,
    /// The head when it was asked: with no messages up to there, that is where the cursor goes.
    head: Seq,
    /// Not when the channel was left meanwhile.
    valid: bool,
}

impl Outbox {
    pub(super) fn new(conn: ConnId) -> Self {
        Self {
            conn,
            viewer: UserId(0),
            queue: Vec::new(),
            sent: 0,
            feeds: Vec::new(),
            pending: Vec::new(),
            asked: None,
            dirty: false,
            blocked: false,
            missed: false,
        }
    }

    /// Adds a feed and returns its index.
    pub(super) fn add_feed(&mut self, place: u32, member: u32, cursor: Seq, head: Seq) -> u32 {
        // Most connections have one feed, and there are thousands of them: no room to spare.
        if self.feeds.len() == self.feeds.capacity() {
            self.feeds.reserve_exact(1 + self.feeds.len() / 2);
        }
        self.feeds.push(Feed {
            place,
            member,
            cursor,
            pending: false,
            returning: cursor < head,
            unreadable: false,
        });
        self.feeds.len() as u32 - 1
    }

    /// Removes a feed; the last one takes its index.
    pub(super) fn remove_feed(&mut self, index: u32) -> Feed {
        let feed = self.feeds.swap_remove(index as usize);
        let last = self.feeds.len() as u32;
        self.pending.retain(|pending| *pending != index);
        for pending in &mut self.pending {
            if *pending == last {
                *pending = index;
            }
        }
        if let Some(asked) = &mut self.asked
            && asked.place == feed.place
        {
            asked.valid = false;
        }
        feed
    }

    /// There are messages for a feed.
    pub(super) fn set_pending(&mut self, index: u32, head: Seq) {
        let feed = &mut self.feeds[index as usize];
        if !feed.pending && feed.cursor < head {
            feed.pending = true;
            if self.pending.capacity() == 0 {
                self.pending.reserve_exact(1);
            }
            self.pending.push(index);
        }
    }

    /// Puts a frame behind what waits. While the connection keeps up, the messages that wait in the ring come before it,
    /// unless that is a lot of them. Tells how many messages were given with it.
    pub(super) fn push(&mut self, ring: &Ring, frame: &[u8]) -> u64 {
        let given = match !self.pending.is_empty() && !self.blocked {
            true => self.take_up(ring),
            false => 0,
        };
        self.append(frame);
        given
    }

    /// The same with a frame that is no use to somebody who has older things to take: then it is noted that it was
    /// dropped.
    pub(super) fn signal(&mut self, ring: &Ring, frame: &[u8], bytes_max: usize) -> u64 {
        if self.is_behind(bytes_max) {
            self.missed = true;
            return 0;
        }
        self.push(ring, frame)
    }

    /// The same with a frame that tells in which rooms one is. Who has older things to take is told, too: whoever comes back
    /// into a room is given it from there on, and has to know that they were out.
    pub(super) fn news_of_rooms(&mut self, ring: &Ring, frame: &[u8], bytes_max: usize) -> u64 {
        if self.unsent() > bytes_max + ROOMS_BYTES {
            self.missed = true;
            return 0;
        }
        self.push(ring, frame)
    }

    /// What the store answered, or a frame that tells that it failed. Returns whether it is to be asked again after a while.
    pub(super) fn feed(&mut self, ring: &Ring, answer: Result<Option<Chunk>, Bytes>) -> bool {
        let Some(asked) = self.asked else {
            return false;
        };
        let of_place = |feed: &Feed| asked.valid && feed.place == asked.place;
        let index = self.feeds.iter().position(of_place);
        let chunk = match answer {
            Ok(chunk) => chunk,
            Err(why) => {
                index.inspect(|index| self.failed(*index, &why));
                return true;
            }
        };
        self.asked = None;
        let Some(index) = index else {
            return false;
        };
        self.feeds[index].unreadable = false;
        let log = ring.log(asked.place);
        let (after, head) = (self.feeds[index].cursor, log.head);
        if let Some(chunk) = &chunk {
            // The store may be ahead of what is delivered; that comes by itself. It may have been asked before something
            // was cleared away; that comes no more.
            self.append(chunk.between(after.max(log.gone), head));
        }
        let cursor = chunk
            .map_or(asked.head, |chunk| chunk.last())
            .min(head)
            .max(after);
        self.feeds[index].cursor = cursor;
        self.feeds[index].returning &= cursor < asked.head;
        if cursor == head {
            self.feeds[index].pending = false;
            self.pending.retain(|pending| *pending != index as u32);
        }
        false
    }

    /// The client is told once that it has to wait for this, and the store is asked for what is in other rooms first.
    fn failed(&mut self, index: usize, why: &[u8]) {
        if !std::mem::replace(&mut self.feeds[index].unreadable, true) {
            self.append(why);
        }
        let mut pending = self.pending.iter();
        if let Some(at) = pending.position(|pending| *pending == index as u32) {
            self.pending[at..].rotate_left(1);
        }
    }

    /// The store may be asked again.
    pub(super) fn forget_question(&mut self) {
        self.asked = None;
    }

    /// What has to be asked of the store before more can be sent. At most one question at a time, and none while half
    /// of `bytes_max` still waits.
    pub(super) fn question(&mut self, ring: &Ring, bytes_max: usize) -> Option<Query> {
        if self.asked.is_some() || self.pending.is_empty() || self.unsent() > bytes_max / 2 {
            return None;
        }
        let feed = self
            .pending
            .iter()
            .map(|index| self.feeds[*index as usize])
            .find(|feed| feed.runs(ring, self.conn).is_none())?;
        let log = ring.log(feed.place);
        self.asked = Some(Asked {
            place: feed.place,
            head: log.head,
            valid: true,
        });
        Some(Query::Log {
            channel: log.channel,
            label: log.label.clone(),
            viewer: self.viewer,
            after: feed.cursor,
        })
    }

    /// Fills `slices` from the front with the bytes to be sent next and returns how many slices that are.
    pub(super) fn gather<'a>(&'a self, ring: &'a Ring, slices: &mut [IoSlice<'a>]) -> usize {
        let queued = Some(&self.queue[self.sent..]);
        let fed = self.pending.iter().flat_map(|index| {
            let feed = self.feeds[*index as usize];
            feed.runs(ring, self.conn)
                .into_iter()
                .flatten()
                .map(|run| run.bytes)
        });
        let bytes = queued
            .into_iter()
            .chain(fed)
            .filter(|bytes| !bytes.is_empty());
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(bytes) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// So many of the gathered bytes are sent. Tells how many messages were given with them; one that was cut counts.
    pub(super) fn advance(&mut self, ring: &Ring, mut taken: usize) -> u64 {
        let queued = taken.min(self.unsent());
        self.sent += queued;
        taken -= queued;
        if self.unsent() > 0 {
            return 0;
        }
        let mut given = 0;
        // Whoever has nothing to say for an hour should not keep the memory of what it said.
        self.queue = Vec::new();
        self.sent = 0;
        let Self {
            conn,
            queue,
            feeds,
            pending,
            ..
        } = self;
        pending.retain(|index| {
            let feed = &mut feeds[*index as usize];
            let log = ring.log(feed.place);
            for run in feed.runs(ring, *conn).into_iter().flatten() {
                if taken < run.bytes.len() {
                    if taken > 0 {
                        let (cursor, rest) = run.cut(taken);
                        given += cursor.0.saturating_sub(feed.cursor.0).min(run.messages);
                        feed.cursor = cursor;
                        queue.extend_from_slice(rest);
                        taken = 0;
                    }
                    break;
                }
                taken -= run.bytes.len();
                given += run.messages;
                feed.cursor = run.upto;
            }
            feed.pending = feed.cursor < log.head;
            feed.pending
        });
        given
    }

    /// The bytes of the queue that are not sent yet.
    pub(super) fn unsent(&self) -> usize {
        self.queue.len() - self.sent
    }

    /// How far the connection is behind. Goes through what waits for it: for an admin's question, not for each message.
    pub(super) fn lag(&self, ring: &Ring) -> Lag {
        let mut lag = Lag {
            bytes: self.unsent() as u64,
            ..Lag::default()
        };
        for index in &self.pending {
            let feed = &self.feeds[*index as usize];
            let log = ring.log(feed.place);
            let messages = log.head.0.saturating_sub(feed.cursor.0);
            if messages > lag.room_messages {
                lag.room = Some(log.label.clone());
                lag.room_messages = messages;
            }
            lag.messages += messages;
            lag.rooms += 1;
            let runs = feed.runs(ring, self.conn).into_iter().flatten();
            lag.bytes += runs.map(|run| run.bytes.len() as u64).sum::<u64>();
        }
        lag
    }

    /// The messages that wait for the connection.
    pub(super) fn messages_waiting(&self, ring: &Ring) -> u64 {
        let feeds = self
            .pending
            .iter()
            .map(|index| &self.feeds[*index as usize]);
        let behind = |feed: &Feed| ring.log(feed.place).head.0.saturating_sub(feed.cursor.0);
        feeds.map(behind).sum()
    }

    /// Whether everything is sent.
    pub(super) fn is_clear(&self) -> bool {
        self.unsent() == 0 && self.pending.is_empty()
    }

    /// Whether signals are no use at present: the connection has older things to take.
    fn is_behind(&self, bytes_max: usize) -> bool {
        let has_older = !self.pending.is_empty() && (self.blocked || self.asked.is_some());
        has_older || self.unsent() > bytes_max
    }

    /// Copies messages from the ring into the queue, so that what is pushed next comes behind them. Tells how many.
    fn take_up(&mut self, ring: &Ring) -> u64 {
        let mut given = 0;
        let mut room = TAKE_UP_BYTES.saturating_sub(self.unsent());
        let Self {
            conn,
            queue,
            feeds,
            pending,
            ..
        } = self;
        pending.retain(|index| {
            let feed = &mut feeds[*index as usize];
            let log = ring.log(feed.place);
            for run in feed.runs(ring, *conn).into_iter().flatten() {
                if run.bytes.len() > room {
                    room = 0;
                    break;
                }
                room -= run.bytes.len();
                queue.extend_from_slice(run.bytes);
                given += run.messages;
                feed.cursor = run.upto;
            }
            feed.pending = feed.cursor < log.head;
            feed.pending
        });
        given
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.sent > self.queue.len() / 2 {
            self.queue = self.queue.split_off(self.sent);
            self.sent = 0;
        }
        self.queue.extend_from_slice(bytes);
    }
}
