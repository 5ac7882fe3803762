//! Shows that `src/wire/PROTOCOL.md` and the code say the same: every example is decoded and encoded again, every
//! request and event has its section, every field stands in its table, and the errors and limits are those of the code.

use std::collections::BTreeSet;

use chatd::base::{Limits, RequestId, Token, limit, name};
use chatd::wire::{Code, Event, FrameReader, Request, event, frame, request};
use serde_json::Value;

use crate::full;

const PROTOCOL: &str = include_str!("../../src/wire/PROTOCOL.md");

/// Fields whose content is described elsewhere: names of rooms, or what another section's table holds.
const DESCRIBED_ELSEWHERE: [(&str, &str); 3] = [
    ("resume", "cursors"),
    ("welcome", "rooms"),
    ("page", "messages"),
];

/// A chapter (`##`) or a section (`###`), with everything below it.
struct Section<'a> {
    title: &'a str,
    body: &'a str,
}

fn sections<'a>(text: &'a str, mark: &str) -> Vec<Section<'a>> {
    text.split(mark)
        .skip(1)
        .map(|part| {
            let (title, body) = part.split_once('\n').unwrap();
            Section { title, body }
        })
        .collect()
}

fn chapter(title: &str) -> Section<'static> {
    sections(PROTOCOL, "\n## ")
        .into_iter()
        .find(|chapter| chapter.title == title)
        .unwrap_or_else(|| panic!("PROTOCOL.md has no chapter '{title}'"))
}

/// The cells of all tables of a text; the rows with the headings are left out.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<_> = text.lines().collect();
    let is_row = |line: &&str| line.starts_with("| `");
    lines
        .into_iter()
        .filter(is_row)
        .map(|line| {
            line.trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().trim_matches('`'))
                .collect()
        })
        .collect()
}

/// Who says what an example shows.
#[derive(Clone, Copy, PartialEq)]
enum Says<'a> {
    Client,
    Server,
    /// A client, wrongly: the server answers with this word.
    Wrong(&'a str),
}

/// The JSON objects in the example blocks of a text.
fn examples(text: &str) -> Vec<(Says<'_>, Value)> {
    let mut found = Vec::new();
    for block in text.split("\n```json").skip(1) {
        let (info, rest) = block.split_once('\n').unwrap();
        let says = match info.trim().split(' ').collect::<Vec<_>>()[..] {
            ["client"] => Says::Client,
            ["server"] => Says::Server,
            ["client", word] => Says::Wrong(word),
            _ => panic!("'```json{info}' says neither client nor server"),
        };
        let (code, _) = rest.split_once("\n```").unwrap();
        for value in serde_json::Deserializer::from_str(code).into_iter() {
            let value = value.unwrap_or_else(|error| panic!("{error} in the example\n{code}"));
            found.push((says, value));
        }
    }
    found
}

fn kind(value: &Value) -> &str {
    value["type"].as_str().unwrap()
}

/// What becomes of a frame of a client: decoded and encoded again, or the word of the error.
fn through_request(value: &Value) -> Result<Value, Code> {
    request::Tagged::decode(value.to_string().as_bytes())
        .map(|tagged| serde_json::from_str(&tagged.encode()).unwrap())
        .map_err(|error| error.code)
}

/// What becomes of a frame of the server.
fn through_event(value: &Value) -> Result<Value, String> {
    event::Tagged::decode(value.to_string().as_bytes())
        .map(|tagged| serde_json::from_str(&tagged.encode()).unwrap())
        .map_err(|error| error.to_string())
}

/// All the paths of fields in an object, such as `limits` and `limits.frame`; those of arrays without numbers.
fn paths(object: &Value, elsewhere: &[&str]) -> BTreeSet<String> {
    fn walk(value: &Value, prefix: &str, elsewhere: &[&str], found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = format!("{prefix}{name}");
                    if !elsewhere.contains(&path.as_str()) {
                        walk(value, &format!("{path}."), elsewhere, found);
                    }
                    found.insert(path);
                }
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, prefix, elsewhere, found);
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(object, "", elsewhere, &mut found);
    for envelope in ["type", "id", "re"] {
        found.remove(envelope);
    }
    found
}

