//! Peers that are gone at any moment, with a reset: after each byte of a whole conversation, in the clear and over TLS.
//! Nothing is left of them.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use serde_json::{Value, json};
use socket2::SockRef;

use crate::support::tls::usual_client;
use crate::support::{
    Daemon, Heard, PASSWORD, Talker, UNHURRIED, View, ask, request, undisturbed, until,
};

/// Ends a connection as if the plug was pulled: the other side gets a reset.
fn reset(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    socket.set_linger(Some(Duration::ZERO)).expect("a socket");
}

/// The bytes of these requests in one stream.
fn bytes(requests: &[Value]) -> Vec<u8> {
    let frame = |request: &Value| {
        let json = request.to_string();
        [&(json.len() as u32).to_be_bytes(), json.as_bytes()].concat()
    };
    requests.iter().flat_map(frame).collect()
}

/// A whole conversation of somebody who has this token.
fn conversation(token: &str) -> Vec<u8> {
    bytes(&[
        request!("hello", protocol: 1, client: "stories/1"),
        request!("resume", token: token, cursors: json!({"lobby": 0}), id: 1),
        request!("join", room: "tea", id: 2),
        request!("send", to: "tea", text: "hello", id: 3),
        request!("history", room: "tea", id: 4),
        request!("search", text: "hello", id: 5),
        request!("leave", room: "tea", id: 6),
    ])
}

/// Waits until nothing is left but who was there before. Who comes last is answered last, so that everybody before them
/// has come in by then.
#[track_caller]
fn nothing_is_left(daemon: &Daemon, before: [usize; 3]) {
    let mut last = daemon.connect();
    last.request(request!("hello", protocol: 1, client: "stories/1"));
    drop(last);
    until("they are gone", || {
        let strangers = daemon.ctl_json(&["status"])["strangers"] == 0;
        (strangers && count(daemon) == before).then_some(())
    });
}

/// Connections, descriptors and sessions.
fn count(daemon: &Daemon) -> [usize; 3] {
    let status = daemon.ctl_json(&["status"]);
    let connections = status["connections"].as_u64().expect("a number") as usize;
    let sessions = daemon.ctl_list(&["sessions"], "sessions").len();
    [connections, daemon.descriptors(), sessions]
}

/// After each byte, with the answers unread: what was asked before is done or not, and nothing else happens.
#[test]
fn after_each_byte_of_a_conversation() {
    undisturbed(UNHURRIED, |daemon| {
        let mut anna = daemon.register("anna");
        ask!(anna, "create", room: "tea").must_be("joined");
        let token = daemon.register("boris").token.clone();
        until("boris is gone", || (count(daemon)[0] == 3).then_some(()));
        let before = count(daemon);
        let conversation = conversation(&token);
        for cut in 0..=conversation.len() {
            let mut boris = daemon.connect();
            boris.raw(&conversation[..cut]);
            reset(boris.stream());
        }
        nothing_is_left(daemon, before);
        let texts = View::of_log(&mut anna, "tea").texts;
        assert!(texts.values().all(|text| text == "hello"), "{texts:?}");
        assert_eq!(daemon.ctl_json(&["status"])["usersOnline"], 3);
        daemon.resume(&token, &[]).say("lobby", "none the worse");
    });
}

/// Step by step, with the answer to each request read before the next: the last one is answered to nobody.
#[test]
fn at_each_step_of_a_conversation() {
    undisturbed(UNHURRIED, |daemon| {
        let mut anna = daemon.register("anna");
        ask!(anna, "create", room: "tea").must_be("joined");
        daemon.register("boris");
        until("boris is gone", || (count(daemon)[0] == 3).then_some(()));
        let before = count(daemon);
        let steps = [
            request!("hello", protocol: 1, client: "stories/1"),
            request!("login", name: "boris", password: PASSWORD),
            request!("join", room: "tea"),
            request!("send", to: "tea", text: "hello"),
            request!("send", to: "@anna", text: "hello"),
            request!("history", room: "tea"),
            request!("password", old: PASSWORD, new: "another password"),
            request!("password", old: "another password", new: PASSWORD),
            request!("leave", room: "tea"),
            request!("logout"),
        ];
        for answered in [false, true] {
            for last in 0..steps.len() {
                let mut boris = daemon.connect();
                for step in &steps[..last] {
                    let answer = boris.request(step.clone());
                    assert_ne!(answer["type"], "error", "{answer} to {step}");
                }
                let id = boris.begin(steps[last].clone());
                if answered {
                    boris.answer(id);
                }
                reset(boris.stream());
                drop(boris);
                until("it is gone", || (count(daemon)[0] == 3).then_some(()));
                // Whatever of the change was done, is done or not: the password is set to what it was.
                let password = format!("{PASSWORD}\n");
                daemon
                    .ctl_with(&["user", "passwd", "--yes", "boris"], &password)
                    .done();
            }
        }
        nothing_is_left(daemon, [before[0], before[1], before[2] - 1]);
        let mut boris = daemon.login("boris");
        boris.say("lobby", "none the worse");
    });
}

/// Within the handshake of TLS, and within the first records after it.
#[test]
fn within_a_handshake() {
    undisturbed("", |daemon| {
        let before = count(daemon);
        let config = usual_client();
        let hello = {
            let name = "localhost".try_into().expect("a name");
            let mut tls = ClientConnection::new(Arc::clone(&config), name).expect("a client");
            let mut hello = Vec::new();
            tls.write_tls(&mut hello).expect("memory takes it");
            hello
        };
        for cut in 0..=hello.len() {
            let mut stranger = daemon.connect();
            stranger.raw(&hello[..cut]);
            reset(stranger.stream());
        }
        for said in 0..3 {
            let mut talker = daemon.connect().secure(Arc::clone(&config));
            for _ in 0..said {
                talker.hello();
            }
            reset(talker.stream());
        }
        let mut half: Talker = daemon.connect();
        half.raw(&hello);
        let mut byte = [0];
        half.stream().peek(&mut byte).expect("the server answers");
        reset(half.stream());
        drop(half);
        nothing_is_left(daemon, before);
        assert_eq!(daemon.greet_secure().register("anna").text("user"), "anna");
    });
}
