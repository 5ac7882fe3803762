//! What goes wrong again and again is said seldom: strangers can cause some of it, and none of them should be able to
//! fill the log.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Origin;

/// The same complaint is made at most so often.
const INTERVAL: Duration = Duration::from_secs(60);
/// Those of whom is remembered that they were complained about. A crowd larger than that is told in part.
const ORIGINS_MAX: usize = 1_000;

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

/// One thing that many can cause: each of them is told of at most once a minute. Reads no clock.
#[derive(Debug, Default)]
pub struct SeldomByOrigin(BTreeMap<Origin, Duration>);

impl SeldomByOrigin {
    /// Whether it is to be said now that this one has caused it. `now` never goes back.
    pub fn is_due(&mut self, origin: Origin, now: Duration) -> bool {
        let is_recent = |said: Duration| now < said + INTERVAL;
        if self.0.get(&origin).is_some_and(|said| is_recent(*said)) {
            return false;
        }
        if self.0.len() >= ORIGINS_MAX {
            self.0.retain(|_, said| is_recent(*said));
        }
        if self.0.len() >= ORIGINS_MAX {
            return false;
        }
        self.0.insert(origin, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_of_once_a_minute_and_a_crowd_in_part() {
        let (mut seldom, second) = (SeldomByOrigin::default(), Duration::from_secs(1));
        assert!(seldom.is_due(Origin::V6(1), second));
        assert!(!seldom.is_due(Origin::V6(1), second * 60));
        assert!(seldom.is_due(Origin::V6(2), second * 60));
        assert!(seldom.is_due(Origin::V6(1), second * 61));
        let told = (0..5_000).filter(|n| seldom.is_due(Origin::V6(*n), second * 62));
        assert_eq!(told.count(), ORIGINS_MAX - 2);
        assert!(seldom.is_due(Origin::V6(3), second * 200));
    }

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
