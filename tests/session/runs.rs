//! Whole exchanges.

use super::{Cmd, Driver, Report, Way};

/// One exchange: all is sent, `pieces` are received.
pub fn run<'p>(commands: &[Cmd], way: Way, pieces: impl IntoIterator<Item = &'p [u8]>) -> Report {
    let mut driver = Driver::new(way, commands);
    driver.send_all();
    for piece in pieces {
        driver.receive(piece);
    }
    driver.finish().1
}

/// `reply` whole, cut into two (see `cuts`), and byte by byte (a long one in small pieces), in every
/// way; all tell the same.
pub fn run_every_way(commands: &[Cmd], reply: &[u8]) -> Report {
    let small = if reply.len() < 400 { 1 } else { 29 };
    let first = run(commands, Way::ALL[0], [reply]);
    for way in Way::ALL {
        let same = |report: Report, how: &str| {
            let shown = String::from_utf8_lossy(&reply[..reply.len().min(120)]);
            assert_eq!(report, first, "{shown:?} {how}, {way:?}, to {commands:?}");
        };
        same(run(commands, way, [reply]), "whole");
        same(run(commands, way, reply.chunks(small)), "in small pieces");
        for at in cuts(reply.len()) {
            let pieces = [&reply[..at], &reply[at..]];
            same(run(commands, way, pieces), &format!("cut at {at}"));
        }
    }
    first
}

/// Where a reply of so many bytes is cut: at every byte, or, of a long one, near its ends and here and
/// there between.
pub fn cuts(len: usize) -> impl Iterator<Item = usize> {
    (0..=len).filter(move |at| len < 400 || *at < 40 || len - at < 40 || at % 251 == 0)
}
