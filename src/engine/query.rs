//! What is looked up in the store, for whom, and how it looks from there.

use std::sync::Arc;

use crate::base::{Channel, Seq, Target, UserId};
use crate::engine::input::Range;

/// What is looked up in the store.
#[derive(Clone, Debug)]
pub enum Query {
    /// A page of a room's log.
    History {
        /// The room and what it is called here.
        place: Place,
        /// Which part.
        range: Range,
        /// How many messages at most.
        limit: usize,
    },
    /// Messages with certain words.
    Search {
        /// Who is looking; told to the engine when it is answered.
        viewer: UserId,
        /// The words.
        text: Arc<str>,
        /// Where to look.
        places: Vec<Place>,
        /// Whether one room was named: then the page tells its bounds.
        one_room: bool,
        /// Only before this number.
        before: Option<Seq>,
        /// How many messages at most.
        limit: usize,
    },
    /// What a connection that is behind needs next; asked by its worker.
    Log {
        /// The channel it is behind in.
        channel: Channel,
        /// What it is called.
        label: Target,
        /// Who is looking.
        viewer: UserId,
        /// The last number it has.
        after: Seq,
    },
}

/// A room to look into, and how it looks from here.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which room.
    pub channel: Channel,
    /// What it is called.
    pub label: Target,
    /// Who is looking: authors see their own keys.
    pub viewer: UserId,
    /// The first number in the log.
    pub first_seq: Seq,
    /// The last number delivered.
    pub last_seq: Seq,
}
