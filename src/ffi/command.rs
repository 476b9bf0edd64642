//! `mc_command`: a command is data.

use std::ffi::{c_char, c_void};

use super::borrow::{borrow, bytes, limit, null, out, sized};
use super::client::mc_client;
use super::guard::guard_status;
use super::item::{Slot, mc_item};
use super::item_sink::ItemSink;
use super::last_error;
use super::status::mc_status;
use crate::client::sink::Sink;
use crate::client::{Client, Limit};
use crate::error::{Effect, Failure, Result, Status};
use crate::protocol::Op;
use crate::protocol::command::{Command, Reply};
use crate::protocol::expiry::Ttl;
use crate::protocol::extra::Extra;

/// Read a value. Single, batch, loop. Since: 0.1.
pub const MC_OP_GET: u32 = 1;
/// Read a value and its CAS. Single, batch, loop. Since: 0.1.
pub const MC_OP_GETS: u32 = 2;
/// Read a value and set its time to live. Single, batch, loop. Since: 0.1.
pub const MC_OP_GAT: u32 = 3;
/// Read a value and its CAS, and set its time to live. Single, batch, loop. Since: 0.1.
pub const MC_OP_GATS: u32 = 4;
/// Store. Single, batch, loop. Since: 0.1.
pub const MC_OP_SET: u32 = 5;
/// Store where there is nothing; else MC_NOT_STORED. Single, batch, loop. Since: 0.1.
pub const MC_OP_ADD: u32 = 6;
/// Store where there is something; else MC_NOT_STORED. Single, batch, loop. Since: 0.1.
pub const MC_OP_REPLACE: u32 = 7;
/// Put behind the value that there is; else MC_NOT_STORED. Flags and time to live stay. Single,
/// batch, loop. Since: 0.1.
pub const MC_OP_APPEND: u32 = 8;
/// Put in front of the value that there is; else MC_NOT_STORED. Flags and time to live stay. Single,
/// batch, loop. Since: 0.1.
pub const MC_OP_PREPEND: u32 = 9;
/// Store where the item still has the CAS given; else MC_CAS_FAILURE, or MC_NOT_FOUND. Single, batch, loop.
/// Since: 0.1.
pub const MC_OP_CAS: u32 = 10;
/// Delete; MC_NOT_FOUND where there is nothing. Single, batch, loop. Since: 0.1.
pub const MC_OP_DELETE: u32 = 11;
/// Set the time to live; MC_NOT_FOUND where there is nothing. Single, batch, loop. Since: 0.1.
pub const MC_OP_TOUCH: u32 = 12;
/// Add `delta` to the number that the value spells, modulo 2^64; answers `number`. Single, batch, loop.
/// Since: 0.1.
pub const MC_OP_INCR: u32 = 13;
/// Take `delta` from the number that the value spells, not below 0; answers `number`. Single, batch, loop.
/// Since: 0.1.
pub const MC_OP_DECR: u32 = 14;
/// Ask the version of every server: mc_server_versions. Since: 0.1.
pub const MC_OP_VERSION: u32 = 15;
/// Forget everything, on every server: mc_flush_all. Since: 0.1.
pub const MC_OP_FLUSH_ALL: u32 = 16;
/// Ask every server for statistics: mc_stats_get. Since: 0.1.
pub const MC_OP_STATS: u32 = 17;
/// Set how much every server writes to its log: mc_verbosity. Since: 0.1.
pub const MC_OP_VERBOSITY: u32 = 18;
/// Set how much memory every server may use: mc_cache_memlimit. Since: 0.1.
pub const MC_OP_CACHE_MEMLIMIT: u32 = 19;
/// Ask every server for a sign of life: mc_ping. Since: 0.1.
pub const MC_OP_PING: u32 = 20;
/// Delete a key on every server: mc_delete_all. Since: 0.1.
pub const MC_OP_DELETE_ALL: u32 = 21;
/// Ask whether there is an item, and for what is wanted of it, without its value: mc_exists. Where the
/// protocol has nothing for it, the value is read and thrown away. Single, batch. Since: 0.1.
pub const MC_OP_EXISTS: u32 = 22;

