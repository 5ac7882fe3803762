//! A database as it was before it is brought up to date: whoever is not content with a newer chatd goes back to the older one
//! with it. One is kept, of the last time; it stays until somebody removes it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::store::sqlite::DATABASE_FILE;
use crate::store::upkeep::{COPY_FILE, Named, make_room, used_bytes};
use crate::store::{StoreError, migrate};

/// Makes the copy, `chatd.db.v` with the version. Nothing is changed in the database.
///
/// # Errors
/// When there is no room for it, or it cannot be made.
pub(super) fn keep_copy(
    connection: &Connection,
    path: &Path,
    version: i64,
) -> Result<(), StoreError> {
    let known = migrate::known();
    let refused = |cause: String| {
        let cause = format!(
            "before it is brought from schema {version} to {known} a copy is kept, which failed: {cause}; nothing was \
             changed, and the chatd before goes on with it"
        );
        StoreError::io("bring up to date", path, cause)
    };
    let bytes = used_bytes(connection).map_err(|error| refused(error.to_string()))?;
    make_room(path, bytes).map_err(refused)?;
    let kept = path.with_file_name(format!("{DATABASE_FILE}.v{version}"));
    copy(connection, path, &kept).map_err(|error| refused(error.to_string()))?;
    let file = kept.display();
    tracing::info!(%file, "the database is brought from schema {version} to {known}; as it was it is kept");
    Ok(())
}

/// The file has its name only once it is whole and on disk.
fn copy(connection: &Connection, path: &Path, kept: &Path) -> io::Result<()> {
    let part = path.with_file_name(COPY_FILE);
    let named = Named::make(&part).map_err(io::Error::other)?;
    let target = part
        .to_str()
        .ok_or_else(|| io::Error::other("its name is not UTF-8, which SQLite needs"))?;
    connection
        .execute("VACUUM INTO ?1", [target])
        .and_then(|_| migrate::end_epoch(&part))
        .map_err(io::Error::other)?;
    File::open(&part)?.sync_all()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let before = others(folder, kept)?;
    fs::rename(&part, kept)?;
    File::open(folder)?.sync_all()?;
    drop(named);
    // One is enough: room, and texts that are redacted later stay in it.
    before.into_iter().try_for_each(fs::remove_file)
}

/// Copies of other versions.
fn others(folder: &Path, kept: &Path) -> io::Result<Vec<PathBuf>> {
    let begins = format!("{DATABASE_FILE}.v");
    let mut others = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let version = name.and_then(|name| name.strip_prefix(&begins));
        if version.is_some_and(|version| version.parse::<u32>().is_ok()) && path != kept {
            others.push(path);
        }
    }
    Ok(others)
}
