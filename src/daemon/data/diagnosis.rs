//! What a bug report tells of the daemon: settings, the last lines of the log and the shape of the database. No secrets,
//! and nothing that names people, places or what they wrote: whoever reports a bug should not have to think about it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::{Result, Turn, Worker, failed, gone};
use crate::control::ReplySender;
use crate::daemon::admin::Admin;
use crate::daemon::config::Config;
use crate::daemon::log::Addresses;
use crate::daemon::monitor::Place;
use crate::wire::control::{ControlError, Diagnosis, Setting, Table};
use crate::wire::event::Registration;

/// For looking at the database: one of a gigabyte takes some seconds.
const TIME: Duration = Duration::from_secs(20);

/// Where a package has its files. Any other folder may be called by a person's name.
const PUBLIC_FOLDERS: [&str; 5] = [
    "/etc/chatd/",
    "/run/chatd/",
    "/var/lib/chatd/",
    "/var/log/chatd/",
    "/run/credentials/chatd.service/",
];

pub(in crate::daemon) async fn diagnose(admin: &Admin, reply: &ReplySender) -> Result<Diagnosis> {
    let _turn = Turn::take(&admin.data.checks, 1, "a check is under way")?;
    let upkeep = admin.data.upkeep.clone();
    let mut worker = Worker::start("diagnosis", move |gone, told| {
        drop(told.blocking_send(upkeep.diagnose(gone, TIME)));
    })?;
    let found = tokio::select! {
        found = worker.parts.recv() => found,
        () = reply.closed() => return Err(gone()),
    };
    let found = found.ok_or(ControlError::ShuttingDown {})?;
    let found = found.map_err(|error| failed(&error))?;
    let table = |size: crate::store::TableSize| Table {
        name: size.name,
        rows: size.rows,
        bytes: size.bytes,
    };
    Ok(Diagnosis {
        settings: settings(&admin.settings.config()),
        log: admin.log.bare(),
        schema: found.schema,
        sqlite: found.sqlite,
        page_bytes: found.page_bytes,
        pages: found.pages,
        free_pages: found.free_pages,
        log_bytes: found.log_bytes,
        tables: found.tables.into_iter().map(table).collect(),
        findings: found.findings,
        whole: found.whole,
    })
}

/// What is in force. Each is told by what it is like where it could name somebody.
fn settings(config: &Config) -> Vec<Setting> {
    let listen: Vec<_> = config.listen.iter().map(address).collect();
    let registration = match config.registration {
        Registration::Open => "open",
        Registration::Invite => "invite",
        Registration::Closed => "closed",
    };
    let addresses = match config.log_addresses {
        Addresses::Full => "full",
        Addresses::Masked => "masked",
    };
    let metrics = match &config.metrics {
        None => "nowhere".to_owned(),
        Some(Place::Tcp(at)) => address(at),
        Some(Place::Unix(at)) => path(at),
    };
    let tls = config.tls.as_ref().map(|tls| path(&tls.certificate));
    let mut settings = vec![
        (
            "configuration file",
            config
                .file
                .as_deref()
                .map_or_else(|| "none".to_owned(), path),
        ),
        (
            "server_name",
            format!("(characters: {})", config.server_name.chars().count()),
        ),
        ("listen", listen.join(", ")),
        ("registration", registration.to_owned()),
        ("allow_plaintext", config.allow_plaintext.to_string()),
        ("proxies", format!("(networks: {})", config.proxies.len())),
        (
            "tls.certificate",
            tls.unwrap_or_else(|| "made by chatd".to_owned()),
        ),
        ("metrics.listen", metrics),
        ("log.level", config.log_level.to_string()),
        ("log.addresses", addresses.to_owned()),
        ("state folder", path(&config.state_dir.join(""))),
        ("control socket", path(&config.control)),
        ("log file", path(&config.log_file)),
    ];
    let limits = config.limits.table();
    let limits: Vec<_> = limits
        .iter()
        .map(|(name, value, _)| (format!("limits.{name}"), value.to_string()))
        .collect();
    let limits = limits
        .iter()
        .map(|(name, value)| (name.as_str(), value.clone()));
    settings.extend(limits);
    settings
        .into_iter()
        .map(|(name, value)| Setting {
            name: name.to_owned(),
            value,
        })
        .collect()
}

/// What kind of address it is, where it is not the same on every machine.
fn address(at: &SocketAddr) -> String {
    let kind = if at.is_ipv4() { "IPv4" } else { "IPv6" };
    match at.ip() {
        ip if ip.is_unspecified() => at.to_string(),
        ip if ip.is_loopback() => format!("(loopback, {kind}):{}", at.port()),
        _ => format!("({kind}):{}", at.port()),
    }
}

fn path(path: &Path) -> String {
    let text = path.display().to_string();
    match PUBLIC_FOLDERS.iter().any(|folder| text.starts_with(folder)) {
        true => text,
        false => "(elsewhere)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_the_same_everywhere_is_told_as_it_is() {
        for (at, told) in [
            ("0.0.0.0:2428", "0.0.0.0:2428"),
            ("[::]:2428", "[::]:2428"),
            ("127.0.0.1:2428", "(loopback, IPv4):2428"),
            ("192.0.2.7:2428", "(IPv4):2428"),
            ("[2001:db8::7]:2428", "(IPv6):2428"),
        ] {
            assert_eq!(address(&at.parse().unwrap()), told);
        }
        for (at, told) in [
            ("/etc/chatd/chatd.toml", "/etc/chatd/chatd.toml"),
            ("/home/anna/chatd.toml", "(elsewhere)"),
            ("/etc/chatd", "(elsewhere)"),
        ] {
            assert_eq!(path(Path::new(at)), told);
        }
    }
}
