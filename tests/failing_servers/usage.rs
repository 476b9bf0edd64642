//! What the system has counted of this thread.

/// How often it gave the processor away because it had to wait for something.
pub fn waits() -> i64 {
    // SAFETY: numbers only, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a place for what is asked.
    let done = unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    usage.ru_nvcsw
}
