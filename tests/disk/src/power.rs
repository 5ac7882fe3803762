//! Cutting a file system off from its disk, as a power cut does.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::Path;

/// Nothing of what is still in memory is written (ext4.h, EXT4_GOING_FLAGS_NOLOGFLUSH).
const NO_LOG_FLUSH: u32 = 2;

nix::ioctl_read!(going_down, b'X', 125, u32);

/// Shuts down the file system that the folder is on (EXT4_IOC_SHUTDOWN): what was not synced is lost, and everything fails
/// with EIO until it is mounted anew. For root alone.
///
/// # Errors
/// When the kernel does not do it, for example because it is another file system.
pub fn shut_down(folder: &Path) -> io::Result<()> {
    let folder = File::open(folder)?;
    let mut how = NO_LOG_FLUSH;
    // SAFETY: the descriptor is open, and the kernel reads four bytes from a place that has them.
    unsafe { going_down(folder.as_raw_fd(), &raw mut how) }?;
    Ok(())
}
