//! One writer and some readers, each at a steady rate, through one client; and what became of their calls.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

use crate::board::{Board, KEYS, key};
use crate::support::client::{Client, Got, OK, last_error_effect};
use crate::support::named::{self, Random};
use crate::usage;

/// Between the calls of one thread.
const PERIOD: Duration = Duration::from_millis(1);
/// Every so many reads are a batch.
const BATCHES: usize = 8;
const BATCH: usize = 20;

/// One call, or what a batch came to at one server.
pub struct Call {
    pub begin: Duration,
    pub end: Duration,
    pub slot: usize,
    /// Where several statuses failed in one batch, one of them.
    pub failed: Option<i32>,
    pub wrong: Vec<String>,
    pub is_batch: bool,
    /// The thread had to wait for something.
    pub waited: bool,
}

#[derive(Default)]
pub struct Log {
    pub calls: Vec<Call>,
    /// When the thread woke later than it should have, and by how much: the machine was busy.
    pub late: Vec<(Duration, Duration)>,
}

pub struct Load<'a> {
    pub board: &'a Board,
    pub client: &'a Client,
}

impl Load<'_> {
    pub fn work(&self, seed: u64, is_writer: bool) -> Log {
        let (mut random, mut log) = (Random::new(seed), Log::default());
        let now = || self.board.began.elapsed();
        let mut next = now();
        while !self.board.done.load(Relaxed) {
            let number = random.below(KEYS);
            if is_writer {
                log.calls.push(self.write(number, &mut random));
            } else if random.below(BATCHES) == 0 {
                log.calls.extend(self.read_batch(&mut random));
            } else {
                log.calls.push(self.read(number));
            }
            next = (next + PERIOD).max(now());
            sleep(next.saturating_sub(now()));
            log.late.push((next, now().saturating_sub(next)));
        }
        log
    }

    /// `call` says what failed, and what is wrong.
    fn timed<T>(&self, slot: usize, call: impl FnOnce() -> T) -> (Call, T) {
        let (begin, waits) = (self.board.began.elapsed(), usage::waits());
        let made = call();
        let waited = usage::waits() != waits;
        let call = Call {
            begin,
            end: self.board.began.elapsed(),
            slot,
            failed: None,
            wrong: Vec::new(),
            is_batch: false,
            waited,
        };
        (call, made)
    }

    pub fn write(&self, number: usize, random: &mut Random) -> Call {
        let (board, key) = (self.board, key(number));
        let (version, stamp) = board.next_version(number);
        let value = named::value(&key, version, random.below(2000));
        let (mut call, status) = self.timed(board.slot(number), || self.client.set(&key, &value));
        match status {
            OK => board.stored(number, version, stamp),
            _ => board.failed(number, version, last_error_effect()),
        }
        call.failed = (status != OK).then_some(status);
        call
    }

    fn read(&self, number: usize) -> Call {
        let (board, key) = (self.board, key(number));
        let before = board.before(number);
        let (mut call, got) = self.timed(board.slot(number), || self.client.get(&key));
        call.failed = failed(&got);
        call.wrong.extend(board.wrong(number, &before, &got));
        call
    }

    fn read_batch(&self, random: &mut Random) -> Vec<Call> {
        let board = self.board;
        let numbers: Vec<_> = (0..BATCH).map(|_| random.below(KEYS)).collect();
        let keys: Vec<_> = numbers.iter().map(|number| key(*number)).collect();
        let before: Vec<_> = numbers.iter().map(|number| board.before(*number)).collect();
        let slots: Vec<_> = numbers.iter().map(|number| board.slot(*number)).collect();
        let (all, answer) = self.timed(0, || self.client.get_multi(&keys));
        let mut calls: Vec<Call> = Vec::new();
        for (n, got) in answer.entries.iter().enumerate() {
            let at = calls.iter().position(|call| call.slot == slots[n]);
            let at = at.unwrap_or_else(|| {
                calls.push(Call {
                    slot: slots[n],
                    is_batch: true,
                    wrong: Vec::new(),
                    ..all
                });
                calls.len() - 1
            });
            calls[at].failed = calls[at].failed.or(failed(got));
            calls[at]
                .wrong
                .extend(board.wrong(numbers[n], &before[n], got));
        }
        calls
    }
}

fn failed(got: &Got) -> Option<i32> {
    match got {
        Got::Failed(status) => Some(*status),
        _ => None,
    }
}
