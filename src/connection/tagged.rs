//! Protocols whose commands carry an opaque that their replies repeat: commands are queued with their
//! opaques, silent where the protocol lets them be; and what the silence before a reply means for the
//! commands in front of it.
//!
//! Every command in the queue has the next opaque, the barriers too, so that the opaque of a reply is a
//! place in the queue. Silent commands need no reply of their own: that to any later command settles
//! them, in a batch at the latest that of a barrier at its end. The commands that nobody waits for are
//! settled by the next command of the connection, or when they are asked for.

use super::arrival::{Arrival, Outcome};
use super::outbox::Token;
use super::owed::{Form, Owed};
use super::session::{Session, quiet_failed};
use crate::buffer::{NoMemory, append};
use crate::error::{Effect, Status};
use crate::protocol::binary::client as binary;
use crate::protocol::meta::client as meta;
use crate::protocol::{Dialect, Op, Request, Span};

/// What is remembered of a connection whose commands carry opaques.
#[derive(Clone, Copy)]
pub(super) struct Tagged {
    pub is_binary: bool,
    /// That of the next command.
    pub next: u32,
    /// So many commands at the front have been answered, by silence, and how.
    settled: usize,
    verdict: Verdict,
    /// Error lines since the front command that may be those of any silent one.
    errors: Option<Errors>,
    /// Longer values are not sent silently, where an error has no opaque: their refusal is known.
    loud_above: usize,
    /// The next command is sent loud.
    loud_next: bool,
    /// The expiry time of the last command was cut to what the protocol can say.
    pub clamped: bool,
}

/// What became of commands that were silent.
#[derive(Clone, Copy)]
enum Verdict {
    /// Reads found nothing, writes did what they are for.
    Well,
    Failed {
        status: Status,
        effect: Effect,
    },
    /// So many of them failed, and nobody said which.
    Doubt {
        failed: usize,
        status: Status,
    },
}

/// Error lines that do not say whose they are.
#[derive(Clone, Copy)]
struct Errors {
    lines: usize,
    status: Status,
    effect: Effect,
}

/// Why a command was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    NoMemory(NoMemory),
    /// The protocol has no such command, or cannot say it so.
    Unsendable(binary::Unsendable),
}

impl From<NoMemory> for Unsent {
    fn from(why: NoMemory) -> Unsent {
        Unsent::NoMemory(why)
    }
}

impl From<binary::Unsendable> for Unsent {
    fn from(why: binary::Unsendable) -> Unsent {
        Unsent::Unsendable(why)
    }
}

/// Where reading has come to.
pub(super) enum Read {
    Arrival(Arrival),
    /// Nothing to tell of; the next reply may be there.
    GoOn,
    /// More must be received.
    Wait,
}

impl Tagged {
    pub fn speaking(dialect: Dialect) -> Option<Tagged> {
        let (is_binary, next) = match dialect {
            Dialect::Ascii => return None,
            Dialect::Meta { opaque } => (false, opaque),
            Dialect::Binary { opaque } => (true, opaque),
        };
        Some(Tagged {
            is_binary,
            next,
            settled: 0,
            verdict: Verdict::Well,
            errors: None,
            loud_above: usize::MAX,
            loud_next: false,
            clamped: false,
        })
    }
}

impl Session {
    /// Whether commands carry an opaque.
    #[inline(always)]
    pub fn is_tagged(&self) -> bool {
        self.tagged.is_some()
    }

    /// Values longer than `len` are not sent silently where their refusal could not be told from that of
    /// another's.
    pub fn be_loud_above(&mut self, len: usize) {
        if let Some(tagged) = &mut self.tagged {
            tagged.loud_above = len;
        }
    }

    /// The next command is answered in every case.
    pub fn be_loud(&mut self) {
        if let Some(tagged) = &mut self.tagged {
            tagged.loud_next = true;
        }
    }

    /// Whether the expiry time of the command that was queued last was cut to what the protocol can say.
    pub fn clamped(&self) -> Option<bool> {
        self.tagged.map(|tagged| tagged.clamped)
    }

    // --- sending

