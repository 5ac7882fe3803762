//! What operators, moderators and the admin do about others: kick, ban, mute, make operators. One way for all of them; who
//! may is a question of roles, and nobody acts on somebody of the same role or a higher one.

mod act;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub use act::{Act, Whom};

use super::effect::{ByeReason, Effect, News, Refusal, Reply};
use super::input::Fault;
use super::note::Note;
use super::{Asker, Engine, Then};
use crate::base::id::{ADMIN, LOBBY};
use crate::base::record::{Change, Role};
use crate::base::{
    BanKey, BanKind, BanRecord, Banned, CallId, ConnId, RoomId, RoomLabel, Timestamp, UserId,
    UserName,
};

/// What happens once it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    doer: Doer,
    by: UserId,
    act: Act,
    /// When what is stored ends.
    until: Option<Timestamp>,
    reply: Reply,
}

#[cfg(test)]
impl Stored {
    pub fn asker(&self) -> Option<&Asker> {
        match &self.doer {
            Doer::Asker(asker) => Some(asker),
            Doer::Call(_) => None,
        }
    }
}

/// Who is answered.
#[derive(Debug)]
enum Doer {
    Asker(Asker),
    Call(CallId),
}

/// What an act comes down to.
struct Plan {
    changes: Vec<Change>,
    reply: Reply,
}

impl Engine {
    pub(super) fn moderate(
        &mut self,
        asker: &Asker,
        user: UserId,
        act: Act,
    ) -> Result<(), Refusal> {
        let plan = self.plan(user, &act);
        let act = self.as_written(act);
        if let Err(Refusal::Outranked) = plan {
            self.not_moderated(user, &act);
        }
        let mut plan = plan?;
        plan.changes.push(self.moderated(user, &act));
        self.hold(asker.conn);
        self.carry_out(Doer::Asker(asker.clone()), user, act, plan);
        Ok(())
    }

    pub(super) fn admin_moderate(&mut self, call: CallId, act: Act) -> Option<Reply> {
        let plan = match self.plan(ADMIN, &act) {
            Ok(plan) => plan,
            Err(refusal) => return Some(reply(refusal, &act)),
        };
        self.carry_out(Doer::Call(call), ADMIN, act, plan);
        None
    }

    fn carry_out(&mut self, doer: Doer, by: UserId, act: Act, plan: Plan) {
        let Plan { changes, reply } = plan;
        let until = changes.iter().find_map(|change| match change {
            Change::SetBan(ban) => ban.until,
            _ => None,
        });
        let stored = Stored {
            doer,
            by,
            act,
            until,
            reply,
        };
        self.commit(changes, Then::Moderation(stored));
    }

    /// With the name as its owner writes it, for those who read of it later.
    fn as_written(&self, mut act: Act) -> Act {
        let name = act.user().and_then(|name| self.state.user_by_name(name));
        if let Some(name) = name.map(|user| self.name_of(user)) {
            match &mut act {
                Act::Kick { user, .. }
                | Act::Operator { user, .. }
                | Act::Ban {
                    who: Whom::User(user),
                    ..
                }
                | Act::Unban {
                    who: Whom::User(user),
                    ..
                } => *user = name,
                Act::Ban { .. } | Act::Unban { .. } => {}
            }
        }
        act
    }

    fn until(&self, seconds: Option<NonZeroU32>) -> Option<Timestamp> {
        seconds.map(|seconds| {
            let span = Duration::from_secs(seconds.get().into());
            self.now.wall.plus(span)
        })
    }

    /// Whether it may be done, and what is to be stored for it.
    fn plan(&self, by: UserId, act: &Act) -> Result<Plan, Refusal> {
        let room = match act.room() {
            Some(name) => Some(self.state.room_by_name(name).ok_or(Refusal::NoSuchRoom)?),
            None => None,
        };
        if by != ADMIN && self.state.role(by, room).is_none() {
            return Err(Refusal::NoRight);
        }
        let user = match act.user() {
            Some(name) => Some(self.state.user_by_name(name).ok_or(Refusal::NoSuchUser)?),
            None => None,
        };
        match (act, room, user) {
            (Act::Kick { .. }, Some(room), Some(user)) => self.plan_kick(by, room, user),
            (Act::Operator { operator, .. }, Some(room), Some(user)) => {
                self.plan_operator(by, room, user, *operator)
            }
            (
                Act::Ban {
                    kind,
                    who,
                    seconds,
                    reason,
                    ..
                },
                room,
                user,
            ) => {
                let key = self.ban_key(by, *kind, who, (room, user))?;
                let until = self.until(*seconds);
                self.plan_ban(by, key, until, reason)
            }
            (Act::Unban { kind, who, .. }, room, user) => {
                let key = self.ban_key(by, *kind, who, (room, user))?;
                self.may_replace(by, &key)?;
                let is_banned = self.ban_in_force(&key).is_some();
                Ok(Plan {
                    // Stored also where there seems to be none: of two who do the opposite at once, the last one is right.
                    changes: vec![Change::LiftBan(key)],
                    reply: Reply::Changed(is_banned),
                })
            }
            // A kick and an operator have a room and a user.
            _ => Err(Refusal::Internal),
        }
    }

