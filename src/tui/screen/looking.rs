//! What follows from what is seen: what is missing is fetched, what is read is told the server, and who is in a room is
//! counted anew after somebody came or went.

use std::time::Duration;

use crate::client::model::Model;
use crate::client::{Request, request};
use crate::tui::command::read_to;
use crate::tui::screen::app::{Action, App, Purpose};

/// How long after a message is seen that is told the server: together with those that come at once.
const READ_AFTER: Duration = Duration::from_millis(300);
/// How long after somebody came or went the members are counted: the server tells no number, and those who come often
/// come together.
const COUNTED_AFTER: Duration = Duration::from_secs(3);
/// Between two counts, however many come and go.
const COUNTED_EVERY: Duration = Duration::from_secs(30);
/// Rooms with more members than this are not counted: it would take more than one answer, and one more or less is nothing there.
const COUNTED_MAX: u32 = 200;

impl App {
    /// Fetches what is missing of what is seen, and notes what is read by that.
    pub(super) fn look_around(&mut self, model: &Model, now: Duration) {
        for (name, view) in &mut self.views {
            let unread = model.rooms().get(name).map_or(0, |room| room.unread());
            if unread == 0 {
                view.mentions = 0;
            }
        }
        let height = usize::from(self.areas().talk.height);
        self.view(model);
        let current = self.current.clone();
        let Some(view) = self.views.get(&current) else {
            return;
        };
        let seen = self.timeline(view, model).seen(height);
        let wants = view.wants(seen.blocks.0, seen.blocks.1);
        let read = model.rooms().get(&current).map(|room| room.state.read_seq);
        let news = seen
            .last
            .filter(|last| read.is_some_and(|read| *last > read.max(view.read_asked)));
        if let Some(what) = wants {
            self.fetch(&current, what, model);
        }
        if news.is_some() && self.overlay.is_none() && height > 0 {
            self.read_due.get_or_insert(now + READ_AFTER);
        }
    }

    pub(super) fn tell_read(&mut self, model: &Model) {
        let height = usize::from(self.areas().talk.height);
        let Some(view) = self.views.get(&self.current) else {
            return;
        };
        let Some(last) = self.timeline(view, model).seen(height).last else {
            return;
        };
        let current = self.current.clone();
        self.view(model).read_asked = last;
        let request = read_to(&current, last);
        self.actions.push(Action::Ask(request, Purpose::Read));
    }

    /// Somebody came or went where one is: the members are counted a little later.
    pub(super) fn count_later(&mut self, room: &str, now: Duration) {
        if *room == *self.current && !room.starts_with('@') {
            let due = (now + COUNTED_AFTER).max(self.count_from);
            self.count_due.get_or_insert(due);
        }
    }

    /// Asks who is in the room that one is in.
    pub(super) fn count_members(&mut self, model: &Model, now: Duration) {
        self.count_due = None;
        let few = (model.rooms().get(&self.current))
            .is_some_and(|room| room.state.members <= COUNTED_MAX);
        if few && model.is_online() && !self.current.starts_with('@') {
            self.count_from = now + COUNTED_EVERY;
            let who = request::Who {
                room: Some(self.current.to_string()),
                after: None,
            };
            let purpose = Purpose::Members(self.current.clone());
            self.actions.push(Action::Ask(Request::Who(who), purpose));
        }
    }

    /// How many are in a room: as it was counted, unless the server has told it since.
    pub(super) fn members(&self, room: &str, told: u32) -> u32 {
        let counted = self.views.get(room).and_then(|view| view.counted);
        match counted {
            Some((before, counted)) if before == told => counted,
            _ => told,
        }
    }
}
