//! `mc_loop`: commands without waiting, for programs that wait for many things at once.

use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};

use super::batch::mc_batch;
use super::batch_commands::Mixed;
use super::borrow::{borrow, limit, out};
use super::client::mc_client;
use super::command::mc_command;
use super::guard::{guard, guard_or};
use super::handle::{self, Handle};
use super::item::mc_item;
use super::loop_answer::{Answer, Told};
use super::results::mc_results;
use super::status::mc_status;
use crate::client::wait;
use crate::deadline::Deadline;
use crate::error::{Failure, Phase, Result, Status};
use crate::event::{Loop, Until};
use crate::transport::{Interest, Readiness};

/// An event loop of the caller's can carry operations of a client: nothing here waits (but mc_loop_run),
/// and no thread is made. Submit operations, wait for mc_loop_fd to become readable, mc_loop_timeout_us
/// at the longest, then call mc_loop_process, which tells of those that are over.
///
/// Used by one thread at a time (MC_IN_USE: another one is inside a call), in the process that made it:
/// in a forked child it can only be freed, all else is MC_INVALID_ARGUMENT. Each loop has one connection
/// to each server that it uses, beside those that `max_connections` counts; commands that are submitted
/// before a turn leave in it together, and are answered in their order. Freed with mc_loop_free.
/// Since: 0.1.
pub struct mc_loop {
    _opaque: [u8; 0],
}

/// The end of an operation. Made by the library and reached by pointer only: it grows at its end.
/// Since: 0.1.
#[repr(C)]
pub struct mc_completion {
    /// What mc_loop_submit has answered.
    pub id: u64,
    /// What it was given.
    pub user: *mut c_void,
    /// How it ended: the item's status, or that of a batch as mc_execute_multi returns it.
    pub status: mc_status,
    /// 0.
    pub reserved: u32,
    /// Of a lone command: all that can be said of its answer, filled on every path as by
    /// mc_execute_into. NULL only for MC_NO_MEMORY. It lives as long as the completion: mc_item_copy.
    pub item: *const mc_item,
    /// Of a batch: its answers, which belong to whoever is told. NULL only for MC_NO_MEMORY.
    pub results: *mut mc_results,
}

/// Hears of the end of an operation, on the thread that is inside mc_loop_process, mc_loop_run or
/// mc_loop_free, with no lock held. The completion lives until it returns, which it must. It may submit,
/// cancel and free; mc_loop_process and mc_loop_run are MC_IN_USE there. Since: 0.1.
pub type mc_done_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, completion: *const mc_completion)>;

/// What `mc_loop` stands for.
pub struct Shared {
    carried: Loop<Answer>,
    /// What mc_loop_next has told last.
    last: Mutex<Option<Told>>,
}

impl Handle for mc_loop {
    // Shared with a call in which the loop is freed.
    type Inner = Arc<Shared>;
    const KIND: u64 = 0x6d63_6c6f_6f70_6c6f;
}

/// Make a loop of a client, which may be freed before it. Neither resolves nor connects. MC_OK: `*out` is
/// the loop; else NULL. MC_UNSUPPORTED: the client has a fallback (mc_client_with_fallback), the option
/// replicate, or failover=gutter, which are for blocking calls. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_loop_new(
    client: *const mc_client,
    out: *mut *mut mc_loop,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { self::out(out, "out") }?;
        *place = std::ptr::null_mut();
        let client = borrow(client, "client")?;
        client.may_be_looped()?;
        let carried = Loop::new(client.core().clone(), client.options().clone())?;
        *place = handle::make::<mc_loop>(Arc::new(Shared {
            carried,
            last: Mutex::new(None),
        }));
        match place.is_null() {
            true => Err(Failure::no_memory(0)),
            false => Ok(()),
        }
    })
}

