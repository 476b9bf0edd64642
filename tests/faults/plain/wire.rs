//! The plain client's connections: exchanges on them, and what a reply says.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use super::super::net::{Endpoint, wait};
use super::super::outcome::{DEADLINE, status};
use super::{Mistake, Plain, digits};

pub struct Link {
    socket: Socket,
    input: Vec<u8>,
    /// Answers to quiet sets that were not read yet.
    owed: usize,
    used: bool,
    /// Bytes of a reply have come in this exchange.
    heard: bool,
}

#[derive(Debug)]
pub struct Trouble {
    pub status: i32,
    pub text: String,
    /// The connection was lost: who can, tries again.
    pub lost: bool,
}

pub type Try<T> = Result<T, Trouble>;

pub fn trouble(status: i32, text: impl Into<String>) -> Trouble {
    Trouble {
        status,
        text: text.into(),
        lost: false,
    }
}

fn lost(text: impl Into<String>) -> Trouble {
    Trouble {
        lost: true,
        ..trouble(0x0105, text)
    }
}

/// What a reply says.
pub enum Said {
    Values(Vec<(Vec<u8>, Vec<u8>, u32)>, Option<String>),
    Line(String),
}

impl Plain {
    pub(super) fn connect(&self, until: Instant) -> Try<Link> {
        let (domain, address) = match &self.setup.endpoint {
            Endpoint::Tcp(address) => (Domain::IPV4, SockAddr::from(*address)),
            Endpoint::Unix(path) => (
                Domain::UNIX,
                SockAddr::unix(path).map_err(|e| lost(e.to_string()))?,
            ),
        };
        let open = || -> io::Result<Socket> {
            let socket = Socket::new(domain, Type::STREAM, None)?;
            socket.connect(&address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|error| trouble(0x0205, error.to_string()))?;
        let mut link = Link {
            socket,
            input: Vec::new(),
            owed: 0,
            used: false,
            heard: false,
        };
        if self.setup.paranoid {
            // Whatever the server says of itself first is told apart by asking something first.
            self.send(&mut link, b"version\r\n", until)?;
            let line = self.line(&mut link, until)?;
            if !line.starts_with("VERSION ") || !link.input.is_empty() {
                return Err(trouble(0x0204, format!("greeted with {line:?}")));
            }
        }
        Ok(link)
    }

    /// An idle connection that is as it was left, or a new one.
    pub(super) fn link(&mut self, until: Instant) -> Try<Link> {
        if let Some(link) = self.idle.take() {
            let mut one = [MaybeUninit::uninit(); 1];
            let quiet = match link.socket.peek(&mut one) {
                Err(error) => error.kind() == io::ErrorKind::WouldBlock,
                Ok(read) => read > 0 && link.owed > 0,
            };
            if quiet || !self.setup.paranoid || self.makes(Mistake::UnreadKept) {
                return Ok(link);
            }
        }
        self.connect(until)
    }

    pub(super) fn exchange(
        &mut self,
        request: &[u8],
        keys: &[&str],
        quiet: bool,
        until: Instant,
    ) -> Try<Said> {
        let mut link = self.link(until)?;
        link.heard = false;
        let said = self.talk(&mut link, request, keys, quiet, until);
        link.used = true;
        let in_step = said.is_ok() && link.input.is_empty();
        let kept = in_step
            || (said.is_ok() && self.makes(Mistake::UnreadKept))
            || (said.is_err() && self.makes(Mistake::TimeoutKept));
        if kept {
            self.idle = Some(link);
        }
        said
    }

    pub(super) fn talk(
        &mut self,
        link: &mut Link,
        request: &[u8],
        keys: &[&str],
        quiet: bool,
        until: Instant,
    ) -> Try<Said> {
        self.send(link, request, until)?;
        if quiet {
            link.owed += 1;
            return Ok(Said::Line("STORED".into()));
        }
        while link.owed > 0 {
            let line = self.line(link, until)?;
            link.owed -= 1;
            if line.starts_with("SERVER_ERROR") {
                self.quiet_failed += 1;
            } else if line != "STORED" {
                self.quiet_failed += u64::from(line.starts_with("CLIENT_ERROR") || line == "ERROR");
                return Err(trouble(
                    0x0204,
                    format!("a quiet set was answered {line:?}"),
                ));
            }
        }
        if request.starts_with(b"get ") {
            return self.values(link, keys, until);
        }
        Ok(Said::Line(self.line(link, until)?))
    }

    pub(super) fn values(&self, link: &mut Link, keys: &[&str], until: Instant) -> Try<Said> {
        let mut values: Vec<(Vec<u8>, Vec<u8>, u32)> = Vec::new();
        loop {
            let line = match self.line(link, until) {
                Ok(line) => line,
                Err(trouble) if values.is_empty() => return Err(trouble),
                Err(trouble) => return Ok(self.part(link, values, trouble.text)),
            };
            if line == "END" {
                return Ok(Said::Values(values, None));
            }
            let Some((key, flags, length)) = value_line(&line) else {
                // After a server's error the exchange is over; after anything else, out of step.
                if !line.starts_with("SERVER_ERROR ")
                    && line != "ERROR"
                    && !line.starts_with("CLIENT_ERROR ")
                {
                    return Ok(self.part(link, values, line));
                }
                return Ok(Said::Values(values, Some(line)));
            };
            let wanted =
                keys.contains(&key.as_str()) && !values.iter().any(|(k, ..)| *k == key.as_bytes());
            if !wanted && !self.makes(Mistake::KeyUnchecked) {
                return Ok(self.part(link, values, format!("a value of {key:?}")));
            }
            let key = if wanted {
                key
            } else {
                keys[values.len().min(keys.len() - 1)].to_string()
            };
            match self.data(link, length, until) {
                Ok(data) => values.push((key.into_bytes(), data, flags)),
                Err(trouble) if values.is_empty() => return Err(trouble),
                Err(trouble) => return Ok(self.part(link, values, trouble.text)),
            }
        }
    }

    /// Some values, then something that ends the trust in the connection.
    pub(super) fn part(
        &self,
        link: &mut Link,
        values: Vec<(Vec<u8>, Vec<u8>, u32)>,
        text: String,
    ) -> Said {
        // Never empty again: the connection is not in step.
        link.input.push(0);
        Said::Values(values, Some(text))
    }

    pub(super) fn data(&self, link: &mut Link, length: usize, until: Instant) -> Try<Vec<u8>> {
        while link.input.len() < length + 2 {
            self.receive(link, until)?;
        }
        let data: Vec<u8> = link.input.drain(..length + 2).collect();
        if &data[length..] != b"\r\n" && !self.makes(Mistake::LengthTrusted) {
            return Err(trouble(0x0204, "data without an end"));
        }
        Ok(data[..length].to_vec())
    }

    pub(super) fn line(&self, link: &mut Link, until: Instant) -> Try<String> {
        let mut seen = 0;
        loop {
            if let Some(at) = link.input[seen..].iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = link.input.drain(..seen + at + 1).collect();
                let line = line
                    .strip_suffix(b"\r\n")
                    .ok_or_else(|| trouble(0x0204, "a line without CR"))?;
                return String::from_utf8(line.to_vec())
                    .map_err(|e| trouble(0x0204, e.to_string()));
            }
            seen = link.input.len();
            if seen > 2048 {
                return Err(trouble(0x0204, "a line without end"));
            }
            self.receive(link, until)?;
        }
    }

