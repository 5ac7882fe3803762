//! What each verb does: one call or two, and how the reply is shown.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::base::text::harmless;
use crate::base::{SessionId, UserName};
use crate::wire::control::{
    AccountState, AddUser, Announce, ClearLog, ClearUsers, DaemonStatus, FollowLog, GetVersion,
    ListConnected, ListRooms, ListSessions, ListUsers, LogLine, LogState, Pause, Rekey, Rekeyed,
    Reload, RemoveUser, Resume, RevokeSession, SetLog, SetPassword, ShowLog, ShowUser, ShownUser,
    Shutdown, State, Status, Words,
};

use super::args::{LogVerb, SessionVerb, Sure, UserVerb, Verb};
use super::ask::{confirm, new_password, read_key};
use super::call::{Daemon, find_socket};
use super::table::counted;
use super::{
    Console, Failure, account, audit, backup, bundle, check, complete, export, import, invite,
    moderation, observe, room, search, show, top,
};

/// Between two looks whether chatd serves.
const WAIT_STEP: Duration = Duration::from_millis(100);

pub(super) fn run(
    verb: &Verb,
    socket: Option<&Path>,
    console: &mut Console,
) -> Result<(), Failure> {
    match verb {
        Verb::Wait { timeout } => return wait(*timeout, socket, console),
        Verb::Complete(args) => return complete::run(args, socket, console),
        Verb::Top { times, delay } => return top::top(*times, *delay, socket, console),
        _ => {}
    }
    // A question is asked before anything is done, but only when there is somebody to do it.
    call(verb, &mut Daemon::connect(&find_socket(socket)?)?, console)
}

/// Does what the verb says by calling the daemon.
pub(super) fn call(verb: &Verb, daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    match verb {
        Verb::Status => console.print(&daemon.call(&Status {})?, |reply, console| {
            show::status(reply, console.now, console.look)
        }),
        Verb::Pause { refuse, .. } => {
            let reply = daemon.call(&Pause {
                refuse: Some(*refuse),
            })?;
            console.print(&reply, |reply, _| show::paused(reply.changed, *refuse))
        }
        Verb::Resume { .. } => console.print(&daemon.call(&Resume {})?, |reply, _| {
            show::resumed(reply.changed).to_owned()
        }),
        Verb::Shutdown {
            message,
            delay: _,
            drain,
            sure,
        } if drain.drain => observe::drain(message.as_ref(), *drain, *sure, daemon, console),
        Verb::Shutdown {
            message,
            delay,
            drain: _,
            sure,
        } => shutdown(message.as_ref(), *delay, *sure, daemon, console),
        Verb::Reload { .. } => {
            console.print(&daemon.call(&Reload {})?, |reply, _| show::reloaded(reply))
        }
        Verb::Wait { .. } | Verb::Top { .. } | Verb::Complete(_) => Ok(()),
        Verb::Version => version(daemon, console),
        Verb::Log(verb) => log(verb, daemon, console),
        Verb::ClearLog { sure } => clear_log(*sure, daemon, console),
        Verb::Users => console.print(&daemon.call(&ListUsers {})?, |reply, console| {
            show::users(reply, console.now, console.look)
        }),
        Verb::User(verb) => user(verb, daemon, console),
        Verb::ClearUsers { keep, sure } => clear_users(keep, *sure, daemon, console),
        Verb::Sessions { user } => {
            let reply = daemon.call(&ListSessions { user: user.clone() })?;
            console.print(&reply, |reply, console| {
                show::sessions(reply, console.now, console.look)
            })
        }
        Verb::Invite(verb) => invite::run(verb, daemon, console),
        Verb::Session(SessionVerb::Revoke { id, sure }) => {
            revoke(SessionId(*id), *sure, daemon, console)
        }
        Verb::Rekey { key_file, sure } => rekey(key_file.as_deref(), *sure, daemon, console),
        Verb::Who => console.print(&daemon.call(&ListConnected {})?, |reply, console| {
            show::connected(reply, console.now, console.look)
        }),
        Verb::Rooms => console.print(&daemon.call(&ListRooms {})?, |reply, console| {
            show::rooms(reply, console.look)
        }),
        Verb::Room(verb) => room::room(verb, daemon, console),
        Verb::ClearHistory {
            room, before, sure, ..
        } => room::clear_history(room.as_ref(), *before, *sure, daemon, console),
        Verb::Redact { room, seq, sure } => room::redact(room, *seq, *sure, daemon, console),
        Verb::Lag => observe::lag(daemon, console),
        Verb::Stats { format } => observe::stats(*format, daemon, console),
        Verb::Kick(args) => moderation::kick(args, daemon, console),
        Verb::Ban(args) => moderation::ban(args, daemon, console),
        Verb::Unban(args) => moderation::unban(args, daemon, console),
        Verb::Mute(args) => moderation::mute(args, daemon, console),
        Verb::Unmute(args) => moderation::unmute(args, daemon, console),
        Verb::Bans => moderation::list(daemon, console),
        Verb::Export(what) => export::run(what, daemon, console),
        Verb::Import(what) => import::run(what, daemon, console),
        Verb::Backup(args) => backup::run(args, daemon, console),
        Verb::Check => check::run(daemon, console),
        Verb::Reindex => check::reindex(daemon, console),
        Verb::Search(args) => search::run(args, daemon, console),
        Verb::Audit(args) => audit::run(args, daemon, console),
        Verb::Debug(verb) => bundle::run(verb, daemon, console),
        Verb::Announce { text, .. } => {
            let reply = daemon.call(&Announce { text: text.clone() })?;
            console.print(&reply, |reply, _| {
                format!("told to {}\n", counted(reply.connections, "connection"))
            })
        }
    }
}

