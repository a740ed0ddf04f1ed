//! SQLite's door to the operating system, with a watcher in it. The only unsafe code of the house.
//!
//! The shim is the default VFS of a process that has called [`watch`]. It hands everything on to the VFS that was the
//! default before; files in watched directories are recorded and may fail on the way.
#![allow(unsafe_code, reason = "SQLite's VFS is a C interface; each block says why it is sound")]

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem,
    path::{Path, PathBuf},
    ptr, slice,
    sync::{Arc, Once, Weak},
};

use parking_lot::Mutex;
use rusqlite::ffi::{
    SQLITE_FULL, SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMMAP, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_TRUNCATE,
    SQLITE_IOERR_WRITE, SQLITE_OK, sqlite3_file, sqlite3_filename, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs,
    sqlite3_vfs_find, sqlite3_vfs_register,
};

use crate::disk::{Event, FaultKind, On, State};

type Watched = Arc<Mutex<State>>;

static WATCHED: Mutex<Vec<(PathBuf, Weak<Mutex<State>>)>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

/// Records what happens to the files in `dir` from their next opening on, as long as `state` lives.
pub(crate) fn watch(dir: PathBuf, state: &Watched) {
    INSTALL.call_once(install);
    let mut watched = WATCHED.lock();
    watched.retain(|(other, state)| *other != dir && state.strong_count() > 0);
    watched.push((dir, Arc::downgrade(state)));
}

/// One open file: SQLite's header, ours, and behind it in the same allocation the file of the VFS below.
#[repr(C)]
struct Shim {
    base: sqlite3_file,
    /// `None`: not watched. A box, because SQLite's memory is plain bytes that nobody drops.
    entry: *mut Entry,
}

struct Entry {
    file: String,
    state: Watched,
}

fn install() {
    // SAFETY: a null name asks for the default VFS; SQLite is initialised by the call.
    let below = unsafe { sqlite3_vfs_find(ptr::null()) };
    assert!(!below.is_null(), "SQLite has a default VFS");
    // SAFETY: registered VFS objects live as long as the process and are not changed after registration. The copy's
    // function pointers are those of the VFS below; they use nothing of the object but `pAppData` and the path limit,
    // which are the same in the copy.
    let mut shim = unsafe { *below };
    shim.szOsFile += size_of::<Shim>() as c_int;
    shim.zName = c"anser-watched".as_ptr();
    shim.pNext = ptr::null_mut();
    shim.xOpen = Some(open);
    shim.xDelete = Some(delete);
    BELOW.get_or_init(|| Below(below));
    let shim = Box::leak(Box::new(shim));
    // SAFETY: the object is leaked, so it lives for ever, and is complete.
    let registered = unsafe { sqlite3_vfs_register(shim, 1) };
    assert_eq!(registered, SQLITE_OK);
}

struct Below(*mut sqlite3_vfs);

// SAFETY: a registered VFS may be used from any thread; that is SQLite's contract for it.
unsafe impl Send for Below {}
// SAFETY: as above; nothing here writes through the pointer.
unsafe impl Sync for Below {}

static BELOW: std::sync::OnceLock<Below> = std::sync::OnceLock::new();

fn below() -> *mut sqlite3_vfs {
    BELOW.get().expect("set before the shim was registered").0
}

/// Who watches the file at `path`.
fn entry(path: &Path) -> Option<Entry> {
    let watched = WATCHED.lock();
    let (_, state) = watched.iter().find(|(dir, _)| path.parent() == Some(dir))?;
    Some(Entry { file: path.file_name()?.to_string_lossy().into_owned(), state: state.upgrade()? })
}

/// # Safety
/// `name` is null or a C string.
unsafe fn path(name: *const c_char) -> PathBuf {
    if name.is_null() {
        return PathBuf::new();
    }
    // SAFETY: the caller's promise.
    PathBuf::from(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}

/// # Safety
/// Called by SQLite, with `file` pointing at `szOsFile` bytes of its own.
unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let shim = file.cast::<Shim>();
    // SAFETY: SQLite gave `szOsFile` bytes, which is a `Shim` and what the VFS below wants; the VFS below gets its own
    // object and the name with SQLite's hidden parameters behind it, unchanged.
    unsafe {
        let inner = inner(file);
        (*inner).pMethods = ptr::null();
        let xopen = (*below()).xOpen.expect("a VFS opens");
        let opened = xopen(below(), name, inner, flags, out_flags);
        (*shim).base.pMethods = if opened == SQLITE_OK { &METHODS } else { ptr::null() };
        (*shim).entry = match entry(&path(name)) {
            Some(entry) if opened == SQLITE_OK => Box::into_raw(Box::new(entry)),
            _ => ptr::null_mut(),
        };
        opened
    }
}

/// # Safety
/// Called by SQLite.
unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, sync_dir: c_int) -> c_int {
    // SAFETY: the name is SQLite's; the VFS below gets its own object.
    let (deleted, path) = unsafe {
        let xdelete = (*below()).xDelete.expect("a VFS deletes");
        (xdelete(below(), name, sync_dir), path(name))
    };
    if deleted == SQLITE_OK
        && let Some(entry) = entry(&path)
    {
        entry.state.lock().record(Event::Delete { file: entry.file });
    }
    deleted
}

/// The file of the VFS below.
///
/// # Safety
/// `file` was laid out by [`open`], or is about to be.
unsafe fn inner(file: *mut sqlite3_file) -> *mut sqlite3_file {
    // SAFETY: it stands behind the shim in one allocation. `Shim` is two pointers, so it is aligned for pointers.
    unsafe { file.cast::<Shim>().add(1).cast() }
}

