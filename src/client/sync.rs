//! Settling quiet commands: their replies are read, and failures counted.

use super::deliver::quiet_failed;
use super::server::Server;
use super::state::State;
use super::wait::wait;
use crate::connection::arrival::Outcome;
use crate::connection::link::{Link, Trouble};
use crate::connection::outbox::NoValue;
use crate::deadline::Deadline;
use crate::error::{Failure, Phase, Result, Status};
use crate::observe::Notices;
use crate::transport::{Interest, Mode};

/// Read what idle connections are owed. Connections in use settle by their own next command.
pub fn settle(state: &State, deadline: Deadline, notices: &mut Notices) -> Result<()> {
    let topology = state.topology();
    let mut result = Ok(());
    for server in topology.servers() {
        // Held until all are seen to, so that none is met twice.
        let mut settled = Vec::new();
        while let Some(mut lease) = server.pool.idle() {
            match read_owed(server, lease.link(), deadline, notices) {
                Ok(()) => settled.push(lease),
                // Dropping the lease closes the connection, and counts what it is still owed.
                Err(failure) => result = Err(failure),
            }
        }
    }
    result
}

/// Read all quiet replies that a connection owes. On failure it is of no use any more.
pub fn read_owed(
    server: &Server,
    link: &mut Link,
    deadline: Deadline,
    notices: &mut Notices,
) -> Result<()> {
    if let Err(why) = link.session.ask_to_settle() {
        return Err(Failure::no_memory(why.0).on(server.name));
    }
    while link.session.owes_quiet() > 0 {
        let moved = match link.session.all_sent() {
            true => link.receive(None, Mode::DontWait),
            false => link.send(&NoValue, Mode::DontWait),
        };
        let trouble = match moved {
            Ok(_) => {
                while let Some(arrival) = link.session.next_arrival() {
                    if let Outcome::QuietFailed { status, text } = arrival.what {
                        quiet_failed(server, status, link.session.bytes(text), notices);
                    }
                }
                link.session.check_surplus();
                if link.session.broken().is_none() {
                    continue;
                }
                Status::UNEXPECTED_RESPONSE
            }
            Err(Trouble::Interrupted) => continue,
            Err(Trouble::WouldBlock) => {
                let interest = Interest {
                    read: true,
                    write: !link.session.all_sent(),
                };
                let mut waiting = [link.readiness(interest)];
                match wait(&mut waiting, deadline.end()) {
                    Ok(true) => continue,
                    _ => Status::TIMEOUT,
                }
            }
            Err(_) => Status::SERVER_DISCONNECT,
        };
        link.session.poison("quiet replies were lost");
        let text = format!(
            "replies of quiet commands from {} were lost: {}",
            server.name,
            trouble.message()
        );
        return Err(Failure::new(trouble, text)
            .at(Phase::Receive)
            .on(server.name));
    }
    Ok(())
}
