//! The state of the screen, without I/O: is told keys, events of the client and the time, and says what to do. What it
//! knows of messages, rooms and what is on its way comes from the client's model, which is looked at and never copied;
//! of each room it holds the stretch that a person looks at.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::base::record::Kind;
use crate::base::{Seq, Timestamp};
use crate::client::model::{Model, same_place};
use crate::client::outgoing::Waiting;
use crate::client::{Message, Preferences, Request, Unsent, Welcome};
use crate::tui::coming::COMINGS_TOLD;
use crate::tui::command::coming_into;
use crate::tui::screen::alert::{Alert, Alerts};
use crate::tui::screen::draw::{Areas, areas};
use crate::tui::screen::list::Overlay;
use crate::tui::screen::own::Change;
use crate::tui::screen::status::Trouble;
use crate::tui::screen::text::clean;
use crate::tui::screen::timeline::{Look, Timeline, Unstored};
use crate::tui::screen::view::{Fetch, View};
use crate::tui::screen::words;
use crate::tui::screen::writing::Writing;
use crate::tui::talk::{FIRST_ROOM, Talk, Wanted};

/// Rooms with something new whose newest messages are fetched at the start, so that mentions can be counted.
const ROOMS_FETCHED: usize = 50;
/// Mentions that are listed.
const MENTIONS_MAX: usize = 200;
/// Names that Tab completes.
const NAMES_MAX: usize = 1_000;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Say something.
    Say(Arc<str>, Kind, String),
    /// Send again what was refused.
    Again(Unsent),
    /// Forget what was refused.
    Drop(Arc<str>),
    /// Ask the server.
    Ask(Request, Purpose),
    /// Keep what is being written to a room.
    Draft(Arc<str>, String),
    /// Have the text written on in an editor.
    Edit(String),
    /// Keep what is preferred from now on.
    Prefer(Change),
    /// Tell somebody who looks elsewhere.
    Alert(Alert),
    /// Make the connection anew, at once.
    Retry,
    /// Whether the mouse is ours.
    Mouse(bool),
    /// Stop until the shell has us go on.
    Suspend,
    /// Draw all of it anew.
    Redraw,
    /// End.
    Quit,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// To show a part of a room's log.
    Fetch(Arc<str>, Fetch),
    /// To list what was found.
    Search(String),
    /// To have said that a room is read.
    Read,
    /// To know how many are in a room.
    Members(Arc<str>),
    /// What a command wants.
    Talk(Wanted),
}

/// A message that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The message.
    pub message: Unsent,
    /// Why.
    pub why: Arc<str>,
}

/// How the connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It stands.
    Up,
    /// It is gone.
    Lost,
    /// It stands, and the server says nothing.
    Waiting,
}

/// The state of the screen.
pub struct App {
    pub(super) look: Look,
    pub(super) server: String,
    pub(super) size: (u16, u16),
    pub(super) current: Arc<str>,
    pub(super) views: BTreeMap<Arc<str>, View>,
    pub(super) writing: Writing,
    pub(super) drafts: BTreeMap<Arc<str>, String>,
    pub(super) talk: Talk,
    pub(super) names: BTreeSet<String>,
    /// Those of them that are rooms.
    pub(super) heard_of: BTreeSet<String>,
    pub(super) asked: BTreeMap<u64, Purpose>,
    pub(super) overlay: Option<Overlay>,
    pub(super) mentions: VecDeque<Message>,
    pub(super) failed: Vec<Failed>,
    pub(super) link: Link,
    pub(super) trouble: Trouble,
    pub(super) alerts: Alerts,
    pub(super) preferences: Preferences,
    /// What the clock on the wall said at the beginning.
    pub(super) began: Timestamp,
    pub(super) mouse: bool,
    pub(super) actions: Vec<Action>,
    /// What was written while one was on the way into another room.
    pub(super) held: VecDeque<String>,
    /// What Tab has put into the line, and what it can put there next.
    pub(super) completing: Option<(usize, usize, VecDeque<String>)>,
    /// Ctrl-X was pressed.
    pub(super) chord: bool,
    pub(super) comings_due: Option<Duration>,
    pub(super) returns_until: Option<Duration>,
    pub(super) read_due: Option<Duration>,
    pub(super) count_due: Option<Duration>,
    pub(super) count_from: Duration,
    pub(super) draft_due: Option<Duration>,
    pub(super) changed: bool,
}

impl App {
    /// The screen of this size of somebody who has come in at a server.
    pub fn new(look: Look, server: &str, size: (u16, u16)) -> Self {
        Self {
            talk: Talk::new(crate::tui::show::Style {
                terminal: true,
                colour: false,
                zone: look.show.zone.clone(),
            }),
            look,
            server: clean(server),
            size,
            current: FIRST_ROOM.into(),
            views: BTreeMap::new(),
            writing: Writing::default(),
            drafts: BTreeMap::new(),
            names: BTreeSet::new(),
            heard_of: BTreeSet::new(),
            asked: BTreeMap::new(),
            overlay: None,
            mentions: VecDeque::new(),
            failed: Vec::new(),
            link: Link::Up,
            trouble: Trouble::default(),
            alerts: Alerts::default(),
            preferences: Preferences::default(),
            began: Timestamp(0),
            mouse: true,
            actions: Vec::new(),
            held: VecDeque::new(),
            completing: None,
            chord: false,
            comings_due: None,
            returns_until: None,
            read_due: None,
            count_due: None,
            count_from: Duration::ZERO,
            draft_due: None,
            changed: true,
        }
    }

