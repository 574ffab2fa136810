#!/usr/bin/env bash
# The chaos suite: the five programs from bin/ under steady traffic and faults (docs/chaos.md).
#   tools/chaos.sh [short|full|PART ...] [--times N] [--rate N]
# Compiles the load and puts the suite into namespaces of its own, which end with it: processes, network, mounts. Where the system
# does not allow that, the parts that need them are skipped and named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

missing=()
for need in python3:python3 openssl:openssl ip:iproute2 nft:nftables; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
[ ${#missing[@]} = 0 ] || tools/setup.sh packages "${missing[@]}" || echo "chaos: going on without ${missing[*]}" >&2
command -v python3 >/dev/null || { echo "chaos: python3 is missing" >&2; exit 1; }

mkdir -p .build/chaos
cc -O2 -Wall -Wextra -o .build/chaos/load tools/chaos/load/*.c
cc -O2 -Wall -Wextra -shared -fPIC -o .build/chaos/clock.so tools/chaos/clock.c

unshared=(unshare --net --mount --pid --fork --kill-child --mount-proc)
[ "$(id -u)" = 0 ] || unshared+=(--map-root-user)
if "${unshared[@]}" true 2>/dev/null; then exec "${unshared[@]}" python3 tools/chaos --isolated "$@"; fi
exec python3 tools/chaos "$@"