/// # Safety
/// `file` was opened by [`open`] and not closed yet.
unsafe fn watcher<'a>(file: *mut sqlite3_file) -> Option<&'a Entry> {
    // SAFETY: null or a live box until `close`; SQLite uses a file from one thread at a time.
    unsafe { (*file.cast::<Shim>()).entry.as_ref() }
}

/// Calls a method of the file below, as it is.
///
/// # Safety
/// `file` was opened by [`open`] and not closed yet, and the arguments are SQLite's own.
macro_rules! hand_on {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        let inner = inner($file);
        let method = (*(*inner).pMethods).$method.expect("the VFS below has all methods of version 3");
        method(inner $(, $argument)*)
    }};
}

macro_rules! handed_on {
    ($($name:ident = $method:ident($($argument:ident: $type:ty),*) $(-> $answer:ty)?;)*) => {$(
        /// # Safety
        /// Called by SQLite with a file that [`open`] opened.
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $argument: $type)*) $(-> $answer)? {
            // SAFETY: SQLite's arguments go on unchanged, the file is the one below.
            unsafe { hand_on!(file, $method $(, $argument)*) }
        }
    )*};
}

handed_on! {
    read = xRead(to: *mut c_void, count: c_int, offset: sqlite3_int64) -> c_int;
    file_size = xFileSize(size: *mut sqlite3_int64) -> c_int;
    lock = xLock(kind: c_int) -> c_int;
    unlock = xUnlock(kind: c_int) -> c_int;
    check_reserved_lock = xCheckReservedLock(answer: *mut c_int) -> c_int;
    file_control = xFileControl(operation: c_int, argument: *mut c_void) -> c_int;
    sector_size = xSectorSize() -> c_int;
    device_characteristics = xDeviceCharacteristics() -> c_int;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier = xShmBarrier();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int;
    fetch = xFetch(offset: sqlite3_int64, count: c_int, page: *mut *mut c_void) -> c_int;
    unfetch = xUnfetch(offset: sqlite3_int64, page: *mut c_void) -> c_int;
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 3,
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
    xFetch: Some(fetch),
    xUnfetch: Some(unfetch),
};

/// # Safety
/// Called by SQLite with a file that [`open`] opened, for the last time.
unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    let shim = file.cast::<Shim>();
    // SAFETY: the box was made by `open` and is given back once; the file below is closed once.
    unsafe {
        let entry = mem::replace(&mut (*shim).entry, ptr::null_mut());
        if !entry.is_null() {
            drop(Box::from_raw(entry));
        }
        hand_on!(file, xClose)
    }
}

/// # Safety
/// Called by SQLite with a file that [`open`] opened and `count` bytes at `from`.
unsafe extern "C" fn write(file: *mut sqlite3_file, from: *const c_void, count: c_int, offset: sqlite3_int64) -> c_int {
    // SAFETY: SQLite's arguments go on; a failing write hands on the first half, as a disk may.
    unsafe {
        let Some(entry) = watcher(file) else { return hand_on!(file, xWrite, from, count, offset) };
        let fails = entry.state.lock().fails(On::Write, &entry.file);
        let count = if fails.is_some() { count / 2 } else { count };
        if count > 0 {
            let written = hand_on!(file, xWrite, from, count, offset);
            if written != SQLITE_OK {
                return written;
            }
            let data = slice::from_raw_parts(from.cast::<u8>(), count as usize).to_vec();
            entry.state.lock().record(Event::Write { file: entry.file.clone(), offset: offset as u64, data });
        }
        match fails {
            None => SQLITE_OK,
            Some(FaultKind::Full) => SQLITE_FULL,
            Some(FaultKind::Broken) => SQLITE_IOERR_WRITE,
        }
    }
}

/// # Safety
/// Called by SQLite with a file that [`open`] opened.
unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: sqlite3_int64) -> c_int {
    // SAFETY: SQLite's arguments go on.
    unsafe {
        let Some(entry) = watcher(file) else { return hand_on!(file, xTruncate, length) };
        if entry.state.lock().fails(On::Write, &entry.file).is_some() {
            return SQLITE_IOERR_TRUNCATE;
        }
        let cut = hand_on!(file, xTruncate, length);
        if cut == SQLITE_OK {
            entry.state.lock().record(Event::Truncate { file: entry.file.clone(), length: length as u64 });
        }
        cut
    }
}

/// # Safety
/// Called by SQLite with a file that [`open`] opened.
unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite's arguments go on.
    unsafe {
        let Some(entry) = watcher(file) else { return hand_on!(file, xSync, flags) };
        let began = {
            let mut state = entry.state.lock();
            if state.fails(On::Sync, &entry.file).is_some() {
                return SQLITE_IOERR_FSYNC;
            }
            state.length()
        };
        let synced = hand_on!(file, xSync, flags);
        if synced == SQLITE_OK {
            entry.state.lock().record(Event::Sync { file: entry.file.clone(), began });
        }
        synced
    }
}

/// # Safety
/// Called by SQLite with a file that [`open`] opened.
unsafe extern "C" fn shm_map(
    file: *mut sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    page: *mut *mut c_void,
) -> c_int {
    // SAFETY: SQLite's arguments go on. A failure leaves the answer null, as the interface asks.
    unsafe {
        if extend != 0
            && let Some(entry) = watcher(file)
            && let Some(fails) = entry.state.lock().fails(On::Index, &entry.file)
        {
            *page = ptr::null_mut();
            return if fails == FaultKind::Full { SQLITE_IOERR_SHMSIZE } else { SQLITE_IOERR_SHMMAP };
        }
        hand_on!(file, xShmMap, region, size, extend, page)
    }
}
