//! What chat-client(1) says beyond the command line, in English and in Russian.

use crate::base::manual::{Entries, Manual, Section};
use crate::base::tongue::Both;
use crate::tui::command::COMMANDS;
use crate::tui::screen::words::{KEYS, KEYS_OF_JUMP, KEYS_OF_LIST, KEYS_OF_PASTE};

pub(super) fn manual() -> Manual<Both> {
    Manual {
        section: "1",
        description: &[
            Both(
                "After a login a token is kept, so that no password is needed from then on; `chat-client logout` ends that. \
                 A password is asked for, or comes from the environment or a command, never from the command line.",
                "После входа сохраняется токен, и пароль больше не нужен; `chat-client logout` это отменяет. Пароль \
                 программа спрашивает или берёт из окружения либо у команды, но никогда из командной строки.",
            ),
            Both(
                "A lost connection is made anew, and what was missed meanwhile is shown; nothing is sent twice. A command \
                 gives up when it has had no connection for a minute; talking and `tail --follow` go on trying.",
                "Если связь пропала, она восстанавливается сама, и всё пропущенное показывается; дважды ничего не \
                 отправляется. Команда сдаётся, если связи нет минуту; разговор и `tail --follow` не сдаются.",
            ),
        ],
        more: vec![
            slash_commands(),
            entrance(),
            profiles(),
            addresses(),
            screen(),
            keys_in_lists(),
            told_elsewhere(),
            pipes(),
            servers(),
            examples(),
        ],
        exit_status: &[
            ("0", Both("it is done", "всё сделано")),
            (
                "1",
                Both(
                    "the server refused it, or it has failed; where lines come from a pipe, one of them is enough",
                    "сервер отказал, или что-то не получилось; если строки идут из канала, хватит и одной такой",
                ),
            ),
            (
                "2",
                Both(
                    "the command line is wrong, or something is missing that it needs, such as a name or a text",
                    "ошибка в командной строке, или не хватает нужного, например имени или текста",
                ),
            ),
            (
                "3",
                Both("the server cannot be reached", "с сервером нет связи"),
            ),
            (
                "4",
                Both(
                    "name or password is wrong, or there is none; or the server does not prove to be the one that is meant",
                    "имя или пароль неверны, или их нет; или сервер не доказал, что он тот самый",
                ),
            ),
        ],
        environment: ENVIRONMENT,
        files: FILES,
        see_also: &["chatd-protocol(7)", "chatd(8)", "chatctl(8)"],
    }
}

fn slash_commands() -> Section {
    let entries = COMMANDS.iter().map(|command| {
        let call = command.call();
        (call.trim_end().to_owned(), command.help)
    });
    Section::new(
        Both("SLASH COMMANDS", "КОМАНДЫ С КОСОЙ ЧЕРТОЙ"),
        &[Both(
            "A line that is typed, or read from a pipe, goes to the room that one is in; that is `lobby` at first, and \
             on a terminal the prompt tells it. A line that begins with a slash is a command. Two slashes at the \
             beginning say one.",
            "Введённая или прочитанная из канала строка уходит в комнату, в которой вы находитесь: сначала это `lobby`, \
             а на терминале имя комнаты стоит в начале строки. Строка, которая начинается с косой черты, — команда. Две \
             черты в начале означают одну.",
        )],
        entries,
    )
}

