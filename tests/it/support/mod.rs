//! What the stories are told with: a daemon in a folder of its own, people who talk to it, programs that are run.
//!
//! Everything here waits by reading until something comes, never longer than [`PATIENCE`]; nothing is timed by guess.
//! Only processes that a test started are ended, by their id.

mod background;
mod daemon;
mod heard;
pub mod http;
pub mod mount;
mod person;
pub mod preload;
mod process;
pub mod records;
pub mod samples;
mod screen;
pub mod siege;
mod sluggard;
pub mod stock;
mod talker;
pub mod tls;

pub use background::{Background, runs, somebody, where_it_listens};
pub use daemon::{Daemon, clean};
pub use heard::{Heard, View};
pub use person::{Person, Terminal};
pub use process::{Output, Process, run};
pub use screen::Screen;
pub use sluggard::Sluggard;
pub use talker::Talker;
pub use tls::Secure;

use std::io::Write as _;
use std::time::{Duration, Instant};

/// How long something may take on a machine that has much else to do. Reaching it fails the test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The password of everybody whose password does not matter.
pub const PASSWORD: &str = "correct horse battery";

/// Limits under which one person may do at once as much as a story likes. Others can follow in the same table.
pub const UNHURRIED: &str = "[limits]\n\
    messages_burst = 1_000_000\n\
    text_bytes_burst = 1_000_000_000\n\
    changes_burst = 1_000_000\n\
    searches_burst = 1_000_000\n\
    searches_waiting = 1_000_000\n\
    pages_burst = 1_000_000\n\
    requests_burst = 1_000_000\n";

/// Asks again and again until there is an answer; `ask` is to wait by itself for something, such as a reply.
///
/// # Panics
/// When [`PATIENCE`] is over.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// Says that something was not looked at, and why; not through the test's output, which is shown only when it fails.
pub fn skipped(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}, because {why}");
}

/// What the daemon's memory may grow by, whatever people send: the caches of the store and of the allocator.
const GROWTH_KIB: u64 = 64 * 1024;

/// Tells the story on a daemon on which two people talk, and makes sure that they talk afterwards as before.
#[track_caller]
pub fn undisturbed(config: &str, story: impl FnOnce(&Daemon)) {
    let daemon = Daemon::start_with(config, &[]);
    let mut wim = daemon.register("wim");
    let mut xena = daemon.register("xena");
    wim.say("lobby", "before");
    let (first, ..) = xena.expect_message("lobby");
    let before = daemon.memory_kib();
    story(&daemon);
    let after = daemon.memory_kib();
    assert!(
        after < before + GROWTH_KIB,
        "memory went from {before} to {after} KiB"
    );
    let seq = wim.say("lobby", "after");
    assert!(seq > first);
    xena.push_where("the message after", |push| push["text"] == "after");
    daemon.still_serves();
}

/// A request as it is on the wire: `request!("join", room: "tea")`.
macro_rules! request {
    ($type:literal $(, $field:ident: $value:expr)* $(,)?) => {
        serde_json::json!({ "type": $type $(, (stringify!($field)): $value)* })
    };
}

/// Sends a request and gives back its answer: `ask!(anna, "join", room: "tea")`.
macro_rules! ask {
    ($talker:expr, $($request:tt)+) => {
        $talker.request(crate::support::request!($($request)+))
    };
}

/// Sends a request and makes sure that it is refused with this code: `refused!("bad-name": anna, "join", room: "")`.
macro_rules! refused {
    ($code:literal: $talker:expr, $($request:tt)+) => {{
        let request = crate::support::request!($($request)+);
        let answer = $talker.request(request.clone());
        assert_eq!(crate::support::Heard::code(&answer), $code, "answer {answer} to {request}");
    }};
}

pub(crate) use {ask, refused, request};
