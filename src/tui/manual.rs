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
                 A password is asked for or comes from the environment, never from the command line.",
                "После входа сохраняется токен, и пароль больше не нужен; `chat-client logout` это отменяет. Пароль \
                 программа спрашивает или берёт из окружения, но никогда из командной строки.",
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
                "echo \"backup done\" | chat-client send lobby",
                Both(
                    "send all of standard input as one message",
                    "отправить весь стандартный ввод одним сообщением",
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
        "XDG_STATE_HOME",
        Both(
            "where the folder of the tokens and of `known_hosts` is, instead of in `~/.local/state`",
            "где лежит папка токенов и `known_hosts`, если не в `~/.local/state`",
        ),
    ),
];

const FILES: Entries<Both> = &[
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
