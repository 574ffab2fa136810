#!/usr/bin/env bash
# Lets real clients ask the internal server for a page through both proxies, five processes of their own from bin/.
#   tools/clients.sh [light|all|CLIENT ...]     default: all; the clients are listed in tools/clients/table.py
#   tools/clients.sh record [WORD ...]          records their hellos into Tests/ClientHelloTests/Recorded instead
# Installs what is missing: packages of Debian, and packages of PyPI into .build/clients.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
words=("${@:-all}")
record=0
if [ "${words[0]}" = record ]; then
  record=1
  words=(all)
  shift
fi

command -v python3 >/dev/null 2>&1 || tools/setup.sh packages python3
needs=$(python3 tools/clients/table.py "${words[@]}")
mapfile -t packages < <(sed -n 's/^package //p' <<<"$needs")
mapfile -t wheels < <(sed -n 's/^wheel //p' <<<"$needs")
if [ ${#wheels[@]} -gt 0 ] && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then packages+=(python3-venv); fi
[ ${#packages[@]} = 0 ] || tools/setup.sh packages "${packages[@]}"
for wheel in "${wheels[@]}"; do
  read -r folder pins <<<"$wheel"
  rm -rf "$folder"
  python3 -m venv "$folder"
  # Several pinned packages may stand in one line.
  # shellcheck disable=SC2086
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: $pins ||
    { rm -rf "$folder"; echo "clients: pip cannot install $pins" >&2; exit 1; }
done

if [ $record = 1 ]; then exec python3 tools/clients/record.py "$@"; fi
exec python3 tools/clients/run.py "${words[@]}"
