//! The search index made anew. The old one is put aside in one small transaction, its tables as ordinary ones; the new one
//! is filled behind the log in the steps in which it always is, and the old tables are emptied in steps like those by which
//! a cleared log goes. Nobody waits, and a restart goes on with both.
//!
//! Turned down: FTS5's own `rebuild` and `delete-all`, and dropping the table, each of which is one transaction for the
//! whole index: minutes, with millions of messages.

use rusqlite::{Connection, OptionalExtension as _};

use crate::store::writer::begin;

/// As in the migrations: a test compares.
const NEW: &str = "CREATE VIRTUAL TABLE message_text USING fts5 (
    text, content = 'message', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
)";

/// Where FTS5 keeps an index, what each is called once it is put aside, and its key.
const TABLES: [(&str, &str, &str); 3] = [
    ("message_text_data", "old_index_data", "id"),
    ("message_text_idx", "old_index_idx", "segid, term"),
    ("message_text_docsize", "old_index_docsize", "id"),
];

/// Rows removed at a time: pages of the index have a row each, of about 4 KiB. Some two milliseconds.
const ROWS_PER_STEP: u32 = 100;

/// Puts the index aside and begins another one. `false` where the one before is still being removed.
pub(super) fn begin_anew(connection: &Connection) -> rusqlite::Result<bool> {
    let transaction = begin(connection)?;
    if is_old_left(&transaction)? {
        return Ok(false);
    }
    for (table, aside, _) in TABLES {
        transaction.execute_batch(&format!("ALTER TABLE {table} RENAME TO {aside}"))?;
    }
    transaction.execute_batch("DROP TABLE message_text")?;
    transaction.execute_batch(NEW)?;
    transaction.execute_batch("UPDATE room SET indexed_seq = first_seq - 1")?;
    transaction.commit()?;
    Ok(true)
}

/// Whether there is something of an old index.
pub(super) fn is_old_left(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(old_table(connection)?.is_some())
}

fn old_table(connection: &Connection) -> rusqlite::Result<Option<usize>> {
    let mut find = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    for (at, (_, aside, _)) in TABLES.iter().enumerate() {
        if find.query_row([aside], |_| Ok(())).optional()?.is_some() {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Removes some of what an old index has left; returns whether there is more.
pub(super) fn remove_some(connection: &Connection) -> rusqlite::Result<bool> {
    let Some(at) = old_table(connection)? else {
        return Ok(false);
    };
    let (_, aside, key) = TABLES[at];
    let removed = connection.execute(
        &format!(
            "DELETE FROM {aside} WHERE ({key}) IN (SELECT {key} FROM {aside} LIMIT {ROWS_PER_STEP})"
        ),
        [],
    )?;
    if removed == 0 {
        connection.execute_batch(&format!("DROP TABLE {aside}"))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_made_as_the_migrations_make_it() {
        let migrations = include_str!("migrations/002_admin.sql");
        assert!(migrations.contains(NEW));
    }
}
