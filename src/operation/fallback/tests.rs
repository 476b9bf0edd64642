use super::super::rehearsal::{Mood, Said, Server, delete, get, incr, rehearse, set, storing};
use super::*;

/// The new one is server 0, the old one server 1.
fn carried_out(commands: Vec<Command<'static>>, servers: &mut [Server]) -> Vec<Status> {
    let commands = Said(commands);
    let mut plan = Fallback::new(&commands).expect("memory");
    let ended = rehearse(&mut plan, &commands, servers, |elsewhere, errand| {
        assert_eq!(errand.server, Command::ANYWHERE);
        usize::from(elsewhere)
    });
    ended
        .iter()
        .map(super::super::rehearsal::Ended::status)
        .collect()
}

fn two() -> [Server; 2] {
    let mut servers = [Server::default(), Server::default()];
    servers[0].items.insert(b"new".to_vec(), b"1".to_vec());
    servers[1].items.insert(b"old".to_vec(), b"2".to_vec());
    servers[1].items.insert(b"new".to_vec(), b"old 1".to_vec());
    servers
}

#[test]
fn only_misses_are_looked_for_in_the_old_one() {
    let mut servers = two();
    let statuses = carried_out(vec![get("new"), get("old"), get("none")], &mut servers);
    assert_eq!(statuses, [Status::OK, Status::OK, Status::NO_VALUE]);
    assert_eq!((servers[0].asked, servers[1].asked), (3, 2));
    let statuses = carried_out(
        vec![set("a", "b"), incr("old"), storing(Op::Add, "old", "x")],
        &mut servers,
    );
    assert_eq!(statuses, [Status::OK, Status::NOT_FOUND, Status::OK]);
    assert_eq!(
        servers[1].text("old"),
        Some("2"),
        "the old one is not written"
    );
}

/// What is deleted does not come back, whoever had it.
#[test]
fn deletes_are_of_both() {
    let mut servers = two();
    let keys = ["new", "old", "none"];
    let statuses = carried_out(keys.map(delete).to_vec(), &mut servers);
    assert_eq!(statuses, [Status::OK, Status::OK, Status::NOT_FOUND]);
    assert!(servers.iter().all(|server| server.items.is_empty()));
}

/// FM-77: a failure is neither a miss nor a reason to ask the other one.
#[test]
fn fm77_failures_are_told() {
    let mut servers = two();
    servers[0].mood = Mood::Dead;
    let statuses = carried_out(vec![get("old"), get("new"), delete("new")], &mut servers);
    assert_eq!(statuses, [Status::CONNECT_FAILED; 3]);
    assert_eq!(servers[1].asked, 1, "but for the delete");
    let mut servers = two();
    servers[1].mood = Mood::Dead;
    let statuses = carried_out(vec![get("none"), get("new"), delete("new")], &mut servers);
    assert_eq!(
        statuses,
        [Status::CONNECT_FAILED, Status::OK, Status::CONNECT_FAILED]
    );
    assert_eq!(
        servers[0].text("new"),
        Some("1"),
        "it was not deleted in the new one only"
    );
}
