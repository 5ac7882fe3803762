//! Where settings come from: the command line wins over the environment, that over the file, that over the defaults.

use std::env;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use super::args::Args;
use super::exit::Exit;
use super::history::HistoryTable;
use super::log::Addresses;
use super::monitor::Place as Watched;
use crate::base::limit::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use crate::base::mistake::{Mistakes, OneOf, Place};
use crate::base::{Limits, Network};
use crate::wire::DEFAULT_PORT;
use crate::wire::control::{LogLevel, SOCKET_NAME};
use crate::wire::event::Registration;

const CONFIG_FILE: &str = "chatd.toml";

/// Addresses that chatd listens on at once, its own or those that are handed in. Each is a thread with five open files, and
/// nobody has named so many but by mistake.
pub(super) const LISTENERS_MAX: usize = 64;

/// Addresses and networks of proxies: all are looked at for each connection.
const PROXIES_MAX: usize = 256;

/// Hours of hashing: more than anybody waits for.
const PASSWORDS_WAITING_MAX: u32 = 100_000;
/// What a password can be asked to have at least: never less than is advised, never more than it can have.
const PASSWORD_CHARS: RangeInclusive<u32> = PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX as u32;

/// What the daemon goes by.
#[derive(Clone, Debug)]
pub(super) struct Config {
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    pub server_name: String,
    pub listen: Vec<SocketAddr>,
    /// Whether nobody has said where to listen.
    pub listen_by_default: bool,
    pub next_free_port: bool,
    pub registration: Registration,
    pub allow_plaintext: bool,
    /// Who says for whom they come.
    pub proxies: Vec<Network>,
    /// The files of certificate and key, where the settings name them.
    pub tls: Option<TlsTable>,
    /// Where those are served who watch the daemon.
    pub metrics: Option<Watched>,
    pub history: HistoryTable,
    pub log_level: LogLevel,
    pub log_addresses: Addresses,
    pub limits: Limits,
    pub state_dir: PathBuf,
    pub control: PathBuf,
    pub log_file: PathBuf,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    server_name: Option<String>,
    listen: Option<Vec<Listen>>,
    #[serde(deserialize_with = "registration")]
    registration: Registration,
    allow_plaintext: bool,
    proxies: Vec<Network>,
    tls: TlsTable,
    metrics: MetricsTable,
    history: HistoryTable,
    log: LogTable,
    limits: Limits,
}

/// Where certificate and key are read; both are empty by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TlsTable {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Where metrics are served; nowhere by default.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MetricsTable {
    #[serde(deserialize_with = "watched")]
    listen: Option<Watched>,
}

