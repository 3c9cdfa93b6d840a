# tests/package: the Debian package in a Debian of its own; by hand, as root.
EXTRA_DIST += tests/package/trial.sh
package-trial:
	top_srcdir='$(abs_top_srcdir)' $(abs_top_srcdir)/tests/package/trial.sh
.PHONY: package-trial
