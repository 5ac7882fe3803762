//! Where somebody was last, and as whom: a file beside the tokens, so that the next time nobody has to say it again. Holds
//! no secret.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::client::credential::{CredentialError, io, make_folder};

/// The longest file that can be one of ours.
const FILE_BYTES_MAX: u64 = 4_096;
const FILE: &str = "last";

/// A server and a name there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// The host, as it was named.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name, as the server writes it.
    pub name: String,
}

impl Last {
    /// What is remembered in this folder. What is not there, damaged, or open to others is not remembered.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let file = File::open(folder.join(FILE)).ok()?;
        if file.metadata().ok()?.permissions().mode() & 0o022 != 0 {
            return None;
        }
        let mut text = Vec::new();
        file.take(FILE_BYTES_MAX).read_to_end(&mut text).ok()?;
        let last: Self = serde_json::from_slice(&text).ok()?;
        (last.port != 0 && !last.host.is_empty()).then_some(last)
    }

    /// Remembers it.
    ///
    /// # Errors
    /// When it cannot be written; then it is as before.
    pub fn keep(&self, folder: &Path) -> Result<(), CredentialError> {
        make_folder(folder)?;
        let path = folder.join(FILE);
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            fs::rename(&beside, &path)
        };
        write().map_err(|cause| {
            let _ = fs::remove_file(&beside);
            io("write", &path)(cause)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_last_is_remembered_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("chat-client");
        assert_eq!(Last::of(&folder), None);
        for name in ["anna", "Анна"] {
            let last = Last {
                host: "chat.example".into(),
                port: 2428,
                name: name.into(),
            };
            last.keep(&folder).unwrap();
            assert_eq!(Last::of(&folder), Some(last));
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let file = folder.join(FILE);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(Last::of(&folder), None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        for damaged in [
            "",
            "{",
            r#"{"host":"","port":1,"name":"a"}"#,
            r#"{"host":"a","port":0,"name":"a"}"#,
        ] {
            fs::write(&file, damaged).unwrap();
            assert_eq!(Last::of(&folder), None, "{damaged}");
        }
    }
}
