//! A client on a socket: drives a [`Model`] with tokio. Connects, reconnects, reads, writes, keeps the time.
//!
//! There is no task behind it: everything happens while one of its futures is awaited, and each of them may be dropped
//! at any time without loss. A program that awaits nothing is not talked to, and the server keeps what it misses.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::base::Cause;
use crate::base::limit::FRAME_BYTES_MAX;
use crate::base::tongue::say;
use crate::client::dial::{ConnectError, Dialed, dial};
use crate::client::event::{Ending, EndingKind, Event, Refusal};
use crate::client::known::server;
use crate::client::meaning;
use crate::client::model::{Model, Settings};
use crate::client::trust::{Protected, Protector, Trust, TrustError, tls_error, trust_error};
use crate::wire::frame::FrameError;
use crate::wire::{Request, event, frame};

/// Bytes read from the socket at once.
const READ_BYTES: usize = 65_536;
/// A deadline for those who have none.
const LONG: Duration = Duration::from_secs(3_600);

/// Where to, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is protected, and who is trusted.
    pub trust: Trust,
    /// What the program calls itself, `NAME/VERSION`.
    pub software: String,
    /// How long it goes on without a connection, or with a send that the server puts off, before it gives up. None: it
    /// never does. Whoever has once been connected to a server that is paused waits in any case.
    pub patience: Option<Duration>,
}

impl Options {
    /// To this server, without end; over TLS, unless it is on this machine, and only where the system trusts it.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            trust: Trust::Usual(None),
            software: crate::wire::SOFTWARE.replace("chatd", "chat-client"),
            patience: None,
        }
    }
}

/// A connection to a server that mends itself.
pub struct Client {
    options: Options,
    model: Model,
    began: Instant,
    protector: Protector,
    line: Line,
    ending: Option<Ending>,
    distrust: Option<TrustError>,
    /// What happened while something else was waited for.
    events: VecDeque<Event>,
}

enum Line {
    Down,
    Dialing(Pin<Box<dyn Future<Output = Dialed> + Send>>),
    Up(Box<Socket>),
}

struct Socket {
    wire: Wire,
    frames: frame::FrameReader,
    input: BytesMut,
    output: BytesMut,
}

