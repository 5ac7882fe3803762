//! Reading that takes long in one transaction: a copy, a look at the whole file. As long as it lasts, the write-ahead log
//! cannot be begun anew and grows by all that is stored. So there is a bound; whoever reads lets go at it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::store::StoreError;

/// What the log may grow by: a minute of writing as fast as a good disk takes it, and seldom more than there is room for.
pub(super) const LOG_BYTES_MAX: u64 = 1 << 30;
/// Steps of SQLite between two looks whether to go on: a fraction of a millisecond.
const STEPS: i32 = 10_000;
/// Between two looks at the log. In that time it grows by some megabytes.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Looks whether to go on.
#[derive(Clone)]
pub(super) struct Watch {
    gone: Arc<AtomicBool>,
    log: PathBuf,
    /// Whether what is read now is one transaction, and whether the log has grown too long in it.
    pub(super) is_long: Arc<AtomicBool>,
    pub(super) let_go: Arc<AtomicBool>,
    most: u64,
    looked: Instant,
}

impl Watch {
    /// Over reading this database, until `gone` is set, or the log has grown by so much.
    pub(super) fn over(path: &Path, gone: &Arc<AtomicBool>, growth_max: u64) -> Self {
        let mut log = path.to_owned().into_os_string();
        log.push("-wal");
        let log = PathBuf::from(log);
        Self {
            gone: gone.clone(),
            most: length(&log).saturating_add(growth_max),
            log,
            is_long: Arc::new(AtomicBool::new(true)),
            let_go: Arc::default(),
            looked: Instant::now(),
        }
    }

    /// Has SQLite ask now and then; `also` is done with each look.
    pub(super) fn set(
        mut self,
        connection: &mut Connection,
        mut also: impl FnMut() + Send + 'static,
    ) -> rusqlite::Result<()> {
        let look = move || {
            also();
            self.is_over()
        };
        connection.progress_handler(STEPS, Some(look))
    }

    fn is_over(&mut self) -> bool {
        if self.is_long.load(Ordering::Relaxed) && self.looked.elapsed() > LOOK_INTERVAL {
            self.looked = Instant::now();
            if length(&self.log) > self.most {
                self.let_go.store(true, Ordering::Relaxed);
            }
        }
        self.gone.load(Ordering::Relaxed) || self.let_go.load(Ordering::Relaxed)
    }

    /// What to say where it has let go.
    pub(super) fn complaint(&self, action: &'static str, path: &Path) -> Option<StoreError> {
        let cause = "so much was stored meanwhile that its write-ahead log grew too long; try again when less is said";
        let let_go = self.let_go.load(Ordering::Relaxed);
        let_go.then(|| StoreError::io(action, path, cause))
    }
}

fn length(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |file| file.len())
}
