//! The language in which chat-client speaks to people: English, or Russian where the locale asks for it (locale(7)).
//! Each text stands in the code in both: `say!("nobody is here", "здесь никого нет")`, so that none can lack one.
//!
//! For whoever writes the Russian: people are addressed with «вы», in small letters and without ceremony; quotes are «…», ё is
//! ё; keys, commands and options keep their names. What somebody does is said in the present (`anna входит`), which knows no
//! gender, and a name is never declined. A form that goes with a number comes from [`plural`], in a variable called
//! `…_form`. One word for each thing:
//!
//! | | | | |
//! |---|---|---|---|
//! | account | учётная запись | member | участник |
//! | admin | администратор | message | сообщение |
//! | ban | блокировка | moderator | модератор |
//! | certificate | сертификат | mute | запрет писать |
//! | code (of an exit) | код завершения | notice | объявление |
//! | command, verb | команда | operator | оператор комнаты |
//! | connection | соединение; как состояние: связь | option | параметр |
//! | direct message | личное сообщение, личная переписка | password | пароль |
//! | fingerprint | отпечаток | profile | профиль |
//! | full screen | полный экран | prompt | начало строки |
//! | history | история | room | комната |
//! | host | узел | screen | экран |
//! | invite | приглашение | server | сервер |
//! | key (on the keyboard) | клавиша | session | сеанс |
//! | kick | исключить | terminal | терминал |
//! | line | строка | token | токен |
//! | lobby | lobby | topic | тема |
//! | to log in, out | войти, завершить сеанс | unread | новые |
//! | mention | упоминание | user | пользователь, чаще участник или имя |

use std::ffi::OsString;
use std::sync::OnceLock;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// English.
    English,
    /// Russian.
    Russian,
}

static SPOKEN: OnceLock<Tongue> = OnceLock::new();

thread_local! {
    /// For a while, and on this thread, in spite of [`SPOKEN`].
    static HERE: std::cell::Cell<Option<Tongue>> = const { std::cell::Cell::new(None) };
}

impl Tongue {
    /// What the environment asks for: LC_ALL, LC_MESSAGES or LANG, the first that is set; and, where that is a language
    /// at all, the first of LANGUAGE (gettext).
    #[must_use]
    pub fn of_locale(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| {
            let value = variable(name)?.into_string().ok()?;
            (!value.is_empty()).then_some(value)
        };
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
        let locale =
            locale.filter(|it| !matches!(it.split(['.', '@']).next(), Some("C" | "POSIX")));
        let Some(locale) = locale else {
            return Self::English;
        };
        let language = set("LANGUAGE").unwrap_or(locale);
        match language.split([':', '_', '.', '@']).next() {
            Some("ru") => Self::Russian,
            _ => Self::English,
        }
    }

    /// The program speaks it from now on; told once, before anything is said.
    pub fn speak(self) {
        SPOKEN.get_or_init(|| self);
    }

    /// What is spoken.
    #[must_use]
    pub fn spoken() -> Self {
        if let Some(here) = HERE.get() {
            return here;
        }
        SPOKEN.get().copied().unwrap_or(Self::English)
    }

    /// It is spoken while `work` is done: for what has one form for everybody, and in tests.
    pub fn spoken_in<T>(self, work: impl FnOnce() -> T) -> T {
        let before = HERE.replace(Some(self));
        let done = work();
        HERE.set(before);
        done
    }
}

/// A text for people in English and in Russian, where it stands in a table: what `say!` is elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Both(pub &'static str, pub &'static str);

impl Both {
    /// It in the language that is spoken.
    #[must_use]
    pub fn said(self) -> &'static str {
        match Tongue::spoken() {
            Tongue::English => self.0,
            Tongue::Russian => self.1,
        }
    }
}

/// A text in a table: in both languages, or in the only one that it needs.
pub trait Words: Copy {
    /// It in the language that is spoken.
    fn said(self) -> &'static str;
}

impl Words for Both {
    fn said(self) -> &'static str {
        Both::said(self)
    }
}

impl Words for &'static str {
    fn said(self) -> &'static str {
        self
    }
}

/// The form that goes with a number in Russian: 1 комната, 2 комнаты, 5 комнат (Unicode plural rules: one, few, many).
#[must_use]
pub fn plural<'a>(number: u64, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (number % 10, number % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}

/// A text for people in the language that is spoken, as by `format!`: first in English, then in Russian.
macro_rules! say {
    ($english:literal, $russian:literal $(, $($argument:tt)*)?) => {
        match $crate::base::tongue::Tongue::spoken() {
            $crate::base::tongue::Tongue::English => format!($english $(, $($argument)*)?),
            $crate::base::tongue::Tongue::Russian => format!($russian $(, $($argument)*)?),
        }
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_locale() {
        let of = |set: &[(&str, &str)]| {
            Tongue::of_locale(|name| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).into())
            })
        };
        for russian in [
            &[("LANG", "ru_RU.UTF-8")][..],
            &[("LANG", "ru")],
            &[("LANG", "de_DE.UTF-8"), ("LC_ALL", "ru_UA.UTF-8")],
            &[
                ("LANG", "de_DE.UTF-8"),
                ("LC_ALL", ""),
                ("LC_MESSAGES", "ru_RU@euro"),
            ],
            &[("LANG", "en_GB.UTF-8"), ("LANGUAGE", "ru:en")],
        ] {
            assert_eq!(of(russian), Tongue::Russian, "{russian:?}");
        }
        for english in [
            &[][..],
            &[("LANG", "run_BI.UTF-8")],
            &[("LANG", "ru_RU.UTF-8"), ("LC_ALL", "C.UTF-8")],
            &[("LANG", "C"), ("LANGUAGE", "ru")],
            &[("LANG", "ru_RU.UTF-8"), ("LANGUAGE", "de:ru")],
        ] {
            assert_eq!(of(english), Tongue::English, "{english:?}");
        }
    }

    #[test]
    fn numbers_have_their_form() {
        let rooms = |number| plural(number, "комната", "комнаты", "комнат");
        let told: Vec<_> = [0, 1, 2, 5, 11, 12, 14, 21, 22, 25, 111, 121, 1_000]
            .map(rooms)
            .into();
        assert_eq!(
            told.join(" "),
            "комнат комната комнаты комнат комнат комнат комнат комната комнаты комнат комнат комната комнат"
        );
    }

    #[test]
    fn a_text_is_said_in_the_language_that_is_spoken() {
        let told = |name: &str| say!("{name} came: {}", "{name} пришёл: {}", 7);
        assert_eq!(told("anna"), "anna came: 7");
        Tongue::Russian.spoken_in(|| assert_eq!(told("anna"), "anna пришёл: 7"));
    }
}
