#!/usr/bin/env bash
# Builds the consumer against the installed tree in one way and runs it.
# Usage: consume.sh WAY CMAKE COMPILER FLAGS, with SOTTO_PREFIX, SOTTO_LIBDIR and SOTTO_WORK set.
set -euo pipefail
way=$1 cmake=$2 compiler=$3 flags=$4
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$SOTTO_WORK"
mkdir -p "$SOTTO_WORK"
cd "$SOTTO_WORK"
export PKG_CONFIG_PATH=$SOTTO_PREFIX/$SOTTO_LIBDIR/pkgconfig

# with_cmake TARGET SOURCE COMPONENTS
with_cmake() {
  "$cmake" -S "$here/consumer" -B . -DCMAKE_PREFIX_PATH="$SOTTO_PREFIX" -DCMAKE_CXX_COMPILER="$compiler" \
    -DCMAKE_CXX_FLAGS="$flags" -DSOTTO_TARGET="$1" -DSOTTO_SOURCE="$2" -DCOMPONENTS_ARGUMENT="$3"
  "$cmake" --build .
}

with_pkg_config() {
  # shellcheck disable=SC2086,SC2046 -- flags are words
  "$compiler" -std=c++20 $flags "$here/consumer/consumer.cpp" -o consumer $(pkg-config --cflags sotto) "$@"
}

case $way in
  find_package) with_cmake sotto::sotto consumer.cpp "" ;;
  find_package_static) with_cmake sotto::sotto_static consumer.cpp "COMPONENTS;static" ;;
  relay) with_cmake sotto::relay relay.cpp "" ;;
  relay_static) with_cmake sotto::relay_static relay.cpp "COMPONENTS;static" ;;
  pkg_config) # shellcheck disable=SC2046
    with_pkg_config $(pkg-config --libs sotto) "-Wl,-rpath,$SOTTO_PREFIX/$SOTTO_LIBDIR" ;;
  pkg_config_static) # shellcheck disable=SC2046
    with_pkg_config $(pkg-config --static --libs sotto | sed 's/-lsotto\b/-l:libsotto.a/') ;;
esac

linked=$(ldd ./consumer)
case $way in
  *static) if grep -q libsotto <<<"$linked"; then echo "the shared library was linked"; exit 1; fi ;;
  *) grep -qE "libsotto(-relay)?\.so\.0 => $SOTTO_PREFIX" <<<"$linked" ;;
esac
./consumer "$SOTTO_WORK/data"
