#!/usr/bin/env bash
# A shared library of ours is linked with one of protobuf's two and not with the other: needs.sh LIBRARY ONE OTHER.
set -euo pipefail
needed=$(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
grep -q "^$2\.so" <<<"$needed" || { echo "$1 does not need $2:"; echo "$needed"; exit 1; }
if grep -q "^$3\.so" <<<"$needed"; then echo "$1 needs $3, too:"; echo "$needed"; exit 1; fi
echo "$2 alone"
