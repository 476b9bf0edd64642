//! A connection without its socket: what is to be sent, what has come, which replies are owed, and
//! whether the connection is still in step. Decided here and nowhere else. (How commands are queued stands
//! in `queueing`, how replies are read in `replies`.)

use std::io::IoSlice;

use super::arrival::{Abandoned, Arrival};
use super::inbox::Inbox;
use super::opening::Opening;
use super::outbox::{Outbox, Token, Values};
use super::owed::{Form, Queue};
use super::queueing::OpenLine;
use super::tagged::Tagged;
use crate::buffer::{Chunk, NoMemory, Place, Source};
use crate::error::{Effect, Status};
use crate::protocol::ascii::client as ascii;
use crate::protocol::version::Version;
use crate::protocol::{Dialect, Span, Speech, ValueHead};

/// So many replies of quiet commands may be owed by an idle connection; they are small and of fixed
/// form, and fit any socket's receive buffer.
pub const QUIET_MAX: usize = 64;

/// Room for so many bytes of commands is made at the beginning of a batch that has as many.
const COMMANDS_AT_ONCE: usize = 256 * 1024;

/// What the session is in the middle of.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    /// The next bytes are a line.
    Lines,
    /// The header of a value has come.
    Value { index: usize, head: ValueHead },
    /// A value is read straight to its place; so much is still to come.
    Placing {
        index: usize,
        head: ValueHead,
        left: usize,
    },
    /// A value is thrown away.
    Skipping {
        index: usize,
        head: ValueHead,
        left: usize,
    },
    /// The line of keys at the front has ended; what became of its keys is being told, and was of the
    /// last one if it is `over`.
    Ending {
        how: Ending,
        proved: usize,
        over: bool,
    },
    /// What the last reply says stands, but nothing behind it can be believed.
    Closing,
    /// Nothing that still comes can be believed.
    Broken(&'static str),
}

/// How a line of keys ended.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// Well: keys without a value are misses.
    Well,
    Refused {
        status: Status,
        effect: Effect,
        text: Span,
        /// The connection can be used on.
        in_step: bool,
    },
}

pub struct Session {
    pub(super) outbox: Outbox,
    pub(super) inbox: Inbox,
    pub(super) owed: Queue,
    pub(super) mode: Mode,
    /// How far the unread line was looked at without finding its end.
    pub(super) scanned: usize,
    pub(super) open_line: Option<OpenLine>,
    pub(super) joining: bool,
    /// Bytes received since the exchange began.
    received: u64,
    pub(super) max_value: usize,
    /// The bytes of the statistics that have come of an unfinished reply.
    pub(super) stats: usize,
    /// The commands are being abandoned.
    abandoning: bool,
    /// The numbers of the last value's header.
    pub(super) alike: ascii::Alike,
    /// The last value was too large for the inbox. The next one may be too: little of it is received
    /// with its header, so that little is copied.
    pub(super) large_before: bool,
    /// Where commands carry opaques: meta, or binary.
    pub(super) tagged: Option<Tagged>,
    /// The values of a batch are asked for in lines of keys, even where commands carry opaques.
    pub(super) lines: bool,
    has_lines: bool,
    pub(super) opening: Opening,
    /// What the server said that it is; `None`: it was not asked, or has not answered.
    pub(super) version: Option<Version>,
}

/// How much beyond the length of the command, which has the key, is received at first where a large
/// value is likely.
const HEADER_FIRST: usize = 96;

impl Session {
    /// Values announced larger than `max_value` break the connection.
    pub fn new(max_value: usize) -> Session {
        Session::speaking(Dialect::Ascii, max_value)
    }

    /// As [`Session::new`], in a dialect.
    pub fn speaking(dialect: Dialect, max_value: usize) -> Session {
        let has_lines = matches!(dialect, Dialect::Ascii | Dialect::Auto { .. });
        Session {
            tagged: Tagged::speaking(dialect),
            lines: has_lines,
            has_lines,
            opening: Opening::of(dialect),
            version: None,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            owed: Queue::default(),
            mode: Mode::Lines,
            scanned: 0,
            open_line: None,
            joining: false,
            received: 0,
            max_value,
            stats: 0,
            abandoning: false,
            alike: ascii::Alike::default(),
            large_before: false,
        }
    }

