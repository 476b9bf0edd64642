//! A configuration endpoint that says what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::peers::address;
use crate::support::memcached::Memcached;

/// A machine with other things to do needs its time.
pub const PATIENCE: &str = "timeout=20s&connect_timeout=20s&batch_timeout=60s";

/// What it says when it is asked for the list.
#[derive(Clone, Debug)]
pub enum Says {
    /// The bytes of a list, in the form of today.
    List(String),
    /// The bytes of a list, in the form of before 1.4.14.
    Old(String),
    /// These bytes, whatever it is asked.
    Bytes(Vec<u8>),
    /// The bytes of a list, one at a time.
    Drips(String),
    /// These bytes, and it closes the connection.
    Cut(Vec<u8>),
    /// The same in the form of before 1.4.14.
    OldCut(Vec<u8>),
    /// Nothing, and the connection stays.
    Nothing,
    /// It closes the connection.
    Closes,
    /// What a memcached says that has no list.
    Stock,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    asked: AtomicUsize,
}

pub struct Endpoint {
    address: SocketAddr,
    says: Arc<Mutex<Says>>,
    counts: Arc<Counts>,
    done: Arc<AtomicBool>,
    /// All connections that there were.
    streams: Arc<Mutex<Vec<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    pub fn new(says: Says) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut endpoint = Endpoint {
            address: listener.local_addr().expect("an address"),
            says: Arc::new(Mutex::new(says)),
            counts: Arc::default(),
            done: Arc::default(),
            streams: Arc::default(),
            thread: None,
        };
        endpoint.thread = Some(endpoint.listen(listener));
        endpoint
    }

    fn listen(&self, listener: TcpListener) -> JoinHandle<()> {
        let (says, counts, done) = (self.says.clone(), self.counts.clone(), self.done.clone());
        let streams = self.streams.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if done.load(Ordering::Acquire) {
                    return;
                }
                counts.connections.fetch_add(1, Ordering::SeqCst);
                let own = stream.try_clone().expect("a descriptor");
                let mut streams = streams.lock().expect("no panic");
                streams.retain(|stream| stream.peer_addr().is_ok());
                streams.push(own);
                drop(streams);
                let (says, counts) = (says.clone(), counts.clone());
                std::thread::spawn(move || serve(stream, &says, &counts));
            }
        })
    }

    /// What it says from now on, on connections that there are too.
    pub fn say(&self, says: Says) {
        *self.says.lock().expect("no panic") = says;
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// As the library takes it, with options.
    pub fn uri(&self, options: &str) -> String {
        format!("discover://{}/?{options}", self.address)
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        format!("discover://{}", self.address)
    }

    /// How often it was asked for the list, in either form.
    pub fn asked(&self) -> usize {
        self.counts.asked.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Close all connections.
    pub fn hang_up(&self) {
        for stream in self.streams.lock().expect("no panic").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Nobody listens there any more.
    pub fn die(&mut self) {
        self.done.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Listen there again.
    pub fn rise(&mut self) {
        self.done.store(false, Ordering::Release);
        let listener = TcpListener::bind(self.address).expect("the port is free again");
        self.thread = Some(self.listen(listener));
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.die();
    }
}

/// Closed when it is dropped, whatever copies there are.
struct Closing(TcpStream);

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn serve(stream: TcpStream, says: &Mutex<Says>, counts: &Counts) {
    let stream = Closing(stream);
    let mut lines = BufReader::new(&stream.0).lines();
    let mut stream = &stream.0;
    while let Some(Ok(line)) = lines.next() {
        if line == "version" {
            let _ = stream.write_all(b"VERSION 1.6.18\r\n");
            continue;
        }
        let config = match line.as_str() {
            "config get cluster" => true,
            "get AmazonElastiCache:cluster" => false,
            other => panic!("it was asked {other:?}"),
        };
        if config {
            counts.asked.fetch_add(1, Ordering::SeqCst);
        }
        let says = says.lock().expect("no panic").clone();
        let answer = match (says, config) {
            (Says::List(list), true) => framed("CONFIG cluster", &list),
            (Says::Drips(list), true) => {
                if !drips(stream, &framed("CONFIG cluster", &list)) {
                    return;
                }
                continue;
            }
            (Says::Old(list), false) => framed("VALUE AmazonElastiCache:cluster", &list),
            (Says::Bytes(bytes), _) => bytes,
            (Says::Cut(bytes), _) | (Says::OldCut(bytes), false) => {
                let _ = stream.write_all(&bytes);
                return;
            }
            (Says::Nothing, _) => {
                // Until the other end has given up.
                let _ = stream.read(&mut [0]);
                return;
            }
            (Says::Closes, _) => return,
            (Says::Old(_) | Says::OldCut(_) | Says::Stock, true) => b"ERROR\r\n".to_vec(),
            (_, false) => b"END\r\n".to_vec(),
        };
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

/// Whether somebody took all of it.
fn drips(mut stream: &TcpStream, bytes: &[u8]) -> bool {
    stream.set_nodelay(true).expect("set");
    bytes.iter().all(|byte| {
        std::thread::sleep(Duration::from_micros(200));
        stream.write_all(&[*byte]).is_ok()
    })
}

/// The bytes of a list in a reply.
pub fn framed(head: &str, list: &str) -> Vec<u8> {
    format!("{head} 0 {}\r\n{list}\r\nEND\r\n", list.len()).into_bytes()
}

/// The bytes of a list of these servers.
pub fn list<'s>(version: u64, servers: impl IntoIterator<Item = &'s Memcached>) -> String {
    let servers: Vec<String> = servers
        .into_iter()
        .map(|server| format!("127.0.0.1|127.0.0.1|{}", address(server).port()))
        .collect();
    format!("{version}\n{}\n", servers.join(" "))
}

/// What a server of a list is called.
pub fn named(server: &Memcached) -> String {
    address(server).to_string()
}

pub fn servers(count: usize) -> Vec<Memcached> {
    (0..count).map(|_| Memcached::tcp(&[])).collect()
}
