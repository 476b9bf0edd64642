//! Programs and projects outside the tree that use an installed library.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::cc::{self, LIMIT, tree};
use super::memcached::Memcached;
use super::run::{Ran, run};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

pub fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The directory with the libraries below a prefix: `lib`, `lib64` or `lib/<triple>`.
pub fn library_directory(prefix: &Path) -> PathBuf {
    let found = find(prefix, "pkgconfig");
    found.parent().expect("a directory").to_path_buf()
}

pub fn find(below: &Path, name: &str) -> PathBuf {
    let mut queue = vec![below.to_path_buf()];
    while let Some(directory) = queue.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let entry = entry.expect("an entry");
            if entry.file_name() == name {
                return entry.path();
            }
            if entry.file_type().expect("a type").is_dir() {
                queue.push(entry.path());
            }
        }
    }
    panic!("no {name} below {}", below.display());
}

pub fn define(name: &str, value: impl AsRef<Path>) -> String {
    format!("-D{name}={}", value.as_ref().display())
}

/// What an ELF file says of itself.
pub fn dynamic_section(file: &Path) -> String {
    run(
        cc::command("readelf")
            .args(["--dynamic", "--wide"])
            .arg(file),
        LIMIT,
    )
    .succeeded()
    .stdout
}

pub fn soname() -> String {
    let mut parts = VERSION.split('.');
    let (major, minor) = (parts.next().expect("major"), parts.next().expect("minor"));
    let abi = if major == "0" {
        format!("0.{minor}")
    } else {
        major.to_string()
    };
    format!("libmemcached2.so.{abi}")
}

/// Configure `project` of tests/cmake in `build`.
pub fn configure(project: &str, build: &Path, definitions: &[String]) {
    try_configure(project, build, definitions).succeeded();
}

pub fn try_configure(project: &str, build: &Path, definitions: &[String]) -> Ran {
    let mut cmake = cc::command("cmake");
    cmake
        .arg("-S")
        .arg(tree().join("tests/cmake").join(project))
        .arg("-B")
        .arg(build);
    // Only what the test says is to be found, not what the machine has installed.
    cmake.args([
        "-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
        "-DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF",
    ]);
    run(cmake.args(definitions), LIMIT)
}

pub fn build(build: &Path) {
    run(cc::command("cmake").arg("--build").arg(build), LIMIT).succeeded();
}

/// Run each program against the server; those whose name ends in `static` must not need the shared
/// library, the others must take it from `library`.
pub fn run_all(programs: &[PathBuf], library: &Path) {
    let server = Memcached::unix(&[]);
    for program in programs {
        run(cc::command(program).arg(server.uri()), LIMIT).succeeded();
        let needs = dynamic_section(program).contains("libmemcached2.so");
        let wants_static = program.to_string_lossy().ends_with("static");
        assert_eq!(needs, !wants_static, "{}", program.display());
        if needs {
            let ldd = run(cc::command("ldd").arg(program), LIMIT)
                .succeeded()
                .stdout;
            let expected = library.join(soname());
            assert!(
                ldd.contains(&*expected.to_string_lossy()),
                "not {}:\n{ldd}",
                expected.display()
            );
        }
    }
}

pub fn pkg_config(library: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = cc::command("pkg-config");
    command
        .env("PKG_CONFIG_LIBDIR", library.join("pkgconfig"))
        .args(arguments)
        .arg("memcached2");
    let printed = run(&mut command, LIMIT).succeeded().stdout;
    printed.split_whitespace().map(String::from).collect()
}
