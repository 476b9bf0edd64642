//! A real memcached server that lives as long as its value.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::raw::Raw;

/// How long a server may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

pub struct Memcached {
    child: Child,
    address: Address,
    flags: Vec<String>,
    /// Of its clients, where it speaks TLS.
    secured: Option<String>,
    /// Holds the socket, or the file with the port; removed with the server.
    _directory: TempDir,
}

pub(super) enum Address {
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
            flags: owned(flags),
            secured: None,
            _directory: directory,
        }
    }

    /// A server on a TCP port of 127.0.0.1 that the system chose.
    pub fn tcp(flags: &[&str]) -> Memcached {
        Memcached::tcp_with(flags, &[])
    }

    /// As [`Memcached::tcp`], with these variables in its environment.
    pub fn tcp_with(flags: &[&str], environment: &[(&str, &str)]) -> Memcached {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("ports");
        let mut command = command(flags);
        command.args(["-l", "127.0.0.1", "-p", "-1", "-U", "0"]);
        command.envs(environment.iter().copied());
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
            flags: owned(flags),
            secured: None,
            _directory: directory,
        }
    }

    /// As [`Memcached::tcp`], with flags by which it speaks TLS, and the options that its clients need for
    /// that.
    pub fn tls(flags: &[&str], options: &str) -> Memcached {
        let mut server = Memcached::tcp(flags);
        server.secured = Some(options.to_string());
        server
    }

    /// As [`Memcached::tcp`], on a port that no outgoing connection is given by itself: while the
    /// server is down, neither another program nor an attempt to connect to it can take the port.
    pub fn tcp_to_restart(flags: &[&str]) -> Memcached {
        let address = Address::Tcp(port_to_restart());
        Memcached {
            child: start(&address, &owned(flags)),
            address,
            flags: owned(flags),
            secured: None,
            _directory: tempfile::tempdir().expect("a temporary directory"),
        }
    }

    /// End the server at once, without a word to anyone.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }

    /// Begin again, empty, at the same address; what had the address before was killed.
    pub fn restart(&mut self) {
        self.child = start(&self.address, &self.flags);
    }

    /// As [`Memcached::restart`], with other flags.
    pub fn restart_with(&mut self, flags: &[&str]) {
        self.flags = owned(flags);
        self.restart();
    }

    /// Halt the server: its connections stay, nothing is answered.
    pub fn halt(&self) {
        self.signal(libc::SIGSTOP);
        // The signal has been sent; every thread obeys it in its own time.
        let threads = format!("/proc/{}/task", self.pid());
        let halted = || {
            std::fs::read_dir(&threads).expect("threads").all(|thread| {
                let stat = thread.expect("a thread").path().join("stat");
                let stat = std::fs::read_to_string(stat).unwrap_or_default();
                let state = stat.rsplit(')').next();
                state.is_some_and(|state| state.starts_with(" T"))
            })
        };
        let deadline = Instant::now() + PATIENCE;
        while !halted() {
            assert!(Instant::now() < deadline, "the server does not halt");
            std::thread::yield_now();
        }
    }

    /// Let a halted server go on.
    pub fn go_on(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        // SAFETY: no memory is involved; the child is not waited for yet, so the number is its own.
        let done = unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// A connection of one's own, past the library.
    pub fn raw(&self) -> Raw {
        Raw::open(&self.address).expect("a connection")
    }

    /// The address as the library takes it.
    pub fn uri(&self) -> String {
        match &self.address {
            Address::Tcp(port) if self.secured.is_some() => {
                let options = self.secured.as_deref().unwrap_or_default();
                format!("memcacheds://127.0.0.1:{port}/?{options}")
            }
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

/// A server at `address`, which listens there when this returns.
fn start(address: &Address, flags: &[String]) -> Child {
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let mut command = command(&flags);
    match address {
        Address::Unix(path) => command.arg("-s").arg(path).args(["-a", "700"]),
        Address::Tcp(port) => command
            .args(["-l", "127.0.0.1", "-U", "0", "-p"])
            .arg(port.to_string()),
    };
    let mut child = spawn(command);
    // An answer, too: the server then has counted this connection.
    wait_for(&mut child, || Raw::open(address).ok()).version();
    child
}

/// A port below those that the system gives to outgoing connections.
fn port_to_restart() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 1000) as u16 * 20;
    let mut free = (0..20_000).map(|_| {
        let number = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        10_000 + number % 20_000
    });
    free.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

fn owned(flags: &[&str]) -> Vec<String> {
    flags.iter().map(|flag| flag.to_string()).collect()
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
