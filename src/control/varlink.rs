//! Varlink: JSON objects, each ended by a NUL byte, and the questions that every such service answers about itself.
//! Does no I/O.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::Command;
use crate::wire::SOFTWARE;
use crate::wire::control::{ControlError, INTERFACE, SERVICE};

/// The longest call in bytes. The longest that makes sense keeps some thousand names in `ClearUsers`.
pub const MESSAGE_BYTES_MAX: usize = 262_144;
/// The longest reply in bytes: a list of some 300 000 sessions. Beyond that the caller has to ask for less.
pub const REPLY_BYTES_MAX: usize = 67_108_864;

/// The interfaces and their descriptions.
const INTERFACES: [(&str, &str); 2] = [
    (SERVICE, include_str!("org.varlink.service.varlink")),
    (INTERFACE, include_str!("io.chatd.Control.varlink")),
];

/// Finds the messages in bytes that come in any portions.
#[derive(Debug, Default)]
pub struct Inbox {
    bytes: Vec<u8>,
    /// How many of them are known to have no end of a message.
    searched: usize,
}

impl Inbox {
    /// Takes in what has come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes one message without its NUL; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When it is longer than [`MESSAGE_BYTES_MAX`]; what follows cannot be read either.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, ControlError> {
        let end = self.bytes[self.searched..]
            .iter()
            .position(|byte| *byte == 0)
            .map(|place| self.searched + place);
        if end.unwrap_or(self.bytes.len()) > MESSAGE_BYTES_MAX {
            return Err(ControlError::BadMessage {
                reason: format!("it is longer than {MESSAGE_BYTES_MAX} bytes"),
            });
        }
        let Some(end) = end else {
            self.searched = self.bytes.len();
            return Ok(None);
        };
        let rest = self.bytes.split_off(end + 1);
        let mut message = std::mem::replace(&mut self.bytes, rest);
        message.pop();
        self.searched = 0;
        Ok(Some(message))
    }

    /// Whether nothing waits to be taken, not even the beginning of a message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether nothing more may come before something is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() > MESSAGE_BYTES_MAX
    }
}

/// A call as it stands in a message. Fields that are not known are passed over.
#[derive(Deserialize)]
pub struct Incoming {
    method: String,
    #[serde(default)]
    parameters: Option<Parameters>,
    /// The caller takes many replies.
    #[serde(default)]
    pub(super) more: Option<bool>,
    /// The caller wants no reply.
    #[serde(default)]
    pub(super) oneway: Option<bool>,
    #[serde(default)]
    upgrade: Option<bool>,
}

/// The parameters of a call. One that comes twice is refused: whoever looks at a call before us may go by the other one.
#[derive(Default)]
struct Parameters(Map<String, Value>);

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;

        impl<'de> Visitor<'de> for Once {
            type Value = Parameters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Parameters, A::Error> {
                let mut parameters = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if parameters.contains_key(&name) {
                        return Err(A::Error::custom("a parameter comes twice"));
                    }
                    parameters.insert(name, value);
                }
                Ok(Parameters(parameters))
            }
        }

        deserializer.deserialize_map(Once)
    }
}

/// What a call comes to.
#[derive(Debug)]
pub enum Called {
    /// The answer to a question about the service.
    Answer(Value),
    /// Something for the daemon.
    Command(Command),
}

impl Incoming {
    /// Reads one message.
    ///
    /// # Errors
    /// When it is no call.
    pub fn parse(message: &[u8]) -> Result<Self, ControlError> {
        serde_json::from_slice(message).map_err(|error| ControlError::BadMessage {
            reason: format!(
                "it has to be a JSON object with a `method` and to end with a NUL byte ({error})"
            ),
        })
    }

