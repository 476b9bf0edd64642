//! A look-up that does as it is told.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use memcached2::transport::resolve::Resolver;

/// What looking a name up comes to.
#[derive(Clone, Debug)]
pub enum Says {
    Addresses(Vec<SocketAddr>),
    Fails(&'static str),
    /// Nothing, until it says something else.
    Nothing,
    Panics,
}

#[derive(Default)]
struct State {
    says: HashMap<String, Says>,
    /// The names that were looked up, as often as they were.
    asked: Vec<String>,
    running: usize,
    most: usize,
}

/// The names that there are, and what they come to.
#[derive(Default)]
pub struct Lookups {
    state: Mutex<State>,
    changed: Condvar,
}

impl Lookups {
    pub fn new() -> Arc<Lookups> {
        Arc::new(Lookups::default())
    }

    pub fn resolver(self: &Arc<Self>) -> Arc<Resolver> {
        let lookups = self.clone();
        Arc::new(Resolver::new(move |host| lookups.look_up(host)))
    }

    pub fn say(&self, host: &str, says: Says) {
        self.with(|state| state.says.insert(host.into(), says));
        self.changed.notify_all();
    }

    pub fn at(&self, host: &str, addresses: &[SocketAddr]) {
        self.say(host, Says::Addresses(addresses.into()));
    }

    /// How often `host` was looked up.
    pub fn count(&self, host: &str) -> usize {
        self.with(|state| state.asked.iter().filter(|asked| *asked == host).count())
    }

    pub fn count_all(&self) -> usize {
        self.with(|state| state.asked.len())
    }

    /// How many look-ups run, and how many ran at the same time at most.
    pub fn running(&self) -> (usize, usize) {
        self.with(|state| (state.running, state.most))
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn look_up(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        self.with(|state| {
            state.asked.push(host.into());
            state.running += 1;
            state.most = state.most.max(state.running);
        });
        let says = self.wait_for(host);
        self.with(|state| state.running -= 1);
        match says {
            Says::Addresses(addresses) => Ok(addresses),
            Says::Fails(why) => Err(io::Error::other(why)),
            Says::Panics | Says::Nothing => panic!("as the test wants it"),
        }
    }

    fn wait_for(&self, host: &str) -> Says {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match state.says.get(host) {
                Some(Says::Nothing) => {}
                Some(says) => return says.clone(),
                None => return Says::Fails("there is no such name"),
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
