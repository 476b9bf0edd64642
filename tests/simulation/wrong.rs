//! Replies that are wrong in a way that can be seen. (What cannot be seen in the text protocol is listed
//! in docs/reliability.md, and not done here.)

use super::faults::edit::Edit;
use super::faults::frame::{Command, Request};
use super::faults::outcome::Protocol;
use super::faults::reply::{Part, Reply};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Bytes that are no reply at all.
    Garbage(&'static [u8]),
    /// The reply, and once more the same, in one segment.
    Twice,
    /// Nothing, although it was carried out.
    Lost,
    /// The values in the opposite order.
    Reversed,
    /// A value under another key.
    AnotherKey,
    /// The number of another command.
    AnotherOpaque(i64),
    /// A value of another length.
    Length(&'static [u8]),
    /// An error line in the middle of the values.
    ErrorBetween,
    /// The values without what ends them.
    NoEnd,
    /// A value that is a byte longer than announced.
    Stretched,
    /// A refusal: the request is not carried out.
    Refused(&'static [u8]),
}

const GARBAGE: [&[u8]; 5] = [
    b"BOGUS\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"VALUE\r\n",
    b"\r\n",
];

/// Of the last, nothing is wrong but that so much does not come.
const LENGTHS: [&[u8]; 5] = [
    b"4294967295",
    b"-1",
    b"99999999999999999999",
    b"1x",
    b"100000000",
];

const REFUSALS: [&[u8]; 3] = [
    b"SERVER_ERROR out of memory storing object\r\n",
    b"SERVER_ERROR temporary failure\r\n",
    b"SERVER_ERROR out of memory writing get response\r\n",
];

fn protocol(request: &Request) -> Protocol {
    match &request.command {
        Command::Meta(_) => Protocol::Meta,
        Command::Binary(_) => Protocol::Binary,
        _ => Protocol::Ascii,
    }
}

pub fn is_text(request: &Request) -> bool {
    protocol(request) == Protocol::Ascii
}

/// A frame's field for such a length.
fn body_of(length: &[u8]) -> Vec<u8> {
    let length: Option<u32> = super::faults::frame::number(length);
    length.unwrap_or(u32::MAX).to_be_bytes().to_vec()
}

impl Wrong {
    pub fn any(random: &mut super::random::Random) -> Wrong {
        match random.below(12) {
            0 => Wrong::Garbage(random.one_of(&GARBAGE)),
            1 => Wrong::Twice,
            2 => Wrong::Lost,
            3 => Wrong::Reversed,
            4 | 5 => Wrong::AnotherKey,
            6 => Wrong::AnotherOpaque(random.one_of(&[-2, -1, 1, 2, 1000])),
            7 => Wrong::Length(random.one_of(&LENGTHS)),
            8 => Wrong::ErrorBetween,
            9 => Wrong::NoEnd,
            10 => Wrong::Stretched,
            _ => Wrong::Refused(random.one_of(&REFUSALS)),
        }
    }

    /// The falsified bytes; `None` where this reply cannot be falsified like that. `lone`: nothing else was
    /// asked over the connection meanwhile; `seen`: a surplus reply of text is seen then.
    pub fn apply(
        self,
        request: &Request,
        reply: &Reply,
        lone: bool,
        seen: bool,
    ) -> Option<Vec<u8>> {
        let protocol = protocol(request);
        let bytes = reply.bytes();
        if bytes.is_empty() {
            return None;
        }
        let is_text = is_text(request);
        // What answers a barrier says as little of which.
        let is_paired = !is_text && !bytes.ends_with(b"MN\r\n");
        let edited = |edit: Edit| {
            let falsified = edit.apply(reply.clone())?.bytes();
            (falsified != bytes).then_some(falsified)
        };
        // Silence is an answer: where an error is expected or nothing, what does not come says that all went
        // well, and what comes for another says so of the first.
        if request.noreply && matches!(self, Wrong::Lost | Wrong::AnotherOpaque(_)) {
            return None;
        }
        match self {
            Wrong::Garbage(garbage) => Some(garbage.to_vec()),
            // In text nothing pairs replies with commands: what is asked next would be deceived.
            Wrong::Twice if lone && seen || is_paired => Some([bytes.as_slice(), &bytes].concat()),
            Wrong::Lost if lone || !is_text => Some(Vec::new()),
            // Whoever takes silence for a miss relies on the order.
            Wrong::Reversed if is_text => edited(Edit::Reverse),
            Wrong::AnotherKey => edited(Edit::Field(0, Part::Key, b"another".to_vec())),
            Wrong::AnotherOpaque(by) => edited(Edit::Opaque(0, by)),
            Wrong::Length(length) => match protocol {
                Protocol::Binary => edited(Edit::Field(0, Part::Length, body_of(length))),
                _ => edited(Edit::Field(0, Part::Length, length.to_vec())),
            },
            Wrong::ErrorBetween if is_text => {
                let line = b"SERVER_ERROR out of memory writing get response\r\n";
                edited(Edit::TailAfter(1, line.to_vec()))
            }
            Wrong::NoEnd if lone => edited(Edit::LoseEnd),
            Wrong::Stretched if protocol != Protocol::Binary => edited(Edit::Stretch(0, 1)),
            _ => None,
        }
    }
}