fn entrance() -> Section {
    Section::new(
        Both("GETTING IN", "ВХОД"),
        &[
            Both(
                "On the full screen a form asks for what is not known: server, port, name and password; for a name that is new \
             the password again and, where the server wants one, an invite; and whether a server that is not known is to be \
             trusted. What is wrong is told at its field, and nothing that was typed is lost. Enter goes on and, where all \
             is filled in, tries it; Tab, Shift-Tab and the arrow keys go from field to field, Esc breaks off or ends. An \
             address (see below) in the first field fills the others.",
                "На полном экране форма спрашивает то, чего программа не знает: сервер, порт, имя и пароль; для нового имени — пароль ещё раз и, если сервер этого требует, приглашение; а ещё — доверять ли незнакомому серверу. Об ошибке говорится у её поля, и ничего из набранного не пропадает. Enter ведёт дальше, а когда всё заполнено, пробует войти; Tab, Shift-Tab и стрелки переходят между полями, Esc прерывает или завершает. Адрес (см. ниже) в первом поле заполняет остальные.",
            ),
            Both(
                "Server, port and name are remembered, the password never is; so the next time nothing is asked. When a session \
             is over in the middle of a conversation, the form comes back. With `--plain` the same is asked line by line, and \
             scripts are asked nothing; neither of them goes by what is remembered.",
                "Сервер, порт и имя запоминаются, пароль — никогда; поэтому в следующий раз ничего не спрашивается. Если сеанс завершён посреди разговора, форма появляется снова. С `--plain` то же спрашивается построчно, а скрипты не спрашиваются ни о чём; запомненное не действует ни там, ни там.",
            ),
            Both(
                "What is said in several ways is looked for in this order:",
                "Сказанное несколькими способами берётся в таком порядке:",
            ),
        ],
        [
            (
                Both("arguments", "аргументы").said(),
                Both(
                    "an address, or the server of a profile that is named; `--server` and the like",
                    "адрес или сервер названного профиля; `--server` и подобные",
                ),
            ),
            (
                Both("the environment", "окружение").said(),
                Both("`CHAT_SERVER` and the like", "`CHAT_SERVER` и подобные"),
            ),
            (
                Both("a profile", "профиль").said(),
                Both(
                    "what else it says; where no server was named, the one that `default` names",
                    "остальное, что в нём сказано; если сервер не назван, тот, что указан в `default`",
                ),
            ),
            (
                Both("the last time", "прошлый раз").said(),
                Both(
                    "server, port and name, on the full screen",
                    "сервер, порт и имя, на полном экране",
                ),
            ),
            (
                Both("by default", "по умолчанию").said(),
                Both(
                    "`localhost`, port 2428, the name on this machine",
                    "`localhost`, порт 2428, имя на этой машине",
                ),
            ),
        ],
    )
}

fn profiles() -> Section {
    Section::new(
        Both("PROFILES", "ПРОФИЛИ"),
        &[Both(
            "Servers can be given names in `~/.config/chat-client/config.toml` (TOML). `chat-client NAME` or `chat-client \
             --profile NAME` goes there; a profile wins over a host of the same name. `chat-client profiles` lists them. \
             What a profile says goes for its server alone: with another one none of it is used. A file that others can \
             write is refused.",
            "Серверам можно дать имена в `~/.config/chat-client/config.toml` (TOML). `chat-client ИМЯ` или `chat-client --profile ИМЯ` ведёт туда; профиль важнее узла с тем же именем. `chat-client profiles` показывает их. Сказанное в профиле относится только к его серверу: с другим ничего из этого не используется. Файл, в который могут писать другие, не принимается.",
        )],
        [
            (
                "default = \"NAME\"",
                Both(
                    "at the top: the profile that is taken where no server is named",
                    "в начале файла: профиль, который берётся, если сервер не назван",
                ),
            ),
            (
                "[profile.NAME]",
                Both(
                    "begins a profile; what follows belongs to it",
                    "начинает профиль; дальнейшее относится к нему",
                ),
            ),
            ("server = \"HOST\"", Both("its server", "его сервер")),
            (
                "port = NUMBER",
                Both("its port; 2428 by default", "его порт; по умолчанию 2428"),
            ),
            ("name = \"NAME\"", Both("who one is there", "кто вы там")),
            (
                "fingerprint = \"SHA256:…\"",
                Both(
                    "the server's certificate has this fingerprint, as with `--fingerprint`",
                    "у сертификата сервера этот отпечаток, как с `--fingerprint`",
                ),
            ),
            (
                "plaintext = true",
                Both(
                    "nothing is encrypted, as with `--plaintext`",
                    "ничего не шифруется, как с `--plaintext`",
                ),
            ),
            (
                "password-command = \"COMMAND\"",
                Both(
                    "where no token is kept, `/bin/sh` runs the command, such as `pass show chat`, and the first line that it \
                 prints is the password. What it says on standard error, or asks on the terminal, is seen. It has a minute",
                    "если токена нет, `/bin/sh` выполняет команду, например `pass show chat`, и первая строка её вывода — пароль. Что она пишет в стандартный вывод ошибок или спрашивает на терминале, видно. У неё есть минута",
                ),
            ),
        ],
    )
}

fn addresses() -> Section {
    Section::new(
        Both("ADDRESSES", "АДРЕСА"),
        &[Both(
            "A server is named by its host, by `HOST:PORT`, or by an address that can be passed on. An address of IPv6 that a \
             port follows stands in brackets.",
            "Сервер называют узлом, `УЗЕЛ:ПОРТ` или адресом, который можно передать другому. Адрес IPv6, за которым стоит порт, берётся в скобки.",
        )],
        [(
            "chat://[NAME@]HOST[:PORT][/ROOM]",
            Both(
                "the name is who one is there. The room (or `@USER`) is where one is at first; one joins it if one is not in it. \
             What an address cannot have is written by percents: a space is `%20`. There is no place for a password: it \
             would be seen in lists of programs",
                "имя — кто вы там. Комната (или `@ИМЯ`) — где вы окажетесь сначала; если вас в ней нет, вы в неё войдёте. Чего в адресе быть не может, пишется через проценты: пробел — `%20`. Места для пароля нет: его было бы видно в списке программ",
            ),
        )],
    )
}