/// What carries the bytes. While hands are shaken the connection counts as standing: a paused server accepts it, and
/// shakes no hands either.
enum Wire {
    Shaking(Box<tokio_rustls::Connect<TcpStream>>),
    Open(Box<dyn Duplex>),
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Client {
    /// Connects. Does not wait for the server's answer: a paused server gives none.
    ///
    /// # Errors
    /// When there is nobody; only this first attempt fails, later ones are repeated.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let Options {
            host, port, trust, ..
        } = &options;
        let protector = Protector::new(host, *port, trust.clone())?;
        let (stream, peer) = dial(host, *port).await?;
        let settings = Settings {
            software: options.software.clone(),
            patience: options.patience,
            seed: seed(),
        };
        let mut client = Self {
            options,
            model: Model::new(settings),
            began: Instant::now(),
            protector,
            line: Line::Down,
            ending: None,
            distrust: None,
            events: VecDeque::new(),
        };
        client.up(stream, peer);
        Ok(client)
    }

    /// What happens next; `None` once it is over.
    pub async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        self.fresh().await
    }

    /// What has happened already, without waiting for more.
    pub fn next_ready(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.model.next_event())
    }

    /// Waits for the first event that `pick` takes; the others come by [`Client::next`].
    ///
    /// # Errors
    /// When it is over before.
    pub async fn wait_for<T>(
        &mut self,
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T, Refusal> {
        // It may have come while something else was waited for.
        if let Some(picked) = self.events.iter().find_map(&mut pick) {
            return Ok(picked);
        }
        while let Some(event) = self.fresh().await {
            let picked = pick(&event);
            // Answers belong to whoever asked; everything else is news for everyone.
            if picked.is_none() || !matches!(event, Event::Answer { .. }) {
                self.events.push_back(event);
            }
            if let Some(picked) = picked {
                return Ok(picked);
            }
        }
        let over = || meaning::over().into();
        let ending = self.ending.as_ref();
        Err(Refusal::local(
            ending.map_or_else(over, |ending| ending.text.clone()),
        ))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// What the server refuses it with.
    pub async fn ask(&mut self, request: Request) -> Result<event::Event, Refusal> {
        let wanted = self.post(request);
        self.wait_for(|event| match event {
            Event::Answer { no, answer } if *no == wanted => Some(answer.clone()),
            _ => None,
        })
        .await?
    }

    /// Asks; the answer comes as [`Event::Answer`] with the number that is returned.
    pub fn post(&mut self, request: Request) -> u64 {
        self.model.ask(self.began.elapsed(), request)
    }

    /// Where the connection is lost: tries at once to make it anew.
    pub fn retry_now(&mut self) {
        self.with_model(Model::retry_now);
    }

    /// The rules behind it: who one is, rooms, what is pending.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Why nothing more will come, once that is so.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// Why the server is not trusted, where that is why nothing more will come.
    #[must_use]
    pub fn distrust(&self) -> Option<&TrustError> {
        self.distrust.as_ref()
    }

    /// Tells the model something, with the time.
    pub(super) fn with_model<T>(&mut self, tell: impl FnOnce(&mut Model, Duration) -> T) -> T {
        tell(&mut self.model, self.began.elapsed())
    }

    /// Sends what is still to be sent and ends the connection. The session stays.
    pub async fn close(mut self) {
        self.pump();
        if let Line::Up(socket) = &mut self.line
            && let Wire::Open(stream) = &mut socket.wire
        {
            // Whoever does not take it within that time is gone.
            let flush = async {
                let _ = stream.write_all_buf(&mut socket.output).await;
                let _ = stream.shutdown().await;
            };
            let _ = tokio::time::timeout(Duration::from_secs(1), flush).await;
        }
    }

    async fn fresh(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.model.next_event() {
                if let Event::Ended(ending) = &event {
                    self.ending = Some(ending.clone());
                }
                return Some(event);
            }
            if self.model.is_ended() {
                self.line = Line::Down;
                return None;
            }
            self.turn().await;
        }
    }

    /// Waits for one thing to happen and tells the model.
    async fn turn(&mut self) {
        let now = self.began.elapsed();
        if !self.model.is_up() && matches!(self.line, Line::Up(_)) {
            self.line = Line::Down;
        }
        if matches!(self.line, Line::Down) && self.model.wants_connection(now) {
            let (host, port) = (self.options.host.clone(), self.options.port);
            self.line = Line::Dialing(Box::pin(async move { dial(&host, port).await }));
        }
        self.pump();
        let deadline = self.began + self.model.deadline().unwrap_or(now + LONG);
        match &mut self.line {
            Line::Down => {
                sleep_until(deadline).await;
            }
            Line::Dialing(dialing) => match dialing.await {
                Ok((stream, peer)) => self.up(stream, peer),
                Err(error) => {
                    self.line = Line::Down;
                    self.model.lost(self.began.elapsed(), &error.to_string());
                }
            },
            Line::Up(socket) => {
                let happened = tokio::select! {
                    biased;
                    happened = socket.transfer() => Some(happened),
                    () = sleep_until(deadline) => None,
                };
                match happened {
                    None => self.model.tick(self.began.elapsed()),
                    Some(result) => self.transferred(result),
                }
            }
        }
    }

    fn up(&mut self, stream: TcpStream, peer: IpAddr) {
        let wire = match self.protector.protect(stream, peer) {
            Ok(Protected::Clear(stream)) => Wire::Open(Box::new(stream)),
            Ok(Protected::Tls(connect)) => Wire::Shaking(connect),
            Err(why) => {
                self.line = Line::Down;
                return self.model.give_up(EndingKind::Unreachable, &why);
            }
        };
        self.line = Line::Up(Box::new(Socket {
            wire,
            frames: frame::FrameReader::default(),
            input: BytesMut::new(),
            output: BytesMut::new(),
        }));
        self.model.connected(self.began.elapsed());
        self.pump();
    }

    /// Puts the model's frames where the socket takes them from.
    fn pump(&mut self) {
        if let Line::Up(socket) = &mut self.line {
            while let Some(json) = self.model.next_frame() {
                frame::put(&mut socket.output, &json);
            }
        }
    }

    fn transferred(&mut self, result: io::Result<usize>) {
        let now = self.began.elapsed();
        let Line::Up(socket) = &mut self.line else {
            return;
        };
        let why = match result {
            Ok(0) => meaning::closed(),
            Ok(_) => match socket.take_frames(|frame| self.model.received(now, frame)) {
                Ok(()) => return,
                Err(error) => {
                    // What is no frame is no JSON either: the model draws its conclusion.
                    self.model.received(now, b"?");
                    match error {
                        FrameError::Empty => say!(
                            "the frame is empty; send a JSON object in it",
                            "сервер прислал пустой кадр"
                        ),
                        FrameError::TooLarge(length) => say!(
                            "the frame is {length} bytes long; the most is {FRAME_BYTES_MAX}",
                            "сервер прислал кадр длиной {length} байт, а больше {FRAME_BYTES_MAX} не бывает"
                        ),
                    }
                }
            },
            Err(error) => {
                self.line = Line::Down;
                return self.broken(now, &error);
            }
        };
        self.line = Line::Down;
        self.model.lost(now, &why);
    }

    fn broken(&mut self, now: Duration, error: &io::Error) {
        if let Some(distrust) = trust_error(error) {
            self.distrust = Some(distrust.clone());
            let why = distrust.to_string();
            return self.model.give_up(EndingKind::Untrusted, &why);
        }
        let server = server(&self.options.host, self.options.port);
        match tls_error(error) {
            // A server that has greeted once speaks TLS: whatever it was, it may be over.
            Some(error) if self.model.hello().is_none() => {
                let why = say!(
                    "no TLS connection to '{server}' comes about ({error}); check the port, or say --plaintext if the server \
                     takes people in the clear and the network is yours alone, such as a VPN",
                    "TLS-соединение с «{server}» не получается ({error}); проверьте порт или добавьте --plaintext, если сервер \
                     принимает без шифрования, а сеть только ваша, например VPN"
                );
                self.model.give_up(EndingKind::Foreign, &why);
            }
            // TLS expects a word before the end; that none came is no other end.
            _ if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.model.lost(now, &meaning::closed());
            }
            _ => {
                let cause = Cause(error);
                let why = say!(
                    "the connection broke ({cause})",
                    "соединение оборвалось ({cause})"
                );
                self.model.lost(now, &why);
            }
        }
    }
}

