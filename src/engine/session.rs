//! Coming and going: accounts, logins, sessions and the connections that belong to them.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{Bye, ByeReason, Effect, News, Refusal};
use super::input::{Outcome, PasswordOutcome};
use super::{Asker, Engine, Pending, Then};
use crate::base::id::LOBBY;
use crate::base::limit::PASSWORD_CHARS_MIN;
use crate::base::record::{
    Change, LastLogin, MemberRecord, PasswordHash, PasswordWork, SessionRecord, UserRecord,
};
use crate::base::{
    ConnId, Password, Seq, SessionId, Target, Ticket, Token, TokenHash, UserId, UserName,
};

/// A session that is used is renewed in the store at most so often.
const RENEW_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// When to try again after the password threads were busy.
const PASSWORD_BUSY_MS: u64 = 2_000;

/// What a password was looked at for.
#[derive(Debug)]
pub(super) enum Verified {
    Register {
        name: UserName,
        device: Arc<str>,
    },
    Login {
        user: Option<UserId>,
        device: Arc<str>,
    },
    Replace {
        user: UserId,
    },
}

/// What happens once it is stored.
#[derive(Debug)]
pub(super) struct Stored {
    asker: Asker,
    done: Done,
}

#[derive(Debug)]
enum Done {
    Login {
        session: SessionId,
        token: Token,
        last_login: Option<LastLogin>,
        registered: Option<Box<str>>,
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

    fn session_life(&self) -> Duration {
        RENEW_INTERVAL * self.rules.limits.session_days
    }

    fn nobody(&self, conn: ConnId) -> Result<(), Refusal> {
        match self.conns.get(&conn).and_then(|conn| conn.who) {
            Some(_) => Err(Refusal::LoggedIn),
            None => Ok(()),
        }
    }

    pub(super) fn register(
        &mut self,
        asker: &Asker,
        name: UserName,
        password: Password,
        device: Arc<str>,
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        if !self.rules.registration_open {
            return Err(Refusal::RegistrationClosed);
        }
        strength(&password, &name)?;
        self.check_name(&name)?;
        if self.state.names.len() >= self.rules.limits.users as usize {
            return Err(Refusal::LimitReached("users"));
        }
        if !self.registering.insert(name.skeleton().into()) {
            return Err(Refusal::NameTaken);
        }
        self.verify(
            asker,
            PasswordWork::Hash(password),
            Verified::Register { name, device },
        );
        Ok(())
    }

    /// Whether a new account may have the name.
    pub(super) fn check_name(&self, name: &UserName) -> Result<(), Refusal> {
        if self.state.user_by_name(name).is_some() {
            return Err(Refusal::NameTaken);
        }
        if self.state.user_looks_taken(name) {
            return Err(Refusal::NameLooksTaken);
        }
        Ok(())
    }

    pub(super) fn login(
        &mut self,
        asker: &Asker,
        name: Option<&UserName>,
        password: Password,
        device: Arc<str>,
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        let user = name.and_then(|name| self.state.user_by_name(name));
        self.verify(
            asker,
            PasswordWork::Check(user, password),
            Verified::Login { user, device },
        );
        Ok(())
    }

    pub(super) fn change_password(
        &mut self,
        asker: &Asker,
        user: UserId,
        old: Password,
        new: Password,
    ) -> Result<(), Refusal> {
        let name = self
            .state
            .users
            .get(&user)
            .ok_or(Refusal::NotLoggedIn)?
            .name
            .clone();
        strength(&new, &name)?;
        self.verify(
            asker,
            PasswordWork::Replace(user, old, new),
            Verified::Replace { user },
        );
        Ok(())
    }

    fn verify(&mut self, asker: &Asker, work: PasswordWork, then: Verified) {
        self.hold(asker.conn);
        let ticket = self.ticket(Pending::Password {
            asker: asker.clone(),
            then,
        });
        self.effects.push(Effect::Password { ticket, work });
    }

    pub(super) fn password_done(&mut self, ticket: Ticket, outcome: PasswordOutcome) {
        let Some(Pending::Password { asker, then }) = self.pending.remove(&ticket) else {
            return;
        };
        if let Verified::Register { name, .. } = &then
            && !matches!(outcome, PasswordOutcome::Hashed(..))
        {
            self.registering.remove(name.skeleton());
        }
        match (then, outcome) {
            (_, PasswordOutcome::Busy) => {
                self.refuse_login(&asker, Refusal::Busy(PASSWORD_BUSY_MS), false)
            }
            (_, PasswordOutcome::Broken) => self.refuse_login(&asker, Refusal::Internal, false),
            (Verified::Register { name, device }, PasswordOutcome::Hashed(hash, token)) => {
                self.add_account(asker, name, hash, device, token);
            }
            (
                Verified::Login {
                    user: Some(user),
                    device,
                },
                PasswordOutcome::Right(token),
            ) => {
                self.add_session(asker, user, device, token);
            }
            (Verified::Replace { user }, PasswordOutcome::Hashed(hash, _)) => {
                self.set_password(asker, user, hash)
            }
            (Verified::Replace { .. }, _) => {
                self.refuse_login(&asker, Refusal::WrongPassword, false)
            }
            (Verified::Login { .. } | Verified::Register { .. }, _) => {
                self.refuse_login(&asker, Refusal::WrongPassword, true);
            }
        }
    }

    /// Answers a refused login; after too many the connection is closed.
    fn refuse_login(&mut self, asker: &Asker, refusal: Refusal, counts: bool) {
        self.refuse(asker, refusal);
        let Some(conn) = self.conns.get_mut(&asker.conn) else {
            return;
        };
        conn.refused += u32::from(counts);
        if conn.refused >= self.rules.limits.login_attempts {
            let text = "too many refused logins on this connection; look the name and the password up, then connect again";
            return self.close(asker.conn, ByeReason::LoginAttempts, text);
        }
        self.release(asker.conn);
    }

    fn add_account(
        &mut self,
        asker: Asker,
        name: UserName,
        hash: PasswordHash,
        device: Arc<str>,
        token: Token,
    ) {
        let id = self.next_user;
        self.next_user = id.next();
        let registered = Some(name.skeleton().into());
        let (now, from) = (
            self.now.wall,
            self.conns.get(&asker.conn).and_then(|conn| conn.from),
        );
        let last_login = Some(LastLogin { at: now, from });
        let user = UserRecord {
            id,
            name,
            created_at: now,
            last_login,
            removed: false,
        };
        let session = self.new_session(id, device, &token);
        let (session_id, lobby) = (session.id, self.lobby_member(id));
        let changes = vec![
            Change::AddUser(user, hash),
            Change::AddMember(lobby),
            Change::AddSession(session),
        ];
        let done = Done::Login {
            session: session_id,
            token,
            last_login: None,
            registered,
        };
        self.commit(changes, Then::Session(Stored { asker, done }));
    }

    /// Everyone is in the lobby. What was said before they came counts as read.
    pub(super) fn lobby_member(&self, user: UserId) -> MemberRecord {
        let read_seq = self
            .state
            .rooms
            .get(&LOBBY)
            .map_or(Seq(0), |room| room.last_seq);
        MemberRecord {
            room: LOBBY,
            user,
            read_seq,
        }
    }

    fn new_session(&mut self, user: UserId, device: Arc<str>, token: &Token) -> SessionRecord {
        let id = self.next_session;
        self.next_session = id.next();
        let now = self.now.wall;
        let expires_at = now.plus(self.session_life());
        SessionRecord {
            id,
            user,
            token: token.hash(),
            device,
            created_at: now,
            expires_at,
            seen_at: now,
        }
    }

    fn add_session(&mut self, asker: Asker, user_id: UserId, device: Arc<str>, token: Token) {
        // The account may have been removed while the password was looked at.
        let Some(user) = self.state.users.get(&user_id).filter(|user| !user.removed) else {
            return self.refuse_login(&asker, Refusal::WrongPassword, true);
        };
        let last_login = user.last_login;
        let mut changes = Vec::new();
        if user.sessions.len() >= self.rules.limits.sessions_per_user as usize {
            let seen_at =
                |id: &SessionId| self.state.sessions.get(id).map(|session| session.seen_at);
            if let Some(oldest) = user
                .sessions
                .iter()
                .copied()
                .min_by_key(|id| (seen_at(id), *id))
            {
                changes.push(Change::RemoveSession(oldest));
            }
        }
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        let session = self.new_session(user_id, device, &token);
        let done = Done::Login {
            session: session.id,
            token,
            last_login,
            registered: None,
        };
        changes.push(Change::AddSession(session));
        changes.push(Change::SetLastLogin(
            user_id,
            LastLogin {
                at: self.now.wall,
                from,
            },
        ));
        self.commit(changes, Then::Session(Stored { asker, done }));
    }

    fn set_password(&mut self, asker: Asker, user_id: UserId, hash: PasswordHash) {
        let own = self
            .conns
            .get(&asker.conn)
            .and_then(|conn| conn.who)
            .map(|(_, session)| session);
        let sessions = self
            .state
            .users
            .get(&user_id)
            .map_or(&[][..], |user| &user.sessions);
        let others = sessions
            .iter()
            .filter(|session| Some(**session) != own)
            .map(|session| Change::RemoveSession(*session));
        let changes = std::iter::once(Change::SetPassword(user_id, hash))
            .chain(others)
            .collect::<Vec<_>>();
        self.commit(
            changes,
            Then::Session(Stored {
                asker,
                done: Done::Password,
            }),
        );
    }

    pub(super) fn resume(
        &mut self,
        asker: &Asker,
        token: Option<TokenHash>,
        cursors: &[(Target, Seq)],
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        let alive = token
            .and_then(|token| self.state.session_by_token(&token))
            .filter(|session| session.expires_at >= self.now.wall);
        let Some(session) = alive else {
            self.hold(asker.conn);
            self.refuse_login(asker, Refusal::DeadToken, true);
            return Ok(());
        };
        let (user, id) = (session.user, session.id);
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
        let Some(entry) = self.conns.get_mut(&conn) else {
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
            .filter_map(|(target, seq)| Some((self.state.find(user_id, target)?, *seq)))
            .collect::<Vec<_>>();
        let rooms = self
            .state
            .users
            .get(&user_id)
            .map_or(Vec::new(), |user| user.rooms.clone());
        for (room, _) in &rooms {
            let cursor = cursors
                .iter()
                .find(|(other, _)| other == room)
                .map(|(_, seq)| *seq);
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
            rooms: self.state.room_views(user_id),
        })
    }

    /// From now on the connection is given what comes in the room; after its cursor where it has one.
    pub(super) fn attach(
        &mut self,
        conn: ConnId,
        room_id: crate::base::RoomId,
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
                session,
                token,
                last_login,
                registered,
            } => {
                if let Some(skeleton) = registered {
                    self.registering.remove(&skeleton);
                }
                match (
                    self.state
                        .sessions
                        .get(&session)
                        .map(|session| session.user),
                    outcome,
                ) {
                    (Some(user), Outcome::Changed) => {
                        self.admit(&asker, user, session, Some(token), last_login, &[])
                    }
                    _ => self.refuse(&asker, Refusal::NameTaken),
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

    /// Ends a connection with last words.
    pub(super) fn close(&mut self, conn: ConnId, reason: ByeReason, text: &str) {
        let bye = Bye {
            reason,
            text: text.into(),
            reconnect_after_ms: None,
        };
        self.effects.push(Effect::Close { conn, bye });
        self.gone(conn);
    }

    /// Ends all connections of an account. Returns how many.
    pub(super) fn close_all(&mut self, user: UserId, reason: ByeReason, text: &str) -> usize {
        let conns = self
            .state
            .users
            .get(&user)
            .map_or(Vec::new(), |user| user.conns.clone());
        conns
            .iter()
            .for_each(|conn| self.close(*conn, reason, text));
        conns.len()
    }

    /// Ends the connections of a session that is about to end.
    pub(super) fn close_session(&mut self, session: SessionId) {
        let user = self
            .state
            .sessions
            .get(&session)
            .map(|session| session.user);
        let conns = user
            .and_then(|user| self.state.users.get(&user))
            .map_or(Vec::new(), |user| user.conns.clone());
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

/// Whether a password is good enough for an account of that name.
///
/// # Errors
/// [`Refusal::PasswordShort`] or [`Refusal::PasswordIsName`].
pub fn strength(password: &Password, name: &UserName) -> Result<(), Refusal> {
    if password.expose().chars().count() < PASSWORD_CHARS_MIN {
        return Err(Refusal::PasswordShort);
    }
    if password.expose().to_lowercase() == name.key() {
        return Err(Refusal::PasswordIsName);
    }
    Ok(())
}
