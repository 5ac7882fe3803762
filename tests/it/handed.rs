//! Sockets that the service manager hands in: people and the admin use them like chatd's own, they outlive the daemon, and
//! what is wrong with them is told in one line.

use std::fs::File;
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::support::tls::{reachable_address, usual_client};
use crate::support::{Daemon, Heard, Process, Talker, ask, request, run, skipped};

/// A socket as in `chatd-client.socket`.
fn client_socket() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// A socket as in `chatd-control.socket`.
fn control_socket(daemon: &Daemon) -> UnixListener {
    UnixListener::bind(daemon.control()).expect("the folder is ours")
}

/// A daemon that will have both handed in, and the two as the service manager holds them.
fn prepare(config: &str, args: &[&str]) -> (Daemon, TcpListener, UnixListener) {
    let mut daemon = Daemon::prepare(config, args);
    let (client, control) = (client_socket(), control_socket(&daemon));
    daemon.hand_in("control", &control);
    daemon.hand_in("client", &client);
    (daemon, client, control)
}

/// People talk, the admin asks; the sockets are told as the service manager's and are there when the daemon is not.
#[test]
fn people_and_the_admin_come_by_sockets_that_are_handed_in() {
    let (mut daemon, client, _control) = prepare("", &[]);
    daemon.launch();
    let address = client.local_addr().expect("it is bound");
    assert_eq!(daemon.addresses(), [address]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    anna.say("lobby", "who has opened the door?");
    boris.hears("lobby", 1, "anna", "who has opened the door?");
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["addresses"], json!([address.to_string()]));
    let control = daemon.control().display().to_string();
    assert_eq!(status["handedIn"], json!([address.to_string(), control]));
    let said = daemon.ctl(&["status"]).done();
    let shown = format!("{address} (handed in by the service manager)");
    assert!(said.contains(&shown), "{said}");
    daemon.stop();
    assert!(
        daemon.control().exists(),
        "the control socket was taken away"
    );
    TcpStream::connect(address).expect("the service manager still listens");
    let log = daemon.log();
    assert!(!log.contains(" WARN ") && !log.contains(" ERROR "), "{log}");
}

/// One socket for every address, IPv6 and IPv4, as the package's: who comes from this machine is seen as that, by either of
/// them, and may speak in the clear; who does not has to come over TLS.
#[test]
fn one_socket_for_every_address() {
    let Some(socket) = socket_for_every_address() else {
        return skipped("a socket for every address", "this machine has no IPv6");
    };
    let mut daemon = Daemon::prepare("", &[]);
    let port = socket.local_addr().expect("it is bound").port();
    daemon.hand_in("client", &socket);
    daemon.launch();
    assert_eq!(
        daemon.addresses(),
        [format!("[::]:{port}").parse().expect("an address")]
    );
    for (name, address) in [
        ("anna", "127.0.0.1"),
        ("boris", "::1"),
        ("vera", "127.8.9.10"),
    ] {
        let address: IpAddr = address.parse().expect("an address");
        let mut talker = Talker::connect((address, port).into());
        talker.hello();
        talker.register(name);
        daemon.logged(&format!("registered user={name} "));
    }
    let log = daemon.log();
    assert!(
        log.contains("peer=127.0.0.1\n") && !log.contains("ffff"),
        "{log}"
    );

    let Some(address) = reachable_address() else {
        return skipped(
            "who comes from elsewhere",
            "this machine has no address but loopback",
        );
    };
    let elsewhere = (address, port).into();
    let mut stranger = Talker::connect(elsewhere);
    stranger.raw_frame(b"{}");
    assert_eq!(stranger.expect_closed()[0].code(), "forbidden");
    let mut wim = Talker::connect(elsewhere).secure(usual_client());
    wim.hello();
    wim.register("wim");
}

/// A socket as systemd makes it of a port alone with `BindIPv6Only=both`.
fn socket_for_every_address() -> Option<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None).ok()?;
    socket.set_only_v6(false).ok()?;
    let any: std::net::SocketAddr = (Ipv6Addr::UNSPECIFIED, 0).into();
    socket.bind(&any.into()).ok()?;
    socket.listen(16).ok()?;
    // There may be none of its addresses all the same.
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok()?;
    Some(socket.into())
}

