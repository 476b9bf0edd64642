//! What the `stats` commands answer, under memcached's names.

use std::sync::atomic::Ordering::Relaxed;

use super::VERSION;
use super::stores::Shared;
use crate::buffer::NoMemory;
use crate::engine::{Counters, ITEM_MAX, SIZE_STEP};
use crate::protocol::ascii::server::{self, Stats};

type Told = Result<(), NoMemory>;

/// One number.
fn number(name: &str, value: u64, out: &mut Vec<u8>) -> Told {
    word(name, itoa::Buffer::new().format(value), out)
}

fn word(name: &str, value: &str, out: &mut Vec<u8>) -> Told {
    server::stat(name.as_bytes(), value.as_bytes(), out)
}

pub(super) fn answer(stats: Stats<'_>, shared: &Shared, now: i64, out: &mut Vec<u8>) -> Told {
    match stats {
        Stats::General => general(shared, now, out)?,
        Stats::Settings => settings(shared, out)?,
        Stats::Items => items(shared, now, out)?,
        Stats::Slabs => slabs(shared, now, out)?,
        Stats::Sizes => sizes(shared, now, out)?,
        Stats::Reset => {
            reset(shared);
            return server::text(b"RESET\r\n", out);
        }
        Stats::Detail(what) => return detail(what, shared, out),
    }
    server::text(b"END\r\n", out)
}

fn general(shared: &Shared, now: i64, out: &mut Vec<u8>) -> Told {
    let report = shared.store.report(now);
    let counted = report.counters;
    let seconds = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    number("pid", u64::from(std::process::id()), out)?;
    number("uptime", seconds(now - shared.began), out)?;
    number("time", seconds(now), out)?;
    word("version", VERSION, out)?;
    number("pointer_size", u64::from(usize::BITS), out)?;
    let connections = shared.connections.load(Relaxed);
    number("curr_connections", connections, out)?;
    let ever = shared.connections_ever.load(Relaxed);
    number("total_connections", ever, out)?;
    let meta = shared.meta_commands.load(Relaxed);
    commands(&counted, shared.store.flushes(), meta, out)?;
    number("bytes_read", shared.bytes_read.load(Relaxed), out)?;
    number("bytes_written", shared.bytes_written.load(Relaxed), out)?;
    number("limit_maxbytes", shared.store.limit() as u64, out)?;
    // Commands run in the threads of those who send them.
    number("threads", 0, out)?;
    number("bytes", report.bytes, out)?;
    number("curr_items", report.items, out)?;
    number("total_items", counted.total_items, out)?;
    number("expired_unfetched", counted.expired_unfetched, out)?;
    number("evicted_unfetched", counted.evicted_unfetched, out)?;
    number("evictions", counted.evictions, out)?;
    number("reclaimed", counted.reclaimed, out)
}

fn commands(counted: &Counters, flushes: u64, meta: u64, out: &mut Vec<u8>) -> Told {
    let rows = [
        ("cmd_get", counted.get_hits + counted.get_misses),
        ("cmd_set", counted.cmd_set),
        ("cmd_flush", flushes),
        ("cmd_touch", counted.touch_hits + counted.touch_misses),
        ("cmd_meta", meta),
        ("get_hits", counted.get_hits),
        ("get_misses", counted.get_misses),
        ("get_expired", counted.get_expired),
        ("get_flushed", counted.get_flushed),
        ("delete_misses", counted.delete_misses),
        ("delete_hits", counted.delete_hits),
        ("incr_misses", counted.incr_misses),
        ("incr_hits", counted.incr_hits),
        ("decr_misses", counted.decr_misses),
        ("decr_hits", counted.decr_hits),
        ("cas_misses", counted.cas_misses),
        ("cas_hits", counted.cas_hits),
        ("cas_badval", counted.cas_badval),
        ("touch_hits", counted.touch_hits),
        ("touch_misses", counted.touch_misses),
        ("store_too_large", counted.store_too_large),
        ("store_no_memory", counted.store_no_memory),
    ];
    rows.iter()
        .try_for_each(|(name, value)| number(name, *value, out))
}

