//! Accounts and their passwords: registering, logging in, changing the password. Argon2 itself is done elsewhere.

use std::sync::Arc;
use std::time::Duration;

use super::effect::{ByeReason, Effect, Refusal};
use super::guard::Key;
use super::input::PasswordOutcome;
use super::invite::Entrance;
use super::note::Note;
use super::session::{Done, Stored};
use super::strength::strength;
use super::waiting::Hashing;
use super::{Asker, Engine, Then};
use crate::base::id::LOBBY;
use crate::base::record::{
    Change, LastLogin, MemberRecord, PasswordHash, PasswordWork, SessionRecord, UserRecord,
};
use crate::base::{
    InviteHash, InviteId, Origin, Password, Seq, SessionId, Ticket, Token, UserId, UserName,
};

/// When to try again after the password threads were busy.
const PASSWORD_BUSY_MS: u64 = 2_000;

/// What a password was looked at for.
#[derive(Debug)]
pub(super) enum Verified {
    Register {
        name: UserName,
        invite: Option<InviteId>,
        device: Arc<str>,
    },
    Login {
        name: Option<UserName>,
        user: Option<UserId>,
        device: Arc<str>,
        counted: Vec<Key>,
    },
    Replace {
        user: UserId,
        counted: Vec<Key>,
    },
}

impl Engine {
    pub(super) fn register(
        &mut self,
        asker: &Asker,
        (name, password): (UserName, Password),
        code: Option<InviteHash>,
        device: Arc<str>,
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        self.ban_from(asker.conn)?;
        let Entrance::Open(invite) = self.entrance(asker, code)? else {
            return Ok(());
        };
        strength(&password, &name, self.rules.limits.password_chars_min)?;
        let reserved = self.reserve(&name);
        // Who has to wait is not told whether the name is free.
        if let Err(wait) = self.guard.register(
            self.origin(asker.conn),
            reserved.is_ok(),
            self.now.elapsed,
            &self.rules.limits,
        ) {
            if reserved.is_ok() {
                self.registering.remove(name.skeleton());
            }
            if let Some(from) = self.is_delay_told(asker) {
                self.note(Note::RegistrationDelayed { from });
            }
            return Err(Refusal::RegistrationsLimited(millis(wait)));
        }
        reserved?;
        self.verify(
            asker,
            PasswordWork::Hash(password),
            Verified::Register {
                name,
                invite,
                device,
            },
        );
        Ok(())
    }

    /// Keeps a name for a new account until it is stored or refused.
    pub(super) fn reserve(&mut self, name: &UserName) -> Result<(), Refusal> {
        if self.state.user_by_name(name).is_some() {
            return Err(Refusal::NameTaken);
        }
        if self.state.user_looks_taken(name) {
            return Err(Refusal::NameLooksTaken);
        }
        let (users, soon) = (self.state.names.len(), self.registering.len());
        if users + soon >= self.rules.limits.users as usize {
            return Err(Refusal::LimitReached("users"));
        }
        match self.registering.insert(name.skeleton().into()) {
            true => Ok(()),
            false => Err(Refusal::NameTaken),
        }
    }

    pub(super) fn login(
        &mut self,
        asker: &Asker,
        name: Option<&UserName>,
        password: Password,
        device: Arc<str>,
    ) -> Result<(), Refusal> {
        self.nobody(asker.conn)?;
        self.ban_from(asker.conn)?;
        let user = name.and_then(|name| self.state.user_by_name(name));
        let counted = self.counted(asker, name, user);
        if let Err(refusal) = self.begin_login(asker, name, &counted) {
            self.refuse_login(asker, refusal);
            return Ok(());
        }
        self.verify(
            asker,
            PasswordWork::Check(user, password),
            Verified::Login {
                name: name.cloned(),
                user,
                device,
                counted,
            },
        );
        Ok(())
    }

