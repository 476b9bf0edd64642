//! What is installed: which versions and components the CMake package answers for, what the libraries
//! say of themselves and what they need.

mod support;

use std::path::Path;

use support::cc::{self, LIMIT, tree};
use support::consumer::{
    VERSION, build, configure, define, directory, dynamic_section, library_directory, pkg_config,
    run_all, soname, try_configure,
};
use support::header;
use support::install::installed;
use support::run::run;

/// Install only `components` below `prefix`.
fn install_only(components: &[&str], prefix: &Path) {
    for component in components {
        let mut cmake = cc::command("cmake");
        cmake.arg("--install").arg(&installed().build);
        cmake.arg("--prefix").arg(prefix);
        run(cmake.args(["--component", component]), LIMIT).succeeded();
    }
}

/// What CMake says to a project that asks for `components` of what is below `prefix`; "" where it
/// has nothing to complain of.
fn complaint(prefix: &Path, components: &str) -> String {
    let to = directory();
    let definitions = [
        define("CMAKE_PREFIX_PATH", prefix),
        format!("-DWANTED={components}"),
    ];
    let ran = try_configure("components", to.path(), &definitions);
    if ran.status.success() {
        return String::new();
    }
    // Messages are wrapped.
    ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn complains(prefix: &Path, components: &str, of: &str) {
    let said = complaint(prefix, components);
    assert!(said.contains(of), "{components}: not `{of}` in `{said}`");
}

#[test]
fn a_component_that_is_not_installed_is_missed() {
    let without = directory();
    let prefix = without.path();
    install_only(&["development", "shared"], prefix);
    let missing = "the component 'static' is not installed";
    complains(prefix, "static", missing);
    complains(prefix, "shared;static", missing);
    complains(prefix, "other", "there is no component 'other'");
    assert_eq!(complaint(prefix, "shared"), "");
    assert_eq!(complaint(prefix, ""), "");

    let without = directory();
    let prefix = without.path();
    install_only(&["development"], prefix);
    complains(prefix, "", "neither libmemcached2.so");
    install_only(&["static"], prefix);
    complains(prefix, "shared", "the component 'shared' is not installed");
    assert_eq!(complaint(prefix, "static"), "");
}

#[test]
fn the_static_library_alone_is_a_package() {
    let prefix = directory();
    install_only(&["development", "static"], prefix.path());
    let to = directory();
    let definitions = [define("CMAKE_PREFIX_PATH", prefix.path())];
    configure("whatever_there_is", to.path(), &definitions);
    build(to.path());

    let library = library_directory(prefix.path());
    let mut compile = cc::command("cc");
    compile.arg(tree().join("tests/cmake/main.c")).arg("-o");
    compile.arg(to.path().join("pkg_config_static"));
    compile.args(pkg_config(&library, &["--cflags", "--libs", "--static"]));
    run(&mut compile, LIMIT).succeeded();

    let programs = ["c_static", "pkg_config_static"];
    run_all(&programs.map(|name| to.path().join(name)), &library);
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
    let flags = section.lines().find(|line| line.contains("(FLAGS_1)"));
    let flags = flags.unwrap_or_else(|| panic!("no FLAGS_1 in {section}"));
    assert!(flags.contains(" NODELETE"), "{flags}");
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
    // The compiler adds it, in the form that goes with the program.
    let needed: Vec<_> = needed
        .split_whitespace()
        .filter(|l| *l != "-lgcc_s")
        .collect();
    assert_eq!(
        private,
        Some(&*needed.join(" ")),
        "set system_libraries in CMakeLists.txt"
    );
    let readme = include_str!("../README.md");
    let by_hand = format!("libmemcached2.a {}", needed.join(" "));
    assert!(readme.contains(&by_hand), "not in README.md: {by_hand}");
}
