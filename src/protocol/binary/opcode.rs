//! What a frame asks: the numbers, and which of them are quiet.
//!
//! A quiet command is answered only where there is something to tell: a quiet read where there is
//! a value, a quiet write where it failed.

pub const GET: u8 = 0x00;
pub const SET: u8 = 0x01;
pub const ADD: u8 = 0x02;
pub const REPLACE: u8 = 0x03;
pub const DELETE: u8 = 0x04;
pub const INCREMENT: u8 = 0x05;
pub const DECREMENT: u8 = 0x06;
pub const QUIT: u8 = 0x07;
pub const FLUSH: u8 = 0x08;
pub const GETQ: u8 = 0x09;
pub const NOOP: u8 = 0x0a;
pub const VERSION: u8 = 0x0b;
pub const GETK: u8 = 0x0c;
pub const GETKQ: u8 = 0x0d;
pub const APPEND: u8 = 0x0e;
pub const PREPEND: u8 = 0x0f;
pub const STAT: u8 = 0x10;
pub const SETQ: u8 = 0x11;
pub const ADDQ: u8 = 0x12;
pub const REPLACEQ: u8 = 0x13;
pub const DELETEQ: u8 = 0x14;
pub const INCREMENTQ: u8 = 0x15;
pub const DECREMENTQ: u8 = 0x16;
pub const QUITQ: u8 = 0x17;
pub const FLUSHQ: u8 = 0x18;
pub const APPENDQ: u8 = 0x19;
pub const PREPENDQ: u8 = 0x1a;
/// Of the specification; memcached does not know it, and waits for as many bytes again as its frame
/// has behind the header.
pub const VERBOSITY: u8 = 0x1b;
pub const TOUCH: u8 = 0x1c;
pub const GAT: u8 = 0x1d;
pub const GATQ: u8 = 0x1e;
pub const SASL_LIST: u8 = 0x20;
pub const SASL_AUTH: u8 = 0x21;
pub const SASL_STEP: u8 = 0x22;
pub const GATK: u8 = 0x23;
pub const GATKQ: u8 = 0x24;

/// Each command that has a quiet form, and that.
const PAIRS: [(u8, u8); 14] = [
    (GET, GETQ),
    (GETK, GETKQ),
    (GAT, GATQ),
    (GATK, GATKQ),
    (SET, SETQ),
    (ADD, ADDQ),
    (REPLACE, REPLACEQ),
    (APPEND, APPENDQ),
    (PREPEND, PREPENDQ),
    (DELETE, DELETEQ),
    (INCREMENT, INCREMENTQ),
    (DECREMENT, DECREMENTQ),
    (FLUSH, FLUSHQ),
    (QUIT, QUITQ),
];

/// The form of a command that is always answered, which most are already.
pub fn loud(opcode: u8) -> u8 {
    let pair = PAIRS.iter().find(|(_, quiet)| *quiet == opcode);
    pair.map_or(opcode, |(loud, _)| *loud)
}

/// The quiet form of a command, where it has one.
pub fn quiet(opcode: u8) -> Option<u8> {
    let pair = PAIRS.iter().find(|(loud, _)| *loud == opcode)?;
    Some(pair.1)
}

pub fn is_quiet(opcode: u8) -> bool {
    loud(opcode) != opcode
}

/// A reply to it has the item's flags as its extras, whatever else.
pub fn reads_value(opcode: u8) -> bool {
    matches!(loud(opcode), GET | GETK | GAT | GATK)
}

/// A reply to it names the key.
pub fn names_key(opcode: u8) -> bool {
    matches!(loud(opcode), GETK | GATK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_forms() {
        for opcode in 0..=255 {
            assert!(!is_quiet(loud(opcode)), "{opcode:#x}");
            assert_eq!(quiet(opcode).map_or(opcode, loud), opcode, "{opcode:#x}");
        }
        assert_eq!((0..=255).filter(|opcode| is_quiet(*opcode)).count(), 14);
        assert_eq!(quiet(TOUCH), None);
        assert!(names_key(GATKQ) && !names_key(GATQ) && reads_value(GATQ) && !reads_value(TOUCH));
    }
}
