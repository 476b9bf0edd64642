//! A Unix socket whose listener's queue is full.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use memcached2::error::{Phase, Status};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use crate::alone;
use crate::caller::{Caller, Outcome, in_time};
use crate::lookups::Lookups;
use crate::peers::answer_misses;
use crate::support::memcached::Memcached;

const CONNECT: Duration = Duration::from_millis(250);

/// A listener that accepts nothing yet, with those that fill its queue.
struct Full {
    listener: UnixListener,
    path: PathBuf,
    _queue: Vec<Socket>,
    _directory: TempDir,
}

fn attempt(path: &Path) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(socket)
}

impl Full {
    fn new() -> Full {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("full.sock");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        socket
            .bind(&SockAddr::unix(&path).expect("a path"))
            .expect("bound");
        socket.listen(0).expect("listening");
        let mut queue = Vec::new();
        let full = loop {
            match attempt(&path) {
                Ok(one) => queue.push(one),
                Err(error) => break error,
            }
        };
        assert_eq!(full.raw_os_error(), Some(libc::EAGAIN));
        Full {
            listener: socket.into(),
            path,
            _queue: queue,
            _directory: directory,
        }
    }

    fn caller(&self, options: &str) -> Caller {
        let servers = format!("{}?{options}", self.path.display());
        Caller::new(&servers, &Lookups::new().resolver())
    }
}

/// The processor time that this thread has used.
fn used() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to `time` only.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Tried again until the queue has room.
#[test]
fn a_full_queue_is_waited_for() {
    let full = Full::new();
    for paranoid in ["off", "on"] {
        let options = format!("timeout=20s&connect_timeout=20s&paranoid={paranoid}");
        let caller = full.caller(&options);
        std::thread::scope(|scope| {
            let listener = &full.listener;
            scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(60));
                // Those that filled the queue come first, and say nothing.
                for stream in listener.incoming().flatten() {
                    if serve(&stream) {
                        return;
                    }
                }
            });
            assert_eq!(caller.get("key"), Outcome::Miss);
            drop(caller);
        });
    }
}

/// Serve a connection to its end; `false` where it asked for nothing.
fn serve(stream: &UnixStream) -> bool {
    let limit = Some(Duration::from_millis(50));
    stream.set_read_timeout(limit).expect("set");
    let mut first = [0];
    if !matches!(peek(stream, &mut first), Ok(1)) {
        return false;
    }
    stream.set_read_timeout(None).expect("set");
    answer_misses(stream, stream);
    true
}

fn peek(stream: &UnixStream, byte: &mut [u8; 1]) -> std::io::Result<usize> {
    let socket = socket2::SockRef::from(stream);
    let mut buffer = [std::mem::MaybeUninit::new(byte[0])];
    socket.peek(&mut buffer)
}

/// Never accepted: the time of a connection ends it, or that of the call, and the wait costs nothing.
#[test]
fn a_queue_that_stays_full() {
    let _alone = alone();
    let full = Full::new();
    let caller = full.caller("");
    let before = used();
    let outcome = in_time(CONNECT, || caller.get("key"));
    let cost = used() - before;
    outcome.assert_failed(Status::CONNECT_FAILED, Phase::Connect, "full.sock");
    assert_eq!(outcome.errno(), libc::EAGAIN);
    println!("{CONNECT:?} of waiting took {cost:?} of the processor");
    assert!(cost < CONNECT / 3, "busy: {cost:?}");
    let caller = full.caller("timeout=100ms");
    let outcome = in_time(Duration::from_millis(100), || caller.get("key"));
    outcome.assert_failed(Status::TIMEOUT, Phase::Connect, "full.sock");
}

/// In a batch, the other servers answer meanwhile.
#[test]
fn a_full_queue_costs_its_own_keys() {
    let _alone = alone();
    let (full, server) = (Full::new(), Memcached::unix(&[]));
    let servers = format!("{},{}", full.path.display(), server.uri());
    let caller = Caller::new(&servers, &Lookups::new().resolver());
    let keys: Vec<_> = (0..40).map(|number| format!("key:{number}")).collect();
    let outcomes = in_time(CONNECT, || caller.get_multi(&keys));
    let mut met = [0, 0];
    for (key, (outcome, after)) in keys.iter().zip(outcomes) {
        if caller.is_on(key, &full.path.display().to_string()) {
            assert_eq!(outcome.status(), Some(Status::CONNECT_FAILED));
            met[0] += 1;
        } else {
            assert_eq!(outcome, Outcome::Miss);
            assert!(after < CONNECT / 2, "{key} after {after:?}");
            met[1] += 1;
        }
    }
    assert!(met[0] > 5 && met[1] > 5, "{met:?}");
}
