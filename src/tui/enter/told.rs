//! What chat-client is told before it asks anybody: arguments win over the environment, that over a profile. Reads no file.

use std::ffi::OsString;

use crate::base::tongue::say;
use crate::base::{Fingerprint, Password};
use crate::client::DEFAULT_PORT;
use crate::tui::address::Address;
use crate::tui::args::Args;
use crate::tui::profile::{Profile, Profiles};

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub name: Option<String>,
    pub room: Option<String>,
    /// Of the server that was told.
    pub fingerprint: Option<Fingerprint>,
    pub plaintext: bool,
    /// Of whichever server it will be.
    pub fingerprint_of_all: Option<Fingerprint>,
    pub plaintext_of_all: bool,
    pub password: Option<Password>,
    pub command: Option<String>,
    pub invite: Option<Password>,
}

impl Told {
    /// Puts together what was told.
    ///
    /// # Errors
    /// With a sentence when there is no such profile, or a server is named beside one.
    pub fn of(
        args: &Args,
        variable: impl Fn(&str) -> Option<OsString>,
        profiles: &Profiles,
    ) -> Result<Self, String> {
        let set = |name: &str| {
            let value = variable(name).and_then(|value| value.into_string().ok());
            value.filter(|value| !value.is_empty())
        };
        // What the command line says itself, beyond what it has from the environment.
        let is_on_line = |value: Option<String>, name: &str| value.is_some() && value != set(name);
        let chosen = chosen(args, profiles)?;
        let on_line = is_on_line(args.server.clone(), "CHAT_SERVER");
        if let Chosen::ByName(_) = &chosen
            && (args.profile.is_some() && args.at.is_some() || on_line)
        {
            return Err(say!(
                "a profile says which server it is; leave the address, or --server, away",
                "сервер указан в профиле; адрес или --server здесь лишние"
            ));
        }
        let port_on_line = is_on_line(args.port.map(|port| port.to_string()), "CHAT_PORT");
        let port_on_line = args.port.filter(|_| port_on_line);
        let by_name = args.name.clone().filter(|name| !name.is_empty());
        let name_on_line = by_name.clone();
        let name_on_line = name_on_line.filter(|name| is_on_line(Some(name.clone()), "CHAT_NAME"));
        let profile = chosen.profile();
        let of_profile = |profile: &Profile| (profile.server.clone(), profile.port);
        let (host, port) = match (&chosen, args.at.as_ref()) {
            // One that was chosen by its name says where it is, as an argument would.
            (Chosen::ByName(profile), _) => {
                let port = profile.port.unwrap_or(DEFAULT_PORT);
                (Some(profile.server.clone()), port_on_line.or(Some(port)))
            }
            (_, Some(at)) => (Some(at.host.clone()), at.port.or(args.port)),
            (_, None) => {
                let (host, port) = profile.map(of_profile).unzip();
                let port = port.map(|port| port.unwrap_or(DEFAULT_PORT));
                (args.server.clone().or(host), args.port.or(port))
            }
        };
        let at = args.at.as_ref().filter(|_| profile.is_none());
        let name = name_on_line
            .or_else(|| at.and_then(|at| at.name.clone()))
            .or(by_name)
            .or_else(|| profile.and_then(|profile| profile.name.clone()));
        let fingerprint = args.fingerprint;
        let profile_plaintext = profile.is_some_and(|profile| profile.plaintext);
        Ok(Self {
            host,
            port,
            name,
            room: at.and_then(|at| at.room.clone()),
            fingerprint: fingerprint.or_else(|| profile.and_then(|profile| profile.fingerprint)),
            plaintext: args.plaintext || profile_plaintext && fingerprint.is_none(),
            fingerprint_of_all: fingerprint,
            plaintext_of_all: args.plaintext,
            password: set("CHAT_PASSWORD").map(Password::new),
            command: set("CHAT_PASSWORD_COMMAND")
                .or_else(|| profile.and_then(|profile| profile.password_command.clone())),
            invite: args.invite().cloned(),
        })
    }
}

/// Which profile is meant.
enum Chosen<'a> {
    /// The one whose name was said.
    ByName(&'a Profile),
    /// The usual one.
    ByDefault(&'a Profile),
    None,
}

impl<'a> Chosen<'a> {
    fn profile(&self) -> Option<&'a Profile> {
        match self {
            Self::ByName(profile) | Self::ByDefault(profile) => Some(profile),
            Self::None => None,
        }
    }
}

