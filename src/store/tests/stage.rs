//! What the tests of a store are written with: the stage they play on, and short words for what they store.

use std::sync::Arc;

use crate::base::record::{
    Change, Draft, Kind, MemberRecord, PasswordHash, Record, RoomForm, RoomRecord, SessionRecord,
    Snapshot, UserRecord,
};
use crate::base::{RoomId, Seq, SessionId, Timestamp, TokenHash, UserId};
use crate::store::{Entry, Outcome, Reader, Store};

/// A store that a test plays on.
pub(in crate::store) trait Stage {
    fn store(&mut self) -> &mut dyn Store;
    fn reader(&self) -> Box<dyn Reader>;
    /// Fills the disk, or makes room on it.
    fn set_full(&mut self, is_full: bool);
}

pub(in crate::store) const ANNA: UserId = UserId(1);
pub(in crate::store) const BORIS: UserId = UserId(2);
pub(in crate::store) const TEA: RoomId = RoomId(2);

pub(in crate::store) fn user(id: UserId, name: &str) -> Change {
    let user = UserRecord {
        id,
        name: name.parse().unwrap(),
        created_at: Timestamp(1_000),
        last_login: None,
        removed: false,
        disabled_at: None,
    };
    Change::AddUser(user, hash(name))
}

pub(in crate::store) fn hash(of: &str) -> PasswordHash {
    PasswordHash(format!("$argon2id$v=19$m=19456,t=2,p=1$salt${of}-hash").into())
}

pub(in crate::store) fn session(id: u64, user: UserId) -> SessionRecord {
    SessionRecord {
        id: SessionId(id),
        user,
        token: TokenHash([id as u8; 32]),
        device: "laptop".into(),
        created_at: Timestamp(2_000),
        expires_at: Timestamp(9_000),
        seen_at: Timestamp(2_000),
    }
}

/// The session begins, for whoever showed the password.
pub(in crate::store) fn log_in(id: u64, user: UserId, password: &str) -> Change {
    Change::AddSession(session(id, user), hash(password))
}

pub(in crate::store) fn room(id: RoomId, form: RoomForm) -> Change {
    Change::AddRoom(RoomRecord {
        id,
        form,
        topic: "".into(),
        created_at: Timestamp(1_500),
        first_seq: Seq(1),
        last_seq: Seq(0),
    })
}

pub(in crate::store) fn open(name: &str) -> RoomForm {
    RoomForm::Open(name.parse().unwrap())
}

pub(in crate::store) fn member(room: RoomId, user: UserId, read_seq: u64) -> MemberRecord {
    MemberRecord {
        room,
        user,
        read_seq: Seq(read_seq),
    }
}

pub(in crate::store) fn draft(room: RoomId, at: i64, key: Option<&str>, text: &str) -> Draft {
    Draft {
        room,
        author: ANNA,
        at: Timestamp(at),
        kind: Kind::Text,
        key: key.map(Arc::from),
        text: text.into(),
        redacts: None,
    }
}

pub(in crate::store) fn said(room: RoomId, text: &str) -> Entry {
    Entry::Append(draft(room, 3_000, None, text))
}

/// One entry of changes, which are made.
pub(in crate::store) fn make(store: &mut dyn Store, changes: Vec<Change>) {
    let outcome = store.commit(&[Entry::Changes(changes)]).unwrap();
    assert_eq!(outcome, [Outcome::Changed]);
}

pub(in crate::store) fn say(store: &mut dyn Store, room: RoomId, texts: &[&str]) {
    let batch: Vec<_> = texts.iter().map(|text| said(room, text)).collect();
    store.commit(&batch).unwrap();
}

pub(in crate::store) fn snapshot(store: &mut dyn Store) -> Snapshot {
    store.load().unwrap()
}

/// A message as a test reads it: its number and its text.
pub(in crate::store) fn lines(records: &[Record]) -> Vec<String> {
    let line = |record: &Record| format!("{} {}", record.seq, record.draft.text);
    records.iter().map(line).collect()
}
