# doc: papers for those who run trackupd. faults.md, openapi.yaml, states.md and
# the commands of tutorial.md and operations.md are held against the programs by
# tests.
EXTRA_DIST += \
	doc/faults.md \
	doc/openapi.yaml \
	doc/operations.md \
	doc/performance.md \
	doc/relay.md \
	doc/states.md \
	doc/tutorial.md

# The machine of an attempt as tables.
states: tests/unit/print_states
	./tests/unit/print_states > $(top_srcdir)/doc/states.md
.PHONY: states
