//! What is counted.

/// Counters of one shard, or their sums. Each is named as memcached's `stats` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub get_hits: u64,
    pub get_misses: u64,
    /// Look-ups of any kind that met an item whose time was over.
    pub get_expired: u64,
    /// Look-ups of any kind that met an item that a flush had covered.
    pub get_flushed: u64,
    /// Storage commands whose value came whole, whatever became of it.
    pub cmd_set: u64,
    pub delete_hits: u64,
    pub delete_misses: u64,
    pub incr_hits: u64,
    pub incr_misses: u64,
    pub decr_hits: u64,
    pub decr_misses: u64,
    pub cas_hits: u64,
    pub cas_misses: u64,
    pub cas_badval: u64,
    pub touch_hits: u64,
    pub touch_misses: u64,
    pub store_too_large: u64,
    pub store_no_memory: u64,
    /// Items that were ever put in.
    pub total_items: u64,
    pub evictions: u64,
    pub evicted_unfetched: u64,
    pub expired_unfetched: u64,
    /// Dead items that were dropped where room was needed.
    pub reclaimed: u64,
}

impl Counters {
    pub fn add(&mut self, more: &Counters) {
        let Counters {
            get_hits,
            get_misses,
            get_expired,
            get_flushed,
            cmd_set,
            delete_hits,
            delete_misses,
            incr_hits,
            incr_misses,
            decr_hits,
            decr_misses,
            cas_hits,
            cas_misses,
            cas_badval,
            touch_hits,
            touch_misses,
            store_too_large,
            store_no_memory,
            total_items,
            evictions,
            evicted_unfetched,
            expired_unfetched,
            reclaimed,
        } = more;
        self.get_hits += get_hits;
        self.get_misses += get_misses;
        self.get_expired += get_expired;
        self.get_flushed += get_flushed;
        self.cmd_set += cmd_set;
        self.delete_hits += delete_hits;
        self.delete_misses += delete_misses;
        self.incr_hits += incr_hits;
        self.incr_misses += incr_misses;
        self.decr_hits += decr_hits;
        self.decr_misses += decr_misses;
        self.cas_hits += cas_hits;
        self.cas_misses += cas_misses;
        self.cas_badval += cas_badval;
        self.touch_hits += touch_hits;
        self.touch_misses += touch_misses;
        self.store_too_large += store_too_large;
        self.store_no_memory += store_no_memory;
        self.total_items += total_items;
        self.evictions += evictions;
        self.evicted_unfetched += evicted_unfetched;
        self.expired_unfetched += expired_unfetched;
        self.reclaimed += reclaimed;
    }
}

/// What one shard holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardReport {
    pub counters: Counters,
    pub items: u64,
    /// As [`super::item_size`] counts them.
    pub bytes: u64,
    /// Seconds since the item that was used longest ago was stored; 0 without items.
    pub age: u64,
}
