//! A server of the tests' own, which asks for credentials in the manner that it is told, and remembers
//! what each connection said to it. It knows no key.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

pub const USER: &str = "ann";
pub const PASSWORD: &str = "s3cret-word";

/// What it does with a connection that has not authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manner {
    /// Answers it like any other.
    Open,
    /// Says so to every command, as memcached 1.6.18 does.
    Says,
    /// As [`Manner::Says`], a byte at a time.
    SaysSlowly,
    /// Closes it, and where the password is wrong too, as memcached 1.6.45 does.
    Closes,
    /// Says so, and closes it.
    SaysAndCloses,
    /// Answers the first command, and then says so.
    Later,
    /// Says nothing.
    Silent,
    /// Takes what it is told, whatever that is.
    TakesAll,
    /// Answers more than it is asked.
    Babbles,
    /// Answers credentials with what it has been told.
    Echoes,
}

/// A command, with its value where it has one.
pub type Said = Vec<u8>;

pub struct Peer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    manner: Mutex<Manner>,
    said: Mutex<Vec<Vec<Said>>>,
    open: Mutex<Vec<TcpStream>>,
    stop: AtomicBool,
}

impl Peer {
    pub fn start(manner: Manner) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("an address"),
            manner: Mutex::new(manner),
            said: Mutex::default(),
            open: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let own = shared.clone();
        let thread = Some(std::thread::spawn(move || own.listen(&listener)));
        Peer { shared, thread }
    }

    /// From the next connection on.
    pub fn becomes(&self, manner: Manner) {
        *self.shared.manner.lock().expect("a manner") = manner;
    }

    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// Its address with these credentials.
    pub fn uri(&self, login: &str) -> String {
        format!("memcached://{login}127.0.0.1:{}/", self.port())
    }

    /// What each connection has said, and nothing of it any more.
    pub fn heard(&self) -> Vec<Vec<String>> {
        let said = std::mem::take(&mut *self.shared.said.lock().expect("what was said"));
        let text = |said: Said| String::from_utf8_lossy(&said).into_owned();
        said.into_iter()
            .map(|connection| connection.into_iter().map(text).collect())
            .collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().expect("streams").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.shared.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn listen(self: Arc<Self>, listener: &TcpListener) {
        let mut threads = Vec::new();
        for stream in listener.incoming() {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let stream = stream.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            let kept = stream.try_clone().expect("another handle");
            self.open.lock().expect("streams").push(kept);
            let own = self.clone();
            threads.push(std::thread::spawn(move || own.serve(stream)));
        }
        for stream in self.open.lock().expect("streams").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        for thread in threads {
            let _ = thread.join();
        }
    }

    fn serve(&self, stream: TcpStream) {
        let manner = *self.manner.lock().expect("a manner");
        let number = {
            let mut said = self.said.lock().expect("what was said");
            said.push(Vec::new());
            said.len() - 1
        };
        let mut writer = stream.try_clone().expect("another handle");
        let mut reader = BufReader::new(stream);
        let mut known = false;
        let mut count = 0;
        while let Some((command, value)) = read(&mut reader) {
            let mut whole = command.clone();
            whole.extend_from_slice(&value);
            if let Some(own) = self.said.lock().expect("said").get_mut(number) {
                own.push(whole);
            }
            count += 1;
            let reply = match manner {
                Manner::Open => ordinary(&command),
                Manner::Silent => continue,
                Manner::Later if count == 1 => ordinary(&command),
                Manner::Babbles => [ordinary(&command), b"END\r\n".to_vec()].concat(),
                _ if known => ordinary(&command),
                _ if !command.starts_with(b"set ") => {
                    if manner == Manner::Closes {
                        break;
                    }
                    b"CLIENT_ERROR unauthenticated\r\n".to_vec()
                }
                Manner::Echoes => {
                    [b"CLIENT_ERROR authentication failure ", &*value, b"\r\n"].concat()
                }
                _ => {
                    let right = format!("{USER} {PASSWORD}");
                    known = value == right.as_bytes() || manner == Manner::TakesAll;
                    match known {
                        true => b"STORED\r\n".to_vec(),
                        false if manner == Manner::Closes => break,
                        false => b"CLIENT_ERROR authentication failure\r\n".to_vec(),
                    }
                }
            };
            let pieces = if manner == Manner::SaysSlowly {
                1
            } else {
                reply.len()
            };
            for piece in reply.chunks(pieces) {
                if writer.write_all(piece).is_err() {
                    return;
                }
                if manner == Manner::SaysSlowly {
                    std::thread::yield_now();
                }
            }
            if manner == Manner::SaysAndCloses && !known {
                break;
            }
        }
        let _ = writer.shutdown(Shutdown::Both);
    }
}

/// The next command without its end, and the value behind it.
fn read(reader: &mut BufReader<TcpStream>) -> Option<(Said, Said)> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).ok()?;
    let line = line.strip_suffix(b"\r\n")?.to_vec();
    let mut value = Vec::new();
    if line.starts_with(b"set ") {
        let text = String::from_utf8_lossy(&line).into_owned();
        let len: usize = text.split(' ').nth(4)?.parse().ok()?;
        value = vec![0; len + 2];
        reader.read_exact(&mut value).ok()?;
        value.truncate(len);
    }
    Some((line, value))
}

fn ordinary(command: &[u8]) -> Vec<u8> {
    match command.split(|byte| *byte == b' ').next() {
        Some(b"version") => b"VERSION 1.6.45\r\n".to_vec(),
        Some(b"get") => b"END\r\n".to_vec(),
        Some(b"set") => b"STORED\r\n".to_vec(),
        Some(b"lru_crawler") => b"END\r\n".to_vec(),
        _ => b"ERROR\r\n".to_vec(),
    }
}
