//! Everything that is counted and measured, put together when somebody asks: what the threads have counted, and what is
//! seen by looking at engine, workers, disk and process.

use std::time::Duration;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

use super::admin::Admin;
use super::clock::wall;
use super::show::database_bytes;
use crate::base::Limits;
use crate::base::metrics::{self, About, COUNTERS, Counter, Distribution, MEASURES, Totals};
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::wire::control::{
    Bucket, ControlError, Histogram, Label, Metric, MetricKind, Number, Sample, State, Stats,
};

impl Admin {
    /// All of it.
    pub async fn stats(&self) -> Result<Stats, ControlError> {
        let totals = metrics::totals();
        let mut list = vec![info()];
        list.extend(self.seen(&totals).await?);
        list.extend(counters(&totals));
        let measures = MEASURES.iter().zip(&totals.measures);
        list.extend(measures.map(|((about, bounds), seen)| measure(about, bounds, seen)));
        list.extend(process());
        Ok(Stats {
            at: wall(),
            metrics: list,
        })
    }

    /// What is so at the moment.
    async fn seen(&self, totals: &Totals) -> Result<Vec<Metric>, ControlError> {
        let Outcome::Counts {
            users,
            sessions,
            rooms,
            online,
            logged_in,
            messages,
        } = self.ask(Ask::Counts).await?
        else {
            return Ok(Vec::new());
        };
        let fault = match self.ask(Ask::Glance).await? {
            Outcome::Glance { fault, .. } => fault,
            _ => None,
        };
        let lagging = self.lagging(0).await;
        let config = self.settings.config();
        let (database, log) = database_bytes(&config);
        let waiting = |begun, done| totals.count(begun).saturating_sub(totals.count(done));
        let mut list = vec![
            state(self.state.get()),
            gauge(
                "chatd_storage_faulty",
                "",
                "1 while what is to be stored cannot be.",
                f64::from(u8::from(fault.is_some())),
            ),
            number(
                "chatd_connections",
                "Connections.",
                self.doors.connections() as u64,
            ),
            number(
                "chatd_strangers",
                "Connections that nobody has logged in on.",
                self.doors.strangers() as u64,
            ),
            number(
                "chatd_connections_logged_in",
                "Connections that somebody has logged in on.",
                logged_in,
            ),
            number("chatd_users_online", "People who are connected.", online),
            number("chatd_users", "Accounts.", users),
            number("chatd_sessions", "Sessions.", sessions),
            number("chatd_rooms", "Rooms.", rooms),
            number("chatd_messages", "Messages in the store.", messages),
            number(
                "chatd_readers_behind",
                "Connections that have not taken everything that was said.",
                lagging.count,
            ),
            number(
                "chatd_messages_behind",
                "Messages that wait for all of these.",
                lagging.messages,
            ),
            number(
                "chatd_writes_waiting",
                "Messages and changes that wait for the writer.",
                waiting(Counter::WritesBegun, Counter::WritesDone),
            ),
            number(
                "chatd_passwords_waiting",
                "Passwords that wait to be hashed.",
                waiting(Counter::PasswordsBegun, Counter::PasswordsDone),
            ),
            gauge(
                "chatd_database_bytes",
                "bytes",
                "The database on the disk.",
                database as f64,
            ),
            gauge(
                "chatd_wal_bytes",
                "bytes",
                "Its write-ahead log on the disk.",
                log as f64,
            ),
        ];
        let certificate = self.settings.certificate().status(wall());
        if let Some(end) = certificate.expires_at {
            list.push(gauge(
                "chatd_certificate_end_timestamp_seconds",
                "seconds",
                "When the certificate ends, since 1970.",
                end.0 as f64 / 1e3,
            ));
        }
        Ok(list)
    }
}

fn metric(name: &str, kind: MetricKind, unit: &str, help: &str, samples: Vec<Sample>) -> Metric {
    Metric {
        name: name.to_owned(),
        kind,
        unit: (!unit.is_empty()).then(|| unit.to_owned()),
        help: help.to_owned(),
        samples,
    }
}

fn sample(label: (&str, &str), value: f64) -> Sample {
    let (name, text) = label;
    Sample {
        label: (!name.is_empty()).then(|| Label {
            name: name.to_owned(),
            value: text.to_owned(),
        }),
        value: Some(Number(value)),
        histogram: None,
    }
}

