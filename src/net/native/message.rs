//! Messages as the bytes of their frames: encoded once for everyone who is given them. Written straight into the
//! buffer that goes to the sockets, because this is done for every message there is.

use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::limit::FRAME_BYTES_MAX;
use crate::base::record::{Draft, Kind, Record};
use crate::base::{RequestId, Seq, Target, Timestamp, UserId, UserName};
use crate::engine::cursor::Chunk;
use crate::engine::effect::Delivery;
use crate::wire::frame::HEADER_BYTES;

/// A message from the store, as somebody sees it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// What its room is called.
    pub label: &'a Target,
    /// The message.
    pub record: &'a Record,
    /// Who wrote it.
    pub from: &'a UserName,
    /// Who is looking: authors see their own keys.
    pub viewer: UserId,
}

/// The answer to `history` and `search`.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// The request that is answered.
    pub re: Option<&'a RequestId>,
    /// The one room it is about, and the first and last number of its log.
    pub room: Option<(&'a Target, Seq, Seq)>,
    /// The messages, ascending.
    pub lines: &'a [Line<'a>],
    /// Which end stays when they do not fit a frame.
    pub keep: Keep,
    /// Whether there are more in the direction of reading.
    pub more: bool,
}

/// Which end of a page stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The beginning: the page was read forwards.
    First,
    /// The end: the page was read backwards.
    Last,
}

/// Encodes messages that are now delivered: consecutive numbers of one channel.
///
/// `None` when there are none.
#[must_use]
pub fn encode_chunk(label: &Target, messages: &[Delivery]) -> Option<Chunk> {
    let first = messages.first()?.seq;
    let mut encoder = Encoder::new(messages.len());
    let mut pieces = Vec::with_capacity(messages.len());
    for message in messages {
        encoder.frame(label, message.seq, &message.from, &message.draft, None);
        pieces.push((encoder.bytes.len() as u32, message.origin));
    }
    Some(Chunk {
        first,
        pieces: pieces.into(),
        bytes: encoder.bytes.into(),
    })
}

/// Encodes messages read from the store for one connection that is behind: of one channel, ascending. What comes after
/// a hole is left out, because a chunk has none; it is asked for next.
///
/// `None` when there are none.
#[must_use]
pub fn encode_log(lines: &[Line<'_>]) -> Option<Chunk> {
    let first = lines.first()?.record.seq;
    let mut encoder = Encoder::new(lines.len());
    let mut pieces = Vec::with_capacity(lines.len());
    for line in lines {
        let Record { seq, draft } = line.record;
        if seq.0 != first.0 + pieces.len() as u64 {
            break;
        }
        encoder.frame(line.label, *seq, line.from, draft, line.key());
        pieces.push((encoder.bytes.len() as u32, None));
    }
    Some(Chunk {
        first,
        pieces: pieces.into(),
        bytes: encoder.bytes.into(),
    })
}

/// Encodes a page as one frame. Messages that do not fit are left out at the far end, and `more` tells of them.
#[must_use]
pub fn encode_page(page: &Page<'_>) -> Bytes {
    let mut encoder = Encoder::new(page.lines.len());
    let mut ends = Vec::with_capacity(page.lines.len());
    for line in page.lines {
        let Record { seq, draft } = line.record;
        encoder.bytes.push(b'{');
        encoder.fields(line.label, *seq, line.from, draft, line.key());
        encoder.bytes.extend_from_slice(b"},");
        ends.push(encoder.bytes.len());
    }
    let messages = encoder.bytes;
    let mut head = Encoder::new(0);
    head.bytes.push(b'{');
    if let Some(re) = page.re {
        let _ = write!(head.bytes, "\"re\":{},", re.0);
    }
    head.bytes.extend_from_slice(b"\"type\":\"page\",");
    if let Some((label, first, last)) = page.room {
        head.label(label);
        let _ = write!(head.bytes, ",\"first_seq\":{first},\"last_seq\":{last},");
    }
    let room = FRAME_BYTES_MAX - head.bytes.len() - "\"messages\":[],\"more\":false}".len();
    let (start, end) = fitting(&ends, room, page.keep);
    let more = page.more || end - start < messages.len();
    let mut frame = begin(head.bytes.len() + (end - start) + 64);
    frame.extend_from_slice(&head.bytes);
    frame.extend_from_slice(b"\"messages\":[");
    frame.extend_from_slice(messages[start..end].strip_suffix(b",").unwrap_or_default());
    let _ = write!(frame, "],\"more\":{more}}}");
    finish(&mut frame, 0);
    frame.into()
}

/// The part of the messages that fits `room` bytes; `ends` says where each ends.
fn fitting(ends: &[usize], room: usize, keep: Keep) -> (usize, usize) {
    let all = ends.last().copied().unwrap_or(0);
    // The last comma is not written, so there is room for it.
    match keep {
        Keep::First => (
            0,
            ends.iter()
                .rev()
                .copied()
                .find(|end| *end <= room + 1)
                .unwrap_or(0),
        ),
        Keep::Last => {
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let mut starts = starts.filter(|start| all - start <= room + 1);
            (starts.next().unwrap_or(all), all)
        }
    }
}

impl<'a> Line<'a> {
    fn key(&self) -> Option<&'a Arc<str>> {
        let draft = &self.record.draft;
        draft.key.as_ref().filter(|_| draft.author == self.viewer)
    }
}

