//! Unix sockets.

use std::io;
use std::path::Path;

use socket2::{Domain, SockAddr};

use super::socket::Descriptor;
use super::tcp;

/// Begin to connect; `true` when it is done already, as it is unless the server's backlog is full.
pub fn connect(path: &Path) -> io::Result<(Descriptor, bool)> {
    let descriptor = Descriptor::new(Domain::UNIX, None)?;
    let at_once = tcp::begin(&descriptor, &SockAddr::unix(path)?)?;
    Ok((descriptor, at_once))
}
