//! Exchanges of sessions whose commands carry opaques, cut at every byte.

use memcached2::connection::session::Session;
use memcached2::protocol::Dialect;

use crate::harness::{Cmd, Driver, MAX_VALUE, Report, Told, Way, cuts};

/// The opaque of the first command.
pub const FIRST: u32 = 7;

pub fn meta() -> Session {
    Session::speaking(Dialect::Meta { opaque: FIRST }, MAX_VALUE)
}

pub fn binary() -> Session {
    Session::speaking(Dialect::Binary { opaque: FIRST }, MAX_VALUE)
}

pub const BATCH: Way = Way::of(false, true);
pub const LONE: Way = Way::of(false, false);

/// One exchange: all is sent, `pieces` are received.
pub fn exchange<'p>(
    session: Session,
    commands: &[Cmd],
    way: Way,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> Report {
    let mut driver = Driver::again(session, way, commands);
    driver.send_all();
    for piece in pieces {
        driver.receive(piece);
    }
    driver.finish().1
}

/// `reply` whole, in two pieces and in small ones: all tell the same. And however early it ends, nothing
/// else is told of any command: it has the same answer, or none.
pub fn every_cut(new: fn() -> Session, commands: &[Cmd], way: Way, reply: &[u8]) -> Report {
    let small = if reply.len() < 400 { 1 } else { 29 };
    let whole = exchange(new(), commands, way, [reply]);
    let shown = || String::from_utf8_lossy(&reply[..reply.len().min(120)]).into_owned();
    for skip in [false, true] {
        let way = Way { skip, ..way };
        let pieces = exchange(new(), commands, way, reply.chunks(small));
        let is_skipped = |told: &Told| matches!(told, Told::Skipped(_));
        if !pieces.told.iter().any(is_skipped) {
            assert_eq!(pieces, whole, "{:?} in pieces", shown());
        }
    }
    for at in cuts(reply.len()) {
        let two = exchange(new(), commands, way, [&reply[..at], &reply[at..]]);
        assert_eq!(two, whole, "{:?} cut at {at}", shown());
        let part = exchange(new(), commands, way, [&reply[..at]]);
        for (told, all) in part.told.iter().zip(&whole.told) {
            let none = matches!(told, Told::Abandoned { .. });
            assert!(none || told == all, "{:?} ends at {at}: {told:?}", shown());
        }
        assert!(
            part.quiet_failed.len() <= whole.quiet_failed.len() || part.broken,
            "{:?} ends at {at}",
            shown()
        );
    }
    whole
}