/// `options`: have the item's CAS in the answer: to MC_OP_GET and MC_OP_GAT by every protocol, to what
/// stores, counts or touches by the meta protocol. Wants are wishes: what could not be had is absent from
/// the item's `have`. Since: 0.1.
pub const MC_WANT_CAS: u64 = 1;
/// `options`: have the item's time to live in the answer to what reads, touches or counts (meta protocol).
/// Since: 0.1.
pub const MC_WANT_TTL: u64 = 2;
/// `options`: have the size of the value in the answer to what reads or touches (meta protocol), and to
/// what stores (memcached 1.6.20). Since: 0.1.
pub const MC_WANT_SIZE: u64 = 4;
/// `options`: have the time since the item was last used in the answer to what reads or touches (meta
/// protocol). Since: 0.1.
pub const MC_WANT_LAST_ACCESS: u64 = 8;
/// `options`: have in the answer to what reads or touches whether the item was read before (meta
/// protocol). Since: 0.1.
pub const MC_WANT_HIT_BEFORE: u64 = 16;
/// `options`: `flags` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_FLAGS: u64 = 0x1_0000;
/// `options`: `cas` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_CAS: u64 = 0x2_0000;
/// `options`: `delta` was said, even if it is 0; else 0 means 1. Since: 0.1.
pub const MC_HAS_DELTA: u64 = 0x4_0000;
/// `options`: `initial` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_INITIAL: u64 = 0x8_0000;
/// `options`: `recache_ttl` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_RECACHE: u64 = 0x10_0000;
/// `options`: `lease_ttl` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_LEASE: u64 = 0x20_0000;
/// `options`: `stale_ttl` was said, even if it is 0. Since: 0.1.
pub const MC_HAS_STALE: u64 = 0x40_0000;
/// `options`: `own_cas` was said. Since: 0.1.
pub const MC_HAS_OWN_CAS: u64 = 0x80_0000;
/// `options`: `ttl` is a moment, in seconds since 1970. Since: 0.1.
pub const MC_TTL_IS_UNIX_TIME: u64 = 0x1_0000_0000;
/// `options`: do not wait for the reply of a write. MC_OK then means written; a failure is counted and
/// told by mc_sync. In a batch every reply is waited for. Since: 0.1.
pub const MC_NOREPLY: u64 = 0x2_0000_0000;
/// `options`: wait for the reply, whatever the option default_noreply says. Since: 0.1.
pub const MC_REPLY: u64 = 0x4_0000_0000;
/// `options`: a read that is no use of the item: it is no younger by it, nor read before (meta protocol).
/// Since: 0.1.
pub const MC_PEEK: u64 = 0x40_0000_0000;
/// `options`: MC_OP_DELETE with a `stale_ttl` leaves a stale item without its value (meta protocol,
/// memcached 1.6.27). Since: 0.1.
pub const MC_DROP_VALUE: u64 = 0x80_0000_0000;
/// `options`: MC_OP_INCR and MC_OP_DECR give the item `ttl` seconds to live too (meta protocol).
/// Since: 0.1.
pub const MC_TOUCH: u64 = 0x100_0000_0000;

const KNOWN_OPTIONS: u64 = MC_WANT_CAS
    | MC_WANT_TTL
    | MC_WANT_SIZE
    | MC_WANT_LAST_ACCESS
    | MC_WANT_HIT_BEFORE
    | MC_HAS_FLAGS
    | MC_HAS_CAS
    | MC_HAS_DELTA
    | MC_HAS_INITIAL
    | MC_HAS_RECACHE
    | MC_HAS_LEASE
    | MC_HAS_STALE
    | MC_HAS_OWN_CAS
    | MC_PEEK
    | MC_DROP_VALUE
    | MC_TOUCH
    | MC_TTL_IS_UNIX_TIME
    | MC_NOREPLY
    | MC_REPLY;

