//! The command line in the language that is spoken: what clap says in English (help, usage, errors) in Russian, too. The
//! tables at the end are the texts; a test names each argument and verb that they lack.

use std::error::Error as _;
use std::io::Write as _;
use std::num::ParseIntError;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, FromArgMatches as _};

use crate::base::text::harmless_lines;
use crate::base::tongue::Tongue;
use crate::tui::args::{self, Args};

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

const ABOUT: &str = "Разговор на сервере чата: в терминале, в канале или из скрипта";

const LONG_ABOUT: &str = "\
Без команды chat-client спрашивает то, чего ему не сказали (сервер, порт, имя, пароль), и открывает разговор на полном \
экране терминала. Если ввод или вывод не терминал, каждая прочитанная строка — сообщение или команда вроде /join, а каждая \
выведенная — сообщение.";

const AFTER_HELP: &str = "\
Пароль программа спрашивает на терминале или берёт из CHAT_PASSWORD, но никогда из командной строки. После входа токен \
сохраняется в ~/.local/state/chat-client, и пароль больше не нужен.

Разговор шифруется (TLS), кроме разговора с сервером на этой машине, названным localhost или по адресу. Если система не \
доверяет серверу, программа покажет его отпечаток и один раз спросит; дальше сервер известен по \
~/.local/state/chat-client/known_hosts.

Коды завершения: 0 сделано, 1 сервер отказал, 2 ошибка в командной строке, 3 с сервером нет связи, 4 неверны имя или \
пароль, или нет доверия к серверу.";

/// The words that stand for values.
const VALUES: &[(&str, &str)] = &[
    ("CODE", "КОД"),
    ("COUNT", "РАЗ"),
    ("HOST", "УЗЕЛ"),
    ("HOST[:PORT]", "УЗЕЛ[:ПОРТ]"),
    ("N", "ЧИСЛО"),
    ("NAME", "ИМЯ"),
    ("PORT", "ПОРТ"),
    ("PRINT", "ОТПЕЧАТОК"),
    ("ROOM", "КОМНАТА"),
    ("ROOM|@USER", "КОМНАТА|@ИМЯ"),
    ("SEQ", "НОМЕР"),
    ("TEXT", "ТЕКСТ"),
    ("WHAT", "ЧТО"),
    ("WORD", "СЛОВО"),
];

/// What each verb does.
const VERBS: &[(&str, &str)] = &[
    (
        "send",
        "Отправить сообщение; если текст не указан, он берётся со стандартного ввода",
    ),
    (
        "tail",
        "Показать новые сообщения комнат, по умолчанию всех ваших",
    ),
    ("history", "Показать сообщения комнаты"),
    ("search", "Найти сообщения с указанными словами"),
    ("rooms", "Показать, какие есть комнаты"),
    ("who", "Показать, кто в сети или кто в комнате"),
    (
        "echo",
        "Измерить время ответа сервера; учётная запись не нужна",
    ),
    (
        "login",
        "Войти и сохранить токен, чтобы скриптам не нужен был пароль",
    ),
    ("logout", "Завершить сеанс и забыть токен"),
    (
        "passwd",
        "Сменить пароль; без терминала старый и новый — строки стандартного ввода",
    ),
    ("help", "Показать эту справку или справку указанной команды"),
];

