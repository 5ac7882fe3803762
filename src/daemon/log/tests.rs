//! The log as it is used: written by many threads while it is turned off, emptied, moved away and followed.

use tempfile::TempDir;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::layer::SubscriberExt;

use super::*;

/// A log in a file of its own, and a subscriber that writes to it.
fn log(lines_max: usize) -> (TempDir, Log, Dispatch) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/chatd.log");
    let log = Log::open(Some(&path), LogLevel::Info, lines_max).unwrap();
    let subscriber = tracing_subscriber::registry().with(log.layer());
    (folder, log, Dispatch::new(subscriber))
}

fn in_file(log: &Log) -> String {
    std::fs::read_to_string(log.state().file.unwrap()).unwrap()
}

/// The lines without their time.
fn shown(log: &Log) -> Vec<String> {
    let lines = log.show(None).lines;
    lines.iter().map(|line| line[25..].to_owned()).collect()
}

#[test]
fn a_line_has_its_time_its_level_and_its_fields_and_stays_one_line() {
    let (_folder, log, subscriber) = log(10);
    dispatcher::with_default(&subscriber, || {
        tracing::info!(address = %"127.0.0.1:2428", people = 3, "listening");
        tracing::warn!(name = %"a\nb\u{1b}[31m", "odd");
    });
    assert_eq!(
        shown(&log),
        [
            "INFO listening address=127.0.0.1:2428 people=3",
            r"WARN odd name=a\u{a}b\u{1b}[31m"
        ]
    );
    let file = in_file(&log);
    assert_eq!(file.lines().count(), 2);
    let (time, _) = file.split_once(' ').unwrap();
    assert_eq!(time.parse::<Timestamp>().unwrap().to_string(), time);
}

#[test]
fn the_file_and_a_folder_made_for_it_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, log, _) = log(10);
    let file = std::path::PathBuf::from(log.state().file.unwrap());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
}

#[test]
fn off_and_on_and_levels_are_in_force_at_once() {
    let (_folder, log, subscriber) = log(100);
    dispatcher::with_default(&subscriber, || {
        let all = |word: &str| {
            tracing::error!("{word}");
            tracing::info!("{word}");
            tracing::debug!("{word}");
        };
        all("one");
        assert!(!log.set(Some(false), None).on);
        all("two");
        log.set(Some(true), Some(LogLevel::Debug));
        all("three");
        log.set(None, Some(LogLevel::Error));
        all("four");
        log.set(None, Some(LogLevel::Off));
        all("five");
    });
    assert_eq!(
        shown(&log),
        [
            "ERROR one",
            "INFO one",
            "ERROR three",
            "INFO three",
            "DEBUG three",
            "ERROR four"
        ]
    );
    assert_eq!(in_file(&log).lines().count(), 6);
}

#[test]
fn only_the_last_lines_are_kept_and_clear_forgets_them() {
    let (_folder, log, subscriber) = log(3);
    dispatcher::with_default(&subscriber, || {
        (1..=5).for_each(|number| tracing::info!("line {number}"));
        assert_eq!(shown(&log), ["INFO line 3", "INFO line 4", "INFO line 5"]);
        assert_eq!(log.show(Some(1)).lines.len(), 1);
        let bytes = in_file(&log).len() as u64;
        assert_eq!(log.clear().unwrap().bytes, bytes);
        assert_eq!((shown(&log).len(), in_file(&log).len()), (0, 0));
        tracing::info!("after");
    });
    assert!(in_file(&log).ends_with("INFO after\n"));
}

#[test]
fn emptied_while_many_write_it_begins_with_a_whole_line_and_has_no_hole() {
    let (_folder, log, subscriber) = log(10);
    let write = |writer: u32| {
        dispatcher::with_default(&subscriber, || {
            (0..2_000).for_each(|line| tracing::info!(writer, line, "written"));
        });
    };
    let write = &write;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| scope.spawn(move || write(writer)))
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            log.clear().unwrap();
            // Read while it is written: the reading may cut the last line, but not the first.
            let text = in_file(&log);
            assert!(!text.contains('\0'));
            if let Some((first, _)) = text.split_once('\n') {
                assert!(first[23..].starts_with("Z INFO written writer="), "{first}");
            }
        }
    });
    for line in in_file(&log).lines() {
        assert!(line[23..].starts_with("Z INFO written writer="), "{line}");
    }
}

#[test]
fn moved_away_it_is_written_anew_after_reopening() {
    let (folder, log, subscriber) = log(10);
    let moved = folder.path().join("chatd.log.1");
    dispatcher::with_default(&subscriber, || {
        tracing::info!("before");
        std::fs::rename(log.state().file.unwrap(), &moved).unwrap();
        tracing::info!("between");
        log.reopen().unwrap();
        tracing::info!("after");
    });
    assert_eq!(std::fs::read_to_string(moved).unwrap().lines().count(), 2);
    assert!(in_file(&log).ends_with("INFO after\n"));
}

#[test]
fn a_full_disk_costs_lines_and_nothing_else() {
    let (_folder, log, subscriber) = log(10);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let good = log.lock().file.replace(full);
    dispatcher::with_default(&subscriber, || {
        tracing::info!("one");
        tracing::info!("two");
        log.lock().file = good;
        tracing::info!("three");
    });
    assert_eq!(shown(&log), ["INFO one", "INFO two", "INFO three"]);
    let file = in_file(&log);
    let lines: Vec<_> = file.lines().map(|line| &line[25..]).collect();
    assert_eq!(lines, ["WARN log file not written lines=2", "INFO three"]);
}

#[tokio::test]
async fn a_follower_begins_with_the_last_lines_and_is_told_what_it_missed() {
    let (_folder, log, subscriber) = log(2 * FOLLOWER_LINES);
    let write = |words: &str| dispatcher::with_default(&subscriber, || tracing::info!("{words}"));
    write("one");
    write("two");
    let mut follower = log.follow(1);
    write("three");
    let mut next = async || {
        let next = follower.next().await.unwrap();
        (next.line.unwrap()[25..].to_owned(), next.missed)
    };
    assert_eq!(next().await, ("INFO two".into(), None));
    assert_eq!(next().await, ("INFO three".into(), None));
    (0..FOLLOWER_LINES + 7).for_each(|line| write(&line.to_string()));
    assert_eq!(next().await, ("INFO 7".into(), Some(7)));
    assert_eq!(next().await, ("INFO 8".into(), None));
}

#[test]
fn a_folder_that_is_made_for_the_log_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _log, _) = log(10);
    let mode = |path: &str| {
        let made = std::fs::metadata(folder.path().join(path)).unwrap();
        made.permissions().mode() & 0o777
    };
    assert_eq!((mode("log"), mode("log/chatd.log")), (0o700, 0o600));
}
