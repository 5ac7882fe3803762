//! Somebody who does not read for a while, so that what is said piles up behind them.

use serde_json::Value;

use super::{Daemon, Talker, request, until};

/// Messages in one write: fewer than may be outstanding.
const AT_ONCE: usize = 100;
/// The bytes of each.
const TEXT_BYTES: usize = 8_000;

/// Somebody who is behind, and somebody whom they do not listen to. The daemon is to be one of `UNHURRIED`.
pub struct Sluggard {
    /// Who talks.
    pub talker: Talker,
    /// Who does not read.
    pub deaf: Talker,
    /// How many messages were said in the lobby.
    pub said: u64,
}

impl Sluggard {
    /// `deaf` is behind in the lobby, and `talker` has said everything.
    #[track_caller]
    pub fn new(daemon: &Daemon, talker: &str, deaf: &str) -> Self {
        let mut slow = Talker::connect_narrow(daemon.address());
        slow.hello();
        slow.register(deaf);
        let mut sluggard = Self {
            talker: daemon.register(talker),
            deaf: slow,
            said: 0,
        };
        until("somebody is behind", || {
            sluggard.say_more();
            (behind(daemon)["behind"] != 0).then_some(())
        });
        sluggard
    }

    /// A hundred more messages, all of them stored.
    #[track_caller]
    pub fn say_more(&mut self) {
        let text = "x".repeat(TEXT_BYTES);
        let sends = (0..AT_ONCE).map(|_| request!("send", to: "lobby", text: text));
        for id in self.talker.begin_all(sends) {
            let answer = self.talker.answer(id);
            assert_eq!(answer["type"], "sent", "{answer}");
            self.said += 1;
        }
    }

    /// Reads everything that was said.
    #[track_caller]
    pub fn catches_up(&mut self) {
        let last = self.said;
        self.deaf
            .push_where("the last message", |push| push["seq"] == last);
    }
}

/// What `chatctl lag` tells.
#[track_caller]
pub fn behind(daemon: &Daemon) -> Value {
    daemon.ctl_json(&["lag"])
}
