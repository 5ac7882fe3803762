//! A client on a socket: drives a [`Model`] with tokio. Connects, reconnects, reads, writes, keeps the time.
//!
//! There is no task behind it: everything happens while one of its futures is awaited, and each of them may be dropped
//! at any time without loss. A program that awaits nothing is not talked to, and the server keeps what it misses.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::client::dial::{ConnectError, dial};
use crate::client::event::{Ending, Event, Refusal};
use crate::client::model::{Model, Settings};
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
    /// What the program calls itself, `NAME/VERSION`.
    pub software: String,
    /// How long it goes on without a connection, or with a send that the server puts off, before it gives up. None: it
    /// never does. Whoever has once been connected to a server that is paused waits in any case.
    pub patience: Option<Duration>,
}

impl Options {
    /// To this server, without end.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
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
    line: Line,
    ending: Option<Ending>,
    /// What happened while something else was waited for.
    events: VecDeque<Event>,
}

enum Line {
    Down,
    Dialing(Pin<Box<dyn Future<Output = Result<TcpStream, ConnectError>> + Send>>),
    Up(Box<Socket>),
}

struct Socket {
    stream: TcpStream,
    frames: frame::FrameReader,
    input: BytesMut,
    output: BytesMut,
}

impl Client {
    /// Connects. Does not wait for the server's answer: a paused server gives none.
    ///
    /// # Errors
    /// When there is nobody; only this first attempt fails, later ones are repeated.
    pub async fn connect(options: Options) -> Result<Self, ConnectError> {
        let stream = dial(&options.host, options.port).await?;
        let settings = Settings {
            software: options.software.clone(),
            patience: options.patience,
            seed: seed(),
        };
        let mut client = Self {
            options,
            model: Model::new(settings),
            began: Instant::now(),
            line: Line::Down,
            ending: None,
            events: VecDeque::new(),
        };
        client.up(stream);
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
        let over = || "the conversation with the server is over".into();
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

    /// Tells the model something, with the time.
    pub(super) fn with_model<T>(&mut self, tell: impl FnOnce(&mut Model, Duration) -> T) -> T {
        tell(&mut self.model, self.began.elapsed())
    }

    /// Sends what is still to be sent and ends the connection. The session stays.
    pub async fn close(mut self) {
        self.pump();
        if let Line::Up(socket) = &mut self.line {
            // Whoever does not take it within that time is gone.
            let flush = async {
                let _ = socket.stream.write_all_buf(&mut socket.output).await;
                let _ = socket.stream.shutdown().await;
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
                Ok(stream) => self.up(stream),
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

    fn up(&mut self, stream: TcpStream) {
        self.line = Line::Up(Box::new(Socket {
            stream,
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
            Ok(0) => "the server closed the connection".to_owned(),
            Ok(_) => match socket.take_frames(|frame| self.model.received(now, frame)) {
                Ok(()) => return,
                Err(error) => {
                    // What is no frame is no JSON either: the model draws its conclusion.
                    self.model.received(now, b"?");
                    error.to_string()
                }
            },
            Err(error) => format!("the connection broke ({error})"),
        };
        self.line = Line::Down;
        self.model.lost(now, &why);
    }
}

impl Socket {
    /// Writes what waits and reads what comes, whichever is possible first. Returns the bytes read; 0 at the end.
    async fn transfer(&mut self) -> io::Result<usize> {
        let (mut reader, mut writer) = self.stream.split();
        self.input.reserve(READ_BYTES);
        loop {
            tokio::select! {
                biased;
                read = reader.read_buf(&mut self.input) => return read,
                written = writer.write_buf(&mut self.output), if self.output.has_remaining() => {
                    written?;
                }
            }
        }
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
