//! `chatctl top`: the load of the daemon, drawn anew as it changes. What is on the screen is made as a text; how it gets
//! there is in `screen.rs`.

use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use crate::base::Timestamp;
use crate::wire::control::{BusyRoom, BusyUser, FollowLoad, Load, Number, State};

use super::call::{Daemon, find_socket};
use super::observe::{READER_COLUMNS, reader_row, span};
use super::screen::{self, Screen};
use super::table::{Look, counted, cut, paint, size, table};
use super::{Console, Failure};

/// What happens.
pub(super) enum Event {
    Load(Box<Load>),
    Key(u8),
    /// The terminal has another size.
    Resized,
    /// A signal asks to end.
    End,
    /// The stream is over.
    Over(Result<(), Failure>),
}

/// What is listed below the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Rooms,
    Users,
    Readers,
}

impl View {
    /// What a key asks for.
    fn of(key: u8) -> Option<Self> {
        match key.to_ascii_lowercase() {
            b'r' => Some(Self::Rooms),
            b'u' => Some(Self::Users),
            b's' => Some(Self::Readers),
            _ => None,
        }
    }
}

/// Shows it again and again: on a terminal in place, otherwise one below the other; `times` times where that is said.
pub(super) fn top(
    times: Option<u32>,
    delay: Duration,
    socket: Option<&Path>,
    console: &mut Console,
) -> Result<(), Failure> {
    let daemon = Daemon::connect(&find_socket(socket)?)?;
    let seconds = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX).max(1);
    let (events_to, events) = channel();
    follow(daemon, seconds, events_to.clone());
    let mut screen = match times.is_none() && !console.json {
        true => Screen::open()?,
        false => None,
    };
    if screen.is_some() {
        screen::listen(events_to)?;
    }
    let (mut left, mut view, mut last) = (times, View::Rooms, None);
    while let Ok(event) = events.recv() {
        match event {
            Event::Load(load) => {
                if screen.is_none() {
                    console.print(&load, |load, console| plain(load, console.look))?;
                    console.out.flush().map_err(Failure::Output)?;
                }
                last = Some(load);
                left = left.map(|left| left.saturating_sub(1));
            }
            // Ctrl-C and Ctrl-D are no signals here.
            Event::Key(b'q' | b'Q' | 0x03 | 0x04) | Event::End => return Ok(()),
            Event::Key(key) => view = View::of(key).unwrap_or(view),
            Event::Resized => {}
            Event::Over(outcome) => return outcome,
        }
        if left == Some(0) {
            return Ok(());
        }
        if let (Some(screen), Some(load)) = (&mut screen, &last) {
            let (width, height) = screen::size();
            let look = Look {
                width,
                ..console.look
            };
            screen.draw(&drawn(load, view, look, height))?;
        }
    }
    Ok(())
}

/// On a thread of its own, so that a key is heard while nothing comes. It ends with the program.
fn follow(mut daemon: Daemon, seconds: u32, events: Sender<Event>) {
    thread::spawn(move || {
        let call = FollowLoad {
            seconds: Some(seconds),
        };
        let outcome = daemon.stream(&call, |load: Load| {
            // Whoever listened has had enough, and the program ends.
            let _ = events.send(Event::Load(Box::new(load)));
            Ok(())
        });
        let _ = events.send(Event::Over(outcome));
    });
}

/// The lines of a screen, none wider or higher than that.
pub(super) fn drawn(load: &Load, view: View, look: Look, height: usize) -> Vec<String> {
    let mut lines = head(load, look);
    lines.push(String::new());
    let body = match view {
        View::Rooms => rooms(&load.rooms, look),
        View::Users => users(&load.users, look),
        View::Readers => readers(load, look),
    };
    lines.extend(body.lines().map(str::to_owned));
    lines.truncate(height.saturating_sub(1));
    while lines.len() + 1 < height {
        lines.push(String::new());
    }
    let keys = match view {
        View::Rooms => "q quit  u busiest users  s slow readers",
        View::Users => "q quit  r busiest rooms  s slow readers",
        View::Readers => "q quit  r busiest rooms  u busiest users",
    };
    lines.push(cut(keys, look.width).into_owned());
    lines
}

