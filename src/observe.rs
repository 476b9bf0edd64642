//! What an observer hears of: rare events of connections, never a command that went well.

use crate::error::Status;
use crate::names::ServerName;

/// What happened. The numbers are those of the C ABI's `MC_EVENT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum What {
    /// A connection was made.
    Connected = 1,
    /// A connection could not be made.
    ConnectFailed = 2,
    /// A connection was closed because it was no longer in step, or the server closed it.
    Closed = 3,
    /// A quiet write failed.
    QuietFailed = 4,
    /// A server that was taken for down has answered.
    Up = 5,
    /// A server is taken for down.
    Down = 6,
    /// A call took long.
    Slow = 7,
    /// A command failed, and its caller was told a miss (the option `errors_as_misses`).
    ErrorAsMiss = 8,
    /// A connection was made over TLS to a server that may be any: its certificate was not verified, as
    /// the client's options say. Behind [`What::Connected`].
    TlsUnverified = 9,
}

/// One event. Holds neither keys, nor values, nor credentials.
#[derive(Clone, Debug)]
pub struct Notice {
    pub what: What,
    pub server: ServerName,
    pub status: Status,
    /// Why, for humans; empty where there is nothing to say.
    pub text: String,
}

/// Hears of events, on the thread that met them, with no lock and no connection held.
pub trait Observer: Send + Sync {
    fn notice(&self, notice: &Notice);
}

/// The events of one call, kept until no connection is held; nothing is kept for nobody.
#[derive(Default)]
pub struct Notices {
    wanted: bool,
    kept: Vec<Notice>,
}

impl Notices {
    pub fn new(wanted: bool) -> Notices {
        Notices {
            wanted,
            kept: Vec::new(),
        }
    }

    #[inline]
    pub fn push(
        &mut self,
        what: What,
        server: ServerName,
        status: Status,
        text: impl FnOnce() -> String,
    ) {
        if self.wanted {
            let text = text();
            self.kept.push(Notice {
                what,
                server,
                status,
                text,
            });
        }
    }

    /// Those of another part of the call, behind these.
    pub fn append(&mut self, mut others: Notices) {
        self.kept.append(&mut others.kept);
    }

    /// Tell all of them, in order.
    pub fn tell(&mut self, observer: Option<&dyn Observer>) {
        if let Some(observer) = observer {
            for notice in self.kept.drain(..) {
                observer.notice(&notice);
            }
        }
    }
}
