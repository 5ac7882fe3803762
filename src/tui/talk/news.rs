//! What a conversation tells of what the server has to say: lists that were asked for, and what happened in rooms.

use std::sync::Arc;

use crate::base::Timestamp;
use crate::base::tongue::{plural, say};
use crate::client::{Answer, Person, RoomEntry, RoomState};
use crate::tui::show::harmless;
use crate::tui::talk::Talk;

impl Talk {
    /// With a ban: until when, if it ends.
    fn kicked(
        &mut self,
        room: &str,
        by: &str,
        reason: Option<&str>,
        ban: Option<Option<Timestamp>>,
    ) {
        let until = ban.flatten().map(|until| self.style.until(until));
        let until = until.map_or(String::new(), |until| say!(" until {until}", " до {until}"));
        let reason = reason.map_or(String::new(), |reason| format!(": {}", harmless(reason)));
        let (shown, by) = (harmless(room), harmless(by));
        self.note(match ban {
            None => say!(
                "you were kicked out of {shown} by {by}{until}{reason}",
                "{by} исключает вас из {shown}{until}{reason}"
            ),
            Some(_) => say!(
                "you were banned from {shown} by {by}{until}{reason}",
                "{by} блокирует вас в {shown}{until}{reason}"
            ),
        });
        self.left(room);
    }

    pub(super) fn who(&mut self, who: &[Person], more: bool) {
        let mut names: Vec<_> = (who.iter())
            .map(|person| {
                let away = match person.online {
                    true => String::new(),
                    false => say!(" (away)", " (не в сети)"),
                };
                let role = person.role.as_deref().map(role_shown);
                let role = role.map_or(String::new(), |role| format!(" ({role})"));
                format!("{}{role}{away}", harmless(&person.user))
            })
            .collect();
        if more {
            names.push(say!("and more", "и другие"));
        }
        self.answer(&format!("{}: {}", who.len(), names.join(", ")));
    }

    pub(super) fn rooms(&mut self, rooms: &[RoomEntry], more: bool) {
        for entry in rooms {
            let line = room_line(entry);
            self.answer(&line);
        }
        if more {
            self.answer(&say!(
                "and more: `chat-client rooms` lists them all",
                "и другие: все покажет `chat-client rooms`"
            ));
        }
    }

    pub(super) fn pushed(&mut self, push: Answer) {
        let here = |room: &Arc<str>, talk: &Self| talk.current.as_ref() == Some(room);
        match push {
            Answer::Notice { text } => {
                self.note(say!("notice: {}", "объявление: {}", harmless(&text)));
            }
            Answer::Presence {
                room,
                user,
                state,
                others,
            } if self.style.terminal && here(&room, self) => {
                self.comings.comes(room, user, state, others);
            }
            Answer::Topic { room, topic, by } => {
                let by = by.as_deref().map(harmless);
                let (room, topic) = (harmless(&room), harmless(&topic));
                self.note(match by {
                    Some(by) => say!(
                        "the topic of {room} was set by {by}: {topic}",
                        "{by} меняет тему {room}: {topic}"
                    ),
                    None => say!(
                        "the topic of {room} was set: {topic}",
                        "новая тема {room}: {topic}"
                    ),
                });
            }
            // A conversation is begun by its first message, which says enough.
            Answer::Joined(state) if !state.room.starts_with('@') => {
                self.note(say!(
                    "you are now in {}, too",
                    "теперь вы и в {}",
                    harmless(&state.room)
                ));
            }
            Answer::Cleared { room, first_seq } => {
                let last = first_seq.0.saturating_sub(1);
                let room = harmless(&room);
                self.note(say!(
                    "the messages of {room} up to number {last} were cleared away by the admin",
                    "администратор удалил сообщения {room} до номера {last} включительно"
                ));
            }
            Answer::Removed { room } => {
                self.note(say!(
                    "the room {} was removed by the admin",
                    "администратор удалил комнату {}",
                    harmless(&room)
                ));
                self.left(&room);
            }
            Answer::Kicked {
                room,
                by,
                reason,
                banned,
                until,
            } => {
                self.kicked(&room, &by, reason.as_deref(), banned.then_some(until));
            }
            Answer::Role {
                room,
                user,
                role,
                by,
            } => self.note(role_words(room.as_deref(), &user, role.as_deref(), &by)),
            Answer::Left { room } => {
                self.note(say!(
                    "you are no longer in {}",
                    "вы больше не в {}",
                    harmless(&room)
                ));
                self.left(&room);
            }
            _ => {}
        }
    }
}

/// Who may do what from now on.
fn role_words(room: Option<&str>, user: &str, role: Option<&str>, by: &str) -> String {
    let (user, by) = (harmless(user), harmless(by));
    let place = match room {
        Some(room) => say!("{}", "в {}", harmless(room)),
        None => say!("this server", "на этом сервере"),
    };
    let former = match room {
        Some(_) => "operator",
        None => "moderator",
    };
    let role_held = role_held(role.unwrap_or(former));
    match role {
        Some(_) => say!(
            "{user} is {role_held} of {place} now, by {by}",
            "{by} даёт {user} права {role_held} {place}"
        ),
        None => say!(
            "{user} is {role_held} of {place} no more, by {by}",
            "{by} снимает с {user} права {role_held} {place}"
        ),
    }
}

/// A role behind a name.
fn role_shown(role: &str) -> String {
    match role {
        "operator" => say!("operator", "оператор"),
        "moderator" => say!("moderator", "модератор"),
        other => harmless(other),
    }
}

/// A role that somebody has: in Russian, whose rights these are.
fn role_held(role: &str) -> String {
    match role {
        "operator" => say!("operator", "оператора"),
        "moderator" => say!("moderator", "модератора"),
        other => harmless(other),
    }
}

/// A room of the list of all as a line.
#[must_use]
pub fn room_line(entry: &RoomEntry) -> String {
    let about = match &*entry.topic {
        "" => String::new(),
        topic => format!("  {}", harmless(topic)),
    };
    let joined = if entry.joined { "*" } else { " " };
    let (room, members, online) = (harmless(&entry.room), entry.members, entry.online);
    let members_form = plural(members.into(), "участник", "участника", "участников");
    say!(
        "{joined} {room:<20} {members:>5} members {online:>5} online{about}",
        "{joined} {room:<20} {members:>5} {members_form:<10} {online:>5} в сети{about}"
    )
}

pub(super) fn room_and_unread(room: &RoomState) -> String {
    let read = room.read_seq.0.max(room.first_seq.0.saturating_sub(1));
    let name = harmless(&room.room);
    match room.last_seq.0.saturating_sub(read) {
        0 => name,
        unread => say!("{name} ({unread} unread)", "{name} (новых: {unread})"),
    }
}
