//! The rules of the chat: who is where, who may do what, what comes next. Is told what happened and what time it is,
//! and answers with what to do. Does no I/O, reads no clock, draws no random numbers, knows neither JSON nor SQL.
//!
//! ```text
//! handle(Input, Now) → Effects        next_deadline() → when to say Tick
//! ```
//!
//! What is stored is true only once it is stored: a change takes effect when [`Input::Stored`] says so, and only then
//! is anybody told. Until then the connection that asked is *busy* and its further requests are held back, so that
//! requests may be sent without waiting for answers.

// No clock, socket, file, thread, chance or hash map in here: `.clippy.toml` has the list with the reasons.
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod account;
mod admin;
mod audit;
pub mod bans;
mod clear;
pub mod cursor;
pub mod effect;
pub mod fanout;
mod guard;
pub mod input;
mod invite;
mod key;
mod lookup;
mod member;
pub mod moderation;
mod nearest;
pub mod note;
mod outbox;
mod people;
mod presence;
mod query;
mod rate;
mod redact;
mod retain;
mod roles;
mod room;
mod session;
mod state;
mod strength;
mod talk;
#[cfg(test)]
pub(crate) mod tests;
mod waiting;
pub mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::record::{Change, KeyRecord, Snapshot};
use crate::base::{
    Banned, CallId, ConnId, InviteId, Now, Origin, RequestId, RoomId, SessionId, Ticket, UserId,
};
use effect::{Bye, ByeReason, Effect, News, Refusal};
use guard::Guard;
use input::{Fault, Input, Outcome, Request, Rules};
use key::Keys;
use presence::Presence;
use state::State;
pub use strength::strength;
use waiting::{Storing, Waiting};

/// How often sessions that have run out are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3600);

/// How soon to come back after a restart.
const RECONNECT_AFTER_MS: u64 = 1_000;

/// The rules and all shared state. Lives in the hub thread; everything it is told, it is told in order.
#[derive(Debug)]
pub struct Engine {
    rules: Rules,
    state: State,
    conns: BTreeMap<ConnId, Conn>,
    keys: Keys,
    /// Connections whose sends wait until the keys are known; none once they are.
    keyless: Option<BTreeSet<ConnId>>,
    presence: Presence,
    /// Connections whose sends are put off.
    paused: BTreeMap<ConnId, rate::Pause>,
    guard: Guard,
    waiting: Waiting,
    /// Why the last thing that was to be stored could not be.
    fault: Option<Fault>,
    /// What the names look like that are being registered right now.
    registering: BTreeSet<Box<str>>,
    /// The same of rooms.
    creating: BTreeMap<RoomId, Box<str>>,
    /// Calls that clear history.
    clears: BTreeMap<CallId, clear::Call>,
    retaining: retain::Retaining,
    /// Who has said what was said last.
    authors: watch::Authors,
    next_user: UserId,
    next_room: RoomId,
    next_session: SessionId,
    next_invite: InviteId,
    next_sweep: Duration,
    /// When bans that had ended were last asked to be forgotten.
    bans_looked: Duration,
    /// Whether those at the door have not heard yet from where nobody is let in.
    bar_due: bool,
    /// The last words, once the daemon is stopping; taken when they are said.
    stopping: Option<Option<Arc<str>>>,
    now: Now,
    effects: Vec<Effect>,
}

/// A connection that has asked for something.
#[derive(Debug, Default)]
struct Conn {
    who: Option<(UserId, SessionId)>,
    from: Option<IpAddr>,
    /// Refused logins.
    refused: u32,
    /// Whether a request is under way that the following ones may depend on.
    busy: bool,
    /// Those. Bounded by the worker: it takes no more than `requests_outstanding` from the connection.
    held: VecDeque<(Option<RequestId>, Request)>,
    /// When the others were last told that somebody writes here.
    typed_at: Option<Duration>,
    /// Whether it was told good-bye. What it asks until it is gone is passed over, and it is nobody's any more.
    closed: bool,
}

/// A connection and the request of it that waits for an answer.
#[derive(Clone, Debug)]
struct Asker {
    conn: ConnId,
    re: Option<RequestId>,
}

/// What happens once changes are stored.
#[derive(Debug)]
enum Then {
    Nothing,
    Session(session::Stored),
    Member(member::Stored),
    Talk(talk::Stored),
    Admin(admin::Stored),
    Room(room::Stored),
    Moderation(moderation::Stored),
}

