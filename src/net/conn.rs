//! One connection as its worker sees it: when it is read and how much, the frames in what comes in, its deadlines and its end.
//! What is asked in the frames is taken care of beside it; what goes out is the outbox's business.

use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::base::RequestId;
use crate::base::limit::FRAME_BYTES_MAX;
use crate::base::metrics::{self, Counter};
use crate::engine::effect::{Bye, ByeReason};
use crate::net::Doors;
use crate::net::crowd::Place;
use crate::net::deadline::{Deadline, Kind};
use crate::net::native::{encode_bye, encode_error};
use crate::net::stream::{READ_BYTES, Reading, Stream};
use crate::net::worker::Worker;
use crate::wire::{Code, FrameError, FrameReader};

/// What is still read of a client that is told good-bye, so that its words meet an open socket and not a reset that
/// would take ours along.
const LINGER_BYTES: u32 = 1_048_576;
/// Strangers who are heard in one turn of a worker, and the bytes after which it is enough: the shortest requests in so
/// many take a few milliseconds. Whoever says little costs little, and a crowd of them is soon through.
const STRANGERS_PER_TURN: usize = 64;
const LOGIN_BYTES_PER_TURN: usize = 16_384;
/// What is read of a stranger at once, before the others have their turn.
const LOGIN_READ_BYTES: usize = 4_096;
/// The bytes of requests, and of their answers, with which a stranger is not read on until the login is answered: room for
/// the answer and for what may come in one write with it.
const LOGIN_OWED_BYTES: usize = FRAME_BYTES_MAX + 16_384;
/// The bytes of answers that a stranger may leave unread, beside what the system keeps. Past that they are let go.
const LOGIN_UNREAD_BYTES: usize = 16_384;
/// How long a client has to take its last words, and one that has ended its side to be given its last answers.
const CLOSE_MS: u64 = 5_000;
const FINISH_MS: u64 = 10_000;
/// The same once the daemon stops: the words are on their way, and a restart should not take longer than it must.
const STOP_LINGER_MS: u64 = 300;

/// A connection. Small, because there are thousands that say nothing.
#[derive(Debug)]
pub(super) struct Conn {
    pub stream: Stream,
    pub waker: Waker,
    reader: FrameReader,
    /// What was read but may not be looked at yet: the bound on what is outstanding is reached.
    backlog: Vec<u8>,
    pub peer: Option<IpAddr>,
    /// Requests that the engine has not answered.
    pub outstanding: u32,
    /// The bytes that these requests hold and that their answers may be long. An answer does not say which request it is
    /// for, so each takes an equal part away.
    pub owed: usize,
    /// When the login, and the rest of the frame, is due; in milliseconds of the worker. 0: no frame is cut.
    pub login_due: u64,
    pub frame_due: u64,
    pub phase: Phase,
    pub admitted: bool,
    /// Whether it may speak in the clear: nothing of it crosses a network, or the admin has allowed it.
    pub may_be_clear: bool,
    /// Whether nobody has ever logged in here.
    pub fresh: bool,
    /// Whether it waits for its turn among the strangers.
    pub waits_to_be_heard: bool,
    /// Requests that were answered while nobody was logged in.
    pub login_requests: u32,
    pub place: Option<Place>,
    /// Where a proxy came in that has not said yet for whom.
    pub proxied: Option<Arc<Doors>>,
    /// When it is the turn of its handshake, once that was asked.
    pub turn_due: Option<u64>,
    /// Whether the frame that is cut is one of the worker's `frames_long`.
    pub frame_long: bool,
    /// Whether the deadlines have an entry for a cut frame.
    frame_entry: bool,
    pub greeted: bool,
    /// Whether the hub has heard of it.
    pub known: bool,
    /// Since when it has not been given everything, in milliseconds of the worker; 0: it has.
    pub behind_since: u64,
    /// Whether it is not read at present.
    paused: bool,
    /// Whether the client has ended its side.
    pub ended: bool,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not in sight.
    Open,
    /// The last words are on their way.
    Closing,
    /// The last words are sent; the client may still send so many bytes that nobody looks at.
    Lingering(u32),
}

impl Conn {
    pub fn new(
        stream: Stream,
        waker: Waker,
        peer: Option<IpAddr>,
        may_be_clear: bool,
        login_due: u64,
    ) -> Self {
        Self {
            stream,
            waker,
            reader: FrameReader::default(),
            backlog: Vec::new(),
            peer,
            outstanding: 0,
            owed: 0,
            login_due,
            frame_due: 0,
            phase: Phase::Open,
            admitted: false,
            may_be_clear,
            fresh: true,
            waits_to_be_heard: false,
            login_requests: 0,
            place: None,
            proxied: None,
            turn_due: None,
            frame_long: false,
            frame_entry: false,
            greeted: false,
            known: false,
            behind_since: 0,
            paused: false,
            ended: false,
        }
    }

