//! A loop, as a Rust test calls the library's `mc_loop`.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::abi::{Handle as Client, Results, mc_results_count, mc_results_free, mc_results_item};
use super::client::OK;

pub const CANCELLED: i32 = 0x0308;
pub const WOULD_BLOCK: i32 = 0x0408;
pub const IN_USE: i32 = 0x0608;
pub const ILLEGAL_INPUT: i32 = 0x0203;
pub const SERVER_DISCONNECT: i32 = 0x0105;
pub const UNEXPECTED_RESPONSE: i32 = 0x0204;
pub const NO_AVAILABLE_SERVERS: i32 = 0x0405;

pub const EFFECT_NONE: u32 = 0;
pub const WANT_CAS: u64 = 1;
pub const NOREPLY: u64 = 0x2_0000_0000;

/// No test waits this long, unless it has failed already.
pub const PATIENCE: Duration = Duration::from_secs(20);

#[repr(C)]
pub struct Handle {
    _opaque: [u8; 0],
}

#[repr(C)]
struct RawCommand {
    size: u32,
    op: u32,
    options: u64,
    key: *const c_char,
    key_len: usize,
    value: *const c_void,
    value_len: usize,
    route: *const c_char,
    route_len: usize,
    ttl: i64,
    timeout_us: i64,
    cas: u64,
    delta: u64,
    initial: u64,
    recache_ttl: i64,
    lease_ttl: i64,
    stale_ttl: i64,
    flags: u32,
    reserved: u32,
    release: Option<unsafe extern "C" fn(*mut c_void)>,
    release_user: *mut c_void,
}

#[repr(C)]
struct RawBatch {
    size: u32,
    options: u32,
    timeout_us: i64,
}

#[repr(C)]
struct RawItem {
    status: i32,
    have: u32,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
    cas: u64,
    number: u64,
    ttl: i64,
    flags: u32,
    marks: u32,
    effect: u32,
    sys_errno: i32,
    item_size: u64,
    last_access: u64,
    hit_before: u32,
    phase: u32,
    text: *const c_char,
    server: *const c_char,
    object: *mut c_void,
}

#[repr(C)]
pub struct RawCompletion {
    id: u64,
    user: *mut c_void,
    status: i32,
    reserved: u32,
    item: *const RawItem,
    results: *mut Results,
}

type Done = Option<unsafe extern "C" fn(*mut c_void, *const RawCompletion)>;

unsafe extern "C" {
    fn mc_loop_new(client: *const Client, out: *mut *mut Handle) -> i32;
    fn mc_loop_free(one: *mut Handle);
    fn mc_loop_fd(one: *const Handle) -> i32;
    fn mc_loop_timeout_us(one: *const Handle) -> i64;
    fn mc_loop_submit(
        one: *mut Handle,
        command: *const RawCommand,
        id: *mut u64,
        done: Done,
        user: *mut c_void,
    ) -> i32;
    fn mc_loop_submit_multi(
        one: *mut Handle,
        commands: *const RawCommand,
        n: usize,
        batch: *const RawBatch,
        id: *mut u64,
        done: Done,
        user: *mut c_void,
    ) -> i32;
    fn mc_loop_process(one: *mut Handle) -> i32;
    fn mc_loop_run(one: *mut Handle, timeout_us: i64) -> i32;
    fn mc_loop_next(one: *mut Handle, completion: *mut *const RawCompletion) -> i32;
    fn mc_loop_pending(one: *const Handle) -> usize;
    fn mc_loop_cancel(one: *mut Handle, id: u64) -> i32;
    fn mc_loop_wake(one: *mut Handle) -> i32;
}

/// A command, beginning with one of the functions below.
#[derive(Clone, Debug)]
pub struct Command {
    pub op: u32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub ttl: i64,
    pub timeout_us: i64,
    pub options: u64,
    pub cas: u64,
    pub delta: u64,
    pub flags: u32,
}

fn command(op: u32, key: &str) -> Command {
    Command {
        op,
        key: key.into(),
        value: Vec::new(),
        ttl: 0,
        timeout_us: 0,
        options: 0,
        cas: 0,
        delta: 0,
        flags: 0,
    }
}

pub fn get(key: &str) -> Command {
    command(1, key)
}

pub fn set(key: &str, value: impl Into<Vec<u8>>) -> Command {
    storing(5, key, value)
}

