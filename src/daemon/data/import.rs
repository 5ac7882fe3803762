//! Accounts that are brought along: taken in in portions, looked at each, and then made all at once or not at all.

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::spawn_local;

use super::{Result, SHORT, gone};
use crate::base::record::PasswordHash;
use crate::base::{Password, UserName};
use crate::control::{Reply, ReplySender};
use crate::daemon::admin::Admin;
use crate::daemon::password::read_hash;
use crate::daemon::show;
use crate::engine::effect::Reply as Outcome;
use crate::engine::input::{Command as Ask, Newcomer};
use crate::engine::strength;
use crate::wire::control::{self as wire, Account, ControlError, Imported, Staged};

/// An import that nobody goes on with for so long gives way to another one.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// Bytes of names and secrets in one import: 200 000 accounts with hashes. They are kept in memory until it is done.
const BYTES_MAX: usize = 64 << 20;

/// Accounts that were taken in.
pub(in crate::daemon) struct Import {
    number: u32,
    touched: Instant,
    users: Vec<Candidate>,
    bytes: usize,
}

/// An account whose form is good.
struct Candidate {
    name: UserName,
    account: Account,
    secret: Secret,
}

enum Secret {
    Hash(PasswordHash),
    Password(Password),
}

/// Takes some accounts in; all that can be seen of each by itself is looked at.
pub(in crate::daemon) fn stage(admin: &Rc<Admin>, call: wire::StageUsers) -> Result<Reply> {
    let mut place = admin.data.import.borrow_mut();
    let import = match (call.import, &mut *place) {
        (Some(number), Some(import)) if import.number == number => import,
        (Some(number), _) => return Err(forgotten(number)),
        (None, Some(import)) if import.touched.elapsed() < IDLE_TIME => {
            let reason = "somebody else is importing; try again in half a minute".to_owned();
            return Err(ControlError::Failed { reason });
        }
        (None, place) => {
            // No number is given twice: nobody adds to the import of another.
            let number = admin.data.imports.get() + 1;
            admin.data.imports.set(number);
            forget_later(admin.clone(), number);
            place.insert(Import {
                number,
                touched: Instant::now(),
                users: Vec::new(),
                bytes: 0,
            })
        }
    };
    import.touched = Instant::now();
    let limits = admin.settings.config().limits.clone();
    for account in call.users {
        let index = import.users.len() as u64;
        import.bytes += bytes(&account);
        if index >= u64::from(limits.users) || import.bytes > BYTES_MAX {
            let reason =
                "these are more accounts than limits.users, or more than 64 MiB".to_owned();
            *place = None;
            return Err(ControlError::Failed { reason });
        }
        match candidate(account, limits.password_chars_min) {
            Ok(candidate) => import.users.push(candidate),
            Err(reason) => {
                *place = None;
                return Err(ControlError::BadAccount { index, reason });
            }
        }
    }
    Ok(Staged {
        import: import.number,
        users: import.users.len() as u64,
    }
    .into())
}

/// What its caller does not go on with is dropped.
fn forget_later(admin: Rc<Admin>, number: u32) {
    spawn_local(async move {
        loop {
            tokio::time::sleep(IDLE_TIME).await;
            let mut place = admin.data.import.borrow_mut();
            match &*place {
                Some(import) if import.number != number => return,
                Some(import) if import.touched.elapsed() < IDLE_TIME => {}
                _ => {
                    *place = None;
                    return;
                }
            }
        }
    });
}

fn bytes(account: &Account) -> usize {
    let length = |secret: &Option<Password>| secret.as_ref().map_or(0, |it| it.expose().len());
    account.name.len() + length(&account.password) + length(&account.password_hash)
}

