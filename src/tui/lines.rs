//! Line mode: carries lines between a [`Talk`], a [`Client`] and a [`Terminal`] until one of them ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

use crate::base::Timestamp;
use crate::base::tongue::say;
use crate::client::room::Room;
use crate::client::{Answer, Client, Event, Refusal, Welcome};
use crate::tui::coming::{COMINGS_TOLD, RETURNS};
use crate::tui::command::{read_to, start_in};
use crate::tui::failure::Failure;
use crate::tui::screen::words;
use crate::tui::show::{Style, harmless};
use crate::tui::talk::{Do, Line, PENDING_TOLD, Talk, Wanted};
use crate::tui::terminal::{Terminal, Typed};

/// Sends that wait for an acknowledgement before no more lines are read from a pipe.
const PENDING_MAX: usize = 64;
/// How long `/quit` waits on a terminal for what was sent to be stored.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
/// The same at the end of a pipe, where nobody waits before a screen: as long as a verb waits for a server that is gone.
const PIPE_PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a send waits too long.
const LOOK: Duration = Duration::from_millis(250);

/// Talks until the person or the server ends it, in this room at first.
///
/// # Errors
/// When the server ends it; in a pipe also when something was refused.
pub async fn run(
    mut client: Client,
    welcome: &Welcome,
    style: Style,
    terminal: Terminal,
    room: Option<&str>,
) -> Result<(), Failure> {
    let mut lines = Lines {
        talk: Talk::new(style.clone()),
        terminal,
        told: BTreeSet::new(),
        pending: Vec::new(),
        comings_due: None,
        returns_until: None,
    };
    let first = lines.talk.begin(welcome, now());
    lines.carry_out(first, &mut client);
    if let Some(room) = room {
        let come = start_in(&mut lines.talk, room, client.model());
        lines.carry_out(come, &mut client);
    }
    let result = lines.go_on(&mut client, style.terminal).await;
    let failed = lines.talk.has_failed();
    drop(lines);
    client.close().await;
    match result {
        Ok(()) if failed && !style.terminal => Err(Failure::Refused(say!(
            "not everything was done; see the lines above",
            "сделано не всё; смотрите строки выше"
        ))),
        result => result,
    }
}

struct Lines {
    talk: Talk,
    terminal: Terminal,
    /// Sends that are not acknowledged: since when.
    pending: Vec<(Arc<str>, Instant)>,
    /// Of these, which the person was told of.
    told: BTreeSet<Arc<str>>,
    /// When it is told who came and left.
    comings_due: Option<Instant>,
    /// Until when those who come are taken for returning.
    returns_until: Option<Instant>,
}

impl Lines {
    async fn go_on(&mut self, client: &mut Client, person: bool) -> Result<(), Failure> {
        let mut ends_at: Option<Instant> = None;
        let mut prompt_due = true;
        loop {
            self.flush()?;
            let moving = self.talk.is_moving();
            if prompt_due && !moving {
                self.terminal.read(&self.talk.prompt());
                prompt_due = false;
            }
            let done = self.pending.is_empty() && self.talk.is_idle();
            if ends_at.is_some_and(|at| done || Instant::now() >= at) {
                // What was stored just now is still to be shown.
                while let Some(event) = client.next_ready() {
                    self.event(event, client)?;
                }
                self.flush()?;
                return self.all_stored(client);
            }
            let ready = self.pending.len() < PENDING_MAX && !moving;
            tokio::select! {
                event = client.next() => {
                    let Some(event) = event else { return Ok(()) };
                    self.event(event, client)?;
                }
                typed = self.terminal.typed(), if ends_at.is_none() && ready => {
                    match self.typed(typed, client) {
                        true => {
                            let mut patience = PIPE_PATIENCE;
                            if person {
                                self.mark_read(client);
                                patience = QUIT_PATIENCE;
                            }
                            ends_at = Some(Instant::now() + patience);
                        }
                        false => prompt_due = true,
                    }
                }
                () = sleep_until(self.comings_due.unwrap_or_else(Instant::now)), if self.comings_due.is_some() => {
                    self.comings_due = None;
                    self.talk.tell_comings();
                }
                () = sleep_until(Instant::now() + LOOK), if !self.pending.is_empty() || ends_at.is_some() => {
                    self.look(client);
                }
            }
        }
    }

    /// Whether something is left that the server does not have.
    fn all_stored(&self, client: &Client) -> Result<(), Failure> {
        let left: Vec<_> = client.model().pending().map(|send| &*send.text).collect();
        match left.as_slice() {
            [] => Ok(()),
            left => Err(Failure::Unreachable(say!(
                "not sent, the server did not answer: {}",
                "не отправлено, сервер не ответил: {}",
                harmless(&left.join(" / "))
            ))),
        }
    }

