//! Where lines come from and go to. In a pipe simply that; on a terminal the line that is being written stays below what
//! appears: rustyline reads on a thread of its own, and another one prints.
//!
//! The printer of rustyline waits when two prints come while no line is read; on a thread of its own it holds up nobody.
//! What is sent is taken away from the screen, because it comes back with time and name once it is stored. While that is
//! done nothing may be printed, which the gate sees to: it is closed by the validator, which rustyline calls when Enter is
//! pressed, before it gives the line out.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Context, Editor, ExternalPrinter, Helper};
use tokio::sync::mpsc as async_mpsc;
use unicode_width::UnicodeWidthStr;

use crate::tui::command::{self, COMMANDS};
use crate::tui::show::harmless;

/// Lines read ahead from a pipe.
const LINES_AHEAD: usize = 16;
/// The longest line that is taken from a pipe at once; the longest text is far shorter.
const LINE_BYTES_MAX: u64 = 65_536;
/// Lines that the arrow keys bring back.
const HISTORY_LINES: usize = 1_000;

/// Names that Tab completes at most.
const NAMES_MAX: usize = 1_000;

/// What came from the keyboard or the pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line.
    Line(String),
    /// Ctrl-C.
    Interrupt,
    /// There is no more.
    End,
}

/// Lines in and out.
pub struct Terminal {
    typed: async_mpsc::Receiver<Typed>,
    /// What the next line begins with; none in a pipe.
    prompts: Option<mpsc::Sender<String>>,
    prints: Option<mpsc::Sender<String>>,
    /// What Tab completes.
    names: Arc<Mutex<BTreeSet<String>>>,
    saved: Option<Termios>,
}

impl Terminal {
    /// Standard input and output as they are.
    #[must_use]
    pub fn pipe() -> Self {
        let (sender, typed) = async_mpsc::channel(LINES_AHEAD);
        thread::spawn(move || read_pipe(&sender));
        Self {
            typed,
            prompts: None,
            prints: None,
            names: Arc::default(),
            saved: None,
        }
    }

    /// The terminal. No line is read before [`Terminal::read`].
    ///
    /// # Errors
    /// When it cannot be set up.
    pub fn open() -> rustyline::Result<Self> {
        let saved = tcgetattr(io::stdin()).ok();
        let config = Config::builder()
            .max_history_size(HISTORY_LINES)?
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_history(config, MemHistory::new())?;
        let gate = Arc::new(Gate::default());
        let names = Arc::default();
        editor.set_helper(Some(AtKeys {
            gate: gate.clone(),
            names: Arc::clone(&names),
        }));
        // A terminal that cannot do it gets lines one below the other.
        let printer = editor.create_external_printer().ok();
        let erase = printer.is_some();
        let (line_sender, typed) = async_mpsc::channel(LINES_AHEAD);
        let (prompts, prompt_receiver) = mpsc::channel();
        let (prints, print_receiver) = mpsc::channel();
        let at_print = gate.clone();
        thread::spawn(move || print_above(printer, &print_receiver, &at_print));
        thread::spawn(move || read_lines(editor, &prompt_receiver, &line_sender, &gate, erase));
        Ok(Self {
            typed,
            prompts: Some(prompts),
            prints: Some(prints),
            names,
            saved,
        })
    }

    /// Has a line read, with this before it. In a pipe lines come by themselves.
    pub fn read(&self, prompt: &str) {
        if let Some(prompts) = &self.prompts {
            let _ = prompts.send(prompt.to_owned());
        }
    }

    /// Has Tab complete a name from now on.
    pub fn knows(&self, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < NAMES_MAX && !names.contains(name) && harmless(name) == name {
            names.insert(name.to_owned());
        }
    }

    /// The next line; may be dropped and called again without loss.
    pub async fn typed(&mut self) -> Typed {
        self.typed.recv().await.unwrap_or(Typed::End)
    }

    /// Prints a line.
    ///
    /// # Errors
    /// When nobody reads it.
    pub fn print(&self, line: &str) -> io::Result<()> {
        match &self.prints {
            Some(prints) => {
                let _ = prints.send(format!("{line}\n"));
                Ok(())
            }
            None => {
                let mut output = io::stdout().lock();
                writeln!(output, "{line}")?;
                output.flush()
            }
        }
    }

    /// Prints what the program has to say.
    pub fn note(&self, line: &str) {
        match &self.prints {
            Some(prints) => {
                let _ = prints.send(format!("{line}\n"));
            }
            None => tell!("{line}"),
        }
    }
}

impl Drop for Terminal {
    /// The editor may be in the middle of a line: the terminal is put back as it was found.
    fn drop(&mut self) {
        if let Some(saved) = &self.saved {
            let changed = tcgetattr(io::stdin()).is_ok_and(|now| now != *saved);
            if changed && tcsetattr(io::stdin(), SetArg::TCSANOW, saved).is_ok() {
                // No more brackets around what is pasted, and a line of its own for what follows.
                let _ = writeln!(io::stdout(), "\x1b[?2004l");
            }
        }
    }
}

/// Whether something may be printed.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set(&self, closed: bool) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(closed, |closed| *closed));
    }
}

/// What is done at keys: Enter closes the gate, Tab completes.
struct AtKeys {
    gate: Arc<Gate>,
    names: Arc<Mutex<BTreeSet<String>>>,
}

impl Validator for AtKeys {
    fn validate(&self, _: &mut ValidationContext) -> rustyline::Result<ValidationResult> {
        self.gate.set(true);
        Ok(ValidationResult::Valid(None))
    }
}

