//! The way in: which server, which name, by token or password. `told` puts together what is known beforehand, `line` asks a
//! person line by line, and `attempt` tries what stands on the form of the full screen.

pub mod attempt;
mod line;
mod told;

use crate::base::Password;
use crate::base::tongue::say;
use crate::client::credential::{Credential, CredentialError, Credentials};
use crate::client::trust::is_local;
use crate::client::{Client, DEFAULT_PORT, KnownHosts, Last, Outgoing, Trust};
use crate::tui::args::Args;
use crate::tui::failure::Failure;
use crate::tui::profile::Profiles;
use crate::tui::prompter;
use crate::tui::show::harmless;
use told::Told;

pub use line::twice;

/// Where to, as whom.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The room that one is in at first.
    pub room: Option<String>,
    /// How the server that was told is protected.
    trust: Trust,
    /// The same for any other.
    usual: Trust,
    /// For which server `trust` and `command` were told.
    meant: (String, u16),
    name: Option<String>,
    password: Option<Password>,
    /// What prints the password.
    command: Option<String>,
    invite: Option<Password>,
    kept: Option<Credentials>,
    told: Known,
}

/// What nobody need be asked for.
#[derive(Clone, Copy, Debug)]
struct Known {
    host: bool,
    port: bool,
}

impl Entry {
    /// What is known without asking; for the rest there are defaults.
    ///
    /// # Errors
    /// When what was told contradicts itself, or the profiles are no use.
    pub fn of_script(args: &Args) -> Result<Self, Failure> {
        Self::of(args, false)
    }

    /// The same, with what was remembered of the last time.
    ///
    /// # Errors
    /// When what was told contradicts itself, or the profiles are no use.
    pub fn of_form(args: &Args) -> Result<Self, Failure> {
        Self::of(args, true)
    }

    fn of(args: &Args, remembers: bool) -> Result<Self, Failure> {
        let variable = |name: &str| std::env::var_os(name);
        let profiles = Profiles::of_user(variable).map_err(Failure::Usage)?;
        let told = Told::of(args, variable, &profiles).map_err(Failure::Usage)?;
        let kept = Credentials::of_user(variable);
        let last = kept.as_ref().filter(|_| remembers);
        Ok(Self::put_together(
            told,
            last.and_then(|kept| Last::of(kept.folder())),
            kept,
        ))
    }

    fn put_together(told: Told, last: Option<Last>, kept: Option<Credentials>) -> Self {
        let same = |last: &Last| {
            let host = told.host.as_ref().is_none_or(|host| *host == last.host);
            host && told.port.is_none_or(|port| port == last.port)
        };
        let last = last.filter(same);
        let known = Known {
            host: told.host.is_some() || last.is_some(),
            port: told.port.is_some() || last.is_some(),
        };
        let (host, port, name) = match last {
            Some(last) => (Some(last.host), Some(last.port), Some(last.name)),
            None => (None, None, None),
        };
        let host = told.host.or(host).unwrap_or_else(|| "localhost".to_owned());
        let port = told.port.or(port).unwrap_or(DEFAULT_PORT);
        let usual = Trust::Usual(KnownHosts::of_user(|name| std::env::var_os(name)));
        let usual = match told.fingerprint_of_all {
            _ if told.plaintext_of_all => Trust::Plaintext,
            Some(fingerprint) => Trust::Exactly(fingerprint),
            None => usual,
        };
        Self {
            trust: match told.fingerprint {
                _ if told.plaintext => Trust::Plaintext,
                Some(fingerprint) => Trust::Exactly(fingerprint),
                None => usual.clone(),
            },
            usual,
            meant: (host.clone(), port),
            host,
            port,
            room: told.room,
            name: told.name.or(name),
            password: told.password,
            command: told.command,
            invite: told.invite,
            kept,
            told: known,
        }
    }

    /// Who one is, where that is known: the name that was told, else the only one with a token, else that on this machine.
    #[must_use]
    pub fn name(&self) -> String {
        let only = || match self.all_kept().unwrap_or_default().as_slice() {
            [only] => Some(only.name.clone()),
            _ => None,
        };
        let name = self.name.clone().or_else(only);
        name.unwrap_or_else(|| std::env::var("USER").unwrap_or_default())
    }

    /// The password, where it is known.
    #[must_use]
    pub fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    /// Whether somebody has said which server it is, now or the last time.
    #[must_use]
    pub fn knows_server(&self) -> bool {
        self.told.host
    }

