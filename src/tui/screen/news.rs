//! What the screen makes of the client's events.

use std::sync::Arc;
use std::time::Duration;

use crate::base::Seq;
use crate::base::record::Kind;
use crate::client::model::{Model, same_place};
use crate::client::{Answer, Event, Message, Refusal, Unsent};
use crate::tui::coming::RETURNS;
use crate::tui::screen::app::{App, Failed, Link, Purpose};
use crate::tui::screen::list::{List, Overlay};
use crate::tui::screen::text::clean;
use crate::tui::screen::timeline::mentions;
use crate::tui::screen::view::Fetch;
use crate::tui::screen::words;

impl App {
    /// Something happened.
    pub fn event(&mut self, event: Event, model: &Model, now: Duration) {
        self.changed = true;
        match event {
            Event::Message(message) => self.message(&message, model, now),
            Event::Own(message) => {
                self.talk.shown(&message, true);
                self.view_of(&message.room, model).live(&message);
                self.redacted(&message);
            }
            Event::Sent(sent) => {
                self.trouble.stored(&sent.room);
                if model.pending().next().is_none() {
                    self.talk.all_sent();
                }
            }
            Event::Failed { message, refusal } => self.refused(message, refusal, model, now),
            Event::Answer { no, answer } => match self.asked.remove(&no) {
                Some(purpose) => self.answered(purpose, answer, model),
                None => {
                    self.learn_from(&answer);
                    self.tell(Event::Answer { no, answer }, model);
                }
            },
            Event::Lost { retry_in, .. } => {
                self.link = Link::Lost;
                self.trouble.lost(retry_in, now);
                self.tell(event, model);
            }
            Event::Waiting => {
                self.link = Link::Waiting;
                self.trouble.no_longer_lost();
                self.tell(event, model);
            }
            Event::Back { .. } => {
                self.link = Link::Up;
                self.trouble.no_longer_lost();
                self.returns_until = Some(now + RETURNS);
                self.tell(event, model);
            }
            Event::Expired { ref room, .. } | Event::WentBack { ref room, .. } => {
                let last = model
                    .rooms()
                    .get(room)
                    .map_or(Seq(0), |room| room.state.last_seq);
                self.view_of(room, model).forget(last);
                self.tell(event, model);
            }
            Event::Push(push) => self.pushed(push, model, now),
            Event::Greeted(_) | Event::Ended(_) | Event::Postponed { .. } => {}
            Event::Delayed { ref refusal, .. } => {
                self.trouble.delayed(refusal);
                self.tell(event, model);
            }
        }
    }

    /// What was refused stays where it was said; whoever is elsewhere is told.
    fn refused(&mut self, message: Unsent, refusal: Refusal, model: &Model, now: Duration) {
        self.trouble.refused(&message.to, &refusal, now);
        if !same_place(&message.to, &self.current) {
            let told = words::not_sent_to(&clean(&message.to), &clean(&refusal.text));
            self.note(&told, model);
        }
        let why = refusal.text;
        self.failed.push(Failed { message, why });
    }

    fn message(&mut self, message: &Message, model: &Model, now: Duration) {
        self.talk.shown(message, false);
        if message.kind != Kind::Redaction {
            self.learn(&message.from);
        }
        let mentioned = mentions(message, &self.look.user);
        let view = self.view_of(&message.room, model);
        view.live(message);
        if mentioned {
            view.mentions += 1;
            self.mentioned(message);
        }
        if (mentioned || message.room.starts_with('@')) && !self.is_hushed(&message.room) {
            self.alerts.spoken_to(message, now);
        }
        self.redacted(message);
        if message.room == self.current {
            self.line_above(message, model);
        }
    }

    /// A text that is gone is gone from everywhere.
    fn redacted(&mut self, message: &Message) {
        if let Some(seq) = message.redacts {
            let gone = |known: &Message| known.room == message.room && known.seq == seq;
            self.mentions.retain(|known| !gone(known));
            let overlay = self.overlay.iter_mut();
            overlay.for_each(|overlay| overlay.redact(&message.room, seq));
        }
    }

