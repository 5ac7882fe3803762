//! Whole command lines over a socket, with a daemon behind it that says what it was told to say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::base::Timestamp;
use crate::ctl::args::Args;
use crate::ctl::table::Look;
use crate::ctl::{Console, Failure, run};

/// A daemon that answers the calls on one connection after the other, each with the next of its replies, and keeps
/// what it was asked.
struct FakeDaemon {
    folder: TempDir,
    asked: JoinHandle<Vec<Value>>,
}

impl FakeDaemon {
    /// `replies[connection][call]`: each call gets these messages.
    fn start(replies: Vec<Vec<Vec<Value>>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        let asked = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for calls in replies {
                let (stream, _) = listener.accept().unwrap();
                let mut stream = BufReader::new(stream);
                for messages in calls {
                    let mut call = Vec::new();
                    stream.read_until(0, &mut call).unwrap();
                    asked.push(serde_json::from_slice(&call[..call.len() - 1]).unwrap());
                    let messages: String = messages
                        .iter()
                        .map(|message| format!("{message}\0"))
                        .collect();
                    stream.get_mut().write_all(messages.as_bytes()).unwrap();
                }
            }
            asked
        });
        Self { folder, asked }
    }

    /// One that is asked once.
    fn with(reply: Value) -> Self {
        Self::start(vec![vec![vec![reply]]])
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn asked(self) -> Vec<Value> {
        self.asked.join().unwrap()
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs a command line; gives the exit status, and what was printed or else the complaint.
fn chatctl(socket: &Path, line: &[&str]) -> (u8, String) {
    let words = ["chatctl", "--socket", socket.to_str().unwrap()];
    let args = Args::try_parse_from(words.iter().chain(line)).unwrap();
    let paper = Paper::default();
    let mut console = Console {
        out: Box::new(paper.clone()),
        json: args.json,
        look: Look {
            width: 80,
            colour: false,
        },
        now: Timestamp(1_795_170_600_000),
    };
    let result: Result<(), Failure> = run(&args, &mut console);
    let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    match result {
        Ok(()) => (0, printed),
        Err(failure) => (failure.status(), format!("{printed}{failure}")),
    }
}

#[test]
fn a_verb_is_a_call_and_its_reply_a_sentence_or_an_object() {
    for (flags, printed) in [
        (
            vec!["pause", "--refuse", "--yes"],
            "chatd is paused: whoever connects is refused until `chatctl resume`\n",
        ),
        (vec!["pause", "--refuse", "--json"], "{\"changed\":true}\n"),
    ] {
        let daemon = FakeDaemon::with(json!({"parameters": {"changed": true}}));
        assert_eq!(chatctl(&daemon.path(), &flags), (0, printed.to_owned()));
        assert_eq!(
            daemon.asked(),
            [json!({"method": "io.chatd.Control.Pause", "parameters": {"refuse": true}})]
        );
    }
}

#[test]
fn a_refusal_is_the_daemons_sentence_and_status_1() {
    let error = |name: &str, parameters: Value| json!({"error": name, "parameters": parameters});
    for (reply, status, sentence) in [
        (
            error(
                "io.chatd.Control.NoSuchUser",
                json!({"name": "anna", "message": "there is no user 'anna'; did you mean 'ann\u{1b}'?"}),
            ),
            1,
            r"there is no user 'anna'; did you mean 'ann\u{1b}'?",
        ),
        (
            error(
                "io.chatd.Control.FromTheFuture",
                json!({"message": "the \u{1b}moon is full"}),
            ),
            1,
            r"the \u{1b}moon is full (io.chatd.Control.FromTheFuture)",
        ),
        (
            error("org.varlink.service.PermissionDenied", json!({})),
            4,
            "not permitted; call as root, as the user that chatd runs as, or as a member of the socket's group",
        ),
    ] {
        let daemon = FakeDaemon::with(reply);
        let result = chatctl(
            &daemon.path(),
            &["kick", "anna", "--reason", "spam", "--yes"],
        );
        assert_eq!(result, (status, sentence.to_owned()));
        assert_eq!(
            daemon.asked()[0]["parameters"],
            json!({"user": "anna", "reason": "spam"})
        );
    }
}

#[test]
fn without_a_daemon_the_status_is_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let (status, sentence) = chatctl(&path, &["status"]);
    assert_eq!(status, 3);
    assert!(
        sentence.starts_with("chatd is not running: there is no socket '"),
        "{sentence}"
    );
    drop(UnixListener::bind(&path).unwrap());
    let (status, sentence) = chatctl(&path, &["status"]);
    assert_eq!(status, 3);
    assert!(
        sentence.starts_with("chatd is not running: nobody answers on '"),
        "{sentence}"
    );
    // One that takes the call and dies.
    let daemon = FakeDaemon::start(vec![vec![vec![]]]);
    let (status, sentence) = chatctl(&daemon.path(), &["status"]);
    assert_eq!(status, 3, "{sentence}");
}

#[test]
fn a_reply_that_makes_no_sense_is_told_of() {
    for reply in [
        json!([]),
        json!({"parameters": {"changed": "yes"}}),
        json!({"parameters": 1}),
        json!({}),
    ] {
        let daemon = FakeDaemon::with(reply);
        let (status, sentence) = chatctl(&daemon.path(), &["resume"]);
        assert_eq!(status, 1);
        assert!(
            sentence.starts_with("the reply to Resume cannot be understood"),
            "{sentence}"
        );
    }
}

#[test]
fn a_dry_run_asks_and_changes_nothing() {
    let session = json!({
        "id": 1, "user": "Anna", "device": "", "createdAt": "2026-11-20T10:30:00Z", "seenAt": "2026-11-20T10:30:00Z",
        "expiresAt": "2026-11-20T10:30:00Z", "connections": 1
    });
    let account = |state: &str| {
        json!({"parameters": {
            "name": "Anna", "state": state, "createdAt": "2026-11-20T10:30:00Z", "connections": 1, "rooms": [],
            "sessions": [session, session]
        }})
    };
    for (line, state, printed) in [
        (
            vec!["user", "remove", "anna", "--dry-run"],
            "active",
            "would remove 'anna', 2 sessions and 1 connection\n",
        ),
        (
            vec!["kick", "anna", "--dry-run", "--json"],
            "disabled",
            "{\"connections\":1,\"dryRun\":true}\n",
        ),
        (
            vec!["kick", "anna", "--dry-run"],
            "removed",
            "the account 'anna' was removed; `chatctl users` lists those that there are",
        ),
    ] {
        let daemon = FakeDaemon::with(account(state));
        assert_eq!(chatctl(&daemon.path(), &line).1, printed);
        assert_eq!(daemon.asked()[0]["method"], "io.chatd.Control.ShowUser");
    }
    let daemon = FakeDaemon::with(json!({"parameters": {"users": 12}}));
    let result = chatctl(
        &daemon.path(),
        &["clear-users", "--keep", "anna", "--dry-run"],
    );
    assert_eq!(result, (0, "would remove 12 accounts\n".to_owned()));
    assert_eq!(
        daemon.asked()[0]["parameters"],
        json!({"keep": ["anna"], "dryRun": true})
    );
}

#[test]
fn a_followed_log_is_printed_line_by_line_until_its_end() {
    let part = |parameters: Value| json!({"parameters": parameters, "continues": true});
    let replies = vec![
        part(json!({"line": "one"})),
        part(json!({"line": "two\u{1b}[2J", "missed": 7})),
        json!({"parameters": {}}),
    ];
    let daemon = FakeDaemon::start(vec![vec![replies.clone()]]);
    let result = chatctl(&daemon.path(), &["log", "follow", "-n", "3"]);
    assert_eq!(
        result,
        (0, "one\n(7 lines missed)\ntwo\\u{1b}[2J\n".to_owned())
    );
    assert_eq!(
        daemon.asked(),
        [json!({"method": "io.chatd.Control.FollowLog", "parameters": {"lines": 3}, "more": true})]
    );
    let daemon = FakeDaemon::start(vec![vec![replies]]);
    let result = chatctl(&daemon.path(), &["--json", "log", "follow"]);
    assert_eq!(
        result.1,
        "{\"line\":\"one\"}\n{\"line\":\"two\\u001b[2J\",\"missed\":7}\n"
    );
}

#[test]
fn waiting_ends_when_the_daemon_serves_or_the_time_is_up() {
    let status = |state: &str| {
        vec![vec![json!({"parameters": {
            "state": state, "server": "s", "version": "v", "pid": 1, "since": "2026-11-20T10:30:00Z", "addresses": [],
            "usersOnline": 0, "connections": 0, "users": 0, "sessions": 0, "rooms": 1, "messages": 0,
            "log": {"on": true, "level": "info", "journal": false}, "database": {"file": "f", "bytes": 1},
            "certificate": {"fingerprint": "SHA256:x", "file": "c", "expiresSoon": false}
        }})]]
    };
    let daemon = FakeDaemon::start(vec![
        status("starting"),
        status("paused"),
        status("serving"),
    ]);
    assert_eq!(
        chatctl(&daemon.path(), &["wait"]),
        (0, "chatd serves\n".to_owned())
    );
    let daemon = FakeDaemon::start(vec![status("refusing")]);
    let result = chatctl(&daemon.path(), &["wait", "--timeout", "0"]);
    assert_eq!(result, (1, "chatd is refusing; the time is up".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        chatctl(&folder.path().join("socket"), &["wait", "--timeout", "0"]).0,
        3
    );
}

#[test]
fn a_shutdown_names_its_time_and_its_words() {
    let daemon = FakeDaemon::with(json!({"parameters": {"at": "2026-11-20T10:31:30.000Z"}}));
    let line = [
        "shutdown",
        "--message",
        "back at noon",
        "--in",
        "1m30s",
        "--yes",
    ];
    let result = chatctl(&daemon.path(), &line);
    assert_eq!(
        result,
        (
            0,
            "chatd stops at 2026-11-20 10:31:30 UTC, in 1 min\n".to_owned()
        )
    );
    assert_eq!(
        daemon.asked()[0]["parameters"],
        json!({"message": "back at noon", "inSeconds": 90})
    );
}

#[test]
fn a_log_level_is_one_of_the_words() {
    let wrong = Args::try_parse_from(["chatctl", "log", "level", "loud"])
        .unwrap_err()
        .to_string();
    assert!(
        wrong.contains("[possible values: off, error, warn, info, debug, trace]"),
        "{wrong}"
    );
    let daemon =
        FakeDaemon::with(json!({"parameters": {"on": true, "level": "debug", "journal": false}}));
    let result = chatctl(&daemon.path(), &["log", "level", "debug"]);
    assert_eq!(
        result,
        (0, "the log is on, level debug, kept in memory\n".to_owned())
    );
    assert_eq!(daemon.asked()[0]["parameters"], json!({"level": "debug"}));
}
