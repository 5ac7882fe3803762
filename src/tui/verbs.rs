//! What a script can have done: each verb is a function that prints and ends.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::base::limit::PAGE_MESSAGES_MAX;
use crate::base::text::harmless_json;
use crate::base::tongue::{plural, say};
use crate::base::{Cause, Seq};
use crate::client::calls::as_on_the_wire;
use crate::client::{Client, Event, Message, Part, Refusal};
use crate::tui::args::{Args, Verb};
use crate::tui::ask;
use crate::tui::enter::{Entry, twice};
use crate::tui::failure::Failure;
use crate::tui::profile::Profiles;
use crate::tui::show::{Style, harmless};
use crate::tui::talk::room_line;
use crate::tui::verify;

/// How long a script waits for a server that is gone before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two echoes.
const ECHO_INTERVAL: Duration = Duration::from_millis(250);
/// The most that is read from standard input as one text: a little more than any server takes, so that it says no.
const TEXT_BYTES_READ: u64 = 65_536;

/// Does what the verb says.
///
/// # Errors
/// With the sentence and the code to end with.
pub async fn run(verb: &Verb, args: &Args) -> Result<(), Failure> {
    if matches!(verb, Verb::Profiles) {
        return profiles();
    }
    let mut entry = Entry::of_script(args)?;
    // Before the connection: the person may take their time, and so may the program that writes into the pipe.
    let text = match verb {
        Verb::Send { text, .. } => Some(text_of(text)?),
        _ => None,
    };
    let follows = matches!(verb, Verb::Tail { follow: true, .. });
    let mut client = entry.connect((!follows).then_some(PATIENCE)).await?;
    match verb {
        Verb::Echo { text, count } => echo(&mut client, &entry, text, *count).await?,
        Verb::Login { register, .. } => login(&mut client, &mut entry, *register).await?,
        Verb::Logout => logout(&mut client, &entry).await?,
        _ => {
            entry.script(&mut client).await?;
            logged_in(verb, &mut client, text.as_deref()).await?;
        }
    }
    client.close().await;
    Ok(())
}

async fn logged_in(verb: &Verb, client: &mut Client, text: Option<&str>) -> Result<(), Failure> {
    match verb {
        Verb::Send { to, .. } => send(client, to, text.unwrap_or_default()).await,
        Verb::Tail {
            rooms,
            json,
            number,
            follow,
        } => tail(client, rooms, *number, *follow, &Printer { json: *json }).await,
        Verb::History {
            room,
            number,
            before,
            json,
        } => {
            let messages = newest(client, room, before.map(Seq), *number).await?;
            Printer { json: *json }.print_all(&messages)
        }
        Verb::Search { words, room, json } => {
            let found = client
                .search(&words.join(" "), room.as_deref(), PAGE_MESSAGES_MAX)
                .await;
            let found = found.map_err(|refusal| Failure::of(client, &refusal))?;
            Printer { json: *json }.print_all(&found.messages)
        }
        Verb::Rooms => {
            let rooms = client.rooms().await;
            let rooms = rooms.map_err(|refusal| Failure::of(client, &refusal))?;
            rooms.iter().try_for_each(|entry| print(&room_line(entry)))
        }
        Verb::Who { room } => who(client, room.as_deref()).await,
        Verb::Verify { rooms } => verify::run(client, rooms).await,
        Verb::Passwd => passwd(client).await,
        Verb::Echo { .. } | Verb::Login { .. } | Verb::Logout | Verb::Profiles => Ok(()),
    }
}

fn profiles() -> Result<(), Failure> {
    let profiles = Profiles::of_user(|name| std::env::var_os(name)).map_err(Failure::Usage)?;
    let lines = profiles.listed();
    if lines.is_empty() {
        tell!("{}", profiles.none());
    }
    lines.iter().try_for_each(|line| print(line))
}

fn text_of(words: &[String]) -> Result<String, Failure> {
    let text = match words {
        [_, ..] => words.join(" "),
        [] => {
            let mut bytes = Vec::new();
            let read = io::stdin()
                .lock()
                .take(TEXT_BYTES_READ)
                .read_to_end(&mut bytes);
            read.map_err(|error| {
                Failure::Refused(say!(
                    "cannot read the text: {}",
                    "не удаётся прочитать текст: {}",
                    Cause(&error)
                ))
            })?;
            String::from_utf8(bytes).map_err(|_| {
                Failure::Usage(say!(
                    "the text is not UTF-8; convert it first, for example with iconv",
                    "текст не в UTF-8; сначала преобразуйте его, например с помощью iconv"
                ))
            })?
        }
    };
    match text.trim_end_matches(['\n', '\r']) {
        "" => Err(Failure::Usage(say!(
            "there is no text; give one as an argument or on standard input",
            "нет текста; передайте его аргументом или на стандартный ввод"
        ))),
        text => Ok(text.to_owned()),
    }
}

