//! The password threads: Argon2id with bounded work at once and a bounded queue, in which addresses take turns. A hash
//! costs 19 MiB and some 20 ms.

mod queue;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash};

use crate::base::metrics::{self, Counter, Measure};
use crate::base::record::{PasswordHash, PasswordWork};
use crate::base::{Limits, Origin, Password, Seldom, Token, UserId, catalog};
use crate::engine::input::PasswordOutcome;
use crate::store::{Reader, StoreError};
use queue::Queue;

/// Memory asked for at once in this size comes from the system and goes back to it when it is let go. Below it, malloc
/// may keep it (mallopt(3), M_MMAP_THRESHOLD), and the daemon would keep the memory of its busiest moment. What is not
/// touched of it costs nothing.
const ALWAYS_MAPPED_BYTES: usize = 33 * 1024 * 1024;
/// No account has this number.
const NOBODY: UserId = UserId(0);
/// Memory and passes that a hash from outside may ask for: each login of its account takes that much.
const GIVEN_KIB_MAX: u32 = 65_536;
const GIVEN_PASSES_MAX: u32 = 10;

/// Takes the outcome to whoever asked.
pub(super) type Done = Box<dyn FnOnce(PasswordOutcome) + Send>;

/// What waits to be done.
struct Job {
    work: PasswordWork,
    done: Done,
    since: Instant,
}

/// The way to the password threads.
pub(super) struct Passwords(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue<Job>>,
    /// Something waits, or nothing will any more.
    changed: Condvar,
    /// The ways to the threads that there are.
    ways: AtomicUsize,
}

impl Passwords {
    /// Starts the threads; each reads the store by itself. They end when the last `Passwords` is gone.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(readers: Vec<Box<dyn Reader>>, limits: &Limits) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(limits)),
            changed: Condvar::new(),
            ways: AtomicUsize::new(1),
        });
        let passwords = Self(shared);
        for reader in readers {
            let worker = Worker {
                reader,
                shared: passwords.0.clone(),
                failing: Seldom::default(),
                stand_in: hash(&Password::new("stand-in".into())),
            };
            thread::Builder::new()
                .name("password".into())
                .spawn(move || worker.run())?;
        }
        Ok(passwords)
    }

    /// Has the work done for somebody from there, or tells at once that too much of it waits. The admin comes from nowhere.
    pub fn work(&self, work: PasswordWork, origin: Option<Origin>, done: Done) {
        let job = Job {
            work,
            done,
            since: Instant::now(),
        };
        metrics::add(Counter::PasswordsBegun, 1);
        let refused = self.0.queue().push(origin, job);
        self.0.changed.notify_one();
        if let Some(job) = refused {
            metrics::add(Counter::PasswordsDone, 1);
            (job.done)(PasswordOutcome::Busy);
        }
    }
}

impl Clone for Passwords {
    fn clone(&self) -> Self {
        self.0.ways.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }
}

impl Drop for Passwords {
    fn drop(&mut self) {
        if self.0.ways.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.queue().is_over = true;
            self.0.changed.notify_all();
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue<Job>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next work; none when there will be none.
    fn next(&self) -> Option<Job> {
        let waits = |queue: &mut Queue<_>| queue.waiting == 0 && !queue.is_over;
        let queue = self.changed.wait_while(self.queue(), waits);
        queue.unwrap_or_else(PoisonError::into_inner).pop()
    }
}

struct Worker {
    reader: Box<dyn Reader>,
    shared: Arc<Shared>,
    failing: Seldom,
    /// What the password of nobody is checked against: it takes as long as somebody's.
    stand_in: Option<PasswordHash>,
}

impl Worker {
    fn run(mut self) {
        while let Some(Job { work, done, since }) = self.shared.next() {
            metrics::add(Counter::PasswordsDone, 1);
            metrics::observe_time(Measure::PasswordWait, since.elapsed());
            let begun = Instant::now();
            let outcome = self.outcome(work);
            metrics::observe_time(Measure::Password, begun.elapsed());
            done(outcome);
        }
    }

    fn outcome(&mut self, work: PasswordWork) -> PasswordOutcome {
        let outcome = match work {
            PasswordWork::Hash(password) => Ok(hashed(&password)),
            PasswordWork::Check(user, password) => {
                self.check(user, &password).map(|right| match right {
                    Some(known) => let_in(&password, known),
                    None => PasswordOutcome::Wrong,
                })
            }
            PasswordWork::Replace(user, old, new) => {
                self.check(Some(user), &old).map(|right| match right {
                    Some(_) => hashed(&new),
                    None => PasswordOutcome::Wrong,
                })
            }
        };
        outcome.unwrap_or_else(|error| {
            if let Some(unsaid) = self.failing.failed(&error.to_string()) {
                tracing::error!(MESSAGE_ID = catalog::READING_FAILED, %error, unsaid, "cannot look a password up");
            }
            PasswordOutcome::Broken
        })
    }

