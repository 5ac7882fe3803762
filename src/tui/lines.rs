//! Line mode: carries lines between a [`Talk`], a [`Client`] and a [`Terminal`] until one of them ends.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

use crate::base::Timestamp;
use crate::client::{Client, Event, Refusal, Welcome};
use crate::tui::command::read_to;
use crate::tui::failure::Failure;
use crate::tui::show::Style;
use crate::tui::talk::{Do, Line, PENDING_TOLD, Talk};
use crate::tui::terminal::{Terminal, Typed};

/// Sends that wait for an acknowledgement before no more lines are read from a pipe.
const PENDING_MAX: usize = 64;
/// How long `/quit` waits on a terminal for what was sent to be stored.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a send waits too long.
const LOOK: Duration = Duration::from_millis(250);

/// Talks until the person or the server ends it.
///
/// # Errors
/// When the server ends it; in a pipe also when something was refused.
pub async fn run(
    mut client: Client,
    welcome: &Welcome,
    style: Style,
    terminal: Terminal,
) -> Result<(), Failure> {
    let mut lines = Lines {
        talk: Talk::new(style.clone()),
        terminal,
        told: BTreeSet::new(),
        pending: Vec::new(),
    };
    let first = lines.talk.begin(welcome, now());
    lines.carry_out(first, &mut client);
    let result = lines.go_on(&mut client, style.terminal).await;
    let failed = lines.talk.has_failed();
    drop(lines);
    client.close().await;
    match result {
        Ok(()) if failed && !style.terminal => Err(Failure::Refused(
            "not everything was done; see the lines above".to_owned(),
        )),
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
            if ends_at.is_some_and(|at| done || person && Instant::now() >= at) {
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
                        true => ends_at = Some(Instant::now() + QUIT_PATIENCE),
                        false => prompt_due = true,
                    }
                }
                () = sleep_until(Instant::now() + LOOK), if !self.pending.is_empty() => {
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
            left => Err(Failure::Refused(format!(
                "not sent, the server did not answer: {}",
                crate::tui::show::harmless(&left.join(" / "))
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
        let next = self.talk.event(event);
        self.carry_out(next, client);
        Ok(())
    }

    fn settled(&mut self, key: &Arc<str>) {
        self.pending.retain(|(pending, _)| pending != key);
        self.told.remove(key);
    }

    /// Takes a line; returns whether it is the last.
    fn typed(&mut self, typed: Typed, client: &mut Client) -> bool {
        match typed {
            Typed::Line(line) => {
                let next = self.talk.line(&line);
                self.carry_out(next, client)
            }
            Typed::Interrupt => {
                self.terminal.note("to end, press Ctrl-D or write /quit");
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
            Do::TellTopic(room) => self.talk.tell_topic(client.model(), &room),
            Do::Read(room) => {
                let cursor = client.model().rooms().get(&*room).map(|room| room.cursor());
                if let Some(cursor) = cursor {
                    let no = client.post(read_to(&room, cursor));
                    self.talk.asked(no, crate::tui::talk::Wanted::Nothing);
                }
            }
            Do::Quit => return true,
        }
        false
    }

    /// Tells the person of sends that wait.
    fn look(&mut self, client: &Client) {
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