/// While no daemon runs whoever connects waits, the admin as well; the next one serves them, however the last one ended.
#[test]
fn who_comes_in_between_waits_for_the_next_daemon() {
    let (mut daemon, _client, _control) = prepare("", &[]);
    daemon.launch();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "before");
    for ends in [Daemon::stop as fn(&mut Daemon), Daemon::kill_9] {
        ends(&mut daemon);
        let mut waiting = daemon.connect();
        let hello = waiting.begin(request!("hello", protocol: 1, client: "stories/1"));
        let admin = Process::start(&mut daemon.ctl_command(&["--json", "status"]));
        daemon.launch();
        waiting.answer(hello).must_be("hello");
        let welcome = waiting.resume(&anna.token, &[]);
        assert_eq!(welcome.room("lobby")["last_seq"], 1, "{welcome}");
        assert_eq!(admin.finish().json()["pid"], daemon.pid());
    }
}

/// Several client sockets, one of them a local one, in whatever order: each is served and told.
#[test]
fn several_client_sockets_and_a_local_one() {
    let mut daemon = Daemon::prepare("", &[]);
    let (first, second) = (client_socket(), client_socket());
    let path = daemon.folder().join("client");
    let local = UnixListener::bind(&path).expect("the folder is ours");
    let control = control_socket(&daemon);
    daemon.hand_in("client", &first);
    daemon.hand_in("client", &local);
    daemon.hand_in("control", &control);
    daemon.hand_in("client", &second);
    daemon.launch();
    let shown = |socket: &TcpListener| socket.local_addr().expect("it is bound").to_string();
    let places = json!([shown(&first), path.display().to_string(), shown(&second)]);
    assert_eq!(daemon.ctl_json(&["status"])["addresses"], places);
    let mut anna = daemon.register("anna");
    let mut boris = Talker::connect_local(&path);
    boris.hello();
    boris.register("boris");
    boris.say("lobby", "from next door");
    anna.hears("lobby", 1, "boris", "from next door");
    let mut clara = Talker::connect(daemon.addresses()[1]);
    clara.hello();
    clara.register("clara");
    drop(boris);
    let mut boris = Talker::connect_local(&path);
    boris.hello();
    let welcome = boris.login("boris");
    assert_eq!(welcome["last_login"].get("from"), None, "{welcome}");
    daemon.stop();
    assert!(path.exists(), "the local socket was taken away");
}

/// What is not handed in the daemon makes by itself, and takes away by itself.
#[test]
fn one_of_the_two_is_enough() {
    let mut daemon = Daemon::prepare("", &[]);
    daemon.hand_in("client", client_socket());
    daemon.launch();
    daemon.still_serves();
    daemon.stop();
    assert!(!daemon.control().exists(), "the control socket was left");
    let mut daemon = Daemon::prepare("", &[]);
    let control = control_socket(&daemon);
    daemon.hand_in("control", &control);
    daemon.launch();
    daemon.still_serves();
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["addresses"], json!([daemon.address().to_string()]));
    let control = daemon.control().display().to_string();
    assert_eq!(status["handedIn"], json!([control]));
    daemon.stop();
    assert!(
        daemon.control().exists(),
        "the control socket was taken away"
    );
    assert!(
        Talker::try_connect(daemon.address()).is_none(),
        "the port is open"
    );
}

/// What is handed in wrongly is told in one line and once in the log; nothing is made, and it is no start that would help
/// to be repeated.
#[test]
fn what_is_handed_in_wrongly_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let tcp = || client_socket();
    let unix = |name| UnixListener::bind(path(name)).expect("the folder is ours");
    let nameless = format!("chatd-it-{}", std::process::id());
    let nameless = SocketAddr::from_abstract_name(nameless).expect("a short name");
    let nameless = UnixListener::bind_addr(&nameless).expect("a name of our own");
    let file = File::create(path("file")).expect("the folder is ours");
    let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let messages = UnixDatagram::bind(path("messages")).expect("the folder is ours");
    let connected = tcp();
    let connected = TcpStream::connect(connected.local_addr().expect("it is bound"));
    let connected = connected.expect("it listens");
    let (one, two) = (unix("one"), unix("two"));
    let (client, other) = (tcp(), tcp());

    type Sockets<'a> = &'a [(&'static str, &'a dyn AsFd)];
    let cases: &[(Sockets<'_>, &[&str])] = &[
        (
            &[("chatd-client.socket", &client)],
            &[
                "'chatd-client.socket'",
                "FileDescriptorName=client, control or metrics",
            ],
        ),
        (
            &[("client", &client), ("contorl", &one)],
            &["'contorl'", "FileDescriptorName="],
        ),
        (&[("unknown", &client)], &["no name", "FileDescriptorName="]),
        (&[("", &client)], &["no name", "FileDescriptorName="]),
        (&[("client", &file)], &["'client'", "is no socket"]),
        (&[("client", &datagrams)], &["'client'", "no stream socket"]),
        (
            &[("control", &messages)],
            &["'control'", "no stream socket"],
        ),
        (
            &[("client", &connected)],
            &["'client'", "does not listen", "Accept=no"],
        ),
        (&[("control", &client)], &["'control'", "is no Unix socket"]),
        (
            &[("control", &one), ("client", &other), ("control", &two)],
            &["'control' (descriptor 5)", "second"],
        ),
        (&[("control", &nameless)], &["'control'", "has no file"]),
    ];
    for (sockets, words) in cases {
        let mut daemon = Daemon::prepare("", &[]);
        for (name, socket) in *sockets {
            daemon.hand_in(name, socket);
        }
        refused(&daemon, &mut daemon.command(), words);
    }
}

