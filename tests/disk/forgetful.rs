//! A library that is put before libc's (ld.so(8), LD_PRELOAD): what SQLite's write-ahead log is asked to sync it does not
//! sync, as with `synchronous=NORMAL`. Built by the story that shows that the ledger finds what is lost by this.
//!
//! SQLite calls fsync(2) or fdatasync(2), as it was built.

use std::ffi::{c_char, c_int, c_void};
use std::fs;

/// In libc's place.
#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    sync(descriptor, c"fsync".as_ptr())
}

/// In libc's place.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    sync(descriptor, c"fdatasync".as_ptr())
}

fn sync(descriptor: c_int, name: *const c_char) -> c_int {
    let file = fs::read_link(format!("/proc/self/fd/{descriptor}"));
    if file.is_ok_and(|file| file.to_string_lossy().ends_with("-wal")) {
        return 0;
    }
    unsafe extern "C" {
        fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    }
    /// The library behind this one (`RTLD_NEXT`).
    const NEXT: usize = usize::MAX;
    // SAFETY: the name ends with a zero, and libc has a function of this name and form; it takes any number, and says so of
    // one that is no descriptor.
    unsafe {
        let next = dlsym(NEXT as *mut c_void, name);
        let next: extern "C" fn(c_int) -> c_int = std::mem::transmute(next);
        next(descriptor)
    }
}
