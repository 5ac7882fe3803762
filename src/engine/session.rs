//! Coming and going: sessions and the connections that belong to them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::effect::{Bye, ByeReason, Effect, News, Refusal};
use super::input::Outcome;
use super::note::{Ending, Note};
use super::rate::Ask;
use super::{Asker, Engine, Then};
use crate::base::record::{Change, LastLogin, SessionRecord};
use crate::base::{ConnId, InviteId, RoomId, Seq, SessionId, Target, Token, TokenHash, UserId};

/// A session that is used is renewed in the store at most so often.
const RENEW_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// What happens once it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub asker: Asker,
    pub done: Done,
}

#[derive(Debug)]
pub(super) enum Done {
    Login {
        user: UserId,
        session: SessionId,
        token: Token,
        last_login: Option<LastLogin>,
        /// What the name looks like that was being registered.
        registered: Option<Box<str>>,
        invite: Option<InviteId>,
    },
    Logout,
    Password,
}

impl Stored {
    /// The connection that logs out, and so is not ended with its session.
    pub(super) fn leaves(&self) -> Option<ConnId> {
        matches!(self.done, Done::Logout).then_some(self.asker.conn)
    }
}

impl Engine {
    /// Whose connection it is. A session is looked at with every request: one that has ended is dead at once.
    pub(super) fn caller(&mut self, conn: ConnId) -> Result<(UserId, SessionId), Refusal> {
        let (user, id) = self
            .conns
            .get(&conn)
            .and_then(|conn| conn.who)
            .ok_or(Refusal::NotLoggedIn)?;
        let session = self.state.sessions.get(&id).ok_or(Refusal::NotLoggedIn)?;
        if session.expires_at < self.now.wall {
            return Err(Refusal::NotLoggedIn);
        }
        if self.now.wall.since(session.seen_at) > RENEW_INTERVAL {
            let change = self.renewal(id);
            // At once, so that it is asked for once; if it cannot be stored, the next request asks again a day later.
            self.state.apply(change.clone());
            self.commit(vec![change], Then::Nothing);
        }
        Ok((user, id))
    }

    fn renewal(&self, id: SessionId) -> Change {
        Change::RenewSession {
            id,
            seen_at: self.now.wall,
            expires_at: self.now.wall.plus(self.session_life()),
        }
    }

    pub(super) fn session_life(&self) -> Duration {
        RENEW_INTERVAL * self.rules.limits.session_days
    }

    pub(super) fn nobody(&self, conn: ConnId) -> Result<(), Refusal> {
        match self.conns.get(&conn).and_then(|conn| conn.who) {
            Some(_) => Err(Refusal::LoggedIn),
            None => Ok(()),
        }
    }

    pub(super) fn resume(
        &mut self,
        asker: &Asker,
        token: Option<TokenHash>,
        cursors: &[(Target, Seq)],
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        self.ban_from(asker.conn)?;
        let alive = token
            .and_then(|token| self.state.session_by_token(&token))
            .filter(|session| session.expires_at >= self.now.wall);
        let Some(session) = alive else {
            let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
            self.note(Note::TokenRefused { from });
            self.refuse_login(asker, Refusal::DeadToken);
            return Ok(());
        };
        let (user, id) = (session.user, session.id);
        if let Err(refusal) = self.ban(user, None) {
            self.refuse_login(asker, refusal);
            return Ok(());
        }
        self.take(user, Ask::Other)?;
        let last_login = self.state.users.get(&user).and_then(|user| user.last_login);
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        let changes = vec![
            self.renewal(id),
            Change::SetLastLogin(
                user,
                LastLogin {
                    at: self.now.wall,
                    from,
                },
            ),
        ];
        // Nobody waits for this to be stored: a full disk keeps nobody from reading.
        changes
            .iter()
            .for_each(|change| self.state.apply(change.clone()));
        self.commit(changes, Then::Nothing);
        self.note_visit(asker, id, Note::Resumed);
        self.admit(asker, user, id, None, last_login, cursors);
        Ok(())
    }

