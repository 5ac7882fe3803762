//! What lies over the conversation for a while: messages that were found or mention one, the keys, what was pasted.

use crate::base::Seq;
use crate::client::Message;
use crate::tui::screen::text::{clean, clean_lines, columns, cut, wrap};
use crate::tui::screen::timeline::{Look, Row, part};
use crate::tui::screen::words;

/// Lines of what was pasted that are shown, before it is said how many more there are.
const PREVIEW_LINES: usize = 200;

/// What lies over the conversation.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// Messages, one of which one can go to.
    List(List),
    /// The keys; so many rows are above the screen.
    Help(usize),
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
            Self::Help(_) => (words::help(), words::help_keys()),
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
            Self::Help(top) | Self::Paste(_, top) => *top = top.saturating_add_signed(by),
        }
    }

    /// Its rows, as many as fit.
    pub fn rows(&self, look: &Look, width: usize, height: usize) -> Vec<Row> {
        let (rows, top) = match self {
            Self::List(list) => {
                let top = (list.at + 1).saturating_sub(height);
                let shown = list.messages.iter().enumerate().skip(top).take(height);
                let rows = shown.map(|(at, message)| found(look, message, at == list.at, width));
                return rows.collect();
            }
            Self::Help(top) => (help(look, width), *top),
            Self::Paste(text, top) => (preview(look, text, width), *top),
        };
        let top = top.min(rows.len().saturating_sub(height));
        rows.into_iter().skip(top).take(height).collect()
    }
}

fn found(look: &Look, message: &Message, chosen: bool, width: usize) -> Row {
    let (moment, room) = (look.show.moment(message.at), clean(&message.room));
    let (from, text) = (clean(&message.from), clean(&message.text));
    let line = cut(&format!("{moment} {room} <{from}> {text}"), width);
    let style = match chosen {
        true => look.theme.chosen(),
        false => look.theme.text(),
    };
    let space = width.saturating_sub(columns(&line));
    vec![part(&format!("{line}{}", " ".repeat(space)), style)]
}

fn help(look: &Look, width: usize) -> Vec<Row> {
    let keys = words::KEYS
        .iter()
        .map(|(key, _)| columns(key))
        .max()
        .unwrap_or(0);
    let mut rows = Vec::new();
    for (key, what) in words::KEYS {
        let narrow = width < keys + 24;
        let indent = if narrow { 2 } else { keys + 2 };
        let mut head = vec![part(&cut(key, width), look.theme.unread())];
        if narrow {
            rows.push(std::mem::take(&mut head));
        }
        let room = width.saturating_sub(indent);
        let what = what.said();
        for piece in wrap(what, room, room) {
            let used: usize = head.iter().map(|part| columns(&part.text)).sum();
            let mut row = std::mem::take(&mut head);
            row.push(part(
                &" ".repeat(indent.saturating_sub(used)),
                look.theme.text(),
            ));
            row.push(part(&what[piece], look.theme.text()));
            rows.push(row);
        }
    }
    rows
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
