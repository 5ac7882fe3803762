//! Accounts by invitation: codes that the admin makes and gives away, and what is made of them.

use std::net::Ipv4Addr;
use std::thread;

use serde_json::{Value, json};

use crate::support::{
    Daemon, Heard, PASSWORD, PATIENCE, Person, Talker, ask, refused, request, until,
};

const INVITED: &str = "registration = \"invite\"\n";

/// Makes an invite; its code and its number.
#[track_caller]
fn create(daemon: &Daemon, flags: &[&str]) -> (String, String) {
    let made = daemon.ctl_json(&[&["invite", "create"], flags].concat());
    (made.text("code").to_owned(), made["id"].to_string())
}

#[track_caller]
fn listed(daemon: &Daemon) -> Vec<Value> {
    daemon.ctl_list(&["invite", "list"], "invites")
}

/// How often the first invite was used, and what it is.
#[track_caller]
fn first(daemon: &Daemon) -> (u64, String) {
    let invite = &listed(daemon)[0];
    let used = invite["used"].as_u64().expect("a number");
    (used, invite.text("state").to_owned())
}

fn register(name: &str, code: &str) -> Value {
    request!("register", name: name, password: PASSWORD, invite: code)
}

/// Greeting, refusals, an account, and nothing left of the code; all of it survives a crash.
#[test]
fn nobody_comes_without_an_invite() {
    let mut daemon = Daemon::start_with(INVITED, &[]);
    let mut anna = daemon.connect();
    assert_eq!(anna.hello()["registration"], "invite");
    let (code, _) = create(&daemon, &["--uses", "2", "--note", "for Анна"]);
    assert_eq!(code.len(), 26, "{code}");
    let told = ask!(anna, "register", name: "anna", password: PASSWORD);
    assert_eq!(told.code(), "bad-invite", "{told}");
    assert!(told.text("text").contains("ask the admin"), "{told}");
    for wrong in ["", "7f3k-22qd", &code[1..], &format!("{code}0")] {
        let mut stranger = daemon.greet();
        assert_eq!(
            stranger.request(register("anna", wrong)).code(),
            "bad-invite"
        );
    }
    let long = "0".repeat(65);
    assert_eq!(anna.request(register("anna", &long)).code(), "bad-request");
    let by_hand = code.to_lowercase();
    let by_hand = format!("{}-{}", &by_hand[..13], &by_hand[13..]);
    anna.request(register("anna", &by_hand)).must_be("welcome");

    daemon.kill_9();
    daemon.launch();
    assert_eq!(first(&daemon), (1, "open".into()));
    let mut boris = daemon.greet();
    assert_eq!(boris.request(register("Anna", &code)).code(), "name-taken");
    boris.request(register("boris", &code)).must_be("welcome");
    assert_eq!(first(&daemon), (2, "used".into()));
    let mut clara = daemon.greet();
    assert_eq!(clara.request(register("clara", &code)).code(), "bad-invite");
    daemon.login("anna");

    let list = daemon.ctl(&["invite", "list"]).done();
    assert!(list.contains("2/2") && list.contains("for Анна"), "{list}");
    assert!(!list.contains(&code), "the code is shown again: {list}");
    let log = daemon.whole_log();
    assert!(
        log.contains("registered user=boris session=2 invite=1"),
        "{log}"
    );
    assert!(
        log.contains("method=CreateInvite") && !log.contains(&code),
        "{log}"
    );
    daemon.ctl(&["rekey", "--yes"]).done();
    daemon.restart();
    let list = daemon.ctl(&["invite", "list"]).done();
    assert!(list.contains("for Анна"), "sealed with another key: {list}");
    daemon.stop();
    for file in std::fs::read_dir(daemon.state())
        .expect("it is there")
        .flatten()
    {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        for secret in [code.as_bytes(), "for Анна".as_bytes()] {
            let found = bytes.windows(secret.len()).any(|part| part == secret);
            assert!(!found, "a secret is in {:?}", file.path());
        }
    }
}

