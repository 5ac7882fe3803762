//! What watches the daemon comes in here: HTTP on loopback or a Unix socket, with `/metrics`, `/healthz` and `/readyz`. It
//! tells numbers, no names and no texts. What is counted is put together in `stats.rs`.

mod request;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::admin::Admin;
use super::config::Config;
use super::exit::Exit;
use super::start::ControlFile;
use crate::base::{Seldom, catalog};
use crate::control;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::net::Bound;
use crate::wire::control::State;
use crate::wire::openmetrics::{Format, encode};
use request::{HEAD_BYTES_MAX, Page, Request, Wrong, answer, end_of_head, read};

/// Connections that are served at once, each for one answer; others wait in the kernel's queue. One or two scrapers and
/// somebody who looks.
const CONNECTIONS_MAX: usize = 8;
/// From the connection to the end of the request's head.
const HEAD_TIME: Duration = Duration::from_secs(5);
/// For the hub, the workers and the writer to answer: past that they are not well.
const ANSWER_TIME: Duration = Duration::from_secs(5);
/// For the other side to take the answer.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// After the answer: so much is still read, so that it is not lost to a reset, and for so long.
const LINGER_BYTES: usize = 65_536;
const LINGER_TIME: Duration = Duration::from_secs(1);
/// After an error of `accept`: it would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

const PLAIN: &str = "text/plain; charset=utf-8";

/// Where it listens, as the configuration says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self::Unix(text.into()));
        }
        let address: SocketAddr = text.parse().map_err(|_| {
            format!(
                "'{text}' is no address and no path; write it like 127.0.0.1:9428, [::1]:9428 or /run/chatd/metrics"
            )
        })?;
        check(address)?;
        Ok(Self::Tcp(address))
    }
}

/// What is told here is not encrypted and for everybody who asks: it stays on this machine.
pub(super) fn check(address: SocketAddr) -> Result<(), String> {
    match address.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err(format!(
            "'{address}' can be reached from other machines, and metrics are told to everybody who asks, in the clear; \
             take 127.0.0.1, [::1] or a path, and let a proxy with TLS or `ssh -L` carry them further"
        )),
    }
}

/// The socket, before anybody is served.
pub(super) struct Monitor {
    bound: Bound,
    /// Taken away at the end, where chatd has made it.
    _file: Option<ControlFile>,
}

/// The socket that is handed in, or the one that the configuration names, if there is any.
pub(super) fn listen(handed: Option<Bound>, config: &Config) -> Result<Option<Monitor>, Exit> {
    let (bound, file) = match (handed, &config.metrics) {
        (Some(bound), _) => (bound, None),
        (None, None) => return Ok(None),
        (None, Some(Place::Tcp(address))) => {
            let listener = std::net::TcpListener::bind(address)
                .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
                .map_err(|error| cannot_listen(*address, &error))?;
            (Bound::Tcp(listener), None)
        }
        (None, Some(Place::Unix(path))) => {
            // Made like the control socket, for the same people.
            let listener = control::bind(path).map_err(|error| {
                let exit = Exit::from(error);
                let text = exit.text.replace("control socket", "metrics socket");
                Exit { text, ..exit }
            })?;
            let file = ControlFile::new(path.clone());
            (Bound::Unix(listener), Some(file))
        }
    };
    Ok(Some(Monitor { bound, _file: file }))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Exit {
    let errno = nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0));
    if matches!(
        errno,
        nix::errno::Errno::EAFNOSUPPORT | nix::errno::Errno::EPERM
    ) {
        return Exit::config(format!(
            "chatd may not open network sockets here, so it cannot listen on {address} for metrics; have them handed in by \
             a socket unit, as /usr/share/doc/chatd/examples/chatd-metrics.socket does, or take a path for metrics.listen"
        ));
    }
    Exit::io(
        format!("cannot listen on {address} for metrics: {error}; choose another metrics.listen"),
        error,
        Exit::UNAVAILABLE,
    )
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Monitor {
    /// Serves until it is dropped, within the tasks of the main thread.
    pub async fn serve(self, admin: Rc<Admin>) {
        let address = self.bound.place().unwrap_or_default();
        let listener = match self.bound {
            Bound::Tcp(listener) => TcpListener::from_std(listener).map(Listener::Tcp),
            Bound::Unix(listener) => UnixListener::from_std(listener).map(Listener::Unix),
        };
        let listener = match listener {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "cannot serve metrics"),
        };
        tracing::info!(address, "metrics are served");
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut failing = Seldom::default();
        loop {
            // Never closed.
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let admin = admin.clone();
            let accepted = match &listener {
                Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    spawn_local(async move {
                        converse(stream, &admin).await;
                        drop(place);
                    });
                }),
                Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                    spawn_local(async move {
                        converse(stream, &admin).await;
                        drop(place);
                    });
                }),
            };
            if let Err(error) = accepted {
                if let Some(unsaid) = failing.failed(&error.to_string()) {
                    tracing::warn!(MESSAGE_ID = catalog::ACCEPT_FAILED, %error, unsaid, "cannot accept connections for metrics, trying on");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One request, one answer. Whatever the other side does, it harms itself alone.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, admin: &Admin) {
    let answer = match timeout(HEAD_TIME, read_head(&mut stream)).await {
        Ok(Ok(request)) => page(request, admin).await,
        Ok(Err(None)) => return,
        Ok(Err(Some(wrong))) => refuse(wrong),
        Err(_) => refuse(Wrong::Timeout),
    };
    let written = timeout(WRITE_TIME, async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    });
    if matches!(written.await, Ok(Ok(()))) {
        let _ = timeout(LINGER_TIME, linger(&mut stream)).await;
    }
}

