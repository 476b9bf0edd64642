#!/bin/sh
# Installs what `make test` needs and this machine lacks (Debian and its kin, as root); elsewhere
# says what is missing and fails. The Rust toolchain is not installed, only asked for.
set -eu

if ! command -v cargo >/dev/null; then
  echo "cargo is missing: install the Rust toolchain first, see https://rustup.rs" >&2
  exit 1
fi
for component in fmt clippy; do
  if ! cargo $component --version >/dev/null 2>&1; then
    echo "cargo $component is missing: rustup component add rustfmt clippy" >&2
    exit 1
  fi
done

# Where a user that is not root has no path to.
PATH=$PATH:/usr/sbin
# command:package
needed="abidiff:abigail-tools cc:gcc c++:g++ clang:clang cmake:cmake go:golang-go make:make memcached:memcached
        nm:binutils nutcracker:nutcracker pkg-config:pkg-config python3:python3 ruby:ruby saslpasswd2:sasl2-bin
        strace:strace valgrind:valgrind"
packages=
for pair in $needed; do
  command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair#*:}"
done
# The mechanism PLAIN of memcached's SASL is no command.
ls /usr/lib/*/sasl2/libplain.so* >/dev/null 2>&1 || packages="$packages libsasl2-modules"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing:$packages"
  apt-get update -q
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages
else
  echo "missing:$packages" >&2
  echo "on Debian, as root: apt-get install$packages" >&2
  exit 1
fi
