//! The library as `make install` puts it down: the release build with link-time optimisation.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::cc::{self, tree};
use super::consumer;
use super::run::run;

/// A clean build of everything on a slow machine.
const LIMIT: Duration = Duration::from_secs(900);

pub struct Installed {
    /// Where it was installed for use.
    pub prefix: PathBuf,
    /// Where it was staged for a package whose prefix is /usr.
    pub staged: PathBuf,
    /// The build tree of CMake, which holds cargo's as `cargo`.
    pub build: PathBuf,
}

impl Installed {
    /// Compile one C program, every warning an error, and link it with the installed shared library.
    pub fn program(&self, source: &Path, to: &Path) {
        let library = self.library();
        let mut compiler = cc::command("cc");
        compiler
            .args(["-std=c11", "-g", "-O1", "-pthread"])
            .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"])
            .arg("-I")
            .arg(self.prefix.join("include"))
            .arg(source)
            .arg("-o")
            .arg(to)
            .arg("-L")
            .arg(&library)
            .arg("-lmemcached2")
            .arg(format!("-Wl,-rpath,{}", library.display()));
        run(&mut compiler, cc::LIMIT).succeeded();
    }

    /// The directory of the libraries.
    pub fn library(&self) -> PathBuf {
        consumer::library_directory(&self.prefix)
    }
}

/// Built and installed once, at the first call; later runs of the tests reuse the build.
pub fn installed() -> &'static Installed {
    static INSTALLED: OnceLock<Installed> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let top = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let installed = Installed {
            prefix: top.join("prefix"),
            staged: top.join("staged"),
            build: top.join("build"),
        };
        for old in [&installed.prefix, &installed.staged] {
            if old.exists() {
                std::fs::remove_dir_all(old).expect("an old installation removed");
            }
        }
        forget_build_of_other_tree(&installed.build);
        let set = |name: &str, path: &Path| format!("{name}={}", path.display());
        let build = set("BUILD", &installed.build);
        for place in [
            [
                set("PREFIX", Path::new("/usr")),
                set("DESTDIR", &installed.staged),
            ],
            [set("PREFIX", &installed.prefix), "DESTDIR=".to_string()],
        ] {
            let mut make = cc::command("make");
            make.arg("install")
                .arg(&build)
                .args(place)
                .current_dir(tree());
            run(&mut make, LIMIT).succeeded();
        }
        installed
    })
}

/// CMake refuses a build tree that was made for sources in another place.
fn forget_build_of_other_tree(build: &Path) {
    let Ok(cache) = std::fs::read_to_string(build.join("CMakeCache.txt")) else {
        return;
    };
    let ours = format!("CMAKE_HOME_DIRECTORY:INTERNAL={}", tree().display());
    if !cache.lines().any(|line| line == ours) {
        std::fs::remove_dir_all(build).expect("an old build removed");
    }
}
