//! Option values: from text, and back to the text that reads the same.

use std::path::PathBuf;
use std::time::Duration;

use super::kind::{Kind, PATH_MAX, SECRET_MARK};
use super::number;
use crate::status::Status;
use crate::uri::Secret;

/// Why a text is not taken, without the option's name.
pub(super) struct Refused {
    pub status: Status,
    pub why: String,
}

pub(super) type Read<T> = std::result::Result<T, Refused>;

/// A type that an option can have.
pub(super) trait Value: Sized {
    fn read(text: &str, kind: &Kind) -> Read<Self>;
    fn write(&self) -> String;
}

impl From<&'static str> for Refused {
    fn from(why: &'static str) -> Refused {
        Refused {
            status: Status::INVALID_ARGUMENT,
            why: why.into(),
        }
    }
}

/// A row whose type and kind do not fit together; the tests read every row's default.
fn mismatch() -> Refused {
    Refused {
        status: Status::INTERNAL,
        why: "the table is wrong about its type".into(),
    }
}

/// Text for a message: quoted, escaped, and not longer than a message should be.
pub(super) fn quote(text: &str) -> String {
    const SHOWN: usize = 80;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

impl Value for Duration {
    fn read(text: &str, kind: &Kind) -> Read<Duration> {
        let Kind::Duration { min, .. } = *kind else {
            return Err(mismatch());
        };
        let duration = number::read_duration(text)?;
        if duration < min {
            return Err("that is too short".into());
        }
        Ok(duration)
    }

    fn write(&self) -> String {
        number::write_duration(*self)
    }
}

impl Value for Option<Duration> {
    fn read(text: &str, kind: &Kind) -> Read<Option<Duration>> {
        match kind {
            Kind::Duration { none: true, .. } if text == "none" => Ok(None),
            _ => Duration::read(text, kind).map(Some),
        }
    }

    fn write(&self) -> String {
        self.map_or_else(|| "none".into(), number::write_duration)
    }
}

/// How long an address is given to connect before the next one is tried too; `None`: as is best.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stagger(pub Option<Duration>);

impl Value for Stagger {
    fn read(text: &str, _: &Kind) -> Read<Stagger> {
        match text {
            "auto" => Ok(Stagger(None)),
            _ => Ok(Stagger(Some(number::read_duration(text)?))),
        }
    }

    fn write(&self) -> String {
        self.0.map_or_else(|| "auto".into(), number::write_duration)
    }
}

impl Value for u64 {
    fn read(text: &str, kind: &Kind) -> Read<u64> {
        let Kind::Size { min, max } = *kind else {
            return Err(mismatch());
        };
        within(number::read_size(text)?, min, max)
    }

    fn write(&self) -> String {
        number::write_size(*self)
    }
}

impl Value for u32 {
    fn read(text: &str, kind: &Kind) -> Read<u32> {
        let Kind::Count { min, max } = *kind else {
            return Err(mismatch());
        };
        let count = within(number::read_count(text)?, min.into(), max.into())?;
        u32::try_from(count).map_err(|_| mismatch())
    }

    fn write(&self) -> String {
        self.to_string()
    }
}

fn within(value: u64, min: u64, max: u64) -> Read<u64> {
    if value < min {
        return Err("that is too small".into());
    }
    if value > max {
        return Err("that is too large".into());
    }
    Ok(value)
}

impl Value for bool {
    fn read(text: &str, _: &Kind) -> Read<bool> {
        let is_one_of = |words: [&str; 4]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        if is_one_of(["on", "true", "yes", "1"]) {
            Ok(true)
        } else if is_one_of(["off", "false", "no", "0"]) {
            Ok(false)
        } else {
            Err("that is neither".into())
        }
    }

    fn write(&self) -> String {
        bool_word(*self).into()
    }
}

pub(super) const fn bool_word(value: bool) -> &'static str {
    if value { "on" } else { "off" }
}

/// A name for humans and for lists of servers.
impl Value for String {
    fn read(text: &str, kind: &Kind) -> Read<String> {
        let Kind::Text { max } = *kind else {
            return Err(mismatch());
        };
        if text.len() > max {
            return Err("that is too long".into());
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it holds white space or a control character".into());
        }
        if text.contains(',') {
            return Err("it holds a comma, which separates servers in a list".into());
        }
        Ok(text.into())
    }

