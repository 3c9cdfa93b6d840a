# store: SQLite and its writer thread; the only place with sqlite3.h.
noinst_LIBRARIES += libtrackup-store.a
libtrackup_store_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS)
libtrackup_store_a_CFLAGS = $(AM_CFLAGS) -pthread
libtrackup_store_a_SOURCES = \
	src/store/ahead.c src/store/ahead.h \
	src/store/backup.c \
	src/store/copy.c src/store/copy.h \
	src/store/copy_trim.c \
	src/store/db.c src/store/db.h \
	src/store/dbrow.c \
	src/store/feed.c \
	src/store/file.c src/store/file.h \
	src/store/group.c src/store/group.h \
	src/store/internal.h \
	src/store/load.c \
	src/store/read.c \
	src/store/rows.c src/store/rows.h \
	src/store/store.c src/store/store.h \
	src/store/upkeep.c \
	src/store/writer.c
nodist_libtrackup_store_a_SOURCES = src/store/sqltext.h
# What a program needs beside the archive.
STORE_LIBS = $(SQLITE_LIBS) -lpthread

# Migrations in their order, then the statements.
store_sql = sql/001-init.sql sql/002-engine.sql sql/queries.sql
EXTRA_DIST += $(store_sql) build-aux/sqlgen.awk
BUILT_SOURCES += src/store/sqltext.h
CLEANFILES += src/store/sqltext.h
# For those who make one object or archive only.
$(libtrackup_store_a_OBJECTS): src/store/sqltext.h
src/store/sqltext.h: $(store_sql) build-aux/sqlgen.awk
	$(AM_V_GEN)$(MKDIR_P) src/store && \
	(cd $(srcdir) && LC_ALL=C $(AWK) -f build-aux/sqlgen.awk \
	    $(store_sql)) > $@.tmp && mv $@.tmp $@
