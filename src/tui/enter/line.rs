//! The way in for lines: asks a person at the terminal for what is missing, and no script.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::base::Password;
use crate::base::tongue::say;
use crate::client::credential::Credential;
use crate::client::{
    Client, Code, Event, Options, Refusal, Registration, Trust, TrustError, Welcome,
};
use crate::tui::address::port;
use crate::tui::args::Args;
use crate::tui::ask;
use crate::tui::enter::Entry;
use crate::tui::failure::Failure;
use crate::tui::show::harmless;

/// How often a person may try a password before the program ends.
const TRIES: usize = 3;

impl Entry {
    /// What is known, and what a person says to the question for the server.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn of_person(args: &Args) -> Result<Self, Failure> {
        let mut entry = Self::of_script(args)?;
        if !entry.told.host {
            entry.host = ask::line(&say!("server", "сервер"), &entry.host)?;
        }
        if !entry.told.port {
            let answer = ask::line(&say!("port", "порт"), &entry.port.to_string())?;
            entry.port = port(&answer).map_err(Failure::Usage)?;
        }
        Ok(entry)
    }

    /// Connects and waits for the server's greeting. A person is asked about a server that is not known.
    ///
    /// # Errors
    /// When there is no server, or it is not trusted.
    pub async fn connect(&self, patience: Option<Duration>) -> Result<Client, Failure> {
        if let Some(warning) = self.warning() {
            tell!("{warning}");
        }
        let mut options = Options::new(&self.host, self.port);
        options.patience = patience;
        options.trust = self.trust().clone();
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
            (client.distrust(), self.trust())
        else {
            return Ok(false);
        };
        if !ask::is_possible() {
            return Ok(false);
        }
        let _ = writeln!(
            io::stdout(),
            "{}",
            say!(
                "'{}' is not known here: {why}\nits certificate has the fingerprint {shown}\n\
                 its admin sees the right one with `chatctl status`",
                "Сервер «{}» здесь не известен: {why}\nотпечаток его сертификата: {shown}\n\
                 администратор видит правильный отпечаток в `chatctl status`",
                harmless(server)
            )
        );
        let trusts = ask::yes(&say!(
            "is it the same, and is the server to be trusted from now on?",
            "отпечаток тот же, и серверу можно доверять?"
        ))?;
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
    pub async fn script(&mut self, client: &mut Client) -> Result<Welcome, Failure> {
        if let Some(welcome) = self.by_token(client, self.credential()?).await? {
            return Ok(welcome);
        }
        let place = format!("{}:{}", self.host, self.port);
        self.told_password()?;
        match (&self.name, &self.password) {
            (Some(name), Some(password)) => {
                let welcome = client.login(name, password).await;
                let welcome = welcome.map_err(|refusal| wrong(client, &refusal, name))?;
                self.keep_told(client);
                Ok(welcome)
            }
            (None, Some(_)) => Err(Failure::Credentials(say!(
                "CHAT_PASSWORD says the password, but not whose; say the name with --name or CHAT_NAME",
                "в CHAT_PASSWORD есть пароль, но не сказано чей; укажите имя через --name или CHAT_NAME"
            ))),
            (name, None) => Err(Failure::Credentials(say!(
                "not logged in at {place}{}; run `chat-client login` once, or set CHAT_NAME and CHAT_PASSWORD",
                "на {place} вы не вошли{}; один раз выполните `chat-client login` или задайте CHAT_NAME и CHAT_PASSWORD",
                name.as_ref()
                    .map_or(String::new(), |name| say!(" as '{name}'", " как «{name}»")),
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
            self.name =
                Some(ask::line(&say!("name", "имя"), &default)?).filter(|name| !name.is_empty());
        }
        let Some(name) = self.name.clone() else {
            return Err(no_name());
        };
        if let Some(welcome) = self.by_token(client, self.credential()?).await? {
            return Ok(welcome);
        }
        self.told_password()?;
        let welcome = self.by_password(client, &name).await?;
        self.keep_told(client);
        Ok(welcome)
    }

    fn keep_told(&self, client: &Client) {
        if let Err(error) = self.keep(client) {
            tell!(
                "{}",
                say!(
                    "the token is not kept: {error}",
                    "токен не сохранён: {error}"
                )
            );
        }
    }

    /// Makes the account for a script.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn register(&mut self, client: &mut Client) -> Result<Welcome, Failure> {
        let Some(name) = self.name.clone() else {
            return Err(no_name());
        };
        let password = match self.told_password()? {
            Some(password) => password,
            None => twice(&say!("password", "пароль"))?,
        };
        let invite = self.invite_for(client)?;
        let welcome = client.register(&name, &password, invite.as_ref()).await;
        let welcome = welcome.map_err(|refusal| Failure::of(client, &refusal))?;
        self.keep_told(client);
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
        if ask::is_possible() && self.told_password()?.is_none() {
            let kept = self.kept.take();
            let welcome = self.person(client).await;
            self.kept = kept;
            self.keep_told(client);
            return welcome;
        }
        let Some(name) = self.name.clone() else {
            return Err(no_name());
        };
        let password = match self.password.clone() {
            Some(password) => password,
            None => ask::password(&say!("password", "пароль"))?,
        };
        let welcome = client.login(&name, &password).await;
        let welcome = welcome.map_err(|refusal| wrong(client, &refusal, &name))?;
        self.keep_told(client);
        Ok(welcome)
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
                if self.password.is_none() && self.command.is_none() {
                    let name = harmless(&credential.name);
                    tell!(
                        "{}",
                        say!(
                            "the session of '{name}' has ended: a new login is needed",
                            "сеанс «{name}» завершён: нужно войти заново"
                        )
                    );
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
                None => (false, ask::password(&say!("password", "пароль"))?),
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
                "{}",
                say!(
                    "the password is not that of '{}'; try again",
                    "это не пароль «{}»; попробуйте ещё раз",
                    harmless(name)
                )
            );
        }
        Err(Failure::Credentials(say!(
            "too many tries",
            "слишком много попыток"
        )))
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
        tell!(
            "{}",
            say!(
                "nobody called '{name_shown}' has this password here",
                "здесь нет «{name_shown}» с таким паролем"
            )
        );
        if !ask::yes(&say!(
            "register '{name_shown}' as a new name?",
            "зарегистрировать новое имя «{name_shown}»?"
        ))? {
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
                tell!(
                    "{}",
                    say!(
                        "the password is too short; take at least {shortest} characters",
                        "пароль слишком короткий; нужно не меньше {shortest} знаков"
                    )
                );
                password = ask::password(&say!("new password", "новый пароль"))?;
                again = true;
                continue;
            }
            if again && ask::password(&say!("password again", "пароль ещё раз"))? != password
            {
                tell!(
                    "{}",
                    say!(
                        "the two are not the same; once more",
                        "пароли не совпадают; ещё раз"
                    )
                );
                password = ask::password(&say!("new password", "новый пароль"))?;
                continue;
            }
            again = false;
            if invite.is_none() {
                invite = self.invite_for(client)?;
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
                    password = ask::password(&say!("new password", "новый пароль"))?;
                    again = true;
                }
                Err(refusal) => return Err(Failure::of(client, &refusal)),
            }
        }
    }

    /// The invite, where the server asks for one: what was told, else what a person says.
    fn invite_for(&self, client: &Client) -> Result<Option<Password>, Failure> {
        match (&self.invite, registration(client)) {
            (_, Some(Registration::Open | Registration::Closed) | None) => Ok(None),
            (Some(told), _) => Ok(Some(told.clone())),
            (None, _) if ask::is_possible() => asked_invite().map(Some),
            (None, _) => Err(Failure::Usage(say!(
                "an account takes an invite on this server; say its code with --invite or CHAT_INVITE, or ask the admin for one",
                "на этом сервере для учётной записи нужно приглашение; укажите его код через --invite или CHAT_INVITE либо \
                 попросите приглашение у администратора"
            ))),
        }
    }
}

