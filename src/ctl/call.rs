//! Calling the daemon: finding its socket, one call after another, and what goes wrong on the way.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::base::text::harmless;
use crate::wire::control::{ControlError, Method, SOCKET_NAME};

use super::Failure;

/// How long the daemon may take for an answer. Hashing a password behind a long queue takes some seconds, and so does what
/// waits for a disk.
const ANSWER_TIME: Duration = Duration::from_secs(60);
/// The same for what changes nothing: one that is healthy answers at once.
const LOOK_TIME: Duration = Duration::from_secs(15);
/// The longest reply that is read: more than the daemon ever sends.
const REPLY_BYTES_MAX: u64 = 80_000_000;

/// Where the control socket may be when nobody says, best guess first.
pub(super) fn usual_places(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let home = || variable("HOME").map(|home| home.join(".local/state"));
    let state = variable("XDG_STATE_HOME").or_else(home);
    let folders = [
        variable("RUNTIME_DIRECTORY"),
        Some(PathBuf::from("/run/chatd")),
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("chatd")),
        variable("STATE_DIRECTORY").map(|folder| folder.join("run")),
        Some(PathBuf::from("/var/lib/chatd/run")),
        state.map(|folder| folder.join("chatd/run")),
    ];
    folders
        .into_iter()
        .flatten()
        .map(|folder| folder.join(SOCKET_NAME))
        .collect()
}

/// The socket to call: the one that was said, that in `$CHATD_CONTROL`, or the first in the usual places.
pub(super) fn find_socket(said: Option<&Path>) -> Result<PathBuf, Failure> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = said
        .map(Path::to_owned)
        .or_else(|| variable("CHATD_CONTROL"))
    {
        return Ok(path);
    }
    first_of_use(usual_places(variable)).ok_or_else(|| {
        Failure::NotRunning(
            "chatd is not running: there is no control socket in the usual places; start chatd, or name its socket \
             with --socket"
                .to_owned(),
        )
    })
}

/// The first of the sockets that are there and that the caller may open: who runs a chatd of their own on a machine that
/// has one means their own. If there is only one that they may not open, it is that one, and calling it says so.
fn first_of_use(places: Vec<PathBuf>) -> Option<PathBuf> {
    let is_socket =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let sockets: Vec<_> = places.into_iter().filter(is_socket).collect();
    let may_open = |path: &&PathBuf| access(*path, AccessFlags::W_OK).is_ok();
    sockets.iter().find(may_open).or(sockets.first()).cloned()
}

/// A connection to the daemon.
pub(super) struct Daemon {
    path: PathBuf,
    stream: BufReader<UnixStream>,
    patience: Option<Duration>,
    /// No call may take longer.
    limit: Duration,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    #[serde(default)]
    continues: bool,
    #[serde(default)]
    error: Option<String>,
}

impl Daemon {
    pub(super) fn connect(path: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(path).map_err(|error| unreachable(path, &error))?;
        Self::over(stream, path)
    }

    /// A connection that stands; `path` is what it is called.
    pub(super) fn over(stream: UnixStream, path: &Path) -> Result<Self, Failure> {
        let mut daemon = Self {
            path: path.to_owned(),
            stream: BufReader::new(stream),
            patience: None,
            limit: ANSWER_TIME,
        };
        daemon.set_patience(Some(ANSWER_TIME))?;
        Ok(daemon)
    }

