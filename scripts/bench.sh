#!/bin/sh
# Measures the installed library with the mcbench harness: bench.sh WHAT [ARGUMENT…], where WHAT is
# ir (instructions), sys (system calls) or time, as run.py of the harness takes them. MCBENCH is the
# directory of the harness, see benches/README.md.
set -eu
cd "$(dirname "$0")/.."

if [ ! -f "${MCBENCH:-}/mcbench.h" ]; then
  echo "say where the mcbench harness is: make bench MCBENCH=/its/directory (see benches/README.md)" >&2
  exit 1
fi
if [ $# -eq 0 ]; then
  set -- ir
fi
what=$1
shift

build=$PWD/build/bench
make install BUILD=build PREFIX="$build/prefix" DESTDIR=
lib=$(dirname "$(find "$build/prefix" -name libmemcached2.a)")
make -C "$MCBENCH" B="$build" DRIVER="$PWD/benches/drv_memcached2.c" \
  INC="-I$build/prefix/include" LIBS="-L$lib -lmemcached2 -Wl,-rpath,$lib" bench_memcached2
exec python3 "$MCBENCH/run.py" -b "$build" "$what" memcached2 "$@"
