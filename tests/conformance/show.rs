//! What was seen, in the words of the expected sides.

use crate::abi;
use crate::client::{Answers, Seen, name};
use crate::text::shown;

/// The different CAS that a row has seen, in their order: c1, c2, …
#[derive(Default)]
pub struct CasSeen(pub Vec<u64>);

impl CasSeen {
    pub fn name(&mut self, cas: u64) -> String {
        let known = self.0.iter().position(|seen| *seen == cas);
        let place = known.unwrap_or_else(|| {
            self.0.push(cas);
            self.0.len() - 1
        });
        format!("c{}", place + 1)
    }
}

const EFFECTS: [&str; 5] = [
    "",
    " not-applied",
    " applied",
    " effect-unknown",
    " removed",
];

/// An item that answers a command for `key`.
pub fn item(seen: &Seen, key: &[u8], cas: &mut CasSeen) -> String {
    let mut text = name(seen.status);
    let has = |bit| seen.have & bit != 0;
    if let Some(value) = &seen.value {
        text += &format!(" {}", shown(value));
    }
    if has(abi::HAVE_FLAGS) {
        text += &format!(" flags={}", seen.flags);
    }
    if has(abi::HAVE_CAS) {
        text += &format!(" cas={}", cas.name(seen.cas));
    }
    if has(abi::HAVE_NUMBER) {
        text += &format!(" number={}", seen.number);
    }
    // Seconds that go by are no difference.
    if has(abi::HAVE_TTL) {
        text += match seen.ttl {
            -1 => " ttl=never",
            _ => " ttl=some",
        };
    }
    if has(abi::HAVE_SIZE) {
        text += &format!(" size={}", seen.size);
    }
    if has(abi::HAVE_LAST_ACCESS) {
        text += " access";
    }
    if has(abi::HAVE_HIT_BEFORE) {
        text += &format!(" hit={}", seen.hit_before);
    }
    for (index, mark) in ["won", "stale", "other_won"].iter().enumerate() {
        if seen.marks & 1 << index != 0 {
            text += &format!(" {mark}");
        }
    }
    if has(abi::HAVE_CLAMPED) {
        text += " clamped";
    }
    let effect = EFFECTS.get(seen.effect as usize);
    text += effect.unwrap_or(&" an effect without a name");
    if seen.phase == abi::PHASE_CHECK {
        text += " not-sent";
    }
    if seen.key != key {
        text += &format!(" key={}", shown(&seen.key));
    }
    for wrong in &seen.wrong {
        text += &format!(" WRONG: {wrong}");
    }
    text
}

/// The answers of a call for these keys, each in brackets.
pub fn answers(answers: &Answers, keys: &[Vec<u8>], cas: &mut CasSeen) -> String {
    let mut text = name(answers.status);
    for (index, seen) in answers.items.iter().enumerate() {
        let key = keys.get(index).map_or(&b""[..], Vec::as_slice);
        text += &format!(" [{}]", item(seen, key, cas));
    }
    if answers.items.is_empty() && !keys.is_empty() {
        text += " no-results";
    } else if answers.items.len() != keys.len() {
        text += &format!(" WRONG: {} entries", answers.items.len());
    }
    text
}

/// The answers of the servers; what they are called is their own affair.
pub fn servers(answers: &Answers, says_something: bool) -> String {
    let mut text = name(answers.status);
    for seen in &answers.items {
        let said = seen.value.as_ref().is_some_and(|value| !value.is_empty());
        let silent = if said == says_something {
            ""
        } else {
            " WRONG: its text"
        };
        let effect = EFFECTS.get(seen.effect as usize);
        let effect = effect.unwrap_or(&" an effect without a name");
        let sent = match seen.phase {
            abi::PHASE_CHECK => " not-sent",
            _ => "",
        };
        text += &format!(" [{}{effect}{sent}{silent}]", name(seen.status));
    }
    text
}
