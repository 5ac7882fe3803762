//! One worker's part in giving everybody what is said: which connection is attached to which channel, how far each of
//! them is, and what each has to be sent next. Run by the workers, each for its own connections. Does no I/O.

use std::io::IoSlice;

use bytes::Bytes;

use crate::base::{Channel, ConnId, Limits, Seq, Target, UserId};
use crate::engine::cursor::{Chunk, Member, Ring};
use crate::engine::effect::Query;
use crate::engine::outbox::Outbox;

pub use crate::engine::outbox::Lag;

/// All channels and outboxes of one worker.
#[derive(Debug)]
pub struct Fanout {
    ring: Ring,
    /// By slot.
    outboxes: Vec<Outbox>,
    /// Those with something to send whose sockets are not known to be full.
    dirty: Vec<u32>,
    outbox_bytes: usize,
    ring_bytes: usize,
    /// Messages given out of the ring.
    given: u64,
}

impl Fanout {
    /// That of this worker, without connections.
    #[must_use]
    pub fn new(worker: u16, limits: &Limits) -> Self {
        Self {
            ring: Ring::new(worker),
            outboxes: Vec::new(),
            dirty: Vec::new(),
            outbox_bytes: limits.outbox_bytes as usize,
            ring_bytes: limits.ring_bytes as usize,
            given: 0,
        }
    }

    /// Other bounds from now on.
    pub fn set_limits(&mut self, limits: &Limits) {
        self.outbox_bytes = limits.outbox_bytes as usize;
        self.ring_bytes = limits.ring_bytes as usize;
    }

    /// A new connection, in a slot that is free or the first one never used.
    pub fn open(&mut self, conn: ConnId) {
        let slot = conn.slot as usize;
        if slot == self.outboxes.len() {
            self.outboxes.push(Outbox::new(conn));
        } else {
            let dirty = self.outboxes[slot].dirty;
            self.outboxes[slot] = Outbox::new(conn);
            // Its slot may still be in the list, where nobody is twice.
            self.outboxes[slot].dirty = dirty;
        }
    }

    /// The connection is gone; what it was still to be given goes with it.
    pub fn close(&mut self, slot: u32) {
        self.detach_all(slot);
        let conn = self.outboxes[slot as usize].conn;
        self.open(conn);
    }

    /// From now on the connection is given the channel's messages after `after`. Harmless when it is already.
    pub fn attach(
        &mut self,
        slot: u32,
        channel: Channel,
        label: &Target,
        viewer: UserId,
        after: Seq,
        head: Seq,
    ) {
        let place = self.ring.open(channel, label, head);
        if self.feed_of(slot, place).is_some() {
            return;
        }
        let log = self.ring.log_mut(place);
        let outbox = &mut self.outboxes[slot as usize];
        outbox.viewer = viewer;
        let feed = outbox.add_feed(
            place,
            log.members.len() as u32,
            after.min(log.head),
            log.head,
        );
        log.members.push(Member { slot, feed });
        outbox.set_pending(feed, log.head);
        self.set_dirty(slot);
    }

    /// The connection is given no more of the channel. What its socket has cut is still sent to the end.
    pub fn detach(&mut self, slot: u32, channel: Channel) {
        if let Some(place) = self.ring.find(channel)
            && let Some(feed) = self.feed_of(slot, place)
        {
            self.remove_feed(slot, feed);
        }
    }

    /// The connection is given no more of anything but what is queued.
    pub fn detach_all(&mut self, slot: u32) {
        while let Some(last) = self.outboxes[slot as usize].feeds.len().checked_sub(1) {
            self.remove_feed(slot, last as u32);
        }
    }

    /// New messages for everyone attached.
    pub fn deliver(&mut self, channel: Channel, chunk: Chunk) {
        let Some(place) = self.ring.push(channel, chunk) else {
            return;
        };
        let log = self.ring.log(place);
        for member in &log.members {
            let outbox = &mut self.outboxes[member.slot as usize];
            outbox.set_pending(member.feed, log.head);
            if !outbox.dirty && !outbox.blocked {
                outbox.dirty = true;
                self.dirty.push(member.slot);
            }
        }
    }

    /// See [`crate::engine::effect::Effect::Forget`].
    pub fn forget(&mut self, channel: Channel, upto: Seq, gone: bool) {
        self.ring.forget(channel, upto, gone);
    }

    /// A frame for everyone attached who keeps up. For the others it is noted that they missed something.
    pub fn signal(&mut self, channel: Channel, frame: &[u8], except: Option<ConnId>) {
        let Some(place) = self.ring.find(channel) else {
            return;
        };
        for member in &self.ring.log(place).members {
            let outbox = &mut self.outboxes[member.slot as usize];
            if Some(outbox.conn) == except {
                continue;
            }
            self.given += outbox.signal(&self.ring, frame, self.outbox_bytes);
            if !outbox.dirty && !outbox.blocked {
                outbox.dirty = true;
                self.dirty.push(member.slot);
            }
        }
    }

    /// A frame for one connection if it keeps up. If not, it is noted that it missed something.
    pub fn tell(&mut self, slot: u32, frame: &[u8]) {
        let outbox = &mut self.outboxes[slot as usize];
        self.given += outbox.signal(&self.ring, frame, self.outbox_bytes);
        self.set_dirty(slot);
    }

