//! What goes wrong again and again is said seldom: strangers can cause some of it, and none of them should be able to
//! fill the log.

use std::time::{Duration, Instant};

/// The same complaint is made at most so often.
const INTERVAL: Duration = Duration::from_secs(60);

/// One thing that can go wrong, and when that was last said.
#[derive(Debug, Default)]
pub struct Seldom {
    said: Option<(Instant, String)>,
    /// Whether it was said since it was last over.
    open: bool,
    unsaid: u64,
}

impl Seldom {
    /// It went wrong for this reason. Returns how often that was passed over since it was last said, when it is to be said
    /// now: at once when the reason is another one, and once a minute.
    pub fn failed(&mut self, why: &str) -> Option<u64> {
        self.failed_at(why, Instant::now())
    }

    /// It went well. Returns whether that is to be said, because the opposite was.
    pub fn went_well(&mut self) -> bool {
        std::mem::take(&mut self.open)
    }

    fn failed_at(&mut self, why: &str, now: Instant) -> Option<u64> {
        let recent = |(at, last): &(Instant, String)| last == why && now < *at + INTERVAL;
        if self.said.as_ref().is_some_and(recent) {
            self.unsaid += 1;
            return None;
        }
        self.said = Some((now, why.to_owned()));
        self.open = true;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute_and_another_at_once() {
        let (mut seldom, start) = (Seldom::default(), Instant::now());
        let mut failed = |why, seconds| seldom.failed_at(why, start + Duration::from_secs(seconds));
        assert_eq!(failed("full", 0), Some(0));
        assert_eq!(failed("full", 1), None);
        assert_eq!(failed("full", 59), None);
        assert_eq!(failed("full", 60), Some(2));
        assert_eq!(failed("broken", 61), Some(0));
    }

    #[test]
    fn that_it_is_over_is_said_as_often_as_that_it_began() {
        let (mut seldom, now) = (Seldom::default(), Instant::now());
        assert!(!seldom.went_well());
        seldom.failed_at("full", now);
        assert!(seldom.went_well());
        for _ in 0..3 {
            assert_eq!(seldom.failed_at("full", now), None);
            assert!(!seldom.went_well(), "on and off");
        }
    }
}
