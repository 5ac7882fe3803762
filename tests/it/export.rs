//! What was said and who is there, given out: as CSV and JSON lines, to whoever reads them, however that ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::Value;

use crate::support::stock::stock;
use crate::support::{Daemon, Heard, ask, run, until};

/// What people write to see what comes of it.
const HOSTILE: [&str; 6] = [
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd",
    "-2+3",
    "\x1b[2J\u{202e}gnp.exe\u{9b}1m",
    "one, \"two\"\r\nthree\tfour",
    r"\u{1b} is no escape",
];

/// The rows below the headings.
fn rows(csv: &str) -> Vec<Vec<String>> {
    assert!(csv.ends_with("\r\n"), "{csv:?}");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| row.iter().map(str::to_owned).collect())
        .collect()
}

fn objects(lines: &str) -> Vec<Value> {
    let read = |line| serde_json::from_str(line).expect("an object");
    lines.lines().map(read).collect()
}

/// Whatever people write: CSV has one harmless line for each message, and JSON lines the texts themselves.
#[test]
fn whatever_people_write() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("Анна");
    ask!(anna, "create", room: "tea").must_be("joined");
    for text in HOSTILE {
        anna.say("tea", text);
    }
    ask!(anna, "send", to: "lobby", text: "waves", kind: "action").must_be("sent");

    let csv = daemon.ctl(&["export", "history"]).done();
    assert!(csv.starts_with("room,seq,at,from,kind,text\r\n"), "{csv}");
    assert_eq!(
        csv.lines().count(),
        1 + 1 + HOSTILE.len(),
        "a line each: {csv}"
    );
    let harmful = |c: char| c.is_control() && c != '\r' && c != '\n' || c == '\u{202e}';
    assert!(!csv.contains(harmful), "{csv:?}");
    let all = rows(&csv);
    assert_eq!(all[0][..2], ["lobby", "1"]);
    assert_eq!(all[0][3..], ["Анна", "action", "waves"]);
    for (place, row) in (1..).zip(&all[1..]) {
        assert_eq!(row[..2], ["tea".to_owned(), place.to_string()]);
        assert!(!row[5].starts_with(['=', '+', '-', '@']), "{row:?}");
    }
    assert_eq!(all[1][5], "'=cmd|' /C calc'!A0");
    assert_eq!(all[5][5], r#"one, "two"\u{d}\u{a}three\u{9}four"#);

    let json = daemon
        .ctl(&["export", "history", "--format", "jsonl", "--room", "TEA"])
        .done();
    assert!(!json.contains(harmful), "{json:?}");
    let texts: Vec<_> = objects(&json)
        .iter()
        .map(|line| line.text("text").to_owned())
        .collect();
    assert_eq!(texts, HOSTILE);
    assert_eq!(
        json,
        daemon
            .ctl(&["--json", "export", "history", "--room", "tea"])
            .done()
    );
}

/// One room, some of the time; and what cannot be meant is refused with an example of what can.
#[test]
fn a_part_of_it() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 2_000, 20);
    daemon.launch();
    let seqs = |args: &[&str]| -> Vec<String> {
        let csv = daemon.ctl(&[&["export", "history"], args].concat()).done();
        rows(&csv).into_iter().map(|row| row[1].clone()).collect()
    };
    assert_eq!(seqs(&[]).len(), 2_000);
    // Message N was said N seconds after the beginning of 1970.
    let some = [
        "--since",
        "1970-01-01T00:20:00Z",
        "--until",
        "1970-01-01T00:20:03Z",
    ];
    assert_eq!(seqs(&some), ["1200", "1201", "1202"]);
    assert_eq!(seqs(&["--until", "1970-01-01"]).len(), 0);
    assert_eq!(seqs(&["--since", "1h"]).len(), 0);
    for wrong in ["yesterday", "2026-13-01", "5x"] {
        let stderr = daemon
            .ctl(&["export", "history", "--since", wrong])
            .failed(2);
        assert!(stderr.contains("2026-11-20T10:30:00Z"), "{stderr}");
    }
    let stderr = daemon
        .ctl(&["export", "history", "--room", "tee\x1b"])
        .failed(1);
    assert!(stderr.contains(r"there is no room 'tee\u{1b}'"), "{stderr}");
    daemon
        .ctl(&["export", "history", "--format", "xml"])
        .failed(2);
}

