//! How the daemon's replies look to people. Makes texts; prints nothing.

use std::cmp::Reverse;

use crate::base::Timestamp;
use crate::base::text::harmless;
use crate::wire::control::{
    Certificate, DaemonStatus, LogCleared, LogLines, LogState, Rekeyed, Reloaded, Rooms, Sessions,
    ShutdownPlan, State, User, Users,
};

use super::table::{Look, absolute, counted, facts, indented, paint, relative, size, table};

pub(super) fn status(status: &DaemonStatus, now: Timestamp, look: Look) -> String {
    let (words, colour) = match status.state {
        State::Starting => ("is starting", "33"),
        State::Serving => ("serves", "32"),
        State::Paused => ("is paused: whoever connects waits", "33"),
        State::Refusing => ("is paused: whoever connects is refused", "33"),
        State::Draining => (
            "is draining: it stops once everyone has what was said",
            "33",
        ),
        State::Stopping => ("is stopping", "31"),
    };
    let since = absolute(status.since);
    let people = counted(status.users, "account");
    let connections = match status.strangers {
        0 => status.connections.to_string(),
        strangers => format!("{}, {strangers} not logged in", status.connections),
    };
    let rows = [
        ("server", status.server.clone()),
        ("addresses", addresses(status)),
        ("since", format!("{since}, {}", relative(now, status.since))),
        ("process", format!("{}, {}", status.pid, status.version)),
        (
            "people",
            format!(
                "{} online, {people}, {}",
                status.users_online,
                counted(status.sessions, "session")
            ),
        ),
        ("connections", connections),
        (
            "rooms",
            format!("{}, {}", status.rooms, counted(status.messages, "message")),
        ),
        ("log", log_words(&status.log)),
        (
            "database",
            format!("{}, {}", status.database.file, size(status.database.bytes)),
        ),
        (
            "certificate",
            format!(
                "{}, {}",
                status.certificate.file,
                end_words(&status.certificate, now)
            ),
        ),
        ("fingerprint", status.certificate.fingerprint.clone()),
    ];
    let body = indented(look, |look| facts(&rows, look));
    format!("chatd {}\n{body}", paint(words, colour, look))
}

fn end_words(certificate: &Certificate, now: Timestamp) -> String {
    let Some(end) = certificate.expires_at else {
        return "has no end".to_owned();
    };
    let hint = match certificate.expires_soon {
        true => ": renew it, then `chatctl reload`",
        false => "",
    };
    format!("good until {}, {}{hint}", absolute(end), relative(now, end))
}

fn addresses(status: &DaemonStatus) -> String {
    let are_handed_in = |address| status.handed_in.contains(address);
    let listed = status.addresses.join(", ");
    match !status.addresses.is_empty() && status.addresses.iter().all(are_handed_in) {
        true => format!("{listed} (handed in by the service manager)"),
        false => listed,
    }
}

fn log_words(log: &LogState) -> String {
    let place = match (&log.file, &log.problem) {
        (Some(file), Some(problem)) => {
            format!("kept in memory: {}", log_problem(file, problem))
        }
        (Some(file), None) => harmless(file).into_owned(),
        (None, _) => "kept in memory".to_owned(),
    };
    match (log.on, log.journal) {
        (true, true) => format!("on, level {}, {place}, and in the journal", log.level),
        (true, false) => format!("on, level {}, {place}", log.level),
        (false, true) => format!("off, {place}; the journal goes on, level {}", log.level),
        (false, false) => format!("off, {place}"),
    }
}

fn log_problem(file: &str, problem: &str) -> String {
    format!("'{}' {}", harmless(file), harmless(problem))
}

pub(super) fn users(reply: &Users, now: Timestamp, look: Look) -> String {
    if reply.users.is_empty() {
        return "there are no accounts\n".to_owned();
    }
    let columns = [
        ("NAME", false),
        ("ONLINE", true),
        ("LAST LOGIN", false),
        ("FROM", false),
        ("SESSIONS", true),
        ("ROOMS", true),
        ("CREATED", false),
        ("ROLE", false),
    ];
    let row = |user: &User| {
        let (login, from) = last_login(user, now);
        vec![
            user.name.clone(),
            online(user),
            login,
            from,
            user.sessions.to_string(),
            user.rooms.to_string(),
            relative(now, user.created_at),
            if user.moderator { "moderator" } else { "" }.to_owned(),
        ]
    };
    table(
        &columns,
        &reply.users.iter().map(row).collect::<Vec<_>>(),
        look,
    )
}

/// With how many connections; nobody is with one of a disabled account.
fn online(user: &User) -> String {
    match user.disabled_at {
        Some(_) => "disabled".to_owned(),
        None => user.connections.to_string(),
    }
}

pub(super) fn connected(reply: &Users, now: Timestamp, look: Look) -> String {
    if reply.users.is_empty() {
        return "nobody is connected\n".to_owned();
    }
    let columns = [
        ("NAME", false),
        ("CONNECTIONS", true),
        ("LAST LOGIN", false),
        ("FROM", false),
    ];
    let row = |user: &User| {
        let (login, from) = last_login(user, now);
        vec![user.name.clone(), user.connections.to_string(), login, from]
    };
    table(
        &columns,
        &reply.users.iter().map(row).collect::<Vec<_>>(),
        look,
    )
}

fn last_login(user: &User, now: Timestamp) -> (String, String) {
    match user.last_login_at {
        Some(at) => (
            relative(now, at),
            user.last_login_from
                .clone()
                .unwrap_or_else(|| "local".to_owned()),
        ),
        None => ("never".to_owned(), "-".to_owned()),
    }
}

