//! How a connection's bytes leave, how it waits, and how it ends.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::super::ledger::What;
use super::super::net::{Order, wait};
use super::super::rule::End;
use super::{Connection, Flow, LEFT, Over};

impl Connection {
    pub(super) fn flood(&mut self, unit: &[u8], total: usize) -> Flow {
        let block = unit.repeat(65_536usize.div_ceil(unit.len()));
        let mut left = total;
        while left > 0 {
            let part = &block[..block.len().min(left)];
            self.send(part)?;
            left -= part.len();
        }
        Ok(())
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Flow {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut done = 0;
        let mut flow = Ok(());
        while done < bytes.len() && flow.is_ok() {
            match self
                .socket
                .send_with_flags(&bytes[done..], libc::MSG_NOSIGNAL)
            {
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

    pub(super) fn end(&mut self, end: End) -> Flow {
        self.hub.ledger.add(self.id, What::Ended(end));
        match end {
            End::Half => self
                .socket
                .shutdown(std::net::Shutdown::Write)
                .map_err(|_| Over),
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
    pub(super) fn pause(&mut self, time: Option<Duration>) -> Flow {
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
    pub(super) fn wait_for(&mut self, events: i16, time: Option<Duration>) -> Flow<i16> {
        // `poll` passes over a negative descriptor, but would report a hang-up unasked.
        let socket = if events == 0 {
            -1
        } else {
            self.socket.as_raw_fd()
        };
        let ready = wait(
            &[(socket, events), (self.mailbox.descriptor(), libc::POLLIN)],
            time,
        );
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

    /// Waits, for a while, until the client's kernel has all that was sent.
    pub(super) fn arrive(&self) {
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
