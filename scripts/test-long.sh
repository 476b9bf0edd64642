#!/bin/sh
# What takes too long for `make test`: the package as cargo-c installs it, the tests with many threads
# for longer, a million schedules of the simulation and the mistakes that it has to find, and every fuzz
# target. cargo-c and cargo-fuzz are built in target/tools where they are
# missing, which takes crates.io and a quarter of an hour; the fuzz targets take a nightly toolchain.
# SOAK: how many times as long as in `make test`; FUZZ_SECONDS: how long for each target.
set -eu
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
soak=${SOAK:-10}
tools=$PWD/target/tools
export PATH="$tools/bin:$PATH"

stage() {
  printf '\n== %s\n' "$1"
  shift
  "$@"
}

# tool SUBCOMMAND CRATE [VERSION]
tool() {
  cargo "$1" --version >/dev/null 2>&1 ||
    cargo install "$2" ${3:+--version "$3"} --locked --root "$tools" --target-dir "$tools/build"
}

stage "cargo-c is there" tool cinstall cargo-c "${CARGO_C_VERSION:-0.10.24+cargo-0.98.0}"
stage "what cargo-c installs" cargo test --locked --test cargo_c
stage "many threads, in Rust" \
  env MEMCACHED2_SOAK="$soak" cargo test --locked --test many_threads
stage "many threads, in C" \
  env THREADS_COMMANDS=$((2000 * soak)) cargo test --locked --test c_programs tests_pass_over
stage "a million schedules of the simulation" make simulate
stage "mistakes that are planted are found by the simulation" \
  cargo test --locked --test simulation_planted -- --nocapture
stage "cargo-fuzz is there" tool fuzz cargo-fuzz
stage "fuzz targets" scripts/fuzz.sh "${FUZZ_SECONDS:-60}"
printf '\n== all passed\n'
