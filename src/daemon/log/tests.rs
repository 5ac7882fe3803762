//! The log as it is used: written by many threads while it is turned off, emptied, moved away and followed; told
//! elsewhere as well, to somebody who may be stuck.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use tempfile::TempDir;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::layer::SubscriberExt;

use super::lines::FOLLOWER_LINES;
use super::queue::{BYTES_WAITING, FLUSH_PATIENCE};
use super::record::{FIELDS, LINE_BYTES_MAX};
use super::*;
use crate::base::{Timestamp, catalog};

/// A log in a file of its own, and a subscriber that writes to it.
fn log(lines_max: usize) -> (TempDir, Log, Dispatch) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/chatd.log");
    let log = Log::new(None);
    log.open(&path, lines_max).unwrap();
    let subscriber = subscriber(&log);
    (folder, log, subscriber)
}

fn subscriber(log: &Log) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(log.clone()))
}

/// A log that is told beside its file, too: to a journal that takes one event whenever it is let go on, and what it heard.
fn journaled() -> (TempDir, Log, Sender<()>, Receiver<Heard>) {
    let folder = tempfile::tempdir().unwrap();
    let (go_on, gate) = channel::<()>();
    let (told, heard) = channel();
    let outlet = Outlet::spawn(true, move |record| {
        let _ = gate.recv();
        let field = |place: usize| record.fields[place].clone();
        let fields = (0..FIELDS.len()).filter_map(|place| Some((FIELDS[place].1, field(place)?)));
        let _ = told.send(Heard {
            level: record.level(),
            text: record.text.clone(),
            fields: fields.collect(),
        });
    });
    let log = Log::new(Some(outlet.unwrap()));
    log.open(&folder.path().join("chatd.log"), 10).unwrap();
    (folder, log, go_on, heard)
}

