//! The sockets that the service manager hands in (sd_listen_fds(3)): `client`, any number of them, `control` and `metrics`.
//! They are known by their names alone, because their order is nobody's promise. What is not handed in is made in `start.rs`.

use std::env;
use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::args::Args;
use super::config::{Config, LISTENERS_MAX};
use super::exit::Exit;
use super::monitor;
use crate::base::catalog;
use crate::base::text::harmless;
use crate::net::Bound;

/// The name of a socket that clients connect to.
const CLIENT: &str = "client";
/// The name of the control socket.
const CONTROL: &str = "control";
/// The name of the socket on which metrics are served.
const METRICS: &str = "metrics";

/// How long a failed start rests before it ends. A client that waits in the queue of a handed-in socket makes systemd
/// start chatd again at once, and after 20 starts in 2 seconds it takes the socket away from everyone
/// (TriggerLimitBurst= in systemd.socket(5)). So it comes to 2 starts in that time.
const REST: Duration = Duration::from_secs(1);

/// What was handed in.
#[derive(Default)]
pub(super) struct Handed {
    pub clients: Vec<Bound>,
    pub control: Option<UnixListener>,
    pub metrics: Option<Bound>,
    pub held: Held,
    /// To be said once there is a log.
    left_alone: Option<String>,
}

/// What the service manager holds and goes on listening on, as it is told to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Where people connect.
    pub clients: Vec<String>,
    /// The control socket.
    pub control: Option<String>,
    /// Where metrics are served.
    pub metrics: Option<String>,
}

/// Takes the sockets that are handed in. To be called before anything else is opened: descriptors are known by their
/// numbers.
///
/// # Errors
/// With exit code 78 when they are not as they should be.
pub(super) fn take() -> Result<Handed, Exit> {
    let count = match announced(&|name| env::var_os(name), std::process::id())? {
        Announced::Nothing => return Ok(Handed::default()),
        Announced::Elsewhere(left_alone) => {
            return Ok(Handed {
                left_alone: Some(left_alone),
                ..Handed::default()
            });
        }
        Announced::Sockets(count) => count,
    };
    // Finds one that is not open, before anything would own it and close it in vain; and they go to no other program.
    drop(sd_notify::listen_fds().map_err(|error| {
        malformed(&format!(
            "LISTEN_FDS says {count}, but not so many sockets are open ({error})"
        ))
    })?);
    let sockets = sd_listen_fds::get().map_err(|error| malformed(&error.to_string()))?;
    let mut handed = Handed::default();
    for (number, (name, socket)) in (3..).zip(sockets) {
        handed
            .add(number, name.as_deref(), socket.into_std())
            .map_err(Exit::config)?;
    }
    Ok(handed)
}

/// What LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES say.
#[derive(Debug, PartialEq, Eq)]
enum Announced {
    Nothing,
    /// Sockets for somebody else: what is to be said about it.
    Elsewhere(String),
    Sockets(u32),
}

/// A variable of the environment.
type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

fn announced(variable: Variable<'_>, own_pid: u32) -> Result<Announced, Exit> {
    let pid = number(variable, "LISTEN_PID")?;
    if pid != Some(own_pid) {
        let whose = match pid {
            Some(pid) => format!("to process {pid} and this is {own_pid}"),
            None => "to nobody (LISTEN_FDS without LISTEN_PID)".to_owned(),
        };
        return Ok(match variable("LISTEN_FDS") {
            Some(_) => Announced::Elsewhere(format!(
                "sockets are handed in {whose}: they are left alone, chatd listens by itself"
            )),
            None => Announced::Nothing,
        });
    }
    let Some(count) = number(variable, "LISTEN_FDS")?.filter(|count| *count > 0) else {
        return Ok(Announced::Nothing);
    };
    if count as usize > LISTENERS_MAX {
        return Err(malformed(&format!(
            "LISTEN_FDS says {count}, more than the {LISTENERS_MAX} that chatd takes"
        )));
    }
    match names(variable)? {
        Some(names) if names != count as usize => Err(malformed(&format!(
            "LISTEN_FDS says {count}, but LISTEN_FDNAMES has {names} names"
        ))),
        _ => Ok(Announced::Sockets(count)),
    }
}

