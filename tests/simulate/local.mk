# simulate: random worlds on virtual time around the real core. `make check`
# runs a few thousand seeds, `make simulate SEEDS=1000000` a night.
simulate_world_sources = \
	tests/simulate/hours.c tests/simulate/hours.h \
	tests/simulate/record.c \
	tests/simulate/rival.c tests/simulate/rival.h \
	tests/simulate/rollout.c tests/simulate/rollout.h \
	tests/simulate/shell.c \
	tests/simulate/tracker.c \
	tests/simulate/ways.c tests/simulate/ways.h \
	tests/simulate/world.c tests/simulate/world.h \
	tests/simulate/world_priv.h

check_PROGRAMS += tests/simulate/simulate
tests_simulate_simulate_SOURCES = tests/simulate/simulate.c \
	$(simulate_world_sources)
tests_simulate_simulate_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_simulate_simulate_LDADD = libtrackup-pure.a

# The same worlds, where memory runs out inside the core.
check_PROGRAMS += tests/simulate/starve
TESTS += tests/simulate/starve
tests_simulate_starve_SOURCES = tests/simulate/starve.c \
	$(simulate_world_sources)
tests_simulate_starve_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_simulate_starve_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=core_handle \
	-Wl,--wrap=core_operate -Wl,--wrap=core_new \
	-Wl,--wrap=core_load_device -Wl,--wrap=core_load_wave \
	-Wl,--wrap=core_load_target -Wl,--wrap=core_load_attempt \
	-Wl,--wrap=core_load_tuple -Wl,--wrap=core_load_campaign \
	-Wl,--wrap=core_load_done -Wl,--wrap=core_campaign_file
tests_simulate_starve_LDADD = libtrackup-pure.a

dist_check_SCRIPTS += tests/simulate/t-simulate.sh
TESTS += tests/simulate/t-simulate.sh

SEEDS = 100000
simulate: tests/simulate/simulate
	./tests/simulate/simulate -n $(SEEDS) -s $(or $(FIRST),1)
# A million short ones: caps, rates, windows, gates and counts after each event
# of random campaigns with pauses, reloads, restarts and clock jumps.
properties: tests/simulate/simulate
	./tests/simulate/simulate -d 2 -h 3 -n $(or $(WORLDS),1000000) \
		-s $(or $(FIRST),1)
.PHONY: simulate properties