fn no_name() -> Failure {
    Failure::Usage(say!(
        "a name is needed; say one with --name or CHAT_NAME",
        "нужно имя; укажите его через --name или CHAT_NAME"
    ))
}

fn registration(client: &Client) -> Option<Registration> {
    client.model().hello().map(|hello| hello.registration)
}

fn asked_invite() -> Result<Password, Failure> {
    ask::line(&say!("invite", "приглашение"), "").map(Password::new)
}

/// Waits for the server's greeting.
async fn greeted(client: &mut Client) -> Result<(), Failure> {
    let mut told = false;
    loop {
        match client.next().await {
            Some(Event::Greeted(_)) => return Ok(()),
            Some(Event::Waiting) if !told => {
                told = true;
                tell!(
                    "{}",
                    say!(
                        "connected; the server has not answered yet, waiting (it may be paused)…",
                        "соединение есть; сервер пока молчит, ждём (возможно, он на паузе)…"
                    )
                );
            }
            Some(Event::Lost {
                why, attempts: 1, ..
            }) => {
                tell!(
                    "{}",
                    say!("{}; trying again…", "{}; пробуем ещё раз…", harmless(&why))
                );
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
            None => {
                return Err(Failure::Unreachable(say!(
                    "the server said nothing",
                    "сервер ничего не сказал"
                )));
            }
        }
    }
}

/// Asks for a new password twice.
///
/// # Errors
/// When the two differ, or there is no answer.
pub fn twice(question: &str) -> Result<Password, Failure> {
    let password = ask::password(question)?;
    if ask::is_possible()
        && ask::password(&say!("{question} again", "{question} ещё раз"))? != password
    {
        return Err(Failure::Refused(say!(
            "the two are not the same; nothing was done",
            "пароли не совпадают; ничего не сделано"
        )));
    }
    Ok(password)
}

fn wrong(client: &Client, refusal: &Refusal, name: &str) -> Failure {
    match refusal.code {
        Some(Code::BadCredentials) => Failure::Credentials(say!(
            "name or password is wrong: the server does not let '{}' in; check both (--name, CHAT_PASSWORD)",
            "имя или пароль неверны: сервер не впускает «{}»; проверьте и то и другое (--name, CHAT_PASSWORD)",
            harmless(name)
        )),
        _ => Failure::of(client, refusal),
    }
}
