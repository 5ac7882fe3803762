//! What was met in all these lives: which inputs of the engine led to which effects, which errors were told, which events
//! the clients had. A kind that never occurs is one of which the simulation shows nothing.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Write as _};

use super::server::limits;
use crate::base::limit::FRAME_BYTES_MAX;
use crate::engine::effect::{Effect, News};
use crate::engine::input::Input;

/// What may wait for one connection: `outbox_bytes`, the answer to one request more, and what was read from the store at
/// once. How much that is depends on the texts, which are short here.
const OUTBOX_SLACK: usize = 2 * FRAME_BYTES_MAX;

#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Effects by input.
    effects: BTreeMap<String, BTreeMap<String, u64>>,
    /// Everything else, by what it is: `refusal`, `event`, `request`, `life`.
    others: BTreeMap<&'static str, BTreeMap<String, u64>>,
    pub outbox_bytes: usize,
}

/// The name of a variant, without the trouble of writing down what is in it.
pub fn kind(value: &impl Debug) -> String {
    struct Head(String);
    impl fmt::Write for Head {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = text.find(|letter: char| !letter.is_alphanumeric());
            self.0.push_str(&text[..end.unwrap_or(text.len())]);
            end.map_or(Ok(()), |_| Err(fmt::Error))
        }
    }
    let mut head = Head(String::new());
    let _ = write!(head, "{value:?}");
    head.0
}

impl Seen {
    pub fn input(&mut self, input: &Input) -> String {
        let of = |kinds: &str, kind: String| format!("{kinds}:{kind}");
        match input {
            Input::Request { request, .. } => of("Request", kind(request)),
            Input::Call { command, .. } => of("Call", kind(command)),
            Input::Stored(outcomes) => {
                for (_, outcome) in outcomes {
                    self.count("outcome", kind(outcome));
                }
                match &outcomes[..] {
                    [(_, outcome)] => of("Stored", kind(outcome)),
                    _ => "Stored:many".into(),
                }
            }
            Input::NotStored { fault, .. } => of("NotStored", kind(fault)),
            Input::Password { outcome, .. } => of("Password", kind(outcome)),
            input => kind(input),
        }
    }

    pub fn effects(&mut self, input: &str, effects: &[Effect]) {
        for effect in effects {
            let what = match effect {
                Effect::Tell { news, .. } | Effect::Signal { news, .. } => {
                    if let News::Refused(refusal) = news {
                        self.count("refusal", kind(refusal));
                    }
                    format!("{}:{}", kind(effect), kind(news))
                }
                Effect::Close { bye, .. } => format!("Close:{}", kind(&bye.reason)),
                Effect::Query { query, .. } => format!("Query:{}", kind(query)),
                effect => kind(effect),
            };
            let row = match self.effects.get_mut(input) {
                Some(row) => row,
                None => self.effects.entry(input.to_owned()).or_default(),
            };
            *row.entry(what).or_default() += 1;
        }
        if effects.is_empty() {
            let row = self.effects.entry(input.to_owned()).or_default();
            *row.entry("nothing".into()).or_default() += 1;
        }
    }

    pub fn count(&mut self, list: &'static str, what: String) {
        let list = self.others.entry(list).or_default();
        *list.entry(what).or_default() += 1;
    }

    pub fn outbox(&mut self, unsent: usize) {
        self.outbox_bytes = self.outbox_bytes.max(unsent);
        let most = limits().outbox_bytes as usize + OUTBOX_SLACK;
        assert!(unsent <= most, "{unsent} bytes wait for a connection");
    }

    pub fn add(&mut self, other: Self) {
        for (input, row) in other.effects {
            let own = self.effects.entry(input).or_default();
            for (what, count) in row {
                *own.entry(what).or_default() += count;
            }
        }
        for (list, row) in other.others {
            let own = self.others.entry(list).or_default();
            for (what, count) in row {
                *own.entry(what).or_default() += count;
            }
        }
        self.outbox_bytes = self.outbox_bytes.max(other.outbox_bytes);
    }

    /// Kinds by list, `input` and `effect` among them.
    pub fn kinds(&self, list: &str) -> BTreeMap<String, u64> {
        let mut kinds = BTreeMap::<String, u64>::new();
        match list {
            "input" => {
                let rows = self.effects.iter();
                kinds.extend(rows.map(|(input, row)| (input.clone(), row.values().sum())));
            }
            "effect" => {
                for (what, count) in self.effects.values().flatten() {
                    *kinds.entry(what.clone()).or_default() += count;
                }
            }
            list => kinds.extend(self.others.get(list).cloned().unwrap_or_default()),
        }
        kinds
    }

    /// How many pairs of an input and an effect were met.
    pub fn pairs(&self) -> usize {
        self.effects.values().map(BTreeMap::len).sum()
    }

    /// The whole table, for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (input, row) in &self.effects {
            let row: Vec<_> = row
                .iter()
                .map(|(what, count)| format!("{what} {count}"))
                .collect();
            let _ = writeln!(text, "{input} → {}", row.join(", "));
        }
        for (list, row) in &self.others {
            let row: Vec<_> = row
                .iter()
                .map(|(what, count)| format!("{what} {count}"))
                .collect();
            let _ = writeln!(text, "{list}: {}", row.join(", "));
        }
        let _ = write!(
            text,
            "most bytes that waited for one: {}",
            self.outbox_bytes
        );
        text
    }
}
