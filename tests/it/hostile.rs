//! Bad input on the wire: each gets the error that has its name, everybody else goes on, memory stays bounded.

use std::net::Shutdown;

use serde_json::{Value, json};

use crate::support::{Daemon, Heard, PASSWORD, ask, refused, request, undisturbed};

/// Sends this in a greeted connection's frame; the one word of error is given back after the server has closed.
#[track_caller]
fn closes_after(daemon: &Daemon, bytes: &[u8]) -> String {
    let mut talker = daemon.greet();
    talker.raw(bytes);
    let said = talker.expect_closed();
    let last = said.last().unwrap_or(&Value::Null);
    last.code().to_owned()
}

#[track_caller]
fn closes_after_frame(daemon: &Daemon, json: &[u8]) -> String {
    let length = u32::try_from(json.len()).expect("a frame");
    closes_after(daemon, &[&length.to_be_bytes(), json].concat())
}

/// A length of 0, one byte too many, 4 GiB, and what another protocol would begin with.
#[test]
fn a_length_that_cannot_be() {
    undisturbed("", |daemon| {
        assert_eq!(closes_after(daemon, &[0, 0, 0, 0]), "bad-frame");
        assert_eq!(closes_after(daemon, &65_537_u32.to_be_bytes()), "too-large");
        assert_eq!(closes_after(daemon, &[0xff; 4]), "too-large");
        assert_eq!(closes_after(daemon, b"GET / HTTP/1.1\r\n\r\n"), "too-large");
        let mut longest = json!({"type": "ping", "data": "fits", "padding": ""}).to_string();
        let padding = "x".repeat(65_536 - longest.len());
        longest = json!({"type": "ping", "data": "fits", "padding": padding}).to_string();
        let mut talker = daemon.greet();
        talker.raw_frame(longest.as_bytes());
        assert_eq!(talker.next()["data"], "fits");
    });
}

/// A frame that is cut in half when the connection ends is nothing; one that comes in pieces is whole.
#[test]
fn a_frame_cut_in_half() {
    undisturbed("", |daemon| {
        let request = request!("echo", text: "in pieces").to_string();
        let bytes = [&(request.len() as u32).to_be_bytes(), request.as_bytes()].concat();
        for cut in [1, 3, 4, 5, bytes.len() - 1] {
            let mut talker = daemon.greet();
            talker.raw(&bytes[..cut]);
            talker
                .stream()
                .shutdown(Shutdown::Write)
                .expect("still open");
            assert!(
                talker
                    .expect_closed()
                    .iter()
                    .all(|said| said["type"] != "echo")
            );
        }
        let mut talker = daemon.greet();
        for byte in &bytes {
            talker.raw(&[*byte]);
        }
        assert_eq!(talker.next()["text"], "in pieces");
    });
}

/// Garbage, bytes that are not UTF-8, JSON that is no object, half an object, and nesting without end.
#[test]
fn a_frame_without_an_object() {
    undisturbed("", |daemon| {
        for frame in [
            "garbage",
            "[1]",
            "\"text\"",
            "42",
            "null",
            "true",
            " ",
            "{\"type\":\"ping\"",
            "{}{}",
            "{\"type\":\"ping\"} x",
            "\0",
        ] {
            assert_eq!(
                closes_after_frame(daemon, frame.as_bytes()),
                "bad-frame",
                "{frame}"
            );
        }
        assert_eq!(
            closes_after_frame(daemon, b"{\"type\":\"\xff\xfe\"}"),
            "bad-frame"
        );
        let deep = |open: &str| format!("{{\"type\":\"ping\",\"x\":{}", open.repeat(10_000));
        for frame in [
            "[".repeat(10_000),
            deep("["),
            deep("{\"a\":"),
            format!("{}{}}}", deep("["), "]".repeat(10_000)),
        ] {
            assert_eq!(closes_after_frame(daemon, frame.as_bytes()), "bad-frame");
        }
    });
}

/// What can be read as an object but asks for nothing sensible is refused under its own name, and the connection
/// stays.
#[test]
fn a_request_that_makes_no_sense() {
    undisturbed("", |daemon| {
        let mut anna = daemon.register("anna");
        for request in [
            json!({}),
            json!({"type": 7}),
            json!({"type": null}),
            request!("send"),
            request!("send", to: "lobby"),
            request!("send", text: "hi"),
            request!("send", to: 7, text: "hi"),
            request!("send", to: "lobby", text: ["hi"]),
            request!("send", to: "lobby", text: ""),
            request!("send", to: "lobby", text: "a\0b"),
            request!("send", to: "lobby", text: "x".repeat(8_193)),
            request!("send", to: "lobby", text: "hi", kind: "shout"),
            request!("send", to: "lobby", text: "hi", key: "k".repeat(65)),
            request!("send", to: "lobby", text: "hi", key: 1),
            request!("send", to: "lobby", text: "hi", key: ""),
            request!("join"),
            request!("join", room: json!(null)),
            request!("history", room: "lobby", limit: "ten"),
            request!("history", room: "lobby", after: 1.5),
            request!("history", room: "lobby", after: u64::MAX as f64 * 4.0),
            request!("read", room: "lobby", seq: -1),
            request!("echo", text: json!({})),
            request!("ping", data: json!([])),
        ] {
            let answer = anna.request(request.clone());
            assert_eq!(answer.code(), "bad-request", "{request}");
        }
        refused!("unknown-type": anna, "dance");
        refused!("unknown-type": anna, "SEND", to: "lobby", text: "hi");
        for id in [json!({}), json!([1]), json!(true), json!("i".repeat(65))] {
            anna.raw_frame(json!({"type": "ping", "id": id}).to_string().as_bytes());
            assert_eq!(anna.next().code(), "bad-request", "an id of {id}");
        }
        let before = ask!(anna, "history", room: "lobby").must_be("page");
        anna.say("lobby", "and still welcome");
        assert_eq!(before.texts().len(), 1, "only 'before' was stored");
    });
}

