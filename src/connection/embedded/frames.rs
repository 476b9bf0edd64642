//! A connection that speaks the binary protocol: frames out of bytes that come in pieces.

mod execute;

use super::stores::Shared;
use crate::buffer::NoMemory;
use crate::engine::{Draft, Mode};
use crate::protocol::binary::header::{HEADER_LEN, Header, REQUEST};
use crate::protocol::binary::opcode;
use crate::protocol::binary::server::{HEAD_MAX, Reply};

type Done = Result<(), NoMemory>;

/// A frame whose reply is to come, or was not asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked(Header);

impl Asked {
    pub fn reply(&self, reply: Reply<'_>, out: &mut Vec<u8>) -> Done {
        reply.put(&self.0, out)
    }

    fn is_quiet(&self) -> bool {
        opcode::is_quiet(self.0.opcode)
    }

    /// That it was done, which a quiet command does not tell.
    fn done(&self, reply: Reply<'_>, out: &mut Vec<u8>) -> Done {
        if self.is_quiet() {
            return Ok(());
        }
        self.reply(reply, out)
    }

    fn refuse(&self, status: u16, out: &mut Vec<u8>) -> Done {
        self.reply(Reply::refusal(status), out)
    }
}

/// What commands work with.
pub(super) struct Turn<'t> {
    pub shared: &'t Shared,
    pub now: i64,
    pub out: &'t mut Vec<u8>,
}

/// What the next bytes are.
#[derive(Default)]
enum Next {
    #[default]
    Head,
    Value {
        draft: Draft,
        mode: Mode,
        opcode: u8,
        asked: Asked,
    },
    /// So many bytes that nothing is done with; then comes the reply.
    Skip {
        left: u64,
        asked: Asked,
        status: u16,
    },
}

/// The far end of such a connection.
#[derive(Default)]
pub(super) struct Frames {
    next: Next,
    /// The beginning of a frame whose key has not come to its end.
    held: Vec<u8>,
}

/// What the bytes begin with.
enum Head {
    /// So many bytes are a header, extras and a key.
    Whole(Header, usize),
    More,
    /// No request, or longer than any may be.
    Broken,
}

fn head(bytes: &[u8]) -> Head {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Head::More;
    };
    let header = Header::parse(header);
    if header.magic != REQUEST {
        return Head::Broken;
    }
    let len = header.head_len();
    if bytes.len() >= len && len <= HEAD_MAX {
        Head::Whole(header, len)
    } else if bytes.len() >= HEAD_MAX {
        Head::Broken
    } else {
        Head::More
    }
}

impl Frames {
    /// Take all of `input`; `false` where the connection is closed.
    #[inline(never)]
    pub fn take(&mut self, mut input: &[u8], turn: &mut Turn<'_>) -> Result<bool, NoMemory> {
        while !input.is_empty() {
            match &mut self.next {
                Next::Head if self.held.is_empty() => match head(input) {
                    Head::Whole(header, len) => {
                        let (frame, rest) = input.split_at(len);
                        input = rest;
                        if !self.execute(&header, &frame[HEADER_LEN..], turn)? {
                            return Ok(false);
                        }
                    }
                    Head::More => {
                        self.hold(input)?;
                        input = b"";
                    }
                    Head::Broken => return Ok(false),
                },
                Next::Head => {
                    if !self.join(&mut input, turn)? {
                        return Ok(false);
                    }
                }
                Next::Value { draft, .. } => {
                    input = &input[draft.put(input)..];
                    if draft.wanted() == 0 {
                        self.finish(turn)?;
                    }
                }
                Next::Skip { left, .. } => {
                    let n = usize::try_from(*left).map_or(input.len(), |n| n.min(input.len()));
                    *left -= n as u64;
                    input = &input[n..];
                    if *left == 0 {
                        self.finish(turn)?;
                    }
                }
            }
        }
        Ok(true)
    }

    fn hold(&mut self, bytes: &[u8]) -> Done {
        let no_memory = |_| NoMemory(bytes.len());
        self.held.try_reserve(bytes.len()).map_err(no_memory)?;
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    /// Go on with a frame whose beginning is held: first its header, then the rest.
    fn join(&mut self, input: &mut &[u8], turn: &mut Turn<'_>) -> Result<bool, NoMemory> {
        let wanted = match self.held.first_chunk::<HEADER_LEN>() {
            Some(header) => Header::parse(header).head_len().min(HEAD_MAX),
            None => HEADER_LEN,
        };
        let missing = wanted.saturating_sub(self.held.len());
        let (here, rest) = input.split_at(missing.min(input.len()));
        self.hold(here)?;
        *input = rest;
        match head(&self.held) {
            Head::More => Ok(true),
            Head::Broken => Ok(false),
            Head::Whole(header, _) => {
                let mut held = std::mem::take(&mut self.held);
                let open = self.execute(&header, &held[HEADER_LEN..], turn)?;
                held.clear();
                self.held = held;
                Ok(open)
            }
        }
    }
}
