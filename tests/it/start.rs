//! Starting: what the daemon refuses, and that it says what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::Duration;

use crate::support::tls::usual_client;
use crate::support::{Daemon, Process, Talker, run, until};

/// A second daemon on the same state folder is refused, by name of the first; the first does not notice.
#[test]
fn a_second_daemon_on_the_same_folder() {
    let mut first = Daemon::start();
    let mut anna = first.register("anna");
    let second = Daemon::prepare("", &[]);
    let mut command = second.bare_command();
    command
        .args(["--listen", "127.0.0.1:0", "--state"])
        .arg(first.state());
    command.arg("--control").arg(second.control());
    command.arg("--log-file").arg(second.log_file());
    let stderr = run(&mut command, "").failed(69);
    assert!(
        stderr.contains(&format!("another chatd (pid {})", first.pid())),
        "{stderr}"
    );
    anna.say("lobby", "what was that?");
    first.restart();
    first.resume(&anna.token, &[]).say("lobby", "nothing");
}

/// A port that is taken is refused with its address; with `--next-free-port` the next one is taken and told.
#[test]
fn a_port_that_is_taken() {
    let first = Daemon::start();
    let taken = first.address().to_string();
    let second = Daemon::prepare("", &["--listen", &taken]);
    let stderr = run(&mut second.command(), "").failed(69);
    assert!(stderr.contains(&taken), "{stderr}");
    let third = Daemon::start_with("", &["--listen", &taken, "--next-free-port"]);
    assert_eq!(third.address().ip(), first.address().ip());
    assert!(
        third.address().port() > first.address().port(),
        "{}",
        third.address()
    );
    third.still_serves();
    let addresses = &third.ctl_json(&["status"])["addresses"];
    assert_eq!(addresses[0], third.address().to_string());
}

/// Several addresses are each listened on and told.
#[test]
fn several_addresses() {
    let daemon = Daemon::start_with("", &["--listen", "127.0.0.1:0", "--listen", "[::1]:0"]);
    let addresses = &daemon.ctl_json(&["status"])["addresses"];
    assert_eq!(addresses.as_array().map(Vec::len), Some(2), "{addresses}");
    for address in daemon.addresses() {
        crate::support::Talker::connect(*address).hello();
    }
}

/// On all addresses one is served on each; who comes from this machine may still speak in the clear.
#[test]
fn an_address_that_others_can_reach() {
    let daemon = Daemon::start_with("", &["--listen", "0.0.0.0:0"]);
    let near = std::net::SocketAddr::from(([127, 0, 0, 1], daemon.address().port()));
    Talker::connect(near).hello();
    Talker::connect(near).secure(usual_client()).hello();
}

/// `--check` says whether the configuration is good and starts nothing; a mistake is told in one line with its place.
#[test]
fn check_looks_and_starts_nothing() {
    let daemon = Daemon::prepare(
        "registration = \"open\"\n[limits]\nusers = 7\n",
        &["--check"],
    );
    run(&mut daemon.command(), "").done();
    assert!(!daemon.state().exists(), "it made its state folder");
    for (config, told) in [
        (
            "\n\nregistration = \"sometimes\"\n",
            "line 3, column 16: \"sometimes\" is not possible here; write \"open\", \"invite\" or \"closed\"",
        ),
        (
            "server_name = \"a\"\nregistratoin = \"open\"\n",
            "line 2, column 1: there is no setting 'registratoin'; did you mean 'registration'?",
        ),
        ("[limits]\nuser = 5\n", "did you mean 'users'?"),
        ("[limits]\nusers = -5\n", "line 2, column 9: "),
        ("[limits]\nusers = \"many\"\n", "\"many\""),
        ("server_name = \"no end\n", "line 1, column "),
        ("listen = [\"localhost:port\"]\n", "'localhost:port'"),
        ("[limits]\nlisten = []\n", "above [log]"),
    ] {
        daemon.configure(config);
        let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
        assert!(
            stderr.contains("chatd.toml") && stderr.contains(told),
            "{config:?} gave:\n{stderr}"
        );
    }
    let started = Daemon::prepare("registratoin = \"open\"\n", &[]);
    run(&mut started.command(), "").failed(78);
    assert!(!started.state().exists(), "it made its state folder");
}

