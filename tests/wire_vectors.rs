//! What other clients were recorded to say of what a server answers, beside what this one says: every
//! recorded call that there is here is made, the recorded reply is sent, and the answer, in the other
//! client's words, is what was recorded; or the difference is listed with its reason, and is there.

#[path = "wire_vectors/ask.rs"]
mod ask;
#[path = "wire_vectors/call.rs"]
mod call;
#[path = "wire_vectors/dialect/mod.rs"]
mod dialect;
#[path = "wire_vectors/differences.rs"]
mod differences;
#[path = "wire_vectors/frames.rs"]
mod frames;
#[path = "status_trees/nearest.rs"]
#[allow(dead_code)]
mod nearest;
#[path = "wire_vectors/python.rs"]
mod python;
#[path = "wire_vectors/record.rs"]
mod record;
#[path = "wire_vectors/source.rs"]
mod source;
mod support;
#[path = "status_trees/trees.rs"]
#[allow(dead_code)]
mod trees;

use std::collections::BTreeMap;

use dialect::{Absent, Dialect, Outcome};
use differences::{ASKED, DIFFERENCES, Difference};
use record::Record;

/// A file of recordings, and how many of its calls are what.
struct File {
    name: &'static str,
    text: &'static str,
    dialect: Dialect,
    figures: Figures,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    cases: usize,
    absent: usize,
    agree: usize,
    /// Of those that agree, how many are an exception below the recorded one.
    below: usize,
    differ: usize,
}

macro_rules! file {
    ($name:literal, $dialect:ident, $figures:expr) => {{
        let [cases, absent, agree, below, differ] = $figures;
        File {
            name: $name,
            text: include_str!(concat!("vectors/wire_", $name, ".json")),
            dialect: dialect::$dialect::DIALECT,
            figures: Figures {
                cases,
                absent,
                agree,
                below,
                differ,
            },
        }
    }};
}

/// The files, with the figures: cases, calls that are not here, calls that agree,
/// how many of these with an exception below the recorded one, calls that differ.
fn files() -> [File; 7] {
    [
        file!("memcached2", memcached2, [95, 18, 68, 0, 9]),
        file!("twisted", twisted, [51, 5, 40, 0, 6]),
        file!("pymemcache-3.2.0", pymemcache, [135, 25, 100, 0, 10]),
        file!("pymemcache-3.4.2", pymemcache, [135, 25, 100, 0, 10]),
        file!("pymemcache-4.0.0", pymemcache, [139, 26, 103, 0, 10]),
        file!("bmemcached", bmemcached, [103, 19, 76, 7, 8]),
        file!("python-memcached", python_memcached, [36, 2, 33, 0, 1]),
    ]
}

/// What became of the calls of one file.
struct Tally {
    figures: Figures,
    absent: BTreeMap<Absent, usize>,
    wrong: Vec<String>,
    unused: Vec<&'static Difference>,
}

impl Tally {
    fn absent(&mut self, why: Absent) {
        self.figures.absent += 1;
        *self.absent.entry(why).or_default() += 1;
    }
}