    /// What commands on keys are asked in.
    pub fn speech(&self) -> Speech {
        match self.tagged {
            None => Speech::Ascii,
            Some(tagged) if tagged.is_binary => Speech::Binary,
            Some(_) => Speech::Meta,
        }
    }

    /// Begin an exchange of one command. The session must be in step, or [`Session::may_begin`].
    #[inline(always)]
    pub fn begin(&mut self) {
        self.outbox.clear();
        self.open_line = None;
        if !self.owed.is_empty() {
            self.owed.begin();
        }
        self.joining = false;
        self.received = 0;
        if self.opening.goes_on() {
            self.open();
        }
    }

    /// Begin an exchange of many commands of about `commands` bytes, whose replies come to about
    /// `expected` bytes and stay where they are received.
    pub fn begin_batch(&mut self, commands: usize, expected: usize) {
        self.begin();
        self.joining = true;
        self.lines = self.has_lines;
        // Only to save growing step by step: where there is no memory, that fails when it has to.
        let _ = self.outbox.reserve(commands.min(COMMANDS_AT_ONCE));
        self.inbox.begin_keeping(expected);
    }

    /// No values are asked for in lines of keys in this batch, where there is another way: their answers
    /// tell more then.
    pub fn ask_each(&mut self) {
        self.lines = false;
    }

    /// End it: the filled chunks, and the bytes of the commands.
    pub fn end_batch(&mut self) -> (Vec<Chunk>, Vec<u8>) {
        self.joining = false;
        let is_binary = self.is_binary();
        let mut commands = self.outbox.take();
        // A NUL is put behind each key, and a frame may end with one.
        if is_binary && commands.len() < commands.capacity() {
            commands.push(0);
        }
        (self.inbox.end_keeping(), commands)
    }

    // --- sending

    /// Where the stream of the exchange's commands ends so far, and how much of it has left. A command
    /// has left when what has left reaches the end that the stream had when it was submitted.
    pub fn progress(&self) -> (u64, u64) {
        (self.outbox.queued(), self.outbox.written())
    }

    /// How many bytes of commands the session keeps until the exchange ends, for the keys in them.
    pub fn command_bytes(&self) -> usize {
        self.outbox.bytes().len()
    }

    #[inline]
    pub fn all_sent(&self) -> bool {
        self.outbox.all_sent()
    }

    #[inline(always)]
    pub fn plain(&self) -> Option<&[u8]> {
        self.outbox.plain()
    }

