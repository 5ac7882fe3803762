//! Why a call was not done: each error with its name on the wire and a sentence for people.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::INTERFACE;
use crate::base::{InviteId, SessionId};

/// The interface that every Varlink service has.
pub const SERVICE: &str = "org.varlink.service";

macro_rules! errors {
    ($(
        $(#[doc = $doc:literal])+
        $text:literal $([$($said:tt)+])?
        $name:ident { $($(#[$about:meta])* $field:ident: $type:ty),* $(,)? } = $word:literal,
    )+) => {
        /// Why a call was not done.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
        #[serde(tag = "error", content = "parameters")]
        #[expect(missing_docs, reason = "the fields are described in io.chatd.Control.varlink")]
        pub enum ControlError {
            $(
                $(#[doc = $doc])+
                #[serde(rename = $word)]
                #[error($text $(, $($said)+)?)]
                $name { $($(#[$about])* $field: $type,)* },
            )+
            /// One that this build does not know: its name and what it says.
            #[serde(skip)]
            #[error("{message} ({name})")]
            Other { name: String, message: String },
        }

        impl ControlError {
            /// The names of all of them, in the order of the interface's description.
            pub const NAMES: &[&str] = &[$($word),+];

            /// The name on the wire, such as `io.chatd.Control.NoSuchUser`.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$name { .. } => $word,)+
                    Self::Other { name, .. } => name,
                }
            }
        }
    };
}

errors! {
    /// Nobody has the name.
    "there is no user '{name}'; {0}" [hint(.nearest, "`chatctl users` lists them")]
    NoSuchUser { name: String, #[serde(skip)] nearest: Option<String> } = "io.chatd.Control.NoSuchUser",
    /// There is no such room or conversation.
    "there is no room '{room}'; {0}" [hint(.nearest, "`chatctl rooms` lists them")]
    NoSuchRoom { room: String, #[serde(skip)] nearest: Option<String> } = "io.chatd.Control.NoSuchRoom",
    /// Whom it is about is not in the room.
    "'{user}' is not in '{room}'; `chatctl room members {room}` lists who is"
    NotAMember { user: String, room: String } = "io.chatd.Control.NotAMember",
    /// The text is no address and no network.
    "{reason}"
    BadNetwork { network: String, reason: String } = "io.chatd.Control.BadNetwork",
    /// An account cannot be imported, and so none is.
    "account {index}: {reason}"
    BadAccount { index: u64, reason: String } = "io.chatd.Control.BadAccount",
    /// There is no message of that number, or none that could be redacted.
    "there is no message {seq} in '{room}' whose text could be removed; the log may begin later or end before"
    NoSuchMessage { room: String, seq: u64 } = "io.chatd.Control.NoSuchMessage",
    /// The session has ended or never was.
    "there is no session {id}; `chatctl sessions` lists them"
    NoSuchSession { id: SessionId } = "io.chatd.Control.NoSuchSession",
    /// The invite was forgotten or never was.
    "there is no invite {id}; `chatctl invite list` lists them"
    NoSuchInvite { id: InviteId } = "io.chatd.Control.NoSuchInvite",
    /// Somebody has the name, or one that looks the same.
    "the name '{name}' is taken, or looks like one that is; choose another"
    NameTaken { name: String } = "io.chatd.Control.NameTaken",
    /// The text cannot be a name.
    "'{name}' cannot be a name: {reason}"
    BadName { name: String, reason: String } = "io.chatd.Control.BadName",
    /// The password is too short or too easy.
    "{reason}"
    WeakPassword { reason: String } = "io.chatd.Control.WeakPassword",
    /// The configuration has a mistake; the one before stays in force.
    "the configuration stays as it was: {reason}"
    BadConfiguration { reason: String } = "io.chatd.Control.BadConfiguration",
    /// Nothing can be stored at present.
    "the disk is full; make room there, chatd goes on by itself"
    StorageFull {} = "io.chatd.Control.StorageFull",
    /// Too much waits, or too many are connected to the control socket.
    "chatd has too much to do; try again in a moment"
    Busy {} = "io.chatd.Control.Busy",
    /// The daemon is stopping.
    "chatd is stopping; try again when it is back"
    ShuttingDown {} = "io.chatd.Control.ShuttingDown",
    /// What came in is no call; the connection is closed after it.
    "this is no call: {reason}"
    BadMessage { reason: String } = "io.chatd.Control.BadMessage",
    /// It could not be done.
    "{reason}"
    Failed { reason: String } = "io.chatd.Control.Failed",
    /// The service has no such interface.
    "this chatd has no interface '{interface}'"
    InterfaceNotFound { interface: String } = "org.varlink.service.InterfaceNotFound",
    /// The interface has no such method.
    "this chatd has no method '{method}'; it may be older than its caller"
    MethodNotFound { method: String } = "org.varlink.service.MethodNotFound",
    /// The method cannot be called like this.
    "'{method}' cannot be called in this way"
    MethodNotImplemented { method: String } = "org.varlink.service.MethodNotImplemented",
    /// A parameter is missing, mistyped or not known.
    "the parameter '{parameter}' is missing, cannot have this value or is not known"
    InvalidParameter { parameter: String } = "org.varlink.service.InvalidParameter",
    /// The caller may not do this.
    "not permitted; call as root, as the user that chatd runs as, or as a member of the socket's group"
    PermissionDenied {} = "org.varlink.service.PermissionDenied",
    /// The method gives a stream and was called without `more`.
    "this gives a stream; call it with `more`"
    ExpectedMore {} = "org.varlink.service.ExpectedMore",
}

/// What may have been meant, or where to look. It is told in the sentence alone.
fn hint(nearest: &Option<String>, otherwise: &str) -> String {
    match nearest {
        Some(name) => format!("did you mean '{name}'?"),
        None => otherwise.to_owned(),
    }
}

impl ControlError {
    /// Nobody has the name.
    #[must_use]
    pub fn no_such_user(name: impl Into<String>) -> Self {
        Self::NoSuchUser {
            name: name.into(),
            nearest: None,
        }
    }

    /// There is no such room or conversation.
    #[must_use]
    pub fn no_such_room(room: impl Into<String>) -> Self {
        Self::NoSuchRoom {
            room: room.into(),
            nearest: None,
        }
    }

    /// The reply that tells it: a JSON object with `error` and `parameters`, where the errors of this interface have
    /// the sentence for people as `message`.
    #[must_use]
    pub fn encode(&self) -> Value {
        if let Self::Other { name, message } = self {
            return json!({ "error": name, "parameters": { "message": message } });
        }
        let mut reply = serde_json::to_value(self).unwrap_or_default();
        if self.name().starts_with(INTERFACE) {
            reply["parameters"]["message"] = self.to_string().into();
        }
        reply
    }

    /// Reads an error as it came in.
    #[must_use]
    pub fn decode(name: &str, parameters: Map<String, Value>) -> Self {
        let message = match parameters.get("message").and_then(Value::as_str) {
            Some(message) => message.to_owned(),
            None => "chatd answers with an error that this program does not know".to_owned(),
        };
        serde_json::from_value(json!({ "error": name, "parameters": parameters })).unwrap_or(
            Self::Other {
                name: name.to_owned(),
                message,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_read_as_written_with_its_sentence_beside_it() {
        for error in [
            ControlError::no_such_user("anna"),
            ControlError::StorageFull {},
            ControlError::PermissionDenied {},
            ControlError::InvalidParameter {
                parameter: "x".into(),
            },
        ] {
            let reply = error.encode();
            let name = reply["error"].as_str().unwrap();
            assert_eq!(name, error.name());
            let parameters = reply["parameters"].as_object().unwrap().clone();
            assert_eq!(
                parameters.contains_key("message"),
                name.starts_with(INTERFACE)
            );
            assert_eq!(ControlError::decode(name, parameters), error);
        }
        // What may have been meant is in the sentence, for callers of any kind.
        let meant = ControlError::NoSuchUser {
            name: "anan".into(),
            nearest: Some("anna".into()),
        };
        assert_eq!(
            meant.encode(),
            json!({ "error": "io.chatd.Control.NoSuchUser", "parameters": {
                "name": "anan", "message": "there is no user 'anan'; did you mean 'anna'?"
            } })
        );
        let later = ControlError::decode("io.chatd.Control.Moon", Map::new());
        assert_eq!(later.name(), "io.chatd.Control.Moon");
        assert!(later.to_string().contains("does not know"), "{later}");
    }
}
