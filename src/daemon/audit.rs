//! What was done is written down: in the database, which outlives chatd's own log and is not turned off with it, and in
//! the log as well. Who asks hears of it only when the entry is stored; when it cannot be, because the disk is full or
//! hangs, what was asked for is done all the same, and the log says that there is no entry.

use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::timeout;

use super::admin::Admin;
use super::clock::wall;
use super::exit::Exit;
use super::show;
use crate::base::audit::DONE;
use crate::base::{Act, Actor, catalog};
use crate::control::Caller;
use crate::engine::effect::Reply;
use crate::engine::input::Command as Ask;
use crate::wire::control::ControlError;

/// For an entry to be stored: a commit takes milliseconds. Past that the caller is answered, for the disk hangs, and an
/// admin must be able to do something about that.
const STORE_TIME: Duration = Duration::from_secs(5);

impl Admin {
    /// Writes down what a caller has asked for and how it went.
    pub async fn write_down(&self, caller: Caller, act: &Act, error: Option<&ControlError>) {
        let Caller { uid, pid } = caller;
        let method = act.method();
        let outcome = error.map_or(DONE, ControlError::name);
        // By itself, for the log may not tell all of it.
        let network = act.text("network");
        let parameters = act.but("network").parameters();
        tracing::info!(
            MESSAGE_ID = catalog::CONTROL,
            uid,
            pid,
            method,
            parameters,
            network,
            outcome,
            "control"
        );
        self.keep(Actor::Control { uid, pid }, act, outcome).await;
    }

    /// Reads the configuration again because of a signal.
    pub fn reload_at_signal(self: &Rc<Self>) {
        // What is wrong with it, if anything, is told where it is noticed.
        let error = self.reload().err();
        self.keep_own(Act::new("Reload").with("signal", "HUP"), error);
    }

    /// Writes down that chatd stops. After an end without this it was killed, or has crashed.
    pub fn keep_stop(&self) {
        let record = Act::new("Stop").record(wall(), Actor::Daemon, DONE);
        // It is stored before the hub ends; nobody waits for the reply.
        self.tell(Ask::Audit(record));
    }

    /// What chatd does by itself has events of its own in the log.
    fn keep_own(self: &Rc<Self>, act: Act, error: Option<ControlError>) {
        let admin = self.clone();
        spawn_local(async move {
            let outcome = error.as_ref().map_or(DONE, ControlError::name);
            admin.keep(Actor::Daemon, &act, outcome).await;
        });
    }

    async fn keep(&self, actor: Actor, act: &Act, outcome: &str) {
        let record = act.record(wall(), actor, outcome);
        match timeout(STORE_TIME, self.ask(Ask::Audit(record))).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => complain(act, &error.to_string()),
            Err(_) => complain(act, "it is not stored yet; the disk is slow, or hangs"),
        }
    }
}

/// Writes down that chatd starts, before anybody is let in.
pub(super) fn keep_start(ask: impl FnOnce(Ask) -> Result<Reply, Exit>) -> Result<(), Exit> {
    let act = Act::new("Start")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("pid", std::process::id());
    let reply = ask(Ask::Audit(act.record(wall(), Actor::Daemon, DONE)))?;
    if let Err(error) = show::fault(reply) {
        complain(&act, &error.to_string());
    }
    Ok(())
}

fn complain(act: &Act, error: &str) {
    let method = act.method();
    tracing::error!(
        MESSAGE_ID = catalog::AUDIT_FAILED,
        method,
        error,
        "no entry in the audit log"
    );
}
