# io: sockets and HTTP; the only place with OpenSSL, with libevent (but for the
# simulator's loop) and with jansson (but for trackupctl).
noinst_LIBRARIES += libtrackup-io.a
libtrackup_io_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) \
	$(EVENT_PTHREADS_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
# The API, which is also fuzzed by itself.
io_api_sources = src/io/api.c src/io/api.h src/io/api_int.h \
	src/io/api_backup.c src/io/api_campaign.c src/io/api_daemon.c \
	src/io/api_device.c src/io/api_events.c src/io/api_firmware.c \
	src/io/api_http.c src/io/api_json.c src/io/api_looks.c src/io/api_peer.c \
	src/io/api_plan.c src/io/api_report.c src/io/api_route.c \
	src/io/api_socket.c src/io/api_status.c src/io/api_token.c \
	src/io/api_trial.c src/io/api_wave.c \
	src/io/http_page.c src/io/http_page.h \
	src/io/metrics.c src/io/metrics.h
libtrackup_io_a_SOURCES = $(io_api_sources) \
	src/io/accept.c \
	src/io/beneath.c src/io/beneath.h \
	src/io/conn.c \
	src/io/conn_in.c \
	src/io/conn_out.c \
	src/io/digest.c src/io/digest.h \
	src/io/fwanswer.c \
	src/io/fwconn.c \
	src/io/fwfile.c src/io/fwfile.h \
	src/io/fwfile_priv.h \
	src/io/fwpace.c \
	src/io/fwreq.c src/io/fwreq.h \
	src/io/fwseg.c src/io/fwseg.h \
	src/io/fwtoken.c src/io/fwtoken.h \
	src/io/listen.c src/io/listen.h \
	src/io/evmem.c src/io/evmem.h \
	src/io/loop.c src/io/loop.h \
	src/io/relay.c src/io/relay.h \
	src/io/relay_down.c \
	src/io/relay_keep.c \
	src/io/relay_priv.h \
	src/io/relay_proxy.c \
	src/io/relay_target.c \
	src/io/relay_udp.c \
	src/io/trackers.c src/io/trackers.h \
	src/io/trackers_priv.h \
	src/io/udp.c
# What a program that links libtrackup-io.a also needs.
io_libs = $(EVENT_LIBS) $(EVENT_PTHREADS_LIBS) $(JANSSON_LIBS) $(CRYPTO_LIBS) \
	-lpthread

# The page, built in: our files of web/, and the plots of Debian's
# libjs-chart.js, of which nothing is kept here.
web_sources = web/index.html web/app.js web/views.js web/style.css web/icon.svg
EXTRA_DIST += $(web_sources) build-aux/embed.sh
BUILT_SOURCES += src/io/webassets.h
CLEANFILES += src/io/webassets.h
$(libtrackup_io_a_OBJECTS): src/io/webassets.h
src/io/webassets.h: $(web_sources) build-aux/embed.sh $(CHARTJS)
	$(AM_V_GEN)$(MKDIR_P) src/io && w=$(top_srcdir)/web && \
	$(SHELL) $(top_srcdir)/build-aux/embed.sh index_html=$$w/index.html \
	    app_js=$$w/app.js views_js=$$w/views.js style_css=$$w/style.css \
	    icon_svg=$$w/icon.svg chart_js='$(CHARTJS)' > $@.tmp && \
	mv $@.tmp $@
