//! TLS over TCP, by rustls, where the feature `tls` is built in. Without it there are no such streams:
//! [`TlsStream`] has no value then, and the rest of the library costs nothing for it.

mod fault;
mod settings;

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod cause;
#[cfg(feature = "tls")]
mod context;
#[cfg(feature = "tls")]
mod files;
#[cfg(feature = "tls")]
mod stream;
#[cfg(feature = "tls")]
mod verifier;
#[cfg(feature = "tls")]
mod wire;

pub use fault::TlsFault;
pub use settings::TlsSettings;

#[cfg(not(feature = "tls"))]
pub use absent::{TlsContext, TlsReader, TlsSession, TlsStream};
#[cfg(feature = "tls")]
pub use context::TlsContext;
#[cfg(feature = "tls")]
pub use stream::{TlsReader, TlsSession, TlsStream};
