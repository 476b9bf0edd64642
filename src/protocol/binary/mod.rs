//! The binary protocol (memcached's doc/protocol-binary.txt, and what memcached 1.6 makes of it):
//! frames of 24 bytes of header, extras, a key and a value; numbers are big-endian.

pub mod client;
pub mod header;
pub mod opcode;
pub mod server;
pub mod status;
