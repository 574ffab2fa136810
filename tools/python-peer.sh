#!/usr/bin/env bash
# Prints the path of a Python interpreter with the pinned gRPC packages, which the tests use as an independent peer.
# Makes the virtual environment under .build when it is not there yet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(grpcio==1.76.0 protobuf==6.33.0)
venv=.build/python-venv
stamp=$venv/packages

fail() {
  echo "python-peer.sh: $1" >&2
  exit 1
}

mkdir -p .build
# Test targets may ask at the same time; one makes it, the others wait.
exec 9>.build/python-venv.lock
command -v flock >/dev/null || fail "flock is missing: apt-get install -y util-linux"
flock -w 300 9 || fail "another process has been making $venv for five minutes"

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "${packages[*]}" ]; then
  command -v python3 >/dev/null || fail "python3 is missing: apt-get install -y python3 python3-venv"
  rm -rf "$venv"
  python3 -m venv "$venv" >&2 || fail "cannot make $venv: apt-get install -y python3-venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "${packages[@]}" >&2 ||
    fail "pip cannot install ${packages[*]}"
  echo "${packages[*]}" >"$stamp"
fi
echo "$PWD/$venv/bin/python"
