//! What a search asks for: words, never a language. Whatever somebody types becomes quoted words for FTS5, so that no
//! text is an error and none means more than it says.

/// The most words that a search goes by; further ones are passed over. FTS5 refuses expressions of more than a few
/// hundred terms, and each costs a look into the index.
const WORDS_MAX: usize = 32;

/// The shortest beginning in bytes of UTF-8 that can be looked for (three Latin letters, two Cyrillic, one Han), and how
/// many in one search; other words with a star are taken as whole words. FTS5 gathers all places of all words with the
/// beginning before it gives the first, so what is short takes long: "a*" 0.3 s with 400 000 messages.
const BEGINNING_BYTES_MIN: usize = 3;
const BEGINNINGS_MAX: usize = 4;

/// A word to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it was typed. Signs within it part it into words that have to stand next to each other.
    pub text: String,
    /// Whether what only begins with it counts, too.
    pub prefix: bool,
}

/// The words of a search. What has neither letter nor digit is none.
pub(super) fn words(text: &str) -> Vec<Word> {
    let mut beginnings = 0;
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .map(|word| {
            let text = word.trim_end_matches('*');
            let prefix = word.ends_with('*')
                && text.len() >= BEGINNING_BYTES_MIN
                && beginnings < BEGINNINGS_MAX;
            beginnings += usize::from(prefix);
            Word {
                text: text.to_owned(),
                prefix,
            }
        })
        .collect()
}

/// The words as FTS5 takes them: all have to be there.
pub(super) fn expression(words: &[Word]) -> String {
    let quoted = words.iter().map(|word| {
        let star = if word.prefix { "*" } else { "" };
        format!("\"{}\"{star}", word.text.replace('"', "\"\""))
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_becomes_quoted_words() {
        let check = |text: &str, expected: &str| assert_eq!(expression(&words(text)), expected);
        check("", "");
        check(" * \" - 😀 ", "");
        check("hello  wor*", r#""hello" "wor"*"#);
        check("a* ча* 你*", r#""a" "ча"* "你"*"#);
        check(
            "aaa* bbb* ccc* ddd* eee*",
            r#""aaa"* "bbb"* "ccc"* "ddd"* "eee""#,
        );
        check("a OR b NOT c", r#""a" "OR" "b" "NOT" "c""#);
        check(r#"text:"x" ^y (z"#, r#""text:""x""" "^y" "(z""#);
        check("a\0b\nc", r#""a" "b" "c""#);
        assert_eq!(words(&"x ".repeat(10_000)).len(), WORDS_MAX);
    }
}
