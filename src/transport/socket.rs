//! System calls on sockets: the unsafe leaf of the transports.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, RawFd};
use std::time::Duration;

use socket2::{Domain, MaybeUninitSlice, Protocol, Socket, Type};

use super::Mode;
use crate::buffer::Source;

/// A socket that is closed on exec, never one of the standard descriptors, and never raises SIGPIPE.
pub struct Descriptor(Socket);

impl Descriptor {
    pub fn new(domain: Domain, protocol: Option<Protocol>) -> io::Result<Descriptor> {
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new_raw(domain, kind, protocol)?;
        Ok(Descriptor(above_standard(socket)?))
    }

    #[inline]
    pub fn socket(&self) -> &Socket {
        &self.0
    }

    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    #[inline(always)]
    pub fn send(&self, bytes: &[u8], mode: Mode) -> io::Result<usize> {
        // SAFETY: a plain system call on a descriptor that is ours; it only reads `bytes`.
        let n = unsafe {
            let (at, len) = (bytes.as_ptr().cast(), bytes.len());
            libc::send(self.0.as_raw_fd(), at, len, send_flags(mode))
        };
        moved(n)
    }

    pub fn send_pieces(&self, pieces: &[IoSlice<'_>], mode: Mode) -> io::Result<usize> {
        self.0.send_vectored_with_flags(pieces, send_flags(mode))
    }

    #[inline(always)]
    pub fn reader(&self, mode: Mode) -> Reader<'_> {
        Reader {
            socket: &self.0,
            mode,
        }
    }

    pub fn peek(&self) -> io::Result<bool> {
        let mut byte = [MaybeUninit::uninit(); 1];
        match self
            .0
            .recv_with_flags(&mut byte, libc::MSG_PEEK | libc::MSG_DONTWAIT)
        {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// What a system call that moves bytes says. Called directly on the path of a lone command, where the
/// `socket2` functions would be calls of their own.
#[inline(always)]
fn moved(n: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

fn send_flags(mode: Mode) -> i32 {
    match mode {
        Mode::Block => libc::MSG_NOSIGNAL,
        Mode::DontWait => libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT,
    }
}

/// A process may run with its standard descriptors closed; a socket in their place would receive
/// what is printed.
fn above_standard(socket: Socket) -> io::Result<Socket> {
    if socket.as_raw_fd() > 2 {
        return Ok(socket);
    }
    // SAFETY: a plain system call on a descriptor that `socket` owns.
    let fd = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `fd` was made just now and belongs to nobody else.
    Ok(unsafe { Socket::from_raw_fd(fd) })
}

/// One receive from a socket.
pub struct Reader<'a> {
    socket: &'a Socket,
    mode: Mode,
}

// SAFETY: the kernel initialises as many bytes as it reports, the first buffer before the second.
unsafe impl Source for Reader<'_> {
    type Error = io::Error;

    #[inline(always)]
    fn fill(
        &mut self,
        first: &mut [MaybeUninit<u8>],
        second: &mut [MaybeUninit<u8>],
    ) -> io::Result<usize> {
        let flags = match self.mode {
            Mode::Block => 0,
            Mode::DontWait => libc::MSG_DONTWAIT,
        };
        if second.is_empty() {
            // SAFETY: a plain system call; it writes to `first` only, which is exclusively borrowed.
            let n = unsafe {
                let (at, len) = (first.as_mut_ptr().cast(), first.len());
                libc::recv(self.socket.as_raw_fd(), at, len, flags)
            };
            return moved(n);
        }
        let mut buffers = [MaybeUninitSlice::new(first), MaybeUninitSlice::new(second)];
        self.socket
            .recv_vectored_with_flags(&mut buffers, flags)
            .map(|(n, _)| n)
    }
}

/// What a descriptor is waited for.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Interest {
    pub read: bool,
    pub write: bool,
}

/// A descriptor, what it is waited for, and what became of it; or something without a descriptor, of
/// which it is known whether it is ready. Same layout as `struct pollfd`.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Readiness(libc::pollfd);

impl Readiness {
    /// Without a descriptor: ready already, or not before something else has happened.
    pub fn known(ready: bool) -> Readiness {
        // `poll` passes over what has no descriptor.
        Readiness(libc::pollfd {
            fd: -1,
            events: if ready { libc::POLLIN } else { 0 },
            revents: 0,
        })
    }

    /// There is nothing to wait for.
    pub fn is_known_ready(&self) -> bool {
        self.0.fd < 0 && self.0.events != 0
    }

    pub fn of(fd: RawFd, interest: Interest) -> Readiness {
        let mut events = 0;
        if interest.read {
            events |= libc::POLLIN;
        }
        if interest.write {
            events |= libc::POLLOUT;
        }
        Readiness(libc::pollfd {
            fd,
            events,
            revents: 0,
        })
    }

    /// The descriptor; negative where there is none.
    pub fn fd(&self) -> RawFd {
        self.0.fd
    }

    /// What it is waited for, in the numbers of `poll`.
    pub fn events(&self) -> i16 {
        self.0.events
    }

    /// Something can be done: the interest is met, or the next call tells what is wrong.
    pub fn is_ready(&self) -> bool {
        self.0.revents != 0 || self.is_known_ready()
    }
}

/// Wait once until one is ready or the time is up (`None`: for ever). An interruption is an error of
/// kind `Interrupted`.
pub fn poll(waiting: &mut [Readiness], limit: Option<Duration>) -> io::Result<usize> {
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    });
    let limit = limit
        .as_ref()
        .map_or(std::ptr::null(), std::ptr::from_ref::<libc::timespec>);
    // SAFETY: `Readiness` is a transparent `pollfd`; the array and the time limit live through the
    // call; no signal mask is given.
    let n = unsafe {
        libc::ppoll(
            waiting.as_mut_ptr().cast(),
            waiting.len() as libc::nfds_t,
            limit,
            std::ptr::null(),
        )
    };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Which socket a descriptor is: its number among the system's sockets. `None` where it is no socket.
pub fn socket_identity(fd: RawFd) -> Option<u64> {
    let mut about = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `about` is large enough, and initialised where the call succeeds.
    let about = unsafe {
        if libc::fstat(fd, about.as_mut_ptr()) != 0 {
            return None;
        }
        about.assume_init()
    };
    (about.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(about.st_ino)
}

/// Close a descriptor that was inherited over a fork and whose owner is gone: close only, no
/// shutdown, which would end the parent's connection.
pub fn close_inherited(fd: RawFd) {
    if fd > 2 {
        // SAFETY: a plain system call; the caller has made sure that nothing here uses it any more.
        unsafe { libc::close(fd) };
    }
}
