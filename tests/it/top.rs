//! `chatctl top`: in a pipe and on a terminal, which is given back as it was.

use nix::sys::signal::Signal;

use crate::support::{Daemon, Process, Sluggard, Terminal, UNHURRIED};

/// In a pipe it is one look below the other, as many as were asked for; as JSON an object a line.
#[test]
fn in_a_pipe() {
    let daemon = Daemon::start();
    let mut anna = daemon.register("anna");
    let mut top = Process::start(&mut daemon.ctl_command(&["--json", "top", "-n", "2"]));
    let first = top.next_line().expect("a look");
    anna.say("lobby", "hello");
    let loads = [first, top.next_line().expect("another")];
    let busy = loads.iter().map(|line| {
        let load: serde_json::Value = serde_json::from_str(line).expect("an object");
        assert_eq!(load["state"], "serving");
        assert_eq!(load["usersOnline"], 1);
        load["rooms"][0]["name"] == "lobby"
    });
    assert_eq!(busy.collect::<Vec<_>>(), [false, true], "{loads:?}");
    assert_eq!(top.finish().code, 0);

    let text = daemon.ctl(&["top", "-n", "1"]).done();
    assert!(text.starts_with("chatd serves, up "), "{text}");
    assert!(text.contains("1 online, 1 connection (0 not"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
    let refused = daemon.ctl(&["top", "-n", "0"]).failed(2);
    assert!(refused.contains("'0'"), "{refused}");
}

/// On a terminal it takes the screen, shows rooms and then who is behind, and gives it back.
#[test]
fn on_a_terminal() {
    let daemon = Daemon::start_with(UNHURRIED, &[]);
    let _story = Sluggard::new(&daemon, "anna", "boris");
    let mut terminal = Terminal::raw(&daemon.ctl_command(&["top"]));
    terminal.sees("\x1b[?1049h");
    terminal.sees("1 behind");
    terminal.sees("q quit");
    terminal.presses("u");
    terminal.sees("r busiest rooms  s slow readers");
    terminal.presses("s");
    terminal.sees("boris");
    terminal.presses("q");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("\x1b[?25h\x1b[?1049l"), "{shown:?}");
}

/// Where the terminal says that it obeys nothing it is told nothing: no screen, no colours, one look below the other.
#[test]
fn on_a_terminal_that_obeys_nothing() {
    let daemon = Daemon::start();
    daemon.register("anna");
    for (term, is_obeyed) in [("dumb", false), ("vt100", true)] {
        let mut command = daemon.ctl_command(&["users"]);
        let (_, shown) = Terminal::raw(command.env("TERM", term)).ends();
        assert_eq!(shown.contains("\x1b[1mNAME"), is_obeyed, "{shown:?}");
        // What a person has set goes before.
        let (_, shown) = Terminal::raw(command.env("NO_COLOR", "1")).ends();
        assert!(!shown.contains('\x1b'), "{shown:?}");
    }
    let mut command = daemon.ctl_command(&["top", "-d", "1s"]);
    let mut terminal = Terminal::raw(command.env("TERM", "dumb"));
    terminal.sees("chatd serves, up ");
    terminal.sees("chatd serves, up ");
    terminal.signal(Signal::SIGTERM);
    assert!(!terminal.shown().contains('\x1b'), "{:?}", terminal.shown());
}

/// Ctrl-C, signals and the end of the daemon: each gives the screen back.
#[test]
fn however_it_ends_the_screen_is_given_back() {
    type Ending = fn(&mut Daemon, &mut Terminal);
    let endings: [(Ending, i32); 4] = [
        (|_, terminal| terminal.presses_ctrl('c'), 0),
        (|_, terminal| terminal.signal(Signal::SIGTERM), 0),
        (|_, terminal| terminal.signal(Signal::SIGHUP), 0),
        (|daemon, _| daemon.kill_9(), 3),
    ];
    for (end, expected) in endings {
        let mut daemon = Daemon::start();
        let mut terminal = Terminal::raw(&daemon.ctl_command(&["top"]));
        terminal.sees("chatd");
        end(&mut daemon, &mut terminal);
        let (code, shown) = terminal.ends();
        assert_eq!(code, expected, "{shown}");
        assert!(shown.contains("\x1b[?25h\x1b[?1049l"), "{shown:?}");
    }
}
