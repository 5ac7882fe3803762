//! Questions to the person at the terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::base::Password;
use crate::base::limit::PASSWORD_BYTES_MAX;
use crate::base::tongue::say;
use crate::tui::failure::Failure;

/// Whether there is somebody to ask and somewhere to answer.
#[must_use]
pub fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Asks for a line; an empty answer is the default.
///
/// # Errors
/// When there is no answer: the input has ended.
pub fn line(question: &str, default: &str) -> Result<String, Failure> {
    let shown = match default {
        "" => format!("{question}: "),
        default => format!("{question} [{default}]: "),
    };
    let answer = read(&shown)?;
    match answer.trim() {
        "" => Ok(default.to_owned()),
        answer => Ok(answer.to_owned()),
    }
}

/// Asks a question that is answered by yes or, by default, no.
///
/// # Errors
/// When there is no answer.
pub fn yes(question: &str) -> Result<bool, Failure> {
    let answer = read(&say!("{question} [y/N] ", "{question} [д/Н] "))?;
    Ok(["y", "yes", "д", "да"].contains(&&*answer.trim().to_lowercase()))
}

/// Asks for a password without showing it; without a terminal it is a line of the input.
///
/// # Errors
/// When there is no answer.
pub fn password(question: &str) -> Result<Password, Failure> {
    let answer = match is_possible() {
        true => rpassword::prompt_password(format!("{question}: ")),
        false => {
            let mut line = String::with_capacity(PASSWORD_BYTES_MAX + 2);
            match io::stdin().lock().read_line(&mut line) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {
                    line.truncate(line.trim_end_matches(['\n', '\r']).len());
                    Ok(line)
                }
                Err(error) => Err(error),
            }
        }
    };
    answer.map(Password::new).map_err(|_| no_answer())
}

fn read(question: &str) -> Result<String, Failure> {
    let mut output = io::stdout();
    (output.write_all(question.as_bytes()))
        .and_then(|()| output.flush())
        .map_err(Failure::Output)?;
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(0) | Err(_) => {
            let _ = writeln!(output);
            Err(no_answer())
        }
        Ok(_) => Ok(answer),
    }
}

fn no_answer() -> Failure {
    Failure::Usage(say!(
        "there was no answer; run it again, or say it by the environment (see --help)",
        "ответа не было; запустите ещё раз или задайте всё через окружение (см. --help)"
    ))
}
