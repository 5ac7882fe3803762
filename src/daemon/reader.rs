//! The reader threads: history, search, and what those who are behind need next. They answer the workers directly.
//! Searches have a thread of their own: one takes longer than a thousand pages, and nobody else is to wait for it.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use crate::base::limit::FRAME_BYTES_MAX;
use crate::base::record::Record;
use crate::base::{RequestId, RoomId, Seldom, Seq, Target, UserId, UserName, catalog};
use crate::engine::effect::{News, Place, Query, Refusal};
use crate::engine::input::{Input, Range};
use crate::net::native::{Keep, Line, Page};
use crate::net::{Chunk, Lookup, Order, native};
use crate::store::{Reader, StoreError};

use super::names::Names;

/// What one who is behind is given at a time. With this many bytes a question costs little beside its answer.
const LOG_BYTES: usize = 128 * 1024;
const LOG_MESSAGES: usize = 1_000;

/// Starts a thread for each reader. They end when nobody can ask any more.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn spawn(
    readers: Vec<Box<dyn Reader>>,
    queue: Receiver<Lookup>,
    workers: &[UnboundedSender<Order>],
    hub: &Sender<Input>,
) -> std::io::Result<()> {
    let queue = Arc::new(Mutex::new(queue));
    for reader in readers {
        let (queue, workers, hub) = (queue.clone(), workers.to_vec(), hub.clone());
        let mut thread = Thread::new(reader, workers, hub);
        thread::Builder::new()
            .name("reader".into())
            .spawn(move || thread.run(&queue))?;
    }
    Ok(())
}

pub(super) struct Thread {
    reader: Box<dyn Reader>,
    workers: Vec<UnboundedSender<Order>>,
    /// Is told when a search is over.
    hub: Sender<Input>,
    names: Names,
    failing: Seldom,
}

impl Thread {
    pub fn new(
        reader: Box<dyn Reader>,
        workers: Vec<UnboundedSender<Order>>,
        hub: Sender<Input>,
    ) -> Self {
        Self {
            reader,
            workers,
            hub,
            names: Names::default(),
            failing: Seldom::default(),
        }
    }

    fn run(&mut self, queue: &Mutex<Receiver<Lookup>>) {
        loop {
            // The lock is let go before the work begins.
            let lookup = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(lookup) = lookup else { return };
            self.answer(lookup);
        }
    }

    /// Looks something up and tells whoever wants to know.
    pub fn answer(&mut self, lookup: Lookup) {
        let conn = lookup.conn;
        let searcher = match &lookup.query {
            Query::Search { viewer, .. } => Some(*viewer),
            Query::History { .. } | Query::Log { .. } => None,
        };
        let order = self.look_up(lookup);
        if let Some(user) = searcher {
            drop(self.hub.send(Input::Searched { user }));
        }
        if let Some(worker) = self.workers.get(usize::from(conn.worker)) {
            drop(worker.send(order));
        }
    }

    fn look_up(&mut self, Lookup { conn, re, query }: Lookup) -> Order {
        let re = re.as_ref();
        let frame = match &query {
            Query::Log {
                channel,
                label,
                viewer,
                after,
            } => {
                let chunk = self.log(channel.room, label, *viewer, *after);
                let chunk = chunk.inspect_err(|error| self.failed(error));
                let why = |_| native::encode_news(None, unreadable(label, *after));
                return Order::Log {
                    conn,
                    channel: *channel,
                    chunk: chunk.map_err(why),
                };
            }
            Query::History {
                place,
                range,
                limit,
            } => self.history(re, place, *range, *limit),
            Query::Search {
                viewer: _,
                text,
                places,
                one_room,
                before,
                limit,
            } => {
                let before = before.unwrap_or(Seq(u64::MAX));
                self.search(re, text, places, *one_room, before, *limit)
            }
        };
        let frame = frame.inspect_err(|error| self.failed(error));
        let frame =
            frame.unwrap_or_else(|_| native::encode_news(re, News::Refused(Refusal::Internal)));
        Order::Answer { conn, frame }
    }

    fn failed(&mut self, error: &StoreError) {
        if let Some(unsaid) = self.failing.failed(&error.to_string()) {
            tracing::error!(MESSAGE_ID = catalog::READING_FAILED, %error, unsaid, "cannot look something up");
        }
    }

    fn log(
        &mut self,
        room: RoomId,
        label: &Target,
        viewer: UserId,
        after: Seq,
    ) -> Result<Option<Chunk>, StoreError> {
        let records = self.reader.after(room, after, LOG_MESSAGES, LOG_BYTES)?;
        let records = self.with_names(records)?;
        let lines = records.iter().map(|(record, from)| Line {
            label,
            record,
            from,
            viewer,
        });
        Ok(native::encode_log(&lines.collect::<Vec<_>>()))
    }