fn number(variable: Variable<'_>, name: &str) -> Result<Option<u32>, Exit> {
    let Some(value) = variable(name) else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|text| text.parse().ok());
    let wrong = || malformed(&format!("{name} is {value:?}, which is no number"));
    number.map(Some).ok_or_else(wrong)
}

/// How many names there are, if there are any.
fn names(variable: Variable<'_>) -> Result<Option<usize>, Exit> {
    let Some(value) = variable("LISTEN_FDNAMES").filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let wrong = || malformed(&format!("LISTEN_FDNAMES is {value:?}, which is no text"));
    let names = value.to_str().ok_or_else(wrong)?;
    Ok(Some(names.split(':').count()))
}

fn malformed(problem: &str) -> Exit {
    Exit::config(format!(
        "the sockets that are handed in cannot be taken: {problem}; start chatd by its units, or unset LISTEN_FDS"
    ))
}

impl Handed {
    /// Takes one socket, or says why not.
    fn add(&mut self, number: u32, name: Option<&str>, socket: OwnedFd) -> Result<(), String> {
        const KNOWN: &str = "set FileDescriptorName=client, control or metrics in its socket unit";
        let name = match name {
            None | Some("" | "unknown") => {
                return Err(format!(
                    "the socket handed in as descriptor {number} has no name; {KNOWN}"
                ));
            }
            Some(name) => name,
        };
        if ![CLIENT, CONTROL, METRICS].contains(&name) {
            let name = harmless(name);
            return Err(format!("a socket is handed in as '{name}'; {KNOWN}"));
        }
        let wrong =
            |what: &str| format!("what is handed in as '{name}' (descriptor {number}) {what}");
        let socket = Socket::from(socket);
        let form = Form::of(&socket).map_err(|error| wrong(&format!("is no socket ({error})")))?;
        match (name, form) {
            (_, Form::Other) => Err(wrong(
                "is no stream socket of TCP or Unix; use ListenStream= in its socket unit",
            )),
            (_, Form::Deaf) => Err(wrong(
                "does not listen; use ListenStream= with Accept=no in its socket unit",
            )),
            (CONTROL, Form::Tcp) => Err(wrong(
                "is no Unix socket; use ListenStream= with a path in its socket unit",
            )),
            (CONTROL, Form::Unix) => self.set_control(socket.into(), &wrong),
            (METRICS, Form::Tcp) => self.set_metrics(Bound::Tcp(socket.into()), &wrong),
            (METRICS, Form::Unix) => self.set_metrics(Bound::Unix(socket.into()), &wrong),
            (_, Form::Tcp) => self.add_client(Bound::Tcp(TcpListener::from(socket))),
            (_, Form::Unix) => self.add_client(Bound::Unix(UnixListener::from(socket))),
        }
    }

    fn add_client(&mut self, bound: Bound) -> Result<(), String> {
        let failed = |error: io::Error| format!("the socket '{CLIENT}' has no address: {error}");

        self.held.clients.push(bound.place().map_err(failed)?);
        self.clients.push(bound);
        Ok(())
    }

    fn set_control(
        &mut self,
        listener: UnixListener,
        wrong: &dyn Fn(&str) -> String,
    ) -> Result<(), String> {
        if self.control.is_some() {
            return Err(wrong(
                "is the second of that name, and there can be one; sockets for people are named 'client'",
            ));
        }
        let address = listener.local_addr().ok();
        // Who may connect is decided by the mode of the file.
        let Some(path) = address.as_ref().and_then(|address| address.as_pathname()) else {
            return Err(wrong(
                "has no file, so that anybody could connect; use ListenStream= with a path in its socket unit",
            ));
        };
        self.held.control = Some(harmless(&path.display().to_string()).into_owned());
        self.control = Some(listener);
        Ok(())
    }