impl Engine {
    /// An engine that goes on from what is stored. Sends wait for [`Input::Keys`], too.
    #[must_use]
    pub fn new(rules: Rules, snapshot: Snapshot) -> Self {
        let Snapshot {
            next_user,
            next_room,
            next_session,
            next_invite,
            ..
        } = snapshot;
        Self {
            rules,
            keys: Keys::default(),
            keyless: Some(BTreeSet::new()),
            bar_due: snapshot
                .bans
                .iter()
                .any(|ban| matches!(ban.key.who, Banned::Network(_))),
            bans_looked: Duration::ZERO,
            state: State::new(snapshot),
            conns: BTreeMap::new(),
            presence: Presence::default(),
            paused: BTreeMap::new(),
            guard: Guard::default(),
            waiting: Waiting::default(),
            fault: None,
            registering: BTreeSet::new(),
            creating: BTreeMap::new(),
            clears: BTreeMap::new(),
            retaining: retain::Retaining::default(),
            authors: watch::Authors::default(),
            next_user,
            next_room,
            next_session,
            next_invite,
            next_sweep: Duration::ZERO,
            stopping: None,
            now: Now::default(),
            effects: Vec::new(),
        }
    }

    /// Takes in what happened and appends what is to be done to `effects`, in the order in which to do it.
    pub fn handle(&mut self, input: Input, now: Now, effects: &mut Vec<Effect>) {
        self.now = now;
        std::mem::swap(effects, &mut self.effects);
        self.end_bans();
        self.take_in(input);
        self.pass_deadlines();
        self.stop_if_idle();
        std::mem::swap(effects, &mut self.effects);
    }

    fn take_in(&mut self, input: Input) {
        match input {
            Input::Several(inputs) => inputs.into_iter().for_each(|input| self.take_in(input)),
            Input::Request {
                conn,
                from,
                id,
                request,
            } => self.request(conn, from, id, request),
            Input::Keys(keys) => self.keys_known(keys),
            Input::Gone { conn } => self.gone(conn),
            Input::Refresh { conn } => self.refresh(conn),
            Input::Stored(outcomes) => self.stored(outcomes),
            Input::NotStored { tickets, fault } => tickets
                .into_iter()
                .for_each(|ticket| self.not_stored(ticket, fault)),
            Input::Searched { user } => self.search_is_over(user),
            Input::Password { ticket, outcome } => self.password_done(ticket, outcome),
            Input::Call { call, command } => self.call(call, command),
            Input::Reload(rules) => self.reload(*rules),
            Input::Tick => {}
            Input::Stop { text } => self.stopping = self.stopping.take().or(Some(Some(text))),
        }
    }

    /// When [`Input::Tick`] is wanted if nothing happens before: a value of [`Now::elapsed`].
    #[must_use]
    pub fn next_deadline(&self) -> Duration {
        let (presence, bans) = (self.presence.next_deadline(), self.bans_deadline());
        let deadlines = [presence, bans, self.retain_deadline()];
        deadlines
            .into_iter()
            .flatten()
            .fold(self.next_sweep, Duration::min)
    }

    fn pass_deadlines(&mut self) {
        self.retain();
        if self
            .presence
            .next_deadline()
            .is_some_and(|due| due <= self.now.elapsed)
        {
            self.tell_merged_presence();
        }
        if self.next_sweep <= self.now.elapsed {
            self.next_sweep = self.now.elapsed + SWEEP_INTERVAL;
            self.sweep_sessions();
            self.guard.sweep(self.now.elapsed, &self.rules.limits);
            let age_max = Duration::from_secs(3600) * self.rules.limits.key_hours;
            self.keys
                .trim(self.now.wall, age_max, self.rules.limits.keys as usize);
        }
    }

    /// Requests. The branch point of everything that clients do.
    fn request(
        &mut self,
        conn: ConnId,
        from: Option<IpAddr>,
        re: Option<RequestId>,
        request: Request,
    ) {
        let entry = self.conns.entry(conn).or_default();
        entry.from = from;
        if entry.closed {
            return;
        }
        if entry.busy {
            entry.held.push_back((re, request));
            return;
        }
        self.perform(Asker { conn, re }, request);
    }

    fn perform(&mut self, asker: Asker, request: Request) {
        if self.stopping.is_some() {
            return self.refuse(&asker, Refusal::ShuttingDown);
        }
        if let (Request::Send { .. }, Some(keyless)) = (&request, &mut self.keyless) {
            keyless.insert(asker.conn);
            self.hold(asker.conn);
            let conn = self.conns.entry(asker.conn).or_default();
            return conn.held.push_front((asker.re, request));
        }
        let done = match request {
            Request::Register {
                name,
                password,
                invite,
                device,
            } => self.register(&asker, (name, password), invite, device),
            Request::Login {
                name,
                password,
                device,
            } => self.login(&asker, name.as_ref(), password, device),
            Request::Resume { token, cursors } => self.resume(&asker, token, &cursors),
            request => self
                .may_ask(asker.conn, &request)
                .and_then(|(user, session)| self.perform_for(&asker, user, session, request)),
        };
        if let Err(refusal) = done {
            self.refuse(&asker, refusal);
        }
    }

