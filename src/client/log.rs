//! The part of a room's log that is held for reading: messages in order, none missing between the first and the last, at
//! most [`MESSAGES_KEPT`]. What lies before and behind is fetched when somebody wants to see it, and let go on the other
//! side. Does no I/O; the model has seen to it that each message comes once and nothing is shown that is gone.

use std::collections::VecDeque;

use crate::base::Seq;
use crate::base::record::Kind;
use crate::wire::event::Message;

/// Messages of one room that are held at most: ten of the largest pages, which is far more than fits a screen, and half
/// a megabyte as people write. What is let go can be fetched again.
pub const MESSAGES_KEPT: usize = 2_000;

/// A stretch of a room's log.
#[derive(Clone, Debug)]
pub struct Log {
    messages: VecDeque<Message>,
    /// Whether there may be earlier ones.
    more_before: bool,
    /// Whether it reaches to the live end: what comes next belongs behind the last.
    at_end: bool,
    /// The highest number that was told of.
    seen: Seq,
}

/// The side on which messages are let go when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The oldest.
    Front,
    /// The newest.
    Back,
}

impl Log {
    /// Of a room whose last number is this; nothing of it is held.
    #[must_use]
    pub fn new(seen: Seq) -> Self {
        Self {
            messages: VecDeque::new(),
            more_before: true,
            at_end: false,
            seen,
        }
    }

    /// The messages that are held.
    #[must_use]
    pub fn messages(&self) -> &VecDeque<Message> {
        &self.messages
    }

    /// The number of the first message that is held.
    #[must_use]
    pub fn first(&self) -> Option<Seq> {
        self.messages.front().map(|message| message.seq)
    }

    /// The number of the last message that is held.
    #[must_use]
    pub fn last(&self) -> Option<Seq> {
        self.messages.back().map(|message| message.seq)
    }

    /// Whether there may be earlier ones.
    #[must_use]
    pub fn has_more_before(&self) -> bool {
        self.more_before
    }

    /// Whether it reaches to the live end.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.at_end
    }

    /// How many messages were told of and are not held behind the last one.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.seen.0.saturating_sub(self.last().unwrap_or(Seq(0)).0)
    }

    /// The place of the first message with this number or a higher one.
    #[must_use]
    pub fn position(&self, seq: Seq) -> usize {
        self.messages.partition_point(|message| message.seq < seq)
    }

    /// A message came in. Where it does not follow the last one, the stretch ends here until the hole is fetched.
    pub fn live(&mut self, message: &Message, let_go: Side) {
        if let Some(seq) = message.redacts {
            self.redact(seq);
        }
        let follows = (self.seen.0).checked_add(1) == Some(message.seq.0);
        self.seen = self.seen.max(message.seq);
        if !self.at_end || self.last().is_some_and(|last| last >= message.seq) {
            return;
        }
        if !follows {
            self.at_end = false;
            return;
        }
        self.messages.push_back(message.clone());
        self.trim(let_go);
    }

    /// Takes this stretch in place of what is held. `more`: there are earlier ones.
    pub fn replace(&mut self, messages: Vec<Message>, more: bool) {
        self.messages = ascending(messages);
        self.more_before = more;
        self.look_for_end();
        self.trim(Side::Front);
    }

    /// Takes what comes before `before`; nothing, if that is no longer the first that is held.
    pub fn older(&mut self, before: Seq, messages: Vec<Message>, more: bool) {
        if self.first() != Some(before) {
            return;
        }
        let page = ascending(messages);
        for message in page.into_iter().rev() {
            if self.first().is_none_or(|first| message.seq < first) {
                self.messages.push_front(message);
            }
        }
        self.more_before = more;
        self.trim(Side::Back);
    }

    /// Takes what comes after `after`; nothing, if that is no longer the last that is held. `more`: there are later ones.
    pub fn newer(&mut self, after: Seq, messages: Vec<Message>, more: bool) {
        if self.last() != Some(after) {
            return;
        }
        let nothing = messages.is_empty();
        for message in ascending(messages) {
            if self.last().is_none_or(|last| message.seq > last) {
                self.messages.push_back(message);
            }
        }
        if nothing && !more {
            // Whatever was told of is gone.
            self.seen = after;
        }
        self.trim(Side::Front);
        self.look_for_end();
    }

    /// The text of a message is gone.
    pub fn redact(&mut self, seq: Seq) {
        let at = self.position(seq);
        if let Some(message) = (self.messages.get_mut(at)).filter(|message| message.seq == seq) {
            (message.kind, message.text) = (Kind::Redacted, "".into());
        }
    }

    /// What was said before this number is gone.
    pub fn begin_at(&mut self, first: Seq) {
        let gone = self.position(first);
        self.messages.drain(..gone);
        if gone > 0 || self.messages.is_empty() {
            self.more_before = self.messages.is_empty() && !self.at_end;
        }
        self.seen = self.seen.max(Seq(first.0.saturating_sub(1)));
    }

    /// Nobody looks at it for now: all but the last few are let go.
    pub fn shrink(&mut self, kept: usize) {
        while self.messages.len() > kept {
            self.messages.pop_front();
            self.more_before = true;
        }
    }

    fn look_for_end(&mut self) {
        self.at_end = self.last().unwrap_or(Seq(0)) >= self.seen
            || (self.messages.is_empty() && !self.more_before);
        self.seen = self.seen.max(self.last().unwrap_or(Seq(0)));
    }

    fn trim(&mut self, let_go: Side) {
        while self.messages.len() > MESSAGES_KEPT {
            match let_go {
                Side::Front => {
                    self.messages.pop_front();
                    self.more_before = true;
                }
                Side::Back => {
                    self.messages.pop_back();
                    self.at_end = false;
                }
            }
        }
    }
}

