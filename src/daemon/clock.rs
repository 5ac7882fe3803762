//! What time it is: since the start for deadlines, and on the wall for people.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::base::{Now, Timestamp};

/// Tells the time from the moment it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Now {
        Now {
            elapsed: self.0.elapsed(),
            wall: wall(),
        }
    }
}

/// What the clock on the wall says; before 1970 it says 1970.
pub(super) fn wall() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::default().plus(since_1970.unwrap_or_default())
}
