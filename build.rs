//! Writes the C header from the sources of the boundary, and names the shared library on request.

#[allow(dead_code)] // only the table of the file is wanted here
#[path = "src/status.rs"]
mod status;

use std::{env::var, fs, path::Path};

const HEADER: &str = "include/memcached2.h";
const SURFACE: &str = "src/ffi/surface.txt";

fn main() {
    println!("cargo::rerun-if-env-changed=MEMCACHED2_UPDATE_HEADER");
    println!("cargo::rerun-if-env-changed=MEMCACHED2_SONAME");
    for file in ["cbindgen.toml", HEADER, SURFACE] {
        println!("cargo::rerun-if-changed={file}");
    }

    let mut config = cbindgen::Config::from_file("cbindgen.toml").expect("cbindgen.toml");
    let text = config.after_includes.get_or_insert_default();
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let number = var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets it");
        *text = text.replace(&format!("@{part}@"), &number);
    }
    for row in status::TABLE {
        let number = format!("{:#08x}", row.status.0);
        *text += &format!("/** {} */\n#define MC_{} {number}\n", row.message, row.name);
    }
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in fs::read_to_string(SURFACE).expect(SURFACE).lines() {
        println!("cargo::rerun-if-changed={file}");
        builder = builder.with_src(file);
    }
    let bindings = builder.generate().expect("cbindgen");
    let out = var("OUT_DIR").expect("cargo sets it");
    bindings.write_to_file(Path::new(&out).join("memcached2.h"));
    bindings.generate_symfile(Path::new(&out).join("memcached2.sym"));
    if var("MEMCACHED2_UPDATE_HEADER").is_ok_and(|v| v == "1") {
        bindings.write_to_file(HEADER); // leaves an equal file alone
    }
    if var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // dlclose must not unmap what threads and thread-locals of ours still use.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // For installed libraries only: what is linked to a soname does not start from target/.
        if let Ok(soname) = var("MEMCACHED2_SONAME") {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{soname}");
        }
    }
}
