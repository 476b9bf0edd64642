//! The little of Python that the recordings are written in: literals, and what a call says of them.
//! Whatever else stands there ends the test.

use crate::source::Source;

/// A literal, or what a call returned.
#[derive(Clone, Debug)]
pub enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// An object, a function or a name, as it is written: equal to everything.
    Object(String),
    /// A statistic of ours: equal to its text as text or bytes, and to what it means as that.
    Stat {
        text: Vec<u8>,
        means: Box<Value>,
    },
}

/// As `==` in Python, where True is 1; dictionaries have no order.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Object(_), _) | (_, Object(_)) | (None, None) => true,
            (Stat { text, .. }, Str(other)) | (Str(other), Stat { text, .. }) => {
                text == other.as_bytes()
            }
            (Stat { text, .. }, Bytes(other)) | (Bytes(other), Stat { text, .. }) => text == other,
            (Stat { means, .. }, other) | (other, Stat { means, .. }) => **means == *other,
            (Str(one), Str(other)) => one == other,
            (Bytes(one), Bytes(other)) => one == other,
            (Tuple(one), Tuple(other)) | (List(one), List(other)) => one == other,
            (Dict(one), Dict(other)) => {
                one.len() == other.len() && one.iter().all(|entry| other.contains(entry))
            }
            _ => match (self.number(), other.number()) {
                (Some(one), Some(other)) => one == other,
                _ => false,
            },
        }
    }
}

impl Value {
    fn number(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            // No recorded number is beyond what a double holds.
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    pub fn str(text: &str) -> Value {
        Value::Str(text.into())
    }

    /// The bytes as text of one byte for each character.
    pub fn latin1(bytes: &[u8]) -> Value {
        Value::Str(bytes.iter().map(|byte| char::from(*byte)).collect())
    }

    pub fn parse(text: &str) -> Value {
        let mut source = Source::new(text);
        let value = source.value();
        source.end();
        value
    }
}

#[test]
fn the_literals_of_the_recordings() {
    let parsed =
        Value::parse(r#"{'a': (1, b'\xe9'), "b": [None, True, -2.5, 'x' * 3], 'o': <an object>}"#);
    let Value::Dict(entries) = parsed else {
        panic!("{parsed:?}")
    };
    assert_eq!(
        entries[0].1,
        Value::Tuple(vec![Value::Bool(true), Value::Bytes(vec![0xe9])])
    );
    let list = [
        Value::None,
        Value::Int(1),
        Value::Float(-2.5),
        Value::str("xxx"),
    ];
    assert_eq!(entries[1].1, Value::List(list.to_vec()));
    assert_ne!(Value::parse("b'a'"), Value::parse("'a'"));
    assert_ne!(Value::parse("None"), Value::parse("0"));
    assert_ne!(Value::parse("{'a': 1}"), Value::parse("{'a': 2}"));
    let stat = Value::Stat {
        text: b"1".to_vec(),
        means: Box::new(Value::Int(1)),
    };
    assert!(stat == Value::str("1") && stat == Value::Bool(true) && stat != Value::str("2"));
    for wrong in ["nobody", "(1)", "'open", "[1 2]", "1 2", "'a' 'b'", r"'\q'"] {
        let outcome = std::panic::catch_unwind(|| Value::parse(wrong));
        assert!(outcome.is_err(), "{wrong}");
    }
}
