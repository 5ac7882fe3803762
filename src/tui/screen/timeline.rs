//! The conversation as rows of a screen: messages with their days, what is new, what the program said, what is on its
//! way. Each message is a block of rows, laid out only when it is looked at. Knows no buffer.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use ratatui::style::Style;

use crate::base::Seq;
use crate::base::record::Kind;
use crate::client::Message;
use crate::tui::screen::text::{clean, clean_lines, columns, cut, links, names, wrap};
use crate::tui::screen::theme::Theme;
use crate::tui::screen::view::{Local, Place, View};
use crate::tui::screen::words;
use crate::tui::show;

/// Rows of one message, past which it is folded to [`FOLDED_ROWS`].
const FOLD_ROWS: usize = 12;
/// Rows that are shown of a folded message.
const FOLDED_ROWS: usize = 8;
/// What is shown of one text in bytes: twice the longest that a server takes. One that says more is no honest one.
const TEXT_BYTES_SHOWN: usize = 16_384;
/// Where texts begin: behind the time.
const INDENT: usize = 6;
/// The longest name in columns.
const NAME_COLUMNS: usize = 20;

/// A piece of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it says.
    pub text: String,
    /// How it looks.
    pub style: Style,
    /// Where it leads.
    pub link: Option<Arc<str>>,
}

/// A row of the screen.
pub type Row = Vec<Part>;

/// How things look to this person.
#[derive(Clone, Debug)]
pub struct Look {
    /// Times and days.
    pub show: show::Style,
    /// Colours.
    pub theme: Theme,
    /// Who one is.
    pub user: Arc<str>,
    /// Whether nothing is folded.
    pub unfolded: bool,
}

/// A message of one's own that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unstored {
    /// What sort it is.
    pub kind: Kind,
    /// What it says.
    pub text: Arc<str>,
    /// Why it was refused, if it was.
    pub refused: Option<Arc<str>>,
}

/// A room's conversation in so many columns.
pub struct Timeline<'a> {
    /// The room.
    pub view: &'a View,
    /// How it looks.
    pub look: &'a Look,
    /// What is on its way.
    pub unstored: Vec<Unstored>,
    /// The columns there are.
    pub width: usize,
}

/// What is seen at once.
#[derive(Clone, Debug)]
pub struct Seen {
    /// From top to bottom; fewer than asked for when there are no more.
    pub rows: Vec<Row>,
    /// What the first of them is.
    pub top: Place,
    /// The block of the first row and that of the last.
    pub blocks: (usize, usize),
    /// The last message of which something is seen.
    pub last: Option<Seq>,
}

