# tests/planted: deliberate bugs, each with the test that must notice it.
EXTRA_DIST += tests/planted/run.sh tests/planted/bugs

planted_rings = tests/unit/% tests/config/% tests/store/% tests/scenario/% \
	tests/simulate/% tests/integration/%

if PLANTED_BUGS
planted: all
	$(MAKE) $(AM_MAKEFLAGS) check TESTS= \
	    check_PROGRAMS='$(filter $(planted_rings),$(check_PROGRAMS))'
	$(AM_TESTS_ENVIRONMENT) $(top_srcdir)/tests/planted/run.sh
else
# Any other build makes one beside itself that has the bugs in it.
planted:
	$(MKDIR_P) planted
	cd planted && { test -f Makefile || \
	    $(abs_top_srcdir)/configure -q CC='$(CC)' CFLAGS='-g -O1' \
	    --enable-planted-bugs --enable-crashpoints; } && \
	    $(MAKE) $(AM_MAKEFLAGS) planted
endif
.PHONY: planted

clean-local:
	rm -rf planted
