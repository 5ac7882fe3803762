//! Texts as cells of a screen: what is foreign made harmless, letters counted by the columns they take, lines broken where
//! that is possible. Knows no colours.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::base::text::is_harmful;
use crate::tui::show::harmless;

/// Characters that one letter may be made of: families of emoji have ten, letters of any script far fewer. What somebody
/// heaps on a letter beyond that is left out, and the letter still takes its own place only.
const LETTER_CHARS_MAX: usize = 16;

/// How many columns a letter takes.
pub fn letter_columns(letter: &str) -> usize {
    match letter {
        "\t" => 1,
        letter => letter.width(),
    }
}

/// How many columns a text of one line takes.
pub fn columns(text: &str) -> usize {
    text.graphemes(true).map(letter_columns).sum()
}

/// A text in one line that a screen can show: harmless, without what takes no place, without heaps of marks.
pub fn clean(text: &str) -> String {
    let harmless = harmless(text);
    let mut clean = String::with_capacity(harmless.len());
    for letter in harmless.graphemes(true).filter(|letter| letter.width() > 0) {
        match letter.char_indices().nth(LETTER_CHARS_MAX) {
            Some((end, _)) => clean.push_str(&letter[..end]),
            None => clean.push_str(letter),
        }
    }
    clean
}

/// The lines of a text, each of them clean.
pub fn clean_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    (text.trim_end_matches('\n').split('\n'))
        .map(clean)
        .collect()
}

/// What is typed or pasted, without what nobody types: control and bidi characters. Line breaks and tabs stay.
pub fn typed(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    (text.chars())
        .filter(|character| matches!(character, '\n' | '\t') || !is_harmful(*character))
        .collect()
}

/// As much of the text as fits so many columns, with an ellipsis where something is left out.
pub fn cut(text: &str, room: usize) -> String {
    if columns(text) <= room {
        return text.to_owned();
    }
    let (mut cut, mut used) = (String::new(), 0);
    for letter in text.graphemes(true) {
        used += letter_columns(letter);
        if used + 1 > room {
            break;
        }
        cut.push_str(letter);
    }
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// Breaks a text of one line into pieces: the first takes at most `first` columns, the others `rest`. Between words where
/// that is possible; the space at which it is broken belongs to no piece. There is at least one piece.
pub fn wrap(text: &str, first: usize, rest: usize) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut used, mut room) = (0, 0, first.max(1));
    // Where the last word of the piece begins.
    let mut word = 0;
    for (at, letter) in text.grapheme_indices(true) {
        let width = letter_columns(letter);
        // Twice where a word moves to a piece that is too short for it.
        while used + width > room && at > start {
            let end = match letter {
                " " => at,
                _ if word > start => word,
                _ => at,
            };
            pieces.push(start..text[start..end].trim_end_matches(' ').len() + start);
            start = if letter == " " { at + 1 } else { end };
            (room, word) = (rest.max(1), start);
            used = columns(&text[start..at.max(start)]);
        }
        if start > at {
            continue;
        }
        used += width;
        if letter == " " {
            word = at + 1;
        }
    }
    pieces.push(start..text.len());
    pieces
}

/// Where addresses of web pages are in a clean text.
pub fn links(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices("http") {
        let rest = &text[at..];
        let body = (rest.strip_prefix("https://")).or_else(|| rest.strip_prefix("http://"));
        let inside = found.last().is_some_and(|last| at < last.end);
        let Some(body) = body.filter(|_| !inside) else {
            continue;
        };
        let ends =
            |character: char| character.is_whitespace() || "<>\"'`|\\^{}".contains(character);
        let end = body.find(ends).unwrap_or(body.len());
        let body = body[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '»', '”']);
        if !body.is_empty() {
            let head = rest.len()
                - rest
                    .trim_start_matches("http")
                    .trim_start_matches('s')
                    .len();
            found.push(at..at + head + "://".len() + body.len());
        }
    }
    found
}

/// Where the name is said in a clean text: as a word of its own, however it is written.
pub fn names(text: &str, name: &str) -> Vec<Range<usize>> {
    let is_letter =
        |character: char| character.is_alphanumeric() || character == '_' || character == '-';
    let wanted = name.to_lowercase();
    let mut found = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_letter(character), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                if text[from..at].to_lowercase() == wanted {
                    found.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    // Names may have signs that words have not.
    if found.is_empty() && !name.chars().all(is_letter) {
        found.extend(
            text.match_indices(name)
                .map(|(at, name)| at..at + name.len()),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, first: usize, rest: usize) -> Vec<&str> {
        wrap(text, first, rest)
            .into_iter()
            .map(|piece| &text[piece])
            .collect()
    }

    #[test]
    fn lines_are_broken_between_words_where_that_is_possible() {
        assert_eq!(wrapped("tea and cakes", 7, 5), ["tea and", "cakes"]);
        assert_eq!(wrapped("tea and cakes", 6, 5), ["tea", "and", "cakes"]);
        assert_eq!(wrapped("abcdefgh", 3, 4), ["abc", "defg", "h"]);
        assert_eq!(wrapped("", 3, 4), [""]);
        assert_eq!(wrapped("日本語です", 5, 4), ["日本", "語で", "す"]);
        assert_eq!(wrapped("日", 1, 1), ["日"]);
        assert_eq!(
            wrapped("e\u{301}e\u{301}e\u{301}", 2, 2),
            ["e\u{301}e\u{301}", "e\u{301}"]
        );
        assert_eq!(wrapped("a  b", 2, 2), ["a", "b"]);
        assert_eq!(wrapped("-- abcdefgh", 8, 5), ["--", "abcde", "fgh"]);
    }

    #[test]
    fn a_heap_of_marks_is_a_letter_and_what_takes_no_place_is_not_there() {
        let heap = format!("a{}b", "\u{301}".repeat(10_000));
        let clean = clean(&heap);
        assert_eq!((columns(&clean), clean.chars().count()), (2, 17));
        assert_eq!(super::clean(&"\u{200b}".repeat(9_000)), "");
        assert_eq!(super::clean("👩‍👩‍👧‍👦"), "👩‍👩‍👧‍👦");
        assert_eq!(columns("👩‍👩‍👧‍👦"), 2);
        assert_eq!(typed("a\r\nb\x1b[2J\u{202e}\tc"), "a\nb[2J\tc");
        assert_eq!(cut("日本語", 5), "日本…");
    }

    #[test]
    fn addresses_and_names_are_found_as_words() {
        let text = "see https://a.example/b?c=1, (http://c.example) and https:// or xhttp";
        let found: Vec<_> = links(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["https://a.example/b?c=1", "http://c.example"]);
        let said = |text: &str, name: &str| names(text, name).len();
        assert_eq!(said("Anna, annabel and @anna: anna's", "anna"), 3);
        assert_eq!(said("Привет, анна!", "Анна"), 1);
        assert_eq!(said("joanna anna-lena", "anna"), 0);
        assert_eq!(said("hi o'neil", "o'neil"), 1);
    }
}
