//! Frames of the binary protocol, as a server of a script answers with them.

pub const REQUEST: u8 = 0x80;
pub const REPLY: u8 = 0x81;
pub const HEADER: usize = 24;

const NOT_FOUND: u16 = 1;

pub const GET: u8 = 0x00;
pub const NOOP: u8 = 0x0a;
pub const STAT: u8 = 0x10;

/// The quiet opcodes, each with its loud one.
const QUIET: [(u8, u8); 14] = [
    (0x09, 0x00),
    (0x0d, 0x0c),
    (0x11, 0x01),
    (0x12, 0x02),
    (0x13, 0x03),
    (0x14, 0x04),
    (0x15, 0x05),
    (0x16, 0x06),
    (0x17, 0x07),
    (0x18, 0x08),
    (0x19, 0x0e),
    (0x1a, 0x0f),
    (0x1e, 0x1d),
    (0x24, 0x23),
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub magic: u8,
    pub opcode: u8,
    pub data_type: u8,
    /// Of a reply.
    pub status: u16,
    pub opaque: u32,
    pub cas: u64,
    pub extras: Vec<u8>,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// A reply whose opcode and opaque are those of its request.
pub fn reply(status: u16, extras: &[u8], value: &[u8]) -> Frame {
    Frame {
        magic: REPLY,
        status,
        extras: extras.to_vec(),
        value: value.to_vec(),
        ..Frame::default()
    }
}

impl Frame {
    /// A whole frame.
    pub fn parse(bytes: &[u8]) -> Frame {
        let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let long = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let (extras, key) = (usize::from(bytes[4]), usize::from(short(2)));
        let body = &bytes[HEADER..];
        assert_eq!(body.len(), long(8) as usize, "a whole frame");
        Frame {
            magic: bytes[0],
            opcode: bytes[1],
            data_type: bytes[5],
            status: short(6),
            opaque: long(12),
            cas: u64::from_be_bytes(bytes[16..24].try_into().expect("8 bytes")),
            extras: body[..extras].to_vec(),
            key: body[extras..extras + key].to_vec(),
            value: body[extras + key..].to_vec(),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let body = self.extras.len() + self.key.len() + self.value.len();
        let mut bytes = vec![self.magic, self.opcode];
        bytes.extend((self.key.len() as u16).to_be_bytes());
        bytes.extend([self.extras.len() as u8, self.data_type]);
        bytes.extend(self.status.to_be_bytes());
        bytes.extend((body as u32).to_be_bytes());
        bytes.extend(self.opaque.to_be_bytes());
        bytes.extend(self.cas.to_be_bytes());
        for part in [&self.extras, &self.key, &self.value] {
            bytes.extend(part);
        }
        bytes
    }

    pub fn is_quiet(&self) -> bool {
        self.loud() != self.opcode
    }

    /// The opcode of the same command that is always answered.
    pub fn loud(&self) -> u8 {
        let mut pairs = QUIET.iter();
        let pair = pairs.find(|pair| pair.0 == self.opcode);
        pair.map_or(self.opcode, |pair| pair.1)
    }

    /// Whether it reads values.
    pub fn reads(&self) -> bool {
        matches!(self.loud(), 0x00 | 0x0c | 0x1d | 0x23)
    }

    /// Whether its reply has the key.
    pub fn names_key(&self) -> bool {
        matches!(self.loud(), 0x0c | 0x23)
    }
}

/// The frames of some bytes, all whole.
pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let len = u32::from_be_bytes(bytes[8..12].try_into().expect("4 bytes")) as usize;
        let (first, rest) = bytes.split_at(HEADER + len);
        all.push(Frame::parse(first));
        bytes = rest;
    }
    all
}

pub fn is_quiet(request: &[u8]) -> bool {
    Frame::parse(request).is_quiet()
}

/// Whether it reads values.
pub fn reads(request: &[u8]) -> bool {
    Frame::parse(request).reads()
}

/// Whether it ends quiet requests.
pub fn is_end(request: &[u8]) -> bool {
    Frame::parse(request).opcode == NOOP
}

/// What is sent to a request, by a template of frames: those have its opcode and opaque (what the
/// template has in their places is laid over them by exclusive or), and its key where it asks for that.
/// Where the template is silent, as it is for commands that were quiet, or the request is quiet, the
/// answer is what it would be. Bytes that are no frames are sent as they are.
pub fn answer(request: &[u8], template: &[u8]) -> Vec<u8> {
    let request = Frame::parse(request);
    if !matches!(template.first(), None | Some(&REPLY)) {
        return template.to_vec();
    }
    let mut answers = frames(template);
    if answers.is_empty() && !request.is_quiet() {
        answers.push(match request.reads() {
            true => reply(NOT_FOUND, b"", b"Not found"),
            false => reply(0, b"", b""),
        });
    }
    let mut bytes = Vec::new();
    for mut frame in answers {
        let silent = match request.reads() {
            true => frame.status == NOT_FOUND,
            false => frame.status == 0,
        };
        if silent && request.is_quiet() {
            continue;
        }
        frame.opcode ^= request.opcode;
        frame.opaque ^= request.opaque;
        if frame.status == 0 && request.names_key() && frame.key.is_empty() {
            frame.key.clone_from(&request.key);
        }
        bytes.extend(frame.to_bytes());
    }
    bytes
}