/// Prints what would be done; as JSON the facts alone, marked as a dry run.
pub(super) fn would(console: &mut Console, words: &str, mut facts: Value) -> Result<(), Failure> {
    facts["dryRun"] = true.into();
    console.print(&facts, |_, _| format!("would {words}\n"))
}

fn shutdown(
    message: Option<&Words>,
    delay: Option<Duration>,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        let connections = daemon.call(&Status {})?.connections;
        let words = format!("stop chatd and end {}", counted(connections, "connection"));
        return would(console, &words, json!({ "connections": connections }));
    }
    confirm("stop chatd and say good-bye to everyone?", sure.yes)?;
    let in_seconds = delay.map(|delay| u32::try_from(delay.as_secs()).unwrap_or(u32::MAX));
    let message = message.cloned();
    let reply = daemon.call(&Shutdown {
        message,
        in_seconds,
    })?;
    console.print(&reply, |reply, console| show::shutdown(reply, console.now))
}

fn version(daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    let version = daemon.call(&GetVersion {})?;
    let both = json!({ "version": version.version, "protocol": version.protocol, "chatctl": env!("CARGO_PKG_VERSION") });
    console.print(&both, |_, _| {
        let running = harmless(&version.version);
        format!(
            "chatd:   {running}, protocol {}\nchatctl: {}\n",
            version.protocol,
            env!("CARGO_PKG_VERSION")
        )
    })
}

/// Looks again and again until chatd serves or the time is up.
fn wait(
    timeout: Option<Duration>,
    socket: Option<&Path>,
    console: &mut Console,
) -> Result<(), Failure> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let failure = match look(left, socket) {
            Ok(status) if status.state == State::Serving => {
                return console.print(&status, |_, _| "chatd serves\n".to_owned());
            }
            Ok(status) => Failure::Refused(format!("chatd is {}; the time is up", status.state)),
            // It makes no difference to wait for that.
            Err(failure @ Failure::NotPermitted(_)) => return Err(failure),
            Err(failure) => failure,
        };
        if left.is_some_and(|left| left <= WAIT_STEP) {
            return Err(failure);
        }
        std::thread::sleep(WAIT_STEP);
    }
}

fn look(patience: Option<Duration>, socket: Option<&Path>) -> Result<DaemonStatus, Failure> {
    let mut daemon = Daemon::connect(&find_socket(socket)?)?;
    if let Some(patience) = patience {
        // No time at all would be taken for all the time there is.
        daemon.hurry(patience.max(WAIT_STEP));
    }
    daemon.call(&Status {})
}

fn log(verb: &LogVerb, daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    let (on, level) = match verb {
        LogVerb::On { .. } => (Some(true), None),
        LogVerb::Off { .. } => (Some(false), None),
        LogVerb::Level { level, .. } => (None, Some(*level)),
        LogVerb::Show { lines } => {
            let reply = daemon.call(&ShowLog {
                lines: Some(*lines),
            })?;
            return console.print(&reply, |reply, _| show::log_lines(reply));
        }
        LogVerb::Follow { lines } => return follow(*lines, daemon, console),
    };
    let state: LogState = daemon.call(&SetLog { on, level })?;
    console.print(&state, |state, _| show::log_state(state))
}

fn follow(lines: u32, daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    daemon.stream(&FollowLog { lines: Some(lines) }, |reply: LogLine| {
        if reply.line.is_none() && reply.missed.is_none() {
            return Ok(());
        }
        console.print(&reply, |reply, _| {
            let missed = reply
                .missed
                .map(|count| format!("({} missed)\n", counted(count, "line")));
            let line = reply.line.as_deref().map(show::log_line);
            [missed, line].into_iter().flatten().collect()
        })?;
        console.out.flush().map_err(Failure::Output)
    })
}

fn clear_log(sure: Sure, daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    if sure.dry_run {
        let file = daemon.call(&Status {})?.log.file;
        let what = file
            .as_ref()
            .map_or("the lines kept in memory".to_owned(), |file| {
                format!("'{}'", harmless(file))
            });
        return would(console, &format!("empty {what}"), json!({ "file": file }));
    }
    confirm("empty chatd's own log?", sure.yes)?;
    console.print(&daemon.call(&ClearLog {})?, |reply, _| {
        show::log_cleared(reply)
    })
}

