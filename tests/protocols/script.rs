//! A server that says what a test has it say.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

/// No client takes this long.
const LIMIT: Duration = Duration::from_secs(20);

/// A server of one connection.
pub struct Script {
    port: u16,
    thread: JoinHandle<()>,
}

/// The far end of the connection.
pub struct Peer(BufReader<TcpStream>);

/// A frame that has come.
pub struct Frame {
    pub opcode: u8,
    pub opaque: u32,
    /// Extras, key and value.
    pub body: Vec<u8>,
}

impl Script {
    pub fn of(talk: impl FnOnce(Peer) + Send + 'static) -> Script {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let thread = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("a connection");
            stream.set_read_timeout(Some(LIMIT)).expect("a limit");
            talk(Peer(BufReader::new(stream)));
        });
        Script { port, thread }
    }

    pub fn uri(&self) -> String {
        format!("memcached://127.0.0.1:{}/", self.port)
    }

    /// It has said everything, and nothing was wrong.
    pub fn join(self) {
        self.thread.join().expect("the script went as it should");
    }
}

impl Peer {
    /// The next line, without its end.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        let end = line.strip_suffix("\r\n");
        end.unwrap_or_else(|| panic!("{line:?}")).to_string()
    }

    /// What every new connection of `protocol=meta` asks for.
    pub fn tell_version(&mut self) {
        assert_eq!(self.line(), "version");
        self.write(b"VERSION 1.6.18\r\n");
    }

    /// The lines up to one that is `last`, and that.
    pub fn lines_up_to(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != last) {
            lines.push(self.line());
        }
        lines
    }

    pub fn frame(&mut self) -> Frame {
        let mut header = [0; 24];
        self.0.read_exact(&mut header).expect("a header");
        assert_eq!(header[0], 0x80, "a request");
        let number = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let mut body = vec![0; number(8) as usize];
        self.0.read_exact(&mut body).expect("a body");
        Frame {
            opcode: header[1],
            opaque: number(12),
            body,
        }
    }

    /// Answer a frame, with a value and nothing else.
    pub fn answer(&mut self, frame: &Frame, status: u16, value: &[u8]) {
        let mut header = [0; 24];
        header[0] = 0x81;
        header[1] = frame.opcode;
        header[6..8].copy_from_slice(&status.to_be_bytes());
        header[8..12].copy_from_slice(&(value.len() as u32).to_be_bytes());
        header[12..16].copy_from_slice(&frame.opaque.to_be_bytes());
        self.write(&[&header[..], value].concat());
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("sent");
    }

    /// Say nothing until the client closes; what it has sent until then.
    pub fn wait_for_the_end(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).expect("an end");
        rest
    }
}
