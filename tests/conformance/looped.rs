//! The same commands, carried by a loop.

use std::ffi::c_void;
use std::ptr;

use crate::abi;
use crate::client::{Answers, Client, Seen, in_c, read};
use crate::step::Command;

/// The loop of a client.
pub struct Looped(*mut abi::Handle);

impl Drop for Looped {
    fn drop(&mut self) {
        // SAFETY: a live handle that is used no more.
        unsafe { abi::mc_loop_free(self.0) };
    }
}

/// What a callback leaves for who waits.
#[derive(Default)]
struct Place {
    status: i32,
    item: Option<Seen>,
    results: Option<(usize, Vec<Seen>)>,
    told: usize,
}

unsafe extern "C" fn told(user: *mut c_void, completion: *const abi::Completion) {
    // SAFETY: a place that lives as long as the loop runs; the completion lives until this returns, and
    // its results belong to it.
    unsafe {
        let (place, completion) = (&mut *user.cast::<Place>(), &*completion);
        place.told += 1;
        place.status = completion.status;
        place.item = completion.item.as_ref().map(|item| read(item));
        if !completion.results.is_null() {
            let n = abi::mc_results_count(completion.results);
            let items = (0..n).map(|i| read(&*abi::mc_results_item(completion.results, i)));
            let failed = abi::mc_results_failed(completion.results);
            place.results = Some((failed, items.collect()));
            abi::mc_results_free(completion.results);
        }
    }
}

impl Looped {
    pub fn new(client: &Client) -> Looped {
        let mut handle = ptr::null_mut();
        // SAFETY: a live client, and a place.
        let status = unsafe { abi::mc_loop_new(client.handle(), &mut handle) };
        assert_eq!(status, abi::OK);
        Looped(handle)
    }

    /// Until nothing is under way.
    fn run(&self, place: &Place) {
        assert_eq!(place.told, 0, "told from inside submit");
        // SAFETY: a live handle.
        let status = unsafe { abi::mc_loop_run(self.0, -1) };
        assert_eq!((status, place.told), (abi::OK, 1));
    }

    /// One command, by mc_loop_submit.
    pub fn execute(&self, command: &Command, seen: &[u64]) -> Seen {
        let raw = in_c(command, seen);
        let place = &mut Place::default();
        let user = ptr::from_mut(place).cast();
        // SAFETY: a live handle, a command whose bytes are alive, a place that lives until all is told.
        let status =
            unsafe { abi::mc_loop_submit(self.0, &raw, ptr::null_mut(), Some(told), user) };
        if status != abi::OK {
            // SAFETY: this thread's record.
            let (effect, phase) =
                unsafe { (abi::mc_last_error_effect(), abi::mc_last_error_phase()) };
            return Seen::refused(command, status, effect, phase);
        }
        self.run(place);
        let mut seen = place.item.take().expect("an item");
        if seen.status != place.status {
            seen.wrong.push("another status than was told");
        }
        seen
    }

    /// Many commands, by mc_loop_submit_multi.
    pub fn execute_multi(&self, commands: &[&Command], seen: &[u64]) -> Answers {
        let raw: Vec<_> = commands.iter().map(|c| in_c(c, seen)).collect();
        let place = &mut Place::default();
        let user = ptr::from_mut(place).cast();
        let (first, n, no_batch, no_id) = (raw.as_ptr(), raw.len(), ptr::null(), ptr::null_mut());
        // SAFETY: a live handle, commands whose bytes are alive, a place that lives until all is told.
        let status = unsafe {
            abi::mc_loop_submit_multi(self.0, first, n, no_batch, no_id, Some(told), user)
        };
        assert_eq!(status, abi::OK);
        self.run(place);
        let (failed, items) = place.results.take().expect("results");
        Answers {
            status: place.status,
            failed,
            items,
        }
    }

    /// Have the replies of quiet commands come: those of commands behind them have.
    pub fn settle(&self) {
        let get = |n: usize| Command {
            op: 1,
            key: Some(format!("nothing-{n}").into_bytes()),
            ..Command::default()
        };
        let gets: Vec<_> = (0..64).map(get).collect();
        let all: Vec<_> = gets.iter().collect();
        self.execute_multi(&all, &[]);
    }
}
