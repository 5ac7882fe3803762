//! Shows that the dashboard and the alerts that are shipped go by metrics that there are, and that those have the form that
//! OpenMetrics asks for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::samples::Samples;
use crate::support::{Daemon, Heard, ask};

const DASHBOARD: &str = "packaging/grafana-dashboard.json";
const ALERTS: &str = "packaging/prometheus-alerts.yml";

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("it is there")
}

/// The names of metrics in a text: whatever begins like one.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter| !is_part(letter));
    let is_metric = |word: &&str| word.starts_with("chatd_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

/// All expressions of the dashboard.
fn expressions() -> String {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let expressions = panels.iter().flat_map(|panel| {
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let targets = panel["targets"].as_array().expect("targets");
        targets.iter().map(|target| target.text("expr").to_owned())
    });
    let expressions: Vec<_> = expressions.collect();
    assert!(expressions.len() > panels.len());
    expressions.join("\n")
}

#[test]
fn what_is_shown_and_alerted_is_told() {
    let daemon = Daemon::start();
    // What is refused by a limit is told by the limit's name, once there is one.
    let mut anna = daemon.greet_secure();
    anna.register("anna");
    ask!(anna, "echo", text: "hello").must_be("echo");
    let text = daemon.ctl(&["stats", "--format", "openmetrics"]).done();
    let mut told: BTreeSet<String> = Samples::read(&text)
        .values
        .keys()
        .map(|key| key.split('{').next().expect("a name").to_owned())
        .collect();
    told.insert("chatd_limit_refusals_total".to_owned());
    // The certificate that chatd makes for itself has no end.
    told.insert("chatd_certificate_end_timestamp_seconds".to_owned());
    for (file, text) in [
        (DASHBOARD, expressions()),
        (ALERTS, read(ALERTS).replace("chatd_alerts", "")),
    ] {
        let names = names(&text);
        assert!(names.len() > 5, "{file}: {names:?}");
        for name in names {
            assert!(
                told.contains(&name),
                "{file} has {name}, which chatd does not tell"
            );
        }
    }
}

#[test]
fn names_are_as_open_metrics_wants_them() {
    let daemon = Daemon::start();
    let text = daemon.ctl(&["stats", "--format", "openmetrics"]).done();
    let samples = Samples::read(&text);
    for (name, kind) in &samples.types {
        assert!(
            name.starts_with("chatd_") || name.starts_with("process_"),
            "{name}"
        );
        // A unit that is in a name is its unit; times and sizes have one.
        for unit in ["seconds", "bytes"] {
            let has_unit = text.contains(&format!("# UNIT {name} {unit}\n"));
            assert_eq!(name.ends_with(&format!("_{unit}")), has_unit, "{name}");
        }
        assert_ne!(kind, "unknown", "{name}");
    }
}