    /// What a login is counted for, if it should be refused.
    fn counted(&self, asker: &Asker, name: Option<&UserName>, user: Option<UserId>) -> Vec<Key> {
        let origin = self.origin(asker.conn);
        if origin == Origin::Here {
            return name
                .map(|name| Key::Here(name.key().into()))
                .into_iter()
                .collect();
        }
        let account = user.and_then(|user| self.state.users.get(&user).map(|it| (user, it)));
        if let Some((user, account)) = account
            && account.has_been_at(origin)
        {
            return vec![Key::Familiar(user, origin)];
        }
        let name = name.map(|name| Key::Name(name.key().into()));
        [Key::Address(origin)].into_iter().chain(name).collect()
    }

    /// Whether the password may be looked at already. Nothing is spent on one that may not.
    pub(super) fn begin_login(
        &mut self,
        asker: &Asker,
        name: Option<&UserName>,
        counted: &[Key],
    ) -> Result<(), Refusal> {
        let (now, limits) = (self.now.elapsed, &self.rules.limits);
        let Err(wait) = self.guard.begin(counted, now, limits) else {
            return Ok(());
        };
        if let Some(from) = self.is_delay_told(asker) {
            let user = name.cloned();
            self.note(Note::LoginDelayed { user, from });
        }
        Err(Refusal::LoginsLimited(millis(wait)))
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
        strength(&new, &name, self.rules.limits.password_chars_min)?;
        let counted = vec![Key::Familiar(user, self.origin(asker.conn))];
        self.begin_login(asker, Some(&name), &counted)?;
        self.verify(
            asker,
            PasswordWork::Replace(user, old, new),
            Verified::Replace { user, counted },
        );
        Ok(())
    }

    fn verify(&mut self, asker: &Asker, work: PasswordWork, then: Verified) {
        self.hold(asker.conn);
        let ticket = self.waiting.hash(Hashing {
            asker: asker.clone(),
            then,
        });
        let origin = self.origin(asker.conn);
        self.effects.push(Effect::Password {
            ticket,
            origin,
            work,
        });
    }

    pub(super) fn password_done(&mut self, ticket: Ticket, outcome: PasswordOutcome) {
        let Some(Hashing { asker, then }) = self.waiting.hashed(ticket) else {
            return;
        };
        if let Verified::Register { name, .. } = &then
            && !matches!(outcome, PasswordOutcome::Hashed(..))
        {
            self.registering.remove(name.skeleton());
        }
        if let Verified::Login { counted, .. } | Verified::Replace { counted, .. } = &then {
            let limits = &self.rules.limits;
            match outcome {
                PasswordOutcome::Right(..) | PasswordOutcome::Hashed(..) => {
                    self.guard.passed(counted, limits);
                }
                PasswordOutcome::Busy | PasswordOutcome::Broken => {
                    self.guard.take_back(counted, limits);
                }
                PasswordOutcome::Wrong => self.guard.failed(counted, self.now.elapsed, limits),
            }
        }
        match (then, outcome) {
            (_, PasswordOutcome::Busy) => self.refuse(&asker, Refusal::Busy(PASSWORD_BUSY_MS)),
            (_, PasswordOutcome::Broken) => self.refuse(&asker, Refusal::Internal),
            (
                Verified::Register {
                    name,
                    invite,
                    device,
                },
                PasswordOutcome::Hashed(hash, token),
            ) => return self.add_account(asker, (name, hash), invite, device, token),
            (
                Verified::Login {
                    user: Some(user), ..
                },
                PasswordOutcome::Right(..),
            ) if self.is_disabled(user) => self.refuse_disabled(&asker, user),
            (
                Verified::Login {
                    user: Some(user), ..
                },
                PasswordOutcome::Right(..),
            ) if self.ban(user, None).is_err() => self.refuse_banned(&asker, user),
            (
                Verified::Login {
                    user: Some(user),
                    device,
                    ..
                },
                PasswordOutcome::Right(hash, token, better),
            ) => return self.add_session(asker, user, device, (hash, better), token),
            (Verified::Replace { user, .. }, PasswordOutcome::Hashed(hash, _)) => {
                return self.set_password(asker, user, hash);
            }
            (Verified::Replace { .. }, _) => self.refuse(&asker, Refusal::WrongPassword),
            (Verified::Login { name, .. }, _) => {
                self.note_login_refused(&asker, name);
                self.refuse_login(&asker, Refusal::WrongPassword);
            }
            // A password that is only hashed is not wrong.
            (Verified::Register { .. }, _) => self.refuse(&asker, Refusal::Internal),
        }
        self.release(asker.conn);
    }

