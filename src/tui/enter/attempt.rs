//! One attempt to come in with what stands on the form: connects, and logs in by token or password, or registers. Asks
//! nobody; what hinders it is told with the field in which a person can mend it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::tongue::say;
use crate::base::{Fingerprint, Password};
use crate::client::calls::{login, register};
use crate::client::{
    Answer, Client, Code, ConnectError, EndingKind, Event, Options, Refusal, Registration, Request,
    Trust, TrustError, Welcome, request,
};
use crate::tui::enter::Entry;
use crate::tui::failure::Failure;
use crate::tui::show::harmless;

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The host.
    Server,
    /// Its port.
    Port,
    /// Who one is.
    Name,
    /// The password.
    Password,
    /// The same, for a name that is new.
    Again,
    /// The code that lets one register.
    Invite,
}

/// With what it is tried.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The password; without one the token has to do.
    pub password: Option<Password>,
    /// Whether the name is to be registered.
    pub registers: bool,
    /// With which invite.
    pub invite: Option<Password>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Connecting.
    Connecting,
    /// The server has not answered yet.
    Waiting,
    /// The connection is gone and is made again.
    Lost(String),
    /// Logging in.
    LoggingIn,
    /// The server asks to wait; so long.
    Postponed(String, Duration),
}

/// What hinders it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// What stands in this field, and why.
    At(Field, String),
    /// The server is not known.
    Unknown {
        /// Its fingerprint.
        shown: Fingerprint,
        /// Why the system does not trust it.
        why: String,
    },
    /// Nobody has this name and password, and a new name can be registered.
    New {
        /// Whether that takes an invite.
        invite: bool,
        /// The characters that a password has to have.
        password_chars_min: usize,
    },
}

/// It did not work.
#[derive(Debug)]
pub struct Hindered {
    /// What a person can do about it.
    pub what: Hindrance,
    /// What the program ends with if they do nothing.
    pub failure: Failure,
}

impl Hindered {
    fn at(field: Field, text: String, failure: impl FnOnce(String) -> Failure) -> Self {
        let failure = failure(text.clone());
        Self {
            what: Hindrance::At(field, text),
            failure,
        }
    }
}

impl Entry {
    /// Tries it. `tell` is told how far it is.
    ///
    /// # Errors
    /// With what hinders it.
    pub async fn attempt(
        &self,
        wish: &Wish,
        tell: impl Fn(Progress),
    ) -> Result<(Client, Welcome), Hindered> {
        tell(Progress::Connecting);
        let mut options = Options::new(&self.host, self.port);
        options.trust = self.trust().clone();
        let client = Client::connect(options).await;
        let mut client = client.map_err(not_connected)?;
        self.greeted(&mut client, &tell).await?;
        tell(Progress::LoggingIn);
        let welcome = match &wish.password {
            Some(password) if wish.registers => {
                self.registers(&mut client, password, wish, &tell).await
            }
            Some(password) => self.logs_in(&mut client, password, &tell).await,
            None => self.resumes(&mut client, &tell).await,
        };
        Ok((client, welcome?))
    }

    async fn greeted(&self, client: &mut Client, tell: &impl Fn(Progress)) -> Result<(), Hindered> {
        let greeted = client.wait_for(|event| {
            told(event, tell);
            matches!(event, Event::Greeted(_)).then_some(())
        });
        match greeted.await {
            Ok(()) => Ok(()),
            Err(refusal) => Err(self.ended(client, &refusal)),
        }
    }

    /// It is over before anything was asked.
    fn ended(&self, client: &Client, refusal: &Refusal) -> Hindered {
        let failure = Failure::of(client, refusal);
        let what = match (client.distrust(), self.trust()) {
            (Some(TrustError::Unknown { shown, why, .. }), Trust::Usual(Some(_))) => {
                Hindrance::Unknown {
                    shown: *shown,
                    why: harmless(why),
                }
            }
            _ => {
                let field = match client.ending().map(|ending| ending.kind) {
                    Some(EndingKind::Foreign) => Field::Port,
                    _ => Field::Server,
                };
                Hindrance::At(field, failure.to_string())
            }
        };
        Hindered { what, failure }
    }

    async fn resumes(
        &self,
        client: &mut Client,
        tell: &impl Fn(Progress),
    ) -> Result<Welcome, Hindered> {
        let unusable = |failure: Failure| Hindered {
            what: Hindrance::At(Field::Password, failure.to_string()),
            failure,
        };
        let Some(credential) = self.credential().map_err(unusable)? else {
            let text = say!("the password is needed", "нужен пароль");
            return Err(Hindered::at(Field::Password, text, Failure::Credentials));
        };
        let request = Request::Resume(request::Resume {
            epoch: None,
            token: credential.token,
            cursors: BTreeMap::new(),
        });
        let refusal = match asked(client, request, tell).await {
            Ok(welcome) => return Ok(welcome),
            Err(refusal) => refusal,
        };
        if refusal.code != Some(Code::BadCredentials) {
            return Err(self.refused(client, &refusal));
        }
        self.forget().map_err(unusable)?;
        let name = harmless(&credential.name);
        let text = say!(
            "the session of '{name}' has ended: the password is needed again",
            "сеанс пользователя «{name}» завершён: снова нужен пароль"
        );
        Err(Hindered::at(Field::Password, text, Failure::Credentials))
    }

