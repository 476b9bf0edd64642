#!/bin/sh
# Runs every fuzz target for SECONDS each (default 60): fuzz.sh [SECONDS]. It begins with the inputs that
# are committed in fuzz/corpus/; what it finds besides goes to fuzz/target/corpus/.
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}

if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "cargo-fuzz on a nightly toolchain is missing:" >&2
  echo "  rustup toolchain install nightly && cargo install cargo-fuzz --locked" >&2
  exit 1
fi
for target in $(cargo +nightly fuzz list); do
  printf '\n== %s, %s s\n' "$target" "$seconds"
  found=fuzz/target/corpus/$target
  mkdir -p "$found"
  cargo +nightly fuzz run "$target" "$found" "fuzz/corpus/$target" -- -max_total_time="$seconds"
done
