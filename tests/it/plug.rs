//! The plug is pulled, and the disk fails: at each single write that SQLite makes in a long life of the database. What is
//! on the disk then opens, is sound, and has all that was stored before; what a disk refuses is not taken for stored.
//!
//! A part of all places in `cargo test`; all of them with `PLACES=all cargo test --release --test it -- plug`, so many with
//! `PLACES=2000`. With `TMPDIR=/dev/shm` it is done in a tenth of the time.

use std::fs;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chatd::base::record::{
    Change, Clearing, Draft, Kind, MemberRecord, PasswordHash, Record, Redaction, RoomForm,
    RoomRecord, UserRecord,
};
use chatd::base::{RoomId, Seq, Timestamp, UserId};
use chatd::store::{
    Checking, Database, Entry, KeySource, Outcome, Reader as _, SqliteReader, SqliteStore, Step,
    Store as _,
};
use chatd_disk::{Disk, Ending, Fault, Op, Tape, Trouble};
use tempfile::TempDir;

const LOBBY: RoomId = RoomId(1);
const TEA: RoomId = RoomId(2);
const ANNA: UserId = UserId(1);
const BORIS: UserId = UserId(2);

/// At one place of so many each word of the search index is compared with the log: it takes a second.
const WORDS_EACH: usize = 100;

/// Of all places in turn this many are looked at, unless all are wanted, or another number.
pub fn places(all: usize, few: usize) -> usize {
    let few = match std::env::var("PLACES") {
        Ok(wanted) => wanted.parse().unwrap_or(all),
        Err(_) => few,
    };
    all.div_ceil(few.max(1)).max(1)
}

/// A database with its files on a tape.
struct Life {
    folder: TempDir,
    tape: Arc<Tape>,
    store: Option<(SqliteStore, SqliteReader)>,
    said: u64,
}

impl Life {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self {
            tape: Tape::of(folder.path()),
            folder,
            store: None,
            said: 0,
        }
    }

    fn open(&mut self) -> Option<()> {
        self.store = None;
        self.store = Some(open(self.folder.path()).ok()?);
        Some(())
    }

    fn store(&mut self) -> &mut SqliteStore {
        &mut self.store.as_mut().expect("it is open").0
    }

    /// A message of this length, not like any other.
    fn message(&mut self, room: RoomId, length: usize) -> Entry {
        self.said += 1;
        let said = self.said;
        let words = (0..).map(|n| format!("word{} ", (said * 31 + n) % 997));
        let mut text: String = words.take(length / 8 + 1).collect();
        text.insert_str(0, &format!("message {said} "));
        Entry::Append(Draft {
            room,
            author: [ANNA, BORIS][said as usize % 2],
            at: Timestamp(said as i64),
            kind: Kind::Text,
            key: Some(format!("key-{said}").into()),
            text: text.into(),
            redacts: None,
        })
    }

    fn messages(&mut self, room: RoomId, lengths: &[usize]) -> Vec<Entry> {
        (lengths.iter())
            .map(|length| self.message(room, *length))
            .collect()
    }
}

fn open(folder: &Path) -> Result<(SqliteStore, SqliteReader), String> {
    let database = Database::open(folder, &KeySource::default()).map_err(|it| it.to_string())?;
    let reader = database.reader().map_err(|it| it.to_string())?;
    Ok((database.writer().map_err(|it| it.to_string())?, reader))
}

fn user(id: UserId, name: &str) -> Change {
    let user = UserRecord {
        id,
        name: name.parse().expect("a name"),
        created_at: Timestamp(1_000),
        last_login: None,
        removed: false,
        disabled_at: None,
    };
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA";
    Change::AddUser(user, PasswordHash(hash.into()))
}

/// People, a room, and who is in it.
fn beginning() -> Vec<Entry> {
    let room = Change::AddRoom(RoomRecord {
        id: TEA,
        form: RoomForm::Open("tea".parse().expect("a name")),
        topic: "leaves".into(),
        created_at: Timestamp(1_500),
        first_seq: Seq(1),
        last_seq: Seq(0),
    });
    let member = |room, user| {
        Change::AddMember(MemberRecord {
            room,
            user,
            read_seq: Seq(0),
        })
    };
    vec![Entry::Changes(vec![
        user(ANNA, "anna"),
        user(BORIS, "boris"),
        room,
        member(LOBBY, ANNA),
        member(TEA, ANNA),
        member(TEA, BORIS),
    ])]
}

