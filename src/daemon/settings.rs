//! The configuration in force, and the way to another one without a restart.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use super::args::Args;
use super::certificate::Certificate;
use super::config::Config;
use crate::base::Limits;
use crate::engine::input::{Input, Rules};
use crate::net::listener::Doors;
use crate::net::{Greeting, Order};
use crate::wire::control::Reloaded;
use crate::wire::event::Registration;

/// The limits that are looked at once, at the start.
const LIMITS_AT_START: [&str; 7] = [
    "appends_per_commit",
    "password_threads",
    "passwords_waiting",
    "reader_threads",
    "control_connections",
    "stop_seconds",
    "log_lines",
];

/// Holds the configuration and tells those who go by it when it changes. Belongs to the main thread.
pub(super) struct Settings {
    pub args: Args,
    pub config: RefCell<Arc<Config>>,
    pub certificate: RefCell<Arc<Certificate>>,
    /// Tells that the certificate may be another one.
    pub renewed: Notify,
    pub hub: Sender<Input>,
    pub workers: Vec<UnboundedSender<Order>>,
    pub doors: Arc<Doors>,
}

impl Settings {
    /// What is in force.
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
        let new = Config::load(&self.args).map_err(|exit| exit.text)?;
        let certificate = Certificate::load(&new).map_err(|exit| exit.text)?;
        let mut reloaded = compare(&self.config(), &new);
        if !certificate.is_same(&self.certificate()) {
            reloaded.changed.push("certificate".to_owned());
            certificate.say();
            // With the same one the tickets that clients hold stay good.
            *self.certificate.borrow_mut() = Arc::new(certificate);
        }
        self.renewed.notify_one();
        drop(self.hub.send(Input::Reload(rules(&new))));
        let greeting = Arc::new(greeting(&new, &self.certificate()));
        for worker in &self.workers {
            drop(worker.send(Order::Reload(greeting.clone())));
        }
        let connections_max = super::connections_max(new.limits.connections);
        self.doors.set(connections_max, new.allow_plaintext);
        *self.config.borrow_mut() = Arc::new(new);
        Ok(reloaded)
    }
}

/// What the engine goes by.
pub(super) fn rules(config: &Config) -> Rules {
    Rules {
        registration_open: config.registration == Registration::Open,
        limits: config.limits.clone(),
    }
}

/// What the workers go by and every connection is told.
pub(super) fn greeting(config: &Config, certificate: &Certificate) -> Greeting {
    Greeting {
        server: config.server_name.as_str().into(),
        registration: config.registration,
        limits: config.limits.clone(),
        tls: certificate.tls.clone(),
        allow_plaintext: config.allow_plaintext,
    }
}

fn compare(old: &Config, new: &Config) -> Reloaded {
    let differs = [
        ("server_name", old.server_name != new.server_name, false),
        ("registration", old.registration != new.registration, false),
        (
            "allow_plaintext",
            old.allow_plaintext != new.allow_plaintext,
            false,
        ),
        ("log.level", old.log_level != new.log_level, false),
        ("listen", old.listen != new.listen, true),
    ];
    let settings = differs
        .into_iter()
        .filter(|(_, differs, _)| *differs)
        .map(|(name, _, at_start)| (name.to_owned(), at_start));
    let limits = changed_limits(&old.limits, &new.limits);
    let limits = limits.map(|name| (format!("limits.{name}"), LIMITS_AT_START.contains(&name)));
    let (mut changed, mut need_restart) = (Vec::new(), Vec::new());
    for (name, at_start) in settings.chain(limits) {
        if at_start {
            need_restart.push(name.clone());
        }
        changed.push(name);
    }
    Reloaded {
        changed,
        need_restart,
    }
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