    /// Whether the client has ended its side and has all that it asked for.
    fn is_finished(&self) -> bool {
        self.ended && self.outstanding == 0 && self.backlog.is_empty()
    }

    fn poll_read(&mut self, reading: &mut Reading) -> Poll<std::io::Result<usize>> {
        let mut cx = Context::from_waker(&self.waker);
        self.stream.poll_read(&mut cx, reading)
    }
}

impl Worker {
    /// Does what can be done for a connection whose socket may be ready.
    pub(super) fn drive(&mut self, slot: u32) {
        let Some(conn) = self.conn(slot) else {
            return;
        };
        let (phase, is_stranger) = (conn.phase, !conn.admitted);
        let waits = is_stranger && phase == Phase::Open;
        if waits && !std::mem::replace(&mut conn.waits_to_be_heard, true) {
            self.to_be_heard.push_back(slot);
        }
        if self.fanout.is_blocked(slot) {
            self.fanout.set_blocked(slot, false);
        }
        if !waits {
            self.hear(slot, READ_BYTES);
        }
    }

    /// Strangers who have something to say, a few in each turn, each a little at once: a crowd of them has the time that
    /// is left over by those who are logged in.
    pub(super) fn hear_strangers(&mut self) {
        self.heard_bytes = 0;
        for _ in 0..STRANGERS_PER_TURN {
            if self.heard_bytes >= LOGIN_BYTES_PER_TURN {
                return;
            }
            let Some(slot) = self.to_be_heard.pop_front() else {
                return;
            };
            if let Some(conn) = self.conn(slot) {
                conn.waits_to_be_heard = false;
                self.hear(slot, LOGIN_READ_BYTES);
            }
        }
    }

    /// Reads what a socket has to say, at most so much.
    fn hear(&mut self, slot: u32, most: usize) {
        let mut reading = std::mem::take(&mut self.reading);
        reading.at_once = most;
        match self.conn(slot).map(|conn| conn.phase) {
            Some(Phase::Open) => self.read(slot, &mut reading),
            Some(Phase::Lingering(_)) => self.discard(slot, &mut reading),
            Some(Phase::Closing) | None => {}
        }
        self.reading = reading;
    }

    /// Looks how a connection stands after something was sent, and what is to be done next.
    pub(super) fn settle(&mut self, slot: u32) {
        let clear = self.fanout.is_clear(slot) && !self.fanout.is_blocked(slot);
        let is_stuck =
            self.fanout.is_blocked(slot) && self.fanout.unsent(slot) > LOGIN_UNREAD_BYTES;
        let now = self.now.max(1);
        let Some(conn) = self.conn(slot) else {
            return;
        };
        match clear {
            true => conn.behind_since = 0,
            false if conn.behind_since == 0 => conn.behind_since = now,
            false => {}
        }
        match conn.phase {
            Phase::Open if conn.is_finished() && clear => {
                let mut cx = Context::from_waker(&conn.waker);
                let _ = conn.stream.poll_shutdown(&mut cx);
                self.drop_conn(slot);
            }
            Phase::Open if conn.fresh && is_stuck => self.drop_conn(slot),
            Phase::Open => {
                self.ask(slot);
                self.go_on_reading(slot);
            }
            Phase::Closing if clear => {
                let mut cx = Context::from_waker(&conn.waker);
                match conn.stream.poll_shutdown(&mut cx) {
                    // What the socket does not take yet it says when it is asked again.
                    Poll::Pending => return self.fanout.set_blocked(slot, true),
                    Poll::Ready(Ok(())) if !conn.ended => {}
                    Poll::Ready(_) => return self.drop_conn(slot),
                }
                conn.phase = Phase::Lingering(LINGER_BYTES);
                self.again.push(slot);
                self.linger_less(slot);
            }
            Phase::Closing | Phase::Lingering(_) => {}
        }
    }

    /// A worker that stops does not wait long for clients that have been sent everything.
    pub(super) fn linger_less(&mut self, slot: u32) {
        let lingers = self
            .conn(slot)
            .is_some_and(|conn| matches!(conn.phase, Phase::Lingering(_)));
        if self.stopping && lingers {
            self.due(slot, Kind::Close, self.now + STOP_LINGER_MS);
        }
    }