/// A start that is refused in one line, which is also the one line in the log.
#[track_caller]
fn refused(daemon: &Daemon, command: &mut Command, words: &[&str]) {
    let stderr = run(command, "").failed_in_a_line(78);
    for word in words {
        assert!(stderr.contains(word), "no {word:?} in: {stderr}");
    }
    assert!(
        !daemon.state().join("chatd.db").exists(),
        "it made a database"
    );
    let log = daemon.log();
    let text = stderr.trim_start_matches("chatd: ").trim_end();
    assert_eq!(log.matches(text).count(), 1, "{stderr} was due in:\n{log}");
}

/// So is what LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say when it makes no sense.
#[test]
fn what_is_announced_wrongly_is_told() {
    let cases = [
        ("LISTEN_PID", Some("me"), "LISTEN_PID is \"me\""),
        ("LISTEN_FDS", Some("one"), "LISTEN_FDS is \"one\""),
        ("LISTEN_FDS", Some("-1"), "LISTEN_FDS is \"-1\""),
        ("LISTEN_FDS", Some("65"), "more than the 64"),
        ("LISTEN_FDS", Some("4294967295"), "more than the 64"),
        ("LISTEN_FDS", Some("2"), "LISTEN_FDNAMES has 1 names"),
        (
            "LISTEN_FDNAMES",
            Some("client:client"),
            "LISTEN_FDNAMES has 2 names",
        ),
        ("LISTEN_FDNAMES", None, "has no name"),
        ("LISTEN_FDNAMES", Some(""), "has no name"),
    ];
    for (variable, value, words) in cases {
        let mut daemon = Daemon::prepare("", &[]);
        daemon.hand_in("client", client_socket());
        let mut command = daemon.command();
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
        refused(&daemon, &mut command, &[words]);
    }
    // Announced, but not there.
    let mut daemon = Daemon::prepare("", &[]);
    daemon.hand_in("client", client_socket());
    let mut command = daemon.command();
    command.env("LISTEN_FDS", "3");
    command.env("LISTEN_FDNAMES", "client:client:client");
    refused(&daemon, &mut command, &["LISTEN_FDS says 3", "not so many"]);
}

/// Sockets for another process are left alone: the daemon says so and makes its own.
#[test]
fn sockets_of_another_process_are_left_alone() {
    let mut daemon = Daemon::prepare("", &[]);
    let client = client_socket();
    daemon.hand_in("client", &client);
    let mut command = daemon.command();
    command.env("LISTEN_PID", "1");
    command.args(["--listen", "127.0.0.1:0"]);
    let mut process = Process::start(&mut command);
    let line = process.line_with("listening on ");
    let address = client.local_addr().expect("it is bound");
    assert!(!line.ends_with(&address.to_string()), "{line}");
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["handedIn"], json!([]));
    let log = daemon.whole_log();
    let warning = log.lines().find(|line| line.contains(" WARN "));
    let warning = warning.expect("a warning was due");
    assert!(warning.contains("handed in to process 1 and"), "{warning}");
    process.signal(Signal::SIGTERM);
    assert_eq!(process.finish().code, 0);
    assert!(!daemon.control().exists(), "the control socket was left");
}