    pub(super) fn receive(&self, link: &mut Link, until: Instant) -> Try<()> {
        let until = if self.makes(Mistake::DeadlinePerRead) {
            Instant::now() + DEADLINE
        } else {
            until
        };
        self.ready(link, libc::POLLIN, until)?;
        let mut buffer = [MaybeUninit::<u8>::uninit(); 16_384];
        match link.socket.recv(&mut buffer) {
            Ok(0) => Err(lost("end of the connection")),
            Ok(read) => {
                // SAFETY: so many bytes of the buffer were written.
                let bytes =
                    unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), read) };
                link.input.extend_from_slice(bytes);
                link.heard = true;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(lost(error.to_string())),
        }
    }

    pub(super) fn send(&self, link: &mut Link, mut bytes: &[u8], until: Instant) -> Try<()> {
        while !bytes.is_empty() {
            match link.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.ready(link, libc::POLLOUT, until)?;
                }
                Err(error) => return Err(lost(error.to_string())),
            }
        }
        Ok(())
    }

    pub(super) fn ready(&self, link: &Link, events: i16, until: Instant) -> Try<()> {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_micros(1)
            || wait(&[(link.socket.as_raw_fd(), events)], Some(left))[0] == 0
        {
            return Err(trouble(status::TIMEOUT, "the deadline passed"));
        }
        Ok(())
    }
}

/// Key, flags and length of a strict `VALUE` line.
fn value_line(line: &str) -> Option<(String, u32, usize)> {
    let mut fields = line.strip_prefix("VALUE ")?.split(' ');
    let (key, flags, length) = (fields.next()?, fields.next()?, fields.next()?);
    let (flags, length) = (digits(flags)?, digits(length)?);
    let fits = fields.next().is_none() && length <= 128 << 20;
    fits.then_some((key.to_string(), u32::try_from(flags).ok()?, length as usize))
}
