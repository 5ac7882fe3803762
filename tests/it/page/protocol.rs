//! chatd-protocol(7): the specification, `src/wire/PROTOCOL.md`, as a manual page. It knows as much of Markdown as is used
//! there; anything else fails, so that nothing is lost in silence.

use std::iter::Peekable;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use roff::{Inline, bold, italic, roman};

use super::Page;

const SPECIFICATION: &str = include_str!("../../../src/wire/PROTOCOL.md");

/// What fits beside the indentation on a terminal of 80 columns.
const CODE_COLUMNS: usize = 70;

/// What a cell of a table may have that is not broken into lines.
const CELL_CHARS: usize = 27;

/// The page.
pub fn protocol() -> String {
    let mut events = Parser::new_ext(SPECIFICATION, Options::ENABLE_TABLES).peekable();
    assert_eq!(
        events.next(),
        Some(Event::Start(heading(HeadingLevel::H1))),
        "the specification begins with its title"
    );
    let title = plain(&inlines(&mut events, TagEnd::Heading(HeadingLevel::H1)));
    let mut page = Page::begin("chatd-protocol", "7", &lower_first(&title));
    page.section("Description");
    while let Some(event) = events.next() {
        match event {
            Event::Start(tag) => block(&mut page, tag, &mut events),
            other => unknown(&other),
        }
    }
    page.references(&[("chat-client", "1"), ("chatd", "8"), ("chatctl", "8")]);
    // Tells `man` that there are tables in it.
    format!("'\\\" t\n{}", page.render())
}

fn heading(level: HeadingLevel) -> Tag<'static> {
    Tag::Heading {
        level,
        id: None,
        classes: Vec::new(),
        attrs: Vec::new(),
    }
}

fn unknown(event: &Event<'_>) -> ! {
    panic!("tests/it/page/protocol.rs does not know what to make of {event:?}; teach it")
}

fn lower_first(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_lowercase() + rest
}

fn block<'a>(
    page: &mut Page,
    tag: Tag<'a>,
    events: &mut Peekable<impl Iterator<Item = Event<'a>>>,
) {
    match tag {
        Tag::Heading { level, .. } => {
            let text = plain(&inlines(events, TagEnd::Heading(level)));
            match level {
                HeadingLevel::H2 => page.section(&text),
                HeadingLevel::H3 => page.heading("SS", &text),
                _ => panic!("'{text}' is a heading of a third level"),
            }
        }
        Tag::Paragraph => page.paragraph(inlines(events, TagEnd::Paragraph)),
        Tag::List(first) => list(page, first, events),
        Tag::CodeBlock(CodeBlockKind::Fenced(language)) => {
            let mut code = String::new();
            for event in events.by_ref() {
                match event {
                    Event::Text(text) => code += &text,
                    Event::End(TagEnd::CodeBlock) => break,
                    other => unknown(&other),
                }
            }
            code_block(page, &language, &code);
        }
        Tag::Table(_) => table(page, events),
        other => unknown(&Event::Start(other)),
    }
}

/// Up to the end of what was begun.
fn inlines<'a>(events: &mut impl Iterator<Item = Event<'a>>, end: TagEnd) -> Vec<Inline> {
    let mut text = Vec::new();
    let mut fonts = vec![roman as fn(String) -> Inline];
    for event in events {
        let font = fonts[fonts.len() - 1];
        match event {
            Event::End(tag) if tag == end => return text,
            Event::Text(words) => text.push(font(words.into_string())),
            Event::Code(words) => text.push(bold(words.into_string())),
            Event::SoftBreak => text.push(roman(" ")),
            Event::Start(Tag::Strong) => fonts.push(bold),
            Event::Start(Tag::Emphasis) => fonts.push(italic),
            // A page has its sections by name, and everything that is linked to has its name in the text.
            Event::Start(Tag::Link { dest_url, .. }) if dest_url.starts_with('#') => {
                fonts.push(font)
            }
            Event::End(TagEnd::Strong | TagEnd::Emphasis | TagEnd::Link) => drop(fonts.pop()),
            other => unknown(&other),
        }
    }
    panic!("no end of {end:?}")
}

fn plain(text: &[Inline]) -> String {
    let words = text.iter().map(|part| match part {
        Inline::Roman(words) | Inline::Bold(words) | Inline::Italic(words) => words.as_str(),
        Inline::LineBreak => " ",
    });
    words.collect()
}

