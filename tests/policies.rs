//! Clients that ask more than the one server that a key belongs to, or tell errors as misses: with real
//! servers, some of which are dead.

#[path = "policies/fallback.rs"]
mod fallback;
#[path = "policies/misses.rs"]
mod misses;
#[path = "policies/replicas.rs"]
mod replicas;
#[path = "policies/stand_ins.rs"]
mod stand_ins;
mod support;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use support::client::Got;
use support::loops::PATIENCE;
use support::memcached::Memcached;

const NON_NUMERIC: i32 = 0x0402;
const ILLEGAL_INPUT: i32 = 0x0203;
const SERVER_ERROR: i32 = 0x0104;
const EFFECT_APPLIED: u32 = 2;

/// `servers` as a list, with client options on the first.
fn list(servers: &[&Memcached], options: &str) -> String {
    let uris = servers.iter().map(|server| server.uri());
    let mut uris: Vec<String> = uris.collect();
    uris[0] = format!("{}?{options}", uris[0]);
    uris.join(",")
}

fn value(text: &str) -> Got {
    Got::Value(text.as_bytes().to_vec())
}

/// A server that answers the same to every line, on any number of connections, one after the other.
struct Refusing {
    path: PathBuf,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Holds the socket.
    _directory: tempfile::TempDir,
}

impl Refusing {
    fn new(reply: &'static [u8]) -> Refusing {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("refusing.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let over = Arc::new(AtomicBool::new(false));
        let end = over.clone();
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Acquire) {
                    break;
                }
                all.push(std::thread::spawn(move || answer(stream, reply)));
            }
            for one in all {
                one.join().expect("no panic");
            }
        });
        Refusing {
            path,
            over,
            thread: Some(thread),
            _directory: directory,
        }
    }

    fn uri(&self, options: &str) -> String {
        format!("memcached+unix://{}?{options}", self.path.display())
    }
}

impl Drop for Refusing {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Until the other end closes.
fn answer(mut stream: UnixStream, reply: &[u8]) {
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        if byte == *b"\n" && stream.write_all(reply).is_err() {
            return;
        }
    }
}

/// Wait until it is so: a server that is back is tried again in its time.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
