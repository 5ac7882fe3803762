//! The ledger: people write down all that is acknowledged to them and all that they see, while the server dies again and
//! again, by `kill -9` or by a power cut. Afterwards nothing of it is missing, no number has two messages, no room a hole,
//! nothing is there twice, and all have seen the same.
//!
//! `LEDGER_DEATHS=1000 LEDGER_SENDS=20000 cargo test --release --test it -- lose_nothing nothing_is_lost --nocapture` for a
//! long night: so many deaths, and up to so many acknowledged sends between two of them. `LEDGER_SEED` says how the dice
//! fall. What goes wrong is printed with the seed, and the state folder is kept.

pub mod member;
mod restored;

use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::mount::Mount;
use crate::support::preload::library;
use crate::support::{Daemon, Heard as _, PATIENCE, Process, UNHURRIED, View, ask, skipped};
use member::{Member, Notes, ROOMS, Told, text_of};

const MEMBERS: u64 = 5;
/// How often the server dies in `cargo test`.
const DEATHS: usize = 12;
/// How often in one life of a database: then there are so many messages that reading them all takes its time.
const DEATHS_AT_ONCE: usize = 40;
/// Acknowledgements between two deaths in `cargo test`, at most.
const SENDS_BETWEEN: u64 = 1_500;

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// How the server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    Killed,
    /// The file system is cut off from its disk; then the daemon is killed.
    PowerCut,
}

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    deaths: usize,
    pub acknowledged: usize,
    pub seen: usize,
    /// How often a member was told that the server went back.
    went_back: usize,
    pub troubles: Vec<String>,
}

pub fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    told("LEDGER_SEED", now.expect("after 1970").as_micros() as u64)
}

