//! The commands of those who keep order: operators in their room, moderators everywhere.

use crate::base::time::span;
use crate::base::tongue::say;
use crate::client::{Request, request};
use crate::tui::command::missing;
use crate::tui::show::harmless;
use crate::tui::talk::{Do, Talk, Wanted};

/// What says that it is about the whole server.
const EVERYWHERE: &str = "everywhere";

pub(super) fn kick(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, reason) = user_and_rest(rest, &say!("/kick USER [REASON]", "/kick ИМЯ [ПРИЧИНА]"))?;
    let room = room(talk)?;
    let done = say!(
        "{} is kicked out of {}",
        "вы исключили {} из {}",
        harmless(&user),
        harmless(&room)
    );
    let reason = said(reason);
    let request = Request::Kick(request::Kick { room, user, reason });
    Ok(Do::Ask(request, Wanted::Done(done)))
}

pub(super) fn ban(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let usage = say!(
        "/ban USER [everywhere] [TIME] [REASON]",
        "/ban ИМЯ [everywhere] [СРОК] [ПРИЧИНА]"
    );
    let (ban, time) = read_ban(talk, rest, &usage)?;
    let (user, place) = (harmless(&ban.user), shown(ban.room.as_deref()));
    let done = say!(
        "{user} is banned from {place} {time}",
        "{user}: блокировка {time} ({place})"
    );
    Ok(Do::Ask(Request::Ban(ban), Wanted::Done(done)))
}

pub(super) fn mute(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let usage = say!(
        "/mute USER [everywhere] [TIME] [REASON]",
        "/mute ИМЯ [everywhere] [СРОК] [ПРИЧИНА]"
    );
    let (mute, time) = read_ban(talk, rest, &usage)?;
    let (user, place) = (harmless(&mute.user), shown(mute.room.as_deref()));
    let done = say!(
        "{user} is muted in {place} {time}",
        "{user}: запрет писать {time} ({place})"
    );
    Ok(Do::Ask(Request::Mute(mute), Wanted::Done(done)))
}

pub(super) fn unban(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (unban, place) = read_unban(
        talk,
        rest,
        &say!("/unban USER [everywhere]", "/unban ИМЯ [everywhere]"),
    )?;
    let done = say!(
        "{} is not banned from {place} any more",
        "{}: блокировка снята ({place})",
        harmless(&unban.user)
    );
    Ok(Do::Ask(Request::Unban(unban), Wanted::Done(done)))
}

pub(super) fn unmute(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (unmute, place) = read_unban(
        talk,
        rest,
        &say!("/unmute USER [everywhere]", "/unmute ИМЯ [everywhere]"),
    )?;
    let done = say!(
        "{} may speak in {place} again",
        "{}: запрет писать снят ({place})",
        harmless(&unmute.user)
    );
    Ok(Do::Ask(Request::Unmute(unmute), Wanted::Done(done)))
}

pub(super) fn op(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, _) = user_and_rest(rest, &say!("/op USER", "/op ИМЯ"))?;
    let room = room(talk)?;
    let request = Request::Op(request::Member { room, user });
    Ok(Do::Ask(request, Wanted::Nothing))
}

pub(super) fn deop(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let (user, _) = user_and_rest(rest, &say!("/deop USER", "/deop ИМЯ"))?;
    let room = room(talk)?;
    let request = Request::Deop(request::Member { room, user });
    Ok(Do::Ask(request, Wanted::Nothing))
}

/// Where, for how long and why; and how the time is told.
fn read_ban(talk: &Talk, rest: &str, usage: &str) -> Result<(request::Ban, String), String> {
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
            return Err(say!(
                "'{first}' would be over at once; take a time like 10m or 2h",
                "«{first}» кончится сразу же; укажите срок вроде 10m или 2h"
            ));
        }
        seconds => seconds,
    };
    let time = match seconds {
        None => say!("for good", "навсегда"),
        Some(_) => say!("for {first}", "на {first}"),
    };
    let reason = said(reason);
    let ban = request::Ban {
        user,
        room,
        seconds,
        reason,
    };
    Ok((ban, time))
}

fn read_unban(talk: &Talk, rest: &str, usage: &str) -> Result<(request::Unban, String), String> {
    let (user, rest) = user_and_rest(rest, usage)?;
    let (room, _) = place(talk, rest)?;
    let place = shown(room.as_deref());
    Ok((request::Unban { user, room }, place))
}

fn shown(room: Option<&str>) -> String {
    room.map_or_else(|| say!("this server", "весь сервер"), harmless)
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
        true => Err(say!(
            "this is a conversation between two; go into the room first, with /join ROOM",
            "это личная переписка; сначала войдите в комнату: /join КОМНАТА"
        )),
        false => Ok(room),
    }
}

fn user_and_rest<'a>(rest: &'a str, usage: &str) -> Result<(String, &'a str), String> {
    let (user, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match user.trim_start_matches('@') {
        "" => Err(missing(usage)),
        user => Ok((user.to_owned(), rest.trim())),
    }
}

fn said(reason: &str) -> Option<String> {
    (!reason.is_empty()).then(|| reason.to_owned())
}
