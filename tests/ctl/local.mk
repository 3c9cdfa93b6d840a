# tests/ctl: trackupctl against the real API over a made-up core.
check_PROGRAMS += tests/ctl/fakeapi
tests_ctl_fakeapi_SOURCES = tests/ctl/fakeapi.c \
	$(fake_world_sources)
tests_ctl_fakeapi_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) \
	-I$(top_srcdir)/tests/io
tests_ctl_fakeapi_LDADD = libtrackup-io.a libtrackup-pure.a \
	libtrackup-base.a $(io_libs)

dist_check_SCRIPTS += tests/ctl/t-ctl.sh tests/ctl/t-manual.sh \
	tests/ctl/t-completion.sh
TESTS += tests/ctl/t-ctl.sh tests/ctl/t-manual.sh tests/ctl/t-completion.sh
