#!/bin/sh
# Builds the library and one of examples-c/, and runs it: quickstart.sh [EXAMPLE [ARGUMENT…]]. Takes
# cargo and a C compiler, nothing else; what is built is for trying out, `make install` is for use.
set -eu
cd "$(dirname "$0")/.."
example=${1:-quickstart}
[ $# -eq 0 ] || shift
compiler=${CC:-cc}
target=${CARGO_TARGET_DIR:-target}

if [ ! -f "examples-c/$example.c" ]; then
  echo "there is no examples-c/$example.c, only:" examples-c/*.c >&2
  exit 1
fi
if ! command -v cargo >/dev/null; then
  echo "cargo is missing: install the Rust toolchain first, see https://rustup.rs" >&2
  exit 1
fi
if ! command -v "$compiler" >/dev/null; then
  echo "a C compiler is missing: $compiler; another one is given as CC=…" >&2
  exit 1
fi

cargo build --release --locked --lib --target-dir "$target"
library=$(cd "$target/release" && pwd)
mkdir -p "$target/quickstart"
"$compiler" -std=c11 -pthread -Iinclude -o "$target/quickstart/$example" "examples-c/$example.c" \
  -L"$library" -lmemcached2 -Wl,-rpath,"$library"
exec "$target/quickstart/$example" "$@"
