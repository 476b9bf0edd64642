//! Socket options, each in one place, applied to every connection anew.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

/// What shapes a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    pub nodelay: bool,
    pub keepalive: bool,
    pub user_timeout: Option<Duration>,
    /// The time limit of calls that block: the client's timeout for one command.
    pub io_timeout: Option<Duration>,
}

/// Probes find a peer that vanished without a word within 10 + 3 × 3 seconds.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);
const KEEPALIVE_RETRIES: u32 = 3;

/// Options of a TCP socket, set before it connects.
pub fn tcp(socket: &Socket, tuning: &Tuning) -> io::Result<()> {
    if tuning.nodelay {
        socket.set_tcp_nodelay(true)?;
    }
    if tuning.keepalive {
        socket.set_tcp_keepalive(
            &TcpKeepalive::new()
                .with_time(KEEPALIVE_IDLE)
                .with_interval(KEEPALIVE_INTERVAL)
                .with_retries(KEEPALIVE_RETRIES),
        )?;
    }
    if tuning.user_timeout.is_some() {
        socket.set_tcp_user_timeout(tuning.user_timeout)?;
    }
    Ok(())
}

/// Options of a socket that has connected: its calls block, but not for ever.
pub fn established(socket: &Socket, tuning: &Tuning) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(tuning.io_timeout)?;
    socket.set_write_timeout(tuning.io_timeout)
}
