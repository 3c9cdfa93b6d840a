# tests/sim: tracksim against the description of the protocol alone; no file
# here, nor anything it links, knows the daemon's codec.
if HAVE_CHECK
sim_checks = \
	tests/sim/check_sim_fleet \
	tests/sim/check_sim_nature \
	tests/sim/check_sim_parts \
	tests/sim/check_sim_tracker \
	tests/sim/check_tracksim
check_PROGRAMS += $(sim_checks)
TESTS += $(sim_checks)
endif

sim_check_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
sim_check_libs = libtracksim.a libtrackup-base.a $(EVENT_LIBS) $(CHECK_LIBS)

tests_sim_check_sim_parts_CPPFLAGS = $(sim_check_cppflags)
tests_sim_check_sim_parts_LDADD = $(sim_check_libs)

tests_sim_check_sim_tracker_SOURCES = tests/sim/check_sim_tracker.c \
	tests/sim/world.c tests/sim/world.h
tests_sim_check_sim_tracker_CPPFLAGS = $(sim_check_cppflags)
tests_sim_check_sim_tracker_LDADD = $(sim_check_libs)

tests_sim_check_sim_nature_SOURCES = tests/sim/check_sim_nature.c \
	tests/sim/world.c tests/sim/world.h
tests_sim_check_sim_nature_CPPFLAGS = $(sim_check_cppflags)
tests_sim_check_sim_nature_LDADD = $(sim_check_libs)

tests_sim_check_sim_fleet_SOURCES = tests/sim/check_sim_fleet.c
tests_sim_check_sim_fleet_CPPFLAGS = $(sim_check_cppflags) $(EVENT_CFLAGS)
tests_sim_check_sim_fleet_LDADD = $(sim_check_libs)

# Drives the program itself over real sockets.
tests_sim_check_tracksim_SOURCES = tests/sim/check_tracksim.c \
	tests/sim/stage.c tests/sim/stage.h
tests_sim_check_tracksim_CPPFLAGS = $(sim_check_cppflags)
tests_sim_check_tracksim_LDADD = libtrackup-base.a $(CHECK_LIBS)
