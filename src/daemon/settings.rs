//! The configuration in force, and the way to another one without a restart.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::args::Args;
use super::certificate::Certificate;
use super::config::Config;
use super::handed::Held;
use super::start::fitting;
use crate::base::Limits;
use crate::engine::input::{self, Input, Rules};
use crate::net::Doors;
use crate::net::{Greeting, Order};
use crate::wire::control::Reloaded;
use crate::wire::event::Registration;

/// The limits that are looked at once, at the start.
const LIMITS_AT_START: [&str; 8] = [
    "appends_per_commit",
    "password_threads",
    "passwords_waiting",
    "passwords_waiting_per_address",
    "reader_threads",
    "control_connections",
    "stop_seconds",
    "log_lines",
];

/// Holds the configuration and tells those who go by it when it changes. Belongs to the main thread.
pub(super) struct Settings {
    pub args: Args,
    /// What the daemon was started with: of the settings that are looked at once, this is in force.
    pub at_start: Arc<Config>,
    /// What was read last.
    pub config: RefCell<Arc<Config>>,
    pub certificate: RefCell<Arc<Certificate>>,
    /// Tells that the certificate may be another one.
    pub renewed: Notify,
    /// Which life of the database this is.
    pub epoch: Arc<str>,
    pub hub: Sender<Input>,
    pub workers: Vec<UnboundedSender<Order>>,
    pub doors: Arc<Doors>,
    /// The sockets that are the service manager's.
    pub held: Held,
    /// Open files beside the connections. What they are for is settled at the start.
    pub other_files: u64,
}

impl Settings {
    /// What is in force, apart from what needs a restart.
    pub fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// The certificate in use.
    pub fn certificate(&self) -> Arc<Certificate> {
        self.certificate.borrow().clone()
    }

    /// Reads the configuration again and goes by it from now on.
    ///
    /// # Errors
    /// With the reason; then the one before stays in force.
    pub fn reload(&self) -> Result<Reloaded, String> {
        let mut new = Config::load(&self.args).map_err(|exit| exit.text)?;
        if !self.held.clients.is_empty() {
            // Where chatd listens is the service manager's to say: no other setting waits for a restart.
            new.listen.clone_from(&self.config().listen);
        }
        if self.held.metrics.is_some() {
            new.metrics.clone_from(&self.config().metrics);
        }
        let certificate = Certificate::load(&new).map_err(|exit| exit.text)?;
        let needs_restart = |(_, at_start): &(String, bool)| *at_start;
        let name = |(name, _)| name;
        let mut reloaded = Reloaded {
            changed: differing(&self.config(), &new).map(name).collect(),
            need_restart: differing(&self.at_start, &new)
                .filter(needs_restart)
                .map(name)
                .collect(),
        };
        if !certificate.is_same(&self.certificate()) {
            reloaded.changed.push("certificate".to_owned());
            certificate.say();
            // With the same one the tickets that clients hold stay good.
            *self.certificate.borrow_mut() = Arc::new(certificate);
        }
        self.renewed.notify_one();
        drop(self.hub.send(Input::Reload(Box::new(rules(&new)))));
        let greeting = Arc::new(greeting(&new, &self.certificate(), &self.epoch));
        for worker in &self.workers {
            drop(worker.send(Order::Reload(greeting.clone())));
        }
        let limits = fitting(&new.limits, self.other_files);
        self.doors
            .set(&limits, new.allow_plaintext, new.proxies.clone());
        *self.config.borrow_mut() = Arc::new(new);
        Ok(reloaded)
    }
}

/// What the engine goes by.
pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        registration: match config.registration {
            Registration::Open => input::Registration::Open,
            Registration::Invite => input::Registration::Invite,
            Registration::Closed => input::Registration::Closed,
        },
        retention: config.history.retention(),
        limits: config.limits.clone(),
    }
}

/// What the workers go by and every connection is told.
pub(super) fn greeting(config: &Config, certificate: &Certificate, epoch: &Arc<str>) -> Greeting {
    Greeting {
        server: config.server_name.as_str().into(),
        epoch: Arc::clone(epoch),
        registration: config.registration,
        limits: config.limits.clone(),
        tls: certificate.tls.clone(),
        allow_plaintext: config.allow_plaintext,
    }
}

/// The settings that differ, by name, each with whether it is looked at once, at the start.
fn differing(old: &Config, new: &Config) -> impl Iterator<Item = (String, bool)> {
    let settings = [
        ("server_name", old.server_name != new.server_name, false),
        ("registration", old.registration != new.registration, false),
        (
            "allow_plaintext",
            old.allow_plaintext != new.allow_plaintext,
            false,
        ),
        ("proxies", old.proxies != new.proxies, false),
        (
            "history.keep_days",
            old.history.keep_days != new.history.keep_days,
            false,
        ),
        (
            "history.keep_messages",
            old.history.keep_messages != new.history.keep_messages,
            false,
        ),
        ("log.level", old.log_level != new.log_level, false),
        (
            "log.addresses",
            old.log_addresses != new.log_addresses,
            false,
        ),
        ("listen", old.listen != new.listen, true),
        ("metrics.listen", old.metrics != new.metrics, true),
    ];
    let settings = settings
        .into_iter()
        .filter(|(_, differs, _)| *differs)
        .map(|(name, _, at_start)| (name.to_owned(), at_start));
    let limits = changed_limits(&old.limits, &new.limits);
    settings.chain(limits.map(|name| (format!("limits.{name}"), LIMITS_AT_START.contains(&name))))
}

fn changed_limits(old: &Limits, new: &Limits) -> impl Iterator<Item = &'static str> {
    let pairs = old.table().into_iter().zip(new.table());
    pairs
        .filter(|(old, new)| old.1 != new.1)
        .map(|(old, _)| old.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_that_needs_a_restart_is_a_limit() {
        let table = Limits::default().table();
        for name in LIMITS_AT_START {
            assert!(table.iter().any(|(limit, ..)| *limit == name), "{name}");
        }
    }

    #[test]
    fn the_manual_names_what_needs_a_restart() {
        let page = include_str!("../../packaging/man/chatd.toml.5");
        let (_, told) = page.split_once("A restart is needed for ").unwrap();
        let (told, _) = told.split_once(".\n").unwrap();
        let told: Vec<_> = told.split("\\fB").skip(1).collect();
        let told = told.iter().map(|name| name.split_once("\\fR").unwrap().0);
        let limits = LIMITS_AT_START.map(|name| format!("limits.{name}"));
        let wanted = ["listen", "metrics.listen"]
            .into_iter()
            .chain(limits.iter().map(|name| &**name));
        assert_eq!(told.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }

    #[test]
    fn what_has_changed_is_named_and_what_has_not_is_not() {
        let old = Limits::default();
        let new = Limits {
            connections: 7,
            key_hours: 1,
            ..Limits::default()
        };
        assert_eq!(
            changed_limits(&old, &new).collect::<Vec<_>>(),
            ["connections", "key_hours"]
        );
        assert_eq!(changed_limits(&old, &old).count(), 0);
    }
}