    async fn logs_in(
        &self,
        client: &mut Client,
        password: &Password,
        tell: &impl Fn(Progress),
    ) -> Result<Welcome, Hindered> {
        let name = self.name.as_deref().unwrap_or_default();
        let refusal = match asked(client, login(name, password), tell).await {
            Ok(welcome) => return Ok(welcome),
            Err(refusal) => refusal,
        };
        if refusal.code != Some(Code::BadCredentials) {
            return Err(self.refused(client, &refusal));
        }
        let shown = harmless(name);
        let wrong = say!(
            "the server does not let '{shown}' in with this password; check both",
            "сервер не пускает «{shown}» с этим паролем; проверьте имя и пароль"
        );
        let what = match client.model().hello() {
            Some(hello) if hello.registration != Registration::Closed => Hindrance::New {
                invite: hello.registration != Registration::Open,
                password_chars_min: hello.limits.password_chars_min,
            },
            _ => Hindrance::At(Field::Password, wrong.clone()),
        };
        Err(Hindered {
            what,
            failure: Failure::Credentials(wrong),
        })
    }

    async fn registers(
        &self,
        client: &mut Client,
        password: &Password,
        wish: &Wish,
        tell: &impl Fn(Progress),
    ) -> Result<Welcome, Hindered> {
        let name = self.name.as_deref().unwrap_or_default();
        let request = register(name, password, wish.invite.as_ref());
        let registered = asked(client, request, tell).await;
        registered.map_err(|refusal| self.refused(client, &refusal))
    }

    fn refused(&self, client: &Client, refusal: &Refusal) -> Hindered {
        if client.ending().is_some() && refusal.code.is_none() {
            let failure = Failure::of(client, refusal);
            let what = Hindrance::At(Field::Name, failure.to_string());
            return Hindered { what, failure };
        }
        let text = harmless(&refusal.text);
        let (field, text) = match refusal.code {
            Some(Code::NameTaken) => (
                Field::Name,
                say!(
                    "{text}; if the name is yours, the password is another one",
                    "{text}; если это ваше имя, то пароль другой"
                ),
            ),
            Some(Code::WeakPassword | Code::BadCredentials) => (Field::Password, text),
            Some(Code::BadInvite) => (Field::Invite, text),
            _ => (Field::Name, text),
        };
        Hindered {
            what: Hindrance::At(field, text),
            failure: Failure::of(client, refusal),
        }
    }

    /// Keeps the token of whoever has come in, and remembers where that was.
    ///
    /// # Errors
    /// With a sentence when that cannot be written.
    pub fn keep_and_remember(&self, client: &Client, user: &str) -> Result<(), String> {
        let kept = self.keep(client).and_then(|()| self.remember(user));
        kept.map_err(|error| {
            say!(
                "the login is not remembered: {error}",
                "вход не запомнен: {error}"
            )
        })
    }
}

/// Asks for a welcome. The client asks again by itself where the server wants it to wait.
async fn asked(
    client: &mut Client,
    request: Request,
    tell: &impl Fn(Progress),
) -> Result<Welcome, Refusal> {
    let wanted = client.post(request);
    let answer = client.wait_for(|event| {
        told(event, tell);
        match event {
            Event::Answer { no, answer } if *no == wanted => Some(answer.clone()),
            _ => None,
        }
    });
    match answer.await?? {
        Answer::Welcome(welcome) => Ok(welcome),
        _ => Err(Refusal {
            code: None,
            text: say!(
                "the server gave an answer to another question; tell its admin",
                "сервер ответил на другой вопрос; сообщите его администратору"
            )
            .into(),
            retry_after_ms: None,
        }),
    }
}

fn told(event: &Event, tell: &impl Fn(Progress)) {
    match event {
        Event::Waiting => tell(Progress::Waiting),
        Event::Lost { why, .. } => tell(Progress::Lost(harmless(why))),
        Event::Postponed { refusal, wait, .. } => {
            tell(Progress::Postponed(harmless(&refusal.text), *wait));
        }
        _ => {}
    }
}

/// Which of the fields is to be looked at, and why.
fn not_connected(error: ConnectError) -> Hindered {
    let (field, text) = match &error {
        ConnectError::Host { cause, .. } => (
            Field::Server,
            say!(
                "there is no host of this name ({cause})",
                "такого хоста нет ({cause})"
            ),
        ),
        ConnectError::Refused { port, .. } => (
            Field::Port,
            say!(
                "nobody answers on port {port} (connection refused); is it the right one, and does chatd run there?",
                "на порту {port} никто не отвечает (соединение отклонено); тот ли это порт и запущен ли там chatd?"
            ),
        ),
        ConnectError::Unreachable { cause, .. } => (
            Field::Server,
            say!(
                "the server cannot be reached ({cause}); check the network, the server and the port",
                "до сервера не добраться ({cause}); проверьте сеть, сервер и порт"
            ),
        ),
        ConnectError::Tls(_) => (Field::Server, error.to_string()),
    };
    Hindered {
        what: Hindrance::At(field, harmless(&text)),
        failure: error.into(),
    }
}