fn screen() -> Section {
    Section::new(
        Both("KEYS", "КЛАВИШИ"),
        &[
            Both(
                "On a terminal chat-client has a full screen: the rooms at the left with what is new in them (where it is wide \
                 enough), the conversation, the state of the connection, and the line that is written. With `--plain`, or \
                 where `TERM` is `dumb`, it talks line by line.",
                "На терминале chat-client занимает весь экран: слева комнаты и сколько в них нового (если хватает ширины), \
                 разговор, состояние связи и строка, которую вы пишете. С `--plain` или когда `TERM` равен `dumb`, он \
                 работает построчно.",
            ),
            Both(
                "A message that is on its way has `…` instead of its time, one that the server refused has `!`. What is not \
                 sent when the program ends is sent the next time that it runs, and stored once however often it is sent.",
                "У сообщения в пути вместо времени стоит `…`, у отклонённого сервером — `!`. Что не ушло до конца работы \
                 программы, уйдёт при следующем запуске, а сохранится один раз, сколько бы ни отправлялось.",
            ),
        ],
        KEYS.iter().map(|(key, what)| ((*key).to_owned(), *what)),
    )
}

fn keys_in_lists() -> Section {
    let of = |place: Both, keys: &'static [(&str, Both)]| {
        (keys.iter()).map(move |(key, what)| (format!("{}: {key}", place.said()), *what))
    };
    let messages = of(Both("messages", "сообщения"), KEYS_OF_LIST);
    let pasted = of(Both("paste", "вставка"), KEYS_OF_PASTE);
    let names = of(Both("go to", "переход"), KEYS_OF_JUMP);
    Section::new(
        Both("KEYS IN LISTS", "КЛАВИШИ В СПИСКАХ"),
        &[Both(
            "What lies over the conversation for a while has keys of its own: a list of messages (mentions, what was \
             found), the names that Ctrl-K goes to, and a long text that was pasted. F1 tells them there.",
            "У того, что на время закрывает разговор, свои клавиши: у списка сообщений (упоминания, найденное), у имён, к \
             которым ведёт Ctrl-K, и у длинного вставленного текста. F1 рассказывает о них на месте.",
        )],
        messages.chain(names).chain(pasted),
    )
}

fn told_elsewhere() -> Section {
    Section::new(
        Both("ALERTS", "НАПОМИНАНИЯ"),
        &[
            Both(
                "Who mentions you, or says something to you alone, while the terminal has no focus, is told of: by the bell, \
                 by OSC 9, which many terminals show as a note, and by `notify-send` where that is installed and the desktop \
                 is this machine's. What comes at once is told together, and no more often than every five seconds. \
                 `/notify bell` leaves it at the bell, `/notify off` at nothing; `/hush` leaves out a room. Both are \
                 remembered.",
                "Если вас упомянули или написали вам лично, а окно терминала не в фокусе, программа даст знать: звонком, через \
                 OSC 9 (многие терминалы показывают его как уведомление) и через `notify-send`, если он установлен, а рабочий \
                 стол на этой же машине. О пришедшем сразу сообщается вместе и не чаще раза в пять секунд. С `/notify bell` \
                 остаётся только звонок, с `/notify off` — ничего; `/hush` исключает комнату. И то и другое запоминается.",
            ),
            Both(
                "A terminal that does not tell whether it has the focus gets the bell alone, once no key was pressed for a \
                 minute. In tmux, `set -g focus-events on` has it told.",
                "Терминал, который не говорит, в фокусе ли он, получает только звонок, и лишь когда минуту не нажимали клавиш. \
                 В tmux это включает `set -g focus-events on`.",
            ),
        ],
        [] as [(&str, Both); 0],
    )
}

