# daemon: joins the layers; the only place that sees io and store at once.
noinst_LIBRARIES += libtrackup-daemon.a
libtrackup_daemon_a_SOURCES = \
	src/daemon/app.c src/daemon/app.h src/daemon/app_priv.h \
	src/daemon/app_api.c src/daemon/app_effects.c \
	src/daemon/app_reload.c src/daemon/app_start.c \
	src/daemon/app_trackers.c \
	src/daemon/backup.c src/daemon/backup.h \
	src/daemon/crash.c src/daemon/crash.h \
	src/daemon/fdstore.c src/daemon/fdstore.h \
	src/daemon/files.c src/daemon/files.h \
	src/daemon/firmlist.c src/daemon/firmlist.h \
	src/daemon/haltfile.c src/daemon/haltfile.h \
	src/daemon/journal.c src/daemon/journal.h \
	src/daemon/log.c src/daemon/log.h \
	src/daemon/pkgwatch.c src/daemon/pkgwatch.h \
	src/daemon/reload.c src/daemon/reload.h \
	src/daemon/stop.c src/daemon/stop.h \
	src/daemon/systemd.c src/daemon/systemd.h \
	src/daemon/trialjob.c src/daemon/trialjob.h \
	src/daemon/usable.c src/daemon/usable.h
libtrackup_daemon_a_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)

sbin_PROGRAMS += trackupd
trackupd_SOURCES = src/daemon/main.c
trackupd_LDADD = libtrackup-daemon.a libtrackup-io.a libtrackup-store.a \
	libtrackup-config.a libtrackup-pure.a \
	$(EVENT_LIBS) $(EVENT_PTHREADS_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) \
	$(SQLITE_LIBS) $(YAML_LIBS) $(GLIB_LIBS) $(SYSTEMD_LIBS) -lpthread
