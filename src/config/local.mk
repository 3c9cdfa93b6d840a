# config: YAML → typed values; the only place with yaml.h and GLib (time
# zones, in zone.c alone).
noinst_LIBRARIES += libtrackup-config.a
libtrackup_config_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(GLIB_CFLAGS)
libtrackup_config_a_SOURCES = \
	src/config/campaign_file.c src/config/campaign_file.h \
	src/config/campaign_load.h \
	src/config/campaign_members.c \
	src/config/campaign_options.c src/config/campaign_options.h \
	src/config/campaign_packages.c \
	src/config/campaign_paths.c \
	src/config/campaign_rules.c \
	src/config/campaign_waves.c \
	src/config/campaign_windows.c \
	src/config/daemon_conf.c src/config/daemon_conf.h \
	src/config/daemon_dump.c \
	src/config/daemon_listen.c src/config/daemon_listen.h \
	src/config/daemon_models.c src/config/daemon_models.h \
	src/config/daemon_options.c src/config/daemon_options.h \
	src/config/fleet_file.c src/config/fleet_file.h \
	src/config/id_list.c src/config/id_list.h \
	src/config/notes.c src/config/notes.h \
	src/config/opt_walk.c \
	src/config/options.c src/config/options.h \
	src/config/values.c src/config/values.h \
	src/config/yamlwalk.c src/config/yamlwalk.h \
	src/config/zone.c src/config/zone.h
config_libs = libtrackup-config.a libtrackup-pure.a $(YAML_LIBS) $(GLIB_LIBS)