fn list<'a>(
    page: &mut Page,
    first: Option<u64>,
    events: &mut Peekable<impl Iterator<Item = Event<'a>>>,
) {
    let mut number = first;
    while let Some(event) = events.next() {
        match event {
            Event::End(TagEnd::List(_)) => return,
            // The table of contents, of which a manual page has no need.
            Event::Start(Tag::Item)
                if matches!(events.peek(), Some(Event::Start(Tag::Link { .. }))) =>
            {
                inlines(events, TagEnd::Item);
            }
            Event::Start(Tag::Item) => {
                match &mut number {
                    Some(number) => {
                        page.roff.control("IP", [&*format!("{number}."), "4"]);
                        *number += 1;
                    }
                    None => drop(page.roff.control("IP", ["\\(bu", "2"])),
                }
                page.text(inlines(events, TagEnd::Item));
            }
            other => unknown(&other),
        }
    }
}

/// An example, with a word about whose it is.
fn code_block(page: &mut Page, language: &str, code: &str) {
    let mut words = language.split(' ');
    let is_json = words.next() == Some("json");
    if let Some(side) = words.next() {
        page.paragraph(vec![italic(format!("{side}:"))]);
    }
    page.gap();
    page.roff.control("RS", ["2"]).control("nf", []);
    for line in code.lines() {
        let lines = match is_json {
            true => folded(line),
            false => vec![line.to_owned()],
        };
        for line in lines {
            let columns = line.chars().count();
            assert!(
                is_json || columns <= CODE_COLUMNS,
                "{columns} columns do not fit a terminal: '{line}'"
            );
            page.text(vec![roman(line)]);
        }
    }
    page.roff.control("fi", []).control("RE", []);
}

/// A line of JSON in as many lines as it takes, broken where JSON allows it: after commas and, before a long text, after
/// its name.
fn folded(line: &str) -> Vec<String> {
    let text = line.trim_start();
    let indent = " ".repeat(line.len() - text.len());
    let mut lines = vec![indent.clone()];
    for part in cut(text, ',') {
        // An object's further lines begin behind its bracket.
        let columns = CODE_COLUMNS - indent.len() - 1;
        let parts = match part.chars().count() > columns {
            true => cut(part, ':'),
            false => vec![part],
        };
        for part in parts {
            let last = &mut lines[..].last_mut().expect("there is one");
            let together = last.chars().count() + part.trim_end().chars().count();
            if together > CODE_COLUMNS && !last.trim().is_empty() {
                lines.push(format!("{indent} {part}"));
            } else {
                last.push_str(part);
            }
        }
    }
    lines
        .iter()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// JSON, cut behind each space that follows this character and stands in no text.
fn cut(json: &str, behind: char) -> Vec<&str> {
    let (mut parts, mut begin, mut is_text, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, character) in json.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => is_text = !is_text,
            ' ' if !is_text && json[..at].ends_with(behind) => {
                parts.push(&json[begin..=at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&json[begin..]);
    parts
}

fn table<'a>(page: &mut Page, events: &mut impl Iterator<Item = Event<'a>>) {
    let mut rows = vec![Vec::new()];
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => {}
            Event::Start(Tag::TableCell) => {
                let cell = inlines(events, TagEnd::TableCell);
                rows.last_mut().expect("there is one").push(cell);
            }
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => rows.push(Vec::new()),
            Event::End(TagEnd::Table) => break,
            other => unknown(&other),
        }
    }
    rows.retain(|row| !row.is_empty());
    // Columns with long cells share what the others leave.
    let columns: Vec<bool> = (0..rows[0].len())
        .map(|column| {
            rows.iter()
                .any(|row| plain(&row[column]).len() > CELL_CHARS)
        })
        .collect();
    page.gap();
    // Pages mean nothing on a terminal, and groff would warn of their ends.
    page.roff.control("TS", []).text([roman("nokeep;")]);
    for (font, end) in [("b", ""), ("", ".")] {
        let width = |is_wide: &bool| if *is_wide { "x" } else { "" };
        let format = columns.iter().map(|wide| format!("l{font}{}", width(wide)));
        let format: Vec<_> = format.collect();
        page.roff.text([roman(format.join(" ") + end)]);
    }
    for row in rows {
        let mut line = Vec::new();
        for (cell, is_wide) in row.into_iter().zip(&columns) {
            if !line.is_empty() {
                line.push(roman("\t"));
            }
            if *is_wide {
                line.push(roman("T{"));
                page.roff.text(std::mem::take(&mut line)).text(cell);
                line.push(roman("T}"));
            } else {
                line.extend(cell);
            }
        }
        page.roff.text(line);
    }
    page.roff.control("TE", []);
    page.is_headed = false;
}