    /// The account's hash when the password is its.
    fn check(
        &mut self,
        user: Option<UserId>,
        password: &Password,
    ) -> Result<Option<Known>, StoreError> {
        // Looked for in the same way whether there is somebody or not, or the time it takes would tell.
        let known = self.reader.password(user.unwrap_or(NOBODY))?;
        let real = user.is_some() && known.is_some();
        let Some(hash) = known.or_else(|| self.stand_in.clone()) else {
            return Ok(None);
        };
        let prepared = password.prepared();
        let right = prepared
            .as_ref()
            .is_some_and(|it| verify(it, &hash.0).is_ok());
        // Hashes were once made of passwords as they were typed.
        let as_typed =
            !right && prepared.as_ref() != Some(password) && verify(password, &hash.0).is_ok();
        let known = Known {
            is_old: as_typed || is_low(&hash.0),
            hash,
        };
        Ok(Some(known).filter(|_| real && (right || as_typed)))
    }
}

/// The hash of a password that was right.
struct Known {
    hash: PasswordHash,
    /// Whether it would be made in another way today.
    is_old: bool,
}

/// Hashed anew where it is time for that; if that fails, the old hash does.
fn let_in(
    password: &Password,
    Known {
        hash: known,
        is_old,
    }: Known,
) -> PasswordOutcome {
    let better = is_old.then(|| hash(password)).flatten();
    fresh_token().map_or(PasswordOutcome::Broken, |token| {
        PasswordOutcome::Right(known, token, better)
    })
}

/// Whether a hash was made by lower settings than ours. One by higher settings stays.
fn is_low(text: &str) -> bool {
    let hash = argon2::PasswordHash::new(text).ok();
    let made_with = hash.as_ref().and_then(|hash| Params::try_from(hash).ok());
    made_with.is_some_and(|made_with| {
        made_with.m_cost() < Params::DEFAULT.m_cost()
            || made_with.t_cost() < Params::DEFAULT.t_cost()
    })
}

fn hashed(password: &Password) -> PasswordOutcome {
    match (hash(password), fresh_token()) {
        (Some(hash), Some(token)) => PasswordOutcome::Hashed(hash, token),
        _ => PasswordOutcome::Broken,
    }
}

/// Argon2id with m=19456, t=2, p=1 (OWASP's first choice) as a PHC string, of the form in which passwords are compared.
fn hash(password: &Password) -> Option<PasswordHash> {
    hash_by(password, Params::DEFAULT)
}

fn hash_by(password: &Password, params: Params) -> Option<PasswordHash> {
    let prepared = password.prepared();
    let password = prepared.as_ref().unwrap_or(password);
    let hash = || {
        let salt = Salt::generate();
        let hash = argon2::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&params).try_into()?,
            salt: Some(salt),
            hash: Some(digest(password, &salt, params)?),
        };
        Ok::<_, password_hash::Error>(PasswordHash(hash.to_string().into()))
    };
    hash()
        .inspect_err(|error| tracing::error!(%error, "cannot hash a password"))
        .ok()
}

/// Takes a hash that was made elsewhere, when passwords can be checked against it here.
///
/// # Errors
/// With what is wrong with it, without a word of what stands there.
pub(super) fn read_hash(text: &str) -> Result<PasswordHash, &'static str> {
    const FORM: &str = "that is no $argon2id$v=19$m=…,t=…,p=…$SALT$HASH with 32 bytes of hash";
    let hash = argon2::PasswordHash::new(text).map_err(|_| FORM)?;
    let params = Params::try_from(&hash).map_err(|_| FORM)?;
    let is_ours = hash.algorithm == Algorithm::Argon2id.ident()
        && hash.version == Some(Version::V0x13.into())
        && hash.salt.is_some()
        && hash
            .hash
            .is_some_and(|hash| hash.len() == Params::DEFAULT_OUTPUT_LEN);
    match is_ours {
        false => Err(FORM),
        true if params.m_cost() > GIVEN_KIB_MAX || params.t_cost() > GIVEN_PASSES_MAX => {
            Err("that asks for more than m=65536 or t=10, which each login would take")
        }
        true => Ok(PasswordHash(text.into())),
    }
}

/// Whether the password is that of a hash, by the settings with which that was made. Outputs are compared in a time that
/// does not tell where they differ.
fn verify(password: &Password, text: &str) -> Result<(), password_hash::Error> {
    let hash = argon2::PasswordHash::new(text)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else {
        return Err(password_hash::Error::Internal);
    };
    match digest(password, &salt, Params::try_from(&hash)?)? == expected {
        true => Ok(()),
        false => Err(password_hash::Error::PasswordInvalid),
    }
}

fn digest(
    password: &Password,
    salt: &Salt,
    params: Params,
) -> Result<Output, password_hash::Error> {
    let blocks_max = params.block_count().max(ALWAYS_MAPPED_BYTES / Block::SIZE);
    let mut memory = Vec::with_capacity(blocks_max);
    memory.resize(params.block_count(), Block::new());
    let mut bytes = [0; Params::DEFAULT_OUTPUT_LEN];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password_into_with_memory(
        password.expose().as_bytes(),
        salt,
        &mut bytes,
        &mut memory,
    )?;
    Ok(Output::new(&bytes)?)
}

