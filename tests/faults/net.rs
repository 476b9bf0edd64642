//! The server: a listener, its threads, and the handle that a test holds.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::conn::Connection;
use super::ledger::{Ledger, What};
use super::rule::{End, Rule, Rules};
use super::script::Step;
use super::store::{Item, Store};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Unix,
}

#[derive(Clone, Debug)]
pub enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What a thread is told by others.
pub enum Order {
    Stop,
    End(End),
    /// Send what was held back.
    Release,
    Strike(Vec<Step>),
    /// Close the listener, open it again after so long.
    Down(Duration),
}

/// A thread's post, with a descriptor that wakes it out of `poll`.
pub struct Mailbox {
    orders: Mutex<Vec<Order>>,
    bell: UnixStream,
    ear: UnixStream,
}

impl Mailbox {
    pub fn new() -> io::Result<Mailbox> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Mailbox {
            orders: Mutex::default(),
            bell,
            ear,
        })
    }

    pub fn post(&self, order: Order) {
        lock(&self.orders).push(order);
        // A full pipe is loud enough already.
        let _ = (&self.bell).write(&[1]);
    }

    pub fn take(&self) -> Vec<Order> {
        let _ = (&self.ear).read(&mut [0; 64]);
        std::mem::take(&mut *lock(&self.orders))
    }

    pub fn descriptor(&self) -> RawFd {
        self.ear.as_raw_fd()
    }
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What all threads of one server share.
#[derive(Default)]
pub struct Hub {
    pub store: Mutex<Store>,
    pub rules: Mutex<Rules>,
    pub ledger: Ledger,
    pub requests: AtomicU64,
    /// Connections that hold bytes back until the next request.
    pub holding: AtomicUsize,
    connections: AtomicU32,
    boxes: Mutex<HashMap<u32, Arc<Mailbox>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Hub {
    /// Tells every connection but one.
    pub fn tell(&self, except: u32, order: impl Fn() -> Order) {
        for (id, mailbox) in lock(&self.boxes).iter() {
            if *id != except && *id != 0 {
                mailbox.post(order());
            }
        }
    }

    pub fn live(&self) -> usize {
        lock(&self.boxes).keys().filter(|id| **id != 0).count()
    }

    pub fn forget(&self, id: u32) {
        lock(&self.boxes).remove(&id);
        self.ledger.add(id, What::Gone);
    }

    /// The process is replaced by a new, empty one; connection `except` is left to its thread.
    pub fn restart(&self, except: u32, end: End, pause: Duration) {
        if !pause.is_zero() {
            let listener = lock(&self.boxes).get(&0).cloned();
            if let Some(listener) = listener {
                listener.post(Order::Down(pause));
            }
            self.ledger.wait(Duration::from_secs(1), |events| {
                events.iter().any(|event| matches!(event.what, What::Down))
            });
        }
        let now = Instant::now();
        lock(&self.store).flush(now, 0, now);
        self.tell(except, || Order::End(end));
    }

    fn accept(self: &Arc<Hub>, socket: Socket, unix: bool) -> io::Result<()> {
        let id = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let mailbox = Arc::new(Mailbox::new()?);
        lock(&self.boxes).insert(id, mailbox.clone());
        self.ledger.add(id, What::Accepted);
        let hub = self.clone();
        let thread = std::thread::Builder::new()
            .name(format!("fault-{id}"))
            .spawn(move || Connection::new(id, socket, unix, hub, mailbox).run())?;
        lock(&self.threads).push(thread);
        Ok(())
    }
}

pub struct Server {
    hub: Arc<Hub>,
    endpoint: Endpoint,
    listener: Option<JoinHandle<()>>,
    directory: Option<PathBuf>,
}

impl Server {
    pub fn start(transport: Transport) -> io::Result<Server> {
        let (endpoint, directory) = match transport {
            Transport::Tcp => (Endpoint::Tcp((Ipv4Addr::LOCALHOST, 0).into()), None),
            Transport::Unix => {
                let directory = scratch()?;
                (Endpoint::Unix(directory.join("s")), Some(directory))
            }
        };
        let socket = listen(&endpoint)?;
        let endpoint = match endpoint {
            Endpoint::Tcp(_) => Endpoint::Tcp(
                socket
                    .local_addr()?
                    .as_socket()
                    .ok_or(io::ErrorKind::Other)?,
            ),
            unix => unix,
        };
        let hub = Arc::new(Hub::default());
        let mailbox = Arc::new(Mailbox::new()?);
        lock(&hub.boxes).insert(0, mailbox.clone());
        let (shared, address) = (hub.clone(), endpoint.clone());
        let listener = std::thread::Builder::new()
            .name("fault-accept".into())
            .spawn(move || serve(&shared, socket, &address, &mailbox))?;
        Ok(Server {
            hub,
            endpoint,
            listener: Some(listener),
            directory,
        })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub fn ledger(&self) -> &Ledger {
        &self.hub.ledger
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.hub.store)
    }

