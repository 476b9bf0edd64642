//! The list of servers as a configuration endpoint tells it (ElastiCache and Memorystore): what it is
//! asked, its replies, the list in them.
//!
//! `config get cluster` is answered by `CONFIG cluster 0 <bytes>`, the bytes and `END`; servers before
//! 1.4.14 have the same bytes as the value of an item. The bytes are a version, and behind the end of
//! that line the servers with a space between, `host|ip|port` each.

use super::number;
use super::refusal::refusal;
use crate::error::Status;

/// How the endpoint is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Config,
    /// Before 1.4.14.
    Item,
}

/// The most bytes of a list. (The longest that ElastiCache makes has some hundred servers.)
pub const LIST_MAX: usize = 256 * 1024;

/// The longest line of a reply, but for the list.
pub const LINE_MAX: usize = 2048;

/// The most servers of a list.
pub const SERVERS_MAX: usize = 4096;

/// The longest host name.
const HOST_MAX: usize = 253;

/// The longest literal address: IPv6 with an IPv4 address at its end.
const IP_MAX: usize = 45;

impl Form {
    pub const fn request(self) -> &'static [u8] {
        match self {
            Form::Config => b"config get cluster\r\n",
            Form::Item => b"get AmazonElastiCache:cluster\r\n",
        }
    }

    const fn head(self) -> &'static [u8] {
        match self {
            Form::Config => b"CONFIG cluster ",
            Form::Item => b"VALUE AmazonElastiCache:cluster ",
        }
    }
}

/// What has come of a reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reply<'a> {
    /// It is not whole yet.
    More,
    /// The bytes of the list.
    List(&'a [u8]),
    /// The server has no list, or does not know the command.
    Nothing,
    /// The server refused, in these words.
    Refused(Status, &'a [u8]),
    /// What came is no reply to this.
    Broken(&'static str),
}

/// The reply to `form` that `bytes` are, or begin.
pub fn reply(form: Form, bytes: &[u8]) -> Reply<'_> {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        return match bytes.len() > LINE_MAX {
            true => Reply::Broken("a line without an end"),
            false => Reply::More,
        };
    };
    let Some(line) = bytes[..end].strip_suffix(b"\r") else {
        return Reply::Broken("a line with another end than CR LF");
    };
    let rest = &bytes[end + 1..];
    if let Some(sizes) = line.strip_prefix(form.head()) {
        return body(sizes, rest);
    }
    match line {
        b"END" | b"ERROR" if rest.is_empty() => Reply::Nothing,
        b"END" | b"ERROR" => Reply::Broken("bytes that nothing asked for"),
        line => match refusal(line) {
            Some(status) => Reply::Refused(status, line),
            None => Reply::Broken("a line that begins no list of servers"),
        },
    }
}

/// What follows the beginning of a list; `sizes` are its flags and its length.
fn body<'a>(sizes: &[u8], rest: &'a [u8]) -> Reply<'a> {
    let mut words = sizes.split(|byte| *byte == b' ');
    let flags = words.next().and_then(number::whole);
    let len = words.next().and_then(number::whole);
    let (Some(_), Some(len), None) = (flags, len, words.next()) else {
        return Reply::Broken("a list of servers without its length");
    };
    let len = match usize::try_from(len) {
        Ok(len) if len <= LIST_MAX => len,
        _ => return Reply::Broken("a list of servers that is too long"),
    };
    let Some((list, behind)) = rest.split_at_checked(len) else {
        return Reply::More;
    };
    // Some put an empty line between.
    let ends: [&[u8]; 2] = [b"\r\nEND\r\n", b"\r\n\r\nEND\r\n"];
    if ends.contains(&behind) {
        return Reply::List(list);
    }
    match ends {
        ends if ends.iter().any(|end| end.starts_with(behind)) => Reply::More,
        ends if ends.iter().any(|end| behind.starts_with(end)) => {
            Reply::Broken("bytes that nothing asked for")
        }
        _ => Reply::Broken("a list of servers of another length than it says"),
    }
}

/// A list of servers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List<'a> {
    pub version: u64,
    /// In the order of the text, which placements depend on.
    pub servers: Vec<Listed<'a>>,
}

/// A server as a list names it. What `host` and `ip` hold can be part of a name or an address, and no
/// more is known of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed<'a> {
    /// May be empty, if `ip` is not.
    pub host: &'a str,
    /// May be empty, if `host` is not.
    pub ip: &'a str,
    /// Not 0.
    pub port: u16,
}

/// Why a text is no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    Version,
    /// There is something behind the servers.
    Surplus,
    TooMany,
    NoMemory,
    /// Of the server with this number, beginning with 1.
    Server(usize, &'static str),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Malformed::Version => f.write_str("it does not begin with the number of its version"),
            Malformed::Surplus => f.write_str("something follows the line of the servers"),
            Malformed::TooMany => write!(f, "it has more than {SERVERS_MAX} servers"),
            Malformed::NoMemory => f.write_str("there is no memory for it"),
            Malformed::Server(number, why) => write!(f, "server {number}: {why}"),
        }
    }
}

/// Read the bytes of a list.
pub fn list(bytes: &[u8]) -> Result<List<'_>, Malformed> {
    let mut lines = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let version = lines.next().and_then(number::whole);
    let version = version.ok_or(Malformed::Version)?;
    let line = lines.next().unwrap_or_default();
    if lines.any(|line| !line.is_empty()) {
        return Err(Malformed::Surplus);
    }
    let texts = || line.split(|byte| *byte == b' ').filter(|t| !t.is_empty());
    let count = texts().take(SERVERS_MAX + 1).count();
    if count > SERVERS_MAX {
        return Err(Malformed::TooMany);
    }
    let mut servers = Vec::new();
    servers
        .try_reserve_exact(count)
        .map_err(|_| Malformed::NoMemory)?;
    for (index, text) in texts().enumerate() {
        servers.push(listed(text).map_err(|why| Malformed::Server(index + 1, why))?);
    }
    Ok(List { version, servers })
}

fn listed(text: &[u8]) -> Result<Listed<'_>, &'static str> {
    let mut fields = text.split(|byte| *byte == b'|');
    let (Some(host), Some(ip), Some(port), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("it is not host|ip|port");
    };
    if host.is_empty() && ip.is_empty() {
        return Err("it has neither a host name nor an address");
    }
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let host = text_of(host, HOST_MAX, in_name).ok_or("the host name is none")?;
    let in_address = |byte: u8| byte.is_ascii_hexdigit() || b".:".contains(&byte);
    let ip = text_of(ip, IP_MAX, in_address).ok_or("the address is none")?;
    let port = number::whole(port).and_then(|port| u16::try_from(port).ok());
    match port {
        None | Some(0) => Err("the port is not a number from 1 to 65535"),
        Some(port) => Ok(Listed { host, ip, port }),
    }
}

/// `bytes` as a text, if they are few enough and all of a kind.
fn text_of(bytes: &[u8], max: usize, is_one: impl Fn(u8) -> bool) -> Option<&str> {
    let fits = bytes.len() <= max && bytes.iter().all(|byte| is_one(*byte));
    fits.then(|| std::str::from_utf8(bytes).ok()).flatten()
}

#[cfg(test)]
#[path = "config/tests.rs"]
mod tests;
