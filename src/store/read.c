#include "config.h"
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/db.h"

void
read_list_init(struct read_list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

void
read_list_push(struct read_list *l, struct read *r)
{
	r->next = NULL;
	*l->last = r;
	l->last = &r->next;
}

struct read *
read_list_pop(struct read_list *l)
{
	struct read *r = l->first;

	if (r == NULL)
		return NULL;
	l->first = r->next;
	if (l->first == NULL)
		l->last = &l->first;
	return r;
}

void
read_free(struct read *r)
{
	free(r->rows);
	free(r->feed_rows);
	free(r);
}

static int
timeline_bind(sqlite3_stmt *st, const struct read *r)
{
	int64_t limit = (int64_t)r->limit + 1; /* one more tells `more` */
	int e;

	if ((e = sqlite3_bind_int64(st,
	    sqlite3_bind_parameter_index(st, ":device"),
	    (int64_t)r->device)) != SQLITE_OK ||
	    (e = sqlite3_bind_int64(st,
	    sqlite3_bind_parameter_index(st, ":after"), r->after)) !=
	    SQLITE_OK)
		return e;
	return sqlite3_bind_int64(st,
	    sqlite3_bind_parameter_index(st, ":limit"), limit);
}

int
read_run(struct read *r, struct db *db, struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_TIMELINE];
	int extra = (int)row_types[OP_EVENT].column_count;
	struct timeline_row *row;
	struct event_rec ev;
	int e;

	if (r->is_feed)
		return feed_run(r, db, err);
	r->status = -1;
	r->rows = calloc(r->limit, sizeof(*r->rows));
	if (r->rows == NULL)
		return 0; /* this read fails, the store does not */
	if (timeline_bind(st, r) != SQLITE_OK)
		return db_error(db, "timeline", err);
	while ((e = db_next(db, OP_EVENT, &ev, err)) > 0) {
		if (r->count == r->limit) {
			r->more = true;
			db_reset(db, STMT_TIMELINE);
			break;
		}
		row = &r->rows[r->count++];
		row->ev = ev;
		row->id = sqlite3_column_int64(st, extra);
		(void)snprintf(row->campaign, sizeof(row->campaign), "%s",
		    (const char *)sqlite3_column_text(st, extra + 1));
	}
	if (e < 0) {
		r->count = 0;
		return e;
	}
	r->status = 0;
	return 0;
}