/// Starts a frame: room for its length.
pub(super) fn begin(capacity: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(HEADER_BYTES + capacity);
    frame.extend_from_slice(&[0; HEADER_BYTES]);
    frame
}

/// Writes the length of the frame that begins at `start` and ends where `frame` ends.
pub(super) fn finish(frame: &mut [u8], start: usize) {
    let length = frame.len() - start - HEADER_BYTES;
    debug_assert!(
        (1..=FRAME_BYTES_MAX).contains(&length),
        "a frame of {length} bytes"
    );
    frame[start..start + HEADER_BYTES].copy_from_slice(&(length as u32).to_be_bytes());
}

/// Writes `text` as a JSON string.
pub(super) fn string(bytes: &mut Vec<u8>, text: &str) {
    // Writing to a vector does not fail, and a text has no keys that could be no strings.
    let _ = serde_json::to_writer(bytes, text);
}

/// Writes messages, with the last label and time at hand: most messages of a chunk have the same.
struct Encoder {
    bytes: Vec<u8>,
    label: Option<(Target, Vec<u8>)>,
    at: Option<(Timestamp, String)>,
}

impl Encoder {
    fn new(messages: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(messages * 256),
            label: None,
            at: None,
        }
    }

    fn frame(
        &mut self,
        label: &Target,
        seq: Seq,
        from: &UserName,
        draft: &Draft,
        key: Option<&Arc<str>>,
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER_BYTES]);
        self.bytes.extend_from_slice(b"{\"type\":\"message\",");
        self.fields(label, seq, from, draft, key);
        self.bytes.push(b'}');
        finish(&mut self.bytes, start);
    }

    fn fields(
        &mut self,
        label: &Target,
        seq: Seq,
        from: &UserName,
        draft: &Draft,
        key: Option<&Arc<str>>,
    ) {
        self.label(label);
        let _ = write!(self.bytes, ",\"seq\":{seq},\"from\":");
        string(&mut self.bytes, from.as_str());
        self.bytes.extend_from_slice(b",\"at\":\"");
        if self.at.as_ref().is_none_or(|(at, _)| *at != draft.at) {
            self.at = Some((draft.at, draft.at.to_string()));
        }
        if let Some((_, at)) = &self.at {
            self.bytes.extend_from_slice(at.as_bytes());
        }
        self.bytes.extend_from_slice(match draft.kind {
            Kind::Text => b"\",\"kind\":\"text\",\"text\":".as_slice(),
            Kind::Action => b"\",\"kind\":\"action\",\"text\":",
            Kind::Redaction => b"\",\"kind\":\"redaction\",\"text\":",
            Kind::Redacted => b"\",\"kind\":\"redacted\",\"text\":",
        });
        string(&mut self.bytes, &draft.text);
        if let Some(seq) = draft.redacts {
            let _ = write!(self.bytes, ",\"redacts\":{seq}");
        }
        if let Some(key) = key {
            self.bytes.extend_from_slice(b",\"key\":");
            string(&mut self.bytes, key);
        }
    }

    fn label(&mut self, label: &Target) {
        if self.label.as_ref().is_none_or(|(known, _)| known != label) {
            let mut json = b"\"room\":".to_vec();
            string(&mut json, &label.to_string());
            self.label = Some((label.clone(), json));
        }
        if let Some((_, json)) = &self.label {
            self.bytes.extend_from_slice(json);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ConnId, RoomId};
    use crate::wire::event::{Event, Message, Tagged};

    fn record(seq: u64, text: &str) -> Record {
        Record {
            seq: Seq(seq),
            draft: Draft {
                room: RoomId(1),
                author: UserId(3),
                at: Timestamp(1_795_170_600_007),
                kind: Kind::Action,
                key: Some("k\"1".into()),
                text: text.into(),
                redacts: None,
            },
        }
    }

    /// The events in a row of frames.
    fn decode(mut bytes: &[u8]) -> Vec<Tagged> {
        let mut events = Vec::new();
        while let Some((header, rest)) = bytes.split_first_chunk::<HEADER_BYTES>() {
            let (frame, rest) = rest.split_at(u32::from_be_bytes(*header) as usize);
            events.push(Tagged::decode(frame).unwrap());
            bytes = rest;
        }
        events
    }

    fn message(seq: u64, text: &str, key: Option<&str>) -> Message {
        Message {
            room: "@Анна".into(),
            seq: Seq(seq),
            from: "bob".into(),
            at: Timestamp(1_795_170_600_007),
            kind: Kind::Action,
            text: text.into(),
            redacts: None,
            key: key.map(Into::into),
        }
    }

    fn page(records: &[Record], keep: Keep) -> (Vec<u64>, bool) {
        let (label, from) = ("lobby".parse().unwrap(), "bob".parse().unwrap());
        let lines: Vec<Line> = records
            .iter()
            .map(|record| Line {
                label: &label,
                record,
                from: &from,
                viewer: UserId(9),
            })
            .collect();
        let re = RequestId("\"r\"".into());
        let bytes = encode_page(&Page {
            re: Some(&re),
            room: Some((&label, Seq(1), Seq(99))),
            lines: &lines,
            keep,
            more: false,
        });
        let [event] = &decode(&bytes)[..] else {
            panic!("more than one frame");
        };
        assert_eq!(event.re, Some(re));
        match &event.event {
            Event::Page { messages, more, .. } => (
                messages.iter().map(|message| message.seq.0).collect(),
                *more,
            ),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_chunk_decodes_to_its_messages_without_keys() {
        let origin = Some(ConnId {
            worker: 1,
            turn: 2,
            slot: 3,
        });
        let delivery = |seq, text| Delivery {
            seq: Seq(seq),
            from: "bob".parse().unwrap(),
            draft: record(seq, text).draft,
            origin,
        };
        let texts = ["привет\n\"\u{1b}", "x"];
        let chunk = encode_chunk(
            &"@Анна".parse().unwrap(),
            &[delivery(7, texts[0]), delivery(8, texts[1])],
        );
        let chunk = chunk.unwrap();
        assert_eq!((chunk.first, chunk.last()), (Seq(7), Seq(8)));
        assert_eq!(chunk.pieces[1], (chunk.bytes.len() as u32, origin));
        let events = decode(&chunk.bytes).into_iter().map(|tagged| tagged.event);
        assert_eq!(
            events.collect::<Vec<_>>(),
            [
                Event::Message(message(7, texts[0], None)),
                Event::Message(message(8, texts[1], None))
            ]
        );
    }

    #[test]
    fn an_author_alone_sees_the_key() {
        let (label, from) = ("@Анна".parse().unwrap(), "bob".parse().unwrap());
        for (viewer, key) in [(3, Some("k\"1")), (4, None)] {
            let chunk = encode_log(&[Line {
                label: &label,
                record: &record(7, "x"),
                from: &from,
                viewer: UserId(viewer),
            }]);
            let event = decode(&chunk.unwrap().bytes).remove(0).event;
            assert_eq!(event, Event::Message(message(7, "x", key)));
        }
    }

    #[test]
    fn a_chunk_ends_before_a_hole_in_the_log() {
        let (label, from) = ("lobby".parse().unwrap(), "bob".parse().unwrap());
        let records = [4, 5, 8].map(|seq| record(seq, "x"));
        let lines = records.each_ref().map(|record| Line {
            label: &label,
            record,
            from: &from,
            viewer: UserId(9),
        });
        let chunk = encode_log(&lines).unwrap();
        assert_eq!((chunk.first, chunk.last()), (Seq(4), Seq(5)));
        assert_eq!(decode(&chunk.bytes).len(), 2);
    }

    #[test]
    fn a_page_that_does_not_fit_is_cut_at_the_far_end() {
        let short: Vec<_> = (1..=3).map(|seq| record(seq, "x")).collect();
        assert_eq!(page(&short, Keep::First), (vec![1, 2, 3], false));
        assert_eq!(page(&[], Keep::Last), (vec![], false));
        let text = "\u{1}".repeat(4_000);
        let long: Vec<_> = (1..=5).map(|seq| record(seq, &text)).collect();
        assert_eq!(page(&long, Keep::First), (vec![1, 2], true));
        assert_eq!(page(&long, Keep::Last), (vec![4, 5], true));
    }

    #[test]
    fn a_page_fills_its_frame_to_the_last_byte() {
        let fits = |length: usize| {
            let records = [
                record(1, &"x".repeat(60_000)),
                record(2, &"x".repeat(length)),
            ];
            page(&records, Keep::First).0.len() == 2
        };
        let lengths: Vec<usize> = (1..5_536).collect();
        let most = lengths.partition_point(|length| fits(*length));
        let (label, from) = ("lobby".parse().unwrap(), "bob".parse().unwrap());
        let records = [record(1, &"x".repeat(60_000)), record(2, &"x".repeat(most))];
        let lines = records.each_ref().map(|record| Line {
            label: &label,
            record,
            from: &from,
            viewer: UserId(9),
        });
        let bytes = encode_page(&Page {
            re: Some(&RequestId("\"r\"".into())),
            room: Some((&label, Seq(1), Seq(99))),
            lines: &lines,
            keep: Keep::First,
            more: true,
        });
        // "false" takes a byte more than "true", and room is kept for it.
        assert_eq!(bytes.len(), HEADER_BYTES + FRAME_BYTES_MAX - 1);
    }
}
