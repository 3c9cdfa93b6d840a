# simulate: random worlds on virtual time around the real core. `make check`
# runs a few thousand seeds, `make simulate SEEDS=1000000` a night.
check_PROGRAMS += tests/simulate/simulate
tests_simulate_simulate_SOURCES = tests/simulate/simulate.c \
	tests/simulate/hours.c tests/simulate/hours.h \
	tests/simulate/rollout.c tests/simulate/rollout.h \
	tests/simulate/ways.c tests/simulate/ways.h \
	tests/simulate/world.c tests/simulate/world.h
tests_simulate_simulate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_simulate_simulate_LDADD = libtrackup-pure.a
dist_check_SCRIPTS += tests/simulate/t-simulate.sh
TESTS += tests/simulate/t-simulate.sh

SEEDS = 100000
simulate: tests/simulate/simulate
	./tests/simulate/simulate -n $(SEEDS) -s $(or $(FIRST),1)
.PHONY: simulate