fn candidate(mut account: Account, chars_min: u32) -> std::result::Result<Candidate, String> {
    let shown = crate::base::text::harmless(&account.name).into_owned();
    let name: UserName = account
        .name
        .parse()
        .map_err(|error| format!("'{shown}' cannot be a name: {error}"))?;
    let secret = match (account.password_hash.take(), account.password.take()) {
        (Some(hash), None) => Secret::Hash(
            read_hash(hash.expose())
                .map_err(|reason| format!("the password hash of '{name}' is not good: {reason}"))?,
        ),
        (None, Some(password)) => {
            strength(&password, &name, chars_min).map_err(|refusal| {
                format!("the password of '{name}': {}", show::weakness(refusal))
            })?;
            Secret::Password(password)
        }
        (None, None) => {
            return Err(format!(
                "'{name}' has no password; export with --with-passwords, or add a column 'password'"
            ));
        }
        (Some(_), Some(_)) => {
            return Err(format!("'{name}' has a password and a hash; one will do"));
        }
    };
    Ok(Candidate {
        name,
        account,
        secret,
    })
}

/// Makes all accounts that were taken in, or none.
pub(in crate::daemon) async fn import(
    admin: &Admin,
    call: wire::ImportUsers,
    reply: &ReplySender,
) -> Result<Reply> {
    let import = admin.data.import.borrow_mut().take();
    let users = match import {
        Some(import) if import.number == call.import => import.users,
        other => {
            *admin.data.import.borrow_mut() = other;
            return Err(forgotten(call.import));
        }
    };
    if users.len() != call.users as usize {
        let reason = format!("{} accounts were taken in, not {}", users.len(), call.users);
        return Err(ControlError::Failed { reason });
    }
    let names: Vec<_> = users.iter().map(|user| user.name.clone()).collect();
    let told = admin
        .ask(Ask::CheckNames {
            names: names.clone(),
        })
        .await;
    told.map_err(|error| whose(error, &names))?;
    let is_typed = |user: &&Candidate| matches!(user.secret, Secret::Password(_));
    let to_hash = users.iter().filter(is_typed).count() as u64;
    if call.dry_run == Some(true) {
        return Ok(Imported {
            hashed: 0,
            to_hash,
            users: Some(users.len() as u64),
        }
        .into());
    }
    let newcomers = hash_all(admin, users, to_hash, reply).await?;
    let told = admin.ask(Ask::AddUsers { users: newcomers }).await;
    let users = match told.map_err(|error| whose(error, &names))? {
        Outcome::Count(users) => users,
        _ => 0,
    };
    tracing::info!(users, "accounts imported");
    Ok(Imported {
        hashed: to_hash,
        to_hash,
        users: Some(users),
    }
    .into())
}

/// One after the other, so that those who log in meanwhile find a thread.
async fn hash_all(
    admin: &Admin,
    users: Vec<Candidate>,
    to_hash: u64,
    reply: &ReplySender,
) -> Result<Vec<Newcomer>> {
    let mut newcomers = Vec::with_capacity(users.len());
    let mut hashed = 0;
    for user in users {
        let hash = match user.secret {
            Secret::Hash(hash) => hash,
            Secret::Password(password) => {
                hashed += 1;
                let part = Imported {
                    hashed,
                    to_hash,
                    users: None,
                };
                if !reply.part(part).await {
                    return Err(gone());
                }
                hash(admin, &password, &user.name).await?
            }
        };
        newcomers.push(Newcomer {
            name: user.name,
            hash,
            created_at: user.account.created_at,
            last_login_at: user.account.last_login_at,
            disabled_at: user.account.disabled_at,
        });
    }
    Ok(newcomers)
}

/// Where too many passwords wait, it waits until there is room.
async fn hash(admin: &Admin, password: &Password, name: &UserName) -> Result<PasswordHash> {
    loop {
        match admin.hash(password, name).await {
            Err(ControlError::Busy {}) => tokio::time::sleep(SHORT).await,
            outcome => return outcome,
        }
    }
}

fn forgotten(number: u32) -> ControlError {
    ControlError::Failed {
        reason: format!("there is no import {number} any more; begin anew"),
    }
}

/// Which account it is whose name is taken: of two that look the same, the later one.
fn whose(error: ControlError, names: &[UserName]) -> ControlError {
    let ControlError::NameTaken { name } = &error else {
        return error;
    };
    match names.iter().rposition(|other| other.as_str() == name) {
        Some(index) => ControlError::BadAccount {
            index: index as u64,
            reason: format!("the name '{name}' is taken, or looks like one that is"),
        },
        None => error,
    }
}
