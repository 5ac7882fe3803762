//! The full screen and whoever looks elsewhere: alerts, hushed rooms, the way to a room, help.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rexpect::process::WaitStatus;

use crate::support::{Daemon, Heard as _, Person, Screen, ask, until};

/// The focus leaves the terminal, and comes back.
const AWAY: &str = "\x1b[O";
const HERE: &str = "\x1b[I";

fn screen(person: &Person) -> Screen {
    let screen = Screen::start(&person.command(&[]), (80, 24));
    screen.sees("F1 help");
    screen
}

fn has(screen: &Screen, text: &str) -> usize {
    let bytes = screen.bytes();
    let text = text.as_bytes();
    bytes
        .windows(text.len())
        .filter(|part| *part == text)
        .count()
}

/// A desktop that writes down what it is told.
fn desktop(folder: &Path) -> String {
    let program = folder.join("notify-send");
    let script = format!(
        "#!/bin/sh\nprintf '[%s]' \"$@\" >>'{0}/told'\necho >>'{0}/told'\necho noise; echo noise >&2\n",
        folder.display()
    );
    fs::write(&program, script).expect("it can be written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var("PATH").expect("there is one");
    format!("{}:{path}", folder.display())
}

/// Mentions and what is said to one alone are told of while the terminal has no focus: by bell, OSC 9 and the desktop. What
/// others write is in no place where it would do something.
#[test]
fn whoever_looks_elsewhere_is_told() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let folder = tempfile::tempdir().expect("a folder");
    let person = Person::new(&daemon, "anna")
        .with("PATH", &desktop(folder.path()))
        .with("DISPLAY", ":0");
    let mut screen = screen(&person);
    assert_eq!(has(&screen, "\x1b[?1004h"), 1);
    screen.presses(AWAY);
    boris.say("lobby", "nothing for anybody");
    boris.say("lobby", "anna, <b>tea</b>; \\n$(id) \x1b]9;4;1;50\x07");
    let sequence = "\x1b]9;chat: boris in lobby: anna, <b>tea</b>, \\n$(id) ␛]9,4,1,50␇\x07\x07";
    until("the terminal is told", || {
        (has(&screen, sequence) == 1).then_some(())
    });
    let told = until("the desktop is told", || {
        let told = fs::read_to_string(folder.path().join("told")).ok()?;
        told.ends_with('\n').then_some(told)
    });
    let options = "[--app-name=chat-client][--urgency=normal][--]";
    let body = "anna, &lt;b&gt;tea&lt;/b&gt;; \\\\n$(id) ␛]9;4;1;50␇";
    assert_eq!(told, format!("{options}[boris in lobby][{body}]\n"));
    // While one looks, nobody is told; what comes after that is.
    screen.presses(HERE);
    screen.presses("x");
    screen.sees("> x");
    boris.say("@anna", "seen at once");
    screen.sees("@boris           1");
    screen.presses(AWAY);
    boris.say("@anna", "psst");
    boris.say("lobby", "ANNA!");
    let sum = "\x1b]9;chat: 2 messages for you: boris, boris in lobby\x07\x07";
    until("the sum is told", || (has(&screen, sum) == 1).then_some(()));
    assert_eq!(has(&screen, "\x1b]9;"), 2);
    assert!(!screen.picture().contains("noise"));
    screen.presses("\x15");
    screen.types("/quit");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
    assert!(screen.is_restored());
    let bytes = String::from_utf8_lossy(&screen.bytes()).into_owned();
    assert!(bytes.rfind("\x1b[?1004l") > bytes.rfind("\x1b[?1004h"));
}

/// What is preferred is there the next time; a damaged file is told of and put aside.
#[test]
fn a_hushed_room_stays_hushed() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    ask!(anna, "join", room: "tea").must_be("joined");
    let person = Person::new(&daemon, "anna");
    let mut first = screen(&person);
    first.sees(" tea");
    first.types("/hush tea");
    first.sees("tea is hushed");
    first.types("/notify bell");
    first.sees("the bell rings");
    first.types("/quit");
    assert!(matches!(first.ends(), WaitStatus::Exited(_, 0)));
    boris.say("tea", "is it ready?");
    boris.say("@anna", "psst");
    let mut second = screen(&person);
    second.presses(AWAY);
    second.sees("@boris           1");
    boris.say("tea", "anna, is it?");
    second.sees(" tea             1@");
    boris.say("@anna", "are you there?");
    until("the bell rings", || {
        (has(&second, "\x07") == 1).then_some(())
    });
    assert_eq!(has(&second, "\x1b]9;"), 0);
    second.presses("\x1ba");
    second.sees("<boris> psst");
    second.types("/quit");
    assert!(matches!(second.ends(), WaitStatus::Exited(_, 0)));
    let files = fs::read_dir(person.tokens()).expect("a folder").flatten();
    let mut preferences = files.map(|file| file.path());
    let path = preferences
        .find(|path| path.to_string_lossy().ends_with(".preferences.json"))
        .expect("it is kept");
    fs::write(&path, "{\"notify\":").expect("it can be written");
    let mut third = screen(&person);
    third.sees("damaged");
    third.sees(" tea           1@ 2");
    third.types("/notify off");
    third.sees("you are told of nothing");
    assert!(path.exists() && path.with_extension("json.damaged").exists());
}

/// Ctrl-K goes to a room by a part of its name, `?` tells the keys, in the smallest window too.
#[test]
fn the_way_and_the_help_on_the_smallest_screen() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "garden-party").must_be("joined");
    ask!(anna, "join", room: "garden-party").must_be("joined");
    let person = Person::new(&daemon, "anna");
    let mut screen = Screen::start(&person.command(&[]), (40, 10));
    screen.sees("F1 help");
    screen.presses("\x0bpart");
    screen.sees("> part");
    screen.presses("\r");
    screen.sees("garden-party · 2 members");
    boris.say("lobby", "hello");
    screen.sees("1 elsewhere");
    screen.presses("\x0bbor");
    screen.sees("@boris");
    screen.presses("\r");
    screen.types("psst");
    boris.hears("@anna", 1, "anna", "psst");
    screen.presses("?");
    screen.sees("send; Alt-Enter begins another line");
    screen.presses(&"\x1b[6~".repeat(20));
    screen.sees("twice to write it");
    screen.presses("?\r");
    boris.hears("@anna", 2, "anna", "?");
    screen.types("? what");
    boris.hears("@anna", 3, "anna", "? what");
    screen.types("/help");
    screen.sees("/join ROOM");
    screen.presses("\x1b");
    screen.loses("/join ROOM");
    screen.types("/help notify");
    screen.sees("/notify [HOW]");
    screen.presses("\x04");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
}

/// Whoever does not want to wait for the next try, tries at once.
#[test]
fn a_lost_connection_is_counted_down_and_tried_at_once() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    let person = Person::new(&daemon, "anna");
    let mut screen = screen(&person);
    daemon.kill_9();
    screen.sees("lost, again in 6 s (Ctrl-R: now)");
    daemon.launch();
    screen.presses("\x12");
    let began = std::time::Instant::now();
    screen.sees("live");
    assert!(
        began.elapsed() < std::time::Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
}
