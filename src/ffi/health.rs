//! Whether servers can be used, and when those that failed are tried again.

use std::ffi::{c_char, c_void};
use std::sync::Arc;

use super::borrow::{borrow, null};
use super::client::mc_client;
use super::guard::guard;
use super::log::mc_destroy_fn;
use super::options::mc_options;
use super::placement::{Callback, callback};
use super::status::mc_status;
use crate::cluster::health::custom::Reconnector;
use crate::cluster::health::{Report, State};
use crate::error::{Failure, Result};
use crate::names::ServerName;

/// The server is used. Since: 0.1.
pub const MC_SERVER_UP: u32 = 0;
/// The server failed, and has not answered since: the next call tries it, or one tries it now.
/// Since: 0.1.
pub const MC_SERVER_PROBING: u32 = 1;
/// The server failed, and is left alone: its calls are MC_CIRCUIT_OPEN. Since: 0.1.
pub const MC_SERVER_DOWN: u32 = 2;

/// What is known of one server. The caller sets `size`. Since: 0.1.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct mc_health {
    /// sizeof(mc_health).
    pub size: u32,
    /// MC_SERVER_*.
    pub state: u32,
    /// How often it failed since its last reply, as far as that counts.
    pub failures: u32,
    /// Why it is not up; MC_OK where it is.
    pub cause: mc_status,
    /// For how long it has been up, or not, in microseconds.
    pub since_us: i64,
    /// How long it will be left alone, in microseconds; 0: not any longer; -1: it is up, or being tried,
    /// or only the reconnector knows.
    pub next_us: i64,
    /// Its name as mc_servers tells it, which stays valid.
    pub server: *const c_char,
}

/// `size` itself, and at least one field.
const SIZE_MIN: usize = 8;
/// No version of the struct is larger: what says so was not initialised.
const SIZE_MAX: usize = 4096;

impl mc_health {
    fn of(size: u32, server: ServerName, report: &Report) -> mc_health {
        mc_health {
            size,
            state: match report.state {
                State::Up => MC_SERVER_UP,
                State::Probing => MC_SERVER_PROBING,
                State::Down => MC_SERVER_DOWN,
            },
            failures: report.failures,
            cause: report.cause.as_ref().map_or(0, |cause| cause.status.0),
            since_us: micros(report.since),
            next_us: report.due.map_or(-1, micros),
            server: server.as_c_str().as_ptr(),
        }
    }
}

fn micros(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Tell what is known of a server, by its place in the list that mc_servers writes, from 0 on. Asks
/// nobody, and waits for nothing. MC_INVALID_ARGUMENT: there is no server at this place. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_server_health(
    client: *const mc_client,
    index: usize,
    health: *mut mc_health,
) -> mc_status {
    guard(|| {
        if health.is_null() {
            return Err(null("health"));
        }
        // SAFETY: the caller's pointer: its first word is there in every version.
        let said = unsafe { health.cast::<u32>().read() };
        let size = said as usize;
        if !(SIZE_MIN..=SIZE_MAX).contains(&size) {
            return Err(Failure::argument(format!("health.size is {size}")));
        }
        // SAFETY: the caller's struct is that long.
        unsafe {
            let behind = health.cast::<u8>().add(size_of::<u32>());
            std::ptr::write_bytes(behind, 0, size - size_of::<u32>());
        }
        let (server, report) = borrow(client, "client")?.server_health(index)?;
        let known = mc_health::of(said, server, &report);
        let len = size.min(size_of::<mc_health>());
        // SAFETY: both are that long.
        unsafe {
            std::ptr::copy_nonoverlapping((&raw const known).cast::<u8>(), health.cast(), len);
        }
        Ok(())
    })
}

/// To a reconnector: may the server be used now? Since: 0.1.
pub const MC_RECONNECT_MAY_TRY: u32 = 1;
/// To a reconnector: the server failed. Since: 0.1.
pub const MC_RECONNECT_FAILED: u32 = 2;
/// To a reconnector: the server answered, the first time since it failed. Since: 0.1.
pub const MC_RECONNECT_ANSWERED: u32 = 3;

/// Says whether a server may be used (`what` is MC_RECONNECT_MAY_TRY; asked whenever a connection to it
/// would be made, and by calls that meet one that failed), and hears of what happened to it (what it
/// returns then is ignored). `server` is its name as mc_servers tells it, which stays valid. Called on any
/// thread that is inside a call on the client, also on several at once, with no lock held. It must
/// return, and may not use the client. Since: 0.1.
pub type mc_reconnector_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, server: *const c_char, what: u32) -> bool>;

type Reconnect = unsafe extern "C" fn(*mut c_void, *const c_char, u32) -> bool;

impl Callback<Reconnect> {
    fn call(&self, server: ServerName, what: u32) -> bool {
        // SAFETY: the caller's function; names live for ever.
        unsafe { (self.function)(self.user, server.as_c_str().as_ptr(), what) }
    }
}

impl Reconnector for Callback<Reconnect> {
    fn may_try(&self, server: ServerName) -> bool {
        self.call(server, MC_RECONNECT_MAY_TRY)
    }

    fn failed(&self, server: ServerName) {
        self.call(server, MC_RECONNECT_FAILED);
    }

    fn answered(&self, server: ServerName) {
        self.call(server, MC_RECONNECT_ANSWERED);
    }
}

/// Have `reconnector` say when servers that failed are tried again, for clients made from these options
/// from now on, in place of the option `reconnect`; NULL for none. Calls that it does not let through are
/// MC_CIRCUIT_OPEN. `destroy` (may be NULL) runs once on `user`: after the last client and the options
/// are freed, or another reconnector is set; at once when this call fails. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_set_reconnector(
    options: *mut mc_options,
    reconnector: mc_reconnector_fn,
    user: *mut c_void,
    destroy: mc_destroy_fn,
) -> mc_status {
    guard(|| {
        let callback = callback(reconnector, user, destroy);
        let callback = callback.map(|callback| -> Arc<dyn Reconnector> { Arc::new(callback) });
        let settings: Result<_> = borrow(options, "options");
        settings?.reconnect_by(callback);
        Ok(())
    })
}
