# tests/scenario: stories that the real core plays on an injected clock. The
# lookup of the attempt machine is wrapped to see which cells they take.
check_PROGRAMS += tests/scenario/run
TESTS += tests/scenario/run
# The world of paper, which other rings play in as well.
scenario_world_sources = \
	tests/scenario/boot.c \
	tests/scenario/expect.c \
	tests/scenario/fetch.c tests/scenario/fetch.h \
	tests/scenario/fleet.c tests/scenario/fleet.h \
	tests/scenario/hextalk.c tests/scenario/hextalk.h \
	tests/scenario/record.c tests/scenario/record.h \
	tests/scenario/say.c \
	tests/scenario/script.c tests/scenario/script.h \
	tests/scenario/specs.c tests/scenario/specs.h \
	tests/scenario/story.c tests/scenario/story.h \
	tests/scenario/wire.c tests/scenario/wire.h \
	tests/scenario/wiregram.c tests/scenario/wiregram.h \
	tests/scenario/world.c tests/scenario/world.h \
	tests/unit/hexgram.c tests/unit/hexgram.h
tests_scenario_run_SOURCES = tests/scenario/run.c \
	tests/scenario/cover.c tests/scenario/cover.h \
	$(scenario_world_sources)
tests_scenario_run_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/scenario
tests_scenario_run_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=attempt_cell
tests_scenario_run_LDADD = libtrackup-store.a libtrackup-config.a \
	libtrackup-pure.a $(STORE_LIBS) $(GLIB_LIBS)
EXTRA_DIST += $(srcdir)/tests/scenario/*.scn
