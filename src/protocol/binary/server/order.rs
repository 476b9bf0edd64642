//! What a frame asks.

use crate::protocol::Op;
use crate::protocol::ascii::server::Stats;
use crate::protocol::binary::header::Header;
use crate::protocol::binary::{opcode, status};
use crate::protocol::key::KEY_MAX;

/// The most bytes of header, extras and key together: what memcached's read buffer holds. Where there
/// are more, it waits until that is full, and closes.
pub const HEAD_MAX: usize = 16 * 1024;

/// One frame. CAS numbers that are 0 are `None`: nothing is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order<'a> {
    /// get and its kin, and with an end gat and touch; only touch asks for no value.
    Read {
        key: &'a [u8],
        expiry: Option<u32>,
        with_key: bool,
        with_value: bool,
    },
    Store(Storage<'a>),
    Delete {
        key: &'a [u8],
        compare: Option<u64>,
    },
    Arithmetic {
        key: &'a [u8],
        up: bool,
        delta: u64,
        compare: Option<u64>,
        /// With this end, where there is no item.
        initial: Option<(u64, u32)>,
    },
    Flush {
        delay: u32,
    },
    Noop,
    Version,
    Stats(Stats<'a>),
    Quit,
    Refused(Refusal),
}

/// A frame that a value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage<'a> {
    /// set, add, replace, append or prepend, or cas where a CAS is named with one of the first three.
    pub op: Op,
    pub key: &'a [u8],
    pub flags: u32,
    pub expiry: u32,
    pub compare: Option<u64>,
    /// Of the value. memcached keeps it in a signed number: what is below 0 has no value to skip.
    pub len: i32,
    /// What the opcode says, whatever the CAS makes of it.
    pub is_set: bool,
}

/// A frame that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// So many bytes are skipped before the reply.
    pub skip: u32,
    /// The connection is closed behind the reply.
    pub close: bool,
}

impl Order<'_> {
    fn invalid() -> Order<'static> {
        Order::Refused(Refusal {
            status: status::INVALID_ARGUMENTS,
            skip: 0,
            close: true,
        })
    }

    fn unknown(skip: u32) -> Order<'static> {
        Order::Refused(Refusal {
            status: status::UNKNOWN_COMMAND,
            // A signed number, too.
            skip: if skip > i32::MAX as u32 { 0 } else { skip },
            close: false,
        })
    }
}

/// The number at the front, and what is behind it.
fn number(extras: &[u8]) -> (u32, &[u8]) {
    match extras.split_first_chunk::<4>() {
        Some((bytes, rest)) => (u32::from_be_bytes(*bytes), rest),
        None => (0, extras),
    }
}

fn long_number(extras: &[u8]) -> (u64, &[u8]) {
    let (high, rest) = number(extras);
    let (low, rest) = number(rest);
    (u64::from(high) << 32 | u64::from(low), rest)
}

/// What a frame asks. `body` is its extras and its key; a value may be yet to come.
pub fn order<'a>(header: &Header, body: &'a [u8]) -> Order<'a> {
    let Some(value_len) = header.value_len() else {
        return Order::Refused(Refusal {
            status: status::UNKNOWN_COMMAND,
            skip: 0,
            close: true,
        });
    };
    let (extras, key) = body.split_at(usize::from(header.extras_len).min(body.len()));
    if key.len() > KEY_MAX {
        return Order::invalid();
    }
    let frame = Frame {
        header,
        extras,
        key,
        value_len,
    };
    frame.order(opcode::loud(header.opcode))
}

struct Frame<'h, 'a> {
    header: &'h Header,
    extras: &'a [u8],
    key: &'a [u8],
    value_len: u32,
}

