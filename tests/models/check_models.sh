#!/usr/bin/env bash
# Verifies a Spin model of docs/models, and that it finds the mistakes that can be planted in it.
# Usage: check_models.sh outbox|handshake. SPIN and CC name the tools. Prints one line a run; fails if one is not as it
# should be.
set -euo pipefail
model=$1
source=$(cd "$(dirname "$0")/../../docs/models" && pwd)/$model.pml
spin=${SPIN:-spin}
cc=${CC:-cc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
ulimit -v 3000000 # KiB: a mistake in a model must not take the machine's memory
failures=0

# run KIND DEFINES OPTIMIZATION: the verifier's output goes to the file `out`. KIND is safety, or
# cycles: runs that never end.
run() {
  local kind=$1 defines=$2 build=-DSAFETY flags=
  if [ "$kind" = cycles ]; then
    build=-DNP
    flags=-l
  fi
  rm -f pan* ./*.trail
  # shellcheck disable=SC2086
  timeout 60 "$spin" -a $defines "$source" >out 2>&1 &&
    "$cc" $3 -w $build -DMEMLIM=1800 -o pan pan.c >>out 2>&1 &&
    timeout 600 ./pan -m20000 $flags >>out 2>&1 || true
}

report() {
  local verdict=$1 kind=$2 defines=$3 states memory
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' out | tail -1)
  memory=$(sed -n 's/^ *\([0-9.]*\)\ttotal actual memory usage.*/\1/p' out | tail -1)
  printf '%-9s %-6s %12s states %8s MB  %s\n' "$verdict" "$kind" "${states:-?}" "${memory:-?}" "$defines"
  if [ "$verdict" = WRONG ]; then
    failures=$((failures + 1))
    tail -40 out
  fi
}

# The model is right: the search was complete, and found nothing.
holds() {
  run "$1" "$2" -O2
  local verdict=holds
  grep -q 'errors: 0' out && ! grep -Eq 'Search not completed|too small|out of memory|truncated' out || verdict=WRONG
  report "$verdict" "$1" "$2"
}

# The mistake is found, by this property.
finds() {
  run "$1" "$2" -O0 # Found soon: to compile takes longer than to search.
  local verdict=found
  grep -F 'pan:1:' out | grep -Fq -- "$3" || verdict=WRONG
  report "$verdict" "$1" "$2"
}

case $model in
  outbox)
    small="-DLOSSES=1"
    holds safety "$small"
    holds safety "-DLOSSES=2 -DRELAY_CRASHES=0 -DREFUSALS=0"
    holds safety "-DROWS=3 -DLOSSES=1 -DRETRIES=0 -DREFUSALS=0 -DCANCELS=0"
    holds safety "-DWRITERS=2 -DROWS=1 -DLOSSES=1 -DREFUSALS=0 -DCANCELS=0"
    holds cycles "$small -DREFUSALS=0"
    finds safety "$small -DBUG_ACK_BEFORE_COMMIT" 'cursor[1]>=a'
    finds safety "$small -DBUG_ANSWER_BEFORE_STORE" 'stored&(1<<a)'
    finds safety "$small -DBUG_SEND_BEFORE_COMMIT" 'assertion violated'
    finds safety "$small -DBUG_NO_ORDER" 'assertion violated'
    finds safety "$small -DBUG_NO_CURSOR" 'store[d]'
    finds safety "$small -DBUG_TRIM_AT_HIGHEST" 'log_row[first]'
    # Nobody gets what was given up: that needs both.
    finds safety "$small -DBUG_RESEND_BEFORE_DRAIN" 'stored&(1<<a)'
    finds safety "$small -DBUG_NO_SESSION_CHECK" 'stored&(1<<a)'
    # Against repeats, the count n and these two are two defences: either is enough, and without both a row comes twice.
    never="$small -DREFUSALS=0 -DCANCELS=0"
    holds safety "$never -DBUG_RESEND_BEFORE_DRAIN"
    holds safety "$never -DBUG_NO_SESSION_CHECK"
    holds safety "$never -DBUG_NO_DEDUP"
    finds safety "$never -DBUG_NO_DEDUP -DBUG_RESEND_BEFORE_DRAIN" 'stored&(1<<a)'
    finds safety "$never -DBUG_NO_DEDUP -DBUG_NO_SESSION_CHECK" 'stored&(1<<a)'
    ;;
  handshake)
    epochs="-DUPDATES=2 -DOWN_UPDATES=2 -DGARBAGE=0"
    holds safety ""
    holds safety "-DWRITERS=2"
    holds safety "-DWRITERS=4"
    holds safety "-DLOSSES=2 -DWRITERS=0 -DGARBAGE=2"
    holds safety "$epochs"
    holds cycles "-DUPDATES=1"
    finds safety "-DBUG_NO_CAS" 'slot_taken'
    finds safety "-DBUG_MIN_HANDSHAKE_NOT_RAISED" 'removal'
    finds safety "-DBUG_AFTER_HANDSHAKE_AT_SEND" 'removal'
    finds safety "$epochs -DBUG_MIN_HANDSHAKE_STAYS" 'number'
    finds safety "-DBUG_SEND_BEFORE_STAGED" 'staged[m]'
    finds safety "-DBUG_STALE_COMMIT_KEPT" 'staged_base'
    finds safety "-DBUG_MERGE_ON_ANSWER" 'epoch[m]==epoch_after'
    finds safety "-DBUG_VALIDITY_NOT_PURE" 'epoch[m]==epoch_after'
    finds cycles "-DUPDATES=1 -DBUG_INVALID_NOT_SKIPPED" 'non-progress cycle'
    finds cycles "-DUPDATES=1 -DBUG_CIPHERTEXT_KEPT" 'non-progress cycle'
    ;;
  *)
    echo "no such model: $model" >&2
    exit 2
    ;;
esac

echo "$model: $failures not as they should be"
[ "$failures" = 0 ]
