//! The verbs that watch: who is behind, what is counted, and the stop that waits until nobody is behind.

use serde_json::json;

use crate::base::Timestamp;
use crate::base::text::{harmless, harmless_lines};
use crate::wire::control::{
    Behind, Drain, DrainStep, Draining, GetStats, Histogram, ListBehind, Metric, MetricKind,
    Reader, Sample, Stats, Words,
};
use crate::wire::openmetrics::{Format, encode};

use super::args::{DrainArgs, StatsFormat, Sure};
use super::ask::confirm;
use super::call::Daemon;
use super::table::{Column, Look, counted, relative, size, table};
use super::{Console, Failure};

/// Readers who are named in a line while a stop waits.
const NAMED: usize = 5;

pub(super) const READER_COLUMNS: [Column; 8] = [
    ("USER", false),
    ("BEHIND", true),
    ("SINCE", false),
    ("WAITING", true),
    ("MOST IN", false),
    ("FROM", false),
    ("SESSION", true),
    ("DEVICE", false),
];

pub(super) fn lag(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    console.print(&daemon.call(&ListBehind {})?, |reply, console| {
        behind(reply, console.now, console.look)
    })
}

/// Who is behind, the worst first.
pub(super) fn behind(reply: &Behind, now: Timestamp, look: Look) -> String {
    if reply.behind == 0 {
        return "nobody is behind\n".to_owned();
    }
    let rows: Vec<_> = reply
        .readers
        .iter()
        .map(|one| reader_row(one, now))
        .collect();
    let mut text = match rows.is_empty() {
        true => String::new(),
        false => table(&READER_COLUMNS, &rows, look),
    };
    let connections = counted(reply.behind, "connection");
    let messages = counted(reply.messages, "message");
    text += &format!("{connections} behind, by {messages} in all\n");
    if reply.behind > reply.readers.len() as u64 {
        text += &format!("the worst {} are shown\n", reply.readers.len());
    }
    text
}

pub(super) fn reader_row(reader: &Reader, now: Timestamp) -> Vec<String> {
    let most = match (&reader.room, reader.rooms) {
        (Some(room), 0..=1) => room.clone(),
        (Some(room), rooms) => {
            format!("{room} ({}), and {} more", reader.room_messages, rooms - 1)
        }
        (None, _) => "-".to_owned(),
    };
    vec![
        reader.user.clone(),
        reader.messages.to_string(),
        relative(now, reader.since),
        size(reader.bytes),
        most,
        reader.peer.clone().unwrap_or_else(|| "local".to_owned()),
        reader.session.to_string(),
        reader.device.clone(),
    ]
}

pub(super) fn stats(
    format: Option<StatsFormat>,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let reply = daemon.call(&GetStats {})?;
    match format {
        Some(StatsFormat::Openmetrics) => {
            let text = encode(&reply, Format::OpenMetrics);
            let text = harmless_lines(&text) + "\n";
            console
                .out
                .write_all(text.as_bytes())
                .map_err(Failure::Output)
        }
        None => console.print(&reply, |reply, console| stats_table(reply, console.look)),
    }
}

/// Names as they are in the other formats, values as people read them.
pub(super) fn stats_table(stats: &Stats, look: Look) -> String {
    let rows: Vec<_> = stats
        .metrics
        .iter()
        .flat_map(|metric| {
            metric
                .samples
                .iter()
                .filter_map(|sample| row(metric, sample))
        })
        .collect();
    table(&[("NAME", false), ("VALUE", false)], &rows, look)
}

fn row(metric: &Metric, sample: &Sample) -> Option<Vec<String>> {
    let unit = metric.unit.as_deref();
    let label = sample.label.as_ref();
    let is_word = matches!(metric.kind, MetricKind::StateSet | MetricKind::Info);
    let name = match label.filter(|_| !is_word) {
        Some(label) => format!("{} {}={}", metric.name, label.name, label.value),
        None => metric.name.clone(),
    };
    let value = sample.value.unwrap_or_default().0;
    let value = match (&sample.histogram, label.filter(|_| is_word)) {
        (Some(histogram), _) => histogram_words(histogram, unit),
        // Of several words the one that holds.
        (None, Some(_)) if value == 0.0 => return None,
        (None, Some(label)) => label.value.clone(),
        (None, None) => words(value, unit),
    };
    Some(vec![name, value])
}

