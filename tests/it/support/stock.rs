//! Databases with much in them, made before a daemon has them.

use std::path::Path;

use chatd::base::id::LOBBY;
use chatd::base::record::{Change, Draft, Kind, PasswordHash, UserRecord};
use chatd::base::{Timestamp, UserId};
use chatd::store::{Database, Entry, KeySource, Store};

/// So many messages in the lobby, all from `stock`, each of about so many bytes.
pub fn stock(state: &Path, messages: u64, bytes: usize) {
    stock_at(state, messages, bytes, |n| n as i64 * 1_000);
}

/// The same, each said at this time, in milliseconds.
pub fn stock_at(state: &Path, messages: u64, bytes: usize, time: impl Fn(u64) -> i64) {
    let database = Database::open(state, &KeySource::default()).expect("the folder is ours");
    let mut store = database.writer().expect("nobody else writes");
    let user = UserRecord {
        id: UserId(1),
        name: "stock".parse().expect("a name"),
        created_at: Timestamp(1_000),
        last_login: None,
        disabled_at: None,
        removed: false,
    };
    let user = Change::AddUser(user, PasswordHash("$argon2id$nonsense".into()));
    store
        .commit(&[Entry::Changes(vec![user])])
        .expect("there is room");
    append(&mut store, messages, bytes, time);
}

/// So many more in the lobby, all from the first account that was made.
pub fn more(state: &Path, messages: u64, bytes: usize) {
    let database = Database::open(state, &KeySource::default()).expect("the folder is ours");
    let mut store = database.writer().expect("nobody else writes");
    append(&mut store, messages, bytes, |n| n as i64 * 1_000);
}

fn append(store: &mut impl Store, messages: u64, bytes: usize, time: impl Fn(u64) -> i64) {
    let padding = "lorem ipsum dolor sit amet ".repeat(bytes / 27);
    let said = |at: u64| {
        Entry::Append(Draft {
            room: LOBBY,
            author: UserId(1),
            at: Timestamp(time(at)),
            kind: Kind::Text,
            key: None,
            text: format!("message {at}, {padding}").into(),
            redacts: None,
        })
    };
    for first in (1..=messages).step_by(5_000) {
        let batch: Vec<_> = (first..=messages).take(5_000).map(said).collect();
        store.commit(&batch).expect("there is room");
    }
    // What comes then is not to be mixed with the making of the index.
    while store.index(5_000).expect("there is room") {}
}
