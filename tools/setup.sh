#!/usr/bin/env bash
# Checks what the build, the tests or the by-hand demo need, and installs what is missing with apt where that is possible.
#   tools/setup.sh build      Swift, a C linker, the SQLite headers, curl
#   tools/setup.sh test       the same, and Python with venv (an independent gRPC and TLS peer in the tests)
#   tools/setup.sh packages NAME ...    these packages of Debian, whatever they are for
#   tools/setup.sh by-hand    the same as build, and jq and GNU parallel (the README's five terminals)
# Without root or sudo it names everything that is missing in one line to paste, and ends with status 1.
set -euo pipefail
what=${1:-build}

fail() { echo "setup: $*" >&2; exit 1; }

# 6.2 is the lowest version whose package manager reads Package.swift.
need_swift=6.2
command -v swift >/dev/null 2>&1 ||
  fail "swift $need_swift or later is needed and was not found on PATH: install it from https://www.swift.org/install/linux and try again"
found_swift=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9][0-9.]*\).*/\1/p' | head -1)
[ -n "$found_swift" ] || fail "swift is on PATH but does not tell its version: run 'swift --version' to see why"
lowest=$(printf '%s\n%s\n' "$need_swift" "$found_swift" | sort -V | head -1)
[ "$lowest" = "$need_swift" ] || fail "swift $need_swift or later is needed, found $found_swift: install a newer one from https://www.swift.org/install/linux"

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
want() { have "$1" || missing+=("$2"); }

want make make
want git git
want curl curl
want awk mawk
# Swift drives the C compiler's linker and needs the C and C++ headers of the system.
{ have cc || have clang || have gcc; } || missing+=(gcc)
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
ls -d /usr/include/c++/* >/dev/null 2>&1 || missing+=(libstdc++-12-dev)
[ -e /usr/include/sqlite3.h ] || missing+=(libsqlite3-dev)

case $what in
  build) ;;
  test)
    want python3 python3
    # venv is a package of its own on Debian; ensurepip is what tells.
    { have python3 && python3 -c 'import ensurepip, venv' 2>/dev/null; } || missing+=(python3-venv)
    want flock util-linux
    want xargs findutils
    ;;
  by-hand)
    want jq jq
    want parallel parallel
    ;;
  packages) missing+=("${@:2}") ;;
  *) fail "unknown set '$what': use build, test, by-hand or packages" ;;
esac

[ ${#missing[@]} -gt 0 ] || exit 0
line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if ! have apt-get; then
  fail "missing: ${missing[*]} (names of Debian packages; this system has no apt-get, install them with its own package manager)"
elif [ "$(id -u)" = 0 ]; then
  echo "setup: installing ${missing[*]}"
  log=$(mktemp)
  sh -c "DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; $line" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; fail "could not install: run this yourself: $line"; }
  rm -f "$log"
elif have sudo && sudo -n true 2>/dev/null; then
  echo "setup: installing ${missing[*]} (sudo)"
  sudo -n sh -c "DEBIAN_FRONTEND=noninteractive; export DEBIAN_FRONTEND; $line" >/dev/null || fail "could not install: run this yourself: sudo sh -c '$line'"
else
  fail "missing: paste this line and try again: sudo sh -c '$line'"
fi
