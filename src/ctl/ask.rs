//! What chatctl asks the person at the terminal: whether they mean it, and passwords.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::Password;
use crate::base::limit::PASSWORD_BYTES_MAX;

use super::Failure;

/// More of an answer is not read.
const ANSWER_BYTES_MAX: u64 = 80;
const KEY_BYTES: usize = 32;
/// More than a key takes, written as text too.
const KEY_FILE_BYTES_MAX: u64 = 256;

/// Asks before something is destroyed; anything but yes is no. Without a terminal nobody can be asked.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "nobody can be asked \"{question}\" because standard input is no terminal; add --yes if it is meant"
        )));
    }
    write!(io::stderr(), "{question} [y/N] ").map_err(Failure::Output)?;
    read_answer(io::stdin().lock())
}

fn read_answer(input: impl BufRead) -> Result<(), Failure> {
    let mut answer = String::new();
    // An answer that cannot be read is none.
    let _ = input.take(ANSWER_BYTES_MAX).read_line(&mut answer);
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::Refused("nothing was done".to_owned())),
    }
}

/// A new password: typed twice on a terminal, otherwise one line of standard input.
pub(super) fn new_password(whose: &str) -> Result<Password, Failure> {
    if !io::stdin().is_terminal() {
        return password_line(io::stdin().lock());
    }
    let typed = |prompt: &str| match rpassword::prompt_password(prompt) {
        Ok(text) => Ok(Password::new(text)),
        Err(error) => Err(Failure::Refused(format!(
            "cannot read a password from the terminal: {error}"
        ))),
    };
    let first = typed(&format!("new password for {whose}: "))?;
    let second = typed("the same again: ")?;
    if first != second {
        return Err(Failure::Refused(
            "the two passwords differ; nothing was done".to_owned(),
        ));
    }
    Ok(first)
}

/// An identity key out of a file, as text: the daemon sees whether it is one.
pub(super) fn read_key(file: &Path) -> Result<Password, Failure> {
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::Usage(format!("cannot read the key '{}': {error}", file.display()))
        })?;
    Ok(Password::new(match bytes.len() {
        KEY_BYTES => STANDARD.encode(&bytes),
        _ => String::from_utf8_lossy(bytes.trim_ascii()).into_owned(),
    }))
}

fn password_line(input: impl BufRead) -> Result<Password, Failure> {
    // Two bytes more, for the end of the line.
    let most = PASSWORD_BYTES_MAX + 2;
    let mut line = String::with_capacity(most + 1);
    input
        .take(most as u64)
        .read_line(&mut line)
        .map_err(|error| {
            Failure::Usage(format!(
                "cannot read the password from standard input: {error}"
            ))
        })?;
    let length = line.strip_suffix('\n').map_or(line.len(), |rest| {
        rest.strip_suffix('\r').unwrap_or(rest).len()
    });
    line.truncate(length);
    let password = Password::new(line);
    match length {
        0 => Err(Failure::Usage(
            "there is no password on standard input; write it there, as one line".to_owned(),
        )),
        _ if length > PASSWORD_BYTES_MAX => Err(Failure::Refused(format!(
            "the password is longer than {PASSWORD_BYTES_MAX} bytes"
        ))),
        _ => Ok(password),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for answer in ["y\n", "yes\n", " Y \n", "YES"] {
            assert!(read_answer(answer.as_bytes()).is_ok(), "{answer:?}");
        }
        for answer in ["", "\n", "n\n", "no\n", "yess\n", "\u{1b}y\n"] {
            assert!(
                matches!(read_answer(answer.as_bytes()), Err(Failure::Refused(_))),
                "{answer:?}"
            );
        }
        assert!(matches!(
            read_answer(&b"\xff\n"[..]),
            Err(Failure::Refused(_))
        ));
    }

    #[test]
    fn a_password_is_the_first_line_of_the_input_as_it_stands() {
        for (input, password) in [
            ("geheim\n", "geheim"),
            ("geheim", "geheim"),
            (" a b \r\nmore\n", " a b "),
        ] {
            assert_eq!(password_line(input.as_bytes()).unwrap().expose(), password);
        }
        let longest = "x".repeat(PASSWORD_BYTES_MAX);
        assert_eq!(
            password_line(format!("{longest}\r\n").as_bytes())
                .unwrap()
                .expose(),
            longest
        );
        for input in ["", "\n", "\nlater\n"] {
            assert!(
                matches!(password_line(input.as_bytes()), Err(Failure::Usage(_))),
                "{input:?}"
            );
        }
        let too_long = "x".repeat(1 << 20);
        assert!(matches!(
            password_line(too_long.as_bytes()),
            Err(Failure::Refused(_))
        ));
    }
}
