//! Every bound of the daemon: its name, its default and its reason. `[limits]` in the configuration file sets them.

use serde::Deserialize;

/// The longest frame in bytes, in both directions; part of the protocol, so not to be configured.
pub const FRAME_BYTES_MAX: usize = 65_536;
/// The longest `id` of a request in characters.
pub const REQUEST_ID_CHARS_MAX: usize = 64;
/// The longest `key` of a message in bytes.
pub const KEY_BYTES_MAX: usize = 64;
/// The longest text of a message in bytes of UTF-8: fits a frame with room to spare, also when every character of it has
/// to be escaped in JSON (six bytes for one).
pub const TEXT_BYTES_MAX: usize = 8_192;
/// The longest topic in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;
/// The longest password in bytes: hashing takes time by length.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// The shortest password in characters (NIST SP 800-63B asks for 8).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// The longest name of a device in bytes.
pub const DEVICE_BYTES_MAX: usize = 64;
/// How deep JSON may be nested; the protocol itself needs 4.
pub const JSON_DEPTH_MAX: usize = 32;
/// The most messages in a page of history or of a search.
pub const PAGE_MESSAGES_MAX: usize = 200;
/// The messages in a page when the request does not say.
pub const PAGE_MESSAGES: usize = 50;
/// The most entries in one answer to `who` and `rooms`; the rest comes with `after`.
pub const LIST_ENTRIES_MAX: usize = 200;

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:literal,)+) => {
        /// The bounds that can be configured.
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Limits {
            /// Name, value and reason of each limit, in the order of the configuration file.
            #[must_use]
            pub fn table(&self) -> Vec<(&'static str, u64, String)> {
                vec![$((stringify!($name), self.$name as u64, [$($doc),+].join("\n")),)+]
            }
        }
    };
}

limits! {
    /// Connections at once. Each costs a descriptor and about 2 KiB.
    connections: u32 = 15_000,
    /// Of these, connections that nobody has logged in on yet. Who comes past it is let in, and the oldest stranger of the
    /// address that has most of them is let go: strangers make room, and those who are logged in keep theirs.
    strangers: u32 = 5_000,
    /// Connections of one address (of one /64 in IPv6) at once. Past it the oldest of its strangers is let go; where
    /// there is none, who comes is told `busy`. A whole school may come from one address. Like every limit by address it
    /// does not hold for 127.0.0.1, ::1 and local sockets, where a proxy comes from with everybody behind it.
    connections_per_address: u32 = 500,
    /// Accounts in all. All of them are known to the hub by name, at about 300 bytes each.
    users: u32 = 100_000,
    /// Rooms in all, direct conversations not counted.
    rooms: u32 = 10_000,
    /// Rooms that one person is in, direct conversations not counted: their list is told at each login.
    rooms_joined: u32 = 100,
    /// Direct conversations of one person.
    direct_conversations: u32 = 1_000,
    /// Sessions of one person; a further login ends the one that was idle longest.
    sessions_per_user: u32 = 32,
    /// Requests of one connection that are not answered yet. At the limit its socket is not read until one is.
    requests_outstanding: u32 = 256,
    /// Messages of all that wait for the writer. Past that, `busy`.
    appends_waiting: u32 = 65_536,
    /// Bytes of text in these messages: 65 536 of the longest would be half a gigabyte. Past that, `busy`.
    append_bytes_waiting: u32 = 67_108_864,
    /// Messages in one transaction: what a crash would undo at most, none of it acknowledged.
    appends_per_commit: u32 = 4_096,
    /// Bytes of answers, signals and catch-up that wait for one connection, or may have to when its requests are answered.
    /// Past that it is told no signals and its requests are not read. Messages wait in the ring and the store and do not
    /// count.
    outbox_bytes: u32 = 262_144,
    /// Bytes of recent messages kept in memory by each worker, to feed connections that lag a little.
    ring_bytes: u32 = 8_388_608,
    /// Seconds from connecting to being logged in.
    login_seconds: u32 = 60,
    /// Seconds from the first byte of a frame to its last.
    frame_seconds: u32 = 30,
    /// Bytes of a frame before the login. A longer one, such as a `resume` with very many cursors, is taken only while few
    /// are under way.
    login_frame_bytes: u32 = 4_096,
    /// These longer frames, that are under way at once with each worker. Past that, `too-large`.
    login_frames_long: u32 = 64,
    /// Refused logins on one connection before it is closed.
    login_attempts: u32 = 5,
    /// Refused logins to one name, from all addresses from which its owner has not been before, or from one of which they
    /// have, before each further one has to wait: 1 s, then twice as long each time.
    login_failures_per_name: u32 = 5,
    /// The same from one address to names that were not used from there before. Many people may share an address.
    login_failures_per_address: u32 = 20,
    /// Seconds that a login has to wait at most: those who guess get 288 guesses a day.
    login_delay_seconds: u32 = 300,
    /// Seconds without a refused login after which those before are forgotten.
    login_forget_seconds: u32 = 3_600,
    /// Names and addresses whose refused logins are remembered, at about 200 bytes each. Those with the fewest are
    /// forgotten first, the oldest of them before the others.
    login_records: u32 = 50_000,
    /// Accounts that may be made from one address in an hour. A class comes from one address.
    registrations_per_address: u32 = 60,
    /// Accounts that people may make in an hour in all. `chatctl user add` is not counted.
    registrations_per_hour: u32 = 1_000,
    /// Passwords hashed at once, 19 MiB each.
    password_threads: u32 = 2,
    /// Passwords that wait to be hashed. Past that, `busy`, for those first of whose address most wait.
    passwords_waiting: u32 = 256,
    /// Passwords from one address that wait to be hashed. Past that, `busy`. Addresses take turns.
    passwords_waiting_per_address: u32 = 32,
    /// Days that a session lives without being used.
    session_days: u32 = 90,
    /// Hours that the key of a send is remembered by the server.
    key_hours: u32 = 72,
    /// Keys remembered at most, at about 120 bytes each; the oldest are forgotten first.
    keys: u32 = 200_000,
    /// Threads that read the store: history and those who are behind. Searches have one thread of their own.
    reader_threads: u32 = 2,
    /// People in a room up to whom each coming and going is told by itself. Past that they are told together.
    presence_room: u32 = 100,
    /// Milliseconds between two tellings of comings and goings in a big room.
    presence_interval_ms: u32 = 500,
    /// Connections on the control socket at once.
    control_connections: u32 = 64,
    /// Seconds that an orderly stop waits for connections to take their last bytes.
    stop_seconds: u32 = 5,
    /// Lines that `chatctl log show` can show.
    log_lines: u32 = 1_000,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_fits_a_frame_however_it_is_escaped() {
        const { assert!(TEXT_BYTES_MAX * 6 + 2_048 < FRAME_BYTES_MAX) };
    }
}