/// A command. Begin with MC_COMMAND_INIT(op): in every field but `size` and `op`, 0 means "not said".
/// Since: 0.1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mc_command {
    /// sizeof(mc_command).
    pub size: u32,
    /// MC_OP_*.
    pub op: u32,
    /// MC_WANT_*, MC_HAS_*, MC_TTL_IS_UNIX_TIME, MC_NOREPLY, MC_REPLY, MC_PEEK, MC_DROP_VALUE,
    /// MC_TOUCH.
    pub options: u64,
    /// The key, without prefix.
    pub key: *const c_char,
    /// Its length in bytes, or MC_CSTR.
    pub key_len: usize,
    /// The value of a command that stores.
    pub value: *const c_void,
    /// Its length in bytes, or MC_CSTR.
    pub value_len: usize,
    /// Find the server by this instead of the key.
    pub route: *const c_char,
    /// Its length in bytes, or MC_CSTR.
    pub route_len: usize,
    /// Seconds to live, any number; 0: for ever; MC_EXPIRE_NOW: not at all. Of a command with an
    /// `initial`: of what it makes; of one that counts with MC_TOUCH: of what it counts.
    pub ttl: i64,
    /// How long the command may take, in microseconds; 0: as the client says; below 0: for ever.
    pub timeout_us: i64,
    /// The CAS that the item must still have, else MC_CAS_FAILURE: for MC_OP_CAS, and by the meta
    /// protocol for what deletes, counts, appends or prepends. MC_OP_SET and MC_OP_REPLACE with it are
    /// MC_OP_CAS. A get with it (memcached 1.6.40) answers the value only where the item has another CAS,
    /// else MC_OK without a value.
    pub cas: u64,
    /// By how much MC_OP_INCR and MC_OP_DECR count; 1 unless said.
    pub delta: u64,
    /// The number that a missing item begins with, for MC_OP_INCR and MC_OP_DECR, and what they answer
    /// then. MC_OP_APPEND and MC_OP_PREPEND with MC_HAS_INITIAL store their value where there is nothing.
    /// Where the server has no command for it, it is done by several, and still nothing is counted twice
    /// or overwritten; in a batch those come behind its other commands.
    pub initial: u64,
    /// Of a read: where the item has less than so many seconds to live, one reader is told by the mark
    /// MC_MARK_WON to make it anew, others by MC_MARK_OTHER_WON that somebody does (meta protocol).
    pub recache_ttl: i64,
    /// Of a read: where there is no item, an empty one is made that lives for so many seconds (0: for
    /// ever), and one reader gets it with the mark MC_MARK_WON and is to fill it; others get MC_NO_VALUE
    /// with MC_MARK_OTHER_WON until then (meta protocol).
    pub lease_ttl: i64,
    /// Of MC_OP_DELETE: the item becomes stale instead, and lives for so many seconds; with MC_HAS_STALE
    /// and 0, as long as it would have. Readers get it with MC_MARK_STALE, one of them with MC_MARK_WON. Of
    /// a store that compares, MC_HAS_STALE and 0: an older CAS stores too, as a stale item (meta protocol).
    pub stale_ttl: i64,
    /// The flags that are stored with the value.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// NULL in this version.
    pub release: Option<unsafe extern "C" fn(user: *mut c_void)>,
    /// NULL in this version.
    pub release_user: *mut c_void,
    /// The CAS that the item is to have from now on, instead of one of the server's: with what stores or
    /// counts, MC_OP_DELETE with `stale_ttl`, a read with `lease_ttl` (meta protocol, memcached 1.6.27).
    pub own_cas: u64,
}

/// The header's MC_EXPIRE_NOW.
const EXPIRE_NOW: i64 = i64::MIN;

/// A time to live as the caller says it.
pub(super) fn ttl(ttl: i64, is_moment: bool) -> Result<Ttl> {
    match ttl {
        EXPIRE_NOW => Ok(Ttl::Now),
        0 => Ok(Ttl::Never),
        _ if ttl < 0 => Err(Failure::argument(format!(
            "a time to live of {ttl} seconds; MC_EXPIRE_NOW expires at once, 0 never"
        ))),
        _ if is_moment => Ok(Ttl::At(ttl)),
        _ => Ok(Ttl::After(ttl)),
    }
}

impl mc_command {
    /// The caller's command, of whatever version.
    ///
    /// # Safety
    ///
    /// `pointer` is NULL or valid for as many bytes as its `size` says.
    pub(super) unsafe fn read(pointer: *const mc_command) -> Result<mc_command> {
        if pointer.is_null() {
            return Err(null("command"));
        }
        // SAFETY: every version begins with `size`.
        let size = unsafe { (*pointer).size } as usize;
        // SAFETY: promised by the caller.
        unsafe { sized(pointer, size, "command") }
    }

