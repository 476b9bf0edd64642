//! A server that does with each connection what a test says.
#![allow(dead_code)] // every test target takes what it needs

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// No step of a script takes this long, unless a test has failed already.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Peer {
    port: u16,
    accepted: Arc<AtomicUsize>,
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    /// `script` is given each connection, with its number; the connection is closed when it returns.
    pub fn new(script: impl Fn(Line, usize) + Send + Sync + 'static) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (accepted, done) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, end, script) = (accepted.clone(), done.clone(), Arc::new(script));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if end.load(Ordering::Acquire) {
                    return;
                }
                let number = count.fetch_add(1, Ordering::AcqRel);
                let script = script.clone();
                std::thread::spawn(move || script(Line::new(stream), number));
            }
        });
        Peer {
            port,
            accepted,
            done,
            thread: Some(thread),
        }
    }

    /// How many connections there were.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Acquire)
    }

    pub fn uri(&self, options: &str) -> String {
        format!("memcached://127.0.0.1:{}/{options}", self.port)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The server's end of a connection.
pub struct Line(TcpStream);

impl Line {
    fn new(stream: TcpStream) -> Line {
        stream.set_nodelay(true).expect("set");
        stream.set_read_timeout(Some(LIMIT)).expect("set");
        Line(stream)
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("sent");
    }

    /// Send for as long as there is someone who takes it.
    pub fn send_or_not(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Receive exactly so many bytes.
    pub fn receive(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).expect("received");
        bytes
    }

    /// The next byte, or the end.
    pub fn receive_some(&mut self) -> Option<u8> {
        let mut byte = [0];
        matches!(self.0.read(&mut byte), Ok(1)).then_some(byte[0])
    }

    /// Wait until the other end has closed the connection.
    pub fn until_closed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => bytes,
        }
    }

    /// The end of what is sent.
    pub fn end(&mut self) {
        let _ = self.0.shutdown(Shutdown::Write);
    }
}
