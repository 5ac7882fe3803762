//! The stop that waits until everyone has what was said.

use std::rc::Rc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::admin::{Admin, STOPPING};
use crate::control::{Reply, ReplySender};
use crate::net::ListenerHandle;
use crate::wire::control::{self as wire, ControlError, DrainStep, State};

/// How long it waits unless said: a phone that comes out of a tunnel catches up, and nobody waits for one that does not.
const LIMIT_SECONDS: u32 = 30;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// For the workers to answer: past that the limit holds all the same.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// Those who are named: more than an admin could do anything about.
const READERS: usize = 100;

/// Lets nobody in and waits; whoever is connected talks on, for a chat in which nobody may speak is no better than one that
/// is down. When the caller goes, all is as it was: nobody would see any more for whom it waits. To stop, once the caller has
/// heard of it, is left to whoever has called this.
pub(super) async fn drain(
    admin: &Rc<Admin>,
    drain: &wire::Drain,
    reply: &ReplySender,
) -> Result<Reply, ControlError> {
    let before = admin.state.get();
    if before == State::Draining {
        return failed("chatd is draining already; `chatctl resume` takes that back");
    }
    if let Err(error) = admin.steer(State::Draining, |listener| listener.pause(true)) {
        take_back(admin, before);
        return Err(error);
    }
    let limit = Duration::from_secs(drain.limit_seconds.unwrap_or(LIMIT_SECONDS).into());
    let deadline = Instant::now() + limit;
    tracing::info!(seconds = limit.as_secs(), "draining");
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let answer = timeout(left.max(ANSWER_TIME), admin.behind(READERS)).await;
        let is_known = answer.is_ok();
        let behind = answer.unwrap_or(Ok(wire::Behind::default()))?;
        match admin.state.get() {
            State::Draining => {}
            State::Stopping => return Err(ControlError::ShuttingDown {}),
            _ => return failed("it was taken back by `chatctl resume` or `chatctl pause`"),
        }
        let step = match (behind.behind, left.is_zero() || !is_known) {
            (0, _) if is_known => DrainStep::CaughtUp,
            (_, true) => DrainStep::LimitReached,
            (_, false) => DrainStep::Waiting,
        };
        let part = wire::Draining {
            step,
            seconds_left: left.as_secs_f64().ceil() as u64,
            behind: behind.behind,
            messages: behind.messages,
            readers: behind.readers,
            stop_command: admin.settings.held.stop_command(),
        };
        if step != DrainStep::Waiting {
            tell_stragglers(&part);
            return Ok(part.into());
        }
        let is_heard = reply.part(part).await;
        tokio::select! {
            () = sleep(LOOK.min(left)), if is_heard => {}
            () = reply.closed() => {
                take_back(admin, before);
                return failed("the caller has gone; chatd goes on as before");
            }
        }
    }
}

/// Stops with the words that were given.
pub(super) fn stop(admin: &Admin, drain: &wire::Drain) {
    let words = drain.message.as_ref().map(|words| words.text().clone());
    admin.stop_now(words.as_deref().unwrap_or(STOPPING));
}

/// They come back to what they have missed; the log says who they are.
fn tell_stragglers(part: &wire::Draining) {
    if part.step == DrainStep::LimitReached {
        let users: Vec<_> = part.readers.iter().map(|reader| &*reader.user).collect();
        let users = crate::base::text::harmless(&users.join(",")).into_owned();
        tracing::warn!(
            count = part.behind,
            users,
            "stopping, though some have not caught up"
        );
    }
}

/// Whoever was let in is let in again.
fn take_back(admin: &Admin, before: State) {
    let _ = match before {
        State::Paused => admin.steer(before, |listener| listener.pause(false)),
        State::Refusing => admin.steer(before, |listener| listener.pause(true)),
        _ => admin.steer(State::Serving, ListenerHandle::resume),
    };
    tracing::info!("draining is taken back");
}

fn failed(reason: &str) -> Result<Reply, ControlError> {
    let reason = reason.to_owned();
    Err(ControlError::Failed { reason })
}