/// Numbers that no number can hold, fields that come twice, nesting up to the bound and past it: each is refused by name
/// or read as written, and none is taken for something else.
#[test]
fn huge_numbers_doubles_and_depth() {
    undisturbed("", |daemon| {
        let mut anna = daemon.register("anna");
        let huge = "9".repeat(60_000);
        for number in [
            "1e999",
            "-1e999",
            "18446744073709551616",
            "-1",
            "1e-1",
            &huge,
        ] {
            let number = number.to_owned();
            for (verb, field) in [("read", "seq"), ("history", "after"), ("search", "limit")] {
                let others = r#""room":"lobby","text":"before""#;
                anna.raw_frame(
                    format!(r#"{{"type":"{verb}",{others},"{field}":{number}}}"#).as_bytes(),
                );
                let answer = anna.next();
                assert_eq!(answer.code(), "bad-request", "{verb} {field}: {answer}");
            }
        }
        for id in ["1e999", &huge, "[[1]]"] {
            anna.raw_frame(format!(r#"{{"type":"ping","id":{id}}}"#).as_bytes());
            assert_eq!(anna.next().code(), "bad-request", "{id:.20}");
        }
        // A number that is nobody's business is not looked at, and comes back as it was written.
        anna.raw_frame(br#"{"type":"ping","id":1.50,"x":1e999}"#);
        assert_eq!(anna.next()["re"], json!(1.50));
        for twice in [
            r#"{"type":"send","to":"lobby","to":"tea","text":"twice"}"#,
            r#"{"type":"send","to":"lobby","text":"once","text":"twice"}"#,
        ] {
            anna.raw_frame(twice.as_bytes());
            let answer = anna.next();
            assert_eq!(answer.code(), "bad-request", "{answer}");
        }
        for twice in [
            r#"{"type":"ping","type":"logout"}"#,
            r#"{"id":1,"type":"ping","id":2}"#,
        ] {
            assert_eq!(closes_after_frame(daemon, twice.as_bytes()), "bad-frame");
        }
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth), "]".repeat(depth));
            format!(r#"{{"type":"ping","data":"deep","x":{open}{close}}}"#)
        };
        anna.raw_frame(nested(31).as_bytes());
        assert_eq!(anna.next()["data"], "deep");
        assert_eq!(
            closes_after_frame(daemon, nested(32).as_bytes()),
            "bad-frame"
        );
        let log = ask!(anna, "history", room: "lobby").must_be("page");
        assert_eq!(log.texts().len(), 1, "only 'before' was stored");
    });
}

/// Half of a surrogate pair is no text; one that is whole is.
#[test]
fn a_lone_surrogate() {
    undisturbed("", |daemon| {
        let mut talker = daemon.greet();
        for text in [r"\ud800", r"\udc00", r"\ud83d x", r"\ud83d\ud83d"] {
            talker.raw_frame(format!(r#"{{"type":"echo","text":"{text}"}}"#).as_bytes());
            assert_eq!(talker.next().code(), "bad-request", "{text}");
        }
        talker.raw_frame(br#"{"type":"echo","text":"\ud83d\ude00"}"#);
        assert_eq!(talker.next()["text"], "😀");
    });
}

/// Before `hello` nothing else is done, before login nothing that needs one.
#[test]
fn everything_in_its_turn() {
    undisturbed("", |daemon| {
        let mut early = daemon.connect();
        refused!("bad-request": early, "register", name: "early", password: PASSWORD);
        refused!("bad-request": early, "ping");
        refused!("bad-credentials": daemon.greet(), "login", name: "early", password: PASSWORD);
        let mut future = daemon.connect();
        refused!("bad-request": future, "hello", protocol: 999, client: "stories/1");
        future.hello();

        let mut guest = daemon.greet();
        for request in [
            request!("send", to: "lobby", text: "hi"),
            request!("join", room: "lobby"),
            request!("leave", room: "lobby"),
            request!("create", room: "mine"),
            request!("rooms"),
            request!("who"),
            request!("history", room: "lobby"),
            request!("search", text: "before"),
            request!("read", room: "lobby", seq: 1),
            request!("topic", room: "lobby", topic: "x"),
            request!("password", old: PASSWORD, new: PASSWORD),
            request!("typing", to: "lobby"),
            request!("logout"),
        ] {
            assert_eq!(
                guest.request(request.clone()).code(),
                "not-logged-in",
                "{request}"
            );
        }
        assert!(
            guest.pushed_before_login().is_empty(),
            "a guest hears nothing"
        );
    });
}

/// Names that cannot be names, and names that could be taken for somebody else's.
#[test]
fn names_that_mislead() {
    undisturbed("", |daemon| {
        let long = "x".repeat(33);
        let very_long = "x".repeat(60_000);
        let mut guest = daemon.greet();
        for name in [
            "",
            long.as_str(),
            very_long.as_str(),
            " ",
            "a b",
            "a\tb",
            "a\nb",
            "a\0b",
            "a\u{1b}[31mb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{2066}b",
            "\u{feff}a",
            "\u{3000}",
            "@anna",
            "#anna",
            "admin",
            "Admin",
            "ROOT",
            "system",
            "chatd",
            "server",
            "pаypal",
            "аdmin",
        ] {
            refused!("bad-name": guest, "register", name: name, password: PASSWORD);
        }
        daemon.register("anna");
        daemon.register("coco");
        daemon.register("Борис");
        for name in ["anna", "ANNA", "Ａnna", "сосо", "борис", "БОРИС"] {
            refused!("name-taken": guest, "register", name: name, password: PASSWORD);
        }
        guest.register("李雷-2");
        for room in [
            "",
            "a b",
            "a\u{202e}b",
            "#tea",
            "@anna",
            "mixеd",
            long.as_str(),
        ] {
            refused!("bad-name": guest, "create", room: room);
        }
        refused!("name-taken": guest, "create", room: "LOBBY");
        daemon.login("ANNA");
    });
}

/// Tokens that were revoked, have run out, were invented or are no tokens.
#[test]
fn tokens_that_open_nothing() {
    undisturbed("", |daemon| {
        let mut anna = daemon.register("anna");
        let revoked = daemon.login("anna").token.clone();
        let sessions = daemon.ctl_list(&["sessions"], "sessions");
        let theirs = |session: &&Value| session["user"] == "anna" && session["device"] == "further";
        let id = sessions.iter().find(theirs).expect("the second session")["id"].to_string();
        daemon.ctl(&["session", "revoke", "--yes", &id]).done();
        let invented = format!("ct_{}", "A".repeat(43));
        let mut half = anna.token.clone();
        half.truncate(20);
        let (long, mut other) = ("ct_".repeat(10_000), anna.token.clone());
        other.replace_range(3..4, if &other[3..4] == "A" { "B" } else { "A" });
        for token in [
            &revoked,
            &invented,
            &half,
            &long,
            &other,
            "",
            "ct_",
            "null",
            "' OR 1=1 --",
        ] {
            refused!("bad-credentials": daemon.greet(), "resume", token: token);
        }
        anna.say("lobby", "mine is good");
    });
}

/// A session that has run out while nobody used it opens nothing.
#[test]
fn a_token_that_has_run_out() {
    let mut daemon = Daemon::start();
    let expired = daemon.register("anna").token.clone();
    let valid = daemon.register("boris").token.clone();
    daemon.stop();
    // Ninety days are not waited for: the one moment that says when it ends is set back.
    let database =
        rusqlite::Connection::open(daemon.state().join("chatd.db")).expect("it is there");
    let ended = database.execute(
        "UPDATE session SET expires_at = 1 WHERE id = (SELECT min(id) FROM session)",
        [],
    );
    assert_eq!(ended.expect("there are sessions"), 1);
    drop(database);
    daemon.launch();
    refused!("bad-credentials": daemon.greet(), "resume", token: expired);
    daemon.resume(&valid, &[]).say("lobby", "mine is good");
    daemon.login("anna");
}

/// Cursors from the future replay nothing and hide nothing; those of unknown rooms are passed over.
#[test]
fn cursors_from_nowhere() {
    undisturbed("", |daemon| {
        let token = daemon.register("anna").token.clone();
        let mut anna = daemon.greet();
        let welcome = anna.resume(
            &token,
            &[
                ("lobby", 1_000_000),
                ("nowhere", 3),
                ("@nobody", 1),
                ("a b", 1),
            ],
        );
        assert_eq!(welcome.room("lobby")["last_seq"], 1);
        assert!(anna.pushed_of("message").is_empty());
        let mut boris = daemon.register("boris");
        let seq = boris.say("lobby", "the present");
        anna.hears("lobby", seq, "boris", "the present");
        let mut last = daemon.resume(&token, &[("lobby", u64::MAX)]);
        let seq = boris.say("lobby", "again");
        last.hears("lobby", seq, "boris", "again");
        refused!("bad-request": daemon.greet(), "resume", token: token, cursors: json!({"lobby": -1}));
    });
}