    /// Says good-bye, after what was said before, and ends the connection once that is sent.
    pub(super) fn say_bye(&mut self, slot: u32, bye: &Bye) {
        self.flush(slot);
        match self.open_conn(slot) {
            None => return,
            // Nobody could read it.
            Some(conn) if !conn.stream.is_open() => return self.drop_conn(slot),
            Some(_) => {}
        }
        self.fanout.push(slot, &encode_bye(bye));
        self.close(slot);
    }

    /// A cut frame may be overdue, or due later.
    pub(super) fn frame_overdue(&mut self, slot: u32) {
        let (now, frame_ms) = (self.now, self.frame_ms());
        let Some(conn) = self.conn(slot) else {
            return;
        };
        conn.frame_entry = false;
        if conn.frame_due == 0 || conn.phase != Phase::Open {
            return;
        }
        if conn.paused && conn.frame_due <= now {
            // It is us who do not read on.
            conn.frame_due = now + frame_ms;
        }
        if conn.frame_due > now {
            conn.frame_entry = true;
            let at = conn.frame_due;
            return self.due(slot, Kind::Frame, at);
        }
        let seconds = self.greeting.limits.frame_seconds;
        self.say_timeout(
            ByeReason::FrameTimeout,
            slot,
            format!("the rest of a frame did not come within {seconds} seconds; connect again"),
        );
    }

    /// The login is overdue.
    pub(super) fn login_overdue(&mut self, slot: u32) {
        let seconds = self.greeting.limits.login_seconds;
        if self.header_overdue(slot, seconds) {
            return;
        }
        self.say_timeout(
            ByeReason::LoginTimeout,
            slot,
            format!("nobody logged in within {seconds} seconds; connect again and do so"),
        );
    }

    pub(super) fn due(&mut self, slot: u32, kind: Kind, at: u64) {
        let turn = self.id(slot).turn;
        self.deadlines.push(Deadline {
            at,
            slot,
            turn,
            kind,
        });
    }

    fn read(&mut self, slot: u32, reading: &mut Reading) {
        if !self.has_arrived(slot, reading) {
            return;
        }
        if let Some(conn) = self.conn(slot)
            && !conn.paused
            && !conn.backlog.is_empty()
        {
            let backlog = std::mem::take(&mut conn.backlog);
            self.take_input(slot, &backlog);
            self.settle(slot);
        }
        let mut left = reading.at_once;
        while let Some(conn) = self.open_conn(slot)
            && !conn.paused
            && !conn.ended
        {
            match conn.poll_read(reading) {
                Poll::Pending if reading.was_put_off() => match self.is_next(slot) {
                    true => {}
                    false => return,
                },
                Poll::Pending => return,
                Poll::Ready(Err(error)) => {
                    tracing::debug!("a connection is broken: {error}");
                    return self.drop_conn(slot);
                }
                Poll::Ready(Ok(0)) => return self.end(slot),
                Poll::Ready(Ok(_)) if conn.stream.is_clear() && !conn.may_be_clear => {
                    return self.refuse_clear(slot);
                }
                Poll::Ready(Ok(length)) => {
                    self.heard_bytes += length;
                    metrics::add(Counter::ReceivedBytes, length as u64);
                    self.take_input(slot, &reading.bytes[..length]);
                    // There may have been a password in it.
                    reading.bytes[..length].fill(0);
                    left = left.saturating_sub(length);
                }
            }
            if left == 0 {
                return self.again.push(slot);
            }
        }
    }

    /// The client has ended its side. What it asked for before is answered, but not for ever.
    fn end(&mut self, slot: u32) {
        if let Some(conn) = self.conn(slot) {
            conn.ended = true;
            conn.frame_due = 0;
        }
        let at = self.now + FINISH_MS;
        self.due(slot, Kind::Finish, at);
        self.settle(slot);
    }

    fn discard(&mut self, slot: u32, reading: &mut Reading) {
        while let Some(conn) = self.conn(slot)
            && let Phase::Lingering(left) = conn.phase
        {
            match conn.poll_read(reading) {
                Poll::Pending if reading.was_put_off() => return self.again.push(slot),
                Poll::Pending => return,
                Poll::Ready(Ok(length)) if length > 0 && length <= left as usize => {
                    conn.phase = Phase::Lingering(left - length as u32);
                }
                Poll::Ready(_) => return self.drop_conn(slot),
            }
        }
    }

