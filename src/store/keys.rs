//! Where identity keys lie: beside the database or given from elsewhere, never in it, so that a copy of the database alone
//! tells nobody's name. Finds the one that a database is sealed with, and prepares the change to another.
//!
//! **A change that a crash cannot tear.** The new key is on disk as `identity.key.new` before the one transaction that
//! seals everything with it, check value included; only afterwards it takes the place of `identity.key`. Whatever
//! happens in between, the check value tells at the next start which of the two is the right one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rusqlite::Connection;

use crate::base::catalog;
use crate::store::identity::{Identity, IdentityKey, KEY_BYTES, parse_key};
use crate::store::migrate::{self, Found};
use crate::store::{StoreError, rows};

/// The key's name in the state folder.
pub const KEY_FILE: &str = "identity.key";
/// The next key's, while it takes the place of the other.
const NEXT_FILE: &str = "identity.key.new";

/// More than a key takes, written as text too; a file that has more is no key.
const KEY_FILE_BYTES_MAX: u64 = 256;

/// What to do about a key that is not there or not the right one.
const BRING_BACK: &str =
    "bring back the one that this database was made with, names cannot be read without it";

/// Where identity keys are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySource {
    /// The key, when it is given, such as a credential of the service manager. It is only read, never made. Otherwise it
    /// is `identity.key` in the state folder, which is made together with a new database and only then.
    pub given: Option<PathBuf>,
    /// The key that a change is to, when it is given.
    pub next: Option<PathBuf>,
}

/// The key in force, and the places of all.
pub(super) struct Keys {
    in_force: RwLock<Identity>,
    source: KeySource,
    state_dir: PathBuf,
}

/// A key on its way into force.
pub(super) struct Successor {
    pub identity: Identity,
    /// The file that has it, where that is ours to be put in the place of the old one.
    pub file: Option<PathBuf>,
}

impl Keys {
    /// Finds the key that the database is sealed with. A new one has its key made.
    pub fn find(
        source: &KeySource,
        state_dir: &Path,
        connection: &Connection,
        found: Found,
    ) -> Result<Self, StoreError> {
        let keys = |identity| Self {
            in_force: RwLock::new(identity),
            source: source.clone(),
            state_dir: state_dir.to_owned(),
        };
        let main = main_path(source, state_dir);
        let first = read_main(source, &main, found);
        if found == Found::New {
            return first.map(|key| keys(Identity::new(&key)));
        }
        let fits = |key: &IdentityKey| {
            let identity = Identity::new(key);
            let path = state_dir.join(super::sqlite::DATABASE_FILE);
            match migrate::is_bound(connection, &identity) {
                Ok(true) => Ok(Some(identity)),
                Ok(false) => Ok(None),
                Err(error) => Err(rows::fault("open", &path, &error)),
            }
        };
        if let Ok(key) = &first
            && let Some(identity) = fits(key)?
        {
            let keys = keys(identity);
            keys.clear_draft();
            return Ok(keys);
        }
        // A change of keys may have been cut off, or its key not be in its final place yet.
        let draft = state_dir.join(NEXT_FILE);
        if source.given.is_none()
            && let Ok(Some(key)) = read_key(&draft)
            && let Some(identity) = fits(&key)?
        {
            put_in_place(&draft, &main)?;
            tracing::info!("a change of the identity key that was cut off is complete");
            return Ok(keys(identity));
        }
        if let Some(next) = &source.next
            && let Ok(Some(key)) = read_key(next)
            && let Some(identity) = fits(&key)?
        {
            let file = next.display();
            tracing::info!(%file, "the database is sealed with the next identity key; give it in the place of the first");
            return Ok(keys(identity));
        }
        first?;
        // Made before there was a credential: then the key beside the database is the right one.
        let beside = state_dir.join(KEY_FILE);
        let other = read_key(&beside).ok().flatten();
        let is_beside = other.is_some_and(|key| matches!(fits(&key), Ok(Some(_))));
        Err(StoreError::Key {
            path: main,
            problem: match is_beside {
                true => format!(
                    "is not that of this database, but '{}' is: use that one",
                    beside.display()
                ),
                false => format!("belongs to another database; {BRING_BACK}"),
            },
        })
    }

    /// The key in force. Whoever reads a sealed value holds this around reading and opening it.
    pub fn in_force(&self) -> RwLockReadGuard<'_, Identity> {
        self.in_force.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file with the key, where that is not given from elsewhere.
    pub fn own_file(&self) -> Option<PathBuf> {
        let is_own = self.source.given.is_none() && self.source.next.is_none();
        is_own.then(|| self.state_dir.join(KEY_FILE))
    }

