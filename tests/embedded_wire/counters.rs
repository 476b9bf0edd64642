//! The counters of both servers after the same commands.

use std::collections::BTreeMap;

use super::ends::{End, Ours, Real};
use super::frame::{parse, render};

/// What the counters of both must agree in.
const ALIKE: [&str; 26] = [
    "cmd_get",
    "cmd_set",
    "cmd_flush",
    "cmd_touch",
    "cmd_meta",
    "get_hits",
    "get_misses",
    "get_expired",
    "get_flushed",
    "delete_misses",
    "delete_hits",
    "incr_misses",
    "incr_hits",
    "decr_misses",
    "decr_hits",
    "cas_misses",
    "cas_hits",
    "cas_badval",
    "touch_hits",
    "touch_misses",
    "store_too_large",
    "store_no_memory",
    "limit_maxbytes",
    "bytes",
    "curr_items",
    "total_items",
];

fn stats(end: &mut dyn End, which: &str) -> BTreeMap<String, String> {
    end.send(format!("stats{which}\r\n").as_bytes());
    let mut text = Vec::new();
    while !text.ends_with(b"END\r\n") {
        let more = end.reply(1);
        assert!(!more.is_empty(), "{}", String::from_utf8_lossy(&text));
        text.extend(more);
    }
    let text = String::from_utf8(text).expect("text");
    let rows = text.lines().filter_map(|line| line.strip_prefix("STAT "));
    rows.map(|row| row.split_once(' ').expect("a name and a value"))
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

/// Every counter moves at least once.
fn script() -> Vec<u8> {
    let lines = [
        "set a 0 -1 1\r\n1",
        "stats reset",
        "get a",
        "set b 0 0 1\r\n1",
        "flush_all",
        "get b",
        "set c 0 0 1\r\n1",
        "gat -1 c",
        "get c",
        "touch c 0",
        "gat 0 c",
        "incr c 1",
        "decr c 1",
        "set c 0 0 1\r\n1",
        "incr c 1",
        "decr c 1",
        "cas c 0 0 1 9999\r\n1",
        "cas cc 0 0 1 9999\r\n1",
        "add c 0 0 1\r\n1",
        "append cc 0 0 1\r\n1",
        "delete c",
        "delete c",
        "set d 0 0 1\r\nxyz",
        "incr d x",
        "set e 0 0 1\r\nx",
        "incr e 1",
        "get e e",
        "gats 0 e",
        "add e 0 0 1\r\n1",
        "verbosity 0",
        "append e 0 0 3\r\nabc",
        "prepend e 0 0 3\r\nabc",
        "replace e 7 0 2\r\n99",
        "incr e 1",
        "incr e 1",
        "set z 0 0 0\r\n",
        "set f 5 100 10\r\n0123456789",
        "touch f 200",
        "flush_all 1000",
        "cache_memlimit 64",
    ];
    let mut bytes = format!("{}\r\n", lines.join("\r\n")).into_bytes();
    bytes.extend(format!("get f {}\r\n", "k".repeat(251)).into_bytes());
    bytes.extend(b"set big 0 0 2000000\r\n");
    bytes.extend(vec![b'x'; 2_000_000]);
    bytes.extend(b"\r\n");
    bytes
}

/// Everything that is answered to it, up to the mark.
fn run(end: &mut dyn End) {
    end.connect();
    end.send(&script());
    end.send(b"touch mark:none 0\r\nstats mark\r\n");
    let mut text = Vec::new();
    while !text.ends_with(b"NOT_FOUND\r\nERROR\r\n") {
        let more = end.reply(1);
        assert!(!more.is_empty(), "{}", String::from_utf8_lossy(&text));
        text.extend(more);
    }
    // A CAS that fits.
    end.send(b"set k 0 0 1\r\n1\r\ngets k\r\n");
    let mut text = Vec::new();
    while !text.ends_with(b"END\r\n") {
        text.extend(end.reply(1));
    }
    let text = String::from_utf8(text).expect("text");
    let head = text.lines().find(|line| line.starts_with("VALUE "));
    let cas = head
        .and_then(|head| head.rsplit(' ').next())
        .expect("a CAS");
    end.send(format!("cas k 0 0 1 {cas}\r\n2\r\n").as_bytes());
    assert_eq!(end.reply(8), b"STORED\r\n");
}

#[test]
fn counters_agree() {
    let (mut real, mut ours) = (Real::new(), Ours::new(0));
    run(&mut real);
    run(&mut ours);
    let (real, ours) = (stats(&mut real, ""), stats(&mut ours, ""));
    for name in ALIKE {
        assert_eq!(ours.get(name), real.get(name), "{name}");
        let still = ["cmd_meta", "store_no_memory"].contains(&name);
        assert!(still || ours[name] != "0", "{name} does not move");
    }
    let unknown: Vec<_> = ours
        .keys()
        .filter(|name| !real.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "memcached has no {unknown:?}");
    println!("{} statistics, {} compared", ours.len(), ALIKE.len());
}

#[test]
fn names_of_other_statistics() {
    let (mut real, mut ours) = (Real::new(), Ours::new(0));
    for end in [&mut real as &mut dyn End, &mut ours] {
        end.connect();
        end.send(b"set a 0 0 10\r\n0123456789\r\n");
        assert_eq!(end.reply(8), b"STORED\r\n");
    }
    for which in [" settings", " items", " slabs"] {
        let (real, ours) = (stats(&mut real, which), stats(&mut ours, which));
        // The number of the class, or of the shard, is their own.
        let plain = |name: &String| -> String {
            let parts = name.split(':').filter(|part| part.parse::<u32>().is_err());
            parts.collect::<Vec<_>>().join(":")
        };
        let known: Vec<String> = real.keys().map(plain).collect();
        assert!(!ours.is_empty(), "{which}");
        for name in ours.keys() {
            assert!(known.contains(&plain(name)), "memcached has no {name}");
        }
    }
    let settings = stats(&mut ours, " settings");
    assert_eq!(settings["maxbytes"], "67108864");
    assert_eq!(settings["item_size_max"], "1048576");
    // 48 + 8 + 2 + 12, in steps of 32.
    let sizes = stats(&mut ours, " sizes");
    assert_eq!(
        sizes.into_iter().collect::<Vec<_>>(),
        [("96".into(), "1".into())]
    );
}

/// The same of frames: every kind of them, and what they count.
const FRAMES: [&str; 30] = [
    r#"set flags=0 expiry=2592001 key="a" value="1""#,
    r#"stat key="reset""#,
    r#"get key="a""#,
    r#"set flags=0 expiry=0 key="b" value="1""#,
    "flush",
    r#"getk key="b""#,
    r#"getq key="b""#,
    r#"set flags=0 expiry=0 key="c" value="1""#,
    r#"gat expiry=100 key="c""#,
    r#"gatkq expiry=100 key="none""#,
    r#"touch expiry=100 key="c""#,
    r#"touch expiry=100 key="none""#,
    r#"getkq key="c""#,
    r#"increment delta=1 initial=0 expiry=0 key="c""#,
    r#"decrementq delta=1 initial=0 expiry=0 key="c""#,
    r#"increment delta=1 initial=5 expiry=0 key="n""#,
    r#"increment delta=1 initial=5 expiry=4294967295 key="none""#,
    r#"decrement delta=1 initial=5 expiry=4294967295 key="none""#,
    r#"increment delta=1 initial=0 expiry=0 key="c" cas=9999"#,
    r#"set flags=0 expiry=0 key="c" value="1" cas=9999"#,
    r#"add flags=0 expiry=0 key="none" value="1" cas=9999"#,
    r#"add flags=0 expiry=0 key="c" value="1""#,
    r#"appendq key="c" value="23""#,
    r#"prepend key="none" value="23""#,
    r#"replaceq flags=7 expiry=0 key="c" value="99""#,
    r#"delete key="c" cas=9999"#,
    r#"delete key="c""#,
    r#"deleteq key="c""#,
    r#"setq flags=5 expiry=100 key="f" value="0123456789""#,
    r#"flushq delay=1000"#,
];

#[test]
fn counters_of_frames_agree() {
    let big = r#"set flags=0 expiry=0 key="big" value="{x*2000000}""#;
    // Where an item is still held for a reply that has not left, memcached counts into a new one.
    let mut script: Vec<u8> = FRAMES
        .iter()
        .flat_map(|line| [parse(line, false), parse("noop", false)].concat())
        .collect();
    script.extend([parse(big, false), parse("noop opaque=77", false)].concat());
    let run = |end: &mut dyn End| {
        end.connect();
        end.send(&script);
        let mark = parse("noop status=0 opaque=77", true);
        let mut told = Vec::new();
        while !told.ends_with(&mark) {
            let more = end.reply(1);
            assert!(!more.is_empty(), "{:?}", render(&told));
            told.extend(more);
        }
        end.connect();
        (render(&told), stats(end, ""))
    };
    let (real, ours) = (run(&mut Real::new()), run(&mut Ours::new(0)));
    assert_eq!(ours.0, real.0);
    // memcached counts values that are too large only where they come behind a line.
    assert_eq!(ours.1["store_too_large"], "1");
    for name in ALIKE.iter().filter(|name| **name != "store_too_large") {
        assert_eq!(ours.1.get(*name), real.1.get(*name), "{name}");
    }
}

/// The statistics in frames have the names that they have in lines.
#[test]
fn statistics_in_frames() {
    let mut ours = Ours::new(0);
    ours.connect();
    let lines = stats(&mut ours, "");
    ours.connect();
    ours.send(&parse("stat opaque=7", false));
    let end = parse("stat status=0 opaque=7", true);
    let mut told = Vec::new();
    while !told.ends_with(&end) {
        let more = ours.reply(1);
        assert!(!more.is_empty(), "{:?}", render(&told));
        told.extend(more);
    }
    let rows = render(&told);
    let named = |name: &str| {
        let begin = format!("stat status=0 key=\"{name}\" value=\"");
        rows.iter().filter(|row| row.starts_with(&begin)).count()
    };
    assert_eq!(rows.len(), lines.len() + 1);
    assert!(lines.keys().all(|name| named(name) == 1), "{rows:#?}");
}
