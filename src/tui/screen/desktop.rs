//! Tells the desktop of an alert, by `notify-send` where that is there. Without a shell, and with nothing of it on the
//! terminal; one at a time, on a thread of its own, and not for long.

use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::tui::screen::alert::Alert;
use crate::tui::screen::text::clean;

/// The program that freedesktop.org's notifications are sent with.
const PROGRAM: &str = "notify-send";
/// How long it may take: it hands the text over and ends. What takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(50);

/// The desktop of this person.
#[derive(Debug)]
pub struct Desktop {
    is_there: bool,
    running: Option<JoinHandle<bool>>,
}

impl Desktop {
    /// There is one where a display is named, unless one has come from another machine, whose desktop that is not.
    pub fn of_user(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let shown = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
        let elsewhere = is_set("SSH_CONNECTION") || is_set("SSH_TTY");
        Self {
            is_there: shown && !elsewhere,
            running: None,
        }
    }

    /// Tells it, unless the one before is still being told.
    pub fn show(&mut self, alert: &Alert) {
        if alert.bell_only || self.running.as_ref().is_some_and(|it| !it.is_finished()) {
            return;
        }
        if let Some(ended) = self.running.take() {
            self.is_there &= ended.join().unwrap_or(false);
        }
        if self.is_there {
            let arguments = arguments(alert);
            self.running = Some(thread::spawn(move || run(&arguments).is_ok()));
        }
    }
}

/// What is behind `--` is no option. The body is taken for markup and for a text with escapes: neither is in it.
fn arguments(alert: &Alert) -> [String; 5] {
    let body = (clean(&alert.body).replace('\\', "\\\\"))
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let options = ["--app-name=chat-client", "--urgency=normal", "--"].map(str::to_owned);
    let [name, urgency, end] = options;
    [name, urgency, end, clean(&alert.title), body]
}

/// An error where it is not there at all: then it is not tried again.
fn run(arguments: &[String]) -> io::Result<()> {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    while child.try_wait()?.is_none() {
        if began.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            break;
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> bool {
        let desktop = Desktop::of_user(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).into())
        });
        desktop.is_there
    }

    #[test]
    fn there_is_a_desktop_where_a_display_is_and_nobody_came_from_afar() {
        assert!(of(&[("DISPLAY", ":0")]) && of(&[("WAYLAND_DISPLAY", "wayland-0")]));
        assert!(!of(&[]) && !of(&[("DISPLAY", "")]));
        let afar = ("SSH_CONNECTION", "192.0.2.1 5 192.0.2.2 22");
        assert!(!of(&[("DISPLAY", "localhost:10.0"), afar]));
    }

    #[test]
    fn what_others_wrote_is_no_option_and_no_markup() {
        let alert = Alert {
            title: "--help".into(),
            body: "<a href=\"x\">\\n & \x1b[31m".into(),
            bell_only: false,
        };
        let [.., end, title, body] = arguments(&alert);
        assert_eq!((&*end, &*title), ("--", "--help"));
        assert_eq!(body, "&lt;a href=\"x\"&gt;\\\\n &amp; ␛[31m");
    }
}
