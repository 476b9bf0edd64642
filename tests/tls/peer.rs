//! A server of the tests' own, for what memcached does not do: it speaks the versions that it is told,
//! counts sessions that were resumed, and ends them as it is told. It knows no key.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    HandshakeKind, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

use crate::certificates::Pair;

/// How a connection ends when the line `version` is read; everything else is a miss.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It goes on.
    None,
    /// In the middle of a reply, with a close_notify.
    Told,
    /// In the middle of a reply, without a word.
    Untold,
}

pub struct Peer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    config: Mutex<Arc<ServerConfig>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    full: AtomicUsize,
    resumed: AtomicUsize,
    /// Handshakes that came to nothing.
    refused: AtomicUsize,
    /// Sessions that the client ended with a close_notify.
    told: AtomicUsize,
    end: Mutex<End>,
    stop: AtomicBool,
}

fn config(shown: &Pair, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let certificates = CertificateDer::pem_file_iter(&shown.certificate).expect("a file");
    let certificates = certificates
        .map(|one| one.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_file(&shown.key).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(certificates, key);
    Arc::new(config.expect("a configuration"))
}

impl Peer {
    pub fn start(shown: &Pair, versions: &[&'static SupportedProtocolVersion]) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let shared = Arc::new(Shared {
            address: listener.local_addr().expect("an address"),
            config: Mutex::new(config(shown, versions)),
            versions: versions.to_vec(),
            full: AtomicUsize::new(0),
            resumed: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            told: AtomicUsize::new(0),
            end: Mutex::new(End::None),
            stop: AtomicBool::new(false),
        });
        let own = shared.clone();
        let thread = Some(std::thread::spawn(move || own.listen(&listener)));
        Peer { shared, thread }
    }

    pub fn uri(&self, options: &str) -> String {
        format!(
            "memcacheds://{}/?protocol=ascii&{options}",
            self.shared.address
        )
    }

    /// Show another certificate from now on, and forget all sessions.
    pub fn show(&self, shown: &Pair) {
        *self.shared.config.lock().expect("no panic") = config(shown, &self.shared.versions);
    }

    pub fn end_with(&self, end: End) {
        *self.shared.end.lock().expect("no panic") = end;
    }

    /// How many handshakes were made in full, and how many resumed a session.
    pub fn handshakes(&self) -> (usize, usize) {
        let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (count(&self.shared.full), count(&self.shared.resumed))
    }

    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    pub fn told(&self) -> usize {
        self.shared.told.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // It waits for one more.
        let _ = TcpStream::connect(self.shared.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        std::thread::scope(|scope| {
            for socket in listener.incoming() {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                let socket = socket.expect("a connection");
                scope.spawn(move || self.serve(socket));
            }
        });
    }

    /// What goes wrong is the client's to tell.
    fn serve(&self, mut socket: TcpStream) -> Option<()> {
        // A client that never ends does not keep the test from its end.
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .ok()?;
        socket.set_nodelay(true).ok()?;
        let config = self.config.lock().expect("no panic").clone();
        let mut connection = ServerConnection::new(config).ok()?;
        while connection.is_handshaking() {
            if connection.complete_io(&mut socket).is_err() {
                self.refused.fetch_add(1, Ordering::SeqCst);
                return None;
            }
        }
        match connection.handshake_kind()? {
            HandshakeKind::Resumed => &self.resumed,
            _ => &self.full,
        }
        .fetch_add(1, Ordering::SeqCst);
        let mut stream = BufReader::new(StreamOwned::new(connection, socket));
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                self.told.fetch_add(1, Ordering::SeqCst);
                return None;
            }
            let end = *self.end.lock().expect("no panic");
            if end != End::None {
                stream.get_mut().write_all(b"VALUE key 0 5\r\nhel").ok()?;
                let owned = stream.get_mut();
                if end == End::Told {
                    owned.conn.send_close_notify();
                    owned.conn.complete_io(&mut owned.sock).ok()?;
                }
                owned.sock.shutdown(Shutdown::Write).ok()?;
                let _ = owned.sock.read(&mut [0]);
                return None;
            }
            stream.get_mut().write_all(b"END\r\n").ok()?;
        }
    }
}