impl Completer for AtKeys {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(complete(line.get(..at).unwrap_or(line), &names))
    }
}

impl Hinter for AtKeys {
    type Hint = String;
}

impl Highlighter for AtKeys {}

impl Helper for AtKeys {}

/// What the last word of the line can become, and where it begins: a command at the beginning, else a name.
#[must_use]
pub fn complete(line: &str, names: &BTreeSet<String>) -> (usize, Vec<String>) {
    let start = line.rfind(char::is_whitespace).map_or(0, |space| {
        space + line[space..].chars().next().map_or(0, char::len_utf8)
    });
    let word = &line[start..];
    if let (0, Some(begun)) = (start, word.strip_prefix('/')) {
        let fits = COMMANDS
            .iter()
            .filter(|command| command.name.starts_with(begun));
        return (
            0,
            fits.map(|command| format!("/{} ", command.name)).collect(),
        );
    }
    let name = word.trim_start_matches(['@', '#']);
    if name.is_empty() {
        return (start, Vec::new());
    }
    let begun = name.to_lowercase();
    let fits = names
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&begun));
    (
        start + word.len() - name.len(),
        fits.map(|name| format!("{name} ")).collect(),
    )
}

fn read_lines(
    mut editor: Editor<AtKeys, MemHistory>,
    prompts: &mpsc::Receiver<String>,
    lines: &async_mpsc::Sender<Typed>,
    gate: &Gate,
    erase: bool,
) {
    for prompt in prompts {
        let typed = match editor.readline(&prompt) {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                if erase && is_said(&line) {
                    let columns = editor.dimensions().map_or(80, |(columns, _)| columns);
                    let rows = rows(&format!("{prompt}{line}"), usize::from(columns));
                    let mut output = io::stdout().lock();
                    let _ = write!(output, "\x1b[{rows}A\r\x1b[J").and_then(|()| output.flush());
                }
                Typed::Line(line)
            }
            Err(ReadlineError::Interrupted) => Typed::Interrupt,
            Err(_) => Typed::End,
        };
        gate.set(false);
        if lines.blocking_send(typed).is_err() {
            return;
        }
    }
}

/// Whether the line will be shown again as a message.
fn is_said(line: &str) -> bool {
    match line.strip_prefix('/') {
        Some(rest) if !rest.starts_with('/') => command::says(rest),
        _ => !line.trim().is_empty(),
    }
}

/// How many rows of the screen the text takes.
fn rows(text: &str, columns: usize) -> usize {
    let columns = columns.max(1);
    text.split('\n')
        .map(|line| line.width() / columns + 1)
        .sum()
}

fn print_above<P: ExternalPrinter>(
    mut printer: Option<P>,
    prints: &mpsc::Receiver<String>,
    gate: &Gate,
) {
    for text in prints {
        gate.pass();
        let printed = match &mut printer {
            Some(printer) => printer.print(text.clone()).is_ok(),
            None => false,
        };
        if !printed {
            let mut output = io::stdout().lock();
            let _ = output
                .write_all(text.as_bytes())
                .and_then(|()| output.flush());
        }
    }
}

fn read_pipe(lines: &async_mpsc::Sender<Typed>) {
    let mut input = io::stdin().lock();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match input
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut bytes)
        {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches(['\n', '\r']).to_owned();
        if lines.blocking_send(Typed::Line(line)).is_err() {
            return;
        }
    }
    let _ = lines.blocking_send(Typed::End);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_of_a_line_are_counted_as_the_terminal_does() {
        assert_eq!(rows("lobby> hi", 80), 1);
        assert_eq!(rows(&"x".repeat(80), 80), 2);
        assert_eq!(rows(&"語".repeat(41), 80), 2);
        assert_eq!(rows("lobby> one\ntwo", 80), 2);
        assert_eq!(rows("x", 0), 2);
    }

    #[test]
    fn only_what_comes_back_as_a_message_is_taken_away() {
        for line in ["hi", "//who", "/me waves", "/msg bert hi"] {
            assert!(is_said(line), "{line}");
        }
        for line in ["/who", "  ", "/me", "/msg bert ", "/message bert hi"] {
            assert!(!is_said(line), "{line}");
        }
    }

    #[test]
    fn tab_completes_commands_and_names_that_were_seen() {
        let names = ["anna", "Анна", "lobby"].map(str::to_owned).into();
        let completed = |line| complete(line, &names);
        assert_eq!(completed("/jo"), (0, vec!["/join ".to_owned()]));
        assert_eq!(completed("/msg @an"), (6, vec!["anna ".to_owned()]));
        assert_eq!(completed("ask\u{3000}АН"), (6, vec!["Анна ".to_owned()]));
        assert_eq!(completed("/join #lo"), (7, vec!["lobby ".to_owned()]));
        assert_eq!(completed("what/jo"), (0, vec![]));
        assert_eq!(completed("hello "), (6, vec![]));
    }

    #[test]
    fn a_closed_gate_holds_up_what_is_printed_until_it_opens() {
        let gate = Arc::new(Gate::default());
        gate.set(true);
        let (sender, passed) = mpsc::channel();
        let waiting = gate.clone();
        let thread = thread::spawn(move || {
            waiting.pass();
            sender.send(()).unwrap();
        });
        assert!(passed.try_recv().is_err());
        gate.set(false);
        thread.join().unwrap();
        assert!(passed.try_recv().is_ok());
    }
}
