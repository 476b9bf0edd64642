//! Children of the test's own process.

/// What a child's call must come to: `true`, told by its exit status.
#[track_caller]
pub fn in_child(call: impl FnOnce() -> bool) {
    // SAFETY: the child calls what a child may call, the library and memory included, and ends
    // without returning to the tests.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: no memory is involved. A child that hangs ends itself.
        unsafe {
            libc::alarm(20);
            libc::_exit(if call() { 0 } else { 1 });
        }
    }
    let mut status = 0;
    // SAFETY: the child is this test's own; `status` lives through the call.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(waited, child);
    assert_eq!(status, 0, "the child's: 14 is a hang, 256 a wrong answer");
}
