# tests/bench: figures of this machine, `make bench`; no part of `make check`,
# which only builds it.
check_PROGRAMS += tests/bench/bench tests/bench/floor

tests_bench_bench_SOURCES = tests/bench/main.c tests/bench/bench.h \
	tests/bench/caller.c tests/bench/dispatch.c tests/bench/downloads.c \
	tests/bench/durable.c tests/bench/families.c tests/bench/fleet.c \
	tests/bench/frames.c tests/bench/idle.c tests/bench/intake.c \
	tests/bench/proc.c \
	tests/bench/outcome.c tests/bench/relay.c tests/bench/rows.c \
	tests/bench/start.c tests/bench/storm.c tests/bench/turns.c \
	tests/bench/wire.c \
	tests/unit/hexgram.c tests/unit/hexgram.h
tests_bench_bench_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
tests_bench_bench_LDADD = libtrackup-store.a libtrackup-pure.a $(STORE_LIBS) -lm

tests_bench_floor_SOURCES = tests/bench/floor.c
tests_bench_floor_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_bench_floor_LDADD = $(EVENT_LIBS)

.PHONY: bench
bench: all tests/bench/bench tests/bench/floor
	tests/bench/bench -o bench.json
CLEANFILES += bench.json
