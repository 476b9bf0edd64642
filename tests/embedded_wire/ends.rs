//! The two servers, driven alike.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use memcached2::connection::embedded::{Embedded, MemoryStore, StoreSettings, open};
use memcached2::transport::pipe::Peer;

use super::support::memcached::Memcached;

/// No server that runs takes this long.
const PATIENCE: Duration = Duration::from_secs(20);
/// In recording only: after this long, nothing more comes.
const SILENCE: Duration = Duration::from_millis(400);

pub trait End {
    /// Begin with a new connection.
    fn connect(&mut self);
    fn send(&mut self, bytes: &[u8]);
    /// The next bytes, so many of them unless the connection ends, or there are no more.
    fn reply(&mut self, len: usize) -> Vec<u8>;
    fn is_closed(&mut self) -> bool;
    /// Let that many seconds pass.
    fn wait(&mut self, seconds: u32);
}

pub struct Real {
    server: Memcached,
    stream: Option<UnixStream>,
}

impl Real {
    pub fn new() -> Real {
        Real {
            server: Memcached::unix(&[]),
            stream: None,
        }
    }

    fn stream(&mut self) -> &mut UnixStream {
        self.stream.as_mut().expect("connected")
    }

    /// Everything that comes, until nothing more does, and whether the connection was closed.
    pub fn all(&mut self) -> (Vec<u8>, bool) {
        let stream = self.stream();
        stream.set_read_timeout(Some(SILENCE)).expect("a limit");
        let mut all = Vec::new();
        let mut piece = vec![0; 1 << 16];
        let closed = loop {
            match stream.read(&mut piece) {
                Ok(0) => break true,
                Ok(n) => all.extend(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break true,
                Err(_) => break false,
            }
        };
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        (all, closed)
    }
}

impl End for Real {
    fn connect(&mut self) {
        let uri = self.server.uri();
        let path = uri
            .strip_prefix("memcached+unix://")
            .expect("a Unix socket");
        let stream = UnixStream::connect(path).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        self.stream = Some(stream);
    }

    fn send(&mut self, bytes: &[u8]) {
        // A server that closes need not have read everything.
        let _ = self.stream().write_all(bytes);
    }

    fn reply(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut have = 0;
        while have < len {
            match self.stream().read(&mut bytes[have..]) {
                Ok(n) if n > 0 => have += n,
                _ => break,
            }
        }
        bytes.truncate(have);
        bytes
    }

    fn is_closed(&mut self) -> bool {
        let end = self.stream().read(&mut [0]);
        matches!(end, Ok(0)) || end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset)
    }

    fn wait(&mut self, seconds: u32) {
        // Its clock ticks once a second.
        std::thread::sleep(Duration::from_millis(u64::from(seconds) * 1000 + 200));
    }
}

pub struct Ours {
    store: Arc<MemoryStore>,
    connection: Option<Embedded>,
    pieces: usize,
    /// Not taken yet.
    replies: Vec<u8>,
    closed: bool,
}

impl Ours {
    pub fn new(pieces: usize) -> Ours {
        let settings = StoreSettings {
            limit_bytes: None,
            manual_clock: Some(true),
        };
        Ours {
            store: open("", settings).expect("a store"),
            connection: None,
            pieces,
            replies: Vec::new(),
            closed: false,
        }
    }
}

impl End for Ours {
    fn connect(&mut self) {
        self.connection = None;
        self.connection = Some(Embedded::new(&self.store));
        self.replies.clear();
        self.closed = false;
    }

    fn send(&mut self, bytes: &[u8]) {
        let connection = self.connection.as_mut().expect("connected");
        let size = if self.pieces == 0 {
            bytes.len()
        } else {
            self.pieces
        };
        for piece in bytes.chunks(size) {
            let open = connection.hear(piece, &mut self.replies).expect("memory");
            assert!(!(self.closed && open), "opened again");
            self.closed = !open;
        }
        while connection.has_more() {
            connection.more(&mut self.replies).expect("memory");
        }
    }

    fn reply(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.replies);
        if bytes.len() < len {
            return bytes;
        }
        self.replies = bytes.split_off(len);
        bytes
    }

    fn is_closed(&mut self) -> bool {
        self.closed && self.replies.is_empty()
    }

    fn wait(&mut self, seconds: u32) {
        assert!(self.store.advance(seconds), "a manual clock");
    }
}
