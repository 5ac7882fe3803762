//! Credentials that the service manager gives (`LoadCredential=`, `ImportCredential=`): secrets in files of their own,
//! named `chatd.` and what they are. Where one is not given, a file in the state folder stands for it. Makes the first
//! account of one, through the engine as `chatctl user add` does; the other credentials are read by those who need them.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use tokio::sync::mpsc::UnboundedReceiver;

use super::clock::wall;
use super::config::Config;
use super::exit::Exit;
use super::password::{Passwords, read_hash};
use super::show;
use crate::base::audit::DONE;
use crate::base::record::{PasswordHash, PasswordWork};
use crate::base::{Act, Actor, CallId, Password, UserName, catalog};
use crate::engine::effect::Reply;
use crate::engine::input::{Command, Input, PasswordOutcome};
use crate::engine::strength;
use crate::store::KeySource;

/// The credential with the first account: its name on one line, its password or the hash of it on the next.
const FIRST_ADMIN: &str = "first-admin";
/// More than the longest name and the longest password take together.
const FIRST_ADMIN_BYTES_MAX: u64 = 4_096;
/// By what the second line is a hash and no password.
const HASH_BEGINS: &str = "$argon2";

/// The file of the credential `chatd.NAME` where the service manager gives one, else NAME in the state folder. It need
/// not be there.
pub(super) fn find(name: &str, state_dir: &Path) -> PathBuf {
    given(name).unwrap_or_else(|| state_dir.join(name))
}

/// Where the identity key is: a credential, or the file in the state folder; and the one that `chatctl rekey` changes to,
/// where that is a credential.
pub(super) fn identity_key() -> KeySource {
    KeySource {
        given: given("identity-key"),
        next: given("identity-key-new"),
    }
}

fn given(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    let path = Path::new(&folder).join(format!("chatd.{name}"));
    is_there(&path).then_some(path)
}

/// One that cannot be looked at is there: reading it tells why it cannot.
fn is_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The first account, as the credential tells it.
struct FirstAccount {
    name: UserName,
    secret: Secret,
}

enum Secret {
    Password(Password),
    Hash(PasswordHash),
}

/// Makes the first account where there is none and a credential tells one. To be called before anybody is let in, or
/// somebody else might take the name.
///
/// # Errors
/// When the credential is not as it should be, or the account cannot be stored.
pub(super) fn make_first_account(
    config: &Config,
    inputs: &Sender<Input>,
    replies: &mut UnboundedReceiver<(CallId, Reply)>,
    passwords: &Passwords,
) -> Result<(), Exit> {
    let path = find(FIRST_ADMIN, &config.state_dir);
    if !is_there(&path) {
        return Ok(());
    }
    let mut ask = |command| ask(command, inputs, replies);
    if !matches!(ask(Command::Counts)?, Reply::Counts { users: 0, .. }) {
        return Ok(());
    }
    let FirstAccount { name, secret } = read(&path, config.limits.password_chars_min)?;
    let hash = match secret {
        Secret::Hash(hash) => hash,
        Secret::Password(password) => hashed(password, passwords)?,
    };
    let add = Command::AddUser {
        name: name.clone(),
        hash,
    };
    show::fault(ask(add)?).map_err(|error| Exit {
        code: Exit::IO,
        text: format!("cannot make the first account, '{name}': {error}"),
    })?;
    let act = Act::new("AddUser")
        .with("name", name.as_str())
        .with("credential", FIRST_ADMIN);
    ask(Command::Audit(act.record(wall(), Actor::Daemon, DONE)))?;
    tracing::info!(
        MESSAGE_ID = catalog::FIRST_ACCOUNT,
        user = %name,
        file = %path.display(),
        "the first account was made from a credential, which is not read again"
    );
    Ok(())
}

/// Asks the engine and waits. Nobody else asks it yet.
pub(super) fn ask(
    command: Command,
    inputs: &Sender<Input>,
    replies: &mut UnboundedReceiver<(CallId, Reply)>,
) -> Result<Reply, Exit> {
    let call = CallId::default();
    let sent = inputs.send(Input::Call { call, command });
    let reply = sent.ok().and_then(|()| replies.blocking_recv());
    reply.map(|(_, reply)| reply).ok_or_else(|| Exit {
        code: Exit::SOFTWARE,
        text: "the hub has stopped before it began; the log says why".to_owned(),
    })
}

