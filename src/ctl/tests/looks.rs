//! Replies as people see them, on a wide terminal and on a narrow one.

use super::{NARROW, NOW, WIDE, ago};
use crate::base::{Seq, SessionId};
use crate::ctl::show;
use crate::ctl::table::Look;
use crate::wire::control::{
    Certificate, DaemonStatus, Database, LogCleared, LogLevel, LogLines, LogState, Reloaded, Room,
    Rooms, Session, Sessions, ShutdownPlan, State, User, Users,
};

fn log(on: bool) -> LogState {
    LogState {
        on,
        level: LogLevel::Info,
        file: Some("/var/log/chatd/chatd.log".into()),
        problem: None,
        journal: false,
    }
}

/// As it is under systemd.
fn journaled(on: bool) -> LogState {
    LogState {
        journal: true,
        ..log(on)
    }
}

/// As it is when the file is somebody else's.
fn memory_only() -> LogState {
    LogState {
        problem: Some("cannot be opened: Permission denied (os error 13)".into()),
        ..journaled(true)
    }
}

fn status(state: State) -> DaemonStatus {
    DaemonStatus {
        state,
        server: "Wardroom".into(),
        version: "chatd/0.1.0".into(),
        pid: 812,
        since: ago(10_800),
        addresses: vec!["127.0.0.1:2428".into(), "[::1]:2428".into()],
        handed_in: vec![],
        users_online: 12,
        connections: 31,
        strangers: 4,
        users: 40,
        sessions: 55,
        rooms: 7,
        messages: 10_423,
        log: log(state == State::Serving),
        database: Database {
            file: "/var/lib/chatd/chatd.db".into(),
            bytes: 13_000_000,
        },
        certificate: Certificate {
            fingerprint: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".into(),
            file: "/var/lib/chatd/tls-certificate.pem".into(),
            expires_at: (state != State::Serving).then(|| ago(-6 * 86_400)),
            expires_soon: state != State::Serving,
        },
    }
}

fn users() -> Users {
    let user = |name: &str, login: Option<(i64, Option<&str>)>, counts: [u32; 3]| User {
        name: name.into(),
        created_at: ago(40 * 86_400),
        last_login_at: login.map(|(seconds, _)| ago(seconds)),
        last_login_from: login.and_then(|(_, from)| from.map(Into::into)),
        disabled_at: (name == "李雷").then(|| ago(86_400)),
        moderator: name == "anna",
        sessions: counts[0],
        connections: counts[1],
        rooms: counts[2],
    };
    Users {
        users: vec![
            user("anna", Some((180, Some("192.0.2.7"))), [2, 1, 3]),
            user("Константин", Some((86_400 * 300, None)), [1, 0, 12]),
            user("李雷", None, [0, 0, 1]),
        ],
    }
}

fn rooms() -> Rooms {
    let room = |name: &str, topic: &str, counts: [u32; 2], messages: u64| Room {
        name: name.into(),
        direct: topic.is_empty(),
        topic: topic.into(),
        members: counts[0],
        online: counts[1],
        messages,
        first_seq: Seq(12),
        last_seq: Seq(11 + messages),
    };
    Rooms {
        rooms: vec![
            room(
                "lobby",
                "a topic that clears\u{1b}[2J the screen and is long besides",
                [40, 12],
                10_000,
            ),
            room("@anna @李雷", "", [2, 1], 423),
        ],
    }
}

fn sessions() -> Sessions {
    Sessions {
        sessions: vec![
            Session {
                id: SessionId(7),
                user: "anna".into(),
                device: "chat-client/0.1.0 on ship \u{202e}evil".into(),
                created_at: ago(86_400 * 5),
                seen_at: ago(30),
                expires_at: ago(-86_400 * 90),
                connections: 1,
            },
            Session {
                id: SessionId(1_204),
                user: "Константин".into(),
                device: String::new(),
                created_at: ago(3),
                seen_at: ago(3),
                expires_at: ago(-7_000),
                connections: 0,
            },
        ],
    }
}

