//! One daemon at a time on a state folder: a lock that ends with the process that holds it, however it ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::store::StoreError;

/// The lock's name in the state folder. The file stays: removing it would let two daemons lock two files of one name.
pub(super) const LOCK_FILE: &str = "chatd.lock";

/// Takes the lock and writes the pid into it, for whoever is refused.
pub(super) fn take(state_dir: &Path) -> Result<Flock<File>, StoreError> {
    let path = state_dir.join(LOCK_FILE);
    let failed = |cause: &dyn std::fmt::Display| StoreError::io("lock", &path, cause);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed(&error))?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(mut file) => {
            let written = file
                .set_len(0)
                .and_then(|()| file.rewind())
                .and_then(|()| writeln!(file, "{}", std::process::id()));
            written.map_err(|error| failed(&error))?;
            Ok(file)
        }
        Err((mut file, Errno::EWOULDBLOCK)) => {
            let mut text = String::new();
            // Whoever holds it may just be writing: then it is not known.
            let pid = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse().ok());
            Err(StoreError::Locked { path, pid })
        }
        Err((_, errno)) => Err(failed(&errno)),
    }
}
