//! Where tokens are kept between two runs: one file for each server, port and name, for its owner's eyes only.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::tongue::say;
use crate::base::{Cause, Password, UserName};
use crate::client::meaning::not_done;

/// The longest file that can be one of ours.
const FILE_BYTES_MAX: u64 = 4_096;

/// The folder with the tokens.
#[derive(Clone, Debug)]
pub struct Credentials {
    folder: PathBuf,
}

/// One token and what it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// The server, as it was named.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The account, as the server writes it.
    pub name: String,
    /// The token.
    pub token: Password,
}

/// Why a token cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// Others could read or write it.
    #[error("{}", say!(
        "'{path}' can be used by others (mode {mode:o}); run `chmod {wanted:o} '{path}'`, or log in again if somebody may have read it",
        "«{path}» доступен другим (права {mode:o}); выполните `chmod {wanted:o} '{path}'` или войдите заново, если его могли прочитать",
        path = path.display()
    ))]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What it should be.
        wanted: u32,
    },
    /// It is not what was written.
    #[error("{}", say!(
        "'{path}' is damaged; delete it and log in again",
        "файл «{path}» испорчен; удалите его и войдите заново",
        path = path.display()
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The same of what can be done without.
    #[error("{}", say!(
        "'{path}' is damaged and was put aside as '{aside}'; it begins anew",
        "файл «{path}» испорчен и отложен как «{aside}»; настройки начаты заново",
        path = path.display(),
        aside = aside.display()
    ))]
    PutAside {
        /// The file.
        path: PathBuf,
        /// Where it is now.
        aside: PathBuf,
    },
    /// The system refused.
    #[error("{}", not_done(action, path, &Cause(cause)))]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
}

impl Credentials {
    /// Those in this folder.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Those of the person who runs the program: in `$XDG_STATE_HOME/chat-client`, else `~/.local/state/chat-client`.
    #[must_use]
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        state_folder(variable).map(Self::in_folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The token of this account; `None` when none is kept.
    ///
    /// # Errors
    /// When others can read it, or it cannot be read.
    pub fn find(
        &self,
        host: &str,
        port: u16,
        name: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        match read(&self.path(host, port, name))? {
            Some(found) => Ok(Some(found)),
            None => Ok(None),
        }
    }

    /// All tokens of this server.
    ///
    /// # Errors
    /// When others can read one, or it cannot be read.
    pub fn of_server(&self, host: &str, port: u16) -> Result<Vec<Credential>, CredentialError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(io("read", &self.folder)(cause)),
        };
        let prefix = server_part(host, port);
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(io("read", &self.folder))?.path();
            let file = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if file.starts_with(&prefix) && file.ends_with(".token") {
                found.extend(read(&path)?);
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Keeps a token, in place of an earlier one of the same account.
    ///
    /// # Errors
    /// When it cannot be written; then the earlier one is still there.
    pub fn keep(&self, credential: &Credential) -> Result<(), CredentialError> {
        let path = self.path(&credential.host, credential.port, &credential.name);
        make_folder(&self.folder)?;
        let text = serde_json::to_vec(credential)
            .map_err(|error| io("write", &path)(io::Error::other(error)))?;
        // Beside it first, then in its place: whoever reads finds the old one or the new one.
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let written = write(&beside, &text).and_then(|()| fs::rename(&beside, &path));
        written.map_err(|cause| {
            let _ = fs::remove_file(&beside);
            io("write", &path)(cause)
        })
    }

    /// Forgets a token. Harmless when none is kept.
    ///
    /// # Errors
    /// When the file stays.
    pub fn forget(&self, host: &str, port: u16, name: &str) -> Result<(), CredentialError> {
        let path = self.path(host, port, name);
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(io("delete", &path)(cause))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, host: &str, port: u16, name: &str) -> PathBuf {
        let file = format!("{}.token", file_name(host, port, name));
        self.folder.join(file)
    }
}

/// Where chat-client keeps what it has to remember.
pub(super) fn state_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    // The standard says to pass over a path that is not absolute.
    let path = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path: &PathBuf| path.is_absolute())
    };
    let state = path("XDG_STATE_HOME").or_else(|| Some(path("HOME")?.join(".local/state")));
    Some(state?.join("chat-client"))
}

/// Makes the folder, for its owner alone.
pub(super) fn make_folder(folder: &Path) -> Result<(), CredentialError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(io("create", folder))?;
    let mode = fs::metadata(folder)
        .map_err(io("read", folder))?
        .permissions()
        .mode();
    if mode & 0o077 != 0 {
        fs::set_permissions(folder, Permissions::from_mode(0o700))
            .map_err(io("protect", folder))?;
    }
    Ok(())
}

