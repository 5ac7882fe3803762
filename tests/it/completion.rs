//! Completions of chatctl in real shells, with a daemon that knows the names; and what happens where there is none.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::support::{Daemon, Output, Terminal, clean, run, skipped};

/// Names that mean something to a shell, if it looks at them. None has a space or a control character: those are no names.
const HOSTILE: [&str; 6] = [
    "$(touch${IFS}pwned)",
    "a`touch${IFS}pwned`",
    "o'brien",
    "\"x;touch|pwned",
    "!!",
    "~root",
];
/// Longer than chatctl waits, and far less than anybody.
const SOON: Duration = Duration::from_secs(10);

/// A daemon on which people with such names have accounts, and rooms are called so.
fn populated() -> Daemon {
    let daemon = Daemon::start();
    for name in ["anna", "Константин"].iter().chain(&HOSTILE) {
        let password = "correct horse battery\n";
        daemon.ctl_with(&["user", "add", name], password).done();
    }
    for name in ["tea", "Огород", "$(touch${IFS}pwned)"] {
        daemon.ctl(&["room", "create", name]).done();
    }
    daemon
}

/// A shell that finds chatctl and its daemon; none where it is not installed.
fn shell(daemon: &Daemon, name: &str, args: &[&str]) -> Option<Command> {
    if Command::new(name).arg("--version").output().is_err() {
        skipped(
            &format!("completions of chatctl in {name}"),
            "it is not installed",
        );
        return None;
    }
    let mut command = clean(name, daemon.folder());
    let programs = Path::new(env!("CARGO_BIN_EXE_chatctl"))
        .parent()
        .expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("CHATD_CONTROL", daemon.control())
        .env(
            "SCRIPTS",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/completions"),
        )
        .env("TERM", "vt100")
        .args(args);
    Some(command)
}

/// What a line becomes with Tab is carried out as it is: so it shows what the shell took it for.
fn by_tab(daemon: &Daemon, mut terminal: Terminal) {
    for (line, shown) in [
        ("chatctl user sh\tann\t", "last login"),
        ("chatctl user show Конст\t", "Константин"),
        ("chatctl user show \\$\t", "last login"),
        ("chatctl user show o\t", "last login"),
        ("chatctl room members Ого\t", "nobody is in it"),
        ("chatctl room members \\$\t", "nobody is in it"),
        ("chatctl user show --js\tanna", "\"connections\""),
    ] {
        terminal.presses(&format!("{line}\n"));
        terminal.sees(shown);
        terminal.sees("ready>");
    }
    // All of them are shown, and none is carried out.
    terminal.presses("chatctl user show \t\t");
    terminal.sees("touch");
    terminal.presses("\x15exit\n");
    terminal.ends();
    assert!(
        !daemon.folder().join("pwned").exists(),
        "a name was carried out"
    );
}

/// bash, as one types in it.
#[test]
fn in_bash() {
    let daemon = populated();
    let Some(command) = shell(&daemon, "bash", &["--norc", "--noprofile", "-i"]) else {
        return;
    };
    let mut terminal = Terminal::start(&command);
    terminal
        .presses("source \"$SCRIPTS/chatctl.bash\"; bind 'set bell-style none'; PS1='rea''dy>'\n");
    terminal.sees("ready>");
    by_tab(&daemon, terminal);
}

/// zsh, as one types in it.
#[test]
fn in_zsh() {
    let daemon = populated();
    let Some(command) = shell(&daemon, "zsh", &["-f", "-i"]) else {
        return;
    };
    let mut terminal = Terminal::start(&command);
    terminal.presses(
        "fpath=($SCRIPTS $fpath); autoload -Uz compinit; compinit -D -u; unsetopt beep; PS1='rea''dy>'\n",
    );
    terminal.sees("ready>");
    by_tab(&daemon, terminal);
}

/// fish, which can be asked what it would offer.
#[test]
fn in_fish() {
    let daemon = populated();
    let offered = |line: &str| {
        let script = "source \"$SCRIPTS/chatctl.fish\"; complete --do-complete \"$argv[1]\"";
        let mut command = shell(&daemon, "fish", &["--no-config", "-c", script, line])?;
        let output = run(&mut command, "");
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{line}");
        Some(output.stdout)
    };
    let Some(verbs) = offered("chatctl use") else {
        return;
    };
    assert!(verbs.contains("users\tList the accounts"), "{verbs}");
    let names = offered("chatctl user show ").expect("as before");
    for name in HOSTILE.iter().chain(&["anna", "Константин"]) {
        assert!(
            names.lines().any(|line| line == *name),
            "no {name} in:\n{names}"
        );
    }
    for (line, due) in [
        ("chatctl user show Кон", "Константин\n"),
        ("chatctl room members '$", "$(touch${IFS}pwned)\n"),
        ("chatctl log level in", "info\n"),
        ("chatctl user show anna ", ""),
    ] {
        assert_eq!(offered(line).as_deref(), Some(due), "{line}");
    }
    assert!(
        !daemon.folder().join("pwned").exists(),
        "a name was carried out"
    );
}

/// What chatctl says to a shell that asks for names, and how soon.
fn asked(daemon: &Daemon) -> Output {
    let started = Instant::now();
    let output = daemon.ctl(&["complete", "bash", "--", "user", "show", ""]);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert_eq!(
        (output.stdout.as_str(), output.stderr.as_str()),
        ("words\n", "")
    );
    output
}

/// Without a daemon, with one that hangs and with a socket that says nothing there are no names, no words, and no wait.
#[test]
fn where_nobody_answers() {
    let daemon = Daemon::prepare("", &[]);
    assert_eq!(asked(&daemon).code, 3);

    std::fs::create_dir_all(daemon.control().parent().expect("a folder")).expect("ours");
    let listener = UnixListener::bind(daemon.control()).expect("a socket");
    assert_eq!(asked(&daemon).code, 3);
    drop(listener);

    let daemon = Daemon::start();
    daemon.signal(Signal::SIGSTOP);
    assert_eq!(asked(&daemon).code, 3);
    // Verbs need nobody.
    let verbs = daemon.ctl(&["complete", "zsh", "--", "clear-"]).done();
    assert!(verbs.contains("clear-users\t"), "{verbs}");
    daemon.signal(Signal::SIGCONT);
    daemon.still_serves();
}
