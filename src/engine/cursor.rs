//! The recent end of each channel's log as the bytes of its frames, and the way from a cursor to what comes next in it.
//! Run by the workers, one ring each. Does no I/O; what is older than the ring is somebody else's to read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use slab::Slab;

use crate::base::{Channel, ConnId, Seq, Target};

/// What a held chunk costs beside its bytes and pieces: its place in the ring and in the order of leaving.
const HELD_BYTES: usize = 128;

/// Consecutive messages of one channel as the bytes of their frames. Never empty.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// The number of the first message.
    pub first: Seq,
    /// For each message: where its frame ends in `bytes`, and the connection that is not given it.
    pub pieces: Arc<[(u32, Option<ConnId>)]>,
    /// The frames, one behind the other.
    pub bytes: Bytes,
}

impl Chunk {
    /// The number of the last message.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.seq_before(self.pieces.len())
    }

    /// The frames of the messages after `after` up to `upto`.
    #[must_use]
    pub fn between(&self, after: Seq, upto: Seq) -> &[u8] {
        let start = self.start(self.index_after(after));
        let end = self.start(self.index_after(upto));
        &self.bytes[start..end.max(start)]
    }

    /// The place of the first message after `after`; at most one behind the last.
    fn index_after(&self, after: Seq) -> usize {
        let index = (after.0 + 1).saturating_sub(self.first.0);
        usize::try_from(index).map_or(self.pieces.len(), |index| index.min(self.pieces.len()))
    }

    /// Where the frame of the message at `index` begins.
    fn start(&self, index: usize) -> usize {
        index
            .checked_sub(1)
            .map_or(0, |before| self.pieces[before].0 as usize)
    }

    fn seq_before(&self, index: usize) -> Seq {
        Seq((self.first.0 + index as u64).saturating_sub(1))
    }

    fn cost(&self) -> usize {
        self.bytes.len() + std::mem::size_of_val(&*self.pieces) + HELD_BYTES
    }
}

/// Somebody attached to a channel: its place among the worker's connections, and the channel's place among its feeds.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The connection.
    pub slot: u32,
    /// Which of its feeds this is.
    pub feed: u32,
}

/// A channel as one worker knows it.
#[derive(Debug)]
pub struct Log {
    /// Which channel.
    pub channel: Channel,
    /// What it is called.
    pub label: Target,
    /// The last number delivered.
    pub head: Seq,
    /// What lies up to here is gone: it is given to nobody, wherever it comes from.
    pub gone: Seq,
    /// Who is attached.
    pub members: Vec<Member>,
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    chunk: Chunk,
    /// The slots of this worker's connections that are not given all of it, sorted.
    origins: Box<[u32]>,
}

impl Log {
    /// What `reader` is to be given after `after`, in order; `None` when the ring does not reach back that far.
    #[must_use]
    pub fn runs(&self, after: Seq, reader: ConnId) -> Option<Runs<'_>> {
        let mut runs = Runs {
            log: self,
            reader,
            chunk: self.held.len(),
            piece: 0,
        };
        if after >= self.head {
            return Some(runs);
        }
        if self.held.front()?.chunk.first > after.next() {
            return None;
        }
        // Nearly everybody has all but the newest chunk.
        runs.chunk -= 1;
        if self.held[runs.chunk].chunk.first > after.next() {
            runs.chunk = self.held.partition_point(|held| held.chunk.last() <= after);
        }
        runs.piece = self.held[runs.chunk].chunk.index_after(after);
        Some(runs)
    }
}

/// The stretches of a log that go out as they lie in memory.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    log: &'a Log,
    reader: ConnId,
    chunk: usize,
    piece: usize,
}

/// Frames that lie side by side. Without bytes where all that follows is the reader's own.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The frames.
    pub bytes: &'a [u8],
    /// The cursor once they are written.
    pub upto: Seq,
    /// How many there are.
    pub messages: u64,
    chunk: &'a Chunk,
    start: usize,
}

