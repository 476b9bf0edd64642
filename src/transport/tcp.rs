//! TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, SockAddr};

use super::socket::Descriptor;
use super::socket_options::{self, Tuning};

/// The addresses of a literal, or of `localhost` (RFC 6761: always the loopback), with the dot that
/// may end a name or without; `None` of any other name.
pub fn without_resolver(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(vec![SocketAddr::new(address, port)]);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost").then(|| {
        vec![
            SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
        ]
    })
}

/// Begin to connect; `true` when it is done already.
pub fn connect(address: SocketAddr, tuning: &Tuning) -> io::Result<(Descriptor, bool)> {
    let descriptor = Descriptor::new(Domain::for_address(address), Some(Protocol::TCP))?;
    socket_options::tcp(descriptor.socket(), tuning)?;
    let at_once = begin(&descriptor, &SockAddr::from(address))?;
    Ok((descriptor, at_once))
}

/// Begin to connect a non-blocking socket. Interrupted, it goes on by itself like one in progress.
pub fn begin(descriptor: &Descriptor, address: &SockAddr) -> io::Result<bool> {
    match descriptor.socket().connect(address) {
        Ok(()) => Ok(true),
        Err(error)
            if error.raw_os_error() == Some(libc::EINPROGRESS)
                || error.kind() == io::ErrorKind::Interrupted =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