/// One invite, a hundred connections, one account.
#[test]
fn a_hundred_at_once_with_an_invite_for_one() {
    let limits = "[limits]\npasswords_waiting_per_address = 200\nregistrations_per_hour = 100_000";
    let daemon = Daemon::start_with(&format!("{INVITED}{limits}"), &[]);
    let (code, _) = create(&daemon, &[]);
    let mut talkers: Vec<_> = (0..100).map(|_| daemon.greet()).collect();
    let come =
        |(n, talker): (usize, &mut Talker)| talker.begin(register(&format!("person-{n}"), &code));
    let ids: Vec<_> = talkers.iter_mut().enumerate().map(come).collect();
    let answers = talkers.iter_mut().zip(ids);
    let answers: Vec<_> = answers.map(|(talker, id)| talker.answer(id)).collect();
    let won = answers.iter().filter(|answer| answer["type"] == "welcome");
    assert_eq!(won.count(), 1, "{answers:?}");
    let lost = answers.iter().filter(|answer| answer["type"] == "error");
    assert!(lost.clone().all(|answer| answer.code() == "bad-invite"));
    assert_eq!(lost.count(), 99);
    assert_eq!(first(&daemon), (1, "used".into()));
    assert_eq!(daemon.ctl_list(&["users"], "users").len(), 1);
}

/// Killed while people come: as many accounts as the invite was used for, and among them all who were let in.
#[test]
fn killed_while_people_come() {
    let limits = "[limits]\npasswords_waiting_per_address = 200\nregistrations_per_hour = 100_000";
    let mut daemon = Daemon::start_with(&format!("{INVITED}{limits}"), &[]);
    let (code, _) = create(&daemon, &["--uses", "60"]);
    let address = daemon.address();
    let come = |n: usize, code: &str| {
        let mut talker = Talker::connect(address);
        talker.hello();
        let name = format!("person-{n}");
        let ids = talker.try_begin_all([register(&name, code)])?;
        let answer = talker.answer_within(ids[0], PATIENCE)?;
        (answer["type"] == "welcome").then_some(name)
    };
    let welcomed: Vec<_> = thread::scope(|scope| {
        let coming: Vec<_> = (0..40)
            .map(|n| {
                scope.spawn({
                    let code = &code;
                    move || come(n, code)
                })
            })
            .collect();
        until("some are in", || (first(&daemon).0 > 2).then_some(()));
        daemon.kill_9();
        let came = coming
            .into_iter()
            .filter_map(|one| one.join().ok().flatten());
        came.collect()
    });
    daemon.launch();
    let users = daemon.ctl_list(&["users"], "users");
    let names: Vec<_> = users.iter().map(|user| user.text("name")).collect();
    println!(
        "{} were welcomed, {} are there",
        welcomed.len(),
        names.len()
    );
    assert_eq!(first(&daemon).0, names.len() as u64, "{names:?}");
    assert!(
        welcomed.iter().all(|name| names.contains(&&**name)),
        "{welcomed:?} {names:?}"
    );
}

/// Revoked, run out, forgotten; and calls that cannot be.
#[test]
fn invites_that_are_over() {
    let daemon = Daemon::start_with(&format!("{INVITED}[limits]\ninvites = 2\n"), &[]);
    assert_eq!(
        daemon.ctl(&["invite", "list"]).done(),
        "there are no invites\n"
    );
    let (one, id) = create(&daemon, &["--for", "2w"]);
    assert_eq!(
        daemon.ctl(&["invite", "revoke", &id]).code,
        2,
        "nobody is asked"
    );
    let would = daemon.ctl(&["invite", "revoke", "--dry-run", &id]).done();
    assert_eq!(
        would,
        "would revoke invite 1, which is open and used 0 of 1 time\n"
    );
    daemon.ctl(&["invite", "revoke", "--yes", &id]).done();
    let again = daemon.ctl(&["invite", "revoke", "--yes", &id]).done();
    assert_eq!(again, "invite 1 was over already\n");
    assert_eq!(
        daemon.greet().request(register("anna", &one)).code(),
        "bad-invite"
    );
    let (short, _) = create(&daemon, &["--for", "1s"]);
    until("it has run out", || {
        (listed(&daemon)[1]["state"] == "expired").then_some(())
    });
    assert_eq!(
        daemon.greet().request(register("anna", &short)).code(),
        "bad-invite"
    );

    // Two are remembered: those that are over make room, others do not.
    create(&daemon, &[]);
    create(&daemon, &[]);
    let full = daemon.ctl(&["invite", "create"]).failed(1);
    assert!(full.contains("limits.invites is reached"), "{full}");
    let ids: Vec<_> = listed(&daemon).iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!(3), json!(4)]);
    let gone = daemon.ctl(&["invite", "revoke", "--yes", &id]).failed(1);
    assert!(gone.contains("there is no invite 1"), "{gone}");

    for (flags, words) in [
        (["--uses", "0"], "--uses"),
        (["--for", "0s"], "over at once"),
        (["--for", "soon"], "is no span of time: write 30s"),
        (["--note", ""], "--note"),
    ] {
        let refused = daemon.ctl(&[&["invite", "create"], &flags[..]].concat());
        let said = refused.failed(2);
        assert!(said.contains(words), "{said}");
    }
    let long = "x".repeat(257);
    let refused = daemon.ctl(&["invite", "create", "--note", &long]).failed(1);
    assert!(refused.contains("'note'"), "{refused}");
    assert_eq!(daemon.ctl(&["invite", "revoke", "--yes", "one"]).code, 2);
}