impl<'a> Run<'a> {
    /// Where a reader is to whom only `taken` bytes went: its cursor, and the rest of the frame that was cut.
    #[must_use]
    pub fn cut(&self, taken: usize) -> (Seq, &'a [u8]) {
        let at = self.start + taken;
        let index = self
            .chunk
            .pieces
            .partition_point(|(end, _)| *end as usize <= at);
        if self.chunk.start(index) == at {
            return (self.chunk.seq_before(index), &[]);
        }
        let end = self.chunk.start(index + 1);
        (self.chunk.seq_before(index + 1), &self.chunk.bytes[at..end])
    }
}

impl<'a> Iterator for Runs<'a> {
    type Item = Run<'a>;

    fn next(&mut self) -> Option<Run<'a>> {
        let held = self.log.held.get(self.chunk)?;
        let (chunk, count) = (&held.chunk, held.chunk.pieces.len());
        let (mut from, mut to, mut next) = (self.piece, count, count);
        if held.origins.binary_search(&self.reader.slot).is_ok() {
            let find = |from: usize, own: bool| {
                let of_reader = |origin: Option<ConnId>| origin == Some(self.reader);
                (from..count)
                    .find(|index| of_reader(chunk.pieces[*index].1) == own)
                    .unwrap_or(count)
            };
            from = find(from, false);
            to = find(from, true);
            next = find(to, false);
        }
        (self.chunk, self.piece) = match next == count {
            true => (self.chunk + 1, 0),
            false => (self.chunk, next),
        };
        Some(Run {
            bytes: &chunk.bytes[chunk.start(from)..chunk.start(to)],
            upto: chunk.seq_before(next),
            messages: (to - from) as u64,
            chunk,
            start: chunk.start(from),
        })
    }
}

/// The channels that a worker has members of, and their recent messages: bounded in all, the oldest go first.
/// A channel that everybody has left stays while the ring holds messages of it: those who come back soon are fed
/// from there.
#[derive(Debug)]
pub struct Ring {
    worker: u16,
    logs: Slab<Log>,
    by_channel: BTreeMap<Channel, u32>,
    /// The channel of each held chunk, oldest chunk first.
    order: VecDeque<u32>,
    bytes: usize,
}

impl Ring {
    /// An empty one for this worker.
    #[must_use]
    pub fn new(worker: u16) -> Self {
        Self {
            worker,
            logs: Slab::new(),
            by_channel: BTreeMap::new(),
            order: VecDeque::new(),
            bytes: 0,
        }
    }

    /// The place of a channel, made where there is none yet. What is held is let go when `head` shows that some of it
    /// was missed.
    pub fn open(&mut self, channel: Channel, label: &Target, head: Seq) -> u32 {
        if let Some(place) = self.find(channel) {
            if self.log(place).head < head {
                self.skip_to(place, head);
            }
            return place;
        }
        let place = self.logs.insert(Log {
            channel,
            label: label.clone(),
            head,
            gone: Seq(0),
            members: Vec::new(),
            held: VecDeque::new(),
        }) as u32;
        self.by_channel.insert(channel, place);
        place
    }

    /// Lets the channel at `place` go when nobody is attached and nothing is held.
    pub fn close(&mut self, place: u32) {
        let log = self.log(place);
        if log.members.is_empty() && log.held.is_empty() {
            let channel = log.channel;
            self.by_channel.remove(&channel);
            self.logs.remove(place as usize);
        }
    }

    /// Takes new messages up and returns their channel's place; `None` when they are of no concern here.
    pub fn push(&mut self, channel: Channel, chunk: Chunk) -> Option<u32> {
        let place = self.find(channel)?;
        let head = self.log(place).head;
        if chunk.last() <= head {
            return None;
        }
        if chunk.first > head.next() {
            self.skip_to(place, Seq(chunk.first.0 - 1));
        }
        let mut origins: Vec<u32> = chunk
            .pieces
            .iter()
            .filter_map(|(_, origin)| *origin)
            .filter(|origin| origin.worker == self.worker)
            .map(|origin| origin.slot)
            .collect();
        origins.sort_unstable();
        origins.dedup();
        self.bytes += chunk.cost();
        self.order.push_back(place);
        let log = self.log_mut(place);
        log.head = chunk.last();
        log.held.push_back(Held {
            chunk,
            origins: origins.into(),
        });
        Some(place)
    }