    /// A frame for one connection that tells in which rooms it is. Only one that is very far behind misses it.
    pub fn tell_of_rooms(&mut self, slot: u32, frame: &[u8]) {
        let outbox = &mut self.outboxes[slot as usize];
        self.given += outbox.news_of_rooms(&self.ring, frame, self.outbox_bytes);
        self.set_dirty(slot);
    }

    /// Frames for one connection that are never dropped.
    pub fn push(&mut self, slot: u32, frames: &[u8]) {
        self.given += self.outboxes[slot as usize].push(&self.ring, frames);
        self.set_dirty(slot);
    }

    /// The store's answer to the connection's question, or a frame that tells its client that it failed. Returns whether it
    /// did: then [`Fanout::ask_again`] is to be called after a while.
    pub fn feed(&mut self, slot: u32, answer: Result<Option<Chunk>, Bytes>) -> bool {
        self.set_dirty(slot);
        self.outboxes[slot as usize].feed(&self.ring, answer)
    }

    /// The store may be asked once more.
    pub fn ask_again(&mut self, slot: u32) {
        self.outboxes[slot as usize].forget_question();
        self.set_dirty(slot);
    }

    /// What to ask the store for, to be able to send more.
    pub fn question(&mut self, slot: u32) -> Option<Query> {
        self.outboxes[slot as usize].question(&self.ring, self.outbox_bytes)
    }

    /// The next bytes for the connection: see [`Fanout::advance`].
    pub fn gather<'a>(&'a self, slot: u32, slices: &mut [IoSlice<'a>]) -> usize {
        self.outboxes[slot as usize].gather(&self.ring, slices)
    }

    /// The socket took so many bytes of what was gathered. To be called with 0 when nothing was: cursors go past what
    /// is not for this connection.
    pub fn advance(&mut self, slot: u32, taken: usize) {
        self.given += self.outboxes[slot as usize].advance(&self.ring, taken);
    }

    /// How many messages were given out of the ring since this was last asked.
    pub fn take_given(&mut self) -> u64 {
        std::mem::take(&mut self.given)
    }

    /// How far the connection is behind.
    #[must_use]
    pub fn lag(&self, slot: u32) -> Lag {
        self.outboxes[slot as usize].lag(&self.ring)
    }

    /// The messages that wait for the connection.
    #[must_use]
    pub fn messages_waiting(&self, slot: u32) -> u64 {
        self.outboxes[slot as usize].messages_waiting(&self.ring)
    }

    /// Whether the connection's socket takes no more. One that does again is to be flushed.
    pub fn set_blocked(&mut self, slot: u32, blocked: bool) {
        self.outboxes[slot as usize].blocked = blocked;
        self.set_dirty(slot);
    }

    /// Moves those that are to be flushed into `slots`, each once.
    pub fn take_dirty(&mut self, slots: &mut Vec<u32>) {
        slots.append(&mut self.dirty);
        for slot in slots {
            self.outboxes[*slot as usize].dirty = false;
        }
    }

    /// Lets the oldest messages go that are over the bound of the ring. To be called after flushing, so that those who
    /// keep up are never sent to the store.
    pub fn evict(&mut self) {
        self.ring.evict(self.ring_bytes);
    }

    /// Whether the connection missed signals and now keeps up again. True once.
    pub fn take_missed(&mut self, slot: u32) -> bool {
        let outbox = &mut self.outboxes[slot as usize];
        let recovered = outbox.missed && !outbox.blocked && outbox.is_clear();
        outbox.missed &= !recovered;
        recovered
    }

    /// Whether the connection's socket was full when last tried.
    #[must_use]
    pub fn is_blocked(&self, slot: u32) -> bool {
        self.outboxes[slot as usize].blocked
    }

    /// Whether everything was sent that there is.
    #[must_use]
    pub fn is_clear(&self, slot: u32) -> bool {
        self.outboxes[slot as usize].is_clear()
    }

    /// Whether more waits for the connection than is allowed, with `owed` bytes that may still come: then it should not
    /// ask for more.
    #[must_use]
    pub fn is_full(&self, slot: u32, owed: usize) -> bool {
        self.outboxes[slot as usize].unsent() + owed > self.outbox_bytes
    }

    /// The bytes of the connection's queue that are not sent yet.
    #[must_use]
    pub fn unsent(&self, slot: u32) -> usize {
        self.outboxes[slot as usize].unsent()
    }

    fn set_dirty(&mut self, slot: u32) {
        let outbox = &mut self.outboxes[slot as usize];
        if !outbox.dirty && !outbox.blocked {
            outbox.dirty = true;
            self.dirty.push(slot);
        }
    }

    fn feed_of(&self, slot: u32, place: u32) -> Option<u32> {
        let feeds = &self.outboxes[slot as usize].feeds;
        let index = feeds.iter().position(|feed| feed.place == place)?;
        Some(index as u32)
    }

    /// Feeds and members name each other by index: whoever moves up is told.
    fn remove_feed(&mut self, slot: u32, index: u32) {
        let outbox = &mut self.outboxes[slot as usize];
        let feed = outbox.remove_feed(index);
        if let Some(moved) = outbox.feeds.get(index as usize) {
            self.ring.log_mut(moved.place).members[moved.member as usize].feed = index;
        }
        let members = &mut self.ring.log_mut(feed.place).members;
        members.swap_remove(feed.member as usize);
        if let Some(moved) = members.get(feed.member as usize) {
            self.outboxes[moved.slot as usize].feeds[moved.feed as usize].member = feed.member;
        }
        self.ring.close(feed.place);
    }
}

#[cfg(test)]
mod tests;
