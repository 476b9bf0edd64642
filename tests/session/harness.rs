//! Drives a session as the clients do, with replies that are cut at will, and keeps what it tells of
//! every command. Panics where the session contradicts itself.

mod runs;
mod script;
mod told;

use memcached2::buffer::Block;
use memcached2::connection::arrival::{Arrival, Outcome};
use memcached2::connection::outbox::Token;
use memcached2::connection::session::Session;
use memcached2::error::Status;
use memcached2::protocol::extra::About;
use memcached2::protocol::{Op, Span};
use std::io::IoSlice;

pub use runs::{cuts, run, run_every_way};
pub use script::{Bytes, Cmd, Lent};
pub use told::{ABANDONED, Report, Told, Way, refused, stats, value};

pub const MAX_VALUE: usize = 8 << 20;

pub struct Driver<'c> {
    pub session: Session,
    pub way: Way,
    commands: &'c [Cmd],
    pub told: Vec<Option<Told>>,
    /// Values told of the front line that were not proved yet.
    unproved: Vec<(Token, Told)>,
    pub quiet_failed: Vec<(Status, Vec<u8>)>,
    /// Statistics of a reply that goes on.
    stats: Vec<(Token, Vec<u8>, Vec<u8>)>,
    place: Option<Block>,
    /// What was told beside answers.
    pub about: Vec<(Token, About)>,
    /// Where values of a batch stand: address and bytes.
    kept: Vec<(usize, Vec<u8>)>,
    pub reads: usize,
}

