//! What is counted: the numbers are right, and in a form that others can read.

use std::process::Command;

use crate::support::samples::Samples;
use crate::support::{Daemon, Heard, PASSWORD, UNHURRIED, ask, request, run, skipped, until};

#[track_caller]
fn samples(daemon: &Daemon) -> Samples {
    Samples::read(&daemon.ctl(&["stats", "--format", "openmetrics"]).done())
}

/// People come, talk, guess, search and go too far: each is counted where it belongs.
#[test]
fn what_people_do_is_counted() {
    let daemon = Daemon::start_with("[limits]\nchanges_burst = 1\n", &[]);
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    for n in 1..=3 {
        anna.say("lobby", &format!("message {n}"));
        boris.hears("lobby", n, "anna", &format!("message {n}"));
    }
    ask!(anna, "search", text: "message").must_be("page");
    ask!(anna, "history", room: "lobby").must_be("page");
    let mut guesser = daemon.greet();
    let guess = ask!(guesser, "login", name: "anna", password: "not the right one");
    assert_eq!(guess.code(), "bad-credentials");
    daemon.login("anna");
    let mut back = daemon.resume(&boris.token, &[("lobby", 1)]);
    back.hears("lobby", 2, "anna", "message 2");
    back.hears("lobby", 3, "anna", "message 3");
    let refused = until("there are too many rooms", || {
        let answer = ask!(anna, "create", room: "tea");
        (answer["type"] == "error").then_some(answer)
    });
    assert!(["rate-limited", "name-taken"].contains(&refused.code()));
    until("it is too fast", || {
        let answer = ask!(anna, "create", room: "tea-2");
        (answer["type"] == "error" && answer.code() == "rate-limited").then_some(())
    });

    let seen = samples(&daemon);
    for (key, value) in [
        ("chatd_messages_stored_total", 3.0),
        ("chatd_searches_total", 1.0),
        ("chatd_pages_total", 1.0),
        ("chatd_logins_total{outcome=\"registered\"}", 2.0),
        ("chatd_logins_total{outcome=\"ok\"}", 1.0),
        ("chatd_logins_total{outcome=\"refused\"}", 1.0),
        ("chatd_logins_total{outcome=\"resumed\"}", 1.0),
        ("chatd_connections_opened_total{outcome=\"admitted\"}", 5.0),
        ("chatd_users", 2.0),
        ("chatd_messages", 3.0),
        ("chatd_readers_behind", 0.0),
        ("chatd_storage_faulty", 0.0),
        ("chatd_state{chatd_state=\"serving\"}", 1.0),
        ("chatd_writes_waiting", 0.0),
        ("chatd_passwords_waiting", 0.0),
        // Two accounts, two logins.
        ("chatd_password_hash_seconds_count", 4.0),
    ] {
        assert_eq!(seen.value(key), value, "{key}");
    }
    // Out of the ring by boris, and again out of the store when he came back.
    let delivered = |source| {
        seen.value(&format!(
            "chatd_messages_delivered_total{{source=\"{source}\"}}"
        ))
    };
    assert_eq!((delivered("ring"), delivered("store")), (3.0, 2.0));
    let refused = seen.value("chatd_limit_refusals_total{limit=\"changes_per_second\"}")
        + seen.value("chatd_limit_refusals_total{limit=\"changes_burst\"}");
    assert!(refused >= 1.0, "{seen:#?}");
    for key in [
        "chatd_commit_seconds_count",
        "chatd_delivery_seconds_count",
        "chatd_commit_entries_sum",
        "chatd_sent_bytes_total",
        "chatd_received_bytes_total",
        "chatd_requests_total",
        "chatd_database_bytes",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
    ] {
        assert!(seen.value(key) > 0.0, "{key}");
    }
}

/// The same numbers as JSON and as a table; secure connections are told from others, and resumed ones from new ones.
#[test]
fn as_json_and_as_a_table() {
    let daemon = Daemon::start();
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    anna.say("lobby", "in secret");
    let stats = daemon.ctl_json(&["stats"]);
    let metrics = stats["metrics"].as_array().expect("a list");
    let metric = |name: &str| {
        let found = metrics.iter().find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {stats}"))
    };
    assert_eq!(metric("chatd_messages_stored")["samples"][0]["value"], 1.0);
    assert_eq!(metric("chatd_commit_seconds")["unit"], "seconds");
    let handshakes = metric("chatd_handshakes");
    assert_eq!(handshakes["samples"][0]["label"]["value"], "full");
    assert_eq!(handshakes["samples"][0]["value"], 1.0);
    assert!(stats["at"].as_str().expect("a time").ends_with('Z'));

    let table = daemon.ctl(&["stats"]).done();
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{table}"))
    };
    assert!(line("chatd_messages_stored ").ends_with(" 1"), "{table}");
    assert!(line("process_resident_memory_bytes").ends_with("MiB"));
    assert!(line("chatd_commit_seconds").contains("half up to"));
    assert!(line("chatd_state ").ends_with(" serving"));
    assert!(!table.contains(" paused"), "{table}");
    let refused = daemon.ctl(&["stats", "--format", "xml"]).failed(2);
    assert!(refused.contains("openmetrics"), "{refused}");
}

/// What Prometheus' own reader of the format says, where it is at hand.
#[test]
fn another_reader_reads_it() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let mut anna = daemon.register("anna");
    let sends = (0..20).map(|n| request!("send", to: "lobby", text: n.to_string()));
    for id in anna.begin_all(sends) {
        anna.answer(id).must_be("sent");
    }
    let _ = ask!(daemon.greet(), "login", name: "anna", password: PASSWORD);
    let text = daemon.ctl(&["stats", "--format", "openmetrics"]).done();
    if let Some(count) = samples_by_another("openmetrics.parser", &text) {
        assert_eq!(count, Samples::read(&text).values.len());
    }
}

/// How many samples a parser of Prometheus' own library for Python finds; none where it is not installed.
#[track_caller]
pub fn samples_by_another(parser: &str, text: &str) -> Option<usize> {
    let import = format!("from prometheus_client.{parser} import text_string_to_metric_families");
    let known = Command::new("python3").args(["-c", &import]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        skipped(
            "Prometheus' own reader",
            "prometheus_client is not installed",
        );
        return None;
    }
    let reader = format!(
        "import sys\n{import}\nfamilies = text_string_to_metric_families(sys.stdin.read())\n\
         print(sum(len(family.samples) for family in families))"
    );
    let count = run(Command::new("python3").args(["-c", &reader]), text).done();
    Some(count.trim().parse().expect("a number"))
}
