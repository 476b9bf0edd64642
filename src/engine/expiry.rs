//! Expiry times as items keep them.

/// The largest number that means seconds from now; a larger one is a moment.
const RELATIVE_MAX: i64 = 30 * 24 * 60 * 60;

/// When an item ends, in seconds since 1970; 0 never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expiry(i64);

impl Expiry {
    pub const NEVER: Expiry = Expiry(0);
    /// Before any `now`.
    const PAST: Expiry = Expiry(1);

    /// What the number of a command means: 0 never, below it at once, up to thirty days from now,
    /// above that a moment. Lines carry signed numbers of 32 bits, frames unsigned ones.
    #[inline(always)]
    pub fn of(number: impl Into<i64>, now: i64) -> Expiry {
        match number.into() {
            0 => Expiry::NEVER,
            ..0 => Expiry::PAST,
            seconds @ 1..=RELATIVE_MAX => Expiry(now + seconds),
            moment => Expiry(moment),
        }
    }

    #[inline(always)]
    pub fn has_passed(self, now: i64) -> bool {
        self.0 != 0 && self.0 <= now
    }

    /// Whether an item that ends by this one ends before another that ends by `other`.
    pub fn is_before(self, other: Expiry) -> bool {
        self.0 != 0 && self.0 < other.0
    }

    /// Seconds since 1970; `None` never.
    pub fn moment(self) -> Option<i64> {
        (self.0 != 0).then_some(self.0)
    }
}

/// What `flush_all` has declared dead: items that were stored (or last bumped) up to a moment, once
/// that has come, and then those that are older than a CAS. Shards hold the same as atomics.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flushed {
    /// 0: nothing.
    pub until: i64,
    pub below_cas: u64,
}

impl Flushed {
    #[inline(always)]
    pub fn covers(self, stored: i64, cas: u64, now: i64) -> bool {
        self.until != 0 && self.until <= now && (stored <= self.until || cas < self.below_cas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn numbers_as_moments() {
        let moment = |number| Expiry::of(number, NOW).moment();
        assert_eq!(moment(0), None);
        assert_eq!(moment(1), Some(NOW + 1));
        assert_eq!(moment(2_592_000), Some(NOW + 2_592_000));
        assert_eq!(moment(2_592_001), Some(2_592_001));
        assert_eq!(moment(i32::MAX), Some(i64::from(i32::MAX)));
        assert_eq!(Expiry::of(u32::MAX, NOW).moment(), Some(4_294_967_295));
        for gone in [-1, i32::MIN, 2_592_001] {
            assert!(Expiry::of(gone, NOW).has_passed(NOW), "{gone}");
        }
        assert!(!Expiry::NEVER.has_passed(i64::MAX));
        assert!(!Expiry::of(1, NOW).has_passed(NOW));
        assert!(Expiry::of(1, NOW).has_passed(NOW + 1));
    }

    #[test]
    fn a_flush_waits_for_its_moment() {
        let flushed = Flushed {
            until: NOW + 5,
            below_cas: 7,
        };
        assert!(!flushed.covers(NOW, 1, NOW + 4));
        assert!(flushed.covers(NOW, 9, NOW + 5));
        assert!(!flushed.covers(NOW + 6, 9, NOW + 6));
        assert!(flushed.covers(NOW + 6, 6, NOW + 6));
        assert!(!Flushed::default().covers(NOW, 0, NOW));
    }
}
