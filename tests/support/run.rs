//! Running a program to its end, or to its time limit.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How a program ended and what it printed.
pub struct Ran {
    pub command: String,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Fail the test unless the program ended with 0.
    pub fn succeeded(self) -> Ran {
        assert!(self.status.success(), "{}", self.report());
        self
    }

    pub fn report(&self) -> String {
        format!(
            "{}\n{}\n--- stdout\n{}--- stderr\n{}",
            self.command, self.status, self.stdout, self.stderr
        )
    }
}

/// Run `command` without input. One that runs longer than `limit` is killed, with all its
/// children, and fails the test.
pub fn run(command: &mut Command, limit: Duration) -> Ran {
    let text = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap_or_else(|e| panic!("{text}: {e}"));
    let group = libc::pid_t::try_from(child.id()).expect("a process id");
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (ended, end) = channel();
    std::thread::scope(|scope| {
        let stdout = scope.spawn(move || read_all(out.take()));
        let stderr = scope.spawn(move || read_all(err.take()));
        let waiter = scope.spawn(move || {
            let status = child.wait();
            let _ = ended.send(());
            status
        });
        let late = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
        if late {
            // SAFETY: no memory is involved; the group is that of the child, not yet waited for.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        let ran = Ran {
            command: text,
            status: waiter
                .join()
                .expect("no panic")
                .expect("a child to wait for"),
            stdout: stdout.join().expect("no panic"),
            stderr: stderr.join().expect("no panic"),
        };
        assert!(!late, "not done after {limit:?}: {}", ran.report());
        ran
    })
}

fn read_all(from: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = from.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
