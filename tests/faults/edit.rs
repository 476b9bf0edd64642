//! Falsified replies.

use super::reply::{Reply, Value};

#[derive(Clone, Debug)]
pub enum Edit {
    /// A field of the n-th value's line.
    Field(usize, usize, Vec<u8>),
    /// One more field at the end of the n-th value's line.
    ExtraField(usize, Vec<u8>),
    /// The last field of the n-th value's line is missing.
    LoseField(usize),
    /// What stands between the fields of the n-th value's line.
    Separator(usize, Vec<u8>),
    /// What ends the n-th value's line.
    LineEnd(usize, Vec<u8>),
    /// What ends the n-th value's data.
    DataEnd(usize, Vec<u8>),
    /// The n-th value's data has so many bytes more or fewer than announced.
    Stretch(usize, isize),
    /// A value that nobody asked for, before the n-th.
    Insert(usize, Value),
    /// Another value instead of the n-th.
    Replace(usize, Value),
    /// The n-th value once more, behind itself.
    Double(usize),
    /// The values in the opposite order.
    Reverse,
    /// The first value last.
    Rotate,
    /// What ends the reply: `END\r\n`, or the `\r\n` of a line.
    Terminator(Vec<u8>),
    /// The first n values, then this instead of all the rest.
    TailAfter(usize, Vec<u8>),
    /// The text of a one-line reply.
    Text(Vec<u8>),
    /// The whole reply.
    Whole(Vec<u8>),
    /// Capital letters of the protocol's words made small.
    LowerCase,
}

impl Edit {
    /// Falsifies `reply`; `None` where it has no such part.
    pub fn apply(&self, reply: Reply) -> Option<Reply> {
        if let Edit::Whole(bytes) = self {
            return Some(Reply::raw(bytes));
        }
        match reply {
            Reply::Nothing => None,
            Reply::Values { values, end } => self.on_values(values, end),
            Reply::Line { text, end } => self.on_line(text, end),
        }
    }

    fn on_line(&self, text: Vec<u8>, end: Vec<u8>) -> Option<Reply> {
        Some(match self {
            Edit::Terminator(end) => Reply::Line {
                text,
                end: end.clone(),
            },
            Edit::Text(text) => Reply::Line {
                text: text.clone(),
                end,
            },
            Edit::LowerCase => {
                let lower = text.to_ascii_lowercase();
                if lower == text {
                    return None;
                }
                Reply::Line { text: lower, end }
            }
            _ => return None,
        })
    }

    fn on_values(&self, mut values: Vec<Value>, mut end: Vec<u8>) -> Option<Reply> {
        match self {
            Edit::Field(nth, field, text) => {
                *values.get_mut(*nth)?.fields.get_mut(*field)? = text.clone()
            }
            Edit::ExtraField(nth, text) => values.get_mut(*nth)?.fields.push(text.clone()),
            Edit::LoseField(nth) => drop(values.get_mut(*nth)?.fields.pop()?),
            Edit::Separator(nth, bytes) => values.get_mut(*nth)?.separator = bytes.clone(),
            Edit::LineEnd(nth, bytes) => values.get_mut(*nth)?.line_end = bytes.clone(),
            Edit::DataEnd(nth, bytes) => values.get_mut(*nth)?.data_end = bytes.clone(),
            Edit::Stretch(nth, by) => {
                let data = &mut values.get_mut(*nth)?.data;
                data.resize(data.len().checked_add_signed(*by)?, b'+');
            }
            Edit::Insert(at, value) if *at <= values.len() => values.insert(*at, value.clone()),
            Edit::Replace(nth, value) => *values.get_mut(*nth)? = value.clone(),
            Edit::Double(nth) => values.insert(*nth, values.get(*nth)?.clone()),
            Edit::Reverse if values.len() > 1 => values.reverse(),
            Edit::Rotate if values.len() > 1 => values.rotate_left(1),
            Edit::Terminator(bytes) => end = bytes.clone(),
            Edit::TailAfter(count, tail) if *count <= values.len() => {
                values.truncate(*count);
                end = tail.clone();
            }
            Edit::LowerCase => {
                for value in &mut values {
                    value.fields[0].make_ascii_lowercase();
                }
                end.make_ascii_lowercase();
            }
            _ => return None,
        }
        Some(Reply::Values { values, end })
    }
}
