//! The installed library, as programs outside the tree find, link and run it.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::cc::{self, LIMIT, tree};
use support::consumer::{
    VERSION, build, configure, define, directory, dynamic_section, find, library_directory,
    pkg_config, run_all,
};
use support::install::{Installed, installed};
use support::run::run;

/// CMake, C and C++, shared and static, with the library below `prefix`.
fn check_cmake(prefix: &Path) {
    let to = directory();
    configure(
        "find_package",
        to.path(),
        &[define("CMAKE_PREFIX_PATH", prefix)],
    );
    build(to.path());
    let kinds = ["shared", "either_shared", "static"];
    let programs = ["c", "cpp"].iter().flat_map(|language| {
        let name = |kind| to.path().join(format!("{language}_{kind}"));
        kinds.map(name)
    });
    run_all(&programs.collect::<Vec<_>>(), &library_directory(prefix));
}

/// pkg-config with a plain compiler, C and C++, shared and static.
fn check_pkg_config(prefix: &Path) {
    let to = directory();
    let library = library_directory(prefix);
    let shared = pkg_config(&library, &["--cflags", "--libs"]);
    let wholly = pkg_config(&library, &["--cflags", "--libs", "--static"]);
    let mut archive = wholly.clone();
    let wholly = [vec!["-static".to_string()], wholly].concat();
    for argument in &mut archive {
        // With both libraries there, the linker takes the shared one unless told the file's name.
        if argument == "-lmemcached2" {
            *argument = "-l:libmemcached2.a".to_string();
        }
    }
    let mut programs = Vec::new();
    for (compiler, source) in [("cc", "main.c"), ("c++", "main.cpp")] {
        let kinds = [
            ("shared", &shared),
            ("static", &archive),
            ("wholly_static", &wholly),
        ];
        for (kind, flags) in kinds {
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

/// A project of tests/cmake that builds the library along with itself, in `place` of its build tree.
fn check_along(project: &str, source: &str, place: &str) {
    let to = directory();
    let place = to.path().join(place);
    // The build that is there already saves this test from compiling everything once more.
    std::fs::create_dir_all(&place).expect("made");
    let built = installed().build.join("cargo");
    std::os::unix::fs::symlink(built, place.join("cargo")).expect("linked");
    configure(project, to.path(), &[define(source, tree())]);
    build(to.path());
    let names = ["c_shared", "c_static"];
    run_all(&names.map(|name| to.path().join(name)), &place.join("lib"));
}

#[test]
fn a_project_builds_the_library_along() {
    check_along("subdirectory", "SOURCE", "memcached2");
}

#[test]
fn a_project_fetches_the_sources() {
    let source = "FETCHCONTENT_SOURCE_DIR_MEMCACHED2";
    check_along("fetch_content", source, "_deps/memcached2-build");
}

#[test]
fn the_examples_are_a_project_of_their_own() {
    let sources = std::fs::read_dir(tree().join("examples-c")).expect("a directory");
    let sources = sources.map(|entry| entry.expect("an entry").path());
    let names = sources.filter(|path| path.extension().is_some_and(|end| end == "c"));
    let names: Vec<_> = names
        .filter_map(|path| path.file_stem().map(PathBuf::from))
        .collect();
    assert!(!names.is_empty(), "no examples");
    for linked_statically in [false, true] {
        let to = directory();
        let choice = if linked_statically { "ON" } else { "OFF" };
        let definitions = [
            define("CMAKE_PREFIX_PATH", &installed().prefix),
            define("MEMCACHED2_STATIC", choice),
        ];
        configure("../../examples-c", to.path(), &definitions);
        build(to.path());
        for name in &names {
            let needs = dynamic_section(&to.path().join(name)).contains("libmemcached2.so");
            assert_eq!(needs, !linked_statically, "{}", name.display());
        }
    }
}
