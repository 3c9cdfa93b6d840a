#!/usr/bin/env bash
# The storm without faults: kills only, and every verdict is settled.
export PLAIN=yes
export STORM_DEVICES=${STORM_DEVICES:-100} STORM_KILLS=${STORM_KILLS:-3}
exec "${top_srcdir:?}/tests/integration/t-storm.sh"
