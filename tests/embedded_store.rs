//! The embedded server's store under threads, at its limit, by name, and across a fork.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use memcached2::connection::embedded::{DEFAULT_LIMIT, Embedded, MemoryStore, StoreSettings, open};
use memcached2::engine::{Count, Expiry, Mode, Store, Stored, Uncounted, item_size};
use memcached2::error::Status;
use memcached2::transport::pipe::Peer;

const NOW: i64 = 1_700_000_000;

fn put(store: &Store, key: &str, value: &[u8]) -> Stored {
    let mode = Mode::Set;
    let begun = store.begin(key.as_bytes(), 0, Expiry::NEVER, value.len(), mode, NOW);
    let mut draft = begun.expect("room");
    assert_eq!(draft.put(value), value.len());
    store.store(draft, mode, NOW)
}

fn has(store: &Store, key: &str) -> bool {
    store.get(key.as_bytes(), NOW, |_| ()).is_some()
}

fn say(connection: &mut Embedded, text: &str) -> String {
    let mut replies = Vec::new();
    connection
        .hear(text.as_bytes(), &mut replies)
        .expect("memory");
    String::from_utf8(replies).expect("text")
}

fn private() -> Arc<MemoryStore> {
    open("", StoreSettings::default()).expect("a store")
}

/// Eight connections of eight threads; every command is counted exactly once.
#[test]
fn threads_on_one_store() {
    const EACH: u64 = 20_000;
    let store = private();
    assert_eq!(
        say(&mut Embedded::new(&store), "set n 0 0 1\r\n0\r\n"),
        "STORED\r\n"
    );
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let mut connection = Embedded::new(&store);
            scope.spawn(move || {
                for n in 0..EACH {
                    let number = say(&mut connection, "incr n 1\r\n");
                    assert!(number.trim().parse::<u64>().is_ok(), "{number}");
                    let own = format!("set t{thread} 0 0 {}\r\n{n}\r\n", n.to_string().len());
                    assert_eq!(say(&mut connection, &own), "STORED\r\n");
                    let got = say(&mut connection, &format!("get t{thread}\r\n"));
                    assert!(got.contains(&format!("\r\n{n}\r\n")), "{got}");
                }
            });
        }
    });
    let mut last = Embedded::new(&store);
    let got = say(&mut last, "get n\r\n");
    assert_eq!(got, format!("VALUE n 0 6\r\n{}\r\nEND\r\n", 8 * EACH));
    let stats = say(&mut last, "stats\r\n");
    for (name, value) in [
        ("cmd_get", 8 * EACH + 1),
        ("get_hits", 8 * EACH + 1),
        ("cmd_set", 8 * EACH + 1),
        ("incr_hits", 8 * EACH),
        ("curr_items", 9),
        ("curr_connections", 1),
        ("total_connections", 10),
    ] {
        let row = format!("STAT {name} {value}\r\n");
        assert!(stats.contains(&row), "{row}{stats}");
    }
    // Every CAS was given to one item only: as many as there were changes.
    let cas = say(&mut last, "gets n\r\n");
    let head = cas.lines().next().expect("a head");
    let cas: u64 = head
        .rsplit(' ')
        .next()
        .and_then(|c| c.parse().ok())
        .expect("a CAS");
    assert!(cas <= 16 * EACH + 1, "{cas}");
}

/// Random sizes from eight threads: never above the limit once a command is done, and what the
/// shards hold is what was counted.
#[test]
fn limit_under_threads() {
    const LIMIT: usize = 64 << 20;
    let store = Store::new(LIMIT, 1);
    let highest = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let (store, highest) = (&store, &highest);
            scope.spawn(move || {
                let value = vec![b'v'; 1 << 20];
                let mut seed = thread + 1;
                for _ in 0..600 {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(99);
                    let len = (seed >> 40) as usize % 900_000;
                    let key = format!("key{}", (seed >> 33) % 5000);
                    let stored = put(store, &key, &value[..len]);
                    assert!(matches!(stored, Stored::Stored { .. }), "{stored:?}");
                    highest.fetch_max(store.used() as u64, Relaxed);
                }
            });
        }
    });
    let highest = highest.into_inner();
    // Seven others may be between storing and evicting.
    assert!(highest <= (LIMIT + (7 << 20)) as u64, "{highest}");
    assert!(store.used() <= LIMIT, "{}", store.used());
    let report = store.report(NOW);
    assert_eq!(report.bytes, store.used() as u64);
    assert!(report.counters.evictions > 0);
    // Nothing is evicted before the store is full: what is left fills it but for one item.
    assert!(store.used() + (1 << 20) > LIMIT, "{}", store.used());
    store.clear();
    assert_eq!((store.used(), store.report(NOW).items), (0, 0));
}

