//! Who has which role, and who is banned or muted: looked up in the state, told in words. What is done with either is in
//! `moderation.rs`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::effect::{Effect, Refusal, Reply};
use super::state::State;
use super::{Engine, Then};
use crate::base::record::{Change, Role};
use crate::base::{
    BanKey, BanKind, BanRecord, Banned, ConnId, Network, RoomId, RoomName, Timestamp, UserId,
    UserName,
};

/// How often at least it is looked whether a ban has ended: clocks are set.
const LOOK_INTERVAL: Duration = Duration::from_secs(60);

/// All bans and mutes, by what they are.
#[derive(Debug, Default)]
pub(super) struct Bans {
    records: BTreeMap<BanKey, BanRecord>,
    /// When the first of them ends.
    next_end: Option<Timestamp>,
}

impl Bans {
    pub fn set(&mut self, ban: BanRecord) {
        self.records.insert(ban.key, ban);
        self.look_for_end();
    }

    fn retain(&mut self, keep: impl Fn(&BanRecord) -> bool) {
        self.records.retain(|_, ban| keep(ban));
        self.look_for_end();
    }

    pub fn forget_user(&mut self, user: UserId) {
        if self.records.values().any(|ban| ban.is_about(user)) {
            self.retain(|ban| !ban.is_about(user));
        }
    }

    pub fn forget_room(&mut self, room: RoomId) {
        self.retain(|ban| ban.key.room != Some(room));
    }

    fn look_for_end(&mut self) {
        self.next_end = self.records.values().filter_map(|ban| ban.until).min();
    }

    pub fn all(&self) -> impl Iterator<Item = &BanRecord> {
        self.records.values()
    }

    pub fn get(&self, key: &BanKey) -> Option<&BanRecord> {
        self.records.get(key)
    }

    /// Whether somebody cannot become a member: this is what the store goes by, too.
    pub fn is_kept_out(&self, room: RoomId, user: UserId) -> bool {
        let who = Banned::User(user);
        let (kind, room) = (BanKind::Ban, Some(room));
        self.records.contains_key(&BanKey { kind, who, room })
    }

    fn networks(&self) -> impl Iterator<Item = (Network, &BanRecord)> {
        self.records.values().filter_map(|ban| match ban.key.who {
            Banned::Network(network) => Some((network, ban)),
            Banned::User(_) => None,
        })
    }
}

impl State {
    /// Follows a change of the roles, bans and mutes.
    pub(super) fn apply_to_roles(&mut self, change: Change) {
        match change {
            Change::SetModerator(user, moderator) => {
                let lives = self.users.get(&user).is_some_and(|user| !user.removed);
                match moderator && lives {
                    true => _ = self.moderators.insert(user),
                    false => _ = self.moderators.remove(&user),
                }
            }
            Change::SetOperator(room, user, operator) => {
                if let Some(room) = self.rooms.get_mut(&room) {
                    match operator && room.members.contains(&user) {
                        true => _ = room.operators.insert(user),
                        false => _ = room.operators.remove(&user),
                    }
                }
            }
            Change::SetBan(ban) => {
                let has_room = |room| self.rooms.contains_key(&room);
                let lives = match ban.key.who {
                    Banned::User(user) => self.users.get(&user).is_some_and(|user| !user.removed),
                    Banned::Network(_) => true,
                };
                match lives && ban.key.room.is_none_or(has_room) {
                    true => self.bans.set(ban),
                    false => self.bans.retain(|other| other.key != ban.key),
                }
            }
            Change::LiftBan(key) => self.bans.retain(|ban| ban.key != key),
            Change::EndBans(now) => self.bans.retain(|ban| !ban.is_over(now)),
            _ => {}
        }
    }

    /// What somebody may do more than others: in a room, or without one on the whole server.
    pub(super) fn role(&self, user: UserId, room: Option<RoomId>) -> Option<Role> {
        if self.moderators.contains(&user) {
            return Some(Role::Moderator);
        }
        let room = self.rooms.get(&room?)?;
        room.operators.contains(&user).then_some(Role::Operator)
    }

    /// Whose role in the room is this one or a higher one.
    pub(super) fn with_role(&self, room: RoomId, role: Role) -> Vec<UserId> {
        let operators = self.rooms.get(&room).filter(|_| role == Role::Operator);
        let operators = operators.into_iter().flat_map(|room| &room.operators);
        self.moderators.iter().chain(operators).copied().collect()
    }
}

/// Why somebody may not come in or not speak: in words, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// What they may not do.
    pub kind: BanKind,
    /// Whether that is for where they come from rather than for who they are.
    pub is_network: bool,
    /// In which room; none for the whole server.
    pub room: Option<RoomName>,
    /// Until when; none for good.
    pub until: Option<Timestamp>,
    /// How long that is; none for good.
    pub after_ms: Option<u64>,
    /// Why; may be empty.
    pub reason: Arc<str>,
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (who, what) = match (self.is_network, self.kind) {
            (true, _) => ("where you come from is", "banned from"),
            (false, BanKind::Ban) => ("you are", "banned from"),
            (false, BanKind::Mute) => ("you are", "muted in"),
        };
        write!(f, "{who} {what} ")?;
        match (&self.room, self.kind) {
            (Some(room), _) => write!(f, "'{room}'")?,
            (None, BanKind::Ban) => f.write_str("this server")?,
            (None, BanKind::Mute) => f.write_str("all of this server")?,
        }
        if let Some(until) = self.until {
            write!(f, " until {}", seconds(until))?;
        }
        match &*self.reason {
            "" => Ok(()),
            reason => write!(f, ": {reason}"),
        }
    }
}

