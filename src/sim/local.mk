# sim: simulated trackers. On base alone: its wire code is its own, for a
# simulator that shares the daemon's codec would prove nothing.
noinst_LIBRARIES += libtracksim.a
libtracksim_a_SOURCES = \
	src/sim/download.c src/sim/download.h \
	src/sim/faults.c src/sim/faults.h \
	src/sim/fleet.c src/sim/fleet.h src/sim/fleet_priv.h \
	src/sim/hexwire.c src/sim/hexwire.h \
	src/sim/history.c src/sim/history.h \
	src/sim/ident.c src/sim/ident.h \
	src/sim/nature.c src/sim/nature.h \
	src/sim/options.c src/sim/options.h \
	src/sim/outbox.c src/sim/outbox.h \
	src/sim/report.c src/sim/report.h \
	src/sim/tracker.c src/sim/tracker.h \
	src/sim/truth.c src/sim/truth.h \
	src/sim/unit.c \
	src/sim/update.c src/sim/update.h \
	src/sim/url.c src/sim/url.h \
	src/sim/voice.c src/sim/voice.h \
	src/sim/wire.c src/sim/wire.h
libtracksim_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)

bin_PROGRAMS += tracksim
tracksim_SOURCES = src/sim/main.c
tracksim_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tracksim_LDADD = libtracksim.a libtrackup-base.a $(EVENT_LIBS)
