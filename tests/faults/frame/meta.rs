//! Meta commands on the wire.

use super::{Command, Framed, MAX_KEY, Request, number};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Set,
    Delete,
    Arithmetic,
    Barrier,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub verb: Verb,
    pub key: Vec<u8>,
    /// Each a letter and what belongs to it.
    pub flags: Vec<Vec<u8>>,
    /// What `ms` announces.
    pub length: usize,
    /// As many bytes follow, taken for a value even where the command is refused.
    pub carries: bool,
    /// What memcached refuses by its line alone, with its answer.
    pub refused: Option<&'static [u8]>,
}

impl Order {
    /// What stands behind a flag's letter.
    pub fn flag(&self, letter: u8) -> Option<&[u8]> {
        let flag = self.flags.iter().find(|flag| flag[0] == letter)?;
        Some(&flag[1..])
    }

    pub fn has(&self, letter: u8) -> bool {
        self.flag(letter).is_some()
    }

    pub fn is_quiet(&self) -> bool {
        self.has(b'q')
    }

    pub fn opaque(&self) -> Option<&[u8]> {
        self.flag(b'O')
    }
}

/// Whether a meta command stands at the front.
pub fn begins(input: &[u8]) -> bool {
    let end = matches!(input.get(2), Some(b' ' | b'\r' | b'\n'));
    input.first() == Some(&b'm')
        && matches!(input.get(1), Some(b'g' | b's' | b'd' | b'a' | b'n'))
        && end
}

/// The first command, with what was sent together with it where it reads: such a batch ends with `mn`,
/// or with the bytes that are there.
pub fn request(input: &[u8]) -> Framed {
    let mut orders: Vec<Order> = Vec::new();
    let mut request = Request {
        command: Command::Meta(Vec::new()),
        noreply: false,
        body: Vec::new(),
        whole: true,
        line: Vec::new(),
    };
    let mut used = 0;
    loop {
        let rest = &input[used..];
        if !orders.is_empty() && !joins(rest) {
            break;
        }
        let Some(newline) = rest.iter().position(|&b| b == b'\n') else {
            let silent = orders.last().is_none_or(Order::is_quiet);
            if silent || !rest.is_empty() {
                return Framed::More;
            }
            break;
        };
        let line = &rest[..newline];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let order = order(line);
        used += newline + 1;
        if order.carries {
            let Some(block) = input[used..].get(..order.length + 2) else {
                return Framed::More;
            };
            request.body = block[..order.length].to_vec();
            request.whole = &block[order.length..] == b"\r\n";
            used += order.length + 2;
        }
        request.line = [&request.line, line, b" "].concat();
        request.noreply |= order.is_quiet();
        let goes_on = order.verb == Verb::Get && order.refused.is_none();
        orders.push(order);
        if !goes_on {
            break;
        }
    }
    request.command = Command::Meta(orders);
    Framed::Whole(Box::new(request), used)
}

/// Whether what follows belongs to the reads before it, as far as it is there.
fn joins(rest: &[u8]) -> bool {
    let front = &rest[..rest.len().min(2)];
    b"mg".starts_with(front) || b"mn".starts_with(front)
}

const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const BAD_CHUNK: &[u8] = b"CLIENT_ERROR bad data chunk\r\n";
const BAD_TOKEN: &[u8] = b"CLIENT_ERROR bad token in command line format\r\n";
const BAD_FLAG: &[u8] = b"CLIENT_ERROR invalid flag\r\n";
const TWICE: &[u8] = b"CLIENT_ERROR duplicate flag\r\n";
const LONG_OPAQUE: &[u8] = b"CLIENT_ERROR opaque token too long\r\n";

/// The command of a line.
fn order(line: &[u8]) -> Order {
    let mut tokens = line.split(|&b| b == b' ').filter(|token| !token.is_empty());
    let verb = match tokens.next() {
        Some(b"mg") => Verb::Get,
        Some(b"ms") => Verb::Set,
        Some(b"md") => Verb::Delete,
        Some(b"ma") => Verb::Arithmetic,
        _ => Verb::Barrier,
    };
    let mut order = Order {
        verb,
        key: Vec::new(),
        flags: Vec::new(),
        length: 0,
        carries: false,
        refused: None,
    };
    if verb != Verb::Barrier {
        order.refused = fill(&mut order, tokens).err();
    }
    order
}

fn fill<'a>(
    order: &mut Order,
    mut tokens: impl Iterator<Item = &'a [u8]>,
) -> Result<(), &'static [u8]> {
    let key = tokens.next().filter(|key| key.len() <= MAX_KEY);
    order.key = key.ok_or(BAD_FORMAT)?.to_vec();
    if order.verb == Verb::Set {
        let length = tokens.next().ok_or(BAD_CHUNK)?;
        let length = number::<i32>(length).and_then(|length| usize::try_from(length).ok());
        order.length = length.ok_or(BAD_CHUNK)?;
        order.carries = true;
    }
    order.flags = tokens.map(<[u8]>::to_vec).collect();
    for (nth, flag) in order.flags.iter().enumerate() {
        if order.flags[..nth].iter().any(|other| other[0] == flag[0]) {
            return Err(TWICE);
        }
    }
    // Of the letters that memcached knows, those that this server can obey.
    let known: &[u8] = match order.verb {
        Verb::Get => b"vkfcstqOT",
        Verb::Set => b"kcqOFTMC",
        Verb::Delete => b"kqOC",
        Verb::Arithmetic => b"kcvtqOTMDNJC",
        Verb::Barrier => b"",
    };
    for flag in &order.flags {
        let token = &flag[1..];
        match flag[0] {
            letter if !known.contains(&letter) => return Err(BAD_FLAG),
            b'T' | b'N' if number::<i32>(token).is_none() => return Err(BAD_TOKEN),
            b'F' if number::<u32>(token).is_none() => return Err(BAD_FORMAT),
            b'C' | b'D' | b'J' if number::<u64>(token).is_none() => return Err(BAD_TOKEN),
            b'O' if token.len() > 31 => return Err(LONG_OPAQUE),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn reads_that_were_sent_together_are_one_request() {
    let whole = |bytes: &[u8]| match request(bytes) {
        Framed::Whole(request, used) => (*request, used),
        other => panic!("{other:?}"),
    };
    let quiet = b"mg a v k q O1\r\nmg b v k q O2\r\nmg c v k O3\r\nmn\r\n";
    let (batch, used) = whole(&[quiet, &b"ms d 1\r\nx\r\n"[..]].concat());
    assert_eq!(used, quiet.len());
    assert_eq!(batch.keys(), [b"a", b"b", b"c"]);
    assert!(batch.noreply);
    // Behind a read that is answered nothing need follow.
    let answered = quiet.len() - b"mn\r\n".len();
    for cut in (1..quiet.len()).filter(|cut| *cut != answered) {
        assert_eq!(request(&quiet[..cut]), Framed::More, "{cut} bytes");
    }
    let (store, used) = whole(b"ms k 2 q O1\r\na\n\r\nmn\r\n");
    assert_eq!((store.body.as_slice(), store.whole), (&b"a\n"[..], true));
    assert_eq!(used, b"ms k 2 q O1\r\na\n\r\n".len());
    let Command::Meta(orders) = store.command else {
        panic!("a meta command");
    };
    assert_eq!(orders[0].opaque(), Some(&b"1"[..]));
}