fn hashed(password: Password, passwords: &Passwords) -> Result<PasswordHash, Exit> {
    let (done, outcome) = channel();
    passwords.work(
        PasswordWork::Hash(password),
        None,
        Box::new(move |outcome| drop(done.send(outcome))),
    );
    match outcome.recv() {
        Ok(PasswordOutcome::Hashed(hash, _)) => Ok(hash),
        _ => Err(Exit {
            code: Exit::OS,
            text: "the password of the first account cannot be hashed; the log says why".to_owned(),
        }),
    }
}

fn read(path: &Path, chars_min: u32) -> Result<FirstAccount, Exit> {
    let mut bytes = Vec::new();
    let wrong = |problem: &str| {
        Exit::config(format!(
            "the first account's file '{}' {problem}; it is two lines, a name and a password (or its hash, $argon2id$…)",
            path.display()
        ))
    };
    File::open(path)
        .and_then(|file| file.take(FIRST_ADMIN_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FIRST_ADMIN_BYTES_MAX {
        return Err(wrong(&format!(
            "has more than {FIRST_ADMIN_BYTES_MAX} bytes"
        )));
    }
    parse(&bytes, chars_min).map_err(|problem| wrong(&problem))
}

/// What is wrong is told without a word of what stands there: the lines may have been mixed up.
fn parse(bytes: &[u8], chars_min: u32) -> Result<FirstAccount, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is no UTF-8")?;
    let mut lines = text.lines();
    let (Some(name), Some(secret), None) = (lines.next(), lines.next(), lines.next()) else {
        return Err(match text.lines().count() {
            1 => "has one line".to_owned(),
            lines => format!("has {lines} lines"),
        });
    };
    let name: UserName = name
        .parse()
        .map_err(|error| format!("has no name in its first line: {error}"))?;
    if secret.starts_with(HASH_BEGINS) {
        let hash = read_hash(secret).map_err(|problem| format!("has a hash {problem}"))?;
        let secret = Secret::Hash(hash);
        return Ok(FirstAccount { name, secret });
    }
    let password = Password::new(secret.to_owned());
    strength(&password, &name, chars_min).map_err(|refusal| {
        let reason = show::weakness(refusal);
        format!("has a password that is too weak: {reason}")
    })?;
    let secret = Secret::Password(password);
    Ok(FirstAccount { name, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn problem(text: &str) -> String {
        match parse(text.as_bytes(), 8) {
            Ok(_) => panic!("{text:?} is taken"),
            Err(problem) => problem,
        }
    }

    #[test]
    fn a_name_and_a_password_or_its_hash() {
        for text in [
            "Анна\ncorrect horse battery\n",
            "Анна\r\ncorrect horse battery",
        ] {
            let FirstAccount { name, secret } =
                parse(text.as_bytes(), 8).unwrap_or_else(|p| panic!("{p}"));
            assert_eq!(name.as_str(), "Анна");
            let Secret::Password(password) = secret else {
                panic!("a password was given");
            };
            assert_eq!(password.expose(), "correct horse battery");
        }
        let account =
            parse(format!("anna\n{HASH}\n").as_bytes(), 8).unwrap_or_else(|p| panic!("{p}"));
        assert!(matches!(account.secret, Secret::Hash(hash) if &*hash.0 == HASH));
    }

    #[test]
    fn what_is_wrong_is_told_without_what_stands_there() {
        let cut = &HASH[..HASH.len() - 8];
        let costly = HASH.replace("m=8", "m=4000000");
        for (text, words) in [
            ("", "has 0 lines"),
            ("geheim-geheim\n", "has one line"),
            ("anna\ngeheim-geheim\n\n", "has 3 lines"),
            ("geheim geheim\nanna\n", "has no name in its first line"),
            ("@geheim\ngeheim-geheim\n", "may not begin with '@'"),
            ("admin\ngeheim-geheim\n", "is reserved"),
            ("anna\ngeheim\n", "is too weak"),
            ("geheim-geheim\nGeheim-Geheim\n", "is too weak"),
            (&format!("anna\n{cut}\n"), "has a hash"),
            (&format!("anna\n{costly}\n"), "has a hash"),
            ("anna\n$argon2i$geheim\n", "has a hash"),
        ] {
            let problem = problem(text);
            assert!(problem.contains(words), "{text:?}: {problem}");
            let told = problem.to_lowercase();
            assert!(
                !told.contains("geheim") && !told.contains("argon2i$"),
                "{problem}"
            );
        }
        assert!(parse(b"anna\n\xff\xff\xff\xff\xff\xff\xff\xff\n", 8).is_err());
    }
}
