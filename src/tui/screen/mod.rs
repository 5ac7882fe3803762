//! The full screen: carries keys, events and time to an [`App`], does what it says, and draws it when something changed.
//!
//! [`app::App`] and what is around it know no terminal, no socket and no clock: `app` (the state), `news` (the client's
//! events), `keys`, `saying` (what is written), `own` (the screen's own commands), `view` (a room as it is looked at),
//! `timeline` (its rows), `writing` (the line), `list`, `jump`, `help` and `over` (what lies over it), `looking` (what follows
//! from what is seen), `alert` (whoever looks elsewhere), `draw` and `status` (the picture), `text` and `theme`. So is `form`,
//! by which one comes in; `entrance` is the loop around that. The terminal is in `stage`, `tty`, `painter` and `editor`, what is
//! waited for in `hearing`, the desktop in `desktop`. All words are in `words`.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossterm::event::{Event as Pressed, EventStream};
use futures_core::Stream as _;
use nix::sys::signal::Signal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::base::Timestamp;
use crate::client::outgoing::Waiting;
use crate::client::{
    Client, Event, Outgoing, Preferences, PreferencesFile, Refusal, Unsent, Welcome,
};
use crate::tui::enter::Entry;
use crate::tui::failure::Failure;
use crate::tui::show::Style;

mod alert;
mod app;
mod desktop;
mod draw;
mod editor;
mod entrance;
mod form;
mod hearing;
mod help;
mod jump;
mod keys;
mod list;
mod looking;
mod news;
mod over;
mod own;
mod painter;
mod saying;
mod stage;
mod status;
#[cfg(test)]
mod tests;
pub mod text;
mod theme;
mod timeline;
mod tty;
mod view;
pub mod words;
mod writing;

use alert::Alert;
use app::{Action, App};
use desktop::Desktop;
use entrance::{Begin, Entered};
use hearing::{next_edited, next_pressed, until};
use stage::Stage;
use text::clean;
use theme::Theme;
use timeline::Look;

/// Between two pictures, however much comes in.
const FRAME: Duration = Duration::from_millis(25);
/// The same where a key was pressed: it is answered within this and the time that a picture takes.
const FRAME_OF_KEYS: Duration = Duration::from_millis(10);
/// Events of the client that are taken before it is looked whether a key was pressed.
const EVENTS_AT_ONCE: usize = 256;
/// For so long keys that wait are taken together, before it is done and drawn what they led to.
const KEYS_AT_ONCE: Duration = Duration::from_millis(10);
/// How long the end waits for what was written to be stored; what is not is kept for the next time.
const QUIT_PATIENCE: Duration = Duration::from_secs(2);

/// Comes in, by the form where something is missing or wrong, and talks until the person, a signal or the server ends it.
///
/// # Errors
/// When the server ends it, or the terminal cannot be used.
pub async fn run(entry: &mut Entry) -> Result<(), Failure> {
    // Where it asks for something itself, it does so on the terminal as it is.
    let said = match entry.is_complete() && entry.token().is_ok_and(|token| token.is_none()) {
        true => entry.told_password().err(),
        false => None,
    };
    let mut stage = Stage::take().map_err(|error| Failure::Refused(words::no_terminal(&error)))?;
    let mut begin = match said {
        Some(failure) => Begin::Said(failure),
        None if entry.is_complete() => Begin::Straight,
        None => Begin::Asking,
    };
    let (end, left) = loop {
        let entered = match entrance::enter(&mut stage, entry, begin).await {
            Ok(entered) => entered,
            Err(end) => break (end, 0),
        };
        let (end, left) = talk(&mut stage, entry, entered).await;
        match end {
            // Whoever knows the password can go on.
            End::Failed(failure @ Failure::Credentials(_)) => begin = Begin::Said(failure),
            end => break (end, left),
        }
    };
    // The terminal is given back before anything is said on it.
    drop(stage);
    match end {
        End::Quit if left > 0 => {
            tell!("{}", words::left(left));
            Ok(())
        }
        End::Quit => Ok(()),
        End::Signal(signal) => {
            // As if it had not been caught: whoever sent it sees that it was obeyed.
            let _ = signal_hook::low_level::emulate_default_handler(signal as i32);
            Ok(())
        }
        End::Failed(failure) => Err(failure),
    }
}

