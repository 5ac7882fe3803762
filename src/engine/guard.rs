//! Who has to wait before a password is looked at, and who before an account is made. Counts refused logins and new
//! accounts; whose password is right it does not know.
//!
//! A login from where the account's owner has been before is counted for that account at that address, and for nothing
//! else: whatever strangers try elsewhere does not hold the owner up. Any other login is counted for its address and for
//! the name, whether somebody has it or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{Limits, Origin, SeldomByOrigin, UserId};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

/// What logins are counted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// All from one address.
    Address(Origin),
    /// All to one name, by its key.
    Name(Arc<str>),
    /// Those to one account from an address where its owner has been before.
    Familiar(UserId, Origin),
    /// Those to one name, by its key, from this machine. With everybody behind a proxy at one address, who has been there
    /// before would tell which names somebody has.
    Here(Arc<str>),
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Guard {
    tries: BTreeMap<Key, Tries>,
    /// The same, those first who are forgotten first.
    order: BTreeSet<(u32, Duration, Key)>,
    /// Until when the accounts made from an address would have taken at an even pace.
    registered: BTreeMap<Origin, Duration>,
    registered_in_all: Duration,
    /// Those of whom the log was told.
    pub told: SeldomByOrigin,
}

/// Logins that were refused or are being looked at.
#[derive(Clone, Copy, Debug)]
struct Tries {
    count: u32,
    last: Duration,
}

impl Guard {
    /// Begins a login that counts for all of these. What strangers try is counted before the password is looked at, or a
    /// hundred at once would all be the first. The owner may log in on many devices at once.
    ///
    /// # Errors
    /// With how long to wait first. Then nothing is counted: who asks too early waits no longer for it.
    pub fn begin(&mut self, keys: &[Key], now: Duration, limits: &Limits) -> Result<(), Duration> {
        let waits = keys.iter().map(|key| self.wait(key, now, limits));
        let wait = waits.max().unwrap_or_default();
        if wait > Duration::ZERO {
            return Err(wait);
        }
        for key in keys {
            let count = self.count(key, now, limits);
            if !is_owners(key, count, limits) {
                self.set(key, count + 1, now);
            }
        }
        self.trim(limits);
        Ok(())
    }

    /// The password was wrong: now it counts for the owner, too.
    pub fn failed(&mut self, keys: &[Key], now: Duration, limits: &Limits) {
        for key in keys {
            let count = self.count(key, now, limits);
            if is_owners(key, count, limits) {
                self.set(key, count + 1, now);
            }
        }
        self.trim(limits);
    }

    fn trim(&mut self, limits: &Limits) {
        while self.tries.len() > limits.login_records as usize
            && let Some((_, _, key)) = self.order.pop_first()
        {
            self.tries.remove(&key);
        }
    }

    /// The password was right: it does not count, and the slips before it are forgiven to its owner.
    pub fn passed(&mut self, keys: &[Key], limits: &Limits) {
        self.take_back(keys, limits);
        for key in keys {
            if matches!(key, Key::Familiar(..) | Key::Here(_)) {
                self.forget(key);
            }
        }
    }

    /// Nobody has looked at the password.
    pub fn take_back(&mut self, keys: &[Key], limits: &Limits) {
        for key in keys {
            if let Some(Tries { count, last }) = self.tries.get(key).copied()
                && !is_owners(key, count.saturating_sub(1), limits)
            {
                self.set(key, count.saturating_sub(1), last);
            }
        }
    }

    /// One more account from there, or only a try where the name is not free: who looks for names in this way is told of no
    /// more of them than they could make accounts, and keeps nobody elsewhere from making one.
    ///
    /// # Errors
    /// With how long to wait first.
    pub fn register(
        &mut self,
        origin: Origin,
        is_free: bool,
        now: Duration,
        limits: &Limits,
    ) -> Result<(), Duration> {
        let own = self.registered.get(&origin).copied().unwrap_or_default();
        let (own, own_wait) = pace(own, now, limits.registrations_per_address);
        let (all, wait) = pace(self.registered_in_all, now, limits.registrations_per_hour);
        let is_here = origin == Origin::Here;
        let wait = wait.max(own_wait.filter(|_| !is_here));
        if let Some(wait) = wait {
            return Err(wait);
        }
        if is_free {
            self.registered_in_all = all;
        }
        if !is_here {
            let most = 2 * limits.registrations_per_hour as usize + limits.login_records as usize;
            if self.registered.len() >= most {
                self.registered.retain(|_, until| *until > now);
            }
            // Accounts are never so many. Where tries at taken names are, one more is not remembered.
            if self.registered.len() < most || is_free {
                self.registered.insert(origin, own);
            }
        }
        Ok(())
    }

    /// Forgets what is long ago.
    pub fn sweep(&mut self, now: Duration, limits: &Limits) {
        let forget_after = Duration::from_secs(limits.login_forget_seconds.into());
        let is_old = |(_, last, _): &&(u32, Duration, Key)| *last + forget_after <= now;
        let old: Vec<_> = self.order.iter().filter(is_old).cloned().collect();
        old.iter().for_each(|(_, _, key)| self.forget(key));
        self.registered.retain(|_, until| *until > now);
    }

    fn wait(&self, key: &Key, now: Duration, limits: &Limits) -> Duration {
        let free = match key {
            Key::Address(_) => limits.login_failures_per_address,
            Key::Name(_) | Key::Familiar(..) | Key::Here(_) => limits.login_failures_per_name,
        };
        let (Some(tries), Some(over)) = (
            self.tries.get(key),
            self.count(key, now, limits).checked_sub(free),
        ) else {
            return Duration::ZERO;
        };
        let longest = Duration::from_secs(limits.login_delay_seconds.into());
        let delay = SECOND * 2_u32.saturating_pow(over.min(30));
        (tries.last + delay.min(longest)).saturating_sub(now)
    }

