//! Cut short, or cut in pieces: F16, F18, F20.

use std::time::Duration;

use super::super::frame::binary::HEADER;
use super::super::net::Transport;
use super::super::outcome::{Op, Protocol};
use super::super::rule::{Action, End, When};
use super::{Attack, Case, Catalogue, HITS, Must, on, unless_repeated};

const ENDS: [End; 3] = [End::Fin, End::Rst, End::Half];

pub fn add(c: &mut Catalogue) {
    for op in Op::ALL {
        reply_cut(c, op);
        request_cut(c, op);
        stalled(c, op);
        split(c, op);
        restarted(c, op);
    }
}

/// The places where a reply is cut: all of a short one; of a multi-get's, those of its first
/// value and around every later line.
fn places(c: &Catalogue, op: Op) -> Vec<usize> {
    let reply = c.usual_reply(op);
    let dense = |at: usize| op != Op::Mget || at < 96 || at + 8 > reply.len();
    if c.protocol == Protocol::Binary && op == Op::Mget {
        let frame = (reply.len() - HEADER) / HITS;
        let edge = |at: usize| {
            at % frame < 3 || at % frame > frame - 3 || (22..34).contains(&(at % frame))
        };
        return (0..reply.len())
            .filter(|&at| dense(at) || edge(at))
            .collect();
    }
    let edge = |at: usize| (at.saturating_sub(2)..at + 3).any(|i| reply.get(i) == Some(&b'\n'));
    (0..reply.len())
        .filter(|&at| dense(at) || edge(at))
        .collect()
}

fn reply_cut(c: &mut Catalogue, op: Op) {
    for end in ENDS {
        for at in places(c, op) {
            let attack = on(op, vec![Action::Cut(at, end)]);
            let case = Case::new("F16", format!("{end:?} after {at} bytes"), op, attack);
            c.add(Case {
                must: unless_repeated(op),
                ..case
            });
        }
        let attack = on(op, vec![Action::Close(end)]);
        let case = Case::new("F16", format!("{end:?} after the reply"), op, attack);
        // A reset may overtake what was not yet read.
        let must = if end == End::Rst {
            Must::Either
        } else {
            Must::Right
        };
        c.add(Case {
            must,
            residue: true,
            settle: true,
            ..case
        });
        let attack = on(op, vec![Action::Swallow, Action::Close(end)]);
        let case = Case::new(
            "F16",
            format!("{end:?} before it was carried out"),
            op,
            attack,
        );
        c.add(Case {
            must: unless_repeated(op),
            ..case
        });
    }
}

/// The server reads a part of the request, then it is gone.
fn request_cut(c: &mut Catalogue, op: Op) {
    let lengths: &[usize] = if op == Op::Set {
        &[0, 1, 5, 10, 40, 80]
    } else {
        &[0, 1, 5, 10]
    };
    for end in [End::Fin, End::Rst] {
        for &at in lengths {
            let attack = Attack::Warm(When::Input, vec![Action::ReadOnly(at, end)]);
            let case = Case::new(
                "F16",
                format!("{end:?} after {at} bytes of the request"),
                op,
                attack,
            );
            c.add(Case {
                must: unless_repeated(op),
                ..case
            });
        }
    }
    let idle = |end| Attack::Idle(vec![super::super::script::Step::End(end)]);
    for end in ENDS {
        let only = (end == End::Rst).then_some(Transport::Tcp);
        let case = Case::new("F16", format!("{end:?} while idle"), op, idle(end));
        c.add(Case {
            must: Must::Either,
            only,
            ..case
        });
    }
}

/// Silence in the middle.
fn stalled(c: &mut Catalogue, op: Op) {
    let length = c.usual_reply(op).len();
    for at in [1, length / 2, length - 1] {
        let attack = on(op, vec![Action::CutThenStall(at)]);
        let case = Case::new("F16", format!("silence after {at} bytes"), op, attack);
        // The barrier behind a batch answers no key.
        let told = c.protocol.has_opaques() && op == Op::Mget && at + 1 == length;
        let must = if told { Must::Either } else { case.must };
        c.add(Case { must, ..case });
    }
}

fn split(c: &mut Catalogue, op: Op) {
    let places: Vec<usize> = places(c, op).into_iter().skip(1).collect();
    let mut right = |variant: String, actions| {
        let case = Case::new("F18", variant, op, on(op, actions));
        c.add(Case {
            must: Must::Right,
            closed: false,
            ..case
        });
    };
    let gap = Duration::from_millis(1);
    for &at in &places {
        right(
            format!("in two at {at}"),
            vec![Action::Split(vec![at], gap)],
        );
    }
    // Of a multi-get not every byte, or the segments alone would take all the time there is.
    right(
        "in as many segments as there are places".into(),
        vec![Action::Split(places, Duration::ZERO)],
    );
    let size = match op {
        Op::Get => 7,
        Op::Mget => 29,
        Op::Set | Op::Incr => 1,
    };
    right(
        format!("{size} bytes a millisecond"),
        vec![Action::Pace(size, gap)],
    );
}

/// The server comes back with nothing in it.
fn restarted(c: &mut Catalogue, op: Op) {
    for end in [End::Fin, End::Rst] {
        for pause in [Duration::ZERO, Duration::from_millis(50)] {
            let between = Case::new(
                "F20",
                format!("{end:?} between calls, down {pause:?}"),
                op,
                Attack::Restart(end, pause),
            );
            c.add(Case {
                must: Must::Either,
                settle: true,
                ..between
            });
            let attack = on(op, vec![Action::Restart(end, pause)]);
            let during = Case::new(
                "F20",
                format!("{end:?} during the call, down {pause:?}"),
                op,
                attack,
            );
            c.add(Case {
                must: unless_repeated(op),
                settle: true,
                ..during
            });
        }
    }
}
