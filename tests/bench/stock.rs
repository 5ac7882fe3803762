//! State as years of use leave it, made with the daemon's own store before there is a daemon: accounts with sessions, rooms
//! with members, messages with keys.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use chatd::base::record::{
    Change, Draft, Kind, MemberRecord, PasswordHash, RoomForm, RoomRecord, SessionRecord,
    UserRecord,
};
use chatd::base::{Password, RoomId, Seq, SessionId, Timestamp, Token, UserId};
use chatd::store::{Database, Entry, KeySource, SqliteStore, Store};
use tempfile::TempDir;

use crate::load::HALL;
use crate::server::{self, Server};

/// Bytes of each text.
pub const TEXT_BYTES: usize = 120;
/// The first room beside the lobby.
const FIRST_ROOM: u32 = 2;
/// Messages stored at once.
const AT_ONCE: u64 = 10_000;
/// How long sessions last.
const LASTING: Duration = Duration::from_secs(30 * 86_400);
const MEMBERSHIPS_AT_ONCE: usize = 1_000;

/// A filled state folder that nobody serves yet.
pub struct Stock {
    folder: TempDir,
    database: Database,
    store: SqliteStore,
    /// Their tokens.
    people: Vec<Password>,
    rooms: u32,
    said: u64,
    /// When the first message is said, and how far the next ones are from each other.
    begins: Timestamp,
    pause: Duration,
    padding: String,
}

impl Stock {
    /// So many people who are in none but these rooms, in turn, the first of which is the [`HALL`]. Nobody says anything.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn new(people: u32, rooms: u32) -> Result<Self> {
        let folder = server::folder()?;
        let state = server::state(folder.path());
        std::fs::create_dir(&state)?;
        let database = Database::open(&state, &KeySource::default())?;
        let store = database.writer()?;
        let mut stock = Self {
            folder,
            database,
            store,
            people: Vec::new(),
            rooms,
            said: 0,
            begins: now()?,
            pause: Duration::ZERO,
            padding: "lorem ipsum dolor sit amet ".repeat(TEXT_BYTES / 27),
        };
        let names = std::iter::once(HALL.to_owned()).chain((1..).map(|n| format!("room{n}")));
        let rooms: Result<Vec<_>> = (0..rooms)
            .zip(names)
            .map(|(index, name)| stock.room(index, &name))
            .collect();
        stock.change(rooms?)?;
        for first in (0..people).step_by(MEMBERSHIPS_AT_ONCE) {
            let some: Result<Vec<_>> = (first..people)
                .take(MEMBERSHIPS_AT_ONCE)
                .map(|index| stock.person(index))
                .collect();
            stock.change(some?.into_iter().flatten().collect())?;
        }
        Ok(stock)
    }

    /// From now on messages are so far from each other, such that this many of them end now.
    ///
    /// # Errors
    /// When the clock is wrong.
    pub fn pace(&mut self, pause: Duration, messages: u64) -> Result<()> {
        let all = pause.as_millis() as i64 * (self.said + messages) as i64;
        self.begins = Timestamp(now()?.0 - all);
        self.pause = pause;
        Ok(())
    }

    /// The next message, in the next room.
    pub fn message(&mut self) -> Entry {
        let number = self.said;
        self.said += 1;
        Entry::Append(Draft {
            room: self.room_of(number),
            author: UserId(1),
            at: Timestamp(self.begins.0 + (self.pause.as_millis() as u64 * number) as i64),
            kind: Kind::Text,
            key: Some(format!("{number:012}").into()),
            // A word of its own, one in a thousand, and some in all.
            text: format!("word{number} group{} {}", number % 1_000, self.padding).into(),
            redacts: None,
        })
    }

    /// Where message `number` is.
    pub fn room_of(&self, number: u64) -> RoomId {
        RoomId(FIRST_ROOM + (number % u64::from(self.rooms)) as u32)
    }

    /// The number of messages.
    pub fn said(&self) -> u64 {
        self.said
    }

    /// The number of rooms, which are all that a search may look into.
    pub fn rooms(&self) -> Vec<RoomId> {
        (0..self.rooms)
            .map(|index| RoomId(FIRST_ROOM + index))
            .collect()
    }

    /// Goes on until there are so many messages, all of them in the search index.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn fill(&mut self, messages: u64) -> Result<()> {
        while self.said < messages {
            let count = (messages - self.said).min(AT_ONCE);
            let batch: Vec<_> = (0..count).map(|_| self.message()).collect();
            self.store.commit(&batch)?;
        }
        while self.store.index(AT_ONCE as usize)? {}
        Ok(())
    }

    /// The store that it was made with.
    pub fn store(&mut self) -> &mut SqliteStore {
        &mut self.store
    }

    /// The database.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Starts a server on it. People come in with these further fields of `resume`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve(self, more: &str) -> Result<Server> {
        let greeting = |token: &Password| server::greeting(token.expose(), more);
        let greetings = self.people.iter().map(greeting).collect();
        // Two processes do not write to one database.
        drop((self.store, self.database));
        Server::on(self.folder, greetings)
    }

    /// The bytes of the database.
    ///
    /// # Errors
    /// When there is none.
    pub fn bytes(&self) -> Result<u64> {
        let file = server::state(self.folder.path()).join("chatd.db");
        Ok(std::fs::metadata(file)?.len())
    }

    fn change(&mut self, changes: Vec<Change>) -> Result<()> {
        self.store.commit(&[Entry::Changes(changes)])?;
        Ok(())
    }

    fn room(&self, index: u32, name: &str) -> Result<Change> {
        Ok(Change::AddRoom(RoomRecord {
            id: RoomId(FIRST_ROOM + index),
            form: RoomForm::Open(name.parse()?),
            topic: "".into(),
            created_at: self.begins,
            first_seq: Seq(1),
            last_seq: Seq(0),
        }))
    }

    /// Somebody with a session, whose token is noted, in a room.
    fn person(&mut self, index: u32) -> Result<[Change; 3]> {
        let id = UserId(index + 1);
        let user = UserRecord {
            id,
            name: format!("person{index:05}").parse()?,
            created_at: self.begins,
            last_login: None,
            disabled_at: None,
            removed: false,
        };
        let hash = PasswordHash("$argon2id$nonsense".into());
        // Good for one benchmark; nobody has to be kept from guessing it.
        let token = Token::random(|bytes| {
            let (number, _) = bytes.split_at_mut(4);
            number.copy_from_slice(&index.to_be_bytes());
            Ok::<_, std::convert::Infallible>(())
        })?;
        let session = SessionRecord {
            id: SessionId(u64::from(index) + 1),
            user: id,
            token: token.hash(),
            device: "bench".into(),
            created_at: self.begins,
            expires_at: Timestamp(self.begins.0 + LASTING.as_millis() as i64),
            seen_at: self.begins,
        };
        let member = MemberRecord {
            room: self.room_of(u64::from(index)),
            user: id,
            read_seq: Seq(0),
        };
        self.people.push(token.expose());
        Ok([
            Change::AddUser(user, hash.clone()),
            Change::AddSession(session, hash),
            Change::AddMember(member),
        ])
    }
}

fn now() -> Result<Timestamp> {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .context("the clock is before 1970")?;
    Ok(Timestamp(since.as_millis() as i64))
}
