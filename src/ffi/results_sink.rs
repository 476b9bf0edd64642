//! Results of batches: an array of items that points into the memory that was received into.

use super::item::{
    MC_HAVE_CAS, MC_HAVE_CLAMPED, MC_HAVE_FLAGS, MC_HAVE_NUMBER, MC_HAVE_VALUE, Slot,
};
use crate::buffer::{Block, Chunk, Place};
use crate::client::sink::{Answer, Sent, Sink};
use crate::error::{Failure, Phase, Result, Status};
use crate::names::ServerName;
use crate::operation::Token;
use crate::operation::command::{Commands, command};
use crate::protocol::ValueHead;
use crate::protocol::extra::About;

/// What `mc_results` stands for.
#[derive(Default)]
pub struct Results {
    pub items: Vec<Slot>,
    pub failed: usize,
    /// Some of the items hold texts.
    has_texts: bool,
    /// What the items' pointers lead to.
    _chunks: Vec<Chunk>,
    _bodies: Vec<Block>,
    _commands: Vec<Vec<u8>>,
    _keys: Vec<Vec<u8>>,
}

// SAFETY: the pointers in the items lead to memory that the results own and that nobody changes.
unsafe impl Send for Results {}
// SAFETY: as above.
unsafe impl Sync for Results {}

impl Drop for Results {
    fn drop(&mut self) {
        if !self.has_texts {
            // SAFETY: a slot of results owns nothing but the text of a failure: without failures none
            // need be looked at, and their memory is freed all the same.
            unsafe { self.items.set_len(0) };
        }
    }
}

/// Memory for values that are copied is had in pieces of at least this size.
const COPIES_AT_ONCE: usize = 8 * 1024;

pub struct ResultsSink {
    items: Vec<Slot>,
    chunks: Vec<Chunk>,
    bodies: Vec<Block>,
    /// The large values that are being received, one for each connection at the most.
    arriving: Vec<(Token, Block)>,
    /// By lane.
    commands: Vec<Vec<u8>>,
    last: Option<Box<Failure>>,
    failed: usize,
}

impl ResultsSink {
    pub fn new(n: usize) -> Result<ResultsSink> {
        Ok(ResultsSink {
            items: Slot::many(n).map_err(|why| Failure::no_memory(why.0))?,
            chunks: Vec::new(),
            bodies: Vec::new(),
            arriving: Vec::new(),
            commands: Vec::new(),
            last: None,
            failed: 0,
        })
    }

    /// One item for each server, with its name.
    pub fn for_servers(names: &[ServerName]) -> Result<ResultsSink> {
        let mut sink = ResultsSink::new(names.len())?;
        for (slot, name) in sink.items.iter_mut().zip(names) {
            slot.item.server = name.as_c_str().as_ptr();
        }
        Ok(sink)
    }

    fn slot(&mut self, tag: Token) -> Option<&mut Slot> {
        self.items.get_mut(tag as usize)
    }

    /// The failure that was told last.
    pub fn last(&self) -> Option<&Failure> {
        self.last.as_deref()
    }

    /// Everything has come: find the keys.
    pub fn finish(mut self, commands: &dyn Commands) -> Results {
        let mut copies = Vec::new();
        let lanes: Vec<(*mut u8, usize)> = self
            .commands
            .iter_mut()
            .map(|bytes| (bytes.as_mut_ptr(), bytes.len()))
            .collect();
        for (index, slot) in self.items.iter_mut().enumerate() {
            let end = slot.key_at + slot.item.key_len;
            match lanes.get((slot.lane as usize).wrapping_sub(1)) {
                // SAFETY: within the command bytes of the lane, which from now on nobody else touches,
                // and which the results own. What separated the key from what follows makes room for
                // its NUL.
                Some((bytes, len)) if end < *len => unsafe {
                    bytes.add(end).write(0);
                    slot.item.key = bytes.add(slot.key_at).cast_const().cast();
                },
                _ => copies.push(copied_key(slot, commands, index)),
            }
        }
        Results {
            items: self.items,
            failed: self.failed,
            has_texts: self.last.is_some(),
            _chunks: self.chunks,
            _bodies: self.bodies,
            _commands: self.commands,
            _keys: copies,
        }
    }
}

/// The key of a command that was not sent, with a NUL behind it; illegal keys may hold others.
#[cold]
fn copied_key(slot: &mut Slot, commands: &dyn Commands, index: usize) -> Vec<u8> {
    let key = match command(commands, index) {
        Ok(command) => command.key,
        Err(_) => commands.refused_key(index),
    };
    let mut bytes = key.to_vec();
    bytes.push(0);
    slot.item.key = bytes.as_ptr().cast();
    slot.item.key_len = key.len();
    bytes
}

