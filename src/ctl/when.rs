//! Times and spans as people write them: the one parser of all verbs.

use std::time::Duration;

use crate::base::Timestamp;
pub(super) use crate::base::time::span;

/// A moment: named, or so long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Named.
    At(Timestamp),
    /// So long before the command is given.
    Ago(Duration),
}

impl When {
    /// Which moment it is.
    pub(super) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(span) => {
                let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                Timestamp(now.0.saturating_sub(span))
            }
        }
    }
}

/// Reads `2026-11-20T10:30:00Z` (RFC 3339), `2026-11-20`, which is its first moment in UTC, or a span, which is so long
/// ago. A number alone is refused: who writes `--before 30` may mean days.
pub(super) fn moment(text: &str) -> Result<When, String> {
    if let Ok(moment) = text.parse() {
        return Ok(When::At(moment));
    }
    let is_date = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    if is_date && let Ok(moment) = format!("{text}T00:00:00Z").parse() {
        return Ok(When::At(moment));
    }
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let ago = has_unit.then(|| span(text).ok()).flatten();
    ago.map(When::Ago).ok_or_else(|| {
        format!(
            "'{text}' is no time: write 2026-11-20T10:30:00Z, 2026-11-20, or how long ago, such as 12h or 7d"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("0", 0),
            ("90", 90),
            ("30s", 30),
            ("5m", 300),
            ("1h30m", 5_400),
            ("2d", 172_800),
            ("2w", 1_209_600),
        ] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "s",
            "5x",
            "-5s",
            "1.5h",
            "5 m",
            "99999999999",
            "99999d",
            "m5",
        ] {
            let refused = span(text).unwrap_err();
            assert!(refused.contains("such as") || refused.contains("write 30s"));
        }
    }

    #[test]
    fn moments_are_named_or_so_long_ago() {
        let now = "2026-11-20T10:30:00Z".parse().unwrap();
        for (text, shown) in [
            ("2026-11-20T12:30:00+02:00", "2026-11-20T10:30:00.000Z"),
            ("2026-11-20", "2026-11-20T00:00:00.000Z"),
            ("12h", "2026-11-19T22:30:00.000Z"),
            ("2w", "2026-11-06T10:30:00.000Z"),
        ] {
            assert_eq!(moment(text).unwrap().at(now).to_string(), shown, "{text}");
        }
        for text in ["yesterday", "2026-13-01", "20.11.2026", "", "2026-1-1"] {
            let refused = moment(text).unwrap_err();
            assert!(refused.contains("2026-11-20T10:30:00Z"), "{refused}");
        }
        assert_eq!(
            When::Ago(Duration::MAX).at(now),
            Timestamp(now.0 - i64::MAX)
        );
    }
}
