//! A text that is to be gone: it is taken out of the row and out of the search index, in the transaction that stores the
//! message that tells of it.

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::UserId;
use crate::base::record::{Kind, Redaction};
use crate::store::Outcome;
use crate::store::rows::{kind_number, message_id, signed};

pub(super) const TARGET: &str = "SELECT message.author, message.kind FROM message JOIN room ON room.id = ?2 \
    WHERE message.id = ?1 AND ?3 >= room.first_seq";

/// What keeps the message from being redacted; nothing if it is to be.
pub(super) fn obstacle(
    connection: &Connection,
    redaction: &Redaction,
) -> rusqlite::Result<Option<Outcome>> {
    let Redaction { room, seq, .. } = *redaction;
    let target = connection
        .prepare_cached(TARGET)?
        .query_row(
            params![message_id(room, seq), room.0, signed(seq.0)],
            |row| Ok((row.get::<_, u32>(0)?, row.get::<_, i64>(1)?)),
        )
        .optional()?;
    let is = |kind, number: i64| number == kind_number(kind);
    Ok(match target {
        None => Some(Outcome::Missing),
        Some((_, kind)) if is(Kind::Redaction, kind) => Some(Outcome::Missing),
        Some((author, _)) if !redaction.may_be_of(UserId(author)) => Some(Outcome::Foreign),
        Some((_, kind)) if is(Kind::Redacted, kind) => Some(Outcome::Unchanged),
        Some(_) => None,
    })
}

/// Takes the text out.
pub(super) fn blank(connection: &Connection, redaction: &Redaction) -> rusqlite::Result<()> {
    let id = message_id(redaction.room, redaction.seq);
    // At once and out of the pages of the index: it costs a millisecond.
    let erase = "INSERT INTO message_text (message_text, rank) VALUES ('secure-delete', ?1)";
    let mut erase = connection.prepare_cached(erase)?;
    erase.execute([true])?;
    let is_indexed = unindex(connection, id, id)? > 0;
    erase.execute([false])?;
    connection
        .prepare_cached("UPDATE message SET text = '', kind = ?2 WHERE id = ?1")?
        .execute(params![id, kind_number(Kind::Redacted)])?;
    if is_indexed {
        // So that the index goes on to have each message up to where it has come, this one without a word.
        connection
            .prepare_cached("INSERT INTO message_text (rowid, text) VALUES (?1, '')")?
            .execute([id])?;
    }
    Ok(())
}

/// Takes the messages with these ids out of the index, before their texts go: it looks there for what to forget. What it
/// does not have must not be taken out, and only its own table of sizes tells. Returns how many they were.
pub(super) fn unindex(connection: &Connection, first: i64, last: i64) -> rusqlite::Result<usize> {
    let indexed: Vec<i64> = connection
        .prepare_cached("SELECT id FROM message_text_docsize WHERE id >= ?1 AND id <= ?2")?
        .query_map([first, last], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM message_text WHERE rowid = ?1")?;
    for id in &indexed {
        delete.execute([id])?;
    }
    Ok(indexed.len())
}
