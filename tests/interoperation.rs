//! The clients of Python that others have deployed, and real servers: what they store, the library finds at
//! the first try, alone and in a batch, and they find what it stores. Each key lies where the library says,
//! and on no other server. All servers are up, and nobody looks for a key elsewhere.

#[path = "interoperation/cluster.rs"]
mod cluster;
#[path = "interoperation/exchange.rs"]
mod exchange;
#[path = "interoperation/keys.rs"]
mod keys;
#[path = "interoperation/python.rs"]
mod python;
#[path = "interoperation/rows.rs"]
mod rows;
mod support;
#[path = "interoperation/table.rs"]
mod table;

use cluster::Cluster;
use exchange::{ALL, KEYS};

#[test]
fn what_one_client_stores_the_other_finds_at_the_first_try() {
    let (tcp, unix) = (Cluster::tcp(), Cluster::unix());
    println!("{}", keys::census(&keys::keys("theirs", KEYS)));
    println!("{}", table::head());
    let (rows, mut differences) = (rows::rows(), Vec::new());
    for row in &rows {
        let cluster = if row.sockets { &unix } else { &tcp };
        let outcome = exchange::exchange(row, cluster);
        println!("{}", table::line(row, &outcome));
        let all_found = outcome.theirs == ALL && outcome.ours == ALL;
        assert_eq!(all_found, outcome.differences.is_empty());
        differences.extend(outcome.differences);
    }
    let some = &differences[..differences.len().min(20)];
    println!("{} rows, {} differences", rows.len(), differences.len());
    assert!(differences.is_empty(), "the first of them: {some:#?}");
}
