#!/bin/sh
# doc/states.md says what the table does.
if "$top_builddir/tests/unit/print_states" |
    cmp -s - "$top_srcdir/doc/states.md"; then
	echo "1 passed, 0 failed"
else
	echo "doc/states.md is not what the table says: run make states"
	echo "0 passed, 1 failed"
	exit 1
fi
