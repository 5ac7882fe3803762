//! What is counted and measured as text: OpenMetrics 1.0, and the text format 0.0.4 that came before it. Reads nothing and
//! decides nothing; what there is comes from the daemon.

use std::fmt::Write as _;

use super::control::{Histogram, Metric, MetricKind, Sample, Stats};

/// Which of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The text format of Prometheus, version 0.0.4.
    Plain,
}

impl Format {
    /// What it is called where a type is asked for.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Everything as text.
#[must_use]
pub fn encode(stats: &Stats, format: Format) -> String {
    let mut text = String::new();
    for metric in &stats.metrics {
        head(&mut text, metric, format);
        for sample in &metric.samples {
            samples(&mut text, metric, sample);
        }
    }
    if format == Format::OpenMetrics {
        text.push_str("# EOF\n");
    }
    text
}

/// Writing to a `String` cannot fail.
fn head(text: &mut String, metric: &Metric, format: Format) {
    let Metric {
        name, kind, help, ..
    } = metric;
    let help = help
        .replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"");
    match format {
        Format::OpenMetrics => {
            let _ = writeln!(text, "# TYPE {name} {kind}");
            if let Some(unit) = &metric.unit {
                let _ = writeln!(text, "# UNIT {name} {unit}");
            }
            let _ = writeln!(text, "# HELP {name} {help}");
        }
        Format::Plain => {
            let kind = match kind {
                MetricKind::Info | MetricKind::StateSet => MetricKind::Gauge,
                kind => *kind,
            };
            let name = sample_name(metric);
            // Quotation marks stand for themselves there.
            let help = help.replace("\\\"", "\"");
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        }
    }
}

fn sample_name(metric: &Metric) -> String {
    let ending = match metric.kind {
        MetricKind::Counter => "_total",
        MetricKind::Info => "_info",
        MetricKind::Gauge | MetricKind::Histogram | MetricKind::StateSet => "",
    };
    format!("{}{ending}", metric.name)
}

fn samples(text: &mut String, metric: &Metric, sample: &Sample) {
    let name = sample_name(metric);
    if let Some(histogram) = &sample.histogram {
        return buckets(text, &name, histogram);
    }
    let value = sample.value.unwrap_or_default().0;
    let _ = match &sample.label {
        Some(label) => {
            let escaped = label
                .value
                .replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace('"', "\\\"");
            writeln!(text, "{name}{{{}=\"{escaped}\"}} {value}", label.name)
        }
        None => writeln!(text, "{name} {value}"),
    };
}

fn buckets(text: &mut String, name: &str, histogram: &Histogram) {
    for bucket in &histogram.buckets {
        // With a fraction always: `le` is a text, and "1" would be another one than "1.0".
        let _ = writeln!(
            text,
            "{name}_bucket{{le=\"{:?}\"}} {}",
            bucket.up_to.0, bucket.count
        );
    }
    let (count, sum) = (histogram.count, histogram.sum.0);
    let _ = writeln!(
        text,
        "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_count {count}\n{name}_sum {sum}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::wire::control::{Bucket, Label, Number};

    fn stats() -> Stats {
        let one = |value| Sample {
            value: Some(Number(value)),
            ..Sample::default()
        };
        let labelled = |name: &str, text: &str, value| Sample {
            label: Some(Label {
                name: name.into(),
                value: text.into(),
            }),
            ..one(value)
        };
        let metric = |name: &str, kind, unit: Option<&str>, help: &str, samples| Metric {
            name: name.into(),
            kind,
            unit: unit.map(str::to_owned),
            help: help.into(),
            samples,
        };
        let bucket = |up_to, count| Bucket {
            up_to: Number(up_to),
            count,
        };
        let histogram = Histogram {
            count: 5,
            sum: Number(12.5),
            buckets: vec![bucket(0.0001, 1), bucket(1.0, 3)],
        };
        Stats {
            at: Timestamp(0),
            metrics: vec![
                metric(
                    "chatd_build",
                    MetricKind::Info,
                    None,
                    "The \"version\".",
                    vec![labelled("version", "0.1\\\"\n", 1.0)],
                ),
                metric(
                    "chatd_sent_bytes",
                    MetricKind::Counter,
                    Some("bytes"),
                    "Sent.",
                    vec![one(7.0)],
                ),
                metric(
                    "chatd_state",
                    MetricKind::StateSet,
                    None,
                    "State.",
                    vec![labelled("chatd_state", "serving", 1.0)],
                ),
                metric(
                    "chatd_commit_seconds",
                    MetricKind::Histogram,
                    Some("seconds"),
                    "Commits.",
                    vec![Sample {
                        histogram: Some(histogram),
                        ..Sample::default()
                    }],
                ),
            ],
        }
    }

    #[test]
    fn as_open_metrics() {
        insta::assert_snapshot!(encode(&stats(), Format::OpenMetrics), @r#"
        # TYPE chatd_build info
        # HELP chatd_build The \"version\".
        chatd_build_info{version="0.1\\\"\n"} 1
        # TYPE chatd_sent_bytes counter
        # UNIT chatd_sent_bytes bytes
        # HELP chatd_sent_bytes Sent.
        chatd_sent_bytes_total 7
        # TYPE chatd_state stateset
        # HELP chatd_state State.
        chatd_state{chatd_state="serving"} 1
        # TYPE chatd_commit_seconds histogram
        # UNIT chatd_commit_seconds seconds
        # HELP chatd_commit_seconds Commits.
        chatd_commit_seconds_bucket{le="0.0001"} 1
        chatd_commit_seconds_bucket{le="1.0"} 3
        chatd_commit_seconds_bucket{le="+Inf"} 5
        chatd_commit_seconds_count 5
        chatd_commit_seconds_sum 12.5
        # EOF
        "#);
    }

    #[test]
    fn as_it_was_before() {
        insta::assert_snapshot!(encode(&stats(), Format::Plain), @r#"
        # HELP chatd_build_info The "version".
        # TYPE chatd_build_info gauge
        chatd_build_info{version="0.1\\\"\n"} 1
        # HELP chatd_sent_bytes_total Sent.
        # TYPE chatd_sent_bytes_total counter
        chatd_sent_bytes_total 7
        # HELP chatd_state State.
        # TYPE chatd_state gauge
        chatd_state{chatd_state="serving"} 1
        # HELP chatd_commit_seconds Commits.
        # TYPE chatd_commit_seconds histogram
        chatd_commit_seconds_bucket{le="0.0001"} 1
        chatd_commit_seconds_bucket{le="1.0"} 3
        chatd_commit_seconds_bucket{le="+Inf"} 5
        chatd_commit_seconds_count 5
        chatd_commit_seconds_sum 12.5
        "#);
    }
}
