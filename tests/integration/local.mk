# tests/integration: the real programs, real sockets.
check_PROGRAMS += tests/integration/helper tests/integration/checker
tests_integration_helper_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_integration_helper_LDADD = $(JANSSON_LIBS)
tests_integration_checker_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
	$(SQLITE_CFLAGS)
tests_integration_checker_LDADD = $(JANSSON_LIBS) $(SQLITE_LIBS)

check_PROGRAMS += tests/integration/peer tests/integration/shim.so
check_PROGRAMS += tests/integration/platform tests/integration/tap \
	tests/integration/relaycheck
standin_sources = tests/integration/standin.c tests/integration/standin.h
tests_integration_platform_SOURCES = tests/integration/platform.c \
	tests/integration/wiresplit.h $(standin_sources)
tests_integration_platform_LDADD =
tests_integration_tap_SOURCES = tests/integration/tap.c $(standin_sources)
tests_integration_tap_LDADD =
tests_integration_relaycheck_SOURCES = tests/integration/relaycheck.c \
	tests/integration/wiresplit.h
tests_integration_relaycheck_LDADD =
tests_integration_peer_LDADD =
check_PROGRAMS += tests/integration/wireplay
tests_integration_wireplay_SOURCES = tests/integration/wireplay.c
tests_integration_wireplay_LDADD =
# Loaded into the daemon, so no program: none of its flags fit.
tests_integration_shim_so_SOURCES = tests/integration/shim.c
tests_integration_shim_so_CFLAGS = -std=gnu11 $(WARN_CFLAGS) -fPIC
tests_integration_shim_so_LDFLAGS = -shared

EXTRA_DIST += tests/integration/lib.sh tests/integration/faultlib.sh \
	tests/integration/weblib.sh tests/integration/rules.test.yml

integration_tests =
integration_tests += tests/integration/t-sum.sh
integration_tests += tests/integration/t-unit.sh
integration_tests += tests/integration/t-dist.sh
integration_tests += tests/integration/t-reload.sh
integration_tests += tests/integration/t-smoke.sh
integration_tests += tests/integration/t-http.sh
integration_tests += tests/integration/t-page.sh
integration_tests += tests/integration/t-clicks.sh
integration_tests += tests/integration/t-openapi.sh
integration_tests += tests/integration/t-metrics.sh
integration_tests += tests/integration/t-campaign.sh
integration_tests += tests/integration/t-hex.sh
integration_tests += tests/integration/t-files.sh
integration_tests += tests/integration/t-downloads.sh
integration_tests += tests/integration/t-relay.sh
integration_tests += tests/integration/t-relay-mixed.sh
integration_tests += tests/integration/t-relay-open.sh
integration_tests += tests/integration/t-udp.sh
integration_tests += tests/integration/t-personalities.sh
integration_tests += tests/integration/t-mixed.sh
integration_tests += tests/integration/t-signs.sh
integration_tests += tests/integration/t-frames.sh
integration_tests += tests/integration/t-haproxy.sh
integration_tests += tests/integration/t-nginx.sh
integration_tests += tests/integration/t-link.sh
integration_tests += tests/integration/t-calm.sh
integration_tests += tests/integration/t-storm.sh
integration_tests += tests/integration/t-peers.sh
integration_tests += tests/integration/t-floods.sh
integration_tests += tests/integration/t-descriptors.sh
integration_tests += tests/integration/t-disk.sh
integration_tests += tests/integration/t-faults-doc.sh
integration_tests += tests/integration/t-backup.sh
integration_tests += tests/integration/t-windows.sh
integration_tests += tests/integration/t-upgrade.sh
integration_tests += tests/integration/t-hops.sh
integration_tests += tests/integration/t-plan.sh
integration_tests += tests/integration/t-waves.sh
integration_tests += tests/integration/t-engine.sh
integration_tests += tests/integration/t-documents.sh
integration_tests += tests/integration/t-members.sh
integration_tests += tests/integration/t-revisions.sh
integration_tests += tests/integration/t-systemd.sh
dist_check_SCRIPTS += $(integration_tests)
TESTS += $(integration_tests)

# By hand, minutes: one process is a fleet of ten thousand.
PERSONALITIES = 10000
personalities: all tests/integration/helper tests/integration/checker
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	    $(abs_top_srcdir)/tests/integration/t-personalities.sh \
	    $(PERSONALITIES)
# By hand, minutes: five thousand through four waves.
ENGINE = 5000
engine: all tests/integration/helper tests/integration/checker
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	    ENGINE_SCALE=60 \
	    $(abs_top_srcdir)/tests/integration/t-engine.sh $(ENGINE)
.PHONY: personalities engine
