//! Processes: children that serve on a port, ended by their id when they go out of scope, and the figures of any from /proc.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a process may take to serve or to stop.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it may take to come to rest: chatd brings its search index up to hundreds of thousands of messages.
const REST_PATIENCE: Duration = Duration::from_secs(120);
/// A process that used less than this in [`REST_WINDOW`] is at rest; chatd begins with what it has put off after a tenth of a second.
const REST_CPU: Duration = Duration::from_millis(2);
const REST_WINDOW: Duration = Duration::from_millis(300);

/// A running child.
pub struct Process {
    child: Ended,
    address: SocketAddr,
    began_within: Duration,
}

/// Ends the child when it goes out of scope.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts it and waits for the line that tells where it listens.
    ///
    /// # Errors
    /// When it does not start, ends, or says nothing in time.
    pub fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = Instant::now();
        let mut child = Ended(
            command
                .stdout(Stdio::piped())
                .spawn()
                .with_context(|| format!("cannot start '{program}'"))?,
        );
        let stdout = child.0.stdout.take().context("its output is piped")?;
        let (tell, told) = mpsc::channel();
        // Reads on to the end, so that the child is never held up by a full pipe.
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        loop {
            let line = told
                .recv_timeout(PATIENCE.saturating_sub(started.elapsed()))
                .map_err(|_| anyhow!("'{program}' did not say where it listens"))?;
            if let Some((_, address)) = line.rsplit_once("listening on ") {
                let address = address
                    .trim()
                    .parse()
                    .with_context(|| format!("no address in '{line}'"))?;
                return Ok(Self {
                    child,
                    address,
                    began_within: started.elapsed(),
                });
            }
        }
    }

    /// How long it took from its start until it said that it serves.
    pub fn began_within(&self) -> Duration {
        self.began_within
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not in order.
    pub fn stop(&mut self) -> Result<()> {
        let pid = Pid::from_raw(self.child.0.id().cast_signed());
        kill(pid, Signal::SIGTERM).context("cannot signal the child")?;
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if let Some(status) = self.child.0.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => bail!("the child ended with {status} on SIGTERM"),
                };
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("the child did not end within {PATIENCE:?} of SIGTERM")
    }

    /// Its figures.
    pub fn vitals(&self) -> Vitals {
        Vitals(self.child.0.id())
    }
}

/// The figures of a running process, by its id.
#[derive(Clone, Copy)]
pub struct Vitals(pub u32);

impl Vitals {
    /// Processor time of all its threads so far, in user and kernel, to the nanosecond.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(self) -> Result<Duration> {
        let nanoseconds = self.sum_of_threads("schedstat", |text| {
            text.split_whitespace().next()?.parse().ok()
        })?;
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// How often its threads were taken off a processor so far, by waiting or by force.
    ///
    /// # Errors
    /// When it has ended.
    pub fn switches(self) -> Result<u64> {
        self.sum_of_threads("status", |text| {
            Some(
                field(text, "voluntary_ctxt_switches:")?
                    + field(text, "nonvoluntary_ctxt_switches:")?,
            )
        })
    }

    /// Its resident memory.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident_bytes(self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that its resident memory was since [`Process::forget_height`].
    ///
    /// # Errors
    /// When it has ended.
    pub fn height_bytes(self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// From now on the height of its memory is measured anew.
    ///
    /// # Errors
    /// When it has ended.
    pub fn forget_height(self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.0);
        // proc_pid_clear_refs(5): the peak becomes what there is now.
        fs::write(&path, "5").with_context(|| format!("cannot write '{path}'"))
    }

    fn memory(self, name: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.0);
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read '{path}'"))?;
        let kib = field(&status, name).with_context(|| format!("no {name} in '{path}'"))?;
        Ok(kib * 1024)
    }

    /// Waits until it has nothing more to do, such as indexing what was stored.
    ///
    /// # Errors
    /// When that does not come in time.
    pub fn rest(self) -> Result<()> {
        let started = Instant::now();
        let mut before = self.cpu()?;
        while started.elapsed() < REST_PATIENCE {
            thread::sleep(REST_WINDOW);
            let now = self.cpu()?;
            if now.saturating_sub(before) < REST_CPU {
                return Ok(());
            }
            before = now;
        }
        bail!("the child is still busy {REST_PATIENCE:?} after the last request")
    }

    fn sum_of_threads(self, file: &str, read: impl Fn(&str) -> Option<u64>) -> Result<u64> {
        let folder = format!("/proc/{}/task", self.0);
        let threads = fs::read_dir(&folder).with_context(|| format!("cannot read '{folder}'"))?;
        let mut sum = 0;
        for thread in threads {
            let path = thread?.path().join(file);
            // A thread may end between the two calls.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            sum += read(&text).with_context(|| format!("cannot make out '{}'", path.display()))?;
        }
        Ok(sum)
    }
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
