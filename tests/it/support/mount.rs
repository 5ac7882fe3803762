//! A small ext4 of its own, whose plug can be pulled.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes of the file system: some minutes of talking.
const IMAGE_BYTES: u64 = 768 * 1024 * 1024;

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
        let file = fs::File::create(image).map_err(|error| error.to_string())?;
        file.set_len(IMAGE_BYTES)
            .map_err(|error| error.to_string())?;
        fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let mount = Self {
            image: image.to_owned(),
            at: at.to_owned(),
        };
        call(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(image))?;
        mount.mount()?;
        Ok(mount)
    }

    /// What was not synced is lost, and nothing works any more.
    #[track_caller]
    pub fn pull_the_plug(&self) {
        chatd_disk::shut_down(&self.at).expect("ext4 can be shut down");
    }

    /// The power is back: the file system repairs itself from its journal.
    #[track_caller]
    pub fn plug_in(&self) {
        call(Command::new("umount").arg(&self.at)).expect("nobody uses it");
        self.mount().expect("it can be mounted again");
    }

    fn mount(&self) -> Result<(), String> {
        call(
            (Command::new("mount").args(["-t", "ext4", "-o", "loop"]))
                .args([&self.image, &self.at]),
        )
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