fn tally(file: &File) -> Tally {
    let mut tally = Tally {
        figures: Figures::default(),
        absent: BTreeMap::new(),
        wrong: Vec::new(),
        unused: DIFFERENCES.iter().filter(|d| d.is_of(file.name)).collect(),
    };
    for record in Record::all(file.text) {
        tally.figures.cases += 1;
        let ask = match (file.dialect.ask)(&record.call) {
            Ok(ask) => ask,
            Err(why) => {
                tally.absent(why);
                continue;
            }
        };
        let (reading, heard) = ask::carry_out(&ask, file.dialect.protocol, record.scripts(&ask));
        let said = (file.dialect.theirs)(&record.call, &ask, &reading);
        if let Outcome::Absent(why) = said {
            tally.absent(why);
            continue;
        }
        let listed = DIFFERENCES.iter().find(|d| d.is(file.name, &record));
        tally
            .unused
            .retain(|one| listed.is_none_or(|d| !std::ptr::eq(*one, d)));
        match (file.dialect.agrees(&said, &record.outcome), listed) {
            (true, None) => {
                tally.figures.agree += 1;
                tally.figures.below += usize::from(said != record.outcome);
            }
            (false, Some(difference)) if said == difference.ours() => tally.figures.differ += 1,
            (_, listed) => tally.wrong.push(format!(
                "{}: {} <- {:?}: {said:?}, recorded {:?}, listed {:?}; {reading:?}",
                file.name,
                record.text,
                record.reply,
                record.outcome,
                listed.map(Difference::ours),
            )),
        }
        let asked = record.asked_otherwise(&heard);
        let listed = differences::asked(file.name, &record.text);
        if asked.as_ref().map(|all| all.concat()) != listed.map(str::to_string) {
            let (name, text) = (file.name, &record.text);
            tally.wrong.push(format!(
                "{name}: {text}: asked {asked:?}, listed {listed:?}"
            ));
        }
    }
    tally
}

/// Every recorded call: what is said of the reply is what was recorded, or is listed as different.
#[test]
fn every_recorded_call_agrees_or_its_difference_is_listed() {
    let (mut all, mut wrong) = (Figures::default(), Vec::new());
    for file in files() {
        let tally = tally(&file);
        let now = tally.figures;
        println!(
            "{}: {} cases, {} calls that are here: {} agree, {} differ as listed; {} are not here",
            file.name,
            now.cases,
            now.agree + now.differ,
            now.agree,
            now.differ,
            now.absent
        );
        for (why, count) in &tally.absent {
            println!("    {count} not here: {why}");
        }
        let unused = tally
            .unused
            .iter()
            .map(|d| format!("{}: {d:?} is not met", file.name));
        wrong.extend(unused);
        wrong.extend(tally.wrong);
        if now != file.figures {
            wrong.push(format!("{}: {now:?}", file.name));
        }
        all.cases += now.cases;
        all.absent += now.absent;
        all.agree += now.agree;
        all.below += now.below;
        all.differ += now.differ;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let here = all.agree + all.differ;
    println!(
        "of {} calls, {here} are here, {} agree, {} of them with an exception below the recorded one",
        all.cases, all.agree, all.below
    );
    assert!(all.agree * 100 >= here * 90, "{all:?}");
}

/// No difference is listed twice, or for a file that there is not, or without its row.
#[test]
fn the_list_of_differences_is_in_order() {
    for (number, one) in DIFFERENCES.iter().enumerate() {
        assert!(
            one.files
                .iter()
                .all(|name| files().iter().any(|f| f.name == *name))
        );
        assert!(!one.files.is_empty() && !one.row.is_empty() && !one.why.is_empty());
        let same = |other: &Difference| (one.call, one.reply) == (other.call, other.reply);
        for other in &DIFFERENCES[number + 1..] {
            let both = one.files.iter().any(|name| other.files.contains(name));
            assert!(!(same(other) && both), "{one:?} twice");
        }
    }
}

/// As above, of those that are asked with other words; each is met where its call is made.
#[test]
fn what_is_asked_with_other_words_is_in_order() {
    for (names, call, asked, row, why) in ASKED {
        assert!(!asked.is_empty() && !row.is_empty() && !why.is_empty());
        for name in *names {
            let file = files()
                .into_iter()
                .find(|file| file.name == *name)
                .expect("a file");
            assert!(
                Record::all(file.text)
                    .iter()
                    .any(|record| record.text == *call)
            );
        }
    }
}

/// A test of the comparison: answers that are another one's are seen.
#[test]
fn another_answer_is_no_agreement() {
    let returns = |text| Outcome::Returns(python::Value::parse(text));
    assert_ne!(returns("None"), returns("False"));
    assert_ne!(returns("b'a'"), returns("'a'"));
    assert_ne!(returns("True"), Outcome::Raises("NotStored".into()));
}
