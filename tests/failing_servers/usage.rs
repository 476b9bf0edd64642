//! What the system has counted of this process, or of this thread.

use std::time::Duration;

pub struct Usage {
    /// Processor time, in the program and in the system.
    pub time: Duration,
    /// How often it gave the processor away because it had to wait for something.
    pub waits: i64,
}

pub fn of_thread() -> Usage {
    usage(libc::RUSAGE_THREAD)
}

pub fn of_process() -> Usage {
    usage(libc::RUSAGE_SELF)
}

fn usage(whose: libc::c_int) -> Usage {
    // SAFETY: numbers only, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: a place for what is asked.
    let done = unsafe { libc::getrusage(whose, &mut usage) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    let time = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).expect("time passed");
        let micros = u64::try_from(time.tv_usec).expect("time passed");
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    Usage {
        time: time(usage.ru_utime) + time(usage.ru_stime),
        waits: usage.ru_nvcsw,
    }
}