/// A moment without its milliseconds, which nobody wants to read.
fn seconds(moment: Timestamp) -> String {
    let text = moment.to_string();
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// A network from which nobody is let in, and what they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// Which.
    pub network: Network,
    /// Until when; none for good.
    pub until: Option<Timestamp>,
    /// What is told.
    pub text: Arc<str>,
}

/// A ban or a mute as the admin sees it.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "described in io.chatd.Control.varlink")]
pub struct BanLine {
    pub kind: BanKind,
    pub user: Option<UserName>,
    pub network: Option<Network>,
    pub room: Option<RoomName>,
    pub by: UserName,
    pub at: Timestamp,
    pub until: Option<Timestamp>,
    pub reason: Arc<str>,
}

impl Engine {
    /// What keeps somebody from speaking in a room: a mute there or everywhere. None of a room in a conversation of two.
    pub(super) fn mute(&self, user: UserId, room: RoomId) -> Result<(), Refusal> {
        let there = [None, Some(room)];
        let barrier = there
            .iter()
            .find_map(|room| self.barrier(BanKind::Mute, Banned::User(user), *room));
        barrier.map_or(Ok(()), |barrier| Err(Refusal::Barred(Arc::new(barrier))))
    }

    /// What keeps somebody from speaking anywhere.
    pub(super) fn mute_everywhere(&self, user: UserId) -> Result<(), Refusal> {
        let barrier = self.barrier(BanKind::Mute, Banned::User(user), None);
        barrier.map_or(Ok(()), |barrier| Err(Refusal::Barred(Arc::new(barrier))))
    }

    /// What keeps somebody out: of a room, or without one of the whole server.
    pub(super) fn ban(&self, user: UserId, room: Option<RoomId>) -> Result<(), Refusal> {
        let barrier = self.barrier(BanKind::Ban, Banned::User(user), room);
        barrier.map_or(Ok(()), |barrier| Err(Refusal::Barred(Arc::new(barrier))))
    }

    /// What keeps everybody out who comes from where this connection does.
    pub(super) fn ban_from(&self, conn: ConnId) -> Result<(), Refusal> {
        let Some(from) = self.conns.get(&conn).and_then(|conn| conn.from) else {
            return Ok(());
        };
        let now = self.now.wall;
        let mut bans = self.state.bans.networks();
        let found = bans.find(|(network, ban)| network.contains(from) && !ban.is_over(now));
        match found {
            Some((_, ban)) => Err(Refusal::Barred(Arc::new(self.in_words(ban)))),
            None => Ok(()),
        }
    }

    fn barrier(&self, kind: BanKind, who: Banned, room: Option<RoomId>) -> Option<Barrier> {
        let ban = self.state.bans.get(&BanKey { kind, who, room })?;
        (!ban.is_over(self.now.wall)).then(|| self.in_words(ban))
    }

    pub(super) fn in_words(&self, ban: &BanRecord) -> Barrier {
        let after = ban.until.map(|until| until.since(self.now.wall));
        Barrier {
            kind: ban.key.kind,
            is_network: matches!(ban.key.who, Banned::Network(_)),
            room: ban.key.room.and_then(|room| self.state.room_name(room)),
            until: ban.until,
            after_ms: after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            reason: ban.reason.clone(),
        }
    }

    /// Tells those at the door from where nobody is let in.
    pub(super) fn bar(&mut self) {
        self.bar_due = false;
        let now = self.now.wall;
        let bans = self.state.bans.networks();
        let barred = bans.filter(|(_, ban)| !ban.is_over(now));
        let barred = barred.map(|(network, ban)| Barred {
            network,
            until: ban.until,
            text: self.in_words(ban).to_string().into(),
        });
        let barred = barred.collect();
        self.effects.push(Effect::Bar(barred));
    }

    /// When it is to be looked for bans that have ended.
    pub(super) fn bans_deadline(&self) -> Option<Duration> {
        if self.bar_due {
            return Some(Duration::ZERO);
        }
        let end = self.state.bans.next_end?;
        let wait = end.since(self.now.wall).min(LOOK_INTERVAL);
        Some((self.now.elapsed + wait).max(self.bans_looked + self.bans_rest()))
    }

    /// After one that could not be stored it is not tried again at once.
    fn bans_rest(&self) -> Duration {
        match self.bans_looked {
            Duration::ZERO => Duration::ZERO,
            _ => Duration::from_secs(1),
        }
    }

    /// Forgets what has ended. Asked for before anything that may come of it, and so stored before that.
    pub(super) fn end_bans(&mut self) {
        if self.bar_due {
            self.bar();
        }
        let now = self.now.wall;
        let ended = self.state.bans.next_end.is_some_and(|end| end <= now);
        if ended && self.now.elapsed >= self.bans_looked + self.bans_rest() {
            self.bans_looked = self.now.elapsed;
            self.commit(vec![Change::EndBans(now)], Then::Nothing);
        }
    }

    /// Those in force: the whole server's first, then room by room.
    pub(super) fn ban_lines(&self) -> Reply {
        let now = self.now.wall;
        let bans = self.state.bans.all().filter(|ban| !ban.is_over(now));
        let line = |ban: &BanRecord| {
            let (user, network) = match ban.key.who {
                Banned::User(user) => (Some(self.name_of(user)), None),
                Banned::Network(network) => (None, Some(network)),
            };
            BanLine {
                kind: ban.key.kind,
                user,
                network,
                room: ban.key.room.and_then(|room| self.state.room_name(room)),
                by: self.name_of(ban.by),
                at: ban.at,
                until: ban.until,
                reason: ban.reason.clone(),
            }
        };
        let mut lines: Vec<_> = bans.map(line).collect();
        lines.sort_by(|one, other| {
            let place = |line: &BanLine| (line.room.clone(), line.kind, line.at);
            place(one).cmp(&place(other))
        });
        Reply::Bans(lines)
    }
}
