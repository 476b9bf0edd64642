//! What a command can ask beyond the classic ones: metadata, conditions, leases, staleness. The meta
//! protocol has most of it; what the others have is told by `served`.

use super::Op;
use super::expiry::Ttl;

/// What was said, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Said(u16);

impl Said {
    pub const NOTHING: Said = Said(0);
    /// Wishes: what could not be had is absent from the answer.
    pub const WANT_CAS: Said = Said(1);
    pub const WANT_TTL: Said = Said(1 << 1);
    pub const WANT_SIZE: Said = Said(1 << 2);
    pub const WANT_ACCESS: Said = Said(1 << 3);
    pub const WANT_HIT: Said = Said(1 << 4);
    /// A read whose answer has no value: whether there is an item, and what is told of it.
    pub const NO_VALUE: Said = Said(1 << 5);
    /// A read that is no use of the item.
    pub const PEEK: Said = Said(1 << 6);
    /// Only where the item has the command's CAS; of a read: the value only where it has another.
    pub const COMPARE: Said = Said(1 << 7);
    /// A counter that is not there begins with a number, a value that is appended to with what is appended.
    pub const INITIAL: Said = Said(1 << 8);
    pub const RECACHE: Said = Said(1 << 9);
    pub const LEASE: Said = Said(1 << 10);
    /// Of a delete: make the item stale instead. Of a store that compares: store in spite of an older
    /// CAS, as a stale item.
    pub const STALE: Said = Said(1 << 11);
    pub const OWN_CAS: Said = Said(1 << 12);
    /// Of an item that is made stale: without its value.
    pub const DROP_VALUE: Said = Said(1 << 13);
    /// A command that counts sets the item's expiry time too.
    pub const EXPIRY: Said = Said(1 << 14);
    /// Not said by the caller: the key goes over the wire in base64, and comes back so.
    pub const BASE64: Said = Said(1 << 15);

    pub const EVERYTHING: Said = Said(u16::MAX);

    /// What is only wished for.
    pub const WISHES: Said = Said(0x1f);

    #[inline(always)]
    pub const fn has(self, other: Said) -> bool {
        self.0 & other.0 != 0
    }

    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub const fn and(self, other: Said) -> Said {
        Said(self.0 | other.0)
    }

    pub const fn within(self, other: Said) -> Said {
        Said(self.0 & other.0)
    }

    pub const fn without(self, other: Said) -> Said {
        Said(self.0 & !other.0)
    }

    /// `other`, if it is so.
    pub const fn with_if(self, other: Said, so: bool) -> Said {
        if so { self.and(other) } else { self }
    }
}

/// What a command says beyond the classic ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extra {
    pub said: Said,
    /// What a counter begins with.
    pub initial: u64,
    /// The CAS that the item is to have.
    pub own_cas: u64,
    /// Who finds that the item has less than this to live is told to make it anew.
    pub recache: Ttl,
    /// Where there is no item: an empty one is made that lives so long, and who asked is told to fill it.
    pub lease: Ttl,
    /// How long a stale item still lives; [`Ttl::Never`]: as long as it would have.
    pub stale: Ttl,
}

impl Extra {
    pub const NOTHING: Extra = Extra {
        said: Said::NOTHING,
        initial: 0,
        own_cas: 0,
        recache: Ttl::Never,
        lease: Ttl::Never,
        stale: Ttl::Never,
    };

    /// The command is a classic one.
    #[inline(always)]
    pub fn is_nothing(&self) -> bool {
        self.said.is_empty()
    }

    /// The command's time to live belongs to an item that is counted, or made by counting or appending.
    pub fn sets_time(&self, op: Op) -> bool {
        creates(op, self.said) || self.said.has(Said::EXPIRY)
    }

    /// With every time as it can go over the wire without another look at the clock.
    pub fn settled(mut self, now: impl Fn() -> i64) -> Extra {
        for time in [&mut self.recache, &mut self.lease, &mut self.stale] {
            *time = time.settled(&now);
        }
        self
    }
}

/// Where there is no item, the command makes one.
pub fn creates(op: Op, said: Said) -> bool {
    said.has(Said::INITIAL) && matches!(op, Op::Incr | Op::Decr | Op::Append | Op::Prepend)
}

/// What an answer tells of an item beside its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct About {
    pub cas: Option<u64>,
    pub flags: Option<u32>,
    /// Bytes of the value.
    pub size: Option<u64>,
    /// Seconds to live; -1: never expires.
    pub ttl: Option<i64>,
    /// Seconds since it was used.
    pub idle: Option<u64>,
    pub hit_before: Option<bool>,
    /// Who asked is the one to make the value anew.
    pub won: bool,
    pub stale: bool,
    /// Somebody else is making it anew.
    pub other_won: bool,
}

impl About {
    /// What it tells where there is no item to speak of.
    pub fn marks(self) -> About {
        About {
            won: self.won,
            stale: self.stale,
            other_won: self.other_won,
            ..About::default()
        }
    }
}
