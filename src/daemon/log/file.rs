//! The file of chatd's own log, which can be emptied and opened again while it is written. Lines are written by a thread
//! of its own, so that a disk that hangs holds up nobody who has something to say. A file that cannot be written costs
//! lines and nothing else: it is said, once, and tried again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::OFlag;

use super::queue::{FLUSH_PATIENCE, Queue, Taken};
use crate::base::Seldom;
use crate::daemon::clock::wall;
use crate::daemon::foreign;

/// The log tells who was here and from where: it is the owner's. Others may read it through the control socket.
const FILE_MODE: u32 = 0o600;
/// A folder that is made for it is often the state folder, which nobody else may look into.
const FOLDER_MODE: u32 = 0o700;

/// What a line that waits takes beside its text.
const LINE_COST: usize = 64;

/// The log file from outside. It belongs to the thread that writes it.
pub(super) struct LogFile {
    path: PathBuf,
    queue: Queue<Item>,
    problems: Arc<Mutex<Problems>>,
    /// Something other than a line is waiting.
    asked: Arc<AtomicBool>,
}

enum Item {
    Line(Arc<str>),
    /// Something to be done between two lines.
    Do(Box<dyn FnOnce(&mut Target) + Send>),
}

/// What is wrong with the file at present.
#[derive(Default)]
struct Problems {
    opening: Option<String>,
    writing: Option<String>,
}

impl LogFile {
    /// The file at this path, which is not open yet. What is to be said of it when it cannot be written is given to
    /// `complain`, with the cause.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(path: &Path, complain: impl Fn(&io::Error) + Send + 'static) -> io::Result<Self> {
        let problems = Arc::new(Mutex::new(Problems::default()));
        let mut writer = Writer {
            target: Target::default(),
            problems: problems.clone(),
            failing: Seldom::default(),
            complain,
        };
        Ok(Self {
            path: path.to_owned(),
            queue: Queue::spawn("log", move |taken| writer.take(taken))?,
            problems,
            asked: Arc::default(),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why lines do not get into the file, if they do not.
    pub fn problem(&self) -> Option<String> {
        let problems = lock(&self.problems);
        let opening = problems.opening.as_ref();
        let opening = opening.map(|error| format!("cannot be opened: {error}"));
        let writing = problems.writing.as_ref();
        opening.or_else(|| writing.map(|error| format!("cannot be written: {error}")))
    }

    /// Has the line written, in its turn.
    pub fn put(&self, line: Arc<str>) {
        let bytes = line.len() + LINE_COST;
        self.queue.put(Item::Line(line), bytes);
    }

    /// Waits, not for long, until all lines are written.
    pub fn flush(&self) -> bool {
        self.queue.flush()
    }

    /// Opens the file by its name, anew after it was moved away for rotation. It is made if it is missing, along with
    /// its folder.
    ///
    /// # Errors
    /// When it cannot be opened; then the lines go on to where they went before.
    pub fn open(&self) -> io::Result<()> {
        let (path, problems) = (self.path.clone(), self.problems.clone());
        self.perform(move |target| {
            let opened = open(&path).map(|file| {
                target.file = Some(file);
                target.is_torn = false;
            });
            lock(&problems).opening = opened.as_ref().err().map(ToString::to_string);
            opened
        })
    }

    /// Empties the file and tells how many bytes there were. Cut in place: each line is written at the end, wherever that
    /// is, so no hole is left.
    ///
    /// # Errors
    /// When the file cannot be cut short; then it stays as it is.
    pub fn clear(&self) -> io::Result<u64> {
        self.perform(|target| {
            let mut bytes = 0;
            if let Some(file) = &target.file {
                bytes = file.metadata()?.len();
                file.set_len(0)?;
            }
            target.is_torn = false;
            Ok(bytes)
        })
    }

    /// Has something done to the file once the lines so far are in it. Waits, not for long: a disk that hangs gets to it
    /// later, and takes one such thing at a time.
    fn perform<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Target) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let stuck = || {
            let text = "the disk has not taken the last lines yet";
            io::Error::new(io::ErrorKind::TimedOut, text)
        };
        if self.asked.swap(true, Ordering::Relaxed) {
            return Err(stuck());
        }
        let (done, outcome) = channel();
        let asked = self.asked.clone();
        let work = move |target: &mut Target| {
            let outcome = work(target);
            asked.store(false, Ordering::Relaxed);
            // Whoever asked may have given up.
            let _ = done.send(outcome);
        };
        // It takes no room from the lines: there is one.
        self.queue.put(Item::Do(Box::new(work)), 0);
        outcome
            .recv_timeout(FLUSH_PATIENCE)
            .unwrap_or_else(|_| Err(stuck()))
    }
}

