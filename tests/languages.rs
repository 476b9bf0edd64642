//! First users in other languages: what is installed serves them by the means that they have at hand,
//! cgo with pkg-config, Fiddle, ctypes. Each program checks its answers itself.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use support::cc::{self, tree};
use support::install::installed;
use support::memcached::Memcached;
use support::run::run;

/// The first build in Go compiles parts of its standard library.
const LIMIT: Duration = Duration::from_secs(300);

fn sources(language: &str) -> PathBuf {
    tree().join("tests/languages").join(language)
}

/// Run a program with each kind of server; it finds the installed library as one that is installed
/// in a place of its own is found.
fn run_with_servers(program: impl Fn() -> Command) {
    let (tcp, unix) = (Memcached::tcp(&[]), Memcached::unix(&[]));
    let uris = [tcp.uri(), unix.uri(), "memory://".into()];
    for uri in uris {
        let mut command = program();
        command.env("LD_LIBRARY_PATH", installed().library());
        run(command.arg(uri), LIMIT).succeeded();
    }
}

/// A script that an interpreter runs.
fn script(interpreter: &str, source: &Path) {
    run_with_servers(|| {
        let mut command = cc::command(interpreter);
        command.arg(source);
        command
    });
}

#[test]
fn go_by_cgo_and_pkg_config() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("go");
    let program = place.join("first");
    let mut go = cc::command("go");
    go.args(["build", "-buildvcs=false", "-o"]).arg(&program);
    go.arg(".").current_dir(sources("go"));
    // Nothing is fetched, and nothing outside the tree is written.
    go.env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    go.env("GOFLAGS", "").env("GOWORK", "off");
    go.env("GOPATH", place.join("path"));
    go.env("GOCACHE", place.join("cache"));
    go.env("CGO_ENABLED", "1");
    go.env("PKG_CONFIG_LIBDIR", installed().library().join("pkgconfig"));
    run(&mut go, LIMIT).succeeded();
    run_with_servers(|| {
        let mut command = cc::command(&program);
        // Look at every pointer that crosses, and at what it leads to.
        command.env("GODEBUG", "cgocheck=2");
        command
    });
}

#[test]
fn ruby_by_fiddle() {
    script("ruby", &sources("ruby").join("first.rb"));
}

#[test]
fn python_by_ctypes() {
    script("python3", &sources("python").join("first.py"));
}
