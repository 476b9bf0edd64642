use super::super::rehearsal::{Ended, Mood, Said, Server, delete, get, rehearse, set, storing};
use super::*;

/// Servers 0 to 2, of which 0 has all keys, and 3 and 4, which stand in.
struct Five {
    /// Who is known to be down.
    down: Vec<usize>,
}

impl Five {
    fn first(&self, among: std::ops::Range<usize>, passed: &[usize]) -> Option<usize> {
        among
            .into_iter()
            .find(|at| !passed.contains(at) && self.is_up(*at))
    }
}

impl Places for Five {
    fn home(&self, _: &Command<'_>) -> Option<usize> {
        Some(0)
    }
    fn is_up(&self, server: usize) -> bool {
        !self.down.contains(&server)
    }
    fn stand_in(&self, _: &Command<'_>, passed: &[usize]) -> Option<usize> {
        self.first(0..3, passed)
    }
    fn gutter(&self, _: &Command<'_>, passed: &[usize]) -> Option<usize> {
        self.first(3..5, passed)
    }
}

const CAP: Cap = Cap {
    seconds: 10,
    unix_now: 0,
};

fn five(dead: &[usize]) -> Vec<Server> {
    let server = |at| Server {
        mood: if dead.contains(&at) {
            Mood::Dead
        } else {
            Mood::Well
        },
        ..Server::default()
    };
    (0..5).map(server).collect()
}

fn carried_out(
    way: Failover,
    down: &[usize],
    command: Command<'static>,
    servers: &mut [Server],
) -> Ended {
    let commands = Said(vec![command]);
    let places = Five {
        down: down.to_vec(),
    };
    let mut plan = StandIns::new(way, CAP, &commands, &places, 5).expect("memory");
    let mut ended = rehearse(&mut plan, &commands, servers, |_, errand| errand.server);
    ended.remove(0)
}

fn asked(servers: &[Server]) -> Vec<usize> {
    servers.iter().map(|server| server.asked).collect()
}

#[test]
fn who_cannot_be_connected_to_is_passed_over_in_the_same_call() {
    for down in [&[][..], &[0], &[0, 1]] {
        let mut servers = five(&[0, 1]);
        let ended = carried_out(Failover::Next, down, set("k", "v"), &mut servers);
        assert_eq!(ended.status(), Status::OK);
        assert_eq!(asked(&servers), [0, 0, 1, 0, 0]);
    }
    // With nobody left, the reason is that of the key's own server.
    let mut servers = five(&[0, 1, 2]);
    for down in [&[][..], &[0, 1, 2]] {
        let ended = carried_out(Failover::Rehash, down, set("k", "v"), &mut servers);
        assert_eq!(ended.status(), Status::CONNECT_FAILED);
    }
    assert_eq!(asked(&servers), [0; 5]);
}

/// FM-19: what may have been carried out is not sent to another server.
#[test]
fn fm19_what_was_sent_stays_where_it_is() {
    for way in [Failover::Next, Failover::Rehash, Failover::Gutter] {
        let mut servers = five(&[]);
        servers[0].mood = Mood::Silent;
        let ended = carried_out(way, &[], storing(Op::Append, "k", "v"), &mut servers);
        assert_eq!(ended.status(), Status::TIMEOUT, "{way:?}");
        assert_eq!(asked(&servers), [1, 0, 0, 0, 0], "{way:?}");
    }
}

/// FM-77: only what never left for its server is told as a miss.
#[test]
fn fm77_a_miss_by_option() {
    let failed = |status, phase| Failure::new(status, "").at(phase);
    for (failure, is_miss) in [
        (failed(Status::CONNECT_FAILED, Phase::Connect), true),
        (failed(Status::TIMEOUT, Phase::Connect), true),
        (failed(Status::RESOLVE_FAILED, Phase::Resolve), true),
        (failed(Status::CIRCUIT_OPEN, Phase::Check), true),
        (failed(Status::TIMEOUT, Phase::Receive), false),
        (failed(Status::SERVER_DISCONNECT, Phase::Send), false),
        (failed(Status::POOL_EXHAUSTED, Phase::Pool), false),
        (
            failed(Status::INVALID_CREDENTIALS, Phase::Authenticate),
            false,
        ),
        (failed(Status::NO_AVAILABLE_SERVERS, Phase::Check), false),
    ] {
        for (op, status) in [
            (Op::Get, Status::NO_VALUE),
            (Op::Set, Status::NOT_STORED),
            (Op::Delete, Status::NOT_FOUND),
        ] {
            assert_eq!(
                as_miss(op, &failure),
                is_miss.then_some(status),
                "{failure:?}"
            );
        }
        assert_eq!(as_miss(Op::FlushAll, &failure), None);
    }
}

/// The gutter takes what it stores for a short time, and loses what is deleted.
#[test]
fn the_gutter() {
    let mut servers = five(&[0, 3]);
    let commands = Said(vec![set("k", "v")]);
    let places = Five { down: vec![0] };
    let mut plan = StandIns::new(Failover::Gutter, CAP, &commands, &places, 5).expect("memory");
    let mut errands = Vec::new();
    plan.next(&mut errands);
    assert_eq!((errands[0].server, errands[0].form), (3, Form::Capped(CAP)));
    let ended = carried_out(Failover::Gutter, &[0], set("k", "v"), &mut servers);
    assert_eq!(ended.status(), Status::OK);
    assert_eq!(servers[4].text("k"), Some("v"));
    let ended = carried_out(Failover::Gutter, &[0], get("k"), &mut servers);
    assert_eq!((ended.status(), ended.server), (Status::OK, Some(4)));
    // Its own server is back, and has not got it: what is deleted there is deleted here.
    let mut servers = five(&[]);
    servers[3].items.insert(b"k".to_vec(), b"v".to_vec());
    let ended = carried_out(Failover::Gutter, &[], delete("k"), &mut servers);
    assert_eq!(ended.status(), Status::NOT_FOUND, "its own server's answer");
    assert_eq!(servers[3].text("k"), None);
    assert_eq!(asked(&servers), [1, 0, 0, 1, 0]);
    // What its own server could not be asked was done in the gutter, once.
    let mut servers = five(&[0]);
    servers[3].items.insert(b"k".to_vec(), b"v".to_vec());
    let ended = carried_out(Failover::Gutter, &[], delete("k"), &mut servers);
    assert_eq!(ended.status(), Status::OK);
    assert_eq!(asked(&servers), [0, 0, 0, 1, 0]);
}
