//! The system calls that the library makes, answered by the world of the thread that makes them. They are
//! defined here under the names of the C library, so that the linker takes these for the whole test
//! program: the library itself is the one that is shipped, and knows nothing of it. Where a thread has no
//! world, or a descriptor is the system's, the system is called.

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::time::Duration;

use libc::{epoll_event, iovec, msghdr, pollfd, size_t, sockaddr, socklen_t, ssize_t, timespec};

use super::clock;
use super::descriptor::{Descriptor, FIRST};
use super::memory;
use super::random::Random;
use super::world::World;

thread_local! {
    static WORLD: Cell<*mut World> = const { Cell::new(std::ptr::null_mut()) };
    /// What the system's random numbers are made of on this thread.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Let this thread's random numbers of the system be those of a seed, before it draws any.
pub fn seed(seed: u64) {
    SEED.set(Some(seed));
}

/// Run with this thread's calls answered by `world`.
pub fn within<R>(world: *mut World, run: impl FnOnce() -> R) -> R {
    struct Outside;
    impl Drop for Outside {
        fn drop(&mut self) {
            WORLD.set(std::ptr::null_mut());
            clock::set(None);
        }
    }
    WORLD.set(world);
    // SAFETY: the caller's world outlives the call.
    clock::set(Some(unsafe { (*world).now }));
    let _outside = Outside;
    run()
}

/// The world of this thread, for as long as nothing else looks at it.
pub fn world<R>(use_it: impl FnOnce(&mut World) -> R) -> Option<R> {
    let world = WORLD.try_with(Cell::get).ok()?;
    // SAFETY: set by `within`, whose caller lends it; this thread is the only one that has the address,
    // and the world calls none of the functions below but the clock, which does not look at it.
    let world = unsafe { world.as_mut()? };
    Some(memory::counting(false, || use_it(world)))
}

type Done<T> = Result<T, c_int>;

/// What a call returns: a number, or -1 and `errno`.
fn returned<T: TryInto<i64>>(done: Done<T>) -> i64 {
    match done {
        Ok(number) => number.try_into().unwrap_or(0),
        Err(errno) => {
            // SAFETY: this thread's own.
            unsafe { *libc::__errno_location() = errno };
            -1
        }
    }
}

/// A call of the world's on a descriptor of its own.
fn on<T: TryInto<i64>>(fd: c_int, call: impl FnOnce(&mut World) -> Done<T>) -> Option<i64> {
    if fd < FIRST {
        return None;
    }
    let done = world(|world| {
        world.enter();
        call(world)
    });
    Some(returned(done.unwrap_or(Err(libc::EBADF))))
}

/// A call that makes a descriptor.
fn make(call: impl FnOnce(&mut World) -> c_int) -> Option<c_int> {
    world(|world| {
        world.enter();
        call(world)
    })
}

macro_rules! system {
    ($number:ident $(, $argument:expr)*) => {
        // SAFETY: the same call with the same arguments, which the caller answers for.
        unsafe { libc::syscall(libc::$number $(, $argument)*) }
    };
}

#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut timespec) -> c_int {
    let Some(reading) = clock::reading(clock) else {
        return system!(SYS_clock_gettime, clock, time) as c_int;
    };
    let read = timespec {
        tv_sec: reading.as_secs() as libc::time_t,
        tv_nsec: c_long::from(reading.subsec_nanos() as i32),
    };
    // SAFETY: the caller's place for it.
    unsafe { time.write(read) };
    0
}

/// What the standard library makes the keys of its hash tables of, once for each thread.
#[unsafe(no_mangle)]
extern "C" fn getrandom(at: *mut c_void, len: size_t, flags: c_uint) -> ssize_t {
    let made = SEED.try_with(Cell::get).ok().flatten().map(|seed| {
        let mut random = Random::new(seed);
        SEED.set(Some(random.next()));
        (0..len).map(|_| random.next() as u8).collect::<Vec<u8>>()
    });
    match made {
        // SAFETY: the caller's memory of that length.
        Some(bytes) => unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.cast(), bytes.len());
            bytes.len() as ssize_t
        },
        None => system!(SYS_getrandom, at, len, flags) as ssize_t,
    }
}

