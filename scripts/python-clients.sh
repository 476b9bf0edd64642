#!/bin/sh
# Installs the clients of Python that `--test interoperation` exchanges keys with, in the versions of
# tests/interoperation/requirements.txt, into target/python-clients. pylibmc is compiled where it is not
# distributed for this Python and machine; what that takes is installed as in install-deps.sh.
set -eu
cd "$(dirname "$0")/.."
wanted=tests/interoperation/requirements.txt
place=${CARGO_TARGET_DIR:-target}/python-clients

# The list is put there when everything on it is.
cmp -s "$wanted" "$place/requirements.txt" &&
  "$place/bin/python" -c "import bmemcached, memcache, pylibmc, pymemcache" 2>/dev/null && exit 0

install() {
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing: $*"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
  else
    echo "missing: $*" >&2
    echo "on Debian, as root: apt-get install $*" >&2
    exit 1
  fi
}
fetch() {
  "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$@" -r "$wanted"
}

python3 -c "import ensurepip, venv" 2>/dev/null || install python3-venv
rm -rf "$place"
python3 -m venv "$place"
if ! fetch --only-binary :all: 2>/dev/null; then
  echo "pylibmc is compiled: it is not distributed for this Python"
  headers='import os, sysconfig; print(os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
  if [ "$(python3 -c "$headers")" = False ] || [ ! -e /usr/include/libmemcached/memcached.h ]; then
    install python3-dev libmemcached-dev zlib1g-dev gcc
  fi
  fetch || {
    echo "the clients in $wanted cannot be installed: is there a network?" >&2
    exit 1
  }
fi
cp "$wanted" "$place/"