    /// Somebody has come in; `drafts` and what was refused are left from the last time.
    pub fn begin(
        &mut self,
        welcome: &Welcome,
        drafts: &BTreeMap<Arc<str>, String>,
        left: &[Waiting],
        model: &Model,
        wall: Timestamp,
    ) {
        self.look.user = welcome.user.clone();
        self.began = wall;
        self.drafts = drafts.clone();
        self.failed = (left.iter())
            .filter_map(|waiting| {
                let (message, why) = (waiting.unsent(), waiting.refused.clone()?);
                Some(Failed { message, why })
            })
            .collect();
        // What was said before is fetched as it is looked at.
        let _ = self.talk.begin(welcome, wall);
        let first = self.talk.current().cloned();
        self.current = first.unwrap_or_else(|| FIRST_ROOM.into());
        let draft = self.drafts.remove(&self.current).unwrap_or_default();
        self.writing.begin(&draft);
        let (read, unread) = read_and_unread(model, &self.current);
        self.view(model).enter(read, unread);
        self.say_notes(false, model);
        let news = (model.rooms().iter())
            .filter(|(name, room)| room.unread() > 0 && **name != self.current);
        let news: Vec<_> = news
            .map(|(name, _)| name.clone())
            .take(ROOMS_FETCHED)
            .collect();
        for room in news {
            self.fetch(&room, Fetch::Newest, model);
        }
    }

    /// One wants to be in this room at first, and comes into it where one is not in it yet.
    pub fn start_in(&mut self, room: &str, model: &Model) {
        let is_in = model.rooms().keys().any(|known| same_place(known, room));
        if is_in || room.starts_with('@') {
            return self.go_to(room, model);
        }
        let joined = Purpose::Talk(Wanted::Joined);
        self.actions.push(Action::Ask(coming_into(room), joined));
    }

    /// The request of an action has this number.
    pub fn asked(&mut self, no: u64, purpose: Purpose) {
        match purpose {
            Purpose::Talk(wanted) => self.talk.asked(no, wanted),
            purpose => {
                self.asked.insert(no, purpose);
            }
        }
    }

