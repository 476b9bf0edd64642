//! A call, its reply, and what is said of it.

use crate::call::Call;

#[derive(Clone, Debug)]
pub struct Row {
    pub call: Call,
    /// One for each entry of a batch, in their order; or one for all of them.
    pub replies: Vec<Vec<u8>>,
    /// Of each entry.
    pub says: Vec<String>,
}

impl Row {
    pub fn one(call: Call, (reply, says): (&str, &str)) -> Row {
        Row::new(call, vec![reply], &[says])
    }

    pub fn new(call: Call, replies: Vec<impl Into<Vec<u8>>>, says: &[&str]) -> Row {
        assert!(replies.len() == says.len() || replies.len() == 1);
        let replies = replies.into_iter().map(Into::into).collect();
        let says = says.iter().map(|one| one.to_string()).collect();
        Row {
            call,
            replies,
            says,
        }
    }

    /// After how many requests the reply comes.
    pub fn requests(&self) -> usize {
        match &self.call {
            Call::Many(commands) if self.replies.len() > 1 => commands.len(),
            _ => 1,
        }
    }

    /// The replies, to be read by people.
    pub fn shown(&self) -> String {
        self.replies.concat().escape_ascii().to_string()
    }

    /// Whether the entry's answer may be there before its reply is: a value among values.
    pub fn among_others(&self, entry: usize) -> bool {
        self.replies.len() < self.says.len() && self.says[entry].starts_with("OK ")
    }
}

/// Where a reply of so many bytes is cut: at every byte; a long one near its ends, and here and there
/// between.
pub fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..len).filter(move |at| len < 400 || *at < 40 || len - at < 40 || at % 251 == 0)
}
