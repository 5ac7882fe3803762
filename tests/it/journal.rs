//! Under a journal: what it is told, with which fields, and what happens when it does not listen. The journal here is a
//! socket of the test's own, at the place of the real one in a name space of the daemon's own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Instant;

use chatd::base::catalog;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::support::tls::Pair;
use crate::support::{Daemon, Heard, PASSWORD, PATIENCE, Process, ask, run};

/// What the daemon has as `/run`, and the journal's socket in it.
struct Journal {
    run: TempDir,
    socket: UnixDatagram,
    /// Every entry so far.
    heard: RefCell<Vec<Entry>>,
}

/// An entry's fields.
type Entry = BTreeMap<String, String>;

impl Journal {
    /// None where the system lets nobody make a name space: the test says so and shows nothing.
    fn new() -> Option<Self> {
        let mut try_it = Command::new("unshare");
        try_it.args(["-rm", "mount", "-t", "tmpfs", "none", "/run"]);
        if !try_it.status().is_ok_and(|status| status.success()) {
            eprintln!(
                "SKIPPED: `unshare -rm` does not work here, so nothing is shown of the journal"
            );
            return None;
        }
        let run = tempfile::tempdir().expect("a temporary folder");
        let folder = run.path().join("systemd/journal");
        std::fs::create_dir_all(&folder).expect("the folder is ours");
        let socket = UnixDatagram::bind(folder.join("socket")).expect("the folder is ours");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let heard = RefCell::default();
        Some(Self { run, socket, heard })
    }

    /// What a shell does so that the program after it is read by this journal: its standard error is the journal's, and
    /// so is its standard output if that is the same.
    fn shell(&self) -> String {
        format!(
            "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM; \
             exec unshare -rm sh -c 'mount --bind {} /run && exec \"$0\" \"$@\"' \"$0\" \"$@\"",
            self.run.path().display()
        )
    }

    fn try_next(&self) -> Option<Entry> {
        let mut bytes = vec![0; 1 << 20];
        let length = self.socket.recv(&mut bytes).ok()?;
        // The first is empty: it is only tried whether anybody is there.
        let entry = entry(&bytes[..length]);
        self.heard.borrow_mut().push(entry.clone());
        Some(entry)
    }

    /// Reads on to the entry with this page of the catalog.
    #[track_caller]
    fn entry(&self, message_id: &str) -> Entry {
        loop {
            let entry = self.try_next();
            let entry = entry.unwrap_or_else(|| panic!("no such entry in {:#?}", self.heard));
            if entry.get("MESSAGE_ID").is_some_and(|id| id == message_id) {
                return entry;
            }
        }
    }

    /// Every entry since the beginning, once the daemon has ended.
    fn all(self) -> Vec<Entry> {
        self.socket.set_nonblocking(true).expect("a socket");
        while self.try_next().is_some() {}
        self.heard.into_inner()
    }
}

/// Takes an entry apart: each field is `NAME=value`, or its name, the length of its value and the value
/// (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).
fn entry(mut bytes: &[u8]) -> Entry {
    let mut fields = Entry::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(&bytes[..end]).expect("UTF-8");
        bytes = &bytes[end + 1..];
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name, value.to_owned()),
            None => {
                let (length, rest) = bytes.split_first_chunk().expect("a length");
                let length = u64::from_le_bytes(*length) as usize;
                bytes = &rest[length + 1..];
                let value = String::from_utf8(rest[..length].to_vec());
                (line, value.expect("UTF-8"))
            }
        };
        let before = fields.insert(name.to_owned(), value);
        assert_eq!(before, None, "{name} is there twice");
    }
    fields
}

