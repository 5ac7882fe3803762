//! What those see who watch: who is behind, what is counted, the load, and a stop that waits.

use super::{NOW, look};
use crate::base::{SessionId, Timestamp};
use crate::ctl::observe::{behind, draining, span, stats_table};
use crate::ctl::top::{View, drawn, plain};
use crate::wire::control::{
    Behind, Bucket, BusyRoom, BusyUser, DrainStep, Draining, Histogram, Label, Load, Metric,
    MetricKind, Number, Reader, Sample, State, Stats,
};

fn reader(user: &str, messages: u64, rooms: u32) -> Reader {
    Reader {
        user: user.into(),
        session: SessionId(7),
        device: "chat-client on a phone".into(),
        peer: (user != "Анна").then(|| "192.0.2.0/24".into()),
        since: Timestamp(NOW.0 - 90_000),
        messages,
        rooms,
        room: Some("lobby".into()),
        room_messages: messages - u64::from(rooms) + 1,
        bytes: 20_000,
    }
}

fn lag() -> Behind {
    Behind {
        behind: 3,
        messages: 1_300,
        readers: vec![reader("boris", 1_250, 1), reader("Анна", 45, 2)],
    }
}

fn load() -> Load {
    Load {
        at: NOW,
        state: State::Serving,
        since: Timestamp(NOW.0 - 10_800_000),
        seconds: Number(1.0),
        users_online: 12,
        connections: 14,
        strangers: 1,
        messages_per_second: Number(31.0),
        deliveries_per_second: Number(372.0),
        commits_per_second: Number(12.0),
        commit_p50: Some(Number(0.0025)),
        commit_p99: Some(Number(0.01)),
        delivery_p50: None,
        delivery_p99: None,
        cpu: Number(0.123),
        memory_bytes: 36_175_872,
        behind: 2,
        rooms: vec![BusyRoom {
            name: "lobby\x1b[2J".into(),
            online: 12,
            messages: 40_000,
            messages_per_second: Number(30.5),
        }],
        users: vec![BusyUser {
            name: "Анна".into(),
            messages_per_second: Number(29.5),
        }],
        readers: lag().readers,
    }
}

