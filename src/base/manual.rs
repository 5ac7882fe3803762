//! The manual page of a program and its completions, made from the same definitions as its `--help`. Writes to what it is
//! given and does nothing else; what a page says beyond the command line, each program brings along as its [`Manual`].

use std::io::{self, Write};

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, ValueEnum};
use clap_complete::Shell;
use roff::{Inline, Roff, bold, italic, roman};

use crate::base::text::harmless_lines;
use crate::base::tongue::{Words, say};

/// The day of this version, which stands at the foot of each page; set along with the version in `Cargo.toml`.
pub const DATE: &str = "2026-11-20";

/// What `--generate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(
    missing_docs,
    reason = "clap would print what is said of each, and spread --help over two pages for it"
)]
pub enum Generate {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// What a manual page says that the command line does not know. What stands in backticks is printed bold.
#[derive(Debug)]
pub struct Manual<W: 'static = &'static str> {
    /// The section of the manual: `1` for everyone's programs, `8` for those of admins.
    pub section: &'static str,
    /// Paragraphs that follow those of the help.
    pub description: &'static [W],
    /// What else there is to know, such as commands that are no arguments.
    pub more: Vec<Section>,
    /// Each exit status.
    pub exit_status: Entries<W>,
    /// The variables that are not those of an option.
    pub environment: Entries<W>,
    /// What is read and written.
    pub files: Entries<W>,
    /// Other pages, each with its section: `chatd(8)`.
    pub see_also: &'static [&'static str],
}