/// That a certificate was made, is refused or ends has its page, and says which file it is about.
#[test]
fn certificates_have_their_entries() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let mut daemon = Daemon::prepare_after(&journal.shell(), "", &[]);
    let ends = Pair::make_for_days(daemon.folder(), "ends", 3);
    daemon.launch();
    let made = journal.entry(catalog::CERTIFICATE_MADE);
    let status = daemon.ctl_json(&["status"])["certificate"].clone();
    assert_eq!(made["CHATD_FINGERPRINT"], status.text("fingerprint"));
    assert_eq!(made["CHATD_FILE"], status.text("file"));

    daemon.configure(&ends.settings().replace("ends.key", "nowhere.key"));
    daemon.ctl(&["reload"]).failed(1);
    let refused = journal.entry(catalog::RELOAD_REFUSED);
    assert_eq!(refused["PRIORITY"], "3");
    assert!(refused["MESSAGE"].contains("nowhere.key"), "{refused:?}");
    daemon.configure(&ends.settings());
    daemon.ctl(&["reload"]).done();
    let soon = journal.entry(catalog::CERTIFICATE_EXPIRES);
    assert_eq!(soon["PRIORITY"], "4");
    assert_eq!(soon["CHATD_FILE"], ends.certificate.display().to_string());
    assert!(soon["MESSAGE"].contains("ends in 2 days"), "{soon:?}");
}

/// Whoever comes, is turned away or steers is found again by the fields; nothing secret is among them; and what the
/// journal was told is not printed as well.
#[test]
fn entries_have_their_fields() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let mut daemon = Daemon::start_after(&journal.shell());
    let started = journal.entry(catalog::STARTED);
    assert_eq!(started["PRIORITY"], "6");
    assert_eq!(started["SYSLOG_IDENTIFIER"], "chatd");
    assert_eq!(started["CHATD_ADDRESS"], daemon.address().to_string());
    assert!(started["MESSAGE"].starts_with("serving "), "{started:?}");
    assert!(
        !started["MESSAGE"].contains(catalog::STARTED),
        "{started:?}"
    );
    assert_eq!(started["CODE_FILE"], "src/daemon/mod.rs");

    daemon.ctl(&["log", "level", "trace"]).done();
    let called = journal.entry(catalog::CONTROL);
    assert_eq!(called["CHATD_METHOD"], "SetLog");
    assert!(called["CHATD_PID"].parse::<u32>().is_ok(), "{called:?}");
    let mut anna = daemon.register("anna");
    let registered = journal.entry(catalog::REGISTERED);
    let session = &registered["CHATD_SESSION"];
    assert_eq!(registered["CHATD_USER"], "anna");
    assert!(registered["CHATD_PEER"].starts_with("127."));
    ask!(daemon.greet(), "login", name: "anna", password: "a wrong horse").must_be("error");
    let refused = journal.entry(catalog::LOGIN_REFUSED);
    assert_eq!(refused["CHATD_USER"], "anna");
    ask!(anna, "create", room: "tea").must_be("joined");
    assert_eq!(journal.entry(catalog::ROOM_CREATED)["CHATD_ROOM"], "tea");
    anna.say("lobby", "not for the journal");
    daemon.resume(&anna.token, &[]);
    daemon.ctl(&["session", "revoke", session, "--yes"]).done();
    let ended = journal.entry(catalog::SESSION_ENDED);
    assert_eq!(&ended["CHATD_SESSION"], session);
    assert_eq!(ended["CHATD_REASON"], "revoked");
    daemon.signal(Signal::SIGTERM);
    let output = daemon.ended();
    // An empty line is none to the journal.
    assert_eq!((output.code, output.stderr.trim()), (0, ""));

    let all = format!("{:?}", journal.all());
    assert!(
        all.contains(catalog::STOPPED) && all.contains("resumed"),
        "{all}"
    );
    for secret in [
        PASSWORD,
        "a wrong horse",
        &anna.token[3..],
        "not for the journal",
    ] {
        assert!(!all.contains(secret), "'{secret}' is in the journal");
    }
}

/// What chatd's own log is told to do the journal does not take part in, and the answers say so.
#[test]
fn the_journal_is_not_turned_off_and_not_cleared() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let daemon = Daemon::start_after(&journal.shell());
    assert_eq!(daemon.ctl_json(&["status"])["log"]["journal"], true);
    let said = daemon.ctl(&["log", "off"]).done();
    assert!(said.contains("the journal goes on"), "{said}");
    journal.entry(catalog::CONTROL);
    daemon.ctl(&["pause"]).done();
    assert_eq!(journal.entry(catalog::CONTROL)["CHATD_METHOD"], "Pause");
    let log = daemon.whole_log();
    assert!(!log.contains("Pause"), "{log}");
    let said = daemon.ctl(&["clear-log", "--yes"]).done();
    let how = "journalctl --rotate --vacuum-time=1s";
    assert!(said.contains("is empty") && said.contains(how), "{said}");
    assert_eq!(daemon.ctl_json(&["clear-log", "--yes"])["journal"], true);
}

