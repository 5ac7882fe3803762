//! The text that is being written: letters, a place in it, what was cut, what was there before, and what was written
//! earlier. Keys are known elsewhere.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::tui::screen::text::{clean, columns, typed, wrap};

/// The most that the line holds in bytes: eight of the longest messages. More is not written, but pasted by mistake.
pub const WRITING_BYTES_MAX: usize = 65_536;
/// Texts that the arrow keys bring back.
const HISTORY_MAX: usize = 1_000;
/// Steps that can be undone.
const UNDO_MAX: usize = 100;

/// What is being written.
#[derive(Clone, Debug, Default)]
pub struct Writing {
    text: String,
    /// Where the next letter goes, in bytes.
    at: usize,
    cut: String,
    undo: Vec<(String, usize)>,
    /// Whether the last change was a letter that was typed: the next one is undone with it.
    typing: bool,
    history: Vec<String>,
    /// Which of these is shown, and what was there before it.
    recalled: Option<(usize, String)>,
}

/// The text as rows of a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// What each row shows.
    pub rows: Vec<String>,
    /// The row with the cursor.
    pub row: usize,
    /// Its column.
    pub column: usize,
}

impl Writing {
    /// What it is.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is before the cursor.
    pub fn before(&self) -> &str {
        &self.text[..self.at]
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Puts another text in its place, with the cursor at its end.
    pub fn set(&mut self, text: &str) {
        self.keep(false);
        self.text.clear();
        self.at = 0;
        self.put(text);
    }

    /// A draft: nothing to undo.
    pub fn begin(&mut self, text: &str) {
        self.set(text);
        self.undo.clear();
        self.recalled = None;
    }

    /// Empties it and gives back what was there.
    pub fn take(&mut self) -> String {
        let text = std::mem::take(&mut self.text);
        self.begin("");
        text
    }

    /// Can be brought back by the arrow keys from now on.
    pub fn remember(&mut self, text: &str) {
        if self.history.last().is_none_or(|last| last != text) {
            self.history.push(text.to_owned());
        }
        let excess = self.history.len().saturating_sub(HISTORY_MAX);
        self.history.drain(..excess);
        self.recalled = None;
    }

    /// A letter was typed, or a text pasted. Says whether all of it fits.
    pub fn insert(&mut self, text: &str) -> bool {
        let one = text.chars().count() == 1 && !text.trim().is_empty();
        self.keep(one);
        self.put(text)
    }

    /// Moves by so many letters.
    pub fn by_letter(&mut self, forward: bool) {
        self.typing = false;
        self.at = self.next(forward);
    }

    /// Moves by a word.
    pub fn by_word(&mut self, forward: bool) {
        self.typing = false;
        self.at = self.next_word(forward);
    }

    /// Goes to the beginning or the end of the line.
    pub fn go_to_edge(&mut self, end: bool) {
        self.typing = false;
        let line = self.line();
        self.at = if end { line.end } else { line.start };
    }

    /// Takes a letter away.
    pub fn delete(&mut self, forward: bool) {
        let to = self.next(forward);
        self.remove(to, false);
    }

    /// Cuts a word.
    pub fn cut_word(&mut self, forward: bool) {
        let to = self.next_word(forward);
        self.remove(to, true);
    }

    /// Cuts back to the space before the cursor, as Ctrl-W does.
    pub fn cut_to_space(&mut self) {
        let before = self.before().trim_end();
        let space = before
            .char_indices()
            .rev()
            .find(|(_, one)| one.is_whitespace());
        let to = space.map_or(0, |(at, one)| at + one.len_utf8());
        self.remove(to, true);
    }

    /// Cuts to the beginning or the end of the line.
    pub fn cut_to_edge(&mut self, end: bool) {
        let line = self.line();
        let to = match end {
            // At the end of a line it is the line break.
            true if line.end == self.at => self.next(true),
            true => line.end,
            false => line.start,
        };
        self.remove(to, true);
    }

    /// Puts back what was cut last.
    pub fn put_back(&mut self) {
        self.keep(false);
        let cut = self.cut.clone();
        self.put(&cut);
    }

    /// Swaps the two letters around the cursor.
    pub fn swap(&mut self) {
        let at = if self.at == self.text.len() {
            self.next(false)
        } else {
            self.at
        };
        let Some(before) = self.text[..at].graphemes(true).next_back() else {
            return;
        };
        let Some(after) = self.text[at..].graphemes(true).next() else {
            return;
        };
        let (start, end) = (at - before.len(), at + after.len());
        let swapped = format!("{after}{before}");
        self.keep(false);
        self.text.replace_range(start..end, &swapped);
        self.at = end;
    }

    /// Undoes the last step.
    pub fn undo(&mut self) {
        if let Some((text, at)) = self.undo.pop() {
            (self.text, self.at) = (text, at);
        }
        self.typing = false;
    }

    /// Moves to the row above or below in a text of several lines; else brings back what was written before or after.
    pub fn up_or_down(&mut self, down: bool) {
        self.typing = false;
        let line = self.line();
        let column = columns(&self.text[line.start..self.at]);
        let target = match down {
            false if line.start > 0 => self.line_at(line.start - 1),
            true if line.end < self.text.len() => self.line_at(line.end + 1),
            _ => return self.recall(down),
        };
        let mut used = 0;
        let text = &self.text[target.clone()];
        let at = text.grapheme_indices(true).find(|(_, letter)| {
            let here = used >= column;
            used += columns(letter);
            here
        });
        self.at = at.map_or(target.end, |(at, _)| target.start + at);
    }

    /// Puts `text` where the bytes of this range are, and the cursor behind it.
    pub fn replace(&mut self, range: Range<usize>, text: &str) {
        if self.text.is_char_boundary(range.start) && self.text.is_char_boundary(range.end) {
            self.keep(false);
            self.text.replace_range(range.clone(), "");
            self.at = range.start;
            self.put(text);
        }
    }

    /// The text in rows of so many columns, one of which is kept for the cursor.
    pub fn rows(&self, width: usize) -> Rows {
        let width = width.saturating_sub(1).max(1);
        let (mut rows, mut row, mut column) = (Vec::new(), 0, 0);
        let mut start = 0;
        for line in self.text.split('\n') {
            for piece in pieces(line, width) {
                let (from, to) = (start + piece.start, start + piece.end);
                if (from..=to).contains(&self.at) {
                    (row, column) = (rows.len(), columns(&self.text[from..self.at]));
                }
                rows.push(clean(&self.text[from..to]));
            }
            start += line.len() + 1;
        }
        Rows { rows, row, column }
    }

    fn put(&mut self, text: &str) -> bool {
        let text = typed(text);
        let room = WRITING_BYTES_MAX.saturating_sub(self.text.len());
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.insert_str(self.at, &text[..end]);
        self.at += end;
        end == text.len()
    }

    fn keep(&mut self, typing: bool) {
        if !(typing && self.typing) {
            self.undo.push((self.text.clone(), self.at));
            let excess = self.undo.len().saturating_sub(UNDO_MAX);
            self.undo.drain(..excess);
        }
        self.typing = typing;
    }

    fn remove(&mut self, to: usize, cut: bool) {
        let range = self.at.min(to)..self.at.max(to);
        if range.is_empty() {
            return;
        }
        self.keep(false);
        if cut {
            self.cut = self.text[range.clone()].to_owned();
        }
        self.at = range.start;
        self.text.replace_range(range, "");
    }

    fn next(&self, forward: bool) -> usize {
        match forward {
            true => {
                let letter = self.text[self.at..].graphemes(true).next();
                self.at + letter.map_or(0, str::len)
            }
            false => {
                let letter = self.before().graphemes(true).next_back();
                self.at - letter.map_or(0, str::len)
            }
        }
    }

    fn next_word(&self, forward: bool) -> usize {
        let is_word = |one: char| one.is_alphanumeric();
        match forward {
            true => {
                let rest = &self.text[self.at..];
                let begin = rest.find(is_word).unwrap_or(rest.len());
                let end = rest[begin..].find(|one| !is_word(one));
                self.at + end.map_or(rest.len(), |end| begin + end)
            }
            false => {
                let rest = self.before().trim_end_matches(|one| !is_word(one));
                rest.trim_end_matches(is_word).len()
            }
        }
    }

    /// The line that the cursor is in.
    fn line(&self) -> Range<usize> {
        self.line_at(self.at)
    }

    fn line_at(&self, at: usize) -> Range<usize> {
        let start = self.text[..at].rfind('\n').map_or(0, |before| before + 1);
        let end = self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |end| at + end);
        start..end
    }

