//! What can be written after a slash: one row for each command.

use crate::base::Seq;
use crate::base::record::Kind;
use crate::base::tongue::{Both, say};
use crate::client::calls::history;
use crate::client::model::{Model, same_place};
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
    pub usage: Both,
    /// What it does.
    pub help: Both,
    /// Whether it is for operators and moderators alone.
    pub keeps_order: bool,
    /// Whether only the full screen has it.
    pub on_screen: bool,
    run: fn(&mut Talk, &str) -> Result<Do, String>,
}

impl Command {
    /// How it is called, with what follows it.
    #[must_use]
    pub fn call(&self) -> String {
        format!("/{} {}", self.name, self.usage.said())
    }
}

/// All of them, in the order of `/help`.
pub const COMMANDS: &[Command] = &[
    row(
        "join",
        Both("ROOM", "КОМНАТА"),
        Both(
            "go into a room, or to one you are in",
            "войти в комнату или перейти в ту, где вы уже есть",
        ),
        join,
    ),
    row(
        "leave",
        Both("[ROOM]", "[КОМНАТА]"),
        Both(
            "leave a room; from a person, go back to the lobby",
            "выйти из комнаты; из личной переписки — вернуться в lobby",
        ),
        leave,
    ),
    row(
        "create",
        Both("ROOM", "КОМНАТА"),
        Both(
            "make a room and go into it",
            "создать комнату и войти в неё",
        ),
        create,
    ),
    row(
        "msg",
        Both("USER [TEXT]", "ИМЯ [ТЕКСТ]"),
        Both(
            "say something to one person, or go on with them",
            "написать кому-то лично или перейти к переписке с ним",
        ),
        msg,
    ),
    row(
        "me",
        Both("TEXT", "ТЕКСТ"),
        Both(
            "say what you do: * anna waves",
            "сказать, что вы делаете: * anna машет рукой",
        ),
        me,
    ),
    row(
        "who",
        Both("[ROOM]", "[КОМНАТА]"),
        Both("who is here", "кто здесь"),
        who,
    ),
    row(
        "rooms",
        Both("", ""),
        Both("which rooms there are", "какие есть комнаты"),
        rooms,
    ),
    row(
        "topic",
        Both("[TEXT]", "[ТЕКСТ]"),
        Both(
            "what the room is about; with TEXT, change it",
            "о чём комната; с ТЕКСТОМ — сменить тему",
        ),
        topic,
    ),
    row(
        "history",
        Both("[NUMBER]", "[ЧИСЛО]"),
        Both("what was said before", "что говорили раньше"),
        older,
    ),
    row(
        "search",
        Both("WORDS", "СЛОВА"),
        Both(
            "find messages in all your rooms",
            "найти сообщения во всех ваших комнатах",
        ),
        search,
    ),
    row(
        "redact",
        Both("[NUMBER]", "[НОМЕР]"),
        Both(
            "remove what you said last, or the message of that number",
            "удалить последнее своё сообщение или сообщение с этим номером",
        ),
        redact,
    ),
    order(
        "kick",
        Both("USER [REASON]", "ИМЯ [ПРИЧИНА]"),
        Both(
            "put somebody out of the room; they may come back",
            "исключить из комнаты; вернуться можно",
        ),
        moderate::kick,
    ),
    order(
        "ban",
        Both("USER [TIME] [REASON]", "ИМЯ [СРОК] [ПРИЧИНА]"),
        Both(
            "keep somebody out of the room, for 2h, 7d or for good",
            "заблокировать в комнате: на 2h, 7d или навсегда",
        ),
        moderate::ban,
    ),
    order(
        "unban",
        Both("USER", "ИМЯ"),
        Both("let them in again", "снять блокировку"),
        moderate::unban,
    ),
    order(
        "mute",
        Both("USER [TIME] [REASON]", "ИМЯ [СРОК] [ПРИЧИНА]"),
        Both(
            "let somebody read and not speak",
            "запретить писать, читать можно",
        ),
        moderate::mute,
    ),
    order(
        "unmute",
        Both("USER", "ИМЯ"),
        Both("let them speak again", "снять запрет писать"),
        moderate::unmute,
    ),
    order(
        "op",
        Both("USER", "ИМЯ"),
        Both(
            "make somebody an operator of the room",
            "сделать оператором комнаты",
        ),
        moderate::op,
    ),
    order(
        "deop",
        Both("USER", "ИМЯ"),
        Both(
            "make somebody no operator any more",
            "снять права оператора",
        ),
        moderate::deop,
    ),
    row(
        "read",
        Both("", ""),
        Both(
            "mark all in the room as read",
            "отметить всё в комнате прочитанным",
        ),
        read,
    ),
    screen(
        "notify",
        Both("[HOW]", "[КАК]"),
        Both(
            "tell you of mentions while you look elsewhere: on, bell or off (full screen)",
            "сообщать об упоминаниях, когда вы смотрите не сюда: on, bell или off (полный экран)",
        ),
    ),
    screen(
        "hush",
        Both("[ROOM]", "[КОМНАТА]"),
        Both(
            "no alerts and no counts of a room (full screen)",
            "не напоминать о комнате и не считать новое в ней (полный экран)",
        ),
    ),
    screen(
        "unhush",
        Both("[ROOM]", "[КОМНАТА]"),
        Both(
            "hear of it again (full screen)",
            "снова напоминать о ней (полный экран)",
        ),
    ),
    row(
        "quit",
        Both("", ""),
        Both("end, like Ctrl-D", "выйти, как Ctrl-D"),
        |_, _| Ok(Do::Quit),
    ),
    row(
        "help",
        Both("[COMMAND]", "[КОМАНДА]"),
        Both(
            "this list, or one line of it",
            "этот список или одна его строка",
        ),
        help,
    ),
];

