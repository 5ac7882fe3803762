//! What the admin asks for on the control socket, carried out: by the engine where it is about people and rooms, by the
//! listeners, the log or the process itself otherwise. Everything that changes something is written down (`audit.rs`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::task::spawn_local;

use super::account;
use super::clock::wall;
use super::data::{self, Data};
use super::drain;
use super::lag::READERS_MAX;
use super::log::Log;
use super::moderation;
use super::password::Passwords;
use super::reindex;
use super::rekey;
use super::room;
use super::service::{self, Service};
use super::settings::Settings;
use super::show;
use super::writer::Work;
use crate::base::record::{PasswordHash, PasswordWork};
use crate::base::{CallId, Password, Timestamp, UserName, catalog};
use crate::control::{Call, Caller, Command, Reply, ReplySender};
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::{Command as Ask, Input, PasswordOutcome};
use crate::engine::strength;
use crate::net::{Doors, ListenerHandle};
use crate::wire::control::{self as wire, ControlError, State};

/// What people are told when the daemon stops without a message.
pub(super) const STOPPING: &str = "the server is stopping; it may be back in a moment";

/// The admin's hand: lives on the main thread.
pub(super) struct Admin {
    pub inputs: Sender<Input>,
    pub passwords: Passwords,
    pub writer: Sender<Work>,
    pub data: Data,
    /// Tells that an entry of the audit log was stored.
    pub audited: watch::Receiver<()>,
    pub listeners: RefCell<Vec<ListenerHandle>>,
    pub doors: Arc<Doors>,
    pub settings: Settings,
    pub log: Log,
    pub service: Rc<Service>,
    pub since: Timestamp,
    pub state: Cell<State>,
    /// The words with which to stop; set when it is time.
    pub last_words: RefCell<Option<Arc<str>>>,
    pub stop: Notify,
    /// A stop that is planned.
    pub plan: RefCell<Option<AbortHandle>>,
    pub waiting: RefCell<HashMap<CallId, oneshot::Sender<Outcome>>>,
    pub next_call: Cell<CallId>,
}

pub(super) type Result<T> = std::result::Result<T, ControlError>;

impl Admin {
    /// Carries a call out in its own time; others go on meanwhile.
    pub fn begin(self: &Rc<Self>, call: Call) {
        let admin = self.clone();
        spawn_local(async move {
            let Call {
                caller,
                command,
                reply,
            } = call;
            match &command {
                Command::FollowLog(follow) => return admin.follow_log(follow, reply).await,
                Command::FollowLoad(follow) => return admin.follow_load(follow, reply).await,
                Command::FollowAudit(follow) => {
                    return data::audit::follow(&admin, follow.clone(), reply).await;
                }
                _ => {}
            }
            let act = command.act();
            let mut draining = None;
            let result = match command {
                Command::Rekey(rekey) => rekey::rekey(&admin, rekey, &reply).await,
                Command::Reindex(_) => reindex::reindex(&admin, &reply).await,
                Command::ExportHistory(call) => data::export::history(&admin, call, &reply).await,
                Command::ExportUsers(call) => data::export::users(&admin, call, &reply).await,
                Command::ImportUsers(call) => data::import::import(&admin, call, &reply).await,
                Command::Backup(_) => data::backup::backup(&admin, &reply).await,
                Command::Check(_) => data::check::check(&admin, &reply).await,
                Command::Drain(drain) => {
                    let result = drain::drain(&admin, &drain, &reply).await;
                    draining = Some(drain).filter(|_| result.is_ok());
                    result
                }
                Command::Diagnose(_) => data::diagnosis::diagnose(&admin, &reply)
                    .await
                    .map(Reply::from),
                command => admin.carry_out(command, caller).await,
            };
            let result = admin.hinted(result).await;
            if let Some(act) = act {
                admin.write_down(caller, &act, result.as_ref().err()).await;
            }
            reply.send(result);
            // A stream that has no end yet is cut off by the stop.
            if let Some(drain) = draining {
                drain::stop(&admin, &drain);
            }
        });
    }

    /// The engine's answer to a call has come.
    pub fn replied(&self, call: CallId, outcome: Outcome) {
        if let Some(waiting) = self.waiting.borrow_mut().remove(&call) {
            let _ = waiting.send(outcome);
        }
    }

    /// Stops with these words, at once.
    pub fn stop_now(&self, words: &str) {
        if self.state.replace(State::Stopping) != State::Stopping {
            service::stopping(self);
        }
        self.last_words
            .borrow_mut()
            .get_or_insert_with(|| words.into());
        self.stop.notify_one();
    }