/// What is explained, each with its explanation.
pub type Entries<W = &'static str> = &'static [(&'static str, W)];

/// A section of a page: paragraphs, and below them what is explained.
#[derive(Debug)]
pub struct Section {
    heading: &'static str,
    paragraphs: Vec<&'static str>,
    entries: Vec<(String, &'static str)>,
}

impl Section {
    /// With its heading in capitals.
    #[must_use]
    pub fn new<W: Words, Label: Into<String>>(
        heading: W,
        paragraphs: &'static [W],
        entries: impl IntoIterator<Item = (Label, W)>,
    ) -> Self {
        let entries = entries.into_iter();
        Self {
            heading: heading.said(),
            paragraphs: paragraphs.iter().map(|words| words.said()).collect(),
            entries: entries
                .map(|(label, words)| (label.into(), words.said()))
                .collect(),
        }
    }
}

/// Says what is wrong with the command line, or shows the help that was asked for, and ends the program. What is repeated of
/// the command line may be somebody else's words.
pub fn wrong_call(error: &clap::Error) -> ! {
    let text = error.to_string();
    let harmless = harmless_lines(&text);
    if harmless == text.trim_end_matches('\n') {
        error.exit();
    }
    // Whether anybody reads it changes nothing.
    let _ = writeln!(io::stderr(), "{harmless}");
    std::process::exit(error.exit_code())
}

/// Writes the page, or the completions for a shell.
///
/// # Errors
/// Of the output.
pub fn generate(
    what: Generate,
    mut command: Command,
    manual: &Manual<impl Words>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let shell = match what {
        Generate::Man => {
            command.build();
            let page = Page::of(&command, manual).roff.render();
            return out.write_all(page.replace(UNBREAKABLE, "\\ ").as_bytes());
        }
        Generate::Bash => Shell::Bash,
        Generate::Zsh => Shell::Zsh,
        Generate::Fish => Shell::Fish,
    };
    let name = command.get_name().to_owned();
    // Into memory first: the generator panics when its writer fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    out.write_all(&script)
}

/// A space at which no line ends; in the page it is written as every formatter knows it.
const UNBREAKABLE: &str = "\u{a0}";

/// A page as far as it is written.
#[derive(Default)]
struct Page {
    roff: Roff,
    /// Whether a heading was the last of it: a first paragraph begins by itself.
    is_headed: bool,
}

impl Page {
    fn of(command: &Command, manual: &Manual<impl Words>) -> Self {
        let mut page = Self::default();
        page.begin(command, manual);
        page.section(&say!("OPTIONS", "ПАРАМЕТРЫ"));
        for argument in command.get_arguments().filter(|it| !it.is_hide_set()) {
            page.argument(argument);
        }
        if command.has_subcommands() {
            let heading = command.get_subcommand_help_heading();
            let heading = heading.map_or_else(|| say!("COMMANDS", "КОМАНДЫ"), str::to_uppercase);
            page.section(&heading);
            page.verbs(command, command.get_name());
        }
        for section in &manual.more {
            page.section(section.heading);
            page.paragraphs(section.paragraphs.iter().copied());
            for (label, words) in &section.entries {
                page.entry([bold(label)], words);
            }
        }
        page.section(&say!("EXIT STATUS", "КОД ЗАВЕРШЕНИЯ"));
        page.entries(manual.exit_status);
        page.section(&say!("ENVIRONMENT", "ОКРУЖЕНИЕ"));
        page.variables(command);
        page.entries(manual.environment);
        page.section(&say!("FILES", "ФАЙЛЫ"));
        page.entries(manual.files);
        page.section(&say!("SEE ALSO", "СМОТРИТЕ ТАКЖЕ"));
        page.roff.text(references(manual.see_also));
        page
    }

    /// The title, and the sections that say what the program is.
    fn begin(&mut self, command: &Command, manual: &Manual<impl Words>) {
        let name = command.get_name();
        let title = name.to_uppercase();
        let source = format!("chatd {}", env!("CARGO_PKG_VERSION"));
        let words = [&*title, manual.section, DATE, &*source, "chatd"];
        self.roff.control("TH", words);
        // Flags are neither hyphenated nor pulled apart.
        self.roff.control("nh", []).control("ad", ["l"]);
        self.section(&say!("NAME", "ИМЯ"));
        let about = with_first(&said(command.get_about()), |first| {
            first.to_lowercase().collect()
        });
        self.roff.text([roman(format!("{name} - {about}"))]);
        self.section(&say!("SYNOPSIS", "ОБЗОР"));
        self.synopsis(command);
        self.section(&say!("DESCRIPTION", "ОПИСАНИЕ"));
        let description = said(command.get_long_about());
        // The first is the name's.
        let paragraphs = description.split("\n\n").skip(1);
        self.paragraphs(paragraphs.chain(manual.description.iter().map(|words| words.said())));
    }

    /// How it is called: with arguments, and with a verb and the options that go with every verb.
    fn synopsis(&mut self, command: &Command) {
        let (positions, options): (Vec<_>, Vec<_>) = (command.get_arguments())
            .filter(|argument| is_own(argument))
            .partition(|argument| argument.is_positional());
        let verb = command
            .get_subcommand_value_name()
            .map_or_else(|| say!("COMMAND", "КОМАНДА"), str::to_owned);
        if !command.has_subcommands() || !positions.is_empty() {
            let positions = positions.into_iter().map(position);
            self.call(command.get_name(), &options, positions);
        }
        if command.has_subcommands() {
            let everywhere: Vec<_> = (options.into_iter())
                .filter(|option| option.is_global_set())
                .collect();
            let verb = format!("{verb} ...");
            self.call(command.get_name(), &everywhere, std::iter::once(verb));
        }
    }

    fn call(&mut self, name: &str, options: &[&Arg], then: impl Iterator<Item = String>) {
        let mut call = vec![bold(name)];
        for option in options {
            call.extend([roman(" ["), bold(names(option).pop().unwrap_or_default())]);
            if let Some(value) = value(option) {
                // No line ends between a flag and its value.
                call.extend([roman(UNBREAKABLE), italic(value)]);
            }
            let repeats = matches!(option.get_action(), ArgAction::Append);
            call.push(roman(if repeats { "]..." } else { "]" }));
        }
        for word in then {
            call.extend([roman(" "), italic(word)]);
        }
        self.paragraph(call);
    }

    /// Each verb with its own arguments, those of a group one after the other.
    fn verbs(&mut self, command: &Command, before: &str) {
        for verb in command.get_subcommands() {
            let mut call = format!("{before} {}", verb.get_name());
            match verb.get_name() {
                "help" => continue,
                _ if verb.is_hide_set() => continue,
                _ if verb.has_subcommands() => self.verbs(verb, &call),
                _ => {
                    for argument in verb.get_positionals() {
                        call.push(' ');
                        call.push_str(&position(argument));
                    }
                    // What is no text is not escaped.
                    self.roff.control("SS", [&*call.replace('-', "\\-")]);
                    self.roff.text(inline(&sentence(&said(verb.get_about()))));
                    let own = verb.get_arguments().filter(|argument| is_own(argument));
                    own.filter(|argument| !argument.is_global_set())
                        .for_each(|argument| self.argument(argument));
                }
            }
        }
    }

    fn argument(&mut self, argument: &Arg) {
        let mut label = Vec::new();
        for name in names(argument) {
            if !label.is_empty() {
                label.push(roman(", "));
            }
            label.push(bold(name));
        }
        match value(argument) {
            Some(value) if label.is_empty() => label.push(italic(value)),
            Some(value) => label.extend([roman(" "), italic(value)]),
            None => {}
        }
        self.entry(label, &explained(argument));
    }

    /// The variables that stand for options.
    fn variables(&mut self, command: &Command) {
        for argument in command.get_arguments() {
            let (Some(variable), Some(name)) = (argument.get_env(), names(argument).pop()) else {
                continue;
            };
            let words = say!(
                "stands for `{name}` where that is not given",
                "заменяет `{name}`, если его нет"
            );
            self.entry([bold(variable.to_string_lossy())], &words);
        }
    }

    fn section(&mut self, heading: &str) {
        self.roff.control("SH", [heading]);
        self.is_headed = true;
    }

    fn paragraph(&mut self, text: Vec<Inline>) {
        if !std::mem::take(&mut self.is_headed) {
            self.roff.control("PP", []);
        }
        self.roff.text(text);
    }

    fn paragraphs<'a>(&mut self, paragraphs: impl Iterator<Item = &'a str>) {
        for text in paragraphs {
            self.paragraph(inline(text));
        }
    }

    fn entries(&mut self, entries: Entries<impl Words>) {
        for (label, words) in entries {
            self.entry([bold(*label)], words.said());
        }
    }

    fn entry(&mut self, label: impl Into<Vec<Inline>>, words: &str) {
        self.is_headed = false;
        self.roff.control("TP", []).text(label);
        self.roff.text(inline(&sentence(words)));
    }
}

/// Whether the argument is the program's and not clap's.
fn is_own(argument: &Arg) -> bool {
    let is_claps = ["help", "version"].contains(&argument.get_id().as_str());
    !argument.is_hide_set() && !is_claps
}

/// `-n` and `--lines`.
fn names(argument: &Arg) -> Vec<String> {
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    short.into_iter().chain(long).collect()
}

/// What an argument is followed by, or what stands for it.
fn value(argument: &Arg) -> Option<&str> {
    let values = argument.get_value_names()?;
    let takes_values = argument.get_action().takes_values();
    values
        .first()
        .filter(|_| takes_values)
        .map(|value| &**value)
}

/// An argument without a flag: `ROOM`, `[TEXT]`, `[ROOM]...`.
fn position(argument: &Arg) -> String {
    let value = value(argument).unwrap_or_default();
    let repeats = matches!(argument.get_action(), ArgAction::Append);
    let repeats = if repeats { "..." } else { "" };
    match argument.is_required_set() {
        true => format!("{value}{repeats}"),
        // It has brackets of its own.
        false => format!("[{value}]{repeats}"),
    }
}

/// The help of an argument as sentences, with what clap says behind it.
fn explained(argument: &Arg) -> String {
    // There is no more than the page.
    let more = say!(" (see more with '--help')", " (подробнее: --help)");
    let help = said(argument.get_help()).replace(&more, "");
    // What the program itself says behind the help, it says as clap would.
    let parts = help
        .strip_suffix(']')
        .and_then(|help| help.split_once(" ["));
    let (help, note) = parts.map_or((&*help, None), |(help, note)| (help, Some(note)));
    let mut sentences = vec![sentence(help)];
    // Variables have a section of their own.
    sentences.extend(note.filter(|note| !note.starts_with("env: ")).map(sentence));
    if argument.get_action().takes_values() {
        let possible = argument.get_possible_values();
        let possible: Vec<_> = possible.iter().map(|value| value.get_name()).collect();
        if !possible.is_empty() {
            sentences.push(say!("One of {}.", "Одно из: {}.", possible.join(", ")));
        }
        let defaults = argument.get_default_values().iter();
        sentences.extend(
            defaults
                .map(|value| say!("Default: {}.", "По умолчанию: {}.", value.to_string_lossy())),
        );
    }
    sentences.join(" ")
}

fn said(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

/// Sentences begin with a capital and end with a full stop.
fn sentence(text: &str) -> String {
    let stop = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    with_first(text, |first| first.to_uppercase().collect()) + stop
}

fn with_first(text: &str, change: impl Fn(char) -> String) -> String {
    let mut characters = text.chars();
    let first = characters.next().map_or(String::new(), change);
    first + characters.as_str()
}

/// A text with what stands in backticks in bold.
fn inline(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| {
            if index % 2 == 1 {
                bold(part)
            } else {
                roman(part)
            }
        })
        .collect()
}

fn references(pages: &[&str]) -> Vec<Inline> {
    let mut all = Vec::new();
    for page in pages {
        let (name, section) = page.split_at(page.find('(').unwrap_or(page.len()));
        let comma = if all.is_empty() { "" } else { ", " };
        all.extend([roman(comma), bold(name), roman(section)]);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with a bit of everything.
    fn kettle() -> Command {
        let level = Arg::new("level").value_name("LEVEL").required(true);
        let boil = Command::new("boil").about("Heat water");
        let boil = boil.arg(level.value_parser(["warm", "hot"]).help("How hot"));
        let cups = Arg::new("cups").short('n').long("cups").value_name("N");
        let boil = boil.arg(cups.default_value("2").help("For how many"));
        let socket = Arg::new("socket").long("socket").value_name("PATH");
        let socket = socket.env("KETTLE_SOCKET").global(true);
        Command::new("kettle")
            .about("Boil water")
            .long_about("Boil water.\n\nIt's `hot`.")
            .version("1")
            .arg(socket.help("Where it is plugged in [default: the wall]"))
            .subcommand(Command::new("heat").about("Heating").subcommand(boil))
    }

    fn generated(what: Generate) -> String {
        let manual = Manual {
            section: "8",
            description: &["See `cup`(1)."],
            more: vec![Section::new(
                "SOUNDS",
                &["What is heard:"],
                [("hiss", "it is nearly done")],
            )],
            exit_status: &[("0", "there is tea")],
            environment: &[("TZ", "when it is tea time")],
            files: &[("~/.kettle", "its marks")],
            see_also: &["cup(1)", "tea-leaf(5)"],
        };
        let mut out = Vec::new();
        generate(what, kettle(), &manual, &mut out).unwrap();
        String::from_utf8(out)
            .unwrap()
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
            .replace(DATE, "DATE")
    }

    #[test]
    fn a_page_has_all_that_the_help_has_and_what_the_manual_adds() {
        insta::assert_snapshot!(generated(Generate::Man), @r#"
        .ie \n(.g .ds Aq \(aq
        .el .ds Aq '
        .TH KETTLE 8 DATE "chatd VERSION" chatd
        .nh
        .ad l
        .SH NAME
        kettle \- boil water
        .SH SYNOPSIS
        \fBkettle\fR [\fB\-\-socket\fR\ \fIPATH\fR] \fICOMMAND ...\fR
        .SH DESCRIPTION
        It\*(Aqs \fBhot\fR.
        .PP
        See \fBcup\fR(1).
        .SH OPTIONS
        .TP
        \fB\-\-socket\fR \fIPATH\fR
        Where it is plugged in. Default: the wall.
        .TP
        \fB\-h\fR, \fB\-\-help\fR
        Print help.
        .TP
        \fB\-V\fR, \fB\-\-version\fR
        Print version.
        .SH COMMANDS
        .SS "kettle heat boil LEVEL"
        Heat water.
        .TP
        \fILEVEL\fR
        How hot. One of warm, hot.
        .TP
        \fB\-n\fR, \fB\-\-cups\fR \fIN\fR
        For how many. Default: 2.
        .SH SOUNDS
        What is heard:
        .TP
        \fBhiss\fR
        It is nearly done.
        .SH "EXIT STATUS"
        .TP
        \fB0\fR
        There is tea.
        .SH ENVIRONMENT
        .TP
        \fBKETTLE_SOCKET\fR
        Stands for \fB\-\-socket\fR where that is not given.
        .TP
        \fBTZ\fR
        When it is tea time.
        .SH FILES
        .TP
        \fB~/.kettle\fR
        Its marks.
        .SH "SEE ALSO"
        \fBcup\fR(1), \fBtea\-leaf\fR(5)
        "#);
    }

    #[test]
    fn the_completions_know_the_verbs() {
        for what in [Generate::Bash, Generate::Zsh, Generate::Fish] {
            assert!(generated(what).contains("boil"), "{what:?}");
        }
    }
}
