//! What the crowd does while it is measured: speak as fast as is acknowledged, speak at a pace, or ask and wait. Makes
//! sure meanwhile that everyone hears every message once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};

use crate::load::{Crowd, Kind, PATIENCE};
use chatd::wire::frame;

/// Digits of the number in a key.
const KEY_DIGITS: usize = 19;
/// What stands for them in a template.
const KEY_BLANK: &str = "###################";
/// The length of each text.
pub const TEXT_BYTES: usize = 100;

/// A frame that is said again and again, with another key each time where it has one.
pub struct Line {
    frame: Vec<u8>,
    digits_at: Option<usize>,
    count: u64,
}

impl Line {
    /// A text of 100 bytes to a room, with a key as chat-client gives one.
    pub fn to_room(room: &str) -> Self {
        let text = "a hundred bytes of what people say ".repeat(3);
        let request = serde_json::json!({
            "type": "send", "to": room, "text": &text[..TEXT_BYTES], "key": KEY_BLANK,
        });
        let frame = frame::encode(&request.to_string()).to_vec();
        let digits_at = frame
            .windows(KEY_DIGITS)
            .position(|window| window == KEY_BLANK.as_bytes());
        Self {
            frame,
            digits_at,
            count: first_key(),
        }
    }

    /// These very bytes.
    pub fn verbatim(json: &[u8]) -> Self {
        let frame = frame::encode(&String::from_utf8_lossy(json)).to_vec();
        Self {
            frame,
            digits_at: None,
            count: 0,
        }
    }

    fn put(&mut self, bytes: &mut Vec<u8>) {
        self.count += 1;
        if let Some(at) = self.digits_at {
            let mut rest = self.count;
            for digit in self.frame[at..at + KEY_DIGITS].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        bytes.extend_from_slice(&self.frame);
    }
}

/// Where the keys of a line begin: what was said with the same key by the same person before, in this run or in an earlier one
/// against the same server, is not said again.
fn first_key() -> u64 {
    static LINES: AtomicU64 = AtomicU64::new(0);
    /// More than one line says.
    const ROOM: u64 = 1_000_000_000;
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs() % 1_000_000);
    (seconds * 10_000 + LINES.fetch_add(1, Ordering::Relaxed)) * ROOM
}

/// A room full of people: the first of the crowd speak, the others listen.
pub struct Hall {
    crowd: Crowd,
    lines: Vec<Line>,
    /// For each of the crowd: acknowledgements of those who speak, messages of those who listen.
    heard: Vec<u64>,
    scratch: Vec<u8>,
}

/// How a rush went.
pub struct Rush {
    /// Messages acknowledged.
    pub sent: u64,
    /// From the first send to the last delivery.
    pub time: Duration,
}

/// How long messages took from being said.
#[derive(Default)]
pub struct Delays {
    /// Until their author was told that they are stored.
    pub sent: Vec<Duration>,
    /// Until each listener had them.
    pub seen: Vec<Duration>,
}

impl Hall {
    /// With one line for each who speaks.
    pub fn new(crowd: Crowd, lines: Vec<Line>) -> Self {
        Self {
            heard: vec![0; crowd.len()],
            crowd,
            lines,
            scratch: Vec::new(),
        }
    }

    /// How many listen.
    pub fn listeners(&self) -> usize {
        self.crowd.len() - self.lines.len()
    }

    /// The frame that those who listen are given when the first speaker says something.
    ///
    /// # Errors
    /// When it does not come.
    pub fn sample(&mut self) -> Result<Vec<u8>> {
        let (speakers, mut sample) = (self.lines.len(), Vec::new());
        let mut missing = self.listeners() + 1;
        self.speak(0, 1)?;
        self.crowd
            .until("everyone has heard one message", |who, kind, frame| {
                match kind {
                    Kind::Message if who >= speakers => sample = frame.to_vec(),
                    Kind::Sent => {}
                    _ => return false,
                }
                missing -= 1;
                missing == 0
            })?;
        Ok(sample)
    }

