#include "config.h"
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/db.h"

/*
 * A page of the feed. Everything here is bounded by WINDOW ids and by the
 * rows of a page, whatever the filter leaves out: the writer, on whose thread
 * it runs, has groups to commit.
 */
#define WINDOW 5000

/* What both sequences have in common. */
struct sequence {
	enum stmt range, from;
};

static const struct sequence events = {STMT_EVENT_RANGE, STMT_EVENT_FROM};
static const struct sequence audits = {STMT_AUDIT_RANGE, STMT_AUDIT_FROM};

static bool
bind(sqlite3_stmt *st, const char *name, int64_t v)
{
	int i = sqlite3_bind_parameter_index(st, name);

	return i > 0 && sqlite3_bind_int64(st, i, v) == SQLITE_OK;
}

static bool
bind_campaign(sqlite3_stmt *st, const char *campaign)
{
	int i = sqlite3_bind_parameter_index(st, ":campaign");

	return i > 0 && sqlite3_bind_text(st, i, campaign, -1,
	    SQLITE_STATIC) == SQLITE_OK;
}

static int
range(struct db *db, const struct sequence *q, int64_t *ret_first,
    int64_t *ret_last, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[q->range];

	if (sqlite3_step(st) != SQLITE_ROW) {
		int r = db_error(db, "feed", err);

		db_reset(db, q->range);
		return r;
	}
	*ret_first = sqlite3_column_int64(st, 0);
	*ret_last = sqlite3_column_int64(st, 1);
	db_reset(db, q->range);
	return 0;
}

/* The first row from id on: 1, 0 = there is none, or a DB_ code. */
static int
row_from(struct db *db, const struct sequence *q, int64_t id, int64_t *ret_id,
    int64_t *ret_wall, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[q->from];
	int e, r = 0;

	if (!bind(st, ":id", id))
		return db_error(db, "feed", err);
	e = sqlite3_step(st);
	if (e == SQLITE_ROW) {
		*ret_id = sqlite3_column_int64(st, 0);
		*ret_wall = sqlite3_column_int64(st, 1);
		r = 1;
	} else if (e != SQLITE_DONE) {
		r = db_error(db, "feed", err);
	}
	db_reset(db, q->from);
	return r;
}

/* Ids ascend with time, but for a clock that was set back. */
static int
seek(struct db *db, const struct sequence *q, int64_t wall, int64_t *ret_after,
    struct errtext *err)
{
	int64_t lo = 0, hi = 0, mid, id = 0, at = 0;
	int r;

	if ((r = range(db, q, &lo, &hi, err)) < 0)
		return r;
	hi++;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((r = row_from(db, q, mid, &id, &at, err)) < 0)
			return r;
		if (r == 0 || at >= wall)
			hi = mid;
		else
			lo = id + 1;
	}
	*ret_after = lo > 0 ? lo - 1 : 0;
	return 0;
}

/* Brings a position to where there are rows: what is behind it may have been
 * removed, and where an older backup was restored there may be none yet. */
static int
settle(struct db *db, const struct sequence *q, struct feed_page *p,
    int64_t *position, int64_t *ret_last, struct errtext *err)
{
	int64_t first = 0, have = *position;
	int e;

	if ((e = range(db, q, &first, ret_last, err)) < 0)
		return e;
	*position = MIN_OF(MAX_OF(have, first - 1), *ret_last);
	p->gap = p->gap || (have > 0 && have != *position);
	return 0;
}

/* last: the newest event that there is. */
static int
read_events(struct read *r, struct db *db, int64_t last, struct errtext *err)
{
	const struct feed_query *q = &r->query;
	int extra = (int)row_types[OP_EVENT].column_count, e;
	sqlite3_stmt *st = db->stmt[STMT_FEED_EVENT];
	struct feed_page *p = &r->page;
	int64_t through;
	size_t n = 0;

	through = MIN_OF(p->event + WINDOW, last);
	if (!bind(st, ":after", p->event) || !bind(st, ":through", through) ||
	    !bind_campaign(st, q->campaign) ||
	    !bind(st, ":limit", (int64_t)q->limit))
		return db_error(db, "feed", err);
	for (; n < q->limit; n++) {
		struct feed_row *row = &r->feed_rows[n];

		if ((e = db_next_of(db, OP_EVENT, STMT_FEED_EVENT, &row->ev,
			err)) < 0)
			return e;
		if (e == 0)
			break;
		row->event = sqlite3_column_int64(st, extra);
		(void)snprintf(row->campaign, sizeof(row->campaign), "%s",
		    (const char *)sqlite3_column_text(st, extra + 1));
		(void)snprintf(row->device, sizeof(row->device), "%s",
		    (const char *)sqlite3_column_text(st, extra + 2));
	}
	db_reset(db, STMT_FEED_EVENT);
	p->event = n == q->limit ? r->feed_rows[n - 1].event
	    : MAX_OF(p->event, through);
	p->more = p->event < last;
	p->count = n;
	return 0;
}

/* Up to when the events of this page tell: nothing later may pass them. */
static int
horizon(struct db *db, const struct feed_page *p, int64_t *ret_wall,
    struct errtext *err)
{
	int64_t id;
	int r;

