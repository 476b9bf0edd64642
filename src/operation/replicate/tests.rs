use super::super::rehearsal::{
    Ended, Mood, Said, Server, delete, get, incr, rehearse, set, storing,
};
use super::*;
use crate::protocol::extra::{Extra, Said as Bits};

fn carried_out(quorum: Quorum, command: Command<'static>, servers: &mut [Server]) -> Ended {
    let commands = Said(vec![command]);
    let mut plan = Replicas::new(&commands, servers.len(), quorum).expect("memory");
    let mut ended = rehearse(&mut plan, &commands, servers, |_, errand| errand.server);
    ended.remove(0)
}

fn three(held: [Option<&str>; 3]) -> Vec<Server> {
    let server = |value: Option<&str>| Server {
        items: value
            .map(|value| (b"k".to_vec(), value.into()))
            .into_iter()
            .collect(),
        ..Server::default()
    };
    held.map(server).into()
}

fn held(servers: &[Server]) -> Vec<Option<&str>> {
    servers.iter().map(|server| server.text("k")).collect()
}

#[test]
fn what_each_command_leaves() {
    for (command, before, status, after) in [
        (
            set("k", "1"),
            [None, Some("0"), None],
            Status::OK,
            [Some("1"); 3],
        ),
        (
            delete("k"),
            [None, Some("0"), Some("0")],
            Status::OK,
            [None; 3],
        ),
        (delete("k"), [None; 3], Status::NOT_FOUND, [None; 3]),
        (
            storing(Op::Add, "k", "1"),
            [None, Some("0"), None],
            Status::OK,
            [Some("1"); 3],
        ),
        (
            storing(Op::Add, "k", "1"),
            [Some("0"), None, None],
            Status::NOT_STORED,
            [Some("0"), None, None],
        ),
        (
            storing(Op::Replace, "k", "1"),
            [None, Some("0"), None],
            Status::OK,
            [None, Some("1"), Some("1")],
        ),
        (
            storing(Op::Replace, "k", "1"),
            [None; 3],
            Status::NOT_STORED,
            [None; 3],
        ),
        (
            storing(Op::Append, "k", "1"),
            [None, Some("0"), Some("5")],
            Status::OK,
            [None, Some("01"), Some("51")],
        ),
        (
            incr("k"),
            [Some("4"), None, Some("7")],
            Status::OK,
            [Some("5"), None, Some("8")],
        ),
        (incr("k"), [None; 3], Status::NOT_FOUND, [None; 3]),
    ] {
        for quorum in [Quorum::All, Quorum::Any] {
            let mut servers = three(before);
            let ended = carried_out(quorum, command, &mut servers);
            assert_eq!(ended.status(), status, "{:?} {before:?}", command.op);
            assert_eq!(held(&servers), after, "{:?} {before:?}", command.op);
        }
    }
    let mut servers = three([Some("4"), None, Some("9")]);
    let ended = carried_out(Quorum::All, incr("k"), &mut servers);
    assert!(
        matches!(ended.outcome, Outcome::Number(5)),
        "the first one's: {ended:?}"
    );
}

/// FM-77: a read asks on where a server fails or has nothing, and no failure becomes a miss.
#[test]
fn fm77_reads_with_dead_servers() {
    for dead in 0..8u32 {
        for has in 0..8u32 {
            let bit = |bits: u32, at: usize| bits >> at & 1 == 1;
            let mut servers = three([0, 1, 2].map(|at| bit(has, at).then_some("v")));
            for (at, server) in servers.iter_mut().enumerate() {
                server.mood = if bit(dead, at) {
                    Mood::Dead
                } else {
                    Mood::Well
                };
            }
            let ended = carried_out(Quorum::Any, get("k"), &mut servers);
            let first = (0..3).find(|at| bit(has, *at) && !bit(dead, *at));
            let status = match (first, dead) {
                (Some(_), _) => Status::OK,
                (None, 0) => Status::NO_VALUE,
                (None, _) => Status::CONNECT_FAILED,
            };
            assert_eq!(
                (ended.status(), ended.server),
                (status, first),
                "{dead:b} {has:b}"
            );
        }
    }
}

