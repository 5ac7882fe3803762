//! A small ext4 of its own, whose plug can be pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::unistd::syncfs;

use super::{Daemon, until};

/// Bytes of the file system: some minutes of talking.
const IMAGE_BYTES: u64 = 768 * 1024 * 1024;

/// What fills it.
const BALLAST: &str = "ballast";
const BLOCK_BYTES: i64 = 1_024;
const LARGEST_STEP: i64 = 1 << 30;

/// A file system in a file, mounted in a folder until this goes out of scope.
pub struct Mount {
    image: PathBuf,
    at: PathBuf,
}

impl Mount {
    /// Makes one and mounts it there.
    ///
    /// # Errors
    /// With the reason, where nobody may mount.
    pub fn new(image: &Path, at: &Path) -> Result<Self, String> {
        Self::of_size(image, at, IMAGE_BYTES)
    }

    /// One of so many bytes.
    ///
    /// # Errors
    /// With the reason, where nobody may mount.
    pub fn of_size(image: &Path, at: &Path, bytes: u64) -> Result<Self, String> {
        let file = fs::File::create(image).map_err(|error| error.to_string())?;
        file.set_len(bytes).map_err(|error| error.to_string())?;
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let mount = Self {
            image: image.to_owned(),
            at: at.to_owned(),
        };
        call(
            Command::new("mkfs.ext4")
                .args(["-q", "-F", "-m", "0"])
                .arg(image),
        )?;
        mount.mount()?;
        Ok(mount)
    }

    /// The daemon's machine loses its power and gets it again: what was not synced is lost.
    ///
    /// A machine without power runs no program. This one would: an fsync that the kernel is in when the journal is aborted
    /// may find its transaction ended and return 0 (`jbd2_complete_transaction`), and what is lost would be acknowledged. So
    /// the daemon stands still before.
    #[track_caller]
    pub fn cut_power(&self, daemon: &mut Daemon) {
        daemon.stand_still();
        chatd_disk::shut_down(&self.at).expect("ext4 can be shut down");
        daemon.kill_9();
        self.plug_in();
    }

    /// The power is back: the file system repairs itself from its journal. A container that starts at that moment has a copy
    /// of all mounts until it has let go of them, and until then this is still the old one.
    #[track_caller]
    pub fn plug_in(&self) {
        let probe = self.at.join("probe");
        until("the file system is mounted anew", || {
            call(Command::new("umount").arg(&self.at)).expect("nobody uses it");
            self.mount().expect("it can be mounted again");
            fs::write(&probe, "it takes this").ok()
        });
        fs::remove_file(&probe).expect("it was written");
    }

    /// Takes all the room that there is, until [`Mount::empty`].
    #[track_caller]
    pub fn fill(&self) {
        let file = fs::File::create(self.at.join(BALLAST)).expect("there is room for a name");
        let mut length = 0;
        loop {
            // What was removed is given back only then.
            syncfs(&file).expect("it can be synced");
            let before = length;
            let mut step = LARGEST_STEP;
            while step >= BLOCK_BYTES {
                match fallocate(&file, FallocateFlags::empty(), length, step) {
                    Ok(()) => length += step,
                    Err(error) => {
                        assert_eq!(error, Errno::ENOSPC, "it fails since it is full");
                        step /= 2;
                    }
                }
            }
            if length == before {
                return;
            }
        }
    }

    /// Gives the room back.
    #[track_caller]
    pub fn empty(&self) {
        fs::remove_file(self.at.join(BALLAST)).expect("it was filled");
    }

    /// Nothing can be written any more, as after an error that the file system has met, until [`Mount::plug_in`].
    #[track_caller]
    pub fn give_up_writing(&self) {
        self.remount("abort");
    }

    /// Mounts it anew with this option.
    #[track_caller]
    pub fn remount(&self, option: &str) {
        let option = format!("remount,{option}");
        call(Command::new("mount").args(["-o", &option]).arg(&self.at)).expect("it is mounted");
    }

    /// Whoever writes waits, as on a disk that does not answer, until what is returned goes out of scope.
    #[track_caller]
    pub fn freeze(&self) -> Ice {
        call(Command::new("fsfreeze").arg("--freeze").arg(&self.at)).expect("it is mounted");
        let thaw = (Command::new("sh").args(["-c", "read _; exec fsfreeze --unfreeze \"$0\""]))
            .arg(&self.at)
            .stdin(Stdio::piped())
            .spawn();
        Ice(thaw.expect("a shell"))
    }

    fn mount(&self) -> Result<(), String> {
        call(
            (Command::new("mount").args(["-t", "ext4", "-o", "loop"]))
                .args([&self.image, &self.at]),
        )
    }
}

/// A frozen file system would hold up whoever touches it for ever. So it is thawed by a shell that reads from us: also when
/// the tests are killed.
pub struct Ice(Child);

impl Drop for Ice {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = call(Command::new("umount").arg("--lazy").arg(&self.at));
    }
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
