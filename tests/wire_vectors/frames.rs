//! Recordings of the binary protocol.

use crate::support::frames::{Frame, NOOP, STAT, frames};
use crate::support::scripted::{Fill, Part, Script};

/// Of hexadecimal digits.
pub fn bytes(digits: &str) -> Vec<u8> {
    assert!(digits.len() % 2 == 0);
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// The recorded replies, each for the request that it answered, made such that they answer ours: opcode,
/// opaque and key are those of the request. None where the connection was closed without any.
pub fn script(sent: &[u8], reply: &[u8]) -> Script {
    let requests = frames(sent);
    let barrier = requests.len() > 1;
    let mut requests = requests
        .iter()
        .filter(|one| !barrier || one.opcode != NOOP)
        .peekable();
    let mut answers: Vec<Vec<u8>> = Vec::new();
    for frame in frames(reply) {
        if barrier && frame.opcode == NOOP {
            continue;
        }
        let goes_on = frame.opcode == STAT && !answers.is_empty();
        let mut found = goes_on;
        while !found {
            let request = requests.next().expect("a request for every reply");
            answers.push(Vec::new());
            found = is_answer(request, &frame);
            assert!(found || request.is_quiet(), "no reply to {request:?}");
        }
        let key = match frame.opcode {
            STAT => frame.key.clone(),
            _ => Vec::new(),
        };
        let template = Frame {
            opcode: 0,
            opaque: 0,
            key,
            ..frame
        };
        answers
            .last_mut()
            .expect("its answer")
            .extend(template.to_bytes());
    }
    if !reply.is_empty() {
        answers.extend(requests.map(|_| Vec::new()));
    }
    Script {
        fill: Fill::Frames,
        ..Script::whole(vec![Part {
            requests: answers.len(),
            replies: answers,
        }])
    }
}

fn is_answer(request: &Frame, reply: &Frame) -> bool {
    (request.opcode, request.opaque) == (reply.opcode, reply.opaque)
        && (reply.key.is_empty() || !request.names_key() || reply.key == request.key)
}

/// The requests, without what is in another form here: whether they are quiet and name the key, the end
/// of quiet ones, opaques, the number that counting begins with, a moment of 0.
pub fn normal(sent: &[u8]) -> Vec<String> {
    let all = frames(sent);
    let barrier = all.len() > 1;
    let all = all.into_iter().filter(|one| !barrier || one.opcode != NOOP);
    all.map(|one| {
        let opcode = match one.loud() {
            0x0c => 0x00,
            opcode => opcode,
        };
        let mut extras = one.extras.clone();
        match opcode {
            0x05 | 0x06 => extras.truncate(8),
            0x08 if extras == [0; 4] => extras.clear(),
            _ => {}
        }
        let (key, value) = (one.key.escape_ascii(), one.value.escape_ascii());
        format!("{opcode:#x} {extras:?} {key} {value} {}\r\n", one.cas)
    })
    .collect()
}
