# tests/store: the real SQLite, on a disk, with and without faults.
if HAVE_CHECK
store_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS) \
	-I$(top_srcdir)/tests/store
store_test_ldadd = libtrackup-store.a libtrackup-pure.a $(CHECK_LIBS) \
	$(STORE_LIBS)
store_test_helpers = tests/store/helper.c tests/store/helper.h

store_tests = tests/store/check_backup \
	tests/store/check_upgrade tests/store/check_records tests/store/check_store \
	tests/store/check_refuse tests/store/check_faults \
	tests/store/check_kill tests/store/check_power
check_PROGRAMS += $(store_tests)
TESTS += $(store_tests)

tests_store_check_backup_SOURCES = tests/store/check_backup.c \
	$(store_test_helpers)
tests_store_check_backup_CPPFLAGS = $(store_test_cppflags)
tests_store_check_backup_LDADD = $(store_test_ldadd)

# What each release left; never edited.
EXTRA_DIST += tests/store/release-1.sql
tests_store_check_upgrade_SOURCES = tests/store/check_upgrade.c \
	$(store_test_helpers)
tests_store_check_upgrade_CPPFLAGS = $(store_test_cppflags)
tests_store_check_upgrade_LDADD = $(store_test_ldadd)

tests_store_check_records_SOURCES = tests/store/check_records.c \
	$(store_test_helpers)
tests_store_check_records_CPPFLAGS = $(store_test_cppflags)
tests_store_check_records_LDADD = $(store_test_ldadd)

tests_store_check_store_SOURCES = tests/store/check_store.c \
	$(store_test_helpers)
tests_store_check_store_CPPFLAGS = $(store_test_cppflags)
tests_store_check_store_LDADD = $(store_test_ldadd)

tests_store_check_refuse_SOURCES = tests/store/check_refuse.c \
	$(store_test_helpers)
tests_store_check_refuse_CPPFLAGS = $(store_test_cppflags)
tests_store_check_refuse_LDADD = $(store_test_ldadd)

tests_store_check_faults_SOURCES = tests/store/check_faults.c \
	tests/store/shim.c tests/store/shim.h $(store_test_helpers)
tests_store_check_faults_CPPFLAGS = $(store_test_cppflags)
tests_store_check_faults_LDADD = $(store_test_ldadd)

tests_store_check_kill_SOURCES = tests/store/check_kill.c \
	$(store_test_helpers)
tests_store_check_kill_CPPFLAGS = $(store_test_cppflags)
tests_store_check_kill_LDADD = $(store_test_ldadd)

tests_store_check_power_SOURCES = tests/store/check_power.c \
	tests/store/power.c tests/store/power.h $(store_test_helpers)
tests_store_check_power_CPPFLAGS = $(store_test_cppflags)
tests_store_check_power_LDADD = $(store_test_ldadd)

# A campaign on a disk that fails: the world of the scenarios on the real store.
store_story_sources = tests/store/story_disk.c tests/store/story_disk.h \
	tests/store/power.c tests/store/power.h \
	tests/store/shim.c tests/store/shim.h \
	$(store_test_helpers) $(scenario_world_sources)
check_PROGRAMS += tests/store/check_story
TESTS += tests/store/check_story
tests_store_check_story_SOURCES = tests/store/check_story.c \
	$(store_story_sources)
tests_store_check_story_CPPFLAGS = $(store_test_cppflags) \
	-I$(top_srcdir)/tests/scenario -DWORLD_DEVICES=8
tests_store_check_story_LDADD = libtrackup-store.a libtrackup-config.a \
	libtrackup-pure.a $(CHECK_LIBS) $(STORE_LIBS) $(GLIB_LIBS)

# Figures of performance.md, run by hand: ops/s, commit times, load.
check_PROGRAMS += tests/store/bench_store
tests_store_bench_store_SOURCES = tests/store/bench_store.c
tests_store_bench_store_CPPFLAGS = $(AM_CPPFLAGS)
tests_store_bench_store_LDADD = libtrackup-store.a libtrackup-pure.a \
	$(STORE_LIBS)
endif

dist_check_SCRIPTS += tests/store/columns.sh
TESTS += tests/store/columns.sh

# A power cut, an error, a full disk at each call of a campaign, in turn.
crash-points: tests/store/check_story
	CRASH_POINTS=all ./tests/store/check_story
.PHONY: crash-points
