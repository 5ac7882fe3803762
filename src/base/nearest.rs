//! Which known name was most likely meant where there is none of that name: a slip of the pen is told from another word.

/// How much alike two names must be for one to be a slip of the pen for the other (Jaro): of all that differ, most are not.
const ALIKE: f64 = 0.8;
/// Shorter names are alike all too soon.
const SLIP_CHARS_MIN: usize = 3;
/// The letters of two names in which one may have more than the other, or others.
const LETTERS_APART_MAX: u32 = 4;
/// By how much one may be longer.
const CHARS_APART_MAX: usize = 2;

/// The one of `known` that was most likely meant by `wrong`; none where none is like it. Takes time for each of them: where
/// there are many, let only those in that [`Outline::may_be`] meant.
#[must_use]
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let may_slip = wrong.chars().count() >= SLIP_CHARS_MIN;
    let likeness = |name: &str| {
        let one_slip = may_slip && strsim::osa_distance(wrong, name) <= 1;
        let likeness = strsim::jaro(wrong, name);
        (one_slip || likeness > ALIKE).then_some((one_slip, likeness))
    };
    let mut best: Option<((bool, f64), &str)> = None;
    for name in known {
        let Some(found) = likeness(name) else {
            continue;
        };
        if best.is_none_or(|(before, _)| found.partial_cmp(&before).is_some_and(|it| it.is_gt())) {
            best = Some((found, name));
        }
    }
    best.map(|(_, name)| name)
}

/// What is looked at first: how long a name is, and which letters are in it.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    chars: usize,
    letters: u64,
}

impl Outline {
    /// Of a name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let (mut chars, mut letters) = (0, 0);
        for letter in name.chars() {
            chars += 1;
            letters |= 1_u64 << (u32::from(letter) % u64::BITS);
        }
        Self { chars, letters }
    }

    /// Whether the one may have been meant by the other. It is told in some nanoseconds, for all but a few of many names.
    #[must_use]
    pub fn may_be(self, other: Self) -> bool {
        self.chars.abs_diff(other.chars) <= CHARS_APART_MAX
            && (self.letters ^ other.letters).count_ones() <= LETTERS_APART_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found_and_nothing_else() {
        let known = [
            "anna",
            "boris",
            "Константин",
            "bob",
            "李雷",
            "o'brien",
            "user0042",
        ];
        for (wrong, meant) in [
            ("anan", Some("anna")),
            ("ana", Some("anna")),
            ("aanna", Some("anna")),
            ("bors", Some("boris")),
            ("broom", None),
            ("rob", Some("bob")),
            ("Констатин", Some("Константин")),
            ("obrien", Some("o'brien")),
            ("user0024", Some("user0042")),
            // A letter of another script that looks the same.
            ("\u{430}nna", Some("anna")),
            ("李", Some("李雷")),
            ("clara", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, known), meant, "{wrong}");
        }
    }

    #[test]
    fn an_outline_leaves_out_none_that_is_one_slip_away() {
        for (one, other) in [("anan", "anna"), ("bob", "rob"), ("ana", "anna"), ("", "a")] {
            assert!(Outline::of(one).may_be(Outline::of(other)), "{one} {other}");
        }
        assert!(!Outline::of("anna").may_be(Outline::of("konstantin")));
        assert!(!Outline::of("abcd").may_be(Outline::of("efgh")));
    }
}
