//! All words of the full screen, in one place: whoever translates them looks nowhere else. What the line mode says too
//! (answers to commands, what happened to the connection) comes from there.

use crate::base::Cause;
use crate::base::tongue::{Both, plural, say};

mod keys;
mod state;

pub use keys::*;
pub use state::*;

/// Says the connection is to be made.
pub fn connecting() -> String {
    say!("connecting again…", "соединение…")
}

/// Says what was missed is coming.
pub fn catching_up() -> String {
    say!("catching up…", "загрузка пропущенного…")
}

/// Says all is well.
pub fn live() -> String {
    say!("live", "на связи")
}

/// Says the server keeps one waiting.
pub fn waiting() -> String {
    say!(
        "the server has not answered yet (it may be paused)",
        "сервер пока молчит (возможно, он на паузе)"
    )
}

/// How to get help.
pub fn help_hint() -> String {
    say!("F1 help", "F1 справка")
}

/// Above the first message of a room.
pub fn beginning() -> String {
    say!("this is the beginning", "самое начало")
}

/// Where earlier messages are on their way.
pub const FETCHING: &str = "…";
/// The line above what is new.
pub fn new() -> String {
    say!("new", "новое")
}

/// Before a message that is on its way.
pub const PENDING: &str = "…";
/// Before a message that was refused.
pub const FAILED: &str = "!";
/// Above the places where one is mentioned.
pub fn mentions() -> String {
    say!("Mentions", "Упоминания")
}

/// Where there are none.
pub fn no_mentions() -> String {
    say!(
        "nobody has mentioned you since you came",
        "с тех пор как вы вошли, вас никто не упоминал"
    )
}

/// Above what was found.
pub fn found() -> String {
    say!("Found", "Найдено")
}

/// Where nothing was found.
pub fn nothing_found() -> String {
    say!("nothing found", "ничего не найдено")
}

/// Below a list.
pub fn list_keys() -> String {
    say!(
        "Enter goes there · Esc closes",
        "Enter — перейти · Esc — закрыть"
    )
}

/// Below it.
pub fn paste_keys() -> String {
    say!(
        "Enter takes it into the line · Esc throws it away",
        "Enter — взять в строку · Esc — убрать"
    )
}

/// At Ctrl-C.
pub fn how_to_end() -> String {
    say!(
        "to end, press Ctrl-D or write /quit",
        "чтобы выйти, нажмите Ctrl-D или напишите /quit"
    )
}

/// While the editor has the terminal.
pub fn no_editor() -> String {
    say!(
        "the editor did not work; set EDITOR to one that does",
        "редактор не сработал; укажите в EDITOR другой"
    )
}

/// When the message cannot be kept on disk.
pub fn not_kept() -> String {
    say!(
        "what you write is not kept on disk",
        "то, что вы пишете, не сохраняется на диске"
    )
}

/// Why an old message is not sent by itself.
pub fn stale() -> String {
    say!(
        "it waited so long that it may be there already: look first",
        "сообщение ждало так долго, что могло уже дойти: сначала посмотрите"
    )
}

/// When all that is typed does not fit.
pub fn too_long() -> String {
    say!(
        "that is too long for the line; the rest was left out",
        "это слишком длинно для строки, остаток отброшен"
    )
}

/// At the mouse key.
pub fn mouse_on() -> String {
    say!(
        "the mouse scrolls and picks rooms; with Shift it selects text",
        "мышь прокручивает и выбирает комнаты; с Shift — выделяет текст"
    )
}

/// At the mouse key.
pub fn mouse_off() -> String {
    say!("the mouse selects text", "мышь выделяет текст")
}

