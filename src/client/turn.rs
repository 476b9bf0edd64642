//! Moving bytes: one turn sends what can be sent, waits where nothing can move, receives what has come
//! and tells it.

use super::blocking::Run;
use super::deliver::{deliver, receive};
use super::lane::{Lane, Way};
use super::sink::{Answer, Sink};
use super::wait::wait;
use crate::connection::arrival::{Arrival, Outcome};
use crate::connection::link::Trouble;
use crate::deadline::{self, Moment, earlier};
use crate::operation::command::Commands;
use crate::operation::{Event, Operation};
use crate::transport::{Mode, Readiness};

impl<S: Sink + ?Sized, C: Commands + ?Sized> Run<'_, '_, S, C> {
    /// Move what can be moved, waiting where nothing can.
    pub(super) fn turn<O: Operation>(&mut self, operation: &mut O) {
        if self.lanes.is_empty() {
            let mut command = self.context.commands.blank();
            self.may_wait = true;
            for (tag, fresh, loud) in std::mem::take(&mut self.deferred) {
                self.send(tag, fresh, loud, &mut command, operation);
            }
            return;
        }
        let alone = self.lanes.len() == 1 && self.lanes[0].is_connected();
        if alone && !self.waited && self.call.plain {
            return self.plain_turn(operation);
        }
        let mut index = 0;
        while index < self.lanes.len() {
            if self.send_some(index, operation) {
                index += 1;
            }
        }
        if !self.lanes.is_empty() {
            self.wait_and_receive(operation);
        }
    }

    /// The first time, with nothing else on its way: the kernel may do the waiting.
    fn plain_turn<O: Operation>(&mut self, operation: &mut O) {
        self.waited = true;
        let context = self.context;
        let Some(link) = self.lanes[0].link() else {
            return;
        };
        // Never waiting: what was sent at once has taken no time, and the receive may block.
        if let Err(trouble) = link.send(context, Mode::DontWait) {
            return self.troubled(0, trouble, operation);
        }
        if !link.session.all_sent() || self.settle_quiet(0, operation) {
            return;
        }
        match self.receive(0, Mode::Block) {
            Ok(_) => self.arrivals(0, operation),
            Err(trouble) => self.troubled(0, trouble, operation),
        }
    }

    /// Send what a lane can without waiting; `false` if that was its end.
    fn send_some<O: Operation>(&mut self, index: usize, operation: &mut O) -> bool {
        let context = self.context;
        let lane = &mut self.lanes[index];
        let Some(link) = lane.link() else {
            return true;
        };
        let mut moved = false;
        while !link.session.all_sent() {
            match link.send(context, Mode::DontWait) {
                Ok(_) => moved = true,
                Err(Trouble::Interrupted) => {}
                Err(Trouble::WouldBlock) => break,
                Err(trouble) => {
                    self.troubled(index, trouble, operation);
                    return false;
                }
            }
        }
        if moved {
            lane.since = deadline::now();
        }
        !self.settle_quiet(index, operation)
    }

    /// A quiet command is done when it has left.
    pub(super) fn settle_quiet<O: Operation>(&mut self, index: usize, operation: &mut O) -> bool {
        let lane = &mut self.lanes[index];
        if !lane.quiet || !lane.link().is_some_and(|link| link.all_sent()) {
            return false;
        }
        let lane = self.lanes.swap_remove(index);
        self.release(lane);
        self.sink.answer(0, Answer::Done);
        operation.on(Event::Answered(1));
        true
    }

    #[inline(never)]
    fn wait_and_receive<O: Operation>(&mut self, operation: &mut O) {
        let mut waiting = Vec::with_capacity(self.lanes.len());
        for lane in &mut self.lanes {
            lane.wait_for(&mut waiting);
        }
        let until = self
            .lanes
            .iter()
            .fold(self.call.deadline.end(), |until, lane| {
                earlier(until, self.lane_end(lane))
            });
        self.waited = true;
        if let Err(error) = wait(&mut waiting, until) {
            // Only for want of memory in the kernel: nothing can be waited for.
            while !self.lanes.is_empty() {
                let error = std::io::Error::from(error.kind());
                self.troubled(0, Trouble::Io(error), operation);
            }
            return;
        }
        let now = deadline::now();
        let over = self.call.deadline.passed(now);
        // From the last to the first: a lane that ends is replaced by one that was seen to.
        let mut rest = waiting.as_slice();
        for index in (0..self.lanes.len()).rev() {
            let lane = &self.lanes[index];
            let (others, own) = rest.split_at(rest.len().saturating_sub(lane.width()));
            rest = others;
            let late = over || self.lane_end(lane).is_some_and(|end| end <= now);
            self.advance(index, own, late, over, now, operation);
        }
    }

