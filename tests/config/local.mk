# tests/config: what the loaders accept, refuse and say.
config_tests = \
	tests/config/check_campaign_changes \
	tests/config/check_campaign_file \
	tests/config/check_campaign_paths \
	tests/config/check_campaign_windows \
	tests/config/check_daemon_conf \
	tests/config/check_fleet_file \
	tests/config/check_no_memory \
	tests/config/check_options \
	tests/config/check_yamlwalk \
	tests/config/check_zone
check_PROGRAMS += $(config_tests)
TESTS += $(config_tests)
EXTRA_DIST += tests/config/diag.h
config_test_libs = $(config_libs) $(CHECK_LIBS)

tests_config_check_campaign_file_SOURCES = tests/config/check_campaign_file.c
tests_config_check_campaign_file_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_campaign_file_LDADD = $(config_test_libs)

tests_config_check_fleet_file_SOURCES = tests/config/check_fleet_file.c
tests_config_check_fleet_file_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_fleet_file_LDADD = $(config_test_libs)

tests_config_check_daemon_conf_SOURCES = tests/config/check_daemon_conf.c
tests_config_check_daemon_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_daemon_conf_LDADD = $(config_test_libs)

tests_config_check_yamlwalk_SOURCES = tests/config/check_yamlwalk.c
tests_config_check_yamlwalk_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_yamlwalk_LDADD = $(config_test_libs)

tests_config_check_options_SOURCES = tests/config/check_options.c
tests_config_check_options_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_options_LDADD = $(config_test_libs)

# The linker puts an allocator that fails on demand under our archives.
tests_config_check_no_memory_SOURCES = tests/config/check_no_memory.c
tests_config_check_no_memory_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_no_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=strdup
tests_config_check_no_memory_LDADD = $(config_test_libs)

tests_config_check_campaign_paths_SOURCES = tests/config/check_campaign_paths.c
tests_config_check_campaign_paths_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_campaign_paths_LDADD = $(config_test_libs)

tests_config_check_campaign_windows_SOURCES = tests/config/check_campaign_windows.c
tests_config_check_campaign_windows_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_campaign_windows_LDADD = $(config_test_libs)

tests_config_check_zone_SOURCES = tests/config/check_zone.c
tests_config_check_zone_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_zone_LDADD = $(config_test_libs)

tests_config_check_campaign_changes_SOURCES = \
	tests/config/check_campaign_changes.c
tests_config_check_campaign_changes_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_config_check_campaign_changes_LDADD = $(config_test_libs)
