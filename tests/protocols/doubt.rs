//! Error lines of a meta server that do not say which of several silent commands they refuse.

use crate::script::Script;
use crate::support::client::{Answer, Client, Got, MULTI_STORAGE, OK};

const SERVER_ERROR: i32 = 0x0104;
const OUT_OF_MEMORY: i32 = 0x0001_0104;

const FULL: &[u8] = b"SERVER_ERROR out of memory storing object\r\n";

/// The opaque of a command line.
fn opaque(line: &str) -> &str {
    line.rsplit_once(" O").expect("an opaque").1
}

/// FM-09, FM-11, FM-19: plain sets that may have been refused are sent once more, so that each is
/// answered; none is told as stored that was not.
#[test]
fn fm09_fm11_fm19_sets_are_sent_again() {
    let script = Script::of(|mut peer| {
        peer.tell_version();
        let first = peer.lines_up_to("mn");
        assert_eq!(first.len(), 7, "{first:?}");
        let silent = first.iter().step_by(2).map(|line| line.contains(" q O"));
        assert!(silent.eq([true, true, false, false]), "{first:?}");
        peer.write(&[FULL, b"MN\r\n"].concat());
        for refused in [false, true, false] {
            let line = peer.line();
            assert!(line.starts_with("ms ") && !line.contains(" q"), "{line}");
            assert_eq!(peer.line(), "value");
            match refused {
                true => peer.write(FULL),
                false => peer.write(format!("HD O{}\r\n", opaque(&line)).as_bytes()),
            }
        }
    });
    let client = Client::new(&format!("{}?protocol=meta", script.uri()));
    let Answer { status, entries } = client.set_multi(&["a", "b", "c"], &["value"; 3]);
    assert_eq!(status, MULTI_STORAGE);
    assert_eq!(entries, [OK, OUT_OF_MEMORY, OK]);
    script.join();
}

/// FM-12: reads of which one was refused are sent again, and none is told to have missed before.
#[test]
fn fm12_reads_are_sent_again() {
    let script = Script::of(|mut peer| {
        peer.tell_version();
        peer.lines_up_to("mn");
        peer.write(b"SERVER_ERROR out of memory writing get response\r\nMN\r\n");
        let first = peer.line();
        let (a, b) = (opaque(&first).to_string(), peer.line());
        let found = format!("VA 1 ka f0 O{a}\r\nA\r\n");
        let missed = format!("EN kb O{}\r\n", opaque(&b));
        peer.write([found, missed].concat().as_bytes());
    });
    let client = Client::new(&format!("{}?protocol=meta", script.uri()));
    let got = client.get_multi(&["a", "b"]);
    assert_eq!(got.entries, [Got::Value(b"A".to_vec()), Got::Miss]);
    assert_eq!(got.status, OK);
    script.join();
}

/// FM-19: what may not be done twice is told as what it is: nobody knows.
#[test]
fn fm19_deletes_are_not_sent_again() {
    let script = Script::of(|mut peer| {
        peer.tell_version();
        peer.lines_up_to("mn");
        peer.write(b"SERVER_ERROR out of memory\r\nMN\r\n");
        // The next that comes is another command.
        let line = peer.line();
        assert!(line.starts_with("mg later "), "{line}");
        peer.write(format!("EN klater O{}\r\n", opaque(&line)).as_bytes());
    });
    let client = Client::new(&format!("{}?protocol=meta", script.uri()));
    let deleted = client.delete_multi(&["a", "b"]);
    assert_eq!(deleted.entries, [SERVER_ERROR, SERVER_ERROR]);
    assert_eq!(deleted.status, MULTI_STORAGE);
    assert_eq!(client.get("later"), Got::Miss);
    script.join();
}
