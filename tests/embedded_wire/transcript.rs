//! The files of transcripts: text that a person can read, bytes that a server gets and gives.
//!
//! ```text
//! == the name of a row
//! ! why the embedded server answers otherwise (then `=` lines say what)
//! > bytes that are sent
//! < bytes that memcached answers
//! = bytes that the embedded server answers instead
//! ~ 2                      that many seconds pass before the next bytes are sent
//! <closed   =closed        the connection is closed behind them
//! ```
//!
//! `\r`, `\n`, `\t`, `\0`, `\\` and `\xNN` stand for bytes; `{a*300}` for 300 times `a`. Lines of one
//! kind behind one another are one piece of bytes. `@whole` in a row: its bytes are not cut, since
//! what memcached does then depends on the cuts. `@out_of_step`: it does not end between commands.

use super::frame;

/// What stands for bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notation {
    #[default]
    Text,
    /// Frames of the binary protocol, one a line: see [`frame`].
    Frames,
}

#[derive(Default)]
pub struct Exchange {
    pub wait: u32,
    pub sent: Vec<u8>,
    /// How the frames that are sent were written.
    source: Vec<String>,
    pub reply: Vec<u8>,
    pub closed: bool,
    /// What the embedded server answers where that is not the same, and whether it closes then.
    instead: Option<(Vec<u8>, bool)>,
}

impl Exchange {
    /// What the embedded server answers, and whether it closes.
    pub fn ours(&self) -> (&[u8], bool) {
        match &self.instead {
            Some((reply, closed)) => (reply, *closed),
            None => (&self.reply, self.closed),
        }
    }
}

#[derive(Default)]
pub struct Row {
    pub name: String,
    pub reason: Option<String>,
    pub whole_only: bool,
    pub ends_in_step: bool,
    pub exchanges: Vec<Exchange>,
}

pub struct Transcript {
    pub notation: Notation,
    /// What stands above the first row.
    head: String,
    pub rows: Vec<Row>,
}

impl Transcript {
    pub fn parse(text: &str, notation: Notation) -> Transcript {
        let mut transcript = Transcript {
            notation,
            head: String::new(),
            rows: Vec::new(),
        };
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("== ") {
                transcript.rows.push(Row {
                    name: name.to_string(),
                    ends_in_step: true,
                    ..Row::default()
                });
            } else if let Some(row) = transcript.rows.last_mut() {
                row.line(line, notation);
            } else {
                transcript.head += line;
                transcript.head += "\n";
            }
        }
        transcript
    }

    pub fn render(&self) -> String {
        let mut text = self.head.clone();
        for (n, row) in self.rows.iter().enumerate() {
            if n > 0 {
                text += "\n";
            }
            text += &format!("== {}\n", row.name);
            if let Some(reason) = &row.reason {
                text += &format!("! {reason}\n");
            }
            if row.whole_only {
                text += "@whole\n";
            }
            if !row.ends_in_step {
                text += "@out_of_step\n";
            }
            for exchange in &row.exchanges {
                exchange.render(self.notation, &mut text);
            }
        }
        text
    }
}

impl Row {
    fn line(&mut self, line: &str, notation: Notation) {
        let Some((kind, rest)) = line.split_at_checked(1) else {
            return;
        };
        let said = rest.strip_prefix(' ').unwrap_or(rest);
        let bytes = || match notation {
            Notation::Text => unescape(said),
            Notation::Frames if said.is_empty() => Vec::new(),
            Notation::Frames => frame::parse(said, kind != ">"),
        };
        match (kind, rest) {
            ("!", reason) => self.reason = Some(reason.trim().to_string()),
            ("@", "whole") => self.whole_only = true,
            ("@", "out_of_step") => self.ends_in_step = false,
            ("~", seconds) => self.exchanges.push(Exchange {
                wait: seconds.trim().parse().expect("seconds"),
                ..Exchange::default()
            }),
            (">", _) => {
                let goes_on = self
                    .exchanges
                    .last()
                    .is_some_and(|e| e.reply.is_empty() && !e.closed && e.instead.is_none());
                if !goes_on {
                    self.exchanges.push(Exchange::default());
                }
                let last = self.exchanges.last_mut().expect("one");
                last.sent.extend(bytes());
                last.source.push(said.to_string());
            }
            _ => {
                let last = self.exchanges.last_mut().expect("a reply to something");
                match (kind, rest) {
                    ("<", "closed") => last.closed = true,
                    ("<", _) => last.reply.extend(bytes()),
                    ("=", "closed") => last.instead.get_or_insert_default().1 = true,
                    ("=", _) => last.instead.get_or_insert_default().0.extend(bytes()),
                    _ => panic!("{line}"),
                }
            }
        }
    }
}

impl Exchange {
    fn render(&self, notation: Notation, text: &mut String) {
        if self.wait > 0 {
            *text += &format!("~ {}\n", self.wait);
        }
        match notation {
            Notation::Text => side(">", notation, &self.sent, false, text),
            Notation::Frames => {
                let lines = self.source.iter();
                lines.for_each(|line| *text += &format!("> {line}\n"));
            }
        }
        side("<", notation, &self.reply, self.closed, text);
        if let Some((reply, closed)) = &self.instead {
            if reply.is_empty() && !closed {
                *text += "=\n";
            }
            side("=", notation, reply, *closed, text);
        }
    }
}

fn side(mark: &str, notation: Notation, bytes: &[u8], closed: bool, text: &mut String) {
    let lines = match notation {
        Notation::Text => {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lines.map(escape).collect()
        }
        Notation::Frames => frame::render(bytes),
    };
    for line in lines {
        *text += &format!("{mark} {line}\n");
    }
    if closed {
        *text += &format!("{mark}closed\n");
    }
}

pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        let byte = run[0];
        let one = match byte {
            b'\r' => "\\r".to_string(),
            b'\n' => "\\n".to_string(),
            b'\t' => "\\t".to_string(),
            0 => "\\0".to_string(),
            b'\\' => "\\\\".to_string(),
            b'{' | b'}' => format!("\\x{byte:02x}"),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        };
        if run.len() > 32 {
            text += &format!("{{{one}*{}}}", run.len());
        } else {
            text += &one.repeat(run.len());
        }
    }
    text
}

pub fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => bytes.push(escaped(&mut rest)),
            '{' => {
                let inner: String = rest.by_ref().take_while(|c| *c != '}').collect();
                let (one, times) = inner.rsplit_once('*').expect("{bytes*times}");
                bytes.extend(unescape(one).repeat(times.parse().expect("a number")));
            }
            c => bytes.extend(c.to_string().bytes()),
        }
    }
    bytes
}

fn escaped(rest: &mut std::str::Chars<'_>) -> u8 {
    match rest.next() {
        Some('r') => b'\r',
        Some('n') => b'\n',
        Some('t') => b'\t',
        Some('0') => 0,
        Some('\\') => b'\\',
        Some('x') => {
            let hex: String = rest.by_ref().take(2).collect();
            u8::from_str_radix(&hex, 16).expect("two hexadecimal digits")
        }
        other => panic!("\\{other:?}"),
    }
}

#[test]
fn what_is_written_is_read() {
    let all: Vec<u8> = (0..=255).chain(std::iter::repeat_n(b'a', 400)).collect();
    assert_eq!(unescape(&escape(&all)), all);
}
