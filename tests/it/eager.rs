//! A server that is quicker than its client: what comes while the client still looks for something else is not shown twice.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use crate::support::{PASSWORD, Person};

fn message(seq: u64) -> Value {
    json!({ "type": "message", "room": "lobby", "seq": seq, "from": "boris", "at": "2026-11-20T10:30:00.000Z",
        "kind": "text", "text": format!("number {seq}") })
}

/// The first message comes right behind the welcome, the second right behind the page that has the first.
fn answers(request: &str) -> Vec<Value> {
    match request {
        "hello" => vec![
            json!({ "type": "hello", "server": "s", "software": "s/1", "protocol": 1,
            "registration": "open", "features": [], "limits": { "frame": 65_536, "text": 8_192, "name_chars": 32,
            "topic": 256, "key": 64, "page_messages": 200, "password_chars_min": 8, "requests_outstanding": 256,
            "key_hours": 72 } }),
        ],
        "login" => {
            let lobby = json!({ "room": "lobby", "topic": "", "joined": true, "members": 2, "first_seq": 1,
                "last_seq": 0, "read_seq": 0 });
            let welcome = json!({ "type": "welcome", "user": "anna", "token": "ct_x",
                "expires_at": "2027-01-01T00:00:00Z", "resumed": false, "rooms": [lobby] });
            vec![welcome, message(1)]
        }
        "history" => {
            let page = json!({ "type": "page", "room": "lobby", "first_seq": 1, "last_seq": 1,
                "messages": [message(1)], "more": false });
            vec![page, message(2)]
        }
        _ => vec![json!({ "type": "ok" })],
    }
}

/// Until the client hangs up.
fn converse(mut socket: TcpStream) -> Option<()> {
    loop {
        let mut length = [0; 4];
        socket.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut frame).ok()?;
        let request: Value = serde_json::from_slice(&frame).ok()?;
        let mut answers = answers(request["type"].as_str()?);
        answers[0]["re"] = request["id"].clone();
        // In one write, so that they come together.
        let mut said = Vec::new();
        for answer in answers {
            let answer = answer.to_string();
            said.extend(u32::try_from(answer.len()).ok()?.to_be_bytes());
            said.extend(answer.as_bytes());
        }
        socket.write_all(&said).ok()?;
    }
}

#[test]
fn tail_shows_nothing_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    thread::spawn(move || {
        listener
            .accept()
            .ok()
            .and_then(|(socket, _)| converse(socket))
    });
    let anna = Person::stranger()
        .with("CHAT_SERVER", "127.0.0.1")
        .with("CHAT_PORT", &port.to_string())
        .with("CHAT_NAME", "anna")
        .with("CHAT_PASSWORD", PASSWORD);
    let mut follows = anna.start(&["tail", "--follow", "-n", "5", "lobby"]);
    for n in 1..=2 {
        let line = follows.next_line().expect("it goes on");
        assert!(line.ends_with(&format!("number {n}")), "{line}");
    }
}
