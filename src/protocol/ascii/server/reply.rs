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
