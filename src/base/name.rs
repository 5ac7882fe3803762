//! Names of people and rooms: which are allowed, and which are the same (RFC 8265, UsernameCaseMapped; UTS #39).

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use precis_profiles::precis_core::profile::PrecisFastInvocation;
use precis_profiles::{UsernameCaseMapped, UsernameCasePreserved};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::{MixedScript, skeleton};

/// The longest name, in characters: fits a column on an 80-column terminal twice.
pub const NAME_CHARS_MAX: usize = 32;

/// Names that could be taken for the server's own voice, for everybody at once, or for whoever reads.
pub const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "all",
    "chatd",
    "everyone",
    "here",
    "moderator",
    "root",
    "server",
    "system",
    "unknown",
    "you",
];

/// Marks on one letter. No script needs more (UTS #39, 5.4), and piles of them reach into the lines of others.
const MARKS_MAX: usize = 4;

/// The name of the room that everybody is in.
pub const LOBBY_NAME: &str = "lobby";

/// Why a text is no name. The message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters.
    #[error("a name is empty; choose one of 1 to {NAME_CHARS_MAX} characters")]
    Empty,
    /// More than [`NAME_CHARS_MAX`] characters.
    #[error("the name is longer than {NAME_CHARS_MAX} characters; choose a shorter one")]
    TooLong,
    /// A space, a control or bidi character, or one that RFC 8265 disallows in user names.
    #[error(
        "the name has a character that names may not have; use letters, digits and signs such as - . _ without spaces"
    )]
    Character,
    /// Letters of several scripts (not a single script by UTS #39): could be taken for another name.
    #[error(
        "the name mixes letters of different scripts and could be taken for another; use one script"
    )]
    MixedScripts,
    /// More marks on a letter than any script needs.
    #[error(
        "the name has a letter with more than {MARKS_MAX} marks, or the same one twice; leave some out"
    )]
    Marks,
    /// One of [`RESERVED`], or something very like one.
    #[error("the name is reserved; choose another")]
    Reserved,
    /// Begins with `@` or `#`, which mark people and rooms where both may stand.
    #[error("a name may not begin with '@' or '#'; leave that sign out")]
    Sigil,
}

/// A name as its owner writes it, and the two forms it is compared by. Cloning is cheap.
#[derive(Clone)]
struct Name(Arc<Forms>);

struct Forms {
    shown: Box<str>,
    key: Box<str>,
    skeleton: Box<str>,
}

impl Name {
    fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        // Before the costly forms are made: a name of a megabyte ends here.
        if text.chars().nth(NAME_CHARS_MAX).is_some() {
            return Err(NameError::TooLong);
        }
        let shown = UsernameCasePreserved::enforce(text).map_err(|_| NameError::Character)?;
        // It is kept in this form, so this has to be a name, too (RFC 8264, section 7): letter and mark may have become one
        // that names may not have.
        if !UsernameCasePreserved::enforce(&*shown).is_ok_and(|again| again == shown) {
            return Err(NameError::Character);
        }
        let key = UsernameCaseMapped::enforce(&*shown).map_err(|_| NameError::Character)?;
        // Which of the two a capital Σ becomes depends on where it stands, and on who is asked.
        let key = key.replace('ς', "σ");
        // Only now: a wide sign has become a plain one by here.
        if shown.starts_with(['@', '#']) {
            return Err(NameError::Sigil);
        }
        if shown.chars().any(char::is_whitespace) {
            return Err(NameError::Character);
        }
        if shown.chars().count() > NAME_CHARS_MAX {
            return Err(NameError::TooLong);
        }
        if !shown.is_single_script() {
            return Err(NameError::MixedScripts);
        }
        if has_piles(&shown) {
            return Err(NameError::Marks);
        }
        let skeleton = looks(&shown);
        Ok(Self(Arc::new(Forms {
            shown: shown.into(),
            key: key.into(),
            skeleton: skeleton.into(),
        })))
    }
}

impl Name {
    /// A name that was taken once, whatever the rules are now.
    fn kept(text: &str) -> Self {
        let key = UsernameCaseMapped::enforce(text);
        let key = key.map_or_else(|_| text.to_lowercase(), Cow::into_owned);
        Self(Arc::new(Forms {
            shown: text.into(),
            key: key.replace('ς', "σ").into(),
            skeleton: looks(text).into(),
        }))
    }
}

/// What a text looks like (UTS #39) as it is shown: a capital I like a small l. Beyond that, a zero looks like a capital O,
/// and capitals are small letters here.
fn looks(text: &str) -> String {
    skeleton(text).flat_map(char::to_lowercase).collect()
}

/// Whether marks are piled up on a letter.
fn has_piles(text: &str) -> bool {
    let (mut marks, mut last) = (0, None);
    text.nfd().any(|character| {
        let is_mark = is_combining_mark(character);
        marks = if is_mark { marks + 1 } else { 0 };
        let before = last.replace(character);
        marks > MARKS_MAX || (is_mark && before == Some(character))
    })
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Name);

        impl $name {
            /// As its owner writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0.0.shown
            }

            /// The name of somebody or something that has it already. It is not looked at: if the rules have become
            /// stricter since, it is a name all the same.
            #[must_use]
            pub fn kept(text: &str) -> Self {
                Self(Name::kept(text))
            }

            /// The form that names are compared by: two names with the same key are the same name.
            #[must_use]
            pub fn key(&self) -> &str {
                &self.0.0.key
            }

            /// What the name looks like (UTS #39): two names with the same skeleton could be taken for each other.
            #[must_use]
            pub fn skeleton(&self) -> &str {
                &self.0.0.skeleton
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key() == other.key()
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key().hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.key().cmp(other.key())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }
    };
}

