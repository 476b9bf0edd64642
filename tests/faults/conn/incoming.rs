//! How a connection's bytes come in, or are left lying.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::super::rule::{Action, End, When};
use super::{Connection, Flow, LEFT, Over};

/// Longer than any call.
const FOR_EVER: Duration = Duration::from_millis(800);

impl Connection {
    /// Takes in more of a request.
    pub(super) fn fill(&mut self) -> Flow {
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
    pub(super) fn receive(&mut self, leave_one: bool) -> io::Result<usize> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 65_536];
        let mut read = if leave_one {
            self.socket.peek(&mut buffer)?
        } else {
            self.socket.recv(&mut buffer)?
        };
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
    pub(super) fn neglect(&mut self, actions: &[Action]) -> Flow {
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

    pub(super) fn read_only(&mut self, bytes: usize, end: End) -> Flow {
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
}
