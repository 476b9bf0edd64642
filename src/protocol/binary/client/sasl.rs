//! Authentication (doc/protocol-binary.txt, "SASL Authentication"): which mechanisms there are, then
//! one of them with what it takes, in as many steps as it takes.

use super::decode::{Headed, TEXT_MAX, header};
use super::encode::Unsendable;
use crate::buffer::append;
use crate::protocol::Span;
use crate::protocol::binary::header::{HEADER_LEN, Header, REQUEST};
use crate::protocol::binary::{opcode, status};

/// The longest piece of credentials that is sent; a server's challenge may be as long.
pub const SASL_MAX: usize = TEXT_MAX;

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sasl {
    /// Not before so many bytes are there.
    More(usize),
    /// The names of the mechanisms, with spaces between them.
    Mechanisms {
        used: usize,
        names: Span,
    },
    Authenticated {
        used: usize,
    },
    /// The mechanism takes a further step, for which the server gives this.
    Continue {
        used: usize,
        challenge: Span,
    },
    /// The credentials are not right. memcached keeps the connection.
    Refused {
        used: usize,
        text: Span,
    },
    /// The server takes no credentials: it was started without SASL.
    NotOffered {
        used: usize,
    },
    /// Anything else, and why.
    Broken(&'static str),
}

/// Append the question which mechanisms there are.
pub fn encode_sasl_list(opaque: u32, out: &mut Vec<u8>) {
    let header = Header {
        magic: REQUEST,
        opcode: opcode::SASL_LIST,
        opaque,
        ..Header::default()
    };
    append(out, &header.to_bytes());
}

/// Append the first step of a mechanism, or (`goes_on`) a further one. For PLAIN `answer` is
/// `\0user\0password`.
pub fn encode_sasl(
    mechanism: &[u8],
    answer: &[u8],
    goes_on: bool,
    opaque: u32,
    out: &mut Vec<u8>,
) -> Result<(), Unsendable> {
    if mechanism.is_empty() || mechanism.len() > 250 || answer.len() > SASL_MAX {
        return Err(Unsendable::TooLarge);
    }
    let header = Header {
        magic: REQUEST,
        opcode: if goes_on {
            opcode::SASL_STEP
        } else {
            opcode::SASL_AUTH
        },
        key_len: mechanism.len() as u16,
        body_len: (mechanism.len() + answer.len()) as u32,
        opaque,
        ..Header::default()
    };
    append(out, &header.to_bytes());
    append(out, mechanism);
    append(out, answer);
    Ok(())
}

impl Sasl {
    /// Decode the reply to one of these frames, which was sent with this opcode and opaque.
    pub fn decode(unread: &[u8], sent: u8, opaque: u32) -> Sasl {
        let header = match header(unread, SASL_MAX) {
            Headed::More(wanted) => return Sasl::More(wanted),
            Headed::Broken(why) => return Sasl::Broken(why),
            Headed::Frame(header) => header,
        };
        if header.opaque != opaque || header.opcode != sent {
            return Sasl::Broken("the reply to another command");
        }
        if header.extras_len != 0 || header.key_len != 0 {
            return Sasl::Broken("lengths that the reply of an authentication cannot have");
        }
        let used = HEADER_LEN + header.body_len as usize;
        if unread.len() < used {
            return Sasl::More(used);
        }
        let text = Span {
            at: HEADER_LEN as u32,
            len: header.body_len,
        };
        match (header.status, sent) {
            (status::SUCCESS, opcode::SASL_LIST) => Sasl::Mechanisms { used, names: text },
            (status::SUCCESS, _) => Sasl::Authenticated { used },
            (status::AUTH_CONTINUE | status::OTHER_AUTH_CONTINUE, sent)
                if sent != opcode::SASL_LIST =>
            {
                Sasl::Continue {
                    used,
                    challenge: text,
                }
            }
            (status::AUTH_ERROR | status::OTHER_AUTH_ERROR, _) => Sasl::Refused { used, text },
            (status::UNKNOWN_COMMAND | status::NOT_SUPPORTED, _) => Sasl::NotOffered { used },
            _ => Sasl::Broken("a status that an authentication cannot have"),
        }
    }
}
