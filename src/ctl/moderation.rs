//! Keeping order: roles, kicks, bans and mutes.

use std::num::NonZeroU32;
use std::str::FromStr;

use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;

use crate::base::text::harmless;
use crate::base::{Network, RoomName, Timestamp, UserName};
use crate::wire::control::{
    AddOperator, Ban, BanEntry, BanKind, BanSet, Bans, Kick, ListBans, ListMembers, Mute, Reason,
    RemoveOperator, SetRole, Unban, Unmute, UserRole, Words,
};

use super::args::{Sure, Yes};
use super::ask::confirm;
use super::call::Daemon;
use super::table::{Look, absolute, counted, relative, table};
use super::verb::find;
use super::when::span;
use super::{Console, Failure, would};

/// Whom a ban is about: what can be read as an address or a network is one; a user with such a name is written `@NAME`.
#[derive(Clone, Debug)]
pub(super) enum Who {
    User(UserName),
    /// With what was written, where that was an address in the network.
    Network(Network, Option<String>),
}

impl FromStr for Who {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('@') {
            return name
                .parse()
                .map(Self::User)
                .map_err(|error| format!("{error}"));
        }
        match Network::around(text) {
            Ok((network, was_cut)) => Ok(Self::Network(network, was_cut.then(|| text.to_owned()))),
            // What has a slash, or only what addresses have, was meant to be one.
            Err(wrong) if looks_like_address(text) => Err(wrong),
            Err(_) => text
                .parse()
                .map(Self::User)
                .map_err(|error| format!("{error}")),
        }
    }
}

fn looks_like_address(text: &str) -> bool {
    let is_numbers = |part: char| part.is_ascii_digit() || ".:/".contains(part);
    text.contains('/') || text.matches(':').count() > 1 || text.chars().all(is_numbers)
}

impl Who {
    fn user(&self) -> Option<UserName> {
        match self {
            Self::User(user) => Some(user.clone()),
            Self::Network(..) => None,
        }
    }

    fn network(&self) -> Option<Network> {
        match self {
            Self::User(_) => None,
            Self::Network(network, _) => Some(*network),
        }
    }

    /// As a sentence names it.
    fn shown(&self) -> String {
        match self {
            Self::User(user) => format!("'{user}'"),
            Self::Network(network, _) => network.to_string(),
        }
    }

    /// What else is hit that may not be meant.
    fn warning(&self) -> &'static str {
        match self.network() {
            Some(Network::ALL_V4) => ", which is everybody who comes over IPv4",
            Some(network) if network.is_everything() => ", which is everybody who comes over IPv6",
            Some(network) if network.has_loopback() => {
                ", which has this machine in it, and a proxy on it with everybody behind it"
            }
            _ => "",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct KickArgs {
    /// Whose connections
    user: UserName,
    /// Only out of this room
    #[arg(long, value_name = "ROOM")]
    room: Option<RoomName>,
    /// What they are told
    #[arg(long, value_name = "TEXT")]
    reason: Option<Words>,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, ClapArgs)]
pub(super) struct BanArgs {
    /// A user, an address or a network, such as anna, 192.0.2.7, 10.0.0.0/8 or 2001:db8::/64
    #[arg(value_name = "USER|IP|CIDR")]
    who: Who,
    /// From this room only
    #[arg(long, value_name = "ROOM")]
    room: Option<RoomName>,
    /// How long: 30m, 12h, 7d; for good without it
    #[arg(long = "for", value_name = "TIME", value_parser = life)]
    seconds: Option<NonZeroU32>,
    /// What they are told
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
    #[command(flatten)]
    sure: Sure,
}

#[derive(Debug, ClapArgs)]
pub(super) struct UnbanArgs {
    /// A user, an address or a network, as `chatctl bans` shows it
    #[arg(value_name = "USER|IP|CIDR")]
    who: Who,
    /// From this room
    #[arg(long, value_name = "ROOM")]
    room: Option<RoomName>,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Debug, ClapArgs)]