impl Socket {
    /// Writes what waits and reads what comes, whichever is possible first. Returns the bytes read; 0 at the end.
    async fn transfer(&mut self) -> io::Result<usize> {
        self.input.reserve(READ_BYTES);
        poll_fn(|cx| self.poll_transfer(cx)).await
    }

    fn poll_transfer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Wire::Shaking(connect) = &mut self.wire {
            let stream = ready!(Pin::new(connect).poll(cx))?;
            self.wire = Wire::Open(Box::new(stream));
        }
        let Wire::Open(stream) = &mut self.wire else {
            return Poll::Pending;
        };
        if let Poll::Ready(read) = pin!(stream.read_buf(&mut self.input)).poll(cx) {
            return Poll::Ready(read);
        }
        while self.output.has_remaining() {
            match pin!(stream.write_buf(&mut self.output)).poll(cx)? {
                Poll::Ready(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(_) => {}
                Poll::Pending => return Poll::Pending,
            }
        }
        // What is encrypted may still be on this side.
        ready!(Pin::new(stream).poll_flush(cx))?;
        Poll::Pending
    }

    fn take_frames(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), frame::FrameError> {
        let mut input = &self.input[..];
        let result = loop {
            match self.frames.next(&mut input) {
                Ok(Some(frame)) => take(&frame),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.input.clear();
        result
    }
}

/// Different for each run: keys must not be those of an earlier one.
fn seed() -> u64 {
    getrandom::u64().unwrap_or_else(|_| {
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = clock.map_or(0, |elapsed| elapsed.as_nanos());
        u64::try_from(nanos & u128::from(u64::MAX)).unwrap_or(0) ^ u64::from(std::process::id())
    })
}

#[cfg(test)]
mod tests;