impl<'c> Driver<'c> {
    /// A session that has sent nothing yet.
    pub fn new(way: Way, commands: &'c [Cmd]) -> Driver<'c> {
        Driver::again(Session::new(MAX_VALUE), way, commands)
    }

    /// The next exchange of a session that is in step.
    pub fn again(mut session: Session, way: Way, commands: &'c [Cmd]) -> Driver<'c> {
        match way.batch {
            true => session.begin_batch(64 * commands.len(), 160 * commands.len()),
            false => session.begin(),
        }
        for (token, cmd) in commands.iter().enumerate() {
            let key_at = cmd.with(|request| {
                session
                    .submit(token as Token, request, cmd.quiet)
                    .expect("memory")
            });
            assert!(key_at > 0);
        }
        session.end_line();
        Driver::of(session, way, commands)
    }

    /// The commands were submitted.
    pub fn of(session: Session, way: Way, commands: &'c [Cmd]) -> Driver<'c> {
        Driver {
            session,
            way,
            commands,
            told: vec![None; commands.len()],
            unproved: Vec::new(),
            quiet_failed: Vec::new(),
            stats: Vec::new(),
            place: None,
            about: Vec::new(),
            kept: Vec::new(),
            reads: 0,
        }
    }

    /// A large value was begun elsewhere, and goes on to `place`.
    pub fn go_on_placing(&mut self, place: Block) {
        self.place = Some(place);
        self.hear();
    }

    /// Send at most `limit` bytes; returns them.
    pub fn send(&mut self, limit: usize) -> Vec<u8> {
        let lent = Lent(self.commands);
        let mut pieces = [IoSlice::new(&[]); 64];
        let n = self.session.gather(&lent, &mut pieces);
        let flat = pieces[..n].iter().flat_map(|piece| piece.iter().copied());
        let bytes: Vec<u8> = flat.take(limit).collect();
        self.session.wrote(bytes.len());
        bytes
    }

    pub fn send_all(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !self.session.all_sent() {
            let more = self.send(usize::MAX);
            assert!(!more.is_empty(), "something to send");
            bytes.extend(more);
        }
        bytes
    }

    /// Receive `bytes` and hear what they mean. Stops where the session breaks.
    pub fn receive(&mut self, bytes: &[u8]) {
        let mut source = Bytes {
            rest: bytes,
            reads: 0,
        };
        while !source.rest.is_empty() && self.session.broken().is_none() {
            let before = source.rest.len();
            let place = match self.session.placing() {
                Some(_) => self.place.as_mut().map(|block| block as _),
                None => None,
            };
            let n = self.session.receive(&mut source, place);
            let Ok(n) = n.expect("memory");
            assert_eq!(n, before - source.rest.len());
            assert!(n > 0, "room to receive into");
            self.hear();
        }
        self.reads += source.reads;
    }

    /// Hear all that can be told.
    pub fn hear(&mut self) {
        loop {
            let mut drained = Vec::new();
            if self.way.drain {
                let done = self.session.drain(|token, head, bytes| {
                    drained.push((token, Told::of(head, bytes), bytes.as_ptr() as usize));
                });
                self.done_in_order(done);
            }
            for (token, told, at) in drained {
                self.keep(at, &told);
                self.unproved.push((token, told));
            }
            match self.session.next_arrival() {
                Some(arrival) => self.arrived(arrival),
                None => break,
            }
        }
        if self.session.broken().is_some() {
            self.assert_deaf();
        }
    }

    /// A broken session tells nothing.
    pub fn assert_deaf(&mut self) {
        let told = self
            .session
            .drain(|_, _, _| panic!("a value from a broken session"));
        assert!(told == 0 && self.session.next_arrival().is_none());
        assert!(!self.session.in_step());
    }

    /// `drain` counts the answers of commands that are no reads; they are the first that wait.
    fn done_in_order(&mut self, n: usize) {
        let waiting = self.told.iter_mut().zip(self.commands);
        let mut waiting = waiting.filter(|(told, cmd)| told.is_none() && !cmd.quiet);
        for _ in 0..n {
            let (told, cmd) = waiting.next().expect("a command that waits");
            assert!(cmd.op.sends_value(), "{cmd:?} is answered by STORED");
            *told = Some(Told::Done);
        }
    }

    fn keep(&mut self, at: usize, told: &Told) {
        if let (true, Told::Value { bytes, .. }) = (self.way.batch, told) {
            self.kept.push((at, bytes.clone()));
        }
    }

    fn text(&self, span: Span) -> Vec<u8> {
        let bytes = self.session.bytes(span);
        assert_eq!(bytes.len(), span.len as usize, "a span within the chunk");
        bytes.to_vec()
    }

    fn tell(&mut self, token: Token, told: Told) {
        let cmd = &self.commands[token as usize];
        assert!(!cmd.quiet, "an answer to quiet {cmd:?}");
        let before = self.told[token as usize].replace(told);
        assert_eq!(before, None, "two answers to {cmd:?}");
    }

    fn value(&mut self, token: Token, told: Told, proved: bool) {
        assert!(self.unproved.iter().all(|(other, _)| *other != token));
        match proved {
            true => self.tell(token, told),
            false => self.unproved.push((token, told)),
        }
    }

    fn arrived(&mut self, Arrival { token, what }: Arrival) {
        let told = match what {
            Outcome::Value {
                head,
                value,
                proved,
            } => {
                let told = Told::of(&head, &self.text(value));
                let at = self.session.bytes(value).as_ptr() as usize;
                self.keep(at, &told);
                return self.value(token, told, proved);
            }
            Outcome::Large(head) => {
                match self.way.skip {
                    true => self.session.skip(),
                    false => {
                        let block = self.place.insert(Block::new());
                        block.begin(head.len).expect("memory");
                        self.session.place(block);
                    }
                }
                return;
            }
            Outcome::Placed { head, proved } => {
                let told = match self.place.take() {
                    Some(block) => Told::of(&head, block.bytes()),
                    None => Told::Skipped(head.len),
                };
                return self.value(token, told, proved);
            }
            Outcome::Proved(n) => {
                let proved = std::mem::take(&mut self.unproved);
                assert_eq!(proved.len(), n, "as many values as were told");
                for (token, told) in proved {
                    self.tell(token, told);
                }
                return;
            }
            Outcome::QuietFailed { status, text } => {
                let text = self.text(text);
                return self.quiet_failed.push((status, text));
            }
            Outcome::Told => {
                let answered = self.told[token as usize].is_some();
                assert!(answered, "told beside an answer that has come");
                return self.about.push((token, self.session.about()));
            }
            Outcome::Stat { name, text } => {
                let (name, text) = (self.text(name), self.text(text));
                return self.stats.push((token, name, text));
            }
            Outcome::Doubt(op) => {
                assert_eq!(op, self.commands[token as usize].op);
                Told::Doubt
            }
            Outcome::Miss(status) => Told::Miss(status),
            Outcome::Done if self.commands[token as usize].op == Op::Stats => {
                let lines = std::mem::take(&mut self.stats).into_iter();
                let its = |(of, name, text)| {
                    assert_eq!(of, token, "statistics of one reply");
                    (name, text)
                };
                Told::Stats(lines.map(its).collect())
            }
            Outcome::Done => Told::Done,
            Outcome::Number(number) => Told::Number(number),
            Outcome::Version(text) => Told::Version(self.text(text)),
            Outcome::Refused {
                status,
                effect,
                text,
            } => refused(status, effect, self.text(text)),
        };
        self.tell(token, told);
    }

    /// Nothing more comes.
    pub fn finish(self) -> (Session, Report) {
        let (session, report, _) = self.finish_with_rest();
        (session, report)
    }

    /// As `finish`; the quiet commands that were abandoned, too.
    pub fn finish_with_rest(mut self) -> (Session, Report, Vec<bool>) {
        let (in_step, broken) = (self.session.in_step(), self.session.broken().is_some());
        assert!(!(in_step && broken));
        let mut quiet = Vec::new();
        if in_step {
            assert!(self.unproved.is_empty(), "in step with unproved values");
        } else {
            while let Some(gone) = self.session.abandon() {
                let sent = gone.sent;
                match gone.quiet {
                    true => quiet.push(sent),
                    false => self.tell(gone.token, Told::Abandoned { sent }),
                }
            }
        }
        if self.way.batch {
            self.assert_kept();
        }
        let complete = |(told, cmd): (Option<Told>, &Cmd)| match cmd.quiet {
            true => Told::Done,
            false => told.unwrap_or_else(|| panic!("no answer to {cmd:?}")),
        };
        let told = self.told.into_iter().zip(self.commands).map(complete);
        let report = Report {
            told: told.collect(),
            quiet_failed: self.quiet_failed,
            in_step,
            broken,
        };
        (self.session, report, quiet)
    }

    /// The values of a batch stand where they were told to be, each followed by a NUL.
    fn assert_kept(&mut self) {
        let (chunks, _) = self.session.end_batch();
        for (at, bytes) in &self.kept {
            let there = chunks.iter().find_map(|chunk| {
                let begin = at.checked_sub(chunk.filled().as_ptr() as usize)?;
                chunk.filled().get(begin..=begin + bytes.len())
            });
            let there = there.expect("a value in a chunk");
            assert_eq!(there.strip_suffix(b"\0"), Some(&bytes[..]));
        }
    }
}
