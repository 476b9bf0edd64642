//! Lists of servers.

use super::ServerUri;
use super::parse::{Fault, Piece, entry};
use crate::error::{Failure, Result};

const WHITE_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Parses URIs separated by one comma, by white space, or by both. An empty list is legal. Nothing
/// before, between or behind commas is an error: an entry that got lost, say an empty variable in
/// a template, would move the keys of all the others.
pub fn parse_list(list: &str) -> Result<Vec<ServerUri>> {
    let mut servers = Vec::new();
    let mut rest = skip_white_space(Piece { text: list, at: 0 });
    if rest.text.is_empty() {
        return Ok(servers);
    }
    loop {
        let end = rest.text.find(|c| c == ',' || WHITE_SPACE.contains(&c));
        let here = end.map_or(rest, |end| rest.take(end));
        let server = entry(here).map_err(|fault| failure(servers.len(), &fault))?;
        servers.push(server);
        rest = skip_white_space(rest.skip(here.text.len()));
        if rest.text.is_empty() {
            return Ok(servers);
        }
        if rest.text.starts_with(',') {
            rest = skip_white_space(rest.skip(1));
        }
    }
}

fn skip_white_space(piece: Piece<'_>) -> Piece<'_> {
    let kept = piece.text.trim_start_matches(WHITE_SPACE).len();
    piece.skip(piece.text.len() - kept)
}

fn failure(before: usize, fault: &Fault) -> Box<Failure> {
    Failure::new(
        fault.status,
        format!(
            "servers, entry {}, byte {}: {}",
            before + 1,
            fault.at,
            fault.what
        ),
    )
}
