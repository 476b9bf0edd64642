//! How commands are queued: each by itself, or as one more key of a line of keys. (Those that carry
//! opaques: `tagged`.)

use super::outbox::{COPIED_VALUE_MAX, Token};
use super::owed::Owed;
use super::session::Session;
use super::tagged::Unsent;
use crate::buffer::{NoMemory, append};
use crate::protocol::ascii::client as ascii;
use crate::protocol::{Key, Op, Request};

/// The line of keys that the next command may be joined to: it has no end yet.
#[derive(Clone, Copy)]
pub(super) struct OpenLine {
    op: Op,
    expiry: i32,
    /// How long the command bytes may become by it.
    limit: usize,
    /// It is none: the last commands are silent, and want a barrier behind them.
    is_silence: bool,
}

impl Session {
    /// Begin an exchange of one command: encode it. Unless [`Session::lone_reply`] finds its reply, it
    /// must be queued with [`Session::owe_lone`] before anything else is done. Returns where its key
    /// (with the prefix) stands in the command bytes. For sessions that [`Session::takes_lone`].
    #[inline(always)]
    pub fn begin_lone(&mut self, request: &Request<'_, '_>) -> Result<usize, NoMemory> {
        self.begin();
        if self.is_tagged() {
            return self.encode_lone_meta(request);
        }
        self.encode(0, request)
    }

    /// The reply of the command of [`Session::begin_lone`] is owed.
    pub fn owe_lone(
        &mut self,
        request: &Request<'_, '_>,
        key_at: usize,
        quiet: bool,
    ) -> Result<(), NoMemory> {
        self.owe(0, request, key_at, quiet).map(drop)
    }

    /// Queue a command. Returns where its key (with the prefix) stands in the command bytes.
    #[inline(always)]
    pub fn submit(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        quiet: bool,
    ) -> Result<usize, Unsent> {
        if self.is_tagged() && !(self.lines && self.joining && is_plain_read(request)) {
            return self.submit_tagged(token, request, quiet);
        }
        if self.joining && (request.op.reads_value() || self.open_line.is_some()) {
            self.outbox.reserve(ascii::line_room(&request.key))?;
            if let Some(key_at) = self.join(request) {
                self.note_clamped(request.wire.clamped());
                return Ok(self.owe(token, request, key_at, false)?);
            }
        }
        let key_at = self.encode(token, request)?;
        Ok(self.owe(token, request, key_at, quiet)?)
    }

    /// Queue one more command of a batch like the last, which is no line of keys. `None` where there is no
    /// memory, or it cannot be sent as the last one was: then nothing is queued.
    #[inline(always)]
    pub fn submit_next(&mut self, token: Token, request: &Request<'_, '_>) -> Option<usize> {
        if self.is_tagged() {
            return self.submit_next_silent(token, request);
        }
        let key_at = self.encode(token, request).ok()?;
        self.owe(token, request, key_at, false).ok()
    }

    /// Append a command's bytes; a large value is lent.
    #[inline(always)]
    pub(super) fn encode(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
    ) -> Result<usize, NoMemory> {
        let value = request.value();
        if value.len() > COPIED_VALUE_MAX && request.op.sends_value() {
            let request = *request;
            return self.encode_lent(token, &request);
        }
        let room = ascii::line_room(&request.key);
        let begin = self.outbox.bytes().len();
        let key_at;
        if request.op.sends_value() {
            self.outbox.reserve(room + value.len() + 2)?;
            let bytes = self.outbox.commands();
            key_at = ascii::encode(request, bytes);
            ascii::encode_end(bytes);
            append(bytes, value);
            ascii::encode_end(bytes);
        } else {
            self.outbox.reserve(room)?;
            let bytes = self.outbox.commands();
            key_at = ascii::encode(request, bytes);
            ascii::encode_end(bytes);
        }
        self.outbox.queue_from(begin);
        Ok(key_at)
    }

    pub(super) fn encode_end(&mut self) {
        let begin = self.outbox.bytes().len();
        ascii::encode_end(self.outbox.commands());
        self.outbox.queue_from(begin);
    }

    fn encode_lent(&mut self, token: Token, request: &Request<'_, '_>) -> Result<usize, NoMemory> {
        self.outbox.reserve(ascii::line_room(&request.key) + 2)?;
        self.outbox.reserve_lent()?;
        let begin = self.outbox.bytes().len();
        let key_at = ascii::encode(request, self.outbox.commands());
        ascii::encode_end(self.outbox.commands());
        self.outbox.queue_from(begin);
        self.outbox.lend(token, request.value().len());
        self.encode_end();
        Ok(key_at)
    }

