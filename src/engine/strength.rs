//! Which passwords are good enough (NIST SP 800-63B): long enough, not the name, not one that everybody tries first. What
//! letters, digits or signs they are of is left to the person.

use super::effect::Refusal;
use crate::base::limit::PASSWORD_CHARS_MAX;
use crate::base::{Password, UserName};

/// The best-known passwords of 8 characters and more, in small letters, sorted, each on a line: rows of numbers and keys, and
/// names, words and teams as people have them everywhere, in several languages. A selection of our own, from no list of others.
const KNOWN: &str = include_str!("known_passwords.txt");

/// Whether a new password is good enough for an account of that name, with so many characters at least.
///
/// # Errors
/// [`Refusal::PasswordShort`] and the other refusals of a password.
pub fn strength(password: &Password, name: &UserName, chars_min: u32) -> Result<(), Refusal> {
    // First of all: of a long one no further form is made.
    let is_short = |password: &Password| password.expose().chars().count() < chars_min as usize;
    if is_short(password) {
        return Err(Refusal::PasswordShort(chars_min));
    }
    if password.expose().chars().count() > PASSWORD_CHARS_MAX {
        return Err(Refusal::PasswordLong);
    }
    let password = password.prepared().ok_or(Refusal::PasswordCharacter)?;
    // Composed it has fewer characters than it was typed with.
    if is_short(&password) {
        return Err(Refusal::PasswordShort(chars_min));
    }
    let folded = password.folded();
    if folded.expose() == name.key() {
        return Err(Refusal::PasswordIsName);
    }
    match KNOWN.lines().any(|known| known == folded.expose()) {
        true => Err(Refusal::PasswordKnown),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::limit::PASSWORD_CHARS_MIN;

    fn refused(password: &str, name: &str) -> Option<Refusal> {
        let name = name.parse().unwrap();
        strength(&Password::new(password.into()), &name, PASSWORD_CHARS_MIN).err()
    }

    #[test]
    fn a_password_is_long_enough_and_not_the_name_nor_a_known_one() {
        let short = Some(Refusal::PasswordShort(8));
        for (password, refusal) in [
            ("короче8", short.clone()),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", short),
            ("Annabella", Some(Refusal::PasswordIsName)),
            ("ＡＮＮＡＢＥＬＬＡ", Some(Refusal::PasswordIsName)),
            ("Password123", Some(Refusal::PasswordKnown)),
            ("ｐａｓｓｗｏｒｄ１２３", Some(Refusal::PasswordKnown)),
            ("ЙЦУКЕНГШ", Some(Refusal::PasswordKnown)),
            ("pass\u{7}word pass", Some(Refusal::PasswordCharacter)),
            (&"x".repeat(1_025), Some(Refusal::PasswordLong)),
            (&"ж".repeat(1_024), None),
            ("annabella 2", None),
            ("        ", None),
            ("☠ arr, me hearties", None),
        ] {
            assert_eq!(refused(password, "annabella"), refusal, "{password:?}");
        }
        assert_eq!(
            refused("ёлочка-ель", "Е\u{308}лочка-ель"),
            Some(Refusal::PasswordIsName)
        );
    }

    #[test]
    fn the_known_passwords_are_sorted_and_would_pass_otherwise() {
        let known: Vec<_> = KNOWN.lines().collect();
        assert!(known.is_sorted_by(|one, next| one < next));
        for word in known {
            assert_eq!(
                refused(word, "anna"),
                Some(Refusal::PasswordKnown),
                "{word}"
            );
        }
    }
}
