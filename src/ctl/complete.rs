//! What may come next on a command line, for the shells: verbs, options and their values from the definitions of the
//! program, names of users and rooms from the daemon. Says nothing else, whatever goes wrong, and keeps nobody waiting.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::{Arg, Args as ClapArgs, Command, ValueEnum};

use super::args::command;
use super::call::{Daemon, find_socket};
use super::{Console, Failure};
use crate::base::text::harmless;
use crate::base::{RoomLabel, RoomName, UserName};
use crate::wire::control::{ListNames, NameKind};

/// The daemon answers within this time, or there are no names: somebody has pressed a key and waits.
const PATIENCE: Duration = Duration::from_millis(400);
/// More names nobody reads.
const NAMES_MAX: u32 = 200;

/// The scripts that the shells read, as they are shipped.
const BASH: &str = include_str!("../../packaging/completions/chatctl.bash");
const ZSH: &str = include_str!("../../packaging/completions/_chatctl");
const FISH: &str = include_str!("../../packaging/completions/chatctl.fish");

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(super) fn script(self) -> &'static str {
        match self {
            Self::Bash => BASH,
            Self::Zsh => ZSH,
            Self::Fish => FISH,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(super) struct CompleteArgs {
    shell: Shell,
    /// Those after the program's name, of which the last is being written.
    #[arg(last = true)]
    words: Vec<OsString>,
}

/// Prints `words` and each candidate on a line of its own, with what it is after a tab; or `files`, which the shell knows
/// better.
pub(super) fn run(
    args: &CompleteArgs,
    socket: Option<&Path>,
    console: &mut Console,
) -> Result<(), Failure> {
    let count = args.words.len();
    let words = args.words.iter().enumerate().map(|(place, word)| {
        let word = word.to_string_lossy();
        // As they are written, or as the shell has read them.
        match args.shell {
            Shell::Bash => unquoted(&word),
            Shell::Fish if place + 1 == count => unquoted(&word),
            Shell::Fish | Shell::Zsh => word.into_owned(),
        }
    });
    let words: Vec<_> = words.collect();
    let asked = args.words.last().map(|word| word.to_string_lossy());
    let quote = asked.and_then(|word| word.chars().next().filter(|it| matches!(it, '\'' | '"')));
    let place = place(&words);
    let (candidates, outcome) = match place.next {
        Next::Nothing => (Vec::new(), Ok(())),
        Next::Files => return put(console, "files\n"),
        Next::Words(words) => (words, Ok(())),
        Next::Names(kind) => match names(kind, &place, socket) {
            Ok(names) => (names.into_iter().map(|name| (name, None)).collect(), Ok(())),
            // The status tells why; nothing is said, for it would stand in the middle of a command line.
            Err(failure) => (Vec::new(), Err(Failure::Unsaid(failure.status()))),
        },
    };
    let mut text = "words\n".to_owned();
    for (value, about) in candidates {
        let value = format!("{}{value}", place.before);
        if !value.starts_with(&place.begun) {
            continue;
        }
        match (args.shell, quote) {
            (Shell::Bash, None) => text += &quoted(&value),
            // Inside of quotation marks only what needs none.
            (Shell::Bash, Some(_)) if quoted(&value) != value => continue,
            (Shell::Bash, Some(_)) => text += &value,
            _ => {
                text += &value;
                if let Some(about) = about {
                    text.extend(["\t", &about]);
                }
            }
        }
        text.push('\n');
    }
    put(console, &text)?;
    outcome
}

fn put(console: &mut Console, text: &str) -> Result<(), Failure> {
    console
        .out
        .write_all(text.as_bytes())
        .map_err(Failure::Output)
}

/// Where on the command line the cursor is.
struct Place {
    next: Next,
    /// What is written of the word.
    begun: String,
    /// What of it stands before the value: `--format=`.
    before: String,
    socket: Option<PathBuf>,
}

enum Next {
    Nothing,
    Words(Vec<(String, Option<String>)>),
    Names(NameKind),
    Files,
}

fn place(words: &[String]) -> Place {
    let mut program = command();
    program.build();
    // bash makes three words of `--format=csv`.
    let mut own: Vec<&str> = Vec::new();
    for word in words {
        match own.last() {
            Some(before) if word == "=" && before.starts_with("--") => {}
            _ => own.push(word),
        }
    }
    let is_value = words.last().is_some_and(|word| word == "=") && words.len() > own.len();
    let (begun, before) = match own.split_last() {
        Some((last, before)) if !is_value => ((*last).to_owned(), before),
        _ => (String::new(), &*own),
    };
    let mut verb = &program;
    let (mut position, mut is_raw, mut pending, mut socket) = (0, false, None::<&Arg>, None);
    for word in before {
        if let Some(option) = pending.take() {
            if option.get_id() == "socket" {
                socket = Some(PathBuf::from(word));
            }
        } else if *word == "--" && !is_raw {
            is_raw = true;
        } else if word.starts_with('-') && word.len() > 1 && !is_raw {
            pending = option(verb, word).filter(|_| !word.contains('='));
            if let Some(path) = word.strip_prefix("--socket=") {
                socket = Some(PathBuf::from(path));
            }
        } else if let Some(next) = verb.find_subcommand(word).filter(|_| !is_raw) {
            (verb, position) = (next, 0);
        } else {
            position += 1;
        }
    }
    let mut place = Place {
        next: Next::Nothing,
        before: String::new(),
        begun,
        socket,
    };
    place.next = match (pending, place.begun.split_once('=')) {
        (Some(option), _) => values(verb, option),
        (None, Some((name, _))) if name.starts_with("--") && !is_raw => {
            place.before = format!("{name}=");
            option(verb, name).map_or(Next::Nothing, |option| values(verb, option))
        }
        _ if place.begun.starts_with('-') && !is_raw => Next::Words(options(verb)),
        _ if verb.has_subcommands() => Next::Words(verbs(verb)),
        _ => match verb.get_positionals().nth(position) {
            Some(argument) => values(verb, argument),
            None => Next::Nothing,
        },
    };
    place
}

/// The option of a name, if it takes a value.
fn option<'a>(verb: &'a Command, word: &str) -> Option<&'a Arg> {
    let takes_value = |argument: &&Arg| argument.get_action().takes_values();
    let is_meant = |argument: &&Arg| match word.strip_prefix("--") {
        Some(long) => argument.get_long() == long.split('=').next(),
        None => argument
            .get_short()
            .is_some_and(|short| word.strip_prefix('-') == Some(short.encode_utf8(&mut [0; 4]))),
    };
    verb.get_arguments().find(is_meant).filter(takes_value)
}

