//! How long the tests that can be long are to be.

/// By how much to multiply what `make test` does: MEMCACHED2_SOAK, or 1.
pub fn times() -> u64 {
    let Ok(text) = std::env::var("MEMCACHED2_SOAK") else {
        return 1;
    };
    text.parse().expect("MEMCACHED2_SOAK is a whole number")
}
