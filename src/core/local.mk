# core: decisions; with base and proto the pure archive, free of any library.
noinst_LIBRARIES += libtrackup-pure.a
libtrackup_pure_a_SOURCES = $(libtrackup_base_a_SOURCES) $(proto_sources) \
	src/core/core.h \
	src/core/event.c src/core/event.h \
	src/core/record.c src/core/record.h \
	src/core/spec.c src/core/spec.h \
	src/core/view.h \
	src/core/words.c src/core/words.h