const fn row(
    name: &'static str,
    usage: Both,
    help: Both,
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
const fn screen(name: &'static str, usage: Both, help: Both) -> Command {
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
    usage: Both,
    help: Both,
    run: fn(&mut Talk, &str) -> Result<Do, String>,
) -> Command {
    Command {
        keeps_order: true,
        ..row(name, usage, help, run)
    }
}

/// Those that may be about the whole server.
const PLACES: [&str; 4] = ["ban", "unban", "mute", "unmute"];
const EVERYWHERE: Both = Both(
    "a moderator writes `everywhere` after USER for the whole server: /ban anna everywhere 7d",
    "для всего сервера модератор пишет `everywhere` после ИМЕНИ: /ban anna everywhere 7d",
);

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
    let width = told.iter().map(|command| command.call().chars().count());
    let width = width.max();
    let width = width.unwrap_or_default().max(20);
    let line = |command: &&Command| format!("{:<width$} {}", command.call(), command.help.said());
    let has_places = told.iter().any(|command| PLACES.contains(&command.name));
    let more = has_places.then(|| EVERYWHERE.said().to_owned());
    told.iter().map(line).chain(more).collect()
}

/// All commands of the full screen and what they do, for a table.
#[must_use]
pub fn table(keeps_order: bool) -> Vec<(String, String)> {
    let told = (COMMANDS.iter()).filter(|command| keeps_order || !command.keeps_order);
    let entry = |command: &Command| (command.call(), command.help.said().to_owned());
    let more = keeps_order.then(|| (String::new(), EVERYWHERE.said().to_owned()));
    told.map(entry).chain(more).collect()
}

fn no_command(name: &str) -> String {
    say!(
        "there is no command /{name}; see /help, or write //{name} to say it",
        "команды /{name} нет; смотрите /help, а чтобы просто сказать это, напишите //{name}"
    )
}

fn join(talk: &mut Talk, room: &str) -> Result<Do, String> {
    let room = needed(room, &say!("/join ROOM", "/join КОМНАТА"))?;
    if room.starts_with('@') {
        return msg(talk, room);
    }
    Ok(Do::Ask(coming_into(room), Wanted::Joined))
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
    let request = Request::Create(named(needed(
        room,
        &say!("/create ROOM", "/create КОМНАТА"),
    )?));
    Ok(Do::Ask(request, Wanted::Joined))
}

fn msg(talk: &mut Talk, rest: &str) -> Result<Do, String> {
    let rest = needed(rest, &say!("/msg USER [TEXT]", "/msg ИМЯ [ТЕКСТ]"))?;
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
    let text = needed(text, &say!("/me TEXT", "/me ТЕКСТ"))?.to_owned();
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
    let done = say!(
        "the topic of {} is set: {}",
        "тема {} изменена: {}",
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
            .ok_or_else(|| {
                say!(
                    "'{number}' is no number from 1 to {SHOWN_MAX}",
                    "«{number}» — не число от 1 до {SHOWN_MAX}"
                )
            })?,
    };
    Ok(Do::Ask(
        history(&room, Part::Newest, number),
        Wanted::Messages,
    ))
}

fn search(_: &mut Talk, words: &str) -> Result<Do, String> {
    let request = Request::Search(request::Search {
        text: needed(words, &say!("/search WORDS", "/search СЛОВА"))?.to_owned(),
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
            say!(
                "you have said nothing here since you came; name a message with /redact NUMBER",
                "с тех пор как вы вошли, вы здесь ничего не сказали; укажите сообщение: /redact НОМЕР"
            )
        })?,
        number => (number.parse().map(Seq))
            .map_err(|_| {
                say!(
                    "'{number}' is no number of a message",
                    "«{number}» — не номер сообщения"
                )
            })?,
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

/// The request to be in a room.
#[must_use]
pub fn coming_into(room: &str) -> Request {
    Request::Join(named(room))
}

/// One wants to be in this room at first. Says what to do where one is not in it yet.
pub fn start_in(talk: &mut Talk, room: &str, model: &Model) -> Do {
    let known = model.rooms().keys().find(|known| same_place(known, room));
    match known {
        Some(known) => talk.set_current(known.clone()),
        None if room.starts_with('@') => talk.set_current(room.into()),
        None => return Do::Ask(coming_into(room), Wanted::Joined),
    }
    Do::Nothing
}

fn named(room: &str) -> request::Room {
    let room = room.trim_start_matches('#').to_owned();
    request::Room { room }
}

fn needed<'a>(text: &'a str, usage: &str) -> Result<&'a str, String> {
    match text {
        "" => Err(missing(usage)),
        text => Ok(text),
    }
}

pub(super) fn missing(usage: &str) -> String {
    say!(
        "something is missing; write {usage}",
        "чего-то не хватает; напишите {usage}"
    )
}