async fn send(client: &mut Client, to: &str, text: &str) -> Result<(), Failure> {
    let sent = client.send(to.trim_start_matches('#'), text).await;
    sent.map(|_| ())
        .map_err(|refusal| Failure::of(client, &refusal).about(to))
}

/// How messages are printed.
struct Printer {
    json: bool,
}

impl Printer {
    fn print(&self, message: &Message) -> Result<(), Failure> {
        match self.json {
            true => print(&harmless_json(&as_on_the_wire(message))),
            false => print(&Style::pipe().message(message, None)),
        }
    }

    fn print_all(&self, messages: &[Message]) -> Result<(), Failure> {
        messages.iter().try_for_each(|message| self.print(message))
    }
}

/// Prints a line for whoever reads.
///
/// # Errors
/// When nobody does.
pub(super) fn print(line: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .map_err(Failure::Output)
}

async fn tail(
    client: &mut Client,
    rooms: &[String],
    number: usize,
    follow: bool,
    printer: &Printer,
) -> Result<(), Failure> {
    let joined = client.model().rooms();
    let rooms: Vec<String> = match rooms {
        [] => joined.keys().map(ToString::to_string).collect(),
        rooms => (rooms.iter())
            .map(|room| room.trim_start_matches('#').to_owned())
            .collect(),
    };
    // Up to where the live messages begin: none is missing, and none comes twice. Some that have come already may still
    // wait to be looked at.
    let come: BTreeMap<String, Seq> = (rooms.iter())
        .filter_map(|room| Some((room.clone(), joined.get(room.as_str())?.cursor())))
        .collect();
    let mut messages = Vec::new();
    for room in &rooms {
        let end = come.get(room).map(|seq| Seq(seq.0.saturating_add(1)));
        messages.extend(newest(client, room, end, number).await?);
    }
    messages.sort_by(|one, other| {
        (one.at, &one.room, one.seq).cmp(&(other.at, &other.room, other.seq))
    });
    printer.print_all(&messages)?;
    if follow {
        return self::follow(client, &rooms, come, printer).await;
    }
    Ok(())
}

