//! What the status line says, and that more time is asked for again and again until it is no longer needed.

use std::os::unix::net::UnixDatagram;

use super::*;
use crate::base::text::is_harmful;

fn seen(online: u64, rooms: u64) -> Seen {
    Seen {
        online,
        rooms,
        ..Seen::default()
    }
}

#[test]
fn the_status_tells_what_it_does_for_how_many_and_what_is_in_the_way() {
    let places = ["127.0.0.1:2428", "[::1]:2428"];
    let serving = |seen| describe(State::Serving, &places, seen);
    assert_eq!(
        serving(seen(12, 5)),
        "serving on 127.0.0.1:2428 and [::1]:2428 · 12 online · 5 rooms"
    );
    assert_eq!(
        describe(State::Serving, &["/run/chatd/talk"], seen(0, 1)),
        "serving on /run/chatd/talk · 0 online · 1 room"
    );
    assert_eq!(
        describe(State::Paused, &places, seen(1, 2)),
        "paused: whoever comes waits until `chatctl resume` · 1 online · 2 rooms"
    );
    assert_eq!(
        describe(State::Refusing, &places, seen(1, 2)),
        "refusing: nobody comes in until `chatctl resume` · 1 online · 2 rooms"
    );
    let full = Seen {
        fault: Some(Fault::Full),
        ..seen(1, 2)
    };
    assert!(serving(full).ends_with(" · 2 rooms · storing fails: the disk is full"));
    assert_eq!(
        describe(State::Stopping, &places, full),
        "stopping · storing fails: the disk is full"
    );
    let stalled = Seen {
        stalled: true,
        ..seen(1, 2)
    };
    assert!(serving(stalled).ends_with(" · 2 rooms · the hub or the writer does not answer"));
}

#[test]
fn of_many_addresses_some_are_named() {
    let places = [
        "a:1", "a:2", "a:3", "a:4", "a:5", "a:6", "a:7", "a:8", "a:9",
    ];
    assert_eq!(list(&places[..1]), "a:1");
    assert_eq!(list(&places), "a:1, a:2, a:3, a:4 and 5 more");
}

#[test]
fn an_error_becomes_one_line_that_does_no_harm_and_fits_a_message() {
    let mistake = "the configuration 'x' is wrong: TOML parse error at line 1, column 1\n  |\n1 | registratoin = 1\n  | ^^^^\n\
                   unknown field `registratoin`";
    assert_eq!(
        one_line(mistake),
        "the configuration 'x' is wrong: TOML parse error at line 1, column 1; 1 | registratoin = 1; \
         unknown field `registratoin`"
    );
    assert_eq!(one_line("a\u{1b}[2J\tb\r\n\n"), r"a\u{1b}[2J\u{9}b");
    let long = one_line(&"ж\u{9b}\n".repeat(5_000));
    assert!(long.len() <= STATUS_BYTES_MAX + '…'.len_utf8());
    assert!(!long.contains(is_harmful));
}

#[test]
fn more_time_is_asked_for_until_it_is_dropped_and_no_longer_than_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    let address = net::SocketAddr::from_pathname(&path).unwrap();
    let manager = Arc::new(Manager::at(address).unwrap());
    let mut bytes = [0; 256];
    let mut next = |text: &str| {
        let length = heard.recv(&mut bytes).unwrap();
        assert_eq!(str::from_utf8(&bytes[..length]), Ok(text));
    };
    let interval = Duration::from_millis(1);
    let extension = Extension::begin(manager.clone(), interval, Duration::MAX);
    for _ in 0..50 {
        next("EXTEND_TIMEOUT_USEC=30000000\n");
    }
    drop(extension);
    manager.tell(&[NotifyState::Ready]);
    loop {
        let length = heard.recv(&mut bytes).unwrap();
        if bytes[..length] == *b"READY=1\n" {
            break;
        }
    }
    heard.set_nonblocking(true).unwrap();
    assert!(heard.recv(&mut bytes).is_err(), "it was to be the last");

    let mut extension = Extension::begin(manager, interval, Duration::ZERO);
    assert!(extension.thread.take().unwrap().join().is_ok());
    assert!(heard.recv(&mut bytes).is_err(), "it asked for too long");
}
