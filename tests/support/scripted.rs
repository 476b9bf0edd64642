//! A server of one script: to so many requests it sends these bytes, and nothing else ever.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// No step takes this long, unless a test has failed already.
const LIMIT: Duration = Duration::from_secs(20);

/// What is sent when so many more requests have come whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub requests: usize,
    pub reply: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All at once.
    Whole,
    /// The next byte when the one before was taken.
    Bytes,
}

/// What is done with each connection, from its beginning; then it is closed for writing.
#[derive(Clone, Debug)]
pub struct Script {
    pub parts: Vec<Part>,
    pub pace: Pace,
}

/// A server on a Unix socket, with one connection at a time.
pub struct Scripted {
    path: PathBuf,
    script: Arc<Mutex<Script>>,
    heard: Arc<Mutex<Vec<u8>>>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// Holds the socket.
    _directory: TempDir,
}

impl Scripted {
    pub fn new(script: Script) -> Scripted {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("scripted.sock");
        let listener = UnixListener::bind(&path).expect("a socket");
        let script = Arc::new(Mutex::new(script));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let done = Arc::new(AtomicBool::new(false));
        let (now, ear, end) = (script.clone(), heard.clone(), done.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Acquire) {
                    return;
                }
                let script = now.lock().expect("no panic").clone();
                serve(stream, &script, &ear);
            }
        });
        Scripted {
            path,
            script,
            heard,
            done,
            thread: Some(thread),
            _directory: directory,
        }
    }

    /// What is done with the connections from now on.
    pub fn play(&self, script: Script) {
        *self.script.lock().expect("no panic") = script;
    }

    pub fn uri(&self, options: &str) -> String {
        format!("memcached+unix://{}{options}", self.path.display())
    }

    /// All that was received, of all connections, once they are closed.
    pub fn heard(mut self) -> Vec<u8> {
        self.stop();
        std::mem::take(&mut *self.heard.lock().expect("no panic"))
    }

    /// Behind the connections that were made already.
    fn stop(&mut self) {
        self.done.store(true, Ordering::Release);
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(mut stream: UnixStream, script: &Script, ear: &Mutex<Vec<u8>>) {
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    let (mut come, mut answered) = (Vec::new(), 0);
    'parts: for part in &script.parts {
        while requests(&come) < answered + part.requests {
            if !receive(&mut stream, &mut come) {
                break 'parts;
            }
        }
        answered += part.requests;
        if !send(&mut stream, &part.reply, script.pace) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    while receive(&mut stream, &mut come) {}
    ear.lock().expect("no panic").extend(come);
}

/// Whether more came.
fn receive(stream: &mut UnixStream, come: &mut Vec<u8>) -> bool {
    let mut room = [0; 65_536];
    match stream.read(&mut room) {
        Ok(n) => {
            come.extend(&room[..n]);
            n > 0
        }
        // The other end has closed it with something unread.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
        Err(error) => panic!("{error} behind {:?}", String::from_utf8_lossy(come)),
    }
}

/// Whether there was someone who took it.
fn send(stream: &mut UnixStream, reply: &[u8], pace: Pace) -> bool {
    match pace {
        Pace::Whole => stream.write_all(reply).is_ok(),
        Pace::Bytes => reply.iter().all(|byte| {
            let sent = stream.write_all(&[*byte]).is_ok();
            sent && taken(stream)
        }),
    }
}

/// Wait until the other end has read all that was sent.
fn taken(stream: &UnixStream) -> bool {
    let deadline = Instant::now() + LIMIT;
    loop {
        let mut unread = 0;
        // SAFETY: a live descriptor, and a place for the number.
        let done = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &mut unread) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
        if unread == 0 {
            return true;
        }
        assert!(Instant::now() < deadline, "nobody reads");
        std::thread::yield_now();
    }
}

/// How many whole requests there are, of any protocol.
pub fn requests(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some(len) = request(bytes).filter(|len| *len <= bytes.len()) {
        bytes = &bytes[len..];
        count += 1;
    }
    count
}

/// The length of the first request, as far as it is known.
pub fn request(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&0x80) {
        let body: [u8; 4] = bytes.get(8..12)?.try_into().ok()?;
        return Some(24 + u32::from_be_bytes(body) as usize);
    }
    let end = bytes.windows(2).position(|two| two == b"\r\n")? + 2;
    let words: Vec<_> = bytes[..end - 2].split(|byte| *byte == b' ').collect();
    let len = match words[0] {
        b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas" => words.get(4),
        b"ms" => words.get(2),
        _ => None,
    };
    let Some(len) = len else { return Some(end) };
    let len = std::str::from_utf8(len).ok()?.parse::<usize>().ok()?;
    Some(end + len + 2)
}