pub(super) struct MuteArgs {
    /// Who
    user: UserName,
    /// In this room only; without it everywhere, also between two
    #[arg(long, value_name = "ROOM")]
    room: Option<RoomName>,
    /// How long: 30m, 12h, 7d; for good without it
    #[arg(long = "for", value_name = "TIME", value_parser = life)]
    seconds: Option<NonZeroU32>,
    /// What they are told
    #[arg(long, value_name = "TEXT")]
    reason: Option<Reason>,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Debug, ClapArgs)]
pub(super) struct UnmuteArgs {
    /// Who
    user: UserName,
    /// In this room
    #[arg(long, value_name = "ROOM")]
    room: Option<RoomName>,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Debug, ClapArgs)]
pub(super) struct RoleArgs {
    /// The name of the account
    name: UserName,
    /// The role
    #[arg(value_parser = PossibleValuesParser::new(UserRole::WORDS).try_map(|word| word.parse::<UserRole>()))]
    role: UserRole,
    #[command(flatten)]
    yes: Yes,
}

#[derive(Debug, ClapArgs)]
pub(super) struct OperatorArgs {
    /// The room
    room: RoomName,
    /// A member of it
    name: UserName,
    #[command(flatten)]
    yes: Yes,
}

fn life(text: &str) -> Result<NonZeroU32, String> {
    let seconds = u32::try_from(span(text)?.as_secs()).unwrap_or(u32::MAX);
    let over = || format!("'{text}' would be over at once; take a time like 30m or 7d");
    NonZeroU32::new(seconds).ok_or_else(over)
}

pub(super) fn role(
    args: &RoleArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let (name, role) = (args.name.clone(), args.role);
    let reply = daemon.call(&SetRole { name, role })?;
    let name = &args.name;
    console.print(&reply, |reply, _| match (role, reply.changed) {
        (UserRole::Moderator, true) => format!("'{name}' is a moderator now\n"),
        (UserRole::Moderator, false) => format!("'{name}' was a moderator already\n"),
        (UserRole::None, true) => format!("'{name}' is a moderator no more\n"),
        (UserRole::None, false) => format!("'{name}' had no role\n"),
    })
}

pub(super) fn operator(
    args: &OperatorArgs,
    operator: bool,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let (room, user) = (args.room.clone(), args.name.clone());
    let reply = match operator {
        true => daemon.call(&AddOperator { room, user })?,
        false => daemon.call(&RemoveOperator { room, user })?,
    };
    let (room, name) = (&args.room, &args.name);
    console.print(&reply, |reply, _| match (operator, reply.changed) {
        (true, true) => format!("'{name}' is an operator of '{room}' now\n"),
        (true, false) => format!("'{name}' was an operator of '{room}' already\n"),
        (false, true) => format!("'{name}' is an operator of '{room}' no more\n"),
        (false, false) => format!("'{name}' was no operator of '{room}'\n"),
    })
}

pub(super) fn kick(
    args: &KickArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let KickArgs {
        user,
        room,
        reason,
        sure,
    } = args;
    if sure.dry_run {
        return would_kick(user, room.as_ref(), daemon, console);
    }
    let question = match room {
        None => format!("end the connections of '{user}'?"),
        Some(room) => format!("put '{user}' out of '{room}'?"),
    };
    confirm(&question, sure.yes)?;
    let reply = daemon.call(&Kick {
        user: user.clone(),
        room: room.clone(),
        reason: reason.clone(),
    })?;
    console.print(&reply, |reply, _| match room {
        None => {
            let connections = counted(reply.connections, "connection");
            format!("ended {connections} of '{user}'\n")
        }
        Some(room) => format!("'{user}' is out of '{room}', and may come back\n"),
    })
}

fn would_kick(
    user: &UserName,
    room: Option<&RoomName>,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let connections = find(daemon, user)?.connections;
    let facts = json!({ "connections": connections });
    let Some(room) = room else {
        let connections = counted(connections.into(), "connection");
        return would(console, &format!("end {connections} of '{user}'"), facts);
    };
    let label = crate::base::RoomLabel::Open(room.clone());
    let members = daemon.call(&ListMembers { room: label })?.members;
    let is_there = |name: &str| name.parse::<UserName>().is_ok_and(|name| name == *user);
    match members.iter().any(|member| is_there(&member.name)) {
        true => would(console, &format!("put '{user}' out of '{room}'"), facts),
        false => Err(Failure::Refused(format!(
            "'{user}' is not in '{room}'; `chatctl room members {room}` lists who is"
        ))),
    }
}

