//! Tables for people: aligned by what letters take on a terminal, never wider than it, with nothing in them that could
//! steer it; and times, sizes and counts as people say them.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::base::Timestamp;
use crate::base::text::harmless;

/// Between two columns.
const GAP: usize = 2;
/// A column of words is not made narrower than this, or than its heading, and one of numbers not at all: half a number is
/// another number. On a small terminal columns on the right are left out sooner than that all of it becomes unreadable.
const NARROWEST: usize = 12;
/// What stands behind the headings where columns were left out.
const LEFT_OUT: &str = "…";

/// Of a text that is cut, what has more bytes for each column is not looked at: letters with their marks need fewer.
const COLUMN_BYTES_MAX: usize = 32;

/// How things look: how wide the terminal is, and whether it shows colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) width: usize,
    pub(super) colour: bool,
}

/// A heading, and whether what is under it are numbers, which stand on the right.
pub(super) type Column = (&'static str, bool);

/// Rows under their headings, the most important columns first; without headings when those are empty.
pub(super) fn table(columns: &[Column], rows: &[Vec<String>], look: Look) -> String {
    let rows: Vec<Vec<Cow<str>>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| harmless(cell)).collect())
        .collect();
    let headings: Vec<Cow<str>> = columns
        .iter()
        .map(|(heading, _)| Cow::Borrowed(*heading))
        .collect();
    let has_headings = headings.iter().any(|heading| !heading.is_empty());
    let widest = widest(&headings, &rows);
    let columns = match has_headings {
        true => &columns[..fitting(columns, &widest, look.width)],
        false => columns,
    };
    let is_whole = columns.len() == headings.len();
    let widths = widths(columns, &widest, look.width);
    let mut text = String::new();
    if has_headings {
        let mut line = line(columns, &headings, &widths, look.width);
        if !is_whole && line.width() + GAP <= look.width {
            line.extend([" ", LEFT_OUT]);
        }
        text.push_str(&paint(&line, "1", look));
        text.push('\n');
    }
    for row in &rows {
        text.push_str(&line(columns, row, &widths, look.width));
        text.push('\n');
    }
    text
}

/// What the cells of each column take.
fn widest(headings: &[Cow<str>], rows: &[Vec<Cow<str>>]) -> Vec<usize> {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    widths
}

/// The least that a column can do with.
fn narrowest((heading, is_number): &Column, widest: usize) -> usize {
    match is_number {
        true => widest,
        false => widest.min(heading.width().max(NARROWEST)),
    }
}

/// How many columns there is room for; one in any case.
fn fitting(columns: &[Column], widest: &[usize], width: usize) -> usize {
    let least = |count: usize| {
        let columns = columns.iter().zip(widest).take(count);
        let cells: usize = columns
            .map(|(column, widest)| narrowest(column, *widest))
            .sum();
        let left_out = if count < widest.len() { GAP } else { 0 };
        cells + GAP * (count - 1) + left_out
    };
    (2..=columns.len())
        .rev()
        .find(|count| least(*count) <= width)
        .unwrap_or(1)
}

/// As wide as the widest cell; when that is too much, the widest columns are made narrower.
fn widths(columns: &[Column], widest: &[usize], width: usize) -> Vec<usize> {
    let mut widths = widest[..columns.len()].to_vec();
    let columns = columns.iter().zip(widest);
    let narrowest: Vec<usize> = columns
        .map(|(column, widest)| narrowest(column, *widest))
        .collect();
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let widest = (0..widths.len())
            .filter(|place| widths[*place] > narrowest[*place])
            .max_by_key(|place| widths[*place]);
        match widest {
            Some(place) => widths[place] -= 1,
            None => break,
        }
    }
    widths
}

fn line(columns: &[Column], cells: &[Cow<str>], widths: &[usize], width: usize) -> String {
    let mut line = String::new();
    for (place, ((_, is_number), cell)) in columns.iter().zip(cells).enumerate() {
        if place > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        let cell = cut(cell, widths[place]);
        let space = " ".repeat(widths[place].saturating_sub(cell.width()));
        match is_number {
            true => line.extend([space.as_str(), &cell]),
            false => line.extend([&cell, space.as_str()]),
        }
    }
    cut(line.trim_end(), width).into_owned()
}

