# tests/soak: run by hand, an hour (or SOAK_MINUTES).
EXTRA_DIST += tests/soak/soak.sh
soak: all tests/integration/helper$(EXEEXT) tests/integration/checker$(EXEEXT)
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' \
	    $(abs_top_srcdir)/tests/soak/soak.sh
.PHONY: soak
