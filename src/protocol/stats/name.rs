//! Names with a number in them: `items:1:number` and `1:chunk_size` are of slab class 1, `64` is a
//! size, `22:addr` of connection 22.

use crate::protocol::number;

/// A name in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// The number in the name, if there is one.
    pub index: Option<u64>,
    /// Where the rest begins; the whole name where there is no number.
    pub field_at: usize,
}

/// Take a name apart.
pub fn name(name: &[u8]) -> Name {
    let numbered = name.strip_prefix(b"items:").unwrap_or(name);
    let before = name.len() - numbered.len();
    let whole = Name {
        index: None,
        field_at: 0,
    };
    let Some((index, digits)) = number::leading(numbered) else {
        return whole;
    };
    let behind = match numbered.get(digits) {
        None => digits,
        Some(b':') => digits + 1,
        Some(_) => return whole,
    };
    Name {
        index: Some(index),
        field_at: before + behind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_their_parts() {
        for (text, index, field) in [
            ("pid", None, "pid"),
            ("active_slabs", None, "active_slabs"),
            ("sizes_status", None, "sizes_status"),
            ("1:chunk_size", Some(1), "chunk_size"),
            ("items:63:number_hot", Some(63), "number_hot"),
            ("22:addr", Some(22), "addr"),
            ("64", Some(64), ""),
            ("1048576", Some(1_048_576), ""),
            ("items", None, "items"),
            ("items:", None, "items:"),
            ("items:x:number", None, "items:x:number"),
            ("01:number", None, "01:number"),
            ("1x", None, "1x"),
            ("18446744073709551616", None, "18446744073709551616"),
        ] {
            let parts = name(text.as_bytes());
            assert_eq!(
                (parts.index, &text[parts.field_at..]),
                (index, field),
                "{text}"
            );
        }
    }
}
