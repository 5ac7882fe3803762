//! Getting in: the form on the full screen, profiles, addresses, and a command that knows the password. A person, a
//! terminal, a daemon.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use nix::sys::signal::Signal;
use rexpect::process::WaitStatus;

use crate::support::tls::disguised;
use crate::support::{Daemon, Heard as _, PASSWORD, Person, Screen, ask};

/// Empties a field.
const CLEAR: &str = "\x15";
const ESC: &str = "\x1b";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

const WELCOME: &str = "Where is the chat";

fn start(person: &Person, args: &[&str]) -> Screen {
    Screen::start(&person.command(args), (80, 24))
}

/// Somebody who has told their environment all but the password.
fn without_password(daemon: &Daemon) -> Person {
    Person::new(daemon, "anna").without("CHAT_PASSWORD")
}

/// Somebody who has told their environment nothing but the password.
fn with_password() -> Person {
    Person::stranger().with("CHAT_PASSWORD", PASSWORD)
}

fn has_shown(screen: &Screen, text: &str) -> bool {
    let bytes = screen.bytes();
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[track_caller]
fn leaves(screen: &mut Screen) {
    screen.presses(CTRL_D);
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
    assert!(screen.is_restored());
}

/// The whole first run on one form, and a second one without a question. The password is neither shown nor kept.
#[test]
fn the_first_run_registers_and_the_second_goes_straight_in() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let anna = Person::stranger();
    let mut screen = start(&anna, &[]);
    screen.sees(WELCOME);
    screen.sees("nobody-in-particular");
    let address = daemon.address();
    for text in [
        address.ip().to_string(),
        address.port().to_string(),
        "anna".into(),
    ] {
        screen.types(&format!("{CLEAR}{text}"));
    }
    screen.types(PASSWORD);
    screen.sees("Nobody called 'anna' has this password here");
    screen.types("not the same");
    screen.sees("not the same as the password above");
    screen.types(PASSWORD);
    screen.sees("lobby · ");
    screen.types("hello from the form");
    boris.hears("lobby", 1, "anna", "hello from the form");
    leaves(&mut screen);
    assert!(!has_shown(&screen, PASSWORD));
    for file in fs::read_dir(anna.tokens()).expect("a folder").flatten() {
        let kept = fs::read_to_string(file.path()).expect("a text");
        assert!(!kept.contains(PASSWORD), "{:?}", file.path());
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.path());
    }

    let mut screen = start(&anna, &[]);
    screen.sees("lobby · ");
    screen.sees("hello from the form");
    leaves(&mut screen);
    assert!(!has_shown(&screen, WELCOME));
    // What is remembered is for people: a script says where it goes.
    anna.run(&["rooms"]).failed(3);
}

/// A wrong password is told on the form; for the right one nothing else is written again.
#[test]
fn a_wrong_password_then_the_right_one() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = without_password(&daemon);
    let mut screen = start(&anna, &[]);
    screen.sees(WELCOME);
    screen.types("a wrong one");
    screen.sees("Nobody called 'anna' has this password here");
    screen.presses(ESC);
    screen.loses("Nobody called");
    screen.types(&format!("{CLEAR}{PASSWORD}"));
    screen.sees("lobby · ");
    leaves(&mut screen);
    assert!(!has_shown(&screen, "a wrong one"));

    // Where nobody can register it is told at the field.
    let closed = Daemon::start_with("registration = \"closed\"\n", &[]);
    let anna = without_password(&closed);
    let mut screen = start(&anna, &[]);
    screen.sees(WELCOME);
    screen.types("a wrong one");
    screen.sees("the server does not let 'anna' in with this");
    screen.presses(ESC);
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 4)));
    assert!(screen.is_restored());
}

/// What the server says of a name, a password or an invite is told at its field, and mended there.
#[test]
fn what_is_wrong_is_mended_on_the_form() {
    let daemon = Daemon::start();
    let admin = Person::new(&daemon, "admin").without("CHAT_PASSWORD");
    let mut screen = start(&admin, &[]);
    screen.sees(WELCOME);
    screen.types("annabella");
    screen.sees("Nobody called 'admin'");
    screen.types("annabella");
    screen.sees("the name is reserved; choose another");
    screen.types(&format!("{CLEAR}annabella"));
    screen.sees("Nobody called 'annabella'");
    screen.types("annabella");
    screen.sees("the password is the name");
    screen.types(&format!("{CLEAR}{PASSWORD}"));
    screen.types(PASSWORD);
    screen.sees("lobby · ");
    leaves(&mut screen);

    let daemon = Daemon::start_with("registration = \"invite\"\n", &[]);
    let invite = daemon.ctl_json(&["invite", "create"]);
    let code = invite["code"].as_str().expect("a code");
    let anna = without_password(&daemon);
    let mut screen = start(&anna, &[]);
    screen.sees(WELCOME);
    screen.types(PASSWORD);
    screen.sees("and the invite that its admin gave you");
    screen.types(PASSWORD);
    screen.types("no such code");
    screen.sees("this is no invite");
    screen.types(&format!("{CLEAR}{code}"));
    screen.sees("lobby · ");
    leaves(&mut screen);
}