/// One of the ops from 5, set, to 10, cas.
pub fn storing(op: u32, key: &str, value: impl Into<Vec<u8>>) -> Command {
    Command {
        value: value.into(),
        ..command(op, key)
    }
}

pub fn delete(key: &str) -> Command {
    command(11, key)
}

pub fn touch(key: &str, ttl: i64) -> Command {
    Command {
        ttl,
        ..command(12, key)
    }
}

pub fn incr(key: &str, delta: u64) -> Command {
    Command {
        delta,
        ..command(13, key)
    }
}

impl Command {
    pub fn within(mut self, limit: Duration) -> Command {
        self.timeout_us = limit.as_micros() as i64;
        self
    }

    /// It may take as long as the test.
    pub fn patient(self) -> Command {
        self.within(PATIENCE)
    }

    pub fn with(mut self, options: u64) -> Command {
        self.options |= options;
        self
    }

    fn raw(&self) -> RawCommand {
        RawCommand {
            size: size_of::<RawCommand>() as u32,
            op: self.op,
            options: self.options,
            key: self.key.as_ptr().cast(),
            key_len: self.key.len(),
            value: self.value.as_ptr().cast(),
            value_len: self.value.len(),
            route: ptr::null(),
            route_len: 0,
            ttl: self.ttl,
            timeout_us: self.timeout_us,
            cas: self.cas,
            delta: self.delta,
            initial: 0,
            recache_ttl: 0,
            lease_ttl: 0,
            stale_ttl: 0,
            flags: self.flags,
            reserved: 0,
            release: None,
            release_user: ptr::null_mut(),
        }
    }
}

/// What an item says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub status: i32,
    pub key: Vec<u8>,
    pub value: Option<Vec<u8>>,
    pub cas: u64,
    pub number: u64,
    pub flags: u32,
    pub effect: u32,
    pub phase: u32,
    pub text: String,
}

/// The end of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub id: u64,
    pub status: i32,
    pub item: Option<Seen>,
    pub results: Option<Vec<Seen>>,
}

impl Ended {
    pub fn value(&self) -> Option<&[u8]> {
        self.item.as_ref()?.value.as_deref()
    }

    pub fn effect(&self) -> u32 {
        self.item.as_ref().map_or(u32::MAX, |item| item.effect)
    }

    pub fn text(&self) -> &str {
        self.item.as_ref().map_or("", |item| &item.text)
    }
}

/// # Safety
///
/// NULL, or bytes with a NUL behind them.
unsafe fn bytes(at: *const c_char, len: usize) -> Option<Vec<u8>> {
    if at.is_null() {
        return None;
    }
    // SAFETY: promised by the caller.
    let whole = unsafe { std::slice::from_raw_parts(at.cast::<u8>(), len + 1) };
    assert_eq!(whole[len], 0, "a NUL stands behind keys and values");
    Some(whole[..len].to_vec())
}

/// # Safety
///
/// One of the library's items.
unsafe fn seen(item: &RawItem) -> Seen {
    // SAFETY: as the header says of items.
    unsafe {
        let text = match item.text.is_null() {
            true => String::new(),
            false => CStr::from_ptr(item.text).to_string_lossy().into_owned(),
        };
        Seen {
            status: item.status,
            key: bytes(item.key, item.key_len).unwrap_or_default(),
            value: bytes(item.value, item.value_len),
            cas: item.cas,
            number: item.number,
            flags: item.flags,
            effect: item.effect,
            phase: item.phase,
            text,
        }
    }
}

/// # Safety
///
/// A completion whose results belong to whoever reads it.
unsafe fn read(completion: &RawCompletion) -> Ended {
    assert_eq!(completion.reserved, 0);
    // SAFETY: as the header says of completions; the results are freed once.
    unsafe {
        let results = (!completion.results.is_null()).then(|| {
            let n = mc_results_count(completion.results);
            let all = (0..n).map(|i| seen(&*mc_results_item(completion.results, i).cast()));
            let all = all.collect();
            mc_results_free(completion.results);
            all
        });
        Ended {
            id: completion.id,
            status: completion.status,
            item: completion.item.as_ref().map(|item| seen(item)),
            results,
        }
    }
}

/// What a test wants to do at the end of an operation.
type Then = Box<dyn FnOnce(Ended)>;

