# tests/config: what the loaders accept, refuse and say.
config_tests = tests/config/check_daemon_conf
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
EXTRA_DIST += tests/config/diag.h

tests_config_check_daemon_conf_SOURCES = tests/config/check_daemon_conf.c
tests_config_check_daemon_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_daemon_conf_LDADD = $(config_libs) $(CHECK_LIBS)
