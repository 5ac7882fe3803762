//! What a person prefers for one account on this machine: how they are told of what concerns them, which rooms are hushed.
//! In one small file beside the account's token, written whole and put in place by a rename.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::credential::{CredentialError, io, make_folder};

/// The longest file that can be one of ours: all hushed rooms with names as long as they can be.
const FILE_BYTES_MAX: u64 = 262_144;
/// Rooms that are hushed at most: as many as anybody is in, and the file stays small.
pub const HUSHED_MAX: usize = 1_000;

/// How somebody who looks elsewhere is told that they are spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// By all means there are.
    #[default]
    On,
    /// By the terminal's bell alone.
    Bell,
    /// Not at all.
    Off,
}

/// What a person prefers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// How they are told.
    pub notify: Notify,
    /// Rooms and people that they are not told of.
    pub hushed: BTreeSet<String>,
}

/// Where preferences are kept.
#[derive(Clone, Debug, Default)]
pub struct PreferencesFile {
    /// None where nothing is kept.
    path: Option<PathBuf>,
}

impl PreferencesFile {
    /// That of an account, whose files begin with this path; none where nothing is kept.
    #[must_use]
    pub fn of_account(account: Option<&Path>) -> Self {
        let path = account.map(|account| {
            let mut path = account.as_os_str().to_owned();
            path.push(".preferences.json");
            PathBuf::from(path)
        });
        Self { path }
    }

    /// What is kept; where there is nothing yet, what most people prefer.
    ///
    /// # Errors
    /// When it cannot be read. A file that is damaged is put aside first, so that the next one is a good one.
    pub fn read(&self) -> Result<Preferences, CredentialError> {
        let Some(path) = &self.path else {
            return Ok(Preferences::default());
        };
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Preferences::default());
            }
            Err(cause) => return Err(io("read", path)(cause)),
        };
        let mut bytes = Vec::new();
        (file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(io("read", path))?;
        let read: Option<Preferences> = serde_json::from_slice(&bytes).ok();
        let sound = |read: &Preferences| {
            bytes.len() as u64 <= FILE_BYTES_MAX && read.hushed.len() <= HUSHED_MAX
        };
        read.filter(sound).ok_or_else(|| {
            let aside = path.with_extension("json.damaged");
            // Where that fails, too, the next change writes over it.
            let _ = fs::rename(path, &aside);
            CredentialError::PutAside {
                path: path.clone(),
                aside,
            }
        })
    }

    /// Changes what is kept: what another program for the same account has changed meanwhile stays.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn change(&self, change: impl FnOnce(&mut Preferences)) -> Result<(), CredentialError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut preferences = self.read().unwrap_or_default();
        change(&mut preferences);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || -> io::Result<()> {
            let text = serde_json::to_vec_pretty(&preferences).map_err(io::Error::other)?;
            let mut file = (OpenOptions::new().write(true).create(true).truncate(true))
                .mode(0o600)
                .open(&beside)?;
            file.write_all(&text)?;
            fs::rename(&beside, path)
        };
        write().map_err(|cause| {
            let _ = fs::remove_file(&beside);
            io("write", path)(cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(folder: &Path) -> PreferencesFile {
        PreferencesFile::of_account(Some(&folder.join("chat.example:2428:anna")))
    }

    #[test]
    fn what_is_preferred_is_there_the_next_time_and_two_programs_spoil_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other) = (file(folder.path()), file(folder.path()));
        assert_eq!(one.read().unwrap(), Preferences::default());
        one.change(|it| it.notify = Notify::Bell).unwrap();
        other
            .change(|it| it.hushed = BTreeSet::from(["tea".to_owned()]))
            .unwrap();
        let read = one.read().unwrap();
        assert_eq!((read.notify, read.hushed.len()), (Notify::Bell, 1));
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().collect();
        assert_eq!(files.len(), 1);
        let mode = files[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let nowhere = PreferencesFile::of_account(None);
        nowhere.change(|it| it.notify = Notify::Off).unwrap();
        assert_eq!(nowhere.read().unwrap(), Preferences::default());
    }

    #[test]
    fn a_damaged_file_is_told_once_and_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let many: BTreeSet<_> = (0..=HUSHED_MAX).map(|n| format!("room{n}")).collect();
        let many = serde_json::json!({ "hushed": many }).to_string();
        let long = format!("{{}}{}", " ".repeat(300_000));
        for text in ["{\"notify\":\"lou", "7", &many, &long, "\u{0}"] {
            let path = folder
                .path()
                .join("chat.example:2428:anna.preferences.json");
            fs::write(&path, text).unwrap();
            let file = file(folder.path());
            let told = file.read().unwrap_err().to_string();
            assert!(
                told.contains("is damaged") && told.contains("json.damaged"),
                "{told}"
            );
            assert_eq!(file.read().unwrap(), Preferences::default());
            let aside = fs::read_to_string(path.with_extension("json.damaged")).unwrap();
            assert_eq!(aside, text);
            file.change(|it| it.notify = Notify::Off).unwrap();
            assert_eq!(file.read().unwrap().notify, Notify::Off);
        }
    }

    #[test]
    fn what_a_newer_program_has_written_beside_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder
            .path()
            .join("chat.example:2428:anna.preferences.json");
        fs::write(&path, "{\"notify\":\"off\",\"stars\":3}").unwrap();
        assert_eq!(file(folder.path()).read().unwrap().notify, Notify::Off);
    }
}