/// A daemon that cannot start says why, as an error with its page; not on standard error again.
#[test]
fn a_failed_start_is_an_entry() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let open = ["--listen", "192.0.2.1:2428"];
    for (config, args, code, why) in [
        ("registratoin = \"open\"", &[][..], 78, "'registratoin'"),
        ("allow_plaintext = true", &open, 69, "no address 192.0.2.1"),
    ] {
        let daemon = Daemon::prepare_after(&journal.shell(), config, args);
        let stderr = run(&mut daemon.command(), "").failed(code);
        assert_eq!(stderr.trim(), "");
        let entry = journal.entry(catalog::CANNOT_START);
        assert!(entry["MESSAGE"].contains(why), "{entry:#?}");
        assert_eq!(entry["PRIORITY"], "3");
        assert_eq!(entry["CHATD_CODE"], code.to_string());
    }
}

/// Where the journal reads standard output as well, the addresses are not printed: they are in an entry.
#[test]
fn what_the_journal_is_told_is_not_printed() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let shell = format!("exec 2>&1; {}", journal.shell());
    let daemon = Daemon::prepare_after(&shell, "", &[]);
    let process = Process::start(&mut daemon.command());
    journal.entry(catalog::STARTED);
    process.signal(Signal::SIGTERM);
    let output = process.finish();
    assert_eq!((output.code, output.stdout.trim()), (0, ""));
}

/// A journal that takes nothing holds nobody up: people are served, its own log has all, and the end comes in time.
#[test]
fn a_journal_that_is_stuck() {
    let Some(journal) = Journal::new() else {
        return;
    };
    let mut daemon = Daemon::start_after(&journal.shell());
    daemon.ctl(&["log", "level", "debug"]).done();
    // Its socket holds so many datagrams and no more.
    let fits = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen");
    let fits: usize = fits.unwrap().trim().parse().unwrap();
    let mut anna = daemon.register("anna");
    for _ in 0..fits + 10 {
        daemon.resume(&anna.token, &[]);
    }
    anna.say("lobby", "still here");
    daemon.still_serves();
    let begun = Instant::now();
    daemon.stop();
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    assert!(
        daemon.log().ends_with(" INFO stopped\n"),
        "{}",
        daemon.log()
    );
    assert!(daemon.log().matches(" DEBUG resumed ").count() >= fits + 10);
    let told = journal.all().len();
    assert!(told <= fits + 2, "{told} were told, although nobody read");
}

/// Where the journal's own socket cannot be seen it still reads standard error, and is told how urgent each line is.
#[test]
fn without_its_socket_lines_have_a_priority() {
    let Some(journal) = Journal::new() else {
        return;
    };
    std::fs::remove_file(journal.run.path().join("systemd/journal/socket")).unwrap();
    let mut daemon = Daemon::start_after(&journal.shell());
    daemon.ctl(&["pause"]).done();
    daemon.signal(Signal::SIGTERM);
    let stderr = daemon.ended().stderr;
    let of_the_certificate = |line: &&str| line.contains("certificate");
    let lines: Vec<_> = stderr
        .trim()
        .lines()
        .filter(|line| !of_the_certificate(line))
        .collect();
    assert!(
        lines[0].starts_with("<4>the journal's own socket"),
        "{stderr}"
    );
    assert!(lines[1].starts_with("<6>serving "), "{stderr}");
    assert!(lines[2].starts_with("<6>control "), "{stderr}");

    let daemon = Daemon::prepare_after(&journal.shell(), "listen = 7", &[]);
    let stderr = run(&mut daemon.command(), "").failed(78);
    assert!(stderr.contains("<3>'/"), "{stderr}");
    assert!(
        stderr
            .trim()
            .lines()
            .all(|line| line.starts_with("<3>") || line.starts_with("<4>")),
        "{stderr}"
    );
}
