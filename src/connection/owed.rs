//! The replies that a connection is owed, in order.

use super::outbox::Token;
use crate::buffer::{NoMemory, push_within};
use crate::protocol::extra::Said;
use crate::protocol::{Key, Op, Request};

/// How a command was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// It is answered.
    Loud,
    /// It is not answered where there is nothing to tell: a read that finds nothing, a write that does
    /// what it is for.
    Silent,
    /// It does nothing: its reply says that what was sent before it has been answered.
    Barrier,
}

/// All that must be remembered of a command to recognise its reply.
#[derive(Clone, Copy)]
pub struct Owed {
    /// Where the command ends in the outbox's stream.
    pub end: u64,
    pub token: Token,
    pub key_at: u32,
    pub key_len: u8,
    pub op: Op,
    /// Nobody waits for the reply; a failure is counted.
    pub quiet: bool,
    /// The last key of a line of keys (or the only one), or a command that is no line of keys.
    pub last: bool,
    /// A value for this key has come; the end of its line has not. Or, where commands carry opaques: it has
    /// been answered while others before it wait.
    pub answered: bool,
    /// One of the keys of a line.
    pub in_line: bool,
    pub form: Form,
    /// What it asks beyond the classic commands.
    pub said: Said,
}

impl Owed {
    #[inline(always)]
    pub fn new(
        token: Token,
        request: &Request<'_, '_>,
        key_at: usize,
        quiet: bool,
        end: u64,
    ) -> Owed {
        Owed {
            quiet,
            last: true,
            in_line: false,
            ..Owed::of_key(token, request.op, request.key, key_at, end)
        }
    }

    /// One more key of a line of keys that goes on.
    #[inline(always)]
    pub fn of_key(token: Token, op: Op, key: Key<'_>, key_at: usize, end: u64) -> Owed {
        Owed {
            end,
            token,
            key_at: key_at as u32,
            key_len: key.wire_len() as u8,
            op,
            quiet: false,
            last: false,
            answered: false,
            in_line: true,
            form: Form::Loud,
            said: Said::NOTHING,
        }
    }

    /// A command that does nothing, of no operation.
    pub fn barrier(quiet: bool, end: u64) -> Owed {
        Owed {
            quiet,
            last: true,
            in_line: false,
            form: Form::Barrier,
            ..Owed::of_key(0, Op::Ping, Key::NONE, 0, end)
        }
    }

    /// It has been answered while others before it waited.
    #[inline]
    pub fn was_in_place(&self) -> bool {
        self.answered && !self.in_line
    }

    #[inline(always)]
    pub fn key<'a>(&self, outbox: &'a [u8]) -> &'a [u8] {
        let at = self.key_at as usize;
        outbox
            .get(at..at + self.key_len as usize)
            .unwrap_or_default()
    }
}

/// The queue, and how far the line of keys at its front has been answered.
#[derive(Default)]
pub struct Queue {
    owed: Vec<Owed>,
    /// Those before it are popped. Reset when the queue is empty.
    front: usize,
    quiet: usize,
    /// The next key of the front line that a value is expected for, counted from the front.
    cursor: usize,
    /// How many keys of the front line have a value.
    answered: usize,
    /// The indices of the front line's keys in the order of the keys, made when a value came that no
    /// later key of the line has: a proxy changed the order.
    by_key: Option<Vec<u32>>,
}

impl Queue {
    /// Where there is no memory, nothing is queued.
    #[inline(always)]
    pub fn push(&mut self, owed: Owed) -> Result<(), NoMemory> {
        self.quiet += usize::from(owed.quiet);
        match push_within(&mut self.owed, owed) {
            Ok(()) => Ok(()),
            Err(owed) => self.grow(owed),
        }
    }

    #[cold]
    fn grow(&mut self, owed: Owed) -> Result<(), NoMemory> {
        let more = self.owed.len().max(8);
        if self.owed.try_reserve(more).is_err() {
            self.quiet -= usize::from(owed.quiet);
            return Err(NoMemory(more));
        }
        self.owed.push(owed);
        Ok(())
    }

    /// A new exchange begins: what is still owed belongs to commands that were sent before it.
    pub fn begin(&mut self) {
        self.owed.drain(..self.front);
        self.front = 0;
        for owed in &mut self.owed {
            owed.end = 0;
        }
    }

    #[inline(always)]
    pub fn waiting(&self) -> &[Owed] {
        self.owed.get(self.front..).unwrap_or_default()
    }

    #[inline]
    pub fn front(&self) -> Option<&Owed> {
        self.waiting().first()
    }

    pub fn back(&self) -> Option<&Owed> {
        self.waiting().last()
    }

    pub fn back_mut(&mut self) -> Option<&mut Owed> {
        self.owed.last_mut()
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.owed.len() == self.front
    }

    #[inline(always)]
    pub fn quiet(&self) -> usize {
        self.quiet
    }

    /// Nobody waits for any of the replies.
    #[inline(always)]
    pub fn only_quiet(&self) -> bool {
        self.owed.len() - self.front == self.quiet
    }

    pub fn answered(&self) -> usize {
        self.answered
    }

    /// The front line consists of one key.
    #[inline]
    pub fn is_lone(&self) -> bool {
        self.front().is_some_and(|owed| owed.last)
    }

    #[inline]
    pub fn pop(&mut self) -> Option<Owed> {
        let owed = *self.front()?;
        self.quiet -= usize::from(owed.quiet);
        self.advance(1);
        if owed.last {
            self.cursor = 0;
            self.answered = 0;
            self.by_key = None;
        }
        Some(owed)
    }