/// The keys and what they do, for the help and the manual page.
pub const KEYS: &[(&str, Both)] = &[
    (
        "Enter",
        Both(
            "send; Alt-Enter begins another line",
            "отправить; Alt-Enter начинает новую строку",
        ),
    ),
    (
        "Tab",
        Both(
            "complete a name, room or command; again for the next one",
            "дополнить имя, комнату или команду; ещё раз — следующий вариант",
        ),
    ),
    (
        "Up, Down",
        Both(
            "what was written before; in several lines, move",
            "написанное раньше; если строк несколько — ходить по ним",
        ),
    ),
    (
        "PgUp, PgDn",
        Both(
            "scroll; earlier messages are fetched by themselves",
            "прокрутка; более ранние сообщения загружаются сами",
        ),
    ),
    (
        "Ctrl-Home, Ctrl-End",
        Both(
            "go to the first message; to the newest",
            "к первому сообщению; к самому новому",
        ),
    ),
    (
        "Alt-Up, Alt-Down",
        Both("go to the room above or below", "в комнату выше или ниже"),
    ),
    (
        "Ctrl-K",
        Both(
            "go to a room or person by a part of the name",
            "в комнату или к человеку по части имени",
        ),
    ),
    (
        "Alt-A",
        Both(
            "go to the next room with something new",
            "в следующую комнату, где есть новое",
        ),
    ),
    (
        "Alt-M",
        Both("list where you were mentioned", "где вас упоминали"),
    ),
    (
        "Ctrl-O",
        Both(
            "open what is folded: long messages, who came and left",
            "развернуть свёрнутое: длинные сообщения, кто пришёл и ушёл",
        ),
    ),
    (
        "F7, F8",
        Both(
            "send again, or drop, what was not sent in this room",
            "отправить снова или убрать неотправленное в этой комнате",
        ),
    ),
    (
        "Alt-E",
        Both(
            "write in $EDITOR; also Ctrl-X Ctrl-E",
            "писать в $EDITOR; также Ctrl-X Ctrl-E",
        ),
    ),
    (
        "F2",
        Both(
            "the mouse scrolls and picks rooms, or selects text",
            "мышь прокручивает и выбирает комнаты или выделяет текст",
        ),
    ),
    (
        "Ctrl-A E B F, Alt-B F",
        Both(
            "move to begin, end, by a letter, by a word",
            "в начало, в конец, на букву, на слово",
        ),
    ),
    (
        "Ctrl-W U Y, Alt-D K",
        Both(
            "cut a word, to the begin, put back; a word, to the end",
            "вырезать слово, до начала, вставить обратно; слово, до конца",
        ),
    ),
    (
        "Ctrl-T, Ctrl-_",
        Both(
            "swap two letters; undo",
            "поменять местами две буквы; отменить",
        ),
    ),
    ("Ctrl-L", Both("draw the screen anew", "перерисовать экран")),
    (
        "Ctrl-Z",
        Both("stop; `fg` comes back", "приостановить; `fg` возвращает"),
    ),
    ("Ctrl-C", Both("empty the line", "очистить строку")),
    (
        "Ctrl-D",
        Both("end, where the line is empty", "выйти, если строка пуста"),
    ),
    (
        "Esc",
        Both(
            "close a list; go back to the newest message",
            "закрыть список; вернуться к самому новому сообщению",
        ),
    ),
    (
        "Ctrl-R",
        Both(
            "while the connection is lost: try again at once",
            "если связи нет: попробовать сразу",
        ),
    ),
    (
        "?, F1",
        Both(
            "the keys that work here; `?` on an empty line, twice to write it",
            "какие клавиши работают здесь; `?` в пустой строке, дважды — написать его",
        ),
    ),
];

/// How long the last answer took.
pub fn round_trip(millis: u128) -> String {
    say!("{millis} ms", "{millis} мс")
}

/// Messages that are not acknowledged.
pub fn pending(count: usize) -> String {
    say!("{count} not sent yet", "к отправке: {count}")
}

/// Messages that were refused.
pub fn failed(count: usize) -> String {
    say!(
        "{count} not sent: F7 again, F8 drop",
        "{count} не ушло: F7 снова, F8 убрать"
    )
}

/// What is new in other rooms, where they are not listed.
pub fn elsewhere(unread: u64) -> String {
    say!("{unread} elsewhere", "в других: {unread}")
}

/// How many messages are below.
pub fn below(count: u64) -> String {
    say!("{count} below", "ниже: {count}")
}

/// What is folded.
pub fn folded(lines: usize) -> String {
    let lines_form = plural(lines as u64, "строка", "строки", "строк");
    say!(
        "… {lines} more lines (Ctrl-O)",
        "… ещё {lines} {lines_form} (Ctrl-O)"
    )
}

/// That nothing in a room is new any more.
pub fn all_read(room: &str) -> String {
    say!("everything in {room} is read", "в {room} всё прочитано")
}

/// Members of a room.
pub fn members(count: u32) -> String {
    let members_form = plural(count.into(), "участник", "участника", "участников");
    match count {
        1 => say!("1 member", "1 участник"),
        count => say!("{count} members", "{count} {members_form}"),
    }
}

/// Why a message was not sent.
pub fn not_sent(why: &str) -> String {
    say!("not sent: {why}", "не отправлено: {why}")
}

/// That one message took another's text away.
pub fn removes(seq: u64, by: &str) -> String {
    say!(
        "— message {seq} was removed by {by}",
        "— {by} удаляет сообщение {seq}"
    )
}

/// That a message's text is gone.
pub fn removed(seq: u64, of: &str) -> String {
    say!(
        "— message {seq} of {of} was removed",
        "— сообщение {seq} от {of} удалено"
    )
}

/// How much was pasted.
pub fn pasted(lines: usize, bytes: usize) -> String {
    let (lines_form, bytes_form) = (
        plural(lines as u64, "строка", "строки", "строк"),
        plural(bytes as u64, "байт", "байта", "байт"),
    );
    say!(
        "Pasted: {lines} lines, {bytes} bytes",
        "Вставка: {lines} {lines_form}, {bytes} {bytes_form}"
    )
}

/// Why there is no screen.
pub fn no_terminal(error: &std::io::Error) -> String {
    let cause = Cause(error);
    say!(
        "cannot use the terminal: {cause}",
        "не удаётся работать с терминалом: {cause}"
    )
}

/// That nothing more will come, where the server did not say why.
pub fn over() -> String {
    say!(
        "the conversation with the server is over",
        "связь с сервером завершена"
    )
}

/// What is left on disk for the next time.
pub fn left(count: usize) -> String {
    say!(
        "{count} not sent; kept and sent the next time that chat-client runs",
        "не отправлено: {count}; сохранено и уйдёт при следующем запуске chat-client"
    )
}
