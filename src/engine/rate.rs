//! How fast one person may ask: a bucket for each kind of request, the same for all their devices. What is too fast is
//! refused, costs nothing, and is told when it would be let through.
//!
//! A bucket is one number (GCRA): the moment at which it would be full again. What is taken moves that moment on; it may
//! not be further ahead than the whole burst takes to fill.

use std::time::Duration;

use super::Engine;
use super::effect::Refusal;
use super::input::Request;
use crate::base::{ConnId, Limits, SessionId, UserId};

/// Whose message was put off says nothing more for at least so long: what was sent behind it, before the refusal was
/// seen, is then put off too and does not overtake it.
const PAUSE: Duration = Duration::from_secs(1);

/// A new password counts as so many changes: it keeps a processor busy for long.
const PASSWORD_COST: u64 = 20;

/// When to ask again after too many searches at once; how long one takes nobody knows.
const SEARCHING_MS: u64 = 1_000;

/// When it is full again, in nanoseconds of [`crate::base::Now::elapsed`]. A new one is full.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket(u64);

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug)]
struct Rate {
    /// The limit that says how fast.
    limit: &'static str,
    /// Until there is one more; rounded up, so that there are never more than configured.
    nanos_each: u64,
    burst: u64,
}

impl Rate {
    fn new(limit: &'static str, per_second: u32, burst: u32) -> Self {
        Self {
            limit,
            nanos_each: 1_000_000_000_u64.div_ceil(u64::from(per_second).max(1)),
            burst: u64::from(burst),
        }
    }
}

impl Bucket {
    /// The nanoseconds until so much may be taken. What is more than the bucket holds may be taken when it is full.
    fn wait(self, rate: Rate, cost: u64, now: u64) -> u64 {
        let missing = self.0.saturating_sub(now);
        let room = (rate.burst.saturating_sub(cost)).saturating_mul(rate.nanos_each);
        missing.saturating_sub(room)
    }

    fn take(&mut self, rate: Rate, cost: u64, now: u64) {
        let time = cost.saturating_mul(rate.nanos_each);
        self.0 = self.0.max(now).saturating_add(time);
    }

    fn take_or_wait(&mut self, rate: Rate, cost: u64, now: u64) -> Result<(), Refusal> {
        match self.wait(rate, cost, now) {
            0 => {
                self.take(rate, cost, now);
                Ok(())
            }
            wait => Err(too_fast(rate, wait)),
        }
    }
}

fn too_fast(rate: Rate, nanos: u64) -> Refusal {
    Refusal::RateLimited {
        limit: rate.limit,
        after_ms: nanos.div_ceil(1_000_000),
    }
}

/// What somebody may still ask for. Not stored.
#[derive(Debug, Default)]
pub(super) struct Rates {
    messages: Bucket,
    text_bytes: Bucket,
    changes: Bucket,
    searches: Bucket,
    pages: Bucket,
    requests: Bucket,
    /// Searches that are under way.
    searching: u32,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// A message with so many bytes of text.
    Message(u64),
    /// So many changes of who is where.
    Change(u64),
    Search,
    Page,
    Other,
}

impl Ask {
    /// What a request counts as. Nobody is kept from logging out; logins are not a person's yet.
    fn of(request: &Request) -> Option<Self> {
        match request {
            Request::Send { text, .. } => Some(Self::Message(text.len() as u64)),
            Request::Join { .. }
            | Request::Leave { .. }
            | Request::Create { .. }
            | Request::Topic { .. }
            | Request::Redact { .. }
            | Request::Moderate(_) => Some(Self::Change(1)),
            Request::ChangePassword { .. } => Some(Self::Change(PASSWORD_COST)),
            Request::Search { .. } => Some(Self::Search),
            Request::History { .. } => Some(Self::Page),
            Request::Rooms { .. }
            | Request::Who { .. }
            | Request::Read { .. }
            | Request::Typing { .. }
            | Request::Resume { .. } => Some(Self::Other),
            Request::Register { .. } | Request::Login { .. } | Request::Logout => None,
        }
    }
}

