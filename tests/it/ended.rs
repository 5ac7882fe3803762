//! Sessions that have ended while their sockets live on: from then on nothing is done for them and nothing is told them,
//! whatever they do at that moment, and their sockets are soon gone.

use std::io::{ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::siege::AtLast;
use crate::support::{
    Daemon, Heard, PASSWORD, PATIENCE, Talker, UNHURRIED, View, ask, refused, request, until,
};

/// What ends all sessions of anna but those that are kept.
type End = fn(&Daemon, &mut Talker);

/// Each way, done by the admin or by anna on another device.
const ENDS: &[(&str, End)] = &[
    ("removed", |daemon, _| {
        daemon.ctl(&["user", "remove", "--yes", "anna"]).done();
    }),
    ("cleared", |daemon, _| {
        daemon
            .ctl(&["clear-users", "--yes", "--keep", "boris"])
            .done();
    }),
    ("disabled", |daemon, _| {
        daemon.ctl(&["user", "disable", "--yes", "anna"]).done();
    }),
    ("another password by the admin", |daemon, _| {
        let password = format!("{PASSWORD} two\n");
        daemon
            .ctl_with(&["user", "passwd", "--yes", "anna"], &password)
            .done();
    }),
    ("revoked", |daemon, _| {
        for session in daemon.ctl_list(&["sessions"], "sessions") {
            if session["user"] == "anna" && session["device"] == "first" {
                let id = session["id"].to_string();
                daemon.ctl(&["session", "revoke", "--yes", &id]).done();
            }
        }
    }),
    ("another password elsewhere", |_, phone| {
        ask!(phone, "password", old: PASSWORD, new: "another password").must_be("ok");
    }),
    ("logged out elsewhere", |daemon, phone| {
        // A second connection of the session that floods and is deaf.
        let token = phone.token.clone();
        ask!(daemon.resume(&token, &[]), "logout").must_be("ok");
    }),
];

/// How long what has ended may seem to live.
const SECOND: Duration = Duration::from_secs(1);

/// Somebody who sends until the end; tells how much was taken after the word was given that it is over, and what was said
/// last.
fn flood(address: SocketAddr, token: &str, is_over: &AtomicBool) -> (usize, Vec<Value>) {
    let mut talker = Talker::connect(address);
    talker.hello();
    talker.resume(token, &[]);
    let mut late = 0;
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let sends = (0..20).map(|_| request!("send", to: "lobby", text: "flood"));
        let Some(ids) = talker.try_begin_all(sends) else {
            return (late, talker.expect_closed());
        };
        for id in ids {
            match talker.answer_within(id, PATIENCE) {
                Some(answer) if answer["type"] == "sent" => late += usize::from(was_over),
                Some(_) => {}
                None => return (late, talker.expect_closed()),
            }
        }
        if was_over {
            // All of a round was answered: nobody has ended anything.
            return (late, Vec::new());
        }
    }
}

/// Whoever floods at that moment, and whoever has stopped reading, is out within a second in each of these ways: nothing
/// that they say is stored any more, nothing that others say is sent to them.
#[test]
fn out_within_a_second_whatever_one_does() {
    for (way, end) in ENDS {
        let daemon = Daemon::start_with(UNHURRIED, &[]);
        let mut boris = daemon.register("boris");
        let desk = daemon.register("anna").token.clone();
        let mut phone = match *way {
            "logged out elsewhere" => daemon.resume(&desk, &[]),
            _ => daemon.login("anna"),
        };
        let mut deaf = Talker::connect_narrow(daemon.address());
        deaf.hello();
        deaf.resume(&desk, &[]);
        let fill = (0..200).map(|_| request!("send", to: "lobby", text: "x".repeat(8_000)));
        for id in boris.begin_all(fill) {
            boris.answer(id).must_be("sent");
        }
        let is_over = AtomicBool::new(false);
        let (late, said) = thread::scope(|scope| {
            let _ended = AtLast(&is_over);
            let (address, desk, is_over) = (daemon.address(), &desk, &is_over);
            let flooding = scope.spawn(move || flood(address, desk, is_over));
            until("the flood has begun", || {
                let log = ask!(boris, "history", room: "lobby", limit: 1).must_be("page");
                log.texts()
                    .iter()
                    .any(|(_, text)| text == "flood")
                    .then_some(())
            });
            end(&daemon, &mut phone);
            let ended = Instant::now();
            is_over.store(true, Ordering::SeqCst);
            let outcome = flooding.join().expect("the flood ends");
            assert!(ended.elapsed() < SECOND, "{way}: {:?}", ended.elapsed());
            outcome
        });
        assert_eq!(late, 0, "{way}: said after the end");
        let bye = said.last().unwrap_or_else(|| panic!("{way}: no word"));
        assert_eq!(bye["type"], "bye", "{way}");
        refused!("bad-credentials": daemon.greet(), "resume", token: desk.clone());

        boris.say("lobby", "now that they are gone");
        let last = View::of_log(&mut boris, "lobby").cursor;
        assert!(!heard_late(&deaf), "{way}: told who has ended");
        assert_eq!(View::of_log(&mut boris, "lobby").cursor, last, "{way}");
        until("their sockets are gone", || {
            let connected = daemon.ctl_list(&["who"], "users");
            let sockets = connected
                .iter()
                .filter_map(|user| user["connections"].as_u64());
            let status = daemon.ctl_json(&["status"]);
            (status["connections"].as_u64() == Some(sockets.sum())).then_some(())
        });
    }
}

/// Reads what is left for somebody who did not read until then; whether what was said after the end is in it.
fn heard_late(deaf: &Talker) -> bool {
    let mut said = Vec::new();
    match deaf.stream().read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("not closed: {error}"),
    }
    let late = b"now that they are gone";
    said.windows(late.len()).any(|part| part == late)
}
