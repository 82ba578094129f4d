#!/bin/sh
# Runs seeds that follow from the commit: new ones with every change, the same ones each time that one is tested.
# Usage: fresh_seeds.sh SOTTO_SIM SOURCE_FOLDER [options of SOTTO_SIM]
simulator=$1
source_folder=$2
shift 2
if tree=$(git -C "$source_folder" rev-parse --verify --quiet 'HEAD^{tree}'); then
  exec "$simulator" --seed "$((0x$(printf '%.12s' "$tree")))" "$@"
fi
echo "no commit to draw seeds from: $source_folder"
exec "$simulator" --fresh "$@"
