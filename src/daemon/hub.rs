//! The hub thread: feeds the engine with what happens and carries out what it asks for. Never waits for anyone: the
//! writer, the readers, the password threads and the workers are told, and tell back.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::clock::Clock;
use super::password::Passwords;
use super::writer::{Job, Work};
use super::{note, tally};
use crate::base::{CallId, ConnId};
use crate::engine::Engine;
use crate::engine::effect::{Effect, Query, Reply};
use crate::engine::input::Input;
use crate::net::{Lookup, Order, native};
use crate::store::Entry;

/// Inputs taken in before the others are told, and at most one lot more: what belongs together goes out together.
const INPUTS_AT_ONCE: usize = 1_024;

/// Jobs of the writer, or orders of one worker, that are sent on together: each waking of a thread costs more than most of
/// what it is told. Past so many they are sent at once, so that it has something to do meanwhile.
const LOT: usize = 256;

/// Everyone the hub tells something.
pub(super) struct Hub {
    pub engine: Engine,
    pub clock: Clock,
    pub inputs: Receiver<Input>,
    /// The other end of `inputs`, for outcomes of passwords.
    pub outcomes: Sender<Input>,
    pub workers: Vec<UnboundedSender<Order>>,
    pub writer: Sender<Work>,
    pub lookups: Sender<Lookup>,
    pub searches: Sender<Lookup>,
    pub passwords: Passwords,
    pub replies: UnboundedSender<(CallId, Reply)>,
    pub outgoing: Outgoing,
}

/// What is to be sent on: to the writer, to each worker, and only then to those whose answers must not overtake what the workers
/// were told before.
#[derive(Default)]
pub(super) struct Outgoing {
    jobs: Vec<Job>,
    orders: Vec<Vec<Order>>,
    lookups: Vec<Lookup>,
    replies: Vec<(CallId, Reply)>,
}

impl Hub {
    /// Starts the thread. It ends once the engine has stopped; until then every call gets its reply.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(self) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new()
            .name("hub".into())
            .spawn(move || self.run())
    }

    fn run(mut self) {
        let mut effects = Vec::new();
        // What the writer has not done yet.
        let mut waiting = 0;
        loop {
            let now = self.clock.now();
            let patience = self.engine.next_deadline().saturating_sub(now.elapsed);
            let first = match self.inputs.recv_timeout(patience) {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let now = self.clock.now();
            let (mut next, mut left) = (Some(first), INPUTS_AT_ONCE);
            while let Some(input) = next {
                tally::count_input(&input, &mut waiting);
                left = left.saturating_sub(input.count());
                self.engine.handle(input, now, &mut effects);
                next = match left {
                    0 => None,
                    _ => self.inputs.try_recv().ok(),
                };
            }
            let mut stopped = false;
            for effect in effects.drain(..) {
                tally::count_effect(&effect, &mut waiting);
                stopped |= self.carry_out(effect);
            }
            self.send_on();
            if stopped {
                return;
            }
        }
    }

    /// Does what the engine asks for, but for what is sent on together: [`Hub::send_on`]. Returns whether the daemon may stop.
    /// Whoever cannot be told any more is stopping already.
    pub(super) fn carry_out(&mut self, effect: Effect) -> bool {
        match effect {
            Effect::Tell {
                conn,
                re,
                answer,
                news,
            } => self.order(
                conn,
                Order::Tell {
                    conn,
                    re,
                    answer,
                    news,
                },
            ),
            Effect::Admit { conn, user } => self.order(conn, Order::Admit { conn, user }),
            Effect::Dismiss { conn } => self.order(conn, Order::Dismiss { conn }),
            Effect::Attach {
                conn,
                channel,
                label,
                viewer,
                after,
                head,
            } => {
                self.order(
                    conn,
                    Order::Attach {
                        conn,
                        channel,
                        label,
                        viewer,
                        after,
                        head,
                    },
                );
            }
            Effect::Detach { conn, channel } => self.order(conn, Order::Detach { conn, channel }),
            Effect::Close { conn, bye } => self.order(conn, Order::Close { conn, bye }),
            Effect::Signal {
                channel,
                news,
                except,
            } => {
                let frame = native::encode_signal(news);
                self.broadcast(|| Order::Signal {
                    channel,
                    frame: frame.clone(),
                    except,
                });
            }
            Effect::Deliver {
                channel,
                label,
                messages,
            } => {
                if let Some(chunk) = native::encode_chunk(&label, &messages) {
                    let now = Instant::now();
                    self.broadcast(|| Order::Deliver(channel, chunk.clone(), now));
                }
            }
            Effect::Append { ticket, draft } => self.store(Job {
                ticket,
                entry: Entry::Append(draft),
            }),
            Effect::Redact { ticket, redaction } => self.store(Job {
                ticket,
                entry: Entry::Redact(redaction),
            }),
            Effect::Clear { ticket, clearing } => self.store(Job {
                ticket,
                entry: Entry::Clear(clearing),
            }),
            Effect::Forget {
                channel,
                upto,
                gone,
            } => self.broadcast(|| Order::Forget {
                channel,
                upto,
                gone,
            }),
            Effect::Commit { ticket, changes } => self.store(Job {
                ticket,
                entry: Entry::Changes(changes),
            }),
            Effect::Query { conn, re, query } => {
                self.outgoing.lookups.push(Lookup { conn, re, query });
            }
            Effect::Password {
                ticket,
                origin,
                work,
            } => {
                let outcomes = self.outcomes.clone();
                let done = move |outcome| drop(outcomes.send(Input::Password { ticket, outcome }));
                self.passwords.work(work, Some(origin), Box::new(done));
            }
            Effect::Reply { call, reply } => self.outgoing.replies.push((call, reply)),
            Effect::Bar(barred) => self.broadcast(|| Order::Bar(barred.clone())),
            Effect::Note(note) => note::tell(note),
            Effect::Stopped => return true,
        }
        false
    }

    fn order(&mut self, conn: ConnId, order: Order) {
        self.order_worker(usize::from(conn.worker), order);
    }

    fn broadcast(&mut self, order: impl Fn() -> Order) {
        (0..self.workers.len()).for_each(|worker| self.order_worker(worker, order()));
    }

    fn order_worker(&mut self, worker: usize, order: Order) {
        let lots = &mut self.outgoing.orders;
        lots.resize_with(lots.len().max(worker + 1), Vec::new);
        lots[worker].push(order);
        if lots[worker].len() >= LOT {
            self.send_orders(worker);
        }
    }

    fn store(&mut self, job: Job) {
        self.outgoing.jobs.push(job);
        if self.outgoing.jobs.len() >= LOT {
            self.send_jobs();
        }
    }

    /// Sends on what was put together. The writer comes first: it takes longest. The readers come behind the workers: whoever
    /// asks for history in one write with the login is welcome before the page is there.
    pub(super) fn send_on(&mut self) {
        self.send_jobs();
        (0..self.outgoing.orders.len()).for_each(|worker| self.send_orders(worker));
        for lookup in self.outgoing.lookups.drain(..) {
            let readers = match lookup.query {
                Query::Search { .. } => &self.searches,
                Query::History { .. } | Query::Log { .. } => &self.lookups,
            };
            drop(readers.send(lookup));
        }
        for reply in self.outgoing.replies.drain(..) {
            drop(self.replies.send(reply));
        }
    }

    fn send_jobs(&mut self) {
        if !self.outgoing.jobs.is_empty() {
            let jobs = take_lot(&mut self.outgoing.jobs);
            drop(self.writer.send(Work::Store(jobs)));
        }
    }

    fn send_orders(&mut self, worker: usize) {
        let lot = &mut self.outgoing.orders[worker];
        let order = match lot.len() {
            0 | 1 => lot.pop(),
            _ => Some(Order::Several(take_lot(lot))),
        };
        if let (Some(order), Some(worker)) = (order, self.workers.get(worker)) {
            drop(worker.send(order));
        }
    }
}

