//! Expiry times as the protocols send them.
//!
//! protocol.txt, "Expiration times": up to 30 days a number is relative, beyond it a moment on the
//! server's wall clock; 0 never expires, negative is expired at once. The field is a signed 32-bit
//! number in the ASCII and meta protocols, so that 2038-01-19 is the last moment it can name.

/// The largest number that servers take as relative.
pub const RELATIVE_MAX: i64 = 30 * 24 * 60 * 60;

/// When an item is to expire, as users say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    Never,
    /// Seconds from now, above zero.
    After(i64),
    /// Seconds since 1970.
    At(i64),
    Now,
}

/// As it goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    pub expiry: i32,
    /// Where the moment lies beyond what `expiry` can say: that moment, or 2^32 - 1 where this field
    /// cannot say it either; else 0.
    beyond: u32,
}

impl Ttl {
    /// `now` (seconds since 1970) is asked for only where the wire needs a moment.
    #[inline(always)]
    pub fn wire(self, now: impl FnOnce() -> i64) -> Wire {
        let moment = match self {
            Ttl::Never => return Wire::exact(0),
            Ttl::Now => return Wire::exact(-1),
            Ttl::After(seconds) if seconds <= RELATIVE_MAX => return Wire::exact(seconds as i32),
            Ttl::After(seconds) => now().saturating_add(seconds),
            // A server would take so small a number for a duration; as a moment it is long past.
            Ttl::At(moment) if moment <= RELATIVE_MAX => return Wire::exact(-1),
            Ttl::At(moment) => moment,
        };
        match i32::try_from(moment) {
            Ok(expiry) => Wire::exact(expiry),
            Err(_) => Wire {
                expiry: i32::MAX,
                beyond: u32::try_from(moment).unwrap_or(u32::MAX),
            },
        }
    }
}

impl Ttl {
    /// The same, such that [`Ttl::wire`] needs no clock any more.
    pub fn settled(self, now: impl FnOnce() -> i64) -> Ttl {
        match self {
            Ttl::After(seconds) if seconds > RELATIVE_MAX => Ttl::At(now().saturating_add(seconds)),
            other => other,
        }
    }
}

/// As a frame of the binary protocol carries it: an unsigned number, which reaches to 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsignedWire {
    pub expiry: u32,
    /// The moment lies beyond what the field can say.
    pub clamped: bool,
}

impl Wire {
    #[inline(always)]
    fn exact(expiry: i32) -> Wire {
        Wire { expiry, beyond: 0 }
    }

    /// The moment lies beyond what `expiry` can say; the last one that it can was taken.
    #[inline(always)]
    pub fn clamped(self) -> bool {
        self.beyond != 0
    }

    /// The same, of a command that says another time too: cut if that was.
    pub fn beside(self, other: Wire) -> Wire {
        let beyond = self.beyond | other.beyond;
        Wire { beyond, ..self }
    }

    /// For a field without a sign. -1 there would be a moment in 2106: what is to expire at once gets
    /// the first moment that servers do not take for a duration, in 1970.
    pub fn unsigned(self) -> UnsignedWire {
        let expiry = match self {
            Wire { beyond: 1.., .. } => self.beyond,
            Wire { expiry: ..0, .. } => RELATIVE_MAX as u32 + 1,
            Wire { expiry, .. } => expiry.unsigned_abs(),
        };
        UnsignedWire {
            // 2^32 - 1 means «do not begin» in the commands that count.
            expiry: expiry.min(u32::MAX - 1),
            clamped: expiry == u32::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(ttl: Ttl, now: i64) -> (i32, bool) {
        let wire = ttl.wire(|| now);
        (wire.expiry, wire.clamped())
    }

    /// FM-46, FM-49: relative up to thirty days, a moment beyond.
    #[test]
    fn fm46_fm49_thirty_days() {
        assert_eq!(wire(Ttl::Never, 9), (0, false));
        assert_eq!(wire(Ttl::After(1), 9), (1, false));
        assert_eq!(wire(Ttl::After(2_592_000), 9), (2_592_000, false));
        assert_eq!(
            wire(Ttl::After(2_592_001), 1_000_000_000),
            (1_002_592_001, false)
        );
        assert_eq!(wire(Ttl::At(1_700_000_000), 0), (1_700_000_000, false));
    }

    /// FM-47: expired at once, never "for ever" by accident.
    #[test]
    fn fm47_now() {
        assert_eq!(wire(Ttl::Now, 9), (-1, false));
        assert_eq!(wire(Ttl::At(0), 9), (-1, false));
        assert_eq!(wire(Ttl::At(2_592_000), 9), (-1, false));
    }

    /// FM-46, FM-47, FM-48: a field without a sign, in which -1 is in 2106.
    #[test]
    fn fm46_fm47_fm48_without_a_sign() {
        let wire = |ttl: Ttl, now| {
            let wire = ttl.wire(|| now).unsigned();
            (wire.expiry, wire.clamped)
        };
        assert_eq!(wire(Ttl::Never, 9), (0, false));
        assert_eq!(wire(Ttl::After(2_592_000), 9), (2_592_000, false));
        assert_eq!(wire(Ttl::After(2_592_001), 9), (2_592_010, false));
        assert_eq!(wire(Ttl::Now, 9), (2_592_001, false));
        assert_eq!(wire(Ttl::At(i64::MIN), 9), (2_592_001, false));
        assert_eq!(wire(Ttl::At(5), 9), (2_592_001, false));
        assert_eq!(wire(Ttl::At(2_147_483_648), 9), (2_147_483_648, false));
        assert_eq!(wire(Ttl::At(4_294_967_294), 9), (4_294_967_294, false));
        assert_eq!(wire(Ttl::At(4_294_967_296), 9), (4_294_967_294, true));
        assert_eq!(wire(Ttl::After(i64::MAX), 9), (4_294_967_294, true));
    }

    #[test]
    fn settled_times_need_no_clock() {
        let times = [
            Ttl::Never,
            Ttl::Now,
            Ttl::After(5),
            Ttl::After(2_592_001),
            Ttl::At(9),
        ];
        for time in times.into_iter().chain([Ttl::After(i64::MAX)]) {
            let settled = time.settled(|| 1_000_000_000);
            assert_eq!(
                wire(settled, i64::MAX),
                wire(time, 1_000_000_000),
                "{time:?}"
            );
        }
    }

    /// FM-48: the end of the field is the end of what is sent, and said so.
    #[test]
    fn fm48_year_2038() {
        let december_2037 = 2_144_448_000;
        assert_eq!(
            wire(Ttl::After(40_000_000), december_2037),
            (i32::MAX, true)
        );
        assert_eq!(wire(Ttl::After(i64::MAX), december_2037), (i32::MAX, true));
        assert_eq!(wire(Ttl::At(2_147_483_648), 0), (i32::MAX, true));
    }
}