/// What two people say to each other stays out of it unless that is asked for; and that it was is written down.
#[test]
fn direct_conversations() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    daemon.register("boris");
    anna.say("lobby", "to all");
    anna.say("@boris", "okapi");
    let open = daemon.ctl(&["export", "history"]);
    assert!(
        open.stderr
            .contains("1 direct conversation is left out; --direct"),
        "{open:?}"
    );
    assert!(!open.done().contains("okapi"));
    let found = daemon.ctl(&["search", "okapi"]);
    assert!(
        found
            .stderr
            .contains("not looked into: 1 direct conversation"),
        "{found:?}"
    );
    assert_eq!(found.done(), "nothing was found\n");

    let all = rows(&daemon.ctl(&["export", "history", "--direct"]).done());
    assert_eq!(all[1][0], "'@anna @boris");
    assert_eq!(all[1][5], "okapi");
    let of_it = ["export", "history", "--direct", "--room", "@anna @boris"];
    assert_eq!(rows(&daemon.ctl(&of_it).done()).len(), 1);
    until("it is in the index", || {
        let found = daemon.ctl(&["search", "okap*", "--direct"]).done();
        found.contains("anna: okapi").then_some(())
    });
    daemon.logged(r#"method=ExportHistory parameters={"direct":true} outcome=ok"#);
    daemon.logged("method=Search");
}

/// The newest that was found, in the order of its time, as a person reads it and as JSON.
#[test]
fn searching_everywhere() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    ask!(anna, "create", room: "tea").must_be("joined");
    // Where two are of the same millisecond, the lobby comes first.
    for text in ["green tea", "black tea\x1b[2J", "coffee"] {
        anna.say("lobby", &format!("{text} in the lobby"));
        anna.say("tea", text);
    }
    let found = until("all of it is in the index", || {
        let found = daemon.ctl_json(&["search", "tea"]);
        let count = found["messages"].as_array().map_or(0, Vec::len);
        (count == 4).then_some(found)
    });
    assert_eq!(found["more"], false);
    assert_eq!(found["messages"][0]["text"], "green tea in the lobby");
    let some = daemon.ctl(&["search", "tea", "-n", "1"]).done();
    assert!(some.starts_with("(there are more before these"), "{some}");
    assert!(some.ends_with("anna: black tea\\u{1b}[2J\n"), "{some}");
    assert_eq!(
        daemon
            .ctl_list(&["search", "tea", "--room", "tea"], "messages")
            .len(),
        2
    );
    daemon.ctl(&["search", "tea", "--room", "tee"]).failed(1);
    daemon.ctl(&["search", "tea", "-n", "0"]).failed(2);
}

/// Whoever reads may have had enough: that is no error, and the daemon is done with it.
#[test]
fn a_reader_that_has_had_enough() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 20_000, 200);
    daemon.launch();
    let chatctl = env!("CARGO_BIN_EXE_chatctl");
    let socket = daemon.control().display().to_string();
    let line = format!(
        "'{chatctl}' --socket '{socket}' export history | head -n 2; exit ${{PIPESTATUS[0]}}"
    );
    for _ in 0..6 {
        let mut command = std::process::Command::new("bash");
        let output = run(command.args(["-c", &line]), "");
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        assert_eq!(output.stdout.lines().count(), 2);
    }
    daemon.logged("method=ExportHistory");
    // More than the four that there may be at once have come and gone.
    assert_eq!(
        rows(&daemon.ctl(&["export", "history"]).done()).len(),
        20_000
    );
}

