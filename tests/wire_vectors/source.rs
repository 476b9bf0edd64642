//! Reads the literals of Python.

use crate::python::Value;

/// A text that is read from its beginning to its end.
pub struct Source {
    text: Vec<char>,
    at: usize,
}

impl Source {
    pub fn new(text: &str) -> Source {
        Source {
            text: text.chars().collect(),
            at: 0,
        }
    }

    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        let text: String = self.text.iter().collect();
        let rest: String = self.text[self.at..].iter().collect();
        panic!("{why}: {rest:?} of {text:?}");
    }

    pub fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub fn next(&mut self) -> char {
        match self.peek() {
            Some(c) => {
                self.at += 1;
                c
            }
            None => self.fail("the end"),
        }
    }

    /// Whether `word` stands here, which is read then.
    pub fn takes(&mut self, word: &str) -> bool {
        let len = word.chars().count();
        let here = self.text.get(self.at..self.at + len);
        let is = here.is_some_and(|here| here.iter().copied().eq(word.chars()));
        self.at += if is { len } else { 0 };
        is
    }

    /// Whether `word` stands here.
    pub fn stands(&mut self, word: &str) -> bool {
        let before = self.at;
        let is = self.takes(word);
        self.at = before;
        is
    }

    /// Whether bytes stand here.
    pub fn is_literal(&mut self) -> bool {
        self.stands("b'") || self.stands("b\"")
    }

    #[track_caller]
    pub fn expect(&mut self, word: &str) {
        if !self.takes(word) {
            self.fail(&format!("no {word:?}"));
        }
    }

    pub fn spaces(&mut self) {
        while self.takes(" ") {}
    }

    pub fn end(&self) {
        if self.at < self.text.len() {
            self.fail("more than was understood");
        }
    }

    /// Letters, digits and `_`, and `.` where it stands between names.
    pub fn name(&mut self, dotted: bool) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            match c.is_ascii_alphanumeric() || c == '_' || dotted && c == '.' {
                true => name.push(self.next()),
                false => break,
            }
        }
        if name.is_empty() {
            self.fail("no name");
        }
        name
    }

    /// A value, repeated where it says so.
    pub fn value(&mut self) -> Value {
        let value = self.single();
        let before = self.at;
        self.spaces();
        if !self.takes("*") {
            self.at = before;
            return value;
        }
        self.spaces();
        let Value::Int(times) = self.single() else {
            self.fail("not so many times")
        };
        let times = usize::try_from(times).expect("a count");
        match value {
            Value::Str(text) => Value::Str(text.repeat(times)),
            Value::Bytes(bytes) => Value::Bytes(bytes.repeat(times)),
            _ => self.fail("nothing that is repeated"),
        }
    }

    fn single(&mut self) -> Value {
        match self.peek() {
            Some('\'' | '"') => Value::Str(self.quoted()),
            Some('b') if matches!(self.text.get(self.at + 1), Some('\'' | '"')) => {
                self.at += 1;
                let text = self.quoted();
                let byte = |c: char| u8::try_from(u32::from(c)).expect("one byte");
                Value::Bytes(text.chars().map(byte).collect())
            }
            Some('0'..='9' | '-') => self.digits(),
            Some('(') => {
                let (values, comma) = self.list("(", ")", Source::value);
                match comma || values.len() != 1 {
                    true => Value::Tuple(values),
                    false => self.fail("a value in parentheses"),
                }
            }
            Some('[') => Value::List(self.list("[", "]", Source::value).0),
            Some('{') => Value::Dict(self.list("{", "}", Source::pair).0),
            Some('<') => self.object(),
            Some(c) if c.is_ascii_alphabetic() => self.word(),
            _ => self.fail("no value"),
        }
    }

    /// What stands between `open` and `close`, with commas; and whether the last has one behind it.
    pub fn list<T>(
        &mut self,
        open: &str,
        close: &str,
        each: impl Fn(&mut Source) -> T,
    ) -> (Vec<T>, bool) {
        self.expect(open);
        let (mut all, mut comma) = (Vec::new(), false);
        while !self.takes(close) {
            if !all.is_empty() && !comma {
                self.fail("no comma");
            }
            all.push(each(self));
            comma = self.takes(",");
            self.spaces();
        }
        (all, comma)
    }

    fn pair(&mut self) -> (Value, Value) {
        let key = self.value();
        self.expect(":");
        self.spaces();
        (key, self.value())
    }

    fn quoted(&mut self) -> String {
        let quote = self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                c if c == quote => return text,
                '\\' => text.push(self.escaped()),
                c => text.push(c),
            }
        }
    }

    fn escaped(&mut self) -> char {
        match self.next() {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            c @ ('\\' | '\'' | '"') => c,
            'x' => {
                let digits = [self.next(), self.next()];
                let digit = |c: char| c.to_digit(16).expect("a digit");
                char::from((digit(digits[0]) * 16 + digit(digits[1])) as u8)
            }
            _ => self.fail("an escape that is not known"),
        }
    }

    fn digits(&mut self) -> Value {
        let mut text = String::new();
        while let Some('0'..='9' | '-' | '.') = self.peek() {
            text.push(self.next());
        }
        let value = match text.contains('.') {
            true => text.parse().ok().map(Value::Float),
            false => text.parse().ok().map(Value::Int),
        };
        value.unwrap_or_else(|| self.fail("no number"))
    }

    fn object(&mut self) -> Value {
        let mut text = String::new();
        while !text.ends_with('>') {
            text.push(self.next());
        }
        Value::Object(text)
    }

    fn word(&mut self) -> Value {
        match self.name(true).as_str() {
            "None" => Value::None,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            "lambda" => self.function(),
            name @ "serde.pickle_serde" => Value::Object(name.into()),
            name => self.fail(&format!("what is {name}?")),
        }
    }

    /// The parameters up to the colon, and the expression behind it up to the next argument.
    fn function(&mut self) -> Value {
        let mut text = String::new();
        while self.peek() != Some(':') {
            text.push(self.next());
        }
        let mut depth = 0;
        loop {
            match self.peek() {
                Some(',' | ')') if depth == 0 => return Value::Object(text),
                Some('(') => depth += 1,
                Some(')') => depth -= 1,
                _ => {}
            }
            text.push(self.next());
        }
    }
}
