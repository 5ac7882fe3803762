//! chat-client: talks in a terminal or a pipe, and does what scripts ask. Knows the client library, no sockets.

/// Says something on standard error. When nobody reads it (`2>&1 | head`), that is no reason to panic.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($words)*);
    }};
}

pub mod address;
pub mod args;
mod ask;
mod coming;
mod command;
mod enter;
mod failure;
mod lines;
mod manual;
mod moderate;
mod profile;
mod prompter;
mod russian;
mod screen;
// Both are open to `tests/fuzz` alone.
#[doc(hidden)]
pub mod show;
#[doc(hidden)]
pub mod talk;
mod terminal;
mod verbs;
mod verify;

use std::process::ExitCode;

use crate::base::Cause;
use crate::base::manual::generate;
use crate::base::tongue::{Tongue, say};
use crate::tui::args::Args;
use crate::tui::enter::Entry;
use crate::tui::failure::Failure;
use crate::tui::show::Style;
use crate::tui::terminal::Terminal;

/// The whole program: reads the command line, does it, says in one sentence why if it cannot.
#[must_use]
pub fn main() -> ExitCode {
    Tongue::of_locale(|name| std::env::var_os(name)).speak();
    let args = russian::read().and_then(Args::checked);
    let args = args.unwrap_or_else(|error| russian::wrong_call(&error));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => {
            let done = runtime.block_on(run(&args));
            // A host name that is still being looked up holds nobody up.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(Failure::Refused(say!(
            "cannot start: {}",
            "не запустить: {}",
            Cause(&error)
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.code() != 0 {
                tell!("chat-client: {failure}");
            }
            ExitCode::from(failure.code())
        }
    }
}

async fn run(args: &Args) -> Result<(), Failure> {
    if let Some(what) = args.generate {
        return generate(
            what,
            russian::command(),
            &manual::manual(),
            &mut std::io::stdout(),
        )
        .map_err(Failure::Output);
    }
    match &args.verb {
        Some(verb) => verbs::run(verb, args).await,
        None if ask::is_possible() => talk_on_terminal(args).await,
        None => talk_in_pipe(args).await,
    }
}

async fn talk_on_terminal(args: &Args) -> Result<(), Failure> {
    if !args.plain && is_screen() {
        return screen::run(&mut Entry::of_form(args)?).await;
    }
    let mut entry = Entry::of_person(args)?;
    let mut client = entry.connect(None).await?;
    let welcome = entry.person(&mut client).await?;
    let terminal = Terminal::open().map_err(|error| {
        Failure::Refused(say!(
            "cannot use the terminal: {error}",
            "терминал не открыть: {error}"
        ))
    })?;
    let room = entry.room.as_deref();
    lines::run(client, &welcome, Style::terminal(), terminal, room).await
}

/// Whether the terminal can do more than one line after the other.
fn is_screen() -> bool {
    let term = std::env::var_os("TERM").unwrap_or_default();
    !term.is_empty() && term != "dumb"
}

async fn talk_in_pipe(args: &Args) -> Result<(), Failure> {
    let mut entry = Entry::of_script(args)?;
    let mut client = entry.connect(None).await?;
    let welcome = entry.script(&mut client).await?;
    let room = entry.room.as_deref();
    lines::run(client, &welcome, Style::pipe(), Terminal::pipe(), room).await
}
