//! The server: one task a connection, one call at a time on each. Whatever a connection does, it harms itself alone.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use zeroize::Zeroizing;

use super::peer::{Caller, Gate};
use super::varlink::{self, Called, Inbox, Incoming};
use super::{Command, Reply};
use crate::base::{Seldom, catalog};
use crate::wire::control::ControlError;

/// From the first byte of a call to its last. A call is written in one go.
const MESSAGE_TIME: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 30_000 });
/// From one call to the next, and to the first. A person may think about a question for a while; who has forgotten a
/// connection does not keep its place from others for ever.
const IDLE_TIME: Duration = Duration::from_millis(if cfg!(test) { 4_000 } else { 600_000 });
/// Without a byte taken, until a caller that does not read its replies is given up.
const WRITE_TIME: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 10_000 });
/// The same while it takes a stream: a person may have stopped it to read, as in a pager.
const STREAM_TIME: Duration = Duration::from_millis(if cfg!(test) { 1_000 } else { 600_000 });
/// For the first call of somebody who is turned away.
const TURN_AWAY_TIME: Duration = Duration::from_secs(1);
/// For the last replies when the daemon stops.
const FAREWELL_TIME: Duration = Duration::from_secs(1);
/// After an error of `accept`, such as too many open files: it would come again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Parts of a stream that wait to be written; then the daemon waits too.
const PARTS_WAITING: usize = 16;

/// A call for the daemon. It is checked: the caller may, and the parameters are as they should be.
#[derive(Debug)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// What is called.
    pub command: Command,
    /// Where the answer goes.
    pub reply: ReplySender,
}

/// Takes the answer to one call. Dropped without an answer, the caller is told that there was none; a stream that is
/// dropped has ended well.
#[derive(Debug)]
pub struct ReplySender {
    end: oneshot::Sender<Result<Reply, ControlError>>,
    parts: mpsc::Sender<Reply>,
}

impl ReplySender {
    /// Answers the call, or ends the stream. Never waits, so that any thread may.
    pub fn send(self, reply: Result<Reply, ControlError>) {
        // A caller that has gone in the meantime misses nothing.
        let _ = self.end.send(reply);
    }

    /// Gives the next part of a stream; waits while the caller is slow. False when the caller is gone.
    pub async fn part(&self, reply: impl Into<Reply>) -> bool {
        self.parts.send(reply.into()).await.is_ok()
    }

    /// Waits until the caller of a stream is gone.
    pub async fn closed(&self) {
        self.parts.closed().await;
    }
}

/// Serves the control socket until `stop` is true or its sender is gone; then the replies that are on their way are
/// given a moment. To be run on a tokio runtime, which the listener is handed to here.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve(
    listener: std::os::unix::net::UnixListener,
    calls: mpsc::Sender<Call>,
    connections_max: u32,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let mut server = Server {
        gate: Gate::new(&listener),
        calls,
        connections_max: connections_max as usize,
        stop: stop.clone(),
        admitted: JoinSet::new(),
        refused: JoinSet::new(),
    };
    let mut failing = Seldom::default();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => server.take(stream),
                Err(error) => {
                    if let Some(unsaid) = failing.failed(&error.to_string()) {
                        tracing::warn!(MESSAGE_ID = catalog::ACCEPT_FAILED, %error, unsaid, "cannot accept control connections, trying on");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = server.admitted.join_next() => {}
            Some(_) = server.refused.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    let farewell = async { while server.admitted.join_next().await.is_some() {} };
    // What is not done by then is dropped with the set.
    let _ = timeout(FAREWELL_TIME, farewell).await;
    Ok(())
}

struct Server {
    gate: Gate,
    calls: mpsc::Sender<Call>,
    connections_max: usize,
    stop: watch::Receiver<bool>,
    admitted: JoinSet<()>,
    /// Those who are being told why they may not; as many again at most.
    refused: JoinSet<()>,
}

impl Server {
    /// Serves a new connection, or turns it away.
    fn take(&mut self, stream: UnixStream) {
        let (caller, is_admitted) = match self.gate.admit(&stream) {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(%error, "control connection without credentials");
                return;
            }
        };
        let connection = Connection {
            stream,
            inbox: Inbox::default(),
            caller,
            calls: self.calls.clone(),
            stop: self.stop.clone(),
        };
        let why = match is_admitted {
            true if self.admitted.len() < self.connections_max => {
                self.admitted.spawn(connection.run());
                return;
            }
            true => ControlError::Busy {},
            false => ControlError::PermissionDenied {},
        };
        let Caller { uid, pid } = caller;
        let reason = why.name();
        tracing::warn!(
            MESSAGE_ID = (!is_admitted).then_some(catalog::CONTROL_REFUSED),
            uid,
            pid,
            reason,
            "control connection refused"
        );
        if self.refused.len() < self.connections_max {
            self.refused.spawn(connection.turn_away(why));
        }
    }
}

