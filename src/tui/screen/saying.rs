//! What becomes of what is written: messages, commands, drafts.

use std::time::Duration;

use crate::base::Seq;
use crate::base::limit::TEXT_BYTES_MAX;
use crate::base::record::Kind;
use crate::client::Request;
use crate::client::model::Model;
use crate::tui::command::{is_known, read_to};
use crate::tui::screen::app::{Action, App, Purpose};
use crate::tui::screen::text::clean;
use crate::tui::screen::words;
use crate::tui::talk::{Do, Wanted};

/// How long after a key what is written is kept on disk.
const DRAFT_AFTER: Duration = Duration::from_secs(1);

impl App {
    /// What was written is sent, or done.
    pub(super) fn enter(&mut self, model: &Model) {
        let text = self.writing.text().to_owned();
        if text.trim().is_empty() {
            self.writing.begin("");
            return;
        }
        self.writing.remember(&text);
        let command = text.strip_prefix('/').filter(|rest| !rest.starts_with('/'));
        if command.is_none_or(is_known) {
            self.writing.begin("");
        }
        match self.is_moving() || !self.held.is_empty() {
            true => self.held.push_back(text),
            false => self.written(&text, model),
        }
        self.keep_draft();
    }

    /// Whether a command leads into another room: what is written next is meant for there.
    pub(super) fn is_moving(&self) -> bool {
        let moves = |action: &Action| {
            let wanted = match action {
                Action::Ask(_, Purpose::Talk(wanted)) => wanted,
                _ => return false,
            };
            matches!(wanted, Wanted::Joined | Wanted::Left(_))
        };
        self.talk.is_moving() || self.actions.iter().any(moves)
    }

    pub(super) fn written(&mut self, text: &str, model: &Model) {
        self.carry_out(text, model);
        self.follow(model);
    }

    fn carry_out(&mut self, text: &str, model: &Model) {
        if self.own_command(text, model) {
            return;
        }
        match self.talk.line(text) {
            Do::Nothing => {}
            Do::Say(to, kind, text) => self.say(&to, kind, &text, model),
            // The log is there anyway.
            Do::Ask(_, Wanted::Before) => {}
            Do::Ask(Request::Search(search), Wanted::Messages) => {
                let purpose = Purpose::Search(search.text.clone());
                self.actions
                    .push(Action::Ask(Request::Search(search), purpose));
            }
            Do::Ask(_, Wanted::Messages) => self.scroll_page(false, model),
            Do::Ask(request, wanted) => {
                self.actions
                    .push(Action::Ask(request, Purpose::Talk(wanted)));
            }
            Do::Help(name) if name.is_empty() => self.help_on_commands(model),
            Do::Help(name) => self.talk.help(model, &name),
            Do::TellTopic(room) => self.talk.tell_topic(model, &room),
            Do::Read(room) => {
                let cursor = model.rooms().get(&*room).map(|room| room.cursor());
                let request = read_to(&room, cursor.unwrap_or(Seq(0)));
                let done = Wanted::Done(words::all_read(&clean(&room)));
                self.actions.push(Action::Ask(request, Purpose::Talk(done)));
            }
            Do::Quit => self.quit(model),
        }
    }

    /// Ends; what is being written stays for the next time, and what was seen is read.
    pub fn quit(&mut self, model: &Model) {
        self.keep_draft();
        if self.read_due.take().is_some() {
            self.tell_read(model);
        }
        self.actions.push(Action::Quit);
    }

    fn say(&mut self, to: &str, kind: Kind, text: &str, model: &Model) {
        self.go_to(to, model);
        let most = model
            .hello()
            .map_or(TEXT_BYTES_MAX, |hello| hello.limits.text);
        for part in divide(text, most.max(4)) {
            let to = self.current.clone();
            self.actions.push(Action::Say(to, kind, part.to_owned()));
        }
        let view = self.view(model);
        (view.top, view.new_after, view.marked) = (None, None, None);
    }

    pub(super) fn keep_draft(&mut self) {
        self.draft_due = None;
        // What waits for a room that one is on the way to is not sent yet, either.
        let held = self.held.iter().map(String::as_str);
        let written = Some(self.writing.text()).filter(|text| !text.is_empty());
        let text = held.chain(written).collect::<Vec<_>>().join("\n");
        self.actions.push(Action::Draft(self.current.clone(), text));
    }

    /// Keys were pressed that may have changed what is written.
    pub(super) fn draft_later(&mut self, now: Duration) {
        self.draft_due.get_or_insert(now + DRAFT_AFTER);
    }
}

/// A text in pieces of so many bytes, at line breaks where that is possible.
pub fn divide(text: &str, most: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text.trim_end_matches('\n'));
    while rest.len() > most {
        let mut end = most;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let line = rest[..end].rfind('\n').filter(|at| *at > 0);
        let (piece, next) = match line {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => rest.split_at(end),
        };
        pieces.push(piece);
        rest = next;
    }
    pieces.push(rest);
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces
}