    /// Whoever does not look at the end finds what is new below a line.
    fn line_above(&mut self, message: &Message, model: &Model) {
        let view = self.view(model);
        if view.top.is_some() && view.new_after.is_none() {
            view.new_after = Some(Seq(message.seq.0.saturating_sub(1)));
        }
    }

    fn answered(&mut self, purpose: Purpose, answer: Result<Answer, Refusal>, model: &Model) {
        match (purpose, answer) {
            (Purpose::Fetch(room, what), Ok(Answer::Page { messages, more, .. })) => {
                self.fetched(&room, what, messages, more, model);
            }
            (Purpose::Fetch(room, what), answer) => {
                let before = self.view_of(&room, model).log.messages().is_empty();
                self.view_of(&room, model).not_fetched(what);
                if let (Err(refusal), false) = (answer, before) {
                    self.note(&refusal.text, model);
                }
            }
            (Purpose::Search(_), Ok(Answer::Page { messages, .. })) if messages.is_empty() => {
                self.note(&words::nothing_found(), model);
            }
            (Purpose::Search(text), Ok(Answer::Page { messages, .. })) => {
                let title = format!("{}: {text}", words::found());
                self.overlay = Some(Overlay::List(List::new(&title, messages)));
            }
            (Purpose::Search(_), Err(refusal)) => self.note(&refusal.text, model),
            (Purpose::Members(room), Ok(Answer::Who { who, more, .. })) if !more => {
                let told = model.rooms().get(&room).map(|room| room.state.members);
                let counted = u32::try_from(who.len()).unwrap_or(u32::MAX);
                self.view_of(&room, model).counted = told.map(|told| (told, counted));
            }
            _ => {}
        }
    }

    fn fetched(
        &mut self,
        room: &Arc<str>,
        what: Fetch,
        messages: Vec<Message>,
        more: bool,
        model: &Model,
    ) {
        let read = model
            .rooms()
            .get(room)
            .map_or(Seq(u64::MAX), |room| room.state.read_seq);
        let user = self.look.user.clone();
        for message in &messages {
            self.learn(&message.from);
            if message.seq > read && mentions(message, &user) {
                self.mentioned(message);
            }
        }
        let own = messages.iter().rev().find(|message| message.from == user);
        if let Some(own) = own.filter(|_| what == Fetch::Newest) {
            self.talk.shown(own, true);
        }
        let said = self
            .mentions
            .iter()
            .filter(|message| message.room == *room && message.seq > read);
        let said = u32::try_from(said.count()).unwrap_or(u32::MAX);
        let view = self.view_of(room, model);
        view.fetched(what, messages, more);
        view.mentions = view.mentions.max(said);
    }

    fn pushed(&mut self, push: Answer, model: &Model, now: Duration) {
        match &push {
            Answer::Presence { user, room, .. } => {
                self.learn(user);
                self.count_later(room, now);
            }
            Answer::Cleared { room, first_seq } => {
                self.view_of(room, model).log.begin_at(*first_seq);
                self.mentions
                    .retain(|known| known.room != *room || known.seq >= *first_seq);
            }
            Answer::Removed { room } | Answer::Left { room } | Answer::Kicked { room, .. } => {
                self.views.remove(room);
            }
            Answer::Joined(state) => self.learn_room(&state.room),
            _ => {}
        }
        self.tell(Event::Push(push), model);
    }

    /// What the line mode says about it, too, is said in its words.
    fn tell(&mut self, event: Event, model: &Model) {
        // What it would have asked for next is fetched as it is looked at.
        let _ = self.talk.event(event);
        // Where it has led, it is read.
        self.follow(model);
    }

    fn learn_from(&mut self, answer: &Result<Answer, Refusal>) {
        match answer {
            Ok(Answer::Who { who, .. }) => who.iter().for_each(|person| self.learn(&person.user)),
            Ok(Answer::Rooms { rooms, .. }) => {
                rooms.iter().for_each(|entry| self.learn_room(&entry.room))
            }
            Ok(Answer::Joined(state)) => self.learn_room(&state.room),
            _ => {}
        }
    }
}
