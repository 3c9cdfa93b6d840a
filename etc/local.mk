# etc: the samples, and what a system manager needs. Files of etc_samples go to
# $(sysconfdir)/trackupd and are never written over what is there.
etc_samples = \
	etc/trackupd.yaml \
	etc/campaign-example.yaml

unit_sed = $(SED) -e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g'

# For whoever watches: Prometheus' alerts and a dashboard for Grafana.
watchdir = $(datadir)/trackupd
dist_watch_DATA = etc/trackupd.rules.yml etc/grafana-dashboard.json

EXTRA_DIST += etc/trackupd.catalog etc/trackupd.socket etc/trackupd.service.in etc/trackupd.sysusers $(etc_samples)
CLEANFILES += etc/trackupd.service
EXTRA_DIST += etc/trackupctl.bash

etc/trackupd.service: $(top_srcdir)/etc/trackupd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && \
	$(unit_sed) $(top_srcdir)/etc/trackupd.service.in > $@.tmp && \
	mv $@.tmp $@

if INSTALL_UNIT
systemdsystemunit_DATA = etc/trackupd.service etc/trackupd.socket
catalogdir = $(prefix)/lib/systemd/catalog
catalog_DATA = etc/trackupd.catalog
endif

# Loaded by bash under the name of the command.
completionsdir = $(datadir)/bash-completion/completions

# sysusers.d wants the file under the name of the package.
install-data-local:
	$(MKDIR_P) $(DESTDIR)$(prefix)/lib/sysusers.d \
	    $(DESTDIR)$(sysconfdir)/trackupd/campaigns.d
	$(INSTALL_DATA) $(top_srcdir)/etc/trackupd.sysusers \
	    $(DESTDIR)$(prefix)/lib/sysusers.d/trackupd.conf
	$(MKDIR_P) $(DESTDIR)$(completionsdir)
	$(INSTALL_DATA) $(top_srcdir)/etc/trackupctl.bash \
	    $(DESTDIR)$(completionsdir)/trackupctl
	for p in trackupd tracksim; do \
	    ln -sf trackupctl $(DESTDIR)$(completionsdir)/$$p; done
	@for f in $(etc_samples); do \
	    to=$(DESTDIR)$(sysconfdir)/trackupd/$${f##*/}; \
	    if test -e "$$to"; then echo "kept as it is: $$to"; else \
	    $(INSTALL) -m 640 $(top_srcdir)/$$f "$$to" || exit 1; fi; done

# A sample that somebody edited is not ours to remove.
uninstall-local:
	for p in trackupctl trackupd tracksim; do \
	    rm -f $(DESTDIR)$(completionsdir)/$$p; done
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/trackupd.conf
	@for f in $(etc_samples); do \
	    to=$(DESTDIR)$(sysconfdir)/trackupd/$${f##*/}; \
	    cmp -s $(top_srcdir)/$$f "$$to" && rm -f "$$to" || :; done
	-rmdir $(DESTDIR)$(sysconfdir)/trackupd/campaigns.d \
	    $(DESTDIR)$(sysconfdir)/trackupd 2>/dev/null