/// The verb (none: the program itself, `*`: any), the argument, and what it is.
const ARGUMENTS: &[(&str, &str, &str)] = &[
    (
        "",
        "address",
        "Сервер, если он не указан через --server и --port",
    ),
    (
        "",
        "server",
        "Имя или адрес сервера [по умолчанию: localhost]",
    ),
    ("", "port", "Его порт [по умолчанию: 2428]"),
    ("", "name", "Ваше имя на нём"),
    (
        "",
        "fingerprint",
        "Доверять только серверу, у сертификата которого такой отпечаток",
    ),
    (
        "",
        "plaintext",
        "Не шифровать: для сервера, который это разрешает, в сети, которая только ваша",
    ),
    (
        "",
        "plain",
        "Построчно, даже если терминал умеет полный экран",
    ),
    (
        "",
        "generate",
        "Вывести страницу руководства или дополнения для оболочки",
    ),
    (
        "*",
        "invite",
        "Приглашение для регистрации, если сервер его требует",
    ),
    ("*", "json", "По объекту JSON на строку, как в протоколе"),
    ("send", "to", "Куда"),
    (
        "send",
        "text",
        "Что сказать; кавычки вокруг нескольких слов не нужны",
    ),
    ("tail", "rooms", "Комнаты или @ИМЯ"),
    ("tail", "number", "Сколько сообщений из каждой комнаты"),
    (
        "tail",
        "follow",
        "Продолжать с тем, что приходит; после обрыва связи ничего не пропадёт и не повторится",
    ),
    ("history", "number", "Сколько сообщений"),
    ("history", "before", "Только сообщения до этого номера"),
    ("search", "words", "Слова; `слово*` находит и более длинные"),
    ("search", "room", "Только в этой комнате или с этим @ИМЯ"),
    ("*", "room", "Комната или @ИМЯ"),
    ("echo", "text", "Что сервер вернёт обратно"),
    ("echo", "count", "Сколько раз"),
    (
        "login",
        "register",
        "Создать учётную запись; без этого о ней спрашивает только терминал",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is_russian(text: &str) -> bool {
        text.chars()
            .any(|letter| ('\u{400}'..'\u{500}').contains(&letter))
    }

    /// What a person reads who does not know English.
    fn lacking(command: &Command, path: &str, found: &mut Vec<String>) {
        let about = command
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        if !is_russian(&about) {
            found.push(format!("{path}: '{about}'; put it into VERBS"));
        }
        for argument in command.get_arguments() {
            let id = argument.get_id();
            let help = argument
                .get_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let long = argument.get_long_help().map(ToString::to_string);
            if !is_russian(&help) || long.is_some_and(|long| !is_russian(&long)) {
                found.push(format!("{path}, {id}: '{help}'; put it into ARGUMENTS"));
            }
            let value = argument.get_value_names().and_then(|names| names.first());
            let takes_values = argument.get_action().takes_values();
            if let Some(value) = value.filter(|name| takes_values && !is_russian(name)) {
                found.push(format!("{path}, {id}: <{value}>; put it into VALUES"));
            }
            for value in argument.get_possible_values() {
                let help = value.get_help().map(ToString::to_string);
                if help.is_some_and(|help| !is_russian(&help)) {
                    found.push(format!(
                        "{path}, {id}: what is said of '{}'",
                        value.get_name()
                    ));
                }
            }
        }
        for verb in command
            .get_subcommands()
            .filter(|_| !path.ends_with(" help"))
        {
            lacking(verb, &format!("{path} {}", verb.get_name()), found);
        }
    }

    #[test]
    fn every_argument_and_every_verb_has_a_russian_text() {
        let mut found = Vec::new();
        lacking(&in_russian(args::command()), "chat-client", &mut found);
        assert!(found.is_empty(), "not in Russian:\n{}", found.join("\n"));
    }

    /// A row that is meant for nothing is a slip.
    #[test]
    fn every_row_is_of_an_argument_that_there_is() {
        let command = args::command();
        let is_argument = |row: &&(&str, &str, &str)| {
            let has = |command: &Command| command.get_arguments().any(|it| it.get_id() == row.1);
            match row.0 {
                "" => has(&command),
                "*" => command.get_subcommands().any(has),
                verb => command.find_subcommand(verb).is_some_and(has),
            }
        };
        let idle: Vec<_> = ARGUMENTS.iter().filter(|row| !is_argument(row)).collect();
        assert!(idle.is_empty(), "{idle:?}");
        let is_verb = |name| name == "help" || command.find_subcommand(name).is_some();
        assert!(VERBS.iter().all(|row| is_verb(row.0)));
    }

    fn help(words: &[&str]) -> String {
        let mut command = noted(in_russian(args::command())).term_width(80);
        command.build();
        let mut command = words.iter().fold(command, |command, verb| {
            command
                .find_subcommand(verb)
                .unwrap()
                .clone()
                .term_width(80)
        });
        command.render_help().to_string()
    }

    #[test]
    fn the_help_is_russian() {
        insta::assert_snapshot!(help(&[]), @"
        Разговор на сервере чата: в терминале, в канале или из скрипта

        Использование: chat-client [ПАРАМЕТРЫ] [УЗЕЛ[:ПОРТ]] [КОМАНДА]

        Команды:
          send     Отправить сообщение; если текст не указан, он берётся со стандартного
                   ввода
          tail     Показать новые сообщения комнат, по умолчанию всех ваших
          history  Показать сообщения комнаты
          search   Найти сообщения с указанными словами
          rooms    Показать, какие есть комнаты
          who      Показать, кто в сети или кто в комнате
          echo     Измерить время ответа сервера; учётная запись не нужна
          login    Войти и сохранить токен, чтобы скриптам не нужен был пароль
          logout   Завершить сеанс и забыть токен
          passwd   Сменить пароль; без терминала старый и новый — строки стандартного
                   ввода
          help     Показать эту справку или справку указанной команды

        Аргументы:
          [УЗЕЛ[:ПОРТ]]  Сервер, если он не указан через --server и --port

        Параметры:
              --server <УЗЕЛ>
                  Имя или адрес сервера [по умолчанию: localhost] [окружение:
                  CHAT_SERVER]
              --port <ПОРТ>
                  Его порт [по умолчанию: 2428] [окружение: CHAT_PORT]
              --name <ИМЯ>
                  Ваше имя на нём [окружение: CHAT_NAME]
              --invite <КОД>
                  Приглашение для регистрации, если сервер его требует [окружение:
                  CHAT_INVITE]
              --fingerprint <ОТПЕЧАТОК>
                  Доверять только серверу, у сертификата которого такой отпечаток
                  [окружение: CHAT_FINGERPRINT]
              --plaintext
                  Не шифровать: для сервера, который это разрешает, в сети, которая
                  только ваша
              --plain
                  Построчно, даже если терминал умеет полный экран
              --generate <ЧТО>
                  Вывести страницу руководства или дополнения для оболочки [значения:
                  man, bash, zsh, fish]
          -h, --help
                  Показать справку (подробнее: --help)
          -V, --version
                  Показать версию

        Пароль программа спрашивает на терминале или берёт из CHAT_PASSWORD, но никогда
        из командной строки. После входа токен сохраняется в ~/.local/state/chat-client,
        и пароль больше не нужен.

        Разговор шифруется (TLS), кроме разговора с сервером на этой машине, названным
        localhost или по адресу. Если система не доверяет серверу, программа покажет его
        отпечаток и один раз спросит; дальше сервер известен по
        ~/.local/state/chat-client/known_hosts.

        Коды завершения: 0 сделано, 1 сервер отказал, 2 ошибка в командной строке, 3 с
        сервером нет связи, 4 неверны имя или пароль, или нет доверия к серверу.
        ");
        insta::assert_snapshot!(help(&["send"]), @"
        Отправить сообщение; если текст не указан, он берётся со стандартного ввода

        Использование: chat-client send [ПАРАМЕТРЫ] <КОМНАТА|@ИМЯ> [ТЕКСТ]...

        Аргументы:
          <КОМНАТА|@ИМЯ>  Куда
          [ТЕКСТ]...      Что сказать; кавычки вокруг нескольких слов не нужны

        Параметры:
              --server <УЗЕЛ>
                  Имя или адрес сервера [по умолчанию: localhost] [окружение:
                  CHAT_SERVER]
              --port <ПОРТ>
                  Его порт [по умолчанию: 2428] [окружение: CHAT_PORT]
              --name <ИМЯ>
                  Ваше имя на нём [окружение: CHAT_NAME]
              --fingerprint <ОТПЕЧАТОК>
                  Доверять только серверу, у сертификата которого такой отпечаток
                  [окружение: CHAT_FINGERPRINT]
              --plaintext
                  Не шифровать: для сервера, который это разрешает, в сети, которая
                  только ваша
          -h, --help
                  Показать справку
        ");
    }

    #[test]
    fn what_is_wrong_is_said_in_russian() {
        let wrong = |words: &[&str]| {
            let mut command = noted(in_russian(args::command()));
            let words = ["chat-client"].iter().chain(words);
            let matches = Tongue::Russian.spoken_in(|| command.try_get_matches_from_mut(words));
            let read = matches.and_then(|mut matches| Args::from_arg_matches_mut(&mut matches));
            let error = read
                .map_err(|error| error.format(&mut command))
                .unwrap_err();
            assert_eq!(error.exit_code(), 2);
            Tongue::Russian.spoken_in(|| complaint(&error))
        };
        insta::assert_snapshot!(wrong(&["--prot", "1"]), @"
        ошибка: лишний аргумент «--prot»; похоже на «--port»

        Использование: chat-client [ПАРАМЕТРЫ] [УЗЕЛ[:ПОРТ]] [КОМАНДА]

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["--port", "many"]), @"
        ошибка: «many» не годится для «--port <ПОРТ>»: 'many' is no port; use a number from 1 to 65535

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["--port"]), @"
        ошибка: после «--port <ПОРТ>» нужно значение

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["send"]), @"
        ошибка: не хватает «<КОМНАТА|@ИМЯ>»

        Использование: chat-client send [ПАРАМЕТРЫ] <КОМНАТА|@ИМЯ> [ТЕКСТ]...

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["tail", "--json", "--json"]), @"
        ошибка: «--json» можно указать только один раз

        Использование: chat-client tail [ПАРАМЕТРЫ] [КОМНАТА]...

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["--generate", "tea"]), @"
        ошибка: «tea» не годится для «--generate <ЧТО>»; возможно: «man», «bash», «zsh», «fish»

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["history", "lobby", "-n", "few"]), @"
        ошибка: «few» не годится для «-n <ЧИСЛО>»: нужно целое число

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["echo", "-c", "9999999999"]), @"
        ошибка: «9999999999» не годится для «-c <РАЗ>»: нужно число в пределах 0..=4294967295

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["rooms", "now"]), @"
        ошибка: лишний аргумент «now»

        Использование: chat-client rooms [ПАРАМЕТРЫ]

        Подробнее: --help
        ");
        insta::assert_snapshot!(wrong(&["--fingerprint", "x"]), @"
        ошибка: «x» не годится для «--fingerprint <ОТПЕЧАТОК>»: «x» — не отпечаток; он пишется так: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU

        Подробнее: --help
        ");
    }
}
