//! Brings somebody in on the full screen: carries keys and attempts to a [`Form`], does what it says, and draws it. Where
//! nobody need be asked, nothing of it is seen but for a server that takes its time.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use crossterm::event::{Event as Pressed, KeyCode, KeyEvent, KeyModifiers};
use nix::sys::signal::Signal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::client::{Client, Trust, Welcome};
use crate::tui::enter::Entry;
use crate::tui::enter::attempt::{Field, Hindered, Hindrance, Progress};
use crate::tui::failure::Failure;
use crate::tui::screen::End;
use crate::tui::screen::form::{Action, Filled, Form, Place};
use crate::tui::screen::hearing::next_pressed;
use crate::tui::screen::stage::Stage;
use crate::tui::screen::text::clean;
use crate::tui::screen::theme::Theme;
use crate::tui::screen::tty;
use crate::tui::show::Style;

/// Where nobody need be asked, the form is shown once it takes longer than this.
const UNSEEN: Duration = Duration::from_millis(300);
/// Keys that are pressed before it is shown, and are meant for the conversation; more are not typed in that time.
const AHEAD_MAX: usize = 1_000;

/// How it begins.
pub enum Begin {
    /// With all that is needed.
    Straight,
    /// With questions.
    Asking,
    /// With what is wrong.
    Said(Failure),
}

/// Somebody has come in.
pub struct Entered {
    /// The connection.
    pub client: Client,
    /// What the server has said.
    pub welcome: Welcome,
    /// What was typed before there was anything to see.
    pub ahead: Vec<Pressed>,
    /// What is to be told.
    pub notes: Vec<String>,
}

type Attempt = Pin<Box<dyn Future<Output = Result<(Client, Welcome), Hindered>>>>;

/// The way in.
struct Entrance<'a> {
    stage: &'a mut Stage,
    entry: &'a mut Entry,
    form: Form,
    attempt: Option<Attempt>,
    progress: watch::Sender<Progress>,
    heard: watch::Receiver<Progress>,
    /// What it ends with if nobody does anything about it.
    failure: Option<Failure>,
    /// Nothing is seen until then.
    unseen: Option<Instant>,
    ahead: Vec<Pressed>,
}

enum Heard {
    Pressed(Option<std::io::Result<Pressed>>),
    Signal(Signal),
    Done(Box<Result<(Client, Welcome), Hindered>>),
    Progress,
    Time,
}

/// Brings somebody in.
///
/// # Errors
/// With how it ends when nobody comes in.
pub async fn enter(stage: &mut Stage, entry: &mut Entry, begin: Begin) -> Result<Entered, End> {
    // It has nothing to point at, and a fingerprint that is to be selected and copied.
    let _ = stage.tty.mouse(false);
    let (progress, heard) = watch::channel(Progress::Connecting);
    let theme = Theme {
        colour: Style::terminal().colour,
    };
    let mut form = Form::new(theme, tty::screen_size(), filled(entry));
    let mut unseen = None;
    let mut failure = None;
    match begin {
        Begin::Straight => {
            form.try_it();
            unseen = Some(Instant::now() + UNSEEN);
        }
        Begin::Asking => {}
        Begin::Said(said) => {
            form.say(&clean(&said.to_string()));
            failure = Some(said);
        }
    }
    let mut entrance = Entrance {
        stage,
        entry,
        form,
        attempt: None,
        progress,
        heard,
        failure,
        unseen,
        ahead: Vec::new(),
    };
    entrance.go_on().await
}

fn filled(entry: &Entry) -> Filled {
    Filled {
        place: Place {
            host: entry.host.clone(),
            port: entry.port,
            name: entry.name(),
            room: None,
        },
        knows_server: entry.knows_server(),
        // A token that is kept comes first, as everywhere.
        password: entry.password().filter(|_| !entry.has_token()).cloned(),
        invite: entry.invite().cloned(),
    }
}

