//! The table: one row a method. It turns a call into a [`Command`] and says what of it is written down.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::base::Act;
use crate::wire::control::{self as wire, About, ControlError, Method, with_methods};

/// The parameters that are never written down.
const SECRETS: [&str; 2] = ["password", "key"];

macro_rules! commands {
    ($($name:ident,)+) => {
        /// What a caller asks for, its parameters read.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each is a method of io.chatd.Control.varlink")]
        pub enum Command {
            $($name(wire::$name),)+
        }

        impl Command {
            /// Reads a call; `name` is that of a method, without the interface.
            ///
            /// # Errors
            /// When there is no such method, or its parameters are not those that it takes.
            pub fn read(name: &str, parameters: Map<String, Value>) -> Result<Self, ControlError> {
                match name {
                    $(stringify!($name) => wire::$name::read(parameters).map(Self::$name),)+
                    _ => Err(ControlError::MethodNotFound { method: format!("{}.{name}", wire::INTERFACE) }),
                }
            }

            /// What is known of the method.
            #[must_use]
            pub fn about(&self) -> &'static About {
                match self {
                    $(Self::$name(_) => &wire::$name::ABOUT,)+
                }
            }

            pub(super) fn parameters(&self) -> Map<String, Value> {
                match self {
                    $(Self::$name(method) => method.write(),)+
                }
            }
        }
    };
}

with_methods!(commands);

impl Command {
    /// What is written down of it: the method and its parameters as JSON, without secrets. `None` for a method that
    /// only reads and for a dry run.
    #[must_use]
    pub fn act(&self) -> Option<Act> {
        let about = self.about();
        let mut parameters = self.parameters();
        for secret in SECRETS {
            parameters.remove(secret);
        }
        if !about.changes || parameters.get("dryRun") == Some(&Value::Bool(true)) {
            return None;
        }
        Some(Act::of(about.name, parameters))
    }
}

/// What a caller is told when it is done: the type that the method's row in `wire::control` names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub enum Reply {
    Done(wire::Done),
    Changed(wire::Changed),
    Status(Box<wire::DaemonStatus>),
    Shutdown(wire::ShutdownPlan),
    Reloaded(wire::Reloaded),
    LogState(wire::LogState),
    LogLines(wire::LogLines),
    LogLine(wire::LogLine),
    LogCleared(wire::LogCleared),
    Users(wire::Users),
    ShownUser(wire::ShownUser),
    InviteCreated(wire::InviteCreated),
    Invites(wire::Invites),
    Added(wire::Added),
    Cleared(wire::Cleared),
    Sessions(wire::Sessions),
    Rekeyed(wire::Rekeyed),
    Rooms(wire::Rooms),
    Names(wire::Names),
    RoomRemoved(wire::RoomRemoved),
    Members(wire::Members),
    BanSet(wire::BanSet),
    Bans(wire::Bans),
    HistoryCleared(wire::HistoryCleared),
    Reached(wire::Reached),
    Version(wire::Version),
    Exported(wire::Exported),
    ExportedUsers(wire::ExportedUsers),
    Staged(wire::Staged),
    Imported(wire::Imported),
    BackedUp(wire::BackedUp),
    Checked(wire::Checked),
    Reindexed(wire::Reindexed),
    Found(wire::Found),
    Draining(wire::Draining),
    Behind(wire::Behind),
    Stats(wire::Stats),
    Load(Box<wire::Load>),
    AuditEntries(wire::AuditEntries),
    AuditLine(wire::AuditLine),
    Diagnosis(Box<wire::Diagnosis>),
}

macro_rules! reply_from {
    ($($type:ident => $variant:ident,)+) => {
        $(
            impl From<wire::$type> for Reply {
                fn from(reply: wire::$type) -> Self {
                    Self::$variant(reply)
                }
            }
        )+
    };
}

reply_from! {
    Done => Done, Changed => Changed, ShutdownPlan => Shutdown, Reloaded => Reloaded, LogState => LogState,
    LogLines => LogLines, LogLine => LogLine, LogCleared => LogCleared, Users => Users, Added => Added,
    Cleared => Cleared, Sessions => Sessions, Rekeyed => Rekeyed, Rooms => Rooms, Names => Names, RoomRemoved => RoomRemoved, Members => Members,
    BanSet => BanSet, Bans => Bans,
    HistoryCleared => HistoryCleared, Reached => Reached, Version => Version,
    Exported => Exported, ExportedUsers => ExportedUsers, Staged => Staged, Imported => Imported, BackedUp => BackedUp,
    Checked => Checked, Reindexed => Reindexed, Found => Found,
    ShownUser => ShownUser, InviteCreated => InviteCreated, Invites => Invites,
    Draining => Draining, Behind => Behind, Stats => Stats,
    AuditEntries => AuditEntries, AuditLine => AuditLine,
}

impl From<wire::Diagnosis> for Reply {
    fn from(reply: wire::Diagnosis) -> Self {
        Self::Diagnosis(Box::new(reply))
    }
}

impl From<wire::Load> for Reply {
    fn from(load: wire::Load) -> Self {
        Self::Load(Box::new(load))
    }
}

impl From<wire::DaemonStatus> for Reply {
    fn from(status: wire::DaemonStatus) -> Self {
        Self::Status(Box::new(status))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn audit(name: &str, parameters: Value) -> Option<(&'static str, String)> {
        let command = Command::read(name, parameters.as_object().unwrap().clone());
        let act = command.unwrap().act()?;
        Some((act.method(), act.parameters()))
    }

    #[test]
    fn what_changes_something_is_written_down_without_secrets() {
        assert_eq!(
            audit(
                "AddUser",
                json!({"name": "anna", "password": "correct horse"})
            ),
            Some(("AddUser", r#"{"name":"anna"}"#.into()))
        );
        assert_eq!(
            audit("SetPassword", json!({"name": "anna", "password": "x"})),
            Some(("SetPassword", r#"{"name":"anna"}"#.into()))
        );
        assert_eq!(
            audit("Kick", json!({"user": "anna", "reason": "spam"})),
            Some(("Kick", r#"{"reason":"spam","user":"anna"}"#.into()))
        );
        assert_eq!(
            audit("Rekey", json!({"key": "AAAA"})),
            Some(("Rekey", "{}".into()))
        );
        assert_eq!(audit("Resume", json!({})), Some(("Resume", "{}".into())));
        assert_eq!(audit("Status", json!({})), None);
        assert_eq!(audit("ListAudit", json!({"user": "anna"})), None);
        assert_eq!(
            audit("ShowUser", json!({"name": "anna"})),
            Some(("ShowUser", r#"{"name":"anna"}"#.into()))
        );
        assert_eq!(audit("ClearUsers", json!({"dryRun": true})), None);
        assert_eq!(
            audit("ClearUsers", json!({"dryRun": false, "keep": ["anna"]})),
            Some(("ClearUsers", r#"{"dryRun":false,"keep":["anna"]}"#.into()))
        );
    }
}
