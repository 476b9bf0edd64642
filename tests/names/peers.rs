//! Peers that behave: one that knows no key, one that swallows every attempt to connect, one that is
//! not there.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use socket2::{Domain, Socket, Type};

use crate::support::memcached::Memcached;

/// The address of a real server over TCP.
pub fn address(server: &Memcached) -> SocketAddr {
    let uri = server.uri();
    let address = uri.strip_prefix("memcached://").expect("over TCP");
    address.trim_end_matches('/').parse().expect("an address")
}

/// A place where nobody listens, and nobody will: its port is taken, by a socket that does not.
pub struct Refusing {
    socket: Socket,
}

impl Refusing {
    pub fn new() -> Refusing {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        socket.bind(&any.into()).expect("a port");
        Refusing { socket }
    }

    pub fn address(&self) -> SocketAddr {
        local(&self.socket)
    }
}

/// A listener whose queue is full: what connects to it hears nothing.
pub struct Swallowing {
    socket: Socket,
    _queue: Vec<Socket>,
}

impl Swallowing {
    pub fn new() -> Swallowing {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 9), 0));
        socket.bind(&any.into()).expect("a port");
        socket.listen(0).expect("listening");
        let attempts = (0..3).map(|_| {
            let next = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            next.set_nonblocking(true).expect("set");
            // The first is in the queue, which is full then; the others are on their way for ever.
            let _ = next.connect(&local(&socket).into());
            next
        });
        let queue = attempts.collect();
        Swallowing {
            socket,
            _queue: queue,
        }
    }

    pub fn address(&self) -> SocketAddr {
        local(&self.socket)
    }
}

fn local(socket: &Socket) -> SocketAddr {
    let address = socket.local_addr().expect("an address");
    address.as_socket().expect("an internet address")
}

/// So many addresses where nobody answers.
pub fn silent(count: usize) -> (Vec<Swallowing>, Vec<SocketAddr>) {
    let peers: Vec<_> = (0..count).map(|_| Swallowing::new()).collect();
    let addresses = peers.iter().map(Swallowing::address).collect();
    (peers, addresses)
}

/// So many addresses where nobody listens.
pub fn deaf(count: usize) -> (Vec<Refusing>, Vec<SocketAddr>) {
    let peers: Vec<_> = (0..count).map(|_| Refusing::new()).collect();
    let addresses = peers.iter().map(Refusing::address).collect();
    (peers, addresses)
}

/// Answers every line with a miss, for ever; `None` where this machine has no such address.
pub fn empty_server(at: SocketAddr) -> Option<SocketAddr> {
    let listener = TcpListener::bind(at).ok()?;
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer_misses(&stream, &stream));
        }
    });
    Some(address)
}

/// Answer every line with a miss, or with a version if it asks for that, until there are no more.
pub fn answer_misses(from: impl std::io::Read, mut to: impl Write) {
    let mut lines = BufReader::new(from).lines();
    while let Some(Ok(line)) = lines.next() {
        let answer: &[u8] = match line.trim_end() {
            "version" => b"VERSION 1.6.18\r\n",
            _ => b"END\r\n",
        };
        if to.write_all(answer).is_err() {
            return;
        }
    }
}

/// How many connections of this process lead to `address`.
pub fn connections_to(address: SocketAddr) -> usize {
    let leads_there = |fd: i32| {
        // SAFETY: borrowed for the question only; a number that is no socket any more is told as such.
        let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
        let socket = socket2::SockRef::from(&socket);
        socket.peer_addr().ok().and_then(|peer| peer.as_socket()) == Some(address)
    };
    let fds = std::fs::read_dir("/proc/self/fd").expect("descriptors");
    let numbers = fds.filter_map(|fd| fd.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<i32> = numbers.collect();
    numbers.into_iter().filter(|fd| leads_there(*fd)).count()
}
