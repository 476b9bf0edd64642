//! The promises, and that one was broken.

/// The six of the library, and that it finds back to a server that has come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// A success is what the server holds for that key at some moment inside the call.
    NoWrongAnswer,
    /// A miss is told only after a server said so, inside the call.
    NoFalseMiss,
    /// A call ends by its deadline.
    BoundedTime,
    /// Memory follows the bytes received.
    BoundedMemory,
    /// No panic, no signal, no descriptor that is left open or closed twice.
    HostUnharmed,
    /// What is told of a write that failed is true, and no write is done twice that must not be.
    HonestEffect,
    /// What fails while nothing is wrong with a server any more, or is refused without a reason.
    BackInService,
}

#[derive(Clone, Debug)]
pub struct Breach {
    pub promise: Promise,
    pub text: String,
}
