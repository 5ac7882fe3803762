//! The metrics listener: what scrapers are told, when chatd is healthy and ready, and whatever else is sent there.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use crate::stats::samples_by_another;
use crate::support::http::{Answer, connect, exchange, get, get_locally};
use crate::support::samples::Samples;
use crate::support::{Daemon, Heard, PATIENCE, run, undisturbed, until};

const LISTENING: &str = "[metrics]\nlisten = \"127.0.0.1:0\"\n";

/// Where it serves, as its log tells.
#[track_caller]
fn place(daemon: &Daemon) -> SocketAddr {
    until("metrics are served", || {
        let log = daemon.log();
        let line = log
            .lines()
            .find(|line| line.contains("metrics are served"))?;
        let (_, address) = line.rsplit_once("address=")?;
        Some(address.trim().parse().expect("an address"))
    })
}

/// A scraper gets the format that it likes better, others the one that all of them know.
#[test]
fn the_page_of_metrics() {
    let daemon = Daemon::start_with(LISTENING, &[]);
    let place = place(&daemon);
    let mut anna = daemon.register("anna");
    anna.say("lobby", "hello");
    let open = get(
        place,
        "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\n",
    );
    assert_eq!(open.status, 200);
    let kind = open.field("content-type");
    assert_eq!(
        kind,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let samples = Samples::read(&open.body);
    assert_eq!(samples.value("chatd_messages_stored_total"), 1.0);
    assert_eq!(samples.value("chatd_users_online"), 1.0);
    assert!(!open.body.contains("anna") && !open.body.contains("lobby"));

    let plain = get(place, "/metrics?and=more", "");
    let kind = plain.field("content-type");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    assert!(
        plain
            .body
            .contains("# TYPE chatd_messages_stored_total counter\n")
    );
    assert!(!plain.body.contains("# EOF"), "{}", plain.body);
    if let Some(count) = samples_by_another("parser", &plain.body) {
        assert_eq!(count, samples.values.len());
    }
    let length = plain.body.len().to_string();
    assert_eq!(plain.field("content-length"), length);

    let head = exchange(connect(place), b"HEAD /metrics HTTP/1.0\r\n\r\n").expect("an answer");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(get(place, "/", "").status, 404);
}

/// Healthy as long as hub and writer answer, ready as long as people are let in.
#[test]
fn healthy_and_ready() {
    let daemon = Daemon::start_with(LISTENING, &[]);
    let place = place(&daemon);
    let ask = |page: &str| -> (u16, String) {
        let Answer { status, body, .. } = get(place, page, "");
        (status, body)
    };
    let good = || (200, "ok\n".to_owned());
    assert_eq!((ask("/healthz"), ask("/readyz")), (good(), good()));
    for (verb, state) in [
        (&["pause"][..], "paused"),
        (&["pause", "--refuse"], "refusing"),
    ] {
        daemon.ctl(verb).done();
        assert_eq!(ask("/healthz"), good(), "{state}");
        assert_eq!(ask("/readyz"), (503, format!("chatd is {state}\n")));
    }
    daemon.ctl(&["resume"]).done();
    assert_eq!(ask("/readyz"), good());
}

/// A path is a Unix socket for the same people as the control socket, and it is taken away at the end.
#[test]
fn on_a_unix_socket() {
    let mut daemon = Daemon::prepare("", &[]);
    let path = daemon.folder().join("metrics");
    daemon.configure(&format!("[metrics]\nlisten = \"{}\"\n", path.display()));
    daemon.launch();
    daemon.logged("metrics are served");
    let mode = path.metadata().expect("it is there").permissions().mode();
    assert_eq!(mode & 0o007, 0, "{mode:o}");
    Samples::read(&{
        let plain = get_locally(&path, "/metrics");
        assert_eq!(plain.status, 200);
        daemon.ctl(&["stats", "--format", "openmetrics"]).done()
    });
    assert_eq!(get_locally(&path, "/readyz").body, "ok\n");
    daemon.stop();
    assert!(!path.exists(), "the socket was left behind");
}

/// Handed in by the service manager, for a chatd that may open no port. It stays open when chatd ends.
#[test]
fn by_a_socket_that_is_handed_in() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    let mut daemon = Daemon::prepare(LISTENING, &[]);
    daemon.hand_in("metrics", &socket);
    daemon.launch();
    assert_eq!(place(&daemon), address);
    assert_eq!(get(address, "/healthz", "").status, 200);
    let status = daemon.ctl_json(&["status"]);
    assert_eq!(status["handedIn"], serde_json::json!([address.to_string()]));
    let log = daemon.log();
    assert!(
        log.contains("not in force") && log.contains("metrics.listen"),
        "{log}"
    );
    daemon.stop();
    TcpStream::connect(address).expect("the service manager still listens");
}