/// The object without the field at this path; in arrays, without that of any element.
fn without(object: &Value, path: &str) -> Value {
    let mut object = object.clone();
    match path.split_once('.') {
        None => drop(object.as_object_mut().unwrap().remove(path)),
        Some((outer, inner)) => match &mut object[outer] {
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| *item = without(item, inner)),
            nested => *nested = without(nested, inner),
        },
    }
    object
}

#[test]
fn every_example_is_decoded_and_encoded_again() {
    let all = examples(PROTOCOL);
    assert!(all.len() > 70, "only {} examples were found", all.len());
    for (says, value) in all {
        match says {
            Says::Client => assert_eq!(through_request(&value).as_ref(), Ok(&value)),
            Says::Server => assert_eq!(through_event(&value).as_ref(), Ok(&value)),
            Says::Wrong(word) => assert_eq!(
                through_request(&value).map_err(Code::word),
                Err(word),
                "{value}"
            ),
        }
        let token = value["token"].as_str();
        assert!(token.is_none_or(|token| Token::parse(token).is_some()));
    }
}

#[test]
fn every_request_and_every_event_has_its_section_in_the_order_of_the_code() {
    let titles = |chapter: Section<'static>| -> Vec<&str> {
        sections(chapter.body, "\n### ")
            .into_iter()
            .map(|section| section.title)
            .collect()
    };
    assert_eq!(titles(chapter("Requests")), Request::TYPES);
    assert_eq!(titles(chapter("Events")), Event::TYPES);
}

