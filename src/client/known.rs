//! The servers that a person has come to know by the fingerprints of their certificates: one line for each in a file, as
//! ssh keeps them. Knows no certificates and asks nobody.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::base::tongue::say;
use crate::base::{Cause, Fingerprint};
use crate::client::credential::state_folder;
use crate::client::meaning::not_done;

/// The longest file that is read: thousands of servers.
const FILE_BYTES_MAX: u64 = 1_048_576;

/// The file with the known servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHosts {
    file: PathBuf,
}

/// What the file says of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which line it is, from 1 on.
    pub number: usize,
    /// The fingerprint of the server's certificate.
    pub fingerprint: Fingerprint,
}

/// Why the file is no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownHostsError {
    /// Somebody else may have written there.
    #[error("{}", say!(
        "'{path}' can be written by others (mode {mode:o}); look whether its lines are right, then run `chmod 600 '{path}'`",
        "в «{path}» могут писать другие (права {mode:o}); проверьте его строки и выполните `chmod 600 '{path}'`",
        path = path.display()
    ))]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line that is none of ours.
    #[error("{}", say!(
        "line {line} of '{path}' is not like 'HOST:PORT SHA256:…'; mend or delete it",
        "строка {line} в «{path}» не похожа на «УЗЕЛ:ПОРТ SHA256:…»; исправьте или удалите её",
        path = path.display()
    ))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// The system refused.
    #[error("{}", not_done(action, path, cause))]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        cause: String,
    },
}

impl KnownHosts {
    /// Those in this file. It need not be there.
    #[must_use]
    pub fn in_file(file: PathBuf) -> Self {
        Self { file }
    }

    /// Those of the person who runs the program: in `known_hosts` beside the tokens.
    #[must_use]
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        Some(Self::in_file(state_folder(variable)?.join("known_hosts")))
    }

    /// Where they are kept.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// All lines about a server.
    ///
    /// # Errors
    /// When the file cannot be relied on: then it is as if it held the wrong line.
    pub fn find(&self, host: &str, port: u16) -> Result<Vec<Line>, KnownHostsError> {
        let wanted = server(host, port);
        let text = self.read()?;
        let mut found = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = index + 1;
            let damaged = || KnownHostsError::Damaged {
                path: self.file.clone(),
                line: number,
            };
            let (server, fingerprint) = line.split_once(char::is_whitespace).ok_or_else(damaged)?;
            let fingerprint = fingerprint.trim().parse().map_err(|_| damaged())?;
            if server.eq_ignore_ascii_case(&wanted) {
                found.push(Line {
                    number,
                    fingerprint,
                });
            }
        }
        Ok(found)
    }

    /// Adds a line about a server.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(
        &self,
        host: &str,
        port: u16,
        fingerprint: Fingerprint,
    ) -> Result<(), KnownHostsError> {
        let text = self.read()?;
        // Somebody may have edited it.
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        let line = format!("{gap}{} {fingerprint}\n", server(host, port));
        let write = || -> io::Result<()> {
            if let Some(folder) = self.file.parent() {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
            }
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&self.file)?;
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|cause| self.failed("write", &cause))
    }

    fn read(&self) -> Result<String, KnownHostsError> {
        let file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(cause) => return Err(self.failed("read", &cause)),
        };
        let failed = |cause| self.failed("read", &cause);
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o022 != 0 {
            return Err(KnownHostsError::Open {
                path: self.file.clone(),
                mode,
            });
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Ok(text)
    }

    fn failed(&self, action: &'static str, cause: &io::Error) -> KnownHostsError {
        KnownHostsError::Io {
            action,
            path: self.file.clone(),
            cause: Cause(cause).to_string(),
        }
    }
}

/// How a server is written: `chat.example:2428`, `[::1]:2428`.
#[must_use]
pub fn server(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn numbers(known: &KnownHosts, host: &str, port: u16) -> Vec<usize> {
        let lines = known.find(host, port).unwrap();
        lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn a_server_is_found_by_name_and_port_on_the_line_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHosts::in_file(folder.path().join("chat-client/known_hosts"));
        let (one, other) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
        assert_eq!(known.find("chat.example", 2428), Ok(vec![]));
        known.keep("Chat.Example", 2428, one).unwrap();
        known.keep("::1", 2428, other).unwrap();
        known.keep("chat.example", 2428, other).unwrap();
        assert_eq!(numbers(&known, "chat.example", 2428), [1, 3]);
        assert_eq!(numbers(&known, "::1", 2428), [2]);
        assert!(numbers(&known, "chat.example", 2429).is_empty());
        let text = fs::read_to_string(known.file()).unwrap();
        assert!(text.starts_with(&format!("chat.example:2428 {one}\n[::1]:2428 {other}\n")));
        let mode = fs::metadata(known.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_a_person_has_written_there_is_read_as_far_as_it_makes_sense() {
        let folder = tempfile::tempdir().unwrap();
        let known = KnownHosts::in_file(folder.path().join("known_hosts"));
        let print = Fingerprint::of(b"1");
        fs::write(known.file(), format!("# the ship\n\n ship:1 \t{print}")).unwrap();
        known.keep("shore", 1, print).unwrap();
        assert_eq!(
            (numbers(&known, "ship", 1), numbers(&known, "shore", 1)),
            (vec![3], vec![4])
        );

        for wrong in ["ship:1\n", "ship:1 SHA256:abc\n", "ship:1 x y\n"] {
            fs::write(known.file(), format!("\n{wrong}")).unwrap();
            let error = known.find("shore", 1).unwrap_err();
            assert!(
                matches!(error, KnownHostsError::Damaged { line: 2, .. }),
                "{error}"
            );
        }
        fs::write(known.file(), "").unwrap();
        fs::set_permissions(known.file(), fs::Permissions::from_mode(0o666)).unwrap();
        let error = known.find("shore", 1).unwrap_err();
        assert!(
            matches!(error, KnownHostsError::Open { mode: 0o666, .. }),
            "{error}"
        );
    }
}