    #[inline(always)]
    pub(super) fn owe(
        &mut self,
        token: Token,
        request: &Request<'_, '_>,
        key_at: usize,
        quiet: bool,
    ) -> Result<usize, NoMemory> {
        let end = self.outbox.queued();
        let mut owed = Owed::new(token, request, key_at, quiet, end);
        // The last key of a line is known when the line ends.
        owed.last = self.open_line.is_none();
        owed.in_line = !owed.last;
        match self.owed.push(owed) {
            Ok(()) => {
                self.counted(1);
                Ok(key_at)
            }
            Err(why) => {
                // Its bytes are queued, and nobody would know its reply.
                self.poison("no memory to remember a command in");
                Err(why)
            }
        }
    }

    /// Put one more key into the open line, or begin one; else end it.
    #[inline(always)]
    fn join(&mut self, request: &Request<'_, '_>) -> Option<usize> {
        match self.open_line {
            Some(line) if line.op == request.op && line.expiry == request.wire.expiry => {
                match self.add_key(request.key) {
                    Some(key_at) => Some(key_at),
                    None => self.begin_line(request),
                }
            }
            _ => self.begin_line(request),
        }
    }

    /// Queue commands without an expiry time as more keys of the open line, if that is of their op.
    /// `next(n)` is the next command, of which `n` have been queued; `sent` hears where its key stands.
    /// Ends where there is no next, the line is full, or there is no memory; returns how many were
    /// queued.
    #[inline(always)]
    pub fn join_keys<'k>(
        &mut self,
        op: Op,
        mut next: impl FnMut(usize) -> Option<(Token, Key<'k>)>,
        mut sent: impl FnMut(Token, Key<'k>, usize),
    ) -> usize {
        let Some(line) = self.open_line.filter(|line| line.op == op) else {
            return 0;
        };
        let begin = self.outbox.bytes().len();
        let behind = self.outbox.queued() - begin as u64;
        let mut n = 0;
        while let Some((token, key)) = next(n) {
            let room = ascii::line_room(&key);
            if self.outbox.reserve(room).is_err() {
                break;
            }
            let bytes = self.outbox.commands();
            let before = bytes.len();
            if before + 1 + key.wire_len() + 2 > line.limit {
                break;
            }
            let key_at = ascii::encode_more(key, bytes);
            let end = behind + bytes.len() as u64;
            let owed = Owed::of_key(token, op, key, key_at, end);
            if self.owed.push(owed).is_err() {
                self.outbox.commands().truncate(before);
                break;
            }
            sent(token, key, key_at);
            n += 1;
        }
        self.outbox.queue_from(begin);
        self.counted(n);
        n
    }

    /// Put a key into the open line, where it takes it.
    #[inline(always)]
    fn add_key(&mut self, key: Key<'_>) -> Option<usize> {
        let len = self.outbox.bytes().len() + 1 + key.wire_len() + 2;
        if len > self.open_line?.limit {
            return None;
        }
        let begin = self.outbox.bytes().len();
        let key_at = ascii::encode_more(key, self.outbox.commands());
        self.outbox.queue_from(begin);
        Some(key_at)
    }

    fn begin_line(&mut self, request: &Request<'_, '_>) -> Option<usize> {
        self.end_line();
        if !request.op.reads_value() {
            return None;
        }
        // What `join` reserved may be used up by the end of the line before.
        self.outbox.reserve(ascii::line_room(&request.key)).ok()?;
        self.open_line = Some(OpenLine {
            op: request.op,
            expiry: request.wire.expiry,
            limit: self.outbox.bytes().len() + ascii::line_limit(request.op),
            is_silence: false,
        });
        let begin = self.outbox.bytes().len();
        let key_at = ascii::encode(request, self.outbox.commands());
        self.outbox.queue_from(begin);
        Some(key_at)
    }

    /// The last command of a batch is silent, or is not: whether [`Session::end_line`] has to put a
    /// barrier behind it.
    pub(super) fn wants_barrier(&mut self, wants: bool) {
        // No key is joined to it: it is of no command that reads a value.
        self.open_line = wants.then_some(OpenLine {
            op: Op::Ping,
            expiry: 0,
            limit: 0,
            is_silence: true,
        });
    }

    /// Nothing more is joined to the line of keys; to be called before anything is sent.
    #[inline]
    pub fn end_line(&mut self) {
        if let Some(line) = self.open_line.take() {
            if line.is_silence {
                return self.end_silence();
            }
            self.encode_end();
            let end = self.outbox.queued();
            if let Some(last) = self.owed.back_mut() {
                last.end = end;
                last.last = true;
            }
        }
    }

    /// Whether the commands that follow may be joined to lines of keys. (In a batch they may.)
    pub fn join_lines(&mut self, joining: bool) {
        self.end_line();
        self.joining = joining;
    }
}

/// Whether a line of keys can ask all that a command asks.
#[inline(always)]
fn is_plain_read(request: &Request<'_, '_>) -> bool {
    request.op.reads_value() && request.command.extra.said.is_empty() && request.key.is_plain()
}
