//! Copies of the database, and where it can be looked at as a whole (see `check`). Each works on a connection of its own,
//! beside the writer and the readers.
//!
//! **A copy is made by `VACUUM INTO`**, in the state folder, and handed on as a file without a name. It is one read
//! transaction for as long as copying takes, but no longer: however slowly it is taken away afterwards, the write-ahead
//! log can be begun anew meanwhile. What was removed is not in it, not even in free pages. Turned down: the backup interface
//! of SQLite, which begins anew with every write; giving out pages of one snapshot as fast as the caller takes them (the
//! log would grow for as long as that takes).

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use rusqlite::{Connection, OpenFlags};

use crate::store::keys::Keys;
use crate::store::long::Watch;
use crate::store::rows::fault;
use crate::store::{StoreError, migrate, sqlite};

/// The copy's name in the state folder, as long as it has one.
pub(super) const COPY_FILE: &str = "chatd.db.backup";
/// Left free on the disk beside a copy, so that people can go on talking.
const SPARE_BYTES: u64 = 32 << 20;
/// Between two words about how far it is.
const TELL_INTERVAL: Duration = Duration::from_millis(200);

/// What is done with the database as a whole.
#[derive(Clone)]
pub struct Upkeep {
    pub(super) path: Arc<Path>,
    pub(super) keys: Arc<Keys>,
    /// What the write-ahead log may grow by while one thing is read for long.
    pub(super) growth_max: u64,
}

/// A copy of the database. It has no name any more: it is gone when the file is closed.
#[derive(Debug)]
pub struct DatabaseCopy {
    /// The file, from its beginning.
    pub file: File,
    /// Its length.
    pub bytes: u64,
    /// The messages in it.
    pub messages: u64,
}

/// Is told how far it is: so many bytes of so many.
pub type Tell = Box<dyn FnMut(u64, u64) + Send>;

impl Upkeep {
    /// The file with the identity key; none where that is given from elsewhere.
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        self.keys.own_file()
    }

    /// Makes a copy and looks whether it is whole. Ends early, with an error, once `gone` is set.
    ///
    /// # Errors
    /// When there is not enough room on the disk, or the database cannot be read.
    pub fn copy(&self, gone: &Arc<AtomicBool>, tell: Tell) -> Result<DatabaseCopy, StoreError> {
        let copy = self.path.with_file_name(COPY_FILE);
        // There is one at a time.
        clear(copy.parent().unwrap_or(Path::new(".")));
        let failed = |error| fault("copy", &self.path, &error);
        let mut connection = sqlite::connect_reader(&self.path).map_err(failed)?;
        let bytes = used_bytes(&connection).map_err(failed)?;
        make_room(&self.path, bytes).map_err(|cause| StoreError::io("copy", &self.path, cause))?;
        let named = Named::make(&copy)?;
        let watch = Watch::over(&self.path, gone, self.growth_max);
        let tell = telling(named.0.clone(), bytes, tell);
        watch.clone().set(&mut connection, tell).map_err(failed)?;
        let target = named.0.to_str().ok_or_else(|| {
            StoreError::io(
                "copy to",
                &named.0,
                "its name is not UTF-8, which SQLite needs",
            )
        })?;
        connection
            .execute("VACUUM INTO ?1", [target])
            .map_err(|error| {
                let complaint = watch.complaint("copy", &self.path);
                complaint.unwrap_or_else(|| fault("copy to", &named.0, &error))
            })?;
        drop(connection);
        migrate::end_epoch(&named.0).map_err(|error| fault("copy to", &named.0, &error))?;
        self.open_copy(&named, gone)
    }

    /// Looks at the copy, and takes its name away.
    fn open_copy(&self, named: &Named, gone: &Arc<AtomicBool>) -> Result<DatabaseCopy, StoreError> {
        let failed = |error| fault("read the copy", &named.0, &error);
        let mut connection =
            Connection::open_with_flags(&named.0, OpenFlags::SQLITE_OPEN_READ_ONLY)
                .map_err(failed)?;
        // Nobody writes to it.
        let watch = Watch::over(&named.0, gone, self.growth_max);
        watch.set(&mut connection, || {}).map_err(failed)?;
        let sound: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(failed)?;
        if sound != "ok" {
            let cause = format!("{sound}; `chatctl check` tells more");
            return Err(StoreError::io("make a sound copy of", &self.path, cause));
        }
        let is_bound = migrate::is_bound(&connection, &self.keys.in_force()).map_err(failed)?;
        if !is_bound {
            let cause = "the identity key was changed meanwhile; try again";
            return Err(StoreError::io("copy", &self.path, cause));
        }
        let messages: i64 = connection
            .query_row("SELECT count(*) FROM message", [], |row| row.get(0))
            .map_err(failed)?;
        drop(connection);
        let open = || {
            let file = File::open(&named.0)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        let (file, bytes) =
            open().map_err(|error: std::io::Error| StoreError::io("open", &named.0, error))?;
        Ok(DatabaseCopy {
            file,
            bytes,
            messages: messages.unsigned_abs(),
        })
    }
}

/// Takes away what a copy that was cut off has left, with SQLite's journal of it.
pub(super) fn clear(state_dir: &Path) {
    for left in [COPY_FILE.to_owned(), format!("{COPY_FILE}-journal")] {
        let _ = fs::remove_file(state_dir.join(left));
    }
}

/// More than fits would leave no room for what people say.
///
/// # Errors
/// With what is missing, in words.
pub(super) fn make_room(beside: &Path, bytes: u64) -> Result<(), String> {
    let free = match statvfs(beside) {
        Ok(disk) => disk.blocks_available().saturating_mul(disk.fragment_size()),
        Err(_) => return Ok(()),
    };
    if free >= bytes.saturating_add(SPARE_BYTES) {
        return Ok(());
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    Err(format!(
        "that takes {} MiB beside it for a while, and {} MiB are free there; make room",
        mib(bytes + SPARE_BYTES),
        mib(free)
    ))
}

/// A file that loses its name when this goes out of scope.
pub(super) struct Named(pub PathBuf);

impl Named {
    pub(super) fn make(path: &Path) -> Result<Self, StoreError> {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| StoreError::io("make the file", path, error))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Tells now and then how long the file is.
fn telling(file: PathBuf, total: u64, mut tell: Tell) -> impl FnMut() + Send + 'static {
    let mut told = Instant::now();
    move || {
        if told.elapsed() > TELL_INTERVAL {
            told = Instant::now();
            let done = fs::metadata(&file).map_or(0, |file| file.len());
            tell(done.min(total), total);
        }
    }
}

/// What a copy will take.
pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = number("PRAGMA page_count")? - number("PRAGMA freelist_count")?;
    Ok((pages * number("PRAGMA page_size")?).unsigned_abs())
}