/// FM-17: who is told a failure is told what was done.
#[test]
fn fm17_writes_with_dead_servers() {
    for (mood, effect) in [
        (Mood::Dead, Effect::NotApplied),
        (Mood::Silent, Effect::Unknown),
    ] {
        for command in [
            set("k", "1"),
            storing(Op::Append, "k", "1"),
            incr("k"),
            delete("k"),
        ] {
            let mut servers = three([Some("0"); 3]);
            servers[1].mood = mood;
            let ended = carried_out(Quorum::All, command, &mut servers);
            assert!(is_servers(ended.failure()), "{:?}", command.op);
            assert_eq!(ended.failure().effect, Effect::Applied, "by the others");
            let mut servers = three([Some("0"); 3]);
            servers[1].mood = mood;
            assert_eq!(
                carried_out(Quorum::Any, command, &mut servers).status(),
                Status::OK
            );
            let mut servers = three([Some("0"); 3]);
            for server in &mut servers {
                server.mood = mood;
            }
            for quorum in [Quorum::All, Quorum::Any] {
                let ended = carried_out(quorum, command, &mut servers);
                assert_eq!(ended.failure().effect, effect, "{:?}", command.op);
            }
        }
    }
    // The first that answers decides.
    let mut servers = three([None, Some("0"), None]);
    servers[0].mood = Mood::Dead;
    let add = storing(Op::Add, "k", "1");
    assert_eq!(
        carried_out(Quorum::Any, add, &mut servers).status(),
        Status::NOT_STORED
    );
    assert_eq!(
        carried_out(Quorum::All, add, &mut servers).status(),
        Status::CONNECT_FAILED
    );
}

#[test]
fn what_compares_or_leases_is_refused() {
    let lease = Command {
        extra: Extra {
            said: Bits::LEASE,
            ..Extra::NOTHING
        },
        ..get("k")
    };
    let mut servers = three([Some("0"); 3]);
    for command in [storing(Op::Cas, "k", "1"), lease] {
        let ended = carried_out(Quorum::Any, command, &mut servers);
        assert_eq!(ended.status(), Status::UNSUPPORTED);
    }
    assert!(
        servers.iter().all(|server| server.asked == 0),
        "nothing was sent"
    );
}

/// A counter that only some servers lack is not begun anew there.
#[test]
fn a_counter_is_made_where_the_first_one_made_it() {
    let made = Command {
        extra: Extra {
            said: Bits::INITIAL,
            initial: 5,
            ..Extra::NOTHING
        },
        ..incr("k")
    };
    let entry = Entry::new(&made);
    assert_eq!(entry.form(&Outcome::Number(5)), Form::Same);
    assert_eq!(entry.form(&Outcome::Number(6)), Form::Existing);
    let plain = Entry::new(&incr("k"));
    assert_eq!(plain.form(&Outcome::Number(6)), Form::Same);
}

/// A value that a failure takes back is looked for on the next server.
#[test]
fn a_value_that_was_cut_off_does_not_count() {
    let commands = Said(vec![get("k")]);
    let mut plan = Replicas::new(&commands, 2, Quorum::All).expect("memory");
    let mut errands = Vec::new();
    plan.next(&mut errands);
    let first = errands[0];
    plan.on(&first, Outcome::Value);
    plan.on(
        &first,
        Outcome::Failed(Failure::new(Status::SERVER_DISCONNECT, "cut")),
    );
    plan.settle(&mut |verdict| panic!("{verdict:?}: it is not over"));
    errands.clear();
    plan.next(&mut errands);
    assert_eq!(errands[0].server, 1);
    plan.on(&errands[0], Outcome::Miss(Status::NO_VALUE));
    let mut told = None;
    plan.settle(&mut |verdict| told = Some(verdict.outcome));
    assert!(matches!(told, Some(Outcome::Failed(_))), "{told:?}");
}
