//! The small language of the rows: words, and bytes in words.
//!
//! Bytes are pieces joined by `+`. A piece is a bare word, a text in quotes with the escapes
//! `\r \n \t \0 \" \\ \xNN`, or `random(SEED,LEN)`; `*N` behind it repeats it.

use crate::support::named::Random;

/// What is longer is shown by its length and its checksum.
const SHOWN_WHOLE: usize = 60;

/// The words of a line: what stands between blanks that are not in quotes.
pub fn words(line: &str) -> Vec<&str> {
    pieces(line, ' ')
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect()
}

/// The pieces of `text` between those `separator`s that are not in quotes.
pub fn pieces(text: &str, separator: char) -> Vec<&str> {
    let (mut all, mut from, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, found) in text.char_indices() {
        match found {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if found == separator && !quoted => {
                all.push(&text[from..at]);
                from = at + found.len_utf8();
            }
            _ => {}
        }
    }
    assert!(!quoted, "a quote without its end: {text}");
    all.push(&text[from..]);
    all
}

/// The bytes that a word stands for.
pub fn bytes(word: &str) -> Vec<u8> {
    pieces(word, '+').into_iter().flat_map(repeated).collect()
}

fn repeated(piece: &str) -> Vec<u8> {
    match pieces(piece, '*')[..] {
        [once] => plain(once),
        [once, times] => plain(once).repeat(number(times)),
        _ => panic!("repeated twice: {piece}"),
    }
}

fn plain(piece: &str) -> Vec<u8> {
    if let Some(quoted) = piece.strip_prefix('"') {
        return unescaped(quoted.strip_suffix('"').expect("the end of the quotes"));
    }
    if let Some(seed_and_len) = piece.strip_prefix("random(") {
        let pair = seed_and_len
            .strip_suffix(')')
            .and_then(|p| p.split_once(','));
        let (seed, len) = pair.unwrap_or_else(|| panic!("random(SEED,LEN), not {piece}"));
        let mut random = Random::new(number(seed) as u64);
        return (0..number(len)).map(|_| random.next() as u8).collect();
    }
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b":_-.".contains(&byte);
    assert!(piece.bytes().all(bare), "put this in quotes: {piece}");
    piece.as_bytes().to_vec()
}

fn number(text: &str) -> usize {
    text.parse()
        .unwrap_or_else(|_| panic!("a number, not {text}"))
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut chars) = (Vec::new(), text.chars());
    while let Some(next) = chars.next() {
        if next != '\\' {
            bytes.extend(next.encode_utf8(&mut [0; 4]).bytes());
            continue;
        }
        bytes.push(match chars.next() {
            Some('r') => b'\r',
            Some('n') => b'\n',
            Some('t') => b'\t',
            Some('0') => 0,
            Some(same @ ('"' | '\\')) => same as u8,
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).expect("two hexadecimal digits")
            }
            other => panic!("no such escape: \\{other:?}"),
        });
    }
    bytes
}

/// Bytes as a row says them; long ones as their length and CRC-32.
pub fn shown(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_WHOLE {
        let sum = crc32fast::hash(bytes);
        return format!("len={} crc32={sum:08x}", bytes.len());
    }
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            0 => text.push_str("\\0"),
            b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text + "\""
}
