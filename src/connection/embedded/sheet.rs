//! Statistics on their way out: as lines, or as frames.

use super::frames::Asked;
use crate::buffer::NoMemory;
use crate::protocol::ascii::server;
use crate::protocol::binary::server::Reply;
use crate::protocol::binary::status;

type Told = Result<(), NoMemory>;

pub(super) struct Sheet<'a> {
    pub out: &'a mut Vec<u8>,
    /// The frame that is answered; `None` for a line.
    pub frame: Option<&'a Asked>,
}

impl Sheet<'_> {
    /// One number.
    pub fn number(&mut self, name: &str, value: u64) -> Told {
        self.word(name, itoa::Buffer::new().format(value))
    }

    pub fn word(&mut self, name: &str, value: &str) -> Told {
        self.row(name.as_bytes(), value.as_bytes())
    }

    fn row(&mut self, name: &[u8], value: &[u8]) -> Told {
        match self.frame {
            None => server::stat(name, value, self.out),
            Some(asked) => asked.reply(
                Reply {
                    key: name,
                    value,
                    ..Reply::default()
                },
                self.out,
            ),
        }
    }

    /// The end, which of lines says what was done; of frames it is one without a name.
    pub fn end(&mut self, line: &[u8]) -> Told {
        match self.frame {
            None => server::text(line, self.out),
            Some(_) => self.row(b"", b""),
        }
    }

    /// A text of many lines.
    pub fn text(&mut self, name: &str, text: &[u8]) -> Told {
        match self.frame {
            None => server::text(text, self.out),
            Some(_) => {
                self.row(name.as_bytes(), text)?;
                self.row(b"", b"")
            }
        }
    }

    /// There are no such statistics.
    pub fn unknown(&mut self, line: &[u8]) -> Told {
        match self.frame {
            None => server::text(line, self.out),
            Some(asked) => asked.reply(Reply::refusal(status::KEY_NOT_FOUND), self.out),
        }
    }
}
