//! The client's side: commands into frames, frames into replies.
//!
//! A frame is told apart in two steps: [`header`] looks at the header alone and refuses what no server
//! sends before a byte of the body has come; [`decode`] reads it as the reply to the command that has its
//! opaque.

mod answer;
mod decode;
mod encode;
mod sasl;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use decode::{Decoded, Expect, Headed, TEXT_MAX, decode, header, plain_text};
pub use encode::{Encoded, Form, Initial, Unsendable, encode, encode_noop, frame_room, opcode};
pub use sasl::{SASL_MAX, Sasl, encode_sasl, encode_sasl_list};
