//! The verbs about rooms and what was said in them.

use std::time::{Duration, SystemTime};

use clap::Subcommand;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::base::text::harmless;
use crate::base::{RoomLabel, RoomName, Seq, Timestamp};
use crate::wire::control::{
    self as wire, ClearHistory, CreateRoom, HistoryCleared, ListMembers, ListRooms, Member,
    Members, Redact, RemoveRoom, Room, SetTopic, Topic,
};

use super::args::{Sure, Yes, about, duration};
use super::ask::confirm;
use super::call::Daemon;
use super::table::{Look, counted, table};
use super::verb::would;
use super::{Console, Failure};

#[derive(Debug, Subcommand)]
pub(super) enum RoomVerb {
    #[command(about = about::<wire::CreateRoom>())]
    Create {
        /// The name of the new room
        name: RoomName,
        /// What it is about
        #[arg(long, value_name = "TEXT")]
        topic: Option<Topic>,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::RemoveRoom>())]
    Remove {
        /// The name of the room
        name: RoomName,
        #[command(flatten)]
        sure: Sure,
    },
    #[command(about = about::<wire::SetTopic>())]
    Topic {
        /// The name of the room
        name: RoomName,
        /// What it is to be about, '' for nothing; without it, that is shown
        topic: Option<Topic>,
        #[command(flatten)]
        yes: Yes,
    },
    #[command(about = about::<wire::ListMembers>())]
    Members {
        /// The room; a conversation between two as '@anna @boris'
        name: RoomLabel,
    },
}

pub(super) fn room(
    verb: &RoomVerb,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    match verb {
        RoomVerb::Create { name, topic, .. } => {
            let (name, topic) = (name.clone(), topic.clone());
            let reply = daemon.call(&CreateRoom { name, topic })?;
            console.print(&reply, |reply, _| {
                format!("there is a room '{}' now\n", harmless(&reply.name))
            })
        }
        RoomVerb::Remove { name, sure } => remove(name, *sure, daemon, console),
        RoomVerb::Topic {
            name, topic: None, ..
        } => {
            let topic = find(daemon, &RoomLabel::Open(name.clone()))?.topic;
            console.print(&json!({ "topic": topic }), |_, _| match &*topic {
                "" => format!("'{name}' has no topic\n"),
                topic => format!("{}\n", harmless(topic)),
            })
        }
        RoomVerb::Topic {
            name,
            topic: Some(topic),
            ..
        } => {
            let (room, topic) = (name.clone(), topic.clone());
            let reply = daemon.call(&SetTopic { room, topic })?;
            console.print(&reply, |_, _| format!("the topic of '{name}' is set\n"))
        }
        RoomVerb::Members { name } => {
            let room = name.clone();
            console.print(&daemon.call(&ListMembers { room })?, |reply, console| {
                members(reply, console.look)
            })
        }
    }
}

fn find(daemon: &mut Daemon, room: &RoomLabel) -> Result<Room, Failure> {
    let is_meant =
        |other: &Room| (other.name.parse::<RoomLabel>()).is_ok_and(|other| other == *room);
    let rooms = daemon.call(&ListRooms {})?.rooms;
    rooms.into_iter().find(is_meant).ok_or_else(|| {
        Failure::Refused(format!(
            "there is no room '{room}'; `chatctl rooms` lists them"
        ))
    })
}

fn remove(
    name: &RoomName,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut call = RemoveRoom {
        room: name.clone(),
        dry_run: Some(true),
    };
    if sure.dry_run || !sure.yes {
        let reply = daemon.call(&call)?;
        let (members, messages) = (
            counted(reply.members, "member"),
            counted(reply.messages, "message"),
        );
        let words = format!("remove the room '{name}' with {members} and {messages}");
        if sure.dry_run {
            let facts = json!({ "members": reply.members, "messages": reply.messages });
            return would(console, &words, facts);
        }
        confirm(&format!("{words}?"), false)?;
    }
    call.dry_run = Some(false);
    console.print(&daemon.call(&call)?, |reply, _| {
        let messages = counted(reply.messages, "message");
        format!("the room '{name}' is removed, with {messages}\n")
    })
}

pub(super) fn members(reply: &Members, look: Look) -> String {
    if reply.members.is_empty() {
        return "nobody is in it\n".to_owned();
    }
    let columns = [
        ("NAME", false),
        ("ONLINE", false),
        ("READ UP TO", true),
        ("UNREAD", true),
    ];
    let row = |member: &Member| {
        vec![
            member.name.clone(),
            if member.online { "yes" } else { "no" }.to_owned(),
            member.read_seq.to_string(),
            member.unread.to_string(),
        ]
    };
    let rows: Vec<_> = reply.members.iter().map(row).collect();
    table(&columns, &rows, look)
}

