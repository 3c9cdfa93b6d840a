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
noinst_HEADERS += tests/config/diag.h

config_test_cppflags = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
config_test_libs = $(config_libs) $(CHECK_LIBS)

tests_config_check_campaign_file_CPPFLAGS = $(config_test_cppflags)
tests_config_check_campaign_file_LDADD = $(config_test_libs)

tests_config_check_fleet_file_CPPFLAGS = $(config_test_cppflags)
tests_config_check_fleet_file_LDADD = $(config_test_libs)

tests_config_check_daemon_conf_CPPFLAGS = $(config_test_cppflags)
tests_config_check_daemon_conf_LDADD = $(config_test_libs)

tests_config_check_yamlwalk_CPPFLAGS = $(config_test_cppflags)
tests_config_check_yamlwalk_LDADD = $(config_test_libs)

tests_config_check_options_CPPFLAGS = $(config_test_cppflags)
tests_config_check_options_LDADD = $(config_test_libs)

# The linker puts an allocator that fails on demand under our archives.
tests_config_check_no_memory_CPPFLAGS = $(config_test_cppflags)
tests_config_check_no_memory_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc \
	-Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=strdup
tests_config_check_no_memory_LDADD = $(config_test_libs)

tests_config_check_campaign_paths_CPPFLAGS = $(config_test_cppflags)
tests_config_check_campaign_paths_LDADD = $(config_test_libs)

tests_config_check_campaign_windows_CPPFLAGS = $(config_test_cppflags)
tests_config_check_campaign_windows_LDADD = $(config_test_libs)

tests_config_check_zone_CPPFLAGS = $(config_test_cppflags)
tests_config_check_zone_LDADD = $(config_test_libs)

tests_config_check_campaign_changes_CPPFLAGS = $(config_test_cppflags)
tests_config_check_campaign_changes_LDADD = $(config_test_libs)
