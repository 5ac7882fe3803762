//! What the stories are told with: a daemon in a folder of its own, people who talk to it, programs that are run.
//!
//! Everything here waits by reading until something comes, never longer than [`PATIENCE`]; nothing is timed by guess.
//! Only processes that a test started are ended, by their id.

mod daemon;
mod person;
mod process;
mod talker;

pub use daemon::Daemon;
pub use person::Person;
pub use process::{Output, Process, run};
pub use talker::{Heard, Talker, View};

use std::time::{Duration, Instant};

/// How long something may take on a machine that has much else to do. Reaching it fails the test.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The password of everybody whose password does not matter.
pub const PASSWORD: &str = "correct horse battery";

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
