//! The words of a line: what stands between spaces, however many.

/// The words that are left.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a>(&'a [u8]);

impl<'a> Tokens<'a> {
    pub fn new(line: &'a [u8]) -> Tokens<'a> {
        Tokens(line)
    }

    pub fn is_empty(self) -> bool {
        self.0.iter().all(|byte| *byte == b' ')
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        while let [b' ', rest @ ..] = self.0 {
            self.0 = rest;
        }
        if self.0.is_empty() {
            return None;
        }
        // Words are short: looking for the next space with `memchr` costs more than it saves.
        let space = self.0.iter().position(|byte| *byte == b' ');
        let len = space.unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(token)
    }
}

/// The words of a command that takes a fixed number of them.
pub(super) struct Words<'a> {
    words: [&'a [u8]; Words::MOST],
    len: usize,
}

impl<'a> Words<'a> {
    /// One more than the longest command has; a line with more counts as if it had that many.
    const MOST: usize = 8;

    pub fn of(line: &'a [u8]) -> Words<'a> {
        let mut words = Words {
            words: [b""; Words::MOST],
            len: 0,
        };
        for (place, token) in words.words.iter_mut().zip(Tokens::new(line)) {
            *place = token;
            words.len += 1;
        }
        words
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Empty where there is none.
    pub fn get(&self, n: usize) -> &'a [u8] {
        self.words.get(n).copied().unwrap_or_default()
    }

    /// The last word, whatever the others, asks for no reply.
    pub fn quiet(&self) -> bool {
        self.len > 0 && self.words[self.len - 1] == b"noreply"
    }
}