unsafe extern "C" fn told(user: *mut c_void, completion: *const RawCompletion) {
    // SAFETY: made by `Loop::submit_then`, and called once.
    let then = unsafe { Box::from_raw(user.cast::<Then>()) };
    // SAFETY: the completion lives until this returns.
    let completion = unsafe { &*completion };
    assert_eq!(completion.user, user);
    // SAFETY: nobody else reads it.
    then(unsafe { read(completion) });
}

/// What was told, in its order.
pub type Log = Rc<RefCell<Vec<Ended>>>;

/// A loop, for the thread that made it, and whoever a test hands its pointer to.
pub struct Loop {
    pub handle: *mut Handle,
    pub log: Log,
    freed: RefCell<bool>,
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.free();
    }
}

impl Loop {
    pub fn new(client: &super::client::Client) -> Loop {
        let mut handle = ptr::null_mut();
        // SAFETY: a live client, and a place for the handle.
        let status = unsafe { mc_loop_new(client.0, &mut handle) };
        assert_eq!(status, OK, "{}", super::client::last_error());
        Loop {
            handle,
            log: Log::default(),
            freed: RefCell::new(false),
        }
    }

    /// A loop, where the client can have one; else the status.
    pub fn try_new(client: &super::client::Client) -> Result<Loop, i32> {
        let mut handle = ptr::null_mut();
        // SAFETY: a live client, and a place for the handle.
        let status = unsafe { mc_loop_new(client.0, &mut handle) };
        assert_eq!(status == OK, !handle.is_null(), "a loop exactly for OK");
        match status {
            OK => Ok(Loop {
                handle,
                log: Log::default(),
                freed: RefCell::new(false),
            }),
            _ => Err(status),
        }
    }

    /// A loop of a client that is freed at once.
    pub fn of(servers: &str) -> Loop {
        Loop::new(&super::client::Client::new(servers))
    }

    pub fn free(&self) {
        if !self.freed.replace(true) {
            // SAFETY: freed once.
            unsafe { mc_loop_free(self.handle) };
        }
    }

    /// In a forked child, as in the parent.
    pub fn free_here(&self) {
        // SAFETY: the child's own copy.
        unsafe { mc_loop_free(self.handle) };
    }

    /// Submit, and call `then` at the end.
    pub fn submit_then(&self, command: &Command, then: impl FnOnce(Ended) + 'static) -> (i32, u64) {
        submit_then(self.handle, command, then)
    }

    /// Submit, and write the end into the log.
    pub fn submit(&self, command: &Command) -> u64 {
        let log = self.log.clone();
        let (status, id) = self.submit_then(command, move |ended| log.borrow_mut().push(ended));
        assert_eq!(status, OK, "{}", super::client::last_error());
        assert_ne!(id, 0);
        id
    }

    /// Submit without a callback.
    pub fn submit_silently(&self, command: &Command) -> u64 {
        let (raw, mut id) = (command.raw(), 0);
        // SAFETY: a live handle, a command whose bytes are alive, a place.
        let status = unsafe { mc_loop_submit(self.handle, &raw, &mut id, None, ptr::null_mut()) };
        assert_eq!(status, OK, "{}", super::client::last_error());
        id
    }

    pub fn submit_multi(&self, commands: &[Command], limit: Option<Duration>) -> u64 {
        let log = self.log.clone();
        let then: Then = Box::new(move |ended| log.borrow_mut().push(ended));
        let user = Box::into_raw(Box::new(then));
        let raw: Vec<_> = commands.iter().map(Command::raw).collect();
        let batch = RawBatch {
            size: size_of::<RawBatch>() as u32,
            options: 0,
            timeout_us: limit.map_or(0, |limit| limit.as_micros() as i64),
        };
        let mut id = 0;
        // SAFETY: a live handle, commands whose bytes are alive, a place; `told` takes `user`.
        let status = unsafe {
            mc_loop_submit_multi(
                self.handle,
                raw.as_ptr(),
                raw.len(),
                &batch,
                &mut id,
                Some(told),
                user.cast(),
            )
        };
        assert_eq!(status, OK, "{}", super::client::last_error());
        id
    }