/// All messages that a reader finds in a room.
fn log(reader: &mut SqliteReader, room: RoomId) -> Result<Vec<Record>, String> {
    let (mut all, mut after) = (Vec::new(), Seq(0));
    loop {
        let page = reader.after(room, after, 500, 10_000_000);
        let page = page.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = last.seq;
        all.extend(page);
    }
}

/// All that people know of a database, as text.
fn content((store, reader): &mut (SqliteStore, SqliteReader)) -> Result<String, String> {
    let snapshot = store.load().map_err(|error| error.to_string())?;
    let logs = [log(reader, LOBBY)?, log(reader, TEA)?];
    Ok(format!("{snapshot:?} {logs:?}"))
}

/// What `chatctl check` finds wrong; `words`, whether also in the words of the search index, which takes a second here.
pub fn findings(folder: &Path, words: bool) -> Vec<String> {
    let upkeep = Database::open(folder, &KeySource::default())
        .expect("it opens")
        .upkeep();
    let mut all = Vec::new();
    let gone = Arc::new(AtomicBool::new(false));
    let mut tell = |checking| match checking {
        Checking::Over(_, findings) => all.extend(findings),
        // It begins with the words only when each message is in it.
        Checking::Looked(Step::SearchIndex, _, 1..) if !words => {
            gone.store(true, Ordering::Relaxed)
        }
        _ => {}
    };
    upkeep.check(&gone, &mut tell).expect("it can be read");
    all
}

/// A long life: people and rooms, messages of all lengths in batches of all sizes, texts redacted, logs cleared, the index
/// brought up, space given back, the write-ahead log begun anew, the database closed and opened. After each commit what the
/// database holds then is noted, and a mark put on the tape.
fn long_life() -> (Life, Vec<String>) {
    let mut life = Life::new();
    let mut states = Vec::new();
    life.open().expect("a new database");
    let mut stored = |life: &mut Life, batch: &[Entry]| {
        life.store().commit(batch).expect("it is stored");
        let store = life.store.as_mut().expect("it is open");
        states.push(content(store).expect("it can be read"));
        life.tape.mark(states.len() as u64);
    };
    stored(&mut life, &beginning());
    for round in 0..36_usize {
        let room = [LOBBY, TEA][round % 2];
        let lengths: Vec<_> = (0..1 + round % 9)
            .map(|n| 20 + 97 * n * round % 5_000)
            .collect();
        let mut batch = life.messages(room, &lengths);
        batch.push(Entry::Changes(vec![Change::SetTopic(
            TEA,
            format!("topic {round}").into(),
        )]));
        stored(&mut life, &batch);
        match round % 6 {
            1 => while life.store().index(7).expect("it is indexed") {},
            3 => stored(
                &mut life,
                &[Entry::Redact(Redaction {
                    room,
                    seq: Seq(1 + round as u64),
                    by: ANNA,
                    at: Timestamp(5_000),
                    only_of: None,
                    not_of: Vec::new(),
                })],
            ),
            4 => {
                let clearing = Clearing {
                    room,
                    upto: Seq(round as u64),
                    before: None,
                    dry_run: false,
                };
                stored(&mut life, &[Entry::Clear(clearing)]);
                while life.store().tidy(11).expect("it is tidied") {}
            }
            5 if round % 12 == 5 => life.open().expect("it opens again"),
            _ => {}
        }
        if round == 9 {
            // More than the write-ahead log takes before it is begun anew.
            let batch = life.messages(LOBBY, &[60_000; 75]);
            stored(&mut life, &batch);
        }
    }
    life.store = None;
    (life, states)
}

/// A folder for what another one has after a cut.
fn with_key_of(folder: &Path) -> TempDir {
    let new = tempfile::tempdir().expect("a temporary folder");
    let key = "identity.key";
    fs::copy(folder.join(key), new.path().join(key)).expect("a key");
    new
}

/// What was found at some of the places.
#[derive(Default)]
struct Looks {
    looked: usize,
    /// Those that found what was on its way, too.
    ahead: usize,
}

