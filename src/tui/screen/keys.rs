//! What keys, the mouse and pasted texts do.

use std::time::Duration;

use crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use crate::base::Seq;
use crate::client::model::{Model, same_place};
use crate::tui::screen::app::{Action, App, Link};
use crate::tui::screen::list::{List, Overlay};
use crate::tui::screen::text::typed;
use crate::tui::screen::view::{Fetch, Place};
use crate::tui::screen::words;
use crate::tui::screen::writing::Writing;
use crate::tui::terminal::complete;

/// A text of more lines than this is shown before it is taken.
const PASTE_LINES: usize = 5;
/// The same of a longer one.
const PASTE_BYTES: usize = 1_000;
/// Rows that a turn of the wheel scrolls.
const WHEEL_ROWS: isize = 3;

impl App {
    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent, model: &Model, now: Duration) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.changed = true;
        self.alerts.touched(now);
        if self.overlay.is_some() && self.over(key, model) {
            return self.draft_later(now);
        }
        let chord = std::mem::take(&mut self.chord);
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if chord && ctrl && key.code == KeyCode::Char('e') {
            return self.edit();
        }
        if key.code != KeyCode::Tab {
            self.completing = None;
        }
        if !self.moves(key, model) && !self.does(key, model) {
            self.writes(key, model);
        }
        self.draft_later(now);
    }

    /// A text was pasted.
    pub fn paste(&mut self, text: &str, model: &Model, now: Duration) {
        self.changed = true;
        self.completing = None;
        let text = typed(text);
        if matches!(self.overlay, Some(Overlay::Help(_))) {
            self.close();
        }
        if let Some(Overlay::Jump(jump)) = &mut self.overlay {
            return jump.insert(text.lines().next().unwrap_or_default());
        }
        if text.split('\n').count() > PASTE_LINES || text.len() > PASTE_BYTES {
            let text = match self.overlay.take() {
                Some(Overlay::Paste(before, _)) => before + &text,
                _ => text,
            };
            self.overlay = Some(Overlay::Paste(text, 0));
            return;
        }
        self.insert(&text, model);
        self.draft_later(now);
    }

    /// The mouse was used.
    pub fn mouse(&mut self, mouse: MouseEvent, model: &Model) {
        self.changed = true;
        let by = match mouse.kind {
            MouseEventKind::ScrollUp => -WHEEL_ROWS,
            MouseEventKind::ScrollDown => WHEEL_ROWS,
            MouseEventKind::Down(MouseButton::Left) => {
                return self.pick(mouse.column, mouse.row, model);
            }
            _ => return,
        };
        match self.overlay.is_some() {
            true => self.step_over(by),
            false => self.scroll(by, model),
        }
    }

    /// Scrolls by a page.
    pub(super) fn scroll_page(&mut self, down: bool, model: &Model) {
        let page = isize::try_from(self.areas().talk.height).unwrap_or(1);
        let page = (page - 1).max(1);
        self.scroll(if down { page } else { -page }, model);
    }

    fn scroll(&mut self, rows: isize, model: &Model) {
        let height = usize::from(self.areas().talk.height);
        self.view(model).refused = false;
        let Some(view) = self.views.get(&self.current) else {
            return;
        };
        let top = self.timeline(view, model).scrolled(rows, height);
        let view = self.view(model);
        view.top = top;
        if top.is_none() {
            view.marked = None;
        }
    }

    /// Keys that lead elsewhere.
    fn moves(&mut self, key: KeyEvent, model: &Model) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::PageUp if ctrl || alt => self.neighbour(-1, model),
            KeyCode::PageDown if ctrl || alt => self.neighbour(1, model),
            KeyCode::PageUp => self.scroll_page(false, model),
            KeyCode::PageDown => self.scroll_page(true, model),
            KeyCode::Up if alt => self.neighbour(-1, model),
            KeyCode::Down if alt => self.neighbour(1, model),
            KeyCode::Home if ctrl => self.go_to_beginning(model),
            KeyCode::End if ctrl => self.go_to_end(model),
            KeyCode::Esc => self.go_to_end(model),
            KeyCode::Char('a') if alt => self.next_news(model),
            _ => return false,
        }
        true
    }

    /// Keys that do something else than write.
    fn does(&mut self, key: KeyEvent, model: &Model) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::F(1) => self.help_here(false),
            KeyCode::Char('?') if !ctrl && !alt && self.writing.is_empty() => {
                self.help_here(true);
            }
            KeyCode::Char('k') if ctrl => self.begin_jump(model),
            KeyCode::Char('r') if ctrl && self.link == Link::Lost => {
                self.actions.push(Action::Retry);
            }
            KeyCode::F(2) => {
                self.mouse = !self.mouse;
                self.actions.push(Action::Mouse(self.mouse));
                self.note(
                    &if self.mouse {
                        words::mouse_on()
                    } else {
                        words::mouse_off()
                    },
                    model,
                );
            }
            KeyCode::F(7) => self.failed(true),
            KeyCode::F(8) => self.failed(false),
            KeyCode::Char('m') if alt => match self.mentions.is_empty() {
                true => self.note(&words::no_mentions(), model),
                false => {
                    let mut messages: Vec<_> = self.mentions.iter().cloned().collect();
                    messages.sort_by_key(|message| message.at);
                    self.overlay = Some(Overlay::List(List::new(&words::mentions(), messages)));
                }
            },
            KeyCode::Char('e') if alt => self.edit(),
            KeyCode::Char('o') if ctrl => self.look.unfolded = !self.look.unfolded,
            KeyCode::Char('l') if ctrl => self.actions.push(Action::Redraw),
            KeyCode::Char('z') if ctrl => self.actions.push(Action::Suspend),
            KeyCode::Char('c') if ctrl => match self.writing.is_empty() {
                true => self.note(&words::how_to_end(), model),
                false => {
                    let text = self.writing.text().to_owned();
                    self.writing.remember(&text);
                    self.writing.set("");
                }
            },
            KeyCode::Char('d') if ctrl && self.writing.is_empty() => self.quit(model),
            KeyCode::Char('x') if ctrl => self.chord = true,
            _ => return false,
        }
        true
    }

    /// Keys that write, as readline has them.
    fn writes(&mut self, key: KeyEvent, model: &Model) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Enter if alt || key.modifiers.contains(KeyModifiers::SHIFT) => {
                self.insert("\n", model);
            }
            KeyCode::Enter => self.enter(model),
            KeyCode::Char('j') if ctrl => self.insert("\n", model),
            KeyCode::Tab => self.complete(model),
            KeyCode::Up => self.writing.up_or_down(false),
            KeyCode::Down => self.writing.up_or_down(true),
            KeyCode::Char('p') if ctrl => self.writing.up_or_down(false),
            KeyCode::Char('n') if ctrl => self.writing.up_or_down(true),
            KeyCode::Char(letter) if !ctrl && !alt => {
                self.insert(letter.encode_utf8(&mut [0; 4]), model);
            }
            _ => edit_line(&mut self.writing, key),
        }
    }

    pub(super) fn insert(&mut self, text: &str, model: &Model) {
        if !self.writing.insert(text) {
            self.note(&words::too_long(), model);
        }
    }

    fn edit(&mut self) {
        let text = self.writing.text().to_owned();
        self.actions.push(Action::Edit(text));
    }

    /// Puts what the word can become into the line; pressed again, the next that it can.
    fn complete(&mut self, model: &Model) {
        let at = self.writing.before().len();
        let going_on = self.completing.take().filter(|(_, end, _)| *end == at);
        let (start, mut fits) = match going_on {
            Some((start, _, fits)) => (start, fits),
            None => {
                let mut names = self.names.clone();
                let rooms = model.rooms().keys().filter(|room| !room.starts_with('@'));
                names.extend(rooms.map(ToString::to_string));
                let (start, fits) = complete(self.writing.before(), &names);
                (start, fits.into())
            }
        };
        let Some(next) = fits.pop_front() else { return };
        self.writing.replace(start..at, &next);
        fits.push_back(next);
        self.completing = Some((start, self.writing.before().len(), fits));
    }

    fn neighbour(&mut self, by: isize, model: &Model) {
        let rooms = self.rooms(model);
        let at = rooms
            .iter()
            .position(|room| *room == self.current)
            .unwrap_or(0);
        let next = at
            .saturating_add_signed(by)
            .min(rooms.len().saturating_sub(1));
        if let Some(room) = rooms.get(next) {
            self.go_to(&room.clone(), model);
        }
    }

    /// Goes where one is mentioned or spoken to, else where something is new. Rooms that are hushed are passed over.
    fn next_news(&mut self, model: &Model) {
        let rooms = self.rooms(model);
        let unread = |room: &str| {
            model
                .rooms()
                .get(room)
                .is_some_and(|room| room.unread() > 0)
        };
        let news: Vec<_> = rooms
            .into_iter()
            .filter(|room| *room != self.current && unread(room) && !self.is_hushed(room))
            .collect();
        let mentioned = |room: &&std::sync::Arc<str>| {
            room.starts_with('@') || self.views.get(*room).is_some_and(|view| view.mentions > 0)
        };
        if let Some(room) = news.iter().find(mentioned).or(news.first()) {
            self.go_to(&room.clone(), model);
        }
    }

    fn go_to_beginning(&mut self, model: &Model) {
        let view = self.view(model);
        match view.log.has_more_before() {
            false => {
                view.top = Some(Place {
                    seq: Seq(0),
                    row: 0,
                })
            }
            true => {
                let current = self.current.clone();
                self.fetch(&current, Fetch::First, model);
            }
        }
    }

    fn go_to_end(&mut self, model: &Model) {
        let view = self.view(model);
        (view.top, view.marked, view.refused) = (None, None, false);
        view.new_after = None;
    }

    /// Sends again, or drops, what was refused in this room.
    fn failed(&mut self, again: bool) {
        let here = |to: &str| same_place(to, &self.current);
        let (chosen, others) = std::mem::take(&mut self.failed)
            .into_iter()
            .partition(|failed| here(&failed.message.to));
        self.failed = others;
        let chosen: Vec<_> = chosen;
        self.actions
            .extend(chosen.into_iter().map(|failed| match again {
                true => Action::Again(failed.message),
                false => Action::Drop(failed.message.key),
            }));
    }
}