    /// What is called, with its parameters.
    ///
    /// # Errors
    /// When there is no such method, or it cannot be called like this.
    pub fn read(self) -> Result<Called, ControlError> {
        let Some((interface, name)) = self.method.rsplit_once('.') else {
            return Err(ControlError::MethodNotFound {
                method: self.method,
            });
        };
        let Parameters(parameters) = self.parameters.unwrap_or_default();
        let called = match interface {
            INTERFACE => Command::read(name, parameters).map(Called::Command),
            SERVICE => about_service(name, parameters).map(Called::Answer),
            _ => Err(ControlError::InterfaceNotFound {
                interface: interface.to_owned(),
            }),
        }?;
        if self.upgrade == Some(true) {
            return Err(ControlError::MethodNotImplemented {
                method: self.method,
            });
        }
        match &called {
            Called::Command(command) if command.about().streams && self.more != Some(true) => {
                Err(ControlError::ExpectedMore {})
            }
            _ => Ok(called),
        }
    }
}

fn about_service(name: &str, parameters: Map<String, Value>) -> Result<Value, ControlError> {
    let known: &[&str] = match name {
        "GetInfo" => &[],
        "GetInterfaceDescription" => &["interface"],
        _ => {
            let method = format!("{SERVICE}.{name}");
            return Err(ControlError::MethodNotFound { method });
        }
    };
    let invalid = |parameter: &str| ControlError::InvalidParameter {
        parameter: parameter.to_owned(),
    };
    if let Some(unknown) = parameters
        .keys()
        .find(|name| !known.contains(&name.as_str()))
    {
        return Err(invalid(unknown));
    }
    if known.is_empty() {
        return Ok(info());
    }
    let wanted = parameters
        .get("interface")
        .and_then(Value::as_str)
        .ok_or_else(|| invalid("interface"))?;
    match INTERFACES.iter().find(|(name, _)| *name == wanted) {
        Some((_, description)) => Ok(json!({ "description": description })),
        None => Err(ControlError::InterfaceNotFound {
            interface: wanted.to_owned(),
        }),
    }
}

fn info() -> Value {
    json!({
        "vendor": "chatd",
        "product": "chatd",
        "version": SOFTWARE,
        "url": env!("CARGO_PKG_HOMEPAGE"),
        "interfaces": INTERFACES.map(|(name, _)| name),
    })
}

/// A message with the reply to a call; `continues` when more are to follow.
pub(super) fn reply(parameters: &impl Serialize, continues: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct Outgoing<'a, P> {
        parameters: &'a P,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        continues: bool,
    }
    let message = message(&Outgoing {
        parameters,
        continues,
    });
    if message.len() > REPLY_BYTES_MAX {
        return error(&ControlError::Failed {
            reason: format!("the reply would be longer than {REPLY_BYTES_MAX} bytes; ask for less"),
        });
    }
    message
}

/// A message that says why a call was not done.
#[must_use]
pub fn error(error: &ControlError) -> Vec<u8> {
    message(&error.encode())
}

fn message(object: &impl Serialize) -> Vec<u8> {
    // Only maps with keys that are no texts cannot be written; there are none here.
    let mut message = serde_json::to_vec(object).unwrap_or_default();
    message.push(0);
    message
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn however_the_bytes_are_split_the_messages_are_the_same(
            texts in prop::collection::vec("[a-z]{0,20}", 0..10),
            portion in 1_usize..30,
        ) {
            let bytes: Vec<u8> = texts.iter().flat_map(|text| text.bytes().chain([0])).collect();
            let (mut inbox, mut messages) = (Inbox::default(), Vec::new());
            for portion in bytes.chunks(portion) {
                inbox.push(portion);
                while let Some(message) = inbox.take().unwrap() {
                    messages.push(String::from_utf8(message).unwrap());
                }
            }
            prop_assert_eq!(messages, texts);
            prop_assert!(inbox.is_empty());
        }
    }

    #[test]
    fn a_message_that_is_too_long_is_refused_with_and_without_its_end() {
        let mut inbox = Inbox::default();
        inbox.push(&vec![b' '; MESSAGE_BYTES_MAX]);
        assert_eq!(inbox.take(), Ok(None));
        inbox.push(&[0]);
        assert_eq!(
            inbox.take().unwrap().map(|message| message.len()),
            Some(MESSAGE_BYTES_MAX)
        );
        for end in [b' ', 0] {
            let mut inbox = Inbox::default();
            inbox.push(&vec![b' '; MESSAGE_BYTES_MAX + 1]);
            inbox.push(&[end]);
            assert!(inbox.take().is_err());
        }
    }
}
