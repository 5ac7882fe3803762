//! The way in: which server, which name, by token or password; asks a person for what is missing, and no script.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::base::Password;
use crate::client::credential::{Credential, Credentials};
use crate::client::trust::is_local;
use crate::client::{
    Client, Code, DEFAULT_PORT, Event, KnownHosts, Options, Outgoing, Refusal, Registration, Trust,
    TrustError, Welcome,
};
use crate::tui::args::{Args, port};
use crate::tui::ask;
use crate::tui::failure::Failure;
use crate::tui::show::harmless;

/// How often a person may try a password before the program ends.
const TRIES: usize = 3;

/// Where to, as whom.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    trust: Trust,
    name: Option<String>,
    password: Option<Password>,
    invite: Option<Password>,
    kept: Option<Credentials>,
}

impl Entry {
    /// What is known without asking; for the rest there are defaults.
    #[must_use]
    pub fn of_script(args: &Args) -> Self {
        let address = args.address.as_ref();
        let host = address.map(|address| address.host.clone());
        let port = address.and_then(|address| address.port).or(args.port);
        Self {
            host: (host.or_else(|| args.server.clone())).unwrap_or_else(|| "localhost".to_owned()),
            port: port.unwrap_or(DEFAULT_PORT),
            trust: match args.fingerprint {
                _ if args.plaintext => Trust::Plaintext,
                Some(fingerprint) => Trust::Exactly(fingerprint),
                None => Trust::Usual(KnownHosts::of_user(|name| std::env::var_os(name))),
            },
            name: args.name.clone().filter(|name| !name.is_empty()),
            password: std::env::var("CHAT_PASSWORD")
                .ok()
                .filter(|password| !password.is_empty())
                .map(Password::new),
            invite: args.invite().cloned(),
            kept: Credentials::of_user(|name| std::env::var_os(name)),
        }
    }

