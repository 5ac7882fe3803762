//! How a message lies in its row, and how what cannot be read or stored becomes an error. Knows no rules.

use std::path::Path;
use std::sync::Arc;

use nix::sys::statvfs::statvfs;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, ErrorCode, Row};

use crate::base::record::{Draft, Kind, Record};
use crate::base::{RoomId, Seq, Timestamp, UserId};
use crate::store::StoreError;

/// A message's id is its room and, in this many low bits, its number there.
const SEQ_BITS: u32 = 36;
/// The highest number that a message can have.
pub(super) const SEQ_MAX: Seq = Seq((1 << SEQ_BITS) - 1);
/// With less than this left, a write that failed has failed for want of room.
const DISK_BYTES_MIN: u64 = 65_536;

/// The columns that [`record`] reads, in its order.
macro_rules! record_columns {
    () => {
        "message.id, message.at, message.author, message.kind, message.key, message.text, \
         message.redacts"
    };
}
pub(super) use record_columns;

/// The id of a message; a number that is too high gives the highest.
pub(super) fn message_id(room: RoomId, seq: Seq) -> i64 {
    (i64::from(room.0) << SEQ_BITS) | seq.min(SEQ_MAX).0.cast_signed()
}

/// The number that is in a message's id.
pub(super) fn seq_of(id: i64) -> Seq {
    Seq(id.cast_unsigned() & SEQ_MAX.0)
}

/// The room that is in a message's id.
pub(super) fn room_of(id: i64) -> RoomId {
    RoomId((id >> SEQ_BITS) as u32)
}

/// A number as SQLite takes it: none that is stored comes near the sign bit.
pub(super) fn signed(number: u64) -> i64 {
    number.cast_signed()
}

/// A number as it was stored.
pub(super) fn unsigned(row: &Row, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// A bound on rows as SQLite takes it.
pub(super) fn rows_max(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// How the sort of a message is stored.
pub(super) fn kind_number(kind: Kind) -> i64 {
    match kind {
        Kind::Text => 0,
        Kind::Action => 1,
        Kind::Redaction => 2,
        Kind::Redacted => 3,
    }
}

/// Reads the columns of [`record_columns`].
pub(super) fn record(row: &Row) -> rusqlite::Result<Record> {
    let id: i64 = row.get(0)?;
    let kind = match row.get(3)? {
        0 => Kind::Text,
        1 => Kind::Action,
        2 => Kind::Redaction,
        3 => Kind::Redacted,
        other => return Err(Error::IntegralValueOutOfRange(3, other)),
    };
    Ok(Record {
        seq: seq_of(id),
        draft: Draft {
            room: room_of(id),
            at: Timestamp(row.get(1)?),
            author: UserId(row.get(2)?),
            kind,
            key: shared(row, 4)?,
            text: row.get_ref(5)?.as_str()?.into(),
            redacts: match row.get_ref(6)? {
                ValueRef::Null => None,
                _ => Some(Seq(unsigned(row, 6)?)),
            },
        },
    })
}

/// A text column that may be NULL, copied once.
pub(super) fn shared(row: &Row, column: usize) -> rusqlite::Result<Option<Arc<str>>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(Arc::from))
}

/// A value in the database that is not what it ought to be.
pub(super) fn unreadable(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(0, Type::Blob, Box::new(cause))
}

/// A value that cannot be stored.
pub(super) fn refused(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::ToSqlConversionFailure(Box::new(cause))
}

/// What a caller is told of an error on the database at `path`.
pub(super) fn fault(action: &'static str, path: &Path, error: &Error) -> StoreError {
    if is_full(path, error) {
        return StoreError::Full {
            path: path.to_owned(),
        };
    }
    if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
        return StoreError::Foreign {
            path: path.to_owned(),
        };
    }
    let code = error.sqlite_error().map_or(String::new(), |error| {
        format!(" (SQLite error {})", error.extended_code)
    });
    let advice = advice(error).map_or(String::new(), |advice| format!("; {advice}"));
    StoreError::io(action, path, format_args!("{error}{code}{advice}"))
}

/// What SQLite's words leave open: whose doing it is, and what helps.
fn advice(error: &Error) -> Option<&'static str> {
    match error.sqlite_error_code()? {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(
            "another program has locked it; end that one (`fuser` names it), and it goes on by itself",
        ),
        ErrorCode::DatabaseCorrupt => Some(
            "it is damaged: `chatctl check` tells more; save what can be read, look at the disk, and put a backup in its place, as chatctl(8) tells under BACKUPS",
        ),
        ErrorCode::ReadOnly => Some(
            "its file system may be read-only: look why (`journalctl -k`), and mount it for writing",
        ),
        ErrorCode::SystemIoFailure => Some("look at the disk (`journalctl -k`)"),
        _ => None,
    }
}

/// Some file systems and calls (an fsync, the shared memory beside the log) report a full disk as an I/O error.
fn is_full(path: &Path, error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => true,
        Some(ErrorCode::SystemIoFailure) => statvfs(path).is_ok_and(|disk| {
            disk.blocks_available().saturating_mul(disk.fragment_size()) < DISK_BYTES_MIN
        }),
        _ => false,
    }
}
