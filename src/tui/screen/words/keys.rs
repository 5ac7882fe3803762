//! What is said of keys, where they work, and of where they lead.

use crate::base::tongue::{Both, say};
use crate::tui::screen::help::Place;
use crate::tui::screen::words::KEYS;

/// Keys and what they do.
type Keys = &'static [(&'static str, Both)];

/// In a list of messages.
pub const KEYS_OF_LIST: Keys = &[
    (
        "Up, Down, Tab, Ctrl-P N",
        Both(
            "choose a message; a click takes it",
            "выбрать сообщение; щелчок сразу открывает",
        ),
    ),
    (
        "PgUp, PgDn, Home, End",
        Both(
            "go a page, to the first, to the last",
            "на страницу, к первому, к последнему",
        ),
    ),
    (
        "Enter",
        Both(
            "go to the message in its room",
            "перейти к сообщению в его комнате",
        ),
    ),
    (
        "Esc, Ctrl-C, Ctrl-G",
        Both(
            "close the list; a letter closes it, too, and is written",
            "закрыть список; буква тоже закрывает и попадает в строку",
        ),
    ),
    ("?, F1", Both("these keys", "эти клавиши")),
];

/// Where one says where to go.
pub const KEYS_OF_JUMP: Keys = &[
    (
        "abc…",
        Both(
            "a part of the name; all of its letters in order will do",
            "часть имени; хватит и отдельных букв по порядку",
        ),
    ),
    (
        "Tab, Up, Down, Ctrl-P N",
        Both(
            "choose; a click goes there",
            "выбрать; щелчок сразу переходит",
        ),
    ),
    (
        "Enter",
        Both(
            "go there; a room that you are not in is joined",
            "перейти; в комнату, где вас нет, вы войдёте",
        ),
    ),
    (
        "Ctrl-U, Ctrl-W",
        Both("empty it; cut a word", "очистить; убрать слово"),
    ),
    (
        "Esc, Ctrl-C, Ctrl-G",
        Both("stay where you are", "остаться, где были"),
    ),
    ("F1", Both("these keys", "эти клавиши")),
];

/// Before what was pasted.
pub const KEYS_OF_PASTE: Keys = &[
    (
        "Enter",
        Both(
            "take it into the line; Enter there sends it",
            "взять в строку; там Enter отправит",
        ),
    ),
    (
        "Up, Down, PgUp, PgDn",
        Both("look through it", "просмотреть"),
    ),
    ("Esc, Ctrl-C, Ctrl-G", Both("throw it away", "выбросить")),
    ("?, F1", Both("these keys", "эти клавиши")),
];

/// While one reads what is old; all others work, too.
pub const KEYS_WHILE_SCROLLED: Keys = &[
    (
        "Esc, Ctrl-End",
        Both(
            "go back to the newest message",
            "вернуться к новым сообщениям",
        ),
    ),
    (
        "PgUp, PgDn, the wheel",
        Both(
            "scroll; earlier messages are fetched by themselves",
            "листать; более ранние сообщения загружаются сами",
        ),
    ),
    (
        "Ctrl-Home",
        Both("go to the first message", "к самому первому сообщению"),
    ),
];

/// The keys of a place.
pub fn keys(place: Place) -> Vec<(String, String)> {
    let said = |keys: Keys| -> Vec<(String, String)> {
        let one = |(key, told): &(&str, Both)| ((*key).to_owned(), told.said().to_owned());
        keys.iter().map(one).collect()
    };
    match place {
        Place::Line => said(KEYS),
        Place::Scrolled => [said(KEYS_WHILE_SCROLLED), said(KEYS)].concat(),
        Place::List => said(KEYS_OF_LIST),
        Place::Jump => said(KEYS_OF_JUMP),
        Place::Paste => said(KEYS_OF_PASTE),
    }
}

/// Above the keys of a place.
pub fn keys_of(place: Place) -> String {
    match place {
        Place::Line => say!("Keys", "Клавиши"),
        Place::Scrolled => say!(
            "Keys while you read what is old",
            "Клавиши при чтении старого"
        ),
        Place::List => say!("Keys in the list", "Клавиши в списке"),
        Place::Jump => say!("Keys where you say where to go", "Клавиши при переходе"),
        Place::Paste => say!("Keys before what was pasted", "Клавиши для вставленного"),
    }
}

/// Below them; `below`: they lie over something that comes back.
pub fn help_keys(below: bool) -> String {
    match below {
        true => say!("Esc goes back", "Esc — назад"),
        false => say!(
            "Esc closes · /help tells the commands · ? again writes ?",
            "Esc — закрыть · /help — список команд · ещё раз ? — написать ?"
        ),
    }
}

/// Above the commands.
pub fn commands() -> String {
    say!("Commands", "Команды")
}

/// Below them.
pub fn commands_keys() -> String {
    say!(
        "Esc closes · F1 tells the keys",
        "Esc — закрыть · F1 — клавиши"
    )
}

/// Above where one can go.
pub fn jump() -> String {
    say!("Go to", "Перейти")
}

/// Below it.
pub fn jump_keys() -> String {
    say!(
        "a part of the name · Tab chooses · Enter goes · Esc stays",
        "часть имени · Tab выбирает · Enter — перейти · Esc — остаться"
    )
}

/// Somebody whom one has seen.
pub fn goal_person() -> String {
    say!("talk with them", "поговорить")
}

/// A room that one is not in.
pub fn goal_room() -> String {
    say!("go into the room", "войти в комнату")
}

/// Where nothing has what is typed in its name.
pub fn no_goal(name: &str) -> String {
    match name.starts_with('@') {
        true => say!(
            "nobody seen yet; Enter begins to talk with {name}",
            "таких пока не видно; Enter — начать разговор с {name}"
        ),
        false => say!(
            "nothing of that name; Enter tries to go into {name}",
            "такого нет; Enter — попробовать войти в {name}"
        ),
    }
}

/// Where there is nothing to go to.
pub fn no_goals() -> String {
    say!("nothing to go to yet", "переходить пока некуда")
}
