//! What the `stats` commands answer, under memcached's names.

use std::sync::atomic::Ordering::Relaxed;

use super::VERSION;
use super::sheet::Sheet;
use super::stores::Shared;
use crate::buffer::NoMemory;
use crate::engine::{Counters, ITEM_MAX, SIZE_STEP};
use crate::protocol::ascii::server::Stats;

type Told = Result<(), NoMemory>;

pub(super) fn answer(stats: Stats<'_>, shared: &Shared, now: i64, sheet: &mut Sheet<'_>) -> Told {
    match stats {
        Stats::General => general(shared, now, sheet)?,
        Stats::Settings => settings(shared, sheet)?,
        Stats::Items => items(shared, now, sheet)?,
        Stats::Slabs => slabs(shared, now, sheet)?,
        Stats::Sizes => sizes(shared, now, sheet)?,
        Stats::Reset => {
            reset(shared);
            return sheet.end(b"RESET\r\n");
        }
        Stats::Detail(what) => return detail(what, shared, sheet),
    }
    sheet.end(b"END\r\n")
}

fn general(shared: &Shared, now: i64, sheet: &mut Sheet<'_>) -> Told {
    let report = shared.store.report(now);
    let counted = report.counters;
    let seconds = |seconds: i64| u64::try_from(seconds).unwrap_or(0);
    sheet.number("pid", u64::from(std::process::id()))?;
    sheet.number("uptime", seconds(now - shared.began))?;
    sheet.number("time", seconds(now))?;
    sheet.word("version", VERSION)?;
    sheet.number("pointer_size", u64::from(usize::BITS))?;
    let connections = shared.connections.load(Relaxed);
    sheet.number("curr_connections", connections)?;
    let ever = shared.connections_ever.load(Relaxed);
    sheet.number("total_connections", ever)?;
    let meta = shared.meta_commands.load(Relaxed);
    commands(&counted, shared.store.flushes(), meta, sheet)?;
    sheet.number("bytes_read", shared.bytes_read.load(Relaxed))?;
    sheet.number("bytes_written", shared.bytes_written.load(Relaxed))?;
    sheet.number("limit_maxbytes", shared.store.limit() as u64)?;
    // Commands run in the threads of those who send them.
    sheet.number("threads", 0)?;
    sheet.number("bytes", report.bytes)?;
    sheet.number("curr_items", report.items)?;
    sheet.number("total_items", counted.total_items)?;
    sheet.number("expired_unfetched", counted.expired_unfetched)?;
    sheet.number("evicted_unfetched", counted.evicted_unfetched)?;
    sheet.number("evictions", counted.evictions)?;
    sheet.number("reclaimed", counted.reclaimed)
}

fn commands(counted: &Counters, flushes: u64, meta: u64, sheet: &mut Sheet<'_>) -> Told {
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
        .try_for_each(|(name, value)| sheet.number(name, *value))
}

fn settings(shared: &Shared, sheet: &mut Sheet<'_>) -> Told {
    let detail = if shared.detail.is_on() { "yes" } else { "no" };
    sheet.number("maxbytes", shared.store.limit() as u64)?;
    sheet.number("verbosity", 0)?;
    sheet.word("evictions", "on")?;
    sheet.word("stat_key_prefix", ":")?;
    sheet.word("detail_enabled", detail)?;
    sheet.word("cas_enabled", "yes")?;
    sheet.word("auth_enabled_sasl", "no")?;
    sheet.word("auth_enabled_ascii", "no")?;
    sheet.number("item_size_max", ITEM_MAX as u64)?;
    sheet.word("flush_enabled", "yes")?;
    sheet.word("dump_enabled", "yes")?;
    sheet.word("shutdown_command", "no")?;
    sheet.word("ssl_enabled", "no")
}

/// Each shard is an order of use of its own, as each slab class of a server is.
fn items(shared: &Shared, now: i64, sheet: &mut Sheet<'_>) -> Told {
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
            sheet.number(&format!("items:{}:{name}", n + 1), value)?;
        }
    }
    Ok(())
}

fn slabs(shared: &Shared, now: i64, sheet: &mut Sheet<'_>) -> Told {
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
            sheet.number(&format!("{}:{name}", n + 1), value)?;
        }
    }
    sheet.number("active_slabs", active)?;
    sheet.number("total_malloced", bytes)
}

/// How many items there are up to each size.
fn sizes(shared: &Shared, now: i64, sheet: &mut Sheet<'_>) -> Told {
    for (n, count) in shared.store.sizes(now).iter().enumerate() {
        if *count > 0 {
            sheet.number(&(n * SIZE_STEP).to_string(), *count)?;
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

fn detail(what: &[u8], shared: &Shared, sheet: &mut Sheet<'_>) -> Told {
    match what {
        b"on" => shared.detail.switch(true),
        b"off" => shared.detail.switch(false),
        b"dump" => return sheet.text("detailed", &shared.detail.dump()?),
        _ => return sheet.unknown(b"CLIENT_ERROR usage: stats detail on|off|dump\r\n"),
    }
    sheet.end(b"OK\r\n")
}
