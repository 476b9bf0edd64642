//! The observer: a callback that hears of connections.

use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

use super::borrow::borrow;
use super::guard::guard;
use super::options::mc_options;
use super::status::mc_status;
use crate::error::Result;
use crate::observe::{Notice, Observer};

/// A connection was made. Since: 0.1.
pub const MC_EVENT_CONNECTED: u32 = 1;
/// A connection could not be made. Since: 0.1.
pub const MC_EVENT_CONNECT_FAILED: u32 = 2;
/// A connection was closed by the server, or because nothing more that comes can be believed.
/// Since: 0.1.
pub const MC_EVENT_CLOSED: u32 = 3;
/// A quiet command (MC_NOREPLY) failed. Since: 0.1.
pub const MC_EVENT_QUIET_FAILED: u32 = 4;
/// A server that was taken for down has answered. Since: 0.1.
pub const MC_EVENT_UP: u32 = 5;
/// A server is taken for down; `status` and `text` are those of its last failure. Since: 0.1.
pub const MC_EVENT_DOWN: u32 = 6;
/// A call took longer than the option `slow_after`; `text` says how long. Of a batch, each server is told
/// whose part took so long, over an mc_loop the one that answered last. Since: 0.1.
pub const MC_EVENT_SLOW: u32 = 7;
/// A command failed, and its caller was told a miss (options errors_as_misses and failover=miss); `status`
/// and `text` are the cause, and `server` is "" where there was none to ask. Since: 0.1.
pub const MC_EVENT_ERROR_AS_MISS: u32 = 8;
/// A connection over TLS was made with tls_insecure_skip_verify=on: nobody has verified who answers there.
/// Told once for each such connection, behind its MC_EVENT_CONNECTED. Since: 0.1.
pub const MC_EVENT_TLS_UNVERIFIED: u32 = 9;

/// One event. The texts are valid until the callback returns; they hold no keys, values or credentials.
/// Grows at its end. Since: 0.1.
#[repr(C)]
pub struct mc_event {
    /// MC_EVENT_*.
    pub what: u32,
    /// Why, MC_OK where nothing failed.
    pub status: mc_status,
    /// The server's name.
    pub server: *const c_char,
    /// What happened, for humans; "" where there is nothing to say.
    pub text: *const c_char,
}

/// Hears of one event, on a thread that is inside a call on the client, with no lock and no connection
/// held. It must return, and may not use the client. Since: 0.1.
pub type mc_observer_fn = Option<unsafe extern "C" fn(user: *mut c_void, event: *const mc_event)>;

/// Gives a `user` pointer back to its owner. Since: 0.1.
pub type mc_destroy_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;

struct Callback {
    observer: unsafe extern "C" fn(user: *mut c_void, event: *const mc_event),
    user: *mut c_void,
    destroy: mc_destroy_fn,
}

// SAFETY: the header says that the callback runs on any thread; `user` is the caller's business.
unsafe impl Send for Callback {}
// SAFETY: as above, on several at once.
unsafe impl Sync for Callback {}

impl Observer for Callback {
    fn notice(&self, notice: &Notice) {
        let text: Vec<u8> = notice.text.bytes().filter(|byte| *byte != 0).collect();
        let text = CString::new(text).unwrap_or_default();
        let event = mc_event {
            what: notice.what as u32,
            status: notice.status.0,
            server: notice.server.as_c_str().as_ptr(),
            text: text.as_ptr(),
        };
        // SAFETY: the caller's function; the event lives through the call.
        unsafe { (self.observer)(self.user, &event) };
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: the caller's function, run once, after the last use of `user`.
            unsafe { destroy(self.user) };
        }
    }
}

/// Have `observer` hear of the connections of clients made from these options from now on; NULL for
/// none. It is called from any thread, also from several at once. `destroy` (may be NULL) runs once on
/// `user`: after the last client and the options are freed, or another observer is set; at once when
/// this call fails. Since: 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mc_options_set_observer(
    options: *mut mc_options,
    observer: mc_observer_fn,
    user: *mut c_void,
    destroy: mc_destroy_fn,
) -> mc_status {
    guard(|| {
        let callback = observer.map(|observer| {
            let callback: Arc<dyn Observer> = Arc::new(Callback {
                observer,
                user,
                destroy,
            });
            callback
        });
        if let (None, Some(destroy)) = (observer, destroy) {
            // SAFETY: the caller's function; nothing will use `user`.
            unsafe { destroy(user) };
        }
        let settings: Result<_> = borrow(options, "options");
        settings?.observe(callback);
        Ok(())
    })
}
