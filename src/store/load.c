#include "config.h"
#include "store/store.h"

#include "store/ahead.h"
#include "store/db.h"
#include "store/internal.h"

#define SOON_ROWS 8 /* ahead: about as long as a look into memory takes */

static int
loaded(const struct store_loader *l, enum op_kind kind, const void *rec)
{
	switch (kind) {
	case OP_DEVICE:
		return l->device(l->arg, rec);
	case OP_WAVE:
		return l->wave == NULL ? 0 : l->wave(l->arg, rec);
	case OP_TARGET:
		return l->target(l->arg, rec);
	case OP_ATTEMPT:
		return l->attempt(l->arg, rec);
	case OP_EXCLUSION:
		return l->exclusion(l->arg, rec);
	case OP_TUPLE:
		return l->tuple(l->arg, rec);
	case OP_PACKAGE:
		return l->package == NULL ? 0 : l->package(l->arg, rec);
	default:
		assert(false && "not a kind that is loaded row by row");
		return -1;
	}
}

static int
load_rows(const struct store_loader *l, enum op_kind kind,
    const unsigned char *rows, size_t count)
{
	size_t size = row_types[kind].rec_size;
	bool soon = kind == OP_DEVICE && l->device_soon != NULL;
	int r = 0;

	for (size_t i = 0; i < count && r >= 0; i++) {
		if (soon && i + SOON_ROWS < count)
			l->device_soon(l->arg,
			    (const void *)(rows + (i + SOON_ROWS) * size));
		r = loaded(l, kind, rows + i * size);
	}
	return r;
}

static int
load_kind(struct db *db, const struct store_loader *l, enum op_kind kind,
    struct errtext *err)
{
	struct ahead *a = ahead_start(db, kind, err);
	struct errtext ignored = {0}; /* the caller's own comes first */
	const unsigned char *rows;
	size_t count = 0;
	int r = 0;

	if (a == NULL)
		return STORE_ERR_MEMORY;
	while (r >= 0 && (rows = ahead_next(a, &count)) != NULL)
		r = load_rows(l, kind, rows, count);
	if (r < 0) {
		(void)!ahead_end(a, &ignored);
		return r;
	}
	return ahead_end(a, err) < 0 ? STORE_ERR_CORRUPT : 0;
}

/* Few, and with the text of each. */
static int
load_campaigns(struct db *db, const struct store_loader *l,
    struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_CAMPAIGN_LOAD];
	int col = (int)row_types[OP_CAMPAIGN].column_count;
	struct campaign_rec rec;
	const char *text;
	int r, stop;

	while ((r = db_next(db, OP_CAMPAIGN, &rec, err)) > 0) {
		text = (const char *)sqlite3_column_text(st, col);
		stop = l->campaign(l->arg, &rec, text == NULL ? "" : text,
		    (size_t)sqlite3_column_bytes(st, col));
		if (stop < 0) {
			db_reset(db, STMT_CAMPAIGN_LOAD);
			return stop;
		}
	}
	return r < 0 ? STORE_ERR_CORRUPT : 0;
}

static int
load_single(struct db *db, enum op_kind kind, void *rec, struct errtext *err)
{
	int r = db_next(db, kind, rec, err);

	if (r == 0)
		return errtext_set(err, STORE_ERR_CORRUPT,
		    "%s: the row is missing", row_types[kind].table);
	db_reset(db, row_types[kind].load);
	return r < 0 ? STORE_ERR_CORRUPT : 0;
}

int
store_load(struct store *s, const struct store_loader *l, struct errtext *err)
{
	static const enum op_kind kinds[] = {OP_PACKAGE, OP_WAVE, OP_TARGET,
		OP_ATTEMPT, OP_TUPLE, OP_EXCLUSION};
	struct flags_rec flags;
	struct stamp_rec stamp;
	int r;

	assert(!s->started);
	if ((r = load_single(s->db, OP_FLAGS, &flags, err)) < 0 ||
	    (r = load_single(s->db, OP_STAMP, &stamp, err)) < 0 ||
	    (r = l->flags(l->arg, &flags, &stamp)) < 0 ||
	    (r = load_kind(s->db, l, OP_DEVICE, err)) < 0 ||
	    (r = load_campaigns(s->db, l, err)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((r = load_kind(s->db, l, kinds[i], err)) < 0)
			return r;
	return 0;
}