    /// Those who speak keep `outstanding` messages unacknowledged between them for this time; then everything is waited
    /// for.
    ///
    /// # Errors
    /// When a message does not come to somebody, or comes twice.
    pub fn rush(&mut self, outstanding: usize, time: Duration) -> Result<Rush> {
        let window = (outstanding / self.lines.len()) as u64;
        let mut said = vec![0_u64; self.lines.len()];
        self.heard.fill(0);
        let started = Instant::now();
        while started.elapsed() < time {
            for (speaker, said) in said.iter_mut().enumerate() {
                let free = window - (*said - self.heard[speaker]);
                self.speak(speaker, free)?;
                *said += free;
            }
            self.hear(time)?;
        }
        let sent = said.iter().sum();
        while !self.all_heard(&said, sent) {
            ensure!(
                started.elapsed() < time + PATIENCE,
                "of {sent} messages only {:?} had come to everyone {PATIENCE:?} after the last send",
                self.heard.iter().min(),
            );
            self.hear(PATIENCE)?;
        }
        let time = started.elapsed();
        ensure!(
            self.heard[said.len()..].iter().all(|heard| *heard == sent),
            "somebody heard a message twice: {sent} were sent, {:?} heard",
            self.heard[said.len()..].iter().max(),
        );
        Ok(Rush { sent, time })
    }

    /// The first speaker says so many messages a second for this time. Returns how long each took.
    ///
    /// # Errors
    /// When a message does not come to somebody.
    pub fn paced(&mut self, per_second: u32, time: Duration) -> Result<Delays> {
        let pause = Duration::from_secs(1) / per_second;
        let count = (time.as_secs_f64() * f64::from(per_second)) as usize;
        let speakers = self.lines.len();
        let listeners = self.listeners();
        let mut said_at: Vec<Instant> = Vec::with_capacity(count);
        let mut delays = Delays {
            sent: Vec::with_capacity(count),
            seen: Vec::with_capacity(count * listeners),
        };
        self.heard.fill(0);
        let started = Instant::now();
        while delays.seen.len() < count * listeners || delays.sent.len() < count {
            let due = started + pause * said_at.len() as u32;
            if said_at.len() < count && Instant::now() >= due {
                said_at.push(Instant::now());
                self.speak(0, 1)?;
                continue;
            }
            let wait = match said_at.len() < count {
                true => due.saturating_duration_since(Instant::now()),
                false => PATIENCE,
            };
            ensure!(
                started.elapsed() < time + PATIENCE,
                "{} of {} deliveries had come {PATIENCE:?} after the last message",
                delays.seen.len(),
                count * listeners,
            );
            let heard = &mut self.heard;
            self.crowd.listen(wait, |who, kind, _| {
                let of_kind = match kind {
                    Kind::Sent => &mut delays.sent,
                    Kind::Message if who >= speakers => &mut delays.seen,
                    _ => return,
                };
                // The speaker is one, so the messages come in the order said.
                of_kind.push(said_at[heard[who] as usize].elapsed());
                heard[who] += 1;
            })?;
        }
        Ok(delays)
    }

    /// The first speaker says something, waits for the acknowledgement, and again, for this time. Returns each wait.
    ///
    /// # Errors
    /// When one does not come.
    pub fn round_trips(&mut self, time: Duration) -> Result<Vec<Duration>> {
        let (started, mut waits) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            let said_at = Instant::now();
            self.speak(0, 1)?;
            self.crowd
                .until("the message is acknowledged", |_, kind, _| {
                    kind == Kind::Sent
                })?;
            waits.push(said_at.elapsed());
        }
        Ok(waits)
    }

    fn speak(&mut self, speaker: usize, count: u64) -> Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.scratch.clear();
        for _ in 0..count {
            self.lines[speaker].put(&mut self.scratch);
        }
        self.crowd.say(speaker, &self.scratch)
    }

    fn hear(&mut self, wait: Duration) -> Result<()> {
        let (heard, speakers) = (&mut self.heard, self.lines.len());
        self.crowd.listen(wait, |who, kind, _| {
            let wanted = match who < speakers {
                true => Kind::Sent,
                false => Kind::Message,
            };
            heard[who] += u64::from(kind == wanted);
        })
    }

    fn all_heard(&self, said: &[u64], sent: u64) -> bool {
        let (acknowledged, messages) = self.heard.split_at(said.len());
        acknowledged == said && messages.iter().all(|heard| *heard >= sent)
    }
}