    /// When something is due on this lane although nothing has come: it is given up, or goes on
    /// making its connection.
    fn lane_end(&self, lane: &Lane) -> Option<Moment> {
        match &lane.way {
            Way::Making(making) => making.attempt.due(),
            Way::Made(_) => self.call.silence.map(|limit| lane.since.after(limit)),
        }
    }

    fn advance<O: Operation>(
        &mut self,
        index: usize,
        ready: &[Readiness],
        late: bool,
        over: bool,
        now: Moment,
        operation: &mut O,
    ) {
        let is_ready = ready.iter().any(Readiness::is_ready);
        if !self.lanes[index].is_connected() {
            if over {
                let loss = self.lanes[index].late();
                self.lose(index, loss, operation);
            } else if is_ready || late {
                self.go_on_connecting(index, ready, operation);
            }
        } else if is_ready {
            self.receive_some(index, now, operation);
            // A server that goes on sending does not make the call longer.
            if over && !self.lanes.is_empty() && index < self.lanes.len() {
                let loss = self.lanes[index].late();
                self.lose(index, loss, operation);
            }
        } else if late {
            let loss = self.lanes[index].late();
            self.lose(index, loss, operation);
        }
    }

    #[inline(never)]
    fn go_on_connecting<O: Operation>(
        &mut self,
        index: usize,
        ready: &[Readiness],
        operation: &mut O,
    ) {
        let mut lane = self.lanes.swap_remove(index);
        let went = self.go_on(&mut lane, ready);
        self.lanes.push(lane);
        let last = self.lanes.len() - 1;
        self.lanes.swap(index, last);
        if let Err(failure) = went {
            let loss = self.lanes[index].unconnected(failure);
            self.lose(index, loss, operation);
        } else if !self.parked.is_empty() && self.lanes[index].is_connected() {
            self.send_parked(index, operation);
        }
    }

    /// Receive what has come, as long as it comes in full.
    fn receive_some<O: Operation>(&mut self, index: usize, now: Moment, operation: &mut O) {
        self.lanes[index].since = now;
        match self.receive(index, Mode::DontWait) {
            Ok(_) => self.arrivals(index, operation),
            Err(trouble) => self.troubled(index, trouble, operation),
        }
    }

    fn receive(&mut self, index: usize, mode: Mode) -> std::result::Result<usize, Trouble> {
        match self.lanes[index].link() {
            Some(link) => receive(link, self.sink, mode),
            None => Err(Trouble::WouldBlock),
        }
    }

    /// Tell what has come.
    pub(super) fn arrivals<O: Operation>(&mut self, index: usize, operation: &mut O) {
        let lane = &mut self.lanes[index];
        let server = lane.server.clone();
        let Way::Made(lease) = &mut lane.way else {
            return;
        };
        let link = lease.link();
        let (mut answered, mut heard) = (0, false);
        loop {
            let sink = &mut *self.sink;
            let drained = link
                .session
                .drain(|token, head, value| sink.value(token, head, value));
            if drained > 0 {
                sink.drained();
            }
            answered += drained;
            heard |= drained > 0;
            match link.session.next_arrival() {
                Some(Arrival {
                    token: tag,
                    what: Outcome::Doubt(op),
                }) => operation.on(Event::Doubted {
                    tag,
                    op,
                    server: server.name,
                }),
                Some(arrival) => {
                    answered += deliver(arrival, link, &server, sink, &mut self.notices);
                    heard = true;
                }
                None => break,
            }
        }
        if answered > 0 {
            operation.on(Event::Answered(answered));
        }
        let broken = link.session.broken();
        if heard {
            lane.answered(&mut self.notices);
        }
        if let Some(why) = broken {
            let loss = lane.broken(why);
            self.lose(index, loss, operation);
        } else if lane.is_settled() {
            let lane = self.lanes.swap_remove(index);
            self.release(lane);
        }
    }
}
