//! The connections of one server: idle ones in atomic slots, a limit on how many there are, and what
//! a forked child must close.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use super::place::{Noted, Place};
use super::queue::{Gift, Queue};
use super::slot::Slot;
use super::thread;
use crate::connection::link::Link;
use crate::deadline::Moment;
use crate::protocol::version::Version;
use crate::transport::Stream;
use crate::transport::race::ADDRESSES_MAX;

/// A link, and what it is to its pool. Dropped, it is closed, and its seat is free.
pub struct Pooled {
    pub link: Link,
    epoch: u64,
    noted: Noted,
    /// Behind the link: given up when that is closed.
    seat: Seat,
}

pub struct Pool {
    /// A power of two of them, at least as many as connections may be open.
    slots: Box<[Slot<Pooled>]>,
    /// Of each socket what a forked child must know to close its copy of it.
    places: Arc<[Place]>,
    /// How many connections may be open.
    max: usize,
    open: AtomicUsize,
    /// Counts the server's lives: connections of an earlier one are not used again. Below [`LIFE`] it
    /// counts what was held against the server: connections from before are watched, so that their next
    /// reply is told.
    epoch: AtomicU64,
    /// The server has left the list: no connection is kept any more.
    retired: AtomicBool,
    queue: Queue<Pooled>,
    /// Quiet commands that failed or whose replies were lost.
    quiet_failed: Arc<AtomicU64>,
}

/// One life of a server.
const LIFE: u64 = 1 << 16;

fn of_one_life(epoch: u64, other: u64) -> bool {
    epoch / LIFE == other / LIFE
}

/// What a caller may go on with.
pub enum Entry {
    Idle(Lease),
    /// A connection may be made, and handed to [`Pool::admit`].
    Seat(Seat),
}

/// The right to one open connection; given back when dropped. One that stands for nothing (the
/// default) gives nothing back.
#[derive(Default)]
pub struct Seat {
    pool: Weak<Pool>,
}

/// A connection in the caller's hands. Dropped, it goes back if it is in step, and is closed if not.
pub struct Lease {
    pool: Arc<Pool>,
    pooled: Option<Box<Pooled>>,
}

impl Pool {
    pub fn new(max_connections: usize, quiet_failed: Arc<AtomicU64>) -> Arc<Pool> {
        let slots = max_connections.next_power_of_two();
        Arc::new(Pool {
            slots: (0..slots).map(|_| Slot::default()).collect(),
            // A connection that is being made may have several sockets; one that finds no place is
            // closed late in a child, no more.
            places: (0..max_connections + ADDRESSES_MAX)
                .map(|_| Place::default())
                .collect(),
            max: max_connections,
            open: AtomicUsize::new(0),
            epoch: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            queue: Queue::default(),
            quiet_failed,
        })
    }

    /// An idle connection of the server's present life.
    #[inline]
    pub fn idle(self: &Arc<Self>) -> Option<Lease> {
        self.take(thread::number())
            .map(|pooled| Lease::new(self, pooled))
    }

    /// As [`Pool::idle`], looking into slot number `first` first (so that a thread meets its own
    /// connection again); to be given back with [`Pool::put`] if it is in step, or put into a
    /// [`Lease::new`].
    #[inline(always)]
    pub fn take(&self, first: usize) -> Option<Box<Pooled>> {
        match self.slot(first).take() {
            Some(pooled) if pooled.epoch == self.epoch.load(Ordering::Acquire) => Some(pooled),
            other => self.take_elsewhere(first, other, true),
        }
    }

    /// As [`Pool::take`], with the first slot at hand, for who tells nobody of replies: none that is
    /// watched.
    #[inline(always)]
    pub fn take_from(&self, slot: &Slot<Pooled>, first: usize) -> Option<Box<Pooled>> {
        match slot.take() {
            Some(pooled) if pooled.epoch == self.epoch.load(Ordering::Acquire) => Some(pooled),
            other => self.take_elsewhere(first, other, false),
        }
    }

    /// Slot number `number`, of as many as there are: where a thread looks first.
    #[inline(always)]
    pub fn slot(&self, number: usize) -> &Slot<Pooled> {
        // A power of two of them.
        &self.slots[number & (self.slots.len() - 1)]
    }

