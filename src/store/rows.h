#ifndef TRACKUP_STORE_ROWS_H
#define TRACKUP_STORE_ROWS_H
/*
 * rows: how each record of core/record.h lies in its table.
 *
 * One const table per record, used both to bind and to load, so that a field
 * cannot be written and then forgotten on the way back. Columns are matched by
 * name when the statements are prepared (db.c): order never matters, and a
 * column that is in only one of SQL and C is refused there.
 */
#include <stddef.h>
#include <stdint.h>
#include "core/record.h"
#include "store/sqltext.h"

enum column_type {
	COLUMN_I64, COLUMN_U64, COLUMN_INT, COLUMN_UINT, COLUMN_U16,
	COLUMN_BOOL,
	COLUMN_TEXT,      /* char array, ends with NUL */
	COLUMN_WORD,      /* an enum, as its word */
	COLUMN_LONG_TEXT, /* char * and, at `length`, its size_t */
};

/* An enum's words; parse gives -1 for a text that is none of them. */
struct word_set {
	const char *(*name)(int v);
	int (*parse)(const char *s);
};

struct column {
	const char *name;
	const struct word_set *words; /* of COLUMN_WORD */
	enum column_type type;
	uint16_t offset, size;
	uint16_t length;              /* of COLUMN_LONG_TEXT: its offset */
};

enum { COLUMNS_MAX = 64 };

struct row_type {
	const char *table;
	const struct column *columns;
	size_t column_count;
	size_t extra_count;    /* further ones, at the end of a load */
	size_t rec_size;
	enum stmt put;
	enum stmt load; /* STMT_COUNT_ = never read back */
};

extern const struct row_type row_types[OP_KIND_COUNT_];

#endif
