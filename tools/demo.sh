#!/usr/bin/env bash
# The demo: starts the five programs of the README from bin/, waits for their ready lines, shows who listens where, sends one TLS
# request through both proxies, prints the answer and stops everything. KEEP=1 keeps it all running until Ctrl-C.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=run/demo
url=https://test.internal-server.local:4433/jsonrpc
names=() pids=()
mkdir -p "$logs"

say() { echo "demo: $*"; }

# Ends what was started here, by process id, in reverse order; says so when a program did not end cleanly.
stop_all() {
  local i status clean=0
  trap - INT TERM EXIT
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do kill -TERM "${pids[i]}" 2>/dev/null; done
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    ( sleep 8; kill -KILL "${pids[i]}" 2>/dev/null ) & local guard=$!
    wait "${pids[i]}" 2>/dev/null; status=$?
    kill "$guard" 2>/dev/null; wait "$guard" 2>/dev/null
    [ $status = 0 ] || { say "${names[i]} ended with status $status: see $logs/${names[i]}.log" >&2; clean=1; }
  done
  return $clean
}
trap 'stop_all; status=$?; say "all five stopped"; exit $status' INT TERM
trap 'stop_all' EXIT

start() { # name variable settings command...
  local name=$1 variable=$2 settings=$3
  shift 3
  env "$variable=$settings" "$@" >"$logs/$name.log" 2>&1 &
  pids+=($!); names+=("$name")
}

# Waits up to 20 s for the ready line of a program that was started here.
wait_ready() {
  local i=$1 deadline=$((SECONDS + 20))
  until grep -q ' ready' "$logs/${names[i]}.log" 2>/dev/null; do
    if ! kill -0 "${pids[i]}" 2>/dev/null; then
      say "${names[i]} ended before it was ready:" >&2; tail -5 "$logs/${names[i]}.log" >&2; return 1
    fi
    if [ $SECONDS -ge $deadline ]; then
      say "${names[i]} was not ready after 20 s; the end of its log:" >&2; tail -5 "$logs/${names[i]}.log" >&2; return 1
    fi
    sleep 0.05
  done
}

# The listening sockets of a process, from /proc alone: "tcp PORT" and "unix PATH", one a line.
listening() {
  local inodes
  inodes=$(find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n' | paste -sd' ')
  awk -v inodes="$inodes" '
    function hex(text,   i, value) { value = 0; for (i = 1; i <= length(text); i++) value = value * 16 + index("123456789ABCDEF", substr(text, i, 1)); return value }
    BEGIN { split(inodes, list, " "); for (i in list) mine[list[i]] = 1 }
    FILENAME ~ /unix$/ { if (($7 in mine) && $4 == "00010000") print "unix " $8; next }
    ($10 in mine) && $4 == "0A" { n = split($2, at, ":"); print "tcp " hex(at[n]) }
  ' /proc/net/tcp /proc/net/tcp6 /proc/net/unix 2>/dev/null | sort -u
}

roles=settings/dev/roles
say "starting five processes (their logs: $logs/)"
start internal-server IS_BIND_ADDRESS localhost:8888 bin/internal-server
start public-proxy PROXY_SETTINGS $roles/public-proxy-1 bin/proxy run public
start private-proxy PROXY_SETTINGS $roles/private-proxy-1 bin/proxy run private
start public-node HYPER_SETTINGS $roles/public-proxy-hyper-1 bin/hyper server run
start private-node HYPER_SETTINGS $roles/private-proxy-hyper-1 bin/hyper server run
for i in "${!pids[@]}"; do wait_ready "$i" || exit 1; done

say "listening sockets:"
for i in "${!pids[@]}"; do
  sockets=$(listening "${pids[i]}")
  printf '  %-16s %s\n' "${names[i]}" "$(echo "$sockets" | paste -sd',' | sed 's/,/, /g')"
  case ${names[i]} in
    private-*) if grep -q '^tcp' <<<"$sockets"; then say "${names[i]} listens on TCP: that must never be" >&2; exit 1; fi ;;
  esac
done
say "the private proxy and its node listen on no TCP port"

say "curl --cacert settings/dev/certs/root.crt --resolve test.internal-server.local:4433:127.0.0.1 $url"
answer=$(curl -fsS --max-time 20 --cacert settings/dev/certs/root.crt --resolve test.internal-server.local:4433:127.0.0.1 "$url") || { say "the request failed" >&2; exit 1; }
echo "$answer"
[ "$answer" = '{"message":"success"}' ] || { say "the answer is not the expected one" >&2; exit 1; }

if [ -n "${KEEP:-}" ] && [ "$KEEP" != 0 ]; then
  say "running; Ctrl-C stops all five"
  wait -n "${pids[@]}"
  say "a process ended by itself: stopping the others" >&2
  exit 1
fi
trap - EXIT
stop_all || exit 1
say "all five stopped; done"
