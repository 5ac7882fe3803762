//! The pid file: says which process the daemon is, is locked for as long as it runs, and goes with it. A file that nobody
//! holds is left over from a daemon that was killed, and is taken over.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

use crate::daemon::foreign;

/// The number of a process is no secret, and whoever asks how the service is reads it here.
const MODE: u32 = 0o644;
/// More than the longest number of a process and the end of its line.
const BYTES_MAX: u64 = 32;

/// A pid file of one's own. Removed when it goes out of scope.
pub(super) struct PidFile {
    path: PathBuf,
    file: File,
}

impl PidFile {
    /// Locks the file, which is made if it is missing, and writes the number of this process into it.
    ///
    /// # Errors
    /// When another daemon holds it, when it is something else than a pid file, or when it cannot be written; with what to do.
    pub fn take(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |error: &dyn std::fmt::Display| {
            format!(
                "cannot write the pid file '{shown}': {error}; give it another place with --pid-file"
            )
        };
        loop {
            let mut file = open(path).map_err(|error| failed(&error))?;
            let Some(pid) = read(&mut file) else {
                return Err(format!(
                    "'{shown}' is there and no pid file; choose another path with --pid-file"
                ));
            };
            match lock(&file) {
                // The daemon before may have removed it in between.
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => {
                    let mut own = Self {
                        path: path.to_owned(),
                        file,
                    };
                    own.write().map_err(|error| failed(&error))?;
                    return Ok(own);
                }
                Err(Errno::EAGAIN | Errno::EACCES) => {
                    // It may just be writing it.
                    let pid = if pid.is_empty() { "unknown" } else { &pid };
                    return Err(format!(
                        "another chatd (pid {pid}) holds the pid file '{shown}'; stop that one, or give this one \
                         another with --pid-file"
                    ));
                }
                Err(errno) => return Err(failed(&errno)),
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        // Whatever the mask of modes. Where the file is somebody else's, its mode is theirs, too.
        let _ = self.file.set_permissions(Permissions::from_mode(MODE));
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // While the lock is held; and not what somebody else has put there meanwhile.
        if is_at(&self.file, &self.path) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    foreign::open(options.mode(MODE), path, OFlag::empty())
}

/// Locks the whole file until it is closed. Not by flock(2), for that anybody who may read the file could do as well, and
/// keep the daemon from starting.
fn lock(file: &File) -> nix::Result<()> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    fcntl(file, FcntlArg::F_OFD_SETLK(&whole)).map(drop)
}

/// The number in the file as it is written, empty where there is none yet; `None` when the file is no pid file.
fn read(file: &mut File) -> Option<String> {
    // Reading from something else might take for ever.
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let number = String::from_utf8(bytes).ok()?.trim().to_owned();
    let is_number = number.is_empty() || number.parse::<u32>().is_ok();
    is_number.then_some(number)
}

/// Whether the open file is the one of this name.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    let open = file.metadata().map(identity);
    let named = std::fs::metadata(path).map(identity);
    open.is_ok_and(|open| named.is_ok_and(|named| open == named))
}
