//! A program's own event loop carries operations, through the C ABI: with real servers, with one in
//! memory, and with ones that follow a script.

mod support;

#[path = "loop/answers.rs"]
mod answers;
#[path = "loop/batches.rs"]
mod batches;
#[path = "loop/callbacks.rs"]
mod callbacks;
#[path = "loop/full.rs"]
mod full;
#[path = "conn/peer.rs"]
mod peer;
#[path = "loop/processes.rs"]
mod processes;
#[path = "loop/retries.rs"]
mod retries;
#[path = "loop/time.rs"]
mod time;
#[path = "loop/trouble.rs"]
mod trouble;
