#!/bin/sh
# Runs the command lines of seeds.txt. Usage: run_seeds.sh SOTTO_SIM SEEDS
failed=0
count=0
while read -r line; do
  arguments=${line%%#*}
  [ -n "$arguments" ] || continue
  count=$((count + 1))
  # shellcheck disable=SC2086 # a line is several arguments
  if ! output=$("$1" $arguments --quiet); then
    echo "$output"
    failed=$((failed + 1))
  fi
done <"$2"
echo "$count seeds, $failed failed"
[ "$count" -gt 0 ] && [ "$failed" -eq 0 ]
