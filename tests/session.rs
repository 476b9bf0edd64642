//! The session without a socket: scripted bytes in, what they mean for the commands that wait out.

#[path = "session/binary.rs"]
mod binary;
#[path = "session/binary_batches.rs"]
mod binary_batches;
#[path = "session/harness.rs"]
mod harness;
#[path = "session/large.rs"]
mod large;
#[path = "session/lines.rs"]
mod lines;
#[path = "session/lines_long.rs"]
mod lines_long;
#[path = "session/lone.rs"]
mod lone;
#[path = "session/meta.rs"]
mod meta;
#[path = "session/meta_batches.rs"]
mod meta_batches;
#[path = "session/meta_beyond.rs"]
mod meta_beyond;
#[path = "session/quiet.rs"]
mod quiet;
#[path = "session/sending.rs"]
mod sending;
#[path = "session/single.rs"]
mod single;
#[path = "session/stats.rs"]
mod stats;
#[path = "session/table.rs"]
mod table;
#[path = "session/tagged.rs"]
mod tagged;
