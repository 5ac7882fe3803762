//! Coming, going and coming back: accounts, devices, tokens, cursors.

use serde_json::json;

use crate::support::{Daemon, Heard, PASSWORD, ask, refused, request, until};

/// Somebody registers, talks, leaves, comes back with the token and a cursor, and has missed nothing.
#[test]
fn register_talk_leave_return_and_miss_nothing() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    assert_eq!(anna.say("lobby", "hello, boris"), 1);
    boris.hears("lobby", 1, "anna", "hello, boris");
    assert_eq!(boris.say("lobby", "Привет, anna 👋"), 2);
    anna.hears("lobby", 2, "boris", "Привет, anna 👋");

    let token = anna.token.clone();
    drop(anna);
    for text in ["are you there?", "gone", "well"] {
        boris.say("lobby", text);
    }

    let mut anna = daemon.greet();
    let welcome = anna.resume(&token, &[("lobby", 2)]);
    assert_eq!(
        (welcome.text("user"), &welcome["resumed"]),
        ("anna", &json!(true))
    );
    assert_eq!(welcome.room("lobby")["last_seq"], 5);
    assert_eq!(
        welcome["token"],
        json!(null),
        "whoever resumes has the token"
    );
    anna.hears("lobby", 3, "boris", "are you there?");
    anna.hears("lobby", 4, "boris", "gone");
    anna.hears("lobby", 5, "boris", "well");
    assert_eq!(boris.say("lobby", "and live again"), 6);
    anna.hears("lobby", 6, "boris", "and live again");
}

/// The first welcome tells of no visit before; the next ones tell when and from where.
#[test]
fn the_last_visit_is_told() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet();
    let first = anna.register("anna");
    assert_eq!(first["last_login"], json!(null), "{first}");
    assert_eq!(first["resumed"], false);
    let again = daemon.greet().login("anna");
    assert_eq!(again["last_login"]["from"], "127.0.0.1", "{again}");
    let at = again["last_login"].text("at");
    assert!(at.len() == 24 && at.ends_with('Z'), "not RFC 3339: {at}");
}

/// Rooms with a cursor are replayed from there, one's own messages among them; rooms without one are not.
#[test]
fn each_room_is_resumed_from_its_own_cursor() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(anna, "create", room: "tea").must_be("joined");
    ask!(boris, "join", room: "tea").must_be("joined");
    for room in ["lobby", "tea"] {
        anna.say(room, "one");
        anna.say(room, "two");
    }
    ask!(anna, "send", to: "@boris", text: "psst", key: "k-1").must_be("sent");
    let token = anna.token.clone();
    drop(anna);
    boris.say("@anna", "yes?");
    boris.say("tea", "three");
    boris.say("lobby", "three");

    let mut anna = daemon.resume(&token, &[("tea", 1), ("@boris", 0)]);
    anna.hears("tea", 2, "anna", "two");
    anna.hears("tea", 3, "boris", "three");
    let own = anna.push_where("my own message", |push| push["room"] == "@boris");
    assert_eq!((own.seq(), own.text("key")), (1, "k-1"));
    anna.hears("@boris", 2, "boris", "yes?");
    let rest = anna.pushed_of("message");
    assert!(
        rest.is_empty(),
        "the lobby had no cursor, yet came {rest:?}"
    );
}

/// A device gets `sent` for what it says, every other device of the same person gets it as a message.
#[test]
fn two_devices_of_one_person_both_know_everything() {
    let daemon = Daemon::start();
    let mut desk = daemon.register("anna");
    let mut boris = daemon.register("boris");
    desk.pushed();
    let mut phone = daemon.login("anna");
    assert_ne!(desk.token, phone.token, "a device has its own token");
    assert!(
        boris.pushed_of("presence").is_empty(),
        "a second device is nobody new"
    );

    assert_eq!(desk.say("lobby", "from the desk"), 1);
    phone.hears("lobby", 1, "anna", "from the desk");
    boris.hears("lobby", 1, "anna", "from the desk");
    assert_eq!(phone.say("@boris", "from the phone"), 1);
    desk.hears("@boris", 1, "anna", "from the phone");
    boris.hears("@anna", 1, "anna", "from the phone");
    boris.say("lobby", "both of you");
    desk.hears("lobby", 2, "boris", "both of you");
    phone.hears("lobby", 2, "boris", "both of you");
    assert!(
        desk.pushed_of("message").is_empty(),
        "one's own message came twice"
    );

    drop(phone);
    assert_eq!(boris.say("lobby", "one of you"), 3);
    desk.hears("lobby", 3, "boris", "one of you");
    assert!(
        boris.pushed_of("presence").is_empty(),
        "the desk is still there"
    );
}

