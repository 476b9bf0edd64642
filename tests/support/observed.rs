//! A client whose observer keeps what it hears.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::abi::Handle;
use super::client::{Client, OK, last_error, name};

pub const DOWN: u32 = 6;

/// The beginning of `mc_event`.
#[repr(C)]
struct RawEvent {
    what: u32,
    status: i32,
    server: *const c_char,
    text: *const c_char,
}

#[repr(C)]
struct Options {
    _opaque: [u8; 0],
}

type Callback = unsafe extern "C" fn(*mut c_void, *const RawEvent);

unsafe extern "C" {
    fn mc_options_new() -> *mut Options;
    fn mc_options_free(options: *mut Options);
    fn mc_options_set(options: *mut Options, name: *const c_char, value: *const c_char) -> i32;
    fn mc_options_add_server(options: *mut Options, uri: *const c_char, weight: u32) -> i32;
    fn mc_options_set_observer(
        options: *mut Options,
        observer: Callback,
        user: *mut c_void,
        destroy: unsafe extern "C" fn(*mut c_void),
    ) -> i32;
    fn mc_new_with(options: *const Options, out: *mut *mut Handle) -> i32;
}

#[derive(Clone, Debug)]
pub struct Event {
    /// When it was told, which is when the call that met it had no connection any more.
    pub at: Instant,
    pub what: u32,
    pub status: i32,
    pub server: String,
}

/// In the order in which they were told.
#[derive(Default)]
pub struct Events(Mutex<Vec<Event>>);

impl Events {
    pub fn all(&self) -> Vec<Event> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub fn count(&self, server: &str, what: &[u32]) -> usize {
        let is = |event: &&Event| event.server == server && what.contains(&event.what);
        self.all().iter().filter(is).count()
    }
}

/// # Safety
///
/// `user` and `event` as the library hands them on.
unsafe extern "C" fn hear(user: *mut c_void, event: *const RawEvent) {
    // SAFETY: `user` is what was handed over below, and lives until it is given back; the event and its
    // texts live through this call.
    let (events, event, server) = unsafe {
        let event = &*event;
        (&*user.cast::<Events>(), event, CStr::from_ptr(event.server))
    };
    let event = Event {
        at: Instant::now(),
        what: event.what,
        status: event.status,
        server: server.to_string_lossy().into_owned(),
    };
    let mut all = events.0.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(event);
}

/// # Safety
///
/// `user` as it was handed over, for the last time.
unsafe extern "C" fn give_back(user: *mut c_void) {
    // SAFETY: made by Arc::into_raw, and used no more.
    drop(unsafe { Arc::from_raw(user.cast_const().cast::<Events>()) });
}

fn c_string(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// A client of these servers with these options, and what its observer will have heard.
pub fn client(servers: &[String], options: &[(&str, &str)]) -> (Client, Arc<Events>) {
    let events = Arc::new(Events::default());
    let ok = |status: i32| assert_eq!(status, OK, "{}: {}", name(status), last_error());
    let user = Arc::into_raw(Arc::clone(&events)).cast_mut().cast();
    let mut client = ptr::null_mut();
    // SAFETY: options that are freed once, strings that end at a NUL, a callback with the value that it
    // takes, a place for the handle.
    unsafe {
        let set = mc_options_new();
        for (option, value) in options {
            ok(mc_options_set(
                set,
                c_string(option).as_ptr(),
                c_string(value).as_ptr(),
            ));
        }
        for server in servers {
            ok(mc_options_add_server(set, c_string(server).as_ptr(), 0));
        }
        ok(mc_options_set_observer(set, hear, user, give_back));
        ok(mc_new_with(set, &mut client));
        mc_options_free(set);
    }
    (Client(client), events)
}
