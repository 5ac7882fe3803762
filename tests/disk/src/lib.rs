//! A disk for tests. [`Tape::of`] watches what SQLite does with the files of a folder: each write and each sync is
//! recorded, and can be made to fail. [`Tape::image`] is what would be on the disk if the power had been cut after one of
//! them. [`shut_down`] cuts a mounted ext4 off from its disk.

mod power;
mod tape;
mod vfs;

pub use power::shut_down;
pub use tape::{Disk, Ending, Fault, Op, Tape, Trouble};
