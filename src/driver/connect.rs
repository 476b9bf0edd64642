//! Making a connection: the name is looked up, its addresses race, the winner is secured where TLS is
//! spoken, authenticates where there are credentials, and with `paranoid` (or where its version must be
//! known) it proves itself. Nothing is waited for here: who drives an attempt waits for its descriptors
//! and for the moments that it names.

use std::io;
use std::os::fd::RawFd;

use super::authenticate::{self, Authenticating};
use super::call::Call;
use super::contest::{Contest, Socket, Standing};
use super::greet::{self, Greeting};
use super::secure::{self, Securing};
use super::server::Server;
use crate::deadline::{Moment, earlier};
use crate::error::{Failure, Phase, Result, Status};
use crate::transport::resolve::{Answer, Found, Ticket, Unresolved, Want};
use crate::transport::{Endpoint, Interest, Readiness, Whereabouts, endpoints, race};

/// A connection on its way.
pub struct Attempt {
    stage: Stage,
    /// When looking up and connecting must be over: `connect_timeout` after they began.
    until: Option<Moment>,
    /// What is sent over the connection does not leave this machine.
    stays_here: bool,
    /// An earlier connection of this attempt was closed when it had not authenticated.
    anew: bool,
    /// It is to prove itself.
    greets: bool,
}

enum Stage {
    Resolving(Ticket, Option<Outdated>),
    /// `fresh`: the addresses are of a new look-up, or needed none.
    Racing {
        contest: Contest,
        fresh: bool,
    },
    /// `known`: the addresses, where they are of an earlier look-up.
    Securing {
        securing: Securing,
        known: Option<Vec<Endpoint>>,
    },
    Authenticating(Box<Authenticating>),
    Greeting(Box<Greeting>),
}

/// What follows a connection that has come so far.
enum Onward {
    To(Stage),
    Made(Socket),
}

/// Addresses known from before have failed, with this. Now only other ones are of use.
struct Outdated {
    tried: Vec<Endpoint>,
    failure: Box<Failure>,
}

type Resolved = std::result::Result<Found, Unresolved>;

impl Attempt {
    /// To be begun with [`Attempt::go_on`].
    pub fn new(call: &Call<'_>, server: &Server, now: Moment) -> Result<Attempt> {
        let until = call.options.connect_timeout.map(|limit| now.after(limit));
        Ok(Attempt {
            stage: first(call, server, until, now)?,
            until,
            stays_here: false,
            anew: false,
            greets: call.options.paranoid,
        })
    }

    /// Ask for the server's version too.
    pub fn asking(self) -> Attempt {
        Attempt {
            greets: true,
            ..self
        }
    }

    /// How many descriptors are waited for.
    pub fn width(&self) -> usize {
        match &self.stage {
            Stage::Resolving(..)
            | Stage::Securing { .. }
            | Stage::Authenticating(_)
            | Stage::Greeting(_) => 1,
            Stage::Racing { contest, .. } => contest.width(),
        }
    }

    /// What is waited for: as many as [`Attempt::width`] says.
    pub fn wait_for(&self, waiting: &mut Vec<Readiness>) {
        match &self.stage {
            Stage::Resolving(ticket, _) => {
                let readable = Interest {
                    read: true,
                    write: false,
                };
                waiting.push(Readiness::of(ticket.fd(), readable));
            }
            Stage::Racing { contest, .. } => waiting.extend(contest.readiness()),
            Stage::Securing { securing, .. } => waiting.push(securing.readiness()),
            Stage::Authenticating(authenticating) => waiting.push(authenticating.readiness()),
            Stage::Greeting(greeting) => waiting.push(greeting.readiness()),
        }
    }

    /// The socket that connects, where it is the only thing that is waited for.
    pub fn fd(&self) -> Option<RawFd> {
        match &self.stage {
            Stage::Racing { contest, .. } => contest.only_fd(),
            _ => None,
        }
    }

    /// When it has to go on although no descriptor is ready.
    pub fn due(&self) -> Option<Moment> {
        match &self.stage {
            Stage::Resolving(ticket, _) => earlier(ticket.due(), self.until),
            Stage::Racing { contest, .. } => contest.due(),
            Stage::Securing { .. } | Stage::Authenticating(_) => self.until,
            Stage::Greeting(greeting) => greeting.due(),
        }
    }