#[derive(Debug, PartialEq)]
struct Heard {
    level: Level,
    text: String,
    fields: Vec<(&'static str, String)>,
}

fn in_file(log: &Log) -> String {
    log.flush();
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
            r#"WARN odd name="a\u{a}b\u{1b}[31m""#
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
fn the_journal_is_told_the_same_text_and_the_fields_that_it_knows() {
    let (_folder, log, go_on, heard) = journaled();
    drop(go_on);
    dispatcher::with_default(&subscriber(&log), || {
        let peer = "192.0.2.77:51000";
        tracing::info!(
            MESSAGE_ID = catalog::LOGGED_IN, user = %"anna", session = 7, peer, device = "a phone", "logged in"
        );
        log.show_addresses(Addresses::Full);
        tracing::warn!(peer, error = "two\nlines", "no page, and\nof two lines");
    });
    log.flush();
    let fields = [
        ("MESSAGE_ID", catalog::LOGGED_IN),
        ("CHATD_USER", "anna"),
        ("CHATD_PEER", "192.0.2.0/24"),
        ("CHATD_SESSION", "7"),
    ];
    let text = "logged in user=anna session=7 peer=192.0.2.0/24 device=\"a phone\"";
    assert_eq!(
        heard.recv().unwrap(),
        Heard {
            level: Level::INFO,
            text: text.to_owned(),
            fields: fields.map(|(name, value)| (name, value.into())).into(),
        }
    );
    let warning = heard.recv().unwrap();
    assert_eq!(
        warning.text,
        "no page, and\nof two lines peer=192.0.2.77:51000 error=\"two\\u{a}lines\""
    );
    assert_eq!(shown(&log)[0], format!("INFO {text}"));
    assert!(shown(&log)[1].starts_with(r"WARN no page, and\u{a}of two lines peer="));
}

#[test]
fn however_long_a_text_is_it_has_an_end() {
    let (_folder, log, subscriber) = log(10);
    dispatcher::with_default(&subscriber, || {
        tracing::info!(error = "ж".repeat(LINE_BYTES_MAX), "long");
    });
    let line = &shown(&log)[0];
    assert!(line.ends_with("ж…") && line.len() < LINE_BYTES_MAX + 20);
}

#[test]
fn off_is_for_its_own_log_alone_and_the_level_for_both() {
    let (_folder, log, go_on, heard) = journaled();
    drop(go_on);
    dispatcher::with_default(&subscriber(&log), || {
        log.set(Some(false), None);
        tracing::info!("one");
        log.set(None, Some(LogLevel::Error));
        tracing::info!("two");
        log.set(Some(true), None);
        tracing::error!("three");
        assert!(!log.tells_journal(Level::WARN) && log.tells_journal(Level::ERROR));
        log.set(None, Some(LogLevel::Off));
        tracing::error!("four");
        assert!(!log.tells_journal(Level::ERROR));
    });
    log.flush();
    assert_eq!(shown(&log), ["ERROR three"]);
    let told: Vec<_> = heard.try_iter().map(|heard| heard.text).collect();
    assert_eq!(told, ["one", "three"]);
    let state = log.state();
    assert!(state.journal && log.clear().unwrap().journal);
}

#[test]
fn a_journal_that_is_stuck_holds_up_nobody_and_is_told_what_it_missed() {
    let (_folder, log, go_on, heard) = journaled();
    // Each is longer than this.
    let lines = BYTES_WAITING / 256;
    let begun = Instant::now();
    dispatcher::with_default(&subscriber(&log), || {
        (0..lines).for_each(|line| tracing::info!(line, "said"));
    });
    let said = begun.elapsed();
    log.flush();
    assert!(said < 5 * FLUSH_PATIENCE && begun.elapsed() < said + 3 * FLUSH_PATIENCE);
    assert_eq!(in_file(&log).lines().count(), lines, "its own log has all");
    drop(go_on);
    log.flush();
    let told: Vec<_> = heard.try_iter().collect();
    let (last, told) = told.split_last().unwrap();
    let missed = format!(
        "did not fit; chatd's own log may have it lines={}",
        lines - told.len()
    );
    assert!(
        last.level == Level::WARN && last.text.ends_with(&missed),
        "{last:?}"
    );
}

#[test]
fn a_file_that_cannot_be_opened_or_written_is_told_and_the_lines_are_kept_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let (told, heard) = channel();
    let outlet = Outlet::spawn(true, move |record| {
        let _ = told.send((record.message_id().map(str::to_owned), record.text.clone()));
    });
    let log = Log::new(Some(outlet.unwrap()));
    let path = folder.path().join("chatd.log");
    std::fs::create_dir(&path).unwrap();
    dispatcher::with_default(&subscriber(&log), || {
        log.open(&path, 10).unwrap();
        tracing::info!("serving");
        log.flush();
        let (id, text) = heard.recv().unwrap();
        assert_eq!(id.as_deref(), Some(catalog::LOG_FILE_FAILED));
        assert!(
            text.contains("chatd.log") && text.contains("chatctl reload"),
            "{text}"
        );
        assert_eq!(shown(&log).last().unwrap(), "INFO serving");
        let problem = log.state().problem;
        assert!(
            problem
                .as_ref()
                .is_some_and(|text| text.starts_with("cannot be opened: "))
        );
        assert_eq!(log.show(None).problem, problem);

        std::fs::remove_dir(&path).unwrap();
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        log.reopen().unwrap();
        (0..3).for_each(|_| tracing::info!("lost"));
        log.flush();
        let told: Vec<_> = heard
            .try_iter()
            .filter_map(|(id, text)| Some((id?, text)))
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains("error=\"No space left"), "{told:?}");
        assert!(
            log.state()
                .problem
                .is_some_and(|text| text.starts_with("cannot be written: "))
        );

        std::fs::remove_file(&path).unwrap();
        log.reopen().unwrap();
        tracing::info!("again");
    });
    assert!(in_file(&log).ends_with("INFO again\n"));
    assert_eq!(log.state().problem, None);
}
