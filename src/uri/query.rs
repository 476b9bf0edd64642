//! Parameters: `name=value` pairs, percent-encoded.

use std::collections::HashSet;

use super::encoding::decode;
use super::parse::{Parse, Piece};
use crate::error::{Failure, Result};

/// The parameters behind the `?` of a URI.
pub(super) fn params(query: Piece<'_>) -> Parse<Vec<(String, String)>> {
    if let Some(at) = query.starting_at('@') {
        // Most likely the end of a password that holds a bare '?': its rest must not be taken
        // for the name of an option.
        return Err(
            at.fault("an '@' behind '?' is written %40; within a password '?' is written %3F")
        );
    }
    if query.text.is_empty() {
        return Ok(Vec::new());
    }
    collect(query, &['&'], Empty::Refused)
}

/// Parses `name=value` pairs with `&`, commas or white space between them, percent-decoded: a
/// list of options. Several separators count as one.
pub fn parse_params(list: &str) -> Result<Vec<(String, String)>> {
    const SEPARATORS: &[char] = &['&', ',', ' ', '\t', '\r', '\n'];
    let whole = Piece { text: list, at: 0 };
    collect(whole, SEPARATORS, Empty::Skipped)
        .map_err(|fault| Failure::argument(format!("options, byte {}: {}", fault.at, fault.what)))
}

/// What is done about nothing between two separators.
#[derive(PartialEq)]
enum Empty {
    Refused,
    Skipped,
}

fn collect(whole: Piece<'_>, separators: &[char], empty: Empty) -> Parse<Vec<(String, String)>> {
    let mut params = Vec::new();
    let mut names = HashSet::new();
    let mut rest = Some(whole);
    while let Some(piece) = rest {
        let end = piece.text.find(separators);
        let pair = end.map_or(piece, |end| piece.take(end));
        // Every separator is one byte.
        rest = end.map(|end| piece.skip(end + 1));
        if pair.text.is_empty() && empty == Empty::Skipped {
            continue;
        }
        let (name, value) = pair
            .split('=')
            .ok_or_else(|| pair.fault("a parameter is written name=value"))?;
        if name.text.is_empty() {
            return Err(name.fault("the name of the parameter is missing before '='"));
        }
        let decoded = decode(name)?;
        if !names.insert(decoded.clone()) {
            return Err(name.fault("this parameter is stated twice"));
        }
        params.push((decoded, decode(value)?));
    }
    Ok(params)
}
