//! The keys of every server: told to a callback, or asked for one by one.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, TryLockError};

use super::batch::finish;
use super::borrow::{borrow, limit, null, out};
use super::client::mc_client;
use super::dump_entry::mc_dump_entry;
use super::guard::{guard, guard_or, guard_status};
use super::handle::{self, Handle};
use super::results::mc_results;
use super::results_sink::ResultsSink;
use super::server::Everyone;
use super::status::mc_status;
use super::{guard, last_error};
use crate::client::dump::{Dump, Outcome};
use crate::client::sink::{Answer, Sink};
use crate::error::{Failure, Result, Status};
use crate::protocol::{Command, Op};

/// The keys of every server, being told: begun with mc_dump_new, freed with mc_dump_free. Used by one
/// thread at a time; may outlive the client; a forked child can only free it. Since: 0.1.
pub struct mc_dump {
    _opaque: [u8; 0],
}

/// What `mc_dump` stands for.
pub struct Running {
    dump: Dump,
    /// The key that was told last.
    entry: mc_dump_entry,
}

// SAFETY: the pointers of the entry lead into the dump, which moves with it, and to names of servers,
// which live for ever.
unsafe impl Send for Running {}

impl Handle for mc_dump {
    type Inner = Mutex<Running>;
    const KIND: u64 = 0x6d63_6475_6d70_6b73;
}

fn lock(running: &Mutex<Running>) -> Result<MutexGuard<'_, Running>> {
    match running.try_lock() {
        Ok(running) => Ok(running),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            Status::IN_USE,
            "another thread is inside this dump",
        )),
    }
}

/// Hears of one key; `entry` and its key live until it returns. Anything but 0 ends the dump. It runs on
/// the thread that is inside mc_dump_keys, with no lock and no connection of the pool held; it must return,
/// and may use the client. Since: 0.1.
pub type mc_dump_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, entry: *const mc_dump_entry) -> i32>;

/// One item for each server: how its dump ended, and how many keys were told.
fn outcomes(dump: &Dump, place: Option<&mut *mut mc_results>) -> Result<Status> {
    let names: Vec<_> = dump.progress().map(|(name, _)| name).collect();
    let mut sink = ResultsSink::for_servers(&names)?;
    for (tag, (name, progress)) in dump.progress().enumerate() {
        let tag = tag as u32;
        match &progress.outcome {
            Outcome::Whole => {}
            Outcome::Failed(failure) => sink.fail(tag, failure.clone()),
            Outcome::Going => {
                let text = format!("the dump of {name} was not told to its end");
                sink.fail(tag, Failure::new(Status::CANCELLED, text).on(name));
            }
        }
        // Behind a failure, which would take it back.
        sink.answer(tag, Answer::Number(progress.told));
    }
    let nothing = Everyone(Command::new(Op::Version, b""));
    finish(sink, &nothing, Status::PARTIAL, place)
}

/// Tell `callback` every key of every server, as far as they begin with key_prefix, with what the server
/// says of it; `user` is handed to it. Keys come in no order, as they are read: nothing is collected,
/// whatever their number. What is stored, changed or dropped meanwhile may be told or not, and also
/// twice; memcached passes over an item that is in use at the very moment. Each server is asked (lru_crawler metadump) over a connection of this call's own, which does
/// not count for max_connections and is closed afterwards; it is given up when it is silent for
/// `timeout`. `timeout_us` is for all of it, the time that the callback takes included: 0 batch_timeout,
/// below 0 none.
///
/// `*out` (`out` may be NULL) holds one item for each server, in the order of the list, those that are
/// down included: MC_OK, or why its keys were not all told; `number` says how many were. A server that is
/// already telling somebody its keys (memcached tells one at a time) has MC_SERVER_ERROR, and "BUSY …" in
/// its `text`; one that was started without dumps (-X) MC_NOT_PERMITTED, one too old MC_UNKNOWN_COMMAND.
/// MC_OK: all keys were told. MC_PARTIAL: not those of some servers. MC_CANCELLED: the callback has ended
/// it. For languages that cannot be called back: mc_dump_new. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_dump_keys(
    client: *const mc_client,
    callback: mc_dump_fn,
    user: *mut c_void,
    timeout_us: i64,
    out: *mut *mut mc_results,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let mut place = unsafe { out.as_mut() };
        if let Some(place) = &mut place {
            **place = std::ptr::null_mut();
        }
        let client = borrow(client, "client")?;
        let callback = callback.ok_or_else(|| null("callback"))?;
        let mut dump = client.dump(limit(timeout_us))?;
        let mut cancelled = false;
        while let Some(told) = dump.next_key()? {
            let entry = mc_dump_entry::new(&told);
            // SAFETY: the caller's function; the entry lives through the call.
            if unsafe { callback(user, &entry) } != 0 {
                cancelled = true;
                break;
            }
        }
        let ended = outcomes(&dump, place)?;
        if !cancelled {
            status = ended;
            return Ok(());
        }
        let failure = Failure::new(Status::CANCELLED, "the callback has ended the dump");
        status = failure.status;
        last_error::record(&failure);
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}

/// Begin to have the keys of every server told, one by one, with mc_dump_next: as mc_dump_keys tells
/// them, whose `timeout_us` this is, counted from here on. `*out` is freed with mc_dump_free. Asks
/// nothing yet. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_dump_new(
    client: *const mc_client,
    timeout_us: i64,
    out: *mut *mut mc_dump,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        *place = handle::make::<mc_dump>(Mutex::new(Running {
            dump: client.dump(limit(timeout_us))?,
            entry: mc_dump_entry::EMPTY,
        }));
        if place.is_null() {
            return Err(Failure::no_memory(0));
        }
        Ok(())
    })
}

/// Wait for the next key. MC_OK: `*out` is it, and lives until the next call on this dump. MC_NO_VALUE:
/// there are no more; mc_dump_results tells whether all of them came. MC_UNSUPPORTED: the process was
/// forked since the dump was begun. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_dump_next(
    dump: *const mc_dump,
    out: *mut *const mc_dump_entry,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointer.
        match unsafe { next(dump, out) } {
            Ok(true) => Status::OK,
            Ok(false) => Status::NO_VALUE,
            Err(failure) => Status(guard::failed(&failure)),
        }
    })
}

/// # Safety
///
/// As the header says of mc_dump_next.
unsafe fn next(dump: *const mc_dump, out: *mut *const mc_dump_entry) -> Result<bool> {
    // SAFETY: promised by the caller.
    let place = unsafe { self::out(out, "out") }?;
    *place = std::ptr::null();
    let mut running = lock(borrow(dump, "dump")?)?;
    let Running { dump, entry } = &mut *running;
    let Some(told) = dump.next_key()? else {
        return Ok(false);
    };
    *entry = mc_dump_entry::new(&told);
    *place = std::ptr::from_ref(entry);
    Ok(true)
}

/// Tell how the dump of each server ended: `*out` as that of mc_dump_keys. MC_OK: all keys of all servers
/// were told; MC_PARTIAL: not all, or not yet. A server whose keys were not told to their end has
/// MC_CANCELLED. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_dump_results(
    dump: *const mc_dump,
    out: *mut *mut mc_results,
) -> mc_status {
    let mut status = Status::OK;
    let failed = guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        let running = lock(borrow(dump, "dump")?)?;
        status = outcomes(&running.dump, Some(place))?;
        Ok(())
    });
    if failed != 0 { failed } else { status.0 }
}

/// End a dump, told or not, and free it with the key that was told last. NULL is ignored. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_dump_free(dump: *mut mc_dump) {
    guard_or((), || drop(handle::take(dump)));
}