fn no_answer() -> ControlError {
    ControlError::Failed {
        reason: "chatd gave no answer; its log says more".to_owned(),
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Nothing more can be read or written, or it makes no sense to.
struct Closed;

struct Connection {
    stream: UnixStream,
    inbox: Inbox,
    caller: Caller,
    calls: mpsc::Sender<Call>,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self) {
        let Err(Closed) = self.converse().await;
    }

    /// Says why and ends the connection, once its first call has come: a caller that still writes would see a broken
    /// pipe instead.
    async fn turn_away(mut self, why: ControlError) {
        if self.write(&varlink::error(&why)).await.is_ok() {
            let _ = timeout(TURN_AWAY_TIME, self.next_message()).await;
        }
    }

    async fn converse(&mut self) -> Result<Infallible, Closed> {
        loop {
            let message = self.next_message().await?;
            let incoming = match Incoming::parse(&message) {
                Ok(incoming) => incoming,
                Err(error) => return self.end(&error).await,
            };
            drop(message);
            let is_oneway = incoming.oneway == Some(true);
            let reply = match incoming.read() {
                Ok(Called::Answer(answer)) => varlink::reply(&answer, false),
                Ok(Called::Command(command)) => self.call(command).await?,
                Err(error) => varlink::error(&error),
            };
            if !is_oneway {
                self.write(&reply).await?;
            }
        }
    }

    async fn next_message(&mut self) -> Result<Vec<u8>, Closed> {
        let idle_until = Instant::now() + IDLE_TIME;
        let mut deadline = None;
        loop {
            match self.inbox.take() {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => return self.end(&error).await,
            }
            if !self.inbox.is_empty() {
                deadline.get_or_insert_with(|| Instant::now() + MESSAGE_TIME);
            }
            let mut stop = self.stop.clone();
            tokio::select! {
                read = self.read() => read?,
                () = sleep_until(idle_until), if deadline.is_none() => return Err(Closed),
                () = until(deadline) => {
                    let reason = format!("it did not end within {} seconds", MESSAGE_TIME.as_secs());
                    return self.end(&ControlError::BadMessage { reason }).await;
                }
                () = stopped(&mut stop) => return Err(Closed),
            }
        }
    }

    /// Hands a command to the daemon and makes the last message of its answer; writes those before it.
    async fn call(&mut self, command: Command) -> Result<Vec<u8>, Closed> {
        let about = command.about();
        let Caller { uid, pid } = self.caller;
        tracing::debug!(uid, pid, method = about.name, "control call");
        let (end_sender, end) = oneshot::channel();
        let (part_sender, parts) = mpsc::channel(PARTS_WAITING);
        let call = Call {
            caller: self.caller,
            command,
            reply: ReplySender {
                end: end_sender,
                parts: part_sender,
            },
        };
        if self.calls.send(call).await.is_err() {
            return Ok(varlink::error(&ControlError::ShuttingDown {}));
        }
        if about.streams {
            return self.stream(about.changes, parts, end).await;
        }
        Ok(match end.await {
            Ok(Ok(reply)) => varlink::reply(&reply, false),
            Ok(Err(error)) => varlink::error(&error),
            Err(_) => varlink::error(&no_answer()),
        })
    }

    /// One that only shows what comes ends well whenever it ends; any other has to come to its own end.
    async fn stream(
        &mut self,
        has_end: bool,
        mut parts: mpsc::Receiver<Reply>,
        end: oneshot::Receiver<Result<Reply, ControlError>>,
    ) -> Result<Vec<u8>, Closed> {
        let mut stop = self.stop.clone();
        let no_more = |why: ControlError| match has_end {
            true => varlink::error(&why),
            false => varlink::reply(&serde_json::json!({}), false),
        };
        loop {
            tokio::select! {
                part = parts.recv() => match part {
                    Some(reply) => self.write_part(&varlink::reply(&reply, true)).await?,
                    None => break,
                },
                // The caller may send the next call already, but when it closes its side it wants no more of this.
                read = self.read() => read?,
                () = stopped(&mut stop) => return Ok(no_more(ControlError::ShuttingDown {})),
            }
        }
        Ok(match end.await {
            Ok(Ok(reply)) => varlink::reply(&reply, false),
            Ok(Err(error)) => varlink::error(&error),
            Err(_) => no_more(no_answer()),
        })
    }

    /// Takes what has come in. May be dropped half way.
    async fn read(&mut self) -> Result<(), Closed> {
        if self.inbox.is_full() {
            return Err(Closed);
        }
        let mut bytes = Zeroizing::new([0; 8192]);
        match self.stream.read(&mut bytes[..]).await {
            Ok(0) | Err(_) => Err(Closed),
            Ok(count) => {
                self.inbox.push(&bytes[..count]);
                Ok(())
            }
        }
    }

    async fn write(&mut self, message: &[u8]) -> Result<(), Closed> {
        self.write_within(WRITE_TIME, message).await
    }

    /// Writes a part of a stream. When the daemon stops, a reader that has paused is not waited for.
    async fn write_part(&mut self, message: &[u8]) -> Result<(), Closed> {
        let mut stop = self.stop.clone();
        tokio::select! {
            written = self.write_within(STREAM_TIME, message) => written,
            () = stopped(&mut stop) => Err(Closed),
        }
    }

    async fn write_within(&mut self, patience: Duration, mut message: &[u8]) -> Result<(), Closed> {
        while !message.is_empty() {
            match timeout(patience, self.stream.write(message)).await {
                Ok(Ok(count)) if count > 0 => message = &message[count..],
                _ => return Err(Closed),
            }
        }
        Ok(())
    }

    /// Says what is wrong and ends the connection.
    async fn end<T>(&mut self, error: &ControlError) -> Result<T, Closed> {
        self.write(&varlink::error(error)).await?;
        Err(Closed)
    }
}