/// Whoever reads may be gone, or its disk full: what cannot be told changes nothing else.
#[test]
fn words_that_nobody_takes() {
    let wrong = Daemon::prepare_after("exec 2>/dev/full", "registration = 7", &[]);
    run(&mut wrong.command(), "").failed(78);
    let looks = Daemon::prepare_after("exec >/dev/full", "", &["--check"]);
    let stderr = run(&mut looks.command(), "").failed_in_a_line(74);
    assert!(stderr.contains("cannot write: No space left"), "{stderr}");
    let shell = "export NOTIFY_SOCKET=vsock:2:1234; exec 2>/dev/full";
    let mut serves = Daemon::prepare_after(shell, "", &["--daemonize"]);
    serves.launch();
    serves.still_serves();
    serves.stop();
}

/// A file that is not there, a flag that does not exist, a folder that cannot be made.
#[test]
fn what_cannot_be_started() {
    let daemon = Daemon::prepare("", &["--no-such-flag"]);
    run(&mut daemon.command(), "").failed(64);
    let daemon = Daemon::prepare("", &[]);
    fs::remove_file(daemon.folder().join("chatd.toml")).expect("it was just written");
    let stderr = run(&mut daemon.command(), "").failed(78);
    assert!(stderr.contains("chatd.toml"), "{stderr}");
    let daemon = Daemon::prepare("", &[]);
    fs::write(daemon.state(), "a file").expect("the folder is ours");
    let stderr = run(&mut daemon.command(), "").failed(73);
    assert!(stderr.contains("state"), "{stderr}");
}

/// A state folder, a file in it or a configuration of somebody else: told whose it is and as whom chatd runs.
#[test]
fn what_belongs_to_somebody_else() {
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
    };
    // Made by whoever runs the tests; root's chatd runs as nobody, for whom it is all somebody else's.
    let prepare = || {
        let daemon = Daemon::prepare("", &[]);
        fs::create_dir(daemon.state()).expect("the folder is ours");
        mode(daemon.folder(), 0o755);
        fs::write(daemon.log_file(), "").expect("the folder is ours");
        mode(&daemon.log_file(), 0o666);
        daemon
    };
    let refused = |daemon: &Daemon, file: &Path| {
        let mut command = daemon.command();
        if nix::unistd::geteuid().is_root() {
            command.uid(65_534).gid(65_534);
        }
        let stderr = run(&mut command, "").failed_in_a_line(77);
        let told = format!("'{}' belongs to ", file.display());
        assert!(
            stderr.contains(&told) && stderr.contains("chatd runs as "),
            "{stderr}"
        );
    };
    let daemon = prepare();
    mode(&daemon.state(), 0o555);
    refused(&daemon, &daemon.state());
    let daemon = prepare();
    mode(&daemon.state(), 0o755);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(daemon.state(), Some(65_534), None).expect("it is ours");
    }
    let lock = daemon.state().join("chatd.lock");
    fs::write(&lock, "").expect("the folder is ours");
    mode(&lock, 0o400);
    refused(&daemon, &lock);
    let daemon = prepare();
    let config = daemon.folder().join("chatd.toml");
    let shut = if nix::unistd::geteuid().is_root() {
        0o600
    } else {
        0o000
    };
    mode(&config, shut);
    refused(&daemon, &config);
}

/// A database of a later chatd, and a file that is no database of ours: refused and left as they are.
#[test]
fn a_database_of_something_else() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.stop();
    let path = daemon.state().join("chatd.db");
    let set = |pragma: &str, value: i64| {
        let database = rusqlite::Connection::open(&path).expect("the database is there");
        database
            .pragma_update(None, pragma, value)
            .expect("it can be changed");
    };
    let version = rusqlite::Connection::open(&path)
        .and_then(|database| database.query_row("PRAGMA user_version", [], |row| row.get(0)))
        .expect("it has a version");
    set("user_version", 1_000);
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(
        stderr.contains("written by a newer chatd (schema 1000"),
        "{stderr}"
    );
    set("user_version", version);
    set("application_id", 7);
    let stderr = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(stderr.contains("is not a database of chatd"), "{stderr}");
    set("application_id", 0x6368_7464);
    daemon.launch();
    daemon.login("anna");
}

