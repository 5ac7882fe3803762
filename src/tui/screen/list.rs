//! What lies over the conversation for a while: messages that were found or mention one, the keys, what was pasted.

use crate::base::Seq;
use crate::base::record::Kind;
use crate::client::Message;
use crate::tui::screen::help::Table;
use crate::tui::screen::jump::Jump;
use crate::tui::screen::text::{clean, clean_lines, columns, cut};
use crate::tui::screen::timeline::{Look, Row, part};
use crate::tui::screen::words;

/// Lines of what was pasted that are shown, before it is said how many more there are.
const PREVIEW_LINES: usize = 200;

/// What lies over the conversation.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Messages, one of which one can go to.
    List(List),
    /// What can be done here.
    Help(Table),
    /// Where to go.
    Jump(Jump),
    /// A text that waits to be taken.
    Paste(String, usize),
}

/// Messages to choose from, the newest last.
#[derive(Clone, Debug)]
pub struct List {
    title: String,
    messages: Vec<Message>,
    at: usize,
}

impl List {
    /// A list with the newest chosen.
    pub fn new(title: &str, messages: Vec<Message>) -> Self {
        Self {
            title: clean(title),
            at: messages.len().saturating_sub(1),
            messages,
        }
    }

    /// Chooses another one.
    pub fn step(&mut self, by: isize) {
        let last = self.messages.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Chooses what is seen in this row of so many.
    fn pick(&mut self, row: usize, height: usize) -> bool {
        let at = self.first(height) + row;
        let there = at < self.messages.len();
        if there {
            self.at = at;
        }
        there
    }

    /// The one at the top of so many rows.
    fn first(&self, height: usize) -> usize {
        (self.at + 1).saturating_sub(height)
    }

    fn redact(&mut self, room: &str, seq: Seq) {
        let gone = |message: &&mut Message| *message.room == *room && message.seq == seq;
        for message in self.messages.iter_mut().filter(gone) {
            (message.kind, message.text) = (Kind::Redacted, "".into());
        }
    }

    /// The one that is chosen.
    pub fn chosen(&self) -> Option<(&str, Seq)> {
        let message = self.messages.get(self.at)?;
        Some((&message.room, message.seq))
    }
}

impl Overlay {
    /// What stands above and below it.
    pub fn title(&self) -> (String, String) {
        match self {
            Self::List(list) => (list.title.clone(), words::list_keys()),
            Self::Help(table) => table.title(),
            Self::Jump(_) => (words::jump(), words::jump_keys()),
            Self::Paste(text, _) => {
                let title = words::pasted(text.split('\n').count(), text.len());
                (title, words::paste_keys())
            }
        }
    }

    /// Scrolls, or chooses another row.
    pub fn step(&mut self, by: isize) {
        match self {
            Self::List(list) => list.step(by),
            Self::Jump(jump) => jump.step(by),
            Self::Help(Table { top, .. }) | Self::Paste(_, top) => {
                *top = top.saturating_add_signed(by);
            }
        }
    }

    /// Scrolls no further than there is something.
    pub fn bound(&mut self, look: &Look, width: usize, height: usize) {
        let rows = match self {
            Self::List(_) | Self::Jump(_) => return,
            Self::Help(table) => table.rows(look, width).len(),
            Self::Paste(text, _) => preview(look, text, width).len(),
        };
        if let Self::Help(Table { top, .. }) | Self::Paste(_, top) = self {
            *top = (*top).min(rows.saturating_sub(height));
        }
    }

    /// Chooses what is seen in this row of so many. Says whether there is something to choose.
    pub fn pick(&mut self, row: usize, height: usize) -> bool {
        match self {
            Self::List(list) => list.pick(row, height),
            Self::Jump(jump) => jump.pick(row, height),
            Self::Help(_) | Self::Paste(..) => false,
        }
    }

    /// The text of a message is gone, wherever it is listed.
    pub fn redact(&mut self, room: &str, seq: Seq) {
        match self {
            Self::List(list) => list.redact(room, seq),
            Self::Help(Table { below, .. }) => {
                below.iter_mut().for_each(|below| below.redact(room, seq));
            }
            Self::Jump(_) | Self::Paste(..) => {}
        }
    }

    /// Its rows, as many as fit.
    pub fn rows(&self, look: &Look, width: usize, height: usize) -> Vec<Row> {
        let (rows, top) = match self {
            Self::List(list) => {
                let top = list.first(height);
                let shown = list.messages.iter().enumerate().skip(top).take(height);
                let rows = shown.map(|(at, message)| found(look, message, at == list.at, width));
                return rows.collect();
            }
            Self::Jump(jump) => return jump.rows(look, width, height),
            Self::Help(table) => (table.rows(look, width), table.top),
            Self::Paste(text, top) => (preview(look, text, width), *top),
        };
        let top = top.min(rows.len().saturating_sub(height));
        rows.into_iter().skip(top).take(height).collect()
    }
}

fn found(look: &Look, message: &Message, chosen: bool, width: usize) -> Row {
    let (moment, room) = (look.show.moment(message.at), clean(&message.room));
    let from = clean(&message.from);
    let said = match message.kind {
        Kind::Redacted => words::removed(message.seq.0, &from),
        Kind::Action => format!("* {from} {}", clean(&message.text)),
        _ => format!("<{from}> {}", clean(&message.text)),
    };
    let line = cut(&format!("{moment} {room} {said}"), width);
    let style = match chosen {
        true => look.theme.chosen(),
        false => look.theme.text(),
    };
    let space = width.saturating_sub(columns(&line));
    vec![part(&format!("{line}{}", " ".repeat(space)), style)]
}

fn preview(look: &Look, text: &str, width: usize) -> Vec<Row> {
    let lines = clean_lines(text);
    let more = lines.len().saturating_sub(PREVIEW_LINES);
    let row = |line: &String| vec![part(&cut(line, width), look.theme.text())];
    let mut rows: Vec<Row> = lines.iter().take(PREVIEW_LINES).map(row).collect();
    if more > 0 {
        rows.push(vec![part(
            &cut(&format!("… {more}"), width),
            look.theme.dim(),
        )]);
    }
    rows
}