/// What could be reached from elsewhere is refused, as a setting and as a socket; and so are two.
#[test]
fn only_on_this_machine() {
    for (listen, words) in [
        ("0.0.0.0:9428", "can be reached from other machines"),
        ("[::]:9428", "ssh -L"),
        ("9428", "127.0.0.1:9428"),
    ] {
        let daemon = Daemon::prepare(&format!("[metrics]\nlisten = \"{listen}\"\n"), &[]);
        let said = run(daemon.command().arg("--check"), "").failed_in_a_line(78);
        assert!(said.contains(words) && said.contains("line 2"), "{said}");
    }
    let everywhere = TcpListener::bind("0.0.0.0:0").expect("a free port");
    let mut daemon = Daemon::prepare("", &[]);
    daemon.hand_in("metrics", &everywhere);
    let said = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(said.contains("is not for metrics"), "{said}");

    let folder = daemon.folder().to_owned();
    let [one, two] = ["one", "two"].map(|name| UnixListener::bind(folder.join(name)));
    let mut daemon = Daemon::prepare("", &[]);
    daemon.hand_in("metrics", one.expect("ours"));
    daemon.hand_in("metrics", two.expect("ours"));
    let said = run(&mut daemon.command(), "").failed_in_a_line(78);
    assert!(said.contains("the second of that name"), "{said}");
}

/// A port that is taken is told, with what to do; and a changed place waits for a restart.
#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound");
    let config = format!("[metrics]\nlisten = \"{address}\"\n");
    let daemon = Daemon::prepare(&config, &[]);
    let said = run(&mut daemon.command(), "").failed_in_a_line(69);
    assert!(
        said.contains(&address.to_string()) && said.contains("metrics.listen"),
        "{said}"
    );

    let daemon = Daemon::start();
    daemon.configure(&config);
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(
        reloaded["needRestart"],
        serde_json::json!(["metrics.listen"])
    );
}

/// Whatever is sent there is answered or ends, and people talk on.
#[test]
fn whatever_is_sent() {
    undisturbed(LISTENING, |daemon| {
        let place = place(daemon);
        let status = |bytes: &[u8]| exchange(connect(place), bytes).map(|answer| answer.status);
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(9_000));
        let endless = "GET /".to_owned() + &"x".repeat(100_000);
        for (bytes, expected) in [
            (
                &b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"[..],
                Some(405),
            ),
            (b"DELETE / HTTP/1.1\r\n\r\n", Some(405)),
            (b"GET /metrics HTTP/3.0\r\n\r\n", Some(505)),
            (b"GET /metrics\r\n\r\n", Some(400)),
            (b"GET http://elsewhere/metrics HTTP/1.1\r\n\r\n", Some(404)),
            (b"GET /../metrics HTTP/1.1\r\n\r\n", Some(404)),
            (b"GET /metrics%00 HTTP/1.1\r\n\r\n", Some(404)),
            (b"GET /metrics HTTP/1.1\r\n: empty\r\n\r\n", Some(400)),
            (b"\r\n\r\n", Some(400)),
            (b"\xff\xfe\x00\x01\r\n\r\n", Some(400)),
            (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                Some(400),
            ),
            (long.as_bytes(), Some(431)),
            (endless.as_bytes(), Some(431)),
        ] {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            assert_eq!(status(bytes), expected, "{shown:?}");
        }
        // Two at once: one answer, then it ends.
        let twice = b"GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n";
        let answer = exchange(connect(place), twice).expect("an answer");
        assert_eq!(answer.body, "ok\n");
        // Those who say nothing, or half of it, and those who do not read, have had their time after a while.
        let mut silent: Vec<_> = (0..50).map(|_| connect(place)).collect();
        for (n, stream) in silent.iter_mut().enumerate() {
            let part: &[u8] = [&b""[..], b"GET /met", b"GET /metrics HTTP/1.1\r\n\r\n"][n % 3];
            stream.write_all(part).expect("it is open");
        }
        drop(silent.split_off(25));
        assert_eq!(get(place, "/healthz", "").status, 200);
        let mut first = Vec::new();
        silent[0]
            .set_read_timeout(Some(PATIENCE))
            .expect("a socket");
        silent[0].read_to_end(&mut first).expect("it ends");
        let first = String::from_utf8(first).expect("text");
        assert!(first.starts_with("HTTP/1.1 408 "), "{first}");
    });
}

/// It is off unless it is asked for.
#[test]
fn nowhere_by_default() {
    let daemon = Daemon::start();
    daemon.still_serves();
    let log = daemon.whole_log();
    assert!(!log.contains("metrics are served"), "{log}");
    assert_eq!(daemon.ctl_json(&["status"]).text("state"), "serving");
}
