#!/bin/sh
# A seed gives the same trace alone and after others in one process. Usage: repeatable.sh SOTTO_SIM
alone=$("$1" --seed 12 --quiet | tail -1)
after=$("$1" --seed 9 --seeds 4 --quiet | tail -1)
other=$("$1" --seed 11 --quiet | tail -1)
echo "$alone / $after / $other"
[ "$alone" = "$after" ] && [ "$alone" != "$other" ]
