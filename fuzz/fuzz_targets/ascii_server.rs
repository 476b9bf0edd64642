//! Any bytes to the embedded server: nothing panics, and however they are cut, the replies are the
//! same. The first byte chooses between lines and frames of the binary protocol.
//!
//! The input: the sizes of three pieces (0: all that is left) which are repeated, and the bytes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use memcached2::connection::embedded::{Embedded, StoreSettings, open};
use memcached2::protocol::binary::client::{Headed, header};
use memcached2::protocol::binary::header::HEADER_LEN;
use memcached2::transport::pipe::Peer;

/// What is replied to the pieces, until the connection is closed.
fn replies<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let settings = StoreSettings {
        limit_bytes: Some(1 << 20),
        manual_clock: Some(true),
    };
    let store = open("", settings).expect("a store");
    let mut connection = Embedded::new(&store);
    let mut replies = Vec::new();
    for piece in pieces {
        if !connection.hear(piece, &mut replies).expect("memory") {
            return (replies, true);
        }
    }
    while connection.has_more() {
        connection.more(&mut replies).expect("memory");
    }
    (replies, false)
}

fuzz_target!(|input: &[u8]| {
    let Some((sizes, bytes)) = input.split_first_chunk::<3>() else {
        return;
    };
    let mut rest = bytes;
    let mut sizes = sizes.iter().cycle();
    let pieces = std::iter::from_fn(|| {
        if rest.is_empty() {
            return None;
        }
        let size = match sizes.next() {
            None | Some(0) => rest.len(),
            Some(size) => usize::from(*size).min(rest.len()),
        };
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        Some(piece)
    });
    // Numbers that differ from run to run are in the statistics and in dumps, and nowhere else.
    let says = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    let frames = bytes.first() == Some(&0x80);
    if says(b"stats") || says(b"metadump") || (frames && says(&[0x80, 0x10])) {
        replies(pieces);
        return;
    }
    let whole = replies(std::iter::once(bytes));
    if frames {
        are_frames(&whole.0);
    }
    assert_eq!(whole, replies(pieces));
});

/// The library's client reads what was replied.
fn are_frames(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let Headed::Frame(header) = header(bytes, 1 << 20) else {
            panic!("{bytes:?}");
        };
        bytes = &bytes[HEADER_LEN + header.body_len as usize..];
    }
}
