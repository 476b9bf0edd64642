//! Pipes: streams inside this process.

/// The far end of a pipe: runs in the writer's thread.
pub trait Peer: Send {
    /// Bytes that the client has written; replies are appended. `Ok(false)`: the far end closes after
    /// what was appended.
    fn hear(
        &mut self,
        bytes: &[u8],
        replies: &mut Vec<u8>,
    ) -> Result<bool, crate::buffer::NoMemory>;
}