    /// Lets the oldest messages go until at most `bytes_max` are held.
    pub fn evict(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(place) = self.order.pop_front()
        {
            if let Some(held) = self.log_mut(place).held.pop_front() {
                self.bytes -= held.chunk.cost();
            }
            self.close(place);
        }
    }

    /// Holds no message up to here any longer. Those after it that came along with one are let go, too, and read from the
    /// store by whoever needs them.
    pub fn forget(&mut self, channel: Channel, upto: Seq, gone: bool) {
        let Some(place) = self.find(channel) else {
            return;
        };
        let log = self.log_mut(place);
        if gone {
            log.gone = log.gone.max(upto);
        }
        let mut count = log.held.partition_point(|held| held.chunk.first <= upto);
        let let_go: usize = log.held.drain(..count).map(|held| held.chunk.cost()).sum();
        self.bytes -= let_go;
        self.order.retain(|other| {
            let stays = *other != place || count == 0;
            count -= usize::from(!stays);
            stays
        });
        self.close(place);
    }

    /// The place of a channel that is known here.
    #[must_use]
    pub fn find(&self, channel: Channel) -> Option<u32> {
        self.by_channel.get(&channel).copied()
    }

    /// The channel at a place that [`Ring::open`] has given.
    #[must_use]
    pub fn log(&self, place: u32) -> &Log {
        &self.logs[place as usize]
    }

    /// The same, to be changed.
    pub fn log_mut(&mut self, place: u32) -> &mut Log {
        &mut self.logs[place as usize]
    }

