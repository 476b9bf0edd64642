//! From a reply and the actions of a rule to the steps that a connection takes.

use std::time::Duration;

use super::reply::Reply;
use super::rule::{Action, End};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Vec<u8>),
    /// Waits; cut short when the client leaves.
    Pause(Duration),
    /// These bytes again and again, until the client leaves or so many have gone.
    Flood(Vec<u8>, usize),
    /// Says and reads nothing until the client leaves.
    Stall,
    /// Waits until what was sent has reached the client's kernel.
    Arrive,
    /// These bytes go out when the next request comes, on whichever connection.
    Hold(Vec<u8>),
    /// These bytes go out behind the reply to this connection's next request.
    Owe(Vec<u8>),
    /// These bytes go out before the reply to this connection's next request, in one segment.
    Join(Vec<u8>),
    End(End),
}

/// The steps that deliver `reply` under `actions`; `None` where an action does not fit the reply.
pub fn build(reply: Reply, actions: &[Action]) -> Option<Vec<Step>> {
    let mut reply = reply;
    for action in actions {
        match action {
            Action::Edit(edit) => reply = edit.apply(reply)?,
            Action::Drop => reply = Reply::Nothing,
            _ => {}
        }
    }
    let mut bytes = reply.bytes();
    for action in actions {
        match action {
            Action::Repeat(times) => bytes = bytes.repeat(*times),
            Action::Before(extra) => bytes.splice(..0, extra.iter().copied()).for_each(drop),
            Action::Behind(extra) => bytes.extend_from_slice(extra),
            _ => {}
        }
    }
    let mut steps = vec![Step::Send(bytes.clone())];
    for action in actions {
        travel(action, &bytes, &mut steps)?;
    }
    if actions
        .iter()
        .any(|action| matches!(action, Action::Later(..) | Action::RepeatLater(..)))
    {
        steps.push(Step::Arrive);
    }
    steps.retain(|step| !matches!(step, Step::Send(bytes) if bytes.is_empty()));
    Some(steps)
}

/// Bends the way of `bytes`, which so far are `steps`.
fn travel(action: &Action, bytes: &[u8], steps: &mut Vec<Step>) -> Option<()> {
    match action {
        Action::Delay(time) => steps.insert(0, Step::Pause(*time)),
        Action::Split(at, pause) => *steps = split(bytes, at, *pause)?,
        Action::Pace(size, pause) => *steps = pieces(bytes.chunks(*size), *pause),
        Action::Cut(after, end) => {
            *steps = vec![Step::Send(part(bytes, *after)?.to_vec()), Step::End(*end)];
        }
        Action::CutThenStall(after) => {
            *steps = vec![Step::Send(part(bytes, *after)?.to_vec()), Step::Stall];
        }
        Action::HoldAfter(after) => {
            let (now, later) = bytes.split_at(part(bytes, *after)?.len());
            *steps = vec![Step::Send(now.to_vec()), Step::Hold(later.to_vec())];
        }
        Action::Overtaken => *steps = vec![Step::Owe(bytes.to_vec())],
        Action::Joined => *steps = vec![Step::Join(bytes.to_vec())],
        Action::Later(pause, extra) => {
            steps.extend([Step::Pause(*pause), Step::Send(extra.clone())])
        }
        Action::RepeatLater(pause, times) => {
            for _ in 0..*times {
                steps.extend([Step::Pause(*pause), Step::Send(bytes.to_vec())]);
            }
        }
        Action::Flood(unit, total) => steps.push(Step::Flood(unit.clone(), *total)),
        Action::FloodReply(total) => *steps = vec![Step::Flood(bytes.to_vec(), *total)],
        Action::Close(end) => steps.push(Step::End(*end)),
        _ => {}
    }
    Some(())
}

/// The first `after` bytes, but never all: the opaque of a reply may have fewer digits than that by
/// which the place was chosen.
fn part(bytes: &[u8], after: usize) -> Option<&[u8]> {
    bytes.get(..after.min(bytes.len().checked_sub(1)?))
}

fn split(bytes: &[u8], at: &[usize], pause: Duration) -> Option<Vec<Step>> {
    let mut rest = bytes;
    let mut parts = Vec::new();
    let mut done = 0;
    for &at in at {
        let at = part(bytes, at)?.len();
        let (part, behind) = rest.split_at_checked(at.checked_sub(done)?)?;
        if part.is_empty() {
            continue;
        }
        parts.push(part);
        rest = behind;
        done = at;
    }
    parts.push(rest);
    Some(pieces(parts.into_iter(), pause))
}

fn pieces<'a>(parts: impl Iterator<Item = &'a [u8]>, pause: Duration) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in parts {
        if !steps.is_empty() && !pause.is_zero() {
            steps.push(Step::Pause(pause));
        }
        steps.push(Step::Send(part.to_vec()));
    }
    steps
}

#[test]
fn bytes_are_cut_and_split_where_told() {
    let steps = |actions: &[Action]| build(Reply::line("OK"), actions);
    let send = |bytes: &[u8]| Step::Send(bytes.to_vec());
    assert_eq!(steps(&[]), Some(vec![send(b"OK\r\n")]));
    assert_eq!(
        steps(&[Action::Repeat(2)]),
        Some(vec![send(b"OK\r\nOK\r\n")])
    );
    assert_eq!(
        steps(&[Action::Cut(0, End::Rst)]),
        Some(vec![Step::End(End::Rst)])
    );
    let gap = Duration::from_millis(1);
    let two = vec![
        send(b"O"),
        Step::Pause(gap),
        send(b"K\r"),
        Step::Pause(gap),
        send(b"\n"),
    ];
    assert_eq!(steps(&[Action::Split(vec![1, 3], gap)]), Some(two));
    let short = vec![send(b"OK\r"), Step::End(End::Fin)];
    assert_eq!(steps(&[Action::Cut(5, End::Fin)]), Some(short));
    assert_eq!(steps(&[Action::Drop]), Some(vec![]));
}
