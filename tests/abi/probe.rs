//! Types, as libabigail compares them. It reads debug information, and that of the real library is
//! Rust's; so a probe is compiled from the header: a shared object that defines every function, a
//! variable of every type, and one of the type of every field.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use super::header::{Header, update};
use crate::support::cc::{self, LIMIT, tree};
use crate::support::header::{Kind, fields_of, items_of};
use crate::support::run::{Ran, run};

/// Structures may grow at their end: a caller's says its size, and the library's are reached by
/// pointer. A field that changes its type meanwhile shows in the variable of its type.
const GROWTH: &str = "[suppress_type]\n  type_kind = struct\n  \
                      has_data_member_inserted_at = end\n  has_size_change = yes\n";

pub fn baseline() -> PathBuf {
    tree().join("tests/abi/memcached2.abi.xml")
}

/// The probe of one header: `probe.so` in a directory of its own.
pub struct Probe(TempDir);

impl Probe {
    pub fn of(header: &Header) -> Probe {
        let probe = Probe(tempfile::tempdir().expect("a temporary directory"));
        std::fs::write(probe.path("probe.c"), source(header)).expect("written");
        std::fs::write(probe.path("growth"), GROWTH).expect("written");
        let mut compiler = header.compiler(probe.0.path());
        compiler.args(["-w", "-g", "-O0", "-fPIC", "-shared", "-nostdlib"]);
        run(compiler.args(["-o", "probe.so", "probe.c"]), LIMIT).succeeded();
        probe
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `abidiff` of the baseline and this, with more `options`.
    fn compared(&self, options: &[&str]) -> Ran {
        let mut abidiff = libabigail("abidiff");
        abidiff.arg("--no-architecture").args(options);
        abidiff.arg(baseline()).arg(self.path("probe.so"));
        let ran = run(abidiff.current_dir(self.0.path()), LIMIT);
        // Bits 0 and 1: it could not do its work.
        let code = ran.status.code().unwrap_or(1);
        assert_eq!(code & 3, 0, "{}", ran.report());
        // Of a file that it cannot read it only complains, and takes it for one that is the same.
        assert_eq!(ran.stderr, "", "{}", ran.report());
        ran
    }

    /// Whether programs that were compiled with the baseline's header go on; else why not.
    pub fn serves_old_programs(&self) -> Result<(), String> {
        let ran = self.compared(&["--no-added-syms", "--suppressions", "growth"]);
        if ran.status.success() {
            Ok(())
        } else {
            Err(ran.stdout)
        }
    }

    /// Whether there is anything in it that the baseline does not have, or has otherwise.
    fn differs(&self) -> bool {
        !baseline().exists() || !self.compared(&[]).status.success()
    }

    /// Make this the baseline.
    fn commit(&self) {
        let mut abidw = libabigail("abidw");
        abidw.args(["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"]);
        abidw
            .args(["--no-elf-needed", "--out-file"])
            .arg(baseline());
        run(abidw.arg(self.path("probe.so")), LIMIT).succeeded();
    }

    /// Make this the baseline on request, where that only adds to it.
    pub fn update(&self) {
        if update() && self.differs() {
            self.commit();
        }
    }
}

fn libabigail(tool: &str) -> Command {
    let there = cc::command(tool).arg("--version").output().is_ok();
    assert!(
        there,
        "{tool} is missing, a tool of libabigail; on Debian: apt-get install abigail-tools"
    );
    cc::command(tool)
}

fn source(header: &Header) -> String {
    let items = items_of(&header.text);
    let line = |item: &crate::support::header::Item| match item.kind {
        Kind::Function => {
            let declaration = item.text.strip_suffix(';').expect("a declaration");
            format!("{declaration} {{ __builtin_trap(); }}\n")
        }
        Kind::Type => format!("{0} *type_{0};\n", item.name),
        Kind::Constant | Kind::FunctionMacro => String::new(),
    };
    let lines: String = items.iter().map(line).collect();
    let structures = fields_of(&header.text);
    let fields = structures
        .iter()
        .flat_map(|(of, fields)| fields.iter().map(move |f| (of, f)));
    let fields =
        fields.map(|(of, f)| format!("__typeof__(((struct {of} *)0)->{f}) field_{of}_{f};\n"));
    format!(
        "#include <memcached2.h>\n{lines}{}",
        fields.collect::<String>()
    )
}

/// What the baseline does not name although the header has it.
pub fn unknown(header: &Header) -> Vec<String> {
    let text = std::fs::read_to_string(baseline()).unwrap_or_default();
    let named = |name: &str| text.contains(&format!("<elf-symbol name='{name}'"));
    let items = items_of(&header.text).into_iter();
    let symbols = items.filter_map(|item| match item.kind {
        Kind::Function => Some(item.name),
        Kind::Type => Some(format!("type_{}", item.name)),
        Kind::Constant | Kind::FunctionMacro => None,
    });
    symbols.filter(|symbol| !named(symbol)).collect()
}
