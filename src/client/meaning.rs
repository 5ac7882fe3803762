//! What the server refuses with, and its good-byes, in the language that is spoken. In English that is what the server says;
//! in Russian the meaning of its stable word, with what the server says behind it where that tells more: a time, a name, a
//! limit.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use crate::base::tongue::{Tongue, say};
use crate::wire::Code;

/// Whether what the server says is needed beside the meaning of its word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Needed,
    Idle,
}

/// A refusal for people.
pub(super) fn of_refusal(code: Code, said: Arc<str>) -> Arc<str> {
    in_russian(code_in_russian(code), said)
}

/// A good-bye for people.
pub(super) fn of_bye(reason: &str, said: Arc<str>) -> Arc<str> {
    match bye_in_russian(reason) {
        Some(meaning) => in_russian(meaning, said),
        None => said,
    }
}

fn in_russian((meaning, beside): (&str, Beside), said: Arc<str>) -> Arc<str> {
    match Tongue::spoken() {
        Tongue::English => said,
        Tongue::Russian if beside == Beside::Needed && !said.is_empty() => {
            format!("{meaning} ({said})").into()
        }
        Tongue::Russian => meaning.into(),
    }
}

/// The meaning of each word of the protocol's table of errors.
fn code_in_russian(code: Code) -> (&'static str, Beside) {
    use Beside::{Idle, Needed};
    match code {
        Code::BadFrame => ("сервер не понял кадр: похоже на ошибку программы", Needed),
        Code::TooLarge => ("для сервера это слишком длинно; разделите на части", Needed),
        Code::UnknownType => ("сервер такого не умеет: он старше этой программы", Needed),
        Code::BadRequest => ("сервер не принимает такой запрос", Needed),
        Code::NotLoggedIn => ("сначала нужно войти с именем и паролем", Idle),
        Code::BadCredentials => (
            "имя и пароль (или токен) не подходят; проверьте их и попробуйте снова",
            Idle,
        ),
        Code::NameTaken => (
            "такое или очень похожее имя уже занято; выберите другое",
            Idle,
        ),
        Code::BadName => ("такое имя не годится; выберите другое", Needed),
        Code::WeakPassword => ("такой пароль не годится; выберите другой", Needed),
        Code::RegistrationClosed => (
            "учётные записи здесь создаёт администратор; попросите его",
            Idle,
        ),
        Code::BadInvite => (
            "для учётной записи здесь нужно действующее приглашение; проверьте код или попросите администратора о новом",
            Idle,
        ),
        Code::NoSuchRoom => (
            "такой комнаты нет; посмотрите список комнат или создайте её",
            Idle,
        ),
        Code::NoSuchUser => ("такого человека здесь нет; проверьте имя", Idle),
        Code::NoSuchMessage => (
            "нет сообщения с таким номером, которое можно удалить; посмотрите историю комнаты",
            Idle,
        ),
        Code::NotAMember => ("сначала войдите в комнату", Idle),
        Code::Forbidden => ("это вам не разрешено", Needed),
        Code::Muted => ("вам сейчас запрещено писать", Needed),
        Code::Banned => ("вы заблокированы", Needed),
        Code::RateLimited => ("слишком часто; подождите и попробуйте снова", Needed),
        Code::Busy => ("сервер сейчас занят; попробуйте чуть позже", Needed),
        Code::StorageFull => (
            "на диске сервера нет места, сохранить ничего нельзя; попробуйте, когда администратор его освободит",
            Idle,
        ),
        Code::ShuttingDown => ("сервер останавливается; подключитесь немного позже", Idle),
        Code::Internal => (
            "на сервере случилась ошибка; попробуйте снова и сообщите администратору, подробности в его журнале",
            Idle,
        ),
    }
}

/// The meaning of each word of the protocol's table of good-byes.
fn bye_in_russian(reason: &str) -> Option<(&'static str, Beside)> {
    use Beside::{Idle, Needed};
    Some(match reason {
        "shutting-down" => ("сервер останавливается; подключитесь немного позже", Idle),
        "kicked" => ("администратор отключил вас от сервера", Needed),
        "account-removed" => ("администратор удалил вашу учётную запись", Idle),
        "account-disabled" => (
            "администратор отключил вашу учётную запись; обратитесь к нему",
            Idle,
        ),
        "banned" => ("вы заблокированы", Needed),
        "session-ended" => ("сеанс окончен; войдите снова", Idle),
        "login-attempts" => (
            "слишком много неудачных попыток войти; проверьте имя и пароль и подключитесь снова",
            Idle,
        ),
        "login-timeout" => ("сервер не дождался входа; подключитесь снова", Idle),
        "frame-timeout" => ("сервер не дождался конца кадра; подключитесь снова", Idle),
        _ => return None,
    })
}

/// The session is over.
pub(super) fn session_over() -> String {
    say!(
        "the session has ended; log in again with name and password",
        "сеанс окончен; войдите снова с именем и паролем"
    )
}

/// Nothing more will come.
pub(super) fn over() -> String {
    say!(
        "the conversation with the server is over",
        "связь с сервером завершена"
    )
}

/// The connection was closed without a word.
pub(super) fn closed() -> String {
    say!(
        "the server closed the connection",
        "сервер закрыл соединение"
    )
}

/// What could not be done with a file.
pub(super) fn not_done(action: &str, path: &Path, cause: &dyn Display) -> String {
    let path = path.display();
    let action = match action {
        "read" => say!("read", "прочитать"),
        "write" => say!("write", "записать"),
        "open" => say!("open", "открыть"),
        "create" => say!("create", "создать"),
        "delete" => say!("delete", "удалить"),
        "protect" => say!("protect", "защитить"),
        other => other.to_owned(),
    };
    say!(
        "cannot {action} '{path}': {cause}",
        "не удаётся {action} «{path}»: {cause}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words in the first column of a table of the specification.
    fn table(heading: &str) -> Vec<&'static str> {
        let specification = include_str!("../wire/PROTOCOL.md");
        let table = specification.split(heading).nth(1).unwrap();
        let table = table.split("\n## ").next().unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| row.split('`').next()).collect()
    }

    #[test]
    fn every_good_bye_of_the_specification_has_a_meaning() {
        let words = table("\n## Good-byes");
        assert!(words.len() > 7, "{words:?}");
        for word in words {
            assert!(bye_in_russian(word).is_some(), "{word}");
        }
    }

    #[test]
    fn what_the_server_says_stays_where_it_tells_more() {
        let told = |code| of_refusal(code, "you are muted in 'tea' until noon".into());
        assert_eq!(&*told(Code::Muted), "you are muted in 'tea' until noon");
        Tongue::Russian.spoken_in(|| {
            assert_eq!(
                &*told(Code::Muted),
                "вам сейчас запрещено писать (you are muted in 'tea' until noon)"
            );
            assert_eq!(&*told(Code::NotAMember), "сначала войдите в комнату");
            assert_eq!(&*of_bye("word-of-2030", "so long".into()), "so long");
            for code in Code::ALL {
                assert!(told(*code).contains(|letter: char| letter > '\u{400}'));
            }
        });
    }
}
