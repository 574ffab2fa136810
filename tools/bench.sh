#!/usr/bin/env bash
# What the product costs: the pure targets against limits, the relay against other relays, calls through nodes, and instructions by callgrind.
#   tools/bench.sh [quick|full] [PART ...]
# Parts: pure, relay (or some of it: bulk streams trips first idle), broker, refusals, instructions. Without any: pure, relay and broker.
# The relay is measured as it is built here (Benchmarks/, no packages needed); the static route and the full chain of the real
# programs as well, when bin/ holds them (make build). Peers come from Debian; who is not installed is skipped and named.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mode=full
case ${1:-} in quick | full) mode=$1; shift ;; esac
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(pure relay broker)
build=Benchmarks/.build
status=0

relay=() pure=0 broker=0 refusals=0 instructions=0
for part in "${parts[@]}"; do
  case $part in
    pure) pure=1 ;;
    broker) broker=1 ;;
    instructions) instructions=1 ;;
    refusals) refusals=1 ;;
    relay) relay+=(bulk streams trips first idle) ;;
    bulk | streams | trips | first | idle) relay+=("$part") ;;
    *) echo "bench: no part '$part': use pure, relay, bulk, streams, trips, first, idle, broker, refusals or instructions" >&2; exit 64 ;;
  esac
done

if [ $pure = 1 ]; then swift run -c release --package-path Benchmarks pure || status=1; fi

certificates() {
  if [ -x bin/hyper ]; then bin/hyper certs make --certificates settings/dev/certs --records settings/dev/directory/002_certificates.json >/dev/null; fi
}

if [ $broker = 1 ]; then
  mkdir -p $build
  cc -O2 -Wall -Wextra -o $build/rpc Benchmarks/broker/rpc.c || exit 1
  certificates
  python3 Benchmarks/harness/broker.py "$mode" || status=1
fi
[ ${#relay[@]} -gt 0 ] || [ $instructions = 1 ] || [ $refusals = 1 ] || exit $status

swift build -c release --package-path Benchmarks --product edge || exit 1
cc -O2 -Wall -Wextra -o $build/load Benchmarks/load/*.c -lpthread || exit 1

if [ ${#relay[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    python3 Benchmarks/harness/install.py
  fi
  certificates
  python3 Benchmarks/harness/bench.py "$mode" "${relay[@]}" || status=1
fi

# CPU of a refused connection beside that of a stream of one hop, in the same run.
if [ $refusals = 1 ]; then python3 Benchmarks/harness/refusals.py "$mode" || status=1; fi

# User instructions of the relay for one of what `load WHAT` does, by difference of two runs, so that start and stop cancel out.
#   count WHAT LABEL LIMIT EDGE_ARGUMENT
count() {
  local counted=() less=500 more=2500 name=(-h static.bench.test) result
  [ "${4:-}" != source ] || name=()
  for count in $less $more; do
    rm -f "$work/log"
    valgrind --tool=callgrind --callgrind-out-file="$work/out" "$work/edge" 21040 127.0.0.1:21041 ${4:+"$4"} >"$work/log" 2>&1 & edge=$!
    for _ in $(seq 600); do grep -qs '^ready' "$work/log" && break; sleep 0.1; done
    $build/load "$1" -p 21040 "${name[@]}" -w 0 -c "$count" >/dev/null
    kill -TERM $edge; wait $edge 2>/dev/null
    counted+=("$(awk '/Collected/ { print $NF }' "$work/log")")
  done
  result=$(((counted[1] - counted[0]) / (more - less)))
  echo "instructions per $2: $result (limit $3)$([ $result -le "$3" ] || echo '  EXCEEDED')"
}

instructions() {
  local far edge work
  command -v valgrind >/dev/null || { echo "bench: valgrind is not installed: instructions are not counted" >&2; return; }
  work=$(mktemp -d)
  # valgrind 3.19 does not read the debug information of today's compilers.
  strip -g -o "$work/edge" $build/release/edge
  $build/load far -p 21041 >/dev/null & far=$!
  count trips "64 B round trip" 900
  count first "new stream" 6000
  count refusals "connection refused at accept" 3000 source
  count refusals "connection refused for its unknown name" 3000 unknown
  count refusals "connection refused for the rate of its name" 3000 name
  kill $far
  rm -rf "$work"
}
if [ $instructions = 1 ]; then instructions; fi
exit $status
