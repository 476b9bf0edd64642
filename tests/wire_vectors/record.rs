//! What was recorded: a call, what was sent, what came, and what was said of it.

use serde_json::Value as Json;

use crate::ask::{Ask, What};
use crate::call::Call;
use crate::dialect::Outcome;
use crate::frames;
use crate::python::Value;
use crate::support::execute::GATS;
use crate::support::scripted::{Part, Script, request};

pub struct Record {
    pub text: String,
    pub call: Call,
    sent: Vec<u8>,
    /// What was sent, and the reply, are frames, recorded as hexadecimal digits.
    in_frames: bool,
    /// As it is written in the recording.
    pub reply: String,
    pub outcome: Outcome,
}

/// Bytes are recorded as characters.
fn bytes(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(u32::from(c)).expect("one byte");
    text.chars().map(byte).collect()
}

impl Record {
    pub fn all(text: &str) -> Vec<Record> {
        let all: Json = serde_json::from_str(text).expect("JSON");
        let cases = all["cases"].as_array().expect("cases");
        cases.iter().map(Record::of).collect()
    }

    fn of(case: &Json) -> Record {
        let field = |name: &str| case.get(name).map(|text| text.as_str().expect("a text"));
        let text = field("call").expect("a call");
        let raised = |text: &str| {
            let name = text.split(':').next().expect("a name");
            Outcome::Raises(name.to_string())
        };
        let outcomes = [
            field("returns").map(|text| Outcome::Returns(Value::parse(text))),
            field("raises").map(raised),
            field("fails").map(raised),
            field("dataReceived_raises").map(raised),
        ];
        let mut outcomes = outcomes.into_iter().flatten();
        let outcome = outcomes.next().expect("an outcome");
        assert!(outcomes.next().is_none(), "{text}: two outcomes");
        let in_frames = case.get("sent_hex").is_some();
        Record {
            text: text.into(),
            call: Call::parse(text),
            sent: match in_frames {
                true => frames::bytes(field("sent_hex").expect("what was sent")),
                false => bytes(field("sent").expect("what was sent")),
            },
            in_frames,
            reply: field("reply").expect("a reply").into(),
            outcome,
        }
    }

    /// What the servers do when they are asked: replies that answer one request after the other, or, of
    /// one that answers a batch, all that is in it.
    pub fn scripts(&self, ask: &Ask) -> Vec<Script> {
        if self.in_frames {
            return vec![frames::script(&self.sent, &frames::bytes(&self.reply))];
        }
        let replies: Vec<_> = self.reply.split(" | ").map(bytes).collect();
        let requests = match &ask.what {
            What::Many(commands) if commands.iter().all(|c| c.op <= GATS) => commands.len().min(1),
            What::Many(commands) => commands.len(),
            _ => 1,
        };
        let part = |reply: &Vec<u8>| Part {
            requests,
            replies: vec![reply.clone()],
        };
        match self.call.servers {
            1 => vec![Script::whole(replies.iter().map(part).collect())],
            servers => {
                assert_eq!(replies.len(), servers, "{}", self.text);
                let script = |reply| Script::whole(vec![part(reply)]);
                replies.iter().map(script).collect()
            }
        }
    }

    /// What was sent here, where it is not what was recorded; of a call that one side does not send,
    /// nothing.
    pub fn asked_otherwise(&self, heard: &[Vec<u8>]) -> Option<Vec<String>> {
        let (ours, theirs) = (heard.concat(), &self.sent);
        if ours.is_empty() || theirs.is_empty() {
            return None;
        }
        let normal = if self.in_frames {
            frames::normal
        } else {
            normal
        };
        let (ours, mut theirs) = (normal(&ours), normal(theirs));
        // Sent twice by mistake, over two connections, of which the first is not read.
        let deletes = matches!(self.call.only().name.as_str(), "delete" | "__delitem__");
        if deletes && theirs.len() == 2 && theirs[0] == theirs[1] {
            theirs.pop();
        }
        (ours != theirs).then_some(ours)
    }
}

/// The requests, without what a server does not need: spaces at the end of a line, the wish for no
/// reply, a delay of 0.
fn normal(mut sent: &[u8]) -> Vec<String> {
    let mut all = Vec::new();
    while !sent.is_empty() {
        let whole = request(sent).filter(|len| *len <= sent.len());
        let (first, rest) = sent.split_at(whole.unwrap_or(sent.len()));
        let text: String = first.iter().map(|byte| char::from(*byte)).collect();
        let (line, data) = text.split_once("\r\n").unwrap_or((&text, ""));
        let line = line.trim_end();
        let line = line.strip_suffix(" noreply").unwrap_or(line);
        let line = if line == "flush_all 0" {
            "flush_all"
        } else {
            line
        };
        all.push(format!("{line}\r\n{data}"));
        sent = rest;
    }
    all
}
