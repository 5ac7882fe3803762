//! What keys and the mouse do where something lies over the conversation.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::base::Seq;
use crate::client::model::Model;
use crate::tui::screen::app::App;
use crate::tui::screen::draw::first_room;
use crate::tui::screen::list::Overlay;
use crate::tui::screen::view::{Fetch, Place};

impl App {
    /// Keys while something lies over the conversation. Says whether that was all.
    pub(super) fn over(&mut self, key: KeyEvent, model: &Model) -> bool {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let page = isize::try_from(self.areas().body.height).unwrap_or(1);
        match key.code {
            KeyCode::F(1) if !matches!(self.overlay, Some(Overlay::Help(_))) => {
                self.help_here(false)
            }
            KeyCode::Esc | KeyCode::F(1) => self.close(),
            KeyCode::Char('c' | 'g') if ctrl => self.close(),
            KeyCode::Up => self.step_over(-1),
            KeyCode::Down => self.step_over(1),
            KeyCode::Char('p') if ctrl => self.step_over(-1),
            KeyCode::Char('n') if ctrl => self.step_over(1),
            KeyCode::PageUp => self.step_over(-page),
            KeyCode::PageDown => self.step_over(page),
            KeyCode::Enter => self.take_over(model),
            KeyCode::Char('l' | 'z') if ctrl => return false,
            _ if matches!(self.overlay, Some(Overlay::Jump(_))) => self.in_jump(key),
            KeyCode::Home => self.step_over(isize::MIN + 1),
            KeyCode::End => self.step_over(isize::from(i16::MAX)),
            KeyCode::Tab => self.step_over(1),
            KeyCode::BackTab => self.step_over(-1),
            KeyCode::Char('?') if !ctrl => self.question(model),
            // A text that was pasted is not lost by a key that was meant for another.
            _ if matches!(self.overlay, Some(Overlay::Paste(..))) => {}
            KeyCode::Char(_) if !ctrl => return self.typed_over(model),
            _ => {}
        }
        true
    }

    /// Takes away what lies over the conversation; what it lay over is there again.
    pub(super) fn close(&mut self) {
        self.overlay = match self.overlay.take() {
            Some(Overlay::Help(table)) => table.below.map(|below| *below),
            _ => None,
        };
    }

    /// A letter closes what one only looks at, and is written. Says whether it is not.
    fn typed_over(&mut self, model: &Model) -> bool {
        let (below, by_letter) = match &self.overlay {
            Some(Overlay::Help(table)) => (table.below.is_some(), table.by_letter),
            _ => (false, false),
        };
        self.close();
        if by_letter {
            self.insert("?", model);
        }
        below
    }

    /// A question mark: asks for the keys; asked again it is written, where that is possible.
    fn question(&mut self, model: &Model) {
        let Some(Overlay::Help(_)) = &self.overlay else {
            return self.help_here(false);
        };
        self.close();
        if self.overlay.is_none() {
            self.insert("?", model);
        }
    }

    /// Scrolls what lies over the conversation, or chooses another row of it.
    pub(super) fn step_over(&mut self, by: isize) {
        let body = self.areas().body;
        if let Some(overlay) = &mut self.overlay {
            overlay.step(by);
            overlay.bound(
                &self.look,
                usize::from(body.width),
                usize::from(body.height),
            );
        }
    }

    /// Keys where one says where to go.
    fn in_jump(&mut self, key: KeyEvent) {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let Some(Overlay::Jump(jump)) = &mut self.overlay else {
            return;
        };
        match key.code {
            KeyCode::Tab => return jump.turn(false),
            KeyCode::BackTab => return jump.turn(true),
            KeyCode::Char('k') if ctrl => return jump.turn(false),
            KeyCode::Left => return jump.line.by_letter(false),
            KeyCode::Right => return jump.line.by_letter(true),
            KeyCode::Home => return jump.line.go_to_edge(false),
            KeyCode::End => return jump.line.go_to_edge(true),
            KeyCode::Backspace if ctrl || alt => jump.line.cut_word(false),
            KeyCode::Backspace => jump.line.delete(false),
            KeyCode::Delete => jump.line.delete(true),
            KeyCode::Char('h') if ctrl => jump.line.delete(false),
            KeyCode::Char('w') if ctrl => jump.line.cut_to_space(),
            KeyCode::Char('u') if ctrl => jump.line.cut_to_edge(false),
            KeyCode::Char(letter) if !ctrl && !alt => {
                return jump.insert(letter.encode_utf8(&mut [0; 4]));
            }
            _ => return,
        }
        jump.look();
    }

    fn take_over(&mut self, model: &Model) {
        match self.overlay.take() {
            Some(Overlay::Paste(text, _)) => self.insert(&text, model),
            Some(Overlay::List(list)) => {
                if let Some((room, seq)) = list.chosen() {
                    self.jump(room, seq, model);
                }
            }
            Some(Overlay::Jump(jump)) => {
                if let Some(goal) = jump.chosen() {
                    self.go_to_goal(goal, model);
                }
            }
            Some(Overlay::Help(table)) => self.overlay = table.below.map(|below| *below),
            _ => {}
        }
    }

    fn jump(&mut self, room: &str, seq: Seq, model: &Model) {
        self.go_to(room, model);
        let view = self.view(model);
        let at = view.log.position(seq);
        let held = view
            .log
            .messages()
            .get(at)
            .is_some_and(|message| message.seq == seq);
        if held && (at >= 10 || !view.log.has_more_before()) {
            view.marked = Some(seq);
            view.top = Some(Place {
                seq: Seq(seq.0.saturating_sub(3)),
                row: 0,
            });
            return;
        }
        let current = self.current.clone();
        self.fetch(&current, Fetch::Around(seq), model);
    }

    /// What the mouse was pressed on.
    pub(super) fn pick(&mut self, column: u16, row: u16, model: &Model) {
        let areas = self.areas();
        if let Some(overlay) = &mut self.overlay {
            let (body, height) = (areas.body, usize::from(areas.body.height));
            let inside = (body.top()..body.bottom()).contains(&row);
            if inside && overlay.pick(usize::from(row - body.y), height) {
                self.take_over(model);
            }
            return;
        }
        if column >= areas.rooms.right()
            || !(areas.rooms.top()..areas.rooms.bottom()).contains(&row)
        {
            return;
        }
        let rooms = self.rooms(model);
        let first = first_room(&rooms, &self.current, areas.rooms.height);
        if let Some(room) = rooms.get(first + usize::from(row - areas.rooms.y)) {
            self.go_to(&room.clone(), model);
        }
    }
}