    /// Go on without waiting: the socket, once it is connected. `ready`: what became of those that
    /// [`Attempt::wait_for`] gave, or nothing where none was waited for.
    pub fn go_on(
        &mut self,
        call: &Call<'_>,
        server: &Server,
        mut ready: &[Readiness],
        now: Moment,
    ) -> Result<Option<Socket>> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Resolving(ticket, outdated) => match ticket.answer(now) {
                    Some(answer) => {
                        answered(call, server, answer, outdated.take(), self.until, now)?
                    }
                    None if is_over(self.until, now) => return Err(self.late(server)),
                    None => return Ok(None),
                },
                Stage::Racing { contest, fresh } => {
                    let socket = match contest.go_on(server, call.core.tuning(), ready, now) {
                        Standing::Going => return Ok(None),
                        Standing::Won(socket) => {
                            self.stays_here = contest.stays_here();
                            Ok(socket)
                        }
                        Standing::Lost(error) => Err(failed(server, error, contest)),
                    };
                    let known = (!*fresh).then(|| contest.take_endpoints());
                    match (socket, &server.spec.tls_name) {
                        (Ok(socket), Some(name)) => Stage::Securing {
                            securing: Securing::begin(socket, call, server, name)?,
                            known,
                        },
                        (Ok(socket), None) => match self.identify(call, server, socket, now)? {
                            Onward::To(stage) => stage,
                            Onward::Made(socket) => return Ok(Some(socket)),
                        },
                        (Err(failure), _) => {
                            failed_at(known, call, server, failure, self.until, now)?
                        }
                    }
                }
                Stage::Securing { securing, known } => match securing.go_on(server) {
                    Ok(Some(socket)) => match self.identify(call, server, socket, now)? {
                        Onward::To(stage) => stage,
                        Onward::Made(socket) => return Ok(Some(socket)),
                    },
                    Ok(None) if is_over(self.until, now) => return Err(secure::late(server)),
                    Ok(None) => return Ok(None),
                    Err(failure) => {
                        let known = known.take();
                        failed_at(known, call, server, failure, self.until, now)?
                    }
                },
                Stage::Authenticating(authenticating) => match authenticating.go_on(server)? {
                    authenticate::Standing::Over(socket) => {
                        match prove(call, socket, self.greets, now)? {
                            Onward::To(stage) => stage,
                            Onward::Made(socket) => return Ok(Some(socket)),
                        }
                    }
                    authenticate::Standing::Anew => {
                        self.anew = true;
                        first(call, server, self.until, now)?
                    }
                    authenticate::Standing::Going if is_over(self.until, now) => {
                        return Err(authenticate::late(server));
                    }
                    authenticate::Standing::Going => return Ok(None),
                },
                Stage::Greeting(greeting) => return greeting.go_on(call, server, now),
            };
            ready = &[];
        }
    }

    /// What is told when the time is up.
    #[cold]
    pub fn late(&self, server: &Server) -> Box<Failure> {
        match &self.stage {
            Stage::Resolving(_, Some(outdated)) => outdated.failure.clone(),
            Stage::Resolving(_, None) => {
                unresolved(server, &"no answer in time".into()).errno(libc::ETIMEDOUT)
            }
            Stage::Racing { .. } => {
                let text = format!("no connection to {} in time", server.name);
                Failure::new(Status::TIMEOUT, text)
                    .at(Phase::Connect)
                    .on(server.name)
            }
            Stage::Securing { .. } => secure::late(server),
            Stage::Authenticating(_) => authenticate::late(server),
            Stage::Greeting(_) => greet::late(server),
        }
    }

    /// What follows once bytes can be sent.
    fn identify(
        &self,
        call: &Call<'_>,
        server: &Server,
        socket: Socket,
        now: Moment,
    ) -> Result<Onward> {
        let Some(credentials) = server.spec.credentials.clone() else {
            return prove(call, socket, self.greets, now);
        };
        let (private, at_once) = (self.stays_here, self.anew);
        let begun = Authenticating::begin(socket, call, server, credentials, private, at_once)?;
        Ok(Onward::To(Stage::Authenticating(Box::new(begun))))
    }
}

/// What follows once commands can be sent.
fn prove(call: &Call<'_>, socket: Socket, greets: bool, now: Moment) -> Result<Onward> {
    if !greets {
        return Ok(Onward::Made(socket));
    }
    let greeting = Greeting::begin(socket, call, now)?;
    Ok(Onward::To(Stage::Greeting(Box::new(greeting))))
}

