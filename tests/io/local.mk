# tests/io: real sockets, ports given by the kernel.
io_test_libs = libtrackup-io.a libtrackup-pure.a libtrackup-base.a \
	$(io_libs) $(CHECK_LIBS)
io_test_cppflags = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(CHECK_CFLAGS) \
	-I$(top_srcdir)/tests/io

check_PROGRAMS += tests/io/check_trackers
TESTS += tests/io/check_trackers
tests_io_check_trackers_SOURCES = tests/io/check_trackers.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_trackers_CPPFLAGS = $(io_test_cppflags)
tests_io_check_trackers_LDADD = $(io_test_libs)

# A core and a daemon for the API alone; also of tests/ctl and tests/fuzz.
fake_world_sources = tests/io/fake_core.c tests/io/fake_world.c \
	tests/io/fake_world.h

check_PROGRAMS += tests/io/check_api
TESTS += tests/io/check_api
tests_io_check_api_SOURCES = tests/io/check_api.c \
	tests/io/check_api_changes.c \
	tests/io/check_api_events.c \
	tests/io/check_api_hostile.c \
	tests/io/check_api_http.c \
	tests/io/check_api_socket.c \
	tests/io/api_client.c tests/io/api_client.h \
	$(fake_world_sources)
tests_io_check_api_CPPFLAGS = $(io_test_cppflags) $(JANSSON_CFLAGS)
tests_io_check_api_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_fwtoken
TESTS += tests/io/check_fwtoken
tests_io_check_fwtoken_SOURCES = tests/io/check_fwtoken.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_fwtoken_CPPFLAGS = $(io_test_cppflags)
tests_io_check_fwtoken_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_fwfile
TESTS += tests/io/check_fwfile
tests_io_check_fwfile_SOURCES = tests/io/check_fwfile.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_fwfile_CPPFLAGS = $(io_test_cppflags)
tests_io_check_fwfile_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_fwreq
TESTS += tests/io/check_fwreq
tests_io_check_fwreq_CPPFLAGS = $(io_test_cppflags)
tests_io_check_fwreq_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_loop
TESTS += tests/io/check_loop
tests_io_check_loop_SOURCES = tests/io/check_loop.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_loop_CPPFLAGS = $(io_test_cppflags)
tests_io_check_loop_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_fdstore
TESTS += tests/io/check_fdstore
tests_io_check_fdstore_CPPFLAGS = $(io_test_cppflags)
tests_io_check_fdstore_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=systemd_store_fd
tests_io_check_fdstore_LDADD = libtrackup-daemon.a libtrackup-pure.a \
	$(SYSTEMD_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/io/check_relay
TESTS += tests/io/check_relay
tests_io_check_relay_SOURCES = tests/io/check_relay.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_relay_CPPFLAGS = $(io_test_cppflags)
tests_io_check_relay_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_journal
TESTS += tests/io/check_journal
tests_io_check_journal_CPPFLAGS = $(io_test_cppflags)
tests_io_check_journal_LDADD = libtrackup-daemon.a libtrackup-pure.a \
	$(SYSTEMD_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/io/check_udp
TESTS += tests/io/check_udp
tests_io_check_udp_SOURCES = tests/io/check_udp.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_udp_CPPFLAGS = $(io_test_cppflags)
tests_io_check_udp_LDADD = $(io_test_libs)

check_PROGRAMS += tests/io/check_proxied
TESTS += tests/io/check_proxied
tests_io_check_proxied_SOURCES = tests/io/check_proxied.c \
	tests/io/tio.c tests/io/tio.h
tests_io_check_proxied_CPPFLAGS = $(io_test_cppflags)
tests_io_check_proxied_LDADD = $(io_test_libs)
