#!/usr/bin/env bash
# Fuzzes the reader of hellos with libFuzzer and the address sanitizer.
#   tools/fuzz.sh [SECONDS [TARGET ...]]     600 seconds for each of: whole segments message
#   KEEP=1 tools/fuzz.sh ...                 afterwards put what the corpora cover into Fuzz/Inputs, for the unit tests
# Works in .build/fuzz (FUZZ_DIR), where the corpora stay for the next time. At the end it says which lines of the reader
# the corpora reach. An input that breaks something is written to Fuzz/Inputs as found-….hex or message-found-….hex, where
# the unit tests replay it; the status is then 1.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-600}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(whole segments message)
dir=${FUZZ_DIR:-.build/fuzz}
tools=$(dirname "$(readlink -f "$(command -v swiftc)")")
# Swift's own crash handler would stand in the way of libFuzzer's.
export SWIFT_BACKTRACE=enable=no
status=0

# compile TARGET OUTPUT FLAG ...: one module with the reader, one compiler call, no package build. -O as in the product.
compile() {
  local target=$1 output=$2
  shift 2
  swiftc -parse-as-library -O -swift-version 6 -enable-upcoming-feature InternalImportsByDefault -module-name Fuzz "$@" -o "$output" \
    Sources/ClientHello/*.swift Fuzz/Targets/Checks.swift "Fuzz/Targets/$target.swift" >"$dir/compiler.log" 2>&1 \
    || { cat "$dir/compiler.log" >&2; exit 1; }
}

# fuzz TARGET: the run itself, its figures, and what it found.
fuzz() {
  local target=$1 found=$dir/found-$1 corpus=$dir/corpus-$1 prefix=found input kept
  compile "$target" "$dir/$target" -sanitize=fuzzer,address
  rm -rf "$found" && mkdir -p "$found"
  python3 Fuzz/inputs.py seeds "$corpus" "$target" || exit 1
  echo "== fuzz $target: $seconds s"
  # 8 KiB reaches everything but the bounds of size, which have unit tests of their own.
  "$dir/$target" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 -dict=Fuzz/hello.dict \
    -print_final_stats=1 -artifact_prefix="$found/" "$corpus" >"$dir/$target.log" 2>&1 || status=1
  grep -E '^#[0-9]+.*(INITED|DONE)|^check failed|^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "$dir/$target.log"
  [ "$target" = message ] && prefix=message-found
  for input in "$found"/*; do
    [ -e "$input" ] || continue
    kept=Fuzz/Inputs/$prefix-$(basename "$input" | cut -c1-24).hex
    python3 Fuzz/inputs.py hex "$input" >"$kept"
    echo "fuzz: $target: $kept breaks the reader; see $dir/$target.log" >&2
    status=1
  done
}

# keep NAME TARGET CORPUS ...: the smallest part of the corpora that reaches as much, in one file. Long inputs stay out:
# they cover little besides, and the file is for people, too.
keep() {
  local name=$1 target=$2
  shift 2
  rm -rf "$dir/merged" && mkdir -p "$dir/merged"
  "$dir/$target" -merge=1 "$dir/merged" "$@" >"$dir/merge.log" 2>&1 || { tail -5 "$dir/merge.log" >&2; exit 1; }
  { echo "# Inputs that together reach what fuzzing has reached; made by tools/fuzz.sh with KEEP=1."
    find "$dir/merged" -type f -size -512c -print0 | sort -z | xargs -0 python3 Fuzz/inputs.py hex; } >"Fuzz/Inputs/$name.hex"
  echo "fuzz: kept $(($(wc -l <"Fuzz/Inputs/$name.hex") - 1)) inputs in Fuzz/Inputs/$name.hex"
}

# Which lines of the reader the corpora reach.
coverage() {
  local target objects=()
  rm -f "$dir"/*.profraw
  for target in "${targets[@]}"; do
    compile "$target" "$dir/$target-coverage" -sanitize=fuzzer -profile-generate -profile-coverage-mapping
    LLVM_PROFILE_FILE=$dir/$target.profraw "$dir/$target-coverage" -runs=0 "$dir/corpus-$target" >"$dir/coverage.log" 2>&1
    objects+=(-object "$dir/$target-coverage")
  done
  "$tools/llvm-profdata" merge -sparse "$dir"/*.profraw -o "$dir/coverage.profdata" || return
  echo "== lines of Sources/ClientHello the corpora reach"
  "$tools/llvm-cov" report "${objects[@]:1}" -instr-profile="$dir/coverage.profdata" Sources/ClientHello \
    | awk '/swift|TOTAL/ { printf "%-32s %s of %s lines, %s\n", $1, $8 - $9, $8, $10 }'
}

mkdir -p "$dir"
for target in "${targets[@]}"; do
  [ -e "Fuzz/Targets/$target.swift" ] || { echo "fuzz: no target $target in Fuzz/Targets" >&2; exit 2; }
done
for target in "${targets[@]}"; do fuzz "$target"; done
if [ "${KEEP:-}" = 1 ]; then
  keep corpus segments "$dir"/corpus-{whole,segments}
  keep message-corpus message "$dir/corpus-message"
fi
coverage
exit $status
