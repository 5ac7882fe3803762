//! Shows that every argument and verb has a Russian text, and what help and errors look like.

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
    Общение на сервере чата: в терминале, через канал или из скрипта

    Использование: chat-client [ПАРАМЕТРЫ] [АДРЕС] [КОМАНДА]

    Команды:
      send      Отправить сообщение; если текст не указан, он берётся со
                стандартного ввода
      tail      Показать последние сообщения комнат, по умолчанию всех ваших
      history   Показать сообщения комнаты
      search    Найти сообщения с указанными словами
      rooms     Показать, какие есть комнаты
      who       Показать, кто в сети или кто в комнате
      verify    Прочитать комнаты от начала до конца, по умолчанию все ваши, и
                сказать, всё ли на месте
      profiles  Показать профили: серверы, у которых есть имя в
                ~/.config/chat-client/config.toml
      echo      Измерить время ответа сервера; учётная запись не нужна
      login     Войти и сохранить токен, чтобы скриптам не нужен был пароль
      logout    Завершить сеанс и забыть токен
      passwd    Сменить пароль; без терминала старый и новый — строки стандартного
                ввода
      help      Показать эту справку или справку указанной команды

    Аргументы:
      [АДРЕС]  Сервер: УЗЕЛ, УЗЕЛ:ПОРТ, chat://[ИМЯ@]УЗЕЛ[:ПОРТ][/КОМНАТА] или имя
               профиля, которое важнее узла с тем же именем

    Параметры:
      -p, --profile <ИМЯ>
              Сервер с этим именем в ~/.config/chat-client/config.toml
          --server <УЗЕЛ>
              Имя или адрес сервера [по умолчанию: localhost] [окружение:
              CHAT_SERVER]
          --port <ПОРТ>
              Порт сервера [по умолчанию: 2428] [окружение: CHAT_PORT]
          --name <ИМЯ>
              Ваше имя на сервере [окружение: CHAT_NAME]
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
              Вывести страницу руководства или автодополнение для оболочки
              [значения: man, bash, zsh, fish]
      -h, --help
              Показать справку (подробнее: --help)
      -V, --version
              Показать версию

    Пароль программа спрашивает на терминале, берёт из CHAT_PASSWORD или из первой
    строки, которую выводит CHAT_PASSWORD_COMMAND или команда профиля, но никогда из
    командной строки. После входа токен сохраняется в ~/.local/state/chat-client, и
    пароль больше не нужен.

    Аргументы важнее окружения, окружение важнее профиля, профиль важнее
    запомненного. О профилях рассказывает chat-client(1).

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
      -p, --profile <ИМЯ>
              Сервер с этим именем в ~/.config/chat-client/config.toml
          --server <УЗЕЛ>
              Имя или адрес сервера [по умолчанию: localhost] [окружение:
              CHAT_SERVER]
          --port <ПОРТ>
              Порт сервера [по умолчанию: 2428] [окружение: CHAT_PORT]
          --name <ИМЯ>
              Ваше имя на сервере [окружение: CHAT_NAME]
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

    Использование: chat-client [ПАРАМЕТРЫ] [АДРЕС] [КОМАНДА]

    Подробнее: --help
    ");
    insta::assert_snapshot!(wrong(&["--port", "many"]), @"
    ошибка: «many» не годится для «--port <ПОРТ>»: «many» — не порт; нужно число от 1 до 65535

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