/// The server is not there: that is told at the port, and Enter is enough once it is.
#[test]
fn a_server_that_is_started_later() {
    let mut daemon = Daemon::start();
    daemon.register("anna");
    daemon.kill_9();
    let anna = without_password(&daemon);
    let mut screen = start(&anna, &[]);
    screen.sees(WELCOME);
    screen.types(PASSWORD);
    screen.sees("nobody answers on port");
    daemon.launch();
    screen.presses("\r");
    screen.sees("lobby · ");
    leaves(&mut screen);

    // Somebody else lives there.
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = stranger.local_addr().expect("bound").port().to_string();
    std::thread::spawn(move || {
        for socket in stranger.incoming().flatten() {
            let _ = (&socket).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let anna = Person::new(&daemon, "anna").with("CHAT_PORT", &port);
    let anna = anna.with("CHAT_SERVER", "127.0.0.1");
    let mut screen = start(&anna, &[]);
    screen.sees("is no chat server");
    screen.types(&format!("{CLEAR}1"));
    screen.sees("nobody answers on port 1");
    screen.presses("\x1b[A");
    screen.types(&format!("{CLEAR}no-such-host.invalid"));
    screen.sees("there is no host of this name");
    screen.presses(ESC);
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 3)));
}

/// A server that nobody vouches for is shown by its fingerprint, and asked about once.
#[test]
fn an_unknown_fingerprint_is_asked_about_once() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let host = disguised(daemon.address());
    let anna = Person::new(&daemon, "anna").with("CHAT_SERVER", &host);
    let status = daemon.ctl_json(&["status"]);
    let fingerprint = status["certificate"]["fingerprint"]
        .as_str()
        .expect("there is one");
    let known = || fs::read_to_string(anna.tokens().join("known_hosts")).unwrap_or_default();
    let mut screen = start(&anna, &[]);
    screen.sees("is not known here");
    screen.sees(fingerprint);
    screen.sees("no authority that this system knows");
    screen.presses("n");
    screen.sees(WELCOME);
    assert_eq!(known(), "");
    screen.presses("\r");
    screen.sees(fingerprint);
    screen.presses("y");
    screen.sees("lobby · ");
    leaves(&mut screen);
    assert_eq!(
        known(),
        format!("{host}:{} {fingerprint}\n", daemon.address().port())
    );
    let mut screen = start(&anna, &[]);
    screen.sees("lobby · ");
    leaves(&mut screen);
    assert!(!has_shown(&screen, fingerprint));
}

/// A profile is chosen by its name, as a word or by `-p`, or is the usual one; a file that is wrong is told.
#[test]
fn a_profile_by_its_name() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let address = daemon.address();
    let config = format!(
        "default = \"work\"\n[profile.work]\nserver = \"{}\"\nport = {}\nname = \"anna\"\n\
         [profile.elsewhere]\nserver = \"localhost\"\nport = 1\nname = \"boris\"\n",
        address.ip(),
        address.port()
    );
    let anna = with_password();
    anna.configure(&config);
    for args in [&["work"][..], &["-p", "work"], &[]] {
        let mut screen = start(&anna, args);
        screen.sees("lobby · ");
        leaves(&mut screen);
    }
    anna.run(&["rooms", "-p", "work"]).done();
    anna.run(&["rooms"]).done();
    let said = anna.run(&["-p", "elsewhere", "rooms"]).failed(3);
    assert!(said.contains("port 1 "), "{said}");
    let said = anna.run(&["-p", "wrok", "rooms"]).failed(2);
    assert!(said.contains("did you mean 'work'?"), "{said}");
    let listed = anna.run(&["profiles"]).done();
    let [elsewhere, work] = listed.lines().collect::<Vec<_>>()[..] else {
        panic!("{listed}");
    };
    assert!(
        elsewhere.starts_with("elsewhere       localhost:1 "),
        "{listed}"
    );
    assert!(
        work.starts_with(&format!("work (default)  {address}  anna")),
        "{listed}"
    );
    assert_eq!(elsewhere.find("boris"), work.find("anna"), "{listed}");

    let file = anna.configure(&format!("{config}pasword-command = \"x\"\n"));
    let said = anna.run(&["rooms"]).failed(2);
    let line = config.lines().count() + 1;
    assert!(
        said.contains(&*file.to_string_lossy())
            && said.contains(&format!("line {line}, column 1"))
            && said.contains("did you mean 'password-command'?"),
        "{said}"
    );
    anna.configure(&config);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("ours");
    let said = anna.run(&["rooms"]).failed(2);
    assert!(said.contains("can be written by others"), "{said}");
    let nobody = Person::stranger().run(&["profiles"]);
    assert!(
        nobody.stderr.contains("there are no profiles"),
        "{nobody:?}"
    );
}