impl Rates {
    /// Takes what is asked for, all of it or nothing.
    fn take(&mut self, ask: Ask, limits: &Limits, now: u64) -> Result<(), Refusal> {
        match ask {
            Ask::Message(bytes) => {
                let each = Rate::new(
                    "messages_per_second",
                    limits.messages_per_second,
                    limits.messages_burst,
                );
                let text = Rate::new(
                    "text_bytes_per_second",
                    limits.text_bytes_per_second,
                    limits.text_bytes_burst,
                );
                let waits = (
                    self.messages.wait(each, 1, now),
                    self.text_bytes.wait(text, bytes, now),
                );
                match waits {
                    (0, 0) => {
                        self.messages.take(each, 1, now);
                        self.text_bytes.take(text, bytes, now);
                        Ok(())
                    }
                    (wait, longer) if longer > wait => Err(too_fast(text, longer)),
                    (wait, _) => Err(too_fast(each, wait)),
                }
            }
            Ask::Change(cost) => {
                let (per_second, burst) = (limits.changes_per_second, limits.changes_burst);
                let rate = Rate::new("changes_per_second", per_second, burst);
                self.changes.take_or_wait(rate, cost, now)
            }
            Ask::Search if self.searching >= limits.searches_waiting => Err(Refusal::RateLimited {
                limit: "searches_waiting",
                after_ms: SEARCHING_MS,
            }),
            Ask::Search => {
                let (per_second, burst) = (limits.searches_per_second, limits.searches_burst);
                let rate = Rate::new("searches_per_second", per_second, burst);
                self.searches.take_or_wait(rate, 1, now)
            }
            Ask::Page => {
                let (per_second, burst) = (limits.pages_per_second, limits.pages_burst);
                let rate = Rate::new("pages_per_second", per_second, burst);
                self.pages.take_or_wait(rate, 1, now)
            }
            Ask::Other => {
                let (per_second, burst) = (limits.requests_per_second, limits.requests_burst);
                let rate = Rate::new("requests_per_second", per_second, burst);
                self.requests.take_or_wait(rate, 1, now)
            }
        }
    }
}

/// Sends of a connection that are put off, and why.
#[derive(Debug)]
pub(super) struct Pause {
    until: Duration,
    why: Refusal,
}

impl Engine {
    /// Whose connection it is, if they may ask for this now; it is then taken from what they may ask for.
    pub(super) fn may_ask(
        &mut self,
        conn: ConnId,
        request: &Request,
    ) -> Result<(UserId, SessionId), Refusal> {
        let (user, session) = self.caller(conn)?;
        let is_send = matches!(request, Request::Send { .. });
        if is_send {
            self.look_at_pause(conn)?;
        }
        if let Some(ask) = Ask::of(request) {
            self.take(user, ask).map_err(|refusal| match is_send {
                true => self.pause_after(conn, refusal),
                false => refusal,
            })?;
        }
        Ok((user, session))
    }

    pub(super) fn take(&mut self, user: UserId, ask: Ask) -> Result<(), Refusal> {
        let now = u64::try_from(self.now.elapsed.as_nanos()).unwrap_or(u64::MAX);
        match self.state.users.get_mut(&user) {
            Some(user) => user.rates.take(ask, &self.rules.limits, now),
            None => Err(Refusal::NotLoggedIn),
        }
    }

    /// Few connections are paused, so that a look costs next to nothing.
    fn look_at_pause(&mut self, conn: ConnId) -> Result<(), Refusal> {
        let Some(pause) = self.paused.get(&conn) else {
            return Ok(());
        };
        let left = pause.until.saturating_sub(self.now.elapsed);
        if left.is_zero() {
            self.paused.remove(&conn);
            return Ok(());
        }
        Err(pause.why.clone().put_off(left))
    }

    /// When a send was put off, those that follow on the connection are, too, for the same time.
    pub(super) fn pause_after(&mut self, conn: ConnId, refusal: Refusal) -> Refusal {
        let (Refusal::RateLimited { after_ms, .. } | Refusal::Busy(after_ms)) = refusal else {
            return refusal;
        };
        let wait = Duration::from_millis(after_ms).max(PAUSE);
        let until = self.now.elapsed + wait;
        self.paused.insert(
            conn,
            Pause {
                until,
                why: refusal.clone(),
            },
        );
        refusal.put_off(wait)
    }

