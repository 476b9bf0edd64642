//! The floors of the library, held by reading its sources: imports point downwards only, the pure
//! modules do no I/O and read no clock, and `unsafe` stays in the boundary and a few named leaves.

#[path = "support/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use sources::{Name, Source, read_crate};

/// The top-level modules by floor, lowest first. Floor 0, the words that every floor uses, may use
/// one another; the modules of any other floor may not.
const FLOORS: [&[&str]; 8] = [
    &[
        "buffer",
        "config",
        "deadline",
        "error",
        "fork",
        "names",
        "observe",
        "options",
        "per_process",
        "status",
        "uri",
    ],
    &["protocol"],
    &["transport", "engine", "value"],
    &["connection", "cluster"],
    &["operation"],
    &["driver"],
    &["client", "event"],
    &["ffi"],
];

/// Modules that are functions of their arguments: no I/O, no threads, no clock.
const PURE: [&str; 5] = ["protocol", "cluster", "operation", "engine", "value"];

/// What the pure modules must not name.
const IMPURE: [&[&str]; 14] = [
    &["std", "net"],
    &["std", "os", "unix", "net"],
    &["std", "fs"],
    &["std", "thread"],
    &["std", "process"],
    &["Instant", "now"],
    &["SystemTime"],
    &["deadline", "now"],
    &["deadline", "seconds"],
    &["deadline", "unix_now"],
    &["deadline", "Deadline"],
    &["thread_local"],
    &["socket2"],
    &["libc"],
];

/// Where `unsafe` may stand, outside tests: the boundary, and leaves with one subject each.
const UNSAFE: [&str; 12] = [
    "src/ffi/",
    "src/buffer.rs",
    "src/deadline.rs",
    "src/driver/slot.rs",
    "src/driver/snapshot.rs",
    "src/fork.rs",
    "src/fork/per_process.rs",
    "src/names.rs",
    "src/transport/helper.rs",
    "src/transport/poller.rs",
    "src/transport/socket.rs",
    "src/transport/wakeup.rs",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// The top-level module of ours that `name` leads to, if it leads to one.
fn target<'a>(name: &'a Name, lib: &'a Source) -> Option<&'a str> {
    let (first, rest) = name.segments.split_first()?;
    let second = rest.first()?;
    if first != "crate" {
        return None;
    }
    if floor(second).is_some() {
        return Some(second);
    }
    // Not a module: something that the root exports again.
    let through = lib.names.iter().find(|n| {
        n.segments.first().is_some_and(|s| s != "std") && n.segments.last() == Some(second)
    });
    let through = through.unwrap_or_else(|| panic!("{} leads nowhere", name.segments.join("::")));
    through
        .segments
        .iter()
        .find(|s| floor(s).is_some())
        .map(String::as_str)
}

/// How often each top-level module names each other one.
fn matrix(sources: &[Source]) -> BTreeMap<(String, String), usize> {
    let lib = sources
        .iter()
        .find(|s| s.module.is_empty())
        .expect("a root");
    let mut uses = BTreeMap::new();
    for source in sources {
        let Some(from) = source.top() else { continue };
        for to in source.names.iter().filter_map(|name| target(name, lib)) {
            *uses.entry((from.to_string(), to.to_string())).or_default() += 1;
        }
    }
    uses
}

/// Whether a module may use another one.
fn allowed(from: &str, to: &str) -> bool {
    let (from_floor, to_floor) = (floor(from), floor(to));
    from == to || to_floor < from_floor || (to_floor, from_floor) == (Some(0), Some(0))
}

/// Whether `name` is, or leads through, one of the impure paths.
fn impure(name: &Name) -> bool {
    let holds = |path: &&[&str]| {
        name.segments
            .windows(path.len())
            .any(|window| *window == **path)
    };
    !name.test && IMPURE.iter().any(holds)
}

#[test]
fn imports_point_downwards_only() {
    let sources = read_crate(&root());
    for source in &sources {
        if let Some(top) = source.top() {
            assert!(
                floor(top).is_some(),
                "give module `{top}` a floor in this test"
            );
        }
    }
    let uses = matrix(&sources);
    print_matrix(&uses);
    let breaches: Vec<_> = uses
        .keys()
        .filter(|(from, to)| !allowed(from, to))
        .collect();
    assert!(breaches.is_empty(), "upwards or sideways: {breaches:?}");
    let star = |name: &&Name| name.segments == ["crate", "*"];
    let stars: Vec<_> = sources
        .iter()
        .filter(|s| s.names.iter().any(|n| star(&n)))
        .collect();
    assert!(
        stars.is_empty(),
        "`crate::*` hides what is used: {:?}",
        files(&stars)
    );
}

#[test]
fn every_file_belongs_to_the_crate() {
    let reached: BTreeSet<_> = read_crate(&root()).into_iter().map(|s| s.file).collect();
    let mut found = BTreeSet::new();
    let mut queue = vec![root().parent().expect("src").to_path_buf()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(directory).expect("a readable directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                queue.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.insert(path);
            }
        }
    }
    let orphans: Vec<_> = found.difference(&reached).collect();
    assert!(orphans.is_empty(), "in no module: {orphans:?}");
}

