#!/usr/bin/env bash
# Runs one step of make: says what it does, shows its output, and says what it took.
#   tools/step.sh 'what it does' COMMAND [ARGUMENT ...]
set -uo pipefail
title=$1
shift
echo "== $title"
start=$(date +%s)
"$@"
status=$?
took=$(($(date +%s) - start))
if [ $status = 0 ]; then echo "== $title: done in $((took / 60)) min $((took % 60)) s"; else echo "== $title: failed with status $status after $((took / 60)) min $((took % 60)) s" >&2; fi
exit $status
