//! What is said of how things stand: the connection, what the server does not take, who is told of what.

use crate::base::tongue::{plural, say};
use crate::client::Notify;

/// How long it is until the connection is tried anew; and how not to wait, where there is room for it.
pub fn retry_in(seconds: u64, with_hint: bool) -> String {
    match with_hint {
        true => say!(
            "lost, again in {seconds} s (Ctrl-R: now)",
            "нет связи, снова через {seconds} с (Ctrl-R: сразу)"
        ),
        false => say!("lost, again in {seconds} s", "нет связи, {seconds} с"),
    }
}

/// That nothing can be stored.
pub fn full() -> String {
    say!(
        "the server's disk is full: what you write waits",
        "на диске сервера нет места: написанное ждёт"
    )
}

/// That one writes faster than one may.
pub fn slower() -> String {
    say!(
        "the server asks to go slower: what you write waits",
        "сервер просит писать реже: написанное ждёт"
    )
}

/// That there is too much to do.
pub fn busy() -> String {
    say!(
        "the server is busy: what you write waits",
        "сервер занят: написанное ждёт"
    )
}

/// That one may only read here.
pub fn muted(until: Option<&str>) -> String {
    match until {
        Some(until) => say!(
            "you can only read here until {until}",
            "до {until} здесь можно только читать"
        ),
        None => say!("you can only read here", "здесь вы можете только читать"),
    }
}

/// Why a message to another room was not sent.
pub fn not_sent_to(to: &str, why: &str) -> String {
    say!(
        "a message to {to} was not sent: {why}",
        "сообщение в {to} не отправлено: {why}"
    )
}

/// Who speaks, and where.
pub fn from_in(from: &str, room: &str) -> String {
    say!("{from} in {room}", "{from} в {room}")
}

/// How many messages are for one.
pub fn spoken_to(count: u64) -> String {
    let messages_form = plural(count, "сообщение", "сообщения", "сообщений");
    say!(
        "{count} messages for you",
        "{count} {messages_form} для вас"
    )
}

/// How one is told of what concerns one.
pub fn notify(notify: Notify) -> String {
    match notify {
        Notify::On => say!(
            "you are told of mentions and of what is said to you alone while you look elsewhere",
            "когда вы смотрите не сюда, вам сообщается об упоминаниях и личных сообщениях"
        ),
        Notify::Bell => say!(
            "the bell rings at mentions and at what is said to you alone while you look elsewhere",
            "когда вы смотрите не сюда, об упоминаниях и личных сообщениях напоминает звонок"
        ),
        Notify::Off => say!(
            "you are told of nothing while you look elsewhere; /notify on changes that",
            "когда вы смотрите не сюда, вам ни о чём не сообщается; включить: /notify on"
        ),
    }
}

/// How the command is written.
pub fn notify_usage() -> String {
    say!(
        "write /notify on, /notify bell or /notify off",
        "напишите /notify on, /notify bell или /notify off"
    )
}

/// That one hears nothing of a room.
pub fn hushed(room: &str) -> String {
    say!(
        "{room} is hushed: no alerts and no counts but of mentions; /unhush undoes it",
        "{room}: тихо — без напоминаний и счёта новых, кроме упоминаний; вернуть: /unhush"
    )
}

/// That one does again.
pub fn unhushed(room: &str) -> String {
    say!("{room} is not hushed any more", "{room}: снова как обычно")
}

/// Behind the name of a room.
pub fn is_hushed() -> String {
    say!("hushed", "тихо")
}

/// That one is not in a room.
pub fn not_in(room: &str) -> String {
    say!(
        "you are not in '{room}'; the rooms at the left can be hushed",
        "вас нет в «{room}»; приглушить можно комнаты из списка слева"
    )
}

/// That no more rooms can be hushed.
pub fn too_many_hushed(most: usize) -> String {
    say!(
        "no more than {most} rooms can be hushed; /unhush one first",
        "приглушить можно не больше {most} комнат; сначала верните одну: /unhush"
    )
}