/// What else was said about addresses is not in force, and that is said once; a reload does not wait for a restart
/// because of it.
#[test]
fn sockets_that_are_handed_in_go_before_settings() {
    let (mut daemon, _client, _control) =
        prepare("listen = [\"127.0.0.1:1\"]", &["--next-free-port"]);
    daemon.launch();
    daemon.configure("listen = [\"127.0.0.1:2\"]\nregistration = \"closed\"");
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"], json!(["registration"]), "{reloaded}");
    assert_eq!(reloaded["needRestart"], json!([]), "{reloaded}");
    daemon.still_serves();
    daemon.stop();
    let log = daemon.log();
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("not in force"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(
        warnings[0].contains("listen, --next-free-port"),
        "{warnings:?}"
    );
}

/// A socket that other machines reach is served, too: whoever comes from there comes over TLS.
#[test]
fn a_socket_that_others_can_reach() {
    let mut daemon = Daemon::prepare("", &[]);
    let socket = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = socket.local_addr().expect("it is bound").port();
    daemon.hand_in("client", socket);
    daemon.launch();
    let near = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    Talker::connect(near).secure(usual_client()).hello();
}

/// `pause --refuse` cannot close a port that is the service manager's: whoever connects, or has waited, is told so and let
/// go; nobody else notices, and the socket is as good as before afterwards.
#[test]
fn a_pause_that_refuses_says_so() {
    let mut daemon = Daemon::prepare("", &[]);
    let path = daemon.folder().join("client");
    daemon.hand_in(
        "client",
        UnixListener::bind(&path).expect("the folder is ours"),
    );
    let client = client_socket();
    daemon.hand_in("client", &client);
    daemon.launch();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    daemon.ctl(&["pause"]).done();
    let waiting = daemon.connect();
    daemon.ctl(&["pause", "--refuse"]).done();
    assert_eq!(daemon.ctl_json(&["status"])["state"], "refusing");
    for mut newcomer in [waiting, daemon.connect(), Talker::connect_local(&path)] {
        let told = newcomer.push("error");
        assert_eq!(told.code(), "busy");
        assert!(told["retry_after_ms"].as_u64() > Some(0), "{told}");
        assert!(told.text("text").contains("nobody in at present"), "{told}");
        newcomer.expect_closed();
    }
    anna.say("lobby", "only us");
    boris.hears("lobby", 1, "anna", "only us");
    daemon.ctl(&["pause"]).done();
    let mut waiting = daemon.connect();
    let hello = waiting.begin(request!("hello", protocol: 1, client: "stories/1"));
    waiting.hears_nothing_for(Duration::from_millis(300));
    daemon.ctl(&["resume"]).done();
    waiting.answer(hello).must_be("hello");
    daemon.ctl(&["pause", "--refuse"]).done();
    daemon.restart();
    daemon.still_serves();
}

/// `shutdown` tells that the service manager listens on and what stops that.
#[test]
fn a_shutdown_tells_who_still_listens() {
    let (mut daemon, client, _control) = prepare("", &[]);
    daemon.launch();
    let address = client.local_addr().expect("it is bound").to_string();
    let said = daemon.ctl(&["shutdown", "--yes", "--in", "1h"]).done();
    assert!(
        said.contains(&address) && said.contains("starts chatd again"),
        "{said}"
    );
    let command = "systemctl stop chatd-client.socket chatd-control.socket";
    assert!(said.contains(command), "{said}");
    let plan = daemon.ctl_json(&["shutdown", "--yes"]);
    let control = daemon.control().display().to_string();
    assert_eq!(plan["stillListening"], json!([address, control]));
    assert_eq!(plan["stopCommand"], command);
    assert_eq!(daemon.ended().code, 0);
    // One that listens by itself has nothing to add.
    let mut daemon = Daemon::start();
    let plan = daemon.ctl_json(&["shutdown", "--yes"]);
    assert_eq!(plan["stillListening"], json!([]));
    assert_eq!(plan.get("stopCommand"), None, "{plan}");
    assert_eq!(daemon.ended().code, 0);
}

/// A start that fails rests before it ends: the client that waits would have the service manager start it again at once,
/// until that gives up and takes the socket away. What is wrong is told before.
#[test]
fn a_failed_start_rests() {
    let mut daemon = Daemon::prepare("registratoin = \"open\"", &[]);
    daemon.hand_in("client", client_socket());
    for arg in [&[][..], &["--no-such-flag"]] {
        let mut command = daemon.command();
        command.args(arg);
        command.env("NOTIFY_SOCKET", daemon.folder().join("notify"));
        let started = Instant::now();
        let output = run(&mut command, "");
        assert!(matches!(output.code, 64 | 78), "{output:?}");
        assert!(started.elapsed() >= Duration::from_secs(1), "no rest");
    }
}

/// Bytes that nobody read do not keep the words of a refusal from whoever wrote them.
#[test]
fn who_is_refused_after_speaking_hears_why() {
    let mut daemon = Daemon::prepare("", &[]);
    daemon.hand_in("client", client_socket());
    daemon.launch();
    daemon.ctl(&["pause"]).done();
    let mut waiting = daemon.connect();
    waiting.begin(request!("hello", protocol: 1, client: "stories/1"));
    daemon.ctl(&["pause", "--refuse"]).done();
    assert_eq!(waiting.push("error").code(), "busy");
    daemon.ctl(&["resume"]).done();
    let mut anna = daemon.register("anna");
    ask!(anna, "ping").must_be("pong");
}
