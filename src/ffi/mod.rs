//! The C ABI, one file per noun of the header.

pub mod version;