/// Those used longest ago go first, and only as many as it takes.
#[test]
fn eviction_order() {
    let size = item_size(2, 0, 1000);
    let store = Store::new(10 * size, 1);
    for n in 10..20 {
        put(&store, &format!("{n}"), &[b'v'; 1000]);
    }
    assert_eq!(store.used(), 10 * size);
    // A get, a touch, an add that fails and an incr that fails are uses.
    assert!(has(&store, "10"));
    assert!(store.touch(b"11", Expiry::NEVER, NOW, |_| ()).is_some());
    assert_eq!(
        store.count(b"13", &Count::by(true, 1), NOW, |number, _| number),
        Err(Uncounted::NonNumeric)
    );
    let draft = store
        .begin(b"14", 0, Expiry::NEVER, 0, Mode::Add, NOW)
        .expect("room");
    assert_eq!(store.store(draft, Mode::Add, NOW), Stored::NotStored);
    for n in 20..24 {
        put(&store, &format!("{n}"), &[b'v'; 1000]);
    }
    let left: Vec<u32> = (10..24).filter(|n| has(&store, &n.to_string())).collect();
    assert_eq!(left, [10, 11, 13, 14, 18, 19, 20, 21, 22, 23]);
    let report = store.report(NOW);
    assert_eq!((report.counters.evictions, report.items), (4, 10));
    // A lower limit evicts at once.
    store.set_limit(3 * size, NOW);
    assert_eq!(store.used(), 3 * size);
    assert!(has(&store, "23") && !has(&store, "10"));
}

/// A large item takes the place of many small ones; one above the limit is refused.
#[test]
fn large_and_small() {
    let store = Store::new(100_000, 1);
    for n in 0..900 {
        put(&store, &format!("key{n}"), b"0123456789");
    }
    put(&store, "large", &[b'v'; 90_000]);
    assert!(has(&store, "large") && has(&store, "key899") && !has(&store, "key0"));
    assert!(store.used() <= 100_000);
    let refused = store.begin(b"key899", 0, Expiry::NEVER, 100_000, Mode::Set, NOW);
    assert!(refused.is_err());
    assert!(!has(&store, "key899"), "the old value stays");
    assert_eq!(store.report(NOW).counters.store_no_memory, 1);
}

#[test]
fn named_stores_live_while_they_are_held() {
    let said = |limit: usize| StoreSettings {
        limit_bytes: Some(limit),
        manual_clock: None,
    };
    let first = open("embedded-store-test", said(1 << 20)).expect("a store");
    assert_eq!(first.name(), "embedded-store-test");
    say(&mut Embedded::new(&first), "set a 0 0 1\r\n1\r\n");
    let again = open("embedded-store-test", StoreSettings::default()).expect("the same");
    assert_eq!(
        say(&mut Embedded::new(&again), "get a\r\n"),
        "VALUE a 0 1\r\n1\r\nEND\r\n"
    );
    let other = open("embedded-store-test-2", StoreSettings::default()).expect("another");
    assert_eq!(say(&mut Embedded::new(&other), "get a\r\n"), "END\r\n");
    assert_eq!(say(&mut Embedded::new(&private()), "get a\r\n"), "END\r\n");
    // What is said must be what it has.
    assert!(open("embedded-store-test", said(1 << 20)).is_ok());
    let failure = open("embedded-store-test", said(2 << 20))
        .err()
        .expect("a failure");
    assert_eq!(failure.status, Status::INVALID_ARGUMENT);
    let text = &failure.text;
    assert!(
        text.contains("embedded-store-test") && text.contains("1048576"),
        "{text}"
    );
    let manual = StoreSettings {
        manual_clock: Some(true),
        ..StoreSettings::default()
    };
    assert!(open("embedded-store-test", manual).is_err());
    assert!(!again.advance(1), "a real clock does not move by hand");
    // A connection holds the store too.
    let mut held = Embedded::new(&first);
    drop((first, again));
    let third = open("embedded-store-test", StoreSettings::default()).expect("the same");
    assert!(say(&mut Embedded::new(&third), "get a\r\n").starts_with("VALUE"));
    assert!(say(&mut held, "get a\r\n").starts_with("VALUE"));
    drop((third, held));
    let fresh = open("embedded-store-test", StoreSettings::default()).expect("a new one");
    let mut connection = Embedded::new(&fresh);
    assert_eq!(say(&mut connection, "get a\r\n"), "END\r\n");
    let limit = format!("STAT limit_maxbytes {DEFAULT_LIMIT}\r\n");
    assert!(say(&mut connection, "stats\r\n").contains(&limit));
}