    fn perform_for(
        &mut self,
        asker: &Asker,
        user: UserId,
        session: SessionId,
        request: Request,
    ) -> Result<(), Refusal> {
        match request {
            Request::Logout => self.logout(asker, session),
            Request::Send {
                to,
                kind,
                key,
                text,
            } => self
                .send(asker, user, &to, (kind, key, text))
                .map_err(|refusal| self.pause_after(asker.conn, refusal)),
            Request::Join { room } => self.join(asker, user, &room),
            Request::Leave { room } => self.leave(asker, user, &room),
            Request::Create { room } => self.create(asker, user, room),
            Request::Rooms { after } => self.rooms(asker, user, after.as_ref()),
            Request::Who { room, after } => self.who(asker, user, room.as_ref(), after.as_ref()),
            Request::History { room, range, limit } => {
                self.history(asker, user, &room, range, limit)
            }
            Request::Search {
                text,
                room,
                before,
                limit,
            } => self.search(asker, user, text, room.as_ref(), before, limit),
            Request::Read { room, seq } => self.read(asker, user, &room, seq),
            Request::Topic { room, topic } => self.topic(asker, user, &room, topic),
            Request::Redact { room, seq } => self.redact(asker, user, &room, seq),
            Request::Moderate(act) => self.moderate(asker, user, act),
            Request::ChangePassword { old, new } => self.change_password(asker, user, old, new),
            Request::Typing { to } => self.typing(asker, user, &to),
            // Taken care of before anybody is somebody.
            Request::Register { .. } | Request::Login { .. } | Request::Resume { .. } => Ok(()),
        }
    }

    /// From now on it is known what was sent before the start.
    fn keys_known(&mut self, keys: Vec<KeyRecord>) {
        self.keys = Keys::new(keys);
        let keyless = self.keyless.take();
        (keyless.into_iter().flatten()).for_each(|conn| self.release(conn));
    }

    /// Holds back what else the connection asks until [`Engine::release`].
    fn hold(&mut self, conn: ConnId) {
        self.conns.entry(conn).and_modify(|conn| conn.busy = true);
    }

    /// Goes on with what was held back.
    fn release(&mut self, conn: ConnId) {
        self.conns.entry(conn).and_modify(|conn| conn.busy = false);
        while let Some(entry) = self.conns.get_mut(&conn).filter(|entry| !entry.busy) {
            let Some((re, request)) = entry.held.pop_front() else {
                break;
            };
            self.perform(Asker { conn, re }, request);
        }
    }

    /// Asks for changes; they take effect when they are stored.
    fn commit(&mut self, changes: Vec<Change>, then: Then) {
        let ticket = self.waiting.store(Storing::Commit {
            changes: changes.clone(),
            then,
        });
        self.effects.push(Effect::Commit { ticket, changes });
    }

    fn stored(&mut self, outcomes: Vec<(Ticket, Outcome)>) {
        let mut batch = talk::Batch::default();
        for (ticket, outcome) in outcomes {
            match (self.waiting.stored(ticket), outcome) {
                (Some(Storing::Append(append)), Outcome::Appended(seq)) => {
                    self.fault = None;
                    self.appended(append, seq, &mut batch);
                }
                // The room was removed meanwhile.
                (Some(Storing::Append(append)), Outcome::Missing) => {
                    self.not_appended(append, &Refusal::NoSuchRoom);
                }
                (Some(Storing::Redact { redaction, by }), outcome) => {
                    self.fault = None;
                    self.redacted(redaction, by, outcome, &mut batch);
                }
                (Some(Storing::Clear { clearing, call }), outcome) => {
                    self.fault = None;
                    self.deliver(&mut batch);
                    self.cleared(clearing, call, outcome);
                }
                (Some(Storing::Commit { changes, then }), outcome) => {
                    // A probe stores nothing, so it shows nothing about storing.
                    self.fault = self.fault.filter(|_| changes.is_empty());
                    // What was said before the change reaches those who were there before it.
                    self.deliver(&mut batch);
                    self.committed(changes, then, outcome);
                }
                // Nothing else is asked of the writer.
                _ => {}
            }
        }
        self.deliver(&mut batch);
    }

