//! A connection to a server past the library: what the tests compare the library with.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::memcached::Address;

/// No server that runs takes this long.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Raw {
    reader: BufReader<Box<dyn Read>>,
    writer: Box<dyn Write>,
    /// Sets how long a read may take.
    limit_reads: Box<dyn Fn(Option<Duration>) -> io::Result<()>>,
}

impl Raw {
    pub(super) fn open(address: &Address) -> io::Result<Raw> {
        match address {
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(LIMIT))?;
                let (reader, limited) = (stream.try_clone()?, stream.try_clone()?);
                let limit = Box::new(move |time| limited.set_read_timeout(time));
                Ok(Raw::over(Box::new(reader), Box::new(stream), limit))
            }
            Address::Tcp(port) => {
                let stream = TcpStream::connect(("127.0.0.1", *port))?;
                stream.set_read_timeout(Some(LIMIT))?;
                stream.set_nodelay(true)?;
                let (reader, limited) = (stream.try_clone()?, stream.try_clone()?);
                let limit = Box::new(move |time| limited.set_read_timeout(time));
                Ok(Raw::over(Box::new(reader), Box::new(stream), limit))
            }
        }
    }

    fn over(
        read: Box<dyn Read>,
        writer: Box<dyn Write>,
        limit_reads: Box<dyn Fn(Option<Duration>) -> io::Result<()>>,
    ) -> Raw {
        let reader = BufReader::new(read);
        Raw {
            reader,
            writer,
            limit_reads,
        }
    }

    /// Send one line; return the first of the reply.
    fn ask(&mut self, line: &str) -> String {
        self.writer
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("sent");
        self.line()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("a line");
        let end = line.strip_suffix("\r\n");
        end.expect("a line that ends").to_string()
    }

    /// The value of a key.
    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        let head = self.ask(&format!("get {key}"));
        if head == "END" {
            return None;
        }
        assert!(head.starts_with(&format!("VALUE {key} ")), "{head}");
        let len = head.rsplit(' ').next().and_then(|len| len.parse().ok());
        let mut value = vec![0; len.expect("a length")];
        self.reader.read_exact(&mut value).expect("a value");
        assert_eq!((self.line().as_str(), self.line().as_str()), ("", "END"));
        Some(value)
    }

    /// The keys of the values that one line of keys is answered with, in the order in which they come.
    pub fn order(&mut self, keys: &[&str]) -> Vec<String> {
        let (mut order, mut head) = (Vec::new(), self.ask(&format!("get {}", keys.join(" "))));
        while head != "END" {
            let words: Vec<&str> = head.split(' ').collect();
            let [_, key, _, len] = words[..] else {
                panic!("{head}");
            };
            let mut value = vec![0; len.parse().expect("a length")];
            order.push(key.to_string());
            self.reader.read_exact(&mut value).expect("a value");
            assert_eq!(self.line(), "");
            head = self.line();
        }
        order
    }

    /// Store a value.
    pub fn set(&mut self, key: &str, value: &str) {
        let stored = self.ask(&format!("set {key} 0 0 {}\r\n{value}", value.len()));
        assert_eq!(stored, "STORED", "{key}");
    }

    /// How many seconds an item still lives, -1 for ever; `None`: there is no item.
    pub fn ttl(&mut self, key: &str) -> Option<i64> {
        let answer = self.ask(&format!("mg {key} t"));
        let ttl = answer.strip_prefix("HD t")?;
        Some(ttl.parse().expect("a number"))
    }

    /// Store so many small values under `key`, one over the other.
    pub fn set_many(&mut self, key: &str, times: usize) {
        let set = format!("set {key} 0 0 1\r\nx\r\n");
        for begun in (0..times).step_by(500) {
            let now = (times - begun).min(500);
            self.writer
                .write_all(set.repeat(now).as_bytes())
                .expect("sent");
            for _ in 0..now {
                assert_eq!(self.line(), "STORED");
            }
        }
    }

    /// Forget everything.
    pub fn flush(&mut self) {
        assert_eq!(self.ask("flush_all"), "OK");
    }

    /// The lines of one of the server's replies up to `END`, each without its `STAT`.
    pub fn stats(&mut self, argument: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = self.ask(format!("stats {argument}").trim_end());
        while line != "END" {
            let stat = line.strip_prefix("STAT ");
            lines.push(stat.expect("a line of statistics").to_string());
            line = self.line();
        }
        lines
    }

    pub fn version(&mut self) -> String {
        self.ask("version")
    }

    /// What the server says to `version` in so much time; `None`: nothing, or that was the end.
    pub fn try_version(&mut self, time: Duration) -> Option<String> {
        (self.limit_reads)(Some(time)).ok()?;
        let _ = self.writer.write_all(b"version\r\n");
        let mut line = String::new();
        let read = self.reader.read_line(&mut line);
        (self.limit_reads)(Some(LIMIT)).ok()?;
        read.is_ok_and(|n| n > 0)
            .then(|| line.trim_end().to_string())
    }

    /// One number of the server's statistics.
    pub fn stat(&mut self, name: &str) -> u64 {
        let mut found = None;
        let mut line = self.ask("stats");
        while line != "END" {
            let value = line.strip_prefix(&format!("STAT {name} "));
            found = found.or_else(|| value.and_then(|value| value.parse().ok()));
            line = self.line();
        }
        found.unwrap_or_else(|| panic!("no number {name} in the statistics"))
    }
}
