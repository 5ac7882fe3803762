//! Shows that chat-client says nothing that is not in both languages: it reads the sources of the program and of its client
//! library, and finds each text for people that stands outside `say!` and `Both`; and for each that stands there it
//! compares the two. (That the command line's help is complete is shown in src/tui/russian/tests.rs, and what both
//! languages look like through the program in tests/it/russian.rs.)

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source::{Word, words_and_texts};

/// What looks like words for people and is none: names of terminals, keys, files, and fields of what scripts read.
const NO_WORDS: &[&str] = &[
    // Files.
    "{}.new",
    "{}.token",
    "{}.{number}.unsent",
    "chat-client-{number:016x}.txt",
    // Programs and hosts.
    "chat: {}: {}",
    "chat-client: {failure}",
    "localhost",
    "vi",
    // What the command line's library says, to be found in it.
    " is not in ",
    "For more information, try '--help'.",
    // Never shown: another sentence is.
    "the editor failed",
    "chat-client",
];

/// Where a single word is meant for people as well as several.
const SAYS: &[&str] = &[
    "tell!",
    "format!",
    "print",
    "note",
    "answer",
    "local",
    "Refused",
    "Usage",
    "Unreachable",
    "Credentials",
    "Untrusted",
    "password",
    "line",
    "yes",
    "twice",
    "Err",
];

/// A literal and the calls around it, the innermost first.
struct Text<'a> {
    line: usize,
    literal: &'a str,
    around: Vec<String>,
    then: String,
}

/// All texts of a source that are compiled for the program, not for its tests.
fn texts(source: &str) -> Vec<Text<'_>> {
    let words = words_and_texts(source);
    let mut around: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match word.text {
            "(" | "[" | "{" => around.push(head(&words, at)),
            ")" | "]" | "}" => drop(around.pop()),
            text if text.ends_with(['"', '#']) && text.len() > 1 && !word.in_test => {
                let then = words.get(at + 1..at + 3).unwrap_or_default();
                found.push(Text {
                    line: word.line,
                    literal: text
                        .trim_start_matches(['r', 'b', 'c', '#'])
                        .trim_end_matches('#')
                        .trim_matches('"'),
                    around: around.iter().rev().cloned().collect(),
                    then: then.iter().map(|word| word.text).collect(),
                });
            }
            _ => {}
        }
    }
    found
}

/// What stands before a bracket: the name of a call, of a macro with its `!`, `#` for an attribute.
fn head(words: &[Word<'_>], at: usize) -> String {
    let back = |by: usize| at.checked_sub(by).map_or("", |at| words[at].text);
    match (back(2), back(1)) {
        (name, "!") => format!("{name}!"),
        (_, "#") => "#".to_owned(),
        (_, name) => name.to_owned(),
    }
}

/// A text without what stands in braces and without escapes.
fn spoken(literal: &str) -> String {
    let (mut spoken, mut depth) = (String::new(), 0_usize);
    let mut letters = literal.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '\\' => drop(letters.next()),
            letter if depth == 0 => spoken.push(letter),
            _ => {}
        }
    }
    spoken
}

fn is_russian(letter: char) -> bool {
    ('\u{400}'..'\u{500}').contains(&letter)
}

/// How many words of at least two letters there are.
fn words_in(text: &str) -> usize {
    let words = text.split(|letter: char| !letter.is_alphabetic());
    words.filter(|word| word.chars().count() > 1).count()
}

/// The texts for people that are not said in both languages.
fn left_out(source: &str) -> Vec<(usize, String)> {
    let is_said = |text: &&Text<'_>| {
        let both = |head: &String| matches!(head.as_str(), "say!" | "Both");
        text.around.iter().any(both)
    };
    let is_for_people = |text: &&Text<'_>| {
        let literal = spoken(text.literal);
        let in_attribute = text.around.iter().any(|head| head == "#");
        let in_error = text.around.iter().any(|head| head == "error");
        let single = text
            .around
            .iter()
            .take(1)
            .any(|head| SAYS.contains(&head.as_str()));
        // The name of what the next text explains: a key, a variable, a file.
        let is_name = text.then == ",Both";
        let owned = text.then.starts_with(".to_") || text.then.starts_with(".into");
        match words_in(&literal) {
            _ if is_name || (in_attribute && !in_error) => false,
            // The translation of what comes in English from elsewhere: the server, the system, the command line's library.
            _ if literal.contains(is_russian) => false,
            0 => false,
            1 => single || owned || in_error,
            _ => literal.contains(' ') || single || owned,
        }
    };
    let all = texts(source);
    let left_out = all
        .iter()
        .filter(is_for_people)
        .filter(|text| !is_said(text));
    left_out
        .map(|text| (text.line, text.literal.to_owned()))
        .collect()
}

