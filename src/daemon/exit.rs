//! Why chatd ends other than in order: a text for people, a code for scripts (sysexits.h).

use std::path::Path;

use nix::errno::Errno;
use nix::unistd::AccessFlags;

use crate::store::StoreError;

/// Why the daemon does not serve, and the exit code for it (sysexits.h).
#[derive(Debug)]
pub(super) struct Exit {
    pub code: u8,
    pub text: String,
}

impl Exit {
    /// Of the command that has started a daemon which does not serve.
    pub const NOT_SERVING: u8 = 1;
    pub const USAGE: u8 = 64;
    pub const UNAVAILABLE: u8 = 69;
    pub const SOFTWARE: u8 = 70;
    pub const OS: u8 = 71;
    pub const CANT_CREATE: u8 = 73;
    pub const IO: u8 = 74;
    pub const NO_PERMISSION: u8 = 77;
    pub const CONFIG: u8 = 78;

    pub fn config(text: String) -> Self {
        Self {
            code: Self::CONFIG,
            text,
        }
    }

    /// The system has nothing left for another thread, socket or queue.
    pub fn no_thread(error: &std::io::Error) -> Self {
        Self {
            code: Self::OS,
            text: format!("the system has no thread or other resource left for chatd: {error}"),
        }
    }

    /// The exit code follows from what the system said.
    pub fn io(text: String, error: &std::io::Error, otherwise: u8) -> Self {
        let code = match error.kind() {
            std::io::ErrorKind::PermissionDenied => Self::NO_PERMISSION,
            std::io::ErrorKind::AddrInUse => Self::UNAVAILABLE,
            _ => otherwise,
        };
        Self { code, text }
    }
}

impl Exit {
    /// Why the state folder cannot be used.
    pub fn state(state_dir: &Path, error: StoreError) -> Self {
        let there = state_dir.ancestors().find(|folder| folder.is_dir());
        let denied = there.is_some_and(|folder| {
            nix::unistd::access(folder, AccessFlags::W_OK | AccessFlags::X_OK) == Err(Errno::EACCES)
        });
        let exit = Self::from(error);
        match exit.code {
            Self::IO if denied => Self {
                code: Self::NO_PERMISSION,
                ..exit
            },
            Self::IO if !state_dir.is_dir() => Self {
                code: Self::CANT_CREATE,
                ..exit
            },
            _ => exit,
        }
    }
}

impl From<StoreError> for Exit {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Locked { .. } => Self::UNAVAILABLE,
            StoreError::Newer { .. } | StoreError::Foreign { .. } | StoreError::Key { .. } => {
                Self::CONFIG
            }
            StoreError::Full { .. } | StoreError::Io { .. } => Self::IO,
        };
        Self {
            code,
            text: error.to_string(),
        }
    }
}