fn options(verb: &Command) -> Vec<(String, Option<String>)> {
    let shown = verb.get_arguments().filter(|it| !it.is_hide_set());
    shown
        .filter_map(|it| {
            let about = it.get_help().map(|help| first_line(&help.to_string()));
            Some((format!("--{}", it.get_long()?), about))
        })
        .collect()
}

fn verbs(verb: &Command) -> Vec<(String, Option<String>)> {
    let shown = verb.get_subcommands().filter(|it| !it.is_hide_set());
    shown
        .map(|it| {
            let about = it.get_about().map(|about| first_line(&about.to_string()));
            (it.get_name().to_owned(), about)
        })
        .collect()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What an argument can be, as its type says.
fn values(verb: &Command, argument: &Arg) -> Next {
    let words = argument.get_possible_values();
    if !words.is_empty() && argument.get_action().takes_values() {
        let word = |word: &clap::builder::PossibleValue| {
            let about = word.get_help().map(|help| first_line(&help.to_string()));
            (word.get_name().to_owned(), about)
        };
        return Next::Words(words.iter().map(word).collect());
    }
    let kind = argument.get_value_parser().type_id();
    let label = argument.get_value_names().and_then(|names| names.first());
    let is_called = |name: &str| {
        label.is_some_and(|label| label == name || label.starts_with(&format!("{name}|")))
    };
    // What is being made has a name that nobody has.
    let is_new = matches!(verb.get_name(), "add" | "create");
    if kind == TypeId::of::<UserName>() || is_called("USER") {
        return if is_new {
            Next::Nothing
        } else {
            Next::Names(NameKind::Users)
        };
    }
    let is_room = kind == TypeId::of::<RoomName>() || kind == TypeId::of::<RoomLabel>();
    if is_room || is_called("ROOM") {
        return if is_new {
            Next::Nothing
        } else {
            Next::Names(NameKind::Rooms)
        };
    }
    match kind == TypeId::of::<PathBuf>() {
        true => Next::Files,
        false => Next::Nothing,
    }
}

/// Those that begin so, asked on a thread of its own: whatever keeps the daemon, nobody waits longer than that.
fn names(kind: NameKind, place: &Place, socket: Option<&Path>) -> Result<Vec<String>, Failure> {
    let (done, outcome) = channel();
    let call = ListNames {
        kind,
        prefix: Some(place.begun[place.before.len()..].to_owned()),
        limit: Some(NAMES_MAX),
    };
    let socket = place.socket.clone().or(socket.map(Path::to_owned));
    thread::spawn(move || drop(done.send(ask(&call, socket.as_deref()))));
    let late = |_| Err(Failure::NotRunning("chatd does not answer".to_owned()));
    let names = outcome.recv_timeout(PATIENCE).unwrap_or_else(late)?;
    // A name that would steer a terminal is none; an old one may still be there.
    Ok(names
        .into_iter()
        .filter(|name| harmless(name) == name.as_str())
        .collect())
}

fn ask(call: &ListNames, socket: Option<&Path>) -> Result<Vec<String>, Failure> {
    let mut daemon = Daemon::connect(&find_socket(socket)?)?;
    Ok(daemon.call(call)?.names)
}

/// A word without what quotes it, as far as it is written. Nothing in it is looked up or carried out.
fn unquoted(word: &str) -> String {
    let (mut text, mut quote) = (String::new(), None);
    let mut letters = word.chars().peekable();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(mark), letter) if letter == mark => quote = None,
            (None, '\\') => text.extend(letters.next()),
            (Some('"'), '\\') if letters.peek().is_some_and(|it| r#"$`"\"#.contains(*it)) => {
                text.extend(letters.next());
            }
            _ => text.push(letter),
        }
    }
    text
}

