//! What each kind of option takes, and what it does not.

use memcached2::options::{Kind, PATH_MAX, SECRET_MARK};

type Row = (String, String);

/// Values that an option of this kind takes, with the text that getting gives back.
pub fn good(kind: &Kind) -> Vec<Row> {
    match kind {
        Kind::Duration { none, .. } => {
            let mut rows = pairs(
                "250ms=250ms 1.5s=1500ms 2m=2m 1h=1h 24h=24h 60s=1m 1000us=1ms 0.25s=250ms 1440m=24h \
                 1.0s=1s 001s=1s 90s=90s 1.0000001h=3600000360us 1500us=1500us",
            );
            rows.extend(pairs(if *none {
                "none=none"
            } else {
                "0=0 0ms=0 0.0=0 1us=1us"
            }));
            rows
        }
        Kind::DurationOrAuto => pairs("auto=auto 0=0 0ms=0 20ms=20ms 1.5s=1500ms 1us=1us 24h=24h"),
        Kind::Size { min, max } => {
            let mut rows = pairs(
                "65536=64k 64k=64k 64K=64k 64kb=64k 64KiB=64k 1m=1m 1mib=1m 1g=1g 1GB=1g 1024m=1g \
                 1000000=1000000 600b=600",
            );
            rows.retain(|(_, back)| (*min..=*max).contains(&bytes(back)));
            rows.extend([*min, *max].map(|limit| (limit.to_string(), shortest(limit))));
            rows
        }
        Kind::Count { min, max } => same(&[&min.to_string(), &max.to_string(), "7"]),
        Kind::Bool => {
            pairs("on=on true=on yes=on 1=on ON=on True=on off=off false=off no=off 0=off OFF=off")
        }
        Kind::Text { max } => same(&["", "a", "a:b/c&=%", "é", &"x".repeat(*max)]),
        Kind::Path => {
            let longest = "x".repeat(PATH_MAX);
            same(&["", "/etc/tls/a b,c&=%.pem", "relative/é", &longest])
        }
        Kind::Secret { max } => {
            let longest = "x".repeat(*max);
            let told =
                ["a", "a b,c\0", "é", &longest].map(|text| (text.into(), SECRET_MARK.into()));
            [same(&[""]), told.to_vec()].concat()
        }
        Kind::Choice(words) => same(words),
    }
}

/// Values that no option of this kind takes.
pub fn bad(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Duration { none, .. } => {
            let mut rows = words(
                "5 1.5 1000 -1s +1s s .5s 1.s 1d 1S 1min 0.1us 1.5us 24.1h 86401s 25h 1e3s 1s1 1.2.3s \
                 1ns NONE inf 99999999999999999999999s 0.9999999999999999999s 999999999999999999h",
            );
            rows.extend(words(if *none { "0 0s 0.0ms" } else { "none" }));
            rows.extend([String::new(), "1 s".into(), " 1s".into()]);
            rows
        }
        Kind::DurationOrAuto => {
            let mut rows = words("5 -1s 1d 0.1us 24.1h 25h none AUTO automatic 1ns");
            rows.push(String::new());
            rows
        }
        Kind::Size { min, max } => {
            let mut rows = words(
                "k ib 1ib 1t 1.5m -1 +1 1kk 1bb 65g 0x400 none 1mbib 99999999999999999999 \
                 999999999999999999g",
            );
            rows.extend([(min - 1).to_string(), (max + 1).to_string()]);
            rows.extend([String::new(), "1 m".into()]);
            rows
        }
        Kind::Count { min, max } => {
            let mut rows = words("-1 +1 1.0 x 1k 4294967297 99999999999999999999");
            rows.extend(min.checked_sub(1).map(|below| below.to_string()));
            rows.push((max + 1).to_string());
            rows.extend([String::new(), " 1".into()]);
            rows
        }
        Kind::Bool => ["onn", "2", "y", "t", "on ", ""].map(String::from).into(),
        Kind::Text { max } => {
            let mut rows = ["a b", "a\tb", "\0", "\x7f"].map(String::from).to_vec();
            rows.push("x".repeat(max + 1));
            rows
        }
        Kind::Path => {
            let mut rows = ["a\tb", "\0", "\x7f"].map(String::from).to_vec();
            rows.push("x".repeat(PATH_MAX + 1));
            rows
        }
        Kind::Secret { max } => vec![SECRET_MARK.into(), "x".repeat(max + 1)],
        Kind::Choice(_) => ["AUTO", "auto ", "text", ""].map(String::from).into(),
    }
}

const UNITS: [(char, u64); 3] = [('g', 1 << 30), ('m', 1 << 20), ('k', 1 << 10)];

/// The bytes of a size in its shortest text.
fn bytes(text: &str) -> u64 {
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(*unit));
    let (digits, factor) = unit.map_or((text, 1), |(unit, factor)| {
        (text.trim_end_matches(*unit), *factor)
    });
    digits.parse::<u64>().expect("a number") * factor
}

/// The shortest text of a size.
fn shortest(bytes: u64) -> String {
    let fits = UNITS.iter().find(|(_, factor)| bytes % factor == 0);
    fits.map_or(bytes.to_string(), |(unit, factor)| {
        format!("{}{unit}", bytes / factor)
    })
}

fn words(list: &str) -> Vec<String> {
    list.split_whitespace().map(String::from).collect()
}

/// Rows of `text=back`.
fn pairs(list: &str) -> Vec<Row> {
    let row = |pair: &str| {
        let (text, back) = pair.split_once('=').unwrap();
        (text.into(), back.into())
    };
    list.split_whitespace().map(row).collect()
}

/// Rows whose text comes back as it is.
fn same(texts: &[&str]) -> Vec<Row> {
    texts
        .iter()
        .map(|text| (text.to_string(), text.to_string()))
        .collect()
}