#[test]
fn the_values_with_every_field_are_of_every_type() {
    let kinds = |values: Vec<Value>| -> Vec<String> {
        values
            .iter()
            .map(|value| kind(value).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(full::requests()), Request::TYPES);
    assert_eq!(kinds(full::events()), Event::TYPES);
}

/// Compares a chapter's tables and examples with values that have every field there is.
fn check_fields(chapter_title: &str, says: Says, full: Vec<Value>, decodes: fn(&Value) -> bool) {
    let chapter = chapter(chapter_title);
    for (section, full) in sections(chapter.body, "\n### ").into_iter().zip(full) {
        let title = section.title;
        let elsewhere: Vec<_> = DESCRIBED_ELSEWHERE
            .iter()
            .filter(|(section, _)| *section == title)
            .map(|(_, field)| *field)
            .collect();
        let table = rows(section.body);
        let in_table: BTreeSet<_> = table.iter().map(|row| row[0].to_owned()).collect();
        assert_eq!(
            in_table,
            paths(&full, &elsewhere),
            "the table of `{title}` is on the left, the code on the right"
        );
        let mut in_examples = BTreeSet::new();
        for (_, value) in examples(section.body)
            .iter()
            .filter(|(who, value)| *who == says && kind(value) == title)
        {
            in_examples.extend(paths(value, &elsewhere));
        }
        assert_eq!(
            in_table, in_examples,
            "the table of `{title}` is on the left, its examples on the right"
        );
        for row in &table {
            let must = matches!(row[2], "yes" | "always");
            assert_eq!(
                decodes(&without(&full, row[0])),
                !must,
                "`{}` of `{title}` without which it can be read or not",
                row[0]
            );
        }
    }
}

#[test]
fn the_tables_of_requests_name_each_field_and_whether_it_is_needed() {
    check_fields("Requests", Says::Client, full::requests(), |value| {
        through_request(value).is_ok()
    });
}

#[test]
fn the_tables_of_events_name_each_field_and_whether_it_is_always_there() {
    check_fields("Events", Says::Server, full::events(), |value| {
        through_event(value).is_ok()
    });
}

#[test]
fn every_request_tells_its_answer_and_errors_that_there_are() {
    let words: BTreeSet<_> = Code::ALL.iter().map(|code| code.word()).collect();
    for section in sections(chapter("Requests").body, "\n### ") {
        let title = section.title;
        let (_, answer) = section
            .body
            .split_once("**Answer**: [`")
            .unwrap_or_else(|| panic!("`{title}` has no answer"));
        let (answer, rest) = answer.split_once('`').unwrap();
        assert!(Event::TYPES.contains(&answer), "{title}: {answer}");
        let (_, errors) = rest
            .split_once("**Errors**:")
            .unwrap_or_else(|| panic!("`{title}` has no errors"));
        let (errors, _) = errors.split_once("\n\n").unwrap();
        for word in errors.split('`').skip(1).step_by(2) {
            let known = words.contains(word) || !word.contains('-');
            assert!(known, "`{title}` has an error `{word}` that the code lacks");
        }
    }
}

#[test]
fn the_table_of_errors_is_that_of_the_code() {
    let rows = rows(chapter("Errors").body);
    let words: Vec<_> = rows.iter().map(|row| row[0]).collect();
    let code: Vec<_> = Code::ALL.iter().map(|code| code.word()).collect();
    assert_eq!(words, code);
    assert!(
        rows.iter().all(|row| row.len() == 3),
        "each has a meaning and an advice"
    );
}

#[test]
fn the_tables_of_limits_are_those_of_the_code() {
    macro_rules! constants {
        ($($module:ident :: $name:ident),+ $(,)?) => {
            vec![$((stringify!($name), $module::$name as u64)),+]
        };
    }
    let constants = constants![
        limit::FRAME_BYTES_MAX,
        limit::REQUEST_ID_CHARS_MAX,
        limit::KEY_BYTES_MAX,
        limit::TEXT_BYTES_MAX,
        limit::TOPIC_BYTES_MAX,
        limit::PASSWORD_CHARS_MAX,
        limit::PASSWORD_BYTES_MAX,
        limit::PASSWORD_CHARS_MIN,
        limit::DEVICE_BYTES_MAX,
        limit::INVITE_BYTES_MAX,
        limit::REASON_BYTES_MAX,
        limit::JSON_DEPTH_MAX,
        limit::PAGE_MESSAGES_MAX,
        limit::PAGE_MESSAGES,
        limit::LIST_ENTRIES_MAX,
        name::NAME_CHARS_MAX,
    ];
    let written = include_str!("../../src/base/limit.rs")
        .matches("\npub const ")
        .count();
    assert_eq!(
        constants.len(),
        written + 1,
        "a constant of src/base/limit.rs is missing here"
    );

    let rows = rows(chapter("Limits").body);
    let table: Vec<(&str, u64)> = rows
        .iter()
        .map(|row| (row[0], row[1].replace(' ', "").parse().unwrap()))
        .collect();
    let (fixed, settable) = table.split_at(constants.len());
    assert_eq!(fixed, constants);
    let defaults = Limits::default().table();
    let mut order = defaults.iter();
    for entry in settable {
        assert!(
            order.any(|(name, value, _)| (*name, *value) == *entry),
            "{entry:?} is no limit of src/base/limit.rs, or out of its order"
        );
    }
}

#[test]
fn links_within_the_specification_lead_somewhere() {
    let mut anchors = BTreeSet::new();
    for line in PROTOCOL.lines().filter(|line| line.starts_with("##")) {
        let anchor: String = line
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-'))
            .map(|letter| if letter == ' ' { '-' } else { letter })
            .collect();
        let again = (1..).map(|turn| format!("{anchor}-{turn}"));
        let free = std::iter::once(anchor.clone())
            .chain(again)
            .find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    for link in PROTOCOL.split("](#").skip(1) {
        let (anchor, _) = link.split_once(')').unwrap();
        assert!(
            anchors.contains(anchor),
            "no heading for '#{anchor}' in {anchors:?}"
        );
    }
}

/// The frame that is written out in the specification, byte by byte.
#[test]
fn a_frame_is_its_length_and_its_json() {
    let bytes = frame::encode(r#"{"type":"ping"}"#);
    assert_eq!(bytes[..4], [0x00, 0x00, 0x00, 0x0f]);
    assert!(PROTOCOL.contains("`00 00 00 0f` and its 15 bytes"));
    let mut input = &bytes[..];
    let frame = FrameReader::default().next(&mut input).unwrap().unwrap();
    let ping = request::Tagged::decode(&frame).unwrap();
    assert_eq!(ping.id, None::<RequestId>);
    assert_eq!(ping.request, Request::Ping(request::Ping { data: None }));
}