fn pipes() -> Section {
    Section::new(
        Both("PIPES", "КАНАЛЫ"),
        &[
            Both(
                "Where standard input or output is no terminal, nobody is asked: a token has to be there, or `CHAT_NAME` \
                 and `CHAT_PASSWORD`. Each line read is a message or a slash command; at the end of the input the program \
                 ends once all of it is stored. What the program itself has to say goes to standard error.",
                "Если стандартный ввод или вывод не терминал, вопросов не будет: нужен токен или `CHAT_NAME` и \
                 `CHAT_PASSWORD`. Каждая прочитанная строка — сообщение или команда; в конце ввода программа завершается, \
                 как только всё сохранено. То, что говорит сама программа, идёт в стандартный вывод ошибок.",
            ),
            Both(
                "Each message, one's own too, is a line of standard output. This form is stable, and `tail`, `history` and \
                 `search` print it too; with `--json` they print the protocol's `message` objects, one a line.",
                "Каждое сообщение, и своё тоже, — строка стандартного вывода. Этот вид постоянен и не зависит от языка; так \
                 же печатают `tail`, `history` и `search`, а с `--json` они печатают объекты `message` протокола, по одному \
                 на строку.",
            ),
        ],
        [
            (
                "2026-11-20T10:30:00.000Z lobby <anna> good morning",
                Both(
                    "the time (UTC), the room (`@boris` is what is said with boris alone), the author, the text, in which \
                     ↵ (U+21B5) stands for a line break",
                    "время (UTC), комната (`@boris` — личная переписка с boris), автор и текст, в котором ↵ (U+21B5) \
                     означает перевод строки",
                ),
            ),
            (
                "2026-11-20T10:30:05.000Z lobby * anna waves",
                Both("what is said with `/me`", "сказанное через `/me`"),
            ),
            (
                Both("-- 2: anna, boris (away)", "-- 2: anna, boris (не в сети)").said(),
                Both(
                    "a line of the answer to a slash command such as `/who`",
                    "строка ответа на команду, например `/who`",
                ),
            ),
        ],
    )
}

fn servers() -> Section {
    Section::new(
        Both("TRUSTING A SERVER", "ДОВЕРИЕ К СЕРВЕРУ"),
        &[Both(
            "What is said to a server on another machine is encrypted (TLS). A server on this machine, called \
             `localhost` or by its address, is talked to in the clear. The server has to prove that it is the one that \
             is meant, by a certificate:",
            "Разговор с сервером на другой машине шифруется (TLS). С сервером на этой машине, названным `localhost` или \
             по адресу, разговор идёт без шифрования. Сервер должен доказать сертификатом, что он тот самый:",
        )],
        [
            (
                Both("that the system trusts", "которому доверяет система").said(),
                Both(
                    "it is for the name that was given, and one of the authorities that this system knows vouches for it",
                    "он выдан на указанное имя, и за него ручается один из центров сертификации, известных этой системе",
                ),
            ),
            (
                Both("that is known", "который известен").said(),
                Both(
                    "its fingerprint stands in the file `known_hosts`. Where the server does not, a person is shown the \
                     fingerprint and asked once (compare it with what `chatctl status` shows on the server); a script is \
                     refused. A server that shows another certificate than the known one is refused in any case",
                    "его отпечаток есть в файле `known_hosts`. Если сервера там нет, человеку показывают отпечаток и один раз \
                     спрашивают (сравните его с тем, что показывает на сервере `chatctl status`), а скрипту отказывают. \
                     Серверу, который показал не тот сертификат, что известен, отказывают в любом случае",
                ),
            ),
            (
                Both("that was told", "который указан").said(),
                Both(
                    "with `--fingerprint` or `CHAT_FINGERPRINT` it is that one and no other, also on this machine",
                    "с `--fingerprint` или `CHAT_FINGERPRINT` годится только он и никакой другой, и на этой машине тоже",
                ),
            ),
        ],
    )
}

fn examples() -> Section {
    Section::new(
        Both("EXAMPLES", "ПРИМЕРЫ"),
        &[],
        [
            (
                "chat-client --name anna",
                Both(
                    "talk on this machine's server; an unknown name may be registered there and then",
                    "разговор на сервере этой машины; новое имя можно тут же зарегистрировать",
                ),
            ),
            (
                "chat-client chat://anna@chat.example.org/tea",
                Both(
                    "talk in the room tea of that server",
                    "говорить в комнате tea этого сервера",
                ),
            ),
            (
                "echo \"backup done\" | chat-client send lobby",
                Both(
                    "send all of standard input as one message",
                    "отправить весь стандартный ввод одним сообщением",
                ),
            ),
            (
                "chat-client verify lobby",
                Both(
                    "read all that was ever said there: `lobby: 1..48211, no hole`, or what is missing, and exit status 1",
                    "прочитать всё, что там когда-либо сказано: `lobby: 1..48211, без пропусков` или чего не хватает, и код \
                     завершения 1",
                ),
            ),
            (
                "chat-client tail -f --json lobby",
                Both(
                    "read a room from a program, as it goes on",
                    "читать комнату из программы по мере разговора",
                ),
            ),
        ],
    )
}

