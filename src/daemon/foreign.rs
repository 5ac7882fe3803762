//! Files whose names others may have got hold of: a link that a stranger has laid leads nowhere we want to write.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens a file to be written. A link of our own, or of root, is followed, as to a device or to another disk; one of
/// anybody else is not, whatever folder it is in (proc_sys_fs(5), protected_symlinks, has that for some folders). What is
/// no link at the first look is opened only as such.
///
/// # Errors
/// Of opening, or that the link is somebody else's.
pub(super) fn open(options: &mut OpenOptions, path: &Path, flags: OFlag) -> io::Result<File> {
    let flags = match fs::symlink_metadata(path) {
        Ok(file) if file.is_symlink() && !is_trusted(file.uid()) => {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is a link that another user has made; take it away, or choose another path",
            ));
        }
        Ok(file) if file.is_symlink() => flags,
        _ => flags | OFlag::O_NOFOLLOW,
    };
    options.custom_flags(flags.bits()).open(path)
}

fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == nix::unistd::geteuid().as_raw()
}