    /// Lets a connection in: greeting first, then what was missed, then live.
    fn admit(
        &mut self,
        asker: &Asker,
        user_id: UserId,
        session: SessionId,
        token: Option<Token>,
        last_login: Option<LastLogin>,
        cursors: &[(Target, Seq)],
    ) {
        let conn = asker.conn;
        let Some(entry) = self.conns.get_mut(&conn).filter(|entry| !entry.closed) else {
            return;
        };
        entry.who = Some((user_id, session));
        entry.refused = 0;
        let first = self.state.come(user_id, conn);
        self.effects.push(Effect::Admit {
            conn,
            user: user_id,
        });
        let resumed = token.is_none();
        if let Some(news) = self.welcome(user_id, session, token, resumed, last_login) {
            self.answer(asker, news);
        }
        let cursors = cursors
            .iter()
            .map(|(target, seq)| (target, *seq))
            .collect::<BTreeMap<_, _>>();
        let rooms = self
            .state
            .users
            .get(&user_id)
            .map_or(Vec::new(), |user| user.rooms.clone());
        for (room, _) in &rooms {
            let view = self.state.view(*room, user_id);
            let cursor = view.and_then(|(_, label)| cursors.get(&label).copied());
            self.attach(conn, *room, user_id, cursor);
        }
        if first {
            rooms
                .iter()
                .for_each(|(room, _)| self.tell_presence(*room, user_id, true, Some(conn)));
        }
    }

    fn welcome(
        &self,
        user_id: UserId,
        session: SessionId,
        token: Option<Token>,
        resumed: bool,
        last_login: Option<LastLogin>,
    ) -> Option<News> {
        Some(News::Welcome {
            user: self.state.users.get(&user_id)?.name.clone(),
            token,
            expires_at: self.state.sessions.get(&session)?.expires_at,
            resumed,
            last_login,
            is_moderator: self.state.moderators.contains(&user_id),
            rooms: self.state.room_views(user_id),
        })
    }

    /// From now on the connection is given what comes in the room; after its cursor where it has one.
    pub(super) fn attach(
        &mut self,
        conn: ConnId,
        room_id: RoomId,
        viewer: UserId,
        cursor: Option<Seq>,
    ) {
        let (Some(room), Some((channel, label))) = (
            self.state.rooms.get(&room_id),
            self.state.view(room_id, viewer),
        ) else {
            return;
        };
        let head = room.last_seq;
        let beginning = Seq(room.first_seq.0.saturating_sub(1)).min(head);
        let after = cursor.map_or(head, |cursor| cursor.clamp(beginning, head));
        self.effects.push(Effect::Attach {
            conn,
            channel,
            label,
            viewer,
            after,
            head,
        });
    }

    /// Tells a connection that has missed pushes the state of things anew.
    pub(super) fn refresh(&mut self, conn: ConnId) {
        let Some((user, session)) = self.conns.get(&conn).and_then(|conn| conn.who) else {
            return;
        };
        if let Some(news) = self.welcome(user, session, None, true, None) {
            self.push(conn, news);
        }
    }

    pub(super) fn logout(&mut self, asker: &Asker, session: SessionId) -> Result<(), Refusal> {
        self.hold(asker.conn);
        let then = Then::Session(Stored {
            asker: asker.clone(),
            done: Done::Logout,
        });
        self.commit(vec![Change::RemoveSession(session)], then);
        Ok(())
    }

    pub(super) fn session_stored(&mut self, stored: Stored, outcome: Outcome) {
        let Stored { asker, done } = stored;
        match done {
            Done::Login {
                user,
                session,
                token,
                last_login,
                registered,
                invite,
            } => {
                if let Some(skeleton) = &registered {
                    self.registering.remove(skeleton);
                }
                let has_begun =
                    outcome == Outcome::Changed && self.state.sessions.contains_key(&session);
                match registered {
                    // Banned meanwhile.
                    None if has_begun && self.ban(user, None).is_err() => {
                        self.refuse_banned(&asker, user);
                    }
                    _ if has_begun => {
                        self.note_visit(&asker, session, |visit| match registered {
                            Some(_) => Note::Registered(visit, invite),
                            None => Note::LoggedIn(visit),
                        });
                        self.admit(&asker, user, session, Some(token), last_login, &[]);
                    }
                    // Somebody else has used it up meanwhile, or it was revoked.
                    Some(_) if invite.is_some_and(|id| !self.is_invite_open(id)) => {
                        self.refuse_login(&asker, Refusal::BadInvite);
                    }
                    Some(_) => self.refuse(&asker, Refusal::NameTaken),
                    None if self.is_disabled(user) => self.refuse_disabled(&asker, user),
                    // Meanwhile the password was changed or the account removed.
                    None => {
                        self.note_login_refused(&asker, None);
                        self.refuse_login(&asker, Refusal::WrongPassword);
                    }
                }
            }
            Done::Logout | Done::Password => self.answer(&asker, News::Ok),
        }
        self.release(asker.conn);
    }

