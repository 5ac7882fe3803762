//! Everything that is stored but the messages, and the newest keys of those, read once when the daemon starts.

use std::collections::{BinaryHeap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use crate::base::record::{
    KeyRecord, LastLogin, MemberRecord, RoomForm, RoomRecord, SessionRecord, Snapshot, UserRecord,
};
use crate::base::{
    InviteId, RoomId, RoomName, Seq, SessionId, Timestamp, TokenHash, UserId, UserName,
};
use crate::store::bans;
use crate::store::identity::{Identity, Place};
use crate::store::invites;
use crate::store::numbers::Numbers;
use crate::store::rows::{SEQ_MAX, message_id, rows_max, seq_of, shared, unreadable, unsigned};

/// The end of a room's log, backwards.
pub(super) const BACKWARDS: &str = r#"SELECT id, "offset", at, author, key FROM message WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"#;

/// Messages read from a room at once when its keys are looked for.
const CHUNK_MESSAGES: usize = 256;
/// Messages looked at for each key that is wanted: senders without keys do not make the start long.
const LOOKS_PER_KEY: usize = 8;

/// Reads it.
pub(super) fn load(
    connection: &Connection,
    identity: &Identity,
    numbers: &Numbers,
) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        users: users(connection, identity)?,
        room_ends: room_ends(connection)?,
        members: members(connection)?,
        sessions: sessions(connection, identity)?,
        invites: invites::all(connection, identity)?,
        moderators: bans::moderators(connection)?,
        operators: bans::operators(connection)?,
        bans: bans::all(connection, identity)?,
        next_user: UserId(next(connection, "user")?),
        next_room: RoomId(next(connection, "room")?),
        next_session: SessionId(next::<i64>(connection, "session")?.cast_unsigned()),
        next_invite: InviteId(next(connection, "invite")?),
        rooms: rooms(connection, numbers)?,
    })
}

/// The name of an account from its sealed form.
pub(super) fn open_name(
    identity: &Identity,
    user: UserId,
    sealed: &[u8],
) -> rusqlite::Result<UserName> {
    let name = open_text(identity, Place::UserName(user.0), sealed)?;
    Ok(UserName::kept(&name))
}

pub(super) fn open_text(
    identity: &Identity,
    place: Place,
    sealed: &[u8],
) -> rusqlite::Result<String> {
    let plain = identity.open(place, sealed).map_err(unreadable)?;
    String::from_utf8(plain).map_err(unreadable)
}

fn users(connection: &Connection, identity: &Identity) -> rusqlite::Result<Vec<UserRecord>> {
    let read = |row: &Row| {
        let id = UserId(row.get(0)?);
        let from = row
            .get_ref(4)?
            .as_blob_or_null()?
            .map(|sealed| open_address(identity, id, sealed))
            .transpose()?;
        let last_login = row.get::<_, Option<i64>>(3)?.map(|at| LastLogin {
            at: Timestamp(at),
            from,
        });
        Ok(UserRecord {
            id,
            name: open_name(identity, id, row.get_ref(1)?.as_blob()?)?,
            created_at: Timestamp(row.get(2)?),
            last_login,
            removed: row.get(5)?,
            disabled_at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        })
    };
    connection
        .prepare(
            "SELECT id, name, created_at, last_login_at, last_login_from, removed, disabled_at FROM user ORDER BY id",
        )?
        .query_map([], read)?
        .collect()
}

fn open_address(identity: &Identity, user: UserId, sealed: &[u8]) -> rusqlite::Result<IpAddr> {
    #[derive(Debug, thiserror::Error)]
    #[error("an address has {0} bytes instead of 4 or 16")]
    struct Length(usize);

    let plain = identity
        .open(Place::LastLogin(user.0), sealed)
        .map_err(unreadable)?;
    if let Ok(bytes) = <[u8; 4]>::try_from(&plain[..]) {
        return Ok(bytes.into());
    }
    match <[u8; 16]>::try_from(&plain[..]) {
        Ok(bytes) => Ok(bytes.into()),
        Err(_) => Err(unreadable(Length(plain.len()))),
    }
}

fn rooms(connection: &Connection, numbers: &Numbers) -> rusqlite::Result<Vec<RoomRecord>> {
    let read = |row: &Row| {
        let id = RoomId(row.get(0)?);
        let form = match row.get_ref(1)?.as_str_or_null()? {
            Some(name) => RoomForm::Open(RoomName::kept(name)),
            None => RoomForm::Direct(UserId(row.get(2)?), UserId(row.get(3)?)),
        };
        let first_seq = Seq(unsigned(row, 6)?);
        Ok(RoomRecord {
            id,
            form,
            topic: row.get_ref(4)?.as_str()?.into(),
            created_at: Timestamp(row.get(5)?),
            first_seq,
            last_seq: numbers
                .last(id)
                .unwrap_or(Seq(first_seq.0.saturating_sub(1))),
        })
    };
    connection
        .prepare(
            "SELECT id, name, lower_user, higher_user, topic, created_at, first_seq FROM room ORDER BY id",
        )?
        .query_map([], read)?
        .collect()
}