/// All of it, one below the other.
pub(super) fn plain(load: &Load, look: Look) -> String {
    let mut text = String::new();
    for line in head(load, look) {
        text.extend([&line, "\n"]);
    }
    text.extend(["\n", &rooms(&load.rooms, look)]);
    if !load.users.is_empty() {
        text.extend(["\n", &users(&load.users, look)]);
    }
    if load.behind > 0 {
        text.extend(["\n", &readers(load, look)]);
    }
    text + "\n"
}

fn head(load: &Load, look: Look) -> Vec<String> {
    let (words, colour) = match load.state {
        State::Serving => ("serves", "32"),
        State::Stopping => ("is stopping", "31"),
        State::Starting => ("is starting", "33"),
        State::Paused => ("is paused", "33"),
        State::Refusing => ("refuses newcomers", "33"),
        State::Draining => ("is draining", "33"),
    };
    let time = load.at.to_string();
    let time = time.get(11..19).unwrap_or_default();
    let up = uptime(load.at, load.since);
    let first = format!("chatd {words}, up {up}, {time} UTC");
    let first = cut(&first, look.width);
    let painted = paint(words, colour, look);
    // Painted once it is known to fit.
    let first = first.replacen(words, &painted, 1);
    let measured = |what: &str, half: Option<Number>, most: Option<Number>| match (half, most) {
        (Some(half), Some(most)) => {
            let (half, most) = (span(half.0), span(most.0));
            format!("{what}: half up to {half}, 99 % up to {most}")
        }
        _ => format!("{what}: none"),
    };
    let lines = [
        format!(
            "{} online, {} ({} not logged in), {} behind",
            load.users_online,
            counted(load.connections, "connection"),
            load.strangers,
            load.behind
        ),
        format!(
            "{:.1} messages/s, {:.1} deliveries/s, {:.1} commits/s",
            load.messages_per_second.0, load.deliveries_per_second.0, load.commits_per_second.0
        ),
        measured("commits", load.commit_p50, load.commit_p99),
        measured("deliveries", load.delivery_p50, load.delivery_p99),
        format!(
            "{:.1} % of a processor, {} of memory",
            load.cpu.0 * 100.0,
            size(load.memory_bytes)
        ),
    ];
    let lines = lines.iter().map(|line| cut(line, look.width).into_owned());
    std::iter::once(first).chain(lines).collect()
}

fn uptime(now: Timestamp, since: Timestamp) -> String {
    let seconds = now.since(since).as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn rooms(rooms: &[BusyRoom], look: Look) -> String {
    if rooms.is_empty() {
        return format!("{}\n", cut("nobody says anything", look.width));
    }
    let columns = [
        ("ROOM", false),
        ("MESSAGES/S", true),
        ("ONLINE", true),
        ("MESSAGES", true),
    ];
    let row = |room: &BusyRoom| {
        vec![
            room.name.clone(),
            format!("{:.1}", room.messages_per_second.0),
            room.online.to_string(),
            room.messages.to_string(),
        ]
    };
    table(&columns, &rooms.iter().map(row).collect::<Vec<_>>(), look)
}

fn users(users: &[BusyUser], look: Look) -> String {
    if users.is_empty() {
        return format!("{}\n", cut("nobody says anything", look.width));
    }
    let row = |user: &BusyUser| {
        vec![
            user.name.clone(),
            format!("{:.1}", user.messages_per_second.0),
        ]
    };
    let columns = [("USER", false), ("MESSAGES/S", true)];
    table(&columns, &users.iter().map(row).collect::<Vec<_>>(), look)
}

fn readers(load: &Load, look: Look) -> String {
    if load.readers.is_empty() {
        return format!("{}\n", cut("nobody is behind", look.width));
    }
    let rows = load.readers.iter().map(|one| reader_row(one, load.at));
    table(&READER_COLUMNS, &rows.collect::<Vec<_>>(), look)
}