/// Prints what comes after these numbers until nobody reads it, or the server ends it.
async fn follow(
    client: &mut Client,
    rooms: &[String],
    mut shown: BTreeMap<String, Seq>,
    printer: &Printer,
) -> Result<(), Failure> {
    while let Some(event) = client.next().await {
        match event {
            Event::Message(message) | Event::Own(message)
                if (shown.get(&*message.room)).is_some_and(|upto| message.seq <= *upto) => {}
            Event::Message(message) | Event::Own(message)
                if rooms.iter().any(|room| **room == *message.room) =>
            {
                printer.print(&message)?;
            }
            Event::Lost {
                why, attempts: 1, ..
            } => {
                let why = harmless(&why);
                tell!(
                    "{}",
                    say!("{why}; connecting again…", "{why}; переподключение…")
                );
            }
            Event::Back { .. } => tell!("{}", say!("connected again", "связь восстановлена")),
            Event::WentBack { room, has, .. } => {
                // What comes now has numbers that others had before.
                shown.remove(&*room);
                let room = harmless(&room);
                let said = say!(
                    "the server went back to a backup: {room} ends at message {has} there",
                    "сервер восстановлен из резервной копии: последнее сообщение в {room} теперь {has}"
                );
                tell!("{said}");
            }
            Event::Expired { room, count } => {
                let room = harmless(&room);
                let form = plural(count, "сообщение", "сообщения", "сообщений");
                let said = say!(
                    "{count} messages of {room} are no longer kept by the server",
                    "{count} {form} из {room} сервер больше не хранит"
                );
                tell!("{said}");
            }
            Event::Ended(ending) => {
                let refusal = Refusal {
                    code: None,
                    text: ending.text,
                    retry_after_ms: None,
                };
                return Err(Failure::of(client, &refusal));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The newest messages of a room, as many pages as that takes.
async fn newest(
    client: &mut Client,
    room: &str,
    before: Option<Seq>,
    number: usize,
) -> Result<Vec<Message>, Failure> {
    let mut newest: Vec<Message> = Vec::new();
    let mut part = before.map_or(Part::Newest, Part::Before);
    while newest.len() < number {
        let limit = (number - newest.len()).min(PAGE_MESSAGES_MAX);
        let page = client.history(room, part, limit).await;
        let mut page = page.map_err(|refusal| Failure::of(client, &refusal).about(room))?;
        let Some(first) = page.messages.first() else {
            break;
        };
        part = Part::Before(first.seq);
        page.messages.append(&mut newest);
        newest = page.messages;
        if !page.more {
            break;
        }
    }
    Ok(newest)
}

async fn who(client: &mut Client, room: Option<&str>) -> Result<(), Failure> {
    let who = client
        .who(room.map(|room| room.trim_start_matches('#')))
        .await;
    let who = who.map_err(|refusal| {
        let failure = Failure::of(client, &refusal);
        match room {
            Some(room) => failure.about(room),
            None => failure,
        }
    })?;
    who.iter().try_for_each(|person| {
        let state = match (person.online, person.last_seen) {
            (true, _) => say!("online", "в сети"),
            (false, Some(at)) => say!("last seen {at}", "последний раз {at}"),
            (false, None) => say!("away", "не в сети"),
        };
        print(&format!("{:<32} {state}", harmless(&person.user)))
    })
}

async fn echo(client: &mut Client, entry: &Entry, text: &str, count: u32) -> Result<(), Failure> {
    let mut times: Vec<f64> = Vec::new();
    for no in 1..=count {
        let began = Instant::now();
        let answer = client.echo(text).await;
        let answer = answer.map_err(|refusal| Failure::of(client, &refusal))?;
        let millis = began.elapsed().as_secs_f64() * 1_000.0;
        if *answer != *text {
            return Err(Failure::Refused(say!(
                "the server said something else back; tell its admin",
                "сервер вернул не то, что получил; сообщите его администратору"
            )));
        }
        times.push(millis);
        let (host, port, text) = (&entry.host, entry.port, harmless(text));
        print(&say!(
            "echo {no} from {host}:{port} in {millis:.2} ms: {text}",
            "эхо {no} от {host}:{port} за {millis:.2} мс: {text}"
        ))?;
        if no < count {
            tokio::time::sleep(ECHO_INTERVAL).await;
        }
    }
    if times.is_empty() {
        return Ok(());
    }
    let (least, most) = (times.iter()).fold((f64::MAX, 0_f64), |(least, most), time| {
        (least.min(*time), most.max(*time))
    });
    let mean = times.iter().sum::<f64>() / times.len() as f64;
    print(&say!(
        "{count} sent, {} came back; shortest {least:.2}, mean {mean:.2}, longest {most:.2} ms",
        "отправлено {count}, вернулось {}; быстрее всего {least:.2}, в среднем {mean:.2}, дольше всего {most:.2} мс",
        times.len()
    ))
}

async fn login(client: &mut Client, entry: &mut Entry, register: bool) -> Result<(), Failure> {
    let welcome = match register {
        true => entry.register(client).await?,
        false => entry.afresh(client).await?,
    };
    let (host, port) = (&entry.host, entry.port);
    print(&say!(
        "logged in at {host}:{port} as {}",
        "вход выполнен: {host}:{port}, имя {}",
        harmless(&welcome.user)
    ))
}

async fn logout(client: &mut Client, entry: &Entry) -> Result<(), Failure> {
    if let Some(token) = entry.token()? {
        match client
            .resume(&token, std::collections::BTreeMap::new())
            .await
        {
            Ok(_) => {
                let done = client.logout().await;
                done.map_err(|refusal| Failure::of(client, &refusal))?;
            }
            // It was over already.
            Err(refusal) if matches!(Failure::of(client, &refusal), Failure::Credentials(_)) => {}
            Err(refusal) => return Err(Failure::of(client, &refusal)),
        }
        entry.forget()?;
        return print(&say!("logged out", "сеанс окончен"));
    }
    Err(Failure::Credentials(say!(
        "nobody is logged in at {}:{} from here; there is nothing to do",
        "отсюда никто не входил на {}:{}, завершать нечего",
        entry.host,
        entry.port
    )))
}

async fn passwd(client: &mut Client) -> Result<(), Failure> {
    let old = ask::password(&say!("old password", "старый пароль"))?;
    let new = twice(&say!("new password", "новый пароль"))?;
    let changed = client.change_password(old, new).await;
    changed.map_err(|refusal| Failure::of(client, &refusal))?;
    print(&say!(
        "the password is changed; other devices have to log in again",
        "пароль изменён; на других устройствах нужно войти заново"
    ))
}
