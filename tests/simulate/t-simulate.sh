#!/bin/sh
# Random worlds, the same ones each time; a failure prints its seed, and
# `tests/simulate/simulate -n 1 -s SEED -v` tells its story.
sim=$top_builddir/tests/simulate/simulate
set -e
# Without faults every verdict is known and true, and no two runs differ.
"$sim" -c -n 20 >sim-calm.out
"$sim" -v -n 1 -s 7 >sim-a.out
"$sim" -v -n 1 -s 7 >sim-b.out
cmp sim-a.out sim-b.out
rm -f sim-calm.out sim-a.out sim-b.out
# Many short ones first, with reloads and rates of their own. Quickly: enough to
# see whether the memory is clean and the branches are taken.
short=10000 long=1500
[ -z "${TRACKUPD_QUICK:-}" ] || { short=1000; long=200; }
"$sim" -d 2 -h 3 -s 1000001 -n "${SIMULATE_SHORT:-$short}"
exec "$sim" -n "${SIMULATE_SEEDS:-$long}"