impl Entrance<'_> {
    async fn go_on(&mut self) -> Result<Entered, End> {
        loop {
            for action in self.form.actions() {
                self.do_it(action)?;
            }
            if self.unseen.is_none() && self.form.take_changed() {
                self.draw()?;
            }
            match self.hear().await {
                Heard::Pressed(Some(Ok(pressed))) => self.pressed(pressed),
                // Nobody can write any more.
                Heard::Pressed(_) => return Err(self.given_up()),
                Heard::Signal(Signal::SIGCONT) => self.come_back(),
                Heard::Signal(signal) => return Err(End::Signal(signal)),
                Heard::Done(done) => match *done {
                    Ok((client, welcome)) => return Ok(self.entered(client, welcome)),
                    Err(hindered) => self.hindered(hindered),
                },
                Heard::Progress => {
                    let progress = self.heard.borrow_and_update().clone();
                    self.form.progress(progress);
                }
                Heard::Time => self.unseen = None,
            }
        }
    }

    /// Waits for the next thing. Keys come first.
    async fn hear(&mut self) -> Heard {
        tokio::select! {
            biased;
            pressed = next_pressed(&mut self.stage.keys) => Heard::Pressed(pressed),
            signal = self.stage.hearing.next() => Heard::Signal(signal),
            Ok(()) = self.heard.changed() => Heard::Progress,
            done = next_done(&mut self.attempt) => Heard::Done(Box::new(done)),
            () = until(self.unseen) => Heard::Time,
        }
    }

    fn pressed(&mut self, pressed: Pressed) {
        let ends = |key: &KeyEvent| {
            let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
            key.code == KeyCode::Esc || ctrl && matches!(key.code, KeyCode::Char('c' | 'z'))
        };
        match pressed {
            Pressed::Resize(columns, rows) => {
                let (columns, rows) = tty::bounded(columns, rows);
                self.form.resize(columns, rows);
            }
            Pressed::Key(key) if self.unseen.is_none() || ends(&key) => {
                self.unseen = None;
                self.form.key(key);
            }
            Pressed::Paste(text) if self.unseen.is_none() => self.form.paste(&text),
            pressed @ (Pressed::Key(_) | Pressed::Paste(_)) if self.ahead.len() < AHEAD_MAX => {
                self.ahead.push(pressed);
            }
            _ => {}
        }
    }

    fn do_it(&mut self, action: Action) -> Result<(), End> {
        match action {
            Action::Try(place, wish) => {
                self.entry.go_to(&place.host, place.port, &place.name);
                if place.room.is_some() {
                    self.entry.room = place.room;
                }
                let (entry, progress) = (self.entry.clone(), self.progress.clone());
                self.attempt = Some(Box::pin(async move {
                    let tell = |so_far| {
                        let _ = progress.send(so_far);
                    };
                    entry.attempt(&wish, tell).await
                }));
            }
            Action::BreakOff => self.attempt = None,
            Action::Trust(place, shown) => {
                let Trust::Usual(Some(known)) = self.entry.trust() else {
                    return Ok(());
                };
                if let Err(error) = known.keep(&place.host, place.port, shown) {
                    self.form
                        .hindered(Hindrance::At(Field::Server, error.to_string()));
                    // What follows would only ask again.
                    self.form.actions();
                }
            }
            Action::Suspend => {
                self.stage.suspend();
                self.come_back();
            }
            Action::Redraw => self.stage.painter.forget(),
            Action::End => return Err(self.given_up()),
        }
        Ok(())
    }

    /// Nobody comes in: the program ends with what was in the way.
    fn given_up(&mut self) -> End {
        match self.failure.take() {
            Some(failure) => End::Failed(failure),
            None => End::Quit,
        }
    }

    fn hindered(&mut self, hindered: Hindered) {
        self.attempt = None;
        self.unseen = None;
        let needs_password = matches!(&hindered.what, Hindrance::At(Field::Password, _));
        let can_tell = self.entry.has_command() || self.entry.password().is_some();
        if needs_password && can_tell && self.form.is_empty(Field::Password) {
            return self.tell_password(hindered);
        }
        self.form.hindered(hindered.what);
        self.failure = Some(hindered.failure);
    }

    /// A token is no use any more, and the password was told, or a command knows it. That may ask on the terminal.
    fn tell_password(&mut self, hindered: Hindered) {
        let entry = &mut *self.entry;
        let told = match entry.has_command() {
            true => self.stage.aside(|| entry.told_password()),
            false => entry.told_password(),
        };
        self.come_back();
        self.form.hindered(hindered.what);
        self.failure = Some(hindered.failure);
        match told {
            Ok(Some(password)) => {
                self.form.fill(Field::Password, password.expose());
                self.form.try_it();
            }
            Ok(None) => {}
            Err(failure) => {
                let text = failure.to_string();
                self.form.hindered(Hindrance::At(Field::Password, text));
                self.failure = Some(failure);
            }
        }
    }

    fn entered(&mut self, client: Client, welcome: Welcome) -> Entered {
        let kept = self.entry.keep_and_remember(&client, &welcome.user);
        Entered {
            client,
            welcome,
            ahead: std::mem::take(&mut self.ahead),
            notes: self.entry.warning().into_iter().chain(kept.err()).collect(),
        }
    }

    fn come_back(&mut self) {
        let (columns, rows) = self.stage.come_back(false);
        self.form.resize(columns, rows);
    }

    fn draw(&mut self) -> Result<(), End> {
        let (columns, rows) = self.form.size();
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let beside = self.form.draw(&mut buffer);
        let shown = self.stage.painter.show(buffer, beside);
        shown.map_err(|error| End::Failed(Failure::Output(error)))
    }
}

async fn next_done(attempt: &mut Option<Attempt>) -> Result<(Client, Welcome), Hindered> {
    match attempt {
        Some(attempt) => attempt.await,
        None => pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