    fn set_metrics(&mut self, bound: Bound, wrong: &dyn Fn(&str) -> String) -> Result<(), String> {
        if self.metrics.is_some() {
            return Err(wrong("is the second of that name, and there can be one"));
        }
        let failed = |error: io::Error| wrong(&format!("has no address: {error}"));
        if let Some(address) = bound.address().map_err(failed)? {
            monitor::check(address).map_err(|why| wrong(&format!("is not for metrics: {why}")))?;
        }
        self.held.metrics = Some(bound.place().map_err(failed)?);
        self.metrics = Some(bound);
        Ok(())
    }

    /// Says what of the settings is not in force, because the sockets decide it.
    pub fn compare(&self, args: &Args, config: &Config) {
        if let Some(words) = &self.left_alone {
            tracing::warn!("{words}");
        }
        let clients = !self.clients.is_empty();
        let ignored = [
            ("listen", clients && !config.listen_by_default),
            ("--next-free-port", clients && args.next_free_port),
            (
                "metrics.listen",
                self.metrics.is_some() && config.metrics.is_some(),
            ),
            (
                "--control",
                self.control.is_some() && args.control.is_some(),
            ),
        ];
        let ignored: Vec<_> = ignored
            .into_iter()
            .filter_map(|(setting, is_ignored)| is_ignored.then_some(setting))
            .collect();
        if !ignored.is_empty() {
            let sockets = self.held.all().join(", ");
            tracing::warn!(
                MESSAGE_ID = catalog::SOCKETS_IGNORED,
                sockets,
                "not in force, because the sockets are handed in by the service manager: {}",
                ignored.join(", ")
            );
        }
    }
}

impl Held {
    /// All of them, those for people first.
    pub fn all(&self) -> Vec<String> {
        let others = self.control.iter().chain(&self.metrics);
        self.clients.iter().chain(others).cloned().collect()
    }

    /// What stops the service manager's listening; none when it does not.
    pub fn stop_command(&self) -> Option<String> {
        let clients = (!self.clients.is_empty()).then_some(" chatd-client.socket");
        let control = self.control.as_ref().map(|_| " chatd-control.socket");
        // Who scrapes would start it again.
        let metrics = self.metrics.as_ref().map(|_| " chatd-metrics.socket");
        let units: String = [clients, control, metrics].into_iter().flatten().collect();
        (!units.is_empty()).then(|| format!("systemctl stop{units}"))
    }
}

/// What a descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tcp,
    Unix,
    /// A stream socket that does not listen.
    Deaf,
    Other,
}

impl Form {
    /// Looks at a socket; one that will do no longer blocks and goes to no other program.
    fn of(socket: &Socket) -> io::Result<Self> {
        let form = match socket.domain()? {
            Domain::UNIX => Self::Unix,
            Domain::IPV4 | Domain::IPV6
                if matches!(socket.protocol()?, Some(Protocol::TCP | Protocol::MPTCP)) =>
            {
                Self::Tcp
            }
            _ => return Ok(Self::Other),
        };
        if socket.r#type()? != Type::STREAM {
            return Ok(Self::Other);
        }
        if !socket.is_listener()? {
            return Ok(Self::Deaf);
        }
        socket.set_cloexec(true)?;
        socket.set_nonblocking(true)?;
        Ok(form)
    }
}

/// Rests before a failed start ends, where the service manager would try it again at once.
pub(super) fn rest_after_failure() {
    if is_tried_again_at_once(|name| env::var_os(name).is_some()) {
        thread::sleep(REST);
    }
}

