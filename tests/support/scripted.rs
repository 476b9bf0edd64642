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

use super::frames::{self, Frame};

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
    /// Its opaque, for every `#`.
    Opaque,
    /// All that `frames::answer` makes of both, one after the other; of the end of quiet requests, too.
    Frames,
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
    /// Where the replies of the last part end.
    ends: Arc<Mutex<Vec<usize>>>,
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

    /// Where the replies of the last part end, as they were filled, were they sent whole.
    pub fn ends(&self) -> Vec<usize> {
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

fn serve(mut stream: UnixStream, script: &Script, ear: &Mutex<Vec<u8>>, told: &Mutex<Vec<usize>>) {
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    let (mut come, mut answered) = (Vec::new(), 0);
    if script.fill == Fill::Frames {
        serve_frames(&mut stream, script, &mut come, told);
    }
    let in_lines = script.parts.iter().filter(|_| script.fill != Fill::Frames);
    'parts: for part in in_lines {
        let asked = answered + part.requests;
        while requests(&come).len() < asked {
            if !receive(&mut stream, &mut come) {
                break 'parts;
            }
        }
        let mut reply = Vec::new();
        let mut ends = Vec::new();
        for (number, template) in part.replies.iter().enumerate() {
            let request = requests(&come).get(answered + number).copied();
            reply.extend(filled(script.fill, template, request));
            ends.push(reply.len());
        }
        answered = asked;
        *told.lock().expect("no panic") = ends;
        let cut = script.cut.filter(|cut| *cut < reply.len());
        reply.truncate(cut.unwrap_or(reply.len()));
        if !send(&mut stream, &reply, script.pace) || cut.is_some() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    while receive(&mut stream, &mut come) {}
    ear.lock().expect("no panic").extend(come);
}

/// The replies of all parts, each to the next request that is no end of quiet ones.
fn serve_frames(
    stream: &mut UnixStream,
    script: &Script,
    come: &mut Vec<u8>,
    told: &Mutex<Vec<usize>>,
) {
    let mut templates = script.parts.iter().flat_map(|part| &part.replies);
    let count = script.parts.iter().map(|part| part.replies.len()).sum();
    let (mut asked, mut sent, mut ends, mut open) = (0, 0, Vec::new(), false);
    while ends.len() < count || open {
        while requests(come).len() == asked {
            if !receive(stream, come) {
                return;
            }
        }
        let request = Frame::parse(requests(come)[asked]);
        asked += 1;
        let is_end = request.opcode == frames::NOOP && open;
        let template = match is_end {
            true => Some(&[][..]),
            false => templates.next().map(Vec::as_slice),
        };
        let Some(template) = template else { return };
        let reply = frames::answer(&request, template);
        let room = script.cut.map_or(usize::MAX, |cut| cut - sent);
        sent += reply.len();
        open = request.is_quiet();
        if !is_end {
            ends.push(usize::MAX);
        }
        // What is silent has come when the next one has.
        if !reply.is_empty() {
            let waiting = ends.iter_mut().filter(|end| **end == usize::MAX);
            waiting.for_each(|end| *end = sent);
        }
        *told.lock().expect("no panic") = ends.clone();
        let reply = &reply[..room.min(reply.len())];
        if !send(stream, reply, script.pace) || script.cut.is_some_and(|cut| cut <= sent) {
            return;
        }
    }
}

fn filled(fill: Fill, template: &[u8], request: Option<&[u8]>) -> Vec<u8> {
    let pieces: Vec<_> = template.split(|byte| *byte == b'#').collect();
    if fill == Fill::Nothing || pieces.len() == 1 {
        return template.to_vec();
    }
    let request = request.expect("a request for every reply");
    pieces.join(&opaque(request)[..])
}

/// `O…`, of a line of the meta protocol.
fn opaque(request: &[u8]) -> Vec<u8> {
    let line = request.split(|byte| *byte == b'\r').next();
    let mut words = line.expect("a line").split(|byte| *byte == b' ').skip(2);
    let word = words.find(|word| word.first() == Some(&b'O'));
    word.unwrap_or_else(|| panic!("no opaque: {:?}", request.escape_ascii().to_string()))
        .to_vec()
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
