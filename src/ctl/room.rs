//! The verbs about rooms and what was said in them.

use clap::Subcommand;
use serde_json::json;

use crate::base::nearest::nearest;
use crate::base::text::harmless;
use crate::base::{RoomLabel, RoomName, Seq};
use crate::wire::control::{
    self as wire, ClearHistory, ControlError, CreateRoom, HistoryCleared, ListMembers, ListRooms,
    Member, Members, Redact, RemoveRoom, Room, SetTopic, Topic,
};

use super::args::{Sure, Yes, about};
use super::ask::confirm;
use super::call::Daemon;
use super::moderation::{self, OperatorArgs};
use super::table::{Look, counted, table};
use super::verb::would;
use super::when::When;
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
    #[command(about = about::<wire::AddOperator>())]
    Op(OperatorArgs),
    #[command(about = about::<wire::RemoveOperator>())]
    Deop(OperatorArgs),
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
        RoomVerb::Op(args) => moderation::operator(args, true, daemon, console),
        RoomVerb::Deop(args) => moderation::operator(args, false, daemon, console),
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
    let names: Vec<_> = rooms.iter().map(|room| room.name.clone()).collect();
    rooms.into_iter().find(is_meant).ok_or_else(|| {
        let room = room.to_string();
        let nearest = nearest(&room, names.iter().map(String::as_str)).map(str::to_owned);
        Failure::answered(ControlError::NoSuchRoom { room, nearest }, None)
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
        ("ROLE", false),
    ];
    let row = |member: &Member| {
        vec![
            member.name.clone(),
            if member.online { "yes" } else { "no" }.to_owned(),
            member.read_seq.to_string(),
            member.unread.to_string(),
            if member.operator { "operator" } else { "" }.to_owned(),
        ]
    };
    // Those who are here first.
    let mut members: Vec<_> = reply.members.iter().collect();
    members.sort_by_key(|member| (!member.online, member.name.to_lowercase()));
    let rows: Vec<_> = members.into_iter().map(row).collect();
    table(&columns, &rows, look)
}

pub(super) fn clear_history(
    room: Option<&RoomLabel>,
    before: Option<When>,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut call = ClearHistory {
        room: room.cloned(),
        before: before.map(|before| before.at(console.now)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_shown_with_what_they_have_read() {
        let member = |name: &str, online, read_seq, unread| Member {
            name: name.into(),
            online,
            operator: online,
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
        insta::assert_snapshot!(members(&reply, look), @"
        NAME   ONLINE  READ UP TO  UNREAD  ROLE
        anna   yes             12       0  operator
        boris  no               3       9
        ");
        let nobody = Members { members: vec![] };
        assert_eq!(members(&nobody, look), "nobody is in it\n");
    }
}
