//! Protocols whose commands carry an opaque that their replies repeat: commands are queued with their
//! opaques, silent where the protocol lets them be. (What silence means stands in `silence`.)
//!
//! Every command in the queue has the next opaque, the barriers too, so that the opaque of a reply is a
//! place in the queue. Silent commands need no reply of their own: that to any later command settles
//! them, in a batch at the latest that of a barrier at its end. The commands that nobody waits for are
//! settled by the next command of the connection, or when they are asked for.

use super::arrival::{Arrival, Outcome};
use super::outbox::{COPIED_VALUE_MAX, Token};
use super::owed::{Form, Owed};
use super::session::{Session, quiet_failed};
use super::silence::Silence;
use crate::buffer::{NoMemory, append};
use crate::protocol::binary::client as binary;
use crate::protocol::extra::{About, Said};
use crate::protocol::meta::client as meta;
use crate::protocol::{Dialect, Op, Request, Span, served};

/// What is remembered of a connection whose commands carry opaques.
#[derive(Clone, Copy)]
pub(super) struct Tagged {
    pub is_binary: bool,
    /// That of the next command.
    pub next: u32,
    /// Of meta: how the line ends that was queued last.
    pub line_end: meta::LineEnd,
    /// The lines of the last value.
    pub alike: meta::Alike,
    pub silence: Silence,
    /// Longer values are not sent silently, where an error has no opaque: their refusal is known.
    loud_above: usize,
    /// The next command is sent loud.
    loud_next: bool,
    /// The expiry time of the last command was cut to what the protocol can say.
    pub clamped: bool,
    /// What the reply told beside the answer, of the command that was answered last or whose value is
    /// being read.
    pub about: About,
    /// Whose, as long as the answer itself was not handed on.
    pub beside: Option<Token>,
    /// Whose, when that was.
    pub untold: Option<Token>,
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
            Dialect::Ascii | Dialect::Auto { .. } => return None,
            Dialect::Meta { opaque } => (false, opaque),
            Dialect::Binary { opaque } => (true, opaque),
        };
        Some(Tagged {
            is_binary,
            next,
            line_end: meta::LineEnd::of(next),
            alike: meta::Alike::default(),
            silence: Silence::default(),
            loud_above: usize::MAX,
            loud_next: false,
            clamped: false,
            about: About::default(),
            beside: None,
            untold: None,
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

    /// The last command was asked in a line: whether its expiry time was cut.
    #[inline(always)]
    pub(super) fn note_clamped(&mut self, clamped: bool) {
        if let Some(tagged) = &mut self.tagged {
            tagged.clamped = clamped;
        }
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
        // What is asked in lines of keys ends there.
        if self.owed.back().is_some_and(|last| last.in_line) {
            self.end_line();
        }
        let extra = &request.command.extra;
        let said = served::said(request.op, extra.said, self.version());
        let said = said.with_if(Said::BASE64, !self.is_binary() && !request.key.is_plain());
        // What is told beside an answer takes one.
        let silent = said.is_empty() && self.may_be_silent(request, quiet);
        if self.needs_barrier(request.op, silent, quiet) {
            self.put_barrier(quiet)?;
        }
        let key_at = match self.tagged {
            Some(Tagged {
                is_binary: true, ..
            }) => self.encode_frame(token, request, silent)?,
            _ => match self.encode_meta(token, request, silent, said)? {
                Some(key_at) => key_at,
                None => self.encode(token, request)?,
            },
        };
        let owed = Owed::new(token, request, key_at, quiet, self.outbox.queued());
        let form = if silent { Form::Silent } else { Form::Loud };
        self.owe_tagged(Owed { form, said, ..owed })?;
        // The reply to a loud command settles what was silent before it.
        self.wants_barrier(silent && self.joining);
        Ok(key_at)
    }

    /// [`Session::submit_next`] of a value to be set silently behind another such.
    #[inline(always)]
    pub(super) fn submit_next_silent(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
    ) -> Option<usize> {
        let follows = |last: &Owed| last.form == Form::Silent && !last.quiet;
        let is_joined = self.joining && self.owed.back().is_some_and(follows);
        let tagged = self.tagged.as_mut()?;
        let value = request.value();
        let is_short = value.len() <= tagged.loud_above.min(COPIED_VALUE_MAX);
        let is_meta_set = request.op == Op::Set && !tagged.is_binary;
        if !(is_joined && is_meta_set && is_short) || tagged.loud_next {
            return None;
        }
        tagged.line_end.set(tagged.next);
        let room = meta::line_room(&request.key) + value.len() + 2;
        self.outbox.reserve(room).ok()?;
        let begin = self.outbox.bytes().len();
        let bytes = self.outbox.commands();
        let key_at = meta::encode_set(request, true, &tagged.line_end, bytes);
        append(bytes, value);
        append(bytes, b"\r\n");
        self.outbox.queue_from(begin);
        let owed = Owed::new(token, request, key_at, false, self.outbox.queued());
        let form = Form::Silent;
        self.owe_tagged(Owed { form, ..owed }).ok()?;
        Some(key_at)
    }

    /// What the reply told beside the answer: of [`Outcome::Told`].
    pub fn about(&self) -> About {
        self.tagged.map_or(About::default(), |tagged| tagged.about)
    }

    /// The command at `index` has its answer; what else was told of it is told behind that.
    pub(super) fn take_told(&mut self, index: usize) {
        self.take(index);
        if let Some(tagged) = &mut self.tagged {
            tagged.untold = tagged.beside.take();
        }
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
    /// opaque, it must be known whether it can be a silent command's; and silent reads are settled by
    /// barriers and what is no read.
    fn needs_barrier(&self, op: Op, silent: bool, quiet: bool) -> bool {
        let Some(last) = self.owed.back().filter(|last| last.form == Form::Silent) else {
            return false;
        };
        match self.is_binary() {
            true => last.op.reads_value() && op.reads_value() && !silent,
            false => !(silent && last.quiet == quiet),
        }
    }

    pub(super) fn put_barrier(&mut self, quiet: bool) -> Result<(), NoMemory> {
        let Some(tagged) = self.tagged else {
            return Ok(());
        };
        self.outbox
            .reserve(binary::frame_room(&crate::protocol::Key::NONE))?;
        let quiet = quiet || (!tagged.is_binary && self.make_last_loud());
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
        self.counted(1);
        Ok(())
    }

    /// So many commands were queued, or have their replies without having been.
    #[inline(always)]
    pub(super) fn counted(&mut self, n: usize) {
        if let Some(tagged) = &mut self.tagged {
            tagged.next = tagged.next.wrapping_add(n as u32);
        }
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
            if let Some(token) = self.tagged.as_mut().and_then(|tagged| tagged.untold.take()) {
                let what = Outcome::Told;
                return Some(Arrival { token, what });
            }
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
