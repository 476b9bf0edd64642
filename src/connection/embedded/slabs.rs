//! The sizes in which memcached cuts its memory, for those who ask in which of them an item is. This
//! server does not cut memory so; what it tells is where memcached would have put the item.

/// The smallest size, by what they grow, and to what they are rounded up.
const FIRST: usize = 96;
const GROWTH: (usize, usize) = (5, 4);
const STEP: usize = 8;

/// The largest; an item that is larger is made of several.
const LARGEST: usize = 512 * 1024;

/// The class of an item of so many bytes.
pub(super) fn class(bytes: usize) -> u32 {
    let (mut class, mut size) = (1, FIRST);
    while size < bytes && size <= LARGEST * GROWTH.1 / GROWTH.0 {
        let next = size * GROWTH.0 / GROWTH.1;
        size = next.next_multiple_of(STEP);
        class += 1;
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As memcached 1.6.18 tells of items of these sizes.
    #[test]
    fn as_memcached_does() {
        for (bytes, in_class) in [
            (60, 1),
            (96, 1),
            (97, 2),
            (560, 9),
            (100_060, 32),
            (400_060, 39),
            (600_060, 39),
        ] {
            assert_eq!(class(bytes), in_class, "{bytes}");
        }
    }
}