impl<'a> Frame<'_, 'a> {
    fn order(&self, loud: u8) -> Order<'a> {
        let (extras, has_key, has_value) =
            (self.extras.len(), !self.key.is_empty(), self.value_len > 0);
        let bare = extras == 0 && !has_key && !has_value;
        match loud {
            opcode::GET | opcode::GETK if extras == 0 && has_key && !has_value => self.read(None),
            // What stands behind the key is taken for the next frame.
            opcode::TOUCH | opcode::GAT | opcode::GATK if extras == 4 && has_key => {
                self.read(Some(number(self.extras).0))
            }
            opcode::SET | opcode::ADD | opcode::REPLACE if extras == 8 && has_key => {
                self.store(loud)
            }
            opcode::APPEND | opcode::PREPEND if extras == 0 && has_key => self.store(loud),
            opcode::DELETE if extras == 0 && has_key && !has_value => Order::Delete {
                key: self.key,
                compare: self.compare(),
            },
            opcode::INCREMENT | opcode::DECREMENT if extras == 20 && has_key && !has_value => {
                self.arithmetic(loud == opcode::INCREMENT)
            }
            opcode::FLUSH if matches!(extras, 0 | 4) && !has_key && !has_value => Order::Flush {
                delay: number(self.extras).0,
            },
            opcode::NOOP if bare => Order::Noop,
            opcode::VERSION if bare => Order::Version,
            opcode::QUIT if bare => Order::Quit,
            opcode::STAT if extras == 0 => stats(self.key),
            // Nobody is authenticated here, as with a server that was started without SASL.
            opcode::SASL_LIST if bare => Order::unknown(0),
            opcode::SASL_AUTH | opcode::SASL_STEP if extras == 0 && has_key => {
                Order::unknown(self.value_len)
            }
            opcode::GET..=opcode::PREPENDQ
            | opcode::TOUCH..=opcode::GATQ
            | opcode::SASL_LIST..=opcode::GATKQ => Order::invalid(),
            // The extras and the key were taken already, and are skipped all the same.
            _ => Order::unknown(self.header.body_len),
        }
    }

    fn compare(&self) -> Option<u64> {
        (self.header.cas != 0).then_some(self.header.cas)
    }

    fn read(&self, expiry: Option<u32>) -> Order<'a> {
        Order::Read {
            key: self.key,
            expiry,
            with_key: opcode::names_key(self.header.opcode),
            with_value: opcode::reads_value(self.header.opcode),
        }
    }

    fn store(&self, loud: u8) -> Order<'a> {
        let compare = self.compare();
        let (flags, rest) = number(self.extras);
        let op = match (loud, compare) {
            (opcode::APPEND, _) => Op::Append,
            (opcode::PREPEND, _) => Op::Prepend,
            (_, Some(_)) => Op::Cas,
            (opcode::ADD, None) => Op::Add,
            (opcode::REPLACE, None) => Op::Replace,
            (_, None) => Op::Set,
        };
        Order::Store(Storage {
            op,
            key: self.key,
            flags,
            expiry: number(rest).0,
            compare,
            len: self.value_len as i32,
            is_set: loud == opcode::SET,
        })
    }

    fn arithmetic(&self, up: bool) -> Order<'a> {
        let (delta, rest) = long_number(self.extras);
        let (initial, rest) = long_number(rest);
        let expiry = number(rest).0;
        Order::Arithmetic {
            key: self.key,
            up,
            delta,
            compare: self.compare(),
            initial: (expiry != u32::MAX).then_some((initial, expiry)),
        }
    }
}

/// Some groups are known by how they begin, others by their whole names.
fn stats(group: &[u8]) -> Order<'_> {
    let not_found = Order::Refused(Refusal {
        status: status::KEY_NOT_FOUND,
        skip: 0,
        close: false,
    });
    if let Some(what) = group.strip_prefix(b"detail") {
        for word in [&b"dump"[..], b"on", b"off"] {
            let asked = what.strip_prefix(b" ");
            if asked.is_some_and(|asked| asked.starts_with(word)) {
                return Order::Stats(Stats::Detail(word));
            }
        }
        return not_found;
    }
    Order::Stats(match group {
        b"" => Stats::General,
        b"items" => Stats::Items,
        b"slabs" => Stats::Slabs,
        b"sizes" => Stats::Sizes,
        _ if group.starts_with(b"reset") => Stats::Reset,
        _ if group.starts_with(b"settings") => Stats::Settings,
        _ => return not_found,
    })
}