    pub fn fd(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_loop_fd(self.handle) }
    }

    pub fn timeout_us(&self) -> i64 {
        // SAFETY: a live handle.
        unsafe { mc_loop_timeout_us(self.handle) }
    }

    pub fn process(&self) -> i32 {
        process(self.handle)
    }

    pub fn run(&self, limit: Duration) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_loop_run(self.handle, limit.as_micros() as i64) }
    }

    pub fn next(&self) -> Result<Ended, i32> {
        let mut completion = ptr::null();
        // SAFETY: a live handle, and a place.
        let status = unsafe { mc_loop_next(self.handle, &mut completion) };
        // SAFETY: it lives until the next call; nobody else reads it.
        match unsafe { completion.as_ref().map(|completion| read(completion)) } {
            Some(ended) => {
                assert_eq!(status, OK);
                Ok(ended)
            }
            None => Err(status),
        }
    }

    pub fn pending(&self) -> usize {
        // SAFETY: a live handle.
        unsafe { mc_loop_pending(self.handle) }
    }

    pub fn cancel(&self, id: u64) -> i32 {
        cancel(self.handle, id)
    }

    pub fn wake(&self) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_loop_wake(self.handle) }
    }

    /// Wait for the descriptor and process, as a program does, until `over`.
    #[track_caller]
    pub fn drive(&self, mut over: impl FnMut(&Loop) -> bool) {
        let begun = Instant::now();
        while !over(self) {
            assert!(begun.elapsed() < PATIENCE, "it takes too long");
            self.wait(PATIENCE);
            assert_eq!(self.process(), OK);
        }
    }

    /// Wait as a program does; `false` where `limit` came first.
    pub fn wait(&self, limit: Duration) -> bool {
        let mut until = limit.as_millis() as i64;
        let timeout = self.timeout_us();
        if timeout >= 0 {
            until = until.min(timeout.div_euclid(1000) + i64::from(timeout % 1000 != 0));
        }
        let mut waited = libc::pollfd {
            fd: self.fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one descriptor.
        let n = unsafe { libc::poll(&mut waited, 1, until as i32) };
        n > 0
    }

    /// Until all has been told.
    #[track_caller]
    pub fn finish(&self) {
        self.drive(|it| it.pending() == 0);
    }

    /// The end of the only operation.
    #[track_caller]
    pub fn one(&self, command: &Command) -> Ended {
        self.submit(command);
        self.finish();
        self.log.borrow_mut().pop().expect("it was told")
    }

    /// What was told, and forget it.
    pub fn taken(&self) -> Vec<Ended> {
        std::mem::take(&mut *self.log.borrow_mut())
    }

    /// The end of an operation that was told.
    #[track_caller]
    pub fn ended(&self, id: u64) -> Ended {
        let log = self.log.borrow();
        let mut its = log.iter().filter(|ended| ended.id == id);
        let one = its.next().expect("it was told").clone();
        assert!(its.next().is_none(), "it was told twice");
        one
    }
}

pub fn submit_then(
    handle: *mut Handle,
    command: &Command,
    then: impl FnOnce(Ended) + 'static,
) -> (i32, u64) {
    let then: Then = Box::new(then);
    let user = Box::into_raw(Box::new(then));
    let (raw, mut id) = (command.raw(), 0);
    // SAFETY: a live handle, a command whose bytes are alive, a place; `told` takes `user`.
    let status = unsafe { mc_loop_submit(handle, &raw, &mut id, Some(told), user.cast()) };
    if status != OK {
        // SAFETY: nothing follows, so that nobody else takes it.
        drop(unsafe { Box::from_raw(user) });
    }
    (status, id)
}

pub fn process(handle: *mut Handle) -> i32 {
    // SAFETY: a live handle, or one that was freed.
    unsafe { mc_loop_process(handle) }
}

pub fn cancel(handle: *mut Handle, id: u64) -> i32 {
    // SAFETY: a live handle, or one that was freed.
    unsafe { mc_loop_cancel(handle, id) }
}

/// How many quiet commands have failed since the last time.
pub fn quiet_failed(client: &super::client::Client) -> u64 {
    let (status, failed) = client.sync();
    assert_eq!(status, OK);
    failed
}

/// A handle, for another thread.
#[derive(Clone, Copy)]
pub struct Shared(pub *mut Handle);

// SAFETY: it is what these tests are about.
unsafe impl Send for Shared {}

impl Shared {
    pub fn wake(self) -> i32 {
        // SAFETY: a live handle.
        unsafe { mc_loop_wake(self.0) }
    }

    pub fn process(self) -> i32 {
        process(self.0)
    }

    pub fn cancel(self, id: u64) -> i32 {
        cancel(self.0, id)
    }
}