const ENVIRONMENT: Entries<Both> = &[
    (
        "CHAT_PASSWORD",
        Both(
            "the password, where no token is kept",
            "пароль, если токен не сохранён",
        ),
    ),
    (
        "LANGUAGE, LC_ALL, LC_MESSAGES, LANG",
        Both(
            "the language in which the program speaks: Russian where the first of LC_ALL, LC_MESSAGES and LANG that is set \
             begins with `ru`, such as `ru_RU.UTF-8`, else English; LANGUAGE counts before them, unless they say `C`. What \
             scripts read (`--json`, the lines of messages, exit codes) is the same in both",
            "язык, на котором говорит программа: русский, если первая заданная из LC_ALL, LC_MESSAGES и LANG начинается с \
             `ru`, например `ru_RU.UTF-8`, иначе английский; LANGUAGE важнее их, если они не говорят `C`. То, что читают \
             скрипты (`--json`, строки сообщений, коды завершения), от языка не зависит",
        ),
    ),
    (
        "CHAT_PASSWORD_COMMAND",
        Both(
            "a command whose first line of output is the password, where no token is kept and CHAT_PASSWORD is not set",
            "команда, первая строка вывода которой — пароль; нужна, если токена нет и CHAT_PASSWORD не задан",
        ),
    ),
    (
        "NO_COLOR",
        Both(
            "where it is set and not empty, no colours are used",
            "если задана и не пуста, цвета не используются",
        ),
    ),
    (
        "VISUAL, EDITOR",
        Both(
            "the editor for Alt-E on the full screen; `vi` where neither is set",
            "редактор для Alt-E на полном экране; `vi`, если не задано ни то ни другое",
        ),
    ),
    (
        "DISPLAY, WAYLAND_DISPLAY, SSH_CONNECTION",
        Both(
            "whether there is a desktop here that can be told of mentions",
            "есть ли здесь рабочий стол, которому можно сообщать об упоминаниях",
        ),
    ),
    (
        "TZ",
        Both(
            "the time zone of what is shown on a terminal",
            "часовой пояс времени на терминале",
        ),
    ),
    (
        "SSL_CERT_FILE, SSL_CERT_DIR",
        Both(
            "where the authorities are that the system trusts, instead of its usual places",
            "где лежат сертификаты центров, которым доверяет система, если не в обычных местах",
        ),
    ),
    (
        "XDG_CONFIG_HOME",
        Both(
            "where the folder of `config.toml` is, instead of in `~/.config`",
            "где лежит папка с `config.toml`, если не в `~/.config`",
        ),
    ),
    (
        "XDG_STATE_HOME",
        Both(
            "where the folder of the tokens and of `known_hosts` is, instead of in `~/.local/state`",
            "где лежит папка токенов и `known_hosts`, если не в `~/.local/state`",
        ),
    ),
];

const FILES: Entries<Both> = &[
    (
        "~/.config/chat-client/config.toml",
        Both("the profiles; written by hand", "профили; пишутся от руки"),
    ),
    (
        "~/.local/state/chat-client/last",
        Both(
            "server, port and name of the last time on the full screen",
            "сервер, порт и имя с прошлого раза на полном экране",
        ),
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.token",
        Both(
            "a token; whoever can read it is let in, so it is not used where others than its owner can",
            "токен; кто может его прочитать, тот и войдёт, поэтому доступный другим файл не используется",
        ),
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.NUMBER.unsent",
        Both(
            "what was written on the full screen and is not stored by the server yet; one file for each program that runs",
            "написанное на полном экране, что сервер ещё не сохранил; по файлу на каждую запущенную программу",
        ),
    ),
    (
        "~/.local/state/chat-client/HOST:PORT:NAME.preferences.json",
        Both(
            "what `/notify` and `/hush` have set; a file that is damaged is put aside and told of",
            "что задано командами `/notify` и `/hush`; испорченный файл откладывается, и об этом сообщается",
        ),
    ),
    (
        "~/.local/state/chat-client/known_hosts",
        Both(
            "the servers that are known by the fingerprints of their certificates, one `HOST:PORT SHA256:…` a line",
            "серверы, известные по отпечаткам сертификатов, по одному `УЗЕЛ:ПОРТ SHA256:…` на строку",
        ),
    ),
];