#[unsafe(no_mangle)]
extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    make(|world| world.new_socket(domain == libc::AF_UNIX, kind))
        .unwrap_or_else(|| system!(SYS_socket, domain, kind, protocol) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn epoll_create1(flags: c_int) -> c_int {
    make(|world| world.open(Descriptor::Set(Default::default())))
        .unwrap_or_else(|| system!(SYS_epoll_create1, flags) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn eventfd(count: c_uint, flags: c_int) -> c_int {
    make(|world| world.open(Descriptor::Counter(count.into())))
        .unwrap_or_else(|| system!(SYS_eventfd2, count, flags) as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn close(fd: c_int) -> c_int {
    on(fd, |world| world.close(fd).map(|()| 0)).unwrap_or_else(|| system!(SYS_close, fd)) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn connect(fd: c_int, address: *const sockaddr, len: socklen_t) -> c_int {
    on(fd, |world| {
        // SAFETY: the caller's address of that length.
        let host = unsafe { host_of(address) };
        world.connect(fd, host).map(|()| 0)
    })
    .unwrap_or_else(|| system!(SYS_connect, fd, address, len)) as c_int
}

/// The number of the host at an address: the last of 10.0.0.1, …, or of the path sim-1.sock, ….
///
/// # Safety
///
/// A whole address of the internet, or of a Unix socket.
unsafe fn host_of(address: *const sockaddr) -> Option<usize> {
    // SAFETY: promised by the caller, for each family its own structure.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let internet = address.cast::<libc::sockaddr_in>().read_unaligned();
                let last = internet.sin_addr.s_addr.to_ne_bytes()[3];
                usize::from(last).checked_sub(1)
            }
            libc::AF_UNIX => {
                let path = (*address.cast::<libc::sockaddr_un>()).sun_path;
                let path: Vec<u8> = path
                    .iter()
                    .map(|c| *c as u8)
                    .take_while(|c| *c != 0)
                    .collect();
                let number = path.iter().filter(|c| c.is_ascii_digit());
                number
                    .fold(0, |n, digit| n * 10 + usize::from(digit - b'0'))
                    .checked_sub(1)
            }
            _ => None,
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn send(fd: c_int, at: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    on(fd, |world| {
        // SAFETY: the caller's bytes.
        let bytes = unsafe { std::slice::from_raw_parts(at.cast::<u8>(), len) };
        world.send(fd, bytes, flags)
    })
    .unwrap_or_else(|| {
        let none = std::ptr::null::<c_void>();
        system!(SYS_sendto, fd, at, len, flags, none, 0)
    }) as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    on(fd, |world| {
        let mut bytes = Vec::new();
        // SAFETY: the caller's message.
        for piece in unsafe { pieces(&*message) } {
            // What is beyond that is not taken anyway.
            let len = piece.iov_len.min(world.send_buffer - bytes.len());
            // SAFETY: the caller's bytes.
            bytes.extend_from_slice(unsafe {
                std::slice::from_raw_parts(piece.iov_base.cast::<u8>(), len)
            });
        }
        world.send(fd, &bytes, flags)
    })
    .unwrap_or_else(|| system!(SYS_sendmsg, fd, message, flags)) as ssize_t
}

/// # Safety
///
/// A message whose pieces live as long as it does.
unsafe fn pieces(message: &msghdr) -> &[iovec] {
    match message.msg_iovlen {
        0 => &[],
        // SAFETY: promised by the caller.
        n => unsafe { std::slice::from_raw_parts(message.msg_iov, n) },
    }
}

#[unsafe(no_mangle)]
extern "C" fn recv(fd: c_int, at: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    on(fd, |world| {
        let bytes = world.receive(fd, len, flags)?;
        // SAFETY: the caller's memory, of at least that length.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), at.cast(), bytes.len()) };
        Ok(bytes.len())
    })
    .unwrap_or_else(|| {
        let none = std::ptr::null::<c_void>();
        system!(SYS_recvfrom, fd, at, len, flags, none, none)
    }) as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    on(fd, |world| {
        // SAFETY: the caller's message and its pieces.
        let pieces = unsafe { pieces(&*message) };
        let room = pieces.iter().map(|piece| piece.iov_len).sum();
        let bytes = world.receive(fd, room, flags)?;
        let mut rest = bytes.as_slice();
        for piece in pieces {
            let (here, others) = rest.split_at(rest.len().min(piece.iov_len));
            // SAFETY: the caller's memory, of at least that length.
            unsafe {
                std::ptr::copy_nonoverlapping(here.as_ptr(), piece.iov_base.cast(), here.len());
            }
            rest = others;
        }
        Ok(bytes.len())
    })
    .unwrap_or_else(|| system!(SYS_recvmsg, fd, message, flags)) as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn read(fd: c_int, at: *mut c_void, len: size_t) -> ssize_t {
    on(fd, |world| match world.descriptor(fd) {
        Some(Descriptor::Counter(count)) if len == 8 => match std::mem::take(count) {
            0 => Err(libc::EAGAIN),
            n => {
                // SAFETY: the caller's eight bytes.
                unsafe { at.cast::<u64>().write_unaligned(n) };
                Ok(8)
            }
        },
        _ => Err(libc::EBADF),
    })
    .unwrap_or_else(|| system!(SYS_read, fd, at, len)) as ssize_t
}

#[unsafe(no_mangle)]
extern "C" fn write(fd: c_int, at: *const c_void, len: size_t) -> ssize_t {
    on(fd, |world| match world.descriptor(fd) {
        Some(Descriptor::Counter(count)) if len == 8 => {
            // SAFETY: the caller's eight bytes.
            *count += unsafe { at.cast::<u64>().read_unaligned() };
            Ok(8)
        }
        _ => Err(libc::EBADF),
    })
    .unwrap_or_else(|| system!(SYS_write, fd, at, len)) as ssize_t
}

/// Its third argument is there, or is not looked at.
#[unsafe(no_mangle)]
extern "C" fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    on(fd, |world| {
        let socket = world.socket(fd)?;
        match command {
            libc::F_GETFL => Ok(libc::O_RDWR
                | if socket.nonblocking {
                    libc::O_NONBLOCK
                } else {
                    0
                }),
            libc::F_SETFL => {
                socket.nonblocking = argument as c_int & libc::O_NONBLOCK != 0;
                Ok(0)
            }
            _ => Err(libc::EINVAL),
        }
    })
    .unwrap_or_else(|| system!(SYS_fcntl, fd, command, argument)) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    on(fd, |world| {
        let socket = world.socket(fd)?;
        // SAFETY: the caller's value, of the type of each option.
        let limit = || unsafe { time_limit(value.cast::<libc::timeval>().read_unaligned()) };
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => socket.receive_limit = limit(),
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => socket.send_limit = limit(),
            (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => {
                // SAFETY: as above.
                let millis = unsafe { value.cast::<c_uint>().read_unaligned() };
                socket.user_timeout = (millis > 0).then_some(u64::from(millis) * clock::MS);
            }
            _ => {}
        }
        Ok(0)
    })
    .unwrap_or_else(|| system!(SYS_setsockopt, fd, level, name, value, len)) as c_int
}

/// None where it is 0.
fn time_limit(value: libc::timeval) -> Option<u64> {
    let nanos = value.tv_sec as u64 * clock::SECOND + value.tv_usec as u64 * clock::US;
    (nanos > 0).then_some(nanos)
}

#[unsafe(no_mangle)]
extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    on(fd, |world| match (level, name) {
        (libc::SOL_SOCKET, libc::SO_ERROR) => {
            let error = world.take_error(fd)?;
            // SAFETY: the caller's place for a number.
            unsafe { value.cast::<c_int>().write_unaligned(error) };
            Ok(0)
        }
        _ => Err(libc::ENOPROTOOPT),
    })
    .unwrap_or_else(|| system!(SYS_getsockopt, fd, level, name, value, len)) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn fstat(fd: c_int, about: *mut libc::stat) -> c_int {
    on(fd, |world| {
        let serial = world.socket(fd)?.serial;
        // SAFETY: the caller's structure, of which only these are looked at; all zeroes are a value of it.
        unsafe {
            about.write(std::mem::zeroed());
            (*about).st_mode = libc::S_IFSOCK;
            (*about).st_ino = serial;
        }
        Ok(0)
    })
    .unwrap_or_else(|| system!(SYS_fstat, fd, about)) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn ppoll(
    all: *mut pollfd,
    n: libc::nfds_t,
    limit: *const timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: the caller's array and time limit.
    let (asked, span) = unsafe {
        let asked = match n {
            0 => &mut [],
            n => std::slice::from_raw_parts_mut(all, n as usize),
        };
        let span = limit.as_ref().map(|limit| {
            Duration::new(limit.tv_sec as u64, limit.tv_nsec as u32).as_nanos() as u64
        });
        (asked, span)
    };
    let polled = world(|world| {
        world.enter();
        let fds: Vec<(c_int, i16)> = asked.iter().map(|one| (one.fd, one.events)).collect();
        world.poll(&fds, span)
    });
    let Some(polled) = polled else {
        return system!(SYS_ppoll, all, n, limit, mask, 8) as c_int;
    };
    returned(polled.map(|ready| {
        for (one, ready) in asked.iter_mut().zip(&ready) {
            one.revents = *ready;
        }
        ready.iter().filter(|ready| **ready != 0).count()
    })) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn epoll_ctl(set: c_int, how: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    on(set, |world| {
        // SAFETY: the caller's event, where there is one.
        let event = unsafe { event.as_ref() }.map(|event| (event.events, event.u64));
        let Some(Descriptor::Set(waiting)) = world.descriptor(set) else {
            return Err(libc::EBADF);
        };
        match (how, event) {
            (libc::EPOLL_CTL_DEL, _) => waiting.remove(&fd).map(|_| 0).ok_or(libc::ENOENT),
            (libc::EPOLL_CTL_ADD, _) if waiting.contains_key(&fd) => Err(libc::EEXIST),
            (libc::EPOLL_CTL_MOD, _) if !waiting.contains_key(&fd) => Err(libc::ENOENT),
            (_, Some(event)) => {
                waiting.insert(fd, event);
                Ok(0)
            }
            _ => Err(libc::EINVAL),
        }
    })
    .unwrap_or_else(|| system!(SYS_epoll_ctl, set, how, fd, event)) as c_int
}

#[unsafe(no_mangle)]
extern "C" fn epoll_wait(set: c_int, told: *mut epoll_event, most: c_int, limit: c_int) -> c_int {
    on(set, |world| {
        let ready = world.ready_of_set(set, most as usize)?;
        for (at, (events, u64)) in ready.iter().enumerate() {
            // SAFETY: the caller's array, of at least so many.
            unsafe {
                told.add(at).write(epoll_event {
                    events: *events,
                    u64: *u64,
                })
            };
        }
        Ok(ready.len())
    })
    .unwrap_or_else(|| system!(SYS_epoll_wait, set, told, most, limit)) as c_int
}
