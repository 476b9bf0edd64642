//! Any bytes as the frames that answer any commands over one connection: nothing panics, and every way to
//! read them tells the same.
//! The input is that of `support/script.rs`.

#![no_main]

#[allow(dead_code, unused_imports)] // the tests use more of it
#[path = "../../tests/session/harness.rs"]
mod harness;
#[allow(dead_code)] // the other targets use more of it
#[path = "support/script.rs"]
mod script;

use harness::Way;
use libfuzzer_sys::fuzz_target;
use memcached2::protocol::{Dialect, Op};
use script::Script;

const DIALECT: Dialect = Dialect::Binary { opaque: 7 };

fuzz_target!(|input: &[u8]| {
    let Some(script) = Script::read(input) else {
        return;
    };
    // What the protocol has no command for is not queued.
    let unspoken = |op| matches!(op, Op::Verbosity | Op::CacheMemlimit);
    if script.cmds.iter().any(|cmd| unspoken(cmd.op)) {
        return;
    }
    let pieces = script.pieces();
    let general = script.run(DIALECT, script.way, script.sent_first, &pieces);
    let drained = Way {
        drain: true,
        ..script.way
    };
    let same = |way, sent_first, pieces: &[&[u8]]| {
        assert_eq!(script.run(DIALECT, way, sent_first, pieces), general);
    };
    same(drained, script.sent_first, &pieces);
    if script.sent_first == usize::MAX {
        same(script.way, usize::MAX, &[script.reply]);
        same(drained, usize::MAX, &[script.reply]);
    }
    assert!(!(general.in_step && general.broken));
});
