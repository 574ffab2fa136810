#!/usr/bin/env bash
# Regenerates Sources/HyperGRPC/Generated from proto/hyper.proto.
#
#   tools/proto.sh           build the two plugins from the package versions pinned in Package.swift, generate, note the inputs' hash
#   tools/proto.sh --check   compare the hash only: builds nothing, needs no protoc
#
# The hash covers proto/hyper.proto, the options below and the versions of the packages that generate; the generated files
# themselves are listed with their own hashes, so that an edit by hand is found too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

proto=proto/hyper.proto
out=Sources/HyperGRPC/Generated
note=proto/GENERATED.sha256
swift_options=(Visibility=Internal UseAccessLevelOnImports=true)
grpc_options=(Visibility=Internal UseAccessLevelOnImports=true Client=false Server=false)

fail() {
  echo "proto.sh: $1" >&2
  exit 1
}

pinned() { # NAME URL-PART: the exact version in Package.swift
  local version
  version=$(sed -n "s#.*url: \"[^\"]*/$1\(\.git\)\{0,1\}\", exact: \"\([^\"]*\)\".*#\2#p" Package.swift)
  [ -n "$version" ] || fail "Package.swift pins no exact version of $1"
  echo "$version"
}

inputs() {
  echo "swift-protobuf $(pinned swift-protobuf)"
  echo "grpc-swift-protobuf $(pinned grpc-swift-protobuf)"
  echo "options ${swift_options[*]} / ${grpc_options[*]}"
  cat "$proto"
}

note_lines() {
  echo "$(inputs | sha256sum | cut -d' ' -f1)  inputs: $proto, tool versions, options"
  (cd "$out" && sha256sum hyper.pb.swift hyper.grpc.swift)
}

if [ "${1:-}" = --check ]; then
  [ -f "$note" ] || fail "$note is missing: run make proto"
  if ! diff -u "$note" <(note_lines) >&2; then
    fail "generated code is not what $proto and the pinned tools give: run make proto"
  fi
  exit 0
fi
[ $# -eq 0 ] || fail "unknown argument $1 (there is only --check)"

command -v protoc >/dev/null || fail "protoc is missing: apt-get install -y protobuf-compiler"
for plugin in protoc-gen-swift protoc-gen-grpc-swift-2; do
  swift build --product "$plugin"
done
bin=$(swift build --show-bin-path)
mkdir -p "$out"
protoc --proto_path="$(dirname "$proto")" \
  --plugin="$bin/protoc-gen-swift" --swift_out="$out" "${swift_options[@]/#/--swift_opt=}" \
  --plugin="$bin/protoc-gen-grpc-swift-2" --grpc-swift-2_out="$out" "${grpc_options[@]/#/--grpc-swift-2_opt=}" \
  "$(basename "$proto")"
for file in hyper.pb.swift hyper.grpc.swift; do
  grep -q 'swift-format-ignore-file' "$out/$file" || sed -i '1i // swift-format-ignore-file' "$out/$file"
done
note_lines >"$note"
echo "generated $out from $proto"
