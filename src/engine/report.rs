//! What a store tells of itself.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard};

use super::counters::{Counters, ShardReport};
use super::item::ITEM_MAX;
use super::shard::Shard;
use super::store::{Store, lock};

/// [`Store::sizes`] counts items by their size, rounded up to multiples of this.
pub const SIZE_STEP: usize = 32;

impl Store {
    /// How often everything was flushed.
    pub fn flushes(&self) -> u64 {
        self.flushes.load(Relaxed)
    }

    /// What each shard holds, after what is dead was dropped.
    pub fn shards(&self, now: i64) -> impl Iterator<Item = ShardReport> + '_ {
        let shards = self.shards.iter();
        shards.map(move |shard| self.sweep(shard, now).report(now))
    }

    /// Lock a shard, and drop what is dead.
    fn sweep<'s>(&self, shard: &'s Mutex<Shard>, now: i64) -> MutexGuard<'s, Shard> {
        let mut shard = lock(shard);
        let before = shard.bytes;
        shard.sweep(now, self.flushed());
        self.used.fetch_sub(before - shard.bytes, Relaxed);
        shard
    }

    /// All shards together.
    pub fn report(&self, now: i64) -> ShardReport {
        let mut sum = ShardReport::default();
        for shard in self.shards(now) {
            sum.counters.add(&shard.counters);
            sum.items += shard.items;
            sum.bytes += shard.bytes;
            sum.age = sum.age.max(shard.age);
        }
        sum.counters.cmd_set += self.spoiled.load(Relaxed);
        sum
    }

    /// How many items there are of each size, in steps of [`SIZE_STEP`]: entry `n` counts those above
    /// `(n - 1) * SIZE_STEP`, up to `n * SIZE_STEP`.
    pub fn sizes(&self, now: i64) -> Vec<u64> {
        let mut counts = vec![0; ITEM_MAX / SIZE_STEP + 1];
        for shard in &self.shards {
            self.sweep(shard, now)
                .sizes(|size| counts[size.div_ceil(SIZE_STEP)] += 1);
        }
        counts
    }

    /// Begin all counters anew.
    pub fn reset_counters(&self) {
        for shard in &self.shards {
            lock(shard).counters = Counters::default();
        }
        self.spoiled.store(0, Relaxed);
        self.flushes.store(0, Relaxed);
    }
}
