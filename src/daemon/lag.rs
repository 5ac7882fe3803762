//! Who is behind: the workers tell of the worst, the engine whose they are.

use tokio::sync::mpsc::unbounded_channel;

use super::admin::Admin;
use super::clock::wall;
use crate::base::ConnId;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::Command as Ask;
use crate::engine::watch::Owner;
use crate::net::{Laggard, Lagging, Order};
use crate::wire::control::{self as wire, ControlError};

/// Those who are named; of more it is told how many.
pub(super) const READERS_MAX: usize = 1_000;

impl Admin {
    /// Who is behind, of all workers: at most so many of them by name.
    pub async fn behind(&self, most: usize) -> Result<wire::Behind, ControlError> {
        let Lagging {
            count,
            messages,
            mut worst,
        } = self.lagging(most).await;
        worst.sort_by_key(|reader| std::cmp::Reverse((reader.lag.messages, reader.behind)));
        worst.truncate(most);
        let conns: Vec<ConnId> = worst.iter().map(|reader| reader.conn).collect();
        let owners = match conns.is_empty() {
            true => Vec::new(),
            false => match self.ask(Ask::Owners { conns }).await? {
                Outcome::Owners(owners) => owners,
                _ => Vec::new(),
            },
        };
        // Who has gone meanwhile is left out.
        let readers = worst.into_iter().zip(owners);
        let readers = readers.filter_map(|(reader, owner)| Some(self.reader(reader, owner?)));
        Ok(wire::Behind {
            behind: count,
            messages,
            readers: readers.collect(),
        })
    }

    /// What all workers tell. One that has ended tells nothing.
    pub async fn lagging(&self, most: usize) -> Lagging {
        let (told, mut telling) = unbounded_channel();
        for worker in &self.settings.workers {
            let told = told.clone();
            drop(worker.send(Order::Lag { most, told }));
        }
        drop(told);
        let mut all = Lagging::default();
        while let Some(part) = telling.recv().await {
            all.count += part.count;
            all.messages += part.messages;
            all.worst.extend(part.worst);
        }
        all
    }

    fn reader(&self, reader: Laggard, owner: Owner) -> wire::Reader {
        let addresses = self.settings.config().log_addresses;
        let now = wall();
        let behind = i64::try_from(reader.behind.as_millis()).unwrap_or(i64::MAX);
        wire::Reader {
            user: owner.user.into(),
            session: owner.session,
            device: owner.device.to_string(),
            peer: reader.peer.map(|peer| addresses.show(peer.to_string())),
            since: crate::base::Timestamp(now.0.saturating_sub(behind)),
            messages: reader.lag.messages,
            rooms: reader.lag.rooms,
            room: reader.lag.room.map(|room| room.to_string()),
            room_messages: reader.lag.room_messages,
            bytes: reader.lag.bytes,
        }
    }
}
