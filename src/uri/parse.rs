//! One entry of a list, from scheme to query.

use super::encoding::{decode, decode_secret};
use super::host::{host_and_port, local_name};
use super::query;
use super::{Address, Scheme, Secret, ServerUri, UNIX_PATH_MAX};
use crate::error::{Failure, Result};
use crate::status::Status;

/// What is wrong, and at which byte of the whole text. The words are fixed: no piece of the input
/// can get into a message.
pub(super) struct Fault {
    pub at: usize,
    pub status: Status,
    pub what: &'static str,
}

pub(super) type Parse<T> = std::result::Result<T, Fault>;

/// A part of the text, which knows where it stands.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Piece<'a> {
    pub fn fault(self, what: &'static str) -> Fault {
        Fault {
            at: self.at,
            status: Status::INVALID_URI,
            what,
        }
    }

    /// The part from byte `from`, which must be the boundary of a character.
    pub fn skip(self, from: usize) -> Piece<'a> {
        Piece {
            text: &self.text[from..],
            at: self.at + from,
        }
    }

    pub fn take(self, to: usize) -> Piece<'a> {
        Piece {
            text: &self.text[..to],
            at: self.at,
        }
    }

    /// What stands before and behind the first `mark`.
    pub fn split(self, mark: char) -> Option<(Piece<'a>, Piece<'a>)> {
        let at = self.text.find(mark)?;
        Some((self.take(at), self.skip(at + mark.len_utf8())))
    }

    /// The part that begins with the first `mark`.
    pub fn starting_at(self, mark: char) -> Option<Piece<'a>> {
        self.text.find(mark).map(|at| self.skip(at))
    }
}

/// Parses a text that is one URI.
pub(super) fn single(text: &str) -> Result<ServerUri> {
    let whole = Piece { text, at: 0 };
    entry(whole).map_err(|fault| {
        Failure::new(
            fault.status,
            format!("server URI, byte {}: {}", fault.at, fault.what),
        )
    })
}

/// Parses one URI out of a larger text.
pub(super) fn entry(whole: Piece<'_>) -> Parse<ServerUri> {
    check_characters(whole)?;
    let (head, query) = match whole.split('?') {
        Some((head, query)) => (head, Some(query)),
        None => (whole, None),
    };
    let params = query.map_or_else(|| Ok(Vec::new()), query::params)?;
    let (scheme, rest, bare) = scheme(head)?;
    let (login, address) = match scheme {
        Scheme::Unix => unix(rest)?,
        Scheme::Memory => memory(rest)?,
        Scheme::Memcached | Scheme::Memcacheds | Scheme::Discover | Scheme::Discovers => {
            tcp(rest, bare)?
        }
    };
    let (user, password) = login.map_or((None, None), |login| (Some(login.user), login.password));
    Ok(ServerUri {
        scheme,
        address,
        user,
        password,
        params,
    })
}

fn check_characters(whole: Piece<'_>) -> Parse<()> {
    if whole.text.is_empty() {
        return Err(whole.fault("there is nothing here"));
    }
    for (at, c) in whole.text.char_indices() {
        let what = match c {
            ',' => "a comma separates servers; within one it is written %2C",
            ' ' => "a space separates servers; within one it is written %20",
            '#' => "a '#' has no meaning here; it is written %23",
            c if c.is_control() => "control characters are not allowed",
            _ => continue,
        };
        return Err(whole.skip(at).fault(what));
    }
    Ok(())
}

/// The scheme, what follows it, and whether none was written.
fn scheme(head: Piece<'_>) -> Parse<(Scheme, Piece<'_>, bool)> {
    if head.text.starts_with('/') {
        return Ok((Scheme::Unix, head, true));
    }
    // A host may be called "unix", but its port does not begin with a slash.
    if let Some(prefix) = head.text.get(..6) {
        if prefix.eq_ignore_ascii_case("unix:/") && !head.skip(6).text.starts_with('/') {
            return Ok((Scheme::Unix, head.skip(5), true));
        }
    }
    if let Some(end) = head.text.find("://") {
        let name = head.take(end);
        if !name.text.bytes().all(is_scheme_byte) {
            return Err(head.fault("\"://\" follows something that is no scheme"));
        }
        let known = Scheme::parse(name.text).ok_or(Fault {
            status: Status::UNKNOWN_PROTOCOL,
            ..head.fault(
                "the scheme is not known; there are memcached, memcacheds, memcached+unix, memory, discover and discovers",
            )
        })?;
        return Ok((known, head.skip(end + 3), false));
    }
    Ok((Scheme::Memcached, head, true))
}

fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// `[user[:password]@]host[:port][/]`
fn tcp(rest: Piece<'_>, bare: bool) -> Parse<(Option<Login>, Address)> {
    let (login, place) = login(without_path(rest)?)?;
    let (host, port) = host_and_port(place, bare)?;
    Ok((login, Address::Tcp { host, port }))
}

/// `[user[:password]@]/path`
fn unix(rest: Piece<'_>) -> Parse<(Option<Login>, Address)> {
    let path = rest.starting_at('/').ok_or_else(|| {
        rest.fault("the path of a Unix socket begins with '/': memcached+unix:///path")
    })?;
    let (login, place) = login(rest.take(path.at - rest.at))?;
    if !place.text.is_empty() {
        return Err(place.fault("a Unix socket has no host: three slashes, then the path"));
    }
    let decoded = decode(path)?;
    if decoded == "/" {
        return Err(path.fault("the path is empty"));
    }
    if decoded.len() > UNIX_PATH_MAX {
        return Err(path.fault("the path is longer than the 107 bytes that a Unix socket takes"));
    }
    Ok((login, Address::Unix { path: decoded }))
}

/// `[name][/]`
fn memory(rest: Piece<'_>) -> Parse<(Option<Login>, Address)> {
    let place = without_path(rest)?;
    if place.text.contains('@') {
        return Err(place.fault("a store in memory takes no credentials"));
    }
    let name = match place.text {
        "" => String::new(),
        _ => local_name(place)?,
    };
    Ok((None, Address::Memory { name }))
}

/// What stands before the path, which must be absent or "/".
fn without_path(rest: Piece<'_>) -> Parse<Piece<'_>> {
    match rest.split('/') {
        Some((before, path)) if path.text.is_empty() => Ok(before),
        Some((_, path)) => Err(path.fault(
            "nothing may follow this slash but '?'; within a user or password it is written %2F",
        )),
        None => Ok(rest),
    }
}

struct Login {
    user: String,
    password: Option<Secret>,
}

/// Splits `user:password@` off.
fn login(authority: Piece<'_>) -> Parse<(Option<Login>, Piece<'_>)> {
    let Some((who, place)) = authority.split('@') else {
        return Ok((None, authority));
    };
    if place.text.contains('@') {
        return Err(authority.fault("within a user or password, '@' is written %40"));
    }
    let (user, password) = match who.split(':') {
        Some((user, password)) => (user, Some(decode_secret(password)?)),
        None => (who, None),
    };
    if user.text.is_empty() {
        return Err(user.fault("the user's name is missing before the password or '@'"));
    }
    let user = decode(user)?;
    Ok((Some(Login { user, password }), place))
}
