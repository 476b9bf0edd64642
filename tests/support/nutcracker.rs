//! A real twemproxy (nutcracker) in front of two real servers, which lives as long as its value. All of them
//! listen on Unix sockets: no other program takes those, while a server is down neither.

use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::memcached::{Address, Memcached};
use super::raw::Raw;

/// How long the proxy may take to come up on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(2);

pub struct Nutcracker {
    child: Child,
    socket: PathBuf,
    /// The servers behind it.
    pub behind: [Memcached; 2],
    /// Holds the socket and the file that says what it does; removed with the proxy.
    _directory: TempDir,
}

impl Nutcracker {
    /// On a Unix socket; `flags` are those of both servers. It waits `patience` for them.
    pub fn new(flags: &[&str], patience: Duration) -> Nutcracker {
        let behind = [0, 1].map(|_| Memcached::unix(flags));
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("proxy.sock");
        let file = directory.path().join("nutcracker.yml");
        let servers = behind.each_ref().map(|server| {
            let uri = server.uri();
            let path = uri.strip_prefix("memcached+unix://").expect("a socket");
            format!("   - {path}:1\n")
        });
        let text = format!(
            "pool:\n  listen: {} 0700\n  hash: md5\n  distribution: modula\n  timeout: {}\n  servers:\n{}",
            socket.display(),
            patience.as_millis(),
            servers.concat()
        );
        std::fs::write(&file, text).expect("written");
        let deadline = Instant::now() + PATIENCE;
        let child = loop {
            let mut child = start(&file);
            if is_up(&mut child, &socket, deadline) {
                break child;
            }
        };
        Nutcracker {
            child,
            socket,
            behind,
            _directory: directory,
        }
    }

    /// The address as the library takes it, with the profile of proxies.
    pub fn uri(&self) -> String {
        format!("memcached+unix://{}?profile=classic", self.socket.display())
    }

    /// A connection of one's own, past the library.
    pub fn raw(&self) -> Raw {
        Raw::open(&Address::Unix(self.socket.clone())).expect("a connection")
    }

    /// What each of the servers behind it holds of a key.
    pub fn held(&self, key: &str) -> [Option<Vec<u8>>; 2] {
        self.behind.each_ref().map(|server| server.raw().get(key))
    }
}

impl Drop for Nutcracker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Its statistics go to a port that was free a moment ago: it must have one.
fn start(file: &std::path::Path) -> Child {
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let mut command = Command::new("nutcracker");
    command.arg("-c").arg(file).args(["-a", "127.0.0.1", "-s"]);
    command.arg(port.to_string());
    // 512 bytes are the least: values and lines of keys go through many pieces of the proxy's memory.
    command.args(["-m", "512"]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|e| panic!("nutcracker does not start (is it installed?): {e}"))
}

/// Whether it came up; it ends where somebody else has taken the port.
fn is_up(child: &mut Child, socket: &PathBuf, deadline: Instant) -> bool {
    loop {
        if UnixStream::connect(socket).is_ok() {
            return true;
        }
        let ended = child.try_wait().expect("a child").is_some();
        assert!(Instant::now() < deadline, "nutcracker does not come up");
        if ended {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}