    /// Whether a token is kept.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.credential().is_ok_and(|found| found.is_some())
    }

    /// The invite, where it is known.
    #[must_use]
    pub fn invite(&self) -> Option<&Password> {
        self.invite.as_ref()
    }

    /// Whether nobody need be asked: there is a token, or a name and a way to its password.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.credential() {
            Ok(Some(_)) => true,
            Ok(None) => self.name.is_some() && (self.password.is_some() || self.command.is_some()),
            Err(_) => false,
        }
    }

    /// The password: as it was told, else as the command prints it, which is run once and only where it is needed.
    ///
    /// # Errors
    /// When the command fails.
    pub fn told_password(&mut self) -> Result<Option<Password>, Failure> {
        if self.password.is_none()
            && self.is_meant()
            && let Some(command) = self.command.take()
        {
            let printed = prompter::password(&command, prompter::PATIENCE);
            self.password = Some(printed.map_err(Failure::Credentials)?);
        }
        Ok(self.password.clone())
    }

    /// Whether a command can tell the password.
    #[must_use]
    pub fn has_command(&self) -> bool {
        self.is_meant() && self.command.is_some() && self.password.is_none()
    }

    /// Somebody wants to be at another server, or another person. What was told of one server is not used for another.
    pub fn go_to(&mut self, host: &str, port: u16, name: &str) {
        (self.host, self.port) = (host.to_owned(), port);
        self.name = Some(name.to_owned());
    }

    fn is_meant(&self) -> bool {
        (&*self.host, self.port) == (&*self.meant.0, self.meant.1)
    }

    /// How the connection is protected, and who is trusted.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        match self.is_meant() {
            true => &self.trust,
            false => &self.usual,
        }
    }

    /// What is to be told where nothing is encrypted.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let is_open = *self.trust() == Trust::Plaintext && !is_local(&self.host);
        let host = harmless(&self.host);
        is_open.then(|| {
            say!(
                "warning: nothing is encrypted on the way to '{host}': whoever is on it can read your password and all you say",
                "внимание: связь с «{host}» не шифруется: любой на пути прочтёт ваш пароль и всё, что вы пишете"
            )
        })
    }

    /// The token of whoever is meant.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(&self) -> Result<Option<Password>, Failure> {
        Ok(self.credential()?.map(|found| found.token))
    }

    /// Forgets the token of whoever is meant.
    ///
    /// # Errors
    /// When the file stays.
    pub fn forget(&self) -> Result<(), Failure> {
        if let (Some(kept), Some(found)) = (&self.kept, self.credential()?) {
            kept.forget(&self.host, self.port, &found.name)?;
        }
        Ok(())
    }

    /// What this account has not sent yet. Where it cannot be kept on disk it is not, and the sentence says why.
    #[must_use]
    pub fn outgoing(&self, user: &str) -> (Outgoing, Option<String>) {
        let Some(kept) = &self.kept else {
            return (Outgoing::default(), None);
        };
        match Outgoing::open(kept.folder(), &self.host, self.port, user) {
            Ok(outgoing) => (outgoing, None),
            Err(error) => (Outgoing::default(), Some(error.to_string())),
        }
    }

    /// Remembers where one has come in, for the form of the next time.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember(&self, user: &str) -> Result<(), CredentialError> {
        let Some(kept) = &self.kept else {
            return Ok(());
        };
        let last = Last {
            host: self.host.clone(),
            port: self.port,
            name: user.to_owned(),
        };
        match Last::of(kept.folder()).as_ref() == Some(&last) {
            true => Ok(()),
            false => last.keep(kept.folder()),
        }
    }

    /// What is kept for the name that is meant: the one that was told, else the only one there is.
    fn credential(&self) -> Result<Option<Credential>, Failure> {
        let Some(kept) = &self.kept else {
            return Ok(None);
        };
        if let Some(name) = &self.name {
            return Ok(kept.find(&self.host, self.port, name)?);
        }
        let mut all = self.all_kept()?;
        match all.len() {
            0 | 1 => Ok(all.pop()),
            _ => {
                let names: Vec<_> = all.iter().map(|found| harmless(&found.name)).collect();
                Err(Failure::Usage(say!(
                    "several people are logged in here ({}); say which with --name or CHAT_NAME",
                    "здесь вошли несколько человек ({}); укажите, кто из них, через --name или CHAT_NAME",
                    names.join(", ")
                )))
            }
        }
    }

    fn all_kept(&self) -> Result<Vec<Credential>, Failure> {
        let kept = self.kept.as_ref();
        let all = kept.map(|kept| kept.of_server(&self.host, self.port));
        Ok(all.transpose()?.unwrap_or_default())
    }

    /// Keeps the token. Without it the program works as well, this time.
    fn keep(&self, client: &Client) -> Result<(), CredentialError> {
        let (Some(kept), Some(name), Some(token)) =
            (&self.kept, client.model().user(), client.model().token())
        else {
            return Ok(());
        };
        kept.keep(&Credential {
            host: self.host.clone(),
            port: self.port,
            name: name.to_owned(),
            token: token.clone(),
        })
    }
}
