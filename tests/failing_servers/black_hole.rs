//! A listener that swallows every attempt to connect, until it is opened: then it is a server without keys.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use socket2::{Domain, Socket, Type};

pub struct BlackHole {
    listener: Socket,
    /// The first is in the queue, which is full then; the others are on their way for ever.
    queue: Vec<Socket>,
}

impl BlackHole {
    pub fn new() -> BlackHole {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        listener.bind(&any.into()).expect("a port");
        listener.listen(0).expect("listening");
        let address = listener.local_addr().expect("an address");
        let attempt = |_| {
            let next = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            next.set_nonblocking(true).expect("set");
            let _ = next.connect(&address);
            next
        };
        let queue = (0..3).map(attempt).collect();
        BlackHole { listener, queue }
    }

    /// As the library takes it; what it says when it is open is ASCII.
    pub fn uri(&self) -> String {
        let address = self.listener.local_addr().expect("an address");
        let address = address.as_socket().expect("an internet address");
        format!("memcached://{address}/")
    }

    /// Serve from now on, until the process ends.
    pub fn open(self) {
        let BlackHole { listener, queue } = self;
        listener.listen(100).expect("listening");
        drop(queue);
        let listener: TcpListener = listener.into();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || answer_misses(&stream));
            }
        });
    }
}

fn answer_misses(mut stream: &TcpStream) {
    let mut lines = BufReader::new(stream).lines();
    while let Some(Ok(_)) = lines.next() {
        if stream.write_all(b"END\r\n").is_err() {
            return;
        }
    }
}
