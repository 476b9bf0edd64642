//! The client's side: commands into lines, lines into replies.
//!
//! Every command carries an opaque, which its reply repeats: a reply is known by it, and those of reads
//! by their key too. Lines that begin with ERROR, CLIENT_ERROR or SERVER_ERROR repeat nothing; they
//! belong to the command whose turn it is.

mod alike;
mod answer;
mod decode;
mod encode;
mod line_end;

pub use alike::Alike;
pub use answer::{Answer, NUMBER_MAX, about, answer};
pub use decode::{Code, Decoded, Line, Reply, Returned, decode};
pub use encode::{BARRIER, SILENT, encode, encode_get, encode_set, line_room};
pub use line_end::LineEnd;