/// Whoever guesses is made to wait like one who guesses passwords, and nobody elsewhere is.
#[test]
fn codes_that_are_guessed() {
    let daemon = Daemon::start_with(INVITED, &[]);
    let (code, _) = create(&daemon, &["--uses", "9"]);
    let from = |last| {
        let mut talker = Talker::connect_from(Ipv4Addr::new(127, 251, 0, last), daemon.address());
        talker.hello();
        talker
    };
    let mut guesses = 0;
    'guessing: loop {
        let mut stranger = from(1);
        // After five the connection is closed.
        for _ in 0..5 {
            let answer = stranger.request(register("anna", &format!("guess {guesses}")));
            match answer.code() {
                "bad-invite" => guesses += 1,
                code => {
                    assert_eq!(code, "rate-limited", "{answer}");
                    break 'guessing;
                }
            }
        }
        let bye = stranger.expect_bye();
        assert_eq!(bye["reason"], "login-attempts", "{bye}");
    }
    assert_eq!(guesses, 20);
    assert_eq!(
        from(1).request(register("anna", &code)).code(),
        "rate-limited"
    );
    refused!("rate-limited": from(1), "login", name: "anna", password: PASSWORD);
    from(2).request(register("anna", &code)).must_be("welcome");
}

/// An invite counts only where one is asked for; a reload changes that.
#[test]
fn where_nobody_asks_for_one() {
    let daemon = Daemon::start_with("", &[]);
    let (code, _) = create(&daemon, &[]);
    daemon
        .greet()
        .request(register("anna", &code))
        .must_be("welcome");
    daemon
        .greet()
        .request(register("boris", "nonsense"))
        .must_be("welcome");
    assert_eq!(first(&daemon), (0, "open".into()));
    daemon.configure(INVITED);
    let reloaded = daemon.ctl_json(&["reload"]);
    assert_eq!(reloaded["changed"], json!(["registration"]));
    refused!("bad-invite": daemon.greet(), "register", name: "clara", password: PASSWORD);
    daemon.configure("registration = \"closed\"\n");
    daemon.ctl(&["reload"]).done();
    let mut clara = daemon.greet();
    assert_eq!(
        clara.request(register("clara", &code)).code(),
        "registration-closed"
    );
    let password = format!("{PASSWORD}\n");
    daemon.ctl_with(&["user", "add", "clara"], &password).done();
}

/// chat-client shows the invite that it was told, asks a person for it after the password, and tells a script what is
/// missing.
#[test]
fn a_guest_with_chat_client() {
    let daemon = Daemon::start_with(INVITED, &[]);
    let (code, _) = create(&daemon, &["--uses", "3"]);
    let anna = Person::new(&daemon, "anna");
    let missing = anna.run(&["login", "--register"]).failed(2);
    assert!(missing.contains("--invite or CHAT_INVITE"), "{missing}");
    let wrong = anna
        .run(&["login", "--register", "--invite", "7f3k"])
        .failed(1);
    assert!(wrong.contains("no invite"), "{wrong}");
    anna.run(&["login", "--register", "--invite", &code]).done();
    let boris = Person::new(&daemon, "boris").with("CHAT_INVITE", &code);
    boris.run(&["login", "--register"]).done();

    let clara = Person::new(&daemon, "clara").without("CHAT_PASSWORD");
    let mut terminal = clara.terminal(&["--plain"]);
    terminal.sees("password: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("[y/N]");
    terminal.types("y");
    terminal.sees("password again: ");
    terminal.types_hidden(PASSWORD);
    terminal.sees("invite: ");
    terminal.types("7f3k-22qd");
    terminal.sees("this is no invite");
    terminal.sees("invite: ");
    terminal.types(&code.to_lowercase());
    terminal.sees("lobby");
    terminal.types("/quit");
    let (status, shown) = terminal.ends();
    assert_eq!(status, 0, "{shown}");
    assert_eq!(first(&daemon), (3, "used".into()));
    daemon.login("clara");
}