fn watched<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Watched>, D::Error> {
    let text = String::deserialize(value)?;
    let place = (!text.is_empty()).then(|| text.parse());
    place.transpose().map_err(serde::de::Error::custom)
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct LogTable {
    #[serde(deserialize_with = "log_level")]
    level: LogLevel,
    #[serde(deserialize_with = "log_addresses")]
    addresses: Addresses,
}

impl Default for LogTable {
    fn default() -> Self {
        Self {
            level: LogLevel::Info,
            addresses: Addresses::default(),
        }
    }
}

fn registration<'de, D: Deserializer<'de>>(value: D) -> Result<Registration, D::Error> {
    let word = value.deserialize_str(OneOf(&["open", "invite", "closed"]))?;
    Ok(match word {
        "closed" => Registration::Closed,
        "invite" => Registration::Invite,
        _ => Registration::Open,
    })
}

fn log_level<'de, D: Deserializer<'de>>(value: D) -> Result<LogLevel, D::Error> {
    let word = value.deserialize_str(OneOf(LogLevel::WORDS))?;
    word.parse().map_err(serde::de::Error::custom)
}

fn log_addresses<'de, D: Deserializer<'de>>(value: D) -> Result<Addresses, D::Error> {
    let word = value.deserialize_str(OneOf(&["masked", "full"]))?;
    Ok(match word {
        "full" => Addresses::Full,
        _ => Addresses::Masked,
    })
}

impl Config {
    /// Puts the settings together and makes sure that they can be gone by.
    ///
    /// # Errors
    /// With exit code 78 and a text that names the file, the line and what to do.
    pub fn load(args: &Args) -> Result<Self, Exit> {
        let (path, file) = read_file(args.config.as_deref())?;
        let place = path.as_ref().map_or("the command line".to_owned(), |path| {
            format!("'{}'", path.display())
        });
        check_limits(&file.limits).map_err(|text| Exit::config(format!("{place}: {text}")))?;
        check_proxies(&file.proxies).map_err(|text| Exit::config(format!("{place}: {text}")))?;
        let listen = match args.listen.is_empty() {
            true => file.listen,
            false => Some(args.listen.clone()),
        };
        let listen_by_default = listen.is_none();
        let listen = listen_addresses(listen)?;
        let tls = named_files(file.tls).map_err(|text| Exit::config(format!("{place}: {text}")))?;
        let home = Home::new();
        let state_dir = args.state.clone().map_or_else(|| home.state_dir(), Ok)?;
        let control = (args.control.clone())
            .unwrap_or_else(|| home.runtime_dir(&state_dir).join(SOCKET_NAME));
        let log_file =
            (args.log_file.clone()).unwrap_or_else(|| home.logs_dir(&state_dir).join("chatd.log"));
        Ok(Self {
            file: path,
            server_name: file
                .server_name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(host_name),
            listen,
            listen_by_default,
            next_free_port: args.next_free_port,
            registration: file.registration,
            allow_plaintext: file.allow_plaintext,
            proxies: file.proxies,
            tls,
            metrics: file.metrics.listen,
            history: file
                .history
                .check()
                .map_err(|text| Exit::config(format!("{place}: {text}")))?,
            log_level: file.log.level,
            log_addresses: file.log.addresses,
            limits: file.limits,
            control: from_root(control),
            log_file: from_root(log_file),
            state_dir: from_root(state_dir),
        })
    }

    /// Makes the command line say what was found, so that a reload finds the same: a daemon leaves the folder in which
    /// it was started, and a file that has vanished is no reason to go on with the defaults.
    pub fn pin(&self, args: &mut Args) {
        args.config.clone_from(&self.file);
        args.state = Some(self.state_dir.clone());
        args.control = Some(self.control.clone());
        args.log_file = Some(self.log_file.clone());
    }
}

/// What is said about this configuration file when it cannot be gone by: for `tests/fuzz`.
#[doc(hidden)]
#[must_use]
pub fn complaint(file: &Path) -> Option<String> {
    let args = ["chatd".as_ref(), "--config".as_ref(), file.as_os_str()];
    let args = <Args as clap::Parser>::try_parse_from(args).ok()?;
    Config::load(&args).err().map(|exit| exit.text)
}

/// Reads the file that was named, or the one in its usual place if there is one.
fn read_file(named: Option<&Path>) -> Result<(Option<PathBuf>, File), Exit> {
    let path = match named {
        Some(path) => path.to_owned(),
        None => first_folder("CONFIGURATION_DIRECTORY")
            .unwrap_or_else(|| "/etc/chatd".into())
            .join(CONFIG_FILE),
    };
    let path = from_root(path);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok((None, File::default()));
        }
        Err(error) => {
            return Err(Exit::unreadable(
                "the configuration",
                &path,
                &error,
                Exit::CONFIG,
            ));
        }
    };
    match toml::from_str(&text) {
        Ok(file) => Ok((Some(path), file)),
        Err(error) => Err(Exit::config(format!(
            "'{}', {}",
            path.display(),
            mistake(&text, &error)
        ))),
    }
}

fn mistake(text: &str, error: &toml::de::Error) -> String {
    let mistakes = Mistakes {
        text,
        places: &places(),
        example: "the chatd.toml that comes with chatd",
    };
    mistakes.told(error)
}

/// Where settings stand in the file. Tables come last in it, so one that is added at its end is easily in a wrong one.
fn places() -> [Place; 4] {
    [
        Place::of::<File>("at the top of the file, above [log]"),
        Place::of::<HistoryTable>("under [history]"),
        Place::of::<LogTable>("under [log]"),
        Place::of::<Limits>("under [limits]"),
    ]
}

