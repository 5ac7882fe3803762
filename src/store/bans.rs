//! Bans, mutes and roles as rows: the statements that change them, and those that read them. Runs inside the writer's
//! transaction.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use crate::base::{BanKey, BanKind, BanRecord, Banned, Network, RoomId, Timestamp, UserId};
use crate::store::identity::{Identity, Place};
use crate::store::rows::{refused, unreadable};
use crate::store::snapshot::open_text;

pub(super) fn kind_number(kind: BanKind) -> i64 {
    match kind {
        BanKind::Ban => 0,
        BanKind::Mute => 1,
    }
}

/// Takes the place of what there is with the same key. Nothing for an account or a room that is gone.
pub(super) fn set(
    connection: &Connection,
    identity: &Identity,
    ban: &BanRecord,
) -> rusqlite::Result<()> {
    lift(connection, identity, &ban.key)?;
    // What is sealed is bound to its row, so the number is needed first.
    let id: i64 = connection
        .prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM ban")?
        .query_row([], |row| row.get(0))?;
    let seal = |place, text: &str| identity.seal(place, text.as_bytes()).map_err(refused);
    let (user, network) = match ban.key.who {
        Banned::User(user) => (Some(user.0), None),
        Banned::Network(network) => (None, Some(network)),
    };
    let sealed = network.map(|network| seal(Place::BanNetwork(id), &network.to_string()));
    connection
        .prepare_cached(
            "INSERT INTO ban (id, kind, user, network, network_hash, room, by, at, until, reason) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 \
             WHERE (?3 IS NULL OR EXISTS (SELECT 1 FROM user WHERE id = ?3 AND removed = 0)) \
             AND (?6 IS NULL OR EXISTS (SELECT 1 FROM room WHERE id = ?6))",
        )?
        .execute(params![
            id,
            kind_number(ban.key.kind),
            user,
            sealed.transpose()?,
            network.map(|network| identity.network_hash(&network)),
            ban.key.room.map(|room| room.0),
            ban.by.0,
            ban.at.0,
            ban.until.map(|until| until.0),
            seal(Place::BanReason(id), &ban.reason)?
        ])?;
    Ok(())
}

pub(super) fn lift(
    connection: &Connection,
    identity: &Identity,
    key: &BanKey,
) -> rusqlite::Result<()> {
    let (column, who) = match key.who {
        Banned::User(user) => ("user", Value::Integer(user.0.into())),
        Banned::Network(network) => (
            "network_hash",
            Value::Blob(identity.network_hash(&network).into()),
        ),
    };
    let sql = format!("DELETE FROM ban WHERE {column} = ?1 AND room IS ?2 AND kind = ?3");
    connection.prepare_cached(&sql)?.execute(params![
        who,
        key.room.map(|room| room.0),
        kind_number(key.kind)
    ])?;
    Ok(())
}

pub(super) fn all(
    connection: &Connection,
    identity: &Identity,
) -> rusqlite::Result<Vec<BanRecord>> {
    let read = |row: &Row| {
        let id: i64 = row.get(0)?;
        let who = match row.get::<_, Option<u32>>(2)? {
            Some(user) => Banned::User(UserId(user)),
            None => Banned::Network(open_network(identity, id, row.get_ref(3)?.as_blob()?)?),
        };
        let reason = open_text(identity, Place::BanReason(id), row.get_ref(8)?.as_blob()?)?;
        Ok(BanRecord {
            key: BanKey {
                kind: match row.get::<_, i64>(1)? {
                    0 => BanKind::Ban,
                    _ => BanKind::Mute,
                },
                who,
                room: row.get::<_, Option<u32>>(4)?.map(RoomId),
            },
            by: UserId(row.get(5)?),
            at: Timestamp(row.get(6)?),
            until: row.get::<_, Option<i64>>(7)?.map(Timestamp),
            reason: reason.into(),
        })
    };
    connection
        .prepare(
            "SELECT id, kind, user, network, room, by, at, until, reason FROM ban ORDER BY id",
        )?
        .query_map([], read)?
        .collect()
}

pub(super) fn open_network(
    identity: &Identity,
    id: i64,
    sealed: &[u8],
) -> rusqlite::Result<Network> {
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Wrong(String);

    let text = open_text(identity, Place::BanNetwork(id), sealed)?;
    text.parse().map_err(|error| unreadable(Wrong(error)))
}

pub(super) fn moderators(connection: &Connection) -> rusqlite::Result<Vec<UserId>> {
    connection
        .prepare("SELECT id FROM user WHERE moderator = 1 ORDER BY id")?
        .query_map([], |row| row.get(0).map(UserId))?
        .collect()
}

pub(super) fn operators(connection: &Connection) -> rusqlite::Result<Vec<(RoomId, UserId)>> {
    connection
        .prepare("SELECT room, user FROM member WHERE operator = 1 ORDER BY room, user")?
        .query_map([], |row| Ok((RoomId(row.get(0)?), UserId(row.get(1)?))))?
        .collect()
}
