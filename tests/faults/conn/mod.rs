//! One connection of the server, on a thread of its own.

mod incoming;
mod outgoing;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use socket2::Socket;

use super::frame::{self, Framed, Request};
use super::ledger::What;
use super::model::{self, Answer};
use super::net::{Hub, Mailbox, Order, lock};
use super::reply::{self, Reply};
use super::rule::{Action, When};
use super::script::{self, Step};

/// Events that say that the client is gone.
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
    pub fn new(
        id: u32,
        socket: Socket,
        unix: bool,
        hub: Arc<Hub>,
        mailbox: Arc<Mailbox>,
    ) -> Connection {
        let (input, held, owed, joined) = Default::default();
        Connection {
            id,
            socket,
            unix,
            hub,
            mailbox,
            input,
            unread: false,
            held,
            owed,
            joined,
        }
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
        self.hub
            .ledger
            .add(self.id, What::Request(number, Box::new(request.clone())));
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
                if actions
                    .iter()
                    .any(|action| matches!(action, Action::AnswerNoreply))
                {
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
                Action::Refuse(line) => return Ok(reply::refusal(request, line)),
                Action::RefuseAndRunBody(line) => {
                    let body = [request.body.as_slice(), b"\r\n"].concat();
                    self.input.splice(..0, body);
                    return Ok(Reply::raw(line));
                }
                Action::RefuseAndRemove(line) => {
                    let keys = request.keys();
                    lock(&self.hub.store).remove(keys[0], number, Instant::now());
                    return Ok(reply::refusal(request, line));
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
            hub.ledger.wait(Duration::from_millis(100), |_| {
                hub.holding.load(Ordering::SeqCst) == 0
            });
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
}
