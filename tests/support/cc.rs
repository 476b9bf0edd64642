//! Compiling C and C++ against the header and the library of this build.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::run::{Ran, run};

pub const LIMIT: Duration = Duration::from_secs(120);

/// The top of the source tree.
pub fn tree() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of the committed header.
pub fn include() -> PathBuf {
    tree().join("include")
}

/// Where cargo put the shared library that this test was built with.
pub fn library_directory() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let directory = test.parent().expect("a directory").to_path_buf();
    assert!(
        directory.join("libmemcached2.so").exists(),
        "no libmemcached2.so in {}",
        directory.display()
    );
    directory
}

/// A command that finds libraries as it says itself, not as cargo's or make's environment does.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in [
        "LD_LIBRARY_PATH",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "MFLAGS",
    ] {
        command.env_remove(name);
    }
    command
}

/// Compile one C program, every warning an error, and link it with the shared library.
pub fn program(source: &Path, to: &Path) -> Ran {
    let library = library_directory();
    let mut compiler = command("cc");
    compiler
        .args(["-std=c11", "-g", "-O1", "-pthread"])
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg("-I")
        .arg(include())
        .arg(source)
        .arg("-o")
        .arg(to)
        .arg("-L")
        .arg(&library)
        .arg("-lmemcached2")
        .arg(format!("-Wl,-rpath,{}", library.display()));
    run(&mut compiler, LIMIT)
}
