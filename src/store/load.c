#include "config.h"
#include "store/store.h"

#include "store/db.h"
#include "store/internal.h"

/* A record of any kind that is loaded. */
union any_rec {
	struct device_rec device;
	struct campaign_rec campaign;
	struct target_rec target;
	struct attempt_rec attempt;
	struct tuple_rec tuple;
	struct stamp_rec stamp;
	struct flags_rec flags;
};

static int
loaded(const struct store_loader *l, struct db *db, enum op_kind kind,
    const union any_rec *rec)
{
	sqlite3_stmt *st;
	const char *text;
	int col;

	switch (kind) {
	case OP_DEVICE:
		return l->device(l->arg, &rec->device);
	case OP_TARGET:
		return l->target(l->arg, &rec->target);
	case OP_ATTEMPT:
		return l->attempt(l->arg, &rec->attempt);
	case OP_TUPLE:
		return l->tuple(l->arg, &rec->tuple);
	case OP_CAMPAIGN:
		st = db->stmt[STMT_CAMPAIGN_LOAD];
		col = (int)row_types[OP_CAMPAIGN].column_count;
		text = (const char *)sqlite3_column_text(st, col);
		return l->campaign(l->arg, &rec->campaign,
		    text == NULL ? "" : text,
		    (size_t)sqlite3_column_bytes(st, col));
	default:
		assert(false && "not a kind that is loaded row by row");
		return -1;
	}
}

static int
load_kind(struct db *db, const struct store_loader *l, enum op_kind kind,
    struct errtext *err)
{
	union any_rec rec;
	int r, stop = 0;

	while ((r = db_next(db, kind, &rec, err)) > 0)
		if ((stop = loaded(l, db, kind, &rec)) < 0) {
			db_reset(db, row_types[kind].load);
			return stop;
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
	static const enum op_kind kinds[] = {OP_DEVICE, OP_CAMPAIGN, OP_TARGET,
		OP_ATTEMPT, OP_TUPLE};
	struct flags_rec flags;
	struct stamp_rec stamp;
	int r;

	assert(!s->started);
	if ((r = load_single(s->db, OP_FLAGS, &flags, err)) < 0 ||
	    (r = load_single(s->db, OP_STAMP, &stamp, err)) < 0 ||
	    (r = l->flags(l->arg, &flags, &stamp)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if ((r = load_kind(s->db, l, kinds[i], err)) < 0)
			return r;
	return 0;
}