    fn count(&self, key: &Key, now: Duration, limits: &Limits) -> u32 {
        let forget_after = Duration::from_secs(limits.login_forget_seconds.into());
        let tries = self.tries.get(key);
        tries
            .filter(|tries| tries.last + forget_after > now)
            .map_or(0, |tries| tries.count)
    }

    fn set(&mut self, key: &Key, count: u32, last: Duration) {
        self.forget(key);
        if count > 0 {
            self.tries.insert(key.clone(), Tries { count, last });
            self.order.insert((count, last, key.clone()));
        }
    }

    fn forget(&mut self, key: &Key) {
        if let Some((key, Tries { count, last })) = self.tries.remove_entry(key) {
            self.order.remove(&(count, last, key));
        }
    }
}

/// Whether a login is taken for the owner's, until it is refused.
fn is_owners(key: &Key, count: u32, limits: &Limits) -> bool {
    matches!(key, Key::Familiar(..) | Key::Here(_)) && count < limits.login_failures_per_name
}

/// `per_hour` at once, or one after the other at that pace: until when those before and one more take, and how long to
/// wait when that is too far off.
fn pace(until: Duration, now: Duration, per_hour: u32) -> (Duration, Option<Duration>) {
    let until = until.max(now) + HOUR / per_hour.max(1);
    let wait = until.saturating_sub(now + HOUR);
    (until, Some(wait).filter(|wait| *wait > Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Key {
        Key::Name(name.into())
    }

    #[test]
    fn waits_grow_from_a_second_and_are_forgotten() {
        let (mut guard, limits) = (Guard::default(), Limits::default());
        let keys = [name("anna")];
        let mut now = SECOND;
        for _ in 0..limits.login_failures_per_name {
            assert_eq!(guard.begin(&keys, now, &limits), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(guard.begin(&keys, now, &limits), Err(wait));
            assert_eq!(guard.begin(&keys, now + wait / 2, &limits), Err(wait / 2));
            now += wait;
            assert_eq!(guard.begin(&keys, now, &limits), Ok(()));
        }
        assert_eq!(guard.begin(&[name("boris")], now, &limits), Ok(()));
        now += HOUR;
        for _ in 0..limits.login_failures_per_name {
            assert_eq!(guard.begin(&keys, now, &limits), Ok(()));
        }
    }

    #[test]
    fn what_is_right_or_was_not_looked_at_does_not_count() {
        let (mut guard, limits) = (Guard::default(), Limits::default());
        let keys = [name("anna"), Key::Address(Origin::V6(1))];
        for round in 0..200 {
            assert_eq!(guard.begin(&keys, SECOND, &limits), Ok(()));
            match round % 2 {
                0 => guard.passed(&keys, &limits),
                _ => guard.take_back(&keys, &limits),
            }
        }
        assert!(guard.tries.is_empty() && guard.order.is_empty());
        let own = [Key::Familiar(UserId(1), Origin::V6(1))];
        for _ in 0..50 {
            (0..50).for_each(|_| assert_eq!(guard.begin(&own, SECOND, &limits), Ok(())));
            (0..4).for_each(|_| guard.failed(&own, SECOND, &limits));
            guard.passed(&own, &limits);
        }
        (0..5).for_each(|_| guard.failed(&own, SECOND, &limits));
        assert_eq!(guard.begin(&own, SECOND, &limits), Err(SECOND));
        assert_eq!(guard.begin(&own, SECOND * 2, &limits), Ok(()));
        assert_eq!(guard.begin(&own, SECOND * 2, &limits), Err(SECOND * 2));
        guard.take_back(&own, &limits);
        assert_eq!(guard.begin(&own, SECOND * 3, &limits), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_who_guesses_most_is_remembered() {
        let mut guard = Guard::default();
        let limits = Limits {
            login_records: 100,
            ..Limits::default()
        };
        let guessed = [name("anna")];
        for _ in 0..limits.login_failures_per_name {
            assert_eq!(guard.begin(&guessed, SECOND, &limits), Ok(()));
        }
        for n in 0..10_000 {
            let keys = [name(&format!("made-up-{n}")), Key::Address(Origin::V6(n))];
            assert_eq!(guard.begin(&keys, SECOND * 2, &limits), Ok(()));
            assert!(guard.tries.len() <= 100 && guard.order.len() == guard.tries.len());
        }
        assert!(guard.begin(&guessed, SECOND, &limits).is_err());
        guard.sweep(HOUR * 2, &limits);
        assert!(guard.tries.is_empty() && guard.order.is_empty());
    }

    #[test]
    fn accounts_are_made_at_a_pace() {
        let mut guard = Guard::default();
        let limits = Limits {
            registrations_per_address: 4,
            registrations_per_hour: 10,
            ..Limits::default()
        };
        let mut register = |origin, now| guard.register(origin, true, now, &limits);
        for _ in 0..4 {
            assert_eq!(register(Origin::V6(1), SECOND), Ok(()));
        }
        assert_eq!(register(Origin::V6(1), SECOND), Err(HOUR / 4));
        assert_eq!(register(Origin::V6(1), SECOND + HOUR / 4), Ok(()));
        // In all 5 are made and nearly 3 forgiven.
        for n in 0..6 {
            assert_eq!(
                register(Origin::V6(2 + n), SECOND + HOUR / 4),
                Ok(()),
                "{n}"
            );
        }
        let seven = register(Origin::Here, SECOND + HOUR / 4);
        assert_eq!(seven, Ok(()), "this machine counts in all alone");
        assert_eq!(register(Origin::V6(99), SECOND + HOUR / 4), Err(HOUR / 20));
        assert!(guard.registered.len() <= 20);
    }
}