/// What one device joins, leaves and has read, the other is told.
#[test]
fn a_device_is_told_what_the_other_does() {
    let daemon = Daemon::start();
    let mut desk = daemon.register("anna");
    let mut phone = daemon.login("anna");
    ask!(desk, "create", room: "tea").must_be("joined");
    assert_eq!(phone.push("joined").text("room"), "tea");
    desk.say("tea", "milk?");
    phone.hears("tea", 1, "anna", "milk?");
    ask!(phone, "read", room: "tea", seq: 1).must_be("ok");
    let read = desk.push("read");
    assert_eq!((read.text("room"), read.seq()), ("tea", 1));
    ask!(phone, "leave", room: "tea").must_be("ok");
    assert_eq!(desk.push("left").text("room"), "tea");
    refused!("not-a-member": desk, "send", to: "tea", text: "still here?");

    ask!(desk, "join", room: "tea").must_be("joined");
    ask!(desk, "read", room: "tea", seq: 1).must_be("ok");
    let welcome = daemon.greet().login("anna");
    assert_eq!(
        welcome.room("tea")["read_seq"],
        1,
        "the marker outlives the visit"
    );
}

/// A new password ends all other sessions of the person at once, and the old one opens nothing any more.
#[test]
fn a_new_password_ends_the_other_sessions() {
    let daemon = Daemon::start();
    let mut desk = daemon.register("anna");
    let mut phone = daemon.login("anna");
    refused!("bad-credentials": desk, "password", old: "not this one", new: "a new password");
    refused!("weak-password": desk, "password", old: PASSWORD, new: "short");
    ask!(desk, "password", old: PASSWORD, new: "a new password").must_be("ok");
    phone.is_signed_out();
    refused!("bad-credentials": daemon.greet(), "resume", token: phone.token.clone());
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: PASSWORD);
    ask!(daemon.greet(), "login", name: "anna", password: "a new password").must_be("welcome");
    assert_eq!(desk.say("lobby", "I am still in"), 1);
    let token = desk.token.clone();
    daemon.resume(&token, &[]).say("lobby", "and may come back");
}

/// `logout` kills the token at once, on every connection that uses it; other sessions live on.
#[test]
fn a_logout_kills_the_token_everywhere() {
    let daemon = Daemon::start();
    let mut desk = daemon.register("anna");
    let mut phone = daemon.login("anna");
    let token = desk.token.clone();
    let mut second = daemon.resume(&token, &[]);
    second.say("lobby", "two connections, one session");
    ask!(desk, "logout").must_be("ok");
    second.is_signed_out();
    refused!("bad-credentials": daemon.greet(), "resume", token: token);
    phone.say("lobby", "the phone has its own");
    refused!("not-logged-in": desk, "send", to: "lobby", text: "once more");
    desk.login("anna");
    desk.say("lobby", "logged in anew on the same connection");
}

/// A resume neither ends nor changes the connections that use the token already.
#[test]
fn a_token_serves_several_connections() {
    let daemon = Daemon::start();
    let mut first = daemon.register("anna");
    let token = first.token.clone();
    let mut second = daemon.resume(&token, &[("lobby", 0)]);
    let mut third = daemon.resume(&token, &[("lobby", 0)]);
    second.say("lobby", "hi from the second");
    first.hears("lobby", 1, "anna", "hi from the second");
    third.hears("lobby", 1, "anna", "hi from the second");
    drop(second);
    third.say("lobby", "the second is gone");
    first.hears("lobby", 2, "anna", "the second is gone");
    refused!("bad-request": first, "login", name: "anna", password: PASSWORD);
}

/// `hello`, `resume`, `join` and `send` in one write: each is done after the one before it.
#[test]
fn requests_need_not_wait_for_answers() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    let token = daemon.register("anna").token.clone();
    let mut anna = daemon.connect();
    let ids = anna.begin_all([
        request!("hello", protocol: 1, client: "stories/1"),
        request!("resume", token: token, cursors: json!({ "lobby": 0 })),
        request!("join", room: "tea"),
        request!("send", to: "tea", text: "all at once"),
    ]);
    let answers: Vec<_> = ids.into_iter().map(|id| anna.answer(id)).collect();
    let types: Vec<_> = answers.iter().map(|answer| answer.text("type")).collect();
    assert_eq!(types, ["hello", "welcome", "joined", "sent"]);
    boris.hears("tea", 1, "anna", "all at once");
}

/// What one connection sends without waiting is stored in the order in which it was sent.
#[test]
fn sends_keep_their_order() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let ids = anna.begin_all((1..=300).map(|n| request!("send", to: "lobby", text: n.to_string())));
    for (id, seq) in ids.into_iter().zip(1..) {
        assert_eq!(anna.answer(id).must_be("sent").seq(), seq);
    }
    let mut last = 0;
    for _ in 0..2 {
        let page = ask!(anna, "history", room: "lobby", after: last, limit: 150);
        for (seq, text) in page.texts() {
            assert_eq!((seq, text), (last + 1, seq.to_string()));
            last = seq;
        }
    }
    assert_eq!(last, 300);
}

