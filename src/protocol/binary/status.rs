//! The status numbers of replies.

pub const SUCCESS: u16 = 0x00;
pub const KEY_NOT_FOUND: u16 = 0x01;
pub const KEY_EXISTS: u16 = 0x02;
pub const TOO_LARGE: u16 = 0x03;
pub const INVALID_ARGUMENTS: u16 = 0x04;
pub const NOT_STORED: u16 = 0x05;
pub const NON_NUMERIC: u16 = 0x06;
pub const WRONG_VBUCKET: u16 = 0x07;
/// In the specification, and of servers other than memcached.
pub const OTHER_AUTH_ERROR: u16 = 0x08;
/// As [`OTHER_AUTH_ERROR`].
pub const OTHER_AUTH_CONTINUE: u16 = 0x09;
pub const AUTH_ERROR: u16 = 0x20;
pub const AUTH_CONTINUE: u16 = 0x21;
pub const UNKNOWN_COMMAND: u16 = 0x81;
pub const OUT_OF_MEMORY: u16 = 0x82;
pub const NOT_SUPPORTED: u16 = 0x83;
pub const INTERNAL_ERROR: u16 = 0x84;
pub const BUSY: u16 = 0x85;
pub const TEMPORARY_FAILURE: u16 = 0x86;

/// What memcached says with a status, as the value of the reply; nothing with those that it does not
/// use.
pub fn text(status: u16) -> &'static str {
    match status {
        KEY_NOT_FOUND => "Not found",
        KEY_EXISTS => "Data exists for key.",
        TOO_LARGE => "Too large.",
        INVALID_ARGUMENTS => "Invalid arguments",
        NOT_STORED => "Not stored.",
        NON_NUMERIC => "Non-numeric server-side value for incr or decr",
        AUTH_ERROR => "Auth failure.",
        UNKNOWN_COMMAND => "Unknown command",
        OUT_OF_MEMORY => "Out of memory",
        _ => "",
    }
}
