//! Hosts, ports and the names of stores.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::DEFAULT_PORT;
use super::parse::{Parse, Piece};

/// The longest name that the domain name system has, and the longest label of one.
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// `host`, `host:port`, `[v6]`, `[v6]:port`; where no scheme was written, `v6` too.
pub(super) fn host_and_port(place: Piece<'_>, bare: bool) -> Parse<(String, u16)> {
    if place.text.starts_with('[') {
        return bracketed(place.skip(1));
    }
    let Some((host, port)) = place.split(':') else {
        return Ok((host(place)?, DEFAULT_PORT));
    };
    if !port.text.contains(':') {
        return Ok((self::host(host)?, number(port)?));
    }
    match place.text.parse::<Ipv6Addr>() {
        Ok(address) if bare => Ok((address.to_string(), DEFAULT_PORT)),
        _ => Err(place.fault("an IPv6 address is written [address] or [address]:port")),
    }
}

/// What follows the opening bracket.
fn bracketed(inside: Piece<'_>) -> Parse<(String, u16)> {
    let (address, rest) = inside
        .split(']')
        .ok_or_else(|| inside.fault("the bracket is not closed"))?;
    let host = address
        .text
        .parse::<Ipv6Addr>()
        .map_err(|_| address.fault("there is no IPv6 address between the brackets"))?;
    let port = match rest.split(':') {
        None if rest.text.is_empty() => DEFAULT_PORT,
        Some((before, port)) if before.text.is_empty() => number(port)?,
        _ => return Err(rest.fault("only ':' and a port may follow the bracket")),
    };
    Ok((host.to_string(), port))
}

fn number(port: Piece<'_>) -> Parse<u16> {
    if port.text.is_empty() {
        return Err(port.fault("the port is missing behind ':'"));
    }
    // The sign that `parse` would take is no digit.
    if !port.text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(port.fault("the port is not a number"));
    }
    match port.text.parse() {
        Ok(0) | Err(_) => Err(port.fault("a port is a number from 1 to 65535")),
        Ok(number) => Ok(number),
    }
}

/// A host name or a literal IPv4 address.
fn host(place: Piece<'_>) -> Parse<String> {
    if place.text.is_empty() {
        return Err(place.fault("the host is missing"));
    }
    let name = local_name(place)?;
    // What consists of numbers only is an address: forms such as 127.1, which some resolvers
    // complete in ways of their own, must not become names.
    let numeric = name
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric && name.parse::<Ipv4Addr>().is_err() {
        return Err(place.fault("this is neither a host name nor an IPv4 address of four numbers"));
    }
    Ok(name)
}

/// A name of labels with dots between them: letters, digits, '-' and '_'; one dot may end it.
pub(super) fn local_name(place: Piece<'_>) -> Parse<String> {
    if place.text.is_empty() {
        return Err(place.fault("the name is missing"));
    }
    for (at, c) in place.text.char_indices() {
        if !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
            let what = if c.is_ascii() {
                "this character cannot be part of a name"
            } else {
                "a name is written in ASCII (xn--…)"
            };
            return Err(place.skip(at).fault(what));
        }
    }
    let absolute = place.text.strip_suffix('.').unwrap_or(place.text);
    let labels_fit = absolute
        .split('.')
        .all(|label| (1..=LABEL_MAX).contains(&label.len()));
    if !labels_fit || absolute.len() > NAME_MAX {
        return Err(place.fault("a part of the name between dots is empty or longer than 63 bytes, or the whole longer than 253"));
    }
    Ok(place.text.into())
}