    fn take_input(&mut self, slot: u32, mut input: &[u8]) {
        let mut frames = 0;
        loop {
            let must_wait = self.must_wait(slot, self.greeting.limits.requests_outstanding);
            let Some(conn) = self.open_conn(slot) else {
                return;
            };
            if must_wait {
                conn.paused = true;
                conn.backlog = input.to_vec();
                break;
            }
            match conn.reader.next(&mut input) {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    frames += 1;
                    self.take_frame(slot, &frame);
                }
                Err(error) => return self.refuse_frame(slot, error),
            }
        }
        metrics::add(Counter::Requests, frames);
        self.watch_frame(slot, frames > 0);
        self.watch_length(slot);
    }

    /// Strangers get by with short frames; only a few may be sending a long one.
    fn watch_length(&mut self, slot: u32) {
        let (bytes_max, long_max) = (
            self.greeting.limits.login_frame_bytes,
            self.greeting.limits.login_frames_long,
        );
        let Some(conn) = self.conn(slot) else {
            return;
        };
        let length = conn.reader.partial_length().unwrap_or(0);
        let is_long = !conn.admitted && length > bytes_max as usize;
        let was_long = std::mem::replace(&mut conn.frame_long, is_long);
        self.frames_long = self.frames_long + u32::from(is_long) - u32::from(was_long);
        if is_long && !was_long && self.frames_long > long_max {
            let text = format!(
                "the frame is {length} bytes long; before the login the most is {bytes_max} while others send longer ones"
            );
            self.refuse(slot, None, Code::TooLarge, &text);
            self.close(slot);
        }
    }

    /// A frame that is cut has a deadline, the same until its last byte is there.
    fn watch_frame(&mut self, slot: u32, is_new: bool) {
        let due = self.now + self.frame_ms();
        let Some(conn) = self.conn(slot) else {
            return;
        };
        if !conn.reader.is_partial() {
            conn.frame_due = 0;
        } else if is_new || conn.frame_due == 0 {
            conn.frame_due = due;
            if !conn.frame_entry {
                conn.frame_entry = true;
                self.due(slot, Kind::Frame, due);
            }
        }
    }

    /// Whether so many requests are outstanding, or so much waits to be sent or may have to, that no more is to be taken.
    fn must_wait(&mut self, slot: u32, outstanding_max: u32) -> bool {
        let owed = self.conn(slot).map_or(0, |conn| conn.owed);
        let full = self.fanout.is_full(slot, owed);
        self.conn(slot).is_some_and(|conn| {
            let full = full || (conn.fresh && conn.owed > LOGIN_OWED_BYTES);
            full || conn.outstanding >= outstanding_max
        })
    }

    /// Not before half of what is outstanding is answered, so that what waits is not looked at for each answer anew.
    pub(super) fn go_on_reading(&mut self, slot: u32) {
        let half = self.greeting.limits.requests_outstanding / 2 + 1;
        let must_wait = self.must_wait(slot, half);
        if let Some(conn) = self.conn(slot)
            && conn.paused
            && !must_wait
        {
            conn.paused = false;
            self.again.push(slot);
        }
    }

    fn refuse_frame(&mut self, slot: u32, error: FrameError) {
        let code = match error {
            FrameError::Empty => Code::BadFrame,
            FrameError::TooLarge(_) => Code::TooLarge,
        };
        self.refuse(slot, None, code, &error.to_string());
        self.close(slot);
    }

    /// Whoever it is has shown what they had to say to the network already; at least it goes no further.
    fn refuse_clear(&mut self, slot: u32) {
        let text = "this server speaks TLS only here; connect with TLS, as chat-client does without --plaintext";
        self.refuse(slot, None, Code::Forbidden, text);
        self.close(slot);
    }

    pub(super) fn refuse(&mut self, slot: u32, re: Option<&RequestId>, code: Code, text: &str) {
        self.fanout.push(slot, &encode_error(re, code, text, None));
    }

    fn say_timeout(&mut self, reason: ByeReason, slot: u32, text: String) {
        self.say_bye(
            slot,
            &Bye {
                reason,
                text: text.into(),
                reconnect_after_ms: None,
            },
        );
    }

    /// Nothing more is read from the connection, and it ends once everything queued is sent.
    pub(super) fn close(&mut self, slot: u32) {
        self.leave_hub(slot);
        self.fanout.detach_all(slot);
        if let Some(conn) = self.conn(slot) {
            conn.phase = Phase::Closing;
            conn.backlog = Vec::new();
            conn.reader = FrameReader::default();
        }
        self.watch_length(slot);
        let at = self.now + CLOSE_MS;
        self.due(slot, Kind::Close, at);
    }

    fn frame_ms(&self) -> u64 {
        u64::from(self.greeting.limits.frame_seconds) * 1_000
    }
}