#[test]
fn who_is_behind() {
    insta::assert_snapshot!(behind(&lag(), NOW, look(120)), @"
    USER   BEHIND  SINCE       WAITING  MOST IN                 FROM          SESSION  DEVICE
    boris    1250  1 min ago  19.5 KiB  lobby                   192.0.2.0/24        7  chat-client on a phone
    Анна       45  1 min ago  19.5 KiB  lobby (44), and 1 more  local               7  chat-client on a phone
    3 connections behind, by 1300 messages in all
    the worst 2 are shown
    ");
    let nobody = Behind {
        behind: 0,
        messages: 0,
        readers: vec![],
    };
    assert_eq!(behind(&nobody, NOW, look(80)), "nobody is behind\n");
}

#[test]
fn what_is_counted() {
    let sample = |label: Option<(&str, &str)>, value| Sample {
        label: label.map(|(name, value)| Label {
            name: name.into(),
            value: value.into(),
        }),
        value: Some(Number(value)),
        histogram: None,
    };
    let metric = |name: &str, unit: &str, samples| Metric {
        name: name.into(),
        kind: match name {
            "chatd_state" => MetricKind::StateSet,
            _ => MetricKind::Gauge,
        },
        unit: (!unit.is_empty()).then(|| unit.into()),
        help: String::new(),
        samples,
    };
    let bucket = |up_to, count| Bucket {
        up_to: Number(up_to),
        count,
    };
    let histogram = |count, buckets| Sample {
        histogram: Some(Histogram {
            count,
            sum: Number(0.5),
            buckets,
        }),
        ..Sample::default()
    };
    let stats = Stats {
        at: NOW,
        metrics: vec![
            metric(
                "chatd_state",
                "",
                vec![
                    sample(Some(("chatd_state", "serving")), 1.0),
                    sample(Some(("chatd_state", "paused")), 0.0),
                ],
            ),
            metric("chatd_messages_stored", "", vec![sample(None, 1234.0)]),
            metric("chatd_sent_bytes", "bytes", vec![sample(None, 5e6)]),
            metric("process_cpu_seconds", "seconds", vec![sample(None, 12.5)]),
            metric(
                "chatd_certificate_end_timestamp_seconds",
                "seconds",
                vec![sample(None, 1_795_170_600.0)],
            ),
            metric(
                "chatd_commit_seconds",
                "seconds",
                vec![histogram(100, vec![bucket(0.005, 60), bucket(0.01, 98)])],
            ),
            metric(
                "chatd_delivery_seconds",
                "seconds",
                vec![histogram(0, vec![])],
            ),
        ],
    };
    insta::assert_snapshot!(stats_table(&stats, look(100)), @"
    NAME                                     VALUE
    chatd_state                              serving
    chatd_messages_stored                    1234
    chatd_sent_bytes                         4.8 MiB
    process_cpu_seconds                      12.5 s
    chatd_certificate_end_timestamp_seconds  2026-11-20 10:30:00 UTC
    chatd_commit_seconds                     100 times, mean 5 ms, half up to 5 ms, 99 % up to more
    chatd_delivery_seconds                   none
    ");
}

#[test]
fn the_load_in_a_pipe() {
    insta::assert_snapshot!(plain(&load(), look(usize::MAX)), @r"
    chatd serves, up 3 h, 10:30:00 UTC
    12 online, 14 connections (1 not logged in), 2 behind
    31.0 messages/s, 372.0 deliveries/s, 12.0 commits/s
    commits: half up to 2.5 ms, 99 % up to 10 ms
    deliveries: none
    12.3 % of a processor, 34.5 MiB of memory

    ROOM            MESSAGES/S  ONLINE  MESSAGES
    lobby\u{1b}[2J        30.5      12     40000

    USER  MESSAGES/S
    Анна        29.5

    USER   BEHIND  SINCE       WAITING  MOST IN                 FROM          SESSION  DEVICE
    boris    1250  1 min ago  19.5 KiB  lobby                   192.0.2.0/24        7  chat-client on a phone
    Анна       45  1 min ago  19.5 KiB  lobby (44), and 1 more  local               7  chat-client on a phone
    ");
}

#[test]
fn the_load_on_a_screen() {
    insta::assert_snapshot!(drawn(&load(), View::Rooms, look(60), 12).join("\n"), @r"
    chatd serves, up 3 h, 10:30:00 UTC
    12 online, 14 connections (1 not logged in), 2 behind
    31.0 messages/s, 372.0 deliveries/s, 12.0 commits/s
    commits: half up to 2.5 ms, 99 % up to 10 ms
    deliveries: none
    12.3 % of a processor, 34.5 MiB of memory

    ROOM            MESSAGES/S  ONLINE  MESSAGES
    lobby\u{1b}[2J        30.5      12     40000


    q quit  u busiest users  s slow readers
    ");
    insta::assert_snapshot!(drawn(&load(), View::Readers, look(46), 11).join("\n"), @"
    chatd serves, up 3 h, 10:30:00 UTC
    12 online, 14 connections (1 not logged in), …
    31.0 messages/s, 372.0 deliveries/s, 12.0 com…
    commits: half up to 2.5 ms, 99 % up to 10 ms
    deliveries: none
    12.3 % of a processor, 34.5 MiB of memory

    USER   BEHIND  SINCE       WAITING …
    boris    1250  1 min ago  19.5 KiB
    Анна       45  1 min ago  19.5 KiB
    q quit  r busiest rooms  u busiest users
    ");
}

#[test]
fn whatever_the_size_nothing_is_wider_or_higher() {
    use unicode_width::UnicodeWidthStr as _;
    for (width, height) in [(1, 1), (5, 3), (20, 5), (79, 24), (200, 50)] {
        for view in [View::Rooms, View::Users, View::Readers] {
            let lines = drawn(&load(), view, look(width), height);
            assert_eq!(lines.len(), height, "{width}x{height}");
            for line in lines {
                assert!(line.width() <= width, "{width}x{height}: '{line}'");
                assert!(!line.contains(char::is_control), "{line:?}");
            }
        }
    }
}

#[test]
fn a_stop_that_waits() {
    let part = |step| Draining {
        step,
        seconds_left: 28,
        behind: 3,
        messages: 1_300,
        readers: lag().readers,
        stop_command: Some("systemctl stop chatd-client.socket".into()),
    };
    let steps = [
        DrainStep::Waiting,
        DrainStep::CaughtUp,
        DrainStep::LimitReached,
    ];
    let told: String = steps.map(|step| draining(&part(step))).concat();
    insta::assert_snapshot!(told, @"
    waiting for 3 connections, 28 s left: boris (1250), Анна (45), 1 more
    everyone has what was said; chatd is stopping
    the service manager still listens; to stop that, too: systemctl stop chatd-client.socket
    the time is up; chatd is stopping. still behind, and told the rest when they come back: boris (1250), Анна (45), 1 more
    the service manager still listens; to stop that, too: systemctl stop chatd-client.socket
    ");
}

#[test]
fn times_are_said_as_people_do() {
    for (seconds, words) in [
        (0.0, "0 ms"),
        (0.0001, "0.1 ms"),
        (0.00025, "0.25 ms"),
        (0.0025, "2.5 ms"),
        (0.5, "500 ms"),
        (1.0, "1 s"),
        (12.5, "12.5 s"),
        (3600.0, "3600 s"),
    ] {
        assert_eq!(span(seconds), words);
    }
}
