//! The form as a picture. Decides nothing and changes nothing.

use ratatui::buffer::Buffer;
use ratatui::style::{Modifier, Style};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::tui::enter::attempt::Field;
use crate::tui::screen::draw::Beside;
use crate::tui::screen::form::{FIELDS, Form, Mode, words};
use crate::tui::screen::text::{clean, clean_lines, columns, cut, wrap};

/// What is left free at both sides.
const MARGIN: usize = 2;
/// The widest place for a text that is typed: on a wide screen a line to its edge would be hard to look at.
const FIELD_COLUMNS_MAX: usize = 46;
/// The widest text above the fields.
const TEXT_COLUMNS_MAX: usize = 76;

/// A row of the picture.
#[derive(Clone, Debug, Default)]
struct Row {
    parts: Vec<(String, Style)>,
    /// The column of the cursor.
    cursor: Option<usize>,
}

impl Form {
    /// Draws it; what has no cells is given back.
    pub fn draw(&self, buffer: &mut Buffer) -> Beside {
        let (width, height) = (
            usize::from(buffer.area.width),
            usize::from(buffer.area.height),
        );
        let mut beside = Beside::default();
        let bar = |text: String| {
            let text = format!(" {text}");
            let text = cut(&text, width);
            let gap = " ".repeat(width.saturating_sub(columns(&text)));
            Row {
                parts: vec![(text + &gap, self.theme.bar())],
                cursor: None,
            }
        };
        let inner = height.saturating_sub(2);
        let mut rows = match &self.mode {
            Mode::Asking(place, _, shown, why) => {
                let server = clean(&place.server());
                self.question(
                    &words::unknown(&server, &clean(why), &shown.to_string()),
                    width,
                )
            }
            _ => self.body(width),
        };
        if rows.len() > inner {
            rows.retain(|row| !row.parts.is_empty());
        }
        // Where there is no room for all of it, the line that is written is there, and what is said about it.
        let below = rows.iter().position(|row| row.cursor.is_some());
        let below = below.map_or(0, |at| at + 1 + self.wrong_rows(width).len());
        let first = below.saturating_sub(inner);
        let rows = rows.into_iter().skip(first).take(inner);
        let all = [bar(words::title())].into_iter().chain(rows);
        for (y, row) in all.enumerate() {
            draw_row(buffer, y, &row, &mut beside);
        }
        if height > 1 {
            draw_row(buffer, height - 1, &bar(self.keys()), &mut beside);
        }
        beside
    }

    fn keys(&self) -> String {
        match (&self.mode, &self.new) {
            (Mode::Asking(..), _) => words::keys_of_question(),
            (Mode::Trying(..), _) => words::keys_of_attempt(),
            (Mode::Filling, Some(_)) => words::keys_of_registration(),
            (Mode::Filling, None) => words::keys(),
        }
    }

    fn body(&self, width: usize) -> Vec<Row> {
        let mut rows = vec![Row::default()];
        rows.extend(text_rows(
            &clean(&self.said()),
            MARGIN,
            width,
            self.theme.text(),
        ));
        rows.push(Row::default());
        for field in self.fields() {
            rows.push(self.field(field, width));
            if self.wrong.as_ref().is_some_and(|(at, _)| *at == field) {
                rows.extend(self.wrong_rows(width));
            }
        }
        rows.push(Row::default());
        if let Mode::Trying(place, _, progress) = &self.mode {
            let text = clean(&words::progress(progress, &place.server()));
            rows.extend(text_rows(&text, MARGIN, width, self.theme.unread()));
        }
        rows
    }

    /// Where the texts that are typed begin.
    fn indent(&self) -> usize {
        let labels = FIELDS.map(words::label);
        let widest = labels.iter().map(|label| columns(label)).max();
        MARGIN + widest.unwrap_or(0) + 2
    }

    fn field(&self, field: Field, width: usize) -> Row {
        let indent = self.indent();
        let is_here = self.at == field && self.mode == Mode::Filling;
        let label = words::label(field);
        let gap = indent.saturating_sub(MARGIN + columns(&label));
        let label_style = match self.at == field {
            true => self.theme.unread(),
            false => self.theme.text(),
        };
        let room = width
            .saturating_sub(indent + MARGIN)
            .clamp(1, FIELD_COLUMNS_MAX);
        let (text, before) = self.shown(field);
        let (shown, column) = visible(&clean(&text), &clean(&before), room);
        let rest = " ".repeat(room.saturating_sub(columns(&shown)));
        Row {
            parts: vec![
                (" ".repeat(MARGIN) + &label + &" ".repeat(gap), label_style),
                (
                    shown + &rest,
                    Style::new().add_modifier(Modifier::UNDERLINED),
                ),
            ],
            cursor: is_here.then_some(indent + column),
        }
    }

    fn wrong_rows(&self, width: usize) -> Vec<Row> {
        let Some((_, text)) = &self.wrong else {
            return Vec::new();
        };
        let rows = |line: String| text_rows(&line, self.indent(), width, self.theme.wrong());
        clean_lines(text).into_iter().flat_map(rows).collect()
    }

    fn question(&self, paragraphs: &[String], width: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        for paragraph in paragraphs {
            rows.push(Row::default());
            rows.extend(text_rows(paragraph, MARGIN, width, self.theme.text()));
        }
        rows
    }
}

/// A text in rows.
fn text_rows(text: &str, indent: usize, width: usize, style: Style) -> Vec<Row> {
    let room = width
        .saturating_sub(indent + MARGIN)
        .clamp(1, TEXT_COLUMNS_MAX);
    let row = |piece: std::ops::Range<usize>| Row {
        parts: vec![
            (" ".repeat(indent), Style::new()),
            (text[piece].to_owned(), style),
        ],
        cursor: None,
    };
    wrap(text, room, room).into_iter().map(row).collect()
}

/// As much of a text as there is room for, with the cursor in it, and the column of that.
fn visible(text: &str, before: &str, room: usize) -> (String, usize) {
    let mut skipped = 0;
    // One column is for the cursor behind the text.
    let excess = (columns(before) + 1).saturating_sub(room);
    let mut start = 0;
    for (at, letter) in text.grapheme_indices(true) {
        if skipped >= excess {
            break;
        }
        skipped += columns(letter);
        start = at + letter.len();
    }
    let mut shown = String::new();
    for letter in text[start..].graphemes(true) {
        if columns(&shown) + columns(letter) > room {
            break;
        }
        shown.push_str(letter);
    }
    (shown, columns(before).saturating_sub(skipped))
}

fn draw_row(buffer: &mut Buffer, y: usize, row: &Row, beside: &mut Beside) {
    let area = buffer.area;
    let Some(y) = u16::try_from(y).ok().filter(|y| *y < area.height) else {
        return;
    };
    let mut x = 0;
    for (text, style) in &row.parts {
        let room = usize::from(area.width.saturating_sub(x));
        (x, _) = buffer.set_stringn(x, y, cut(text, room), room, *style);
    }
    if let Some(column) = row.cursor.and_then(|column| u16::try_from(column).ok()) {
        beside.cursor = Some((column.min(area.width.saturating_sub(1)), y));
    }
}
