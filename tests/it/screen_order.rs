//! Keeping order on the full screen: an operator and whoever it is about, each at a terminal.

use crate::support::{Daemon, Person, Screen, ask, until};

fn screen(daemon: &Daemon, name: &str) -> (Person, Screen) {
    let person = Person::new(daemon, name);
    let screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("F1 help");
    (person, screen)
}

/// Whether a room is in the list at the left.
fn is_listed(screen: &Screen, room: &str) -> bool {
    let picture = screen.picture();
    let mut lines = picture.lines().skip(1);
    lines.any(|line| line.starts_with(&format!(" {room} ")))
}

/// A garden of clara's, with boris in it; each has a screen.
fn garden(daemon: &Daemon) -> [(Person, Screen); 2] {
    daemon.register("clara");
    daemon.register("boris");
    let (clara, mut claras) = screen(daemon, "clara");
    claras.types("/create garden");
    claras.sees("garden · 1 member");
    let (boris, mut boriss) = screen(daemon, "boris");
    boriss.types("/join garden");
    boriss.sees("garden · 2 members");
    [(clara, claras), (boris, boriss)]
}

/// Kicked and banned people see so where they are put, the room leaves their list, and what they were writing is there
/// when they come back.
#[test]
fn kicked_and_banned_on_the_screen() {
    let daemon = Daemon::start();
    let [(_clara, mut clara), (_boris, mut boris)] = garden(&daemon);
    clara.types("/topic roses");
    boris.sees("garden — roses · 2 members");
    clara.sees("garden — roses · 2 members");
    boris.presses("half a th");
    boris.sees("> half a th");
    clara.types("/kick boris no weeds");
    clara.sees("boris is kicked out of garden");
    boris.sees("you were kicked out of garden by clara: no weeds");
    boris.sees(" lobby · ");
    boris.loses("> half a th");
    assert!(!is_listed(&boris, "garden"), "{}", boris.picture());
    boris.types("/join garden");
    boris.sees("> half a th");
    assert!(is_listed(&boris, "garden"), "{}", boris.picture());
    clara.types("/op boris");
    boris.sees("boris is operator of garden now, by clara");
    boris.presses("\x15");
    boris.types("/topic tulips");
    clara.sees("garden — tulips");
    // Who is as high as oneself is not put down; one may give it up.
    clara.types("/deop boris");
    clara.sees("that takes a higher role than theirs");
    boris.types("/deop boris");
    boris.sees("boris is operator of garden no more, by boris");
    clara.types("/ban boris 1h weeds");
    boris.sees("you were banned from garden by clara until");
    boris.types("/join garden");
    boris.sees("you are banned from 'garden' until");
    boris.sees(" lobby · ");
    clara.types("/unban boris");
    clara.sees("boris is not banned from garden any more");
    boris.types("/join garden");
    boris.sees("garden — tulips · 2 members");
}

/// A message of somebody who is muted is shown as not sent, with why and until when, and can be sent once they may speak.
#[test]
fn muted_on_the_screen() {
    let daemon = Daemon::start();
    let [(_clara, mut clara), (_boris, mut boris)] = garden(&daemon);
    clara.types("/mute boris 10m too loud");
    clara.sees("boris is muted in garden for 10m");
    boris.types("roses!");
    boris.sees("  !   <boris> roses!");
    boris.sees("not sent: you are muted in 'garden' until");
    boris.sees("too loud");
    boris.sees("1 not sent: F7 again, F8 drop · you can only read here until");
    clara.types("/unmute boris");
    clara.sees("boris may speak in garden again");
    boris.presses("\x1b[18~");
    clara.sees("<boris> roses!");
    boris.loses("not sent");
    boris.sees("<boris> roses!");
}

/// A text that is redacted is gone from both screens: from the conversation, folded or not, from the mentions, from what
/// was found and is being looked at.
#[test]
fn redacted_on_the_screen() {
    let daemon = Daemon::start();
    let [(_clara, mut clara), (_boris, mut boris)] = garden(&daemon);
    boris.presses("clara, the code is 1234\x1b\r");
    boris.presses(&"1234\x1b\r".repeat(20));
    boris.types("1234");
    clara.sees("the code is 1234");
    clara.sees("more lines (Ctrl-O)");
    // The index runs behind the log.
    let mut other = daemon.login("boris");
    until("it is found", || {
        let page = ask!(other, "search", text: "code");
        let found = page["messages"].as_array().is_some_and(|it| !it.is_empty());
        found.then_some(())
    });
    boris.types("/search code");
    boris.sees("Found: code");
    boris.sees("<boris> clara, the code is 1234");
    clara.types("/redact 1");
    clara.sees("message 1 was removed by clara");
    clara.loses("1234");
    boris.sees("message 1 of boris was removed");
    boris.loses("1234");
    boris.presses("\x1b");
    boris.sees("message 1 was removed by clara");
    boris.presses("\x0f");
    clara.presses("\x0f");
    clara.presses("\x1bm");
    clara.sees("nobody has mentioned you");
    for screen in [&clara, &boris] {
        assert!(!screen.picture().contains("1234"), "{}", screen.picture());
    }
}