    async fn carry_out(self: &Rc<Self>, command: Command, caller: Caller) -> Result<Reply> {
        match command {
            Command::Status(_) => self.status().await,
            Command::Pause(pause) => self.pause(pause.refuse.unwrap_or(false)).map(Reply::from),
            Command::Resume(_) => self.resume().map(Reply::from),
            Command::Shutdown(shutdown) => Ok(self.plan_stop(&shutdown).into()),
            Command::Reload(_) => self.reload().map(Reply::from),
            Command::SetLog(set) => Ok(self.set_log(&set).into()),
            Command::ShowLog(show) => Ok(self.log.show(show.lines).into()),
            Command::FollowLog(_)
            | Command::Rekey(_)
            | Command::ExportHistory(_)
            | Command::ExportUsers(_)
            | Command::ImportUsers(_)
            | Command::Backup(_)
            | Command::Check(_)
            | Command::Reindex(_)
            | Command::Drain(_)
            | Command::FollowLoad(_)
            | Command::FollowAudit(_)
            | Command::Diagnose(_) => Err(ControlError::ExpectedMore {}),
            Command::StageUsers(call) => data::import::stage(self, call),
            Command::Search(call) => data::search::search(self, call).await,
            Command::ListAudit(call) => data::audit::list(self, call).await.map(Reply::from),
            Command::ListBehind(_) => self.behind(READERS_MAX).await.map(Reply::from),
            Command::GetStats(_) => self.stats().await.map(Reply::from),
            Command::ClearLog(_) => self.clear_log().map(Reply::from),
            Command::ListUsers(_) => Ok(show::users(self.ask(Ask::Users).await?).into()),
            Command::ListConnected(_) => Ok(show::users(self.ask(Ask::Who).await?).into()),
            Command::ListNames(list) => self.names(list).await.map(Reply::from),
            Command::ListRooms(_) => Ok(show::rooms(self.ask(Ask::Rooms).await?).into()),
            Command::CreateRoom(create) => room::create(self, create).await,
            Command::RemoveRoom(remove) => room::remove(self, remove).await,
            Command::SetTopic(set) => room::set_topic(self, set).await,
            Command::ListMembers(list) => room::members(self, list).await,
            Command::ClearHistory(clear) => room::clear_history(self, clear).await,
            Command::Redact(redact) => room::redact(self, redact).await,
            Command::AddUser(add) => self
                .add_user(add.name, &add.password)
                .await
                .map(Reply::from),
            Command::ShowUser(show) => account::show(self, show).await.map(Reply::from),
            Command::SetPassword(set) => self.set_password(set.name, &set.password).await,
            Command::DisableUser(disable) => self.set_disabled(disable.name, true).await,
            Command::EnableUser(enable) => self.set_disabled(enable.name, false).await,
            Command::RemoveUser(remove) => self.done(Ask::RemoveUser { name: remove.name }).await,
            Command::ClearUsers(clear) => self.clear_users(clear).await.map(Reply::from),
            Command::CreateInvite(create) => account::create_invite(self, create, caller)
                .await
                .map(Reply::from),
            Command::ListInvites(_) => {
                Ok(account::invites(self.ask(Ask::ListInvites).await?).into())
            }
            Command::RevokeInvite(revoke) => {
                let revoke = Ask::RevokeInvite { id: revoke.id };
                account::change(self, revoke).await.map(Reply::from)
            }
            Command::ListSessions(list) => {
                Ok(show::sessions(self.ask(Ask::Sessions { user: list.user }).await?).into())
            }
            Command::RevokeSession(revoke) => self.done(Ask::RevokeSession { id: revoke.id }).await,
            Command::SetRole(set) => moderation::set_role(self, set).await,
            Command::AddOperator(add) => {
                moderation::set_operator(self, add.room, add.user, true).await
            }
            Command::RemoveOperator(remove) => {
                moderation::set_operator(self, remove.room, remove.user, false).await
            }
            Command::Kick(kick) => moderation::kick(self, kick).await,
            Command::Ban(ban) => moderation::ban(self, ban).await,
            Command::Unban(unban) => moderation::unban(self, unban).await,
            Command::Mute(mute) => moderation::mute(self, mute).await,
            Command::Unmute(unmute) => moderation::unmute(self, unmute).await,
            Command::ListBans(_) => moderation::list(self).await,
            Command::Announce(announce) => {
                self.reach(Ask::Announce {
                    text: announce.text.text().clone(),
                })
                .await
            }
            Command::GetVersion(_) => Ok(show::version().into()),
        }
    }

