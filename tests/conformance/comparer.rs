//! The comparer itself: what is as expected passes, and nothing else.

use crate::rows::{self, Expected};
use crate::servers::{Column, columns};
use crate::table::{differences, run};
use crate::{show, text};

const ROWS: &str = r#"
# For the reader.
set, then {op}
  for op, cas: get - | gets cas=c1
  options: key_prefix=p:
  set k "v" flags=7 -> OK
  {op} k -> OK "v" flags=7 {cas}
a quiet add
  set k "v" -> OK
  add k "w" noreply -> OK; batch: NOT_STORED not-applied
"#;

fn count(text: &str, column: &Column) -> usize {
    let rows = rows::parse(0, "own.txt", text);
    let found = differences(&rows, column, &run(&rows, column));
    found.iter().for_each(|difference| println!("{difference}"));
    found.len()
}

/// Every word of an expectation counts: each of these is one word off.
#[test]
fn one_wrong_word_is_one_difference() {
    let columns = columns();
    let single = &columns[0];
    assert_eq!(count(ROWS, single), 0);
    for (right, wrong) in [
        ("OK \"v\" flags=7", "NO_VALUE"),
        ("-> OK \"v\"", "-> OK \"w\""),
        ("flags=7 {cas}", "flags=8 {cas}"),
        ("flags=7 {cas}", "{cas}"),
        ("flags=7 {cas}", "flags=7 clamped {cas}"),
    ] {
        let mutated = ROWS.replacen(right, wrong, 1);
        assert_ne!(mutated, ROWS);
        // The line stands for two rows.
        assert_eq!(count(&mutated, single), 2, "{wrong}");
    }
    for (right, wrong) in [("cas=c1", "cas=c2"), ("-> OK; ", "-> NOT_STORED; ")] {
        assert_eq!(count(&ROWS.replacen(right, wrong, 1), single), 1, "{wrong}");
    }
}

/// An expectation for one form is that form's alone.
#[test]
fn a_batch_is_compared_with_what_is_said_of_batches() {
    let columns = columns();
    let (single, batch) = (&columns[0], &columns[1]);
    assert_eq!(batch.form.0, "batch");
    assert_eq!(count(ROWS, batch), 0);
    for wrong in ["NOT_STORED", "NOT_STORED not-applied not-sent"] {
        let mutated = ROWS.replacen("NOT_STORED not-applied", wrong, 1);
        assert_eq!((count(&mutated, single), count(&mutated, batch)), (0, 1));
    }
    let without = ROWS.replacen("; batch: NOT_STORED not-applied", "", 1);
    assert_eq!((count(&without, single), count(&without, batch)), (0, 1));
}

/// The rows of a `for` are all its combinations.
#[test]
fn a_for_stands_for_all_combinations() {
    let two = "{a} {b}\n  for a: x | y\n  for b: 1 | 2 | 3\n  get {a}{b} -> NO_VALUE\n";
    let names: Vec<_> = rows::parse(0, "f", two)
        .into_iter()
        .map(|r| r.name)
        .collect();
    assert_eq!(
        names,
        ["f: x 1", "f: x 2", "f: x 3", "f: y 1", "f: y 2", "f: y 3"]
    );
}

#[test]
fn bytes_are_what_the_words_say() {
    let bytes = text::bytes;
    assert_eq!(
        bytes("k*3+\"a b\\r\\n\\0\\xff\\\"\"*2"),
        b"kkka b\r\n\0\xff\"a b\r\n\0\xff\""
    );
    assert_eq!(bytes("\"\""), b"");
    assert_eq!(bytes("random(1,1000)").len(), 1000);
    assert_ne!(bytes("random(1,1000)"), bytes("random(2,1000)"));
    assert_eq!(text::shown(b"a\"\\\r\n\0\x80"), r#""a\"\\\r\n\0\x80""#);
    assert_eq!(text::shown(&[b'1'; 61]).split(' ').next(), Some("len=61"));
    assert_eq!(
        text::words("set k \"a b\" ttl=1"),
        ["set", "k", "\"a b\"", "ttl=1"]
    );
}

#[test]
fn what_is_expected_where() {
    let expected = Expected::parse(r#"OK "a; b"; batch: NO_VALUE; unix: OK"#);
    assert_eq!(expected.of(&["ascii", "tcp", "single"]), r#"OK "a; b""#);
    assert_eq!(expected.of(&["ascii", "tcp", "batch"]), "NO_VALUE");
    assert_eq!(expected.of(&["ascii", "unix", "single"]), "OK");
    assert_eq!(expected.shown(), r#"OK "a; b"; batch: NO_VALUE; unix: OK"#);
    let both = Expected::parse("OK; batch+meta: NO_VALUE");
    assert_eq!(both.of(&["meta", "tcp", "batch"]), "NO_VALUE");
    assert_eq!(both.of(&["ascii", "tcp", "batch"]), "OK");
    assert_eq!(both.of(&["meta", "tcp", "single"]), "OK");
}

/// CAS have names in the order in which they are seen first.
#[test]
fn a_cas_is_named_when_it_is_seen_first() {
    let (mut cas, mut seen) = (show::CasSeen::default(), Vec::new());
    for number in [77, 5, 77, 6] {
        seen.push(cas.name(number));
    }
    assert_eq!(seen, ["c1", "c2", "c1", "c3"]);
}