    pub fn load(&self, key: &str, data: &[u8], flags: u32) {
        let item = Item {
            data: data.to_vec(),
            flags,
            cas: 0,
            expires: None,
        };
        self.store().put(key.as_bytes(), item, 0, Instant::now());
    }

    pub fn arm(&self, rule: Rule) {
        lock(&self.hub.rules).add(rule);
    }

    /// Takes these steps on every open connection; returns when they are taken.
    pub fn strike(&self, steps: &[Step]) -> bool {
        let before = self.settled();
        let live = self.hub.live();
        self.hub.tell(0, || Order::Strike(steps.to_vec()));
        live > 0 && self.wait_settled(before + live)
    }

    /// Kills the server between requests: it is back, empty, after `pause`.
    pub fn restart(&self, end: End, pause: Duration) -> bool {
        let live = self.hub.live();
        self.hub.restart(0, end, pause);
        self.ledger().add(0, What::Fired);
        live > 0 && self.wait_gone()
    }

    pub fn settled(&self) -> usize {
        self.ledger().count(|what| matches!(what, What::Settled))
    }

    /// Waits until so many scripts have run, the connections that they ended are closed, and a
    /// server that went down is up again.
    pub fn wait_settled(&self, scripts: usize) -> bool {
        self.ledger().wait(Duration::from_secs(2), |events| {
            let of = |kind: fn(&What) -> bool| events.iter().filter(|e| kind(&e.what)).count();
            let closed = events
                .iter()
                .filter(|e| matches!(e.what, What::Ended(End::Fin | End::Rst)))
                .all(|ended| {
                    events
                        .iter()
                        .any(|e| e.connection == ended.connection && matches!(e.what, What::Gone))
                });
            closed
                && of(|what| matches!(what, What::Settled)) >= scripts
                && of(|what| matches!(what, What::Up)) == of(|what| matches!(what, What::Down))
        })
    }

    /// Waits until no connection is left.
    pub fn wait_gone(&self) -> bool {
        self.ledger().wait(Duration::from_secs(2), |events| {
            let of = |kind: fn(&What) -> bool| events.iter().filter(|e| kind(&e.what)).count();
            of(|what| matches!(what, What::Gone)) >= of(|what| matches!(what, What::Accepted))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for mailbox in lock(&self.hub.boxes).values() {
            mailbox.post(Order::Stop);
        }
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        // The listener is gone: nobody adds a connection any more.
        self.hub.tell(0, || Order::Stop);
        for thread in std::mem::take(&mut *lock(&self.hub.threads)) {
            let _ = thread.join();
        }
        if let Some(directory) = &self.directory {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

fn serve(hub: &Arc<Hub>, mut socket: Socket, endpoint: &Endpoint, mailbox: &Mailbox) {
    let unix = matches!(endpoint, Endpoint::Unix(_));
    loop {
        let ready = wait(
            &[
                (socket.as_raw_fd(), libc::POLLIN),
                (mailbox.descriptor(), libc::POLLIN),
            ],
            None,
        );
        if ready[1] != 0 {
            for order in mailbox.take() {
                match order {
                    Order::Stop => return,
                    Order::Down(pause) => {
                        drop(socket);
                        hub.ledger.add(0, What::Down);
                        wait(&[(mailbox.descriptor(), libc::POLLIN)], Some(pause));
                        socket = listen(endpoint).expect("the address that was ours is ours again");
                        hub.ledger.add(0, What::Up);
                    }
                    _ => {}
                }
            }
        }
        if ready[0] != 0
            && let Ok((accepted, _)) = socket.accept()
            && let Err(error) = hub.accept(accepted, unix)
        {
            eprintln!("fault server: a connection could not be served: {error}");
        }
    }
}

fn listen(endpoint: &Endpoint) -> io::Result<Socket> {
    let socket = match endpoint {
        Endpoint::Tcp(address) => {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.set_reuse_address(true)?;
            socket.bind(&SockAddr::from(*address))?;
            socket
        }
        Endpoint::Unix(path) => {
            let _ = std::fs::remove_file(path);
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.bind(&SockAddr::unix(path)?)?;
            socket
        }
    };
    socket.listen(64)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn scratch() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("mc-faults-{}-{number}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

/// `poll`: the events that came for each descriptor, all 0 when the time was up.
pub fn wait(descriptors: &[(RawFd, i16)], time: Option<Duration>) -> Vec<i16> {
    let mut fds: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|&(fd, events)| libc::pollfd {
            fd,
            events,
            revents: 0,
        })
        .collect();
    let until = time.map(|time| Instant::now() + time);
    loop {
        let left = until.map_or(-1, |until| {
            let left = until.saturating_duration_since(Instant::now());
            left.as_micros().div_ceil(1000) as libc::c_int
        });
        // SAFETY: the pointer and the count are those of a live vector.
        let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, left) };
        if ready >= 0 {
            return fds.iter().map(|fd| fd.revents).collect();
        }
    }
}
