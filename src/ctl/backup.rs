//! `chatctl backup`: takes the bytes that the daemon gives out, writes them beside the name that was asked for, and gives
//! them that name only once they are on the disk and read back as they were sent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args as ClapArgs;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::base::text::harmless;
use crate::wire::control::{BackedUp, Backup};

use super::call::Daemon;
use super::progress::{Progress, percent};
use super::table::{counted, size};
use super::{Console, Failure};

const BLOCK_BYTES: usize = 256 * 1024;

#[derive(Debug, ClapArgs)]
pub(super) struct BackupArgs {
    /// The file that is made, which must not be there yet; `-` is standard output
    file: PathBuf,
}

pub(super) fn run(
    args: &BackupArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if args.file.as_os_str() == "-" {
        return to_output(daemon, console);
    }
    let part = Part::make(&args.file)?;
    let mut out = &part.file;
    let last = receive(daemon, |bytes| {
        out.write_all(bytes)
            .map_err(|error| part.cannot("write", &error))
    })?;
    part.settle(&args.file, &last)?;
    let facts = json!({
        "file": args.file.display().to_string(), "bytes": last.total, "messages": last.messages,
        "sha256": last.sha256, "keyFile": last.key_file,
    });
    console.print(&facts, |_, _| {
        let file = args.file.display().to_string();
        format!(
            "'{}' is a copy of the database: {}\n{}\n",
            harmless(&file),
            summary(&last),
            key(&last)
        )
    })
}

/// For a pipe. What is said about it goes to standard error.
fn to_output(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return Err(Failure::Usage(
            "a backup is no text for a terminal; name a file, or send it into a pipe".to_owned(),
        ));
    }
    let last = receive(daemon, |bytes| {
        console.out.write_all(bytes).map_err(Failure::Output)
    })?;
    console.out.flush().map_err(Failure::Output)?;
    let sum = last.sha256.as_deref().unwrap_or_default();
    let _ = writeln!(
        io::stderr(),
        "chatctl: {}, SHA-256 {}\nchatctl: {}",
        summary(&last),
        harmless(sum),
        key(&last)
    );
    Ok(())
}

fn summary(last: &BackedUp) -> String {
    let messages = counted(last.messages.unwrap_or(0), "message");
    format!("{messages}, {}, verified", size(last.total))
}

fn key(last: &BackedUp) -> String {
    let place = match &last.key_file {
        Some(file) => format!("'{}'", harmless(file)),
        None => "the credential 'chatd.identity-key'".to_owned(),
    };
    format!(
        "the identity key is not in it: keep a copy of {place}, apart from this; without it names cannot be read"
    )
}

/// Takes all bytes, and makes sure that they are those that were sent.
fn receive(
    daemon: &mut Daemon,
    mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<BackedUp, Failure> {
    let (mut sum, mut progress, mut last) = (Sha256::new(), Progress::new(false), None);
    let ended = daemon.replies(&Backup {}, |reply: BackedUp| {
        let Some(data) = &reply.data else {
            progress.tell(|| format!("copying, {}", percent(reply.done, reply.total)));
            if reply.sha256.is_some() {
                last = Some(reply);
            }
            return Ok(());
        };
        let bytes = STANDARD
            .decode(data)
            .map_err(|_| not_whole("it came in damaged"))?;
        sum.update(&bytes);
        progress.tell(|| format!("{}, {}", size(reply.done), percent(reply.done, reply.total)));
        write(&bytes)
    });
    progress.clear();
    match ended {
        // It is broken off wherever that happens.
        Err(Failure::NotRunning(why)) => return Err(not_whole(&why)),
        ended => ended?,
    }
    let last = last.ok_or_else(|| not_whole("chatd has ended it"))?;
    match last.sha256.as_deref() == Some(&hex(sum)) {
        true => Ok(last),
        false => Err(not_whole("other bytes came in than were sent")),
    }
}

fn not_whole(why: &str) -> Failure {
    Failure::Refused(format!("there is no backup: {why}"))
}

fn hex(sum: Sha256) -> String {
    sum.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A file beside the one that is to be. It is taken away again unless it becomes that.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn make(target: &Path) -> Result<Self, Failure> {
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
                    "'{shown}' is there already, left by a backup that was broken off, or by one that is under way; \
                     remove it if nobody writes it"
                ),
                _ => format!("cannot make '{shown}': {error}"),
            })
        })?;
        Ok(Self { path, file })
    }

    fn cannot(&self, action: &str, error: &io::Error) -> Failure {
        let path = self.path.display();
        Failure::Refused(format!(
            "cannot {action} '{path}': {error}; nothing is left of it"
        ))
    }

    /// Brings it to the disk, reads it back, and gives it its name.
    fn settle(mut self, target: &Path, last: &BackedUp) -> Result<(), Failure> {
        let failed = |action: &str, error| self.cannot(action, &error);
        self.file
            .sync_all()
            .map_err(|error| failed("write", error))?;
        let sum = sum_of(&self.path).map_err(|error| failed("read back", error))?;
        if last.sha256.as_deref() != Some(&sum) {
            return Err(not_whole(
                "the file does not read back as it was written; look at the disk",
            ));
        }
        rename(&self.path, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => taken(target),
            _ => self.cannot("rename", &error),
        })?;
        // Nothing is left to be taken away.
        self.path = PathBuf::new();
        let folder = target
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
        synced.map_err(|error| {
            let target = target.display();
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
