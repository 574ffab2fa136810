#!/usr/bin/env bash
# Runs built tests, a few at a time, and says at the very end which ones failed and why.
#   tools/tests.sh WIDTH [FLAG of swift test ...]
# WIDTH is how many tests run at once. Without a bound all of them start together, and on a small machine each then waits for the
# others with its clocks running.
set -uo pipefail
width=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
swift test --skip-build --disable-xctest --experimental-maximum-parallelization-width "$width" "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
if [ "$status" != 0 ]; then
  echo "== what failed:"
  grep -E 'recorded an issue|^(error|fatal error)|Fatal error|exited with unexpected signal' "$log" | cut -c1-600 | tail -n 30
fi
exit "$status"
