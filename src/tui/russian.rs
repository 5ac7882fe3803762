//! The command line in the language that is spoken: what clap says in English (help, usage, errors) in Russian, too. The
//! texts are in the tables of `texts`; a test names each argument and verb that they lack.

use std::error::Error as _;
use std::io::Write as _;
use std::num::ParseIntError;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, FromArgMatches as _};

use crate::base::text::harmless_lines;
use crate::base::tongue::Tongue;
use crate::tui::args::{self, Args};
use crate::tui::russian::texts::{ABOUT, AFTER_HELP, ARGUMENTS, LONG_ABOUT, VALUES, VERBS};

#[cfg(test)]
mod tests;
mod texts;

/// Reads the command line.
///
/// # Errors
/// What is wrong with it; or the help, or the version, that was asked for.
pub fn read() -> Result<Args, clap::Error> {
    let mut command = match Tongue::spoken() {
        Tongue::English => args::command(),
        Tongue::Russian => noted(in_russian(args::command())),
    };
    let matches = command.try_get_matches_from_mut(std::env::args_os());
    let args = matches.and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
    args.map_err(|error| error.format(&mut command))
}

/// The command line as it is described: for the manual page and completions.
#[must_use]
pub fn command() -> Command {
    match Tongue::spoken() {
        Tongue::English => args::command(),
        Tongue::Russian => in_russian(args::command()),
    }
}

/// Says what is wrong with the command line, or shows the help that was asked for, and ends the program.
pub fn wrong_call(error: &clap::Error) -> ! {
    let is_help = !error.use_stderr();
    if is_help || Tongue::spoken() == Tongue::English {
        crate::base::manual::wrong_call(error);
    }
    // Whether anybody reads it changes nothing.
    let _ = writeln!(std::io::stderr(), "{}", harmless_lines(&complaint(error)));
    std::process::exit(error.exit_code())
}

/// All texts of the command and of its verbs; the command is built by that.
fn in_russian(command: Command) -> Command {
    let mut command = command
        .about(ABOUT)
        .long_about(format!("{ABOUT}.\n\n{LONG_ABOUT}"))
        .after_help(AFTER_HELP)
        .subcommand_value_name("КОМАНДА")
        .mut_args(|argument| described(argument, ""))
        .mut_subcommands(|verb| {
            let name = verb.get_name().to_owned();
            let verb = verb.mut_args(|argument| described(argument, &name));
            match verb_text(&name) {
                Some(about) => verb.about(about),
                None => verb,
            }
        });
    command.build();
    built(command)
}

/// What is there only when clap has built the command: its own arguments and verb, and the usage.
fn built(command: Command) -> Command {
    let mut command = command.mut_args(|argument| {
        let more = argument.get_long_help().is_some();
        match argument.get_id().as_str() {
            "help" if more => argument
                .help("Показать справку (подробнее: --help)")
                .long_help("Показать справку (кратко: -h)"),
            "help" => argument.help("Показать справку"),
            "version" => argument.help("Показать версию"),
            _ => argument,
        }
    });
    if let ("help", Some(about)) = (command.get_name(), verb_text("help")) {
        command = command.about(about);
    }
    for verb in command.get_subcommands_mut() {
        *verb = built(std::mem::take(verb));
    }
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix(USAGE).unwrap_or(&usage).trim();
    let usage = usage.replace("[OPTIONS]", "[ПАРАМЕТРЫ]");
    let usage = usage.replace("[COMMAND]", "[КОМАНДА]");
    let section = |is_there: bool, heading: &str, tag: &str| match is_there {
        true => format!("\n\n{heading}:\n{{{tag}}}"),
        false => String::new(),
    };
    let has_positionals = command.get_positionals().next().is_some();
    let template = format!(
        "{{about-with-newline}}\nИспользование: {{usage}}{}{}{}{{after-help}}",
        section(command.has_subcommands(), "Команды", "subcommands"),
        section(has_positionals, "Аргументы", "positionals"),
        section(true, "Параметры", "options"),
    );
    command.override_usage(usage).help_template(template)
}

/// The argument of a verb, or of the program, with its text and the name of its value.
fn described(argument: Arg, verb: &str) -> Arg {
    let value = argument.get_value_names().and_then(|names| names.first());
    let value = value.and_then(|name| value_name(name));
    let argument = match argument_text(verb, argument.get_id().as_str()) {
        Some(text) => argument.help(text),
        None => argument,
    };
    match value.filter(|_| argument.get_action().takes_values()) {
        Some(value) => argument.value_name(value),
        None => argument,
    }
}

/// The same with what clap would add in English behind the text: defaults, variables and values.
fn noted(command: Command) -> Command {
    let mut command = command.mut_args(|argument| {
        let mut text = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
        let possible = argument.get_possible_values();
        let possible: Vec<_> = possible.iter().map(|value| value.get_name()).collect();
        let takes_values = argument.get_action().takes_values();
        if takes_values && !defaults.is_empty() {
            text.push_str(&format!(" [по умолчанию: {}]", defaults.join(" ")));
        }
        if let Some(variable) = argument.get_env() {
            text.push_str(&format!(" [окружение: {}]", variable.to_string_lossy()));
        }
        if takes_values && !possible.is_empty() {
            text.push_str(&format!(" [значения: {}]", possible.join(", ")));
        }
        (argument.help(text))
            .hide_default_value(true)
            .hide_env(true)
            .hide_possible_values(true)
    });
    for verb in command.get_subcommands_mut() {
        *verb = noted(std::mem::take(verb));
    }
    command
}

