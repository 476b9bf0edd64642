//! Other threads, and forked children.

use std::sync::mpsc::channel;
use std::time::Duration;

use crate::peer::Peer;
use crate::support::client::{Client, INVALID_ARGUMENT, OK, last_error};
use crate::support::forked::in_child;
use crate::support::loops::{CANCELLED, IN_USE, Loop, PATIENCE, Shared, get, set, submit_then};
use crate::support::memcached::Memcached;

/// From another thread the loop is woken, again and again.
#[test]
fn woken_by_another_thread() {
    let it = Loop::of("memory://");
    let shared = Shared(it.handle);
    assert!(!it.wait(Duration::ZERO));
    for _ in 0..3 {
        std::thread::scope(|scope| {
            scope.spawn(move || assert_eq!({ shared }.wake(), OK));
            assert!(it.wait(PATIENCE));
        });
        assert!(it.wait(Duration::ZERO), "until it is processed");
        assert_eq!(it.process(), OK);
        assert!(!it.wait(Duration::ZERO));
    }
    // mc_loop_run returns, with an operation under way.
    let silent = Peer::new(|mut line, _| {
        line.until_closed();
    });
    let it = Loop::of(&silent.uri("?protocol=ascii&timeout=20s"));
    let shared = Shared(it.handle);
    it.submit(&get("a"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            assert_eq!({ shared }.wake(), OK);
        });
        assert_eq!(it.run(PATIENCE), OK);
    });
    assert_eq!(it.pending(), 1);
}

/// FM-16: a thread that comes while another one is inside a turn is told so, in its callbacks too.
#[test]
fn fm16_the_second_thread_is_refused() {
    let it = Loop::of("memory://");
    let shared = Shared(it.handle);
    let (begin, begun) = channel();
    let (end, ended) = channel::<()>();
    it.submit_then(&get("a"), move |_| {
        begin.send(()).expect("it waits");
        ended.recv().expect("it is told");
    });
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let shared = shared;
            begun.recv().expect("the callback runs");
            assert_eq!(shared.process(), IN_USE);
            assert!(last_error().contains("another thread"), "{}", last_error());
            assert_eq!(shared.cancel(1), IN_USE);
            let (status, _) = submit_then(shared.0, &get("b"), |_| panic!("it is refused"));
            assert_eq!(status, IN_USE);
            assert_eq!(shared.wake(), OK);
            end.send(()).expect("the callback waits");
        });
        it.finish();
    });
}

fn is_open(fd: i32) -> bool {
    // SAFETY: no memory is involved.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// Everything but to free it is refused in a child.
fn is_refused(it: &Loop) -> bool {
    let (status, _) = submit_then(it.handle, &get("k"), |_| panic!("it is refused"));
    status == INVALID_ARGUMENT
        && it.process() == INVALID_ARGUMENT
        && it.run(PATIENCE) == INVALID_ARGUMENT
        && it.next().err() == Some(INVALID_ARGUMENT)
        && it.cancel(1) == INVALID_ARGUMENT
        && it.wake() == INVALID_ARGUMENT
        && (it.fd(), it.timeout_us(), it.pending()) == (-1, -1, 0)
        && last_error().contains("parent")
}

/// The descriptors that are sockets, eventfds or epoll sets.
fn descriptors() -> Vec<i32> {
    (3..256).filter(|fd| is_open(*fd)).collect()
}

/// FM-15: a child neither speaks on the loop's connections, nor takes what they are sent, nor ends them,
/// nor hears of what is over; its client works.
#[test]
fn fm15_a_child_can_only_free_it() {
    for server in [Memcached::tcp(&[]), Memcached::unix(&[])] {
        let client = Client::new(&format!("{}?timeout=20s", server.uri()));
        let before = descriptors();
        let it = Loop::new(&client);
        assert_eq!(it.one(&set("k", "v")).status, OK);
        // Under way while children come and go.
        server.halt();
        it.submit(&get("k"));
        for _ in 0..20 {
            it.wait(Duration::from_millis(5));
            assert_eq!(it.process(), OK);
        }
        // Other tests open theirs meanwhile: only those that lead to this server are the loop's.
        let uri = server.uri();
        let mut its: Vec<_> = descriptors();
        its.retain(|fd| !before.contains(fd) && leads_to(*fd, &uri));
        assert!(!its.is_empty());
        for free in [false, true] {
            in_child(|| {
                let refused = is_refused(&it);
                if free {
                    it.free_here();
                }
                refused && it.log.borrow().is_empty()
            });
        }
        // Whatever order the client and the loop are used in.
        in_child(|| {
            it.free_here();
            its.iter().all(|fd| !is_open(*fd))
        });
        server.go_on();
        it.finish();
        let told = it.taken();
        assert_eq!(told[0].value(), Some(&b"v"[..]));
        in_child(|| {
            it.free_here();
            let own = Loop::new(&client);
            own.one(&get("k")).value() == Some(b"v") && client.set("k", b"w") == OK
        });
        assert_eq!(it.one(&get("k")).value(), Some(&b"w"[..]));
    }
    let it = Loop::of("memory://");
    assert_eq!(it.one(&set("k", "v")).status, OK);
    in_child(|| {
        let refused = is_refused(&it);
        it.free_here();
        refused
    });
    assert_eq!(it.one(&get("k")).value(), Some(&b"v"[..]));
}

/// A client may be freed before its loops, and loops share nothing but it.
#[test]
fn a_loop_outlives_its_client() {
    let server = Memcached::unix(&[]);
    let client = Client::new(&format!("{}?timeout=20s", server.uri()));
    let loops: Vec<_> = (0..4).map(|_| Loop::new(&client)).collect();
    drop(client);
    let ids: Vec<_> = loops.iter().map(|it| it.submit(&set("k", "v"))).collect();
    loops[0].free();
    assert_eq!(loops[0].ended(ids[0]).status, CANCELLED);
    for (it, id) in loops.iter().zip(ids).skip(1) {
        it.finish();
        assert_eq!(it.ended(id).status, OK);
    }
    std::thread::scope(|scope| {
        // Made here, used there: one thread at a time.
        let shared = Shared(loops[1].handle);
        scope.spawn(move || assert_eq!({ shared }.process(), OK));
    });
}

/// Whether the descriptor is a connection to the server.
fn leads_to(fd: i32, uri: &str) -> bool {
    // SAFETY: only asked; what is none, or closed by now, answers an error.
    let socket = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    let Ok(peer) = socket2::SockRef::from(&socket).peer_addr() else {
        return false;
    };
    let path = peer.as_pathname().map(|path| path.display().to_string());
    let name = peer.as_socket().map(|address| address.to_string()).or(path);
    name.is_some_and(|name| uri.contains(&name))
}
