//! `--daemonize`, for hosts without a service manager: chatd goes on in the background, and the command ends when the
//! daemon serves, or when it is known that it will not.
//!
//! Daemonix forks twice, leaves session and folder, sets the file mode mask and lets go of the terminal. Here is what it
//! leaves out of daemon(7): files that the caller had open are closed, signals that the caller had blocked are let
//! through, and the caller hears how it went. The environment and signals that the
//! caller ignores stay as they are: the first is read again at each reload, the second are set anew for all signals that
//! chatd goes by.

mod pid_file;

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};

use daemonize::{Daemonize, Outcome};

use super::args::Args;
use super::complain;
use super::config::Config;
use super::exit::Exit;
use super::signal;
use pid_file::PidFile;

/// More than any message: what comes through the pipe is told to the caller as it is.
const MESSAGE_BYTES_MAX: u64 = 65_536;

/// The first byte of the message that the daemon serves; the addresses follow.
const SERVES: u8 = 0;
/// The first byte of the message that it does not; the reason follows.
const FAILS: u8 = 1;

/// Whoever has started chatd, and wants to know whether it serves.
#[derive(Default)]
pub(super) struct Starter {
    /// The way to the process that was called; `None` in the foreground, and after the one message.
    pipe: Cell<Option<PipeWriter>>,
    /// Held to the end.
    pid_file: Cell<Option<PidFile>>,
}

impl Starter {
    /// Tells that chatd serves, with lines for standard output. To be called at the same moment as the service manager
    /// is told.
    pub fn serves(&self, lines: &str) {
        if !self.tell(SERVES, lines) {
            let mut out = io::stdout().lock();
            // Whoever started the daemon may have closed its end.
            let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
        }
    }

    /// Tells why chatd does not serve. In the foreground `main` does; and once it serves, nobody waits any more.
    pub fn fails(&self, text: &str) {
        // Let go of before, so that another try is not refused for its sake.
        drop(self.pid_file.take());
        self.tell(FAILS, text);
    }

    /// Sends the one message, if somebody waits for it.
    fn tell(&self, what: u8, text: &str) -> bool {
        match self.pipe.take() {
            // The caller may have been interrupted.
            Some(mut pipe) => {
                let _ = pipe.write_all(&[&[what], text.as_bytes()].concat());
                true
            }
            None => false,
        }
    }
}

/// Goes into the background if that was asked for. What is called before this stands on the terminal, what is called
/// after it runs in the daemon: so the configuration was read, and neither threads nor locks nor sockets are there yet.
///
/// Comes back in the process that goes on; `None` in the one that was called, when the daemon serves.
///
/// # Errors
/// In the process that was called, when the daemon does not serve. A daemon in which something is wrong here ends here.
pub(super) fn detach(args: &Args, config: &Result<Config, Exit>) -> Result<Option<Starter>, Exit> {
    // A mistake in the configuration is told where it was made, in the foreground.
    let (true, Ok(config)) = (args.daemonize, config) else {
        return Ok(Some(Starter::default()));
    };
    if let Some(variable) = service_manager() {
        complain(&format!(
            "--daemonize is ignored: ${variable} tells of a service manager, and that wants chatd in the foreground"
        ));
        return Ok(Some(Starter::default()));
    }
    // The daemon is in another folder.
    let pid_file =
        (args.pid_file.as_ref().map(std::path::absolute).transpose()).map_err(|error| {
            not_serving(format!("cannot tell where the pid file is to lie: {error}"))
        })?;
    close_inherited_files();
    let (reader, writer) =
        io::pipe().map_err(|error| not_serving(format!("cannot make a pipe: {error}")))?;
    // Whatever else the caller has blocked is let through. A terminal that closes asks for a reload at most.
    let held = signal::reloads();
    let _ = held.thread_set_mask();
    match Daemonize::new().execute() {
        Outcome::Parent(forked) => {
            drop(writer);
            let _ = held.thread_unblock();
            let otherwise = match forked {
                Err(error) => format!("cannot go into the background: {error}"),
                Ok(_) => format!(
                    "the daemon has ended before it served and has not said why; the log file '{}' may say more",
                    config.log_file.display()
                ),
            };
            hear(reader, otherwise).map(|()| None)
        }
        Outcome::Child(detached) => {
            drop(reader);
            let starter = Starter {
                pipe: Cell::new(Some(writer)),
                pid_file: Cell::default(),
            };
            let begun = detached
                .map_err(|error| format!("cannot go into the background: {error}"))
                .and_then(|_| pid_file.as_deref().map(PidFile::take).transpose());
            match begun {
                Ok(pid_file) => starter.pid_file.set(pid_file),
                Err(text) => {
                    starter.fails(&text);
                    // Standard error may still be the terminal, and the caller says it there.
                    std::process::exit(i32::from(Exit::NOT_SERVING));
                }
            }
            Ok(Some(starter))
        }
    }
}

/// Waits for the daemon's message; without one, says what else is known.
fn hear(pipe: PipeReader, otherwise: String) -> Result<(), Exit> {
    let mut message = Vec::new();
    // An error is as good as silence.
    let _ = pipe.take(MESSAGE_BYTES_MAX).read_to_end(&mut message);
    match message.split_first() {
        Some((&SERVES, lines)) => {
            let mut out = io::stdout().lock();
            let _ = out.write_all(lines).and_then(|()| out.flush());
            Ok(())
        }
        Some((_, text)) => Err(not_serving(String::from_utf8_lossy(text).into_owned())),
        None => Err(not_serving(otherwise)),
    }
}

fn not_serving(text: String) -> Exit {
    Exit {
        code: Exit::NOT_SERVING,
        text,
    }
}

/// The variable by which a service manager has made itself known: one that is told when chatd serves, or one that hands
/// in sockets, which none but the process that it has started may take.
fn service_manager() -> Option<&'static str> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let sockets_are_ours = set("LISTEN_PID") == Some(std::process::id().to_string());
    match set("NOTIFY_SOCKET") {
        Some(_) => Some("NOTIFY_SOCKET"),
        None => sockets_are_ours.then_some("LISTEN_PID"),
    }
}

/// Closes what the caller had open besides the standard streams, such as a lock that a script holds: the daemon would
/// hold it for as long as it runs. Nothing of chatd's own is open yet. Without `/proc` they stay open.
fn close_inherited_files() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // All of them first: the folder that is being read is one of them, and closed by then.
    let open: Vec<i32> = numbers.filter(|number| *number > 2).collect();
    for number in open {
        let _ = nix::unistd::close(number);
    }
}