/// A path where no control socket can be: too long, taken by a file, by another daemon, below a file.
#[test]
fn a_control_socket_that_cannot_be_made() {
    let refused = |control: &Path, code: i32, words: &str| {
        let daemon = Daemon::prepare("", &["--listen", "127.0.0.1:0"]);
        let mut command = daemon.bare_command();
        command.arg("--state").arg(daemon.state());
        command.arg("--log-file").arg(daemon.log_file());
        command.arg("--control").arg(control);
        let stderr = run(&mut command, "").failed_in_a_line(code);
        assert!(stderr.contains(words), "no '{words}' in: {stderr}");
    };
    let other = Daemon::start();
    refused(
        &other.folder().join("x".repeat(120)),
        78,
        "longer than the 107 bytes",
    );
    refused(&other.log_file(), 73, "no socket");
    refused(
        &other.log_file().join("control"),
        73,
        "cannot make the folder",
    );
    refused(&other.control(), 69, "another chatd answers");
    other.still_serves();
}

/// Under a service manager the folders are taken from its environment, and each thing lies where it should.
#[test]
fn folders_from_the_environment() {
    let daemon = Daemon::prepare("", &["--listen", "127.0.0.1:0"]);
    let mut command = daemon.bare_command();
    for name in ["STATE", "RUNTIME", "LOGS"] {
        let folder = daemon.folder().join(name);
        fs::create_dir(&folder).expect("the folder is ours");
        command.env(format!("{name}_DIRECTORY"), folder);
    }
    let mut process = Process::start(&mut command);
    process.line_with("listening on 127.0.0.1:");
    assert!(daemon.folder().join("STATE/chatd.db").exists());
    assert!(daemon.folder().join("LOGS/chatd.log").exists());
    let socket = daemon.folder().join("RUNTIME/io.chatd.Control");
    assert!(socket.exists());
    let mut status = daemon.ctl_command(&["status"]);
    status.env("CHATD_CONTROL", &socket);
    // The flag names another socket: nobody is there, and the flag counts.
    run(&mut status, "").failed(3);
    let mut status = crate::support::clean(env!("CARGO_BIN_EXE_chatctl"), daemon.folder());
    run(status.env("CHATD_CONTROL", &socket).arg("status"), "").done();
    process.signal(nix::sys::signal::Signal::SIGINT);
    assert_eq!(process.finish().code, 0);
    assert!(!socket.exists(), "the control socket was left");
}

/// What is secret is readable by nobody else.
#[test]
fn files_are_the_owners_alone() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mode = |path: &std::path::Path| {
        let file = fs::metadata(path).expect("it is there");
        file.permissions().mode() & 0o777
    };
    for entry in fs::read_dir(daemon.state()).expect("the state folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path) & 0o077, 0, "{} is open", path.display());
    }
    assert_eq!(
        mode(&daemon.control()) & 0o007,
        0,
        "the control socket is open"
    );
}

/// A stop waits only so long for those who do not read.
#[test]
fn a_stop_does_not_wait_for_the_deaf() {
    let mut daemon = Daemon::start_with("[limits]\nstop_seconds = 1", &[]);
    let mut anna = daemon.register("anna");
    let mut deaf = crate::support::Talker::connect_narrow(daemon.address());
    deaf.hello();
    deaf.resume(&anna.token, &[]);
    for _ in 0..100 {
        anna.begin(crate::support::request!("send", to: "lobby", text: "x".repeat(8_000)));
    }
    let token = anna.token.clone();
    anna.say("lobby", "the last word");
    let started = std::time::Instant::now();
    daemon.stop();
    assert!(started.elapsed() < Duration::from_secs(15), "it waited");
    daemon.launch();
    let mut anna = daemon.resume(&token, &[("lobby", 100)]);
    anna.hears("lobby", 101, "anna", "the last word");
}

/// A reload that is asked for in the midst of starting is done once the daemon serves; by itself SIGHUP would end it.
#[test]
fn a_reload_while_it_starts() {
    let daemon = Daemon::prepare("", &[]);
    fs::create_dir(daemon.state()).expect("the folder is ours");
    // The key comes through a pipe into which nobody writes yet, and the lock is taken before that.
    let key = daemon.state().join("identity.key");
    nix::unistd::mkfifo(&key, nix::sys::stat::Mode::S_IRWXU).expect("the folder is ours");
    let mut process = Process::start(&mut daemon.command());
    let lock = daemon.state().join("chatd.lock");
    until("it is half way", || {
        let holder = fs::read_to_string(&lock).ok()?;
        (holder.trim() == process.pid().to_string()).then_some(())
    });
    process.signal(nix::sys::signal::Signal::SIGHUP);
    fs::write(&key, [7; 32]).expect("somebody reads");
    process.line_with("listening on ");
    daemon.logged("configuration read again");
    process.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(process.finish().code, 0);
}
