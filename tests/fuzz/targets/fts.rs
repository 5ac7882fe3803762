//! Searches in SQLite as a person types them: none is an error, all are within their bounds, and what was said is found by
//! saying the same.

use std::cell::RefCell;

use chatd::base::id::LOBBY;
use chatd::base::limit::TEXT_BYTES_MAX;
use chatd::base::record::{Draft, Kind};
use chatd::base::{RoomId, Seq, Timestamp, UserId};
use chatd::store::{Database, Entry, KeySource, Outcome, Reader, SqliteReader, SqliteStore, Store};

/// With more, searches would take longer than it takes to begin anew.
const SAID_MAX: usize = 256;

/// What is there to be found in the beginning.
const SAID: [&str; 8] = [
    "Green tea is ready",
    "the kettle is on, tea later",
    "Чай готов, ёлка стоит",
    "re-read the tea leaves: NEAR(tea kettle) OR NOT AND",
    "\"quoted\" 'words' (and) brackets* ^caret column:text",
    "你好 世界 नमस्ते e\u{301} \u{1f469}\u{200d}\u{1f680}",
    "a.b -6 1e9 0x7f %00 \\x00 {curly} [square]",
    "İstanbul STRASSE straße ﬁne Å",
];

struct Place {
    reader: SqliteReader,
    store: SqliteStore,
    said: usize,
    _folder: tempfile::TempDir,
}

thread_local! {
    static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) };
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path(), &KeySource::default()).unwrap();
        let (reader, store) = (database.reader().unwrap(), database.writer().unwrap());
        let mut place = Self {
            reader,
            store,
            said: 0,
            _folder: folder,
        };
        SAID.iter().for_each(|text| {
            place.say(text);
        });
        place
    }

    fn say(&mut self, text: &str) -> Seq {
        let draft = Draft {
            room: LOBBY,
            author: UserId(1),
            at: Timestamp(0),
            kind: Kind::Text,
            key: None,
            text: text.into(),
            redacts: None,
        };
        let outcome = self.store.commit(&[Entry::Append(draft)]).unwrap();
        while self.store.index(64).unwrap() {}
        self.said += 1;
        match outcome[..] {
            [Outcome::Appended(seq)] => seq,
            _ => panic!("{outcome:?}"),
        }
    }
}

pub fn check(data: &[u8]) {
    let (steer, rest) = super::steered(data);
    let text = String::from_utf8_lossy(&rest[..rest.len().min(TEXT_BYTES_MAX)]).replace('\0', "");
    if text.is_empty() {
        return;
    }
    PLACE.with_borrow_mut(|place| {
        if place.as_ref().is_none_or(|place| place.said >= SAID_MAX) {
            *place = Some(Place::new());
        }
        let place = place.as_mut().unwrap();
        let limit = 1 + usize::from(steer % 8);
        // One room, the same among others, and none that has anything.
        let rooms = [
            vec![LOBBY],
            vec![LOBBY, RoomId(7), RoomId(9)],
            vec![RoomId(7)],
        ];
        let rooms = &rooms[usize::from(steer / 8 % 3)];
        let before = Seq([u64::MAX, 5, 0][usize::from(steer / 24 % 3)]);
        let found = place
            .reader
            .search(rooms, &text, None, before, limit)
            .unwrap();
        assert!(found.len() <= limit);
        assert!(
            found
                .iter()
                .all(|record| record.draft.room == LOBBY && record.seq < before)
        );
        assert!(found.is_sorted_by(|one, next| one.seq > next.seq));
        assert!(found.is_empty() || rooms.contains(&LOBBY));
        if steer % 4 == 0 {
            let seq = place.say(&text);
            let found = place
                .reader
                .search(&[LOBBY], &text, None, Seq(u64::MAX), 1)
                .unwrap();
            assert!(found.iter().all(|record| *record.draft.text == *text));
            // What SQLite takes for letters is not what Rust does, so only where both agree it is a word for sure.
            let sure = |word: &str| {
                word.contains(|c: char| c.is_ascii_alphanumeric() || ('а'..='я').contains(&c))
            };
            let mut words = text.split(|c: char| c.is_whitespace() || c.is_control());
            if words.by_ref().take(16).any(sure) {
                assert_eq!(
                    found.first().map(|record| record.seq),
                    Some(seq),
                    "{text:?}"
                );
            }
        }
    });
}
