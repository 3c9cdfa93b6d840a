# base: plain C helpers, libc only, no clock, no file, no log.
noinst_LIBRARIES += libtrackup-base.a
libtrackup_base_a_SOURCES = \
	src/base/attr.h src/base/list.h \
	src/base/cidr.c src/base/cidr.h \
	src/base/devid.c src/base/devid.h \
	src/base/errtext.c src/base/errtext.h \
	src/base/filetoken.c src/base/filetoken.h \
	src/base/heap.c src/base/heap.h \
	src/base/histogram.c src/base/histogram.h \
	src/base/idmap.c src/base/idmap.h \
	src/base/keysort.c src/base/keysort.h \
	src/base/keyset.c src/base/keyset.h \
	src/base/prng.c src/base/prng.h \
	src/base/sbuf.c src/base/sbuf.h \
	src/base/sha256.c src/base/sha256.h \
	src/base/span.c src/base/span.h \
	src/base/text.c src/base/text.h \
	src/base/units.c src/base/units.h \
	src/base/version.c src/base/version.h \
	src/base/wtime.c src/base/wtime.h
