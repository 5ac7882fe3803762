//! A strict reader of OpenMetrics 1.0: whatever is not as the specification has it fails the test.

use std::collections::{BTreeMap, BTreeSet};

/// All samples, by their names with labels: `chatd_rooms`, `chatd_commit_seconds_bucket{le="1.0"}`.
#[derive(Debug)]
pub struct Samples {
    /// By name and labels.
    pub values: BTreeMap<String, f64>,
    /// The type of each metric.
    pub types: BTreeMap<String, String>,
}

/// A metric while its lines are read.
#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    /// Of a histogram: the bound and the count of the last bucket.
    bucket: Option<(f64, f64)>,
}

impl Samples {
    /// Reads a whole text.
    #[track_caller]
    pub fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
        let (mut family, mut seen) = (Family::default(), BTreeSet::new());
        let mut samples = Self {
            values: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        for line in body.lines() {
            assert!(!line.is_empty() && !line.ends_with(' '), "'{line}'");
            let Some(comment) = line.strip_prefix("# ") else {
                samples.sample(&mut family, line);
                continue;
            };
            let mut words = comment.splitn(3, ' ');
            let mut word = || words.next().unwrap_or_else(|| panic!("'{line}'"));
            let (what, name, text) = (word(), word(), word());
            if what == "TYPE" {
                assert!(is_name(name), "'{line}'");
                assert!(seen.insert(name.to_owned()), "{name} comes twice");
                samples.types.insert(name.to_owned(), text.to_owned());
                family = Family {
                    name: name.to_owned(),
                    kind: text.to_owned(),
                    bucket: None,
                };
                let kinds = ["counter", "gauge", "histogram", "info", "stateset"];
                assert!(kinds.contains(&text), "'{line}'");
                assert!(!name.ends_with("_total"), "'{line}'");
            }
            assert_eq!(name, family.name, "'{line}' is in another's place");
            match what {
                "TYPE" => {}
                "UNIT" => assert!(name.ends_with(&format!("_{text}")), "'{line}'"),
                "HELP" => assert!(text.ends_with('.'), "'{line}'"),
                _ => panic!("'{line}'"),
            }
        }
        samples
    }

    #[track_caller]
    fn sample(&mut self, family: &mut Family, line: &str) {
        let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("'{line}'"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("'{line}'"));
        let (name, labels) = match key.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}').expect("a label's end")),
            None => (key, ""),
        };
        let ending = name.strip_prefix(&*family.name);
        let ending = ending.unwrap_or_else(|| panic!("'{line}' is in another's place"));
        match (family.kind.as_str(), ending) {
            ("counter", "_total") => assert!(value >= 0.0, "'{line}'"),
            ("info", "_info") => assert_eq!(value, 1.0, "'{line}'"),
            ("gauge", "") => assert_eq!(labels, "", "'{line}'"),
            ("stateset", "") => {
                assert!(labels.starts_with(&format!("{name}=")), "'{line}'");
                assert!([0.0, 1.0].contains(&value), "'{line}'");
            }
            ("histogram", "_bucket") => family.count_bucket(labels, value),
            ("histogram", "_count") => {
                let (bound, count) = family.bucket.expect("buckets before");
                assert_eq!((bound, count), (f64::INFINITY, value), "'{line}'");
            }
            ("histogram", "_sum") => assert!(value >= 0.0, "'{line}'"),
            _ => panic!("'{line}' does not belong to a {}", family.kind),
        }
        if !labels.is_empty() {
            let (label, text) = labels.split_once("=\"").expect("a label");
            assert!(is_name(label) && text.ends_with('"'), "'{line}'");
        }
        let before = self.values.insert(key.to_owned(), value);
        assert!(before.is_none(), "'{key}' comes twice");
    }

    /// The value of one; 0 where there is none.
    pub fn value(&self, key: &str) -> f64 {
        self.values.get(key).copied().unwrap_or(0.0)
    }
}

impl Family {
    #[track_caller]
    fn count_bucket(&mut self, labels: &str, count: f64) {
        let bound = labels.strip_prefix("le=\"").expect("a bound");
        let bound = bound.trim_end_matches('"');
        assert!(bound.contains(['.', '+', 'e']), "{bound} has no fraction");
        let bound = match bound {
            "+Inf" => f64::INFINITY,
            bound => bound.parse().expect("a number"),
        };
        let (least, fewest) = self.bucket.unwrap_or((f64::NEG_INFINITY, 0.0));
        assert!(bound > least && count >= fewest, "{} {labels}", self.name);
        self.bucket = Some((bound, count));
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || "_0123456789".contains(letter);
    text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(is_letter)
}