    /// [`Session::submit`] where commands carry opaques.
    #[inline(never)]
    pub(super) fn submit_tagged(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        quiet: bool,
    ) -> Result<usize, Unsent> {
        let silent = self.may_be_silent(request, quiet);
        if self.needs_barrier(silent, quiet) {
            self.put_barrier(quiet)?;
        }
        let key_at = match self.tagged {
            Some(Tagged {
                is_binary: true, ..
            }) => self.encode_frame(token, request, silent)?,
            _ => match self.encode_meta(token, request, silent)? {
                Some(key_at) => key_at,
                None => self.encode(token, request)?,
            },
        };
        let owed = Owed::new(token, request, key_at, quiet, self.outbox.queued());
        let form = if silent { Form::Silent } else { Form::Loud };
        self.owe_tagged(Owed { form, ..owed })?;
        // The reply to a loud command settles what was silent before it.
        self.wants_barrier(silent && self.joining);
        Ok(key_at)
    }

    /// Whether a command is to be sent silently: one that nobody waits for, or one of many.
    fn may_be_silent(&mut self, request: &Request<'_, '_>, quiet: bool) -> bool {
        let Some(tagged) = &mut self.tagged else {
            return false;
        };
        if std::mem::take(&mut tagged.loud_next) || !(quiet || self.joining) {
            return false;
        }
        let op = request.op;
        match tagged.is_binary {
            true if matches!(op, Op::Incr | Op::Decr) => quiet,
            // Their errors have no opaque; and what `ma` refuses is not known by its words alone.
            false if op.sends_value() => request.value().len() <= tagged.loud_above,
            _ => op.reads_value() || op.sends_value() || op == Op::Delete,
        }
    }

    /// Whether a barrier is to stand between the last command and the next: where an error line has no
    /// opaque, it must be known whether it can be a silent command's.
    fn needs_barrier(&self, silent: bool, quiet: bool) -> bool {
        let is_meta = self.tagged.is_some_and(|tagged| !tagged.is_binary);
        let last = self.owed.back();
        is_meta
            && last
                .is_some_and(|last| last.form == Form::Silent && !(silent && last.quiet == quiet))
    }

    pub(super) fn put_barrier(&mut self, quiet: bool) -> Result<(), NoMemory> {
        let Some(tagged) = self.tagged else {
            return Ok(());
        };
        self.outbox
            .reserve(binary::frame_room(&crate::protocol::Key::NONE))?;
        let begin = self.outbox.bytes().len();
        let bytes = self.outbox.commands();
        match tagged.is_binary {
            true => binary::encode_noop(tagged.next, bytes),
            false => append(bytes, meta::BARRIER),
        }
        self.outbox.queue_from(begin);
        let end = self.outbox.queued();
        self.owe_tagged(Owed::barrier(quiet, end))
    }

    fn owe_tagged(&mut self, owed: Owed) -> Result<(), NoMemory> {
        if let Err(why) = self.owed.push(owed) {
            // Its bytes are queued, and nobody would know its reply.
            self.poison("no memory to remember a command in");
            return Err(why);
        }
        if let Some(tagged) = &mut self.tagged {
            tagged.next = tagged.next.wrapping_add(1);
        }
        Ok(())
    }

    /// The last commands of a batch were silent: their barrier.
    #[cold]
    pub(super) fn end_silence(&mut self) {
        if self.put_barrier(false).is_err() {
            self.poison("no memory for a barrier");
        }
    }

    /// See to it that all commands that nobody waits for are answered, if the session is idle: there may
    /// be something to send then.
    pub fn ask_to_settle(&mut self) -> Result<(), NoMemory> {
        let is_silent = |owed: &Owed| owed.form == Form::Silent;
        if self.is_tagged() && self.owed.back().is_some_and(is_silent) {
            self.begin();
            self.put_barrier(true)?;
        }
        Ok(())
    }

    // --- receiving

    /// The opaque of the command at the front.
    pub(super) fn front_opaque(&self) -> u32 {
        let next = self.tagged.map_or(0, |tagged| tagged.next);
        next.wrapping_sub(self.owed.waiting().len() as u32)
    }