    /// In the library's words.
    ///
    /// # Safety
    ///
    /// The pointers are NULL or valid for their lengths for as long as `'a`.
    #[inline]
    pub(super) unsafe fn command<'a>(&self) -> Result<Command<'a>> {
        let op = self
            .known_op()
            .ok_or_else(|| Failure::argument(format!("there is no op {}", self.op)))?;
        // SAFETY: promised by the caller.
        unsafe { self.checked(op) }.map_err(|failure| refused(op, failure))
    }

    /// # Safety
    ///
    /// As [`mc_command::command`].
    #[inline(always)]
    unsafe fn checked<'a>(&self, op: Op) -> Result<Command<'a>> {
        self.check(op)?;
        // SAFETY: promised by the caller, for all three.
        let (key, value, route) = unsafe {
            (
                bytes(self.key.cast(), self.key_len, "key")?,
                bytes(self.value, self.value_len, "value")?,
                bytes(self.route.cast(), self.route_len, "route")?,
            )
        };
        let (op, extra) = match self.is_beyond(op) {
            true => self.beyond(op)?,
            false => (op, Extra::NOTHING),
        };
        Ok(Command {
            extra,
            value: if op.sends_value() { value } else { b"" },
            ttl: ttl(self.ttl, self.options & MC_TTL_IS_UNIX_TIME != 0)?,
            flags: self.flags,
            cas: self.cas,
            delta: match self.delta {
                0 if self.options & MC_HAS_DELTA == 0 => 1,
                delta => delta,
            },
            route: (!self.route.is_null()).then_some(route),
            reply: match self.options & (MC_NOREPLY | MC_REPLY) {
                0 => Reply::Default,
                MC_NOREPLY => Reply::Quiet,
                _ => Reply::Wait,
            },
            ..Command::new(self.wanted(op), key)
        })
    }

    /// The caller's key, of a command that is refused; empty where it is that which is wrong.
    ///
    /// # Safety
    ///
    /// As [`mc_command::command`].
    #[cold]
    pub(super) unsafe fn refused_key<'a>(&self) -> &'a [u8] {
        // SAFETY: promised by the caller.
        unsafe { bytes(self.key.cast(), self.key_len, "key") }.unwrap_or_default()
    }

    /// The op that has what is wanted in its answer.
    fn wanted(&self, op: Op) -> Op {
        match op {
            Op::Get if self.options & MC_WANT_CAS != 0 => Op::Gets,
            Op::Gat if self.options & MC_WANT_CAS != 0 => Op::Gats,
            op => op,
        }
    }

    fn check(&self, op: Op) -> Result<()> {
        let unknown = self.options & !KNOWN_OPTIONS;
        if unknown != 0 {
            return Err(Failure::argument(format!("unknown options {unknown:#x}")));
        }
        if self.reserved != 0 {
            return Err(Failure::argument("command.reserved is not 0"));
        }
        if self.release.is_some() || !self.release_user.is_null() {
            return Err(Failure::argument(
                "command.release: a value is used before the call returns, nothing is released",
            ));
        }
        let both = MC_NOREPLY | MC_REPLY;
        if self.options & both == both {
            return Err(Failure::argument("MC_NOREPLY and MC_REPLY together"));
        }
        if self.options & MC_NOREPLY != 0 && op.is_read() {
            return Err(Failure::argument(format!(
                "MC_NOREPLY: all that {} does is reply",
                op.name()
            )));
        }
        Ok(())
    }
}

/// A write that is refused has not taken place.
#[cold]
fn refused(op: Op, failure: Box<Failure>) -> Box<Failure> {
    if op.is_read() {
        failure
    } else {
        failure.effect(Effect::NotApplied)
    }
}

/// Carry out one command and wait for its answer. MC_OK: `*out` is the item, freed with mc_item_free;
/// else it is NULL. A miss is MC_NO_VALUE (reads) or MC_NOT_FOUND (the others). Who wants the detail of
/// a failure in hand uses mc_execute_into. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_execute(
    client: *const mc_client,
    command: *const mc_command,
    out: *mut *mut mc_item,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header says.
        let (client, out, read) = match unsafe { begin(client, command, out) } {
            Ok(begun) => begun,
            Err(failure) => return failed(&failure),
        };
        // SAFETY: as above.
        let command = match unsafe { read.command() } {
            Ok(command) => command,
            Err(failure) => return failed(&failure),
        };
        let mut sink = ItemSink::making(command.key);
        client.execute_any(&command, limit(read.timeout_us), &mut sink);
        let status = sink.status;
        *out = sink.hand_out();
        status
    })
}

