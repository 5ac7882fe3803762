//! Who came and went in the room that one is in. It is told a little later: whoever only looks in, as scripts do, whoever
//! is back at once, and whoever spoke meanwhile need not be spoken of. Knows no clock.

use std::sync::Arc;
use std::time::Duration;

use crate::base::tongue::say;
use crate::client::Presence;
use crate::tui::show::harmless;

/// How long after somebody came or left that is told.
pub const COMINGS_TOLD: Duration = Duration::from_secs(3);
/// How long after a loss of connection those who come are taken for others who had lost it, too.
pub const RETURNS: Duration = Duration::from_secs(30);

/// Comings and goings that are not told yet.
#[derive(Debug, Default)]
pub struct Comings {
    held: Vec<Coming>,
    /// Just connected again, as the others may be: that they come is nothing new.
    are_returning: bool,
}

#[derive(Debug)]
struct Coming {
    room: Arc<str>,
    user: Arc<str>,
    state: Presence,
    others: u32,
    /// It need not be told.
    is_plain: bool,
}

impl Comings {
    /// Somebody came or left, maybe with others. Coming and leaving make nothing.
    pub fn comes(&mut self, room: Arc<str>, user: Arc<str>, state: Presence, others: u32) {
        let undoes = |held: &Coming| {
            let one = held.others == 0 && others == 0;
            one && held.user == user && held.room == room && held.state != state
        };
        if let Some(held) = self.held.iter().position(undoes) {
            self.held.remove(held);
            return;
        }
        self.held.push(Coming {
            is_plain: self.are_returning && state == Presence::Joined,
            room,
            user,
            state,
            others,
        });
    }

    /// Somebody has said something: that they came can be seen by that.
    pub fn spoke(&mut self, room: &str, user: &str) {
        let came = |coming: &&mut Coming| {
            let one = coming.others == 0 && coming.state == Presence::Joined;
            one && *coming.user == *user && *coming.room == *room
        };
        for coming in self.held.iter_mut().filter(came) {
            coming.is_plain = true;
        }
    }

    /// Whether those who come now are taken for returning.
    pub fn set_returning(&mut self, are_returning: bool) {
        self.are_returning = are_returning;
    }

    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// What there is to tell, a sentence each.
    pub fn take(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.held);
        let sentence = |coming: Coming| {
            let user = harmless(&coming.user);
            match (coming.state, coming.others) {
                (Presence::Joined, 0) => say!("{user} came", "{user} входит"),
                (Presence::Left, 0) => say!("{user} left", "{user} выходит"),
                (Presence::Joined, others) => say!(
                    "{user} and {others} others came",
                    "{user} и ещё {others} входят"
                ),
                (Presence::Left, others) => say!(
                    "{user} and {others} others left",
                    "{user} и ещё {others} выходят"
                ),
            }
        };
        let told = told.into_iter().filter(|coming| !coming.is_plain);
        told.map(sentence).collect()
    }
}