    /// The bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn skip_to(&mut self, place: u32, head: Seq) {
        let log = &mut self.logs[place as usize];
        log.head = head;
        if !log.held.is_empty() {
            self.bytes -= log
                .held
                .drain(..)
                .map(|held| held.chunk.cost())
                .sum::<usize>();
            self.order.retain(|other| *other != place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::RoomId;

    const READER: ConnId = ConnId {
        worker: 0,
        turn: 0,
        slot: 7,
    };
    const CHANNEL: Channel = Channel {
        room: RoomId(1),
        side: 0,
    };

    /// Messages with these texts and origins.
    fn chunk(first: u64, messages: &[(&str, Option<ConnId>)]) -> Chunk {
        let mut end = 0;
        Chunk {
            first: Seq(first),
            pieces: messages
                .iter()
                .map(|(text, origin)| {
                    end += text.len() as u32;
                    (end, *origin)
                })
                .collect(),
            bytes: messages
                .iter()
                .map(|(text, _)| *text)
                .collect::<String>()
                .into(),
        }
    }

    fn ring(chunks: Vec<Chunk>) -> Ring {
        let mut ring = Ring::new(0);
        ring.open(CHANNEL, &"lobby".parse().unwrap(), Seq(0));
        for chunk in chunks {
            ring.push(CHANNEL, chunk).unwrap();
        }
        ring
    }

    fn read(ring: &Ring, after: u64) -> Option<Vec<(String, u64)>> {
        let runs = ring
            .log(ring.find(CHANNEL)?)
            .runs(Seq(after), READER)?
            .map(|run| (String::from_utf8_lossy(run.bytes).into_owned(), run.upto.0));
        Some(runs.collect())
    }

    fn is(runs: &[(&str, u64)]) -> Option<Vec<(String, u64)>> {
        Some(
            runs.iter()
                .map(|(text, seq)| ((*text).to_owned(), *seq))
                .collect(),
        )
    }

    #[test]
    fn a_log_is_read_from_any_cursor_in_as_few_runs_as_can_be() {
        let ring = ring(vec![
            chunk(1, &[("aa", None), ("bb", None)]),
            chunk(3, &[("cc", None)]),
        ]);
        assert_eq!(read(&ring, 0), is(&[("aabb", 2), ("cc", 3)]));
        assert_eq!(read(&ring, 1), is(&[("bb", 2), ("cc", 3)]));
        assert_eq!(read(&ring, 2), is(&[("cc", 3)]));
        assert_eq!(read(&ring, 3), is(&[]));
        assert_eq!(read(&ring, 9), is(&[]));
    }

    #[test]
    fn a_reader_is_not_given_its_own_and_the_cursor_goes_past_them() {
        let (me, other) = (Some(READER), Some(ConnId { turn: 1, ..READER }));
        let ring = ring(vec![
            chunk(
                1,
                &[("a", me), ("b", None), ("c", me), ("d", other), ("e", me)],
            ),
            chunk(6, &[("f", me)]),
            chunk(7, &[("g", other)]),
        ]);
        assert_eq!(read(&ring, 0), is(&[("b", 3), ("d", 5), ("", 6), ("g", 7)]));
        assert_eq!(read(&ring, 4), is(&[("", 5), ("", 6), ("g", 7)]));
    }

    #[test]
    fn the_oldest_go_first_and_then_the_ring_does_not_reach_back() {
        let mut ring = ring((1..=9).map(|seq| chunk(seq, &[("x", None)])).collect());
        ring.evict(ring.bytes() * 2 / 3);
        assert_eq!(read(&ring, 2), None);
        assert_eq!(read(&ring, 3).unwrap().len(), 6);
        ring.evict(0);
        assert_eq!((ring.bytes(), ring.find(CHANNEL)), (0, None));
    }

    #[test]
    fn after_a_gap_only_what_follows_it_is_held() {
        let mut ring = ring(vec![chunk(1, &[("a", None)])]);
        assert_eq!(ring.push(CHANNEL, chunk(1, &[("a", None)])), None);
        ring.push(CHANNEL, chunk(5, &[("e", None)]));
        assert_eq!(read(&ring, 1), None);
        assert_eq!(read(&ring, 4), is(&[("e", 5)]));
        ring.open(CHANNEL, &"lobby".parse().unwrap(), Seq(8));
        assert_eq!((read(&ring, 7), ring.bytes()), (None, 0));
    }

    #[test]
    fn what_is_forgotten_is_not_read_here_any_more_and_the_rest_is() {
        let chunks = || {
            vec![
                chunk(1, &[("a", None), ("b", None)]),
                chunk(3, &[("c", None)]),
                chunk(4, &[("d", None)]),
            ]
        };
        let other = Channel { side: 1, ..CHANNEL };
        let mut ring = ring(chunks());
        ring.open(other, &"@anna".parse().unwrap(), Seq(0));
        for chunk in chunks() {
            ring.push(other, chunk).unwrap();
        }
        let bytes = ring.bytes();
        ring.forget(CHANNEL, Seq(0), false);
        assert_eq!(ring.bytes(), bytes);
        ring.forget(CHANNEL, Seq(3), true);
        assert_eq!((read(&ring, 2), read(&ring, 3)), (None, is(&[("d", 4)])));
        assert_eq!(ring.log(0).gone, Seq(3));
        ring.forget(CHANNEL, Seq(u64::MAX), true);
        assert_eq!((ring.find(CHANNEL), ring.order.len()), (None, 3));
        ring.evict(0);
        assert_eq!((ring.bytes(), ring.find(other)), (0, None));
    }

    #[test]
    fn a_cut_leaves_the_rest_of_one_frame() {
        let ring = ring(vec![chunk(1, &[("aaa", None), ("bbb", None), ("c", None)])]);
        let run = ring.log(0).runs(Seq(1), READER).unwrap().next().unwrap();
        assert_eq!(run.cut(1), (Seq(2), &b"bb"[..]));
        assert_eq!(run.cut(3), (Seq(2), &b""[..]));
    }
}