    fn recall(&mut self, down: bool) {
        let end = self.history.len();
        let (now, own) = match self.recalled.take() {
            Some(recalled) => recalled,
            None => (end, self.text.clone()),
        };
        let wanted = match down {
            true => (now + 1).min(end),
            false => now.saturating_sub(1),
        };
        let text = match self.history.get(wanted) {
            Some(text) => text.clone(),
            None => own.clone(),
        };
        if text != self.text {
            self.set(&text);
        }
        self.recalled = (wanted < end).then_some((wanted, own));
    }
}

/// The same as [`wrap`], with every byte of the line in a piece, so that the cursor can be anywhere.
fn pieces(line: &str, width: usize) -> Vec<Range<usize>> {
    let pieces = wrap(line, width, width);
    let starts: Vec<_> = pieces.iter().map(|piece| piece.start).collect();
    let ends = starts.iter().skip(1).copied().chain([line.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Writing {
        let mut writing = Writing::default();
        writing.insert(text);
        writing
    }

    /// The text with the cursor as `|`.
    fn shown(writing: &Writing) -> String {
        format!(
            "{}|{}",
            writing.before(),
            &writing.text()[writing.before().len()..]
        )
    }

    #[test]
    fn the_keys_of_readline_do_what_they_do_there() {
        let mut line = written("tea and two cakes");
        line.by_word(false);
        assert_eq!(shown(&line), "tea and two |cakes");
        line.cut_to_space();
        assert_eq!(shown(&line), "tea and |cakes");
        line.go_to_edge(false);
        line.cut_word(true);
        assert_eq!(shown(&line), "| and cakes");
        line.go_to_edge(true);
        line.put_back();
        assert_eq!(
            shown(&line),
            "tea".to_owned().replace("tea", " and cakestea|")
        );
        line.cut_to_edge(false);
        assert_eq!(shown(&line), "|");
        line.undo();
        assert_eq!(shown(&line), " and cakestea|");
        line.swap();
        assert_eq!(shown(&line), " and cakestae|");
        line.by_letter(false);
        line.delete(false);
        line.delete(true);
        assert_eq!(shown(&line), " and cakest|");
        line.go_to_edge(false);
        line.by_word(true);
        line.cut_to_edge(true);
        assert_eq!(shown(&line), " and|");
    }

    #[test]
    fn letters_are_whole_however_they_are_made() {
        let mut line = written("не\u{301}т 👩‍👩‍👧!");
        line.by_letter(false);
        line.delete(false);
        assert_eq!(shown(&line), "не\u{301}т |!");
        line.go_to_edge(false);
        line.by_letter(true);
        line.delete(true);
        assert_eq!(shown(&line), "н|т !");
    }

    #[test]
    fn what_was_written_comes_back_and_what_is_written_stays() {
        let mut line = written("half");
        for text in ["one", "two", "two"] {
            line.remember(text);
        }
        for (down, expected) in [
            (false, "two|"),
            (false, "one|"),
            (false, "one|"),
            (true, "two|"),
            (true, "half|"),
            (true, "half|"),
        ] {
            line.up_or_down(down);
            assert_eq!(shown(&line), expected);
        }
    }

    #[test]
    fn in_several_lines_the_arrows_move_and_rows_are_as_wide_as_the_screen() {
        let mut line = written("first line\nsecond\nthird one");
        line.up_or_down(false);
        assert_eq!(shown(&line), "first line\nsecond|\nthird one");
        line.up_or_down(false);
        assert_eq!(shown(&line), "first |line\nsecond\nthird one");
        let rows = line.rows(8);
        assert_eq!(rows.rows, ["first ", "line", "second", "third ", "one"]);
        assert_eq!((rows.row, rows.column), (1, 0));
        let full = written("1234567").rows(8);
        assert_eq!((full.rows.len(), full.column), (1, 7));
        assert_eq!(written("").rows(8).rows, [""]);
    }

    #[test]
    fn the_line_is_bounded_and_says_so() {
        let mut line = Writing::default();
        assert!(!line.insert(&"я".repeat(WRITING_BYTES_MAX)));
        assert_eq!(line.text().len(), WRITING_BYTES_MAX);
        assert_eq!(line.take().len(), WRITING_BYTES_MAX);
        assert!(line.is_empty() && line.insert("\x1b[31mred"));
        assert_eq!(line.text(), "[31mred");
    }
}
