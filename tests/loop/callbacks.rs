//! What callbacks may do, and when they run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::peer::Peer;
use crate::support::client::{INVALID_ARGUMENT, NOT_FOUND, OK};
use crate::support::loops::{
    CANCELLED, Handle, IN_USE, Loop, cancel, get, process, set, submit_then,
};

/// FM-104: never from inside submit, also where the answer is there at once; what a callback submits is
/// told in a later turn.
#[test]
fn fm104_callbacks_submit() {
    fn next(
        handle: *mut Handle,
        left: usize,
        turns: Rc<Cell<usize>>,
        told: Rc<RefCell<Vec<usize>>>,
    ) {
        let command = set("chain", left.to_string());
        let inside = Rc::new(Cell::new(true));
        let is_inside = inside.clone();
        let (status, _) = submit_then(handle, &command, move |ended| {
            assert!(!is_inside.get(), "from inside submit");
            assert_eq!(ended.status, OK);
            told.borrow_mut().push(turns.get());
            if left > 0 {
                next(handle, left - 1, turns, told);
            }
        });
        assert_eq!(status, OK);
        inside.set(false);
    }
    let it = Loop::of("memory://");
    let (turns, told) = (Rc::new(Cell::new(0)), Rc::default());
    next(it.handle, 9, turns.clone(), Rc::clone(&told));
    while it.pending() > 0 {
        assert_eq!(it.timeout_us(), 0, "there is something to do");
        turns.set(turns.get() + 1);
        assert_eq!(it.process(), OK);
    }
    assert_eq!(*told.borrow(), (1..=10).collect::<Vec<_>>());
}

/// FM-104: a turn within a turn is refused, and breaks nothing.
#[test]
fn fm104_a_turn_within_a_turn() {
    let it = Loop::of("memory://");
    let handle = it.handle;
    let seen = Rc::new(Cell::new(0));
    let place = seen.clone();
    it.submit_then(&get("a"), move |_| place.set(process(handle)));
    it.submit(&get("b"));
    it.finish();
    assert_eq!((seen.get(), it.taken().len()), (IN_USE, 1));
}

/// FM-104: a callback cancels what would have been told next, and itself.
#[test]
fn fm104_callbacks_cancel() {
    let peer = Peer::new(|mut line, _| {
        line.receive(7);
        line.send(b"END\r\n");
        line.until_closed();
    });
    let it = Loop::of(&peer.uri("?protocol=ascii&timeout=20s"));
    let handle = it.handle;
    let others = Rc::new(RefCell::new(Vec::new()));
    let (its, log) = (others.clone(), it.log.clone());
    it.submit_then(&get("a"), move |ended| {
        assert_eq!(cancel(handle, ended.id), NOT_FOUND, "it is over");
        for id in its.borrow().iter() {
            assert_eq!(cancel(handle, *id), OK);
            assert_eq!(cancel(handle, *id), NOT_FOUND);
        }
        assert!(log.borrow().is_empty(), "told in a turn of their own");
    });
    for key in ["b", "c", "d"] {
        others.borrow_mut().push(it.submit(&get(key)));
    }
    it.finish();
    let told = it.taken();
    assert_eq!(told.len(), 3);
    assert!(
        told.iter()
            .all(|ended| ended.status == CANCELLED && ended.effect() == 0)
    );
}

/// FM-104: a loop that is freed in a callback tells all others before the call returns.
#[test]
fn fm104_freed_in_a_callback() {
    let silent = Peer::new(|mut line, _| {
        line.until_closed();
    });
    for servers in [
        "memory://".to_string(),
        silent.uri("?protocol=ascii&timeout=20s"),
    ] {
        let it = Rc::new(Loop::of(&servers));
        let (handle, inner) = (it.handle, it.clone());
        let first = if servers.starts_with("memory") {
            get("a")
        } else {
            get("a").within(SHORT)
        };
        it.submit_then(&first, move |ended| {
            assert_ne!(ended.status, CANCELLED);
            inner.free();
            let (status, _) = submit_then(handle, &get("z"), |_| panic!("it is freed"));
            assert_eq!(status, INVALID_ARGUMENT);
        });
        for key in ["b", "c"] {
            let (log, handle) = (it.log.clone(), it.handle);
            it.submit_then(&set(key, "v"), move |ended| {
                assert_eq!(process(handle), INVALID_ARGUMENT);
                log.borrow_mut().push(ended);
            });
        }
        while process(handle) == OK {
            it.wait(SHORT);
        }
        let told = it.taken();
        assert_eq!(told.len(), 2);
        if !servers.starts_with("memory") {
            assert!(told.iter().all(|ended| ended.status == CANCELLED));
            assert!(
                told.iter().all(|ended| ended.effect() == 3),
                "they had left"
            );
        }
    }
}

const SHORT: Duration = Duration::from_millis(100);

/// FM-104: free tells of all that is under way, at every stage, once.
#[test]
fn fm104_freed_with_operations_under_way() {
    let lines = Arc::new(AtomicUsize::new(0));
    let heard = lines.clone();
    let silent = Peer::new(move |mut line, _| {
        while let Some(byte) = line.receive_some() {
            heard.fetch_add(usize::from(byte == b'\n'), Ordering::AcqRel);
        }
    });
    let it = Loop::of(&format!(
        "{},memory://",
        silent.uri("?protocol=ascii&timeout=20s")
    ));
    // Nothing was done for these.
    let new: Vec<_> = (0..50)
        .map(|n| it.submit(&set(&format!("key:{n}"), "v")))
        .collect();
    it.submit_multi(&[get("a"), get("b")], None);
    it.free();
    let told = it.taken();
    assert_eq!(told.len(), 51);
    for id in new {
        let ended = told.iter().find(|ended| ended.id == id).expect("told");
        assert_eq!(
            (ended.status, ended.effect()),
            (CANCELLED, 1),
            "nothing had left"
        );
    }
    // These were sent.
    let it = Loop::of(&silent.uri("?protocol=ascii&timeout=20s"));
    let ids: Vec<_> = (0..5)
        .map(|n| it.submit(&set(&format!("key:{n}"), "v")))
        .collect();
    let multi = it.submit_multi(&[get("a"), get("b")], None);
    it.submit_silently(&get("pulled"));
    // The two of each set, and those of the gets; after so long the test has failed.
    let limit = Instant::now() + Duration::from_secs(20);
    while lines.load(Ordering::Acquire) < 12 && Instant::now() < limit {
        it.wait(SHORT);
        assert_eq!(it.process(), OK);
    }
    it.free();
    for id in ids {
        assert_eq!((it.ended(id).status, it.ended(id).effect()), (CANCELLED, 3));
    }
    let results = it.ended(multi).results.expect("results");
    assert!(
        results
            .iter()
            .all(|seen| seen.status == CANCELLED && seen.effect == 0)
    );
    assert_eq!(it.log.borrow().len(), 6);
}
