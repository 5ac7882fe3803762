//! Names: one that is taken is a name for good, the same person however it is typed, and no mixture that could be taken for
//! somebody else's. Tokens are read as they are written, passwords prepared once and for all.

use chatd::base::name::{NAME_CHARS_MAX, RESERVED};
use chatd::base::text::harmless;
use chatd::base::{Password, RoomName, Target, Token, UserName};

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    target(text);
    if let Some(token) = Token::parse(text) {
        assert_eq!(token.expose().expose(), text);
    }
    password(text);
    let (user, room) = (text.parse::<UserName>(), text.parse::<RoomName>());
    let Ok(room) = room else {
        return assert!(
            user.is_err(),
            "what is no room's name is nobody's: {text:?}"
        );
    };
    is_a_name(&room);
    if let Ok(user) = user {
        assert_eq!(
            (user.as_str(), user.key(), user.skeleton()),
            (room.as_str(), room.key(), room.skeleton())
        );
        assert!(!RESERVED.contains(&user.key()) && !RESERVED.contains(&user.as_str()));
        assert!(!RESERVED.contains(&user.skeleton()));
    }
}

/// The prepared form of a password is a password, and its own.
fn password(text: &str) {
    let Some(prepared) = Password::new(text.to_owned()).prepared() else {
        return;
    };
    let again = prepared.prepared();
    assert_eq!(
        again.as_ref().map(Password::expose),
        Some(prepared.expose()),
        "{text:?}"
    );
}

fn is_a_name(name: &RoomName) {
    let shown = name.as_str();
    let chars = shown.chars().count();
    assert!((1..=NAME_CHARS_MAX).contains(&chars), "{chars} characters");
    super::must_be_harmless(shown);
    assert_eq!(harmless(shown), shown);
    assert!(!shown.contains(char::is_whitespace) && !shown.starts_with(['@', '#']));

    let again: RoomName = shown
        .parse()
        .unwrap_or_else(|error| panic!("{shown:?}: {error}"));
    assert_eq!(
        (again.as_str(), again.key()),
        (shown, name.key()),
        "as stored, so read"
    );
    assert_eq!(again.skeleton(), name.skeleton());
    // Small letters that are newer than the tables of PRECIS are no names (Cherokee); then there is nobody else.
    for typed in [name.key(), &shown.to_lowercase()] {
        if let Ok(folded) = typed.parse::<RoomName>() {
            assert_eq!((&folded, folded.key()), (name, name.key()), "{shown:?}");
        }
    }
    let scripts = [is_latin, is_greek, is_cyrillic];
    let count = scripts
        .iter()
        .filter(|is_of| shown.contains(|c| is_of(&c)))
        .count();
    assert!(
        count <= 1,
        "letters that look alike side by side: {shown:?}"
    );
}

fn is_latin(c: &char) -> bool {
    c.is_ascii_alphabetic() || (c.is_alphabetic() && ('\u{c0}'..='\u{24f}').contains(c))
}

fn is_greek(c: &char) -> bool {
    c.is_alphabetic() && ('\u{370}'..='\u{3e1}').contains(c)
}

fn is_cyrillic(c: &char) -> bool {
    c.is_alphabetic() && ('\u{400}'..='\u{52f}').contains(c)
}

fn target(text: &str) {
    if let Ok(target) = text.parse::<Target>() {
        assert_eq!(target.to_string().parse::<Target>().as_ref(), Ok(&target));
        assert_eq!(text.starts_with('@'), matches!(target, Target::Direct(_)));
    }
}