/// How the files about an account are called, up to their endings. Names that are the same to the server are the same
/// here.
pub(super) fn file_name(host: &str, port: u16, name: &str) -> String {
    let key = name
        .parse::<UserName>()
        .map_or_else(|_| name.to_owned(), |name| name.key().to_owned());
    format!("{}{}", server_part(host, port), plain(&key))
}

fn server_part(host: &str, port: u16) -> String {
    format!("{}:{port}:", plain(&host.to_ascii_lowercase()))
}

/// A text as a part of a file name: what could mean something else there is written in hexadecimal.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        match character {
            '/' | '%' | ':' | '\0' => plain.push_str(&format!("%{:02x}", u32::from(character))),
            '.' if plain.is_empty() => plain.push_str("%2e"),
            character => plain.push(character),
        }
    }
    plain
}

fn read(path: &Path) -> Result<Option<Credential>, CredentialError> {
    let file = match fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(io("read", path)(cause)),
    };
    // Of the file that is open: the one at the path may be another by now.
    let mode = file
        .metadata()
        .map_err(io("read", path))?
        .permissions()
        .mode()
        & 0o777;
    if mode & 0o077 != 0 {
        return Err(CredentialError::Open {
            path: path.to_owned(),
            mode,
            wanted: 0o600,
        });
    }
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(io("read", path))?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|_| CredentialError::Damaged {
            path: path.to_owned(),
        })
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

pub(super) fn io<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl Fn(io::Error) -> CredentialError + 'a {
    move |cause| CredentialError::Io {
        action,
        path: path.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(name: &str) -> Credential {
        Credential {
            host: "chat.example".into(),
            port: 2428,
            name: name.into(),
            token: Password::new(format!("ct_{name}")),
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_token_is_found_by_server_port_and_name_however_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Credentials::in_folder(folder.path().join("chat-client"));
        assert_eq!(kept.find("chat.example", 2428, "Анна").unwrap(), None);
        assert_eq!(kept.of_server("chat.example", 2428).unwrap(), []);
        kept.keep(&credential("Анна")).unwrap();
        kept.keep(&credential("bert")).unwrap();
        let found = kept.find("Chat.Example", 2428, "анна").unwrap();
        assert_eq!(found, Some(credential("Анна")));
        assert_eq!(kept.find("chat.example", 2429, "Анна").unwrap(), None);
        let all = kept.of_server("chat.example", 2428).unwrap();
        assert_eq!(all, [credential("bert"), credential("Анна")]);
        kept.forget("chat.example", 2428, "bert").unwrap();
        kept.forget("chat.example", 2428, "bert").unwrap();
        let left = kept.of_server("chat.example", 2428).unwrap();
        assert_eq!(left, [credential("Анна")]);
    }

    #[test]
    fn only_the_owner_can_read_it_and_otherwise_it_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("chat-client");
        let kept = Credentials::in_folder(folder.clone());
        kept.keep(&credential("anna")).unwrap();
        let file = folder.join("chat.example:2428:anna.token");
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));

        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        let error = kept.find("chat.example", 2428, "anna").unwrap_err();
        let sentence = error.to_string().replace(&*file.to_string_lossy(), "FILE");
        insta::assert_snapshot!(sentence, @"'FILE' can be used by others (mode 640); run `chmod 600 'FILE'`, or log in again if somebody may have read it");

        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        kept.keep(&credential("anna")).unwrap();
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn what_is_damaged_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Credentials::in_folder(folder.path().to_owned());
        kept.keep(&credential("anna")).unwrap();
        let path = folder.path().join("chat.example:2428:anna.token");
        fs::write(path, "{").unwrap();
        let error = kept.find("chat.example", 2428, "anna").unwrap_err();
        assert!(matches!(error, CredentialError::Damaged { .. }));
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_folder() {
        assert_eq!(plain("../../etc"), "%2e.%2f..%2fetc");
        assert_eq!(plain("::1"), "%3a%3a1");
    }

    #[test]
    fn the_folder_is_where_the_standard_says() {
        let of = |state: Option<&str>, home: Option<&str>| {
            let found = Credentials::of_user(|name| match name {
                "XDG_STATE_HOME" => state.map(Into::into),
                "HOME" => home.map(Into::into),
                _ => None,
            });
            found.map(|found| found.folder.display().to_string())
        };
        assert_eq!(of(Some("/s"), Some("/h")).unwrap(), "/s/chat-client");
        assert_eq!(
            of(Some("s"), Some("/h")).unwrap(),
            "/h/.local/state/chat-client"
        );
        assert_eq!(of(None, None), None);
    }
}