    fn plan_kick(&self, by: UserId, room: RoomId, user: UserId) -> Result<Plan, Refusal> {
        self.outranks(by, user, Some(room))?;
        if room == LOBBY {
            return Err(Refusal::LobbyStays);
        }
        self.state.read_seq(room, user).ok_or(Refusal::NotThere)?;
        Ok(Plan {
            changes: vec![Change::RemoveMember(room, user)],
            reply: Reply::Count(self.state.conns(user).len() as u64),
        })
    }

    fn plan_operator(
        &self,
        by: UserId,
        room: RoomId,
        user: UserId,
        operator: bool,
    ) -> Result<Plan, Refusal> {
        // Whoever is one may give it up.
        if by != user {
            self.outranks(by, user, Some(room)).or_else(|refusal| {
                match self.state.role(user, Some(room)) {
                    // A moderator may be an operator as well; that gives them nothing and takes nothing from anybody.
                    Some(Role::Moderator) if operator => Ok(()),
                    _ => Err(refusal),
                }
            })?;
        }
        self.state.read_seq(room, user).ok_or(Refusal::NotThere)?;
        let operators = self.state.rooms.get(&room).map(|room| &room.operators);
        let is_one = operators.is_some_and(|operators| operators.contains(&user));
        Ok(Plan {
            changes: vec![Change::SetOperator(room, user, operator)],
            reply: Reply::Changed(is_one != operator),
        })
    }

    /// What a ban would be known by, if it may be set or lifted.
    fn ban_key(
        &self,
        by: UserId,
        kind: BanKind,
        who: &Whom,
        (room, user): (Option<RoomId>, Option<UserId>),
    ) -> Result<BanKey, Refusal> {
        let who = match (who, user) {
            (Whom::Network(network), _) if by == ADMIN && room.is_none() => {
                Banned::Network(*network)
            }
            (Whom::User(_), Some(user)) => {
                self.outranks(by, user, room)?;
                Banned::User(user)
            }
            _ => return Err(Refusal::NoRight),
        };
        if kind == BanKind::Ban && room == Some(LOBBY) {
            return Err(Refusal::LobbyStays);
        }
        Ok(BanKey { kind, who, room })
    }

    fn plan_ban(
        &self,
        by: UserId,
        key: BanKey,
        until: Option<Timestamp>,
        reason: &Arc<str>,
    ) -> Result<Plan, Refusal> {
        self.may_replace(by, &key)?;
        self.is_room_for(by, &key)?;
        let record = BanRecord {
            key,
            by,
            at: self.now.wall,
            until,
            reason: reason.clone(),
        };
        let mut changes = vec![Change::SetBan(record)];
        let mut reached = self.concerned(&key).len();
        if let (BanKind::Ban, Some(room), Banned::User(user)) = (key.kind, key.room, key.who) {
            let is_there = self.state.read_seq(room, user).is_some();
            reached = if is_there { reached } else { 0 };
            changes.push(Change::RemoveMember(room, user));
        }
        Ok(Plan {
            changes,
            reply: Reply::Count(reached as u64),
        })
    }

    /// The connections of those whom a ban is about, as far as somebody is logged in on them.
    fn concerned(&self, key: &BanKey) -> Vec<ConnId> {
        match key.who {
            Banned::User(user) => self.state.conns(user),
            Banned::Network(network) => {
                let conns = self.conns.iter();
                let comes_from = |conn: &super::Conn| {
                    conn.who.is_some() && conn.from.is_some_and(|from| network.contains(from))
                };
                let conns = conns.filter(|(_, conn)| comes_from(conn));
                conns.map(|(id, _)| *id).collect()
            }
        }
    }

    fn ban_in_force(&self, key: &BanKey) -> Option<&BanRecord> {
        let ban = self.state.bans.get(key);
        ban.filter(|ban| !ban.is_over(self.now.wall))
    }

    /// Nobody acts on somebody of the same role or a higher one, themselves included.
    fn outranks(&self, by: UserId, user: UserId, room: Option<RoomId>) -> Result<(), Refusal> {
        match by == ADMIN || self.state.role(by, room) > self.state.role(user, room) {
            true => Ok(()),
            false => Err(Refusal::Outranked),
        }
    }

    /// What somebody of a higher role has decided stays.
    fn may_replace(&self, by: UserId, key: &BanKey) -> Result<(), Refusal> {
        let Some(ban) = self.ban_in_force(key).filter(|_| by != ADMIN) else {
            return Ok(());
        };
        let role = |user| self.state.role(user, key.room);
        match ban.by != ADMIN && role(by) >= role(ban.by) {
            true => Ok(()),
            false => Err(Refusal::Outranked),
        }
    }