#[test]
fn a_manual_clock() {
    let manual = StoreSettings {
        manual_clock: Some(true),
        ..StoreSettings::default()
    };
    let store = open("", manual).expect("a store");
    let mut connection = Embedded::new(&store);
    say(&mut connection, "set a 0 10 1\r\n1\r\n");
    assert!(store.advance(9));
    assert!(say(&mut connection, "get a\r\n").starts_with("VALUE"));
    assert!(store.advance(1));
    assert_eq!(say(&mut connection, "get a\r\n"), "END\r\n");
    // Thirty days and a day: a moment.
    let time = say(&mut connection, "stats\r\n");
    let time = time
        .lines()
        .find_map(|line| line.strip_prefix("STAT time "));
    let now: i64 = time.and_then(|t| t.parse().ok()).expect("a time");
    say(
        &mut connection,
        &format!("set a 0 {} 1\r\n1\r\n", now + 31 * 86_400),
    );
    assert!(store.advance(31 * 86_400 - 1));
    assert!(say(&mut connection, "get a\r\n").starts_with("VALUE"));
    assert!(store.advance(1));
    assert_eq!(say(&mut connection, "get a\r\n"), "END\r\n");
    say(&mut connection, "set a 0 0 1\r\n1\r\n");
    store.clear();
    assert_eq!(say(&mut connection, "get a\r\n"), "END\r\n");
}

/// A forked child has stores of the same names and settings, and nothing in them; what threads of the
/// parent have locked at that moment does not matter to it.
#[test]
fn a_forked_child_has_empty_stores() {
    let said = StoreSettings {
        limit_bytes: Some(3 << 20),
        manual_clock: Some(true),
    };
    let store = open("embedded-fork-test", said).expect("a store");
    let mut inherited = Embedded::new(&store);
    say(&mut inherited, "set a 0 0 1\r\n1\r\n");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut connection = Embedded::new(&store);
                while !done.load(Relaxed) {
                    say(&mut connection, "incr a 1\r\n");
                    drop(open("embedded-fork-test", StoreSettings::default()));
                }
            });
        }
        for _ in 0..20 {
            let status = forked(|| in_child(&store, &mut inherited));
            if status != 0 {
                done.store(true, Relaxed);
            }
            assert_eq!(status, 0);
        }
        done.store(true, Relaxed);
    });
    assert!(say(&mut inherited, "get a\r\n").starts_with("VALUE"));
}

/// How a child ends that does nothing but `act`: 0 where that is true.
fn forked(act: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child uses nothing that the other threads may have left locked but the memory
    // allocator, which the C library keeps usable, and ends by `_exit`, or by a signal where it hangs.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: neither touches memory; the second ends this process at once.
        unsafe {
            libc::alarm(20);
            libc::_exit(i32::from(!act()));
        }
    }
    let mut status = 0;
    // SAFETY: `child` is this process's own child, and `status` is written to.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    status
}

/// Whether everything is as it should be.
fn in_child(store: &MemoryStore, inherited: &mut Embedded) -> bool {
    let mut replies = Vec::new();
    let closed = inherited.hear(b"get a\r\n", &mut replies) == Ok(false) && replies.is_empty();
    let mut connection = Embedded::new(store);
    let empty = say(&mut connection, "get a\r\n") == "END\r\n";
    let kept = say(&mut connection, "stats\r\n").contains("STAT limit_maxbytes 3145728\r\n");
    let advances = store.advance(1);
    say(&mut connection, "set b 0 0 1\r\n1\r\n");
    // The same store by name.
    let Ok(again) = open("embedded-fork-test", StoreSettings::default()) else {
        return false;
    };
    let same = say(&mut Embedded::new(&again), "get b\r\n").starts_with("VALUE");
    closed && empty && kept && advances && same
}
