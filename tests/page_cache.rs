//! The example page_cache, built against the installed library, on a tree of real files and real
//! servers: every file is accounted for, by the example, by a walk of our own, and by the server.

mod support;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::cc::{command, tree};
use support::client::{Client, TOO_LARGE};
use support::install::installed;
use support::memcached::Memcached;
use support::named;
use support::run::run;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(300);

/// With so few files the tree of the system shows little, and one is made.
const FILES_MIN: usize = 1000;
const KEY_MAX: usize = 250;
const MANY_FILES: usize = 3000;

/// What a walk finds.
#[derive(Default)]
struct Found {
    files: u64,
    bytes: u64,
    too_large: u64,
    illegal: u64,
}

/// The files of the system, if there are enough of them.
fn system_pages() -> Option<&'static Path> {
    let top = Path::new("/usr/include");
    let files = files_below(top).len();
    if files < FILES_MIN {
        println!("{files} files in {} are too few", top.display());
    }
    (files >= FILES_MIN).then_some(top)
}

/// Many files of all sizes, some too large for the server, some whose paths are no keys.
fn make_pages() -> TempDir {
    let top = tempfile::tempdir().expect("a temporary directory");
    for number in 0..MANY_FILES {
        let below = top.path().join(format!("d{}", number % 50));
        std::fs::create_dir_all(&below).expect("made");
        let (name, size) = match number % 500 {
            7 => (format!("large{number}"), 2_000_000),
            8 => (format!("a space{number}"), 100),
            _ => (format!("page{number}.h"), number * number % 60_000),
        };
        let text = named::value(&name, 1, size);
        std::fs::write(below.join(name), text).expect("written");
    }
    top
}

/// The regular files, as `find -type f` prints them, with their sizes.
fn files_below(top: &Path) -> Vec<(PathBuf, u64)> {
    let (mut queue, mut files) = (vec![top.to_path_buf()], Vec::new());
    while let Some(directory) = queue.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.map(|entry| entry.expect("an entry")) {
            let about = entry.metadata().expect("of a file");
            if about.is_dir() {
                queue.push(entry.path());
            } else if about.is_file() {
                files.push((entry.path(), about.len()));
            }
        }
    }
    files
}

/// Whether the library takes a value of so many bytes for a key as long as this path; asked for
/// without a server.
fn is_too_large(client: &Client, path: &Path, len: u64) -> bool {
    // Far from the limit there is nothing to ask.
    if len < 1_000_000 {
        return false;
    }
    let key = path.to_str().expect("a legal key is text");
    client.set(key, &vec![0; len as usize]) == TOO_LARGE
}

fn walk(top: &Path) -> Found {
    let nowhere = Client::new("memcached+unix:///nonexistent/socket");
    let mut found = Found::default();
    for (path, len) in files_below(top) {
        let key = path.as_os_str().as_bytes();
        found.files += 1;
        found.bytes += len;
        if key.len() > KEY_MAX || key.iter().any(|byte| *byte <= b' ' || *byte == 127) {
            found.illegal += 1;
        } else if is_too_large(&nowhere, &path, len) {
            found.too_large += 1;
        }
    }
    found
}

/// The numbers that page_cache prints, by their names.
fn numbers(printed: &str) -> BTreeMap<&str, u64> {
    let row = |line| -> Option<(&str, u64)> {
        let (name, number) = str::rsplit_once(line, ' ')?;
        Some((name.trim(), number.parse().ok()?))
    };
    printed.lines().filter_map(row).collect()
}

/// Run page_cache with the server at `uri`; how many items it must have now.
fn cached(pages: &Path, uri: &str, kind: &str) -> u64 {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page_cache_{kind}"));
    installed().program(&tree().join("examples-c/page_cache.c"), &program);
    let found = walk(pages);
    let began = Instant::now();
    let ran = run(command(&program).arg(pages).arg(uri), LIMIT).succeeded();
    let took = began.elapsed();
    let printed = numbers(&ran.stdout);
    println!(
        "{kind}, {} in {:.1} s:\n{}",
        pages.display(),
        took.as_secs_f64(),
        ran.stdout
    );
    assert!(found.files >= FILES_MIN as u64);
    assert_eq!(printed["files"], found.files);
    assert_eq!(printed["bytes"], found.bytes);
    assert_eq!(printed["too large"], found.too_large);
    assert_eq!(printed["illegal paths"], found.illegal);
    let stored = found.files - found.too_large - found.illegal;
    assert_eq!(printed["hits"], stored);
    for nothing in ["misses", "differences", "failures"] {
        assert_eq!(printed[nothing], 0, "{nothing}");
    }
    stored
}

fn check(pages: &Path, server: &Memcached, kind: &str) {
    let stored = cached(pages, &server.uri(), kind);
    let items = server.raw().stat("curr_items");
    println!("{items} items at the server");
    assert_eq!(items, stored);
    assert_eq!(server.raw().stat("evictions"), 0);
}

const ROOM: [&str; 2] = ["-m", "1024"];

fn check_system(server: &Memcached, kind: &str) {
    match system_pages() {
        Some(pages) => check(pages, server, kind),
        None => check(make_pages().path(), server, kind),
    }
}

#[test]
fn every_file_of_the_system_is_cached_in_memory() {
    let uri = "memory://?limit=1g";
    match system_pages() {
        Some(pages) => cached(pages, uri, "memory"),
        None => cached(make_pages().path(), uri, "memory"),
    };
}

#[test]
fn every_file_of_the_system_is_cached_over_tcp() {
    check_system(&Memcached::tcp(&ROOM), "tcp");
}

#[test]
fn every_file_of_the_system_is_cached_over_a_unix_socket() {
    check_system(&Memcached::unix(&ROOM), "unix");
}

/// Here some are too large, and some paths are no keys.
#[test]
fn every_kind_of_file_is_accounted_for() {
    let made = make_pages();
    let found = walk(made.path());
    assert_eq!((found.too_large, found.illegal), (6, 6));
    check(made.path(), &Memcached::tcp(&ROOM), "made");
}