/// Cuts the power after each of these places, in each of the ways in turn, or in all of them.
fn cut(
    folder: &Path,
    ops: &[Op],
    states: &[String],
    places: &[(usize, usize)],
    all: bool,
) -> Looks {
    let mut looks = Looks::default();
    let (mut disk, mut taken) = (Disk::default(), 0);
    for &(nth, cut) in places {
        ops[taken..=cut].iter().for_each(|op| disk.take(op));
        taken = cut + 1;
        let known = ops[..=cut].iter().rev().find_map(|op| match op {
            Op::Mark(mark) => Some(*mark as usize),
            _ => None,
        });
        let known = known.expect("the first mark is before") - 1;
        let endings = [
            Ending::Lost,
            Ending::Torn,
            Ending::Kept,
            Ending::Some(cut as u64),
        ];
        let endings = match all {
            true => &endings[..],
            false => &endings[nth % 4..][..1],
        };
        for ending in endings {
            let folder = with_key_of(folder);
            disk.image(*ending, folder.path()).expect("it is written");
            let place = format!("cut after {cut} of {}, {ending:?}", ops.len());
            let mut opened = open(folder.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
            let found = content(&mut opened).unwrap_or_else(|error| panic!("{place}: {error}"));
            let is_ahead = states.get(known + 1) == Some(&found);
            assert!(
                found == states[known] || is_ahead,
                "{place}: it holds neither what was stored before nor what was on its way:\n{found}\nnot\n{}",
                states[known]
            );
            let said = opened.0.commit(&[Life::new().message(LOBBY, 9)]);
            assert!(
                matches!(said.as_deref(), Ok([Outcome::Appended(_)])),
                "{place}: {said:?}"
            );
            while opened.0.index(500).expect("it is indexed") {}
            while opened.0.tidy(500).expect("it is tidied") {}
            drop(opened);
            let words = nth.is_multiple_of(WORDS_EACH);
            assert_eq!(findings(folder.path(), words), [""; 0], "{place}");
            looks.looked += 1;
            looks.ahead += usize::from(is_ahead);
        }
    }
    looks
}

/// Whatever of the last writes came to the disk: each place where the power can be cut.
#[test]
fn the_power_is_cut_at_every_write() {
    let (life, states) = long_life();
    let (folder, ops) = (life.folder.path(), life.tape.ops());
    let first = (ops.iter().position(|op| matches!(op, Op::Mark(_)))).expect("a mark");
    let step = places(ops.len() - first, 250);
    let places: Vec<_> = (first..ops.len()).step_by(step).enumerate().collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let looks = thread::scope(|scope| {
        let parts = places.chunks(places.len().div_ceil(cores));
        let threads = parts.map(|part| scope.spawn(|| cut(folder, &ops, &states, part, step == 1)));
        let threads: Vec<_> = threads.collect();
        (threads.into_iter())
            .map(|thread| thread.join().expect("each place holds"))
            .fold(Looks::default(), |all, some| Looks {
                looked: all.looked + some.looked,
                ahead: all.ahead + some.ahead,
            })
    });
    let Looks { looked, ahead } = looks;
    println!(
        "{looked} cuts of {} writes, syncs and deletions with {} commits; {ahead} found what was on its way",
        ops.len(),
        states.len()
    );
    // Both kinds are met, or the places are not where they should be.
    assert!(ahead > 0 && ahead < looked, "{ahead} of {looked}");
}

/// A check that cannot fail shows nothing: a disk that says it has synced what it has not is found out.
#[test]
fn a_disk_that_lies_is_found_out() {
    let (life, states) = long_life();
    let ops = life.tape.ops();
    let lied: Vec<_> = (ops.into_iter())
        .filter(|op| !matches!(op, Op::Sync(name) if name.ends_with("-wal")))
        .collect();
    let marks = lied.iter().enumerate().filter_map(|(at, op)| match op {
        Op::Mark(mark) => Some((at, *mark as usize)),
        _ => None,
    });
    let missing = marks.filter(|(at, mark)| {
        let folder = with_key_of(life.folder.path());
        Tape::image(&lied[..=*at], Ending::Lost, folder.path()).expect("it is written");
        let found = open(folder.path()).and_then(|mut opened| content(&mut opened));
        found != Ok(states[mark - 1].clone())
    });
    assert!(missing.count() > 10);
}

/// What was acknowledged in a life with a disk that fails.
#[derive(Default)]
struct Acknowledged(Vec<(RoomId, Seq, Arc<str>)>);

impl Acknowledged {
    fn take(&mut self, batch: &[Entry], outcomes: &[Outcome]) {
        for (entry, outcome) in batch.iter().zip(outcomes) {
            if let (Entry::Append(draft), Outcome::Appended(seq)) = (entry, outcome) {
                self.0.push((draft.room, *seq, draft.text.clone()));
            }
        }
    }

    /// All of it is there, once, and the numbers have no hole.
    fn is_held(&self, reader: &mut SqliteReader, place: &str) {
        let logs = [LOBBY, TEA].map(|room| (room, log(reader, room).expect("it can be read")));
        for (room, log) in &logs {
            for (at, record) in log.iter().enumerate() {
                assert_eq!(
                    record.seq,
                    Seq(at as u64 + 1),
                    "{place}: a hole in {room:?}"
                );
            }
        }
        for (room, seq, text) in &self.0 {
            let log = logs.iter().find(|(known, _)| known == room);
            let record = log.and_then(|(_, log)| log.get(seq.0 as usize - 1));
            assert_eq!(
                record.map(|record| &record.draft.text),
                Some(text),
                "{place}: message {seq} of {room:?} was acknowledged"
            );
        }
    }
}

/// A short life on a disk that fails at one place. Returns how many places of the kind there were, and whether it came to
/// that one.
fn life_with(fault: Fault) -> (u64, bool) {
    let place = format!("{fault:?}");
    let mut life = Life::new();
    life.open().expect("a new database");
    life.store().commit(&beginning()).expect("it is stored");
    let mut acknowledged = Acknowledged::default();
    life.tape.set_fault(Some(fault));
    for round in 0..12_usize {
        let room = [LOBBY, TEA][round % 2];
        let lengths = vec![30 + 211 * round; 1 + round % 4];
        let mut batch = life.messages(room, &lengths);
        if round == 7 {
            // More than the write-ahead log takes before it is begun anew.
            batch = life.messages(room, &[50_000; 85]);
        }
        if let Ok(outcomes) = life.store().commit(&batch) {
            acknowledged.take(&batch, &outcomes);
        }
        if round % 3 == 2 {
            let _ = life.store().index(50);
            let _ = life.store().tidy(50);
        }
    }
    let (seen, met) = (life.tape.seen(), life.tape.failed() > 0);
    life.tape.set_fault(None);
    // The power is cut before the disk is well again.
    let after_cut = with_key_of(life.folder.path());
    Tape::image(&life.tape.ops(), Ending::Lost, after_cut.path()).expect("it is written");
    let mut opened = open(after_cut.path()).unwrap_or_else(|error| panic!("{place}: {error}"));
    acknowledged.is_held(&mut opened.1, &format!("{place}, and the power cut"));
    // It is well again, and needs no restart.
    let batch = life.messages(TEA, &[40, 50]);
    let outcomes = (life.store().commit(&batch))
        .unwrap_or_else(|error| panic!("{place}: it does not heal: {error}"));
    acknowledged.take(&batch, &outcomes);
    let (_, reader) = life.store.as_mut().expect("it is open");
    acknowledged.is_held(reader, &place);
    while life.store().index(500).expect("it is indexed") {}
    life.store = None;
    assert_eq!(findings(life.folder.path(), false), [""; 0], "{place}");
    (seen, met)
}

/// Each kind of trouble at the first place, at the second, and so on until a life meets none; once, thrice and for good.
#[test]
fn the_disk_fails_at_every_place() {
    let kinds = [
        Trouble::Write,
        Trouble::ShortWrite,
        Trouble::Full,
        Trouble::Sync,
        Trouble::Truncate,
        Trouble::Read,
    ];
    thread::scope(|scope| {
        for trouble in kinds {
            scope.spawn(move || fails_at_every_place(trouble));
        }
    });
}

fn fails_at_every_place(trouble: Trouble) {
    let fault = |after, times| Fault {
        trouble,
        after,
        times,
    };
    let (all, _) = life_with(fault(u64::MAX / 2, 1));
    let step = places(all as usize, 7);
    let mut met = 0;
    // What fails may add places at the end.
    for (nth, after) in (0..).step_by(step).enumerate() {
        let times = [1, 3, u64::MAX];
        let times = match step {
            1 => &times[..],
            _ => &times[nth % 3..][..1],
        };
        let came = times
            .iter()
            .filter(|times| life_with(fault(after, **times)).1);
        match came.count() {
            0 => break,
            count => met += count,
        }
    }
    println!("{trouble:?}: failed in {met} lives of about {all} places");
    assert!(met > 2, "{trouble:?} was met {met} times");
}
