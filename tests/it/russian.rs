//! chat-client for people whose locale is Russian: through the real program, in a pipe, on the screen and on the command
//! line; and that scripts see no difference.

use rexpect::process::WaitStatus;

use crate::support::{Daemon, Heard, Person, Screen, ask, until};

/// Anna, whose environment says that she speaks Russian.
fn anna(daemon: &Daemon) -> Person {
    Person::new(daemon, "anna").with("LANG", "ru_RU.UTF-8")
}

/// The line mode welcomes, answers and refuses in Russian; the form of messages stays.
#[test]
fn the_line_mode_in_russian() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    let anna = anna(&daemon);
    let output = anna.run_with(
        &[],
        "/join\n/dance\n/join nowhere\n/help join\n/who\n/history 5\nпривет\n",
    );
    let said = output.failed(1);
    for sentence in [
        "чего-то не хватает; напишите /join КОМНАТА",
        "команды /dance нет; смотрите /help, а чтобы просто сказать это, напишите //dance",
        "такой комнаты нет; посмотрите список комнат или создайте её",
        "сделано не всё; смотрите строки выше",
    ] {
        assert!(said.contains(sentence), "no '{sentence}' in:\n{said}");
    }
    boris.hears("lobby", 1, "anna", "привет");
    let mut terminal = anna.terminal(&["--plain"]);
    terminal.sees("с возвращением, anna: последний вход только что");
    terminal.sees("ваши комнаты: lobby");
    terminal.types("/help join");
    terminal.sees("войти в комнату или перейти в ту, где вы уже есть");
    terminal.types("/quit");
    assert_eq!(terminal.ends().0, 0);
}

/// The full screen: status line, rooms and help.
#[test]
fn the_screen_in_russian() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = anna(&daemon);
    let mut screen = Screen::start(&anna.command(&[]), (80, 24));
    screen.sees("lobby · 1 участник");
    screen.sees("на связи");
    screen.sees("F1 справка");
    screen.presses("\x1bOP");
    screen.sees("Клавиши");
    screen.sees("отправить; Alt-Enter начинает новую строку");
    screen.presses("\x1b");
    screen.loses("Клавиши");
    screen.types("/topic о чае");
    screen.sees("lobby — о чае · 1 участник");
    screen.types("/quit");
    assert!(matches!(screen.ends(), WaitStatus::Exited(_, 0)));
}

/// The command line: help, what is wrong with it, and what is refused.
#[test]
fn the_command_line_in_russian() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let anna = anna(&daemon);
    let help = anna.run(&["--help"]).done();
    for text in [
        "Использование: chat-client",
        "Команды:",
        "Аргументы:",
        "Параметры:",
        "[окружение: CHAT_SERVER]",
        "Коды завершения:",
    ] {
        assert!(help.contains(text), "no '{text}' in:\n{help}");
    }
    for english in ["Usage", "Options", "[env", "[default", "Print", "Send"] {
        assert!(!help.contains(english), "'{english}' in:\n{help}");
    }
    let help = anna.run(&["help", "tail"]).done();
    assert!(help.contains("Показать последние сообщения") && help.contains("[по умолчанию: 10]"));

    let wrong = anna.run(&["--prot", "1"]).failed(2);
    assert!(
        wrong.contains("ошибка: лишний аргумент «--prot»; похоже на «--port»"),
        "{wrong}"
    );
    let refused = anna.run(&["login", "--register"]).failed(1);
    assert!(
        refused.contains("такое или очень похожее имя уже занято"),
        "{refused}"
    );
    let gone = anna.with("CHAT_PORT", "1").run(&["echo"]).failed(3);
    assert!(
        gone.contains("на порту 1 узла «") && gone.contains("никто не отвечает"),
        "{gone}"
    );
}

/// Lists for people are Russian; what scripts read is the same for everybody.
#[test]
fn scripts_see_no_difference() {
    let daemon = Daemon::start();
    daemon.register("anna");
    let mut boris = daemon.register("boris");
    ask!(boris, "create", room: "tea").must_be("joined");
    boris.say("lobby", "привет всем");
    let russian = anna(&daemon);
    let who = russian.run(&["who"]).done();
    assert!(who.contains("boris") && who.contains(" в сети"), "{who}");
    let rooms = russian.run(&["rooms"]).done();
    assert!(
        rooms.contains("участник") && rooms.contains(" в сети"),
        "{rooms}"
    );
    let english = Person::new(&daemon, "anna").with("LANG", "en_US.UTF-8");
    until("the search index has it", || {
        let found = english.run(&["search", "привет", "--json"]).done();
        (!found.is_empty()).then_some(())
    });
    for args in [
        &["history", "lobby", "--json"][..],
        &["history", "lobby"],
        &["tail", "--json"],
        &["search", "привет", "--json"],
    ] {
        let said = russian.run(args).done();
        assert_eq!(said, english.run(args).done(), "{args:?}");
        assert!(said.contains("привет всем"), "{said}");
    }
}

/// `LC_ALL` counts before `LANG`, as everywhere.
#[test]
fn lc_all_wins() {
    let person = Person::stranger().with("LANG", "ru_RU.UTF-8");
    assert!(person.run(&["--help"]).done().contains("Использование"));
    let person = person.with("LC_ALL", "C");
    assert!(
        person
            .run(&["--help"])
            .done()
            .contains("Usage: chat-client")
    );
    let person = person.with("LC_ALL", "ru_UA.UTF-8").with("LANGUAGE", "en");
    assert!(
        person
            .run(&["--help"])
            .done()
            .contains("Usage: chat-client")
    );
}
