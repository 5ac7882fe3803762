//! chatctl: steers a running chatd over its control socket. Knows the words of the socket and nothing of the daemon
//! behind it.

mod account;
mod args;
mod ask;
mod audit;
mod backup;
mod bundle;
mod call;
mod check;
mod complete;
mod export;
mod import;
mod invite;
mod manual;
mod moderation;
mod observe;
mod part;
mod progress;
mod room;
mod screen;
mod search;
mod show;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod top;
mod verb;
mod when;

use std::io::{self, IsTerminal, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use clap::error::ErrorKind;
use serde::Serialize;

use crate::base::Timestamp;
use crate::base::manual::{Generate, generate, wrong_call};
use crate::base::text::{harmless, harmless_json};
use crate::wire::control::ControlError;

pub use args::command;
pub use import::read_accounts;

use args::Args;
use call::Daemon;
use complete::Shell;
use table::Look;
use verb::would;

/// The program. Answers with its exit status: 0 done, 1 refused or failed, 2 usage, 3 chatd is not running, 4 not
/// permitted.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| wrong_call(&error));
    let mut console = Console::new(args.json);
    match run(&args, &mut console).and_then(|()| console.out.flush().map_err(Failure::Output)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read has had enough, as `head` does.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(Failure::Unsaid(status)) => ExitCode::from(status),
        Err(failure) => {
            let _ = writeln!(io::stderr(), "chatctl: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

fn run(args: &Args, console: &mut Console) -> Result<(), Failure> {
    match (&args.generate, &args.verb) {
        (Some(what), _) => write(*what, &mut console.out).map_err(Failure::Output),
        (None, Some(verb)) => verb::run(verb, args.socket.as_deref(), console),
        (None, None) => command()
            .error(
                ErrorKind::MissingSubcommand,
                "no verb was given; `chatctl --help` lists them",
            )
            .exit(),
    }
}

/// Writes what `--generate` asks for.
fn write(what: Generate, out: &mut dyn Write) -> io::Result<()> {
    let shell = match what {
        Generate::Man => return generate(what, command(), &manual::manual(), out),
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
    };
    out.write_all(shell.script().as_bytes())
}

/// Why chatctl did not do it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// chatd said no, or something went wrong.
    #[error("{0}")]
    Refused(String),
    /// An account cannot be imported: which of them, and why.
    #[error("account {0}: {1}")]
    BadAccount(u64, String),
    /// It was called wrongly.
    #[error("{0}")]
    Usage(String),
    /// Nobody answers.
    #[error("{0}")]
    NotRunning(String),
    /// The caller may not.
    #[error("{0}")]
    NotPermitted(String),
    /// It ends with this status and says nothing.
    #[error("")]
    Unsaid(u8),
    /// The result could not be written.
    #[error("cannot write the result: {0}")]
    Output(io::Error),
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::BadAccount(..) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::NotRunning(_) => 3,
            Self::NotPermitted(_) => 4,
            Self::Unsaid(status) => *status,
        }
    }
}

impl Failure {
    /// The daemon's error, in its own words where it has some.
    fn answered(error: ControlError, message: Option<&str>) -> Self {
        // The name of one that is not known here is all there is to look for.
        let is_known = !matches!(error, ControlError::Other { .. });
        let words = message.filter(|_| is_known);
        let words = words.map_or_else(|| error.to_string(), str::to_owned);
        let words = harmless(&words).into_owned();
        match error {
            ControlError::PermissionDenied {} => Self::NotPermitted(words),
            ControlError::BadAccount { index, reason } => {
                Self::BadAccount(index, harmless(&reason).into_owned())
            }
            _ => Self::Refused(words),
        }
    }
}

/// Does what a command line says with a daemon that has answered already, on a terminal of some width; gives what is
/// said when it fails. For `tests/fuzz`.
#[doc(hidden)]
pub fn by_hand(
    args: &[&str],
) -> impl Fn(UnixStream, usize, Box<dyn Write>) -> Result<(), String> + use<> {
    let args = Args::try_parse_from(args);
    move |daemon, width, out| {
        let args = args.as_ref().map_err(ToString::to_string)?;
        let mut console = Console {
            out,
            json: args.json,
            look: Look {
                width,
                colour: false,
            },
            now: Timestamp::default(),
        };
        let Some(verb) = &args.verb else {
            return Ok(());
        };
        Daemon::over(daemon, Path::new("control"))
            .and_then(|mut daemon| verb::call(verb, &mut daemon, &mut console))
            .map_err(|failure| failure.to_string())
    }
}

/// Where results go, and how they look there.
struct Console {
    out: Box<dyn Write>,
    json: bool,
    look: Look,
    now: Timestamp,
}

impl Console {
    fn new(json: bool) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = terminal_size::terminal_size().filter(|_| is_terminal);
        let since_1970 = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            out: Box::new(io::stdout().lock()),
            json,
            look: Look {
                // In a pipe nothing is cut.
                width: width.map_or(usize::MAX, |(width, _)| width.0.into()),
                colour: is_terminal && !no_colour && !screen::is_dumb(),
            },
            now: Timestamp::default().plus(since_1970),
        }
    }

    /// Prints a result: as JSON, or as the text that `words` makes.
    fn print<T: Serialize>(
        &mut self,
        result: &T,
        words: impl FnOnce(&T, &Self) -> String,
    ) -> Result<(), Failure> {
        let text = match self.json {
            true => {
                harmless_json(&serde_json::to_string(result).unwrap_or_default()).into_owned()
                    + "\n"
            }
            false => words(result, self),
        };
        self.out.write_all(text.as_bytes()).map_err(Failure::Output)
    }
}
