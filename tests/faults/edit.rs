//! Falsified replies.

use super::outcome::Protocol;
use super::reply::{Part, Reply, Value, binary};

/// The n-th value is the n-th that is no miss, as far as replies say that keys are not there.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A part of the n-th value.
    Field(usize, Part, Vec<u8>),
    /// The n-th value has no such part.
    Without(usize, Part),
    /// So much is added to the opaque of the n-th value.
    Opaque(usize, i64),
    /// The opaques of the n-th and of another value change places.
    Swap(usize, usize),
    /// Other data in the n-th value, with its length.
    Data(usize, Vec<u8>),
    /// The n-th value's frame fails with this number.
    Fail(usize, u16),
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
    /// A value that nobody asked for, before the n-th; with the opaque of that one, or of the last.
    Insert(usize, Value),
    /// Another value instead of the n-th, with its opaque.
    Replace(usize, Value),
    /// These fields stand there instead of the n-th value, with its opaque, and no data.
    Instead(usize, Vec<Vec<u8>>),
    /// A raw line instead of the n-th value.
    Raw(usize, Vec<u8>),
    /// The n-th value once more, behind itself.
    Double(usize),
    /// The n-th value is missing.
    Lose(usize),
    /// The values in the opposite order.
    Reverse,
    /// The first value last.
    Rotate,
    /// What ends the reply: `END\r\n`, `MN\r\n` or its like, or else what ends its last line.
    Terminator(Vec<u8>),
    /// What ends the reply is lost: the barrier's answer, or where there is none, the last one.
    LoseEnd,
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
            Edit::Field(nth, part, text) => hit(&mut values, *nth)?.set(*part, text)?,
            Edit::Without(nth, part) => hit(&mut values, *nth)?.lose(*part)?,
            Edit::Opaque(nth, by) => shift_opaque(hit(&mut values, *nth)?, *by)?,
            Edit::Swap(nth, other) => {
                let opaque = hit(&mut values, *nth)?.get(Part::Opaque)?.to_vec();
                let second = hit(&mut values, *other)?;
                let its = second.get(Part::Opaque)?.to_vec();
                second.set(Part::Opaque, &opaque)?;
                hit(&mut values, *nth)?.set(Part::Opaque, &its)?;
            }
            Edit::Data(nth, bytes) => hit(&mut values, *nth)?.carry(bytes)?,
            Edit::Fail(nth, status) => {
                let old = hit(&mut values, *nth)?;
                *old = disguised(binary::frame_of_failure(*status), old);
            }
            Edit::ExtraField(nth, text) => hit(&mut values, *nth)?.fields.push(text.clone()),
            Edit::LoseField(nth) => drop(hit(&mut values, *nth)?.fields.pop()?),
            Edit::Separator(nth, bytes) => hit(&mut values, *nth)?.separator = bytes.clone(),
            Edit::LineEnd(nth, bytes) => hit(&mut values, *nth)?.line_end = bytes.clone(),
            Edit::DataEnd(nth, bytes) => hit(&mut values, *nth)?.data_end = bytes.clone(),
            Edit::Stretch(nth, by) => {
                let data = &mut hit(&mut values, *nth)?.data;
                data.resize(data.len().checked_add_signed(*by)?, b'+');
            }
            Edit::Insert(nth, value) => {
                let at = place(&values, *nth).unwrap_or(values.len());
                let near = values.get(at).or(values.last())?;
                let value = disguised(value.clone(), near);
                values.insert(at, value);
            }
            Edit::Replace(nth, value) => {
                let old = hit(&mut values, *nth)?;
                *old = disguised(value.clone(), old);
            }
            Edit::Instead(nth, fields) => {
                let old = hit(&mut values, *nth)?;
                let opaque = old.get(Part::Opaque)?;
                let opaque = [b"O", opaque].concat();
                old.fields = [fields.clone(), vec![opaque]].concat();
                old.data.clear();
                old.data_end.clear();
            }
            Edit::Raw(nth, bytes) => {
                let old = hit(&mut values, *nth)?;
                old.fields = vec![bytes.clone()];
                old.line_end.clear();
                old.data.clear();
                old.data_end.clear();
            }
            Edit::Double(nth) => {
                let at = place(&values, *nth)?;
                values.insert(at, values[at].clone());
            }
            Edit::Lose(nth) => {
                let at = place(&values, *nth)?;
                values.remove(at);
            }
            Edit::Reverse if values.len() > 1 => values.reverse(),
            Edit::Rotate if values.len() > 1 => values.rotate_left(1),
            Edit::Terminator(bytes) => match values.last_mut() {
                Some(last) if end.is_empty() && last.data_end.is_empty() => {
                    last.line_end = bytes.clone();
                }
                Some(last) if end.is_empty() => last.data_end = bytes.clone(),
                _ => end = bytes.clone(),
            },
            Edit::LoseEnd if end.is_empty() => drop(values.pop()?),
            Edit::LoseEnd => end.clear(),
            Edit::TailAfter(count, tail) => {
                let hits = values.iter().filter(|value| value.hit).count();
                let at = place(&values, *count).or((*count == hits).then_some(values.len()))?;
                values.truncate(at);
                end = tail.clone();
            }
            Edit::Text(text) => hit(&mut values, 0)?.fields = vec![text.clone()],
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

/// Where the n-th value stands that is no miss; where there are misses only, the n-th of them.
fn place(values: &[Value], nth: usize) -> Option<usize> {
    let none = values.iter().all(|value| !value.hit);
    let mut hits = (0..values.len()).filter(|at| none || values[*at].hit);
    hits.nth(nth)
}

fn hit(values: &mut [Value], nth: usize) -> Option<&mut Value> {
    let at = place(values, nth)?;
    values.get_mut(at)
}

/// `value` with the opaque (and in binary the opcode) of `other`.
fn disguised(mut value: Value, other: &Value) -> Value {
    if let Some(opaque) = other.get(Part::Opaque) {
        if value.protocol == Protocol::Meta {
            value.fields.push([b"O", opaque].concat());
        }
        value.set(Part::Opaque, opaque);
    }
    if let Some(opcode) = other.get(Part::Opcode) {
        value.set(Part::Opcode, opcode);
    }
    value
}

fn shift_opaque(value: &mut Value, by: i64) -> Option<()> {
    let old = value.get(Part::Opaque)?;
    let shifted = |old: i64| old.wrapping_add(by);
    let new = match value.protocol {
        Protocol::Binary => {
            let old = u32::from_be_bytes(old.try_into().ok()?);
            (shifted(old.into()) as u32).to_be_bytes().to_vec()
        }
        _ => {
            let old: i64 = std::str::from_utf8(old).ok()?.parse().ok()?;
            shifted(old).to_string().into_bytes()
        }
    };
    value.set(Part::Opaque, &new)
}