/// What is wrong, what to do, and how the program is called.
fn complaint(error: &clap::Error) -> String {
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let Some(sentence) = sentence(error) else {
        // What nobody meets stays as clap has it.
        let text = error.to_string();
        return text
            .replacen("error: ", "ошибка: ", 1)
            .replacen(USAGE, "Использование: ", 1)
            .replacen(
                "For more information, try '--help'.",
                "Подробнее: --help",
                1,
            );
    };
    let usage = usage.replacen(USAGE, "Использование: ", 1);
    let usage = match usage.trim() {
        "" => String::new(),
        usage => format!("\n\n{usage}"),
    };
    format!("ошибка: {sentence}{usage}\n\nПодробнее: --help")
}

fn sentence(error: &clap::Error) -> Option<String> {
    let told = |kind| error.get(kind).map(value_text);
    let argument = || told(ContextKind::InvalidArg);
    let alike = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
        ContextKind::SuggestedSubcommand,
    ];
    let alike = alike.into_iter().find_map(told);
    let alike = alike.map_or(String::new(), |alike| format!("; похоже на {alike}"));
    let possible = told(ContextKind::ValidValue).filter(|values| !values.is_empty());
    let possible = possible.map_or(String::new(), |values| format!("; возможно: {values}"));
    Some(match error.kind() {
        ErrorKind::UnknownArgument => format!("лишний аргумент {}{alike}", argument()?),
        ErrorKind::InvalidSubcommand => {
            format!(
                "нет команды {}{alike}",
                told(ContextKind::InvalidSubcommand)?
            )
        }
        ErrorKind::InvalidValue => match told(ContextKind::InvalidValue)?.as_str() {
            "«»" => format!("после {} нужно значение{possible}", argument()?),
            value => format!("{value} не годится для {}{possible}{alike}", argument()?),
        },
        ErrorKind::ValueValidation => format!(
            "{} не годится для {}: {}",
            told(ContextKind::InvalidValue)?,
            argument()?,
            cause(error)
        ),
        ErrorKind::MissingRequiredArgument => format!("не хватает {}", argument()?),
        ErrorKind::ArgumentConflict => {
            let (one, other) = (argument()?, told(ContextKind::PriorArg)?);
            match one == other {
                true => format!("{one} можно указать только один раз"),
                false => format!("{one} и {other} исключают друг друга"),
            }
        }
        ErrorKind::NoEquals => format!("значение для {} пишется через =", argument()?),
        ErrorKind::TooManyValues => format!(
            "для {} лишнее значение {}",
            argument()?,
            told(ContextKind::InvalidValue)?
        ),
        ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("не хватает значений для {}", argument()?)
        }
        ErrorKind::MissingSubcommand => "не хватает команды".to_owned(),
        ErrorKind::InvalidUtf8 => "в командной строке есть аргумент не в UTF-8".to_owned(),
        _ => return None,
    })
}

/// Why a value is not taken: what the program says of it, or the library that reads numbers.
fn cause(error: &clap::Error) -> String {
    let Some(cause) = error.source() else {
        return "его нельзя прочитать".to_owned();
    };
    if cause.downcast_ref::<ParseIntError>().is_some() {
        return "нужно целое число".to_owned();
    }
    let said = cause.to_string();
    match said.split_once(" is not in ") {
        Some((_, range)) => format!("нужно число в пределах {range}"),
        None => said,
    }
}

fn value_text(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(values) => {
            let quoted: Vec<_> = values.iter().map(|value| format!("«{value}»")).collect();
            quoted.join(", ")
        }
        ContextValue::StyledStrs(values) => {
            let plain: Vec<_> = values.iter().map(StyledStr::to_string).collect();
            plain.join(", ")
        }
        ContextValue::None | ContextValue::Bool(_) => String::new(),
        other => format!("«{other}»"),
    }
}

fn argument_text(verb: &str, id: &str) -> Option<&'static str> {
    let found = ARGUMENTS.iter().find(|row| row.0 == verb && row.1 == id);
    // One that all verbs have is told once.
    let found = found.or_else(|| ARGUMENTS.iter().find(|row| row.0 == "*" && row.1 == id));
    found.map(|row| row.2)
}

fn verb_text(name: &str) -> Option<&'static str> {
    let found = VERBS.iter().find(|row| row.0 == name);
    found.map(|row| row.1)
}

fn value_name(english: &str) -> Option<&'static str> {
    let found = VALUES.iter().find(|row| row.0 == english);
    found.map(|row| row.1)
}

/// What clap begins the usage with.
const USAGE: &str = "Usage: ";
