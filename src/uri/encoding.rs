//! Percent-encoding, strict when reading.

use std::fmt::{self, Write};

use super::parse::{Fault, Parse, Piece};
use super::secret::{Overwritten, Secret};

/// Decodes `piece` to text: UTF-8 without control characters.
pub(super) fn decode(piece: Piece<'_>) -> Parse<String> {
    let mut bytes = Vec::with_capacity(piece.text.len());
    decode_into(piece, &mut bytes)?;
    let text = String::from_utf8(bytes).map_err(|_| piece.fault("this is not UTF-8"))?;
    check(piece, &text)?;
    Ok(text)
}

/// The same for a secret, which may be any bytes but NUL, and is overwritten on every path.
pub(super) fn decode_secret(piece: Piece<'_>) -> Parse<Secret> {
    // Large enough from the start: growing would leave a copy behind.
    let mut secret = Overwritten::new(Vec::with_capacity(piece.text.len()));
    decode_into(piece, secret.buffer())?;
    if secret.bytes().contains(&0) {
        return Err(piece.fault("no protocol can send a NUL"));
    }
    Ok(secret.into())
}

fn check(piece: Piece<'_>, decoded: &str) -> Parse<()> {
    if decoded.chars().any(char::is_control) {
        return Err(piece.fault("control characters are not allowed, encoded neither"));
    }
    Ok(())
}

fn decode_into(piece: Piece<'_>, out: &mut Vec<u8>) -> Parse<()> {
    let mut bytes = piece.text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || {
            bytes
                .next()
                .and_then(|(_, byte)| (byte as char).to_digit(16))
        };
        match (digit(), digit()) {
            (Some(high), Some(low)) => out.push((high << 4 | low) as u8),
            _ => {
                return Err(Fault {
                    at: piece.at + at,
                    ..piece.fault("two hexadecimal digits must follow '%'")
                });
            }
        }
    }
    Ok(())
}

/// Writes a path so that it parses to the same path again.
pub(super) fn write_path(f: &mut fmt::Formatter<'_>, path: &str) -> fmt::Result {
    for c in path.chars() {
        match c {
            // What separates servers, or has a meaning of its own in a URI.
            ' ' | ',' | '%' | '?' | '#' => write!(f, "%{:02X}", u32::from(c))?,
            _ => f.write_char(c)?,
        }
    }
    Ok(())
}