/// The thread that writes the file.
struct Writer<F> {
    target: Target,
    problems: Arc<Mutex<Problems>>,
    failing: Seldom,
    complain: F,
}

impl<F: Fn(&io::Error)> Writer<F> {
    fn take(&mut self, taken: Vec<Taken<Item>>) {
        let mut lines = Vec::with_capacity(taken.len());
        for taken in taken {
            match taken {
                Taken::One(Item::Line(line)) => lines.push(Taken::One(line)),
                Taken::Missed(count) => lines.push(Taken::Missed(count)),
                Taken::One(Item::Do(work)) => {
                    self.write(&std::mem::take(&mut lines));
                    work(&mut self.target);
                }
            }
        }
        self.write(&lines);
    }

    fn write(&mut self, lines: &[Taken<Arc<str>>]) {
        if lines.is_empty() {
            return;
        }
        let written = self.target.write(lines);
        lock(&self.problems).writing = written.as_ref().err().map(ToString::to_string);
        match written {
            Ok(()) => drop(self.failing.went_well()),
            Err(error) if self.failing.failed(&error.to_string()).is_some() => {
                (self.complain)(&error);
            }
            Err(_) => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Never waits for a reader, should the file be a pipe.
fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(FILE_MODE);
    foreign::open(&mut options, path, OFlag::O_NONBLOCK)
}

#[derive(Default)]
struct Target {
    file: Option<File>,
    /// The last write has ended within a line.
    is_torn: bool,
    /// Lines that could not be written since the last one that could.
    unwritten: u64,
}

impl Target {
    /// Writes lines, all that wait in one go. How many are missing is told with the next that can be written.
    fn write(&mut self, taken: &[Taken<Arc<str>>]) -> io::Result<()> {
        let (text, counts) = self.draft(taken);
        let written = match &mut self.file {
            Some(file) => write_all(file, text.as_bytes()),
            None => Written::default(),
        };
        let whole = text.as_bytes()[..written.bytes].iter();
        let whole = whole.filter(|byte| **byte == b'\n').count();
        self.unwritten += counts[whole..].iter().sum::<u64>();
        if written.bytes > 0 {
            self.is_torn = text.as_bytes()[written.bytes - 1] != b'\n';
        }
        written.error.map_or(Ok(()), Err)
    }

    /// What is to be written, and for each line of it how many lines are lost without it.
    fn draft(&mut self, taken: &[Taken<Arc<str>>]) -> (String, Vec<u64>) {
        let (mut text, mut counts) = (String::new(), Vec::new());
        if self.is_torn {
            text.push('\n');
            counts.push(0);
        }
        for taken in taken {
            let line = match taken {
                Taken::Missed(lines) => {
                    self.unwritten += lines;
                    continue;
                }
                Taken::One(line) => line,
            };
            if self.unwritten > 0 {
                let (at, lines) = (wall(), std::mem::take(&mut self.unwritten));
                text.push_str(&format!("{at} WARN log file not written lines={lines}\n"));
                counts.push(lines);
            }
            text.extend([line, "\n"]);
            counts.push(1);
        }
        (text, counts)
    }
}

/// How far writing came.
#[derive(Default)]
struct Written {
    bytes: usize,
    error: Option<io::Error>,
}

/// Writes as much as can be.
fn write_all(file: &mut File, bytes: &[u8]) -> Written {
    let mut written = Written::default();
    while written.bytes < bytes.len() {
        match file.write(&bytes[written.bytes..]) {
            Ok(0) => written.error = Some(io::ErrorKind::WriteZero.into()),
            Ok(count) => written.bytes += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => written.error = Some(error),
        }
        if written.error.is_some() {
            break;
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_was_written_in_part_is_counted_by_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chatd.log");
        let mut target = Target {
            file: Some(open(&path).unwrap()),
            ..Target::default()
        };
        let line = |text: &str| Taken::One(Arc::from(text));
        let batch = [line("one"), Taken::Missed(5), line("two"), line("three")];
        // A pipe that is full takes nothing.
        let (_end, pipe) = nix::unistd::pipe2(OFlag::O_NONBLOCK).unwrap();
        let mut pipe = File::from(pipe);
        while pipe.write(&[0; 4_096]).is_ok() {}
        let good = target.file.replace(pipe);
        assert!(target.write(&batch).is_err());
        assert_eq!((target.unwritten, target.is_torn), (8, false));
        target.file = good;
        target.is_torn = true;
        target.write(&batch).unwrap();
        assert_eq!((target.unwritten, target.is_torn), (0, false));
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<_> = text
            .lines()
            .map(|line| &line[line.len().min(25)..])
            .collect();
        let notice = |lines| format!("WARN log file not written lines={lines}");
        assert_eq!(lines, ["", &notice(8), "", &notice(5), "", ""]);
        assert!(
            text.ends_with("Z WARN log file not written lines=5\ntwo\nthree\n"),
            "{text}"
        );
    }

    fn put(file: &LogFile, line: &str) {
        file.put(line.into());
        assert!(file.flush());
    }

    #[test]
    fn a_full_disk_costs_lines_and_is_complained_of_once() {
        let folder = tempfile::tempdir().unwrap();
        let (complaints, heard) = channel();
        let complain = move |error: &io::Error| complaints.send(error.to_string()).unwrap();
        let file = LogFile::new(&folder.path().join("chatd.log"), complain).unwrap();
        file.open().unwrap();
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let replace = |with| file.perform(|target| Ok(std::mem::replace(&mut target.file, with)));
        let good = replace(Some(full)).unwrap();
        put(&file, "one");
        put(&file, "two");
        let problem = file.problem().unwrap();
        assert!(problem.contains("cannot be written: No space"), "{problem}");
        replace(good).unwrap();
        put(&file, "three");
        assert_eq!(file.problem(), None);
        let text = std::fs::read_to_string(file.path()).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        assert!(first.ends_with("WARN log file not written lines=2"));
        assert_eq!(rest, "three\n");
        drop(file);
        assert_eq!(heard.iter().count(), 1);
    }

    #[test]
    fn one_that_cannot_be_opened_takes_lines_once_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "a file where the folder should be").unwrap();
        let file = LogFile::new(&path.join("chatd.log"), |_| {}).unwrap();
        assert!(file.open().is_err());
        put(&file, "one");
        let problem = file.problem().unwrap();
        assert!(problem.contains("cannot be opened: "), "{problem}");
        std::fs::remove_file(&path).unwrap();
        file.open().unwrap();
        put(&file, "two");
        assert_eq!(file.problem(), None);
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.contains(" lines=1\ntwo\n"), "{text}");
    }

    #[test]
    fn a_disk_that_hangs_holds_up_nobody_and_gets_to_it_later() {
        let folder = tempfile::tempdir().unwrap();
        let file = LogFile::new(&folder.path().join("chatd.log"), |_| {}).unwrap();
        file.open().unwrap();
        put(&file, "one");
        let (go_on, gate) = channel::<()>();
        let hangs = file.perform(move |_| {
            let _ = gate.recv();
            Ok(())
        });
        assert_eq!(hangs.unwrap_err().kind(), io::ErrorKind::TimedOut);
        file.put("two".into());
        let begun = Instant::now();
        assert!(
            file.clear().is_err(),
            "there is something to be done before"
        );
        assert!(begun.elapsed() < FLUSH_PATIENCE);
        drop(go_on);
        assert!(file.flush());
        assert_eq!(file.clear().unwrap(), 8);
        put(&file, "three");
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), "three\n");
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_up_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chatd.log");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let file = LogFile::new(&path, |_| {}).unwrap();
        assert!(file.open().is_err());
    }
}
