//! Jump consistent hash (Lamping and Veach, 2014).

/// The bucket of a key among `count`; `None` where there are none. One more bucket moves keys to it
/// only; buckets come and go at the end.
pub fn jump(hash: u64, count: usize) -> Option<usize> {
    let mut hash = hash;
    let (mut bucket, mut next) = (None, 0u64);
    while next < count as u64 {
        bucket = Some(next);
        hash = hash.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        let share = ((1u64 << 31) as f64) / (((hash >> 33) + 1) as f64);
        next = ((next + 1) as f64 * share) as u64;
    }
    usize::try_from(bucket?).ok()
}
