//! Starting: what the daemon refuses, and that it says what to do.

use std::fs;
use std::time::Duration;

use crate::support::tls::usual_client;
use crate::support::{Daemon, Process, Talker, run};

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

/// `--check` says whether the configuration is good and starts nothing; a mistake is shown with its line.
#[test]
fn check_looks_and_starts_nothing() {
    let daemon = Daemon::prepare(
        "registration = \"open\"\n[limits]\nusers = 7\n",
        &["--check"],
    );
    run(&mut daemon.command(), "").done();
    assert!(!daemon.state().exists(), "it made its state folder");
    for (config, shown) in [
        (
            "\n\nregistration = \"sometimes\"\n",
            "registration = \"sometimes\"",
        ),
        (
            "server_name = \"a\"\nregistratoin = \"open\"\n",
            "registratoin",
        ),
        ("[limits]\nuser = 5\n", "user = 5"),
        ("[limits]\nusers = -5\n", "users = -5"),
        ("[limits]\nusers = \"many\"\n", "users = \"many\""),
        ("server_name = \"no end\n", "server_name"),
        ("listen = [\"localhost:port\"]\n", "localhost:port"),
    ] {
        daemon.configure(config);
        let stderr = run(&mut daemon.command(), "").failed(78);
        assert!(
            stderr.contains("chatd.toml") && stderr.contains(shown),
            "{config:?} gave:\n{stderr}"
        );
        let line = config.lines().position(|line| line.contains(shown));
        let line = format!("{}", 1 + line.unwrap_or(0));
        assert!(stderr.contains(&line), "no line {line} in:\n{stderr}");
    }
    let started = Daemon::prepare("registratoin = \"open\"\n", &[]);
    run(&mut started.command(), "").failed(78);
    assert!(!started.state().exists(), "it made its state folder");
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
    use std::os::unix::fs::PermissionsExt;
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