/// An export that ends before its end says so, whether the daemon stops or is killed.
#[test]
fn a_daemon_that_ends_in_the_middle() {
    for kills in [false, true] {
        let mut daemon = Daemon::prepare("", &[]);
        stock(&daemon.state(), 100_000, 500);
        daemon.launch();
        let mut command = daemon.ctl_command(&["export", "history"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut export = command.spawn().expect("it can be started");
        let mut out = BufReader::new(export.stdout.take().expect("a pipe"));
        out.read_line(&mut String::new()).expect("headings");
        // It waits for us from here on, with most of it before it.
        match kills {
            true => daemon.kill_9(),
            false => daemon.stop(),
        }
        let mut rest = String::new();
        out.read_to_string(&mut rest).expect("text");
        let output = export.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(
            stderr.contains("the export is not whole, it ends after"),
            "{stderr}"
        );
        assert!(rest.lines().count() < 100_000);
    }
}

/// A hundred thousand messages, taken slowly: neither side keeps more than a little of them, and people talk on.
#[test]
fn much_of_it_in_little_memory() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 100_000, 500);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let before = daemon.memory_kib();
    let mut command = daemon.ctl_command(&["export", "history"]);
    let mut export = command
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut out = BufReader::new(export.stdout.take().expect("a pipe"));
    let (mut line, mut lines) = (String::new(), 0);
    while lines < 99_000 {
        line.clear();
        out.read_line(&mut line).expect("text");
        lines += 1;
        if lines % 10_000 == 0 {
            anna.say("lobby", "still here");
        }
    }
    let status = fs::read_to_string(format!("/proc/{}/status", export.id())).expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 = peak
        .and_then(|kib| kib.trim().trim_end_matches(" kB").parse().ok())
        .expect("KiB");
    let after = daemon.memory_kib();
    assert!(peak < 40_000, "chatctl took {peak} KiB");
    assert!(
        after < before + 30_000,
        "chatd went from {before} to {after} KiB"
    );
    let mut rest = String::new();
    out.read_to_string(&mut rest).expect("text");
    assert!(export.wait().expect("it ends").success());
    // What was said since is not a part of it.
    assert_eq!(lines + rest.lines().count(), 100_001);
}

/// On a terminal it is seen how far it is, and not in what is written.
#[test]
fn a_terminal_sees_how_far_it_is() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 30_000, 100);
    daemon.launch();
    let file = daemon.folder().join("all.csv");
    let chatctl = env!("CARGO_BIN_EXE_chatctl");
    let line = format!(
        "'{chatctl}' --socket '{}' export history > '{}'; echo done $?",
        daemon.control().display(),
        file.display()
    );
    let mut command = std::process::Command::new("bash");
    let mut terminal = crate::support::Terminal::raw(command.args(["-c", &line]));
    terminal.sees("of 30000 messages");
    terminal.sees("done 0");
    let text = fs::read_to_string(file).expect("it was written");
    assert_eq!(rows(&text).len(), 30_000);
}

/// Five at once are one too many; a place that was given up is free again.
#[test]
fn four_at_once() {
    let mut daemon = Daemon::prepare("", &[]);
    stock(&daemon.state(), 30_000, 500);
    daemon.launch();
    let waiting = |_| {
        let mut command = daemon.ctl_command(&["export", "history"]);
        let mut export = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let mut out = BufReader::new(export.stdout.take().expect("a pipe"));
        out.read_line(&mut String::new()).expect("headings");
        out.read_line(&mut String::new())
            .expect("the first message");
        (export, out)
    };
    let exports: Vec<_> = (0..4).map(waiting).collect();
    let stderr = daemon.ctl(&["export", "users"]).failed(1);
    assert!(stderr.contains("there are 4 exports already"), "{stderr}");
    for (mut export, out) in exports {
        drop(out);
        assert!(export.wait().expect("it ends").success());
    }
    until("a place is free", || {
        (daemon.ctl(&["export", "users"]).code == 0).then_some(())
    });
}