/// Where the new key is, and what to do with it.
pub(super) fn rekeyed(reply: &Rekeyed) -> String {
    let rows = counted(reply.sealed, "row");
    let next = match (&reply.key_file, &reply.credential) {
        (Some(file), _) => format!(
            "back up '{}', apart from the database; backups from before need the old key",
            harmless(file)
        ),
        (None, credential) => {
            let credential = harmless(credential.as_deref().unwrap_or_default()).into_owned();
            let first = credential.trim_end_matches("-new");
            format!(
                "give '{credential}' as '{first}' from the next start on, and no '{credential}' any more; backups from \
                 before need the old key"
            )
        }
    };
    format!("names and addresses are sealed with a new identity key now ({rows})\n{next}\n")
}

pub(super) fn sessions(reply: &Sessions, now: Timestamp, look: Look) -> String {
    if reply.sessions.is_empty() {
        return "there are no sessions\n".to_owned();
    }
    let columns = [
        ("ID", true),
        ("USER", false),
        ("ONLINE", true),
        ("USED", false),
        ("ENDS", false),
        ("BEGAN", false),
        ("DEVICE", false),
    ];
    // A person's devices together, the one that was used last first.
    let mut sessions: Vec<_> = reply.sessions.iter().collect();
    sessions.sort_by_key(|session| (session.user.to_lowercase(), Reverse(session.seen_at)));
    let rows: Vec<_> = sessions
        .iter()
        .map(|session| {
            vec![
                session.id.to_string(),
                session.user.clone(),
                session.connections.to_string(),
                relative(now, session.seen_at),
                relative(now, session.expires_at),
                relative(now, session.created_at),
                session.device.clone(),
            ]
        })
        .collect();
    table(&columns, &rows, look)
}

pub(super) fn rooms(reply: &Rooms, look: Look) -> String {
    if reply.rooms.is_empty() {
        return "there are no rooms\n".to_owned();
    }
    let columns = [
        ("NAME", false),
        ("MEMBERS", true),
        ("ONLINE", true),
        ("MESSAGES", true),
        ("FIRST", true),
        ("TOPIC", false),
    ];
    // Rooms by their names, then the conversations between two.
    let mut rooms: Vec<_> = reply.rooms.iter().collect();
    rooms.sort_by_key(|room| (room.direct, room.name.to_lowercase()));
    let rows: Vec<_> = rooms
        .iter()
        .map(|room| {
            let topic = if room.direct {
                "(direct conversation)".to_owned()
            } else {
                room.topic.clone()
            };
            vec![
                room.name.clone(),
                room.members.to_string(),
                room.online.to_string(),
                room.messages.to_string(),
                room.first_seq.to_string(),
                topic,
            ]
        })
        .collect();
    table(&columns, &rows, look)
}

pub(super) fn paused(changed: bool, refuse: bool) -> String {
    let words = match refuse {
        true => "whoever connects is refused until `chatctl resume`",
        false => "whoever connects waits until `chatctl resume`",
    };
    match changed {
        true => format!("chatd is paused: {words}\n"),
        false => format!("chatd was paused already: {words}\n"),
    }
}

pub(super) fn resumed(changed: bool) -> &'static str {
    match changed {
        true => "people are let in again\n",
        false => "chatd was not paused\n",
    }
}

pub(super) fn shutdown(plan: &ShutdownPlan, now: Timestamp) -> String {
    let mut text = match plan.at.since(now).as_secs() {
        0..5 => "chatd is stopping\n".to_owned(),
        _ => format!(
            "chatd stops at {}, {}\n",
            absolute(plan.at),
            relative(now, plan.at)
        ),
    };
    if !plan.still_listening.is_empty() {
        let sockets = harmless(&plan.still_listening.join(", ")).into_owned();
        text.push_str(&format!(
            "the service manager still listens on {sockets}: whoever connects starts chatd again\n"
        ));
    }
    if let Some(command) = &plan.stop_command {
        text.push_str(&format!("to stop that, too: {}\n", harmless(command)));
    }
    text
}

pub(super) fn reloaded(reply: &Reloaded) -> String {
    let mut text = match reply.changed.is_empty() {
        true => "the configuration is read; nothing in it has changed\n".to_owned(),
        false => format!(
            "the configuration is read; changed: {}\n",
            reply.changed.join(", ")
        ),
    };
    if !reply.need_restart.is_empty() {
        text.push_str(&format!(
            "in force after a restart only: {}\n",
            reply.need_restart.join(", ")
        ));
    }
    text
}

pub(super) fn log_state(log: &LogState) -> String {
    let mut text = format!("the log is {}\n", log_words(log));
    if log.journal && !log.on {
        text.push_str("`chatctl log level off` silences both\n");
    }
    text
}

pub(super) fn log_lines(reply: &LogLines) -> String {
    let lines = reply.lines.iter().map(|line| log_line(line));
    let problem = reply.problem.as_ref();
    let problem =
        problem.map(|problem| format!("(kept in memory: the file {})\n", harmless(problem)));
    lines.chain(problem).collect()
}

pub(super) fn log_line(line: &str) -> String {
    format!("{}\n", harmless(line))
}

pub(super) fn log_cleared(reply: &LogCleared) -> String {
    let mut text = match &reply.file {
        Some(file) => format!(
            "'{}' is empty, {} are gone\n",
            harmless(file),
            size(reply.bytes)
        ),
        None => "the lines kept in memory are gone\n".to_owned(),
    };
    if reply.journal {
        text.push_str(JOURNAL_STAYS);
    }
    text
}

/// A daemon cannot clear the journal, and even root cannot clear it of one service alone, unless that has its own.
const JOURNAL_STAYS: &str = "\
the journal has them still; as root, `journalctl --rotate --vacuum-time=1s` clears it, for all services
(for chatd alone with --namespace=chatd, if its unit says LogNamespace=chatd)
";
