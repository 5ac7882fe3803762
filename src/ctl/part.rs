//! A file that is made whole or not at all: written beside the name that was asked for, the owner's alone, read back, and
//! only then given that name, never over another file. When anything goes wrong, nothing is left of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use sha2::{Digest, Sha256};

use super::Failure;

const BLOCK_BYTES: usize = 256 * 1024;

/// A file beside the one that is to be. It is taken away again unless it becomes that.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    target: PathBuf,
}

impl Part {
    /// `what` it is to be, such as "a backup".
    pub(super) fn make(target: &Path, what: &str) -> Result<Self, Failure> {
        if fs::symlink_metadata(target).is_ok() {
            return Err(taken(target));
        }
        let mut path = target.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let shown = path.display();
        let file = file.map_err(|error| {
            Failure::Refused(match error.kind() {
                io::ErrorKind::AlreadyExists => format!(
                    "'{shown}' is there already, left by {what} that was broken off, or by one that is under way; \
                     remove it if nobody writes it"
                ),
                _ => format!("cannot make '{shown}': {error}"),
            })
        })?;
        Ok(Self {
            path,
            file,
            target: target.to_owned(),
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.cannot("write", &error))
    }

    fn cannot(&self, action: &str, error: &io::Error) -> Failure {
        let path = self.path.display();
        Failure::Refused(format!(
            "cannot {action} '{path}': {error}; nothing is left of it"
        ))
    }

    /// Brings it to the disk, reads it back, and gives it its name. `sum` is the SHA-256 of all that was written.
    pub(super) fn settle(mut self, sum: &str) -> Result<(), Failure> {
        let failed = |action: &str, error| self.cannot(action, &error);
        self.file
            .sync_all()
            .map_err(|error| failed("write", error))?;
        let found = sum_of(&self.path).map_err(|error| failed("read back", error))?;
        if found != sum {
            let path = self.target.display();
            return Err(Failure::Refused(format!(
                "there is no '{path}': it does not read back as it was written; look at the disk"
            )));
        }
        let target = &self.target;
        rename(&self.path, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(target),
            _ => self.cannot("rename", &error),
        })?;
        // Nothing is left to be taken away.
        self.path = PathBuf::new();
        let folder = self
            .target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
        synced.map_err(|error| {
            let target = self.target.display();
            Failure::Refused(format!(
                "'{target}' is written, but its folder could not be synced: {error}"
            ))
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn taken(target: &Path) -> Failure {
    let target = target.display();
    Failure::Refused(format!(
        "'{target}' is there already; choose another name, or move it away"
    ))
}

/// Never over another file. Not every file system can promise that by itself.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    use nix::errno::Errno;
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS) if fs::symlink_metadata(to).is_err() => {
            fs::rename(from, to)
        }
        Err(Errno::EINVAL | Errno::ENOSYS) => Err(io::ErrorKind::AlreadyExists.into()),
        outcome => outcome.map_err(io::Error::from),
    }
}

fn sum_of(path: &Path) -> io::Result<String> {
    let (mut file, mut sum) = (File::open(path)?, Sha256::new());
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(sum)),
            count => sum.update(&block[..count]),
        }
    }
}

/// A SHA-256 in hexadecimal digits.
pub(super) fn hex(sum: Sha256) -> String {
    sum.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