fn words(value: f64, unit: Option<&str>) -> String {
    match unit {
        Some("bytes") => size(value as u64),
        Some("seconds") if value > 1e9 => super::table::absolute(Timestamp((value * 1e3) as i64)),
        Some("seconds") => span(value),
        _ => value.to_string(),
    }
}

fn histogram_words(histogram: &Histogram, unit: Option<&str>) -> String {
    if histogram.count == 0 {
        return "none".to_owned();
    }
    let up_to = |share: f64| {
        let wanted = (histogram.count as f64 * share).ceil() as u64;
        let bucket = histogram
            .buckets
            .iter()
            .find(|bucket| bucket.count >= wanted);
        bucket.map_or("more".to_owned(), |bucket| words(bucket.up_to.0, unit))
    };
    let mean = histogram.sum.0 / histogram.count as f64;
    let mean = match unit {
        Some("seconds") => span(mean),
        _ => format!("{mean:.1}"),
    };
    format!(
        "{}, mean {mean}, half up to {}, 99 % up to {}",
        counted(histogram.count, "time"),
        up_to(0.5),
        up_to(0.99)
    )
}

/// A time as people say it: `2.5 ms`.
pub(super) fn span(seconds: f64) -> String {
    let rounded = |value: f64| match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value => {
            let text = format!("{value:.2}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    match seconds {
        seconds if seconds >= 0.9995 => format!("{} s", rounded(seconds)),
        seconds => format!("{} ms", rounded(seconds * 1e3)),
    }
}

pub(super) fn drain(
    message: Option<&Words>,
    drain: DrainArgs,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        let Behind {
            behind, messages, ..
        } = daemon.call(&ListBehind {})?;
        let connections = counted(behind, "connection");
        let words = format!("let nobody in, wait for {connections} to catch up, and stop chatd");
        let facts = json!({ "behind": behind, "messages": messages });
        return super::verb::would(console, &words, facts);
    }
    confirm(
        "let nobody in, and stop chatd once everyone has what was said?",
        sure.yes,
    )?;
    let limit = drain.limit.map(|limit| limit.as_secs());
    let call = Drain {
        message: message.cloned(),
        limit_seconds: limit.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)),
    };
    let mut told = None;
    daemon.stream(&call, |reply: Draining| {
        // A line a second is enough to read.
        let is_new = told != Some(reply.seconds_left) || reply.step != DrainStep::Waiting;
        told = Some(reply.seconds_left);
        if console.json || is_new {
            console.print(&reply, |reply, _| draining(reply))?;
        }
        console.out.flush().map_err(Failure::Output)
    })
}

/// For whom it waits, or how it has ended.
pub(super) fn draining(reply: &Draining) -> String {
    let name = |reader: &Reader| {
        let user = harmless(&reader.user).into_owned();
        format!("{user} ({})", reader.messages)
    };
    let mut names: Vec<_> = reply.readers.iter().take(NAMED).map(name).collect();
    if reply.behind > names.len() as u64 {
        names.push(format!("{} more", reply.behind - names.len() as u64));
    }
    let names = names.join(", ");
    let mut text = match reply.step {
        DrainStep::Waiting => {
            return format!(
                "waiting for {}, {} s left: {names}\n",
                counted(reply.behind, "connection"),
                reply.seconds_left
            );
        }
        DrainStep::CaughtUp => "everyone has what was said; chatd is stopping\n".to_owned(),
        DrainStep::LimitReached => format!(
            "the time is up; chatd is stopping. still behind, and told the rest when they come back: {names}\n"
        ),
    };
    if let Some(command) = &reply.stop_command {
        text += &format!(
            "the service manager still listens; to stop that, too: {}\n",
            harmless(command)
        );
    }
    text
}