impl Timeline<'_> {
    /// What is seen in so many rows.
    pub fn seen(&self, height: usize) -> Seen {
        let from = self.view.top.and_then(|place| self.from(place, height));
        from.unwrap_or_else(|| self.end(height))
    }

    /// Where the first row is after scrolling by so many; none at the end.
    pub fn scrolled(&self, rows: isize, height: usize) -> Option<Place> {
        let top = self.seen(height).top;
        let (mut index, mut row) = (self.index(top.seq), top.row);
        let mut left = rows.unsigned_abs();
        while left > 0 {
            let length = self.block(index).len();
            if rows < 0 {
                let step = left.min(row);
                (row, left) = (row - step, left - step);
                if left == 0 || index == 0 {
                    break;
                }
                index -= 1;
                row = self.block(index).len();
            } else {
                let step = left.min(length.saturating_sub(row));
                (row, left) = (row + step, left - step);
                if row < length || index + 1 >= self.blocks() {
                    break;
                }
                (index, row) = (index + 1, 0);
            }
        }
        let place = Place {
            seq: self.seq(index),
            row,
        };
        if self.from(place, height).is_some() {
            return Some(place);
        }
        match self.view.log.is_at_end() {
            true => None,
            false => Some(self.end(height).top),
        }
    }

    fn from(&self, place: Place, height: usize) -> Option<Seen> {
        let begin = self.index(place.seq);
        let (mut rows, mut index) = (Vec::new(), begin);
        let mut skip = place.row;
        while rows.len() < height {
            if index >= self.blocks() {
                return None;
            }
            rows.extend(self.block(index).into_iter().skip(skip));
            (skip, index) = (0, index + 1);
        }
        rows.truncate(height);
        Some(Seen {
            rows,
            top: place,
            blocks: (begin, index.saturating_sub(1)),
            last: self.last_of(index.saturating_sub(1)),
        })
    }

    fn end(&self, height: usize) -> Seen {
        let mut blocks: VecDeque<(usize, Vec<Row>)> = VecDeque::new();
        let mut total = 0;
        for index in (0..self.blocks()).rev() {
            let rows = self.block(index);
            total += rows.len();
            blocks.push_front((index, rows));
            if total >= height {
                break;
            }
        }
        let first = blocks.front().map_or(0, |(index, _)| *index);
        let skip = total.saturating_sub(height);
        let rows = blocks.into_iter().flat_map(|(_, rows)| rows);
        Seen {
            rows: rows.skip(skip).collect(),
            // All that is too much is in the first block.
            top: Place {
                seq: self.seq(first),
                row: skip,
            },
            blocks: (first, self.blocks() - 1),
            last: self.view.log.last(),
        }
    }

    fn blocks(&self) -> usize {
        self.view.log.messages().len() + 2
    }

    fn index(&self, seq: Seq) -> usize {
        match seq.0 {
            0 => 0,
            u64::MAX => self.blocks() - 1,
            _ => self.view.log.position(seq) + 1,
        }
    }

    fn seq(&self, index: usize) -> Seq {
        let message = index
            .checked_sub(1)
            .map(|at| self.view.log.messages().get(at));
        match message {
            None => Seq(0),
            Some(None) => Seq(u64::MAX),
            Some(Some(message)) => message.seq,
        }
    }

    fn last_of(&self, index: usize) -> Option<Seq> {
        match self.seq(index) {
            Seq(0) => None,
            Seq(u64::MAX) => self.view.log.last(),
            seq => Some(seq),
        }
    }

    fn block(&self, index: usize) -> Vec<Row> {
        let messages = self.view.log.messages();
        let Some(at) = index.checked_sub(1) else {
            return self.head();
        };
        let Some(message) = messages.get(at) else {
            return self
                .unstored
                .iter()
                .flat_map(|unstored| self.unstored_rows(unstored))
                .collect();
        };
        let before = at.checked_sub(1).and_then(|at| messages.get(at));
        let mut rows = Vec::new();
        let show = &self.look.show;
        if before.is_none_or(|before| !show.is_one_day(before.at, message.at)) {
            rows.push(self.rule(&show.day(message.at), self.look.theme.dim()));
        }
        if self.is_first_new(message, before) {
            rows.push(self.rule(&words::new(), self.look.theme.mark()));
        }
        rows.extend(self.message(message));
        let next = messages.get(at + 1).map(|next| next.seq);
        rows.extend(self.locals(|local| {
            let here = local.after >= message.seq && next.is_none_or(|next| local.after < next);
            here && (next.is_some() || self.view.log.is_at_end() || local.after == message.seq)
        }));
        rows
    }

    fn head(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let log = &self.view.log;
        match (log.has_more_before(), self.view.fetching) {
            (true, Some(_)) => rows.push(self.rule(words::FETCHING, self.look.theme.dim())),
            (true, None) => {}
            (false, _) => rows.push(self.rule(&words::beginning(), self.look.theme.dim())),
        }
        let first = log.first();
        rows.extend(self.locals(|local| {
            first.is_none_or(|first| local.after < first && !log.has_more_before())
        }));
        rows
    }

    fn is_first_new(&self, message: &Message, before: Option<&Message>) -> bool {
        let Some(read) = self.view.new_after.filter(|read| message.seq > *read) else {
            return false;
        };
        match before {
            Some(before) => before.seq <= read,
            None => !self.view.log.has_more_before() || message.seq.0 - 1 == read.0,
        }
    }

    /// What the program said; who came and left in a row, unless all is to be seen.
    fn locals(&self, here: impl Fn(&Local) -> bool) -> Vec<Row> {
        let dim = self.look.theme.dim();
        let mut rows = Vec::new();
        let mut coming: Vec<&str> = Vec::new();
        let told = |coming: &mut Vec<&str>, rows: &mut Vec<Row>| {
            if !coming.is_empty() {
                let text = format!("-- {}", coming.join(", "));
                rows.push(vec![part(&cut(&text, self.width), dim)]);
                coming.clear();
            }
        };
        for local in self.view.locals.iter().filter(|local| here(local)) {
            if local.coming && !self.look.unfolded {
                coming.push(local.text.trim_start_matches("-- "));
                continue;
            }
            told(&mut coming, &mut rows);
            let text = clean(&local.text);
            let pieces = wrap(&text, self.width, self.width.saturating_sub(3));
            for (number, piece) in pieces.into_iter().enumerate() {
                let indent = if number == 0 { "" } else { "   " };
                rows.push(vec![part(&format!("{indent}{}", &text[piece]), dim)]);
            }
        }
        told(&mut coming, &mut rows);
        rows
    }

    fn rule(&self, text: &str, style: Style) -> Row {
        let text = cut(text, self.width.saturating_sub(6));
        let rest = self.width.saturating_sub(columns(&text) + 4);
        vec![part(&format!("── {text} {}", "─".repeat(rest)), style)]
    }

    fn message(&self, message: &Message) -> Vec<Row> {
        let theme = self.look.theme;
        let clock = format!("{:<INDENT$}", self.look.show.clock(message.at));
        let head = match self.view.marked == Some(message.seq) {
            true => part(&clock, theme.chosen()),
            false => part(&clock, theme.dim()),
        };
        let name = clean(&message.from);
        match message.kind {
            Kind::Redaction => {
                let seq = message.redacts.unwrap_or(message.seq).0;
                self.sentence(head, &words::removes(seq, &name))
            }
            Kind::Redacted => self.sentence(head, &words::removed(message.seq.0, &name)),
            kind => self.said(head, kind, &message.from, &message.text, theme.text()),
        }
    }

    fn unstored_rows(&self, unstored: &Unstored) -> Vec<Row> {
        let theme = self.look.theme;
        let (mark, style) = match unstored.refused {
            Some(_) => (words::FAILED, theme.wrong()),
            None => (words::PENDING, theme.dim()),
        };
        let head = part(&format!("{mark:^5} "), style);
        let mut rows = self.said(
            head,
            unstored.kind,
            &self.look.user,
            &unstored.text,
            theme.dim(),
        );
        if let Some(why) = &unstored.refused {
            let space = part(&" ".repeat(INDENT), theme.text());
            let why = clean(&words::not_sent(why));
            rows.extend(self.wrapped(vec![space], &why, theme.wrong()));
        }
        rows
    }

    fn sentence(&self, head: Part, text: &str) -> Vec<Row> {
        self.wrapped(vec![head], text, self.look.theme.dim())
    }

    fn wrapped(&self, head: Row, text: &str, style: Style) -> Vec<Row> {
        let width = self.width.saturating_sub(INDENT);
        let mut head = Some(head);
        let row = |piece: Range<usize>| {
            let mut row = head.take().unwrap_or_else(|| self.indent());
            row.push(part(&text[piece], style));
            row
        };
        wrap(text, width, width).into_iter().map(row).collect()
    }

    /// A text by somebody: the time, who it is, and what they say.
    fn said(&self, head: Part, kind: Kind, from: &str, text: &str, style: Style) -> Vec<Row> {
        let theme = self.look.theme;
        let width = self.width.saturating_sub(INDENT);
        let name = cut(&clean(from), NAME_COLUMNS.min(width.saturating_sub(4)));
        let named = part(&name, theme.name(from));
        let mut first = match kind {
            Kind::Action => vec![head, part("* ", style), named, part(" ", style)],
            _ => vec![head, part("<", theme.dim()), named, part("> ", theme.dim())],
        };
        let used: usize = first[1..].iter().map(|part| columns(&part.text)).sum();
        let mut rows = Vec::new();
        let mut room = width.saturating_sub(used);
        if room < 8 {
            // A name of its own on a narrow screen.
            rows.push(std::mem::replace(&mut first, self.indent()));
            room = width;
        }
        let mut next = Some(first);
        for line in clean_lines(shown(text)) {
            let marks = self.marks(&line, from, style);
            for piece in wrap(&line, room, width) {
                let mut row = next.take().unwrap_or_else(|| self.indent());
                row.extend(styled(&line, &piece, &marks, style));
                rows.push(row);
            }
            room = width;
        }
        if rows.len() > FOLD_ROWS && !self.look.unfolded {
            let more = rows.len() - FOLDED_ROWS;
            rows.truncate(FOLDED_ROWS);
            let mut row = self.indent();
            row.push(part(&cut(&words::folded(more), width), theme.dim()));
            rows.push(row);
        }
        rows
    }

    fn marks(&self, line: &str, from: &str, style: Style) -> Vec<Mark> {
        let theme = self.look.theme;
        let mut marks: Vec<_> = (links(line).into_iter())
            .map(|range| {
                (
                    range.clone(),
                    style.patch(theme.link()),
                    Some(line[range].into()),
                )
            })
            .collect();
        if *from != *self.look.user {
            let said = names(line, &self.look.user).into_iter();
            marks.extend(said.map(|range| (range, theme.mention(), None)));
        }
        marks.sort_by_key(|(range, ..)| range.start);
        marks
    }

    fn indent(&self) -> Row {
        vec![part(&" ".repeat(INDENT.min(self.width)), Style::new())]
    }
}

