//! Invites as rows: the statements that change them, and the one that reads them. Runs inside the writer's transaction.

use rusqlite::{Connection, Row, params};

use crate::base::{InviteHash, InviteId, InviteRecord, Timestamp};
use crate::store::identity::{Identity, Place};
use crate::store::rows::refused;
use crate::store::snapshot::open_text;

pub(super) fn add(
    connection: &Connection,
    identity: &Identity,
    invite: &InviteRecord,
) -> rusqlite::Result<()> {
    let note = identity
        .seal(Place::Invite(invite.id.0), invite.note.as_bytes())
        .map_err(refused)?;
    connection
        .prepare_cached(
            "INSERT INTO invite (id, hash, note, uses, used, created_at, created_by, expires_at, revoked_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            invite.id.0,
            invite.hash.0,
            note,
            invite.uses,
            invite.used,
            invite.created_at.0,
            invite.created_by,
            invite.expires_at.0,
            invite.revoked_at.map(|at| at.0)
        ])?;
    Ok(())
}

/// Counts one more use; whether it could be. This is what decides: whoever comes at the same moment comes before or after.
pub(super) fn count_use(
    connection: &Connection,
    id: InviteId,
    at: Timestamp,
) -> rusqlite::Result<bool> {
    let counted = connection
        .prepare_cached(
            "UPDATE invite SET used = used + 1 \
             WHERE id = ?1 AND used < uses AND expires_at > ?2 AND revoked_at IS NULL",
        )?
        .execute(params![id.0, at.0])?;
    Ok(counted > 0)
}

pub(super) fn all(
    connection: &Connection,
    identity: &Identity,
) -> rusqlite::Result<Vec<InviteRecord>> {
    let read = |row: &Row| {
        let id = InviteId(row.get(0)?);
        let note = open_text(identity, Place::Invite(id.0), row.get_ref(2)?.as_blob()?)?;
        Ok(InviteRecord {
            id,
            hash: InviteHash(row.get(1)?),
            note: note.into(),
            uses: row.get(3)?,
            used: row.get(4)?,
            created_at: Timestamp(row.get(5)?),
            created_by: row.get(6)?,
            expires_at: Timestamp(row.get(7)?),
            revoked_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        })
    };
    connection
        .prepare(
            "SELECT id, hash, note, uses, used, created_at, created_by, expires_at, revoked_at FROM invite ORDER BY id",
        )?
        .query_map([], read)?
        .collect()
}