    /// No call may take longer than this, nor than it would otherwise.
    pub(super) fn hurry(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// How long an answer may take; `None` is for ever.
    fn set_patience(&mut self, patience: Option<Duration>) -> Result<(), Failure> {
        self.patience = patience;
        let stream = self.stream.get_ref();
        stream
            .set_read_timeout(patience)
            .and_then(|()| stream.set_write_timeout(patience))
            .map_err(|error| self.broken(&error))
    }

    /// Calls a method and waits for its reply.
    pub(super) fn call<M: Method>(&mut self, method: &M) -> Result<M::Reply, Failure> {
        let patience = match M::ABOUT.changes {
            true => ANSWER_TIME,
            false => LOOK_TIME,
        };
        self.call_within(method, patience)
    }

    /// The same for a method that takes its time.
    pub(super) fn call_within<M: Method>(
        &mut self,
        method: &M,
        patience: Duration,
    ) -> Result<M::Reply, Failure> {
        self.set_patience(Some(patience.min(self.limit)))?;
        self.send(method, false)?;
        self.receive::<M>().map(|(reply, _)| reply)
    }

    /// Calls a method that replies again and again, whenever there is something; `each` may end it with an error.
    pub(super) fn stream<M: Method>(
        &mut self,
        method: &M,
        each: impl FnMut(M::Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.set_patience(None)?;
        self.replies(method, each)
    }

    /// Calls a method that replies again and again until it is done, and keeps nobody waiting for a reply; `each` may end
    /// it with an error.
    pub(super) fn replies<M: Method>(
        &mut self,
        method: &M,
        mut each: impl FnMut(M::Reply) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.send(method, true)?;
        loop {
            let (reply, continues) = self.receive::<M>()?;
            each(reply)?;
            if !continues {
                return Ok(());
            }
        }
    }

    fn send<M: Method>(&mut self, method: &M, more: bool) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Call {
            method: String,
            parameters: Map<String, Value>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            more: bool,
        }
        let call = Call {
            method: M::ABOUT.full_name(),
            parameters: method.write(),
            more,
        };
        let mut message = serde_json::to_vec(&call).unwrap_or_default();
        message.push(0);
        match self.stream.get_mut().write_all(&message) {
            // Whoever closes so early has said why: that is the answer.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.map_err(|error| self.broken(&error)),
        }
    }

    fn receive<M: Method>(&mut self) -> Result<(M::Reply, bool), Failure> {
        let mut message = Vec::new();
        (&mut self.stream)
            .take(REPLY_BYTES_MAX)
            .read_until(0, &mut message)
            .map_err(|error| self.broken(&error))?;
        if message.pop() != Some(0) {
            let closed = io::Error::from(io::ErrorKind::UnexpectedEof);
            return Err(self.broken(&closed));
        }
        let not_understood = |error: serde_json::Error| {
            let method = M::ABOUT.name;
            // It quotes what it does not understand.
            let error = harmless(&error.to_string()).into_owned();
            Failure::Refused(format!(
                "the reply to {method} cannot be understood ({error}); is chatd of another version?"
            ))
        };
        let reply: Reply = serde_json::from_slice(&message).map_err(not_understood)?;
        let parameters = reply.parameters.map_or("{}", RawValue::get);
        if let Some(name) = reply.error {
            let parameters: Map<String, Value> =
                serde_json::from_str(parameters).unwrap_or_default();
            let message = parameters.get("message").and_then(Value::as_str);
            let message = message.map(str::to_owned);
            let error = ControlError::decode(&name, parameters);
            return Err(Failure::answered(error, message.as_deref()));
        }
        let parameters = serde_json::from_str(parameters).map_err(not_understood)?;
        Ok((parameters, reply.continues))
    }

    fn broken(&self, error: &io::Error) -> Failure {
        let path = self.path.display();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Failure::Refused(format!(
                "chatd has taken the call on '{path}' and has not answered for {} s; it hangs or has far too much to \
                 do: its log may say why",
                self.patience.unwrap_or_default().as_secs()
            )),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
                Failure::NotRunning(format!(
                    "chatd has ended the connection on '{path}' without an answer; see whether it is still running"
                ))
            }
            _ => Failure::Refused(format!("cannot talk to chatd on '{path}': {error}")),
        }
    }
}

fn unreachable(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => Failure::NotRunning(format!(
            "chatd is not running: there is no socket '{path}'; start chatd, or restart it if its socket was taken away"
        )),
        io::ErrorKind::ConnectionRefused => Failure::NotRunning(format!(
            "chatd is not running: nobody answers on '{path}'; start chatd"
        )),
        io::ErrorKind::PermissionDenied => Failure::NotPermitted(format!(
            "not permitted: '{path}' cannot be opened; call as root, as the user that chatd runs as, or as a member of \
             the socket's group"
        )),
        _ => Failure::Refused(format!("cannot connect to '{path}': {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_may_be_opened_goes_before_one_that_may_not() {
        use std::os::unix::fs::PermissionsExt;
        use std::os::unix::net::UnixListener;

        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let (shut, own) = (place("shut"), place("own"));
        let _listeners = [&shut, &own].map(|path| UnixListener::bind(path).unwrap());
        std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o000)).unwrap();
        // Nothing is shut for root.
        let first = match nix::unistd::geteuid().is_root() {
            true => &shut,
            false => &own,
        };
        let chosen = first_of_use(vec![place("gone"), shut.clone(), own.clone()]);
        assert_eq!(chosen.as_ref(), Some(first));
        assert_eq!(first_of_use(vec![shut.clone()]), Some(shut));
        assert_eq!(first_of_use(vec![place("gone")]), None);
    }

    #[test]
    fn a_reply_that_is_not_understood_is_quoted_without_harm() {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"{\"parameters\":{\"changed\":\"\\u001b[2J\"}}\0")
            .unwrap();
        let mut daemon = Daemon::over(near, Path::new("control")).unwrap();
        let resume = crate::wire::control::Resume {};
        let said = daemon.call(&resume).unwrap_err().to_string();
        assert!(said.contains(r"\u{1b}[2J"), "{said}");
        assert!(!said.contains('\x1b'), "{said}");
    }

    #[test]
    fn the_usual_places_are_those_where_chatd_makes_its_socket() {
        let alone = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/anna"));
        let shown = |places: Vec<PathBuf>| -> Vec<String> {
            let folder = |path: &PathBuf| path.parent().map(|folder| folder.display().to_string());
            places.iter().filter_map(folder).collect()
        };
        assert_eq!(
            shown(usual_places(alone)),
            [
                "/run/chatd",
                "/var/lib/chatd/run",
                "/home/anna/.local/state/chatd/run"
            ]
        );
        let all = |name: &str| Some(PathBuf::from(format!("/{name}")));
        assert_eq!(
            shown(usual_places(all)),
            [
                "/RUNTIME_DIRECTORY",
                "/run/chatd",
                "/XDG_RUNTIME_DIR/chatd",
                "/STATE_DIRECTORY/run",
                "/var/lib/chatd/run",
                "/XDG_STATE_HOME/chatd/run"
            ]
        );
    }
}