pub(super) fn clear_history(
    room: Option<&RoomLabel>,
    before: Option<Timestamp>,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut call = ClearHistory {
        room: room.cloned(),
        before,
        dry_run: Some(true),
    };
    if sure.dry_run || !sure.yes {
        let reply = daemon.call(&call)?;
        let words = format!("clear {} away", cleared(&reply, room));
        if sure.dry_run {
            let facts = json!({ "rooms": reply.rooms, "messages": reply.messages });
            return would(console, &words, facts);
        }
        confirm(&format!("{words}, for good?"), false)?;
    }
    call.dry_run = Some(false);
    console.print(&daemon.call(&call)?, |reply, _| {
        format!("cleared {} away\n", cleared(reply, room))
    })
}

fn cleared(reply: &HistoryCleared, room: Option<&RoomLabel>) -> String {
    let messages = counted(reply.messages, "message");
    match room {
        Some(room) => format!("{messages} of {room}"),
        None => format!("{messages} of {}", counted(reply.rooms, "room")),
    }
}

pub(super) fn redact(
    room: &RoomLabel,
    seq: u64,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        find(daemon, room)?;
        let words = format!("remove the text of message {seq} of {room}");
        return would(console, &words, json!({ "room": room, "seq": seq }));
    }
    confirm(
        &format!("remove the text of message {seq} of {room}, for good?"),
        sure.yes,
    )?;
    let reply = daemon.call(&Redact {
        room: room.clone(),
        seq: Seq(seq),
    })?;
    console.print(&reply, |reply, _| match reply.changed {
        true => format!("the text of message {seq} of {room} is gone\n"),
        false => format!("the text of message {seq} of {room} was gone already\n"),
    })
}

/// Reads a moment: RFC 3339, a day (here), or how long ago it was.
// merged with src/ctl/when.rs
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    if let Ok(day) = text.parse::<Date>() {
        let begin = day.to_zoned(TimeZone::system());
        return match begin {
            Ok(begin) => Ok(Timestamp(begin.timestamp().as_millisecond())),
            Err(error) => Err(format!("'{text}' is no day: {error}")),
        };
    }
    let ago = match text.strip_suffix('w') {
        Some(weeks) => (weeks.parse().ok())
            .and_then(|weeks: u32| Duration::from_secs(604_800).checked_mul(weeks)),
        None => duration(text)
            .ok()
            .filter(|_| !text.ends_with(|last: char| last.is_ascii_digit())),
    };
    let ago = ago.ok_or_else(|| {
        format!("'{text}' is no moment; write 2026-11-20, 2026-11-20T10:30:00Z, or how long ago it was, such as 30d")
    })?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let then = now.unwrap_or_default().saturating_sub(ago);
    Ok(Timestamp::default().plus(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_a_day_or_how_long_ago_it_was() {
        let exact = moment("2026-11-20T10:30:00Z");
        assert_eq!(exact, Ok(Timestamp(1_795_170_600_000)));
        assert!(moment("2026-11-20").unwrap() < Timestamp(1_795_300_000_000));
        assert!(moment("2w").unwrap() < moment("13d").unwrap());
        assert!(moment("30d").unwrap() < moment("1h30m").unwrap());
        for text in [
            "",
            "yesterday",
            "30",
            "w",
            "2026-13-01",
            "-5d",
            "99999999999w",
        ] {
            let refused = moment(text).unwrap_err();
            assert!(refused.contains("such as 30d"), "{refused}");
        }
    }

    #[test]
    fn members_are_shown_with_what_they_have_read() {
        let member = |name: &str, online, read_seq, unread| Member {
            name: name.into(),
            online,
            read_seq: Seq(read_seq),
            unread,
        };
        let reply = Members {
            members: vec![member("anna", true, 12, 0), member("boris", false, 3, 9)],
        };
        let look = Look {
            width: 80,
            colour: false,
        };
        insta::assert_snapshot!(members(&reply, look), @r"
        NAME   ONLINE  READ UP TO  UNREAD
        anna   yes             12       0
        boris  no               3       9
        ");
        let nobody = Members { members: vec![] };
        assert_eq!(members(&nobody, look), "nobody is in it\n");
    }
}
