//! Texts put together to be hashed, without an allocation where they are as long as keys are.

/// What is put together on the stack: a name of a server, a key, and some more.
const SHORT: usize = 640;

/// `use_it` with the parts as one text; `None` when there is no memory for a long one.
pub fn joined<R>(parts: &[&[u8]], use_it: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    if len <= SHORT {
        let mut short = [0; SHORT];
        let mut at = 0;
        for part in parts {
            short[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        return Some(use_it(&short[..len]));
    }
    let mut long = Vec::new();
    long.try_reserve_exact(len).ok()?;
    parts.iter().for_each(|part| long.extend_from_slice(part));
    Some(use_it(&long))
}