    /// Connections from before are closed. One that is `watched` is so no more when it is taken: its
    /// reply will be told.
    #[cold]
    #[inline(never)]
    fn take_elsewhere(
        &self,
        first: usize,
        found: Option<Box<Pooled>>,
        watched: bool,
    ) -> Option<Box<Pooled>> {
        let now = self.epoch.load(Ordering::Acquire);
        let mut found = found;
        for next in 1..=self.slots.len() {
            match found {
                Some(mut pooled) if of_one_life(pooled.epoch, now) => {
                    if pooled.epoch == now || watched {
                        pooled.epoch = now;
                        return Some(pooled);
                    }
                    self.put(first, pooled);
                    return None;
                }
                other => drop(other),
            }
            if next == self.slots.len() {
                break;
            }
            found = self.slot(first.wrapping_add(next)).take();
        }
        None
    }

    /// The right to open one more connection, if there may be one more.
    pub fn seat(self: &Arc<Self>) -> Option<Seat> {
        self.sit().then(|| self.seated())
    }

    fn seated(self: &Arc<Self>) -> Seat {
        Seat {
            pool: Arc::downgrade(self),
        }
    }

    /// An idle connection, or a seat, without waiting. With `fresh`, an idle connection is closed
    /// for its seat.
    pub fn enter(self: &Arc<Self>, fresh: bool) -> Option<Entry> {
        if !fresh {
            if let Some(lease) = self.idle() {
                return Some(Entry::Idle(lease));
            }
        }
        if let Some(seat) = self.seat() {
            return Some(Entry::Seat(seat));
        }
        if fresh {
            // The seat of the closed connection may go to one who waits.
            if let Some(idle) = self.take(thread::number()) {
                drop(idle);
            }
            return self.seat().map(Entry::Seat);
        }
        None
    }

    /// As [`Pool::enter`], waiting until `until`.
    pub fn wait(self: &Arc<Self>, fresh: bool, until: Option<Moment>) -> Option<Entry> {
        if let Some(entry) = self.enter(fresh) {
            return Some(entry);
        }
        let look = || match self.enter(fresh)? {
            Entry::Idle(mut lease) => lease.pooled.take().map(Gift::Idle),
            Entry::Seat(seat) => {
                seat.keep();
                Some(Gift::Seat)
            }
        };
        let given = self.queue.wait(until, look, |late| self.give_again(late))?;
        Some(match given {
            Gift::Seat => Entry::Seat(self.seated()),
            Gift::Idle(mut pooled) if self.is_alive(&pooled) && !fresh => {
                pooled.epoch = self.epoch.load(Ordering::Acquire);
                Entry::Idle(Lease::new(self, pooled))
            }
            Gift::Idle(pooled) => Entry::Seat(pooled.into_seat()),
        })
    }

    fn give_again(&self, gift: Gift<Pooled>) {
        match gift {
            Gift::Idle(pooled) => self.put(thread::number(), pooled),
            Gift::Seat => self.vacate(),
        }
    }

    /// A connection that turned out to be unfit when it was looked at: the server's other idle ones
    /// are not to be trusted either.
    #[cold]
    pub fn unfit(&self, pooled: Box<Pooled>) {
        let epoch = pooled.epoch;
        drop(pooled);
        self.new_epoch(epoch);
    }

    /// Give a connection back that may be out of step or of an earlier life.
    pub fn put_or_close(&self, pooled: Box<Pooled>) {
        if self.is_alive(&pooled) && pooled.link.session.in_step() {
            self.put(thread::number(), pooled);
        } else {
            drop(pooled);
        }
    }

    /// Give a connection that is in step to one who waits, or keep it idle, in slot number `first` if
    /// that is free.
    #[inline(always)]
    pub fn put(&self, first: usize, pooled: Box<Pooled>) {
        self.put_into(self.slot(first), first, pooled);
    }

    /// As [`Pool::put`], with the first slot at hand.
    #[inline(always)]
    pub fn put_into(&self, slot: &Slot<Pooled>, first: usize, pooled: Box<Pooled>) {
        let epoch = pooled.epoch;
        if let Err(back) = slot.put(pooled) {
            self.shelve_elsewhere(first, back);
        }
        // Looked at only now that the connection can be found in its slot: nobody who began to wait, and
        // no end of the server's life, is overlooked.
        if !self.queue.is_empty() || epoch != self.epoch.load(Ordering::SeqCst) {
            self.after_put(first, epoch);
        }
    }

    #[cold]
    #[inline(never)]
    fn after_put(&self, first: usize, epoch: u64) {
        if !of_one_life(epoch, self.epoch.load(Ordering::SeqCst)) {
            self.drop_idle();
        }
        if !self.queue.is_empty() {
            if let Some(idle) = self.take(first) {
                self.hand_on(first, idle);
            }
        }
    }

