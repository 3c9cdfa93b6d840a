# tests: each ring describes itself. Every C suite is a Check program whose
# closing line ("NN%: Checks: …") is counted by build-aux/sum-tests.sh; every
# shell test ends with "N passed, N failed".
EXTRA_DIST += tests/tempdir.h
include $(top_srcdir)/tests/unit/local.mk
include $(top_srcdir)/tests/store/local.mk
include $(top_srcdir)/tests/config/local.mk
include $(top_srcdir)/tests/io/local.mk
include $(top_srcdir)/tests/ctl/local.mk
include $(top_srcdir)/tests/sim/local.mk
include $(top_srcdir)/tests/scenario/local.mk
include $(top_srcdir)/tests/fuzz/local.mk
include $(top_srcdir)/tests/simulate/local.mk
include $(top_srcdir)/tests/integration/local.mk
include $(top_srcdir)/tests/bench/local.mk
include $(top_srcdir)/tests/planted/local.mk
include $(top_srcdir)/tests/soak/local.mk
include $(top_srcdir)/tests/package/local.mk

# Those that need neither ports nor minutes, for the builds of packages.
print-quick-tests:
	@echo $(filter tests/unit/% tests/config/%,$(TESTS)) \
	    tests/store/check_store tests/store/check_backup \
	    tests/store/check_upgrade
.PHONY: print-quick-tests