/// None when the other side has gone without a request.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Request, Option<Wrong>> {
    let mut head = Vec::with_capacity(1_024);
    let mut bytes = [0; 1_024];
    loop {
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return Err(None),
            Ok(length) => head.extend_from_slice(&bytes[..length]),
        }
        match end_of_head(&head) {
            Some(end) if end <= HEAD_BYTES_MAX => return read(&head[..end]).map_err(Some),
            None if head.len() < HEAD_BYTES_MAX => {}
            _ => return Err(Some(Wrong::TooLarge)),
        }
    }
}

async fn linger(stream: &mut (impl AsyncRead + Unpin)) {
    let mut left = LINGER_BYTES;
    let mut bytes = [0; 1_024];
    while let Ok(length) = stream.read(&mut bytes).await {
        left = left.saturating_sub(length);
        if length == 0 || left == 0 {
            return;
        }
    }
}

fn refuse(wrong: Wrong) -> Vec<u8> {
    let (status, text) = wrong.words();
    answer(status, PLAIN, text, false)
}

async fn page(request: Request, admin: &Admin) -> Vec<u8> {
    let Request {
        page,
        head_only,
        format,
    } = request;
    let told = async {
        match page {
            Page::Metrics => metrics(admin, format).await,
            Page::Healthy => healthy(admin).await.map(|()| ok()),
            Page::Ready => ready(admin).await.map(|()| ok()),
        }
    };
    let told = timeout(ANSWER_TIME, told).await;
    let told =
        told.unwrap_or_else(|_| Err("the hub, a worker or the writer does not answer".into()));
    match told {
        Ok((kind, text)) => answer("200 OK", kind, &text, head_only),
        Err(why) => {
            let text = format!("{why}\n");
            answer("503 Service Unavailable", PLAIN, &text, head_only)
        }
    }
}

fn ok() -> (&'static str, String) {
    (PLAIN, "ok\n".to_owned())
}

async fn metrics(admin: &Admin, format: Format) -> Result<(&'static str, String), String> {
    let stats = admin.stats().await.map_err(|error| error.to_string())?;
    Ok((format.content_type(), encode(&stats, format)))
}

/// Whether hub and writer answer: the watchdog asks the same.
async fn healthy(admin: &Admin) -> Result<(), String> {
    let probe = admin.ask(Ask::Probe).await;
    probe.map(drop).map_err(|error| error.to_string())
}

/// Whether people are let in and can talk.
async fn ready(admin: &Admin) -> Result<(), String> {
    match admin.state.get() {
        State::Serving => {}
        state => return Err(format!("chatd is {state}")),
    }
    match admin.ask(Ask::Glance).await {
        Ok(Outcome::Glance { fault: None, .. }) => healthy(admin).await,
        Ok(_) => Err("what is to be stored cannot be".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_on_this_machine_alone() {
        let place = |text: &str| text.parse::<Place>();
        assert!(matches!(place("127.0.0.1:9428"), Ok(Place::Tcp(_))));
        assert!(matches!(place("127.1.2.3:0"), Ok(Place::Tcp(_))));
        assert!(matches!(place("[::1]:9428"), Ok(Place::Tcp(_))));
        assert!(matches!(place("/run/chatd/metrics"), Ok(Place::Unix(_))));
        for elsewhere in ["0.0.0.0:9428", "[::]:9428", "192.0.2.7:9428"] {
            let refused = place(elsewhere).unwrap_err();
            assert!(refused.contains("ssh -L"), "{refused}");
        }
        for nonsense in ["", "9428", "localhost:9428", "metrics", "127.0.0.1"] {
            assert!(place(nonsense).is_err(), "{nonsense}");
        }
    }
}
