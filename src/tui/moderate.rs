//! The commands of those who keep order: operators in their room, moderators everywhere.

use crate::base::time::span;
use crate::client::{Request, request};
use crate::tui::show::harmless;
use crate::tui::talk::{Do, Talk, Wanted};

/// What says that it is about the whole server.
const EVERYWHERE: &str = "everywhere";

pub(super) fn kick(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, reason) = user_and_rest(rest, "/kick USER [REASON]")?;
    let room = room(talk)?;
    let done = format!("{} is kicked out of {}", harmless(&user), harmless(&room));
    let reason = said(reason);
    let request = Request::Kick(request::Kick { room, user, reason });
    Ok(Do::Ask(request, Wanted::Done(done)))
}

pub(super) fn ban(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (ban, done) = read_ban(
        talk,
        rest,
        "/ban USER [everywhere] [TIME] [REASON]",
        "banned from",
    )?;
    Ok(Do::Ask(Request::Ban(ban), Wanted::Done(done)))
}

pub(super) fn mute(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (mute, done) = read_ban(
        talk,
        rest,
        "/mute USER [everywhere] [TIME] [REASON]",
        "muted in",
    )?;
    Ok(Do::Ask(Request::Mute(mute), Wanted::Done(done)))
}

pub(super) fn unban(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (unban, place) = read_unban(talk, rest, "/unban USER [everywhere]")?;
    let done = format!(
        "{} is not banned from {place} any more",
        harmless(&unban.user)
    );
    Ok(Do::Ask(Request::Unban(unban), Wanted::Done(done)))
}

pub(super) fn unmute(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (unmute, place) = read_unban(talk, rest, "/unmute USER [everywhere]")?;
    let done = format!("{} may speak in {place} again", harmless(&unmute.user));
    Ok(Do::Ask(Request::Unmute(unmute), Wanted::Done(done)))
}

pub(super) fn op(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, _) = user_and_rest(rest, "/op USER")?;
    let room = room(talk)?;
    let request = Request::Op(request::Member { room, user });
    Ok(Do::Ask(request, Wanted::Nothing))
}

pub(super) fn deop(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, _) = user_and_rest(rest, "/deop USER")?;
    let room = room(talk)?;
    let request = Request::Deop(request::Member { room, user });
    Ok(Do::Ask(request, Wanted::Nothing))
}

/// Where, for how long and why; and what is told when it is done.
fn read_ban(
    talk: &Talk,
    rest: &str,
    usage: &str,
    what: &str,
) -> Result<(request::Ban, String), String> {
    let (user, rest) = user_and_rest(rest, usage)?;
    let (room, rest) = place(talk, rest)?;
    let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    // What begins with a digit is a time: a reason seldom does, and a slip should not ban for good.
    let (seconds, reason) = match first.starts_with(|first: char| first.is_ascii_digit()) {
        false => (None, rest),
        true => (Some(span(first)?), others.trim()),
    };
    let seconds = match seconds.map(|span| u32::try_from(span.as_secs()).unwrap_or(u32::MAX)) {
        Some(0) => {
            return Err(format!(
                "'{first}' would be over at once; take a time like 10m or 2h"
            ));
        }
        seconds => seconds,
    };
    let time = seconds.map_or("for good".to_owned(), |_| format!("for {first}"));
    let done = format!(
        "{} is {what} {} {time}",
        harmless(&user),
        shown(room.as_deref())
    );
    let reason = said(reason);
    let ban = request::Ban {
        user,
        room,
        seconds,
        reason,
    };
    Ok((ban, done))
}

fn read_unban(talk: &Talk, rest: &str, usage: &str) -> Result<(request::Unban, String), String> {
    let (user, rest) = user_and_rest(rest, usage)?;
    let (room, _) = place(talk, rest)?;
    let place = shown(room.as_deref());
    Ok((request::Unban { user, room }, place))
}

fn shown(room: Option<&str>) -> String {
    room.map_or("this server".to_owned(), harmless)
}

/// The room one is in, unless it is said to be about the whole server.
fn place<'a>(talk: &Talk, rest: &'a str) -> Result<(Option<String>, &'a str), String> {
    let (first, others) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match first == EVERYWHERE {
        true => Ok((None, others.trim())),
        false => Ok((Some(room(talk)?), rest)),
    }
}

fn room(talk: &Talk) -> Result<String, String> {
    let room = talk.room_or_current("")?;
    match room.starts_with('@') {
        true => Err(
            "this is a conversation between two; go into the room first, with /join ROOM"
                .to_owned(),
        ),
        false => Ok(room),
    }
}

fn user_and_rest<'a>(rest: &'a str, usage: &str) -> Result<(String, &'a str), String> {
    let (user, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match user.trim_start_matches('@') {
        "" => Err(format!("something is missing; write {usage}")),
        user => Ok((user.to_owned(), rest.trim())),
    }
}

fn said(reason: &str) -> Option<String> {
    (!reason.is_empty()).then(|| reason.to_owned())
}