/// The next one is going to be about as long, so it need not grow from nothing.
fn take_lot<T>(lot: &mut Vec<T>) -> Vec<T> {
    let next = Vec::with_capacity(lot.len());
    std::mem::replace(lot, next)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::base::id::LOBBY;
    use crate::base::record::Snapshot;
    use crate::base::{Channel, Limits, Seq, UserId};
    use crate::engine::effect::News;
    use crate::engine::input::{Registration, Retention, Rules};

    #[test]
    fn the_readers_and_the_caller_are_told_behind_the_workers() {
        let limits = Limits::default();
        let rules = Rules {
            registration: Registration::Open,
            limits: limits.clone(),
            retention: Retention::default(),
        };
        let ((outcomes, inputs), (writer, _jobs)) = (channel(), channel());
        let ((lookups, asked), (searches, _)) = (channel(), channel());
        let ((worker, mut told), (replies, mut replied)) =
            (unbounded_channel(), unbounded_channel());
        let mut hub = Hub {
            engine: Engine::new(rules, Snapshot::default()),
            clock: Clock::start(),
            inputs,
            outcomes,
            workers: vec![worker],
            writer,
            lookups,
            searches,
            passwords: Passwords::spawn(Vec::new(), &limits).unwrap(),
            replies,
            outgoing: Outgoing::default(),
        };
        let conn = ConnId {
            worker: 0,
            turn: 0,
            slot: 0,
        };
        let tell = || Effect::Tell {
            conn,
            re: None,
            answer: true,
            news: News::Ok,
        };
        hub.carry_out(Effect::Query {
            conn,
            re: None,
            query: Query::Log {
                channel: Channel {
                    room: LOBBY,
                    side: 0,
                },
                label: "lobby".parse().unwrap(),
                viewer: UserId(1),
                after: Seq(0),
            },
        });
        hub.carry_out(Effect::Reply {
            call: CallId(1),
            reply: Reply::Done,
        });
        // More than one lot, so that a part is sent at once.
        for _ in 0..LOT + 44 {
            hub.carry_out(tell());
        }
        assert_eq!(told.try_recv().unwrap().count(), LOT);
        assert!(asked.try_recv().is_err() && replied.try_recv().is_err());
        hub.send_on();
        assert_eq!(told.try_recv().unwrap().count(), 44);
        assert!(asked.try_recv().is_ok() && replied.try_recv().is_ok());
        assert!(told.try_recv().is_err());
    }
}
