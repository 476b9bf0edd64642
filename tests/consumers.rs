//! The installed library, as programs outside the tree find, link and run it.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::cc::{self, LIMIT, tree};
use support::header;
use support::install::{Installed, installed};
use support::memcached::Memcached;
use support::run::run;
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn directory() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The directory with the libraries below a prefix: `lib`, `lib64` or `lib/<triple>`.
fn library_directory(prefix: &Path) -> PathBuf {
    let found = find(prefix, "libmemcached2.so");
    found.parent().expect("a directory").to_path_buf()
}

fn find(below: &Path, name: &str) -> PathBuf {
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

/// Configure `project` of tests/cmake in `build`.
fn configure(project: &str, build: &Path, definitions: &[String]) {
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
    run(cmake.args(definitions), LIMIT).succeeded();
}

fn build(build: &Path) {
    run(cc::command("cmake").arg("--build").arg(build), LIMIT).succeeded();
}

fn define(name: &str, value: impl AsRef<Path>) -> String {
    format!("-D{name}={}", value.as_ref().display())
}

/// What an ELF file says of itself.
fn dynamic_section(file: &Path) -> String {
    run(
        cc::command("readelf")
            .args(["--dynamic", "--wide"])
            .arg(file),
        LIMIT,
    )
    .succeeded()
    .stdout
}

/// Run each program against the server; those whose name ends in `static` must not need the shared
/// library, the others must take it from `library`.
fn run_all(programs: &[PathBuf], library: &Path) {
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

fn soname() -> String {
    let mut parts = VERSION.split('.');
    let (major, minor) = (parts.next().expect("major"), parts.next().expect("minor"));
    let abi = if major == "0" {
        format!("0.{minor}")
    } else {
        major.to_string()
    };
    format!("libmemcached2.so.{abi}")
}

/// CMake, C and C++, shared and static, with the library below `prefix`.
fn check_cmake(prefix: &Path) {
    let to = directory();
    configure(
        "find_package",
        to.path(),
        &[define("CMAKE_PREFIX_PATH", prefix)],
    );
    build(to.path());
    let names = ["c_shared", "c_static", "cpp_shared", "cpp_static"];
    run_all(
        &names.map(|name| to.path().join(name)),
        &library_directory(prefix),
    );
}

fn pkg_config(library: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = cc::command("pkg-config");
    command
        .env("PKG_CONFIG_LIBDIR", library.join("pkgconfig"))
        .args(arguments)
        .arg("memcached2");
    let printed = run(&mut command, LIMIT).succeeded().stdout;
    printed.split_whitespace().map(String::from).collect()
}

/// pkg-config with a plain compiler, C and C++, shared and static.
fn check_pkg_config(prefix: &Path) {
    let to = directory();
    let library = library_directory(prefix);
    let shared = pkg_config(&library, &["--cflags", "--libs"]);
    let mut archive = pkg_config(&library, &["--cflags", "--libs", "--static"]);
    for argument in &mut archive {
        // With both libraries there, the linker takes the shared one unless told the file's name.
        if argument == "-lmemcached2" {
            *argument = "-l:libmemcached2.a".to_string();
        }
    }
    let mut programs = Vec::new();
    for (compiler, source) in [("cc", "main.c"), ("c++", "main.cpp")] {
        for (kind, flags) in [("shared", &shared), ("static", &archive)] {
            let program = to.path().join(format!("{compiler}_{kind}"));
            let mut compile = cc::command(compiler);
            compile
                .arg(tree().join("tests/cmake").join(source))
                .arg("-o")
                .arg(&program);
            compile
                .args(flags)
                .arg(format!("-Wl,-rpath,{}", library.display()));
            run(&mut compile, LIMIT).succeeded();
            programs.push(program);
        }
    }
    run_all(&programs, &library);
}

#[test]
fn cmake_finds_the_package() {
    check_cmake(&installed().prefix);
}

#[test]
fn pkg_config_finds_the_library() {
    let Installed { prefix, .. } = installed();
    check_pkg_config(prefix);
    let library = library_directory(prefix);
    assert_eq!(pkg_config(&library, &["--modversion"]), [VERSION]);
}

#[test]
fn a_package_is_staged_below_destdir() {
    let Installed { staged, .. } = installed();
    assert!(staged.join("usr/include/memcached2.h").exists());
    check_pkg_config(&staged.join("usr"));
    check_cmake(&staged.join("usr"));
}

#[test]
fn the_prefix_can_be_moved() {
    let Installed { prefix, .. } = installed();
    let elsewhere = directory();
    let moved = elsewhere.path().join("moved");
    run(Command::new("cp").arg("-a").arg(prefix).arg(&moved), LIMIT).succeeded();
    for name in [
        "memcached2.pc",
        "memcached2-config.cmake",
        "memcached2-config-version.cmake",
    ] {
        let text = std::fs::read_to_string(find(&moved, name)).expect("text");
        assert!(
            !text.contains(&*prefix.to_string_lossy()),
            "{name} names the old prefix:\n{text}"
        );
    }
    check_cmake(&moved);
    check_pkg_config(&moved);
}

#[test]
fn another_version_is_refused() {
    let to = directory();
    let installed = define("CMAKE_PREFIX_PATH", &installed().prefix);
    configure(
        "version",
        to.path(),
        &[installed, define("VERSION", VERSION)],
    );
}

#[test]
fn a_project_builds_the_library_along() {
    let built = &installed().build;
    let to = directory();
    // The build that is there already saves this test from compiling everything once more.
    let place = to.path().join("memcached2");
    std::fs::create_dir(&place).expect("made");
    std::os::unix::fs::symlink(built.join("cargo"), place.join("cargo")).expect("linked");
    configure("subdirectory", to.path(), &[define("SOURCE", tree())]);
    build(to.path());
    let names = ["c_shared", "c_static"];
    run_all(&names.map(|name| to.path().join(name)), &place.join("lib"));
}

#[test]
fn the_shared_library_is_as_it_should_be() {
    let library = library_directory(&installed().prefix);
    let file = format!("libmemcached2.so.{VERSION}");
    let target = |link: &str| std::fs::read_link(library.join(link)).expect("a link");
    assert_eq!(target("libmemcached2.so"), Path::new(&soname()));
    assert_eq!(target(&soname()), Path::new(&file));

    let section = dynamic_section(&library.join(&file));
    assert!(
        section.contains(&format!("Library soname: [{}]", soname())),
        "{section}"
    );
    assert!(section.contains("NODELETE"), "{section}");
    assert!(
        !section.contains("TEXTREL") && !section.contains("PATH"),
        "{section}"
    );

    let mut nm = cc::command("nm");
    nm.args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library.join(&file));
    let listing = run(&mut nm, LIMIT).succeeded().stdout;
    let mut exports: Vec<_> = listing
        .lines()
        .filter_map(|l| l.split(' ').next())
        .collect();
    exports.sort_unstable();
    assert_eq!(exports, header::symbols());
}

#[test]
fn the_static_library_names_what_it_needs() {
    let to = directory();
    let (empty, archive) = (to.path().join("empty.rs"), to.path().join("libempty.a"));
    std::fs::write(&empty, "").expect("written");
    let mut rustc = cc::command("rustc");
    rustc.args([
        "--crate-type",
        "staticlib",
        "--print",
        "native-static-libs",
        "-o",
    ]);
    let printed = run(rustc.arg(archive).arg(empty), LIMIT).succeeded().stderr;
    let mark = "native-static-libs: ";
    let needed = printed
        .lines()
        .find_map(|line| line.split_once(mark))
        .expect("a list")
        .1;

    let library = library_directory(&installed().prefix);
    let text = std::fs::read_to_string(library.join("pkgconfig/memcached2.pc")).expect("text");
    let private = text
        .lines()
        .find_map(|line| line.strip_prefix("Libs.private: "));
    assert_eq!(
        private,
        Some(needed.trim()),
        "set system_libraries in CMakeLists.txt"
    );
}
