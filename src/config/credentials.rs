//! Who a client is to a server: what its URI says, else the options of the client.

use std::fmt;

use crate::error::{Failure, Result};
use crate::options::Options;
use crate::status::Status;
use crate::uri::{Address, Secret, ServerUri};

/// So many bytes are a user and a password together: memcached takes lines of 2 KiB to authenticate
/// with.
const LEN_MAX: usize = 1800;

/// A user and the password, neither of them empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: Secret,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Credentials {
    /// What the URI of a server says.
    pub(super) fn of_uri(uri: &ServerUri) -> Option<Credentials> {
        Some(Credentials {
            user: uri.user.clone()?,
            password: uri.password.clone()?,
        })
    }

    /// For the server `name`: `own`, those of its URI, or what the client's options say. Fails where a
    /// half is missing, or the protocol cannot carry them.
    pub(super) fn chosen(
        own: Option<Credentials>,
        address: &Address,
        name: &str,
        options: &Options,
    ) -> Result<Option<Credentials>> {
        if matches!(address, Address::Memory { .. }) {
            return Ok(None);
        }
        let shared = || {
            let (user, password) = (options.username.clone(), options.password.clone());
            (!user.is_empty() || !password.is_empty()).then_some(Credentials { user, password })
        };
        let Some(chosen) = own.or_else(shared) else {
            return Ok(None);
        };
        match chosen.fault(options.authenticates_by_sasl()) {
            Some(fault) => Err(Failure::argument(format!("server {name}: {fault}"))),
            None => Ok(Some(chosen)),
        }
    }

    /// Why they are of no use.
    fn fault(&self, by_sasl: bool) -> Option<&'static str> {
        let both = [self.user.as_bytes(), self.password.expose()];
        let hold = |bad: &[u8]| both.iter().any(|one| one.iter().any(|b| bad.contains(b)));
        match by_sasl {
            _ if self.user.is_empty() => Some("there is a password, but no username"),
            _ if self.password.is_empty() => Some("there is a username, but no password"),
            _ if both.iter().map(|one| one.len()).sum::<usize>() > LEN_MAX => {
                Some("the username and the password are too long")
            }
            // How they are sent: behind each other, with one space between.
            false if hold(b" \r\n\0") => Some(
                "a username or password with a space, an end of line or a NUL cannot be sent by the ASCII and meta protocols",
            ),
            _ if hold(b"\0") => Some("a username or password cannot hold a NUL"),
            _ => None,
        }
    }
}

/// Refuse a URI that says half of what it takes. Checked before any entry of the list is named in a
/// message: a password with a comma of its own would be an entry otherwise.
pub(super) fn refuse_halves(uris: &[ServerUri]) -> Result<()> {
    let is_half = |uri: &ServerUri| uri.user.is_some() != uri.password.is_some();
    match uris.iter().position(is_half) {
        Some(at) => Err(Failure::new(
            Status::INVALID_URI,
            format!(
                "server {} of the list: a user without a password; it is written user:password@, with ',' as %2C and ' ' as %20",
                at + 1
            ),
        )),
        None => Ok(()),
    }
}
