//! What a server does with the bytes that have come: the model of the fault server carries requests out,
//! everything it did is recorded, and what is wrong with its replies is put in.

use super::connection::End;
use super::faults::frame::{Command, Framed, Request, request};
use super::faults::model::carry_out;
use super::faults::reply::{self, Reply};
use super::record::{About, Did, Executed, Seen, about};
use super::trace::Shown;
use super::world::World;
use super::wrong::{Wrong, is_text};

impl World {
    /// Carry out what has come over a connection, if the server runs.
    pub fn serve(&mut self, connection: usize) {
        loop {
            let one = &mut self.connections[connection];
            let host = &mut self.hosts[one.host];
            if !host.up || host.stalls > 0 || !one.server_open || one.life != host.life {
                return;
            }
            one.unread -= std::mem::take(&mut one.fresh);
            if one.mute {
                return one.input.clear();
            }
            if !one.input.is_empty() && std::mem::take(&mut host.hang_up) {
                one.input.clear();
                self.counts.hang_ups += 1;
                let at = one.host;
                self.well_from(at, self.now);
                return self.end_for_client(connection, End::Reset);
            }
            match request(&one.input) {
                Framed::More => break,
                Framed::TooLong => return self.end_for_client(connection, End::Fin),
                Framed::Whole(request, used) => {
                    one.input.drain(..used);
                    self.carry_out(connection, &request);
                }
            }
        }
        let one = &mut self.connections[connection];
        if one.client_gone {
            one.server_open = false;
        }
    }

    fn carry_out(&mut self, connection: usize, request: &Request) {
        let at = self.connections[connection].host;
        let words = format_args!("{at}: {}", Shown(&request.line));
        self.trace
            .note(self.now, "serve", at as u64, connection as u64, words);
        let lone = self.connections[connection].unread == 0
            && self.connections[connection].input.is_empty();
        if let Some(Wrong::Refused(line)) = self.hosts[at].wrong {
            if let Some(reply) = self.refuse(at, request, line) {
                return self.reply(connection, reply.bytes(), false);
            }
        }
        let reply = self.execute(at, request);
        let Some(reply) = reply else {
            return self.end_for_client(connection, End::Fin);
        };
        let wrong = self.hosts[at].wrong;
        let seen = self.doubles_are_seen;
        let falsified = wrong.and_then(|wrong| wrong.apply(request, &reply, lone, seen));
        match falsified {
            Some(bytes) => {
                self.hosts[at].wrong = None;
                self.well_from(at, self.now);
                self.counts.wrong_replies += 1;
                let words = format_args!("{at}: {wrong:?}: {}", Shown(&bytes));
                self.trace.note(self.now, "falsify", at as u64, 0, words);
                // In text, what is asked next would be taken to be answered by the rest.
                let lost = matches!(wrong, Some(Wrong::Lost | Wrong::NoEnd));
                self.connections[connection].mute = lost && is_text(request);
                self.reply(connection, bytes, true);
            }
            None => {
                let bytes = reply.bytes();
                if !bytes.is_empty() {
                    self.reply(connection, bytes, false);
                }
            }
        }
    }

    /// Refuse a request without carrying it out; what a server says who has no memory for an item is also
    /// that the old one is gone.
    fn refuse(&mut self, at: usize, request: &Request, line: &[u8]) -> Option<Reply> {
        let several = match &request.command {
            Command::Meta(orders) => orders.len() > 1 || orders.iter().any(|o| o.key.is_empty()),
            Command::Binary(frames) => frames.len() > 1 || frames[0].key.is_empty(),
            Command::Read { .. } => false,
            _ => request.keys().is_empty(),
        };
        if several || request.noreply {
            return None;
        }
        self.hosts[at].wrong = None;
        self.well_from(at, self.now);
        self.counts.refusals += 1;
        for About { did, key, .. } in about(request) {
            if did == Did::Store {
                let now = self.instant();
                self.hosts[at].store.remove(&key, 0, now);
            }
        }
        let words = format_args!("{at}: {}", Shown(line));
        self.trace.note(self.now, "refuse", at as u64, 0, words);
        Some(reply::refusal(request, line))
    }

    /// Carry a request out; `None` where it asks for the connection to be closed.
    fn execute(&mut self, at: usize, request: &Request) -> Option<Reply> {
        let now = self.instant();
        let cause = self.executed.len() as u64 + 1;
        let store = &mut self.hosts[at].store;
        let all = about(request);
        let before: Vec<Option<Seen>> = all
            .iter()
            .map(|about| store.get(&about.key, now).map(Seen::of))
            .collect();
        let mut answer = carry_out(store, request, cause, now);
        if let (Command::Version, true) = (&request.command, self.hosts[at].is_old) {
            answer.reply = Reply::line("VERSION 1.4.25");
        }
        for (About { did, key, mark }, before) in all.into_iter().zip(before) {
            let store = &self.hosts[at].store;
            let last = store.versions(&key).last();
            let wrote = last.is_some_and(|last| last.cause == cause);
            let number = match did {
                Did::Count if wrote => {
                    let item = store.get(&key, now);
                    item.and_then(|item| super::faults::model::counter(&item.data))
                }
                _ => None,
            };
            self.executed.push(Executed {
                at: self.now,
                host: at,
                did,
                key,
                mark,
                before,
                wrote,
                number,
            });
        }
        (!answer.quit).then_some(answer.reply)
    }
}
