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

/// How many sockets of this process are connected to `address`, or on their way.
pub fn connections_to(address: SocketAddr) -> usize {
    let SocketAddr::V4(v4) = address else {
        panic!("{address} is not of IPv4");
    };
    let there = format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(v4.ip().octets()),
        v4.port()
    );
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the sockets of the system");
    let rows = table
        .lines()
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let sockets: Vec<_> = rows
        .filter(|row| row.get(2) == Some(&there.as_str()))
        .filter_map(|row| Some(format!("socket:[{}]", row.get(9)?)))
        .collect();
    let fds = std::fs::read_dir("/proc/self/fd").expect("descriptors");
    let links = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
    links
        .filter(|link| {
            sockets
                .iter()
                .any(|socket| link.as_os_str() == socket.as_str())
        })
        .count()
}
