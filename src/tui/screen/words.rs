//! All words of the full screen, in one place: whoever translates them looks nowhere else. What the line mode says too
//! (answers to commands, what happened to the connection) comes from there.

use crate::base::tongue::say;

mod keys;
mod state;

pub use keys::*;
pub use state::*;

/// Says the connection is to be made.
pub const CONNECTING: &str = "connecting again…";
/// Says what was missed is coming.
pub const CATCHING_UP: &str = "catching up…";
/// Says all is well.
pub const LIVE: &str = "live";
/// Says the server keeps one waiting.
pub const WAITING: &str = "the server has not answered yet (it may be paused)";
/// How to get help.
pub const HELP_HINT: &str = "F1 help";
/// Above the first message of a room.
pub const BEGINNING: &str = "this is the beginning";
/// Where earlier messages are on their way.
pub const FETCHING: &str = "…";
/// The line above what is new.
pub const NEW: &str = "new";
/// Before a message that is on its way.
pub const PENDING: &str = "…";
/// Before a message that was refused.
pub const FAILED: &str = "!";
/// Above the places where one is mentioned.
pub const MENTIONS: &str = "Mentions";
/// Where there are none.
pub const NO_MENTIONS: &str = "nobody has mentioned you since you came";
/// Above what was found.
pub const FOUND: &str = "Found";
/// Where nothing was found.
pub const NOTHING_FOUND: &str = "nothing found";
/// Below a list.
pub const LIST_KEYS: &str = "Enter goes there · Esc closes";
/// Above what was pasted.
pub const PASTE: &str = "Pasted";
/// Below it.
pub const PASTE_KEYS: &str = "Enter takes it into the line · Esc throws it away";
/// At Ctrl-C.
pub const HOW_TO_END: &str = "to end, press Ctrl-D or write /quit";
/// While the editor has the terminal.
pub const NO_EDITOR: &str = "the editor did not work; set EDITOR to one that does";
/// When the message cannot be kept on disk.
pub const NOT_KEPT: &str = "what you write is not kept on disk";
/// Why an old message is not sent by itself.
pub const STALE: &str = "it waited so long that it may be there already: look first";
/// When all that is typed does not fit.
pub const TOO_LONG: &str = "that is too long for the line; the rest was left out";
/// At the mouse key.
pub const MOUSE_ON: &str = "the mouse scrolls and picks rooms; with Shift it selects text";
/// At the mouse key.
pub const MOUSE_OFF: &str = "the mouse selects text";

/// The keys and what they do, for the help and the manual page.
pub const KEYS: &[(&str, &str)] = &[
    ("Enter", "send; Alt-Enter begins another line"),
    (
        "Tab",
        "complete a name, room or command; again for the next one",
    ),
    (
        "Up, Down",
        "what was written before; in several lines, move",
    ),
    (
        "PgUp, PgDn",
        "scroll; earlier messages are fetched by themselves",
    ),
    (
        "Ctrl-Home, Ctrl-End",
        "go to the first message; to the newest",
    ),
    ("Alt-Up, Alt-Down", "go to the room above or below"),
    ("Ctrl-K", "go to a room or person by a part of the name"),
    ("Alt-A", "go to the next room with something new"),
    ("Alt-M", "list where you were mentioned"),
    (
        "Ctrl-O",
        "open what is folded: long messages, who came and left",
    ),
    (
        "F7, F8",
        "send again, or drop, what was not sent in this room",
    ),
    ("Alt-E", "write in $EDITOR; also Ctrl-X Ctrl-E"),
    ("F2", "the mouse scrolls and picks rooms, or selects text"),
    (
        "Ctrl-A E B F, Alt-B F",
        "move to begin, end, by a letter, by a word",
    ),
    (
        "Ctrl-W U Y, Alt-D K",
        "cut a word, to the begin, put back; a word, to the end",
    ),
    ("Ctrl-T, Ctrl-_", "swap two letters; undo"),
    ("Ctrl-L", "draw the screen anew"),
    ("Ctrl-Z", "stop; `fg` comes back"),
    ("Ctrl-C", "empty the line"),
    ("Ctrl-D", "end, where the line is empty"),
    ("Esc", "close a list; go back to the newest message"),
    ("Ctrl-R", "while the connection is lost: try again at once"),
    (
        "?, F1",
        "the keys that work here; `?` on an empty line, twice to write it",
    ),
];

/// How long the last answer took.
pub fn round_trip(millis: u128) -> String {
    format!("{millis} ms")
}

/// Messages that are not acknowledged.
pub fn pending(count: usize) -> String {
    format!("{count} not sent yet")
}

/// Messages that were refused.
pub fn failed(count: usize) -> String {
    format!("{count} not sent: F7 again, F8 drop")
}

/// What is new in other rooms, where they are not listed.
pub fn elsewhere(unread: u64) -> String {
    format!("{unread} elsewhere")
}

/// How many messages are below.
pub fn below(count: u64) -> String {
    format!("{count} below")
}

/// What is folded.
pub fn folded(lines: usize) -> String {
    format!("… {lines} more lines (Ctrl-O)")
}

/// That nothing in a room is new any more.
pub fn all_read(room: &str) -> String {
    say!("everything in {room} is read", "в {room} всё прочитано")
}

/// Members of a room.
pub fn members(count: u32) -> String {
    match count {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    }
}

/// Why a message was not sent.
pub fn not_sent(why: &str) -> String {
    format!("not sent: {why}")
}

/// That one message took another's text away.
pub fn removes(seq: u64, by: &str) -> String {
    format!("— message {seq} was removed by {by}")
}

/// That a message's text is gone.
pub fn removed(seq: u64, of: &str) -> String {
    format!("— message {seq} of {of} was removed")
}

/// How much was pasted.
pub fn pasted(lines: usize, bytes: usize) -> String {
    format!("{PASTE}: {lines} lines, {bytes} bytes")
}

/// What is left on disk for the next time.
pub fn left(count: usize) -> String {
    format!("{count} not sent; kept and sent the next time that chat-client runs")
}
