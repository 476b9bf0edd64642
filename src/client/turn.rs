//! Moving bytes: one turn sends what can be sent, waits where nothing can move, receives what has come
//! and tells it.

use super::blocking::Run;
use super::connect;
use super::deliver::{deliver, receive};
use super::lane::Lane;
use super::sink::{Answer, Sink};
use super::wait::wait;
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
            for (tag, fresh) in std::mem::take(&mut self.deferred) {
                self.send(tag, fresh, &mut command, operation);
            }
            return;
        }
        let alone = self.lanes.len() == 1 && self.lanes[0].attempt.is_none();
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
        let link = self.lanes[0].link();
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
        if lane.attempt.is_some() {
            return true;
        }
        let mut moved = false;
        while !lane.link().session.all_sent() {
            match lane.link().send(context, Mode::DontWait) {
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
        if !lane.quiet || !lane.link().session.all_sent() {
            return false;
        }
        let lane = self.lanes.swap_remove(index);
        self.release(lane);
        self.sink.answer(0, Answer::Done);
        operation.on(Event::Answered(1));
        true
    }

    fn wait_and_receive<O: Operation>(&mut self, operation: &mut O) {
        let mut waiting: Vec<Readiness> = self.lanes.iter_mut().map(Lane::readiness).collect();
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
        for index in (0..waiting.len()).rev() {
            let ready = waiting[index].is_ready();
            let late = over
                || self
                    .lane_end(&self.lanes[index])
                    .is_some_and(|end| end <= now);
            self.advance(index, ready, late, over, now, operation);
        }
    }

    /// When this lane is given up although the operation goes on.
    fn lane_end(&self, lane: &Lane) -> Option<Moment> {
        match &lane.attempt {
            Some(attempt) => attempt.until,
            None => self.call.silence.map(|limit| lane.since.after(limit)),
        }
    }

    fn advance<O: Operation>(
        &mut self,
        index: usize,
        ready: bool,
        late: bool,
        over: bool,
        now: Moment,
        operation: &mut O,
    ) {
        if self.lanes[index].attempt.is_some() {
            if over {
                let loss = self.lanes[index].late();
                self.lose(index, loss, operation);
            } else if ready || late {
                self.go_on_connecting(index, ready, operation);
            }
        } else if ready {
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

    fn go_on_connecting<O: Operation>(&mut self, index: usize, ready: bool, operation: &mut O) {
        let lane = &mut self.lanes[index];
        let Some(attempt) = lane.attempt.take() else {
            return;
        };
        let server = lane.server.clone();
        let name = server.name;
        match connect::go_on(self.call, &server, lane.lease.link(), &attempt, ready) {
            Ok(None) => {
                lane.since = deadline::now();
                self.connected(name);
            }
            Ok(Some(begun)) => {
                lane.attempt = begun.attempt;
                lane.since = deadline::now();
                let mut link = begun.link;
                link.session = lane.lease.link().session.take_over();
                lane.lease.replace(link);
            }
            Err(failure) => {
                lane.attempt = Some(attempt);
                let loss = lane.unconnected(failure);
                self.lose(index, loss, operation);
            }
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
        let link = self.lanes[index].link();
        receive(link, self.sink, mode)
    }

    /// Tell what has come.
    pub(super) fn arrivals<O: Operation>(&mut self, index: usize, operation: &mut O) {
        let lane = &mut self.lanes[index];
        let server = lane.server.clone();
        let link = lane.lease.link();
        let mut answered = 0;
        loop {
            let sink = &mut *self.sink;
            let drained = link
                .session
                .drain(|token, head, value| sink.value(token, head, value));
            if drained > 0 {
                sink.drained();
            }
            answered += drained;
            match link.session.next_arrival() {
                Some(arrival) => {
                    answered += deliver(arrival, link, &server, sink, &mut self.notices);
                }
                None => break,
            }
        }
        if answered > 0 {
            operation.on(Event::Answered(answered));
        }
        if let Some(why) = link.session.broken() {
            let loss = lane.broken(why);
            self.lose(index, loss, operation);
        } else if lane.is_settled() {
            let lane = self.lanes.swap_remove(index);
            self.release(lane);
        }
    }
}
