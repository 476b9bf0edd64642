//! The client's side: commands into lines, lines into replies.

mod alike;
mod answer;
mod decode;
mod encode;

pub use alike::Alike;
pub use answer::{Answer, answer};
pub use decode::{
    Decoded, ErrorWord, LINE_MAX, Line, decode, expected_value, names, numbers_line, same,
    whole_number,
};
pub(in crate::protocol) use decode::{Framed, frame, parse};
pub use encode::{encode, encode_end, encode_more, line_limit, line_room};