impl Sink for ResultsSink {
    #[inline]
    fn sent(&mut self, tag: Token, sent: &Sent) {
        if let Some(slot) = self.slot(tag) {
            slot.lane = sent.lane + 1;
            if sent.clamped {
                slot.item.have = MC_HAVE_CLAMPED;
            }
            slot.key_at = sent.key_at;
            slot.item.key_len = sent.key_len;
            slot.item.server = sent.server.as_c_str().as_ptr();
        }
    }

    #[inline]
    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        if let Some(slot) = self.slot(tag) {
            take_value(slot, head, value.as_ptr());
        }
    }

    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        if begins {
            let mut block = Block::new();
            // One byte more, for the NUL.
            if block.begin(head.len.saturating_add(1)).is_err() {
                return None;
            }
            self.arriving.retain(|(other, _)| *other != tag);
            self.arriving.push((tag, block));
        }
        let (_, block) = self.arriving.iter_mut().find(|(other, _)| *other == tag)?;
        Some(block)
    }

    fn placed(&mut self, tag: Token, head: &ValueHead) {
        let index = self.arriving.iter().position(|(other, _)| *other == tag);
        let whole = index
            .map(|index| self.arriving.swap_remove(index).1)
            .filter(|block| block.failed().is_none())
            .and_then(|mut block| block.push(0).is_ok().then_some(block));
        let Some(block) = whole else {
            return self.fail(tag, Failure::no_memory(head.len).at(Phase::Receive));
        };
        if let Some(slot) = self.slot(tag) {
            take_value(slot, head, block.as_ptr());
        }
        self.bodies.push(block);
    }

    #[inline]
    fn answer(&mut self, tag: Token, answer: Answer<'_>) {
        if let Answer::Text(text) = answer {
            return self.text(tag, text);
        }
        let Some(slot) = self.slot(tag) else {
            return;
        };
        match answer {
            Answer::Miss(status) => slot.item.status = status.0,
            Answer::Number(number) => {
                slot.item.number = number;
                slot.item.have |= MC_HAVE_NUMBER;
            }
            Answer::Done | Answer::Text(_) => {}
        }
    }

    fn about(&mut self, tag: Token, about: &About) {
        if let Some(slot) = self.slot(tag) {
            slot.item.tell(about);
        }
    }

    #[cold]
    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        self.arriving.retain(|(other, _)| *other != tag);
        if let Some(slot) = self.slot(tag) {
            slot.fail(&failure);
        }
        self.failed += 1;
        self.last = Some(failure);
    }

    /// Who finds nothing has not failed; who wanted to store has.
    #[cold]
    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.fail(tag, failure);
        if let Some(slot) = self.slot(tag) {
            slot.item.status = miss.0;
        }
        if miss.is_miss() {
            self.failed -= 1;
        }
    }

    fn keep(&mut self, lane: u32, chunks: Vec<Chunk>, commands: Vec<u8>) {
        self.chunks.extend(chunks);
        let lane = lane as usize;
        if self.commands.len() <= lane {
            self.commands.resize_with(lane + 1, Vec::new);
        }
        self.commands[lane] = commands;
    }
}

impl ResultsSink {
    /// As [`Sink::value`], of bytes that do not stay where they are.
    pub fn copied_value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        let need = value.len().saturating_add(1);
        let has_room = |chunk: &Chunk| chunk.capacity() - chunk.len() >= need;
        if !self.chunks.last().is_some_and(has_room) {
            match Chunk::new(need.max(COPIES_AT_ONCE)) {
                Ok(chunk) => self.chunks.push(chunk),
                Err(why) => {
                    let failure = Failure::no_memory(why.0).at(Phase::Receive);
                    return self.fail(tag, failure);
                }
            }
        }
        let Some(chunk) = self.chunks.last_mut() else {
            return;
        };
        let at = chunk.len();
        chunk.append(value);
        chunk.append(&[0]);
        let copy = chunk.filled()[at..].as_ptr();
        if let Some(slot) = self.slot(tag) {
            take_value(slot, head, copy);
        }
    }

    /// An answer in words, such as a version, is handed out as a value.
    fn text(&mut self, tag: Token, text: &[u8]) {
        let head = ValueHead {
            flags: 0,
            len: text.len(),
            cas: None,
        };
        if let Some(place) = self.place(tag, &head, true) {
            place.put(text);
        }
        self.placed(tag, &head);
    }
}

#[inline]
fn take_value(slot: &mut Slot, head: &ValueHead, value: *const u8) {
    let item = &mut slot.item;
    item.status = 0;
    item.value = value.cast();
    item.value_len = head.len;
    item.flags = head.flags;
    // Beside what was said when the command was sent.
    item.have |= MC_HAVE_VALUE | MC_HAVE_FLAGS;
    if let Some(cas) = head.cas {
        item.cas = cas;
        item.have |= MC_HAVE_CAS;
    }
}