fn room_ends(connection: &Connection) -> rusqlite::Result<Vec<(Box<str>, Seq)>> {
    connection
        .prepare(
            "SELECT name_key, max(last_seq) FROM removed_room GROUP BY name_key ORDER BY name_key",
        )?
        .query_map([], |row| {
            Ok((row.get_ref(0)?.as_str()?.into(), Seq(unsigned(row, 1)?)))
        })?
        .collect()
}

fn members(connection: &Connection) -> rusqlite::Result<Vec<MemberRecord>> {
    connection
        .prepare("SELECT room, user, read_seq FROM member ORDER BY room, user")?
        .query_map([], |row| {
            Ok(MemberRecord {
                room: RoomId(row.get(0)?),
                user: UserId(row.get(1)?),
                read_seq: Seq(unsigned(row, 2)?),
            })
        })?
        .collect()
}

fn sessions(connection: &Connection, identity: &Identity) -> rusqlite::Result<Vec<SessionRecord>> {
    let read = |row: &Row| {
        let id = SessionId(unsigned(row, 0)?);
        let device = open_text(identity, Place::Device(id.0), row.get_ref(3)?.as_blob()?)?;
        Ok(SessionRecord {
            id,
            user: UserId(row.get(1)?),
            token: TokenHash(row.get(2)?),
            device: device.into(),
            created_at: Timestamp(row.get(4)?),
            expires_at: Timestamp(row.get(5)?),
            seen_at: Timestamp(row.get(6)?),
        })
    };
    connection
        .prepare(
            "SELECT id, user, token, device, created_at, expires_at, seen_at FROM session ORDER BY id",
        )?
        .query_map([], read)?
        .collect()
}

/// The number after the highest that a table ever had, rows that are gone included.
fn next<T: rusqlite::types::FromSql>(connection: &Connection, table: &str) -> rusqlite::Result<T> {
    connection.query_row(
        "SELECT ifnull(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = ?1",
        [table],
        |row| row.get(0),
    )
}

/// The end of one room's log on its way into the common order.
struct Run {
    room: RoomId,
    /// Newest first.
    tails: VecDeque<Tail>,
    /// Where to go on reading.
    before: i64,
    /// Whether more may be found further back.
    more: bool,
}

struct Tail {
    id: i64,
    offset: i64,
    at: Timestamp,
    author: UserId,
    key: Option<Arc<str>>,
}

/// The newest keys, oldest first. All rooms are gone through together, from the newest message of all backwards, by
/// the offset; of a room that nobody wrote in lately only the last row is read.
pub(super) fn keys(
    connection: &Connection,
    since: Timestamp,
    keys_max: usize,
) -> rusqlite::Result<Vec<KeyRecord>> {
    // One look at the log, whatever the writer removes meanwhile.
    let connection = &connection.unchecked_transaction()?;
    let mut keys = Vec::new();
    let (mut runs, mut newest) = (Vec::new(), BinaryHeap::new());
    let mut rooms = connection.prepare("SELECT id FROM room ORDER BY id")?;
    let rooms = rooms.query_map([], |row| row.get(0).map(RoomId))?;
    for room in rooms {
        let room = room?;
        let mut run = Run {
            room,
            tails: VecDeque::new(),
            before: message_id(room, SEQ_MAX),
            more: true,
        };
        run.read(connection, since, 1)?;
        newest.extend(run.tails.front().map(|tail| (tail.offset, runs.len())));
        runs.push(run);
    }
    for _ in 0..keys_max.saturating_mul(LOOKS_PER_KEY) {
        let Some((_, index)) = newest.pop() else {
            break;
        };
        let run: &mut Run = &mut runs[index];
        keys.extend(
            run.tails
                .pop_front()
                .and_then(|tail| tail.key_of(run.room, since)),
        );
        if keys.len() == keys_max {
            break;
        }
        if run.tails.is_empty() && run.more {
            run.read(connection, since, CHUNK_MESSAGES)?;
        }
        newest.extend(run.tails.front().map(|tail| (tail.offset, index)));
    }
    keys.reverse();
    Ok(keys)
}

impl Run {
    /// Reads on. A chunk without a recent message is the last: one message with a wrong time, from a clock that was set
    /// back for a moment, does not end the search before the others.
    fn read(
        &mut self,
        connection: &Connection,
        since: Timestamp,
        limit: usize,
    ) -> rusqlite::Result<()> {
        let range = (message_id(self.room, Seq(0)), self.before, rows_max(limit));
        let mut statement = connection.prepare_cached(BACKWARDS)?;
        let mut rows = statement.query(range)?;
        self.more = false;
        while let Some(row) = rows.next()? {
            let tail = Tail {
                id: row.get(0)?,
                offset: row.get(1)?,
                at: Timestamp(row.get(2)?),
                author: UserId(row.get(3)?),
                key: shared(row, 4)?,
            };
            self.before = tail.id;
            self.more |= tail.at >= since;
            self.tails.push_back(tail);
        }
        Ok(())
    }
}

impl Tail {
    fn key_of(self, room: RoomId, since: Timestamp) -> Option<KeyRecord> {
        let key = self.key.filter(|_| self.at >= since)?;
        Some(KeyRecord {
            author: self.author,
            key,
            room,
            seq: seq_of(self.id),
            at: self.at,
        })
    }
}