#[test]
fn pure_modules_do_no_io_and_read_no_clock() {
    let mut found = Vec::new();
    for source in read_crate(&root()) {
        if !source.top().is_some_and(|top| PURE.contains(&top)) {
            continue;
        }
        for name in source.names.iter().filter(|name| impure(name)) {
            found.push(format!(
                "{}: {}",
                source.file.display(),
                name.segments.join("::")
            ));
        }
        // Instant::elapsed reads the clock behind a method's back.
        if source.methods.iter().any(|method| method == "elapsed") {
            found.push(format!("{}: elapsed()", source.file.display()));
        }
    }
    assert!(found.is_empty(), "not pure:\n{}", found.join("\n"));
}

#[test]
fn unsafe_stays_in_its_places() {
    let sources = read_crate(&root());
    let base = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = |s: &Source| {
        s.file
            .strip_prefix(base)
            .expect("in the tree")
            .display()
            .to_string()
    };
    let free = |s: &&Source| !UNSAFE.iter().any(|allowed| place(s).starts_with(allowed));
    let found: Vec<_> = sources
        .iter()
        .filter(|s| s.says_unsafe)
        .filter(free)
        .collect();
    assert!(
        found.is_empty(),
        "unsafe outside the list: {:?}",
        files(&found)
    );
    for allowed in UNSAFE {
        let used = sources
            .iter()
            .any(|s| s.says_unsafe && place(s).starts_with(allowed));
        assert!(used, "{allowed} needs no place on the list");
    }
}

/// The rules above bite: each way to write a path is understood.
#[test]
fn every_spelling_is_seen() {
    let text = r##"
        use crate::{client::pool::Pool, error::Status as S, uri::{self}};
        pub use super::super::transport as wire;
        use std::time::Instant as Clock;
        fn a(x: crate::cluster::Topology) -> u32 { super::super::connection::LIMIT }
        fn b() { wire::open(); uri::parse(); Clock::now(); S::OK; }
        fn c() { say!("crate::ffi::no", $crate::operation::Single, [super::super::event::Loop]); }
        fn d(f: unsafe fn()) {}
        mod inner { fn e() { super::super::super::ffi::call(); std::net::lookup(); } }
        #[cfg(test)]
        mod tests { fn f() { unsafe { std::thread::spawn() } } }
    "##;
    let module = vec!["protocol".to_string(), "ascii".to_string()];
    let source = sources::read(Path::new("made/up.rs"), module, false, text);
    let named = |path: &str| source.names.iter().any(|n| n.segments.join("::") == path);
    for path in [
        "crate::client::pool::Pool",
        "crate::error::Status",
        "crate::error::Status::OK",
        "crate::uri",
        "crate::uri::parse",
        "crate::transport",
        "crate::transport::open",
        "crate::cluster::Topology",
        "crate::connection::LIMIT",
        "crate::operation::Single",
        "crate::event::Loop",
        "crate::ffi::call",
        "std::time::Instant::now",
        "std::net::lookup",
    ] {
        assert!(named(path), "{path} was not seen in {:?}", source.names);
    }
    assert!(!named("crate::ffi::no"), "text is not a path");
    assert_eq!(source.names.iter().filter(|name| impure(name)).count(), 2);
    assert!(
        !source.says_unsafe,
        "a pointer's type and tests do not count"
    );
    let block = sources::read(
        Path::new("x.rs"),
        Vec::new(),
        false,
        "fn a() { unsafe { b() } }",
    );
    assert!(block.says_unsafe);
    assert!(allowed("client", "uri") && allowed("uri", "error") && allowed("ffi", "client"));
    assert!(!allowed("protocol", "client") && !allowed("connection", "cluster"));
}

fn files(sources: &[&Source]) -> Vec<String> {
    sources
        .iter()
        .map(|s| s.file.display().to_string())
        .collect()
}

/// Row: who uses; column: who is used. Written past the test's capture, to be read in every log.
fn print_matrix(uses: &BTreeMap<(String, String), usize>) {
    let ends = uses.keys().flat_map(|(from, to)| [from.as_str(), to]);
    let present: BTreeSet<_> = ends.collect();
    let order: Vec<_> = FLOORS
        .iter()
        .enumerate()
        .rev()
        .flat_map(|(floor, modules)| modules.iter().map(move |module| (floor, *module)))
        .filter(|(_, module)| present.contains(module))
        .collect();
    let mut text = format!("\n{:16}", "");
    for (_, module) in &order {
        text += &format!("{:>6}", &module[..module.len().min(5)]);
    }
    for (floor, from) in &order {
        text += &format!("\n{floor} {from:14}");
        for (_, to) in &order {
            let count = uses.get(&(from.to_string(), to.to_string()));
            text += &match count {
                _ if from == to => format!("{:>6}", "–"),
                Some(count) => format!("{count:>6}"),
                None => format!("{:>6}", "·"),
            };
        }
    }
    let _ = writeln!(std::io::stdout(), "{text}\n");
}