/// A bound of nothing would lock everybody out.
fn check_limits(limits: &Limits) -> Result<(), String> {
    let zero = limits
        .table()
        .into_iter()
        .find(|(name, value, _)| *value == 0 && *name != "presence_room");
    match zero {
        Some((name, ..)) => Err(format!("limits.{name} is 0; set it to 1 or more")),
        None if limits.password_threads > 64 || limits.reader_threads > 64 => {
            Err("limits.password_threads and limits.reader_threads may be at most 64".to_owned())
        }
        None if !PASSWORD_CHARS.contains(&limits.password_chars_min) => Err(format!(
            "limits.password_chars_min is {}; set it to {} to {}",
            limits.password_chars_min,
            PASSWORD_CHARS.start(),
            PASSWORD_CHARS.end()
        )),
        // One who comes when they wait may have to look at all of them.
        None if limits.passwords_waiting > PASSWORDS_WAITING_MAX => Err(format!(
            "limits.passwords_waiting may be at most {PASSWORDS_WAITING_MAX}"
        )),
        None => Ok(()),
    }
}

fn check_proxies(proxies: &[Network]) -> Result<(), String> {
    match proxies.len() {
        0..=PROXIES_MAX => Ok(()),
        count => Err(format!(
            "`proxies` names {count} addresses, more than the {PROXIES_MAX} that there may be; name networks, such as \"10.0.0.0/8\""
        )),
    }
}

fn listen_addresses(named: Option<Vec<Listen>>) -> Result<Vec<SocketAddr>, Exit> {
    let Some(named) = named else {
        let loopback: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        return Ok(loopback
            .map(|address| SocketAddr::new(address, DEFAULT_PORT))
            .into());
    };
    if named.is_empty() {
        return Err(Exit::config(
            "`listen` names no address; name one, such as \"127.0.0.1:2428\"".to_owned(),
        ));
    }
    if named.len() > LISTENERS_MAX {
        return Err(Exit::config(format!(
            "`listen` names {} addresses, more than the {LISTENERS_MAX} that chatd listens on; 0.0.0.0 and [::] stand for \
             all that the machine has",
            named.len()
        )));
    }
    Ok(named.into_iter().map(|Listen(address)| address).collect())
}

/// Both or neither, and wherever chatd is started from.
fn named_files(tls: TlsTable) -> Result<Option<TlsTable>, String> {
    let is_named = |path: &Path| !path.as_os_str().is_empty();
    match (is_named(&tls.certificate), is_named(&tls.key)) {
        (false, false) => Ok(None),
        (true, true) if tls.certificate.is_absolute() && tls.key.is_absolute() => Ok(Some(tls)),
        (true, true) => {
            Err("tls.certificate and tls.key must be whole paths, from / on".to_owned())
        }
        _ => Err(
            "tls.certificate and tls.key belong together; name both files, or neither".to_owned(),
        ),
    }
}

/// An address to listen on: with its port, or alone with the default port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Listen(SocketAddr);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alone = || {
            text.trim_matches(['[', ']'])
                .parse()
                .map(|address: IpAddr| SocketAddr::new(address, DEFAULT_PORT))
        };
        let address = text.parse().or_else(|_| alone());
        address.map(Self).map_err(|_| {
            format!(
                "'{text}' is no address to listen on; write it like 127.0.0.1:2428 or [::1]:2428"
            )
        })
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

pub(super) fn host_name() -> String {
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| "chatd".to_owned())
}

