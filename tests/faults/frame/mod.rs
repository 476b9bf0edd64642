//! Requests on the wire: where one ends, and what it asks.

pub mod binary;
pub mod meta;

/// A key may be this long.
pub const MAX_KEY: usize = 250;
/// Without a newline in so many bytes only `get` and `gets` may go on.
const SHORT_LINE: usize = 2048;
/// The longest line of `get` and `gets` that is taken.
const LONG_LINE: usize = 1 << 20;
/// The largest item, as memcached has it unless told otherwise.
pub const ITEM_MAX: usize = 1024 * 1024;
/// What an item takes beside key and value.
const ITEM_HEAD: usize = 58;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
    Cas,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `get`, `gets`, `gat`, `gats`
    Read {
        keys: Vec<Vec<u8>>,
        with_cas: bool,
        exptime: Option<i64>,
    },
    Store {
        verb: Verb,
        key: Vec<u8>,
        flags: u32,
        exptime: i64,
        length: usize,
        cas: u64,
    },
    Delete {
        key: Vec<u8>,
    },
    Arithmetic {
        key: Vec<u8>,
        up: bool,
        delta: u64,
    },
    Touch {
        key: Vec<u8>,
        exptime: i64,
    },
    FlushAll {
        delay: i64,
    },
    Version,
    Verbosity,
    Quit,
    /// A meta command; or meta reads that were sent together, with the `mn` behind them.
    Meta(Vec<meta::Order>),
    /// A frame; or quiet reads, with the frame behind them.
    Binary(Vec<binary::Frame>),
    /// What memcached refuses by its line alone, with its answer.
    Refused(&'static [u8]),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub command: Command,
    pub noreply: bool,
    /// The data block without its end.
    pub body: Vec<u8>,
    /// Whether the data block ended as it should.
    pub whole: bool,
    /// The line as it came, for the report.
    pub line: Vec<u8>,
}