fn user(verb: &UserVerb, daemon: &mut Daemon, console: &mut Console) -> Result<(), Failure> {
    match verb {
        UserVerb::Role(args) => moderation::role(args, daemon, console),
        UserVerb::Show { name } => account::show(name, daemon, console),
        UserVerb::Disable { name, sure } => account::disable(name, *sure, daemon, console),
        UserVerb::Enable { name, .. } => account::enable(name, daemon, console),
        UserVerb::Add { name, .. } => {
            let (name, password) = (name.clone(), new_password(name.as_str())?);
            let reply = daemon.call(&AddUser { name, password })?;
            console.print(&reply, |reply, _| {
                format!("'{}' has an account now\n", harmless(&reply.name))
            })
        }
        UserVerb::Passwd { name, .. } => {
            let password = new_password(name.as_str())?;
            let reply = daemon.call(&SetPassword {
                name: name.clone(),
                password,
            })?;
            console.print(&reply, |_, _| {
                format!("'{name}' has another password now\n")
            })
        }
        UserVerb::Remove { name, sure } => {
            if sure.dry_run {
                let user = find(daemon, name)?;
                let ending = user.sessions.len() as u64;
                let sessions = counted(ending, "session");
                let connections = counted(user.connections.into(), "connection");
                let facts = json!({ "sessions": ending, "connections": user.connections });
                return would(
                    console,
                    &format!("remove '{name}', {sessions} and {connections}"),
                    facts,
                );
            }
            confirm(
                &format!("remove the account '{name}'? its messages stay"),
                sure.yes,
            )?;
            let reply = daemon.call(&RemoveUser { name: name.clone() })?;
            console.print(&reply, |_, _| {
                format!("'{name}' is removed; the messages stay\n")
            })
        }
    }
}

/// A living account.
pub(super) fn find(daemon: &mut Daemon, name: &UserName) -> Result<ShownUser, Failure> {
    let account = daemon.call(&ShowUser { name: name.clone() })?;
    match account.state {
        AccountState::Removed => Err(Failure::Refused(format!(
            "the account '{name}' was removed; `chatctl users` lists those that there are"
        ))),
        _ => Ok(account),
    }
}

fn clear_users(
    keep: &[UserName],
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let mut call = ClearUsers {
        keep: Some(keep.to_vec()),
        dry_run: Some(true),
    };
    if sure.dry_run || !sure.yes {
        let users = daemon.call(&call)?.users;
        let words = format!("remove {}", counted(users, "account"));
        if sure.dry_run {
            return would(console, &words, json!({ "users": users }));
        }
        confirm(
            &format!("{words}, with their sessions and connections? their messages stay"),
            false,
        )?;
    }
    call.dry_run = Some(false);
    let reply = daemon.call(&call)?;
    console.print(&reply, |reply, _| {
        format!(
            "removed {}; the messages stay\n",
            counted(reply.users, "account")
        )
    })
}

fn rekey(
    key_file: Option<&Path>,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    let key = key_file.map(read_key).transpose()?;
    if sure.dry_run {
        let DaemonStatus {
            users, sessions, ..
        } = daemon.call(&Status {})?;
        let (who, what) = (counted(users, "account"), counted(sessions, "session"));
        let facts = json!({ "users": users, "sessions": sessions });
        return would(
            console,
            &format!("seal {who} and {what} with a new identity key"),
            facts,
        );
    }
    confirm(
        "change the identity key? backups from before need the old one",
        sure.yes,
    )?;
    let is_watched = io::stderr().is_terminal();
    daemon.stream(&Rekey { key }, |reply: Rekeyed| {
        if console.json {
            console.print(&reply, |_, _| String::new())?;
            return console.out.flush().map_err(Failure::Output);
        }
        let is_over = reply.key_file.is_some() || reply.credential.is_some();
        if is_watched {
            let end = if is_over { "\n" } else { "" };
            let _ = write!(
                io::stderr(),
                "\rsealed {} of {}{end}",
                reply.sealed,
                reply.total
            );
        }
        match is_over {
            true => console.print(&reply, |reply, _| show::rekeyed(reply)),
            false => Ok(()),
        }
    })
}

fn revoke(
    id: SessionId,
    sure: Sure,
    daemon: &mut Daemon,
    console: &mut Console,
) -> Result<(), Failure> {
    if sure.dry_run {
        let sessions = daemon.call(&ListSessions { user: None })?.sessions;
        let session = sessions
            .iter()
            .find(|session| session.id == id)
            .ok_or_else(|| {
                Failure::Refused(format!(
                    "there is no session {id}; `chatctl sessions` lists them"
                ))
            })?;
        let connections = counted(session.connections.into(), "connection");
        let words = format!(
            "end session {id} of '{}', {connections}",
            harmless(&session.user)
        );
        return would(
            console,
            &words,
            json!({ "user": session.user, "connections": session.connections }),
        );
    }
    confirm(&format!("end session {id}?"), sure.yes)?;
    let reply = daemon.call(&RevokeSession { id })?;
    console.print(&reply, |_, _| format!("session {id} has ended\n"))
}