/// Where an attempt begins.
fn first(call: &Call<'_>, server: &Server, until: Option<Moment>, now: Moment) -> Result<Stage> {
    match &server.whereabouts {
        Whereabouts::Known(known) => {
            let mut known = known.clone();
            server.last_first(&mut known);
            let contest = contest(call, known, until, now);
            Ok(Stage::Racing {
                contest,
                fresh: true,
            })
        }
        Whereabouts::Named { host, .. } => {
            let answer = call.core.resolver().ask(host, Want::Any, now, until);
            stage(call, server, answer, None, until, now)
        }
    }
}

fn is_over(until: Option<Moment>, now: Moment) -> bool {
    until.is_some_and(|until| until <= now)
}

/// What follows from what the resolver says at once.
fn stage(
    call: &Call<'_>,
    server: &Server,
    answer: Answer,
    outdated: Option<Outdated>,
    until: Option<Moment>,
    now: Moment,
) -> Result<Stage> {
    match answer {
        Answer::Wait(ticket) => Ok(Stage::Resolving(ticket, outdated)),
        Answer::Found(found) => answered(call, server, Ok(found), outdated, until, now),
        Answer::Failed(why) => answered(call, server, Err(why), outdated, until, now),
    }
}

/// The look-up has ended.
fn answered(
    call: &Call<'_>,
    server: &Server,
    answer: Resolved,
    outdated: Option<Outdated>,
    until: Option<Moment>,
    now: Moment,
) -> Result<Stage> {
    let found = match (answer, &outdated) {
        (Ok(found), _) => found,
        (Err(_), Some(outdated)) => return Err(outdated.failure.clone()),
        (Err(why), None) => return Err(unresolved(server, &why)),
    };
    let port = server.whereabouts.port();
    let mut endpoints = endpoints(&found.addresses, port);
    server.last_first(&mut endpoints);
    match outdated {
        Some(outdated) if outdated.tried == endpoints => Err(outdated.failure),
        _ => Ok(Stage::Racing {
            contest: contest(call, endpoints, until, now),
            fresh: found.fresh,
        }),
    }
}

/// No connection was had at any address; those that were `known` from before may be another's by now.
#[cold]
fn failed_at(
    known: Option<Vec<Endpoint>>,
    call: &Call<'_>,
    server: &Server,
    failure: Box<Failure>,
    until: Option<Moment>,
    now: Moment,
) -> Result<Stage> {
    match known {
        Some(tried) => look_again(call, server, Outdated { tried, failure }, until, now),
        None => Err(failure),
    }
}

/// Old addresses have failed: the name may have moved.
#[cold]
fn look_again(
    call: &Call<'_>,
    server: &Server,
    outdated: Outdated,
    until: Option<Moment>,
    now: Moment,
) -> Result<Stage> {
    if is_over(until, now) {
        return Err(outdated.failure);
    }
    let host = server.whereabouts.host();
    let answer = call.core.resolver().ask(host, Want::New, now, until);
    stage(call, server, answer, Some(outdated), until, now)
}

fn contest(
    call: &Call<'_>,
    endpoints: Vec<Endpoint>,
    until: Option<Moment>,
    now: Moment,
) -> Contest {
    let stagger = call.options.connect_stagger.0.unwrap_or_else(|| {
        let end = earlier(until, call.deadline.end());
        race::stagger(endpoints.len(), end.map(|end| end.since(now)))
    });
    Contest::new(endpoints, stagger, until)
}

#[cold]
fn failed(server: &Server, error: io::Error, contest: &Contest) -> Box<Failure> {
    let text = match contest.endpoints().len() {
        0 => format!("no connection to {}: it has no address", server.name),
        1 => format!("no connection to {}: {error}", server.name),
        n => format!(
            "no connection to {}, {n} addresses tried: {error}",
            server.name
        ),
    };
    Failure::new(Status::CONNECT_FAILED, text)
        .at(Phase::Connect)
        .errno(error.raw_os_error().unwrap_or(0))
        .on(server.name)
}

#[cold]
fn unresolved(server: &Server, why: &Unresolved) -> Box<Failure> {
    let text = format!(
        "the name {} could not be resolved: {}",
        server.whereabouts.host(),
        why.reason
    );
    Failure::new(Status::RESOLVE_FAILED, text)
        .at(Phase::Resolve)
        .errno(why.errno)
        .on(server.name)
}