    fn committed(&mut self, changes: Vec<Change>, then: Then, outcome: Outcome) {
        if let Then::Session(stored) = &then
            && let Some(conn) = stored.leaves()
        {
            self.dismiss(conn);
        }
        if outcome == Outcome::Changed {
            let ending = then.ending();
            for change in changes {
                self.before_change(&change, &then);
                self.bar_due |= is_about_networks(&change);
                match change {
                    Change::RemoveUser(user) => {
                        self.close_all(
                            user,
                            ByeReason::AccountRemoved,
                            "your account was removed by the admin",
                        );
                    }
                    Change::SetDisabled(user, Some(_)) => {
                        self.close_all(
                            user,
                            ByeReason::AccountDisabled,
                            "your account was disabled by the admin; ask them",
                        );
                    }
                    Change::RemoveRoom(room) => self.tell_removed(room),
                    Change::RemoveSession(session) => self.end_session(session, ending),
                    Change::RemoveSessions { user, but } => self
                        .state
                        .sessions_but(user, but)
                        .into_iter()
                        .for_each(|session| self.end_session(session, ending)),
                    _ => {}
                }
                let moderator = match change {
                    Change::SetModerator(user, moderator) => Some((user, moderator)),
                    _ => None,
                };
                self.state.apply(change);
                if let Some((user, moderator)) = moderator {
                    self.tell_moderator(user, moderator);
                }
            }
            if self.bar_due {
                self.bar();
            }
        }
        match then {
            Then::Nothing => {}
            Then::Session(then) => self.session_stored(then, outcome),
            Then::Member(then) => self.member_stored(then, outcome),
            Then::Talk(then) => self.talk_stored(then, outcome),
            Then::Admin(then) => self.admin_stored(then, outcome),
            Then::Room(then) => self.room_stored(then, outcome),
            Then::Moderation(then) => self.moderation_stored(then),
        }
    }

    fn not_stored(&mut self, ticket: Ticket, fault: Fault) {
        self.fault = Some(fault);
        let refusal = match fault {
            Fault::Full => Refusal::StorageFull,
            Fault::Broken => Refusal::Internal,
        };
        match self.waiting.stored(ticket) {
            Some(Storing::Append(append)) => self.not_appended(append, &refusal),
            Some(Storing::Commit { then, .. }) => match then {
                Then::Nothing => {}
                Then::Session(then) => self.session_not_stored(then, refusal),
                Then::Member(then) => self.member_not_stored(then, refusal),
                Then::Talk(talk::Stored { asker, .. }) => {
                    self.refuse(&asker, refusal);
                    self.release(asker.conn);
                }
                Then::Admin(then) => self.admin_not_stored(then, fault),
                Then::Room(then) => self.room_not_stored(then, fault),
                Then::Moderation(then) => self.moderation_not_stored(then, refusal, fault),
            },
            Some(Storing::Redact { by, .. }) => self.not_redacted(by, refusal, fault),
            Some(Storing::Clear { call, .. }) => self.not_cleared(call, fault),
            None => {}
        }
    }

    /// Where a connection comes from, as far as that is counted.
    fn origin(&self, conn: ConnId) -> Origin {
        Origin::of(self.conns.get(&conn).and_then(|conn| conn.from))
    }

    fn answer(&mut self, asker: &Asker, news: News) {
        self.effects.push(Effect::Tell {
            conn: asker.conn,
            re: asker.re.clone(),
            answer: true,
            news,
        });
    }

    fn push(&mut self, conn: ConnId, news: News) {
        self.effects.push(Effect::Tell {
            conn,
            re: None,
            answer: false,
            news,
        });
    }

    fn refuse(&mut self, asker: &Asker, refusal: Refusal) {
        self.answer(asker, News::Refused(refusal));
    }

    /// Once nothing waits for the writer, everyone is told good-bye and the daemon may stop.
    fn stop_if_idle(&mut self) {
        if self.waiting.is_storing() {
            return;
        }
        let Some(text) = self.stopping.as_mut().and_then(Option::take) else {
            return;
        };
        let conns = std::mem::take(&mut self.conns).into_iter();
        for (conn, _) in conns.filter(|(_, entry)| !entry.closed) {
            let bye = Bye {
                reason: ByeReason::ShuttingDown,
                text: text.clone(),
                reconnect_after_ms: Some(RECONNECT_AFTER_MS),
            };
            self.effects.push(Effect::Close { conn, bye });
        }
        self.effects.push(Effect::Stopped);
    }
}

/// Whether it may change from where nobody is let in.
fn is_about_networks(change: &Change) -> bool {
    match change {
        Change::SetBan(ban) => matches!(ban.key.who, Banned::Network(_)),
        Change::LiftBan(key) => matches!(key.who, Banned::Network(_)),
        Change::EndBans(_) => true,
        _ => false,
    }
}
