//! One connection of the server, on a thread of its own.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::frame::{self, Framed, Request};
use super::ledger::What;
use super::model::{self, Answer};
use super::net::{Hub, Mailbox, Order, lock, wait};
use super::reply::Reply;
use super::rule::{Action, End, When};
use super::script::{self, Step};

/// Longer than any call.
const FOR_EVER: Duration = Duration::from_millis(800);

const LEFT: i16 = libc::POLLRDHUP | libc::POLLHUP | libc::POLLERR;

pub struct Connection {
    id: u32,
    socket: Socket,
    unix: bool,
    hub: Arc<Hub>,
    mailbox: Arc<Mailbox>,
    input: Vec<u8>,
    /// The last byte of `input` was looked at, but still lies in the socket: a Unix socket
    /// closed so is to its peer what a reset is.
    unread: bool,
    /// Goes out when the next request comes, on whichever connection.
    held: Vec<u8>,
    /// Goes out behind the next reply.
    owed: Vec<u8>,
    /// Goes out before the next reply, in one segment with it.
    joined: Vec<u8>,
}

/// The connection is at its end.
struct Over;
type Flow<T = ()> = Result<T, Over>;

impl Connection {
    pub fn new(id: u32, socket: Socket, unix: bool, hub: Arc<Hub>, mailbox: Arc<Mailbox>) -> Connection {
        let (input, held, owed, joined) = Default::default();
        Connection { id, socket, unix, hub, mailbox, input, unread: false, held, owed, joined }
    }

    pub fn run(mut self) {
        // Small segments must go out as they are.
        let prompt = self.unix || self.socket.set_tcp_nodelay(true).is_ok();
        if prompt && self.socket.set_nonblocking(true).is_ok() {
            let _ = self.converse();
        }
        if !self.held.is_empty() {
            self.hub.holding.fetch_sub(1, Ordering::SeqCst);
            self.fired();
        }
        let (hub, id) = (self.hub.clone(), self.id);
        drop(self);
        hub.forget(id);
    }

    fn converse(&mut self) -> Flow {
        if let Some(actions) = self.rule(|when| matches!(when, When::Accept)) {
            self.deliver(Reply::Nothing, &actions)?;
        }
        loop {
            match frame::request(&self.input) {
                Framed::More => self.fill()?,
                Framed::TooLong => return Err(Over),
                Framed::Whole(request, used) => {
                    self.input.drain(..used);
                    self.handle(*request)?;
                }
            }
        }
    }

    fn rule(&self, applies: impl Fn(&When) -> bool) -> Option<Vec<Action>> {
        lock(&self.hub.rules).take(applies)
    }

    fn handle(&mut self, mut request: Request) -> Flow {
        let number = self.hub.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.hub.ledger.add(self.id, What::Request(number, Box::new(request.clone())));
        self.release_held()?;
        let rule = self.rule(|when| matches!(when, When::Request(kind) if kind.matches(&request)));
        let owed = std::mem::take(&mut self.owed);
        match rule {
            None => {
                let answer = self.carry_out(&request, number);
                if !self.joined.is_empty() {
                    self.fired();
                }
                let joined = std::mem::take(&mut self.joined);
                self.send(&[joined, answer.reply.bytes()].concat())?;
                if answer.quit {
                    return Err(Over);
                }
            }
            Some(actions) => {
                if actions.iter().any(|action| matches!(action, Action::AnswerNoreply)) {
                    request.noreply = false;
                }
                let reply = self.answer_under(&actions, &request, number)?;
                self.deliver(reply, &actions)?;
            }
        }
        if !owed.is_empty() {
            self.fired();
        }
        self.send(&owed)
    }

    fn carry_out(&self, request: &Request, number: u64) -> Answer {
        let mut store = lock(&self.hub.store);
        // Read under the lock: the history's moments must be in order.
        model::carry_out(&mut store, request, number, Instant::now())
    }

