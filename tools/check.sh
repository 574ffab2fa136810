#!/usr/bin/env bash
# Everything CI checks besides the tests. Each check prints what it found; any finding ends with status 1.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bad=0
report() { echo "check: $*" >&2; bad=1; }

files() { git ls-files -co --exclude-standard -- "$@"; }

# 1. Format.
swift format lint --strict -p -r Package.swift Sources Tests Fuzz/Targets tools/hello-table Benchmarks/Sources/pure Benchmarks/Sources/edge Benchmarks/Package.swift || report "format: run 'make fmt' and look at what remains"

# 2. Imports point towards the pure targets only, and heavy dependencies stop where tools/layers.txt says.
while IFS= read -r file; do
  target=$(cut -d/ -f2 <<<"$file")
  allowed=$(sed -n "s/^$target:\(.*\)/\1 /p" tools/layers.txt)
  if ! grep -q "^$target:" tools/layers.txt; then report "imports: target $target is not in tools/layers.txt"; continue; fi
  while IFS= read -r module; do
    case " $allowed Foundation FoundationEssentials Glibc Dispatch " in
      *" $module "*) ;;
      *) report "imports: $file imports $module, which tools/layers.txt does not allow for $target" ;;
    esac
  done < <(sed -nE 's/^(@[A-Za-z_()]+ +)*((public|package|internal|fileprivate|private) +)?import +((struct|class|enum|protocol|func|var|typealias) +)?([A-Za-z0-9_]+).*/\6/p' "$file")
done < <(files 'Sources/*.swift')
# The order of the table itself: a target may only name targets above its own line.
awk -F: '!/^#/ && NF { n = split($2, names, " "); for (i = 1; i <= n; i++) used[$1] = used[$1] " " names[i]; order[$1] = NR; name[NR] = $1 }
  END { for (t in used) { n = split(used[t], names, " "); for (i = 1; i <= n; i++) if (names[i] in order && order[names[i]] >= order[t]) { print "check: imports: " t " may not name " names[i] ", which stands below it in tools/layers.txt"; bad = 1 } } exit bad }' \
  tools/layers.txt >&2 || bad=1

# 3. Generated code is what proto/ and the pinned tools give (by hash, nothing is generated here).
tools/proto.sh --check || report "generated code: run 'make proto' and commit the result"

# 4. The project speaks of itself alone: no paths of somebody's machine, no keys, no build products.
paths=$(files | grep -v -e '^tools/check\.sh$' | xargs -r grep -nIE '(^|[^A-Za-z0-9._/-])/(work|root|opt|mnt)/[A-Za-z.]' 2>/dev/null | head -5)
[ -z "$paths" ] || report "machine paths: $paths"
keys=$(files | grep -E '\.(key|pem|crt|p12)$|^(bin|\.build|run)/|^Package\.resolved$')
[ -z "$keys" ] || report "files that do not belong in git: $keys"

# 5. No way to crash on what somebody sends: banned in Sources.
crashes=$(files 'Sources/*.swift' | grep -v '/Generated/' | xargs -r grep -nE '\btry!|\bas!|\bfatalError\(|\bTODO\b|\bFIXME\b' | head -10)
[ -z "$crashes" ] || report "banned in Sources: $crashes"

# 6. Shell scripts parse.
while IFS= read -r script; do bash -n "$script" || report "shell: $script"; done < <(files 'tools/*.sh' .ci/run)

# Watched, not banned: each has its argument written above it, and a rise needs a sentence in the commit.
unsafe=$(files 'Sources/*.swift' | grep -v '/Generated/' | xargs -r grep -hE '@unchecked Sendable|nonisolated\(unsafe\)' | wc -l)
echo "check: $unsafe unchecked conformances or unsafe globals in Sources"
[ $bad = 0 ] && echo "check: all good"
exit $bad
