//! What other people wrote, made harmless for a terminal and for a log of lines.

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
    use super::*;

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