    /// Give a connection to one who waits; kept idle where nobody does any more, until nobody is seen
    /// to wait after it could be found in its slot.
    #[cold]
    fn hand_on(&self, first: usize, mut pooled: Box<Pooled>) {
        loop {
            match self.queue.give(Gift::Idle(pooled)) {
                Err(Gift::Idle(back)) => pooled = back,
                _ => return,
            }
            self.shelve(first, pooled);
            if self.queue.is_empty() {
                return;
            }
            match self.take(first) {
                Some(idle) => pooled = idle,
                None => return,
            }
        }
    }

    #[inline(always)]
    fn shelve(&self, first: usize, pooled: Box<Pooled>) {
        if let Err(back) = self.slot(first).put(pooled) {
            self.shelve_elsewhere(first, back);
        }
    }

    #[cold]
    #[inline(never)]
    fn shelve_elsewhere(&self, first: usize, mut pooled: Box<Pooled>) {
        for i in 1..self.slots.len() {
            match self.slot(first.wrapping_add(i)).put(pooled) {
                Ok(()) => return,
                Err(back) => pooled = back,
            }
        }
        drop(pooled);
    }

    /// Give up a seat, to one who waits if there is one.
    fn vacate(&self) {
        loop {
            if !self.queue.is_empty() && self.queue.give(Gift::Seat).is_ok() {
                return;
            }
            self.open.fetch_sub(1, Ordering::SeqCst);
            // As in `put`: someone may have begun to wait meanwhile.
            if self.queue.is_empty() || !self.sit() {
                return;
            }
        }
    }

    /// Count one more open connection, if there may be one more.
    fn sit(&self) -> bool {
        let more = |open| (open < self.max).then_some(open + 1);
        self.open
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more)
            .is_ok()
    }

    /// The server's life ended as `lease` saw it: its idle connections are dead too.
    pub fn new_epoch(&self, seen: u64) {
        let next = |now: u64| of_one_life(now, seen).then(|| (now / LIFE).wrapping_add(1) * LIFE);
        let changed = self
            .epoch
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        if changed.is_ok() {
            self.drop_idle();
        }
    }

    /// Something is held against the server: the next reply over each of its connections is to be told.
    pub fn watch(&self) {
        let next = |now: u64| Some((now / LIFE * LIFE) | (now.wrapping_add(1) % LIFE));
        // `next` never declines.
        let _ = self
            .epoch
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }

    fn is_alive(&self, pooled: &Pooled) -> bool {
        of_one_life(pooled.epoch, self.epoch.load(Ordering::Acquire))
    }

    /// Close idle connections now, and those in use when they come back.
    pub fn close_all(&self) {
        self.epoch.fetch_add(LIFE, Ordering::SeqCst);
        self.drop_idle();
    }

    /// As [`Pool::close_all`], and for good: connections that calls under way still make here are closed
    /// when those end.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.close_all();
    }

    /// What a new connection belongs to: the server's present life, or none.
    fn epoch_of_new(&self) -> u64 {
        // In this order: who sees the epoch that retiring begins sees that it was retired.
        let epoch = self.epoch.load(Ordering::SeqCst);
        match self.retired.load(Ordering::SeqCst) {
            true => epoch.wrapping_sub(LIFE),
            false => epoch,
        }
    }

    fn drop_idle(&self) {
        for slot in &self.slots {
            if let Some(pooled) = slot.take() {
                if self.is_alive(&pooled) {
                    self.put(thread::number(), pooled);
                } else {
                    drop(pooled);
                }
            }
        }
    }

    /// In a forked child: close what the parent's connections are here. Nothing is told to the
    /// server, nothing is freed that a vanished thread may have been changing.
    pub fn close_inherited(&self) {
        for place in self.places.iter() {
            place.close_inherited();
        }
        for slot in &self.slots {
            std::mem::forget(slot.take());
        }
    }

    pub fn quiet_failed(&self) -> &AtomicU64 {
        &self.quiet_failed
    }

    /// Note a socket, for a forked child to close; what has no descriptor needs no note.
    pub fn note(&self, stream: &Stream) -> Noted {
        match stream.fd() {
            Some(fd) => Noted::new(&self.places, fd),
            None => Noted::default(),
        }
    }
}

impl Seat {
    /// The connection that was made on it, which is one of `pool`'s and noted there.
    pub fn admit(self, pool: &Arc<Pool>, link: Link, noted: Noted) -> Lease {
        let pooled = Pooled {
            epoch: pool.epoch_of_new(),
            noted,
            link,
            seat: self,
        };
        Lease::new(pool, Box::new(pooled))
    }