    /// To be held while a change is committed, and then given the new key: nobody opens new values with the old one.
    pub fn to_replace(&self) -> RwLockWriteGuard<'_, Identity> {
        self.in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The key to change to: the next one that is given, or else this one or a random one, which is on disk from then on.
    pub fn successor(&self, key: Option<IdentityKey>) -> Result<Successor, StoreError> {
        let path = main_path(&self.source, &self.state_dir);
        let refused = |problem: &str| {
            Err(StoreError::Key {
                path: path.clone(),
                problem: problem.to_owned(),
            })
        };
        match &self.source {
            KeySource { next: Some(_), .. } if key.is_some() => refused(
                "changes to the credential 'chatd.identity-key-new', which is given; leave the key file out",
            ),
            KeySource {
                next: Some(next), ..
            } => {
                let key = read_key(next)?.ok_or_else(|| missing(next))?;
                Ok(Successor {
                    identity: Identity::new(&key),
                    file: None,
                })
            }
            KeySource { given: Some(_), .. } => refused(
                "is given by the service manager, so chatd cannot change it by itself; give the new one as the credential \
                 'chatd.identity-key-new' beside it, start chatd again, and call this again",
            ),
            KeySource { given: None, .. } => {
                let draft = self.state_dir.join(NEXT_FILE);
                let key = key.map_or_else(|| random(&draft), Ok)?;
                write_key(&draft, &key)?;
                Ok(Successor {
                    identity: Identity::new(&key),
                    file: Some(draft),
                })
            }
        }
    }

    /// Puts the new key, which is in force now, in the place of the old one. Tells where it is.
    pub fn settle(&self, file: Option<&Path>) -> Result<Option<PathBuf>, StoreError> {
        let Some(file) = file else { return Ok(None) };
        let path = self.state_dir.join(KEY_FILE);
        put_in_place(file, &path)?;
        Ok(Some(path))
    }

    /// Takes a key away that is in force nowhere. It may stay: the next change writes its own.
    pub fn clear_draft(&self) {
        let _ = fs::remove_file(self.state_dir.join(NEXT_FILE));
    }
}

fn main_path(source: &KeySource, state_dir: &Path) -> PathBuf {
    let given = source.given.clone();
    given.unwrap_or_else(|| state_dir.join(KEY_FILE))
}

fn missing(path: &Path) -> StoreError {
    StoreError::Key {
        path: path.to_owned(),
        problem: format!("is missing; {BRING_BACK}"),
    }
}

fn read_main(source: &KeySource, path: &Path, found: Found) -> Result<IdentityKey, StoreError> {
    let is_given = source.given.is_some();
    match read_key(path) {
        Ok(Some(key)) => {
            if !is_given {
                warn_of_readers(path);
            }
            Ok(key)
        }
        Ok(None) if !is_given && found == Found::New => make_key(path),
        Ok(None) => Err(missing(path)),
        // Whoever gives the file sees to it that it can be read.
        Err(StoreError::Io { cause, .. }) if is_given => Err(StoreError::Key {
            path: path.to_owned(),
            problem: format!("cannot be read: {cause}"),
        }),
        Err(error) => Err(error),
    }
}

/// Reads the key; `None` when there is no such file.
fn read_key(path: &Path) -> Result<Option<IdentityKey>, StoreError> {
    let mut bytes = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::io("read the identity key", path, error)),
    }
    parse_key(&bytes).map(Some).ok_or_else(|| StoreError::Key {
        path: path.to_owned(),
        problem: format!(
            "has {}{} bytes instead of {KEY_BYTES} (`openssl rand {KEY_BYTES}`) or their base64; {BRING_BACK}",
            if bytes.len() as u64 == KEY_FILE_BYTES_MAX { "at least " } else { "" },
            bytes.len()
        ),
    })
}

/// Says when others than the owner may read the key, as after it was brought back from somewhere.
fn warn_of_readers(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        let file = path.display();
        tracing::warn!(MESSAGE_ID = catalog::KEY_EXPOSED, %file, "others may read the identity key; chmod 600 it");
    }
}

/// Makes the key of a new database. It appears under its name as a whole or not at all, and is on disk before anything
/// is sealed with it.
fn make_key(path: &Path) -> Result<IdentityKey, StoreError> {
    let draft = path.with_file_name(NEXT_FILE);
    let key = random(path)?;
    write_key(&draft, &key)?;
    put_in_place(&draft, path)?;
    Ok(key)
}

fn random(path: &Path) -> Result<IdentityKey, StoreError> {
    let mut key = IdentityKey::default();
    getrandom::fill(&mut key[..])
        .map_err(|error| StoreError::io("make the identity key", path, error))?;
    Ok(key)
}

/// Writes the key into a file that is its owner's alone, in place of one that a cut-off change has left.
fn write_key(path: &Path, key: &IdentityKey) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&key[..])?;
        file.sync_all()?;
        sync_folder(path)
    };
    write().map_err(|error| StoreError::io("write the identity key", path, error))
}

fn put_in_place(draft: &Path, path: &Path) -> Result<(), StoreError> {
    let moved = fs::rename(draft, path).and_then(|()| sync_folder(path));
    moved.map_err(|error| StoreError::io("put in place the identity key", path, error))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