pub(super) fn ban(
    args: &BanArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let BanArgs {
        who,
        room,
        seconds,
        reason,
        sure,
    } = args;
    if room.is_some() && who.network().is_some() {
        return Err(Failure::Usage(
            "a network is banned from the server, not from a room; leave --room out, or name a user".to_owned(),
        ));
    }
    let shown = who.shown();
    let place = place(room.as_ref());
    let question = format!("ban {shown} from {place}{}", who.warning());
    if sure.dry_run {
        if let Some(user) = who.user() {
            find(daemon, &user)?;
        }
        let facts = json!({ "user": who.user(), "network": who.network(), "room": room });
        return would(console, &question, facts);
    }
    confirm(&format!("{question}?"), sure.yes)?;
    let reply = daemon.call(&Ban {
        user: who.user(),
        network: who.network(),
        room: room.clone(),
        seconds: *seconds,
        reason: reason.clone(),
    })?;
    console.print(&reply, |reply, console| {
        let cut = match who {
            Who::Network(network, Some(written)) => {
                format!(
                    "{} is taken for its network, {network}\n",
                    harmless(written)
                )
            }
            _ => String::new(),
        };
        let ended = match (reply.connections, room) {
            (0, _) => String::new(),
            (_, Some(_)) => "; they are out of it".to_owned(),
            (connections, None) => format!("; ended {}", counted(connections, "connection")),
        };
        let until = until(reply, console.now);
        format!(
            "{cut}{shown} is banned from {place}{}{until}{ended}\n",
            who.warning()
        )
    })
}

pub(super) fn unban(
    args: &UnbanArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let UnbanArgs { who, room, .. } = args;
    let reply = daemon.call(&Unban {
        user: who.user(),
        network: who.network(),
        room: room.clone(),
    })?;
    let hint = match (reply.changed, who.network()) {
        (false, Some(network)) => wider(network, daemon)?,
        _ => String::new(),
    };
    let (shown, place) = (who.shown(), place(room.as_ref()));
    console.print(&reply, |reply, _| match reply.changed {
        true => format!("{shown} is not banned from {place} any more\n"),
        false => format!("{shown} was not banned from {place}{hint}\n"),
    })
}

/// Networks that are banned and have this one in them.
fn wider(network: Network, daemon: &mut Daemon) -> Result<String, Failure> {
    let bans = daemon.call(&ListBans {})?.bans;
    let networks = bans.into_iter().filter_map(|ban| ban.network);
    let wider: Vec<_> = networks.filter(|other| other.covers(&network)).collect();
    Ok(match wider.first() {
        Some(other) => format!(" by itself, but {other} is, and it is in there"),
        None => String::new(),
    })
}

pub(super) fn mute(
    args: &MuteArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let reply = daemon.call(&Mute {
        user: args.user.clone(),
        room: args.room.clone(),
        seconds: args.seconds,
        reason: args.reason.clone(),
    })?;
    let (user, place) = (&args.user, where_to_speak(args.room.as_ref()));
    console.print(&reply, |reply, console| {
        format!(
            "'{user}' cannot speak {place}{}\n",
            until(reply, console.now)
        )
    })
}

pub(super) fn unmute(
    args: &UnmuteArgs,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let reply = daemon.call(&Unmute {
        user: args.user.clone(),
        room: args.room.clone(),
    })?;
    let (user, room) = (&args.user, args.room.as_ref());
    let place = room.map_or(String::new(), |room| format!(" in '{room}'"));
    console.print(&reply, |reply, _| match reply.changed {
        true => format!("'{user}' may speak{place} again\n"),
        false => format!("'{user}' was not muted{place}\n"),
    })
}

