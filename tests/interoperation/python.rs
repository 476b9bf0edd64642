//! Runs one of Python's clients, where `scripts/python-clients.sh` has put them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::exchange::Written;
use crate::rows::Row;
use crate::support::cc::{self, tree};
use crate::support::run;

const LIMIT: Duration = Duration::from_secs(120);

pub struct Job<'a> {
    pub row: &'a Row,
    pub servers: Vec<(String, u32)>,
    pub read: &'a Written,
    pub write: &'a Written,
}

/// What was found for each key.
pub struct Read {
    pub alone: BTreeMap<String, Option<String>>,
    pub batch: BTreeMap<String, Option<String>>,
    /// Of the client, and of the library below it.
    pub versions: Vec<String>,
}

/// The interpreter that has the clients.
fn interpreter() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let place = target.expect("the build directory").join("python-clients");
    let text = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
    let wanted = text(&tree().join("tests/interoperation/requirements.txt"));
    assert!(
        text(&place.join("requirements.txt")) == wanted && !wanted.is_empty(),
        "the clients of Python are not in {}: scripts/python-clients.sh installs them",
        place.display()
    );
    place.join("bin/python")
}

fn read(found: &Value) -> BTreeMap<String, Option<String>> {
    let found = found.as_object().expect("an object");
    let text = |value: &Value| value.as_str().map(str::to_string);
    found
        .iter()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

/// The client reads, then writes; it ends well only if it could do both.
pub fn run(job: &Job) -> Read {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("job.json");
    let text = json!({
        "servers": job.servers,
        "keys": if job.row.bytes { "bytes" } else { "str" },
        "settings": job.row.settings,
        "read": job.read.keys().collect::<Vec<_>>(),
        "write": job.write,
    });
    std::fs::write(&file, text.to_string()).expect("written");
    let mut command = cc::command(interpreter());
    command.arg(tree().join("tests/interoperation/client.py"));
    command.arg(job.row.client).arg(&file);
    let ran = run::run(&mut command, LIMIT).succeeded();
    let printed: Value = serde_json::from_str(&ran.stdout).expect("what it prints");
    let versions = printed["versions"].as_array().expect("versions").iter();
    Read {
        alone: read(&printed["alone"]),
        batch: read(&printed["batch"]),
        versions: versions
            .map(|one| one.as_str().expect("a text").to_string())
            .collect(),
    }
}