name_type! {
    /// The name of an account.
    UserName
}
name_type! {
    /// The name of a room.
    RoomName
}

impl FromStr for UserName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = Self(Name::parse(text)?);
        match name.is_reserved() {
            true => Err(NameError::Reserved),
            false => Ok(name),
        }
    }
}

impl UserName {
    /// Who stands in for an author that the store does not know, which it always does.
    ///
    /// # Panics
    /// Never: the name is a constant that a test parses.
    #[must_use]
    pub fn unknown() -> Self {
        Self(Name::parse("unknown").expect("a constant name"))
    }

    /// Whether it is one of [`RESERVED`] or looks like one in small letters or in capitals, wherever an i or an l stands.
    fn is_reserved(&self) -> bool {
        let blurred = |text: &str| looks(text).replace('i', "l");
        let own = [blurred(self.as_str()), blurred(self.key())];
        let like = |word: &str| {
            let theirs = [blurred(word), blurred(&word.to_uppercase())];
            self.key() == word || own.iter().any(|looks| theirs.contains(looks))
        };
        RESERVED.into_iter().any(like)
    }

    /// The admin, as the author of what they redact; nobody else can be called so.
    ///
    /// # Panics
    /// Never: the name is a constant that a test parses.
    #[must_use]
    pub fn admin() -> Self {
        Self(Name::parse("admin").expect("a constant name"))
    }
}

impl FromStr for RoomName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Name::parse(text).map(Self)
    }
}

impl RoomName {
    /// The name of the lobby.
    ///
    /// # Panics
    /// Never: the name is a constant that a test parses.
    #[must_use]
    pub fn lobby() -> Self {
        LOBBY_NAME.parse().expect("the lobby's name is a name")
    }
}

/// Where a message goes, as people write it: `room` or `@user`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Target {
    /// A room.
    Room(RoomName),
    /// The direct conversation with this person.
    Direct(UserName),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => room.fmt(f),
            Self::Direct(user) => write!(f, "@{user}"),
        }
    }
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.strip_prefix('@') {
            Some(user) => user.parse().map(Self::Direct),
            None => text.parse().map(Self::Room),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> NameError {
        text.parse::<UserName>().unwrap_err()
    }

    #[test]
    fn names_of_any_script_are_names() {
        for text in [
            "anna",
            "Анна",
            "李雷",
            "Ωμέγα",
            "josé",
            "नमस्ते",
            "o.k_2",
            "lobby",
        ] {
            assert_eq!(
                text.parse::<UserName>().map(String::from),
                Ok(text.to_owned())
            );
        }
        assert_eq!(RoomName::lobby().as_str(), LOBBY_NAME);
        assert_eq!(UserName::unknown().as_str(), "unknown");
        assert_eq!(UserName::admin().as_str(), "admin");
    }

    #[test]
    fn case_and_width_do_not_make_another_name() {
        let name = |text: &str| text.parse::<UserName>().unwrap();
        assert_eq!(name("Анна"), name("аННА"));
        assert_eq!(name("ＡＮＮＡ"), name("anna"));
        assert_eq!(name("ΝΙΚΟΣ"), name("Νικος"));
        assert_ne!(name("anna"), name("anne"));
        // Equal by looks only: another name, but one that the engine will not let stand beside the first.
        assert_ne!(name("сосо"), name("coco"));
        assert_eq!(name("сосо").skeleton(), name("coco").skeleton());
        assert_ne!(name("pauI"), name("paul"));
        assert_eq!(name("pauI").skeleton(), name("Paul").skeleton());
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        assert_eq!(refused(""), NameError::Empty);
        assert_eq!(refused(&"x".repeat(33)), NameError::TooLong);
        assert_eq!(refused(&"x".repeat(1 << 20)), NameError::TooLong);
        for text in [
            "a b",
            "a\tb",
            "a\0b",
            "a\u{202e}b",
            "a\u{200b}b",
            "\u{feff}a",
            "a\u{3000}b",
            "a\nb",
            // Becomes U+1FFC, which is no name.
            "\u{3a9}\u{345}",
        ] {
            assert_eq!(refused(text), NameError::Character, "{text:?}");
        }
        assert_eq!(refused("pаypal"), NameError::MixedScripts);
        assert_eq!(refused("Admin"), NameError::Reserved);
        for text in [
            "R00t",
            "ADMlN",
            "AdmlN",
            "AII",
            "everyоne",
            "Unknown",
            "ＹＯＵ",
        ] {
            let reason = refused(text);
            let is_refused = matches!(reason, NameError::Reserved | NameError::MixedScripts);
            assert!(is_refused, "{text}: {reason}");
        }
        let zalgo = format!("z{}", "\u{302}\u{31c}\u{333}\u{35b}\u{309}".repeat(2));
        for text in [zalgo.as_str(), "z\u{30f}\u{30f}"] {
            assert_eq!(refused(text), NameError::Marks, "{text:?}");
        }
        "Việt\u{323}".parse::<UserName>().unwrap();
        assert_eq!(refused("гооt"), NameError::MixedScripts);
        assert_eq!(refused("@anna"), NameError::Sigil);
        assert_eq!(refused("#lobby"), NameError::Sigil);
        assert_eq!(refused("\u{ff20}anna"), NameError::Sigil);
        assert_eq!(refused("\u{ff03}lobby"), NameError::Sigil);
    }

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for text in ["lobby", "@Анна"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("@".parse::<Target>(), Err(NameError::Empty));
    }
}
