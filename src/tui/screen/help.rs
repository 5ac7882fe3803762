//! What can be done here: the keys of the place one is in, or the commands, as a table that lies over everything else and
//! gives way to what was there before.

use crate::client::model::Model;
use crate::tui::command;
use crate::tui::screen::app::App;
use crate::tui::screen::list::Overlay;
use crate::tui::screen::text::{columns, cut, wrap};
use crate::tui::screen::timeline::{Look, Row, part};
use crate::tui::screen::words;

/// Columns that an explanation needs beside what it explains; where there are fewer it stands below that.
const BESIDE_COLUMNS: usize = 24;
/// The widest that what is explained may be to have its explanation beside it.
const HEAD_COLUMNS: usize = 26;

/// What is explained, and how.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    foot: String,
    entries: Vec<(String, String)>,
    /// So many rows are above the screen.
    pub top: usize,
    /// What it lies over, if that is not the conversation.
    pub below: Option<Box<Overlay>>,
    /// It was asked for by a question mark on the line: whoever types on has meant that one.
    pub by_letter: bool,
}

/// Where keys have a meaning of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the line.
    Line,
    /// The same, while one reads what is old.
    Scrolled,
    /// In a list of messages.
    List,
    /// Where one says where to go.
    Jump,
    /// Before what was pasted.
    Paste,
}

impl Table {
    /// What stands above and below it.
    pub fn title(&self) -> (String, String) {
        (self.title.clone(), self.foot.clone())
    }

    /// Its rows.
    pub fn rows(&self, look: &Look, width: usize) -> Vec<Row> {
        let heads = self.entries.iter().map(|(head, _)| columns(head));
        let head = heads.max().unwrap_or(0).min(HEAD_COLUMNS);
        let mut rows = Vec::new();
        for (what, told) in &self.entries {
            let narrow = width < head + BESIDE_COLUMNS;
            let indent = if narrow { 2 } else { head + 2 };
            let mut first = vec![part(&cut(what, width), look.theme.unread())];
            if narrow || columns(what) > head {
                rows.push(std::mem::take(&mut first));
            }
            let room = width.saturating_sub(indent);
            for piece in wrap(told, room, room) {
                let used: usize = first.iter().map(|part| columns(&part.text)).sum();
                let mut row = std::mem::take(&mut first);
                let space = " ".repeat(indent.saturating_sub(used));
                row.push(part(&space, look.theme.text()));
                row.push(part(&told[piece], look.theme.text()));
                rows.push(row);
            }
        }
        rows
    }
}

impl App {
    /// Shows the keys that work where one is.
    pub(super) fn help_here(&mut self, by_letter: bool) {
        let below = self.overlay.take();
        let scrolled = self
            .views
            .get(&self.current)
            .is_some_and(|it| it.top.is_some());
        let place = match &below {
            Some(Overlay::List(_)) => Place::List,
            Some(Overlay::Jump(_)) => Place::Jump,
            Some(Overlay::Paste(..)) => Place::Paste,
            Some(Overlay::Help(_)) | None if scrolled => Place::Scrolled,
            Some(Overlay::Help(_)) | None => Place::Line,
        };
        self.overlay = Some(Overlay::Help(Table {
            title: words::keys_of(place),
            foot: words::help_keys(below.is_some()),
            entries: words::keys(place),
            top: 0,
            below: below.map(Box::new),
            by_letter,
        }));
    }

    /// Shows the commands.
    pub(super) fn help_on_commands(&mut self, model: &Model) {
        let keeps_order = model.role(&self.current).is_some();
        self.overlay = Some(Overlay::Help(Table {
            title: words::commands(),
            foot: words::commands_keys(),
            entries: command::table(keeps_order),
            top: 0,
            below: None,
            by_letter: false,
        }));
    }
}
