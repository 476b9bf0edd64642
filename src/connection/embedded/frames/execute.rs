//! What frames ask of the store, and what it did as frames.

use super::{Asked, Done, Frames, Next, Turn};
use crate::buffer::NoMemory;
use crate::connection::embedded::detail::Use;
use crate::connection::embedded::sheet::Sheet;
use crate::connection::embedded::{VERSION, statistics};
use crate::engine::{Count, Deleted, Expiry, Extend, Hit, Mode, Refused, Stored, Uncounted};
use crate::protocol::Op;
use crate::protocol::binary::header::Header;
use crate::protocol::binary::server::{Order, Refusal, Reply, Storage, order};
use crate::protocol::binary::{opcode, status};

impl Frames {
    /// Do what a frame asks; `false` closes the connection.
    pub(super) fn execute(
        &mut self,
        header: &Header,
        body: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<bool, NoMemory> {
        let asked = Asked(*header);
        match order(header, body) {
            Order::Read {
                key,
                expiry,
                with_key,
                with_value,
            } => {
                let told = Told {
                    key: if with_key { key } else { b"" },
                    value: with_value,
                };
                let expiry = expiry.map(|number| Expiry::of(number, turn.now));
                read(&asked, key, expiry, &told, turn)?;
            }
            Order::Store(storage) => self.begin(&asked, &storage, turn)?,
            Order::Delete { key, compare } => {
                turn.shared.detail.count(key, Use::Delete);
                match turn.shared.store.delete(key, compare, turn.now) {
                    Deleted::Deleted => asked.done(Reply::default(), turn.out)?,
                    Deleted::NotFound => asked.refuse(status::KEY_NOT_FOUND, turn.out)?,
                    Deleted::Exists => asked.refuse(status::KEY_EXISTS, turn.out)?,
                }
            }
            Order::Arithmetic {
                key,
                up,
                delta,
                compare,
                initial,
            } => {
                let initial =
                    initial.map(|(number, expiry)| (number, Expiry::of(expiry, turn.now)));
                let count = Count {
                    up,
                    delta,
                    compare,
                    initial,
                    own_cas: None,
                };
                count_up(&asked, key, &count, turn)?;
            }
            Order::Flush { delay } => {
                turn.shared.store.flush(delay, turn.now);
                asked.done(Reply::default(), turn.out)?;
            }
            Order::Noop => asked.done(Reply::default(), turn.out)?,
            Order::Version => {
                let value = VERSION.as_bytes();
                let reply = Reply {
                    value,
                    ..Reply::default()
                };
                asked.reply(reply, turn.out)?;
            }
            Order::Stats(stats) => {
                let mut sheet = Sheet {
                    out: turn.out,
                    frame: Some(&asked),
                };
                statistics::answer(stats, turn.shared, turn.now, &mut sheet)?;
            }
            Order::Quit => {
                asked.done(Reply::default(), turn.out)?;
                return Ok(false);
            }
            Order::Refused(Refusal {
                status,
                skip,
                close,
            }) => {
                self.skip(&asked, status, u64::from(skip), turn.out)?;
                return Ok(!close);
            }
        }
        Ok(true)
    }

    /// A refusal, once so many bytes have been skipped.
    fn skip(&mut self, asked: &Asked, status: u16, left: u64, out: &mut Vec<u8>) -> Done {
        if left == 0 {
            return asked.refuse(status, out);
        }
        self.next = Next::Skip {
            left,
            asked: *asked,
            status,
        };
        Ok(())
    }

    /// A value follows, or has been refused and is to be skipped.
    fn begin(&mut self, asked: &Asked, storage: &Storage<'_>, turn: &mut Turn<'_>) -> Done {
        let Storage { key, flags, .. } = *storage;
        turn.shared.detail.count(key, Use::Set);
        let expiry = Expiry::of(storage.expiry, turn.now);
        let len = usize::try_from(storage.len).unwrap_or(usize::MAX / 2);
        // A set that is too large drops the old item, whatever CAS it names.
        let refused_as = if storage.is_set {
            Mode::Set
        } else {
            mode(storage)
        };
        match turn
            .shared
            .store
            .begin(key, flags, expiry, len, refused_as, turn.now)
        {
            Ok(draft) => {
                self.next = Next::Value {
                    draft,
                    mode: mode(storage),
                    opcode: opcode::loud(asked.0.opcode),
                    asked: *asked,
                };
                // A value without a byte is whole.
                if len == 0 {
                    self.finish(turn)?;
                }
                Ok(())
            }
            Err(why) => {
                let status = match why {
                    Refused::TooLarge => status::TOO_LARGE,
                    Refused::NoMemory => status::OUT_OF_MEMORY,
                };
                let left = u64::try_from(storage.len).unwrap_or(0);
                self.skip(asked, status, left, turn.out)
            }
        }
    }

    /// What was to come has come.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) -> Done {
        match std::mem::take(&mut self.next) {
            Next::Head => Ok(()),
            Next::Skip { asked, status, .. } => asked.refuse(status, turn.out),
            Next::Value {
                draft,
                mode,
                opcode,
                asked,
            } => match turn.shared.store.store(draft, mode, turn.now) {
                Stored::Stored { cas, .. } => asked.done(Reply::done(cas), turn.out),
                Stored::Exists => asked.refuse(status::KEY_EXISTS, turn.out),
                Stored::NotFound => asked.refuse(status::KEY_NOT_FOUND, turn.out),
                Stored::NotStored | Stored::NoMemory => {
                    let status = match (opcode, mode) {
                        (opcode::ADD, Mode::Add) => status::KEY_EXISTS,
                        (opcode::REPLACE, Mode::Replace) => status::KEY_NOT_FOUND,
                        _ => status::NOT_STORED,
                    };
                    asked.refuse(status, turn.out)
                }
            },
        }
    }
}

