//! Names as the admin looks for them: those that begin in some way, and, where there is no such account or room, whatever was
//! to be done with it, which one may have been meant.

use super::admin::{Admin, Result};
use crate::control::Reply;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::{Command as Ask, Known};
use crate::wire::control::{self as wire, ControlError, NameKind};

/// The names that are told when nobody says how many, and at most.
const NAMES: u32 = 100;
const NAMES_MAX: u32 = 1_000;

impl Admin {
    /// Those that begin in some way.
    pub async fn names(&self, list: wire::ListNames) -> Result<wire::Names> {
        let ask = Ask::Names {
            of_rooms: list.kind == NameKind::Rooms,
            prefix: list.prefix.unwrap_or_default(),
            most: list.limit.unwrap_or(NAMES).min(NAMES_MAX) as usize,
        };
        let (names, more) = match self.ask(ask).await? {
            Outcome::Names(names, more) => (names, more),
            _ => Default::default(),
        };
        Ok(wire::Names { names, more })
    }

    /// How a call went, with what may have been meant.
    pub async fn hinted(&self, mut result: Result<Reply>) -> Result<Reply> {
        let (known, hint) = match &mut result {
            Err(ControlError::NoSuchUser { name, nearest }) => {
                (name.parse().ok().map(Known::User), nearest)
            }
            Err(ControlError::NoSuchRoom { room, nearest }) => {
                (room.parse().ok().map(Known::Room), nearest)
            }
            _ => return result,
        };
        // Without an answer it stays as it is.
        if let Some(name) = known
            && let Ok(Outcome::Nearest(nearest)) = self.ask(Ask::Nearest { name }).await
        {
            *hint = nearest;
        }
        result
    }
}
