//! A library that is put before libc's (ld.so(8), LD_PRELOAD): what SQLite's write-ahead log is asked to sync it does not
//! sync, as with `synchronous=NORMAL`. Built by the story that shows that the ledger finds what is lost by this.

use std::fs;
use std::os::raw::c_int;

/// In the place of fdatasync(2), which is what SQLite calls.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    let file = fs::read_link(format!("/proc/self/fd/{descriptor}"));
    if file.is_ok_and(|file| file.to_string_lossy().ends_with("-wal")) {
        return 0;
    }
    unsafe extern "C" {
        fn fsync(descriptor: c_int) -> c_int;
    }
    // SAFETY: it takes any number, and says so of one that is no descriptor.
    unsafe { fsync(descriptor) }
}
