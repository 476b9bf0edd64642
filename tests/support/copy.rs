//! The package once more, inside the target directory, with mistakes planted in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text of the library's source, and what stands there instead.
pub struct Change {
    pub file: &'static str,
    /// Stands there exactly once.
    pub needle: &'static str,
    pub instead: &'static str,
}

pub struct Copy {
    root: PathBuf,
    target: PathBuf,
}

/// What stood in files before.
pub type Originals = Vec<(&'static str, String)>;

impl Copy {
    /// One of this name.
    pub fn make(name: &str) -> Copy {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let copy = Copy {
            root: base.join("package"),
            target: base.join("target"),
        };
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in fs::read_dir(package).expect("the package's directory") {
            let name = entry.expect("an entry of it").file_name();
            let name = name.to_string_lossy();
            if !["target", "build", "fuzz", ".git"].contains(&&*name) {
                copy.take(package, &name);
            }
        }
        copy
    }

    /// Copies a file, or a directory with all that is in it; what has not changed is left alone, so
    /// that it is not built again.
    fn take(&self, package: &Path, name: &str) {
        let from = package.join(name);
        if from.is_dir() {
            for entry in fs::read_dir(&from).expect("a directory of the package") {
                let entry = entry.expect("an entry of it").file_name();
                self.take(package, &format!("{name}/{}", entry.to_string_lossy()));
            }
        } else if from.exists() {
            self.write(name, &fs::read(&from).expect("a file of the package"));
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let to = self.root.join(name);
        if fs::read(&to).is_ok_and(|old| old == bytes) {
            return;
        }
        fs::create_dir_all(to.parent().expect("a file has a directory")).expect("a directory");
        fs::write(&to, bytes).expect("a file of the copy");
    }

    /// Plants a mistake; what stood there before.
    pub fn plant(&self, name: &str, changes: &[Change]) -> Originals {
        let mut originals: Originals = Vec::new();
        for change in changes {
            let path = self.root.join(change.file);
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", change.file));
            let found = text.matches(change.needle).count();
            assert_eq!(
                found, 1,
                "{name}: {:?} must stand once in {}",
                change.needle, change.file
            );
            self.write(
                change.file,
                text.replace(change.needle, change.instead).as_bytes(),
            );
            if !originals.iter().any(|(file, _)| *file == change.file) {
                originals.push((change.file, text));
            }
        }
        originals
    }

    /// Takes a mistake out again.
    pub fn restore(&self, originals: Originals) {
        for (file, text) in originals {
            self.write(file, text.as_bytes());
        }
    }

    /// Runs cargo there: whether it is content, and what was printed.
    pub fn cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(&cargo)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .envs(variables.iter().copied())
            .args(arguments)
            .output()
            .expect("cargo runs");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}