impl Request {
    /// The keys that the request names.
    pub fn keys(&self) -> Vec<&[u8]> {
        match &self.command {
            Command::Read { keys, .. } => keys.iter().map(Vec::as_slice).collect(),
            Command::Store { key, .. }
            | Command::Delete { key }
            | Command::Arithmetic { key, .. }
            | Command::Touch { key, .. } => vec![key],
            Command::Meta(orders) => {
                let keys = orders.iter().map(|order| order.key.as_slice());
                keys.filter(|key| !key.is_empty()).collect()
            }
            Command::Binary(frames) => {
                let keys = frames.iter().map(|frame| frame.key.as_slice());
                keys.filter(|key| !key.is_empty()).collect()
            }
            _ => Vec::new(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Framed {
    /// More bytes are needed.
    More,
    /// A request, and how many bytes it took.
    Whole(Box<Request>, usize),
    /// A line that never ends: memcached closes without a word.
    TooLong,
}

/// The first request of `input`.
pub fn request(input: &[u8]) -> Framed {
    if binary::begins(input) {
        return binary::request(input);
    }
    if meta::begins(input) {
        return meta::request(input);
    }
    line(input)
}

/// The first request, where it is one of ASCII's.
fn line(input: &[u8]) -> Framed {
    let Some(newline) = input.iter().position(|&b| b == b'\n') else {
        let long = input.starts_with(b"get ") || input.starts_with(b"gets ");
        let limit = if long { LONG_LINE } else { SHORT_LINE };
        return if input.len() > limit {
            Framed::TooLong
        } else {
            Framed::More
        };
    };
    let line = &input[..newline];
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (command, noreply) = command(line);
    let mut request = Request {
        command,
        noreply,
        body: Vec::new(),
        whole: true,
        line: line.to_vec(),
    };
    let mut used = newline + 1;
    if let Command::Store { length, .. } = request.command {
        let Some(block) = input[used..].get(..length + 2) else {
            return Framed::More;
        };
        request.body = block[..length].to_vec();
        request.whole = &block[length..] == b"\r\n";
        used += length + 2;
    }
    Framed::Whole(Box::new(request), used)
}

/// Whether a store command of this size is taken at all.
pub fn fits(key: &[u8], length: usize) -> bool {
    ITEM_HEAD + key.len() + length + 2 <= ITEM_MAX
}

const UNKNOWN: &[u8] = b"ERROR\r\n";
const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const BAD_EXPTIME: &[u8] = b"CLIENT_ERROR invalid exptime argument\r\n";
const BAD_DELTA: &[u8] = b"CLIENT_ERROR invalid numeric delta argument\r\n";
const BAD_DELETE: &[u8] =
    b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n";

/// The command of a line, or memcached's answer to a line that is none; and whether it said
/// `noreply`.
fn command(line: &[u8]) -> (Command, bool) {
    let tokens: Vec<&[u8]> = line
        .split(|&b| b == b' ')
        .filter(|t| !t.is_empty())
        .collect();
    let noreply = tokens.len() > 1 && tokens.last() == Some(&b"noreply".as_slice());
    let [verb, rest @ ..] = tokens.as_slice() else {
        return (Command::Refused(UNKNOWN), false);
    };
    let plain = if noreply {
        &rest[..rest.len() - 1]
    } else {
        rest
    };
    let parsed = match *verb {
        b"get" => read(rest, false, None),
        b"gets" => read(rest, true, None),
        b"gat" => touching_read(rest, false),
        b"gats" => touching_read(rest, true),
        b"set" => store(Verb::Set, plain),
        b"add" => store(Verb::Add, plain),
        b"replace" => store(Verb::Replace, plain),
        b"append" => store(Verb::Append, plain),
        b"prepend" => store(Verb::Prepend, plain),
        b"cas" => store(Verb::Cas, plain),
        b"delete" => delete(plain),
        b"incr" => arithmetic(plain, true),
        b"decr" => arithmetic(plain, false),
        b"touch" => touch(plain),
        b"flush_all" => flush_all(plain),
        b"version" => Ok(Command::Version),
        b"verbosity" if !rest.is_empty() => Ok(Command::Verbosity),
        b"quit" => Ok(Command::Quit),
        _ => Err(UNKNOWN),
    };
    // What is not known at all is said to be so, `noreply` or not.
    let heeded = noreply && parsed != Err(UNKNOWN);
    (parsed.unwrap_or_else(Command::Refused), heeded)
}

type Parsed = Result<Command, &'static [u8]>;

fn read(keys: &[&[u8]], with_cas: bool, exptime: Option<i64>) -> Parsed {
    if keys.is_empty() {
        return Err(UNKNOWN);
    }
    let keys = keys
        .iter()
        .map(|key| legal(key))
        .collect::<Result<_, _>>()?;
    Ok(Command::Read {
        keys,
        with_cas,
        exptime,
    })
}

fn touching_read(rest: &[&[u8]], with_cas: bool) -> Parsed {
    let [exptime, keys @ ..] = rest else {
        return Err(UNKNOWN);
    };
    let exptime = number::<i32>(exptime).ok_or(BAD_EXPTIME)?;
    // Unlike `get`, it may name no key.
    let keys = keys
        .iter()
        .map(|key| legal(key))
        .collect::<Result<_, _>>()?;
    Ok(Command::Read {
        keys,
        with_cas,
        exptime: Some(exptime.into()),
    })
}

fn store(verb: Verb, rest: &[&[u8]]) -> Parsed {
    // In the place of `noreply` memcached takes anything.
    let (key, flags, exptime, length, cas) = match (verb, rest) {
        (Verb::Cas, [key, flags, exptime, length, cas] | [key, flags, exptime, length, cas, _]) => {
            (key, flags, exptime, length, Some(cas))
        }
        (Verb::Cas, _) => return Err(UNKNOWN),
        (_, [key, flags, exptime, length] | [key, flags, exptime, length, _]) => {
            (key, flags, exptime, length, None)
        }
        _ => return Err(UNKNOWN),
    };
    let key = legal(key)?;
    let flags = number::<u32>(flags).ok_or(BAD_FORMAT)?;
    let exptime = number::<i32>(exptime).ok_or(BAD_FORMAT)?.into();
    let length = number::<i32>(length).ok_or(BAD_FORMAT)?;
    let cas = cas
        .map_or(Some(0), |cas| number::<u64>(cas))
        .ok_or(BAD_FORMAT)?;
    if length > i32::MAX - 2 {
        return Err(BAD_FORMAT);
    }
    let length = usize::try_from(length).map_err(|_| BAD_FORMAT)?;
    Ok(Command::Store {
        verb,
        key,
        flags,
        exptime,
        length,
        cas,
    })
}

fn delete(rest: &[&[u8]]) -> Parsed {
    match rest {
        [] => Err(UNKNOWN),
        [key] | [key, b"0"] => Ok(Command::Delete { key: legal(key)? }),
        _ => Err(BAD_DELETE),
    }
}

fn arithmetic(rest: &[&[u8]], up: bool) -> Parsed {
    let ([key, delta] | [key, delta, _]) = rest else {
        return Err(UNKNOWN);
    };
    let key = legal(key)?;
    let delta = number::<u64>(delta).ok_or(BAD_DELTA)?;
    Ok(Command::Arithmetic { key, up, delta })
}

fn touch(rest: &[&[u8]]) -> Parsed {
    let ([key, exptime] | [key, exptime, _]) = rest else {
        return Err(UNKNOWN);
    };
    let key = legal(key)?;
    let exptime = number::<i32>(exptime).ok_or(BAD_EXPTIME)?.into();
    Ok(Command::Touch { key, exptime })
}

fn flush_all(rest: &[&[u8]]) -> Parsed {
    let delay = match rest {
        [] => 0,
        [delay] | [delay, _] => number::<i32>(delay).ok_or(BAD_EXPTIME)?.into(),
        _ => return Err(UNKNOWN),
    };
    Ok(Command::FlushAll { delay })
}

fn legal(key: &[u8]) -> Result<Vec<u8>, &'static [u8]> {
    if key.len() > MAX_KEY {
        Err(BAD_FORMAT)
    } else {
        Ok(key.to_vec())
    }
}

pub fn number<T: std::str::FromStr>(token: &[u8]) -> Option<T> {
    std::str::from_utf8(token).ok()?.parse().ok()
}
