//! The dumps of both servers after the same commands.

use std::time::{Duration, Instant};

use super::ends::{End, Ours, Real};

/// Stored in this order; those that are dead are not told.
const SCRIPT: &[u8] =
    b"set a%b 0 0 1\r\nx\r\nset k 5 100 3\r\nxyz\r\nset \xc3\xa9\x01 0 0 1\r\ny\r\n\
    set A-Z_0.9~!*'()/ 0 0 1\r\nz\r\nset gone 0 -1 1\r\nz\r\nset deleted 0 0 1\r\nz\r\n\
    delete deleted\r\nget k\r\nversion\r\n";

fn until(end: &mut dyn End, last: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    while !text.ends_with(last) {
        let more = end.reply(1);
        assert!(!more.is_empty(), "{}", String::from_utf8_lossy(&text));
        text.extend(more);
    }
    text
}

/// What a server tells, once no other dump or sweep is on its way there.
fn told(end: &mut dyn End, what: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        end.send(format!("lru_crawler metadump {what}\r\n").as_bytes());
        let first = until(end, b"\n");
        if !first.starts_with(b"BUSY ") {
            let rest = match &first[..] {
                b"END\r\n" => Vec::new(),
                _ => until(end, b"END\r\n"),
            };
            return String::from_utf8([first, rest].concat()).expect("text");
        }
        assert!(Instant::now() < deadline, "it remains busy");
    }
}

#[test]
fn nothing_to_tell() {
    for what in ["all", "hash", "1", "1,2", "63", " all"] {
        for end in [&mut Real::new() as &mut dyn End, &mut Ours::new(0)] {
            end.connect();
            assert_eq!(told(end, what), "END\r\n", "{what}");
        }
    }
}

/// The lines in order, without what is each server's own: the slab class, and moments.
fn dump(end: &mut dyn End) -> Vec<String> {
    end.connect();
    end.send(SCRIPT);
    until(end, b"VERSION ");
    until(end, b"\r\n");
    let text = told(end, "all");
    let lines = text.strip_suffix("END\r\n").expect("its end");
    assert!(lines.ends_with('\n') && !lines.contains('\r'));
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970");
    let now = now.as_secs() as i64;
    let near = |text: &str, expected: i64| {
        let moment: i64 = text.parse().expect("a moment");
        assert!((moment - expected).abs() <= 3, "{text}, {expected}");
    };
    let masked = |line: &str| {
        let fields = line.split(' ').map(|field| match field.split_once('=') {
            Some((name @ "la", moment)) => {
                near(moment, now);
                name.to_string()
            }
            Some((name @ "exp", moment)) if moment != "-1" => {
                near(moment, now + 100);
                name.to_string()
            }
            Some((name @ "cls", class)) => {
                assert!(class.parse::<u32>().is_ok_and(|class| class > 0));
                name.to_string()
            }
            _ => field.to_string(),
        });
        fields.collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<_> = lines.lines().map(masked).collect();
    lines.sort();
    lines
}

#[test]
fn dumps_are_alike() {
    let real = dump(&mut Real::new());
    assert_eq!(real.len(), 4, "{real:?}");
    for pieces in [0, 1, 7] {
        assert_eq!(dump(&mut Ours::new(pieces)), real);
    }
}

/// What follows a dump in the same bytes is answered behind it.
#[test]
fn what_follows_a_dump() {
    let mut ours = Ours::new(0);
    ours.connect();
    ours.send(b"set a 0 0 1\r\nx\r\nlru_crawler metadump all\r\nget b\r\n");
    assert_eq!(ours.reply(8), b"STORED\r\n");
    let text = String::from_utf8(ours.reply(usize::MAX)).expect("text");
    assert!(
        text.starts_with("key=a ") && text.ends_with("\nEND\r\nEND\r\n"),
        "{text}"
    );
}