    fn history(
        &mut self,
        re: Option<&RequestId>,
        place: &Place,
        range: Range,
        limit: usize,
    ) -> Result<Bytes, StoreError> {
        let room = place.channel.room;
        let mut records = match range {
            Range::After(seq) => self.reader.after(room, seq, limit, FRAME_BYTES_MAX)?,
            Range::Before(seq) => {
                self.reader
                    .before(room, seq.min(place.last_seq.next()), limit, FRAME_BYTES_MAX)?
            }
        };
        // Nobody sees further than what was delivered when they asked.
        records.retain(|record| record.seq <= place.last_seq);
        let more = match range {
            Range::After(_) => records
                .last()
                .is_some_and(|record| record.seq < place.last_seq),
            Range::Before(_) => records
                .first()
                .is_some_and(|record| record.seq > place.first_seq),
        };
        let records = self.with_names(records)?;
        let lines: Vec<_> = records
            .iter()
            .map(|(record, from)| line(place, record, from))
            .collect();
        let keep = if matches!(range, Range::After(_)) {
            Keep::First
        } else {
            Keep::Last
        };
        Ok(native::encode_page(&Page {
            re,
            room: Some(bounds(place)),
            lines: &lines,
            keep,
            more,
        }))
    }

    /// The newest that fit, ascending. Over several rooms those of all that came in last, in the order of their time.
    fn search(
        &mut self,
        re: Option<&RequestId>,
        text: &str,
        places: &[Place],
        one_room: bool,
        before: Seq,
        limit: usize,
    ) -> Result<Bytes, StoreError> {
        let lasts = (places.iter()).map(|place| (place.channel.room, place.last_seq));
        let lasts = lasts.collect();
        let reader = &mut *self.reader;
        let mut found = newest_delivered(reader, &lasts, text, None, before, limit + 1)?;
        let places_of: HashMap<_, _> = (places.iter())
            .map(|place| (place.channel.room, place))
            .collect();
        let place_of = |record: &Record| places_of.get(&record.draft.room);
        match one_room {
            true => found.sort_by_key(|record| record.seq),
            false => {
                found.sort_by_key(|record| (record.draft.at, record.draft.room, record.seq));
            }
        }
        let more = found.len() > limit;
        let found = found.split_off(found.len().saturating_sub(limit));
        let found = self.with_names(found)?;
        let lines: Vec<_> = found
            .iter()
            .filter_map(|(record, from)| Some(line(place_of(record)?, record, from)))
            .collect();
        let room = places.first().filter(|_| one_room).map(bounds);
        Ok(native::encode_page(&Page {
            re,
            room,
            lines: &lines,
            keep: Keep::Last,
            more,
        }))
    }

    fn with_names(&mut self, records: Vec<Record>) -> Result<Vec<(Record, UserName)>, StoreError> {
        let mut named = Vec::with_capacity(records.len());
        for record in records {
            let name = self.names.of(record.draft.author, &mut *self.reader)?;
            named.push((record, name));
        }
        Ok(named)
    }
}

/// The newest messages in these rooms with these words, at most `limit`, of those that were delivered when it was asked: nobody
/// sees further than that, and each room comes with its last number then.
pub(super) fn newest_delivered(
    reader: &mut dyn Reader,
    lasts: &HashMap<RoomId, Seq>,
    text: &str,
    from: Option<UserId>,
    before: Seq,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let rooms: Vec<_> = lasts.keys().copied().collect();
    let mut most = limit.max(1);
    loop {
        let mut found = reader.search(&rooms, text, from, before, most)?;
        let is_all = found.len() < most;
        found.retain(|record| {
            (lasts.get(&record.draft.room)).is_some_and(|last| record.seq <= *last)
        });
        if is_all || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
        // What came in since has taken the place of others.
        most *= 2;
    }
}

/// What who catches up with a room is told where it cannot be read.
fn unreadable(label: &Target, after: Seq) -> News {
    let text = format!(
        "what was said in {label} after message {after} cannot be read at present; the server tries again, and its log \
         tells the admin why"
    );
    News::Notice { text: text.into() }
}

fn line<'a>(place: &'a Place, record: &'a Record, from: &'a UserName) -> Line<'a> {
    Line {
        label: &place.label,
        record,
        from,
        viewer: place.viewer,
    }
}

fn bounds(place: &Place) -> (&Target, Seq, Seq) {
    (&place.label, place.first_seq, place.last_seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::base::id::LOBBY;
    use crate::base::record::{Draft, Kind};
    use crate::store::memory::MemoryStore;
    use crate::store::{Entry, Store as _};

    #[test]
    fn what_came_in_since_takes_the_place_of_nothing_that_was_there() {
        let mut store = MemoryStore::default();
        let said = |_| {
            Entry::Append(Draft {
                room: LOBBY,
                author: UserId(1),
                at: Timestamp(0),
                kind: Kind::Text,
                key: None,
                text: "word".into(),
                redacts: None,
            })
        };
        store
            .commit(&(0..40).map(said).collect::<Vec<_>>())
            .unwrap();
        while store.index(100).unwrap() {}
        let mut found = |last: u64, limit| {
            let lasts = [(LOBBY, Seq(last))].into();
            let end = Seq(u64::MAX);
            let found = newest_delivered(&mut store, &lasts, "word", None, end, limit).unwrap();
            found.iter().map(|record| record.seq.0).collect::<Vec<_>>()
        };
        assert_eq!(found(40, 2), [40, 39]);
        assert_eq!(found(7, 3), [7, 6, 5]);
        assert_eq!(found(2, 3), [2, 1]);
        assert_eq!(found(0, 3), [0; 0]);
    }
}