/// Whether the message says the name of somebody else than its author.
pub fn mentions(message: &Message, user: &str) -> bool {
    let speaks = matches!(message.kind, Kind::Text | Kind::Action);
    speaks && *message.from != *user && !names(shown(&message.text), user).is_empty()
}

/// As much of a text as is shown.
fn shown(text: &str) -> &str {
    let mut end = text.len().min(TEXT_BYTES_SHOWN);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

type Mark = (Range<usize>, Style, Option<Arc<str>>);

/// A piece of a line with what is marked in it.
fn styled(line: &str, piece: &Range<usize>, marks: &[Mark], plain: Style) -> Row {
    let mut row = Vec::new();
    let mut at = piece.start;
    for (range, style, link) in marks {
        let (from, to) = (range.start.max(at), range.end.min(piece.end));
        if from >= to {
            continue;
        }
        if at < from {
            row.push(part(&line[at..from], plain));
        }
        row.push(Part {
            text: line[from..to].to_owned(),
            style: *style,
            link: link.clone(),
        });
        at = to;
    }
    if at < piece.end {
        row.push(part(&line[at..piece.end], plain));
    }
    row
}

/// A piece of a row that leads nowhere.
pub fn part(text: &str, style: Style) -> Part {
    Part {
        text: text.to_owned(),
        style,
        link: None,
    }
}
