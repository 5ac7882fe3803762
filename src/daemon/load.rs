//! The load as it changes: what was done from one look to the next. For `chatctl top`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::admin::Admin;
use super::clock::wall;
use super::stats::{cpu_time, memory_bytes};
use crate::base::metrics::{self, Counter, Measure, Totals};
use crate::base::{RoomId, Seq};
use crate::control::ReplySender;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::engine::watch::{Busy, BusyUser};
use crate::wire::control::{self as wire, ControlError, Number};

/// The longest time between two looks.
const SECONDS_MAX: u32 = 3_600;
/// Rooms and readers in a reply: no screen shows more.
const LINES: usize = 50;

/// One look.
struct Look {
    at: Instant,
    totals: Totals,
    cpu: Duration,
    heads: Vec<(RoomId, Seq)>,
    said: u64,
}

/// Where most was said between two looks, and by whom.
#[derive(Default)]
struct Busiest {
    rooms: Vec<Busy>,
    users: Vec<BusyUser>,
}

impl Admin {
    /// Until the caller goes or the daemon stops.
    pub async fn follow_load(&self, follow: &wire::FollowLoad, reply: ReplySender) {
        let seconds = follow.seconds.unwrap_or(1).clamp(1, SECONDS_MAX);
        let mut before = match self.look(Vec::new(), u64::MAX).await {
            Ok((look, _)) => look,
            Err(error) => return reply.send(Err(error)),
        };
        loop {
            tokio::select! {
                () = sleep(Duration::from_secs(seconds.into())) => {}
                () = reply.closed() => return,
            }
            let load = match self
                .look(std::mem::take(&mut before.heads), before.said)
                .await
            {
                Ok((look, busiest)) => {
                    let load = self.load(&before, &look, busiest).await;
                    before = look;
                    load
                }
                Err(error) => Err(error),
            };
            match load {
                Ok(load) => match reply.part(load).await {
                    true => {}
                    false => return,
                },
                Err(error) => return reply.send(Err(error)),
            }
        }
    }

    async fn look(
        &self,
        before: Vec<(RoomId, Seq)>,
        said_before: u64,
    ) -> Result<(Look, Busiest), ControlError> {
        let ask = Ask::Busiest {
            before,
            said_before,
            most: LINES,
        };
        let (heads, said, busiest) = match self.ask(ask).await? {
            Outcome::Busiest {
                heads,
                said,
                rooms,
                users,
            } => (heads, said, Busiest { rooms, users }),
            _ => Default::default(),
        };
        let look = Look {
            at: Instant::now(),
            totals: metrics::totals(),
            cpu: cpu_time(),
            heads,
            said,
        };
        Ok((look, busiest))
    }

    async fn load(
        &self,
        before: &Look,
        now: &Look,
        Busiest { rooms, users }: Busiest,
    ) -> Result<wire::Load, ControlError> {
        let seconds = (now.at - before.at).as_secs_f64().max(f64::MIN_POSITIVE);
        let per_second = |count: u64| Number((count as f64 / seconds * 10.0).round() / 10.0);
        let since = |counter| now.totals.since(&before.totals, counter);
        let measured = |measure| now.totals.of(measure).since(before.totals.of(measure));
        let (commits, deliveries) = (measured(Measure::Commit), measured(Measure::Delivery));
        let time = |nanos| Number(Duration::from_nanos(nanos).as_secs_f64());
        let online = match self.ask(Ask::Glance).await? {
            Outcome::Glance { online, .. } => online,
            _ => 0,
        };
        let behind = self.behind(LINES).await?;
        let room = |(line, said): Busy| wire::BusyRoom {
            name: line.label,
            online: line.online,
            messages: line.messages,
            messages_per_second: per_second(said),
        };
        let user = |(name, said): BusyUser| wire::BusyUser {
            name: name.into(),
            messages_per_second: per_second(said),
        };
        let delivered = since(Counter::DeliveredRing) + since(Counter::DeliveredStore);
        let cpu = now.cpu.saturating_sub(before.cpu).as_secs_f64() / seconds;
        Ok(wire::Load {
            at: wall(),
            state: self.state.get(),
            since: self.since,
            seconds: Number((seconds * 1e3).round() / 1e3),
            users_online: online,
            connections: self.doors.connections() as u64,
            strangers: self.doors.strangers() as u64,
            messages_per_second: per_second(since(Counter::Stored)),
            deliveries_per_second: per_second(delivered),
            commits_per_second: per_second(commits.count()),
            commit_p50: commits.quantile(Measure::Commit, 0.5).map(time),
            commit_p99: commits.quantile(Measure::Commit, 0.99).map(time),
            delivery_p50: deliveries.quantile(Measure::Delivery, 0.5).map(time),
            delivery_p99: deliveries.quantile(Measure::Delivery, 0.99).map(time),
            cpu: Number((cpu * 1e3).round() / 1e3),
            memory_bytes: memory_bytes(),
            behind: behind.behind,
            rooms: rooms.into_iter().map(room).collect(),
            users: users.into_iter().map(user).collect(),
            readers: behind.readers,
        })
    }
}
