#!/bin/sh
# Every check, one stage after the other; stops at the first that fails.
set -eu
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" RUST_BACKTRACE="${RUST_BACKTRACE:-0}"

began=$(date +%s)
summary=
stage() {
  name=$1
  shift
  printf '\n== %s\n' "$name"
  stage_began=$(date +%s)
  if "$@"; then
    summary="$summary$(printf '  ok  %4d s  %s' $(($(date +%s) - stage_began)) "$name")
"
  else
    printf '\n== FAILED: %s (after %d s): %s\n' "$name" $(($(date +%s) - stage_began)) "$*" >&2
    exit 1
  fi
}

stage "format" cargo fmt --all --check
stage "lints, the library: every unsafe block says why it is sound" \
  cargo clippy --locked --features tls --lib -- -D warnings -D clippy::undocumented_unsafe_blocks
stage "lints, everything" cargo clippy --locked --features tls --all-targets -- -D warnings
stage "lints, without TLS" cargo clippy --locked --lib --test config --test c_programs -- -D warnings
stage "tests are built" cargo test --locked --features tls --no-run
stage "tests" cargo test --locked --features tls --no-fail-fast
stage "tests of a build without TLS" cargo test --locked --test config --test exports

printf '\n== all passed\n%s  %8d s  in total\n' "$summary" $(($(date +%s) - began))