/// Talks with whoever has come in; tells why it is over, and how much is not sent.
async fn talk(stage: &mut Stage, entry: &Entry, entered: Entered) -> (End, usize) {
    let Entered {
        mut client,
        welcome,
        ahead,
        notes,
    } = entered;
    let _ = stage.tty.mouse(true);
    let (outgoing, why_not) = entry.outgoing(&welcome.user);
    let server = format!("{}:{}", entry.host, entry.port);
    let mut screen = Screen::new(&server, outgoing, stage);
    screen.begin(&mut client, &welcome);
    for note in notes {
        screen.app.note(&clean(&note), client.model());
    }
    screen.kept(why_not.is_none(), &client);
    if let Some(room) = &entry.room {
        screen.app.start_in(room, client.model());
    }
    for pressed in ahead {
        screen.pressed(pressed, &client);
    }
    let end = screen.go_on(&mut client).await;
    let left = screen.outgoing.waiting().len();
    drop(screen);
    client.close().await;
    (end, left)
}

/// Why it is over.
enum End {
    Quit,
    Signal(Signal),
    Failed(Failure),
}

struct Screen<'a> {
    app: App,
    outgoing: Outgoing,
    stage: &'a mut Stage,
    preferences: PreferencesFile,
    desktop: Desktop,
    edited: Option<oneshot::Receiver<Option<String>>>,
    began: Instant,
    drawn_at: Instant,
    next_frame: Instant,
    /// When it ends, whatever is not stored.
    ends_at: Option<Instant>,
    /// Whether it was told that nothing is kept on disk.
    told: bool,
}

/// Something to react to.
enum Heard {
    Pressed(Option<io::Result<Pressed>>),
    Signal(Signal),
    Client(Option<Event>),
    Edited(Option<String>),
    Time,
}

impl<'a> Screen<'a> {
    fn new(server: &str, outgoing: Outgoing, stage: &'a mut Stage) -> Self {
        let show = Style::terminal();
        let look = Look {
            theme: Theme {
                colour: show.colour,
            },
            show,
            user: "".into(),
            unfolded: false,
        };
        Self {
            app: App::new(look, server, tty::screen_size()),
            preferences: PreferencesFile::of_account(outgoing.account()),
            outgoing,
            stage,
            desktop: Desktop::of_user(|name| std::env::var_os(name)),
            edited: None,
            began: Instant::now(),
            drawn_at: Instant::now(),
            next_frame: Instant::now(),
            ends_at: None,
            told: false,
        }
    }

    /// What the last run has left is sent, unless it is so old that the server may have forgotten that it has it.
    fn begin(&mut self, client: &mut Client, welcome: &Welcome) {
        let key_hours = client
            .model()
            .hello()
            .map_or(0, |hello| hello.limits.key_hours);
        let left: Vec<Waiting> = self.outgoing.waiting().to_vec();
        for waiting in left.iter().filter(|waiting| waiting.refused.is_none()) {
            match waiting.is_stale(wall(), key_hours) {
                true => {
                    let kept = self.outgoing.refuse(&waiting.key, &words::stale().into());
                    self.kept(kept.is_ok(), client);
                }
                false => client.say_again(waiting.unsent()),
            }
        }
        let (drafts, left) = (
            self.outgoing.drafts().clone(),
            self.outgoing.waiting().to_vec(),
        );
        let preferences = self.preferences.read();
        let (preferences, damaged) = match preferences {
            Ok(preferences) => (preferences, None),
            Err(error) => (Preferences::default(), Some(error.to_string())),
        };
        self.app.prefer(preferences);
        self.app
            .begin(welcome, &drafts, &left, client.model(), wall());
        if let Some(damaged) = damaged {
            self.app.note(&damaged, client.model());
        }
    }

