//! The audit log as rows: what is put at its end, what goes at its beginning, and how it is read. What could tell a name or
//! an address, the parameters, is sealed; when, which method and how it came out is not, so that it can be looked for, and
//! names nobody: people are numbers of accounts, or user ids of the machine.

use rusqlite::{Connection, Row, params};

use crate::base::{Actor, AuditEntry, AuditRecord, Timestamp, UserId};
use crate::store::identity::{Identity, Place};
use crate::store::rows::{refused, rows_max, signed, unsigned};
use crate::store::snapshot::open_text;

pub(super) const BEFORE: &str = "SELECT id, at, uid, pid, user, method, parameters, outcome FROM audit \
     WHERE id < ?1 AND at >= ?2 AND (?3 IS NULL OR method = ?3) ORDER BY id DESC LIMIT ?4";

pub(super) const AFTER: &str = "SELECT id, at, uid, pid, user, method, parameters, outcome FROM audit \
     WHERE id > ?1 ORDER BY id LIMIT ?2";

/// Puts an entry at the end. Past `entries_max` the oldest go: numbers have no holes, so these are the lowest ones.
pub(super) fn add(
    connection: &Connection,
    identity: &Identity,
    record: &AuditRecord,
    entries_max: u32,
) -> rusqlite::Result<()> {
    let parameters = identity
        .seal(Place::Audit(record.at.0), record.parameters.as_bytes())
        .map_err(refused)?;
    let (uid, pid, user) = match record.actor {
        Actor::Control { uid, pid } => (Some(uid), Some(pid), None),
        Actor::User(user) => (None, None, Some(user.0)),
        Actor::Daemon => (None, None, None),
    };
    connection
        .prepare_cached(
            "INSERT INTO audit (at, uid, pid, user, method, parameters, outcome) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            record.at.0,
            uid,
            pid,
            user,
            record.method,
            parameters,
            record.outcome
        ])?;
    let oldest_kept = connection.last_insert_rowid() - i64::from(entries_max);
    connection
        .prepare_cached("DELETE FROM audit WHERE id <= ?1")?
        .execute([oldest_kept])?;
    Ok(())
}

/// The newest below a number, since a moment, of one method or all; newest first.
pub(super) fn before(
    connection: &Connection,
    identity: &Identity,
    number: u64,
    since: Timestamp,
    method: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Vec<AuditEntry>> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(BEFORE)?
        .query_map(params![number, since.0, method, rows_max(limit)], |row| {
            entry(identity, row)
        })?
        .collect()
}

/// The oldest above a number, ascending.
pub(super) fn after(
    connection: &Connection,
    identity: &Identity,
    number: u64,
    limit: usize,
) -> rusqlite::Result<Vec<AuditEntry>> {
    connection
        .prepare_cached(AFTER)?
        .query_map(params![signed(number), rows_max(limit)], |row| {
            entry(identity, row)
        })?
        .collect()
}

fn entry(identity: &Identity, row: &Row) -> rusqlite::Result<AuditEntry> {
    let at: i64 = row.get(1)?;
    let actor = match (row.get(2)?, row.get(3)?, row.get(4)?) {
        (Some(uid), Some(pid), _) => Actor::Control { uid, pid },
        (_, _, Some(user)) => Actor::User(UserId(user)),
        _ => Actor::Daemon,
    };
    let sealed = row.get_ref(6)?.as_blob()?;
    Ok(AuditEntry {
        number: unsigned(row, 0)?,
        record: AuditRecord {
            at: Timestamp(at),
            actor,
            method: row.get(5)?,
            parameters: open_text(identity, Place::Audit(at), sealed)?,
            outcome: row.get(7)?,
        },
    })
}