    /// Carries the request out, or does what a rule wants instead.
    fn answer_under(&mut self, actions: &[Action], request: &Request, number: u64) -> Flow<Reply> {
        for action in actions {
            match action {
                Action::Swallow => return Ok(Reply::Nothing),
                Action::Refuse(line) => return Ok(Reply::raw(line)),
                Action::RefuseAndRunBody(line) => {
                    let body = [request.body.as_slice(), b"\r\n"].concat();
                    self.input.splice(..0, body);
                    return Ok(Reply::raw(line));
                }
                Action::TooLarge => {
                    let keys = request.keys();
                    lock(&self.hub.store).remove(keys[0], number, Instant::now());
                    return Ok(Reply::line("SERVER_ERROR object too large for cache"));
                }
                Action::Restart(end, pause) => {
                    self.hub.restart(self.id, *end, *pause);
                    self.fired();
                    self.hub.ledger.add(self.id, What::Settled);
                    return self.end(*end).map(|()| Reply::Nothing);
                }
                _ => {}
            }
        }
        Ok(self.carry_out(request, number).reply)
    }

    fn deliver(&mut self, reply: Reply, actions: &[Action]) -> Flow {
        match script::build(reply.clone(), actions) {
            Some(steps) => self.perform(&steps),
            // The rule does not fit: answered as if it were not there, and not fired.
            None => self.send(&reply.bytes()),
        }
    }

    fn perform(&mut self, steps: &[Step]) -> Flow {
        let flow = self.steps(steps);
        self.hub.ledger.add(self.id, What::Settled);
        flow
    }

    fn steps(&mut self, steps: &[Step]) -> Flow {
        for step in steps {
            if matches!(step, Step::Flood(..) | Step::Stall | Step::End(_)) {
                self.fired();
            }
            let taken = match step {
                Step::Send(bytes) => self.send(bytes),
                Step::Pause(time) => self.pause(Some(*time)),
                Step::Flood(unit, total) => self.flood(unit, *total),
                Step::Stall => self.pause(None),
                Step::Hold(bytes) => {
                    self.hub.holding.fetch_add(1, Ordering::SeqCst);
                    self.held = bytes.clone();
                    Ok(())
                }
                Step::Owe(bytes) => {
                    self.owed = bytes.clone();
                    Ok(())
                }
                Step::Join(bytes) => {
                    self.joined = bytes.clone();
                    Ok(())
                }
                Step::End(end) => self.end(*end),
                Step::Arrive => {
                    self.arrive();
                    Ok(())
                }
            };
            if taken.is_err() {
                self.fired();
                return taken;
            }
        }
        // Bytes kept back have done nothing yet.
        if self.held.is_empty() && self.owed.is_empty() && self.joined.is_empty() {
            self.fired();
        }
        Ok(())
    }

    fn fired(&self) {
        self.hub.ledger.add(self.id, What::Fired);
    }

    /// What this or another connection held back until a request came goes out now.
    fn release_held(&mut self) -> Flow {
        if !self.held.is_empty() {
            return self.release();
        }
        if self.hub.holding.load(Ordering::SeqCst) > 0 {
            self.hub.tell(self.id, || Order::Release);
            let hub = &self.hub;
            hub.ledger.wait(Duration::from_millis(100), |_| hub.holding.load(Ordering::SeqCst) == 0);
        }
        Ok(())
    }

    fn release(&mut self) -> Flow {
        let held = std::mem::take(&mut self.held);
        let sent = self.send(&held);
        self.hub.holding.fetch_sub(1, Ordering::SeqCst);
        self.fired();
        sent
    }

    fn flood(&mut self, unit: &[u8], total: usize) -> Flow {
        let block = unit.repeat(65_536usize.div_ceil(unit.len()));
        let mut left = total;
        while left > 0 {
            let part = &block[..block.len().min(left)];
            self.send(part)?;
            left -= part.len();
        }
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> Flow {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut done = 0;
        let mut flow = Ok(());
        while done < bytes.len() && flow.is_ok() {
            match self.socket.send_with_flags(&bytes[done..], libc::MSG_NOSIGNAL) {
                Ok(sent) => done += sent,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    flow = self.wait_for(libc::POLLOUT, None).map(drop);
                }
                Err(_) => flow = Err(Over),
            }
        }
        self.hub.ledger.sent(self.id, &bytes[..done], bytes.len());
        flow
    }

    fn end(&mut self, end: End) -> Flow {
        self.hub.ledger.add(self.id, What::Ended(end));
        match end {
            End::Half => self.socket.shutdown(std::net::Shutdown::Write).map_err(|_| Over),
            End::Rst if !self.unix => {
                let _ = self.socket.set_linger(Some(Duration::ZERO));
                Err(Over)
            }
            End::Rst => Err(Over),
            End::Fin => {
                // Nothing may stay unread, or the close would be a reset.
                while self.receive(false).is_ok_and(|read| read > 0) {}
                Err(Over)
            }
        }
    }

