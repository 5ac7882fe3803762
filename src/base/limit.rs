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
/// The longest password in characters; nobody has to cut a sentence short.
pub const PASSWORD_CHARS_MAX: usize = 1_024;
/// The longest password in bytes: a login has to fit a frame of 4 KiB.
pub const PASSWORD_BYTES_MAX: usize = 3_072;
/// The least that `password_chars_min` can be set to, in characters (NIST SP 800-63B).
pub const PASSWORD_CHARS_MIN: u32 = 8;
/// The longest name of a device in bytes.
pub const DEVICE_BYTES_MAX: usize = 64;
/// The longest code of an invite in bytes, as a person writes it; one has 26.
pub const INVITE_BYTES_MAX: usize = 64;
/// The longest reason for a kick, a ban or a mute in bytes.
pub const REASON_BYTES_MAX: usize = 256;
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
            /// The names of all of them, in the order of the configuration file.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            /// Name, value and reason of each limit, in the order of the configuration file.
            #[must_use]
            pub fn table(&self) -> Vec<(&'static str, u64, String)> {
                vec![$((stringify!($name), self.$name as u64, [$($doc),+].join("\n")),)+]
            }
        }
    };
}

limits! {
    /// Connections at once. Each costs a descriptor and about 2 KiB, over TLS 6.
    connections: u32 = 15_000,
    /// Of these, connections that nobody has logged in on yet. Who comes past it is let in, and the oldest stranger of the
    /// address that has most of them is let go: strangers make room, and those who are logged in keep theirs.
    strangers: u32 = 5_000,
    /// Connections of one address (of one /64 in IPv6) at once. Past it the oldest of its strangers is let go; where
    /// there is none, who comes is told `busy`. A whole school may come from one address. Like every limit by address it
    /// does not hold for 127.0.0.1, ::1 and local sockets; whom one of `proxies` announces is counted by their own address.
    connections_per_address: u32 = 500,
    /// TLS handshakes of one address in a second in the long run; each takes a third of a millisecond of a processor. Past
    /// that the next ones wait for their turn, at most `login_seconds`: who all come back at once get in, only slower. One
    /// that resumes a TLS session counts a quarter, once somebody has logged in on it.
    handshakes_per_second: u32 = 20,
    /// The same at once after a silence: all the connections that one address may have.
    handshakes_burst: u32 = 500,
    /// Accounts in all. All of them are known to the hub by name, at about 300 bytes each.
    users: u32 = 100_000,
    /// Rooms in all, direct conversations not counted.
    rooms: u32 = 10_000,
    /// Rooms that one person is in, direct conversations not counted: their list is told at each login.
    rooms_joined: u32 = 100,
    /// Members of one room; the lobby has everybody. Each costs 100 bytes, and all of them are told who speaks.
    room_members: u32 = 10_000,
    /// Direct conversations of one person.
    direct_conversations: u32 = 1_000,
    /// Sessions of one person; a further login ends the one that was idle longest.
    sessions_per_user: u32 = 32,
    /// Requests of one connection that are not answered yet. At the limit its socket is not read until one is.
    requests_outstanding: u32 = 256,
    /// Messages that one person says in a second in the long run, on all their devices. Past that, `rate-limited`. A fast
    /// typist says one, a bot that reports on a busy machine some ten.
    messages_per_second: u32 = 50,
    /// Messages that one person may say at once after a silence: a log that is pasted. Best no less than a second's worth,
    /// since who was too fast is paused for a second.
    messages_burst: u32 = 500,
    /// Bytes of text that one person says in a second in the long run. One who fills them fills 5 GB of disk in a day.
    text_bytes_per_second: u32 = 65_536,
    /// Bytes of text that one person may say at once after a silence: 128 of the longest messages.
    text_bytes_burst: u32 = 1_048_576,
    /// Rooms that one person joins, leaves, makes or gives a topic in a second in the long run; each is stored and told to
    /// all who are there. So are kicks, bans, mutes and who is an operator. The first message of a direct conversation makes
    /// a room and counts, a new password counts as 20.
    changes_per_second: u32 = 2,
    /// The same at once after a silence: a client that joins as many rooms as it may, twice over.
    changes_burst: u32 = 200,
    /// Searches that one person asks for in a second in the long run. One can take as long as a thousand pages.
    searches_per_second: u32 = 2,
    /// Searches at once after a silence: somebody who types and looks.
    searches_burst: u32 = 20,
    /// Searches of one person that are not answered yet. All searches go through one thread: so nobody waits for more than
    /// so many of anybody.
    searches_waiting: u32 = 4,
    /// Pages of history that one person asks for in a second in the long run: 10 000 messages, faster than anybody reads.
    pages_per_second: u32 = 50,
    /// Pages of history at once after a silence: a client that opens all its rooms and scrolls.
    pages_burst: u32 = 500,
    /// All other requests of one person in a second in the long run: lists, read markers, typing, resuming.
    requests_per_second: u32 = 200,
    /// The same at once after a silence: all devices coming back after a restart, and their marks and lists.
    requests_burst: u32 = 2_000,
    /// Messages of all that wait for the writer. Past that, `busy`.
    appends_waiting: u32 = 65_536,
    /// Bytes of text in these messages: 65 536 of the longest would be half a gigabyte. Past that, `busy`.
    append_bytes_waiting: u32 = 67_108_864,
    /// Messages in one transaction: what a crash would undo at most, none of it acknowledged. More would save little, and while
    /// these are written the next ones come in.
    appends_per_commit: u32 = 512,
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
    /// Requests that are answered on one connection while nobody is logged in. Then it is closed. `chat-client echo` asks
    /// four times a second for as long as `login_seconds` lets it.
    login_requests: u32 = 300,
    /// Refused logins on one connection before it is closed.
    login_attempts: u32 = 5,
    /// Characters of a new password at least, from 8 to 1 024. NIST SP 800-63B advises 15 where a password is all that is
    /// asked for: take that on a server which strangers can reach. Passwords in use stay as they are.
    password_chars_min: u32 = 8,
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
    /// Invites that are remembered, at about 200 bytes each. Those that are used up, expired or revoked make room for new
    /// ones.
    invites: u32 = 1_000,
    /// Bans and mutes at once, at about 200 bytes each. Those that have ended do not count. Operators may fill half of them
    /// with those of their rooms, so that moderators and the admin can always ban somebody.
    bans: u32 = 10_000,
    /// Of these, bans and mutes of one room.
    room_bans: u32 = 500,
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
    /// Keys remembered at most, at about 85 bytes each; the oldest are forgotten first.
    keys: u32 = 200_000,
    /// Threads that read the store: history and those who are behind. Searches have one thread of their own.
    reader_threads: u32 = 2,
    /// A coming or going is told to everyone online in a room: up to so many tellings in `presence_interval_ms` each is told by
    /// itself. Past that, and always with more people online, they are told together.
    presence_room: u32 = 100,
    /// Milliseconds between comings and goings that are told together.
    presence_interval_ms: u32 = 500,
    /// Connections on the control socket at once.
    control_connections: u32 = 64,
    /// Seconds that an orderly stop waits for connections to take their last bytes.
    stop_seconds: u32 = 5,
    /// Lines that `chatctl log show` can show.
    log_lines: u32 = 1_000,
    /// Entries of the audit log, at about 300 bytes each; past that the oldest go. Years of an admin's hand, two months of a
    /// script that does something every minute.
    audit_entries: u32 = 100_000,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_fits_a_frame_however_it_is_escaped() {
        const { assert!(TEXT_BYTES_MAX * 6 + 2_048 < FRAME_BYTES_MAX) };
    }
}
