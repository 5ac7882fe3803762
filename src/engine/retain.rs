//! Logs that get shorter by themselves: what is older, or more, than the settings keep is cleared away as `clear-history`
//! does it. Rooms are gone through a few at a time, so that neither the hub nor a commit waits for it; what is to go is
//! found and removed by the writer, in its small steps.
//!
//! Age is told by the server's clock on the wall, as the messages' times are.

use std::ops::Bound;
use std::time::Duration;

use super::Engine;
use super::effect::Effect;
use super::input::Rules;
use super::note::Note;
use super::waiting::Storing;
use crate::base::record::Clearing;
use crate::base::{RoomId, Seq, Timestamp};

/// From the end of one look at all rooms to the next. What is kept is told in days, and one that is counted may be passed by
/// what comes in that time.
pub(super) const INTERVAL: Duration = Duration::from_secs(600);
/// Rooms looked at in one step; the writer looks up a message or two for each.
const ROOMS_PER_STEP: usize = 20;
/// From one step to the next: a thousand rooms in a second.
const STEP_INTERVAL: Duration = Duration::from_millis(20);
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How far it is.
#[derive(Debug, Default)]
pub(super) struct Retaining {
    due: Duration,
    /// The last room that was looked at in this run.
    after: Option<RoomId>,
    /// Clearings that are with the writer.
    waiting: u32,
    rooms: u64,
    messages: u64,
}

impl Engine {
    /// Other rules are in force; what they keep is looked at at once.
    pub(super) fn reload(&mut self, rules: Rules) {
        if rules.retention != self.rules.retention {
            (self.retaining.due, self.retaining.after) = (self.now.elapsed, None);
        }
        self.rules = rules;
        self.fill_buckets();
    }

    pub(super) fn retain_deadline(&self) -> Option<Duration> {
        let is_wanted = self.rules.retention.is_any() && self.stopping.is_none();
        is_wanted.then_some(self.retaining.due)
    }

    /// Goes a step, if one is due.
    pub(super) fn retain(&mut self) {
        if self
            .retain_deadline()
            .is_none_or(|due| due > self.now.elapsed)
        {
            return;
        }
        self.retaining.due = self.now.elapsed + STEP_INTERVAL;
        if self.retaining.waiting > 0 {
            return;
        }
        let after = (self.retaining.after).map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = self.state.rooms.range((after, Bound::Unbounded));
        let rooms: Vec<_> = rooms
            .take(ROOMS_PER_STEP)
            .map(|(id, room)| (*id, room.first_seq, room.last_seq))
            .collect();
        match rooms.last() {
            Some((last, ..)) => self.retaining.after = Some(*last),
            None => return self.all_retained(),
        }
        for (room, first, last) in rooms {
            for clearing in self.too_much(room, first, last).into_iter().flatten() {
                self.retaining.waiting += 1;
                let call = None;
                let ticket = self.waiting.store(Storing::Clear { clearing, call });
                self.effects.push(Effect::Clear { ticket, clearing });
            }
        }
    }

    /// What is to go of a log by its length, and by its age.
    fn too_much(&self, room: RoomId, first: Seq, last: Seq) -> [Option<Clearing>; 2] {
        let retention = self.rules.retention;
        let clearing = |upto, before| Clearing {
            room,
            upto,
            before,
            dry_run: false,
        };
        let by_count = (retention.messages)
            .map(|keep| Seq(last.0.saturating_sub(keep.get())))
            .filter(|upto| *upto >= first)
            .map(|upto| clearing(upto, None));
        let by_age = (retention.days)
            .filter(|_| first <= last)
            .map(|days| Timestamp(self.now.wall.0 - i64::from(days.get()) * DAY_MS))
            .map(|moment| clearing(last, Some(moment)));
        [by_count, by_age]
    }

    /// One of the clearings is done, or not; so many messages went.
    pub(super) fn retained(&mut self, went: u64) {
        let retaining = &mut self.retaining;
        retaining.waiting = retaining.waiting.saturating_sub(1);
        retaining.rooms += u64::from(went > 0);
        retaining.messages += went;
    }

    /// The run is over.
    fn all_retained(&mut self) {
        let (rooms, messages) = (self.retaining.rooms, self.retaining.messages);
        self.retaining = Retaining {
            due: self.now.elapsed + INTERVAL,
            ..Retaining::default()
        };
        if messages > 0 {
            self.note(Note::Retained { rooms, messages });
        }
    }
}
