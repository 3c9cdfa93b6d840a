# tests/integration: the real programs, real sockets. One test a line: several
# of us add here.
check_PROGRAMS += tests/integration/helper tests/integration/checker
tests_integration_helper_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_integration_helper_LDADD = $(JANSSON_LIBS)
tests_integration_checker_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
	$(SQLITE_CFLAGS)
tests_integration_checker_LDADD = $(JANSSON_LIBS) $(SQLITE_LIBS)

EXTRA_DIST += tests/integration/lib.sh

integration_tests =
integration_tests += tests/integration/t-sum.sh
integration_tests += tests/integration/t-unit.sh
integration_tests += tests/integration/t-smoke.sh
integration_tests += tests/integration/t-campaign.sh
integration_tests += tests/integration/t-calm.sh
integration_tests += tests/integration/t-storm.sh
dist_check_SCRIPTS += $(integration_tests)
TESTS += $(integration_tests)