/// A page in the order in which servers have to give it, whatever this one does.
fn ascending(mut messages: Vec<Message>) -> VecDeque<Message> {
    messages.sort_by_key(|message| message.seq);
    messages.dedup_by_key(|message| message.seq);
    messages.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(seq: u64) -> Message {
        Message {
            room: "lobby".into(),
            seq: Seq(seq),
            from: "anna".into(),
            at: crate::base::Timestamp(0),
            kind: Kind::Text,
            text: format!("t{seq}").into(),
            redacts: None,
            key: None,
        }
    }

    fn page(seqs: std::ops::RangeInclusive<u64>) -> Vec<Message> {
        seqs.map(message).collect()
    }

    fn held(log: &Log) -> (u64, u64, usize) {
        let seq = |seq: Option<Seq>| seq.map_or(0, |seq| seq.0);
        (seq(log.first()), seq(log.last()), log.messages().len())
    }

    /// A log of so many messages, read from its end to its beginning and back, page by page.
    #[test]
    fn a_hundred_thousand_messages_scrolled_through_stay_bounded() {
        let all = 100_000;
        let mut log = Log::new(Seq(all));
        log.replace(page(all - 199..=all), true);
        assert!(log.is_at_end());
        while log.has_more_before() {
            let first = log.first().unwrap();
            let from = first.0.saturating_sub(200).max(1);
            log.older(first, page(from..=first.0 - 1), from > 1);
            assert!(log.messages().len() <= MESSAGES_KEPT);
        }
        assert_eq!(held(&log), (1, 2_000, 2_000));
        assert!(!log.is_at_end());
        log.live(&message(all + 1), Side::Back);
        let all = all + 1;
        while !log.is_at_end() {
            let last = log.last().unwrap();
            let to = (last.0 + 200).min(all);
            log.newer(last, page(last.0 + 1..=to), to < all);
            assert!(log.messages().len() <= MESSAGES_KEPT);
            let numbers: Vec<_> = log.messages().iter().map(|message| message.seq.0).collect();
            assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]));
        }
        assert_eq!(held(&log), (98_002, 100_001, 2_000));
        assert!(log.has_more_before());
    }

    #[test]
    fn what_comes_live_is_taken_at_the_end_alone_and_a_hole_ends_the_stretch() {
        let mut log = Log::new(Seq(3));
        log.live(&message(4), Side::Front);
        assert_eq!(held(&log), (0, 0, 0));
        // The page was made before message 4: there is one more.
        log.replace(page(1..=3), false);
        assert!(!log.is_at_end());
        assert_eq!(log.missing(), 1);
        log.newer(Seq(3), page(4..=4), false);
        assert!(log.is_at_end());
        log.live(&message(5), Side::Front);
        log.live(&message(5), Side::Front);
        assert_eq!(held(&log), (1, 5, 5));
        log.live(&message(9), Side::Front);
        assert_eq!((held(&log), log.is_at_end()), ((1, 5, 5), false));
        log.newer(Seq(5), page(6..=9), false);
        assert_eq!((held(&log), log.is_at_end()), ((1, 9, 9), true));
    }

    #[test]
    fn what_is_gone_is_gone_here_too() {
        let mut log = Log::new(Seq(5));
        log.replace(page(1..=5), false);
        let redaction = Message {
            kind: Kind::Redaction,
            redacts: Some(Seq(2)),
            text: "".into(),
            ..message(6)
        };
        log.live(&redaction, Side::Front);
        assert_eq!(log.messages()[1].kind, Kind::Redacted);
        assert_eq!(&*log.messages()[1].text, "");
        log.begin_at(Seq(4));
        assert_eq!((held(&log), log.has_more_before()), ((4, 6, 3), false));
        log.begin_at(Seq(7));
        assert!(log.is_at_end() && log.messages().is_empty());
        log.live(&message(7), Side::Front);
        assert_eq!(held(&log), (7, 7, 1));
    }

    #[test]
    fn pages_that_nobody_waits_for_any_more_or_in_disorder_do_no_harm() {
        let mut log = Log::new(Seq(9));
        log.replace(vec![message(8), message(9), message(8)], true);
        assert_eq!(held(&log), (8, 9, 2));
        log.older(Seq(5), page(1..=4), false);
        log.newer(Seq(5), page(6..=7), false);
        assert_eq!((held(&log), log.has_more_before()), ((8, 9, 2), true));
        log.older(Seq(8), page(6..=9), false);
        assert_eq!(held(&log), (6, 9, 4));
    }
}