	*ret_wall = INT64_MAX;
	if (!p->more)
		return 0;
	r = row_from(db, &events, p->event + 1, &id, ret_wall, err);
	return r < 0 ? r : 0;
}

/* Behind the events in r->feed_rows, with the same room again. */
static int
read_audit(struct read *r, struct db *db, enum stmt id, int64_t until_wall,
    struct errtext *err)
{
	int extra = (int)row_types[OP_AUDIT].column_count, e;
	sqlite3_stmt *st = db->stmt[id];
	struct feed_page *p = &r->page;

	for (size_t n = 0;; n++) {
		struct feed_row *row = &r->feed_rows[p->count];

		if ((e = db_next_of(db, OP_AUDIT, id, &row->au, err)) <= 0)
			return e;
		if (n == r->query.limit || row->au.wall > until_wall)
			break;
		row->is_audit = true;
		row->audit = p->audit = sqlite3_column_int64(st, extra);
		p->count++;
	}
	p->more = true;
	db_reset(db, id);
	return 0;
}

static int64_t
row_wall(const struct feed_row *row)
{
	return row->is_audit ? row->au.wall : row->ev.wall;
}

/* Two runs, each in order, into one; each row's position counts both. */
static int
merge(struct read *r, size_t n_events, int64_t event, int64_t audit)
{
	struct feed_page *p = &r->page;
	struct feed_row *out = calloc(p->count + 1, sizeof(*out));
	size_t i = 0, j = n_events, n = 0;

	if (out == NULL)
		return -1;
	while (n < p->count) {
		const struct feed_row *a = &r->feed_rows[i];
		const struct feed_row *b = &r->feed_rows[j];
		bool first = j == p->count ||
		    (i < n_events && row_wall(a) <= row_wall(b));

		out[n] = *(first ? a : b);
		if (first)
			event = r->feed_rows[i++].event;
		else
			audit = r->feed_rows[j++].audit;
		out[n].event = event;
		out[n].audit = audit;
		n++;
	}
	free(r->feed_rows);
	r->feed_rows = out;
	return 0;
}

static int
run_behind(struct read *r, struct db *db, struct errtext *err)
{
	struct feed_page *p = &r->page;
	sqlite3_stmt *st = db->stmt[STMT_FEED_AUDIT];
	int64_t event, audit, last = 0, last_audit = 0, until;
	size_t n;
	int e;

	if ((e = settle(db, &events, p, &p->event, &last, err)) < 0 ||
	    (e = settle(db, &audits, p, &p->audit, &last_audit, err)) < 0)
		return e;
	event = p->event;
	audit = p->audit;
	if ((e = read_events(r, db, last, err)) < 0 ||
	    (e = horizon(db, p, &until, err)) < 0)
		return e;
	n = p->count;
	if (!bind(st, ":after", p->audit) ||
	    !bind_campaign(st, r->query.campaign) ||
	    !bind(st, ":limit", (int64_t)r->query.limit + 1))
		return db_error(db, "feed", err);
	if ((e = read_audit(r, db, STMT_FEED_AUDIT, until, err)) < 0)
		return e;
	if (merge(r, n, event, audit) == 0)
		p->status = 0;
	return 0;
}

static int
run_audit(struct read *r, struct db *db, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_AUDIT_BEFORE];
	int64_t before = r->query.audit > 0 ? r->query.audit : INT64_MAX;
	int e;

	if (!bind(st, ":before", before) ||
	    !bind(st, ":limit", (int64_t)r->query.limit + 1))
		return db_error(db, "audit", err);
	if ((e = read_audit(r, db, STMT_AUDIT_BEFORE, INT64_MAX, err)) < 0)
		return e;
	r->page.status = 0;
	return 0;
}

/* Where the page begins; of FEED_END, where it ends as well. */
static int
position(struct read *r, struct db *db, struct errtext *err)
{
	const struct feed_query *q = &r->query;
	struct feed_page *p = &r->page;
	int64_t first;
	int e;

	p->event = q->event;
	p->audit = q->audit;
	if (q->kind == FEED_SINCE) {
		e = seek(db, &events, q->since_wall, &p->event, err);
		return e < 0 ? e : seek(db, &audits, q->since_wall, &p->audit,
		    err);
	}
	if (q->kind != FEED_END)
		return 0;
	e = range(db, &events, &first, &p->event, err);
	return e < 0 ? e : range(db, &audits, &first, &p->audit, err);
}

int
feed_run(struct read *r, struct db *db, struct errtext *err)
{
	struct feed_page *p = &r->page;
	int e;

	p->status = -1;
	/* Room for one row more, which is read and not kept. */
	r->feed_rows = calloc(2 * r->query.limit + 1, sizeof(*r->feed_rows));
	if (r->feed_rows == NULL)
		return 0; /* this read fails, the store does not */
	if ((e = position(r, db, err)) == 0) {
		if (r->query.kind == FEED_END)
			p->status = 0;
		else if (r->query.kind == FEED_AUDIT)
			e = run_audit(r, db, err);
		else
			e = run_behind(r, db, err);
	}
	if (p->status < 0)
		p->count = 0;
	p->row = r->feed_rows;
	return e;
}
