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

use super::{frames, lines};

/// No step takes this long, unless a test has failed already.
const LIMIT: Duration = Duration::from_secs(20);

/// What is sent when so many more requests have come whole: a reply to each, or one to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub requests: usize,
    pub replies: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// All at once.
    Whole,
    /// The next byte when the one before was taken.
    Bytes,
}

/// What a reply has of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Nothing,
    /// Its opaque, for every `#`, as `lines::answer` makes it of both; the next reply to the next request,
    /// and what ends quiet ones has its own.
    Lines,
    /// As above, by `frames::answer`.
    Frames,
}

/// Where a reply ends, in bytes of all that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// From here on it can be known: of silence, when the head of the next reply has come.
    pub first: usize,
    /// From here on it must be.
    pub last: usize,
}

impl End {
    pub const NEVER: End = End::at(usize::MAX);

    const fn at(at: usize) -> End {
        End {
            first: at,
            last: at,
        }
    }
}

/// What is done with each connection, from its beginning; then it is closed for writing.
#[derive(Clone, Debug)]
pub struct Script {
    pub parts: Vec<Part>,
    pub pace: Pace,
    pub fill: Fill,
    /// After how many bytes of a part it is closed.
    pub cut: Option<usize>,
}

impl Script {
    /// All that there is of it, as it stands.
    pub fn whole(parts: Vec<Part>) -> Script {
        Script {
            parts,
            pace: Pace::Whole,
            fill: Fill::Nothing,
            cut: None,
        }
    }
}

/// A server on a Unix socket, with one connection at a time.
pub struct Scripted {
    path: PathBuf,
    script: Arc<Mutex<Script>>,
    heard: Arc<Mutex<Vec<u8>>>,
    /// Where the replies that were sent last end.
    ends: Arc<Mutex<Vec<End>>>,
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
        let ends = Arc::new(Mutex::new(Vec::new()));
        let done = Arc::new(AtomicBool::new(false));
        let (now, ear, end) = (script.clone(), heard.clone(), done.clone());
        let told = ends.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Acquire) {
                    return;
                }
                let script = now.lock().expect("no panic").clone();
                serve(stream, &script, &ear, &told);
            }
        });
        Scripted {
            path,
            script,
            heard,
            ends,
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

    /// Where the replies of the last part, or of the last connection, end, were they sent whole.
    pub fn ends(&self) -> Vec<End> {
        self.ends.lock().expect("no panic").clone()
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

fn serve(mut stream: UnixStream, script: &Script, ear: &Mutex<Vec<u8>>, told: &Mutex<Vec<End>>) {
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    let mut come = Vec::new();
    let _ = match script.fill {
        Fill::Nothing => serve_parts(&mut stream, script, &mut come, told),
        Fill::Lines | Fill::Frames => serve_each(&mut stream, script, &mut come, told),
    };
    let _ = stream.shutdown(Shutdown::Write);
    while receive(&mut stream, &mut come) {}
    ear.lock().expect("no panic").extend(come);
}

/// Part by part; `None` where it does not come to the end.
fn serve_parts(
    stream: &mut UnixStream,
    script: &Script,
    come: &mut Vec<u8>,
    told: &Mutex<Vec<End>>,
) -> Option<()> {
    let mut asked = 0;
    for part in &script.parts {
        asked += part.requests;
        while requests(come).len() < asked {
            receive(stream, come).then_some(())?;
        }
        let lens = part.replies.iter().scan(0, |sum: &mut usize, reply| {
            *sum += reply.len();
            Some(End::at(*sum))
        });
        *told.lock().expect("no panic") = lens.collect();
        let reply = part.replies.concat();
        let cut = script.cut.filter(|cut| *cut < reply.len());
        let reply = &reply[..cut.unwrap_or(reply.len())];
        (send(stream, reply, script.pace) && cut.is_none()).then_some(())?;
    }
    Some(())
}

/// Request by request: the replies of all parts, one after the other.
fn serve_each(
    stream: &mut UnixStream,
    script: &Script,
    come: &mut Vec<u8>,
    told: &Mutex<Vec<End>>,
) -> Option<()> {
    let by_frames = matches!(script.fill, Fill::Frames);
    let (is_quiet, is_end, reads, answer): (IsOne, IsOne, IsOne, Answer) = match script.fill {
        Fill::Frames => (
            frames::is_quiet,
            frames::is_end,
            frames::reads,
            frames::answer,
        ),
        _ => (lines::is_quiet, lines::is_end, lines::reads, lines::answer),
    };
    let mut templates = script.parts.iter().flat_map(|part| &part.replies);
    let count = script.parts.iter().map(|part| part.replies.len()).sum();
    let (mut asked, mut sent, mut open) = (0, 0, false);
    let (mut ends, mut are_reads) = (Vec::new(), Vec::new());
    while ends.len() < count || open {
        while requests(come).len() == asked {
            receive(stream, come).then_some(())?;
        }
        let request = requests(come)[asked];
        asked += 1;
        // What every connection of the client's is asked first with `protocol=meta`.
        if asked == 1 && !by_frames && request == b"version\r\n" {
            send(stream, b"VERSION 1.6.40\r\n", Pace::Whole).then_some(())?;
            continue;
        }
        // `mn` is nobody's command; a frame that ends silence may be one.
        let is_own = !(is_end(request) && (open || !by_frames));
        let reply = match is_own {
            false => answer(request, b""),
            true => {
                ends.push(End::NEVER);
                are_reads.push(reads(request));
                answer(request, templates.next()?)
            }
        };
        open = is_quiet(request);
        let room = script.cut.map_or(usize::MAX, |cut| cut - sent);
        let head = sent + head_len(&reply);
        sent += reply.len();
        // What is silent has come when the next one has, but for reads: that may stand in front of theirs.
        if !reply.is_empty() {
            let count = ends.len();
            let is_read = is_own && reads(request);
            let waiting = ends.iter_mut().enumerate();
            for (number, end) in waiting.filter(|(_, end)| **end == End::NEVER) {
                let own = is_own && number + 1 == count;
                if is_read && are_reads[number] && !own {
                    continue;
                }
                end.first = if own { sent } else { head };
                end.last = sent;
            }
        }
        *told.lock().expect("no panic") = ends.clone();
        let reply = &reply[..room.min(reply.len())];
        let goes_on = script.cut.is_none_or(|cut| sent < cut);
        (send(stream, reply, script.pace) && goes_on).then_some(())?;
    }
    // What ends a batch whose last command was not silent.
    while !by_frames
        && requests(come)
            .get(asked)
            .is_some_and(|request| is_end(request))
    {
        asked += 1;
        send(stream, &answer(b"mn\r\n", b""), script.pace).then_some(())?;
    }
    Some(())
}

/// What of a reply says whose it is.
fn head_len(reply: &[u8]) -> usize {
    let line = || reply.windows(2).position(|two| two == b"\r\n");
    match reply.first() {
        Some(&frames::REPLY) => frames::HEADER,
        _ => line().map_or(reply.len(), |end| end + 2),
    }
}

type IsOne = fn(&[u8]) -> bool;
type Answer = fn(&[u8], &[u8]) -> Vec<u8>;

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

/// The whole requests that there are, of any protocol.
pub fn requests(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some(len) = request(bytes).filter(|len| *len <= bytes.len()) {
        let (first, rest) = bytes.split_at(len);
        all.push(first);
        bytes = rest;
    }
    all
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
