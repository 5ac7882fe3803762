//! Wall time for people and elapsed time for deadlines. Reads no clock: the programs do, and hand the values down.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::tongue::say;

/// A moment of wall time in milliseconds since 1970, UTC. For people to read: order never depends on it.
/// Written as RFC 3339 with milliseconds, `2026-11-20T10:30:00.000Z`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment and `span` more; stops at the last moment that can be told.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long after `earlier` this is; zero when it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment =
            jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{moment:.3}")
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .map(|moment| Self(moment.as_millisecond()))
            .map_err(|_| TimeError(text.to_owned()))
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        moment.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

/// The text is no moment.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not a time like 2026-11-20T10:30:00Z (RFC 3339)")]
pub struct TimeError(String);

/// Reads `90`, `90s`, `15m`, `1h30m`, `7d`, `2w`; a number alone is seconds.
///
/// # Errors
/// With a sentence that has examples of right ones.
pub fn span(text: &str) -> Result<Duration, String> {
    let wrong = || {
        say!(
            "'{text}' is no span of time: write 30s, 15m, 1h30m, 7d or 2w",
            "«{text}» — не срок: напишите 30s, 15m, 1h30m, 7d или 2w"
        )
    };
    let (mut seconds, mut digits) = (None::<u32>, String::new());
    let add = |seconds: Option<u32>, digits: &str, unit: u32| {
        let count: u32 = digits.parse().ok()?;
        seconds.unwrap_or(0).checked_add(count.checked_mul(unit)?)
    };
    for character in text.chars() {
        let unit = match character {
            '0'..='9' => {
                digits.push(character);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        seconds = Some(add(seconds, &digits, unit).ok_or_else(wrong)?);
        digits.clear();
    }
    if !digits.is_empty() {
        seconds = Some(add(seconds, &digits, 1).ok_or_else(wrong)?);
    }
    seconds
        .map(|seconds| Duration::from_secs(seconds.into()))
        .ok_or_else(wrong)
}

/// What the engine is told about time with each input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Elapsed since the daemon started; never goes back. Deadlines are reckoned in it.
    pub elapsed: Duration,
    /// What the clock on the wall says. May jump.
    pub wall: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_with_milliseconds_in_utc() {
        let moment = Timestamp(1_795_170_600_007);
        assert_eq!(moment.to_string(), "2026-11-20T10:30:00.007Z");
        assert_eq!(
            "2026-11-20T10:30:00.007Z".parse::<Timestamp>().unwrap(),
            moment
        );
        assert_eq!(
            "2026-11-20T12:30:00.007+02:00"
                .parse::<Timestamp>()
                .unwrap(),
            moment
        );
        assert!(
            "yesterday"
                .parse::<Timestamp>()
                .unwrap_err()
                .to_string()
                .contains("'yesterday' is not a time")
        );
    }

    #[test]
    fn a_clock_set_back_gives_no_negative_span() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
        assert_eq!(
            Timestamp(i64::MAX).plus(Duration::from_secs(1)),
            Timestamp(i64::MAX)
        );
    }
}