    fn event(&mut self, event: Event, client: &mut Client) -> Result<(), Failure> {
        match &event {
            Event::Sent(sent) => self.settled(&sent.key),
            Event::Failed { message, .. } => self.settled(&message.key),
            Event::Ended(ending) => {
                let refusal = Refusal {
                    code: None,
                    text: ending.text.clone(),
                    retry_after_ms: None,
                };
                self.flush()?;
                return Err(Failure::of(client, &refusal));
            }
            _ => {}
        }
        self.learn(&event);
        if let Event::Back { .. } = event {
            self.returns_until = Some(Instant::now() + RETURNS);
        } else if (self.returns_until).is_some_and(|until| Instant::now() >= until) {
            self.returns_until = None;
            self.talk.all_are_back();
        }
        let next = self.talk.event(event);
        let due = || Instant::now() + COMINGS_TOLD;
        self.comings_due = (self.talk.has_comings()).then(|| self.comings_due.unwrap_or_else(due));
        self.carry_out(next, client);
        Ok(())
    }

    /// What was on the screen is read: whoever comes back is told of what is new only. Not worth waiting for a server
    /// that is gone.
    fn mark_read(&mut self, client: &mut Client) {
        if !client.model().is_online() {
            return;
        }
        let unread = |(_, room): &(&Arc<str>, &Room)| room.unread() > 0;
        let rooms = client.model().rooms().iter().filter(unread);
        let requests: Vec<_> = rooms
            .map(|(name, room)| read_to(name, room.cursor()))
            .collect();
        for request in requests {
            let no = client.post(request);
            self.talk.asked(no, Wanted::Nothing);
        }
    }

    /// Names that were seen can be completed.
    fn learn(&self, event: &Event) {
        match event {
            Event::Message(message) => self.terminal.knows(&message.from),
            Event::Push(Answer::Presence { user, .. }) => self.terminal.knows(user),
            Event::Answer {
                answer: Ok(answer), ..
            } => match answer {
                Answer::Page { messages, .. } => {
                    (messages.iter()).for_each(|message| self.terminal.knows(&message.from));
                }
                Answer::Who { who, .. } => {
                    who.iter()
                        .for_each(|person| self.terminal.knows(&person.user));
                }
                Answer::Rooms { rooms, .. } => {
                    rooms
                        .iter()
                        .for_each(|entry| self.terminal.knows(&entry.room));
                }
                Answer::Joined(state) => self.terminal.knows(&state.room),
                _ => {}
            },
            _ => {}
        }
    }

    fn settled(&mut self, key: &Arc<str>) {
        self.pending.retain(|(pending, _)| pending != key);
        self.told.remove(key);
        if self.pending.is_empty() {
            self.talk.all_sent();
        }
    }

    /// Takes a line; returns whether it is the last.
    fn typed(&mut self, typed: Typed, client: &mut Client) -> bool {
        match typed {
            Typed::Line(line) => {
                let next = self.talk.line(&line);
                self.carry_out(next, client)
            }
            Typed::Interrupt => {
                self.terminal.note(&words::how_to_end());
                false
            }
            Typed::End => true,
        }
    }

    fn carry_out(&mut self, next: Do, client: &mut Client) -> bool {
        match next {
            Do::Nothing => {}
            Do::Say(to, kind, text) => {
                let key = client.say(&to, kind, &text);
                self.pending.push((key, Instant::now()));
            }
            Do::Ask(request, wanted) => {
                let no = client.post(request);
                self.talk.asked(no, wanted);
            }
            Do::Help(name) => self.talk.help(client.model(), &name),
            Do::TellTopic(room) => self.talk.tell_topic(client.model(), &room),
            Do::Read(room) => {
                let cursor = client.model().rooms().get(&*room).map(|room| room.cursor());
                if let Some(cursor) = cursor {
                    let no = client.post(read_to(&room, cursor));
                    let done = words::all_read(&harmless(&room));
                    self.talk.asked(no, Wanted::Done(done));
                }
            }
            Do::Quit => return true,
        }
        false
    }

    /// Tells the person of sends that wait, unless they know why.
    fn look(&mut self, client: &Client) {
        if self.talk.is_slowed() && client.model().is_online() {
            return;
        }
        let late = |since: &Instant| since.elapsed() >= PENDING_TOLD;
        for (key, since) in &self.pending {
            if !late(since) || !self.told.insert(key.clone()) {
                continue;
            }
            if let Some(send) = client.model().pending().find(|send| send.key == *key) {
                self.talk.still_pending(&send.to, &send.text);
            }
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        while let Some(line) = self.talk.next_line() {
            match line {
                Line::Output(line) => self.terminal.print(&line).map_err(Failure::Output)?,
                Line::Note(line) => self.terminal.note(&line),
            }
        }
        Ok(())
    }
}

/// What the clock on the wall says.
fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = elapsed.map_or(0, |elapsed| elapsed.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(0))
}
