//! What happened to the files of a folder, and what is on the disk after a part of it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What a disk writes as one piece, at least.
const SECTOR_BYTES: usize = 512;

static TAPES: Mutex<Vec<Weak<Tape>>> = Mutex::new(Vec::new());

/// One thing that happened, to the file of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Bytes were written there.
    Write(Arc<str>, u64, Box<[u8]>),
    /// The file was made shorter, or longer.
    Truncate(Arc<str>, u64),
    /// All that was written to it before is on the disk.
    Sync(Arc<str>),
    /// That failed: what was not on the disk then never gets there (as Linux has it).
    NotSynced(Arc<str>),
    /// The file is gone.
    Delete(Arc<str>),
    /// The test says that it has come so far.
    Mark(u64),
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Writing, with EIO.
    Write,
    /// Writing, after half of it was written.
    ShortWrite,
    /// Writing, since the disk is full.
    Full,
    /// Syncing, with EIO.
    Sync,
    /// Making a file shorter.
    Truncate,
    /// Reading, with EIO.
    Read,
}

/// What fails when.
#[derive(Clone, Copy, Debug)]
pub struct Fault {
    /// What.
    pub trouble: Trouble,
    /// After so many of its kind went well.
    pub after: u64,
    /// How many fail then.
    pub times: u64,
}

/// What comes of that which was written after the last sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is left of it.
    Lost,
    /// All of it, but of the last write only the sectors before its middle.
    Torn,
    /// All of it.
    Kept,
    /// Some of the writes, by this number.
    Some(u64),
}

#[derive(Debug, Default)]
struct State {
    ops: Vec<Op>,
    fault: Option<Fault>,
    /// Of the fault's kind, since it was set.
    seen: u64,
    failed: u64,
}

/// What happened in a folder since it is watched.
#[derive(Debug)]
pub struct Tape {
    folder: PathBuf,
    state: Mutex<State>,
}

impl Tape {
    /// Watches the files that SQLite opens in a folder from now on.
    pub fn of(folder: &Path) -> Arc<Self> {
        crate::vfs::install();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let tape = Arc::new(Self {
            folder,
            state: Mutex::default(),
        });
        let mut tapes = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
        tapes.retain(|known| known.strong_count() > 0);
        tapes.push(Arc::downgrade(&tape));
        tape
    }

    /// The tape on which what happens to this file goes, and its name there.
    pub(crate) fn of_file(path: &Path) -> Option<(Arc<Self>, Arc<str>)> {
        let tapes = TAPES.lock().unwrap_or_else(PoisonError::into_inner);
        tapes.iter().filter_map(Weak::upgrade).find_map(|tape| {
            let name = path.strip_prefix(&tape.folder).ok()?.to_str()?.into();
            Some((tape, name))
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something has happened.
    pub(crate) fn record(&self, op: Op) {
        self.state().ops.push(op);
    }

    /// Whether one of these is to fail now; counts it.
    pub(crate) fn fails(&self, kinds: &[Trouble]) -> Option<Trouble> {
        let mut state = self.state();
        let fault = state.fault.filter(|fault| kinds.contains(&fault.trouble))?;
        state.seen += 1;
        let fails = state.seen > fault.after && state.seen - fault.after <= fault.times;
        state.failed += u64::from(fails);
        fails.then_some(fault.trouble)
    }

    /// Writes a mark on the tape.
    pub fn mark(&self, mark: u64) {
        self.record(Op::Mark(mark));
    }

    /// From now on this fails, or nothing.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.seen, state.failed) = (fault, 0, 0);
    }

    /// How often it was asked since then whether it fails.
    pub fn seen(&self) -> u64 {
        self.state().seen
    }

    /// How often something has failed since then.
    pub fn failed(&self) -> u64 {
        self.state().failed
    }

    /// All that happened.
    pub fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    /// Writes into a folder what is on the disk when the power is cut after these of all that happened.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn image(ops: &[Op], ending: Ending, into: &Path) -> io::Result<()> {
        let mut disk = Disk::default();
        ops.iter().for_each(|op| disk.take(op));
        disk.image(ending, into)
    }
}

/// A disk to which one thing happens after the other.
#[derive(Default)]
pub struct Disk<'a> {
    files: BTreeMap<&'a str, File<'a>>,
    last: Option<&'a Op>,
}

impl<'a> Disk<'a> {
    /// This happens.
    pub fn take(&mut self, op: &'a Op) {
        match op {
            Op::Write(name, ..) | Op::Truncate(name, _) => {
                self.files.entry(name).or_default().waiting.push(op);
            }
            Op::Sync(name) => self.files.entry(name).or_default().sync(),
            Op::NotSynced(name) => self.files.entry(name).or_default().waiting.clear(),
            Op::Delete(name) => drop(self.files.remove(&**name)),
            Op::Mark(_) => {}
        }
        self.last = Some(op);
    }

    /// Writes into a folder what is on the disk when the power is cut now.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn image(&self, ending: Ending, into: &Path) -> io::Result<()> {
        // Names come to the disk with the first sync of the file.
        for (name, file) in &self.files {
            let bytes = match file.waiting.is_empty() || ending == Ending::Lost {
                true => &file.bytes,
                false => &Some(file.end(ending, self.last)),
            };
            if let Some(bytes) = bytes {
                fs::write(into.join(name), bytes)?;
            }
        }
        Ok(())
    }
}

/// A file on the disk, and what waits for the next sync.
#[derive(Default)]
struct File<'a> {
    bytes: Option<Vec<u8>>,
    waiting: Vec<&'a Op>,
}

impl<'a> File<'a> {
    fn sync(&mut self) {
        let bytes = self.bytes.get_or_insert_default();
        for op in self.waiting.drain(..) {
            apply(bytes, op, usize::MAX);
        }
    }

    /// What it has with what came of that which waited.
    fn end(&self, ending: Ending, last: Option<&Op>) -> Vec<u8> {
        let mut bytes = self.bytes.clone().unwrap_or_default();
        let mut seed = match ending {
            Ending::Some(seed) => seed,
            _ => 0,
        };
        for op in &self.waiting {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let is_last = last.is_some_and(|last| std::ptr::eq(last, *op));
            match ending {
                Ending::Torn if is_last => apply(&mut bytes, op, half(op)),
                Ending::Some(_) if seed >> 63 == 0 => {}
                _ => apply(&mut bytes, op, usize::MAX),
            }
        }
        bytes
    }
}

/// So many bytes of a write, whole sectors, are its first half.
fn half(op: &Op) -> usize {
    match op {
        Op::Write(_, at, bytes) => {
            let to_sector = SECTOR_BYTES - *at as usize % SECTOR_BYTES;
            let sectors = bytes.len().saturating_sub(to_sector) / SECTOR_BYTES;
            match sectors {
                // Even of one sector only a part may have come.
                0 => bytes.len() / 2,
                sectors => to_sector + sectors / 2 * SECTOR_BYTES,
            }
        }
        _ => 0,
    }
}

fn apply(file: &mut Vec<u8>, op: &Op, most: usize) {
    match op {
        Op::Write(_, at, bytes) => {
            let bytes = &bytes[..bytes.len().min(most)];
            let (begin, end) = (*at as usize, *at as usize + bytes.len());
            if file.len() < end {
                file.resize(end, 0);
            }
            file[begin..end].copy_from_slice(bytes);
        }
        Op::Truncate(_, length) => file.resize(*length as usize, 0),
        _ => {}
    }
}