fn gauge(name: &str, unit: &str, help: &str, value: f64) -> Metric {
    let samples = vec![sample(("", ""), value)];
    metric(name, MetricKind::Gauge, unit, help, samples)
}

fn number(name: &str, help: &str, value: u64) -> Metric {
    gauge(name, "", help, value as f64)
}

fn info() -> Metric {
    let version = sample(("version", env!("CARGO_PKG_VERSION")), 1.0);
    metric(
        "chatd_build",
        MetricKind::Info,
        "",
        "The version of chatd.",
        vec![version],
    )
}

fn state(state: State) -> Metric {
    let is = |word: &&str| f64::from(u8::from(*word == state.word()));
    let samples = State::WORDS
        .iter()
        .map(|word| sample(("chatd_state", word), is(word)));
    metric(
        "chatd_state",
        MetricKind::StateSet,
        "",
        "What the daemon is at.",
        samples.collect(),
    )
}

/// Those of one name together, and what was refused by the names of the limits.
fn counters(totals: &Totals) -> Vec<Metric> {
    let mut list: Vec<Metric> = Vec::new();
    for (about, count) in COUNTERS.iter().zip(&totals.counters) {
        let name = format!("chatd_{}", about.name);
        let sample = sample(about.label, *count as f64);
        match list.last_mut().filter(|last| last.name == name) {
            Some(last) => last.samples.push(sample),
            None => list.push(metric(
                &name,
                MetricKind::Counter,
                about.unit,
                about.help,
                vec![sample],
            )),
        }
    }
    let limits = Limits::NAMES.iter().zip(&totals.limits);
    let limits = limits.filter(|(_, count)| **count > 0);
    let samples: Vec<_> = limits
        .map(|(limit, count)| sample(("limit", limit), *count as f64))
        .collect();
    list.push(metric(
        "chatd_limit_refusals",
        MetricKind::Counter,
        "",
        "Requests that were refused by a limit, by its name.",
        samples,
    ));
    list
}

fn measure(about: &About, bounds: &[u64], seen: &Distribution) -> Metric {
    let in_unit = |value: u64| match about.unit {
        "seconds" => Duration::from_nanos(value).as_secs_f64(),
        _ => value as f64,
    };
    let mut count = 0;
    let buckets = bounds.iter().zip(&seen.buckets).map(|(bound, in_bucket)| {
        count += in_bucket;
        Bucket {
            up_to: Number(in_unit(*bound)),
            count,
        }
    });
    let histogram = Histogram {
        buckets: buckets.collect(),
        count: seen.count(),
        sum: Number(in_unit(seen.sum)),
    };
    let samples = vec![Sample {
        histogram: Some(histogram),
        ..Sample::default()
    }];
    let name = format!("chatd_{}", about.name);
    metric(
        &name,
        MetricKind::Histogram,
        about.unit,
        about.help,
        samples,
    )
}

/// The usual names, which dashboards know.
fn process() -> Vec<Metric> {
    let cpu = vec![sample(("", ""), cpu_time().as_secs_f64())];
    let mut list = vec![
        metric(
            "process_cpu_seconds",
            MetricKind::Counter,
            "seconds",
            "Time of processors that was used.",
            cpu,
        ),
        gauge(
            "process_resident_memory_bytes",
            "bytes",
            "Memory that is occupied.",
            memory_bytes() as f64,
        ),
    ];
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        // One is open to look.
        let open = open.count().saturating_sub(1);
        list.push(number("process_open_fds", "Open files.", open as u64));
    }
    if let Ok((most, _)) = getrlimit(Resource::RLIMIT_NOFILE) {
        list.push(number("process_max_fds", "Open files at most.", most));
    }
    list
}

/// The time of processors that the daemon has used.
pub(super) fn cpu_time() -> Duration {
    let used = getrusage(UsageWho::RUSAGE_SELF);
    used.map_or(Duration::ZERO, |used| {
        [used.user_time(), used.system_time()]
            .into_iter()
            .map(|time| {
                let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
                Duration::from_secs(seconds) + Duration::from_micros(micros)
            })
            .sum()
    })
}

/// The memory that it occupies; 0 where there is no telling.
pub(super) fn memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}