/// Free a loop; NULL is ignored. Every operation that is not over ends with MC_CANCELLED, and is told of
/// before this returns; called inside a callback, before the call returns that the callback runs in. Not
/// told are operations without a callback, and nothing in a forked child, which closes its descriptors
/// only. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_free(r#loop: *mut mc_loop) {
    guard_or((), || {
        let Some(shared) = handle::take(r#loop) else {
            return;
        };
        if shared.carried.own().is_err() {
            shared.carried.abandon();
            // Nothing is dropped that a vanished thread may have been changing.
            std::mem::forget(shared);
            return;
        }
        shared.carried.end(|over| Told::new(over).tell());
    });
}

/// Return the descriptor to wait for: readable when mc_loop_process has something to do. Wait for nothing
/// else, and neither read nor close it. It stays the same. -1 for what is no loop. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_fd(r#loop: *const mc_loop) -> i32 {
    let mut fd = -1;
    guard(|| {
        fd = borrow(r#loop, "loop")?.carried.fd()?;
        Ok(())
    });
    fd
}

/// Return how long mc_loop_fd may be waited for before mc_loop_process is called all the same, in
/// microseconds: 0 when it has something to do at once, -1 for as long as it takes. To be asked again
/// after every call that submits, cancels or processes. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_timeout_us(r#loop: *const mc_loop) -> i64 {
    let mut us = -1;
    guard(|| {
        us = match borrow(r#loop, "loop")?.carried.until()? {
            Until::Ready => -1,
            // Rounded up: it must be over then.
            Until::After(left) => i64::try_from(left.as_nanos().div_ceil(1000)).unwrap_or(i64::MAX),
        };
        Ok(())
    });
    us
}

/// Submit one command that names a key; key and value are copied. Its time begins now. MC_OK: `*id` (may
/// be NULL) names the operation, and its end is told once: by `done`, never from inside this call, or
/// where that is NULL by mc_loop_next. Else nothing is told: the command is one that is not sent (an
/// illegal key, a value that is too large), and mc_last_error says why. MC_NOREPLY: its end is that it
/// was written; a failure is counted when its reply comes, and told by mc_sync. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_loop_submit(
    r#loop: *mut mc_loop,
    command: *const mc_command,
    id: *mut u64,
    done: mc_done_fn,
    user: *mut c_void,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let place = unsafe { cleared(id) };
        let carried = &borrow(r#loop, "loop")?.carried;
        carried.own()?;
        // SAFETY: as the header says of commands.
        let read = unsafe { mc_command::read(command) }?;
        // SAFETY: as above.
        let command = unsafe { read.command() }?;
        let time = limit(read.timeout_us).or(carried.options().timeout);
        let task = |kept: &_| Answer::item(kept, done, user);
        let id = carried.submit(&command, time, task)?;
        if let Some(place) = place {
            *place = id;
        }
        Ok(())
    })
}

