//! What other people wrote, made harmless for a terminal, for a log of lines and for a cell of CSV.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text without what could steer a terminal, break a line or turn the direction of writing: each such character
/// is shown as its escape, `\u{1b}`. What scripts need to be written, joiners for instance, stays.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_harmful(character) {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The same of a text of several lines, which stay.
#[must_use]
pub fn harmless_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(harmless).collect();
    lines.join("\n")
}

/// JSON that means the same and does no harm on a terminal: such characters only stand in strings, and there they may
/// be written as numbers.
#[must_use]
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    if !json.chars().any(is_harmful) {
        return Cow::Borrowed(json);
    }
    let mut shown = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if is_harmful(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection"), wide forms included; and the mark that
/// takes that meaning away.
const MARKED: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\''];

/// How an escape begins.
const ESCAPE: &str = "\\u{";

/// The text for a cell of CSV: no control character, no line break, nothing that a spreadsheet would take for a formula.
/// Harmful characters are shown as [`harmless`] does; what looks like such an escape is escaped itself; and a beginning
/// that would make a formula gets an apostrophe before it. [`from_cell`] takes exactly that back.
#[must_use]
pub fn cell(text: &str) -> Cow<'_, str> {
    let is_marked = text.starts_with(MARKED);
    if !is_marked && !text.chars().any(is_harmful) && !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    if is_marked {
        shown.push('\'');
    }
    for (place, character) in text.char_indices() {
        if is_harmful(character) || text[place..].starts_with(ESCAPE) {
            // Writing to a `String` cannot fail.
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// The text of a cell that [`cell`] made. In one that somebody wrote by hand, escapes that are none stay.
#[must_use]
pub fn from_cell(cell: &str) -> Cow<'_, str> {
    let cell = cell.strip_prefix('\'').unwrap_or(cell);
    if !cell.contains(ESCAPE) {
        return Cow::Borrowed(cell);
    }
    let (mut text, mut rest) = (String::with_capacity(cell.len()), cell);
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        text.push_str(before);
        let escaped = after.split_once('}').and_then(|(digits, after)| {
            let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            Some((character, after))
        });
        rest = match escaped {
            Some((character, after)) => {
                text.push(character);
                after
            }
            None => {
                text.push_str(ESCAPE);
                after
            }
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Whether a terminal could obey the character, or a text look like another one by it.
#[must_use]
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character,
            // Bidi marks, embeddings, overrides and isolates.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Separators of lines and paragraphs, invisible marks, tags.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
            // Invisible operators and what notes of music begin and end with: no script needs them.
            | '\u{2060}'..='\u{2065}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e00ff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cell_is_no_formula_and_one_line() {
        for (text, shown) in [
            ("=1+1", "'=1+1"),
            ("@anna @boris", "'@anna @boris"),
            ("'quoted'", "''quoted'"),
            ("\t=1\r\n\x1b[2J", r"\u{9}=1\u{d}\u{a}\u{1b}[2J"),
            (r"\u{1b}", r"\u{5c}u{1b}"),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(cell(text), shown);
            assert_eq!(from_cell(shown), text);
        }
        assert_eq!(from_cell(r"\u{zz}\u{d800}\u{"), r"\u{zz}\u{d800}\u{");
        assert!(matches!(cell("a=b 'c'"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn a_cell_gives_its_text_back(text in r"(?s)(\PC|[='\\u{}0-9a-f\t\r\n\x1b]|.){0,20}") {
            let shown = cell(&text);
            prop_assert!(!shown.chars().any(is_harmful));
            prop_assert!(!shown.starts_with(['=', '+', '-', '@']));
            prop_assert_eq!(from_cell(&shown), text.as_str());
        }
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_what_people_write_stays() {
        assert_eq!(harmless("a\x1b[2Jb\r\n"), r"a\u{1b}[2Jb\u{d}\u{a}");
        assert_eq!(
            harmless("\u{202e}txt\u{9b}1m\u{0}"),
            r"\u{202e}txt\u{9b}1m\u{0}"
        );
        for text in ["Анна: привет", "नमस्ते", "👩\u{200d}🚀", "می\u{200c}خواهم"]
        {
            assert!(matches!(harmless(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let text = "a\x1b\u{9b}\u{202e}\u{e0041}\x7fя";
        let json = serde_json::to_string(text).unwrap();
        let shown = harmless_json(&json);
        assert!(!shown.chars().any(is_harmful));
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
    }
}