    /// Under other rates everybody begins anew: what is in a bucket is time, and would mean something else.
    pub(super) fn fill_buckets(&mut self) {
        self.paused.clear();
        for user in self.state.users.values_mut() {
            user.rates = Rates {
                searching: user.rates.searching,
                ..Rates::default()
            };
        }
    }

    pub(super) fn search_begins(&mut self, user: UserId) {
        if let Some(user) = self.state.users.get_mut(&user) {
            user.rates.searching += 1;
        }
    }

    pub(super) fn search_is_over(&mut self, user: UserId) {
        if let Some(user) = self.state.users.get_mut(&user) {
            user.rates.searching = user.rates.searching.saturating_sub(1);
        }
    }
}

impl Refusal {
    /// The same refusal with another time to wait.
    fn put_off(self, left: Duration) -> Self {
        let after_ms = u64::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        match self {
            Self::RateLimited { limit, .. } => Self::RateLimited { limit, after_ms },
            Self::Busy(_) => Self::Busy(after_ms),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate::new("a limit", per_second, burst)
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_one_at_a_time() {
        let (mut bucket, rate) = (Bucket::default(), rate(2, 3));
        let now = 5 * SECOND;
        for _ in 0..3 {
            assert_eq!(bucket.wait(rate, 1, now), 0);
            bucket.take(rate, 1, now);
        }
        assert_eq!(bucket.wait(rate, 1, now), SECOND / 2);
        assert_eq!(bucket.wait(rate, 1, now + SECOND / 2 - 1), 1);
        assert_eq!(bucket.wait(rate, 1, now + SECOND / 2), 0);
        assert_eq!(bucket.wait(rate, 2, now), SECOND);
    }

    #[test]
    fn what_is_more_than_the_bucket_holds_passes_when_it_is_full_and_is_paid_for() {
        let (mut bucket, rate) = (Bucket::default(), rate(1, 4));
        assert_eq!(bucket.wait(rate, 10, 0), 0);
        bucket.take(rate, 10, 0);
        assert_eq!(bucket.wait(rate, 1, 0), 7 * SECOND);
        assert_eq!(bucket.wait(rate, 10, 0), 10 * SECOND, "when it is full");
    }

    #[test]
    fn the_largest_numbers_are_no_trouble() {
        let (mut bucket, rate) = (Bucket::default(), rate(1, u32::MAX));
        let now = u64::MAX / 8;
        bucket.take(rate, u64::from(u32::MAX), now);
        assert_eq!(bucket.wait(rate, 1, now), SECOND);
        bucket.take(rate, u64::MAX, now);
        assert!(bucket.wait(rate, 1, now) > SECOND);
    }

    proptest! {
        #[test]
        fn in_no_window_more_passes_than_the_burst_and_what_flows_in_and_the_wait_is_exact(
            per_second in 1_u32..5_000, burst in 1_u32..50,
            asks in prop::collection::vec((0_u64..SECOND / 4, 1_u64..6), 1..200),
        ) {
            let rate = rate(per_second, burst);
            let (mut bucket, mut now, mut passed) = (Bucket::default(), 0, Vec::new());
            for (pause, cost) in asks {
                now += pause;
                let cost = cost.min(u64::from(burst));
                match bucket.wait(rate, cost, now) {
                    0 => {
                        bucket.take(rate, cost, now);
                        passed.push((now, cost));
                    }
                    wait => {
                        prop_assert_eq!(bucket.wait(rate, cost, now + wait), 0);
                        prop_assert_eq!(bucket.wait(rate, cost, now + wait - 1), 1);
                    }
                }
            }
            for (first, (from, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (until, cost) in &passed[first..] {
                    sum += u128::from(*cost);
                    let flown = u128::from(until - from) * u128::from(per_second);
                    let most = u128::from(burst) * u128::from(SECOND) + flown;
                    prop_assert!(sum * u128::from(SECOND) <= most);
                }
            }
        }
    }
}
