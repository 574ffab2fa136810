#!/usr/bin/env bash
# Fills the tables of docs/hello.md: gives the bytes of each row, as the unit tests have them, to our public proxy (bin/), to HAProxy and
# to nginx, and asks curl, openssl, gnutls-cli and Chromium what they say to each alert. Installs from Debian what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dir=.build/hello-table
mkdir -p "$dir"

missing=()
have() { command -v "$1" >/dev/null 2>&1; }
have haproxy || missing+=(haproxy)
have nginx || missing+=(nginx)
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing+=(libnginx-mod-stream)
have gnutls-cli || missing+=(gnutls-bin)
have chromium || missing+=(chromium)
have certutil || missing+=(libnss3-tools)
[ ${#missing[@]} = 0 ] || tools/setup.sh packages "${missing[@]}"

# The rows, from the tests' own sources: two compiler calls, no package build.
reader=(-O -parse-as-library -swift-version 6 -enable-upcoming-feature InternalImportsByDefault)
swiftc "${reader[@]}" -wmo -module-name ClientHello -emit-module -emit-module-path "$dir/ClientHello.swiftmodule" \
  -c -o "$dir/ClientHello.o" Sources/ClientHello/*.swift
swiftc "${reader[@]}" -module-name Rows -I "$dir" -o "$dir/rows" "$dir/ClientHello.o" \
  Tests/ClientHelloTests/{HelloBuilder,PolicyCases,Reading}.swift tools/hello-table/Rows.swift
"$dir/rows" >"$dir/rows.jsonl"
exec python3 tools/hello-table/table.py "$dir/rows.jsonl"
