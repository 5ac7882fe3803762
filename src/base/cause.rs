//! What the system says when it refuses something, in the language that is spoken.

use std::fmt;
use std::io::{self, ErrorKind};

use crate::base::tongue::Tongue;

/// An error of the system, for people: in English as the system has it, in Russian what it means. What is rare stays as the
/// system says it.
pub struct Cause<'a>(pub &'a io::Error);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match Tongue::spoken() {
            Tongue::English => None,
            Tongue::Russian => in_russian(self.0),
        };
        match (meaning, self.0.raw_os_error()) {
            (Some(meaning), None) => f.write_str(meaning),
            (Some(meaning), Some(number)) => write!(f, "{meaning}, ошибка ОС {number}"),
            (None, _) => write!(f, "{}", self.0),
        }
    }
}

fn in_russian(error: &io::Error) -> Option<&'static str> {
    // What a program says itself tells more than the kind that it gives it.
    let own = error.get_ref().is_some();
    Some(match error.kind() {
        ErrorKind::TimedOut => "нет ответа",
        // The resolver has no kinds.
        _ if own => return by_words(&error.to_string()),
        ErrorKind::NotFound => "такого файла или папки нет",
        ErrorKind::PermissionDenied => "нет прав",
        ErrorKind::AlreadyExists => "уже существует",
        ErrorKind::NotADirectory => "это не папка",
        ErrorKind::IsADirectory => "это папка",
        ErrorKind::ReadOnlyFilesystem => "файловая система только для чтения",
        ErrorKind::StorageFull => "на диске нет места",
        ErrorKind::QuotaExceeded => "исчерпана дисковая квота",
        ErrorKind::BrokenPipe => "другая сторона больше не читает",
        ErrorKind::ConnectionRefused => "в соединении отказано",
        ErrorKind::ConnectionReset => "соединение сброшено",
        ErrorKind::ConnectionAborted => "соединение прервано",
        ErrorKind::NotConnected => "соединения нет",
        ErrorKind::HostUnreachable => "до узла нет маршрута",
        ErrorKind::NetworkUnreachable => "сеть недоступна",
        ErrorKind::NetworkDown => "сеть не работает",
        ErrorKind::UnexpectedEof => "данные оборвались",
        ErrorKind::InvalidData => "в данных ошибка",
        ErrorKind::OutOfMemory => "не хватает памяти",
        _ => return by_words(&error.to_string()),
    })
}

fn by_words(said: &str) -> Option<&'static str> {
    [
        ("Name or service not known", "такого имени нет"),
        (
            "No address associated with hostname",
            "у этого имени нет адреса",
        ),
        (
            "Temporary failure in name resolution",
            "сервер имён не отвечает",
        ),
        ("Too many open files", "открыто слишком много файлов"),
        ("Input/output error", "ошибка ввода-вывода"),
        ("stream did not contain valid UTF-8", "это не UTF-8"),
    ]
    .iter()
    .find(|(english, _)| said.contains(english))
    .map(|(_, russian)| *russian)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_told_in_the_language_that_is_spoken() {
        let told = |error: &io::Error| Cause(error).to_string();
        let refused = io::Error::from_raw_os_error(13);
        assert_eq!(told(&refused), "Permission denied (os error 13)");
        let unknown =
            io::Error::other("failed to lookup address information: Name or service not known");
        let strange = io::Error::other("something of 2030");
        Tongue::Russian.spoken_in(|| {
            assert_eq!(told(&refused), "нет прав, ошибка ОС 13");
            assert_eq!(told(&unknown), "такого имени нет");
            assert_eq!(told(&strange), "something of 2030");
        });
    }
}