    /// Asks the engine. Its faults are the caller's error.
    pub async fn ask(&self, command: Ask) -> Result<Outcome> {
        let call = self.next_call.get();
        self.next_call.set(call.next());
        let (waiting, outcome) = oneshot::channel();
        self.waiting.borrow_mut().insert(call, waiting);
        if self.inputs.send(Input::Call { call, command }).is_err() {
            self.leave_waiting();
        }
        match outcome.await {
            Ok(outcome) => show::fault(outcome),
            Err(_) => Err(ControlError::ShuttingDown {}),
        }
    }

    /// The engine has stopped: those who wait for it are told so.
    pub fn leave_waiting(&self) {
        self.waiting.borrow_mut().clear();
    }

    async fn status(&self) -> Result<Reply> {
        let counts = self.ask(Ask::Counts).await?;
        let connections = self.doors.connections() as u64;
        let listeners = self.listeners.borrow();
        let addresses = listeners
            .iter()
            .map(|listener| listener.place.clone())
            .collect();
        let config = self.settings.config();
        let certificate = self.settings.certificate().status(wall());
        let status = show::status(&counts, &config, self.log.state(), certificate);
        Ok(wire::DaemonStatus {
            state: self.state.get(),
            since: self.since,
            addresses,
            handed_in: self.settings.held.all(),
            connections,
            strangers: self.doors.strangers() as u64,
            ..status
        }
        .into())
    }

    fn pause(&self, refuse: bool) -> Result<wire::Changed> {
        let state = if refuse {
            State::Refusing
        } else {
            State::Paused
        };
        self.steer(state, |listener| listener.pause(refuse))
    }

    fn resume(&self) -> Result<wire::Changed> {
        self.steer(State::Serving, ListenerHandle::resume)
    }

    /// Has all listeners do something. One that cannot is told of and keeps nobody else from it; the same may be asked
    /// again. Nothing is changed once the daemon stops.
    pub fn steer(
        &self,
        state: State,
        listeners_do: impl Fn(&ListenerHandle) -> io::Result<()>,
    ) -> Result<wire::Changed> {
        if self.state.get() == State::Stopping {
            return Err(ControlError::ShuttingDown {});
        }
        let listeners = self.listeners.borrow();
        let failed = listeners
            .iter()
            .filter_map(|listener| listeners_do(listener).err());
        let failed = failed.map(|error| error.to_string()).collect::<Vec<_>>();
        let changed = failed.len() < listeners.len() && self.state.replace(state) != state;
        service::update(self);
        match failed.is_empty() {
            true => Ok(wire::Changed { changed }),
            false => Err(ControlError::Failed {
                reason: failed.join("; "),
            }),
        }
    }

    /// Tells everyone when it will be, and stops then. A later plan takes the place of an earlier one.
    fn plan_stop(self: &Rc<Self>, shutdown: &wire::Shutdown) -> wire::ShutdownPlan {
        let seconds = shutdown.in_seconds.unwrap_or(0);
        let wait = Duration::from_secs(seconds.into());
        let words: Arc<str> = shutdown
            .message
            .as_ref()
            .map_or(STOPPING.into(), |words| words.text().clone());
        if seconds > 0 {
            let text = format!("the server stops in {seconds} s: {words}").into();
            self.tell(Ask::Announce { text });
        }
        let admin = self.clone();
        let plan = spawn_local(async move {
            tokio::time::sleep(wait).await;
            admin.stop_now(&words);
        });
        if let Some(earlier) = self.plan.replace(Some(plan.abort_handle())) {
            earlier.abort();
        }
        let held = &self.settings.held;
        wire::ShutdownPlan {
            at: wall().plus(wait),
            still_listening: held.all(),
            stop_command: held.stop_command(),
        }
    }

    /// Tells in time that the certificate ends, as long as the daemon runs.
    pub async fn remind(self: Rc<Self>) {
        loop {
            let renewed = self.settings.renewed.notified();
            match self.settings.certificate().remind(wall()) {
                Some(wait) => drop(tokio::time::timeout(wait, renewed).await),
                None => renewed.await,
            }
        }
    }

    /// Asks the engine without waiting for its reply.
    pub fn tell(&self, command: Ask) {
        let call = self.next_call.get();
        self.next_call.set(call.next());
        drop(self.inputs.send(Input::Call { call, command }));
    }

    /// Reads the configuration again and reopens the log file. With a mistake in it all stays as it was.
    pub fn reload(&self) -> Result<wire::Reloaded> {
        if self.state.get() == State::Stopping {
            return Err(ControlError::ShuttingDown {});
        }
        self.service.reloading();
        let reloaded = self.read_again();
        service::reloaded(self, reloaded.as_ref().err());
        reloaded
    }

