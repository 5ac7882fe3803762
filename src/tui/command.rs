//! What can be written after a slash: one row for each command.

use crate::base::Seq;
use crate::base::record::Kind;
use crate::base::tongue::say;
use crate::client::calls::history;
use crate::client::{Part, Request, request};
use crate::tui::moderate;
use crate::tui::show::harmless;
use crate::tui::talk::{Do, FIRST_ROOM, Talk, Wanted};

/// Messages that `/history` and `/search` show when it is not said.
const SHOWN: usize = 20;
/// Messages that they show at most; what servers give at once.
const SHOWN_MAX: usize = 200;

/// A command.
pub struct Command {
    /// The word after the slash.
    pub name: &'static str,
    /// What follows it.
    pub usage: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether it is for operators and moderators alone.
    pub keeps_order: bool,
    /// Whether only the full screen has it.
    pub on_screen: bool,
    run: fn(&mut Talk, &str) -> Result<Do, String>,
}

/// All of them, in the order of `/help`.
pub const COMMANDS: &[Command] = &[
    row("join", "ROOM", "go into a room, or to one you are in", join),
    row(
        "leave",
        "[ROOM]",
        "leave a room; from a person, go back to the lobby",
        leave,
    ),
    row("create", "ROOM", "make a room and go into it", create),
    row(
        "msg",
        "USER [TEXT]",
        "say something to one person, or go on with them",
        msg,
    ),
    row("me", "TEXT", "say what you do: * anna waves", me),
    row("who", "[ROOM]", "who is here", who),
    row("rooms", "", "which rooms there are", rooms),
    row(
        "topic",
        "[TEXT]",
        "what the room is about; with TEXT, change it",
        topic,
    ),
    row("history", "[NUMBER]", "what was said before", older),
    row("search", "WORDS", "find messages in all your rooms", search),
    row(
        "redact",
        "[NUMBER]",
        "remove what you said last, or the message of that number",
        redact,
    ),
    order(
        "kick",
        "USER [REASON]",
        "put somebody out of the room; they may come back",
        moderate::kick,
    ),
    order(
        "ban",
        "USER [TIME] [REASON]",
        "keep somebody out of the room, for 2h, 7d or for good",
        moderate::ban,
    ),
    order("unban", "USER", "let them in again", moderate::unban),
    order(
        "mute",
        "USER [TIME] [REASON]",
        "let somebody read and not speak",
        moderate::mute,
    ),
    order("unmute", "USER", "let them speak again", moderate::unmute),
    order(
        "op",
        "USER",
        "make somebody an operator of the room",
        moderate::op,
    ),
    order(
        "deop",
        "USER",
        "make somebody no operator any more",
        moderate::deop,
    ),
    row("read", "", "mark all in the room as read", read),
    screen(
        "notify",
        "[on|bell|off]",
        "how to tell you of mentions while you look elsewhere (full screen)",
    ),
    screen(
        "hush",
        "[ROOM]",
        "no alerts and no counts of a room (full screen)",
    ),
    screen("unhush", "[ROOM]", "hear of it again (full screen)"),
    row("quit", "", "end, like Ctrl-D", |_, _| Ok(Do::Quit)),
    row("help", "[COMMAND]", "this list, or one line of it", help),
];

const fn row(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&mut Talk, &str) -> Result<Do, String>,
) -> Command {
    Command {
        name,
        usage,
        help,
        keeps_order: false,
        on_screen: false,
        run,
    }
}

/// For the full screen, which carries it out itself.
const fn screen(name: &'static str, usage: &'static str, help: &'static str) -> Command {
    Command {
        on_screen: true,
        ..row(name, usage, help, |_, _| {
            Err(say!(
                "this is for the full screen; run chat-client without --plain",
                "это команда полного экрана; запустите chat-client без --plain"
            ))
        })
    }
}

/// For operators and moderators.
const fn order(
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&mut Talk, &str) -> Result<Do, String>,
) -> Command {
    Command {
        keeps_order: true,
        ..row(name, usage, help, run)
    }
}

/// Those that may be about the whole server.
const PLACES: [&str; 4] = ["ban", "unban", "mute", "unmute"];
const EVERYWHERE: &str =
    "a moderator writes `everywhere` after USER for the whole server: /ban anna everywhere 7d";

/// Carries out a line that began with a slash, without that.
///
/// # Errors
/// With a sentence for the person.
pub fn run(talk: &mut Talk, line: &str) -> Result<Do, String> {
    let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let found = COMMANDS.iter().find(|command| command.name == name);
    let command = found.ok_or_else(|| no_command(name))?;
    (command.run)(talk, rest.trim())
}

/// Whether there is a command for the line, which began with a slash and is given without that.
#[must_use]
pub fn is_known(line: &str) -> bool {
    let name = line.split(char::is_whitespace).next().unwrap_or_default();
    COMMANDS.iter().any(|command| command.name == name)
}

/// Whether the line, without its slash, says something that is shown again as a message.
#[must_use]
pub fn says(line: &str) -> bool {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("me") => words.next().is_some(),
        Some("msg") => words.nth(1).is_some(),
        _ => false,
    }
}

fn help(_: &mut Talk, name: &str) -> Result<Do, String> {
    let name = name.trim_start_matches('/');
    match name.is_empty() || COMMANDS.iter().any(|command| command.name == name) {
        true => Ok(Do::Help(name.to_owned())),
        false => Err(no_command(name)),
    }
}

