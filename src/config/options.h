#ifndef TRACKUP_CONFIG_OPTIONS_H
#define TRACKUP_CONFIG_OPTIONS_H
/*
 * options: one row per option, from which loader, range errors, dump, and the
 * test that holds sample and manual against the code all read.
 *
 * A table covers one map and the maps of fixed shape below it: the key of a
 * row is its path ("trackers.listen"). Entries of lists of maps have a table
 * of their own.
 */
#include <stdint.h>
#include "base/attr.h"
#include "base/sbuf.h"
#include "config/values.h"
#include "config/yamlwalk.h"

enum {
	OPT_LIST = 1 << 0,     /* a list of such values, or of maps */
	OPT_REQUIRED = 1 << 1,
	OPT_SECRET = 1 << 2,   /* never shown */
	OPT_RESTART = 1 << 3,  /* a reload does not change it */
	OPT_OFF = 1 << 4,      /* the word off stands for 0 */
	OPT_ANY_NODE = 1 << 5, /* its loader looks at the kind of node */
	OPT_POINTER = 1 << 6,  /* stored as char *, not in place */
	OPT_VERBATIM = 1 << 7, /* its loader stores it; the place keeps YAML
	                        * that says the same, for dumps */
};

#define OPT_MASK "********" /* what a dump shows of a secret */

struct option {
	const char *key;
	enum value_type type;
	unsigned flags;
	const char *dflt; /* as it stands in a file; NULL = none */
	int64_t min, max; /* of the number, or of the text's bytes */
	const char *const *words; /* in the order of their enum; ends in NULL */
	const struct opt_table *rows; /* of the entries of a VALUE_NODE */
	size_t offset, size;  /* in the struct; size 0 = not stored */
	size_t count_offset;  /* of a stored list */
	const char *help;
};

struct opt_table {
	const struct option *row;
	size_t count;
};

/* Where a row's value lies. */
#define OPT_AT(type, field) \
	.offset = offsetof(type, field), .size = sizeof(((type *)0)->field)

/* What a file, or the default, says. */
struct opt_value {
	int node;           /* 0 = the default */
	struct note_pos pos;  /* of the value, or of the map that lacks it */
	bool bad;           /* an error was reported: look no further */
	int64_t num;
	struct span text;   /* borrowed from the tree or the table */
};

/* Reads the map at node into v[0 .. t->count). Every problem goes to w. path
 * is where the map stands ("packages[0]", "" = the file). */
void opt_walk(struct yw *w, int node, const struct opt_table *t,
    const char *path, struct opt_value *v);
/* One scalar by the rules of a row; key is for messages. */
void opt_scalar(struct yw *w, int node, const struct option *o,
    const char *key, struct opt_value *ret);
/* What a row says when nobody else does; neither a list nor a node. */
void opt_default(const struct option *o, struct opt_value *ret);
/* Of a list of scalars, given or default. */
size_t opt_list_count(const struct yw *w, const struct option *o,
    const struct opt_value *v);
struct span opt_list_item(const struct yw *w, const struct option *o,
    const struct opt_value *v, size_t i);

/* The row of a key; t->count = there is none. */
size_t opt_row(const struct opt_table *t, const char *key);
/* The same for our own code: a key that the table lacks is a bug. */
size_t opt_find(const struct opt_table *t, const char *key);
/* "1s..30d", "all, heartbeat", "up to 6 characters"; "" when anything goes. */
void opt_range(const struct option *o, struct sbuf *out);

/* Rows that have a place, into the struct at base. -1: no memory. Lists of
 * texts are the loader's. */
MUST_CHECK int opt_store(const struct opt_table *t, const struct opt_value *v,
    void *base);
/* Releases what OPT_POINTER rows own. */
void opt_release(const struct opt_table *t, void *base);

/* A text as YAML that reads back as the same text. */
void opt_put_text(struct sbuf *out, struct span s);

#endif