    /// The screen has another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.changed = true;
        self.size = (columns, rows);
    }

    /// The editor has ended, with a text if it worked.
    pub fn edited(&mut self, text: Option<&str>, model: &Model) {
        match text {
            Some(text) => {
                self.writing.set(text.trim_end_matches('\n'));
            }
            None => self.note(&words::no_editor(), model),
        }
        self.changed = true;
    }

    /// The time of [`App::deadline`] has come.
    pub fn tick(&mut self, now: Duration, model: &Model) {
        let due = |moment: Option<Duration>| moment.is_some_and(|moment| now >= moment);
        if due(self.comings_due) {
            self.comings_due = None;
            self.talk.tell_comings();
            self.say_notes(true, model);
        }
        if due(self.returns_until) {
            self.returns_until = None;
            self.talk.all_are_back();
        }
        if due(self.read_due) {
            self.read_due = None;
            self.tell_read(model);
        }
        if due(self.draft_due) {
            self.keep_draft();
        }
        if due(self.count_due) {
            self.count_members(model, now);
        }
        self.changed |= self.trouble.tick(now);
        let (notify, catching_up) = (self.preferences.notify, model.is_catching_up());
        let alert = self.alerts.take(notify, catching_up, now);
        self.actions.extend(alert.map(Action::Alert));
    }

    /// The terminal has the focus now, or no longer.
    pub fn focus(&mut self, has: bool) {
        self.alerts.focus(has);
    }

    /// When [`App::tick`] is to be called, unless something else happens earlier. None: nothing changes by itself.
    pub fn deadline(&self) -> Option<Duration> {
        let due = [
            self.comings_due,
            self.returns_until,
            self.read_due,
            self.draft_due,
            self.count_due,
            self.trouble.deadline(),
            self.alerts.deadline(),
        ];
        due.into_iter().flatten().min()
    }

    /// What is to be done after all that was told.
    pub fn actions(&mut self, model: &Model, now: Duration) -> Vec<Action> {
        self.follow(model);
        while !self.is_moving() {
            let Some(text) = self.held.pop_front() else {
                break;
            };
            self.written(&text, model);
            self.keep_draft();
        }
        if self.talk.has_comings() {
            self.comings_due.get_or_insert(now + COMINGS_TOLD);
        }
        self.look_around(model, now);
        std::mem::take(&mut self.actions)
    }

    /// Whether there is something to draw; asked once, since then there is not.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether there is something to draw.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// Columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether the mouse is ours.
    pub fn has_mouse(&self) -> bool {
        self.mouse
    }

    /// The program has something to say.
    pub fn note(&mut self, text: &str, model: &Model) {
        self.changed = true;
        self.view(model).say(format!("-- {text}"), false);
    }

    /// Goes to another room.
    pub fn go_to(&mut self, room: &str, model: &Model) {
        let known = model.rooms().keys().find(|known| same_place(known, room));
        let room: Arc<str> = known.cloned().unwrap_or_else(|| room.into());
        self.talk.set_current(room.clone());
        if room == self.current {
            return;
        }
        self.changed = true;
        let text = self.writing.take();
        let draft = Action::Draft(self.current.clone(), text.clone());
        self.actions.push(draft);
        if !text.is_empty() {
            self.drafts.insert(self.current.clone(), text);
        }
        self.view(model).leave();
        self.current = room;
        let draft = self.drafts.remove(&self.current).unwrap_or_default();
        self.writing.begin(&draft);
        let (read, unread) = read_and_unread(model, &self.current);
        self.view(model).enter(read, unread);
    }

    /// The room one is in.
    pub(super) fn view(&mut self, model: &Model) -> &mut View {
        let current = self.current.clone();
        self.view_of(&current, model)
    }

    /// A room; one that was never looked at is made.
    pub(super) fn view_of(&mut self, room: &Arc<str>, model: &Model) -> &mut View {
        let last = || {
            model
                .rooms()
                .get(room)
                .map_or(Seq(0), |room| room.state.last_seq)
        };
        (self.views.entry(room.clone())).or_insert_with(|| View::new(last()))
    }

    pub(super) fn fetch(&mut self, room: &Arc<str>, what: Fetch, model: &Model) {
        let view = self.view_of(room, model);
        view.fetching = Some(what);
        let purpose = Purpose::Fetch(room.clone(), what);
        self.actions.push(Action::Ask(what.request(room), purpose));
    }

    /// The conversation as it is laid out.
    pub(super) fn timeline<'a>(&'a self, view: &'a View, model: &Model) -> Timeline<'a> {
        let here = |to: &str| same_place(to, &self.current);
        let refused = self.failed.iter().filter(|failed| here(&failed.message.to));
        let refused = refused.map(|failed| Unstored {
            kind: failed.message.kind,
            text: failed.message.text.clone(),
            refused: Some(failed.why.clone()),
        });
        let pending = model.pending().filter(|send| here(&send.to));
        let pending = pending.map(|send| Unstored {
            kind: send.kind,
            text: send.text.clone(),
            refused: None,
        });
        Timeline {
            view,
            look: &self.look,
            unstored: refused.chain(pending).collect(),
            width: usize::from(self.areas().talk.width),
        }
    }

    pub(super) fn areas(&self) -> Areas {
        areas(self.size, &self.writing)
    }

    /// Rooms, then people, each by name; with the one that one is in.
    pub(super) fn rooms(&self, model: &Model) -> Vec<Arc<str>> {
        let mut rooms: Vec<_> = model.rooms().keys().cloned().collect();
        if !rooms.contains(&self.current) {
            rooms.push(self.current.clone());
        }
        rooms.sort_by_key(|room| (room.starts_with('@'), &**room != FIRST_ROOM, room.clone()));
        rooms
    }

    /// Names that were seen can be completed.
    pub(super) fn learn(&mut self, name: &str) {
        if self.names.len() < NAMES_MAX && !self.names.contains(name) && clean(name) == name {
            self.names.insert(name.to_owned());
        }
    }

    /// The same of a room.
    pub(super) fn learn_room(&mut self, room: &str) {
        self.learn(room);
        if self.names.contains(room) && !room.starts_with('@') {
            self.heard_of.insert(room.to_owned());
        }
    }

    pub(super) fn mentioned(&mut self, message: &Message) {
        let known = (self.mentions.iter())
            .any(|known| known.room == message.room && known.seq == message.seq);
        if known {
            return;
        }
        self.mentions.push_back(message.clone());
        if self.mentions.len() > MENTIONS_MAX {
            self.mentions.pop_front();
        }
    }

    /// What the line mode's half had to say is said where one is.
    pub(super) fn say_notes(&mut self, coming: bool, model: &Model) {
        while let Some(line) = self.talk.next_line() {
            let (crate::tui::talk::Line::Output(text) | crate::tui::talk::Line::Note(text)) = line;
            for text in text.lines() {
                self.view(model).say(text.to_owned(), coming);
            }
            self.changed = true;
        }
    }

    /// A command may have led elsewhere.
    pub(super) fn follow(&mut self, model: &Model) {
        if let Some(room) = self
            .talk
            .current()
            .cloned()
            .filter(|room| *room != self.current)
        {
            self.go_to(&room, model);
        }
        self.say_notes(false, model);
    }
}

fn read_and_unread(model: &Model, room: &Arc<str>) -> (Seq, u64) {
    let state = model.rooms().get(room);
    state.map_or((Seq(0), 0), |room| (room.state.read_seq, room.unread()))
}
