//! Frames of the binary protocol, as a server gets them.

use super::{Command, Framed, Request};

pub const REQUEST: u8 = 0x80;
pub const RESPONSE: u8 = 0x81;
pub const HEADER: usize = 24;

/// The commands that this server knows.
pub mod opcode {
    pub const GET: u8 = 0x00;
    pub const SET: u8 = 0x01;
    pub const ADD: u8 = 0x02;
    pub const REPLACE: u8 = 0x03;
    pub const DELETE: u8 = 0x04;
    pub const INCREMENT: u8 = 0x05;
    pub const DECREMENT: u8 = 0x06;
    pub const QUIT: u8 = 0x07;
    pub const FLUSH: u8 = 0x08;
    pub const GETQ: u8 = 0x09;
    pub const NOOP: u8 = 0x0a;
    pub const VERSION: u8 = 0x0b;
    pub const GETK: u8 = 0x0c;
    pub const GETKQ: u8 = 0x0d;
    pub const APPEND: u8 = 0x0e;
    pub const PREPEND: u8 = 0x0f;
    pub const STAT: u8 = 0x10;
    /// The quiet ones of set to prepend stand together, in the order of the loud ones.
    pub const SETQ: u8 = 0x11;
    pub const PREPENDQ: u8 = 0x1a;
    pub const TOUCH: u8 = 0x1c;
    pub const GAT: u8 = 0x1d;
    pub const GATQ: u8 = 0x1e;
    pub const GATK: u8 = 0x23;
    pub const GATKQ: u8 = 0x24;
}

use opcode::*;

/// A request's frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// As it came, quiet or not.
    pub opcode: u8,
    pub opaque: u32,
    pub cas: u64,
    pub extras: Vec<u8>,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

impl Frame {
    /// The opcode of the command that is answered.
    pub fn loud(&self) -> u8 {
        const WRITES: [u8; 10] = [
            SET, ADD, REPLACE, DELETE, INCREMENT, DECREMENT, QUIT, FLUSH, APPEND, PREPEND,
        ];
        match self.opcode {
            GETQ => GET,
            GETKQ => GETK,
            GATQ => GAT,
            GATKQ => GATK,
            quiet @ SETQ..=PREPENDQ => WRITES[usize::from(quiet - SETQ)],
            loud => loud,
        }
    }

    pub fn is_quiet(&self) -> bool {
        self.loud() != self.opcode
    }

    pub fn reads(&self) -> bool {
        matches!(self.loud(), GET | GETK | GAT | GATK)
    }

    pub fn stores(&self) -> bool {
        matches!(self.loud(), SET | ADD | REPLACE | APPEND | PREPEND)
    }

    /// Four bytes of the extras.
    pub fn extra(&self, at: usize) -> u32 {
        let bytes = self
            .extras
            .get(at..at + 4)
            .and_then(|four| four.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    }

    /// Eight bytes of the extras.
    pub fn long_extra(&self, at: usize) -> u64 {
        u64::from(self.extra(at)) << 32 | u64::from(self.extra(at + 4))
    }

    pub fn bytes(&self) -> Vec<u8> {
        let body = self.extras.len() + self.key.len() + self.value.len();
        let mut bytes = vec![REQUEST, self.opcode];
        bytes.extend((self.key.len() as u16).to_be_bytes());
        bytes.extend([self.extras.len() as u8, 0, 0, 0]);
        bytes.extend((body as u32).to_be_bytes());
        bytes.extend(self.opaque.to_be_bytes());
        bytes.extend(self.cas.to_be_bytes());
        [&bytes, &self.extras, &self.key, &self.value]
            .map(Vec::as_slice)
            .concat()
    }
}

pub fn begins(input: &[u8]) -> bool {
    input.first() == Some(&REQUEST)
}

/// The first frame; where it is a quiet read, those behind it with it, to the first that is none.
pub fn request(input: &[u8]) -> Framed {
    let mut frames: Vec<Frame> = Vec::new();
    let mut used = 0;
    while frames
        .last()
        .is_none_or(|frame| frame.reads() && frame.is_quiet())
    {
        let rest = &input[used..];
        if rest.first().is_some_and(|&magic| magic != REQUEST) {
            return Framed::TooLong;
        }
        let Some((frame, length)) = frame(rest) else {
            return Framed::More;
        };
        // What stores is answered by itself.
        if !frames.is_empty() && !frame.reads() && frame.opcode != NOOP {
            break;
        }
        used += length;
        frames.push(frame);
    }
    let mut request = Request {
        command: Command::Quit,
        noreply: frames.iter().any(Frame::is_quiet),
        body: frames[0].value.clone(),
        whole: true,
        line: Vec::new(),
    };
    for frame in &frames {
        let key = String::from_utf8_lossy(&frame.key);
        let shown = format!("{:#04x} {key} opaque {:#x}; ", frame.opcode, frame.opaque);
        request.line.extend(shown.bytes());
    }
    request.command = Command::Binary(frames);
    Framed::Whole(Box::new(request), used)
}

/// The frame at the front, and its length.
fn frame(input: &[u8]) -> Option<(Frame, usize)> {
    let header = input.get(..HEADER)?;
    let short = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let word = |at: usize| u32::from(short(at)) << 16 | u32::from(short(at + 2));
    let (key, extras) = (usize::from(short(2)), usize::from(header[4]));
    let body = input[HEADER..].get(..word(8) as usize)?;
    let frame = Frame {
        opcode: header[1],
        opaque: word(12),
        cas: u64::from(word(16)) << 32 | u64::from(word(20)),
        extras: body.get(..extras)?.to_vec(),
        key: body.get(extras..extras + key)?.to_vec(),
        value: body[extras + key..].to_vec(),
    };
    Some((frame, HEADER + body.len()))
}

#[test]
fn quiet_reads_and_what_ends_them_are_one_request() {
    let frame = |opcode, opaque, key: &str, value: &[u8]| Frame {
        opcode,
        opaque,
        cas: 1 << 40,
        extras: vec![1, 2, 3, 4, 5, 6, 7, 8],
        key: key.into(),
        value: value.into(),
    };
    let batch = [
        frame(GETKQ, 7, "a", b""),
        frame(GETKQ, 8, "bc", b""),
        frame(NOOP, 9, "", b""),
    ];
    let bytes = batch.each_ref().map(Frame::bytes).concat();
    let store = frame(SETQ, 10, "k", b"\x80value");
    let Framed::Whole(found, used) = request(&[bytes.as_slice(), &store.bytes()].concat()) else {
        panic!("a whole request");
    };
    assert_eq!(used, bytes.len());
    assert_eq!(found.command, Command::Binary(batch.to_vec()));
    for cut in 1..bytes.len() {
        assert_eq!(request(&bytes[..cut]), Framed::More, "{cut} bytes");
    }
    let Framed::Whole(found, _) = request(&store.bytes()) else {
        panic!("a whole request");
    };
    assert!(found.noreply && found.body == b"\x80value");
    assert_eq!(
        (store.loud(), store.extra(4), store.long_extra(0)),
        (SET, 0x0506_0708, 0x0102_0304_0506_0708)
    );
}