/// Submit many commands as one operation, whose answers come as mc_results; as mc_execute_multi, with
/// keys and values copied, and its end told as by mc_loop_submit. Its time is that of a batch. A command
/// that is not sent has its own status in the results. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_loop_submit_multi(
    r#loop: *mut mc_loop,
    commands: *const mc_command,
    n: usize,
    batch: *const mc_batch,
    id: *mut u64,
    done: mc_done_fn,
    user: *mut c_void,
) -> mc_status {
    guard(|| {
        // SAFETY: the caller's pointer: NULL or writable.
        let place = unsafe { cleared(id) };
        let carried = &borrow(r#loop, "loop")?.carried;
        carried.own()?;
        // SAFETY: as the header says of mc_execute_multi.
        let (time, commands) = unsafe { (mc_batch::limit(batch)?, Mixed::new(commands, n)?) };
        let time = time.or(carried.options().batch_timeout);
        let all_write = n > 0 && commands.all_write();
        let task = |kept: &_| Answer::results(kept, all_write, done, user);
        let id = carried.submit_multi(&commands, time, task)?;
        if let Some(place) = place {
            *place = id;
        }
        Ok(())
    })
}

/// # Safety
///
/// `id` is NULL or writable.
unsafe fn cleared<'a>(id: *mut u64) -> Option<&'a mut u64> {
    // SAFETY: promised by the caller.
    let place = unsafe { id.as_mut() };
    place.map(|place| {
        *place = 0;
        place
    })
}

/// Do all that can be done without waiting, and tell of the operations that are over by their callbacks.
/// Servers in memory answer here. What callbacks submit is begun in the next turn. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_process(r#loop: *mut mc_loop) -> mc_status {
    guard(|| {
        // A callback may free the loop.
        let shared = borrow(r#loop, "loop")?.clone();
        shared.carried.process(|over| Told::new(over).tell())
    })
}

/// Wait and process, for programs without a loop of their own: until no operation is under way, one is
/// there for mc_loop_next, or mc_loop_wake was called; for `timeout_us` microseconds at the longest (0:
/// as the client's timeout; below 0: for ever), then MC_TIMEOUT. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_run(r#loop: *mut mc_loop, timeout_us: i64) -> mc_status {
    guard(|| {
        // A callback may free the loop.
        let shared = borrow(r#loop, "loop")?.clone();
        let carried = &shared.carried;
        let end = Deadline::after(limit(timeout_us).or(carried.options().timeout)).end();
        let tell = |over| Told::new(over).tell();
        let over = carried.run(end, tell, |fd, until| {
            let interest = Interest {
                read: true,
                write: false,
            };
            let ready = wait::wait(&mut [Readiness::of(fd, interest)], until);
            ready.map(drop).map_err(|error| {
                Failure::new(Status::NO_MEMORY, format!("the loop cannot wait: {error}"))
                    .at(Phase::None)
                    .errno(error.raw_os_error().unwrap_or(0))
            })
        })?;
        match over {
            true => Ok(()),
            false => Err(Failure::new(
                Status::TIMEOUT,
                "operations of the loop are still under way",
            )
            .at(Phase::None)),
        }
    })
}

/// Take the end of one operation that was submitted without a callback, in the order in which they ended.
/// MC_OK: `*completion` lives until the next call of this on the loop, or its end; its results belong to
/// the caller. MC_WOULD_BLOCK: there is none; more come by mc_loop_process. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_loop_next(
    r#loop: *mut mc_loop,
    completion: *mut *const mc_completion,
) -> mc_status {
    let mut none = false;
    let status = guard(|| {
        // SAFETY: the caller's pointer.
        let place = unsafe { out(completion, "completion") }?;
        *place = std::ptr::null();
        let shared = borrow(r#loop, "loop")?;
        let next = shared.carried.next()?.map(Told::new);
        let mut last = shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = next;
        match last.as_mut() {
            Some(told) => *place = told.give(),
            None => none = true,
        }
        Ok(())
    });
    match none {
        true => Status::WOULD_BLOCK.0,
        false => status,
    }
}

/// Return how many operations were submitted whose end was not told yet; 0 for what is no loop.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_pending(r#loop: *const mc_loop) -> usize {
    let mut pending = 0;
    guard(|| {
        pending = borrow(r#loop, "loop")?.carried.pending()?;
        Ok(())
    });
    pending
}

/// End an operation now, with MC_CANCELLED (and the effect that it may have had), which is told as any
/// other end. Its reply is thrown away when it comes. MC_NOT_FOUND: it is over already, or never was.
/// Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_cancel(r#loop: *mut mc_loop, id: u64) -> mc_status {
    let mut there = true;
    let status = guard(|| {
        there = borrow(r#loop, "loop")?.carried.cancel(id)?;
        Ok(())
    });
    match there {
        true => status,
        false => Status::NOT_FOUND.0,
    }
}

/// Make mc_loop_fd readable, and mc_loop_run return: the only call that other threads may make at any
/// time. Since: 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn mc_loop_wake(r#loop: *mut mc_loop) -> mc_status {
    guard(|| {
        let wake: Result<()> = borrow(r#loop, "loop")?.carried.wake();
        wake
    })
}
