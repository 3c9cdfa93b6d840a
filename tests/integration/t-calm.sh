#!/usr/bin/env bash
# The storm without faults: kills only, and every verdict is settled.
export PLAIN=yes
exec "${top_srcdir:?}/tests/integration/t-storm.sh" 100 3
