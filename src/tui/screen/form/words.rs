//! All words of the form.

use std::time::Duration;

use crate::base::tongue::say;
use crate::tui::enter::attempt::{Field, Progress};

/// Above it all.
pub fn title() -> String {
    "chat-client".to_owned()
}

/// Above the fields at first.
pub fn welcome() -> String {
    say!(
        "Where is the chat, and who are you there?",
        "Где находится чат и как вас там зовут?"
    )
}

/// Before a field.
pub fn label(field: Field) -> String {
    match field {
        Field::Server => say!("Server", "Сервер"),
        Field::Port => say!("Port", "Порт"),
        Field::Name => say!("Name", "Имя"),
        Field::Password => say!("Password", "Пароль"),
        Field::Again => say!("Again", "Ещё раз"),
        Field::Invite => say!("Invite", "Приглашение"),
    }
}

/// Above the fields when the name may be new.
pub fn new_name(name: &str, invite: bool) -> String {
    match invite {
        false => say!(
            "Nobody called '{name}' has this password here. To register '{name}' as a new name, write the password again; \
             if the name is yours already, mend the password.",
            "Никого по имени «{name}» с таким паролем здесь нет. Чтобы зарегистрировать «{name}» как новое имя, повторите \
             пароль; если имя уже ваше, исправьте пароль."
        ),
        true => say!(
            "Nobody called '{name}' has this password here. To register '{name}' as a new name, write the password again, \
             and the invite that its admin gave you; if the name is yours already, mend the password.",
            "Никого по имени «{name}» с таким паролем здесь нет. Чтобы зарегистрировать «{name}» как новое имя, повторите \
             пароль и впишите приглашение, которое вам дал администратор; если имя уже ваше, исправьте пароль."
        ),
    }
}

/// How far it is.
pub fn progress(progress: &Progress, server: &str) -> String {
    match progress {
        Progress::Connecting => say!("connecting to {server}…", "соединение с {server}…"),
        Progress::Waiting => say!(
            "connected; the server has not answered yet, waiting (it may be paused)…",
            "соединение есть; сервер ещё не ответил, ждём (возможно, он приостановлен)…"
        ),
        Progress::Lost(why) => say!("{why}; trying again…", "{why}; новая попытка…"),
        Progress::LoggingIn => say!("logging in…", "вход…"),
        Progress::Postponed(why, wait) => {
            let seconds = wait.max(&Duration::from_secs(1)).as_secs();
            say!(
                "{why}; it is tried again by itself in {seconds} s",
                "{why}; новая попытка сама собой через {seconds} с"
            )
        }
    }
}

/// Where it is missing.
pub fn missing(field: Field) -> String {
    match field {
        Field::Server => say!(
            "which server is it? write its name or address",
            "какой сервер? впишите имя или адрес"
        ),
        Field::Name => say!(
            "which name is yours there? write one",
            "какое имя у вас там? впишите его"
        ),
        Field::Invite => say!(
            "a new name takes an invite here; ask its admin for one",
            "для нового имени здесь нужно приглашение; попросите его у администратора"
        ),
        _ => say!("this is still missing", "здесь ещё пусто"),
    }
}

/// Where the two passwords differ.
pub fn differ() -> String {
    say!(
        "this is not the same as the password above; once more",
        "это не тот же пароль, что выше; ещё раз"
    )
}

/// Where a new name needs a longer password.
pub fn short(chars_min: usize) -> String {
    say!(
        "a new name needs a password of at least {chars_min} characters",
        "новому имени нужен пароль не короче {chars_min} знаков"
    )
}

/// Where somebody has broken it off.
pub fn broken_off() -> String {
    say!(
        "broken off; Enter tries it again",
        "прервано; Enter пробует снова"
    )
}

/// What is asked about a server that is not known, in paragraphs.
pub fn unknown(server: &str, why: &str, shown: &str) -> [String; 3] {
    [
        say!(
            "'{server}' is not known here: {why}.",
            "Сервер «{server}» здесь неизвестен: {why}."
        ),
        say!(
            "Its certificate has the fingerprint {shown}",
            "Отпечаток его сертификата: {shown}"
        ),
        say!(
            "Trust it from now on? Its admin sees the right one with `chatctl status`.",
            "Доверять ему впредь? Верный отпечаток администратор видит по `chatctl status`."
        ),
    ]
}

/// The keys, where one is asked.
pub fn keys_of_question() -> String {
    say!("y trusts it · n goes back", "д — доверять · н — назад")
}

/// The keys, while it is tried.
pub fn keys_of_attempt() -> String {
    say!("Esc breaks it off", "Esc прерывает")
}

/// The keys otherwise.
pub fn keys() -> String {
    say!(
        "Enter goes on · Tab field · Esc ends",
        "Enter дальше · Tab поле · Esc выход"
    )
}

/// The keys, where a name may be registered.
pub fn keys_of_registration() -> String {
    say!(
        "Enter registers · Tab field · Esc back",
        "Enter создать · Tab поле · Esc назад"
    )
}
