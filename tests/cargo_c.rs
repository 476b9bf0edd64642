//! The library as `cargo cinstall` (cargo-c) installs it: the same files as `make install`, but for the
//! CMake package, and programs that are linked to them. It takes cargo-c, so it is not part of
//! `cargo test` but of `make test-long`; by itself: `cargo test --test cargo_c`.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use support::cc::{self, LIMIT, tree};
use support::consumer::{
    VERSION, directory, dynamic_section, library_directory, pkg_config, run_all, soname,
};
use support::install::installed;
use support::run::run;

/// A clean build on a slow machine.
const BUILD: Duration = Duration::from_secs(900);

/// Install below a prefix as `make install` does, in directories of the same names.
fn cinstall() -> PathBuf {
    let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let prefix = top.join("cargo_c");
    if prefix.exists() {
        std::fs::remove_dir_all(&prefix).expect("an old installation removed");
    }
    let libraries = installed().library();
    let libraries = libraries.strip_prefix(&installed().prefix).expect("below");
    let mut cargo = cc::command("cargo");
    cargo.args(["cinstall", "--release", "--locked", "--prefix"]);
    cargo.arg(&prefix).arg("--libdir").arg(libraries);
    cargo.arg("--target-dir").arg(top.join("cargo_c_build"));
    run(cargo.current_dir(tree()), BUILD).succeeded();
    prefix
}

/// The files below a prefix, without the CMake package, and what the links among them end at.
fn files(prefix: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let mut files = BTreeMap::new();
    let mut queue = vec![prefix.to_path_buf()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let below = |path: &Path| path.strip_prefix(prefix).expect("below").to_path_buf();
            if !path.is_dir() {
                let end = path.canonicalize().expect("a file");
                files.insert(below(&path), below(&end));
            } else if !path.ends_with("cmake") {
                queue.push(path);
            }
        }
    }
    files
}

fn check_programs(prefix: &Path) {
    let library = library_directory(prefix);
    let shared = pkg_config(&library, &["--cflags", "--libs"]);
    let archive = pkg_config(&library, &["--cflags", "--libs", "--static"]);
    let by_name = |flag: String| match &*flag {
        "-lmemcached2" => "-l:libmemcached2.a".to_string(),
        _ => flag,
    };
    let archive: Vec<_> = archive.into_iter().map(by_name).collect();
    let to = directory();
    let programs = [("c_shared", shared), ("c_static", archive)].map(|(name, flags)| {
        let program = to.path().join(name);
        let mut compile = cc::command("cc");
        compile.arg(tree().join("tests/cmake/main.c")).args(flags);
        compile.arg(format!("-Wl,-rpath,{}", library.display()));
        run(compile.arg("-o").arg(&program), LIMIT).succeeded();
        program
    });
    run_all(&programs, &library);
}

#[test]
fn cargo_c_installs_the_same_package() {
    let prefix = cinstall();
    assert_eq!(files(&prefix), files(&installed().prefix));

    let header = std::fs::read_to_string(prefix.join("include/memcached2.h")).expect("a header");
    assert!(header == support::header::TEXT, "not the committed header");
    let library = library_directory(&prefix);
    assert_eq!(pkg_config(&library, &["--modversion"]), [VERSION]);

    let section = dynamic_section(&library.join("libmemcached2.so"));
    let named = format!("Library soname: [{}]", soname());
    assert!(section.contains(&named), "{section}");
    assert!(section.contains("NODELETE"), "{section}");
    check_programs(&prefix);
}
