//! Every reply to every command, through the C ABI: whole, byte by byte, and cut at every byte with
//! the end of the stream behind it. However it comes it says the same; what is cut is an error, and
//! never a miss.

#[path = "every_cut/ascii.rs"]
mod ascii;
#[path = "every_cut/call.rs"]
mod call;
#[path = "every_cut/row.rs"]
mod row;
mod support;

use row::Row;
use support::client::Client;
use support::scripted::{Pace, Part, Script, Scripted};

/// What is said of an answer that did not come whole.
const LOST: [&str; 2] = ["SERVER_DISCONNECT", "UNEXPECTED_RESPONSE"];

/// A client and its server.
struct Line {
    client: Client,
    server: Scripted,
}

impl Line {
    fn new() -> Line {
        let (parts, pace) = (Vec::new(), Pace::Whole);
        let server = Scripted::new(Script { parts, pace });
        let options = "?timeout=10s&connect_timeout=10s&protocol=ascii";
        let client = Client::new(&server.uri(options));
        Line { client, server }
    }

    /// What is said of the first `len` bytes of the reply.
    fn told(&self, row: &Row, len: usize, pace: Pace) -> call::Told {
        let part = Part {
            requests: row.requests(),
            reply: row.reply().as_bytes()[..len].to_vec(),
        };
        let parts = vec![part];
        self.server.play(Script { parts, pace });
        row.call.make(&self.client)
    }
}

#[derive(Default)]
struct Counts {
    rows: usize,
    bytes: usize,
    cuts: usize,
}

/// The row whole, and byte by byte.
fn whole(line: &Line, row: &Row) {
    let reply = row.reply();
    let keys = line.told(row, reply.len(), Pace::Whole).keys;
    for pace in [Pace::Whole, Pace::Bytes] {
        let told = line.told(row, reply.len(), pace);
        assert_eq!(
            told.entries, row.says,
            "{pace:?}: {:?} <- {reply:?}",
            row.call
        );
        assert_eq!(told.keys, keys, "{pace:?}: {reply:?}");
    }
}

/// The row cut: answers that have come stand, of the others none has.
fn cut(line: &Line, row: &Row, at: usize) {
    let reply = row.reply();
    let what = format!("{:?} <- {:?}", row.call, &reply[..at]);
    let told = line.told(row, at, Pace::Whole);
    assert_eq!(told.entries.len(), row.says.len(), "{what}");
    for (entry, (told, whole)) in told.entries.iter().zip(&row.says).enumerate() {
        let what = format!("{what}: entry {entry}: {told}, whole {whole}");
        let lost = LOST.contains(&told.as_str());
        let failure = !whole.starts_with("OK") && !is_miss(whole);
        match at >= row.whole(entry) {
            true => assert_eq!(told, whole, "{what}"),
            false if row.among_others(entry) || failure => assert!(lost || told == whole, "{what}"),
            false => assert!(lost, "{what}"),
        }
    }
    assert!(told.keys.len() <= 2, "{what}");
}

fn is_miss(says: &str) -> bool {
    ["NO_VALUE", "NOT_FOUND", "NOT_STORED"].contains(&says)
}

fn every_row(protocol: &str, line: &Line, rows: &[Row]) {
    let mut counts = Counts::default();
    for row in rows {
        whole(line, row);
        counts.rows += 1;
        counts.bytes += row.reply().len();
        for at in row.cuts() {
            cut(line, row, at);
            counts.cuts += 1;
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
    every_row("ascii", &Line::new(), &rows);
}