    async fn go_on(&mut self, client: &mut Client) -> End {
        loop {
            self.act(client);
            let nothing_left =
                client.model().pending().next().is_none() || !client.model().is_online();
            if self
                .ends_at
                .is_some_and(|at| nothing_left || Instant::now() >= at)
            {
                return End::Quit;
            }
            let due = self.stage.keys.is_some()
                && self.app.is_changed()
                && Instant::now() >= self.next_frame;
            if due && let Err(error) = self.draw(client) {
                return End::Failed(Failure::Output(error));
            }
            match self.hear(client).await {
                Heard::Pressed(Some(Ok(pressed))) => {
                    self.pressed(pressed, client);
                    self.pressed_meanwhile(client).await;
                    self.next_frame = self.drawn_at + FRAME_OF_KEYS;
                }
                // Nobody can write any more.
                Heard::Pressed(_) => self.app.quit(client.model()),
                Heard::Signal(signal) => {
                    if let Some(end) = self.signal(signal, client) {
                        return end;
                    }
                }
                Heard::Client(event) => {
                    if let Some(end) = self.events(event, client) {
                        return end;
                    }
                }
                Heard::Edited(text) => self.edited(text.as_deref(), client),
                Heard::Time => self.app.tick(self.began.elapsed(), client.model()),
            }
        }
    }

    /// Waits for the next thing. Keys come first.
    async fn hear(&mut self, client: &mut Client) -> Heard {
        let frame = (self.app.is_changed() && self.stage.keys.is_some()).then_some(self.next_frame);
        let tick = self.app.deadline().map(|due| self.began + due);
        let wake = [frame, tick, self.ends_at].into_iter().flatten().min();
        tokio::select! {
            biased;
            pressed = next_pressed(&mut self.stage.keys) => Heard::Pressed(pressed),
            signal = self.stage.hearing.next() => Heard::Signal(signal),
            edited = next_edited(&mut self.edited) => Heard::Edited(edited),
            () = until(wake) => Heard::Time,
            event = client.next() => Heard::Client(event),
        }
    }

    fn pressed(&mut self, pressed: Pressed, client: &Client) {
        let (model, now) = (client.model(), self.began.elapsed());
        match pressed {
            Pressed::Key(key) => self.app.key(key, model, now),
            Pressed::Paste(text) => self.app.paste(&text, model, now),
            Pressed::Mouse(mouse) => self.app.mouse(mouse, model),
            Pressed::Resize(columns, rows) => {
                let (columns, rows) = tty::bounded(columns, rows);
                self.app.resize(columns, rows);
            }
            Pressed::FocusGained => self.app.focus(true),
            Pressed::FocusLost => self.app.focus(false),
        }
    }

    /// What was pressed already is taken together. What an action needs at once is not waited for.
    async fn pressed_meanwhile(&mut self, client: &mut Client) {
        let began = Instant::now();
        while began.elapsed() < KEYS_AT_ONCE {
            let Some(keys) = &mut self.stage.keys else {
                return;
            };
            let ready = poll_fn(|cx| match Pin::new(&mut *keys).poll_next(cx) {
                Poll::Ready(Some(Ok(pressed))) => Poll::Ready(Some(pressed)),
                _ => Poll::Ready(None),
            });
            let Some(pressed) = ready.await else { return };
            self.pressed(pressed, client);
        }
    }

    fn events(&mut self, first: Option<Event>, client: &mut Client) -> Option<End> {
        let Some(mut event) = first else {
            return Some(self.over(client));
        };
        for _ in 0..EVENTS_AT_ONCE {
            match &event {
                Event::Sent(sent) => {
                    let kept = self.outgoing.settle(&sent.key);
                    self.kept(kept.is_ok(), client);
                }
                Event::Failed { message, refusal } => {
                    let kept = self.outgoing.refuse(&message.key, &refusal.text);
                    self.kept(kept.is_ok(), client);
                }
                Event::Ended(_) => return Some(self.over(client)),
                _ => {}
            }
            self.app.event(event, client.model(), self.began.elapsed());
            event = client.next_ready()?;
        }
        self.app.event(event, client.model(), self.began.elapsed());
        None
    }

    fn over(&self, client: &Client) -> End {
        let text = client.ending().map(|ending| ending.text.clone());
        let refusal = Refusal {
            code: None,
            text: text.unwrap_or_else(|| words::over().into()),
            retry_after_ms: None,
        };
        End::Failed(Failure::of(client, &refusal))
    }