    /// Whether not all of a command has left.
    pub(super) fn is_early(&self, owed: &Owed) -> bool {
        !self.outbox.all_sent() && self.outbox.written() < owed.end
    }

    /// The reply to the command at `index` has come. Whether the ones before it, all of which are
    /// silent, are answered by that, and are to be told first.
    pub(super) fn settle(&mut self, index: usize) -> bool {
        let Some(tagged) = &mut self.tagged else {
            return false;
        };
        let errors = tagged.errors.take();
        tagged.verdict = match errors {
            None => Verdict::Well,
            Some(Errors { lines, .. }) if lines > index => {
                self.poison("more errors than there are commands");
                return true;
            }
            Some(errors) if errors.lines == index => Verdict::Failed {
                status: errors.status,
                effect: errors.effect,
            },
            Some(errors) => Verdict::Doubt {
                failed: errors.lines,
                status: errors.status,
            },
        };
        tagged.settled = index;
        index > 0
    }

    /// An error line has come that may be that of any silent command at the front.
    pub(super) fn note_error(&mut self, status: Status, effect: Effect) {
        let Some(tagged) = &mut self.tagged else {
            return;
        };
        let errors = tagged.errors.get_or_insert(Errors {
            lines: 0,
            status,
            effect,
        });
        errors.lines += 1;
        if errors.status != status {
            errors.status = Status::SERVER_ERROR;
        }
        if errors.effect != effect {
            errors.effect = Effect::Unknown;
        }
    }

    /// Tell of the next command that silence has answered; `None` where there is none.
    pub(super) fn next_settled(&mut self) -> Option<Read> {
        let tagged = self.tagged.as_mut().filter(|tagged| tagged.settled > 0)?;
        let owed = self.owed.pop()?;
        tagged.settled -= 1;
        let text = self.nothing();
        let tagged = self.tagged.as_mut()?;
        let refused = |status, effect| Outcome::Refused {
            status,
            effect: if owed.op.is_read() {
                Effect::None
            } else {
                effect
            },
            text,
        };
        let what = match &mut tagged.verdict {
            Verdict::Well if owed.op.reads_value() => Outcome::Miss(Status::NO_VALUE),
            Verdict::Well => Outcome::Done,
            Verdict::Failed { status, effect } => refused(*status, *effect),
            Verdict::Doubt { .. } if !owed.quiet => Outcome::Doubt(owed.op),
            // Nobody asks which of them it were.
            Verdict::Doubt { failed: 0, .. } => Outcome::Done,
            Verdict::Doubt { failed, status } => {
                *failed -= 1;
                refused(*status, Effect::Unknown)
            }
        };
        Some(self.answered(&owed, what))
    }

    /// A command, taken from the queue, has its reply.
    pub(super) fn answered(&self, owed: &Owed, what: Outcome) -> Read {
        if !owed.quiet {
            let token = owed.token;
            return Read::Arrival(Arrival { token, what });
        }
        match what {
            // A quiet command that found nothing to change did not do what it was asked to.
            Outcome::Miss(status) => Read::Arrival(quiet_failed(status, self.nothing())),
            Outcome::Refused { status, text, .. } => Read::Arrival(quiet_failed(status, text)),
            _ => Read::GoOn,
        }
    }

    /// No text.
    pub(super) fn nothing(&self) -> Span {
        Span {
            at: self.inbox.position() as u32,
            len: 0,
        }
    }

    /// [`Session::next_arrival`] where commands carry opaques.
    #[inline(never)]
    pub(super) fn next_tagged_arrival(&mut self) -> Option<Arrival> {
        let is_binary = self.tagged.is_some_and(|tagged| tagged.is_binary);
        loop {
            let read = match self.next_settled() {
                Some(read) => read,
                None if is_binary => self.next_in_binary(),
                None => self.next_in_meta(),
            };
            match read {
                Read::Arrival(arrival) => return Some(arrival),
                Read::GoOn => {}
                Read::Wait => return None,
            }
        }
    }
}
