//! What a client does not send because proxies would not pass it (`profile=classic`).

use crate::error::{Effect, Failure, Result, Status};
use crate::options::{Options, Profile};
use crate::protocol::Op;

/// A command that is [`crate::protocol::classic`]'s to refuse was not sent.
#[cold]
#[inline(never)]
pub fn not_passed(op: Op) -> Box<Failure> {
    let failure = unsupported(op.name());
    if op.is_read() {
        failure.effect(Effect::None)
    } else {
        failure
    }
}

/// Fails where the servers are behind a proxy, which does not pass `what`.
pub fn refuse(options: &Options, what: &str) -> Result<()> {
    match options.profile {
        Profile::Full => Ok(()),
        Profile::Classic => Err(unsupported(what)),
    }
}

fn unsupported(what: &str) -> Box<Failure> {
    let text = format!(
        "{what}: proxies do not pass this, and the client was made with profile=classic; it was not sent"
    );
    Failure::new(Status::UNSUPPORTED, text).effect(Effect::NotApplied)
}