    /// Does what the app says.
    fn act(&mut self, client: &mut Client) {
        loop {
            let actions = self.app.actions(client.model(), self.began.elapsed());
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.do_it(action, client);
            }
        }
    }

    fn do_it(&mut self, action: Action, client: &mut Client) {
        let kept = match action {
            Action::Say(to, kind, text) => {
                let key = client.say(&to, kind, &text);
                let text = text.into();
                self.outgoing.add(kept_now(Unsent {
                    key,
                    to,
                    kind,
                    text,
                }))
            }
            Action::Again(message) => {
                client.say_again(message.clone());
                self.outgoing.add(kept_now(message))
            }
            Action::Drop(key) => self.outgoing.settle(&key),
            Action::Draft(room, text) => self.outgoing.draft(&room, &text),
            Action::Ask(request, purpose) => {
                let no = client.post(request);
                return self.app.asked(no, purpose);
            }
            Action::Prefer(change) => self.preferences.change(|it| change.apply(it)),
            Action::Alert(alert) => return self.alert(&alert),
            Action::Retry => return client.retry_now(),
            Action::Edit(text) => {
                self.stage.keys = None;
                self.stage.tty.leave();
                self.edited = Some(editor::edit(text));
                return;
            }
            Action::Mouse(ours) => {
                let _ = self.stage.tty.mouse(ours);
                return;
            }
            Action::Suspend => {
                self.stage.suspend();
                return self.come_back();
            }
            Action::Redraw => return self.stage.painter.forget(),
            Action::Quit => {
                // Whoever says it twice does not want to wait.
                let patience = if self.ends_at.is_some() {
                    Duration::ZERO
                } else {
                    QUIT_PATIENCE
                };
                self.ends_at = Some(Instant::now() + patience);
                return;
            }
        };
        self.kept(kept.is_ok(), client);
    }

    fn signal(&mut self, signal: Signal, client: &mut Client) -> Option<End> {
        match signal {
            Signal::SIGCONT => {
                if self.stage.keys.is_some() {
                    self.come_back();
                }
                None
            }
            // The editor's.
            Signal::SIGINT if self.edited.is_some() => None,
            signal => {
                self.app.quit(client.model());
                self.act(client);
                Some(End::Signal(signal))
            }
        }
    }

    fn edited(&mut self, text: Option<&str>, client: &Client) {
        self.edited = None;
        self.stage.keys = Some(EventStream::new());
        self.come_back();
        self.app.edited(text, client.model());
    }

    /// Tells somebody who looks elsewhere. Nothing is written to a terminal that somebody else has.
    fn alert(&mut self, alert: &Alert) {
        if self.stage.keys.is_some() {
            // One that is gone is noticed by the next picture.
            let _ = self.stage.painter.say(&alert.sequence());
        }
        self.desktop.show(alert);
    }

    /// Takes the terminal again after somebody else had it.
    fn come_back(&mut self) {
        let (columns, rows) = self.stage.come_back(self.app.has_mouse());
        self.app.resize(columns, rows);
    }

    fn draw(&mut self, client: &Client) -> io::Result<()> {
        self.app.take_changed();
        let (columns, rows) = self.app.size();
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        let beside = self.app.draw(client.model(), &mut buffer);
        self.stage.painter.show(buffer, beside)?;
        self.drawn_at = Instant::now();
        self.next_frame = self.drawn_at + FRAME;
        Ok(())
    }

    /// Tells once when what is written cannot be kept on disk.
    fn kept(&mut self, kept: bool, client: &Client) {
        if !kept && !std::mem::replace(&mut self.told, true) {
            self.app.note(&words::not_kept(), client.model());
        }
    }
}

/// A message that was written just now.
fn kept_now(message: Unsent) -> Waiting {
    Waiting {
        key: message.key,
        to: message.to,
        kind: message.kind,
        text: message.text,
        at: wall(),
        refused: None,
    }
}

/// What the clock on the wall says.
fn wall() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = elapsed.map_or(0, |elapsed| elapsed.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(0))
}