/// A word as bash takes it: with a backslash before whatever may mean something to it.
fn quoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for letter in word.chars() {
        let is_plain =
            letter.is_alphanumeric() || "_-./@:,+=%".contains(letter) || !letter.is_ascii();
        if !is_plain {
            text.push('\\');
        }
        text.push(letter);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What would be offered, `users`, `rooms` and `files` for what is not known here.
    fn offered(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let place = place(&words);
        match place.next {
            Next::Nothing => String::new(),
            Next::Files => "<files>".to_owned(),
            Next::Names(kind) => format!("{}<{kind}>", place.before),
            Next::Words(words) => {
                let words = words
                    .iter()
                    .map(|(word, _)| format!("{}{word}", place.before));
                let begun = words.filter(|word| word.starts_with(&place.begun));
                begun.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn what_may_come_next() {
        for (line, due) in [
            ("cl", "clear-log clear-users clear-history"),
            ("comp", ""),
            ("user ", "show add passwd disable enable role remove"),
            ("user remove ", "<users>"),
            ("user remove anna ", ""),
            ("user remove --y", "--yes"),
            ("user remove --yes an", "<users>"),
            ("--json --socket /x user show ", "<users>"),
            ("--socket ", "<files>"),
            ("user add ", ""),
            ("room create ", ""),
            ("room members ", "<rooms>"),
            ("clear-history lobby --be", "--before"),
            ("clear-history --before ", ""),
            ("search --room ", "<rooms>"),
            ("search --room=", "--room=<rooms>"),
            ("search --room = lo", "<rooms>"),
            ("search --from ", "<users>"),
            ("log level ", "off error warn info debug trace"),
            ("log level = ", ""),
            ("export users --format ", "csv jsonl"),
            ("export users --format = ", "csv jsonl"),
            ("export users --format =", "csv jsonl"),
            ("export users --format=c", "--format=csv"),
            ("backup ", "<files>"),
            ("clear-users --keep anna --keep ", "<users>"),
            ("kick -- --", "<users>"),
            ("ban ", "<users>"),
            ("unmute ", "<users>"),
            ("user role anna ", "moderator none"),
            ("room op ", "<rooms>"),
            ("room op tea ", "<users>"),
            ("audit --user ", "<users>"),
            ("debug bundle ", "<files>"),
            ("nonsense ", "status"),
        ] {
            let said = offered(line);
            match line {
                "nonsense " => assert!(said.starts_with(due), "{said}"),
                _ => assert_eq!(said, due, "'{line}'"),
            }
        }
        assert!(offered("").starts_with("status pause"));
        assert!(!offered("").contains("complete"));
    }

    #[test]
    fn words_of_bash_are_taken_and_given_as_it_quotes_them() {
        let taken = |word: &str| unquoted(word);
        for (word, text) in [
            ("an", "an"),
            (r"o\'brien", "o'brien"),
            ("'a b", "a b"),
            (r#""$(reboot)\""#, r#"$(reboot)""#),
            (r#"a"b"c"#, "abc"),
            (r"a\", "a"),
        ] {
            assert_eq!(taken(word), text);
        }
        for name in [
            "$(reboot)",
            "a'b\"c",
            "`id`",
            "a;b|c&d",
            "!!",
            "~root",
            "a b",
            "{a,b}",
            "#",
        ] {
            let written = quoted(name);
            assert_eq!(taken(&written), name);
            assert_ne!(written, name);
        }
        assert_eq!(quoted("Константин_1-x.y"), "Константин_1-x.y");
    }
}