/// An address that was passed on leads into its room, where one is not in it yet, too.
#[test]
fn an_address_with_a_room() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    let anna = with_password();
    let address = format!("chat://anna@{}/tea", daemon.address());
    let mut screen = start(&anna, &[&address]);
    screen.sees("tea · ");
    screen.types("is it ready?");
    boris.hears("tea", 1, "anna", "is it ready?");
    leaves(&mut screen);
    let mut pipe = anna.start(&[&address]);
    pipe.say("and now?");
    boris.hears("tea", 2, "anna", "and now?");
    assert_eq!(pipe.finish().code, 0);
    let mut screen = start(&anna, &[&address.replace("/tea", "/@boris")]);
    screen.sees("@boris");
    screen.types("between us");
    boris.hears("@anna", 1, "anna", "between us");
    leaves(&mut screen);

    let said = anna.run(&["chat://anna:secret@host/tea"]).failed(2);
    assert!(
        said.contains("takes no password") && !said.contains("secret"),
        "{said}"
    );
    let said = anna.run(&["chat://host/50%"]).failed(2);
    assert!(said.contains("percent sign"), "{said}");
}

/// A command tells the password, to scripts and to the full screen; where it fails, that is said.
#[test]
fn a_password_from_a_command() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let address = daemon.address();
    let config = |command: &str| {
        format!(
            "[profile.work]\nserver = \"{}\"\nport = {}\nname = \"anna\"\npassword-command = \"{command}\"\n",
            address.ip(),
            address.port()
        )
    };
    let anna = Person::stranger();
    anna.configure(&config("echo no password >&2; exit 1"));
    let said = anna.run(&["-p", "work", "rooms"]).failed(4);
    assert!(
        said.contains("failed (exit status: 1)") && said.contains("no password\n"),
        "{said}"
    );
    let mut screen = start(&anna, &["work"]);
    screen.sees("status: 1); run it by hand");
    screen.types(PASSWORD);
    screen.sees("lobby · ");
    leaves(&mut screen);
    anna.run(&["-p", "work", "logout"]).done();

    anna.configure(&config(&format!("echo '{PASSWORD}'; echo more")));
    anna.run(&["-p", "work", "rooms"]).done();
    anna.run(&["-p", "work", "logout"]).done();
    let mut screen = start(&anna, &["work"]);
    screen.sees("lobby · ");
    leaves(&mut screen);
    assert!(!has_shown(&screen, WELCOME) && !has_shown(&screen, PASSWORD));

    // Another server is not told it.
    let elsewhere = Daemon::start();
    elsewhere.register("anna");
    let there = elsewhere.address().to_string();
    let said = anna.run(&[&there, "--name", "anna", "rooms"]).failed(4);
    assert!(said.contains("not logged in at"), "{said}");
    let anna = Person::new(&elsewhere, "anna")
        .without("CHAT_PASSWORD")
        .with("CHAT_PASSWORD_COMMAND", &format!("echo '{PASSWORD}'"));
    anna.run(&["rooms"]).done();
    let silent = anna.with("CHAT_PASSWORD_COMMAND", "true");
    silent.run(&["logout"]).done();
    let said = silent.run(&["rooms"]).failed(4);
    assert!(said.contains("printed no password"), "{said}");
}

/// A session that is over in the middle of the conversation is no end: the form asks for the new password.
#[test]
fn a_session_that_is_over_asks_for_the_password() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    anna.run(&["login"]).done();
    let anna = anna.without("CHAT_PASSWORD");
    let mut screen = start(&anna, &[]);
    screen.sees("lobby · ");
    let password = "another password\n";
    daemon
        .ctl_with(&["user", "passwd", "--yes", "anna"], password)
        .done();
    screen.sees("Password");
    screen.sees("log in again");
    screen.presses(password.replace('\n', "\r").as_str());
    screen.sees("lobby · ");
    leaves(&mut screen);
}

/// Whoever does not want to come in has the terminal as it was, whatever it was doing.
#[test]
fn the_form_gives_the_terminal_back() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let ended = |screen: &Screen, code: i32| {
        assert!(matches!(screen.ends(), WaitStatus::Exited(_, ended) if ended == code));
        assert!(screen.is_restored());
    };
    for key in [ESC, CTRL_C] {
        let anna = Person::stranger();
        let mut screen = start(&anna, &[]);
        screen.sees(WELCOME);
        assert!(screen.is_taken());
        screen.presses(key);
        ended(&screen, 0);
    }
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let anna = Person::stranger();
        let mut screen = start(&anna, &[]);
        screen.sees(WELCOME);
        screen.signal(signal);
        assert!(matches!(screen.ends(), WaitStatus::Signaled(_, by, _) if by == signal));
        assert!(screen.is_restored());
    }
    daemon.ctl(&["pause"]).done();
    let anna = Person::new(&daemon, "anna");
    let mut screen = start(&anna, &[]);
    screen.sees("the server has not answered yet");
    screen.presses(ESC);
    screen.sees("broken off");
    screen.presses("\r");
    screen.sees("connecting to");
    screen.presses(CTRL_C);
    ended(&screen, 0);
    let mut screen = start(&anna, &[]);
    screen.sees("the server has not answered yet");
    daemon.ctl(&["resume"]).done();
    screen.sees("lobby · ");
    leaves(&mut screen);
}
