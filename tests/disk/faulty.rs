//! A library that is put before libc's (ld.so(8), LD_PRELOAD), for a daemon whose disk fails and whose clock is wrong as
//! long as the files in the folder `$FAULTS` say so:
//!
//! * `sync`: syncing the database or its write-ahead log fails, with the error of that number. From the first one on nothing
//!   that is synced of the write-ahead log comes to the disk until it is begun anew, though the system says it did: that is
//!   what Linux does with pages that it could not write.
//! * `write`: writing to one of these files fails.
//! * `clock`: the clock on the wall is wrong by so many seconds.
//!
//! A number with `once` after it is for one call alone.

use std::ffi::c_void;
use std::fs;
use std::os::raw::{c_int, c_long};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(target_arch = "x86_64")]
mod number {
    pub const WRITE: i64 = 1;
    pub const PWRITE: i64 = 18;
    pub const FSYNC: i64 = 74;
    pub const FTRUNCATE: i64 = 77;
    pub const CLOCK_GETTIME: i64 = 228;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub const WRITE: i64 = 64;
    pub const PWRITE: i64 = 68;
    pub const FSYNC: i64 = 82;
    pub const FTRUNCATE: i64 = 46;
    pub const CLOCK_GETTIME: i64 = 113;
}

const CLOCK_REALTIME: c_int = 0;

#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn __errno_location() -> *mut c_int;
}

/// Whether what is synced of the write-ahead log is lost all the same.
static FORGETS: AtomicBool = AtomicBool::new(false);

fn file(name: &str) -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| std::env::var_os("FAULTS").map(PathBuf::from));
    folder.as_ref().map(|folder| folder.join(name))
}

/// What is to go wrong with this, if anything.
fn number(name: &str) -> Option<i64> {
    let file = file(name)?;
    let text = fs::read_to_string(&file).ok()?;
    let mut words = text.split_whitespace();
    let number = words.next()?.parse().ok()?;
    // Of two threads that come at once it is for one.
    (words.next().is_none() || fs::remove_file(&file).is_ok()).then_some(number)
}

/// The name of an open file.
fn name_of(descriptor: c_int) -> String {
    let path = fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn is_database(descriptor: c_int) -> bool {
    ["chatd.db", "chatd.db-wal"].contains(&&*name_of(descriptor))
}

fn fails(error: i64) -> isize {
    // SAFETY: libc has such a place for each thread.
    unsafe { *__errno_location() = error as c_int };
    -1
}

#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    let error = || number("sync").filter(|_| is_database(descriptor));
    if file("sync").is_some_and(|file| file.exists()) && let Some(error) = error() {
        FORGETS.store(true, Ordering::Relaxed);
        return fails(error) as c_int;
    }
    if FORGETS.load(Ordering::Relaxed) && name_of(descriptor) == "chatd.db-wal" {
        return 0;
    }
    // SAFETY: it takes any number, and says so of one that is no descriptor.
    unsafe { syscall(number::FSYNC, descriptor) as c_int }
}

#[unsafe(no_mangle)]
pub extern "C" fn fsync(descriptor: c_int) -> c_int {
    fdatasync(descriptor)
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate64(descriptor: c_int, length: i64) -> c_int {
    if name_of(descriptor) == "chatd.db-wal" {
        FORGETS.store(false, Ordering::Relaxed);
    }
    // SAFETY: as above.
    unsafe { syscall(number::FTRUNCATE, descriptor, length) as c_int }
}

#[unsafe(no_mangle)]
pub extern "C" fn ftruncate(descriptor: c_int, length: i64) -> c_int {
    ftruncate64(descriptor, length)
}

/// The error with which a write to this file is to fail.
fn refused(descriptor: c_int) -> Option<i64> {
    let is_set = file("write").is_some_and(|file| file.exists());
    (is_set && is_database(descriptor)).then(|| number("write"))?
}

/// # Safety
/// As of write(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize {
    match refused(descriptor) {
        Some(error) => fails(error),
        // SAFETY: what was given is handed on.
        None => unsafe { syscall(number::WRITE, descriptor, bytes, count) as isize },
    }
}

/// # Safety
/// As of pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(
    descriptor: c_int,
    bytes: *const c_void,
    count: usize,
    at: i64,
) -> isize {
    match refused(descriptor) {
        Some(error) => fails(error),
        // SAFETY: what was given is handed on.
        None => unsafe { syscall(number::PWRITE, descriptor, bytes, count, at) as isize },
    }
}

/// # Safety
/// As of pwrite(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(
    descriptor: c_int,
    bytes: *const c_void,
    count: usize,
    at: i64,
) -> isize {
    // SAFETY: what was given is handed on.
    unsafe { pwrite64(descriptor, bytes, count, at) }
}

/// # Safety
/// As of clock_gettime(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: what was given is handed on.
    let outcome = unsafe { syscall(number::CLOCK_GETTIME, clock, time) as c_int };
    if clock == CLOCK_REALTIME && outcome == 0 {
        // SAFETY: the call has just written there.
        unsafe { (*time).seconds += number("clock").unwrap_or(0) };
    }
    outcome
}
