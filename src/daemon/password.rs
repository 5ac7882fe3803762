//! The password threads: Argon2id with bounded work at once and a bounded queue, in which addresses take turns. A hash
//! costs 19 MiB and some 20 ms.

mod hash;
mod queue;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use argon2::password_hash::Error;

use crate::base::metrics::{self, Counter, Measure};
use crate::base::record::{PasswordHash, PasswordWork};
use crate::base::{Limits, Origin, Password, Seldom, Token, UserId, catalog};
use crate::engine::input::PasswordOutcome;
use crate::store::{Reader, StoreError};
pub(super) use hash::read_hash;
use hash::{Memory, is_low};
use queue::Queue;

/// No account has this number.
const NOBODY: UserId = UserId(0);
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
                memory: Memory::default(),
                stand_in: None,
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

    /// The next work that waits already.
    fn waiting(&self) -> Option<Job> {
        self.queue().pop()
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
    memory: Memory,
    /// What the password of nobody is checked against: it takes as long as somebody's.
    stand_in: Option<PasswordHash>,
}

impl Worker {
    fn run(mut self) {
        while let Some(Job { work, done, since }) = self.next() {
            metrics::add(Counter::PasswordsDone, 1);
            metrics::observe_time(Measure::PasswordWait, since.elapsed());
            let begun = Instant::now();
            let outcome = self.outcome(work);
            metrics::observe_time(Measure::Password, begun.elapsed());
            done(outcome);
        }
    }

    /// The memory of one hash serves the next; it is given back when nobody waits for one.
    fn next(&mut self) -> Option<Job> {
        self.shared.waiting().or_else(|| {
            self.memory = Memory::default();
            self.shared.next()
        })
    }

    fn outcome(&mut self, work: PasswordWork) -> PasswordOutcome {
        let outcome = match work {
            PasswordWork::Hash(password) => self.hashed(&password),
            PasswordWork::Check(user, password) => {
                self.check(user, &password).map(|right| match right {
                    Some(known) => self.let_in(&password, known),
                    None => PasswordOutcome::Wrong,
                })
            }
            PasswordWork::Replace(user, old, new) => match self.check(Some(user), &old) {
                Ok(Some(_)) => self.hashed(&new),
                Ok(None) => Ok(PasswordOutcome::Wrong),
                Err(trouble) => Err(trouble),
            },
        };
        outcome.unwrap_or_else(|trouble| self.tell(&trouble))
    }

    /// What went wrong is told to the admin; whoever asked may try again.
    fn tell(&mut self, trouble: &Trouble) -> PasswordOutcome {
        let unsaid = self.failing.failed(&trouble.to_string());
        match (trouble, unsaid) {
            (Trouble::Reading(error), Some(unsaid)) => {
                tracing::error!(MESSAGE_ID = catalog::READING_FAILED, %error, unsaid, "cannot look a password up");
            }
            (Trouble::Hashing(Error::OutOfMemory), Some(unsaid)) => {
                tracing::error!(
                    MESSAGE_ID = catalog::MEMORY_SHORT,
                    unsaid,
                    "no memory for a password's hash; give chatd more (MemoryMax= of the unit, ulimit -v), or lower limits.password_threads"
                );
            }
            (Trouble::Hashing(error), Some(unsaid)) => {
                tracing::error!(%error, unsaid, "cannot hash a password");
            }
            (_, None) => {}
        }
        match trouble {
            Trouble::Hashing(Error::OutOfMemory) => PasswordOutcome::Busy,
            _ => PasswordOutcome::Broken,
        }
    }

    /// The account's hash when the password is its.
    fn check(
        &mut self,
        user: Option<UserId>,
        password: &Password,
    ) -> Result<Option<Known>, Trouble> {
        // Made by the first login, whoever's it is: a start need not wait for it.
        if self.stand_in.is_none() {
            let stand_in = self.memory.hash(&Password::new("stand-in".into()))?;
            self.stand_in = Some(stand_in);
        }
        // Looked for in the same way whether there is somebody or not, or the time it takes would tell.
        let known = self.reader.password(user.unwrap_or(NOBODY))?;
        let real = user.is_some() && known.is_some();
        let Some(hash) = known.or_else(|| self.stand_in.clone()) else {
            return Ok(None);
        };
        let prepared = password.prepared();
        let right = match &prepared {
            Some(prepared) => self.fits(prepared, &hash)?,
            None => false,
        };
        // Hashes were once made of passwords as they were typed.
        let as_typed =
            !right && prepared.as_ref() != Some(password) && self.fits(password, &hash)?;
        let known = Known {
            is_old: as_typed || is_low(&hash.0),
            hash,
        };
        Ok(Some(known).filter(|_| real && (right || as_typed)))
    }

    /// Whether the password is that of the hash. Where there is no memory to see, nobody was wrong.
    fn fits(&mut self, password: &Password, hash: &PasswordHash) -> Result<bool, Trouble> {
        match self.memory.verify(password, &hash.0) {
            Err(error @ Error::OutOfMemory) => Err(error.into()),
            verified => Ok(verified.is_ok()),
        }
    }

    /// Hashed anew where it is time for that; if that fails, the old hash does.
    fn let_in(&mut self, password: &Password, known: Known) -> PasswordOutcome {
        let better = known
            .is_old
            .then(|| self.memory.hash(password).ok())
            .flatten();
        fresh_token().map_or(PasswordOutcome::Broken, |token| {
            PasswordOutcome::Right(known.hash, token, better)
        })
    }

    fn hashed(&mut self, password: &Password) -> Result<PasswordOutcome, Trouble> {
        let hash = self.memory.hash(password)?;
        Ok(fresh_token().map_or(PasswordOutcome::Broken, |token| {
            PasswordOutcome::Hashed(hash, token)
        }))
    }
}

/// Why it cannot be said whether a password is right, or what its hash is.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Reading(#[from] StoreError),
    #[error("no hash: {0}")]
    Hashing(#[from] Error),
}

/// The hash of a password that was right.
struct Known {
    hash: PasswordHash,
    /// Whether it would be made in another way today.
    is_old: bool,
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
            let params = argon2::Params::new(512, 1, 1, None).unwrap();
            let password = Password::new("правильный конь".into());
            Memory::default().hash_by(&password, params).unwrap()
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
            memory: Memory::default(),
            stand_in: Some(cheap()),
        }
    }

    /// What the quickest tenth took at most: what other programs do to the machine is not in it.
    fn low_decile(times: &mut [Duration]) -> Duration {
        times.sort_unstable();
        times[times.len() / 10]
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
        let [somebody, nobody] = times.each_mut().map(|times| low_decile(times));
        println!("somebody takes {somebody:?}, nobody {nobody:?}");
        // Of a hash that is left out it is all, of a look at the database more than a hundredth.
        assert!(somebody.abs_diff(nobody) < somebody / 100);
        let right = PasswordWork::Check(Some(user), Password::new("правильный конь".into()));
        assert!(matches!(worker.outcome(right), PasswordOutcome::Right(..)));
        let nobodys = PasswordWork::Check(None, Password::new("правильный конь".into()));
        assert!(matches!(worker.outcome(nobodys), PasswordOutcome::Wrong));
    }
}
