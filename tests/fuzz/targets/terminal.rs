//! What other people wrote, on its way to a terminal, a log or a script: nothing in it is obeyed, nothing is lost of what is
//! harmless, no line is wider than it may be, and nobody can write what looks like another's line.

use chatd::base::record::Kind;
use chatd::base::text::{harmless, harmless_json};
use chatd::base::{Seq, Timestamp};
use chatd::client::Message;
use chatd::tui::show::{self, Style};
use jiff::tz::TimeZone;

use super::replies::{is_as_wide, print};
use super::{is_dangerous, must_be_harmless};

pub fn check(data: &[u8]) {
    let (steer, rest) = super::steered(data);
    let text = &*String::from_utf8_lossy(rest);
    let is_safe = !text.contains(is_dangerous);

    for filter in [|text: &str| harmless(text).into_owned(), show::harmless] {
        let shown = filter(text);
        must_be_harmless(&shown);
        assert_eq!(filter(&shown), shown, "once is enough");
        assert!(!is_safe || shown == text || text.contains(chatd::base::text::is_harmful));
        assert!(shown.len() <= 10 * text.len());
    }

    let json = serde_json::to_string(text).unwrap();
    let shown = harmless_json(&json);
    must_be_harmless(&shown);
    assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);

    lines(text, steer);
    tables(text, 20 + usize::from(steer) % 120);
}

/// chat-client's lines.
fn lines(text: &str, steer: u8) {
    let message = |room: &str, from: &str, said: &str| Message {
        room: room.into(),
        seq: Seq(1),
        from: from.into(),
        at: Timestamp(1_795_170_600_000),
        kind: if steer.is_multiple_of(2) {
            Kind::Text
        } else {
            Kind::Action
        },
        text: said.into(),
        key: None,
        redacts: None,
    };
    let messages = [
        message("lobby", "anna", text),
        message(text, "anna", "hi"),
        message("lobby", text, "hi"),
        message(&format!("@{text}"), text, text),
    ];
    for message in &messages {
        must_be_harmless(&Style::pipe().message(message, Some("lobby")));
        let style = |colour| Style {
            terminal: true,
            colour,
            zone: TimeZone::UTC,
        };
        let shown = style(false).message(message, Some("lobby"));
        let lines: Vec<_> = shown.split('\n').collect();
        lines.iter().for_each(|line| must_be_harmless(line));
        assert!(lines[0].starts_with("10:30 "), "{shown}");
        // No line of a message looks like the beginning of one.
        assert!(
            lines[1..].iter().all(|line| line.starts_with("      │ ")),
            "{shown}"
        );
        let painted = style(true).message(message, Some("lobby"));
        assert_eq!(without_colours(&painted), shown);
    }
}

/// Without what chat-client paints with.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('m').unwrap();
        assert!(
            [
                "0", "2", "31", "32", "33", "34", "35", "36", "91", "92", "94", "95"
            ]
            .contains(&number)
        );
        plain.push_str(rest);
    }
    plain
}

/// chatctl's tables, with foreign names, topics and devices in them.
fn tables(text: &str, width: usize) {
    let at = "2026-11-20T10:30:00Z";
    let users = serde_json::json!({"parameters": {"users": [{
        "name": text, "createdAt": at, "lastLoginAt": at, "lastLoginFrom": text, "sessions": 1, "connections": 1, "rooms": 1,
    }]}});
    let rooms = serde_json::json!({"parameters": {"rooms": [{
        "name": text, "direct": false, "topic": text, "members": 2, "online": 1, "messages": 7,
    }]}});
    let sessions = serde_json::json!({"parameters": {"sessions": [{
        "id": 7, "user": text, "device": text, "createdAt": at, "seenAt": at, "expiresAt": at, "connections": 0,
    }]}});
    for (verb, reply) in [
        ("users", &users),
        ("who", &users),
        ("rooms", &rooms),
        ("sessions", &sessions),
    ] {
        let (printed, said) = print(
            &["chatctl", verb],
            &[reply.to_string().as_bytes(), b"\0"].concat(),
            width,
        );
        assert_eq!(said, Ok(()));
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines.len(), 2, "{printed}");
        lines.iter().for_each(|line| must_be_harmless(line));
        is_as_wide(&printed, width);
    }
}
