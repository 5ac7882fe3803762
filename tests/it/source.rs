//! A Rust source as words: names and signs, without comments and, unless it is asked for, literals. Not a parser: it knows where a word stands,
//! how many inline modules are around it, and whether it is compiled for tests only.

/// A name, a number, or a sign; `::` is one word.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    /// As it is written.
    pub text: &'a str,
    /// On which line.
    pub line: usize,
    /// How many `mod … {` are open around it.
    pub inline_modules: usize,
    /// Whether it is under `#[cfg(test)]`.
    pub in_test: bool,
}

/// What a brace opened.
#[derive(Clone, Copy, Default)]
struct Block {
    module: bool,
    test: bool,
}

/// All words of a source.
pub fn words(text: &str) -> Vec<Word<'_>> {
    marked(raw_words(text, false))
}

/// The same with what is quoted: each literal text is a word, with its quotes.
pub fn words_and_texts(text: &str) -> Vec<Word<'_>> {
    marked(raw_words(text, true))
}

fn marked(mut found: Vec<Word<'_>>) -> Vec<Word<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut test_begins = false;
    for at in 0..found.len() {
        let texts = |back: usize| at.checked_sub(back).map_or("", |at| found[at].text);
        match found[at].text {
            "]" if (1..=6)
                .rev()
                .map(texts)
                .eq(["#", "[", "cfg", "(", "test", ")"]) =>
            {
                test_begins = true;
            }
            "{" => {
                let module = texts(2) == "mod";
                blocks.push(Block {
                    module,
                    test: std::mem::take(&mut test_begins),
                });
            }
            "}" => drop(blocks.pop()),
            ";" => test_begins = false,
            _ => {}
        }
        found[at].inline_modules = blocks.iter().filter(|block| block.module).count();
        found[at].in_test = test_begins || blocks.iter().any(|block| block.test);
    }
    found
}

fn raw_words(text: &str, texts: bool) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let skipped = skipped(rest, first);
        let length = match skipped {
            0 => word_length(rest, first),
            skipped => skipped,
        };
        let (word, after) = rest.split_at(length);
        let is_text = skipped > 0 && word.ends_with(['"', '#']) && !word.starts_with('/');
        if (skipped == 0 && !first.is_whitespace()) || (texts && is_text) {
            found.push(Word {
                text: word,
                line,
                inline_modules: 0,
                in_test: false,
            });
        }
        line += word.matches('\n').count();
        rest = after;
    }
    found
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn word_length(rest: &str, first: char) -> usize {
    if is_name(first) {
        return rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
    }
    match rest.starts_with("::") {
        true => 2,
        false => first.len_utf8(),
    }
}

/// The length of the comment or literal that begins here; 0 when none does.
fn skipped(rest: &str, first: char) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    if first == '"' {
        return 1 + quoted(&rest[1..], '"');
    }
    if first == '\'' {
        return character(rest);
    }
    // A prefix and what it belongs to: r"…", b"…", br#"…"#, c"…", b'…'. A raw name such as r#type is a name.
    let prefix = rest.find(|letter| !matches!(letter, 'r' | 'b' | 'c'));
    let Some(prefix @ 1..=2) = prefix else {
        return 0;
    };
    let (letters, literal) = rest.split_at(prefix);
    match literal.chars().next() {
        Some('"') if letters.contains('r') => prefix + raw(literal, 0),
        Some('"') => prefix + 1 + quoted(&literal[1..], '"'),
        Some('\'') if letters == "b" => prefix + character(literal),
        Some('#') if letters.contains('r') => {
            let hashes = literal.find(|letter| letter != '#').unwrap_or(0);
            match literal[hashes..].starts_with('"') {
                true => prefix + raw(literal, hashes),
                false => 0,
            }
        }
        _ => 0,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// How long it is to the closing quote and with it.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn raw(literal: &str, hashes: usize) -> usize {
    let end = format!("\"{}", "#".repeat(hashes));
    literal[hashes + 1..]
        .find(&end)
        .map_or(literal.len(), |at| hashes + 1 + at + end.len())
}

/// A character literal; a lifetime's `'` is a sign of its own.
fn character(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), _) => 1 + quoted(&rest[1..], '\''),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
