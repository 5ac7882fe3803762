//! How much of each log is kept, as the settings say it.

use std::num::{NonZeroU32, NonZeroU64};

use serde::Deserialize;

use crate::engine::input::Retention;

/// A hundred years: more than that is a mistake, and days are counted in milliseconds.
const DAYS_MAX: u32 = 36_500;

/// The table `[history]`; 0 keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HistoryTable {
    pub keep_days: u32,
    pub keep_messages: u64,
}

impl HistoryTable {
    /// Makes sure that it can be gone by.
    ///
    /// # Errors
    /// With what to set instead.
    pub fn check(self) -> Result<Self, String> {
        match self.keep_days {
            0..=DAYS_MAX => Ok(self),
            days => Err(format!(
                "history.keep_days is {days}; set it to at most {DAYS_MAX}, or to 0 to keep everything"
            )),
        }
    }

    /// In the engine's words.
    pub fn retention(self) -> Retention {
        Retention {
            days: NonZeroU32::new(self.keep_days),
            messages: NonZeroU64::new(self.keep_messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_a_bound_and_nothing_is_everything() {
        let table = |keep_days| HistoryTable {
            keep_days,
            keep_messages: 0,
        };
        assert!(table(DAYS_MAX).check().is_ok());
        assert!(table(DAYS_MAX + 1).check().is_err());
        assert!(!table(0).retention().is_any());
    }
}
