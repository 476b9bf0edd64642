//! Where the answers of a loop's operations go: into an item, or into results; and how their end is
//! told.

use std::ffi::c_void;
use std::ptr;

use super::batch::{finish, partial};
use super::event::{mc_completion, mc_done_fn};
use super::item::{mc_item, mc_item_free};
use super::item_sink::ItemSink;
use super::last_error;
use super::results::mc_results_free;
use super::results_sink::ResultsSink;
use crate::buffer::{Chunk, Place};
use crate::driver::sink::{Answer as Reply, Sent, Sink};
use crate::error::{Failure, Result, Status};
use crate::event::{Done, Kept, Task};
use crate::operation::Token;
use crate::operation::command::Commands;
use crate::protocol::ValueHead;

/// The answers of one operation.
pub struct Answer {
    done: mc_done_fn,
    user: *mut c_void,
    what: What,
}

enum What {
    Item(LoneItem),
    Results { sink: ResultsSink, partial: Status },
}

// SAFETY: what the pointers lead to belongs to the answer alone, but for `user`, which is the caller's
// business.
unsafe impl Send for Answer {}

/// An item, made when there is something to put into it.
struct LoneItem {
    sink: ItemSink<'static>,
    /// What the sink takes for the command's key.
    _key: Box<[u8]>,
}

impl LoneItem {
    fn new(key: &[u8]) -> LoneItem {
        let key: Box<[u8]> = key.into();
        // SAFETY: the bytes stay where they are for as long as the sink beside them lives.
        let lent: &'static [u8] = unsafe { &*ptr::from_ref::<[u8]>(&key) };
        LoneItem {
            sink: ItemSink::always_making(lent),
            _key: key,
        }
    }
}

impl Drop for LoneItem {
    fn drop(&mut self) {
        // SAFETY: made for this answer, and not given away.
        unsafe { mc_item_free(self.sink.take()) };
    }
}

impl Answer {
    /// Of a lone command.
    pub fn item(kept: &Kept, done: mc_done_fn, user: *mut c_void) -> Result<Answer> {
        let key = kept.command(0)?.key;
        let what = What::Item(LoneItem::new(key));
        Ok(Answer { done, user, what })
    }

    /// Of a batch.
    pub fn results(
        kept: &Kept,
        all_write: bool,
        done: mc_done_fn,
        user: *mut c_void,
    ) -> Result<Answer> {
        let what = What::Results {
            sink: ResultsSink::new(kept.count())?,
            partial: partial(all_write),
        };
        Ok(Answer { done, user, what })
    }

    fn sink(&mut self) -> &mut dyn Sink {
        match &mut self.what {
            What::Item(item) => &mut item.sink,
            What::Results { sink, .. } => sink,
        }
    }
}

impl Task for Answer {
    fn is_called(&self) -> bool {
        self.done.is_some()
    }
}

impl Sink for Answer {
    fn sent(&mut self, tag: Token, sent: &Sent) {
        self.sink().sent(tag, sent);
    }

    fn value(&mut self, tag: Token, head: &ValueHead, value: &[u8]) {
        match &mut self.what {
            What::Item(item) => item.sink.value(tag, head, value),
            What::Results { sink, .. } => sink.copied_value(tag, head, value),
        }
    }

    fn place(&mut self, tag: Token, head: &ValueHead, begins: bool) -> Option<&mut dyn Place> {
        match &mut self.what {
            What::Item(item) => item.sink.place(tag, head, begins),
            What::Results { sink, .. } => sink.place(tag, head, begins),
        }
    }

    fn placed(&mut self, tag: Token, head: &ValueHead) {
        self.sink().placed(tag, head);
    }

    fn answer(&mut self, tag: Token, answer: Reply<'_>) {
        self.sink().answer(tag, answer);
    }

    fn fail(&mut self, tag: Token, failure: Box<Failure>) {
        self.sink().fail(tag, failure);
    }

    fn excuse(&mut self, tag: Token, miss: Status, failure: Box<Failure>) {
        self.sink().excuse(tag, miss, failure);
    }

    fn keep(&mut self, _: u32, _: Vec<Chunk>, _: Vec<u8>) {}
}

/// The end of an operation, as it is told.
pub struct Told {
    completion: mc_completion,
    done: mc_done_fn,
    user: *mut c_void,
    /// Belongs to whoever is told.
    given: bool,
}

// SAFETY: as for `Answer`.
unsafe impl Send for Told {}

impl Told {
    pub fn new(over: Done<Answer>) -> Told {
        let Done { id, task, kept } = over;
        let Answer { done, user, what } = task;
        let mut completion = mc_completion {
            id,
            user,
            status: 0,
            reserved: 0,
            item: ptr::null(),
            results: ptr::null_mut(),
        };
        match what {
            What::Item(mut item) => {
                completion.status = item.sink.status.0;
                completion.item = item.sink.take();
                if completion.item.is_null() && item.sink.status.is_ok() {
                    completion.status = no_memory();
                }
            }
            What::Results { sink, partial } => {
                let status = finish(sink, &kept, partial, Some(&mut completion.results));
                completion.status = match status {
                    Ok(status) => status.0,
                    Err(_) => no_memory(),
                };
            }
        }
        Told {
            completion,
            done,
            user,
            given: false,
        }
    }

    /// By a call, to whoever gave one.
    pub fn tell(mut self) {
        if let Some(done) = self.done {
            self.given = true;
            // SAFETY: the caller's function, which returns; the completion lives through the call.
            unsafe { done(self.user, &self.completion) };
        }
    }

    /// To whoever has asked.
    pub fn give(&mut self) -> *const mc_completion {
        self.given = true;
        &raw const self.completion
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let item: *const mc_item = self.completion.item;
        // SAFETY: the item was made for this end of an operation, and lived as long as promised.
        unsafe { mc_item_free(item.cast_mut()) };
        if !self.given {
            mc_results_free(self.completion.results);
        }
    }
}

#[cold]
fn no_memory() -> i32 {
    last_error::record(&Failure::no_memory(0));
    Status::NO_MEMORY.0
}
