//! SQLite's own way to files, with an ear and a hand on it (<https://sqlite.org/vfs.html>).

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::mem::size_of;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::{Arc, Once};

use rusqlite::ffi;

use crate::tape::{Op, Tape, Trouble};

/// A file of ours; SQLite's own follows it in memory.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    tape: *mut (Arc<Tape>, Arc<str>),
}

/// Has SQLite open all files in this way from now on, in the whole process.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    // SAFETY: SQLite's default way is there as long as the process; ours is a copy of it that is never let go.
    ONCE.call_once(|| unsafe {
        let usual = ffi::sqlite3_vfs_find(ptr::null());
        let mut ours = Box::new(*usual);
        ours.szOsFile = size_of::<File>() as c_int + (*usual).szOsFile;
        ours.pNext = ptr::null_mut();
        ours.zName = c"watched".as_ptr();
        ours.xOpen = Some(open);
        ours.xDelete = Some(delete);
        USUAL.store(usual);
        ffi::sqlite3_vfs_register(Box::into_raw(ours), 1);
    });
}

/// Where SQLite's default way is kept.
struct Usual(std::sync::atomic::AtomicPtr<ffi::sqlite3_vfs>);

static USUAL: Usual = Usual(std::sync::atomic::AtomicPtr::new(ptr::null_mut()));

impl Usual {
    fn store(&self, vfs: *mut ffi::sqlite3_vfs) {
        self.0.store(vfs, std::sync::atomic::Ordering::Release);
    }

    fn get(&self) -> *mut ffi::sqlite3_vfs {
        self.0.load(std::sync::atomic::Ordering::Acquire)
    }
}

/// SQLite's own file behind one of ours.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite has given so much memory as `szOsFile` asks for.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of SQLite's own file.
macro_rules! usual {
    ($file:expr, $method:ident $(, $argument:expr)*) => {{
        let real = real($file);
        match (*(*real).pMethods).$method {
            Some(method) => method(real $(, $argument)*),
            None => ffi::SQLITE_OK,
        }
    }};
}

unsafe fn tape<'a>(file: *mut ffi::sqlite3_file) -> Option<&'a (Arc<Tape>, Arc<str>)> {
    // SAFETY: `open` has written it, and `close` lets it go.
    unsafe { (*file.cast::<File>()).tape.as_ref() }
}

fn path(name: *const c_char) -> Option<&'static Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a zero; what is made of this does not outlive the call.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    unsafe {
        let usual = USUAL.get();
        ptr::write(
            file.cast::<File>(),
            File {
                base: ffi::sqlite3_file {
                    pMethods: ptr::null(),
                },
                tape: ptr::null_mut(),
            },
        );
        let result = match (*usual).xOpen {
            Some(open) => open(usual, name, real(file), flags, flags_out),
            None => ffi::SQLITE_CANTOPEN,
        };
        // It is to be closed then, too, if it has methods.
        if !(*real(file)).pMethods.is_null() {
            let tape = path(name).and_then(Tape::of_file);
            let tape = tape.map_or(ptr::null_mut(), |tape| Box::into_raw(Box::new(tape)));
            (*file.cast::<File>()).tape = tape;
            (*file).pMethods = &METHODS;
        }
        result
    }
}

unsafe extern "C" fn delete(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    unsafe {
        let usual = USUAL.get();
        let Some(delete) = (*usual).xDelete else {
            return ffi::SQLITE_ERROR;
        };
        let result = delete(usual, name, sync_folder);
        if result == ffi::SQLITE_OK
            && let Some((tape, name)) = path(name).and_then(Tape::of_file)
        {
            tape.record(Op::Delete(name));
        }
        result
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let result = usual!(file, xClose);
        let tape = std::mem::replace(&mut (*file.cast::<File>()).tape, ptr::null_mut());
        if !tape.is_null() {
            drop(Box::from_raw(tape));
        }
        result
    }
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    bytes: *mut c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    unsafe {
        if tape(file).is_some_and(|(tape, _)| tape.fails(&[Trouble::Read]).is_some()) {
            return ffi::SQLITE_IOERR_READ;
        }
        usual!(file, xRead, bytes, length, at)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    length: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    const KINDS: [Trouble; 3] = [Trouble::Write, Trouble::ShortWrite, Trouble::Full];
    unsafe {
        let Some((tape, name)) = tape(file) else {
            return usual!(file, xWrite, bytes, length, at);
        };
        let (length, failure) = match tape.fails(&KINDS) {
            None => (length, None),
            Some(Trouble::ShortWrite) => (length / 2, Some(ffi::SQLITE_IOERR_WRITE)),
            Some(Trouble::Full) => (length / 2, Some(ffi::SQLITE_FULL)),
            Some(_) => (0, Some(ffi::SQLITE_IOERR_WRITE)),
        };
        if length > 0 {
            let result = usual!(file, xWrite, bytes, length, at);
            if result != ffi::SQLITE_OK {
                return result;
            }
            let bytes = slice::from_raw_parts(bytes.cast::<u8>(), length as usize);
            tape.record(Op::Write(name.clone(), at as u64, bytes.into()));
        }
        failure.unwrap_or(ffi::SQLITE_OK)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    unsafe {
        let Some((tape, name)) = tape(file) else {
            return usual!(file, xTruncate, length);
        };
        if tape.fails(&[Trouble::Truncate]).is_some() {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        let result = usual!(file, xTruncate, length);
        if result == ffi::SQLITE_OK {
            tape.record(Op::Truncate(name.clone(), length as u64));
        }
        result
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    unsafe {
        let Some((tape, name)) = tape(file) else {
            return usual!(file, xSync, flags);
        };
        if tape.fails(&[Trouble::Sync]).is_some() {
            tape.record(Op::NotSynced(name.clone()));
            return ffi::SQLITE_IOERR_FSYNC;
        }
        let result = usual!(file, xSync, flags);
        tape.record(match result {
            ffi::SQLITE_OK => Op::Sync(name.clone()),
            _ => Op::NotSynced(name.clone()),
        });
        result
    }
}

/// What is only handed on.
macro_rules! handed_on {
    ($($ours:ident = $method:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        $(unsafe extern "C" fn $ours(file: *mut ffi::sqlite3_file $(, $argument: $kind)*) -> $result {
            unsafe { usual!(file, $method $(, $argument)*) }
        })*
    };
}

handed_on! {
    file_size = xFileSize(size: *mut ffi::sqlite3_int64) -> c_int;
    lock = xLock(kind: c_int) -> c_int;
    unlock = xUnlock(kind: c_int) -> c_int;
    check_reserved_lock = xCheckReservedLock(result: *mut c_int) -> c_int;
    file_control = xFileControl(op: c_int, argument: *mut c_void) -> c_int;
    sector_size = xSectorSize() -> c_int;
    device_characteristics = xDeviceCharacteristics() -> c_int;
    shm_map = xShmMap(region: c_int, size: c_int, extend: c_int, at: *mut *mut c_void) -> c_int;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_unmap = xShmUnmap(delete: c_int) -> c_int;
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    unsafe {
        let real = real(file);
        if let Some(barrier) = (*(*real).pMethods).xShmBarrier {
            barrier(real);
        }
    }
}

/// Version 2: files are not mapped into memory, or writes would pass by.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
