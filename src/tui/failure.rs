//! How chat-client ends when it does not end well: a sentence for people and a code for scripts.

use std::io;

use crate::base::Cause;
use crate::base::tongue::say;
use crate::client::credential::CredentialError;
use crate::client::{Client, Code, ConnectError, EndingKind, Refusal};
use crate::tui::show::harmless;

/// Why the program ends.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server, or this machine, does not do it.
    #[error("{0}")]
    Refused(String),
    /// The program was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// Nobody there.
    #[error("{0}")]
    Unreachable(String),
    /// Name and password, or the token, are wrong or missing.
    #[error("{0}")]
    Credentials(String),
    /// The server does not prove to be the one that is meant.
    #[error("{0}")]
    Untrusted(String),
    /// Nobody reads what is written.
    #[error("{}", say!("cannot write the output: {}", "не удаётся вывести результат: {}", Cause(.0)))]
    Output(io::Error),
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            // Whoever reads has seen enough (`| head`): nothing went wrong.
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Refused(_) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Credentials(_) | Self::Untrusted(_) => 4,
        }
    }

    /// The same, with the room or person it is about in front.
    #[must_use]
    pub fn about(self, target: &str) -> Self {
        match self {
            Self::Refused(text) => {
                Self::Refused(say!("'{}': {text}", "«{}»: {text}", harmless(target)))
            }
            other => other,
        }
    }

    /// What the refusal of a request means, or the end of the conversation behind it.
    #[must_use]
    pub fn of(client: &Client, refusal: &Refusal) -> Self {
        let text = harmless(&refusal.text);
        match client.ending().map(|ending| ending.kind) {
            Some(EndingKind::Unreachable | EndingKind::Foreign) => Self::Unreachable(text),
            Some(EndingKind::SessionOver) => Self::Credentials(text),
            Some(EndingKind::Untrusted) => {
                let lines: Vec<_> = refusal.text.lines().map(harmless).collect();
                Self::Untrusted(lines.join("\n"))
            }
            Some(EndingKind::Refused) => Self::Refused(text),
            None => match refusal.code {
                Some(Code::BadCredentials | Code::NotLoggedIn) => Self::Credentials(text),
                _ => Self::Refused(text),
            },
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Open { .. } | CredentialError::Damaged { .. } => {
                Self::Credentials(error.to_string())
            }
            CredentialError::Io { .. } | CredentialError::PutAside { .. } => {
                Self::Refused(error.to_string())
            }
        }
    }
}