    /// Answers a login with wrong credentials; after too many the connection is closed.
    pub(super) fn refuse_login(&mut self, asker: &Asker, refusal: Refusal) {
        self.refuse(asker, refusal);
        let Some(conn) = self.conns.get_mut(&asker.conn) else {
            return;
        };
        conn.refused += 1;
        if conn.refused >= self.rules.limits.login_attempts {
            let text = "too many refused logins on this connection; look the name and the password up, then connect again";
            self.close(asker.conn, ByeReason::LoginAttempts, text);
        }
    }

    fn add_account(
        &mut self,
        asker: Asker,
        (name, hash): (UserName, PasswordHash),
        invite: Option<InviteId>,
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
            disabled_at: None,
        };
        let session = self.new_session(id, device, &token);
        let (session_id, lobby) = (session.id, self.lobby_member(id));
        // Together: an invite for one is never used by two, and none is used up by an account that was not made.
        let counted = invite.map(|invite| Change::UseInvite(invite, now));
        let changes = counted.into_iter().chain([
            Change::AddUser(user, hash.clone()),
            Change::AddMember(lobby),
            Change::AddSession(session, hash),
        ]);
        let changes = changes.collect();
        let done = Done::Login {
            user: id,
            session: session_id,
            token,
            last_login: None,
            registered,
            invite,
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

    /// Whether the account and the password are still what they were when they were looked at, the store says. A better
    /// hash of the same password takes the place of the old one together with that, or not at all.
    fn add_session(
        &mut self,
        asker: Asker,
        user_id: UserId,
        device: Arc<str>,
        (hash, better): (PasswordHash, Option<PasswordHash>),
        token: Token,
    ) {
        let last_login = self
            .state
            .users
            .get(&user_id)
            .and_then(|user| user.last_login);
        let mut changes = self.excess_sessions(user_id);
        let from = self.conns.get(&asker.conn).and_then(|conn| conn.from);
        let session = self.new_session(user_id, device, &token);
        let done = Done::Login {
            user: user_id,
            session: session.id,
            token,
            last_login,
            registered: None,
            invite: None,
        };
        changes.push(Change::AddSession(session, hash));
        changes.extend(better.map(|better| Change::SetPassword(user_id, better)));
        changes.push(Change::SetLastLogin(
            user_id,
            LastLogin {
                at: self.now.wall,
                from,
            },
        ));
        self.commit(changes, Then::Session(Stored { asker, done }));
    }

    /// Ends the sessions, idle longest first, that leave no room for one more.
    fn excess_sessions(&self, user: UserId) -> Vec<Change> {
        let mut sessions = self.state.sessions_but(user, None);
        let excess =
            (sessions.len() + 1).saturating_sub(self.rules.limits.sessions_per_user as usize);
        let seen_at = |id: &SessionId| self.state.sessions.get(id).map(|session| session.seen_at);
        sessions.sort_by_key(|id| (seen_at(id), *id));
        let idle = sessions.into_iter().take(excess);
        idle.map(Change::RemoveSession).collect()
    }

    /// Unless the session has ended while the old password was looked at.
    fn set_password(&mut self, asker: Asker, user: UserId, hash: PasswordHash) {
        let who = self.conns.get(&asker.conn).and_then(|conn| conn.who);
        let Some((_, own)) = who else {
            self.refuse(&asker, Refusal::NotLoggedIn);
            return self.release(asker.conn);
        };
        let but = Some(own);
        let changes = vec![
            Change::SetPassword(user, hash),
            Change::RemoveSessions { user, but },
        ];
        self.commit(
            changes,
            Then::Session(Stored {
                asker,
                done: Done::Password,
            }),
        );
    }
}

/// As the answer tells it: a little longer rather than a little too short.
fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).map_or(u64::MAX, |millis| millis.saturating_add(1))
}