/// The path as it is from every folder.
fn from_root(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The first of the folders that the service manager names.
fn first_folder(variable: &str) -> Option<PathBuf> {
    let folders = env::var_os(variable)?;
    env::split_paths(&folders)
        .next()
        .filter(|folder| !folder.as_os_str().is_empty())
}

/// Whose daemon it is decides where things lie.
struct Home {
    root: bool,
}

impl Home {
    fn new() -> Self {
        Self {
            root: nix::unistd::geteuid().is_root(),
        }
    }

    fn state_dir(&self) -> Result<PathBuf, Exit> {
        let told = |name| env::var_os(name).filter(|folder| !folder.is_empty());
        let own = || {
            let home = || told("HOME").map(|home| PathBuf::from(home).join(".local/state"));
            let folder = told("XDG_STATE_HOME").map(PathBuf::from).or_else(home);
            folder.map(|folder| folder.join("chatd"))
        };
        first_folder("STATE_DIRECTORY")
            .or_else(|| if self.root { Some("/var/lib/chatd".into()) } else { own() })
            .ok_or_else(|| {
                Exit::config(
                    "there is no telling where the database is to lie, because HOME is not set; name a folder with --state"
                        .to_owned(),
                )
            })
    }

    fn runtime_dir(&self, state_dir: &Path) -> PathBuf {
        let own = || match env::var_os("XDG_RUNTIME_DIR") {
            Some(folder) => PathBuf::from(folder).join("chatd"),
            None => state_dir.join("run"),
        };
        first_folder("RUNTIME_DIRECTORY").unwrap_or_else(|| {
            if self.root {
                "/run/chatd".into()
            } else {
                own()
            }
        })
    }

    fn logs_dir(&self, state_dir: &Path) -> PathBuf {
        let own = || state_dir.to_owned();
        first_folder("LOGS_DIRECTORY").unwrap_or_else(|| {
            if self.root {
                "/var/log/chatd".into()
            } else {
                own()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_port_or_without() {
        let read = |text: &str| text.parse().map(|Listen(address)| address.to_string());
        assert_eq!(read("192.0.2.7"), Ok("192.0.2.7:2428".to_owned()));
        assert_eq!(read("[::]:9"), Ok("[::]:9".to_owned()));
        assert_eq!(read("::1"), Ok("[::1]:2428".to_owned()));
        assert!(read("here").is_err_and(|text| text.contains("'here' is no address")));
    }

    #[test]
    fn certificate_and_key_are_named_together_and_from_the_root_on() {
        let named = |certificate: &str, key: &str| {
            let (certificate, key) = (certificate.into(), key.into());
            named_files(TlsTable { certificate, key })
        };
        assert_eq!(named("", ""), Ok(None));
        assert!(named("/c", "/k").is_ok_and(|tls| tls.is_some()));
        for (certificate, key) in [("/c", ""), ("", "/k"), ("c", "/k"), ("/c", "./k")] {
            assert!(named(certificate, key).is_err(), "{certificate} {key}");
        }
    }

    #[test]
    fn proxies_have_a_bound() {
        let proxy: Network = "10.0.0.0/8".parse().unwrap();
        assert_eq!(check_proxies(&[proxy; PROXIES_MAX]), Ok(()));
        let refused = check_proxies(&[proxy; PROXIES_MAX + 1]).unwrap_err();
        assert!(refused.contains("names 257 addresses"), "{refused}");
    }

    #[test]
    fn addresses_have_a_bound() {
        let listen: Listen = "127.0.0.1:0".parse().unwrap();
        let named = |count| listen_addresses(Some(vec![listen; count]));
        assert!(named(LISTENERS_MAX).is_ok());
        let refused = named(LISTENERS_MAX + 1).unwrap_err();
        assert!(
            refused.text.contains("names 65 addresses"),
            "{}",
            refused.text
        );
        assert!(named(0).is_err());
    }

    #[test]
    fn a_wrong_file_is_told_in_one_line_with_the_place_and_what_was_meant() {
        let told = |text: &str| mistake(text, &toml::from_str::<File>(text).unwrap_err());
        let mistakes = [
            "server_name = \"x\"\n  listen = 7\n",
            "listen = [\n  \"127.0.0.1:1\",\n  \"localhost:port\",\n]\n",
            "# Имя\nregistratoin = \"open\"\n",
            "registration = \"sometimes\"",
            "registration = 7",
            "allow_plaintext = \"yes\"",
            "proxies = \"127.0.0.1\"",
            "proxies = [\n  \"127.0.0.1\",\n  \"10.0.0.0/33\",\n]\n",
            "proxies = [\"10.0.0.5/8\"]",
            "server_name = [\"a\"]",
            "log = 7",
            "limits = true",
            "nonsense = 1",
            "[limits]\nconections = 7\n",
            "[limits]\nnonsense = 7\n",
            "[limits]\nusers = -5\n",
            "[limits]\nusers = \"many\"\n",
            "users = 5\n",
            "[limits]\nlisten = [\"127.0.0.1:1\"]\n",
            "[limits.users]\n",
            "[log]\nlevel = \"loud\"\n",
            "[log]\naddresses = true\n",
            "[logs]\n",
            "server_name = \"no end\n",
            "server_name = \"a\"\nserver_name = \"b\"\n",
            "just words\n",
            "\"a\\nb\\u001b[2J\" = 1\n",
        ];
        let told: Vec<_> = mistakes.into_iter().map(told).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        line 2, column 12: 7 is not possible here; write a list in [ ]
        line 1, column 10: 'localhost:port' is no address to listen on; write it like 127.0.0.1:2428 or [::1]:2428
        line 2, column 1: there is no setting 'registratoin'; did you mean 'registration'?
        line 1, column 16: "sometimes" is not possible here; write "open", "invite" or "closed"
        line 1, column 16: 7 is not possible here; write "open", "invite" or "closed"
        line 1, column 19: "yes" is not possible here; write true or false
        line 1, column 11: "127.0.0.1" is not possible here; write a list in [ ]
        line 1, column 11: '10.0.0.0/33' is no address and no network; write it like 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32
        line 1, column 11: '10.0.0.5/8' is an address in a network, not the network; write the address alone, or the network with zeros behind the prefix, like 10.0.0.0/8
        line 1, column 15: a list is not possible here; write a text in quotation marks
        line 1, column 7: 7 is not possible here; write a table, as the chatd.toml that comes with chatd has it
        line 1, column 10: true is not possible here; write a table, as the chatd.toml that comes with chatd has it
        line 1, column 1: there is no setting 'nonsense'; there are: server_name, listen, registration, allow_plaintext, proxies, tls, metrics, history, log, limits
        line 2, column 1: there is no setting 'conections'; did you mean 'connections'?
        line 2, column 1: there is no setting 'nonsense'; the chatd.toml that comes with chatd has them all
        line 2, column 9: -5 is not possible here; write a whole number up to 4294967295
        line 2, column 9: "many" is not possible here; write a whole number up to 4294967295
        line 1, column 1: the setting 'users' does not belong here; write it under [limits]
        line 2, column 1: the setting 'listen' does not belong here; write it at the top of the file, above [log]
        line 1, column 1: a table is not possible here; write a whole number up to 4294967295
        line 2, column 9: "loud" is not possible here; write "off", "error", "warn", "info", "debug" or "trace"
        line 2, column 13: true is not possible here; write "masked" or "full"
        line 1, column 2: there is no setting 'logs'; did you mean 'log'?
        line 1, column 22: the text has no second quotation mark
        line 2, column 1: this is set already, further up
        line 1, column 6: key with no value, expected `=`
        line 1, column 1: there is no setting 'a b\u{1b}[2J'; there are: server_name, listen, registration, allow_plaintext, proxies, tls, metrics, history, log, limits
        "#);
    }

    #[test]
    fn a_bound_that_would_lock_everybody_out_is_refused() {
        let limits = Limits {
            connections: 0,
            ..Limits::default()
        };
        assert_eq!(
            check_limits(&limits),
            Err("limits.connections is 0; set it to 1 or more".to_owned())
        );
        let limits = Limits {
            passwords_waiting: u32::MAX,
            ..Limits::default()
        };
        assert_eq!(
            check_limits(&limits),
            Err("limits.passwords_waiting may be at most 100000".to_owned())
        );
        let limits = Limits {
            password_chars_min: 7,
            ..Limits::default()
        };
        assert_eq!(
            check_limits(&limits),
            Err("limits.password_chars_min is 7; set it to 8 to 1024".to_owned())
        );
    }
}
