//! Going to a room or person by a part of the name: what there is to go to, and what of it fits what is typed. Knows no keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::client::model::Model;
use crate::client::{Request, request};
use crate::tui::screen::app::{Action, App, Purpose};
use crate::tui::screen::list::Overlay;
use crate::tui::screen::text::{clean, columns, cut};
use crate::tui::screen::timeline::{Look, Row, part};
use crate::tui::screen::words;
use crate::tui::screen::writing::Writing;
use crate::tui::talk::Wanted;

/// Names that are offered at once; whoever wants another types one more letter.
const FOUND_MAX: usize = 200;
/// The longest text that is looked for, in bytes: names are shorter.
const LINE_BYTES_MAX: usize = 256;

/// Where one can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A room one is in, or somebody one talks with.
    Here(Arc<str>),
    /// Somebody else.
    Person(Arc<str>),
    /// A room that one has heard of.
    Room(Arc<str>),
}

/// What is typed, and where that may lead.
#[derive(Clone, Debug, Default)]
pub struct Jump {
    /// What is typed.
    pub line: Writing,
    goals: Vec<Goal>,
    found: Vec<Goal>,
    at: usize,
}

impl Goal {
    /// As it is read and typed.
    fn name(&self) -> String {
        match self {
            Self::Here(name) | Self::Room(name) => clean(name),
            Self::Person(name) => format!("@{}", clean(name)),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Here(_) => String::new(),
            Self::Person(_) => words::goal_person(),
            Self::Room(_) => words::goal_room(),
        }
    }
}

impl Jump {
    /// To one of these, the likeliest first.
    pub fn new(goals: Vec<Goal>) -> Self {
        let mut jump = Self {
            goals,
            ..Self::default()
        };
        jump.look();
        jump
    }

    /// Looks for what is typed now.
    pub fn look(&mut self) {
        let wanted = self.line.text().trim();
        let mut fits: Vec<_> = (self.goals.iter().enumerate())
            .filter_map(|(at, goal)| Some((rank(&goal.name(), wanted)?, at, goal)))
            .collect();
        fits.sort_by_key(|(rank, at, _)| (*rank, *at));
        let found = fits.into_iter().map(|(.., goal)| goal.clone());
        self.found = found.take(FOUND_MAX).collect();
        self.at = 0;
    }

    /// A letter was typed; more than a name can have is left out.
    pub fn insert(&mut self, text: &str) {
        if self.line.text().len() + text.len() <= LINE_BYTES_MAX && !text.contains('\n') {
            self.line.insert(text);
        }
        self.look();
    }

    /// Chooses another one.
    pub fn step(&mut self, by: isize) {
        let last = self.found.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// The one after this, and after the last the first.
    pub fn turn(&mut self, back: bool) {
        let count = self.found.len().max(1);
        self.at = (self.at + if back { count - 1 } else { 1 }) % count;
    }

    /// Chooses what is seen in this row of so many. Says whether there is one.
    pub fn pick(&mut self, row: usize, height: usize) -> bool {
        let at = self.first(height) + row;
        let there = at < self.found.len();
        if there {
            self.at = at;
        }
        there
    }

    /// What is chosen; where nothing fits, a room of the name that is typed.
    pub fn chosen(&self) -> Option<Goal> {
        let typed = self.line.text().trim().trim_start_matches('#');
        let goal = self.found.get(self.at).cloned();
        goal.or_else(|| match typed.strip_prefix('@') {
            _ if typed.is_empty() => None,
            Some("") => None,
            Some(person) => Some(Goal::Person(person.into())),
            None => Some(Goal::Room(typed.into())),
        })
    }

    /// Its rows, as many as fit.
    pub fn rows(&self, look: &Look, width: usize, height: usize) -> Vec<Row> {
        if self.found.is_empty() {
            let told = match self.chosen() {
                Some(goal) => words::no_goal(&goal.name()),
                None => words::no_goals(),
            };
            return vec![vec![part(&cut(&told, width), look.theme.dim())]];
        }
        let shown = (self.found.iter().enumerate())
            .skip(self.first(height))
            .take(height);
        let row = |(at, goal): (usize, &Goal)| {
            let told = goal.told();
            let space = if told.is_empty() { "" } else { "  " };
            let name = cut(&goal.name(), width);
            let rest = width.saturating_sub(columns(&name));
            let told = cut(&format!("{space}{told}"), rest);
            let end = " ".repeat(rest.saturating_sub(columns(&told)));
            match at == self.at {
                true => vec![part(&format!("{name}{told}{end}"), look.theme.chosen())],
                false => vec![
                    part(&name, look.theme.text()),
                    part(&told, look.theme.dim()),
                ],
            }
        };
        shown.map(row).collect()
    }

    fn first(&self, height: usize) -> usize {
        (self.at + 1).saturating_sub(height)
    }
}

/// How well a name fits; the lowest fits best. None: not at all.
fn rank(name: &str, wanted: &str) -> Option<(u8, usize)> {
    let (name, wanted) = (name.to_lowercase(), wanted.to_lowercase());
    // Whoever types one of the signs means rooms, or people.
    if wanted.starts_with('#') && name.starts_with('@') {
        return None;
    }
    let wanted = wanted.trim_start_matches('#');
    let name = match wanted.starts_with('@') {
        true => name.as_str(),
        false => name.trim_start_matches('@'),
    };
    if name.starts_with(wanted) {
        return Some((0, 0));
    }
    let mut places = name.match_indices(wanted).map(|(at, _)| at);
    let first = places.clone().next();
    let word = places.any(|at| {
        let before = name[..at].chars().next_back();
        before.is_none_or(|before| !before.is_alphanumeric())
    });
    match first {
        Some(_) if word => return Some((1, 0)),
        Some(at) => return Some((2, at)),
        None => {}
    }
    // All letters in their order; the closer together the better.
    let mut letters = wanted.chars().peekable();
    let (mut begin, mut end) = (None, 0);
    for (at, letter) in name.chars().enumerate() {
        if letters.next_if_eq(&letter).is_some() {
            begin.get_or_insert(at);
            end = at;
        }
    }
    letters
        .peek()
        .is_none()
        .then(|| (3, end - begin.unwrap_or(0)))
}

impl App {
    /// Asks where to go.
    pub(super) fn begin_jump(&mut self, model: &Model) {
        let unread = |room: &Arc<str>| {
            let news = model
                .rooms()
                .get(room)
                .is_some_and(|room| room.unread() > 0);
            news && !self.is_hushed(room)
        };
        let mut here = self.rooms(model);
        here.retain(|room| *room != self.current);
        here.sort_by_key(|room| !unread(room));
        let known: BTreeSet<String> = model.rooms().keys().map(|it| it.to_lowercase()).collect();
        let is_here = |name: &str| known.contains(&name.to_lowercase());
        let rooms = self.heard_of.iter().filter(|room| !is_here(room));
        let rooms = rooms.map(|room| Goal::Room(room.as_str().into()));
        let people = (self.names.iter())
            .filter(|name| !self.heard_of.contains(*name) && **name != *self.look.user)
            .filter(|name| !is_here(&format!("@{name}")))
            .map(|name| Goal::Person(name.as_str().into()));
        let here = here.into_iter().map(Goal::Here);
        let current = std::iter::once(Goal::Here(self.current.clone()));
        let goals = here.chain(people).chain(rooms).chain(current).collect();
        self.overlay = Some(Overlay::Jump(Jump::new(goals)));
    }

