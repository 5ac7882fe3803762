//! What keys and pasted texts do on the form.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::tui::enter::attempt::Field;
use crate::tui::screen::form::{Action, Form, Mode, one_line, words};
use crate::tui::screen::keys::edit_line;

impl Form {
    /// A text was pasted: its first line, without what was copied with it.
    pub fn paste(&mut self, text: &str) {
        if self.mode != Mode::Filling {
            return;
        }
        let text = match self.at {
            Field::Password | Field::Again => one_line(text),
            _ => one_line(text.trim()),
        };
        let before = self.text(self.at).to_owned();
        self.lines[self.at as usize].insert(&text);
        self.edited(&before);
    }

    /// A key was pressed.
    pub fn key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.changed = true;
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match (&self.mode, key.code) {
            (_, KeyCode::Char('c')) if ctrl => self.actions.push(Action::End),
            (_, KeyCode::Char('z')) if ctrl => self.actions.push(Action::Suspend),
            (_, KeyCode::Char('l')) if ctrl => self.actions.push(Action::Redraw),
            (Mode::Trying(..), KeyCode::Esc) => self.break_off(),
            (Mode::Trying(..), _) => {}
            (Mode::Asking(..), code) => self.answered(code),
            (Mode::Filling, _) => self.writes(key),
        }
    }

    fn break_off(&mut self) {
        self.mode = Mode::Filling;
        self.said = words::broken_off();
        self.actions.push(Action::BreakOff);
    }

    /// Whether the server is to be trusted; Enter alone is no answer.
    fn answered(&mut self, code: KeyCode) {
        let KeyCode::Char(letter) = code else {
            if code == KeyCode::Esc {
                self.mode = Mode::Filling;
            }
            return;
        };
        // Also where the keyboard has Cyrillic letters.
        match letter.to_lowercase().next() {
            Some('y' | 'д') => {
                let mode = std::mem::replace(&mut self.mode, Mode::Filling);
                if let Mode::Asking(place, wish, shown, _) = mode {
                    self.actions.push(Action::Trust(place.clone(), shown));
                    self.tries(place, wish);
                }
            }
            Some('n' | 'н') => self.mode = Mode::Filling,
            _ => {}
        }
    }

    /// Keys while the fields are filled in.
    fn writes(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        match key.code {
            KeyCode::Esc if self.new.is_some() => {
                (self.new, self.wrong) = (None, None);
                self.at = Field::Password;
            }
            KeyCode::Esc => self.actions.push(Action::End),
            KeyCode::Enter => self.enter(),
            KeyCode::Tab | KeyCode::Down => self.step(1),
            KeyCode::BackTab | KeyCode::Up => self.step(-1),
            KeyCode::Char('n') if ctrl => self.step(1),
            KeyCode::Char('p') if ctrl => self.step(-1),
            code => {
                let before = self.text(self.at).to_owned();
                let line = &mut self.lines[self.at as usize];
                match code {
                    KeyCode::Char(letter) if !ctrl && !alt => {
                        line.insert(letter.encode_utf8(&mut [0; 4]));
                    }
                    _ => edit_line(line, key),
                }
                self.edited(&before);
            }
        }
    }

    /// Goes on to the next field; where all are filled in, or at the last one, it is tried.
    fn enter(&mut self) {
        let fields = self.fields();
        let is_filled = |field: &Field| !self.text(*field).trim().is_empty();
        if fields.iter().all(is_filled) || fields.last() == Some(&self.at) {
            return self.try_it();
        }
        self.step(1);
    }

    fn step(&mut self, by: isize) {
        let fields = self.fields();
        let count = isize::try_from(fields.len()).unwrap_or(1);
        let at = fields.iter().position(|field| *field == self.at);
        let at = isize::try_from(at.unwrap_or(0)).unwrap_or(0) + by;
        if let Ok(at) = usize::try_from(at.rem_euclid(count)) {
            self.at = fields[at];
        }
    }

    /// What was typed may be about somebody else now.
    fn edited(&mut self, before: &str) {
        self.changed = true;
        if self.text(self.at) == before {
            return;
        }
        if self
            .wrong
            .as_ref()
            .is_some_and(|(field, _)| *field == self.at)
        {
            self.wrong = None;
        }
        let stays = match self.at {
            Field::Server | Field::Port | Field::Name => false,
            Field::Password => self.new.is_some_and(|new| new.sure),
            Field::Again | Field::Invite => true,
        };
        if !stays {
            self.new = None;
        }
    }
}