/// What a profile says goes for its server alone, so the usual one is none where another server is named.
fn chosen<'a>(args: &Args, profiles: &'a Profiles) -> Result<Chosen<'a>, String> {
    if let Some(name) = &args.profile {
        return profiles.wanted(name).map(Chosen::ByName);
    }
    let word = args.at.as_ref().and_then(Address::word);
    let chosen = match word {
        Some(word) => profiles.find(word).map(Chosen::ByName),
        None if args.at.is_none() && args.server.is_none() => {
            profiles.usual().map(Chosen::ByDefault)
        }
        None => None,
    };
    Ok(chosen.unwrap_or(Chosen::None))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    const PROFILES: &str = "default = \"home\"\n[profile.home]\nserver = \"home.example\"\nname = \"heidi\"\n\
        password-command = \"pass home\"\n[profile.work]\nserver = \"work.example\"\nport = 99\nplaintext = true\n";

    /// What is told by these words and this environment: server, name, command, room.
    fn told(words: &[&str], environment: &[(&str, &str)]) -> String {
        let words = ["chat-client"].iter().chain(words);
        let mut args = Args::try_parse_from(words).unwrap().checked().unwrap();
        // The environment that clap reads is that of the process.
        let set = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        args.server = args.server.or_else(|| set("CHAT_SERVER"));
        args.port = (args.port).or_else(|| set("CHAT_PORT").and_then(|port| port.parse().ok()));
        args.name = args.name.or_else(|| set("CHAT_NAME"));
        let profiles = Profiles::of_text(PROFILES);
        let told = Told::of(&args, |name| set(name).map(OsString::from), &profiles);
        let told = match told {
            Ok(told) => told,
            Err(text) => return text,
        };
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        format!(
            "{}:{} {} {} {}{}",
            or_none(told.host),
            told.port.map_or("-".to_owned(), |port| port.to_string()),
            or_none(told.name),
            or_none(told.command),
            or_none(told.room),
            if told.plaintext { " plaintext" } else { "" }
        )
    }

    #[test]
    fn arguments_win_over_the_environment_and_that_over_a_profile() {
        let server = ("CHAT_SERVER", "env.example");
        let (port, name) = (("CHAT_PORT", "7"), ("CHAT_NAME", "erna"));
        let command = ("CHAT_PASSWORD_COMMAND", "pass env");
        let told: Vec<_> = [
            (&[][..], &[][..]),
            (&[], &[name, command]),
            (&["--name", "anna", "--port", "5"], &[name, port]),
            (&[], &[server]),
            (&[], &[server, port, name, command]),
            (&["--server", "arg.example"], &[server, port]),
            (&["arg.example"], &[server, port]),
            (&["arg.example:5"], &[port]),
            (&["work"], &[]),
            (&["work"], &[server, port, name]),
            (&["-p", "work", "--port", "5"], &[server, port, name]),
            (&["rooms", "--profile", "work"], &[]),
            (&["chat://work"], &[]),
            (&["chat://anna@x:5/tea"], &[name]),
            (&["chat://anna@x:5/tea", "--name", "bert"], &[]),
            (&["-p", "work", "arg.example"], &[]),
            (&["-p", "work", "--server", "arg.example"], &[server]),
            (&["work", "--server", "arg.example"], &[]),
        ]
        .into_iter()
        .map(|(words, environment)| {
            let set: Vec<_> = environment.iter().map(|(name, _)| *name).collect();
            let said = [words, &set].concat().join(" ");
            format!("{said:<50} {}", told(words, environment))
        })
        .collect();
        insta::assert_snapshot!(told.join("\n"), @"
                                                           home.example:2428 heidi pass home -
        CHAT_NAME CHAT_PASSWORD_COMMAND                    home.example:2428 erna pass env -
        --name anna --port 5 CHAT_NAME CHAT_PORT           home.example:5 anna pass home -
        CHAT_SERVER                                        env.example:- - - -
        CHAT_SERVER CHAT_PORT CHAT_NAME CHAT_PASSWORD_COMMAND env.example:7 erna pass env -
        --server arg.example CHAT_SERVER CHAT_PORT         arg.example:7 - - -
        arg.example CHAT_SERVER CHAT_PORT                  arg.example:7 - - -
        arg.example:5 CHAT_PORT                            arg.example:5 - - -
        work                                               work.example:99 - - - plaintext
        work CHAT_SERVER CHAT_PORT CHAT_NAME               work.example:99 erna - - plaintext
        -p work --port 5 CHAT_SERVER CHAT_PORT CHAT_NAME   work.example:5 erna - - plaintext
        rooms --profile work                               work.example:99 - - - plaintext
        chat://work                                        work:- - - -
        chat://anna@x:5/tea CHAT_NAME                      x:5 anna - tea
        chat://anna@x:5/tea --name bert                    x:5 bert - tea
        -p work arg.example                                a profile says which server it is; leave the address, or --server, away
        -p work --server arg.example CHAT_SERVER           a profile says which server it is; leave the address, or --server, away
        work --server arg.example                          a profile says which server it is; leave the address, or --server, away
        ");
    }
}
