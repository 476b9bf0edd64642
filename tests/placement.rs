//! Where keys go: what other clients were recorded to do, what independent calculations say, and how
//! few keys move when servers come and go.

#[path = "placement/clients.rs"]
mod clients;
#[path = "placement/default.rs"]
mod default;
#[path = "placement/hashes.rs"]
mod hashes;
#[path = "placement/independent.rs"]
mod independent;
#[path = "placement/libmemcached.rs"]
mod libmemcached;
#[path = "placement/moves.rs"]
mod moves;
#[path = "placement/options.rs"]
mod options;
#[path = "placement/page.rs"]
mod page;
#[path = "placement/python.rs"]
mod python;
#[path = "placement/support.rs"]
mod support;

use support::Tally;

/// Every row of `tests/vectors/placement/`, but those of hsieh, which no build of libmemcached has.
#[test]
fn fm80_every_recorded_row_is_reproduced() {
    let mut tally = Tally::default();
    hashes::recorded(&mut tally);
    clients::recorded(&mut tally);
    libmemcached::recorded(&mut tally);
    libmemcached::pylibmc(&mut tally);
    python::memcached2(&mut tally);
    python::memcached2_boundary(&mut tally);
    python::python_memcached(&mut tally);
    python::pymemcache(&mut tally);
    python::bmemcached(&mut tally);
    tally.print();
    assert!(tally.compared() > 40_000, "{}", tally.compared());
    assert!(tally.differences.is_empty());
}