    /// Waits for so long, or for ever; at an end when the client leaves.
    fn pause(&mut self, time: Option<Duration>) -> Flow {
        let until = time.map(|time| Instant::now() + time);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(());
            }
            let came = self.wait_for(libc::POLLRDHUP, left)?;
            if came & LEFT != 0 {
                return Err(Over);
            }
        }
    }

    /// Waits for events on the socket and obeys orders meanwhile; 0 when the time was up.
    fn wait_for(&mut self, events: i16, time: Option<Duration>) -> Flow<i16> {
        // `poll` passes over a negative descriptor, but would report a hang-up unasked.
        let socket = if events == 0 { -1 } else { self.socket.as_raw_fd() };
        let ready = wait(&[(socket, events), (self.mailbox.descriptor(), libc::POLLIN)], time);
        if ready[1] != 0 {
            for order in self.mailbox.take() {
                match order {
                    Order::Stop => return Err(Over),
                    Order::End(end) => self.end(end)?,
                    Order::Release if !self.held.is_empty() => self.release()?,
                    Order::Strike(steps) => self.perform(&steps)?,
                    Order::Release | Order::Down(_) => {}
                }
            }
        }
        Ok(ready[0])
    }

    /// Takes in more of a request.
    fn fill(&mut self) -> Flow {
        if std::mem::take(&mut self.unread) {
            let _ = self.socket.recv(&mut [MaybeUninit::uninit(); 1]);
        }
        while self.wait_for(libc::POLLIN, None)? & (libc::POLLIN | LEFT) == 0 {}
        if self.input.is_empty() {
            let mut one = [MaybeUninit::uninit(); 1];
            if self.socket.peek(&mut one).map_err(|_| Over)? == 0 {
                return Err(Over);
            }
            if let Some(actions) = self.rule(|when| matches!(when, When::Input)) {
                return self.neglect(&actions);
            }
        }
        match self.receive(self.unix) {
            Ok(0) => Err(Over),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(_) => Err(Over),
        }
    }

    /// Reads what is there into `input`; the last byte stays in the socket if so wished.
    fn receive(&mut self, leave_one: bool) -> io::Result<usize> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 65_536];
        let mut read = if leave_one { self.socket.peek(&mut buffer)? } else { self.socket.recv(&mut buffer)? };
        // SAFETY: so many bytes of the buffer were written.
        let bytes = unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast::<u8>(), read) };
        self.input.extend_from_slice(bytes);
        if leave_one && read > 0 {
            self.unread = true;
            read -= 1;
            if read > 0 {
                self.socket.recv(&mut buffer[..read])?;
            }
            read += 1;
        }
        Ok(read)
    }

    /// Lets a request lie.
    fn neglect(&mut self, actions: &[Action]) -> Flow {
        for action in actions {
            match action {
                Action::NotRead(None) => {
                    self.fired();
                    // Behind bytes that are never read nobody sees the client leave.
                    self.pause(Some(FOR_EVER))?;
                    return Err(Over);
                }
                Action::NotRead(Some(time)) => {
                    // The client's leaving does not matter: what it sent is still there.
                    let until = Instant::now() + *time;
                    while let Some(left) = until.checked_duration_since(Instant::now()) {
                        self.wait_for(0, Some(left))?;
                    }
                    self.fired();
                }
                Action::Flood(unit, total) => {
                    self.fired();
                    self.flood(unit, *total)?;
                }
                Action::ReadOnly(bytes, end) => return self.read_only(*bytes, *end),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_only(&mut self, bytes: usize, end: End) -> Flow {
        let mut left = bytes;
        while left > 0 {
            let mut buffer = vec![MaybeUninit::uninit(); left];
            match self.socket.recv(&mut buffer) {
                Ok(0) => return Err(Over),
                Ok(read) => left -= read,
                Err(_) => drop(self.wait_for(libc::POLLIN, None)?),
            }
        }
        self.fired();
        self.end(end)
    }

    /// Waits, for a while, until the client's kernel has all that was sent.
    fn arrive(&self) {
        for _ in 0..100 {
            let mut queued: libc::c_int = 0;
            // SAFETY: the descriptor is open, and the request writes one int.
            let done = unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::TIOCOUTQ, &mut queued) };
            if self.unix || done != 0 || queued == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