    /// Whether there may be one more, those counted that wait to be stored.
    fn is_room_for(&self, by: UserId, key: &BanKey) -> Result<(), Refusal> {
        if self.state.bans.get(key).is_some() {
            return Ok(());
        }
        let coming = self.waiting.changes().filter_map(|change| match change {
            Change::SetBan(ban) => Some(ban),
            _ => None,
        });
        let now = self.now.wall;
        let all = self.state.bans.all().chain(coming);
        let (mut count, mut here) = (0_u32, 0_u32);
        for ban in all.filter(|ban| !ban.is_over(now)) {
            count += 1;
            here += u32::from(key.room.is_some() && ban.key.room == key.room);
        }
        let limits = &self.rules.limits;
        let is_higher = by == ADMIN || self.state.moderators.contains(&by);
        let most = if is_higher {
            limits.bans
        } else {
            limits.bans / 2
        };
        match (count < most, here < limits.room_bans) {
            (false, _) => Err(Refusal::LimitReached("bans")),
            (true, false) => Err(Refusal::LimitReached("room_bans")),
            (true, true) => Ok(()),
        }
    }

    /// To be called before the change is made: who is put out is told while it is known that they were in.
    pub(super) fn before_change(&mut self, change: &Change, then: &Then) {
        match (change, then) {
            (Change::RemoveMember(room, user), Then::Moderation(stored)) => {
                let by = self.name_of(stored.by);
                match &stored.act {
                    Act::Kick { reason, .. } => {
                        self.put_out(*room, *user, (by, reason.clone(), None));
                    }
                    Act::Ban { reason, .. } => {
                        let ban = Some(stored.until);
                        self.put_out(*room, *user, (by, reason.clone(), ban));
                    }
                    _ => {}
                }
            }
            (Change::SetBan(ban), _) if ban.key.kind == BanKind::Ban && ban.key.room.is_none() => {
                let text = self.in_words(ban).to_string();
                for conn in self.concerned(&ban.key) {
                    self.close(conn, ByeReason::Banned, &text);
                }
            }
            _ => {}
        }
    }

    fn put_out(
        &mut self,
        room: RoomId,
        user: UserId,
        (by, reason, ban): (UserName, Arc<str>, Option<Option<Timestamp>>),
    ) {
        let is_there = self.state.read_seq(room, user).is_some();
        let Some((channel, label)) = self.state.view(room, user).filter(|_| is_there) else {
            return;
        };
        let conns = self.state.conns(user);
        for conn in &conns {
            self.effects.push(Effect::Detach {
                conn: *conn,
                channel,
            });
            let news = News::Kicked {
                room: label.clone(),
                by: by.clone(),
                reason: reason.clone(),
                ban,
            };
            self.push(*conn, news);
        }
        if !conns.is_empty() {
            self.tell_presence(room, user, false, None);
        }
    }

    pub(super) fn moderation_stored(&mut self, stored: Stored) {
        let Stored {
            doer,
            by,
            act,
            until,
            reply,
        } = stored;
        if let Act::Operator {
            room,
            user,
            operator,
        } = &act
            && matches!(reply, Reply::Changed(true))
        {
            self.tell_operator(room, user, *operator, by);
        }
        match doer {
            Doer::Asker(asker) => {
                let by = self.name_of(by);
                self.note(Note::Moderated { by, act, until });
                self.answer(&asker, News::Ok);
                self.release(asker.conn);
            }
            Doer::Call(call) => self.effects.push(Effect::Reply { call, reply }),
        }
    }

    pub(super) fn moderation_not_stored(&mut self, stored: Stored, refusal: Refusal, fault: Fault) {
        match stored.doer {
            Doer::Asker(asker) => {
                self.refuse(&asker, refusal);
                self.release(asker.conn);
            }
            Doer::Call(call) => {
                let reply = fault.into();
                self.effects.push(Effect::Reply { call, reply });
            }
        }
    }
}

/// What keeps the admin from something, with the names that they gave.
fn reply(refusal: Refusal, act: &Act) -> Reply {
    match (refusal, act.room(), act.user()) {
        (Refusal::NoSuchRoom, Some(room), _) => Reply::NoSuchRoom(RoomLabel::Open(room.clone())),
        (Refusal::NoSuchUser, _, Some(user)) => Reply::NoSuchUser(user.clone()),
        (Refusal::NotThere, Some(room), Some(user)) => {
            Reply::NotAMember(user.clone(), room.clone())
        }
        (Refusal::LobbyStays, ..) => Reply::LobbyStays,
        (Refusal::LimitReached(limit), ..) => Reply::LimitReached(limit),
        _ => Reply::NotStored,
    }
}
