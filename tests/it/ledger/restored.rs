//! A backup that is made while people talk, put back on another day: the ledger holds on it.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use rusqlite::Connection;

use super::member::{ROOMS, Told};
use super::{Dice, Report, finish, gather, seed, tell};
use crate::support::{Daemon, Heard as _, PATIENCE, Talker, UNHURRIED, ask};

/// Acknowledged before the backup begins, at least; between its end and the stop; and after it was put back.
const SENDS: [usize; 3] = [2_000, 1_500, 1_500];

/// Cursors tell which life of the database they are from: in another one nothing is replayed by them, since their numbers
/// may have other messages.
#[test]
fn cursors_of_another_epoch_replay_nothing() {
    let mut daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    anna.say("lobby", "one");
    let mut talker = daemon.connect();
    let epoch = talker.hello().text("epoch").to_owned();
    assert_eq!(epoch.len(), 16, "{epoch}");
    let cursors = serde_json::json!({"lobby": 0});
    let come_back = |talker: &mut Talker, epoch: &str| {
        ask!(talker, "resume", token: anna.token, cursors: cursors, epoch: epoch).must_be("welcome")
    };
    come_back(&mut talker, &epoch);
    assert_eq!(talker.expect_message("lobby").0, 1);
    let mut talker = daemon.connect();
    talker.hello();
    come_back(&mut talker, "0123456789abcdef");
    anna.say("lobby", "two");
    assert_eq!(talker.expect_message("lobby").0, 2);
    daemon.restart();
    let mut talker = daemon.connect();
    assert_eq!(talker.hello().text("epoch"), epoch, "a restart begins none");
}

/// Where the rooms of a backup end.
fn heads(file: &Path) -> [u64; 3] {
    let backup = Connection::open(file).expect("a database");
    ROOMS.map(|room| {
        let last = "SELECT max(message.id) - (room.id << 36) FROM message, room \
                    WHERE room.name = ?1 AND message.id >> 36 = room.id";
        let last = backup.query_row(last, [room], |row| row.get::<_, i64>(0));
        last.expect("it was talked there").cast_unsigned()
    })
}

/// Made under load, and put into a new state folder with the identity key: whoever comes back goes on from where the backup
/// ends; what it has is as it was, and nothing is there twice.
#[test]
fn a_backup_made_under_load_is_a_server_on_which_the_ledger_holds() {
    let seed = seed();
    let mut dice = Dice(seed);
    let mut daemon = Daemon::start_with(UNHURRIED, &[]);
    let (counted, counter) = channel();
    let members = gather(&daemon, &mut dice, &counted);
    tell(&members, Told::Up(daemon.address()));
    let wait = |sends: usize| {
        for _ in 0..sends {
            counter.recv_timeout(PATIENCE).expect("sends go on");
        }
    };
    wait(SENDS[0]);
    let file = daemon.folder().join("backup.db");
    daemon
        .ctl(&["backup", file.to_str().expect("a plain path")])
        .done();
    wait(SENDS[1]);
    daemon.stop();

    let old = daemon.folder().join("old");
    fs::rename(daemon.state(), &old).expect("the folder is ours");
    fs::create_dir(daemon.state()).expect("the folder is ours");
    fs::copy(&file, daemon.state().join("chatd.db")).expect("a backup");
    let key = "identity.key";
    fs::copy(old.join(key), daemon.state().join(key)).expect("a key");
    daemon.launch();
    tell(&members, Told::Back(daemon.address(), heads(&file)));
    wait(SENDS[2]);
    let mut report = Report::default();
    finish(&daemon, members, &counter, &mut report);
    assert!(
        report.troubles.is_empty(),
        "LEDGER_SEED={seed}: {} troubles, the first are\n{}",
        report.troubles.len(),
        report.troubles[..report.troubles.len().min(20)].join("\n")
    );
    assert!(
        report.went_back > 0,
        "nobody had seen more than the backup has"
    );
    assert!(daemon.ctl(&["check"]).done().contains("lobby: 1.."));
    println!(
        "{} acknowledged and kept, {} seen, {} times more than the backup had, 0 lost of the backup",
        report.acknowledged, report.seen, report.went_back
    );
}
