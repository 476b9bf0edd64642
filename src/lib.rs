//! A memcached client for everything that speaks C.
//!
//! **A command is data; what it means is a state machine; only small drivers ever touch a socket.**
//! Each floor uses only those below it:
//!
//! | floor | module | what lives there |
//! | --- | --- | --- |
//! | 7 | [`ffi`] | the C ABI, one file for each noun of the header; no decision about memcached |
//! | 6 | [`client`] | the blocking driver: runs operations to their end; the one place that sleeps |
//! | 6 | [`event`] | the non-blocking driver: one descriptor to wait for, deadlines, ends that are told |
//! | 5 | [`driver`] | what the drivers share: servers and their connections, the pool, sinks |
//! | 4 | [`operation`] | what commands mean beyond one exchange: single, batch, what is done again |
//! | 3 | [`connection`] | a connection without its socket (`session`), and on a stream (`link`) |
//! | 3 | [`cluster`] | which server: hashes, placements, the snapshot of the servers |
//! | 2 | [`transport`] | byte streams: TCP, Unix sockets, pipes, their options; names, and the race of their addresses |
//! | 2 | [`engine`] | the embedded store: typed get, store, arithmetic; expiry, order of use, limits; pure |
//! | 1 | [`protocol`] | commands into bytes, bytes into replies; pure |
//! | 0 | the others | words that every floor uses: statuses, options, URIs, time, memory, names, fork |

pub mod buffer;
pub mod client;
pub mod cluster;
pub mod config;
pub mod connection;
pub mod deadline;
pub mod driver;
pub mod engine;
pub mod error;
pub mod event;
pub mod ffi;
pub mod fork;
pub mod names;
pub mod observe;
pub mod operation;
pub mod options;
pub mod protocol;
pub mod status;
pub mod transport;
pub mod uri;
