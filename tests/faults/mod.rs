//! A memcached that misbehaves on purpose, and a judge that knows what it did.
//!
//! * `frame`, `reply`: what a request and a reply look like on the wire, as lines, as meta commands
//!   and as frames, written for this server alone; no code is shared with the library, or a common
//!   mistake would hide itself;
//! * `store`, `model`: a small memcached that remembers every state each key was ever in;
//! * `rule`, `edit`, `script`: when to misbehave, and how;
//! * `net`, `conn`: the listener, one thread per connection;
//! * `ledger`: everything that happened, in order, with its time;
//! * `catalogue`: the faults of each protocol, each with what a client must make of it;
//! * `outcome`, `oracle`, `cell`, `verdict`: calls, and their judgement;
//! * `matrix`, `report`: the whole table of them;
//! * `plain`: a plain client with switchable mistakes, by which the judge itself is tested.

// Every test that includes this module uses its own part of it.
#![allow(dead_code)]

pub mod catalogue;
pub mod cell;
pub mod conn;
pub mod edit;
pub mod frame;
pub mod ledger;
pub mod matrix;
pub mod model;
pub mod net;
pub mod oracle;
pub mod outcome;
pub mod plain;
pub mod reply;
pub mod report;
pub mod rule;
pub mod script;
pub mod store;
pub mod value;
pub mod verdict;