/// Only who hands in sockets starts chatd whenever somebody connects.
fn is_tried_again_at_once(is_set: impl Fn(&str) -> bool) -> bool {
    is_set("NOTIFY_SOCKET") && is_set("LISTEN_FDS")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(variables: &[(&str, &str)]) -> Result<Announced, String> {
        let variable = |wanted: &str| {
            let found = variables.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| OsString::from(value))
        };
        announced(&variable, 7).map_err(|exit| exit.text)
    }

    #[test]
    fn what_is_announced_is_taken_at_its_word_or_refused() {
        for nothing in [
            &[][..],
            &[("LISTEN_PID", "7")],
            &[("LISTEN_PID", "7"), ("LISTEN_FDS", "0")],
        ] {
            assert_eq!(said(nothing), Ok(Announced::Nothing), "{nothing:?}");
        }
        let sockets = |more: &[(&'static str, &'static str)]| {
            said(&[&[("LISTEN_PID", "7"), ("LISTEN_FDS", "2")], more].concat())
        };
        assert_eq!(sockets(&[]), Ok(Announced::Sockets(2)));
        let names = [("LISTEN_FDNAMES", "client:control")];
        assert_eq!(sockets(&names), Ok(Announced::Sockets(2)));
        for (wrong, words) in [
            (
                &[("LISTEN_FDS", "two"), ("LISTEN_PID", "7")][..],
                "LISTEN_FDS is \"two\"",
            ),
            (
                &[("LISTEN_FDS", "-1"), ("LISTEN_PID", "7")],
                "LISTEN_FDS is \"-1\"",
            ),
            (
                &[("LISTEN_FDS", "1"), ("LISTEN_PID", "self")],
                "LISTEN_PID is \"self\"",
            ),
            (
                &[("LISTEN_FDS", "65"), ("LISTEN_PID", "7")],
                "more than the 64",
            ),
            (
                &[("LISTEN_FDS", "4294967295"), ("LISTEN_PID", "7")],
                "more than the 64",
            ),
            (
                &[
                    ("LISTEN_FDS", "1"),
                    ("LISTEN_PID", "7"),
                    ("LISTEN_FDNAMES", "client:control"),
                ],
                "LISTEN_FDS says 1, but LISTEN_FDNAMES has 2 names",
            ),
        ] {
            let text = said(wrong).unwrap_err();
            assert!(text.contains(words), "{wrong:?}: {text}");
            assert!(!text.contains('\n'), "{text}");
        }
        for elsewhere in [
            &[("LISTEN_FDS", "1"), ("LISTEN_PID", "8")][..],
            &[("LISTEN_FDS", "1")],
        ] {
            assert!(
                matches!(said(elsewhere), Ok(Announced::Elsewhere(_))),
                "{elsewhere:?}"
            );
        }
    }

    #[test]
    fn a_failed_start_rests_only_where_sockets_are_handed_in_by_a_service_manager() {
        let rests = |set: &[&str]| is_tried_again_at_once(|name| set.contains(&name));
        assert!(rests(&["NOTIFY_SOCKET", "LISTEN_FDS"]));
        assert!(!rests(&["NOTIFY_SOCKET"]));
        assert!(!rests(&["LISTEN_FDS"]));
        assert!(!rests(&[]));
    }

    #[test]
    fn the_command_that_stops_the_listening_names_what_is_held() {
        let held = |clients: &[&str], control: Option<&str>| Held {
            clients: clients.iter().map(ToString::to_string).collect(),
            control: control.map(str::to_owned),
            metrics: None,
        };
        let both = held(&["127.0.0.1:2428"], Some("/run/chatd/io.chatd.Control"));
        assert_eq!(
            both.stop_command().as_deref(),
            Some("systemctl stop chatd-client.socket chatd-control.socket")
        );
        assert_eq!(
            held(&["[::1]:2428"], None).stop_command().as_deref(),
            Some("systemctl stop chatd-client.socket")
        );
        assert_eq!(held(&[], None).stop_command(), None);
    }
}
