# ctl: trackupctl. On base and the API alone; the only place with libcurl and
# libsmartcols.
bin_PROGRAMS += trackupctl
trackupctl_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) \
	$(SMARTCOLS_CFLAGS)
trackupctl_SOURCES = src/ctl/ctl.h src/ctl/live.h \
	src/ctl/client.c \
	src/ctl/cmd_campaign.c \
	src/ctl/cmd_check.c \
	src/ctl/cmd_daemon.c \
	src/ctl/cmd_device.c src/ctl/cmd_exclude.c src/ctl/cmd_retry.c \
	src/ctl/cmd_firmware.c \
	src/ctl/cmd_events.c src/ctl/cmd_token.c \
	src/ctl/cmd_plan.c src/ctl/cmd_simulate.c \
	src/ctl/cmd_wait.c \
	src/ctl/cmd_wave.c \
	src/ctl/cmdtab.c \
	src/ctl/conf.c \
	src/ctl/csv.c \
	src/ctl/live.c \
	src/ctl/main.c \
	src/ctl/render.c \
	src/ctl/say.c \
	src/ctl/suggest.c \
	src/ctl/table.c \
	src/ctl/term.c
trackupctl_LDADD = libtrackup-base.a $(CURL_LIBS) $(JANSSON_LIBS) \
	$(SMARTCOLS_LIBS)