/// The parts of mc_execute's arguments that must be there.
///
/// # Safety
///
/// As the header says.
unsafe fn begin<'a>(
    client: *const mc_client,
    command: *const mc_command,
    place: *mut *mut mc_item,
) -> Result<(&'a Client, &'a mut *mut mc_item, mc_command)> {
    // SAFETY: promised by the caller.
    let place = unsafe { out(place, "out") }?;
    *place = std::ptr::null_mut();
    let client = borrow(client, "client")?;
    // SAFETY: promised by the caller.
    let command = unsafe { mc_command::read(command) }?;
    Ok((client, place, command))
}

fn failed(failure: &Failure) -> Status {
    last_error::record(failure);
    failure.status
}

/// Carry out one command into an item of the caller's (made by mc_item_new), which is filled on every
/// path: status, value, text, server, errno, effect, phase. It keeps its memory from one use to the
/// next; what its pointers led to before is gone. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_execute_into(
    client: *const mc_client,
    command: *const mc_command,
    item: *mut mc_item,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header says.
        let read = unsafe { mc_command::read(command) };
        // SAFETY: as above.
        unsafe { into_item(client, read, item) }
    })
}

/// As mc_execute_into, with key and value given apart, in place of those of `command`: for languages
/// that may not put their pointers into a struct. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_execute_kv(
    client: *const mc_client,
    command: *const mc_command,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    item: *mut mc_item,
) -> mc_status {
    guard_status(|| {
        // SAFETY: the caller's pointers, as the header says.
        let read = unsafe { mc_command::read(command) }.map(|read| mc_command {
            key,
            key_len,
            value,
            value_len,
            ..read
        });
        // SAFETY: as above.
        unsafe { into_item(client, read, item) }
    })
}

/// # Safety
///
/// As the header says of mc_execute_into.
unsafe fn into_item(
    client: *const mc_client,
    command: Result<mc_command>,
    item: *mut mc_item,
) -> Status {
    // SAFETY: promised by the caller.
    let Some(slot) = (unsafe { Slot::of(item) }) else {
        return failed(&Failure::argument(
            "item is NULL, or was not made by mc_item_new",
        ));
    };
    let read = match command {
        Ok(read) => read,
        Err(failure) => return not_carried_out(slot, b"", failure),
    };
    let parsed = borrow(client, "client").and_then(|client| {
        // SAFETY: promised by the caller.
        Ok((client, unsafe { read.command() }?))
    });
    match parsed {
        // SAFETY: the caller's item, which this call uses exclusively.
        Ok((client, command)) => unsafe {
            fill(client, &command, limit(read.timeout_us), slot, true)
        },
        // SAFETY: promised by the caller.
        Err(failure) => not_carried_out(slot, unsafe { read.refused_key() }, failure),
    }
}

/// Tell the caller's item, which may hold the key.
#[cold]
fn not_carried_out(slot: *mut Slot, key: &[u8], failure: Box<Failure>) -> Status {
    let (key, status) = (key.to_vec(), failure.status);
    ItemSink::into_item(slot, &key, true).fail(0, failure);
    status
}

/// Carry out a command into a slot that may hold the command's own key.
///
/// # Safety
///
/// The slot is used exclusively.
pub(super) unsafe fn fill(
    client: &Client,
    command: &Command<'_>,
    limit: Limit,
    slot: *mut Slot,
    always: bool,
) -> Status {
    // SAFETY: promised by the caller.
    let holds = unsafe { (*slot).holds(command.key) || (*slot).holds(command.value) };
    if holds {
        let (key, value) = (command.key.to_vec(), command.value.to_vec());
        let command = Command {
            key: &key,
            value: &value,
            ..*command
        };
        return run(client, &command, limit, slot, always);
    }
    run(client, command, limit, slot, always)
}

#[inline]
fn run(
    client: &Client,
    command: &Command<'_>,
    limit: Limit,
    slot: *mut Slot,
    always: bool,
) -> Status {
    let mut sink = ItemSink::into_item(slot, command.key, always);
    client.execute_any(command, limit, &mut sink);
    sink.status
}