/// The lines of `/help`, or of one command. Who keeps no order is not told of what is for those who do, unless they ask.
#[must_use]
pub fn help_lines(name: &str, keeps_order: bool) -> Vec<String> {
    let is_told = |command: &&Command| match name {
        "" => (keeps_order || !command.keeps_order) && !command.on_screen,
        name => command.name == name,
    };
    let told: Vec<_> = COMMANDS.iter().filter(is_told).collect();
    let call = |command: &Command| format!("/{} {}", command.name, command.usage);
    let width = told.iter().map(|command| call(command).len()).max();
    let width = width.unwrap_or_default().max(20);
    let line = |command: &&Command| format!("{:<width$} {}", call(command), command.help);
    let has_places = told.iter().any(|command| PLACES.contains(&command.name));
    let more = has_places.then(|| EVERYWHERE.to_owned());
    told.iter().map(line).chain(more).collect()
}

/// All commands of the full screen and what they do, for a table.
#[must_use]
pub fn table(keeps_order: bool) -> Vec<(String, String)> {
    let told = (COMMANDS.iter()).filter(|command| keeps_order || !command.keeps_order);
    let entry = |command: &Command| {
        let call = format!("/{} {}", command.name, command.usage);
        (call.trim_end().to_owned(), command.help.to_owned())
    };
    let more = keeps_order.then(|| (String::new(), EVERYWHERE.to_owned()));
    told.map(entry).chain(more).collect()
}

fn no_command(name: &str) -> String {
    format!("there is no command /{name}; see /help, or write //{name} to say it")
}

fn join(talk: &mut Talk, room: &str) -> Result<Do, String> {
    let room = needed(room, "/join ROOM")?;
    if room.starts_with('@') {
        return msg(talk, room);
    }
    let request = Request::Join(named(room));
    Ok(Do::Ask(request, Wanted::Joined))
}

fn leave(talk: &mut Talk, room: &str) -> Result<Do, String> {
    let room = talk.room_or_current(room)?;
    if room.starts_with('@') {
        // A conversation between two is not left; one turns to others.
        talk.go_to(FIRST_ROOM);
        return Ok(Do::Nothing);
    }
    let request = Request::Leave(named(&room));
    Ok(Do::Ask(request, Wanted::Left(room.into())))
}

fn create(_: &mut Talk, room: &str) -> Result<Do, String> {
    let request = Request::Create(named(needed(room, "/create ROOM")?));
    Ok(Do::Ask(request, Wanted::Joined))
}

fn msg(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let rest = needed(rest, "/msg USER [TEXT]")?;
    let (user, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let to = format!("@{}", user.trim_start_matches('@'));
    match text.trim() {
        "" => {
            talk.go_to(&to);
            Ok(Do::Nothing)
        }
        text => Ok(Do::Say(to, Kind::Text, text.to_owned())),
    }
}

fn me(talk: &mut Talk, text: &str) -> Result<Do, String> {
    let text = needed(text, "/me TEXT")?.to_owned();
    Ok(Do::Say(talk.room_or_current("")?, Kind::Action, text))
}

fn who(talk: &mut Talk, room: &str) -> Result<Do, String> {
    let room = talk.room_or_current(room).ok();
    let after = None;
    Ok(Do::Ask(
        Request::Who(request::Who { room, after }),
        Wanted::Who,
    ))
}

fn rooms(_: &mut Talk, _: &str) -> Result<Do, String> {
    let request = Request::Rooms(request::Rooms { after: None });
    Ok(Do::Ask(request, Wanted::Rooms))
}

fn topic(talk: &mut Talk, topic: &str) -> Result<Do, String> {
    let room = talk.room_or_current("")?;
    if topic.is_empty() {
        return Ok(Do::TellTopic(room));
    }
    let done = format!(
        "the topic of {} is set: {}",
        harmless(&room),
        harmless(topic)
    );
    let topic = topic.to_owned();
    let request = Request::Topic(request::Topic { room, topic });
    Ok(Do::Ask(request, Wanted::Done(done)))
}

fn older(talk: &mut Talk, number: &str) -> Result<Do, String> {
    let room = talk.room_or_current("")?;
    let number = match number {
        "" => SHOWN,
        number => (number.parse().ok())
            .filter(|number| (1..=SHOWN_MAX).contains(number))
            .ok_or_else(|| format!("'{number}' is no number from 1 to {SHOWN_MAX}"))?,
    };
    Ok(Do::Ask(
        history(&room, Part::Newest, number),
        Wanted::Messages,
    ))
}

fn search(_: &mut Talk, words: &str) -> Result<Do, String> {
    let request = Request::Search(request::Search {
        text: needed(words, "/search WORDS")?.to_owned(),
        room: None,
        before: None,
        limit: SHOWN,
    });
    Ok(Do::Ask(request, Wanted::Messages))
}

fn redact(talk: &mut Talk, number: &str) -> Result<Do, String> {
    let room = talk.room_or_current("")?;
    let seq = match number {
        "" => talk.last_own(&room).ok_or_else(|| {
            "you have said nothing here since you came; name a message with /redact NUMBER"
                .to_owned()
        })?,
        number => (number.parse().map(Seq))
            .map_err(|_| format!("'{number}' is no number of a message"))?,
    };
    let request = Request::Redact(request::Redact { room, seq });
    Ok(Do::Ask(request, Wanted::Nothing))
}

fn read(talk: &mut Talk, _: &str) -> Result<Do, String> {
    Ok(Do::Read(talk.room_or_current("")?))
}

/// The request that says how far a room is read.
#[must_use]
pub fn read_to(room: &str, seq: Seq) -> Request {
    let room = room.to_owned();
    Request::Read(request::Read { room, seq })
}

fn named(room: &str) -> request::Room {
    let room = room.trim_start_matches('#').to_owned();
    request::Room { room }
}

fn needed<'a>(text: &'a str, usage: &str) -> Result<&'a str, String> {
    match text {
        "" => Err(format!("something is missing; write {usage}")),
        text => Ok(text),
    }
}
