//! chat-client and a person at a terminal: what is asked, what is seen.

use crate::support::{Daemon, Heard, PASSWORD, Person, ask, refused};

/// With nothing told beforehand everything is asked for; an unknown name is registered there and then.
#[test]
fn everything_is_asked_for() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    let (ip, port) = (
        daemon.address().ip().to_string(),
        daemon.address().port().to_string(),
    );
    let anna = Person::stranger();
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.sees("[localhost]");
    terminal.types(&ip);
    terminal.sees("[2428]");
    terminal.types(&port);
    terminal.sees("[nobody-in-particular]");
    terminal.types("anna");
    terminal.sees("password: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("[y/N]");
    terminal.types("y");
    terminal.sees("password again: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("lobby");
    terminal.types("hello from a terminal");
    boris.hears("lobby", 1, "anna", "hello from a terminal");
    boris.say("lobby", "hello, terminal");
    terminal.sees("hello, terminal");
    terminal.types("/quit");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains(PASSWORD), "the password was shown");
    daemon.login("anna");
}

/// What the environment says is not asked for; commands do what they say.
#[test]
fn commands_at_a_terminal() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    ask!(boris, "topic", room: "tea", topic: "kettles").must_be("ok");
    boris.say("tea", "is it ready?");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.types("/join tea");
    terminal.sees("kettles");
    terminal.types("nearly");
    boris.hears("tea", 2, "anna", "nearly");
    terminal.types("/me looks");
    assert_eq!(boris.push("message").text("text"), "looks");
    terminal.types("/msg boris between us");
    boris.hears("@anna", 1, "anna", "between us");
    boris.say("@anna", "of course");
    terminal.sees("of course");
    terminal.types("/who");
    terminal.sees("boris");
    terminal.types("/rooms");
    terminal.sees("kettles");
    terminal.types("/history");
    terminal.sees("is it ready?");
    ask!(boris, "op", room: "tea", user: "anna").must_be("ok");
    terminal.sees("anna is operator of tea now, by boris");
    terminal.types("/topic cups");
    assert_eq!(boris.push("topic").text("topic"), "cups");
    terminal.types("/help");
    terminal.sees("/quit");
    terminal.types("/leave");
    terminal.sees("lobby> ");
    terminal.presses_ctrl('d');
    assert_eq!(terminal.ends().0, 0);
}

/// A wrong password is told and asked for again; nothing of it is shown.
#[test]
fn a_wrong_password_at_a_terminal() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna").without("CHAT_PASSWORD");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.sees("password: ");
    terminal.types_hidden("a wrong one");
    terminal.sees("[y/N]");
    terminal.types("");
    terminal.sees("password: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("lobby");
    terminal.types("/quit");
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(
        !shown.contains("a wrong one") && !shown.contains(PASSWORD),
        "a password was shown: {shown}"
    );
}

/// An answer that ends the questions ends the program, and nothing was registered.
#[test]
fn no_answer_at_a_terminal() {
    let daemon = Daemon::start();
    let anna = Person::new(&daemon, "anna").without("CHAT_PASSWORD");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.sees("password: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("[y/N]");
    terminal.presses_ctrl('d');
    let (code, shown) = terminal.ends();
    assert_ne!(code, 0, "{shown}");
    assert!(daemon.ctl_list(&["users"], "users").is_empty());
}

/// `passwd` asks for the old password and twice for the new one.
#[test]
fn another_password_at_a_terminal() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    anna.run(&["login"]).done();
    let anna = anna.without("CHAT_PASSWORD");
    let mut terminal = anna.terminal(&["passwd"]);
    for password in [PASSWORD, "quite another one", "quite another one"] {
        terminal.sees("assword");
        terminal.types_hidden(password);
    }
    let (code, shown) = terminal.ends();
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("another one"), "a password was shown");
    refused!("bad-credentials": daemon.greet(), "login", name: "anna", password: PASSWORD);
    ask!(daemon.greet(), "login", name: "anna", password: "quite another one").must_be("welcome");
    anna.run(&["send", "lobby", "the token still opens"]).done();
}

/// Control characters that another person wrote do not reach the terminal, colours of one's own client may.
#[test]
fn nobody_else_writes_to_my_terminal() {
    let daemon = Daemon::start();
    let mut boris = daemon.register("boris");
    daemon.register("anna");
    let anna = Person::new(&daemon, "anna");
    let mut terminal = crate::support::Terminal::raw(&anna.command(&["--plain"]));
    terminal.types("ready");
    boris.expect_message("lobby");
    boris.say("lobby", "\u{1b}]0;my title\u{7}\u{1b}[2Jgone?");
    terminal.sees("gone?");
    let shown = terminal.shown();
    assert!(
        !shown.contains("\u{1b}]") && !shown.contains('\u{7}') && !shown.contains("\u{1b}[2J"),
        "{shown:?}"
    );
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
}