    /// Goes where that leads. Nothing is put together to a line that would be read as a command: a name is a name.
    pub(super) fn go_to_goal(&mut self, goal: Goal, model: &Model) {
        match goal {
            Goal::Here(room) => self.go_to(&room, model),
            Goal::Person(name) => {
                self.talk.go_to(&format!("@{name}"));
                self.follow(model);
            }
            Goal::Room(room) => {
                let room = room.to_string();
                let request = Request::Join(request::Room { room });
                let purpose = Purpose::Talk(Wanted::Joined);
                self.actions.push(Action::Ask(request, purpose));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(typed: &str) -> Vec<String> {
        let here = ["lobby", "garden-party", "tea", "team", "@anna-lena"];
        let here = here.map(|name| Goal::Here(name.into())).into_iter();
        let others = [
            Goal::Person("Stefan".into()),
            Goal::Person("борис".into()),
            Goal::Room("steam".into()),
            Goal::Room("the atelier".into()),
        ];
        let mut jump = Jump::new(here.chain(others).collect());
        jump.insert(typed);
        jump.found.iter().map(Goal::name).collect()
    }

    #[test]
    fn the_best_fit_comes_first() {
        assert_eq!(
            found("te"),
            ["tea", "team", "@Stefan", "steam", "the atelier"]
        );
        assert_eq!(found("par"), ["garden-party"]);
        assert_eq!(found("GP"), ["garden-party"]);
        assert_eq!(found("at"), ["the atelier", "garden-party"]);
        assert_eq!(found("lena"), ["@anna-lena"]);
        assert_eq!(found("Бор"), ["@борис"]);
        assert_eq!(found("@"), ["@anna-lena", "@Stefan", "@борис"]);
        assert_eq!(found("#tea"), ["tea", "team", "steam", "the atelier"]);
        assert_eq!(found("").len(), 9);
        assert_eq!(found("xyz"), [""; 0]);
    }

    #[test]
    fn what_is_chosen_is_in_the_list_or_as_it_is_typed() {
        let mut jump = Jump::new(vec![Goal::Here("tea".into()), Goal::Here("lobby".into())]);
        jump.turn(true);
        assert_eq!(jump.chosen(), Some(Goal::Here("lobby".into())));
        jump.turn(false);
        assert_eq!(jump.chosen(), Some(Goal::Here("tea".into())));
        assert!(jump.pick(1, 5) && !jump.pick(2, 5));
        for (typed, goal) in [
            ("#garden", Some(Goal::Room("garden".into()))),
            ("@vera", Some(Goal::Person("vera".into()))),
            ("@", None),
        ] {
            let mut jump = Jump::new(Vec::new());
            jump.insert(typed);
            assert_eq!(jump.chosen(), goal);
        }
        jump.insert(&"x".repeat(300));
        assert_eq!(jump.line.text(), "");
    }
}
