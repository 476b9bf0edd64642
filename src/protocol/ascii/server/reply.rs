//! Outcomes into replies.

use crate::buffer::{NoMemory, append};
use crate::protocol::key::KEY_MAX;

/// The most bytes that an item's reply has beside its value.
pub const VALUE_ROOM: usize = 64 + KEY_MAX;

fn reserve(out: &mut Vec<u8>, bytes: usize) -> Result<(), NoMemory> {
    if out.capacity() - out.len() >= bytes {
        return Ok(());
    }
    out.try_reserve(bytes).map_err(|_| NoMemory(bytes))
}

/// `VALUE <key> <flags> <bytes>[ <cas>]`, and the value.
#[inline(always)]
pub fn item(
    key: &[u8],
    flags: u32,
    cas: Option<u64>,
    value: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), NoMemory> {
    reserve(out, VALUE_ROOM + key.len() + value.len())?;
    append(out, b"VALUE ");
    append(out, key);
    if flags == 0 {
        append(out, b" 0 ");
    } else {
        append(out, b" ");
        append(out, itoa::Buffer::new().format(flags).as_bytes());
        append(out, b" ");
    }
    append(out, itoa::Buffer::new().format(value.len()).as_bytes());
    if let Some(cas) = cas {
        append(out, b" ");
        append(out, itoa::Buffer::new().format(cas).as_bytes());
    }
    append(out, b"\r\n");
    append(out, value);
    append(out, b"\r\n");
    Ok(())
}

/// Any text, its line end included.
#[inline(always)]
pub fn text(text: &[u8], out: &mut Vec<u8>) -> Result<(), NoMemory> {
    reserve(out, text.len())?;
    append(out, text);
    Ok(())
}

/// A number on a line.
pub fn number(number: u64, out: &mut Vec<u8>) -> Result<(), NoMemory> {
    reserve(out, 24)?;
    append(out, itoa::Buffer::new().format(number).as_bytes());
    append(out, b"\r\n");
    Ok(())
}

/// `STAT <name> <value>`.
pub fn stat(name: &[u8], value: &[u8], out: &mut Vec<u8>) -> Result<(), NoMemory> {
    reserve(out, 8 + name.len() + value.len())?;
    append(out, b"STAT ");
    append(out, name);
    append(out, b" ");
    append(out, value);
    append(out, b"\r\n");
    Ok(())
}

/// What a dump tells of an item.
#[derive(Clone, Copy, Debug)]
pub struct Dumped<'a> {
    pub key: &'a [u8],
    /// Seconds since 1970; `None` never.
    pub expiry: Option<i64>,
    pub accessed: i64,
    pub cas: u64,
    pub fetched: bool,
    pub class: usize,
    pub size: usize,
}

/// `key=<encoded> exp=… la=… cas=… fetch=… cls=… size=…`. Its end is a lone LF.
pub fn dumped(item: &Dumped<'_>, out: &mut Vec<u8>) -> Result<(), NoMemory> {
    reserve(out, 3 * item.key.len() + 160)?;
    append(out, b"key=");
    for byte in item.key {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(*byte),
            _ => {
                let digit = |half: u8| b"0123456789ABCDEF"[usize::from(half & 15)];
                append(out, &[b'%', digit(byte >> 4), digit(*byte)]);
            }
        }
    }
    append(out, b" exp=");
    append(
        out,
        itoa::Buffer::new()
            .format(item.expiry.unwrap_or(-1))
            .as_bytes(),
    );
    append(out, b" la=");
    append(out, itoa::Buffer::new().format(item.accessed).as_bytes());
    append(out, b" cas=");
    append(out, itoa::Buffer::new().format(item.cas).as_bytes());
    let fetched: &[u8] = if item.fetched { b"yes" } else { b"no" };
    append(out, b" fetch=");
    append(out, fetched);
    append(out, b" cls=");
    append(out, itoa::Buffer::new().format(item.class).as_bytes());
    append(out, b" size=");
    append(out, itoa::Buffer::new().format(item.size).as_bytes());
    append(out, b"\n");
    Ok(())
}
