//! What a failure tells: status, text, server, errno, effect and phase.

use crate::names::ServerName;
pub use crate::status::{Status, StatusInfo, TABLE as STATUSES};

/// What a write that did not end well did to the server's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u32)]
pub enum Effect {
    /// The command writes nothing.
    #[default]
    None = 0,
    /// The server's data is as it was.
    NotApplied = 1,
    /// The write took place.
    Applied = 2,
    /// Nobody can tell.
    Unknown = 3,
    /// The write did not take place, and the item that was there is gone.
    Removed = 4,
}

/// How far the call had come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u32)]
pub enum Phase {
    #[default]
    None = 0,
    /// Arguments were looked at; nothing else was done.
    Check = 1,
    /// Waiting for a connection of the pool.
    Pool = 2,
    /// Looking up the server's name.
    Resolve = 3,
    Connect = 4,
    Handshake = 5,
    Authenticate = 6,
    /// Not all bytes of the command had left.
    Send = 7,
    /// All bytes had left; the reply had not come, or not whole.
    Receive = 8,
}

/// A failed command: everything that can be said of it. Never holds a credential.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    pub status: Status,
    pub effect: Effect,
    pub phase: Phase,
    /// The system's error number, or 0.
    pub errno: i32,
    /// What went wrong and where, for humans.
    pub text: String,
    /// The server's name, where one was involved.
    pub server: Option<ServerName>,
}

/// Failures are rare and large: they travel boxed, so that success stays small.
pub type Result<T> = std::result::Result<T, Box<Failure>>;

impl Failure {
    #[cold]
    pub fn new(status: Status, text: impl Into<String>) -> Box<Failure> {
        Box::new(Failure {
            status,
            effect: Effect::None,
            phase: Phase::Check,
            errno: 0,
            text: text.into(),
            server: None,
        })
    }

    #[cold]
    pub fn argument(text: impl Into<String>) -> Box<Failure> {
        Failure::new(Status::INVALID_ARGUMENT, text)
    }

    #[cold]
    /// `bytes`: how many were asked for; 0 where nobody says.
    pub fn no_memory(bytes: usize) -> Box<Failure> {
        let text = match bytes {
            0 => "memory could not be allocated".to_string(),
            bytes => format!("{bytes} bytes could not be allocated"),
        };
        Failure::new(Status::NO_MEMORY, text)
    }

    #[must_use]
    pub fn at(mut self: Box<Self>, phase: Phase) -> Box<Failure> {
        self.phase = phase;
        self
    }

    #[must_use]
    pub fn errno(mut self: Box<Self>, errno: i32) -> Box<Failure> {
        self.errno = errno;
        self
    }

    #[must_use]
    pub fn effect(mut self: Box<Self>, effect: Effect) -> Box<Failure> {
        self.effect = effect;
        self
    }

    #[must_use]
    pub fn on(mut self: Box<Self>, server: ServerName) -> Box<Failure> {
        self.server = Some(server);
        self
    }
}