fn fresh_token() -> Option<Token> {
    Token::random(getrandom::fill)
        .inspect_err(|error| tracing::error!(%error, "the system gives no random bytes"))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::base::Timestamp;
    use crate::base::record::{Change, UserRecord};
    use crate::store::{Database, Entry, KeySource, Store as _};

    /// One whose hashes are cheap, on a database with one account.
    fn cheap_worker(folder: &std::path::Path, user: UserId) -> Worker {
        let cheap = || {
            let params = Params::new(512, 1, 1, None).unwrap();
            hash_by(&Password::new("правильный конь".into()), params).unwrap()
        };
        let database = Database::open(folder, &KeySource::default()).unwrap();
        let account = UserRecord {
            id: user,
            name: "anna".parse().unwrap(),
            created_at: Timestamp(0),
            last_login: None,
            removed: false,
            disabled_at: None,
        };
        let account = Entry::Changes(vec![Change::AddUser(account, cheap())]);
        database.writer().unwrap().commit(&[account]).unwrap();
        let limits = Limits::default();
        Worker {
            reader: Box::new(database.reader().unwrap()),
            shared: Passwords::spawn(Vec::new(), &limits).unwrap().0.clone(),
            failing: Seldom::default(),
            stand_in: Some(cheap()),
        }
    }

    /// How often one of these took longer than one of the others: a half if both are drawn from the same distribution.
    fn longer(these: &[Duration], others: &[Duration]) -> f64 {
        let longer = |one: &Duration| others.iter().filter(|other| one > *other).count();
        let longer: usize = these.iter().map(longer).sum();
        longer as f64 / (these.len() * others.len()) as f64
    }

    /// Hashes cost a hundredth of what they do otherwise, so that all else counts a hundred times as much.
    #[test]
    fn a_thousand_tries_do_not_tell_somebody_from_nobody() {
        const TRIES: usize = 1_000;
        let (folder, user) = (tempfile::tempdir().unwrap(), UserId(7));
        let mut worker = cheap_worker(folder.path(), user);
        let mut times = [Vec::new(), Vec::new()];
        for n in 0..2 * TRIES {
            // In turn, and now this one first, now that one.
            let which = (n + n / 2) % 2;
            let user = [Some(user), None][which];
            let work = PasswordWork::Check(user, Password::new(format!("guess {n}")));
            let began = Instant::now();
            let outcome = worker.outcome(work);
            times[which].push(began.elapsed());
            assert!(matches!(outcome, PasswordOutcome::Wrong), "{outcome:?}");
        }
        let share = longer(&times[0], &times[1]);
        println!("somebody took longer than nobody in {share:.3} of all pairs");
        // The standard deviation of 0.5 is 0.013; of a hash or a look at the database that is left out it is 0 or 1.
        assert!((0.35..=0.65).contains(&share), "{share}");
        let right = PasswordWork::Check(Some(user), Password::new("правильный конь".into()));
        assert!(matches!(worker.outcome(right), PasswordOutcome::Right(..)));
        let nobodys = PasswordWork::Check(None, Password::new("правильный конь".into()));
        assert!(matches!(worker.outcome(nobodys), PasswordOutcome::Wrong));
    }

    #[test]
    fn a_hash_is_that_of_its_password_alone_and_says_how_it_was_made() {
        let password = |text: &str| Password::new(text.into());
        let PasswordHash(text) = hash(&password("правильный конь")).unwrap();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_eq!(verify(&password("правильный конь"), &text), Ok(()));
        assert_eq!(
            verify(&password("другой конь"), &text),
            Err(password_hash::Error::PasswordInvalid)
        );
        assert!(verify(&password("x"), "$argon2id$nonsense").is_err());
        assert_eq!(read_hash(&text), Ok(PasswordHash(text.clone())));
        let cut = text.rsplit_once('$').unwrap().0;
        for wrong in [
            cut.to_owned(),
            text[..text.len() - 6].to_owned(),
            text.replace("argon2id", "argon2i"),
            text.replace("v=19$", ""),
            text.replace("t=2", "t=0"),
            text.replace("t=2", "t=11"),
            text.replace("m=19456", "m=65537"),
            "$argon2id$nonsense".to_owned(),
        ] {
            assert!(read_hash(&wrong).is_err(), "{wrong}");
        }
        assert!(
            verify(&password("правильный конь"), cut).is_err(),
            "a hash without its end"
        );
    }

    #[test]
    fn a_hash_by_lower_settings_is_told_from_one_by_ours_or_higher() {
        let PasswordHash(text) = hash(&Password::new("правильный конь".into())).unwrap();
        assert!(!is_low(&text));
        assert!(!is_low(
            &text.replace("m=19456", "m=65536").replace("t=2", "t=3")
        ));
        assert!(is_low(&text.replace("m=19456", "m=12288")));
        assert!(is_low(&text.replace("t=2", "t=1")));
    }
}
