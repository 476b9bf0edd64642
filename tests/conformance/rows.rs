//! The rows, from the files of tests/conformance/rows/.
//!
//! A line at the margin is the title of a row, the lines below it, indented, are its steps, each
//! `command -> what is expected`; `#` begins a line that is only for the reader. Between title and
//! steps may stand
//!
//! * `options: NAME=VALUE&…`: options of the row's client;
//! * `servers: N`: the client has so many servers, not one;
//! * `for NAME, …: WORD … | WORD …`: the row stands for several, in each of which `{NAME}` is another
//!   word (`-` is none), in the title too; several such lines stand for every combination.
//!
//! An expected side may differ for some cells: `OK; batch: NOT_STORED` expects the second in cells
//! of which `batch` is the form, the server or the protocol, `OK; meta+batch: NOT_STORED` in those of
//! which both are.

use std::path::{Path, PathBuf};

use crate::step::{self, Step};
use crate::text::{pieces, words};

pub struct Row {
    /// `store.txt: set stores`.
    pub name: String,
    pub options: String,
    pub servers: usize,
    pub steps: Vec<Line>,
}

/// One step.
pub struct Line {
    pub file: usize,
    /// From 0.
    pub number: usize,
    pub text: String,
    pub step: Step,
    pub expected: Expected,
}

/// What is expected, and in which cells something else is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub all: String,
    pub but: Vec<(String, String)>,
}

impl Expected {
    pub fn parse(text: &str) -> Expected {
        let mut parts = pieces(text, ';').into_iter().map(str::trim);
        let all = parts.next().unwrap_or_default().to_string();
        let tagged = |part: &str| {
            let (tag, text) = part.split_once(": ").expect("TAG: what is expected there");
            (tag.to_string(), text.to_string())
        };
        Expected {
            all,
            but: parts.map(tagged).collect(),
        }
    }

    /// What is expected in a cell with these tags.
    pub fn of(&self, tags: &[&str]) -> &str {
        let is_here = |tag: &str| tag.split('+').all(|part| tags.contains(&part));
        let other = self.but.iter().find(|but| is_here(&but.0));
        other.map_or(&self.all, |but| &but.1)
    }

    pub fn shown(&self) -> String {
        let but = self
            .but
            .iter()
            .map(|(tag, text)| format!("; {tag}: {text}"));
        self.all.clone() + &but.collect::<String>()
    }
}

impl Row {
    /// Whether the row needs servers of its own: time passes for a server as a whole.
    pub fn has_time(&self) -> bool {
        let has_time = |step: &Step| match step {
            Step::Advance(_) => true,
            Step::FlushAll(delay) => *delay > 0,
            _ => false,
        };
        self.steps.iter().any(|line| has_time(&line.step))
    }

    /// Whether a step goes beyond the classic commands, which loops do not serve.
    pub fn is_beyond(&self) -> bool {
        let is_beyond = |line: &Line| match &line.step {
            Step::Command(command) => command.is_beyond(),
            _ => false,
        };
        self.options.contains("binary_keys") || self.steps.iter().any(is_beyond)
    }

    /// Whether a step without an answer of its own is quiet in this row unless it says otherwise.
    pub fn is_quiet(&self) -> bool {
        self.options.contains("default_noreply=on")
    }
}

/// The files, in the order of their names.
pub fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/rows");
    let entries = std::fs::read_dir(directory).expect("the directory of the rows");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

pub fn read() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (file, path) in files().iter().enumerate() {
        let text = std::fs::read_to_string(path).expect("a file of rows");
        let name = path.file_name().expect("a name").to_string_lossy();
        rows.extend(parse(file, &name, &text));
    }
    rows
}

/// The separator of a step's two sides.
pub const ARROW: &str = " -> ";

/// The rows of one file.
pub fn parse(file: usize, name: &str, text: &str) -> Vec<Row> {
    let (mut rows, mut block) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate();
    for (number, line) in
        lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
    {
        if !line.starts_with(' ') && !block.is_empty() {
            rows.extend(expand(file, name, &std::mem::take(&mut block)));
        }
        block.push((number, line));
    }
    if !block.is_empty() {
        rows.extend(expand(file, name, &block));
    }
    rows
}

/// What the names of a row's `for` lines stand for.
type Words = Vec<(String, String)>;

/// The rows that a block of lines stands for.
fn expand(file: usize, name: &str, block: &[(usize, &str)]) -> Vec<Row> {
    let mut choices: Vec<Words> = vec![Vec::new()];
    for (_, line) in block {
        if let Some(rest) = line.trim().strip_prefix("for ") {
            let more = choice(rest);
            choices = choices
                .iter()
                .flat_map(|left| more.iter().map(move |right| [&left[..], right].concat()))
                .collect();
        }
    }
    choices
        .iter()
        .map(|choice| row(file, name, block, choice))
        .collect()
}

/// `op, miss: get NO_VALUE | touch NOT_FOUND`.
fn choice(rest: &str) -> Vec<Words> {
    let (names, all) = rest.split_once(": ").expect("for NAMES: WORDS | WORDS");
    let names: Vec<_> = names.split(", ").collect();
    let one = |set: &str| {
        let set = words(set.trim());
        assert_eq!(set.len(), names.len(), "a word for each name: {rest}");
        let meant = |word: &str| if word == "-" { "" } else { word }.to_string();
        let pair = |(name, word): (&&str, &str)| (format!("{{{name}}}"), meant(word));
        names.iter().zip(set).map(pair).collect::<Words>()
    };
    pieces(all, '|').into_iter().map(one).collect()
}

pub fn filled(text: &str, words: &[(String, String)]) -> String {
    let fill = |text: String, (name, word): &(String, String)| text.replace(name, word);
    words.iter().fold(text.to_string(), fill)
}

fn row(file: usize, name: &str, block: &[(usize, &str)], words: &[(String, String)]) -> Row {
    let mut row = Row {
        name: format!("{name}: {}", filled(block[0].1, words)),
        options: String::new(),
        servers: 1,
        steps: Vec::new(),
    };
    assert!(!block[0].1.starts_with(' '), "{name} begins with a title");
    for (number, line) in &block[1..] {
        let line = filled(line, words).trim().to_string();
        if let Some(options) = line.strip_prefix("options: ") {
            row.options = options.to_string();
        } else if let Some(servers) = line.strip_prefix("servers: ") {
            row.servers = servers.parse().expect("a number of servers");
        } else if !line.starts_with("for ") {
            let (text, expected) = line.split_once(ARROW).unwrap_or((&line, ""));
            row.steps.push(Line {
                file,
                number: *number,
                text: text.to_string(),
                step: step::parse(text),
                expected: Expected::parse(expected),
            });
        }
    }
    assert!(!row.steps.is_empty(), "{}: no steps", row.name);
    row
}
