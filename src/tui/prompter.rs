//! A command that prints the password, such as `pass show chat`. What it prints is kept in memory only.

use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::base::Password;
use crate::base::limit::PASSWORD_BYTES_MAX;
use crate::base::tongue::say;
use crate::tui::show::harmless;

/// How long a command may take: it may ask for a passphrase itself.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a command that has said all has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Runs the command by `/bin/sh`; the first line that it prints is the password. Its errors go where ours go.
///
/// # Errors
/// With a sentence that says what to do.
pub fn password(command: &str, patience: Duration) -> Result<Password, String> {
    let shown = harmless(command);
    let failed = |cause: io::Error| {
        say!(
            "the command for the password, '{shown}', cannot be run: {cause}",
            "не удалось выполнить команду для пароля «{shown}»: {cause}"
        )
    };
    let ends_at = Instant::now() + patience;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let line = match first_line(&mut child, patience) {
        Some(line) => line.map_err(failed)?,
        None => return Err(too_slow(&mut child, &shown, patience)),
    };
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() >= ends_at => {
                return Err(too_slow(&mut child, &shown, patience));
            }
            None => thread::sleep(LOOK),
        }
    };
    if !status.success() {
        return Err(say!(
            "the command for the password, '{shown}', failed ({status}); run it by hand to see why",
            "команда для пароля «{shown}» не удалась ({status}); выполните её сами и посмотрите почему"
        ));
    }
    let line = String::from_utf8(line).map_err(|_| {
        say!(
            "what the command for the password, '{shown}', prints is no text in UTF-8",
            "команда для пароля «{shown}» печатает не текст в UTF-8"
        )
    })?;
    match line.len() {
        0 => Err(say!(
            "the command for the password, '{shown}', printed no password; its first line has to be it",
            "команда для пароля «{shown}» не напечатала пароль; он должен быть первой строкой"
        )),
        1..=PASSWORD_BYTES_MAX => Ok(Password::new(line)),
        _ => Err(say!(
            "the first line that the command for the password, '{shown}', prints is longer than a password can be",
            "первая строка, которую печатает команда для пароля «{shown}», длиннее любого пароля"
        )),
    }
}

/// What the command prints, up to the end of its line, a little more than a password can have at most. Nothing when that
/// takes too long.
fn first_line(child: &mut Child, patience: Duration) -> Option<io::Result<Vec<u8>>> {
    let output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    // Left behind where the command goes on for ever.
    thread::spawn(move || {
        let mut text = Vec::with_capacity(PASSWORD_BYTES_MAX + 2);
        let most = u64::try_from(PASSWORD_BYTES_MAX + 2).unwrap_or(u64::MAX);
        let mut output = output.take(most);
        let read = output.read_to_end(&mut text);
        // What comes behind is taken and forgotten, so that the command does not fail for it.
        let _ = io::copy(&mut output.into_inner(), &mut io::sink());
        let line = text.iter().position(|byte| *byte == b'\n');
        text.truncate(line.unwrap_or(text.len()));
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        let _ = sender.send(read.map(|_| text));
    });
    receiver.recv_timeout(patience).ok()
}

fn too_slow(child: &mut Child, shown: &str, patience: Duration) -> String {
    let _ = child.kill();
    let _ = child.wait();
    let seconds = patience.as_secs();
    say!(
        "the command for the password, '{shown}', has not ended within {seconds} s; run it by hand to see why",
        "команда для пароля «{shown}» не завершилась за {seconds} с; выполните её сами и посмотрите почему"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> Result<String, String> {
        password(command, Duration::from_secs(30)).map(|password| password.expose().to_owned())
    }

    #[test]
    fn the_first_line_is_the_password() {
        assert_eq!(run("echo 'geheim und lang'"), Ok("geheim und lang".into()));
        assert_eq!(run("printf 'one\\r\\ntwo\\n'"), Ok("one".into()));
        assert_eq!(run("printf ' no end '"), Ok(" no end ".into()));
        assert_eq!(
            run("echo first; head -c 1000000 /dev/zero"),
            Ok("first".into())
        );
    }

    #[test]
    fn what_goes_wrong_is_told_in_a_sentence() {
        let wrong = [
            "exit 1",
            "true",
            "echo; echo second",
            "printf '\\377\\n'",
            "head -c 9999 /dev/zero | tr '\\0' x",
            "kill -9 $$",
        ];
        let told: Vec<_> = wrong
            .iter()
            .map(|command| run(command).unwrap_err())
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        the command for the password, 'exit 1', failed (exit status: 1); run it by hand to see why
        the command for the password, 'true', printed no password; its first line has to be it
        the command for the password, 'echo; echo second', printed no password; its first line has to be it
        what the command for the password, 'printf '\377\n'', prints is no text in UTF-8
        the first line that the command for the password, 'head -c 9999 /dev/zero | tr '\0' x', prints is longer than a password can be
        the command for the password, 'kill -9 $$', failed (signal: 9 (SIGKILL)); run it by hand to see why
        ");
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let began = Instant::now();
        let told = password("exec sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(30));
        insta::assert_snapshot!(told, @"the command for the password, 'exec sleep 600', has not ended within 0 s; run it by hand to see why");
        let told = password("exec >&-; exec sleep 600", Duration::from_millis(200)).unwrap_err();
        assert!(told.contains("has not ended"), "{told}");
    }
}