    fn write(&self) -> String {
        self.clone()
    }
}

/// Empty: none.
impl Value for Secret {
    fn read(text: &str, kind: &Kind) -> Read<Secret> {
        let Kind::Secret { max } = *kind else {
            return Err(mismatch());
        };
        if text.len() > max {
            return Err("that is too long".into());
        }
        if text == SECRET_MARK {
            return Err("that is what stands for one that is set".into());
        }
        Ok(Secret::new(text.as_bytes().to_vec()))
    }

    fn write(&self) -> String {
        if self.is_empty() { "" } else { SECRET_MARK }.into()
    }
}

/// Empty: none.
impl Value for PathBuf {
    fn read(text: &str, _: &Kind) -> Read<PathBuf> {
        if text.len() > PATH_MAX {
            return Err("that is too long".into());
        }
        if text.chars().any(char::is_control) {
            return Err("it holds a control character".into());
        }
        Ok(text.into())
    }

    fn write(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// Text that becomes part of keys: the bytes that a key may not hold are ASCII.
impl Value for Box<[u8]> {
    fn read(text: &str, kind: &Kind) -> Read<Box<[u8]>> {
        let Kind::Text { max } = *kind else {
            return Err(mismatch());
        };
        if text.len() > max {
            return Err("that is too long".into());
        }
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err("it holds a byte that no key may hold".into());
        }
        Ok(text.as_bytes().into())
    }

    fn write(&self) -> String {
        String::from_utf8_lossy(self).into_owned()
    }
}

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// What serves best; for now that is ASCII.
    Auto,
    /// The classic text protocol, and never a byte that the caller did not ask for.
    Ascii,
    /// The meta protocol, where it has a command for what is asked.
    Meta,
    /// Frames of the binary protocol.
    Binary,
}

impl Value for Protocol {
    fn read(text: &str, _: &Kind) -> Read<Protocol> {
        match text {
            "auto" => Ok(Protocol::Auto),
            "ascii" => Ok(Protocol::Ascii),
            "meta" => Ok(Protocol::Meta),
            "binary" => Ok(Protocol::Binary),
            _ => Err(Refused {
                status: Status::UNKNOWN_PROTOCOL,
                why: "there is no such protocol".into(),
            }),
        }
    }

    fn write(&self) -> String {
        match self {
            Protocol::Auto => "auto",
            Protocol::Ascii => "ascii",
            Protocol::Meta => "meta",
            Protocol::Binary => "binary",
        }
        .into()
    }
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

impl Value for TlsVersion {
    fn read(text: &str, _: &Kind) -> Read<TlsVersion> {
        match text {
            "1.2" => Ok(TlsVersion::V1_2),
            "1.3" => Ok(TlsVersion::V1_3),
            _ => Err("there is no such version here".into()),
        }
    }

    fn write(&self) -> String {
        match self {
            TlsVersion::V1_2 => "1.2",
            TlsVersion::V1_3 => "1.3",
        }
        .into()
    }
}

/// What tells a store in memory the time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// The program: time stands still until it is moved.
    Manual,
}

impl Value for Clock {
    fn read(text: &str, _: &Kind) -> Read<Clock> {
        match text {
            "system" => Ok(Clock::System),
            "manual" => Ok(Clock::Manual),
            _ => Err("there is no such clock".into()),
        }
    }

    fn write(&self) -> String {
        match self {
            Clock::System => "system",
            Clock::Manual => "manual",
        }
        .into()
    }
}

/// What a server of a list that was asked for is connected to, of the two that the list tells.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Prefer {
    /// Its address in the private network.
    Ip,
    /// Its host name.
    Name,
}

impl Value for Prefer {
    fn read(text: &str, _: &Kind) -> Read<Prefer> {
        match text {
            "ip" => Ok(Prefer::Ip),
            "name" => Ok(Prefer::Name),
            _ => Err("it is neither".into()),
        }
    }

    fn write(&self) -> String {
        match self {
            Prefer::Ip => "ip",
            Prefer::Name => "name",
        }
        .into()
    }
}