/// Facts, each with its name; a value that is too long goes on in the next line, but is only taken apart at spaces: paths,
/// addresses and fingerprints are for copying.
pub(super) fn facts(rows: &[(&str, String)], look: Look) -> String {
    let names = rows.iter().map(|(name, _)| name.width()).max();
    let indent = names.unwrap_or(0) + GAP;
    let mut text = String::new();
    for (name, value) in rows {
        let value = harmless(value);
        let mut used = indent;
        text.push_str(name);
        text.push_str(&" ".repeat(indent.saturating_sub(name.width())));
        for (place, word) in value.split(' ').enumerate() {
            let is_first = place == 0;
            if !is_first && used + 1 + word.width() > look.width {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
                used = indent;
            } else if !is_first {
                text.push(' ');
                used += 1;
            }
            text.push_str(word);
            used += word.width();
        }
        text.push('\n');
    }
    text
}

/// What is set off from the left.
pub(super) fn indented(look: Look, text: impl FnOnce(Look) -> String) -> String {
    let narrowed = Look {
        width: look.width.saturating_sub(GAP),
        ..look
    };
    let text = text(narrowed);
    text.lines().map(|line| format!("  {line}\n")).collect()
}

/// The text, or as much of it as fits, with a sign that something is missing.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let left = width.saturating_sub(1);
    let most = &text[..text.floor_char_boundary(left.saturating_mul(COLUMN_BYTES_MAX))];
    let mut taken = 0;
    let end = most.char_indices().find(|(_, character)| {
        taken += character.width().unwrap_or(0);
        taken > left
    });
    let mut part = end.map_or(most, |(place, _)| &most[..place]);
    // Together characters may take more than each by itself: a heart does that is to be an emoji.
    while part.width() > left {
        part = &part[..part.floor_char_boundary(part.len() - 1)];
    }
    Cow::Owned(format!("{part}…"))
}

/// The text in a colour or weight (a number of SGR), where colours are shown.
pub(super) fn paint(text: &str, code: &str, look: Look) -> String {
    match look.colour {
        true => format!("\x1b[{code}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// A moment as people say it: "3 min ago", "in 2 days".
pub(super) fn relative(now: Timestamp, moment: Timestamp) -> String {
    let (past, future) = (now.since(moment).as_secs(), moment.since(now).as_secs());
    // A week that has just begun is a week, and not six days: of what comes, a hundredth is added.
    let seconds = past.max(future + future / 100);
    let span = match seconds {
        0..5 => return "just now".to_owned(),
        5..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        172_800..8_640_000 => format!("{} days", seconds / 86_400),
        _ => return moment.to_string().chars().take(10).collect(),
    };
    match past > 0 {
        true => format!("{span} ago"),
        false => format!("in {span}"),
    }
}

/// A moment in UTC to the second: `2026-11-20 10:30:00 UTC`.
pub(super) fn absolute(moment: Timestamp) -> String {
    let text = moment.to_string();
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

/// Bytes as people say them: `12.4 MiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return counted(bytes, "byte");
    }
    let (mut size, mut unit) = (bytes as f64 / 1_024.0, 0);
    while size >= 1_023.95 && unit + 1 < UNITS.len() {
        size /= 1_024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// `1 room`, `2 rooms`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_said_as_people_do() {
        let now = Timestamp(1_795_170_600_000);
        let said = |seconds: i64| relative(now, Timestamp(now.0 + seconds * 1_000));
        for (seconds, words) in [
            (0, "just now"),
            (-4, "just now"),
            (-59, "59 s ago"),
            (-60, "1 min ago"),
            (-7_200, "2 h ago"),
            (-86_400 * 3, "3 days ago"),
            (-86_400 * 200, "2026-05-04"),
            (30, "in 30 s"),
            (86_400 * 90, "in 90 days"),
            (86_400 * 7 - 1, "in 7 days"),
            (1 - 86_400 * 7, "6 days ago"),
            (3_590, "in 1 h"),
        ] {
            assert_eq!(said(seconds), words);
        }
        assert_eq!(absolute(now), "2026-11-20 10:30:00 UTC");
    }

    #[test]
    fn sizes_and_counts_have_their_units() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1_023, "1023 bytes"),
            (1_024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (13_000_000, "12.4 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    #[test]
    fn texts_are_cut_by_what_they_take_on_the_screen() {
        assert_eq!(cut("anna", 4), "anna");
        assert_eq!(cut("annabel", 4), "ann…");
        assert_eq!(cut("李雷李雷", 5), "李雷…");
        assert_eq!(cut("李雷李雷", 4), "李…");
        assert_eq!(cut("", 0), "");
        // Each of these hearts takes two columns, of which its first character has one.
        let hearts = "\u{2764}\u{fe0f}".repeat(3);
        assert_eq!(cut(&hearts, 6), hearts);
        assert_eq!(cut(&hearts, 5), "\u{2764}\u{fe0f}\u{2764}\u{fe0f}…");
        assert!(cut(&format!("ab{}", "\u{301}".repeat(60_000)), 1).len() < 100);
    }
}