fn place(room: Option<&RoomName>) -> String {
    room.map_or("the server".to_owned(), |room| format!("'{room}'"))
}

fn where_to_speak(room: Option<&RoomName>) -> String {
    room.map_or("anywhere".to_owned(), |room| format!("in '{room}'"))
}

fn until(reply: &BanSet, now: Timestamp) -> String {
    let end = |until| format!(" until {}, {}", absolute(until), relative(now, until));
    reply.until.map_or(" for good".to_owned(), end)
}

pub(super) fn list(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    console.print(&daemon.call(&ListBans {})?, |reply, console| {
        bans(reply, console.now, console.look)
    })
}

pub(super) fn bans(reply: &Bans, now: Timestamp, look: Look) -> String {
    if reply.bans.is_empty() {
        return "nobody is banned or muted\n".to_owned();
    }
    let columns = [
        ("KIND", false),
        ("WHO", false),
        ("ROOM", false),
        ("BY", false),
        ("SINCE", false),
        ("UNTIL", false),
        ("REASON", false),
    ];
    let row = |ban: &BanEntry| {
        let network = || ban.network.map(|network| network.to_string());
        let kind = match ban.kind {
            BanKind::Ban => "ban",
            BanKind::Mute => "mute",
        };
        vec![
            kind.to_owned(),
            ban.user.clone().or_else(network).unwrap_or_default(),
            ban.room.clone().unwrap_or_else(|| "-".to_owned()),
            ban.by.clone(),
            relative(now, ban.since),
            ban.until
                .map_or("for good".to_owned(), |until| relative(now, until)),
            ban.reason.clone(),
        ]
    };
    table(
        &columns,
        &reply.bans.iter().map(row).collect::<Vec<_>>(),
        look,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_address_is_one_or_refused_with_an_example() {
        for (text, shown) in [
            ("anna", "'anna'"),
            ("@anna", "'anna'"),
            ("@10.0.0.1", "'10.0.0.1'"),
            ("10.0.0.1", "10.0.0.1"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("2001:db8::7/64", "2001:db8::/64"),
        ] {
            assert_eq!(text.parse::<Who>().unwrap().shown(), shown);
        }
        for wrong in [
            "10.0.0.0/33",
            "10.0.0",
            "1.2.3.4.5",
            "2001:db8::/129",
            "anna/8",
            "fe80::g::1",
        ] {
            let told = wrong.parse::<Who>().unwrap_err();
            assert!(
                told.contains("like 192.0.2.7, 10.0.0.0/8"),
                "{wrong}: {told}"
            );
        }
        assert!("a b".parse::<Who>().unwrap_err().contains("without spaces"));
    }

    #[test]
    fn bans_are_shown_with_what_an_admin_wants_to_know() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let entry =
            |kind, user: Option<&str>, network: Option<&str>, room: Option<&str>| BanEntry {
                kind,
                user: user.map(str::to_owned),
                network: network.map(|network| network.parse().unwrap()),
                room: room.map(str::to_owned),
                by: "admin".into(),
                since: at("2026-11-20T10:00:00Z"),
                until: None,
                reason: String::new(),
            };
        let reply = Bans {
            bans: vec![
                entry(BanKind::Ban, None, Some("2001:db8::/64"), None),
                BanEntry {
                    until: Some(at("2026-11-20T13:30:00Z")),
                    reason: "spam\u{1b}[31m".into(),
                    by: "clara".into(),
                    ..entry(BanKind::Mute, Some("anna"), None, Some("tea"))
                },
            ],
        };
        let look = Look {
            width: 100,
            colour: false,
        };
        let now = at("2026-11-20T10:30:00Z");
        insta::assert_snapshot!(bans(&reply, now, look), @r"
        KIND  WHO            ROOM  BY     SINCE       UNTIL     REASON
        ban   2001:db8::/64  -     admin  30 min ago  for good
        mute  anna           tea   clara  30 min ago  in 3 h    spam\u{1b}[31m
        ");
        let none = Bans { bans: vec![] };
        assert_eq!(bans(&none, now, look), "nobody is banned or muted\n");
    }
}
