//! Why chatd ends other than in order: a text for people, a code for scripts (sysexits.h).

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, Uid, User, geteuid};

use crate::control::BindError;
use crate::store::{KEY_FILE, StoreError};

/// With less than this left, a start that failed has failed for want of room.
const DISK_BYTES_MIN: u64 = 65_536;

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

    /// The reason was told already, so that the code alone is left to say.
    pub fn told(self) -> Self {
        let text = String::new();
        Self { text, ..self }
    }

    /// The system has nothing left for another thread, socket or queue.
    pub fn no_thread(error: &std::io::Error) -> Self {
        Self {
            code: Self::OS,
            text: format!(
                "the system has no thread or other resource left for chatd: {error}; raise its limits (TasksMax= and \
                 LimitNOFILE= of the unit, or ulimit)"
            ),
        }
    }

    /// A file that chatd may not or cannot read: `otherwise` where it is no matter of permission.
    pub fn unreadable(what: &str, path: &Path, error: &std::io::Error, otherwise: u8) -> Self {
        let text = format!("cannot read {what} '{}': {error}", path.display());
        match error.kind() {
            ErrorKind::PermissionDenied => Self {
                code: Self::NO_PERMISSION,
                text: format!("{text}: {}", whose(path)),
            },
            _ => Self {
                code: otherwise,
                text,
            },
        }
    }

    /// The exit code follows from what the system said.
    pub fn io(text: String, error: &std::io::Error, otherwise: u8) -> Self {
        let code = match error.kind() {
            ErrorKind::PermissionDenied => Self::NO_PERMISSION,
            ErrorKind::AddrInUse => Self::UNAVAILABLE,
            _ => otherwise,
        };
        Self { code, text }
    }
}

impl Exit {
    /// Why the state folder cannot be used.
    pub fn state(state_dir: &Path, error: StoreError) -> Self {
        let is_told = matches!(error, StoreError::Full { .. });
        let exit = Self::from(error);
        if exit.code != Self::IO {
            return exit;
        }
        if let Some(trouble) = trouble_of_disk(state_dir).filter(|_| !is_told) {
            return Self {
                text: format!("{}; {trouble}", exit.text),
                ..exit
            };
        }
        // What SQLite says does not tell that somebody else's file is in the way; looking tells.
        if let Some(file) = in_the_way(state_dir) {
            return Self {
                code: Self::NO_PERMISSION,
                text: format!(
                    "{}: {}; let chatd have its files (`chown -R`, `chmod`), or choose another folder with --state",
                    exit.text,
                    whose(&file)
                ),
            };
        }
        match state_dir.is_dir() {
            true => exit,
            false => Self {
                code: Self::CANT_CREATE,
                ..exit
            },
        }
    }
}

/// What is wrong with the disk of the state folder, and what to do.
fn trouble_of_disk(state_dir: &Path) -> Option<&'static str> {
    let there = state_dir.ancestors().find(|folder| folder.is_dir())?;
    let disk = statvfs(there).ok()?;
    let room = disk.blocks_available().saturating_mul(disk.fragment_size());
    match disk.flags().contains(FsFlags::ST_RDONLY) {
        true => Some(
            "its file system is mounted read-only: mount it for writing, or choose another folder with --state",
        ),
        false if room < DISK_BYTES_MIN => {
            Some("its disk is full: make room there, then start chatd")
        }
        false => None,
    }
}

/// What of the state folder may not be used: the folder, or the one above it where it is to be made, or a file of ours.
fn in_the_way(state_dir: &Path) -> Option<PathBuf> {
    let there = state_dir.ancestors().find(|folder| folder.is_dir())?;
    let folder_access = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    if is_denied(there, folder_access) {
        return Some(there.to_owned());
    }
    let files = std::fs::read_dir(state_dir).ok()?;
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("chatd.") || name == KEY_FILE
    };
    files
        .flatten()
        .map(|file| file.path())
        .find(|path| is_ours(path) && is_denied(path, AccessFlags::R_OK | AccessFlags::W_OK))
}

fn is_denied(path: &Path, access: AccessFlags) -> bool {
    nix::unistd::access(path, access) == Err(Errno::EACCES)
}

/// Whose something is and who we are, for a reader who wonders why one may not.
fn whose(path: &Path) -> String {
    let name = |uid: Uid| {
        let known = User::from_uid(uid).ok().flatten();
        known.map_or_else(|| format!("user {uid}"), |user| format!("'{}'", user.name))
    };
    let owner = std::fs::metadata(path).map_or("somebody else".to_owned(), |file| {
        name(Uid::from_raw(file.uid()))
    });
    format!(
        "'{}' belongs to {owner} and chatd runs as {}",
        path.display(),
        name(geteuid())
    )
}

impl From<BindError> for Exit {
    fn from(error: BindError) -> Self {
        let code = match &error {
            BindError::Answered { .. } => Self::UNAVAILABLE,
            BindError::TooLong { .. } => Self::CONFIG,
            BindError::Io { cause, .. } if cause.kind() == ErrorKind::PermissionDenied => {
                Self::NO_PERMISSION
            }
            BindError::NotASocket { .. } | BindError::Io { .. } => Self::CANT_CREATE,
        };
        Self {
            code,
            text: error.to_string(),
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
            StoreError::Exposed { .. } => Self::NO_PERMISSION,
            StoreError::Full { .. } | StoreError::Io { .. } => Self::IO,
        };
        Self {
            code,
            text: match &error {
                // Once it serves it goes on by itself; now there is nobody yet who could.
                StoreError::Full { path } => format!(
                    "the disk with '{}' is full; make room there, then start chatd",
                    path.display()
                ),
                _ => error.to_string(),
            },
        }
    }
}
