//! Every reply to every command, through the C ABI: whole, byte by byte, and cut at every byte with
//! the end of the stream behind it. However it comes it says the same; what is cut is an error, and
//! never a miss.

#[path = "every_cut/ascii.rs"]
mod ascii;
#[path = "every_cut/binary.rs"]
mod binary;
#[path = "every_cut/call.rs"]
mod call;
#[path = "every_cut/meta.rs"]
mod meta;
#[path = "every_cut/row.rs"]
mod row;
mod support;

use call::Told;
use row::Row;
use support::client::Client;
use support::scripted::{End, Fill, Pace, Part, Script, Scripted};

/// What is said of an answer that did not come whole.
const LOST: [&str; 2] = ["SERVER_DISCONNECT", "UNEXPECTED_RESPONSE"];

/// A client and its server.
struct Line {
    client: Client,
    server: Scripted,
    fill: Fill,
}

impl Line {
    fn new(protocol: &str, fill: Fill) -> Line {
        let server = Scripted::new(Script::whole(Vec::new()));
        let options =
            format!("?timeout=10s&connect_timeout=10s&protocol={protocol}&reconnect=simple");
        let client = Client::new(&server.uri(&options));
        Line {
            client,
            server,
            fill,
        }
    }

    /// What is said of the reply, or of its beginning; and where the replies end, were they whole.
    fn told(&self, row: &Row, cut: Option<usize>, pace: Pace) -> (Told, Vec<End>) {
        let part = Part {
            requests: row.requests(),
            replies: row.replies.clone(),
        };
        self.server.play(Script {
            parts: vec![part],
            pace,
            fill: self.fill,
            cut,
        });
        let told = row.call.make(&self.client);
        (told, self.server.ends())
    }
}

#[derive(Default)]
struct Counts {
    rows: usize,
    bytes: usize,
    cuts: usize,
}

/// The row whole, and byte by byte; returns how long its reply is.
fn whole(line: &Line, row: &Row) -> usize {
    let mut len = 0;
    let mut keys = None;
    for pace in [Pace::Whole, Pace::Bytes] {
        let (told, ends) = line.told(row, None, pace);
        let what = format!("{pace:?}: {:?} <- {}", row.call, row.shown());
        assert_eq!(told.entries, row.says, "{what}");
        assert_eq!(*keys.get_or_insert(told.keys.clone()), told.keys, "{what}");
        len = ends.last().expect("a reply").last;
    }
    len
}

/// The row cut: answers that have come stand, of the others there is none. Returns whether it was cut.
fn cut(line: &Line, row: &Row, at: usize) -> bool {
    let (told, ends) = line.told(row, Some(at), Pace::Whole);
    let what = format!("{:?} <- {at} bytes of {}", row.call, row.shown());
    let end = |entry: usize| {
        let place = entry.min(row.replies.len() - 1);
        ends.get(place).copied().unwrap_or(End::NEVER)
    };
    assert_eq!(told.entries.len(), row.says.len(), "{what}");
    for (entry, (told, whole)) in told.entries.iter().zip(&row.says).enumerate() {
        let what = format!("{what}: entry {entry}: {told}, whole {whole}");
        let lost = LOST.contains(&told.as_str());
        let failure = !whole.starts_with("OK") && !is_miss(whole);
        let End { first, last } = end(entry);
        match at >= last {
            true => assert_eq!(told, whole, "{what}"),
            false if at >= first || row.among_others(entry) || failure => {
                assert!(lost || told == whole, "{what}")
            }
            false => assert!(lost, "{what}"),
        }
    }
    let dumped: [&[u8]; 2] = [b"a", b"b c"];
    assert!(
        told.keys.iter().all(|key| dumped.contains(&&key[..])),
        "{what}"
    );
    at < end(usize::MAX).last
}

fn is_miss(says: &str) -> bool {
    ["NO_VALUE", "NOT_FOUND", "NOT_STORED"].contains(&says)
}

fn every_row(protocol: &str, line: &Line, rows: &[Row]) {
    let mut counts = Counts::default();
    for row in rows {
        let len = whole(line, row);
        counts.rows += 1;
        counts.bytes += len;
        for at in row::cuts(len) {
            counts.cuts += usize::from(cut(line, row, at));
        }
    }
    println!(
        "{protocol}: {} replies of {} bytes in all, cut at {} places",
        counts.rows, counts.bytes, counts.cuts
    );
}

/// FM-12, FM-13, FM-27, FM-92.
#[test]
fn fm12_fm13_fm27_fm92_every_reply_of_the_classic_protocol() {
    let rows = ascii::rows();
    assert!(rows.len() > 400, "{}", rows.len());
    every_row("ascii", &Line::new("ascii", Fill::Nothing), &rows);
}

/// As above; every reply has its command's opaque.
#[test]
fn fm12_fm13_fm27_fm92_every_reply_of_the_meta_protocol() {
    let rows = meta::rows();
    assert!(rows.len() > 400, "{}", rows.len());
    every_row("meta", &Line::new("meta", Fill::Lines), &rows);
}

/// As above, in frames; a command may be quiet and its answer be silence.
#[test]
fn fm12_fm13_fm27_fm92_every_reply_of_the_binary_protocol() {
    let rows = binary::rows();
    assert!(rows.len() > 300, "{}", rows.len());
    every_row("binary", &Line::new("binary", Fill::Frames), &rows);
}
