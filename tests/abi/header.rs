//! A header to be judged: the committed one, or a scratch copy with a change planted in it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::support::{cc, header};

pub struct Header {
    pub text: String,
    /// The directory to include it from.
    pub directory: PathBuf,
    /// Holds a scratch copy.
    _scratch: Option<TempDir>,
}

impl Header {
    pub fn committed() -> Header {
        Header {
            text: header::TEXT.to_string(),
            directory: cc::include(),
            _scratch: None,
        }
    }

    /// A copy of the committed header with each `(from, to)` carried out; `from` stands in it once.
    pub fn with(changes: &[(&str, &str)]) -> Header {
        let mut text = header::TEXT.to_string();
        for (from, to) in changes {
            assert_eq!(text.matches(from).count(), 1, "not once: {from}");
            text = text.replace(from, to);
        }
        let scratch = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(scratch.path().join("memcached2.h"), &text).expect("written");
        Header {
            text,
            directory: scratch.path().to_path_buf(),
            _scratch: Some(scratch),
        }
    }

    /// A compiler of C that finds this header, at work in `directory`.
    pub fn compiler(&self, directory: &Path) -> std::process::Command {
        let mut compiler = cc::command("cc");
        compiler.arg("-std=gnu11").arg("-I").arg(&self.directory);
        compiler.current_dir(directory);
        compiler
    }
}

/// Whether what is new is to be appended to the committed files.
pub fn update() -> bool {
    std::env::var("MEMCACHED2_UPDATE").is_ok_and(|value| value == "1")
}