    pub(super) fn session_not_stored(&mut self, stored: Stored, refusal: Refusal) {
        let Stored { asker, done } = stored;
        if let Done::Login {
            registered: Some(skeleton),
            ..
        } = done
        {
            self.registering.remove(&skeleton);
        }
        self.refuse(&asker, refusal);
        self.release(asker.conn);
    }

    /// The connection stays, but is nobody's.
    pub(super) fn dismiss(&mut self, conn: ConnId) {
        let Some((user, _)) = self.conns.get_mut(&conn).and_then(|conn| conn.who.take()) else {
            return;
        };
        self.effects.push(Effect::Dismiss { conn });
        self.went(user, conn);
    }

    pub(super) fn gone(&mut self, conn: ConnId) {
        self.paused.remove(&conn);
        if let Some((user, _)) = self.conns.remove(&conn).and_then(|conn| conn.who) {
            self.went(user, conn);
        }
    }

    fn went(&mut self, user_id: UserId, conn: ConnId) {
        if self.state.go(user_id, conn) {
            let rooms = self
                .state
                .users
                .get(&user_id)
                .map_or(Vec::new(), |user| user.rooms.clone());
            rooms
                .iter()
                .for_each(|(room, _)| self.tell_presence(*room, user_id, false, None));
        }
    }

    /// Ends a connection with last words. What it has asked meanwhile comes in until its worker knows.
    pub(super) fn close(&mut self, conn: ConnId, reason: ByeReason, text: &str) {
        let Some(entry) = self.conns.get_mut(&conn).filter(|entry| !entry.closed) else {
            return;
        };
        entry.closed = true;
        entry.held.clear();
        let who = entry.who.take();
        let bye = Bye {
            reason,
            text: text.into(),
            reconnect_after_ms: None,
        };
        self.effects.push(Effect::Close { conn, bye });
        if let Some((user, _)) = who {
            self.went(user, conn);
        }
    }

    /// Ends all connections of an account. Returns how many.
    pub(super) fn close_all(&mut self, user: UserId, reason: ByeReason, text: &str) -> usize {
        let conns = self.state.conns(user);
        conns
            .iter()
            .for_each(|conn| self.close(*conn, reason, text));
        conns.len()
    }

    /// Ends the connections of a session that is about to end.
    pub(super) fn end_session(&mut self, session: SessionId, ending: Ending) {
        self.note_session_ended(session, ending);
        let user = self
            .state
            .sessions
            .get(&session)
            .map(|session| session.user);
        let conns = user.map_or(Vec::new(), |user| self.state.conns(user));
        let who = |conn: &ConnId| self.conns.get(conn).and_then(|conn| conn.who);
        let its = conns
            .into_iter()
            .filter(|conn| who(conn).is_some_and(|(_, other)| other == session))
            .collect::<Vec<_>>();
        let text = "this session has ended: it was logged out, revoked or ran out, or the password was changed; log in again";
        its.into_iter()
            .for_each(|conn| self.close(conn, ByeReason::SessionEnded, text));
    }

    /// Ends the sessions that have run out.
    pub(super) fn sweep_sessions(&mut self) {
        let dead = |session: &&SessionRecord| session.expires_at < self.now.wall;
        let dead = self
            .state
            .sessions
            .values()
            .filter(dead)
            .map(|session| session.id)
            .collect::<Vec<_>>();
        if !dead.is_empty() {
            self.commit(
                dead.into_iter().map(Change::RemoveSession).collect(),
                Then::Nothing,
            );
        }
    }
}
