//! What TLS failed of.

use std::io;

/// Travels as the inner error of an [`io::Error`].
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct TlsFault {
    /// For humans, to be read behind "TLS with SERVER: ".
    cause: String,
    refused: bool,
}

impl TlsFault {
    pub fn new(cause: impl Into<String>) -> TlsFault {
        TlsFault {
            cause: cause.into(),
            refused: false,
        }
    }

    /// The server turned this client away before it looked at any command. With TLS 1.3 that is
    /// learned only when the first reply is read.
    pub fn refusal(cause: impl Into<String>) -> TlsFault {
        TlsFault {
            cause: cause.into(),
            refused: true,
        }
    }

    pub fn is_refusal(&self) -> bool {
        self.refused
    }

    /// The fault in an error, if it is one.
    pub fn of(error: &io::Error) -> Option<&TlsFault> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<TlsFault> for io::Error {
    fn from(fault: TlsFault) -> io::Error {
        io::Error::other(fault)
    }
}