fn mode(storage: &Storage<'_>) -> Mode {
    let extend = Extend {
        compare: storage.compare,
        creates: false,
    };
    match (storage.op, storage.compare) {
        (Op::Append, _) => Mode::Append(extend),
        (Op::Prepend, _) => Mode::Prepend(extend),
        (_, Some(cas)) => Mode::Cas(cas),
        (Op::Add, None) => Mode::Add,
        (Op::Replace, None) => Mode::Replace,
        (_, None) => Mode::Set,
    }
}

/// What is told of an item beside its flags and CAS.
struct Told<'k> {
    /// Empty where it is not told.
    key: &'k [u8],
    value: bool,
}

/// A get, or (with an end) a gat or a touch.
fn read(
    asked: &Asked,
    key: &[u8],
    expiry: Option<Expiry>,
    told: &Told<'_>,
    turn: &mut Turn<'_>,
) -> Done {
    let Turn { shared, now, out } = turn;
    let hit = |hit: Hit<'_>| {
        let reply = Reply {
            status: status::SUCCESS,
            extras: &hit.flags.to_be_bytes(),
            key: told.key,
            value: if told.value { hit.value } else { b"" },
            cas: hit.cas,
        };
        asked.reply(reply, out)
    };
    let done = match expiry {
        None => shared.store.get(key, *now, hit),
        Some(expiry) => shared.store.touch(key, expiry, *now, hit),
    };
    let hit = done.is_some();
    shared.detail.count(key, Use::Get { hit });
    match done {
        Some(done) => done,
        None if asked.is_quiet() => Ok(()),
        None if told.key.is_empty() => asked.refuse(status::KEY_NOT_FOUND, out),
        None => {
            let reply = Reply {
                status: status::KEY_NOT_FOUND,
                key: told.key,
                ..Reply::default()
            };
            asked.reply(reply, out)
        }
    }
}

fn count_up(asked: &Asked, key: &[u8], count: &Count, turn: &mut Turn<'_>) -> Done {
    let store = &turn.shared.store;
    let counted = store.count(key, count, turn.now, |number, found| (number, found.cas()));
    match counted {
        Ok((number, cas)) => {
            let reply = Reply {
                value: &number.to_be_bytes(),
                cas,
                ..Reply::default()
            };
            asked.done(reply, turn.out)
        }
        Err(Uncounted::NotFound) => asked.refuse(status::KEY_NOT_FOUND, turn.out),
        Err(Uncounted::Exists) => asked.refuse(status::KEY_EXISTS, turn.out),
        Err(Uncounted::NonNumeric) => asked.refuse(status::NON_NUMERIC, turn.out),
        Err(Uncounted::NoMemory) => asked.refuse(status::OUT_OF_MEMORY, turn.out),
    }
}