/// The names in braces, by which a text is filled in; those without a name are counted.
fn placeholders(literal: &str) -> BTreeSet<String> {
    let (mut found, mut unnamed) = (BTreeSet::new(), 0);
    let text = literal.replace("{{", "").replace("}}", "");
    for part in text.split('{').skip(1) {
        let inside = part.split('}').next().unwrap_or_default();
        let name = inside.split(':').next().unwrap_or_default();
        match name {
            "" => {
                unnamed += 1;
                found.insert(format!("{{}} number {unnamed}"));
            }
            name => {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

/// What is wrong with the pairs that are said in both languages.
fn unlike(source: &str) -> Vec<(usize, String)> {
    let words = words_and_texts(source);
    let mut findings = Vec::new();
    let is_text = |text: &str| text.len() > 1 && text.ends_with('"');
    for at in 2..words.len().saturating_sub(3) {
        let head = head(&words, at);
        let [open, english, comma, russian] = [0, 1, 2, 3].map(|by| words[at + by].text);
        let is_pair = open == "(" && matches!(head.as_str(), "say!" | "Both") && is_text(english);
        if !is_pair || words[at].in_test {
            continue;
        }
        let line = words[at].line;
        if comma != "," || !is_text(russian) {
            findings.push((line, format!("{english} has no second text")));
            continue;
        }
        let said = spoken(russian);
        let is_empty = said.trim_matches('"').is_empty() && placeholders(russian).is_empty();
        let is_bare = words_in(&said) > 0 || is_empty;
        if words_in(&spoken(english)) > 0 && is_bare && !said.contains(is_russian) {
            findings.push((line, format!("{russian} is not Russian")));
        }
        if english.contains(is_russian) {
            findings.push((line, format!("{english} is not English")));
        }
        // A form that goes with a number is there in Russian alone: see `plural`.
        let is_form = |name: &String| name == "form" || name.ends_with("_form");
        let (one, mut other) = (placeholders(english), placeholders(russian));
        other.retain(|name| one.contains(name) || !is_form(name));
        if head == "say!" && one != other {
            findings.push((
                line,
                format!("{english} tells {one:?}, {russian} tells {other:?}"),
            ));
        }
    }
    findings
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut open, mut found) = (
        vec![root.join("src/tui"), root.join("src/client")],
        Vec::new(),
    );
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".rs")
                && !name.ends_with("/tests.rs")
                && !name.contains("/tests/")
            {
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn no_text_lacks_a_translation() {
    let mut findings = Vec::new();
    let mut idle: BTreeSet<_> = NO_WORDS.iter().collect();
    for (file, source) in sources() {
        for (line, text) in left_out(&source) {
            match NO_WORDS.iter().find(|known| **known == text) {
                Some(known) => drop(idle.remove(known)),
                None => findings.push(format!("{file}:{line}: \"{text}\"")),
            }
        }
    }
    assert!(
        findings.is_empty(),
        "said in one language only: write say!(\"…\", \"…\"), or put what is no text for people into NO_WORDS:\n{}",
        findings.join("\n")
    );
    assert!(idle.is_empty(), "these of NO_WORDS are nowhere: {idle:?}");
}

#[test]
fn both_languages_say_the_same() {
    let mut findings = Vec::new();
    for (file, source) in sources() {
        let unlike = unlike(&source).into_iter();
        findings.extend(unlike.map(|(line, what)| format!("{file}:{line}: {what}")));
    }
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// What the tests above see.
#[test]
fn a_text_in_one_language_is_found() {
    for planted in [
        r#"fn f() { tell!("the kettle boils") }"#,
        r#"fn f() -> String { match it { _ => "the kettle boils".to_owned() } }"#,
        r#"fn f() { self.note(format!("{name} boils")) }"#,
        r#"#[error("the kettle {name} boils")] struct Kettle;"#,
        r#"const WORDS: &str = "the kettle boils";"#,
    ] {
        assert_eq!(left_out(planted).len(), 1, "{planted}");
    }
    for sound in [
        r#"// the kettle boils"#,
        r#"#[error("{}", say!("the kettle boils", "чайник кипит"))] struct Kettle;"#,
        r#"#[allow(lint, reason = "the kettle boils")] fn f() {}"#,
        r#"fn f() { say!("the kettle boils", "чайник кипит") }"#,
        r#"fn f() { format!("{name}: \x1b[1m{}", 7) }"#,
        r#"#[cfg(test)] mod tests { const WORDS: &str = "the kettle boils"; }"#,
    ] {
        assert_eq!(left_out(sound), [], "{sound}");
    }
    for planted in [
        r#"fn f() { say!("the kettle {name} boils", "чайник кипит") }"#,
        r#"fn f() { say!("the kettle boils", "the kettle boils") }"#,
        r#"fn f() { say!("{} of {}", "{}, {name} из них", 1, 2) }"#,
        r#"const IT: Both = Both("the kettle", "kettle");"#,
    ] {
        assert_eq!(unlike(planted).len(), 1, "{planted}");
    }
    let forms = r#"fn f() { say!("{n} cups", "{n} {cups_form}") }"#;
    assert_eq!(unlike(forms), []);
}
