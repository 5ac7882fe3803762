//! What the audit log keeps: who did what, with what, and how it came out. The same for whoever acts: an admin on the
//! control socket, somebody with a client, or chatd itself. Where it is kept is the store's business.

use serde_json::{Map, Value};

use super::{Timestamp, UserId};

/// Characters of a text in an entry; the rest of a longer one is left out. An announcement may have 8 192 bytes, and
/// what matters is that it was made.
const TEXT_CHARS_MAX: usize = 256;
/// Elements of a list in an entry. `clear-users` may keep thousands of names.
const LIST_MAX: usize = 32;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever called on the control socket.
    Control {
        /// Their user id on this machine.
        uid: u32,
        /// Their process; 0 when it cannot be known.
        pid: i32,
    },
    /// Who has this account, with a client.
    User(UserId),
    /// chatd itself: when it starts and stops, and at a signal.
    Daemon,
}

/// What is done, and with what. Secrets are never put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    method: &'static str,
    parameters: Map<String, Value>,
}

impl Act {
    /// Something by the name of the control socket's method that does the same, such as `Kick`.
    #[must_use]
    pub fn new(method: &'static str) -> Self {
        Self::of(method, Map::new())
    }

    /// The same with all its parameters. What is too long is cut.
    #[must_use]
    pub fn of(method: &'static str, parameters: Map<String, Value>) -> Self {
        let short = |(name, value)| (name, shortened(value));
        Self {
            method,
            parameters: parameters.into_iter().map(short).collect(),
        }
    }

    /// With this parameter, under the name that it has on the control socket.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.parameters
            .insert(name.to_owned(), shortened(value.into()));
        self
    }

    /// Without this parameter.
    #[must_use]
    pub fn but(&self, name: &str) -> Self {
        let mut act = self.clone();
        act.parameters.remove(name);
        act
    }

    /// A parameter that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.parameters.get(name)?.as_str()
    }

    /// What is done.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// The parameters as JSON.
    #[must_use]
    pub fn parameters(&self) -> String {
        Value::Object(self.parameters.clone()).to_string()
    }

    /// The entry about it. `outcome` is [`DONE`], or the name of the error.
    #[must_use]
    pub fn record(&self, at: Timestamp, actor: Actor, outcome: &str) -> AuditRecord {
        AuditRecord {
            at,
            actor,
            method: self.method.to_owned(),
            parameters: self.parameters(),
            outcome: outcome.to_owned(),
        }
    }
}

/// The outcome of what was done.
pub const DONE: &str = "ok";

/// An entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When it was over.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done, such as `ClearUsers`.
    pub method: String,
    /// With what, as JSON, without secrets.
    pub parameters: String,
    /// [`DONE`], or the name of the error.
    pub outcome: String,
}

/// An entry as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number. The first entry that was ever made has 1, and none is left out.
    pub number: u64,
    /// What it says.
    pub record: AuditRecord,
}

fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(TEXT_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]).into(),
            None => Value::String(text),
        },
        Value::Array(list) => {
            let more = list.len().saturating_sub(LIST_MAX);
            let mut list: Vec<_> = list.into_iter().take(LIST_MAX).map(shortened).collect();
            if more > 0 {
                list.push(format!("… and {more} more").into());
            }
            list.into()
        }
        // No method takes more than one object within another.
        Value::Object(object) => object
            .into_iter()
            .map(|(name, value)| (name, shortened(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_act_is_told_with_its_parameters() {
        let act = Act::new("Kick").with("user", "anna").with("seq", 7);
        let record = act.record(Timestamp(5), Actor::User(UserId(3)), DONE);
        assert_eq!(
            (&*record.method, &*record.parameters, &*record.outcome),
            ("Kick", r#"{"seq":7,"user":"anna"}"#, "ok")
        );
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let names: Vec<_> = (0..40).map(|at| format!("user{at}")).collect();
        let act = Act::new("ClearUsers")
            .with("keep", names)
            .with("text", "щ".repeat(5_000));
        let parameters: Value = serde_json::from_str(&act.parameters()).unwrap();
        assert_eq!(parameters["keep"][31], "user31");
        assert_eq!(parameters["keep"][32], "… and 8 more");
        assert_eq!(parameters["text"], format!("{}…", "щ".repeat(256)));
        let whole = Act::new("Announce").with("text", "щ".repeat(256));
        assert!(!whole.parameters().contains('…'));
        let nested = Act::new("X").with("user", json!({ "name": "x".repeat(300) }));
        assert!(nested.parameters().len() < 300);
    }
}