    /// Give nothing back: the right is another's now.
    fn keep(mut self) {
        self.pool = Weak::new();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.vacate();
        }
    }
}

impl Pooled {
    /// Close the connection and keep its seat, for a new one.
    #[cold]
    fn into_seat(mut self: Box<Self>) -> Seat {
        self.give_up();
        std::mem::take(&mut self.seat)
    }

    /// What has to be done before the descriptor is closed.
    fn give_up(&mut self) {
        let mut lost = 0;
        while let Some(abandoned) = self.link.session.abandon() {
            lost += u64::from(abandoned.quiet);
        }
        // Its number may belong to someone else afterwards.
        self.noted.clear();
        if let Some(pool) = self.seat.pool.upgrade() {
            pool.quiet_failed.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

impl Drop for Pooled {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Lease {
    pub fn new(pool: &Arc<Pool>, pooled: Box<Pooled>) -> Lease {
        Lease {
            pool: pool.clone(),
            pooled: Some(pooled),
        }
    }

    /// The connection; there is one for as long as the lease lives.
    #[inline]
    pub fn link(&mut self) -> &mut Link {
        match &mut self.pooled {
            Some(pooled) => &mut pooled.link,
            // `pooled` is taken only by functions that consume the lease.
            None => unreachable!("a lease without its connection"),
        }
    }

    /// The server's life that the connection belongs to.
    pub fn epoch(&self) -> u64 {
        self.pooled.as_ref().map_or(0, |pooled| pooled.epoch)
    }

    /// Whether the server still lives the life that the connection belongs to.
    pub fn is_current(&self) -> bool {
        of_one_life(self.epoch(), self.pool.epoch.load(Ordering::Acquire))
    }

    /// It has told nothing of a server that something is held against: its next reply is to be told.
    #[cold]
    pub fn watch(&mut self) {
        if let Some(pooled) = &mut self.pooled {
            let epoch = pooled.epoch;
            pooled.epoch = (epoch / LIFE * LIFE) | (epoch.wrapping_sub(1) % LIFE);
        }
    }

    /// What the connection's server said that it is.
    pub fn version(&self) -> Option<Version> {
        self.pooled.as_ref()?.link.session.version()
    }

    /// Close the connection and keep its seat, for a new one.
    pub fn into_seat(mut self) -> Seat {
        match self.pooled.take() {
            Some(pooled) => pooled.into_seat(),
            // As for `link`.
            None => Seat::default(),
        }
    }
}

impl Drop for Lease {
    #[inline]
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            self.pool.put_or_close(pooled);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::session::Session;
    use crate::deadline;
    use crate::transport::{Endpoint, Tuning};
    use std::net::TcpListener;

    /// A pool of one, and a connection of it.
    fn pool_of_one(listener: &TcpListener) -> (Arc<Pool>, Lease) {
        let endpoint = Endpoint::Tcp(listener.local_addr().expect("an address"));
        let tuning = Tuning {
            nodelay: true,
            keepalive: false,
            user_timeout: None,
            io_timeout: None,
        };
        let (stream, _) = Stream::connect(&endpoint, &tuning).expect("a stream");
        let link = Link::new(stream, Session::new(1), deadline::now());
        let pool = Pool::new(1, Arc::default());
        let seat = pool.seat().expect("a seat");
        let noted = pool.note(link.stream());
        let lease = seat.admit(&pool, link, noted);
        (pool, lease)
    }

    #[test]
    fn a_connection_dropped_by_an_unwinding_caller_leaves_its_seat() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (pool, lease) = pool_of_one(&listener);
        drop(lease);
        assert!(pool.seat().is_none());
        let unwound = std::panic::catch_unwind(|| {
            let _held = pool.take(0).expect("an idle connection");
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(unwound.is_err());
        let seat = pool.seat().expect("the seat is free again");
        assert!(pool.seat().is_none(), "there is one");
        drop(seat);
        assert!(
            pool.places.iter().all(|place| place.take(0)),
            "none is noted"
        );
    }

    #[test]
    fn a_seat_is_kept_for_another_connection_or_given_back_once() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (pool, lease) = pool_of_one(&listener);
        let seat = lease.into_seat();
        assert!(pool.seat().is_none());
        drop(seat);
        assert_eq!(pool.open.load(Ordering::SeqCst), 0);
        assert!(pool.seat().is_some());
    }
}
