#!/usr/bin/env bash
# Runs the tests of the data plane and of the pure targets under the thread sanitizer and the address sanitizer.
#   tools/sanitize.sh [thread] [address]     both
# These targets need no packages, so they are built as a package of their own in .build/sanitize (SANITIZE_DIR), with one
# build per sanitizer. Tests run one after the other: both sanitizers make everything many times slower, and the engines
# under test have threads enough. Status 1 when a test fails or anything is reported.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
kinds=("$@")
[ ${#kinds[@]} -gt 0 ] || kinds=(thread address)
dir=${SANITIZE_DIR:-.build/sanitize}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
ln -sfn "$PWD/Sources" "$dir/Sources"
ln -sfn "$PWD/Tests" "$dir/Tests"
# Tests hold the reader of hellos against its table and against what was fuzzed.
ln -sfn "$PWD/docs" "$dir/docs"
ln -sfn "$PWD/Fuzz" "$dir/Fuzz"
# The settings of the targets are those of the real package, up to where it names its dependencies.
{
  sed -n '/^\/\/ swift-tools-version/p' Package.swift
  echo 'import PackageDescription'
  sed -n '/^let strict/,/^let logging/p' Package.swift | sed '$d'
  echo 'let package = Package(name: "sanitize", targets: ['
  grep -E '^ +(library|tests)\("(ClientHello|HyperModel|Announcements|Limits|Relay)(Tests)?"|^ +\.target\(name: "(CLinux|Harness)"' Package.swift
  echo '])'
} >"$dir/Package.swift"
# No leak detection: the runner's own memory is what it finds. Little quarantine: some tests look at the memory of the process.
export ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1 TSAN_OPTIONS=second_deadlock_stack=1
# The largest transfer, in MiB: what counts here is the paths, not the volume.
export RELAY_BULK_MIB=${RELAY_BULK_MIB:-64}
status=0
for kind in "${kinds[@]}"; do
  log=$dir/$kind.log
  echo "== $kind sanitizer"
  extra=()
  if [ "$kind" = thread ]; then
    # The compiler of the toolchain: another one does not know how Swift calls functions.
    "$(dirname "$(command -v swiftc)")/clang" -O1 -fPIC -Wall -Wextra -Werror -c tools/mutex-for-tsan.c -o "$dir/mutex.o" || exit 1
    extra=(-Xlinker "$dir/mutex.o")
  fi
  swift build --build-tests --package-path "$dir" --scratch-path "$dir/$kind" --sanitize="$kind" "${extra[@]}" >"$log" 2>&1 \
    || { tail -40 "$log" >&2; exit 1; }
  swift test --skip-build --disable-xctest --no-parallel --package-path "$dir" --scratch-path "$dir/$kind" --sanitize="$kind" "${extra[@]}" \
    >"$log" 2>&1 \
    || status=1
  grep -E '^✘|Test run with|(WARNING|ERROR|SUMMARY): (Thread|Address)Sanitizer' "$log" | cut -c1-300
  # Those of processes that tests started count as well.
  ! grep -qE '(WARNING|ERROR): (Thread|Address)Sanitizer' "$log" || status=1
done
[ $status = 0 ] || echo "sanitize: see the logs in $dir" >&2
exit $status