/// What a key does in any line that is written, as readline has it.
pub fn edit_line(line: &mut Writing, key: KeyEvent) {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let alt = key.modifiers.contains(KeyModifiers::ALT);
    match key.code {
        KeyCode::Left | KeyCode::Right => {
            let forward = key.code == KeyCode::Right;
            match ctrl || alt {
                true => line.by_word(forward),
                false => line.by_letter(forward),
            }
        }
        KeyCode::Home => line.go_to_edge(false),
        KeyCode::End => line.go_to_edge(true),
        KeyCode::Delete => line.delete(true),
        KeyCode::Backspace if alt || ctrl => line.cut_word(false),
        KeyCode::Backspace => line.delete(false),
        KeyCode::Char(letter) if ctrl => match letter {
            'a' => line.go_to_edge(false),
            'e' => line.go_to_edge(true),
            'b' => line.by_letter(false),
            'f' => line.by_letter(true),
            'd' => line.delete(true),
            'h' => line.delete(false),
            'w' => line.cut_to_space(),
            'u' => line.cut_to_edge(false),
            'k' => line.cut_to_edge(true),
            'y' => line.put_back(),
            't' => line.swap(),
            // What terminals send for Ctrl-_ is told as Ctrl-7.
            '_' | '7' => line.undo(),
            _ => {}
        },
        KeyCode::Char('b') if alt => line.by_word(false),
        KeyCode::Char('f') if alt => line.by_word(true),
        KeyCode::Char('d') if alt => line.cut_word(true),
        KeyCode::Char('k') if alt => line.cut_to_edge(true),
        _ => {}
    }
}