fn settings(shared: &Shared, out: &mut Vec<u8>) -> Told {
    let detail = if shared.detail.is_on() { "yes" } else { "no" };
    number("maxbytes", shared.store.limit() as u64, out)?;
    number("verbosity", 0, out)?;
    word("evictions", "on", out)?;
    word("stat_key_prefix", ":", out)?;
    word("detail_enabled", detail, out)?;
    word("cas_enabled", "yes", out)?;
    word("auth_enabled_sasl", "no", out)?;
    word("auth_enabled_ascii", "no", out)?;
    number("item_size_max", ITEM_MAX as u64, out)?;
    word("flush_enabled", "yes", out)?;
    word("dump_enabled", "no", out)?;
    word("shutdown_command", "no", out)?;
    word("ssl_enabled", "no", out)
}

/// Each shard is an order of use of its own, as each slab class of a server is.
fn items(shared: &Shared, now: i64, out: &mut Vec<u8>) -> Told {
    for (n, shard) in shared.store.shards(now).enumerate() {
        if shard.items == 0 {
            continue;
        }
        let counted = shard.counters;
        let rows = [
            ("number", shard.items),
            ("age", shard.age),
            ("mem_requested", shard.bytes),
            ("evicted", counted.evictions),
            ("outofmemory", counted.store_no_memory),
            ("reclaimed", counted.reclaimed),
            ("expired_unfetched", counted.expired_unfetched),
            ("evicted_unfetched", counted.evicted_unfetched),
        ];
        for (name, value) in rows {
            number(&format!("items:{}:{name}", n + 1), value, out)?;
        }
    }
    Ok(())
}

fn slabs(shared: &Shared, now: i64, out: &mut Vec<u8>) -> Told {
    let (mut active, mut bytes) = (0, 0);
    for (n, shard) in shared.store.shards(now).enumerate() {
        if shard.items == 0 {
            continue;
        }
        active += 1;
        bytes += shard.bytes;
        let counted = shard.counters;
        let rows = [
            ("used_chunks", shard.items),
            ("get_hits", counted.get_hits),
            ("cmd_set", counted.cmd_set),
            ("delete_hits", counted.delete_hits),
            ("incr_hits", counted.incr_hits),
            ("decr_hits", counted.decr_hits),
            ("cas_hits", counted.cas_hits),
            ("cas_badval", counted.cas_badval),
            ("touch_hits", counted.touch_hits),
        ];
        for (name, value) in rows {
            number(&format!("{}:{name}", n + 1), value, out)?;
        }
    }
    number("active_slabs", active, out)?;
    number("total_malloced", bytes, out)
}

/// How many items there are up to each size.
fn sizes(shared: &Shared, now: i64, out: &mut Vec<u8>) -> Told {
    for (n, count) in shared.store.sizes(now).iter().enumerate() {
        if *count > 0 {
            number(&(n * SIZE_STEP).to_string(), *count, out)?;
        }
    }
    Ok(())
}

fn reset(shared: &Shared) {
    shared.store.reset_counters();
    shared.detail.reset();
    for counter in [
        &shared.connections_ever,
        &shared.bytes_read,
        &shared.bytes_written,
        &shared.meta_commands,
    ] {
        counter.store(0, Relaxed);
    }
}

fn detail(what: &[u8], shared: &Shared, out: &mut Vec<u8>) -> Told {
    match what {
        b"on" => shared.detail.switch(true),
        b"off" => shared.detail.switch(false),
        b"dump" => return shared.detail.dump(out),
        _ => return server::text(b"CLIENT_ERROR usage: stats detail on|off|dump\r\n", out),
    }
    server::text(b"OK\r\n", out)
}