    pub fn gather<'a>(&'a self, values: &'a dyn Values, pieces: &mut [IoSlice<'a>]) -> usize {
        self.outbox.gather(values, pieces)
    }

    /// How much of what is unsent ends with the end of a command: as many whole ones as come to `limit`
    /// bytes, or else the one that is longer.
    pub fn whole_commands(&self, limit: usize) -> usize {
        let written = self.outbox.written();
        let end = self.owed.end_within(written, written + limit as u64);
        let end = end.map_or(self.outbox.queued(), |end| end.min(self.outbox.queued()));
        end.saturating_sub(written) as usize
    }

    #[inline(always)]
    pub fn wrote(&mut self, n: usize) {
        self.outbox.wrote(n);
    }

    // --- receiving

    /// The command whose large value is being read to its place.
    #[inline]
    pub fn placing(&self) -> Option<(Token, ValueHead)> {
        match self.mode {
            Mode::Placing { index, head, left } if left > 0 => {
                self.owed.get(index).map(|owed| (owed.token, head))
            }
            _ => None,
        }
    }

    /// Receive once. `place` must be given where [`Session::placing`] says so.
    #[inline(always)]
    pub fn receive<S: Source>(
        &mut self,
        source: &mut S,
        place: Option<&mut dyn Place>,
    ) -> Result<Result<usize, S::Error>, NoMemory> {
        let wanted = match self.mode {
            Mode::Value { head, .. } => head.len + 2,
            _ => 0,
        };
        self.inbox.make_room(wanted)?;
        let received = match (&mut self.mode, place) {
            (Mode::Placing { left, .. }, Some(place)) if *left > 0 => self
                .inbox
                .receive_behind(source, place, *left)
                .map(|(there, here)| {
                    *left -= there;
                    there + here
                }),
            _ => {
                let limit = match self.large_before {
                    true => self.first_of_large(),
                    false => usize::MAX,
                };
                self.inbox.receive(source, limit)
            }
        };
        if let Ok(n) = &received {
            self.received += *n as u64;
        }
        Ok(received)
    }

    /// How much to receive where the next value may be a large one.
    #[inline(never)]
    fn first_of_large(&self) -> usize {
        if matches!(self.mode, Mode::Lines) && !self.joining {
            HEADER_FIRST + self.outbox.bytes().len()
        } else {
            usize::MAX
        }
    }

    /// Receive once of a large value, of which `left` is still to come, and what is behind it. Returns
    /// how much of the value came.
    #[inline]
    pub fn receive_large<S: Source>(
        &mut self,
        source: &mut S,
        place: &mut dyn Place,
        left: usize,
    ) -> Result<Result<(usize, usize), S::Error>, NoMemory> {
        self.inbox.make_room(0)?;
        let received = self.inbox.receive_behind(source, place, left);
        if let Ok((there, here)) = &received {
            self.received += (there + here) as u64;
        }
        Ok(received)
    }

    #[inline(always)]
    pub fn bytes(&self, span: Span) -> &[u8] {
        self.inbox.bytes(span)
    }

    /// What has come and was not read.
    pub fn unread(&self) -> &[u8] {
        self.inbox.unread()
    }

    /// Whether any reply byte has come since the exchange began.
    pub fn replied(&self) -> bool {
        self.received > 0
    }

    // --- being in step

    /// Every reply owed has come (or is one of a quiet command), nothing is unread, nothing unsent.
    #[inline(always)]
    pub fn in_step(&self) -> bool {
        self.may_begin() && self.inbox.is_empty()
    }

    /// As [`Session::in_step`], but a part of a quiet command's reply may have come. The next exchange
    /// reads it to its end.
    #[inline(always)]
    pub fn may_begin(&self) -> bool {
        matches!(self.mode, Mode::Lines)
            && self.owed.only_quiet()
            && self.owed.quiet() <= QUIET_MAX
            && self.outbox.all_sent()
            && (self.owed.quiet() > 0 || self.inbox.is_empty())
    }

    /// How many replies of quiet commands are owed.
    #[inline]
    pub fn owes_quiet(&self) -> usize {
        self.owed.quiet()
    }

    /// Why nothing that still comes can be believed.
    pub fn broken(&self) -> Option<&'static str> {
        match self.mode {
            Mode::Broken(why) => Some(why),
            _ => None,
        }
    }

    /// Believe nothing that still comes.
    #[cold]
    pub fn poison(&mut self, why: &'static str) {
        if self.broken().is_none() {
            self.mode = Mode::Broken(why);
        }
    }

    /// Bytes that nobody asked for have come: a surplus reply, a banner, another's.
    pub fn check_surplus(&mut self) {
        if self.owed.is_empty() && !self.inbox.is_empty() {
            self.poison("bytes that no command asked for");
        }
    }

    /// The commands that have no reply, taken from the queue. The session is of no use afterwards.
    pub fn abandon(&mut self) -> Option<Abandoned> {
        self.poison("abandoned");
        if !self.abandoning {
            self.abandoning = true;
            self.owed.spread_line_ends();
        }
        let mut owed = self.owed.pop()?;
        // In a line an answer is not proved yet.
        while owed.form == Form::Barrier || (self.is_tagged() && owed.was_in_place()) {
            owed = self.owed.pop()?;
        }
        Some(Abandoned {
            token: owed.token,
            op: owed.op,
            quiet: owed.quiet,
            sent: self.outbox.written() >= owed.end,
        })
    }

    /// Take over to the connection that was made meanwhile: the commands are the same, nothing of them
    /// has left.
    pub fn take_over(&mut self) -> Session {
        std::mem::replace(self, Session::new(self.max_value))
    }
}

/// A quiet command that failed.
#[cold]
pub(super) fn quiet_failed(status: Status, text: Span) -> Arrival {
    Arrival {
        token: 0,
        what: super::arrival::Outcome::QuietFailed { status, text },
    }
}
