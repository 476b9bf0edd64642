//! A real memcached server that lives as long as its value.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

pub struct Memcached {
    child: Child,
    address: Address,
    /// Holds the socket, or the file with the port; removed with the server.
    _directory: TempDir,
}

enum Address {
    Unix(PathBuf),
    Tcp(u16),
}

impl Memcached {
    /// A server on a Unix socket, with more `flags` of memcached's.
    pub fn unix(flags: &[&str]) -> Memcached {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("memcached.sock");
        let mut command = command(flags);
        command.arg("-s").arg(&socket).args(["-a", "700"]);
        let mut child = spawn(command);
        wait_for(&mut child, || UnixStream::connect(&socket).ok());
        Memcached {
            child,
            address: Address::Unix(socket),
            _directory: directory,
        }
    }

    /// A server on a TCP port of 127.0.0.1 that the system chose.
    pub fn tcp(flags: &[&str]) -> Memcached {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("ports");
        let mut command = command(flags);
        command.args(["-l", "127.0.0.1", "-p", "-1", "-U", "0"]);
        command.env("MEMCACHED_PORT_FILENAME", &file);
        let mut child = spawn(command);
        // "TCP INET: 40123"; the file gets its name when it is complete.
        let port = wait_for(&mut child, || {
            let text = std::fs::read_to_string(&file).ok()?;
            text.lines()
                .find_map(|line| line.strip_prefix("TCP INET: ")?.parse().ok())
        });
        wait_for(&mut child, || TcpStream::connect(("127.0.0.1", port)).ok());
        Memcached {
            child,
            address: Address::Tcp(port),
            _directory: directory,
        }
    }

    /// The address as the library takes it.
    pub fn uri(&self) -> String {
        match &self.address {
            Address::Unix(path) => format!("memcached+unix://{}", path.display()),
            Address::Tcp(port) => format!("memcached://127.0.0.1:{port}/"),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Memcached {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(flags: &[&str]) -> Command {
    let mut command = Command::new("memcached");
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        command.args(["-u", "root"]);
    }
    command.args(flags);
    command
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|e| panic!("memcached does not start (is it installed?): {e}"))
}

/// Ask until there is an answer; a server that has ended will not give one.
fn wait_for<T>(child: &mut Child, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        if let Ok(Some(status)) = child.try_wait() {
            panic!("memcached ended: {status}");
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("memcached does not answer after {PATIENCE:?}");
        }
        std::thread::sleep(PAUSE);
    }
}
