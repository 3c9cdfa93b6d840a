# tests/store: the real SQLite, on a disk, with and without faults.
if HAVE_CHECK
store_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(SQLITE_CFLAGS) \
	-I$(top_srcdir)/tests/store
store_test_ldadd = libtrackup-store.a libtrackup-pure.a $(CHECK_LIBS) \
	$(STORE_LIBS)
store_test_helpers = tests/store/helper.c tests/store/helper.h

check_PROGRAMS += tests/store/check_records tests/store/check_store
TESTS += tests/store/check_records tests/store/check_store

tests_store_check_records_SOURCES = tests/store/check_records.c \
	$(store_test_helpers)
tests_store_check_records_CPPFLAGS = $(store_test_cppflags)
tests_store_check_records_LDADD = $(store_test_ldadd)

tests_store_check_store_SOURCES = tests/store/check_store.c \
	$(store_test_helpers)
tests_store_check_store_CPPFLAGS = $(store_test_cppflags)
tests_store_check_store_LDADD = $(store_test_ldadd)
endif
