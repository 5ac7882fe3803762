//! Libraries that are put before libc's, so that a daemon's disk and clock are not what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Daemon;

/// Builds the library of this name in `tests/disk`, and puts it into the folder.
#[track_caller]
pub fn library(name: &str, folder: &Path) -> PathBuf {
    let library = folder.join(name).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/disk/{name}.rs"));
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let built = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=cdylib", "-O", "-o"])
        .args([&library, &source])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "it is built");
    library
}

/// What goes wrong in a daemon while it runs (`tests/disk/faulty.rs`).
pub struct Faults(PathBuf);

impl Faults {
    /// From its next start on.
    #[track_caller]
    pub fn of(daemon: &mut Daemon) -> Self {
        let folder = daemon.folder().join("faults");
        fs::create_dir(&folder).expect("the folder is ours");
        let library = library("faulty", daemon.folder());
        daemon.comes_after(&format!(
            "export LD_PRELOAD={} FAULTS={}",
            library.display(),
            folder.display()
        ));
        Self(folder)
    }

    /// From now on this goes wrong in this way.
    #[track_caller]
    pub fn begin(&self, what: &str, how: &str) {
        // In one step: it may be read at any moment.
        let (new, there) = (self.0.join("new"), self.0.join(what));
        fs::write(&new, how).expect("the folder is ours");
        fs::rename(new, there).expect("the folder is ours");
    }

    /// This goes well again.
    pub fn end(&self, what: &str) {
        let _ = fs::remove_file(self.0.join(what));
    }
}
