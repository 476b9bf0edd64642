//! A writer and readers at work while one server after the other is killed, halted, restarted, removed and
//! replaced.

use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::alone;
use crate::board::{Board, KEYS};
use crate::figures::{self, Trouble};
use crate::fleet::{Fleet, server};
use crate::load::{Load, Log};
use crate::support::client::{Client, OK};
use crate::support::named::Random;

const READERS: u64 = 3;
pub const CALLERS: usize = READERS as usize + 1;
/// Between two troubles, for every connection to be made again.
const CALM: Duration = Duration::from_millis(600);
const DEAD: Duration = Duration::from_secs(2);
/// Some timeouts of a second each, and tries after them.
const HALTED: Duration = Duration::from_secs(4);

/// What happens to the servers, in its order.
struct Script<'a> {
    fleet: Fleet,
    client: &'a Client,
    board: &'a Board,
    troubles: Vec<Trouble>,
}

impl Script<'_> {
    fn now(&self) -> Duration {
        self.board.began.elapsed()
    }

    /// `trouble` tells when the server was back.
    fn run(
        &mut self,
        what: &'static str,
        slot: usize,
        trouble: impl FnOnce(&mut Self) -> Duration,
    ) {
        sleep(CALM);
        let connections = self.fleet.connections(slot);
        let from = self.now();
        let back = trouble(self);
        self.troubles.push(Trouble {
            what,
            slot,
            hurts: !matches!(what, "removed, added again" | "replaced"),
            connections,
            from,
            back,
        });
    }

    fn kill(&mut self, slot: usize) {
        let server = &mut self.fleet.slots[slot];
        self.board.killing(slot, || server.kill());
    }

    fn kill_and_restart(&mut self, slot: usize, dead: Duration) -> Duration {
        self.kill(slot);
        sleep(dead);
        let server = &mut self.fleet.slots[slot];
        self.board.beginning(slot, || server.restart());
        self.now()
    }

    fn halt(&mut self, slot: usize) -> Duration {
        let server = &self.fleet.slots[slot];
        server.halt();
        sleep(HALTED);
        let back = self.now();
        server.go_on();
        back
    }

    fn set_servers(&self, without: Option<usize>) {
        let list = self.fleet.list_without(without);
        let set = || assert_eq!(self.client.set_servers(&list), OK);
        self.board.changing_list(self.client, set);
    }

    fn remove_and_add(&mut self, slot: usize) -> Duration {
        self.set_servers(Some(slot));
        sleep(CALM);
        // What is no more in the list is nobody's.
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.fleet.connections(slot) > 0 {
            assert!(Instant::now() < deadline, "connections to a server removed");
            sleep(Duration::from_millis(5));
        }
        self.set_servers(None);
        self.now()
    }

    /// Another server, which is empty, with the name of the old one.
    fn replace(&mut self, slot: usize, is_dead: bool) -> Duration {
        let new = server();
        if is_dead {
            self.kill(slot);
            sleep(CALM);
            self.fleet.slots[slot] = new;
            self.board.beginning(slot, || self.set_servers(None));
        } else {
            let old = std::mem::replace(&mut self.fleet.slots[slot], new);
            self.board.replacing(slot, || self.set_servers(None));
            sleep(CALM);
            drop(old);
        }
        self.now()
    }
}

fn all_of_them(script: &mut Script) {
    for slot in [0, 1, 0] {
        script.run("killed, restarted empty", slot, |script| {
            script.kill_and_restart(slot, Duration::ZERO)
        });
    }
    script.run("killed, restarted later", 1, |script| {
        script.kill_and_restart(1, DEAD)
    });
    script.run("halted, goes on", 2, |script| script.halt(2));
    script.run("removed, added again", 3, |script| script.remove_and_add(3));
    script.run("replaced", 4, |script| script.replace(4, false));
    script.run("killed, replaced", 0, |script| script.replace(0, true));
    sleep(CALM);
}

/// FM-18, FM-63, FM-72, FM-77, FM-79, FM-81.
#[test]
fn fm63_fm77_five_servers_in_trouble() {
    let _alone = alone();
    let fleet = Fleet::new();
    let (client, events) = fleet.client(&[]);
    let board = Board::new(&client);
    let load = Load {
        board: &board,
        client: &client,
    };
    let mut random = Random::new(1);
    for number in 0..KEYS {
        assert!(load.write(number, &mut random).failed.is_none());
    }
    let (logs, troubles) = std::thread::scope(|scope| {
        let load = &load;
        let work = |seed| scope.spawn(move || load.work(seed, seed == 1));
        let workers: Vec<_> = (1..=1 + READERS).map(work).collect();
        let mut script = Script {
            fleet,
            client: &client,
            board: &board,
            troubles: Vec::new(),
        };
        all_of_them(&mut script);
        board.done.store(true, Relaxed);
        let logs = workers
            .into_iter()
            .map(|worker| worker.join().expect("no panic"));
        (logs.collect::<Vec<Log>>(), script.troubles)
    });
    figures::judge(&board, logs, &troubles, &events.all());
}
