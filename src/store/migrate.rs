//! Whose database it is and how new, and the steps that bring an older one up to date. Each step is one transaction.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::store::identity::{Identity, Place};
use crate::store::rows::refused;

/// In the header of the file, for `file` and for us: "chtd".
const APPLICATION_ID: i64 = 0x6368_7464;

/// The steps in order; the version of a database is the number of those it has gone through.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/001_init.sql"),
    include_str!("migrations/002_admin.sql"),
];

const CHECK: &[u8] = b"this database belongs to this key";

/// What was found in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    New,
    /// One of ours, of a version that this build knows.
    Ours,
    /// One of ours from a later build, of this version.
    Newer(i64),
    /// Another program's.
    Foreign,
}

/// The newest version that this build knows.
pub(super) fn known() -> i64 {
    MIGRATIONS.len() as i64
}

/// Looks at the file without changing it.
pub(super) fn look(connection: &Connection) -> rusqlite::Result<Found> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = version(connection)?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    Ok(match (application, version) {
        (0, 0) if tables == 0 => Found::New,
        (APPLICATION_ID, version) if version > known() => Found::Newer(version),
        (APPLICATION_ID, 1..) => Found::Ours,
        _ => Found::Foreign,
    })
}

/// The version of a database that is not up to date.
pub(super) fn behind(connection: &Connection, found: Found) -> rusqlite::Result<Option<i64>> {
    let version = version(connection)?;
    Ok((found == Found::Ours && version < known()).then_some(version))
}

/// Goes the steps that are missing. A new database is bound to its key in the same transaction that makes it.
pub(super) fn run(connection: &mut Connection, identity: &Identity) -> rusqlite::Result<()> {
    go(connection, identity, MIGRATIONS)
}

fn go(connection: &mut Connection, identity: &Identity, steps: &[&str]) -> rusqlite::Result<()> {
    let done = version(connection)?;
    for (number, step) in (1..).zip(steps).filter(|(number, _)| *number > done) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        if number == 1 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            bind(&transaction, identity)?;
        }
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Whether the database was made with this key.
pub(super) fn is_bound(connection: &Connection, identity: &Identity) -> rusqlite::Result<bool> {
    let sealed: Vec<u8> = connection.query_row(
        "SELECT value FROM meta WHERE name = 'identity_check'",
        [],
        |row| row.get(0),
    )?;
    Ok(identity
        .open(Place::Check, &sealed)
        .is_ok_and(|plain| plain == CHECK))
}

/// Binds the database to another key.
pub(super) fn bind_anew(transaction: &Transaction, identity: &Identity) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM meta WHERE name = 'identity_check'", [])?;
    bind(transaction, identity)
}

fn bind(transaction: &Transaction, identity: &Identity) -> rusqlite::Result<()> {
    let sealed = identity.seal(Place::Check, CHECK).map_err(refused)?;
    transaction.execute(
        "INSERT INTO meta (name, value) VALUES ('identity_check', ?1)",
        [sealed],
    )?;
    Ok(())
}

/// The epoch of the database: which of its lives this is. A copy has none, and so begins another where it is put in the place
/// of the database.
pub(super) fn epoch(connection: &Connection) -> rusqlite::Result<Arc<str>> {
    let hex = "SELECT lower(hex(value)) FROM meta WHERE name = 'epoch'";
    let told = (connection.query_row(hex, [], |row| row.get(0))).optional()?;
    if let Some(epoch) = told {
        return Ok(epoch);
    }
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('epoch', randomblob(8))",
        [],
    )?;
    connection.query_row(hex, [], |row| row.get(0))
}

/// Takes the epoch out of a copy.
pub(super) fn end_epoch(copy: &Path) -> rusqlite::Result<()> {
    let connection = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute("DELETE FROM meta WHERE name = 'epoch'", [])?;
    connection.close().map_err(|(_, error)| error)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Actor;
    use crate::store::audit;
    use crate::store::numbers::Numbers;
    use crate::store::snapshot;

    /// A database of version 1 in which somebody has an account, a session and something to say.
    fn first(identity: &Identity) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        go(&mut connection, identity, &MIGRATIONS[..1]).unwrap();
        let seal = |place, plain: &str| identity.seal(place, plain.as_bytes()).unwrap();
        let name = "anna".parse().unwrap();
        let rows = [
            connection.execute(
                "INSERT INTO user (id, name, name_hash, password, created_at) VALUES (1, ?1, ?2, 'hash', 5)",
                (seal(Place::UserName(1), "anna"), identity.name_hash(&name)),
            ),
            connection.execute(
                "INSERT INTO session (id, user, token, device, created_at, expires_at, seen_at) \
                 VALUES (1, 1, ?1, ?2, 6, 9, 7)",
                ([7_u8; 32], seal(Place::Device(1), "laptop")),
            ),
            connection.execute("INSERT INTO member (room, user) VALUES (1, 1)", []),
            connection.execute(
                "INSERT INTO audit (at, uid, pid, method, parameters, outcome) VALUES (9, 7, 8, 'Kick', ?1, 'ok')",
                [seal(Place::Audit(9), r#"{"user":"anna"}"#)],
            ),
            connection.execute(
                r#"INSERT INTO message (id, "offset", at, author, kind, text) VALUES ((1 << 36) | 1, 1, 8, 1, 0, 'hello')"#,
                [],
            ),
        ];
        assert!(rows.iter().all(Result::is_ok), "{rows:?}");
        connection
    }

    #[test]
    fn what_the_first_version_has_stored_is_there_in_this_one() {
        let identity = Identity::new(&[7; 32]);
        let mut connection = first(&identity);
        run(&mut connection, &identity).unwrap();
        assert_eq!(version(&connection).unwrap(), known());
        assert!(is_bound(&connection, &identity).unwrap());
        let numbers = Numbers::load(&connection).unwrap();
        let read = snapshot::load(&connection, &identity, &numbers).unwrap();
        let anna = &read.users[0];
        assert_eq!((anna.name.as_str(), anna.disabled_at), ("anna", None));
        assert_eq!(&*read.sessions[0].device, "laptop");
        assert_eq!(read.members.len(), 1);
        assert_eq!(read.rooms[0].last_seq.0, 1);
        assert_eq!(read.invites, []);
        let done = audit::after(&connection, &identity, 0, 9).unwrap();
        let record = &done[0].record;
        assert_eq!((done.len(), done[0].number), (1, 1));
        assert_eq!(record.actor, Actor::Control { uid: 7, pid: 8 });
        assert_eq!(record.parameters, r#"{"user":"anna"}"#);
        run(&mut connection, &identity).unwrap();
    }
}