/// What the environment says, or else so many.
fn told(variable: &str, few: u64) -> u64 {
    let told = std::env::var(variable).ok();
    told.map_or(few, |told| {
        told.parse()
            .unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

/// Members talk while the server dies so often; everything is compared in the end. `None` where nobody may mount.
fn run(dice: &mut Dice, deaths: usize, death: Death, shell: Option<&str>) -> Option<Report> {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    if let Some(shell) = shell {
        daemon.comes_after(shell);
    }
    let mount = match death {
        Death::Killed => None,
        Death::PowerCut => match Mount::new(&daemon.folder().join("disk"), &daemon.state()) {
            Ok(mount) => Some(mount),
            Err(why) => {
                skipped("what a power cut leaves", &why);
                return None;
            }
        },
    };
    daemon.launch();
    let (counted, counter) = channel();
    let members = gather(&daemon, dice, &counted);
    if shell.is_some() {
        // What is lost is to be what was said, not those who said it: a stop leaves nothing in the write-ahead log.
        daemon.stop();
        daemon.launch();
    }
    let tell_all = |told: Told| tell(&members, told);
    tell_all(Told::Up(daemon.address()));
    let died = die_again_and_again(
        &mut daemon,
        dice,
        deaths,
        mount.as_ref(),
        &counter,
        |daemon| {
            tell_all(Told::Up(daemon.address()));
        },
    );
    let mut report = Report {
        deaths,
        ..Report::default()
    };
    report.troubles.extend(died.err());
    finish(&daemon, members, &counter, &mut report);
    if !report.troubles.is_empty() && shell.is_none() {
        keep(&daemon.state(), &report);
    }
    if let Some(mount) = &mount {
        daemon.kill_9();
        mount.plug_in();
    }
    Some(report)
}

/// Those who talk, each in a thread of their own, and how they are told something.
type Members = Vec<(Sender<Told>, JoinHandle<Notes>)>;

fn tell(members: &Members, told: Told) {
    for (tell, _) in members {
        // Whoever has failed is found in the end.
        let _ = tell.send(told);
    }
}

/// Makes the rooms, and everybody's account.
fn gather(daemon: &Daemon, dice: &mut Dice, counted: &Sender<bool>) -> Members {
    let mut founder = daemon.register("founder");
    for room in &ROOMS[1..] {
        ask!(founder, "create", room: room).must_be("joined");
    }
    drop(founder);
    let members = (0..MEMBERS).map(|number| {
        let mut talker = daemon.register(&format!("member-{number}"));
        for room in &ROOMS[1..] {
            ask!(talker, "join", room: room).must_be("joined");
        }
        let (tell, told) = channel();
        let member = Member::new(number, &talker.token, dice.roll(u64::MAX), counted.clone());
        (tell, thread::spawn(move || member.lives(&told)))
    });
    members.collect()
}

/// Nobody says more, everybody reads on to the end, and all is compared.
fn finish(daemon: &Daemon, members: Members, counter: &Receiver<bool>, report: &mut Report) {
    let mut reader = daemon.login("founder");
    // Whoever has nothing on the way any more says no more.
    tell(&members, Told::Enough);
    for _ in 0..MEMBERS {
        while counter.recv_timeout(PATIENCE) == Ok(true) {}
    }
    let logs = ROOMS.map(|room| View::of_log(&mut reader, room));
    tell(
        &members,
        Told::Heads([0, 1, 2].map(|room: usize| logs[room].cursor)),
    );
    drop(reader);
    let notes = members.into_iter().map(|(_, thread)| thread.join());
    for notes in notes {
        match notes {
            Ok(notes) => compare(&notes, &logs, report),
            Err(_) => report.troubles.push("a member could not go on".to_owned()),
        }
    }
    for log in &logs {
        let mut texts: Vec<_> = log.texts.values().collect();
        texts.sort_unstable();
        let twice = texts.windows(2).filter(|two| two[0] == two[1]);
        let twice = twice.map(|two| format!("there twice: {}", two[0]));
        report.troubles.extend(twice);
    }
}

/// The server dies whenever so many sends were acknowledged as the dice say, sometimes again while it starts.
fn die_again_and_again(
    daemon: &mut Daemon,
    dice: &mut Dice,
    deaths: usize,
    mount: Option<&Mount>,
    counter: &Receiver<bool>,
    is_back: impl Fn(&Daemon),
) -> Result<(), String> {
    let sends = told("LEDGER_SENDS", SENDS_BETWEEN);
    for death in 0..deaths {
        for _ in 0..dice.roll(sends) {
            let counted = counter.recv_timeout(PATIENCE);
            counted
                .map_err(|_| format!("no send was acknowledged any more before death {death}"))?;
        }
        match mount {
            Some(mount) => mount.cut_power(daemon),
            None => daemon.kill_9(),
        }
        if dice.roll(4) == 0 {
            // Wherever it has come to by then.
            let mut early = Process::start(&mut daemon.command());
            let spins = dice.roll(2_000_000);
            (0..spins).for_each(|n| {
                std::hint::black_box(n);
            });
            early.kill_9();
        }
        daemon.launch();
        is_back(daemon);
    }
    Ok(())
}

/// What a member has written down beside what is in the logs.
pub fn compare(notes: &Notes, logs: &[View; 3], report: &mut Report) {
    let who = notes.number;
    report.troubles.extend(notes.troubles.iter().cloned());
    report.went_back += notes.went_back;
    for (room, log) in logs.iter().enumerate() {
        let is = |seq: u64| log.texts.get(&seq).map(String::as_str);
        for (at, number) in notes.seen[room].iter().enumerate() {
            let seq = at as u64 + 1;
            if *number != 0 && is(seq) != Some(&text_of(*number)) {
                let found = is(seq).unwrap_or("nothing");
                let name = ROOMS[room];
                report.troubles.push(format!(
                    "member {who} saw message {number:x} as {name} #{seq}, and there is: {found}"
                ));
            }
        }
        let missing = (1..=log.cursor).filter(|seq| {
            let seen = notes.seen[room].get(*seq as usize - 1);
            seen.is_none_or(|number| *number == 0)
        });
        let missing = missing.map(|seq| format!("member {who} never saw {} #{seq}", ROOMS[room]));
        report.troubles.extend(missing);
        report.seen += notes.seen[room].len();
    }
    for (room, seq, number) in &notes.acknowledged {
        if logs[*room].texts.get(seq) != Some(&text_of(*number)) {
            report.troubles.push(format!(
                "lost: message {number:x} of member {who}, acknowledged as {} #{seq}",
                ROOMS[*room]
            ));
        }
    }
    report.acknowledged += notes.acknowledged.len();
}

/// Keeps the evidence.
fn keep(state: &Path, report: &Report) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ledger");
    let _ = std::fs::create_dir_all(&folder);
    let copied = Command::new("cp").arg("-a").args([state, &folder]).status();
    let _ = std::fs::write(folder.join("troubles.txt"), report.troubles.join("\n"));
    eprintln!("the evidence is in {} ({copied:?})", folder.display());
}

/// So many deaths, a new database now and then.
#[track_caller]
fn lose_nothing(death: Death, few: usize) {
    let (seed, all) = (seed(), told("LEDGER_DEATHS", few as u64) as usize);
    let mut dice = Dice(seed);
    let mut sum = Report::default();
    while sum.deaths < all {
        let now = DEATHS_AT_ONCE.min(all - sum.deaths);
        let Some(report) = run(&mut dice, now, death, None) else {
            return;
        };
        assert!(
            report.troubles.is_empty(),
            "LEDGER_SEED={seed}: {} troubles, the first are\n{}",
            report.troubles.len(),
            report.troubles[..report.troubles.len().min(20)].join("\n")
        );
        sum.deaths += report.deaths;
        sum.acknowledged += report.acknowledged;
        sum.seen += report.seen;
        println!(
            "{death:?}: {} deaths, {} acknowledged, {} seen, 0 lost (seed {seed})",
            sum.deaths, sum.acknowledged, sum.seen
        );
    }
}

#[test]
fn killed_again_and_again_nothing_is_lost() {
    lose_nothing(Death::Killed, DEATHS);
}

#[test]
fn power_cuts_lose_nothing() {
    lose_nothing(Death::PowerCut, DEATHS / 2);
}

/// A check that cannot fail shows nothing: where the write-ahead log is not synced (as with `synchronous=NORMAL`), power
/// cuts lose what was acknowledged, and the ledger tells.
#[test]
fn without_its_sync_the_ledger_finds_losses() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = library("forgetful", folder.path());
    let shell = format!("export LD_PRELOAD={}", library.display());
    let mut dice = Dice(seed());
    let mut lost = 0;
    // The system may write by itself what was not synced: a busy one does so more often.
    for _ in 0..20 {
        let Some(report) = run(&mut dice, 3, Death::PowerCut, Some(&shell)) else {
            return;
        };
        lost += report.troubles.len();
        if lost > 0 {
            println!("{lost} troubles, such as: {}", report.troubles[0]);
            return;
        }
    }
    panic!("60 power cuts without syncs lost nothing");
}
