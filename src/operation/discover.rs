//! Asking for the list of servers: what is said to a configuration endpoint, and which of the lists that
//! it tells is taken.

use crate::error::Status;
use crate::protocol::config::{Form, List, Reply, reply};

/// A list that is not newer than the one in use is taken when it was told so many times in a row.
pub const TOLD_AGAIN: u32 = 3;

/// One exchange with an endpoint.
#[derive(Debug)]
pub struct Dialogue {
    form: Form,
}

/// What follows what has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<'a> {
    Receive,
    /// This is sent, and what has come is forgotten.
    Ask(&'static [u8]),
    /// The bytes of the list.
    List(&'a [u8]),
    /// The server has no list of servers: it is no endpoint.
    Nothing,
    Refused(Status, &'a [u8]),
    Broken(&'static str),
}

impl Dialogue {
    /// What is sent first.
    pub const BEGIN: &'static [u8] = Form::Config.request();

    /// Once [`Dialogue::BEGIN`] was sent.
    pub fn begun() -> Dialogue {
        Dialogue { form: Form::Config }
    }

    /// Go on with all that has come since something was asked. An old server is met in every exchange
    /// anew: it may be a newer one the next time.
    pub fn heard<'a>(&mut self, come: &'a [u8]) -> Next<'a> {
        match (reply(self.form, come), self.form) {
            (Reply::More, _) => Next::Receive,
            (Reply::List(list), _) => Next::List(list),
            (Reply::Nothing, Form::Config) => {
                self.form = Form::Item;
                Next::Ask(self.form.request())
            }
            (Reply::Nothing, Form::Item) => Next::Nothing,
            (Reply::Refused(status, line), _) => Next::Refused(status, line),
            (Reply::Broken(why), _) => Next::Broken(why),
        }
    }
}

/// The list in use, and the one that may be the next.
#[derive(Default, Debug)]
pub struct Lists {
    version: Option<u64>,
    /// As it was told.
    used: Vec<u8>,
    /// One that is not newer, as it was told, and how many times in a row.
    other: Vec<u8>,
    times: u32,
}

/// What is to be done with a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Use it, and say so with [`Lists::use_it`].
    Use,
    /// It is in use.
    Same,
    /// It is not newer, and differs: a part of the cluster that is behind has answered, or the cluster
    /// was made anew and counts from the beginning. Only the second is told again and again.
    Older,
    /// It has no servers.
    Empty,
}

impl Lists {
    /// Hear of a list, which was told in these bytes.
    pub fn hear(&mut self, told: &[u8], list: &List<'_>) -> Verdict {
        if list.servers.is_empty() {
            return Verdict::Empty;
        }
        match self.version {
            Some(version) if list.version <= version => self.not_newer(told),
            _ => Verdict::Use,
        }
    }

    fn not_newer(&mut self, told: &[u8]) -> Verdict {
        if told == self.used {
            self.times = 0;
            return Verdict::Same;
        }
        if self.times == 0 || told != self.other {
            self.times = 0;
            // One that there is no memory for is as one that was never told again.
            if !keep(&mut self.other, told) {
                return Verdict::Older;
            }
        }
        self.times += 1;
        match self.times >= TOLD_AGAIN {
            true => Verdict::Use,
            false => Verdict::Older,
        }
    }

    /// The list is in use now.
    pub fn use_it(&mut self, told: &[u8], list: &List<'_>) {
        self.times = 0;
        self.other = Vec::new();
        // Not remembered, it is an older one when it is told again, which does no harm.
        keep(&mut self.used, told);
        self.version = Some(list.version);
    }
}

/// Whether there was memory for it.
fn keep(place: &mut Vec<u8>, bytes: &[u8]) -> bool {
    place.clear();
    let room = place.try_reserve_exact(bytes.len()).is_ok();
    if room {
        place.extend_from_slice(bytes);
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::config::list;

    fn hear(lists: &mut Lists, text: &str) -> Verdict {
        let list = list(text.as_bytes()).expect("a list");
        let verdict = lists.hear(text.as_bytes(), &list);
        if verdict == Verdict::Use {
            lists.use_it(text.as_bytes(), &list);
        }
        verdict
    }

    #[test]
    fn only_a_newer_list_replaces_the_one_in_use() {
        let mut lists = Lists::default();
        for (text, verdict) in [
            ("7\n\n", Verdict::Empty),
            ("7\na|1.1.1.1|1\n", Verdict::Use),
            ("7\na|1.1.1.1|1\n", Verdict::Same),
            ("9\n\n", Verdict::Empty),
            ("8\nb|1.1.1.2|1\n", Verdict::Use),
            ("7\na|1.1.1.1|1\n", Verdict::Older),
            ("8\nb|1.1.1.2|1\n", Verdict::Same),
        ] {
            assert_eq!(hear(&mut lists, text), verdict, "{text}");
        }
    }

    /// A cluster that was made anew counts from the beginning, and says so again and again.
    #[test]
    fn an_older_list_that_stays_is_taken() {
        let mut lists = Lists::default();
        let (old, new, other) = ("9\na|1.1.1.1|1\n", "1\nb|1.1.1.2|1\n", "1\nc|1.1.1.3|1\n");
        assert_eq!(hear(&mut lists, old), Verdict::Use);
        // In between, the one in use is told, or another one: it begins anew.
        for text in [new, new, old, new, new, other] {
            assert_ne!(hear(&mut lists, text), Verdict::Use, "{text}");
        }
        assert_eq!(hear(&mut lists, new), Verdict::Older);
        assert_eq!(hear(&mut lists, new), Verdict::Older);
        assert_eq!(hear(&mut lists, new), Verdict::Use);
        assert_eq!(hear(&mut lists, new), Verdict::Same);
        // The same number with other servers.
        for verdict in [Verdict::Older, Verdict::Older, Verdict::Use] {
            assert_eq!(hear(&mut lists, other), verdict);
        }
    }

    #[test]
    fn the_old_form_is_asked_where_the_new_one_is_not_known() {
        let mut dialogue = Dialogue::begun();
        assert_eq!(dialogue.heard(b"ERR"), Next::Receive);
        let old: &[u8] = b"get AmazonElastiCache:cluster\r\n";
        assert_eq!(dialogue.heard(b"ERROR\r\n"), Next::Ask(old));
        assert_eq!(dialogue.heard(b"EN"), Next::Receive);
        assert_eq!(dialogue.heard(b"END\r\n"), Next::Nothing);
        let mut dialogue = Dialogue::begun();
        assert_eq!(dialogue.heard(b"ERROR\r\n"), Next::Ask(old));
        let told = b"VALUE AmazonElastiCache:cluster 0 13\r\n1\na|1.1.1.1|1\r\nEND\r\n";
        assert_eq!(dialogue.heard(told), Next::List(b"1\na|1.1.1.1|1"));
    }
}
