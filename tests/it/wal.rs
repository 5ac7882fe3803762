//! The write-ahead log stays short, whoever reads: people, exports, backups and checks, while others write.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::stock::stock;
use crate::support::{Daemon, Heard, UNHURRIED, request};

/// What the log may come to: what a burst leaves (`journal_size_limit`).
const LOG_BYTES_MAX: u64 = 64 << 20;
/// Messages said meanwhile, of about a kilobyte: in all more than the log may hold, since each is there with its pages.
const SAID: usize = 12_000;
const AT_ONCE: usize = 100;

/// With two who write, two who read pages, exports, backups and checks, one after the other, all at once.
#[test]
fn the_log_stays_short_whoever_reads() {
    let mut daemon = Daemon::prepare(UNHURRIED, &[]);
    stock(&daemon.state(), 20_000, 200);
    daemon.launch();
    let log = daemon.state().join("chatd.db-wal");
    let over = AtomicBool::new(false);
    let is_over = || over.load(Ordering::Relaxed);
    let (mut longest, mut rounds) = (0, 0);
    thread::scope(|scope| {
        for name in ["reader-1", "reader-2"] {
            let mut reader = daemon.register(name);
            let over = &is_over;
            scope.spawn(move || {
                while !over() {
                    let ids =
                        reader.begin_all((0..20).map(
                            |n| request!("history", room: "lobby", after: n * 1_000, limit: 200),
                        ));
                    for id in ids {
                        reader.answer(id).must_be("page");
                    }
                    reader.take_pushes();
                }
            });
        }
        let mut writer = daemon.register("writer");
        let (over, log) = (&over, &log);
        let writing = scope.spawn(move || {
            let (text, mut longest) = ("lorem ipsum ".repeat(85), 0);
            for _ in 0..SAID / AT_ONCE {
                let says = (0..AT_ONCE).map(|_| request!("send", to: "lobby", text: text));
                for id in writer.begin_all(says) {
                    writer.answer(id).must_be("sent");
                }
                longest = longest.max(fs::metadata(log).map_or(0, |file| file.len()));
            }
            over.store(true, Ordering::Relaxed);
            longest
        });
        while !over.load(Ordering::Relaxed) {
            let file = daemon.folder().join(format!("copy-{rounds}.db"));
            daemon
                .ctl(&["backup", file.to_str().expect("a plain path")])
                .done();
            fs::remove_file(file).expect("it is there");
            daemon.ctl(&["check"]).done();
            daemon.ctl(&["export", "history"]).done();
            rounds += 1;
        }
        longest = writing.join().expect("the writer goes on");
    });
    println!(
        "{SAID} messages, {rounds} rounds of backup, check and export; the log at its longest: {longest} bytes"
    );
    assert!(rounds > 0 && longest > 0);
    assert!(longest <= LOG_BYTES_MAX, "{longest} bytes");
}