#[test]
fn the_state_of_the_daemon() {
    insta::assert_snapshot!(show::status(&status(State::Serving), NOW, WIDE), @"
    chatd serves
      server       Wardroom
      addresses    127.0.0.1:2428, [::1]:2428
      since        2026-11-20 07:30:00 UTC, 3 h ago
      process      812, chatd/0.1.0
      people       12 online, 40 accounts, 55 sessions
      connections  31, 4 not logged in
      rooms        7, 10423 messages
      log          on, level info, /var/log/chatd/chatd.log
      database     /var/lib/chatd/chatd.db, 12.4 MiB
      certificate  /var/lib/chatd/tls-certificate.pem, has no end
      fingerprint  SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
    ");
    let handed_in = DaemonStatus {
        handed_in: vec![
            "127.0.0.1:2428".into(),
            "[::1]:2428".into(),
            "/run/chatd/io.chatd.Control".into(),
        ],
        ..status(State::Serving)
    };
    let shown = show::status(&handed_in, NOW, WIDE);
    assert!(
        shown.contains("127.0.0.1:2428, [::1]:2428 (handed in by the service manager)\n"),
        "{shown}"
    );
    insta::assert_snapshot!(show::status(&status(State::Refusing), NOW, NARROW), @"
    chatd is paused: whoever connects is refused
      server       Wardroom
      addresses    127.0.0.1:2428,
                   [::1]:2428
      since        2026-11-20 07:30:00 UTC,
                   3 h ago
      process      812, chatd/0.1.0
      people       12 online, 40 accounts,
                   55 sessions
      connections  31, 4 not logged in
      rooms        7, 10423 messages
      log          off,
                   /var/log/chatd/chatd.log
      database     /var/lib/chatd/chatd.db,
                   12.4 MiB
      certificate  /var/lib/chatd/tls-certificate.pem,
                   good until 2026-11-26
                   10:30:00 UTC, in 6 days:
                   renew it, then `chatctl
                   reload`
      fingerprint  SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
    ");
}

#[test]
fn accounts_and_those_who_are_connected() {
    insta::assert_snapshot!(show::users(&users(), NOW, WIDE), @"
    NAME          ONLINE  LAST LOGIN  FROM       SESSIONS  ROOMS  CREATED      ROLE
    anna               1  3 min ago   192.0.2.7         2      3  40 days ago  moderator
    Константин         0  2026-01-24  local             1     12  40 days ago
    李雷        disabled  never       -                 0      1  40 days ago
    ");
    insta::assert_snapshot!(show::users(&users(), NOW, NARROW), @"
    NAME          ONLINE  LAST LOGIN …
    anna               1  3 min ago
    Константин         0  2026-01-24
    李雷        disabled  never
    ");
    insta::assert_snapshot!(show::connected(&users(), NOW, WIDE), @"
    NAME        CONNECTIONS  LAST LOGIN  FROM
    anna                  1  3 min ago   192.0.2.7
    Константин            0  2026-01-24  local
    李雷                  0  never       -
    ");
}

#[test]
fn sessions_and_rooms() {
    insta::assert_snapshot!(show::sessions(&sessions(), NOW, WIDE), @r"
      ID  USER        ONLINE  USED      ENDS        BEGAN       DEVICE
       7  anna             1  30 s ago  in 90 days  5 days ago  chat-client/0.1.0 on ship \u{202e}evil
    1204  Константин       0  just now  in 1 h      just now
    ");
    insta::assert_snapshot!(show::sessions(&sessions(), NOW, NARROW), @"
      ID  USER        ONLINE  USED …
       7  anna             1  30 s ago
    1204  Константин       0  just now
    ");
    insta::assert_snapshot!(show::rooms(&rooms(), WIDE), @r"
    NAME         MEMBERS  ONLINE  MESSAGES  FIRST  TOPIC
    lobby             40      12     10000     12  a topic that clears\u{1b}[2J the screen and is long …
    @anna @李雷        2       1       423     12  (direct conversation)
    ");
    insta::assert_snapshot!(show::rooms(&rooms(), NARROW), @"
    NAME         MEMBERS  ONLINE  MESSAGES …
    lobby             40      12     10000
    @anna @李雷        2       1       423
    ");
}

#[test]
fn colours_do_not_shift_columns() {
    let coloured = Look {
        colour: true,
        ..WIDE
    };
    let text =
        show::rooms(&rooms(), coloured) + &show::status(&status(State::Paused), NOW, coloured);
    assert!(text.starts_with("\x1b[1mNAME "), "{text}");
    let mut bare = text;
    for code in ["\x1b[1m", "\x1b[33m", "\x1b[0m"] {
        bare = bare.replace(code, "");
    }
    assert_eq!(
        bare,
        show::rooms(&rooms(), WIDE) + &show::status(&status(State::Paused), NOW, WIDE)
    );
}

#[test]
fn no_table_is_wider_than_the_terminal() {
    use unicode_width::UnicodeWidthStr;
    for width in [10, 20, 33, 40, 80] {
        let look = Look {
            width,
            colour: false,
        };
        let texts = [
            show::users(&users(), NOW, look),
            show::connected(&users(), NOW, look),
            show::sessions(&sessions(), NOW, look),
            show::rooms(&rooms(), look),
        ];
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.width() <= width, "{line:?} on {width}");
        }
    }
}

#[test]
fn what_was_done() {
    let plan = |seconds: i64, held: &[&str]| {
        let plan = ShutdownPlan {
            at: ago(-seconds),
            still_listening: held.iter().map(ToString::to_string).collect(),
            stop_command: (!held.is_empty()).then(|| "systemctl stop chatd-client.socket".into()),
        };
        show::shutdown(&plan, NOW)
    };
    let reloaded = |changed: &[&str], need_restart: &[&str]| {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        show::reloaded(&Reloaded {
            changed: own(changed),
            need_restart: own(need_restart),
        })
    };
    let said = [
        show::paused(true, false),
        show::paused(false, true),
        show::resumed(true).to_owned(),
        show::resumed(false).to_owned(),
        plan(0, &[]),
        plan(30, &[]),
        plan(0, &["127.0.0.1:2428", "/run/chatd/client"]),
        reloaded(&[], &[]),
        reloaded(&["registration", "listen"], &["listen"]),
        show::log_state(&log(true)),
        show::log_state(&log(false)),
        show::log_state(&journaled(true)),
        show::log_state(&journaled(false)),
        show::log_state(&memory_only()),
        show::log_lines(&LogLines {
            lines: vec!["a line".into()],
            problem: memory_only().problem,
        }),
        show::log_cleared(&LogCleared {
            file: log(true).file,
            bytes: 4_096,
            journal: true,
        }),
        show::log_cleared(&LogCleared {
            file: None,
            bytes: 0,
            journal: false,
        }),
        show::users(&Users { users: vec![] }, NOW, WIDE),
        show::connected(&Users { users: vec![] }, NOW, WIDE),
        show::sessions(&Sessions { sessions: vec![] }, NOW, WIDE),
        show::rooms(&Rooms { rooms: vec![] }, WIDE),
    ];
    insta::assert_snapshot!(said.concat(), @"
    chatd is paused: whoever connects waits until `chatctl resume`
    chatd was paused already: whoever connects is refused until `chatctl resume`
    people are let in again
    chatd was not paused
    chatd is stopping
    chatd stops at 2026-11-20 10:30:30 UTC, in 30 s
    chatd is stopping
    the service manager still listens on 127.0.0.1:2428, /run/chatd/client: whoever connects starts chatd again
    to stop that, too: systemctl stop chatd-client.socket
    the configuration is read; nothing in it has changed
    the configuration is read; changed: registration, listen
    in force after a restart only: listen
    the log is on, level info, /var/log/chatd/chatd.log
    the log is off, /var/log/chatd/chatd.log
    the log is on, level info, /var/log/chatd/chatd.log, and in the journal
    the log is off, /var/log/chatd/chatd.log; the journal goes on, level info
    `chatctl log level off` silences both
    the log is on, level info, kept in memory: '/var/log/chatd/chatd.log' cannot be opened: Permission denied (os error 13), and in the journal
    a line
    (kept in memory: the file cannot be opened: Permission denied (os error 13))
    '/var/log/chatd/chatd.log' is empty, 4.0 KiB are gone
    the journal has them still; as root, `journalctl --rotate --vacuum-time=1s` clears it, for all services
    (for chatd alone with --namespace=chatd, if its unit says LogNamespace=chatd)
    the lines kept in memory are gone
    there are no accounts
    nobody is connected
    there are no sessions
    there are no rooms
    ");
}