    #[inline(always)]
    fn advance(&mut self, n: usize) {
        self.front += n;
        if self.front == self.owed.len() {
            self.front = 0;
            self.owed.clear();
        }
    }

    /// Pop the whole front line if every key of it has a value; returns how many they are.
    pub fn pop_answered_line(&mut self) -> Option<usize> {
        let n = self.cursor;
        let whole = self.answered == n && self.waiting().get(n.checked_sub(1)?)?.last;
        if !whole {
            return None;
        }
        self.cursor = 0;
        self.answered = 0;
        self.by_key = None;
        self.advance(n);
        Some(n)
    }

    #[inline]
    pub fn get(&self, index: usize) -> Option<&Owed> {
        self.waiting().get(index)
    }

    /// What is left of the front line (or, where that is no line of keys, all that waits), from the
    /// key that the next value is expected for; [`Queue::expected_came`] says how it went.
    #[inline]
    pub fn expected(&mut self) -> &mut [Owed] {
        // Behind the last key of the line there is only its end.
        let over = self.cursor > 0
            && self
                .waiting()
                .get(self.cursor - 1)
                .is_none_or(|owed| owed.last);
        if over {
            return &mut [];
        }
        let from = self.front + self.cursor;
        self.owed.get_mut(from..).unwrap_or_default()
    }

    /// Of the expected keys the first `passed` were passed, `answered` of them with a value.
    #[inline]
    pub fn expected_came(&mut self, passed: usize, answered: usize) {
        self.cursor += passed;
        self.answered += answered;
    }

    /// A key of a line has left when the end of its line has: give each the line's end.
    pub fn spread_line_ends(&mut self) {
        let mut end = u64::MAX;
        for owed in self.owed.iter_mut().rev() {
            if owed.last {
                end = owed.end;
            }
            owed.end = end;
        }
    }

    /// Where the front line (or the command at the front) ends in the outbox's stream. The keys before
    /// the cursor are known to be in the line.
    pub fn line_end(&self) -> u64 {
        let from = self.cursor.saturating_sub(1);
        let mut behind = self.waiting().get(from..).unwrap_or_default().iter();
        behind
            .find(|owed| owed.last)
            .map_or(u64::MAX, |owed| owed.end)
    }

    /// The end of the last command that ends behind `after` and not behind `most`; where there is none, of
    /// the one that `after` is in; where that is not known, `None`. A line of keys is one command.
    pub fn end_within(&self, after: u64, most: u64) -> Option<u64> {
        let begin = self.waiting().partition_point(|owed| owed.end <= after);
        let unsent = self.waiting().get(begin..).unwrap_or_default();
        let (within, beyond) = unsent.split_at(unsent.partition_point(|owed| owed.end <= most));
        let mut ends = within.iter().rev().chain(beyond);
        ends.find(|owed| owed.last).map(|owed| owed.end)
    }

    /// The command at `index` was answered before those in front of it.
    pub fn answered_in_place(&mut self, index: usize) {
        if let Some(owed) = self.owed.get_mut(self.front + index) {
            owed.answered = true;
        }
    }

    /// The first `n` commands, which are no lines of keys and not quiet, have their replies.
    #[inline]
    pub fn pop_many(&mut self, n: usize) {
        self.advance(n);
    }

    /// Whether the entry before `index` is not the end of the line.
    fn in_line(&self, index: usize) -> bool {
        index == 0 || self.get(index - 1).is_some_and(|owed| !owed.last)
    }

    /// A value for `key` has come: the index of the command that it answers, the first one behind the
    /// last that was answered, or any that was passed over; `None` where no command waits for it.
    pub fn answer(&mut self, key: &[u8], outbox: &[u8]) -> Option<usize> {
        // Once the order was seen to be changed, looking through the line in order is for nothing.
        let index = match self.by_key {
            Some(_) => self.reordered(key, outbox),
            None => self
                .forward(key, outbox)
                .or_else(|| self.reordered(key, outbox)),
        }?;
        let owed = self.owed.get_mut(self.front + index)?;
        owed.answered = true;
        self.answered += 1;
        self.cursor = self.cursor.max(index + 1);
        Some(index)
    }

    fn forward(&self, key: &[u8], outbox: &[u8]) -> Option<usize> {
        let mut index = self.cursor;
        while self.in_line(index) {
            let owed = self.get(index)?;
            if owed.key(outbox) == key {
                return Some(index);
            }
            index += 1;
        }
        None
    }

    #[cold]
    fn reordered(&mut self, key: &[u8], outbox: &[u8]) -> Option<usize> {
        let owed = self.owed.get(self.front..).unwrap_or_default();
        let by_key = self.by_key.get_or_insert_with(|| {
            let len = owed.iter().take_while(|entry| !entry.last).count() + 1;
            let mut order: Vec<u32> = (0..len.min(owed.len()) as u32).collect();
            order.sort_by(|a, b| {
                owed[*a as usize]
                    .key(outbox)
                    .cmp(owed[*b as usize].key(outbox))
            });
            order
        });
        let from = by_key.partition_point(|index| owed[*index as usize].key(outbox) < key);
        by_key[from..]
            .iter()
            .map(|index| *index as usize)
            .take_while(|index| owed[*index].key(outbox) == key)
            .find(|index| !owed[*index].answered)
    }
}