/// `echo` and `ping` are answered before anybody has logged in.
#[test]
fn an_echo_needs_no_account() {
    let daemon = Daemon::start();
    let mut someone = daemon.connect();
    let hello = someone.hello();
    assert_eq!(
        (&hello["protocol"], &hello["registration"]),
        (&json!(1), &json!("open"))
    );
    assert_eq!(hello["limits"]["frame"], 65_536);
    for text in ["hi", "", "Здравствуй", "line\nline", "\u{1f980}"] {
        assert_eq!(
            ask!(someone, "echo", text: text).must_be("echo")["text"],
            text
        );
    }
    assert_eq!(
        ask!(someone, "ping", data: "42").must_be("pong")["data"],
        "42"
    );
    assert_eq!(ask!(someone, "ping").must_be("pong")["data"], json!(null));
    refused!("not-logged-in": someone, "rooms");
}

/// A request may be called by a number or a text, and comes back under exactly that name; one without stays without.
#[test]
fn an_answer_carries_the_name_of_its_request() {
    let daemon = Daemon::start();
    let mut someone = daemon.greet();
    for id in [
        json!(0),
        json!(-7),
        json!(9_007_199_254_740_993_u64),
        json!("ä\"\\"),
        json!(""),
    ] {
        someone.raw_frame(json!({"type": "ping", "id": id}).to_string().as_bytes());
        assert_eq!(someone.next()["re"], id);
    }
    someone.raw_frame(br#"{"type":"ping"}"#);
    assert_eq!(someone.next(), json!({"type": "pong"}));
}

/// With `registration = "closed"` nobody can register, and the admin's accounts work.
#[test]
fn registration_can_be_closed() {
    let daemon = Daemon::start_with("registration = \"closed\"", &[]);
    let mut anna = daemon.connect();
    assert_eq!(anna.hello()["registration"], "closed");
    refused!("registration-closed": anna, "register", name: "anna", password: PASSWORD);
    daemon
        .ctl_with(&["user", "add", "anna"], &format!("{PASSWORD}\n"))
        .done();
    anna.login("anna");
}

/// SIGHUP brings the new configuration into force for everybody who connects from then on.
#[test]
fn sighup_reloads_the_configuration() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon.configure("registration = \"closed\"");
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    until("registration is closed", || {
        (daemon.connect().hello()["registration"] == "closed").then_some(())
    });
    refused!("registration-closed": daemon.greet(), "register", name: "boris", password: PASSWORD);
    anna.say("lobby", "I was not disturbed");
}

/// A wrong password and an unknown name give the same answer, and one may try again until the limit.
#[test]
fn a_wrong_password_and_an_unknown_name_look_the_same() {
    let limits = "[limits]\nlogin_attempts = 3\nlogin_failures_per_name = 10";
    let daemon = Daemon::start_with(limits, &[]);
    daemon.register("anna");
    let mut someone = daemon.greet();
    let mut answers = ["anna", "nobody-of-that-name", "not a name"].map(|name| {
        let mut someone = daemon.greet();
        let mut answer =
            ask!(someone, "login", name: name, password: "wrong password").must_be("error");
        answer.as_object_mut().expect("an object").remove("re");
        answer
    });
    assert_eq!(answers[0].code(), "bad-credentials");
    answers.sort_by_key(ToString::to_string);
    assert_eq!(
        answers[0], answers[2],
        "they could be told apart: {answers:?}"
    );

    for _ in 0..2 {
        refused!("bad-credentials": someone, "login", name: "anna", password: "wrong password");
    }
    refused!("bad-credentials": someone, "login", name: "anna", password: "wrong password");
    someone.expect_bye();
    let mut anna = daemon.greet();
    refused!("bad-credentials": anna, "login", name: "anna", password: "wrong password");
    anna.login("anna");
}

/// A password has to be long enough and must not be the name.
#[test]
fn a_weak_password_is_refused() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet();
    for password in ["", "1234567", "annabella", "AnnaBella"] {
        refused!("weak-password": anna, "register", name: "annabella", password: password);
    }
    ask!(anna, "register", name: "annabella", password: "ё".repeat(8)).must_be("welcome");
}

/// A stop says good-bye to everyone, logged in or not, and when to come back; all are there again afterwards.
#[test]
fn a_stop_says_when_to_come_back() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut silent = daemon.greet();
    anna.say("lobby", "before");
    daemon.stop();
    for someone in [&mut anna, &mut silent] {
        let bye = someone.expect_bye();
        assert_eq!(bye.text("reason"), "shutting-down");
        assert!(bye["reconnect_after_ms"].is_u64(), "{bye}");
    }
    daemon.launch();
    let mut anna = daemon.resume(&anna.token, &[("lobby", 0)]);
    anna.hears("lobby", 1, "anna", "before");
    assert_eq!(anna.say("lobby", "after"), 2);
}