    /// The same, after asking for the server.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn of_person(args: &Args) -> Result<Self, Failure> {
        let mut entry = Self::of_script(args);
        if args.address.is_none() && args.server.is_none() {
            entry.host = ask::line("server", &entry.host)?;
        }
        let port_told =
            args.port.is_some() || args.address.as_ref().is_some_and(|at| at.port.is_some());
        if !port_told {
            let answer = ask::line("port", &entry.port.to_string())?;
            entry.port = port(&answer).map_err(Failure::Usage)?;
        }
        Ok(entry)
    }

    /// Connects and waits for the server's greeting. A person is asked about a server that is not known.
    ///
    /// # Errors
    /// When there is no server, or it is not trusted.
    pub async fn connect(&self, patience: Option<Duration>) -> Result<Client, Failure> {
        if self.trust == Trust::Plaintext && !is_local(&self.host) {
            tell!(
                "warning: nothing is encrypted on the way to '{}': whoever is on it can read your password and all you say",
                harmless(&self.host)
            );
        }
        let mut options = Options::new(&self.host, self.port);
        options.patience = patience;
        options.trust = self.trust.clone();
        loop {
            let mut client = Client::connect(options.clone()).await?;
            match greeted(&mut client).await {
                Ok(()) => return Ok(client),
                Err(_) if self.makes_acquaintance(&client)? => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Asks whether a server that is not known is to be trusted from now on.
    fn makes_acquaintance(&self, client: &Client) -> Result<bool, Failure> {
        let (Some(TrustError::Unknown { server, shown, why }), Trust::Usual(Some(known))) =
            (client.distrust(), &self.trust)
        else {
            return Ok(false);
        };
        if !ask::is_possible() {
            return Ok(false);
        }
        let _ = writeln!(
            io::stdout(),
            "'{}' is not known here: {why}\nits certificate has the fingerprint {shown}\n\
             its admin sees the right one with `chatctl status`",
            harmless(server)
        );
        let trusts = ask::yes("is it the same, and is the server to be trusted from now on?")?;
        if trusts {
            let kept = known.keep(&self.host, self.port, *shown);
            kept.map_err(|error| Failure::Refused(error.to_string()))?;
        }
        Ok(trusts)
    }

    /// Logs in for a script: with the token that is kept, else with `CHAT_PASSWORD`.
    ///
    /// # Errors
    /// When there is neither, or they are refused.
    pub async fn script(&self, client: &mut Client) -> Result<Welcome, Failure> {
        if let Some(welcome) = self.by_token(client, self.credential()?).await? {
            return Ok(welcome);
        }
        let place = format!("{}:{}", self.host, self.port);
        match (&self.name, &self.password) {
            (Some(name), Some(password)) => {
                let welcome = client.login(name, password).await;
                let welcome = welcome.map_err(|refusal| wrong(client, &refusal, name))?;
                self.keep(client);
                Ok(welcome)
            }
            (None, Some(_)) => Err(Failure::Credentials(
                "CHAT_PASSWORD says the password, but not whose; say the name with --name or CHAT_NAME".to_owned(),
            )),
            (name, None) => Err(Failure::Credentials(format!(
                "not logged in at {place}{}; run `chat-client login` once, or set CHAT_NAME and CHAT_PASSWORD",
                name.as_ref().map_or(String::new(), |name| format!(" as '{name}'")),
            ))),
        }
    }

    /// Logs in for a person: asks for name and password where no token is kept, and offers to register.
    ///
    /// # Errors
    /// When it is refused, or there is no answer.
    pub async fn person(&mut self, client: &mut Client) -> Result<Welcome, Failure> {
        if self.name.is_none() {
            let kept = self.all_kept()?;
            let default = match kept.as_slice() {
                [only] => only.name.clone(),
                _ => std::env::var("USER").unwrap_or_default(),
            };
            self.name = Some(ask::line("name", &default)?).filter(|name| !name.is_empty());
        }
        let Some(name) = self.name.clone() else {
            let text = "a name is needed; say one with --name or CHAT_NAME";
            return Err(Failure::Usage(text.to_owned()));
        };
        if let Some(welcome) = self.by_token(client, self.credential()?).await? {
            return Ok(welcome);
        }
        let welcome = self.by_password(client, &name).await?;
        self.keep(client);
        Ok(welcome)
    }

    /// Makes the account for a script.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn register(&mut self, client: &mut Client) -> Result<Welcome, Failure> {
        let Some(name) = self.name.clone() else {
            let text = "a name is needed; say one with --name or CHAT_NAME";
            return Err(Failure::Usage(text.to_owned()));
        };
        let password = match self.password.clone() {
            Some(password) => password,
            None => twice("password")?,
        };
        let invite = self.invite(client)?;
        let welcome = client.register(&name, &password, invite.as_ref()).await;
        let welcome = welcome.map_err(|refusal| Failure::of(client, &refusal))?;
        self.keep(client);
        Ok(welcome)
    }

    /// Logs in anew, whatever is kept.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn afresh(&mut self, client: &mut Client) -> Result<Welcome, Failure> {
        if let Some(found) = self.credential()? {
            self.name.get_or_insert(found.name);
        }
        if ask::is_possible() && self.password.is_none() {
            let kept = self.kept.take();
            let welcome = self.person(client).await;
            self.kept = kept;
            self.keep(client);
            return welcome;
        }
        let Some(name) = self.name.clone() else {
            let text = "a name is needed; say one with --name or CHAT_NAME";
            return Err(Failure::Usage(text.to_owned()));
        };
        let password = match self.password.clone() {
            Some(password) => password,
            None => ask::password("password")?,
        };
        let welcome = client.login(&name, &password).await;
        let welcome = welcome.map_err(|refusal| wrong(client, &refusal, &name))?;
        self.keep(client);
        Ok(welcome)
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

    /// What this account has not sent yet. Where it cannot be kept on disk, the person is told and it is not.
    #[must_use]
    pub fn outgoing(&self, user: &str) -> Outgoing {
        let Some(kept) = &self.kept else {
            return Outgoing::default();
        };
        Outgoing::open(kept.folder(), &self.host, self.port, user).unwrap_or_else(|error| {
            tell!("what you write is not kept on disk: {error}");
            Outgoing::default()
        })
    }

    async fn by_token(
        &self,
        client: &mut Client,
        credential: Option<Credential>,
    ) -> Result<Option<Welcome>, Failure> {
        let Some(credential) = credential else {
            return Ok(None);
        };
        match client.resume(&credential.token, BTreeMap::new()).await {
            Ok(welcome) => Ok(Some(welcome)),
            Err(refusal) if refusal.code == Some(Code::BadCredentials) => {
                if let Some(kept) = &self.kept {
                    kept.forget(&self.host, self.port, &credential.name)?;
                }
                if self.password.is_none() {
                    let name = harmless(&credential.name);
                    tell!("the session of '{name}' has ended: a new login is needed");
                }
                Ok(None)
            }
            Err(refusal) => Err(Failure::of(client, &refusal)),
        }
    }

    async fn by_password(&self, client: &mut Client, name: &str) -> Result<Welcome, Failure> {
        for tries_left in (0..TRIES).rev() {
            let told = self.password.clone();
            let (told, password) = match told {
                Some(password) => (true, password),
                None => (false, ask::password("password")?),
            };
            let refusal = match client.login(name, &password).await {
                Ok(welcome) => return Ok(welcome),
                Err(refusal) => refusal,
            };
            if refusal.code != Some(Code::BadCredentials) {
                return Err(Failure::of(client, &refusal));
            }
            if let Some(welcome) = self.offer(client, name, &password, told).await? {
                return Ok(welcome);
            }
            if told || tries_left == 0 {
                return Err(wrong(client, &refusal, name));
            }
            tell!(
                "the password is not that of '{}'; try again",
                harmless(name)
            );
        }
        Err(Failure::Credentials("too many tries".to_owned()))
    }

    /// Offers to register a name that may be unknown. `None` when it is known, or the person does not want to.
    async fn offer(
        &self,
        client: &mut Client,
        name: &str,
        first: &Password,
        told: bool,
    ) -> Result<Option<Welcome>, Failure> {
        let closed = registration(client).is_none_or(|it| it == Registration::Closed);
        if closed || !ask::is_possible() {
            return Ok(None);
        }
        let name_shown = harmless(name);
        tell!("nobody called '{name_shown}' has this password here");
        if !ask::yes(&format!("register '{name_shown}' as a new name?"))? {
            return Ok(None);
        }
        let shortest = client
            .model()
            .hello()
            .map(|hello| hello.limits.password_chars_min);
        let mut password = first.clone();
        let mut again = !told;
        let mut invite = None;
        loop {
            if let Some(shortest) = shortest
                && (password.expose().chars().count() as u64) < shortest as u64
            {
                tell!("the password is too short; take at least {shortest} characters");
                password = ask::password("new password")?;
                again = true;
                continue;
            }
            if again && ask::password("password again")? != password {
                tell!("the two are not the same; once more");
                password = ask::password("new password")?;
                continue;
            }
            again = false;
            if invite.is_none() {
                invite = self.invite(client)?;
            }
            match client.register(name, &password, invite.as_ref()).await {
                Ok(welcome) => return Ok(Some(welcome)),
                // Somebody has it: then it was the password that was wrong.
                Err(refusal) if refusal.code == Some(Code::NameTaken) => {
                    tell!("{}", harmless(&refusal.text));
                    return Ok(None);
                }
                Err(refusal) if refusal.code == Some(Code::BadInvite) && invite.is_some() => {
                    tell!("{}", harmless(&refusal.text));
                    invite = Some(asked_invite()?);
                }
                Err(refusal) if refusal.code == Some(Code::WeakPassword) => {
                    tell!("{}", harmless(&refusal.text));
                    password = ask::password("new password")?;
                    again = true;
                }
                Err(refusal) => return Err(Failure::of(client, &refusal)),
            }
        }
    }

    /// The invite, where the server asks for one: what was told, else what a person says.
    fn invite(&self, client: &Client) -> Result<Option<Password>, Failure> {
        match (&self.invite, registration(client)) {
            (_, Some(Registration::Open | Registration::Closed) | None) => Ok(None),
            (Some(told), _) => Ok(Some(told.clone())),
            (None, _) if ask::is_possible() => asked_invite().map(Some),
            (None, _) => Err(Failure::Usage(
                "an account takes an invite on this server; say its code with --invite or CHAT_INVITE, or ask the admin for one"
                    .to_owned(),
            )),
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
                Err(Failure::Usage(format!(
                    "several people are logged in here ({}); say which with --name or CHAT_NAME",
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
    fn keep(&self, client: &Client) {
        let (Some(kept), Some(name), Some(token)) =
            (&self.kept, client.model().user(), client.model().token())
        else {
            return;
        };
        let credential = Credential {
            host: self.host.clone(),
            port: self.port,
            name: name.to_owned(),
            token: token.clone(),
        };
        if let Err(error) = kept.keep(&credential) {
            tell!("the token is not kept: {error}");
        }
    }
}

fn registration(client: &Client) -> Option<Registration> {
    client.model().hello().map(|hello| hello.registration)
}

fn asked_invite() -> Result<Password, Failure> {
    ask::line("invite", "").map(Password::new)
}

/// Waits for the server's greeting.
async fn greeted(client: &mut Client) -> Result<(), Failure> {
    let mut told = false;
    loop {
        match client.next().await {
            Some(Event::Greeted(_)) => return Ok(()),
            Some(Event::Waiting) if !told => {
                told = true;
                tell!("connected; the server has not answered yet, waiting (it may be paused)…");
            }
            Some(Event::Lost {
                why, attempts: 1, ..
            }) => {
                tell!("{}; trying again…", harmless(&why));
            }
            Some(Event::Ended(ending)) => {
                let refusal = Refusal {
                    code: None,
                    text: ending.text,
                    retry_after_ms: None,
                };
                return Err(Failure::of(client, &refusal));
            }
            Some(_) => {}
            None => return Err(Failure::Unreachable("the server said nothing".to_owned())),
        }
    }
}

/// Asks for a new password twice.
///
/// # Errors
/// When the two differ, or there is no answer.
pub fn twice(question: &str) -> Result<Password, Failure> {
    let password = ask::password(question)?;
    if ask::is_possible() && ask::password(&format!("{question} again"))? != password {
        return Err(Failure::Refused(
            "the two are not the same; nothing was done".to_owned(),
        ));
    }
    Ok(password)
}

fn wrong(client: &Client, refusal: &Refusal, name: &str) -> Failure {
    match refusal.code {
        Some(Code::BadCredentials) => Failure::Credentials(format!(
            "name or password is wrong: the server does not let '{}' in; check both (--name, CHAT_PASSWORD)",
            harmless(name)
        )),
        _ => Failure::of(client, refusal),
    }
}