    fn read_again(&self) -> Result<wire::Reloaded> {
        let reopened = self.log.reopen();
        let reloaded = self.settings.reload().map_err(|reason| {
            tracing::error!(
                MESSAGE_ID = catalog::RELOAD_REFUSED,
                "cannot reload: {reason}"
            );
            ControlError::BadConfiguration { reason }
        })?;
        self.log
            .show_addresses(self.settings.config().log_addresses);
        // A level that was set by hand stays as long as the file says what it said.
        if reloaded.changed.iter().any(|name| name == "log.level") {
            self.log.set(None, Some(self.settings.config().log_level));
        }
        reopened.map_err(|error| ControlError::Failed {
            reason: format!(
                "cannot open the log file again: {error}; the configuration is read and in force"
            ),
        })?;
        tracing::info!(
            MESSAGE_ID = catalog::RELOADED,
            changed = (!reloaded.changed.is_empty()).then(|| reloaded.changed.join(",")),
            "configuration read again"
        );
        Ok(reloaded)
    }

    fn set_log(&self, set: &wire::SetLog) -> wire::LogState {
        // The line that says so is the last one, or the first.
        if set.on == Some(false) {
            tracing::info!("own log off");
        }
        let state = self.log.set(set.on, set.level);
        if set.on == Some(true) {
            tracing::info!("own log on");
        }
        state
    }

    fn clear_log(&self) -> Result<wire::LogCleared> {
        self.log.clear().map_err(|error| ControlError::Failed {
            reason: format!("cannot empty the log file: {error}"),
        })
    }

    /// Until either side goes.
    async fn follow_log(&self, follow: &wire::FollowLog, reply: ReplySender) {
        let mut lines = self.log.follow(follow.lines.unwrap_or(0));
        loop {
            let line = tokio::select! {
                line = lines.next() => line,
                () = reply.closed() => return,
            };
            let Some(line) = line else { return };
            if !reply.part(line).await {
                return;
            }
        }
    }

    async fn add_user(&self, name: UserName, password: &Password) -> Result<wire::Added> {
        let hash = self.hash(password, &name).await?;
        self.ask(Ask::AddUser {
            name: name.clone(),
            hash,
        })
        .await?;
        Ok(wire::Added { name: name.into() })
    }

    async fn set_password(&self, name: UserName, password: &Password) -> Result<Reply> {
        let hash = self.hash(password, &name).await?;
        self.done(Ask::SetPassword { name, hash }).await
    }

    async fn set_disabled(&self, name: UserName, disabled: bool) -> Result<Reply> {
        let set = Ask::SetDisabled { name, disabled };
        account::change(self, set).await.map(Reply::from)
    }

    async fn done(&self, command: Ask) -> Result<Reply> {
        self.ask(command).await.map(|_| wire::Done {}.into())
    }

    async fn reach(&self, command: Ask) -> Result<Reply> {
        match self.ask(command).await? {
            Outcome::Count(connections) => Ok(wire::Reached { connections }.into()),
            _ => Ok(wire::Reached { connections: 0 }.into()),
        }
    }

    pub(super) async fn hash(&self, password: &Password, name: &UserName) -> Result<PasswordHash> {
        let chars_min = self.settings.config().limits.password_chars_min;
        strength(password, name, chars_min).map_err(|refusal| ControlError::WeakPassword {
            reason: show::weakness(refusal),
        })?;
        let (done, outcome) = oneshot::channel();
        self.passwords.work(
            PasswordWork::Hash(password.clone()),
            None,
            Box::new(|outcome| drop(done.send(outcome))),
        );
        match outcome.await {
            Ok(PasswordOutcome::Hashed(hash, _)) => Ok(hash),
            Ok(PasswordOutcome::Busy) => Err(ControlError::Busy {}),
            _ => Err(ControlError::Failed {
                reason: "the password could not be hashed; `chatctl log show` says why".into(),
            }),
        }
    }

    async fn clear_users(&self, clear: wire::ClearUsers) -> Result<wire::Cleared> {
        let (keep, dry_run) = (
            clear.keep.unwrap_or_default(),
            clear.dry_run.unwrap_or(false),
        );
        match self.ask(Ask::ClearUsers { keep, dry_run }).await? {
            Outcome::Count(users) => Ok(wire::Cleared { users }),
            _ => Ok(wire::Cleared { users: 0 }),
        }
    }
}
