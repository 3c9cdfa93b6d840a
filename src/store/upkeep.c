#include "config.h"
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "store/db.h"

/* So that a disk at its limit does not go to and fro. */
#define ROOM_AGAIN(min_free) ((min_free) + (min_free) / 16)
#define CLOCK_STEADY_MS 60000

static int64_t
wall_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
prune_every(const struct store_limits *l)
{
	return l->prune_every_ms > 0 ? l->prune_every_ms : PRUNE_EVERY_MS;
}

void
upkeep_init(struct store *s)
{
	s->upkeep.prune_after = -1;
	s->shared.stats.heard_ms = store_now_ms();
}

int64_t
upkeep_due_at_locked(const struct store *s)
{
	int64_t due = s->shared.looked ? INT64_MAX : 0;

	if (s->shared.limits.min_free > 0)
		due = MIN_OF(due, s->upkeep.disk_at_ms);
	if (s->shared.limits.retain_ms > 0 && s->db != NULL)
		due = MIN_OF(due, s->upkeep.prune_at_ms);
	return due;
}

/* --- the disk --------------------------------------------------------------*/

/* What a user without privileges may still take. */
static bool
disk_free(const char *path, uint64_t *ret)
{
	struct statvfs v;

	if (statvfs(path, &v) < 0)
		return false;
	*ret = (uint64_t)v.f_bavail * v.f_frsize;
	return true;
}

static void
disk_look(struct store *s, const struct store_limits *l)
{
	struct store_stats *st = &s->shared.stats;
	uint64_t room = 0;
	bool low, known = disk_free(s->path, &room);
	enum store_state before;

	s->upkeep.disk_at_ms = store_now_ms() + DISK_LOOK_MS;
	(void)pthread_mutex_lock(&s->lock);
	before = st->state;
	if (known)
		st->disk_free = room;
	low = known && l->min_free > 0 && room < (s->shared.low ?
	    ROOM_AGAIN(l->min_free) : l->min_free);
	if (low && !s->shared.low)
		st->disk_low_hits++;
	s->shared.low = low;
	s->shared.looked = true;
	/* A full disk and a broken one are worse, and end otherwise. */
	if (before == STORE_OK || before == STORE_LOW)
		st->state = store_good_locked(s);
	(void)pthread_mutex_unlock(&s->lock);
	if (st->state != before)
		store_notify(s);
}

/* --- old events ------------------------------------------------------------*/

static bool
bind(sqlite3_stmt *st, const char *name, int64_t v)
{
	int i = sqlite3_bind_parameter_index(st, name);

	return i > 0 && sqlite3_bind_int64(st, i, v) == SQLITE_OK;
}

static int
first_and_last(struct db *db, int64_t *ret_first, int64_t *ret_last,
    struct errtext *err)
{
	sqlite3_stmt *st = db->stmt[STMT_EVENT_RANGE];

	if (sqlite3_step(st) != SQLITE_ROW)
		return db_error(db, "event_range", err);
	*ret_first = sqlite3_column_int64(st, 0);
	*ret_last = sqlite3_column_int64(st, 1);
	db_reset(db, STMT_EVENT_RANGE);
	return 0;
}

/* Removes what is old among the next ids. *ret_old: whether any was; when none
 * is, those behind are younger still. */
static int
prune_range(struct store *s, int64_t through, bool *ret_old,
    struct errtext *err)
{
	struct upkeep *u = &s->upkeep;
	sqlite3_stmt *any = s->db->stmt[STMT_EVENT_OLD];
	sqlite3_stmt *del = s->db->stmt[STMT_EVENT_PRUNE];
	int r;

	if (!bind(any, ":after", u->prune_after) ||
	    !bind(any, ":through", through) ||
	    !bind(any, ":before", u->prune_before_wall) ||
	    !bind(del, ":after", u->prune_after) ||
	    !bind(del, ":through", through) ||
	    !bind(del, ":before", u->prune_before_wall))
		return db_error(s->db, "event_prune", err);
	if (sqlite3_step(any) != SQLITE_ROW)
		return db_error(s->db, "event_old", err);
	*ret_old = sqlite3_column_int(any, 0) != 0;
	db_reset(s->db, STMT_EVENT_OLD);
	if (!*ret_old)
		return 0;
	r = db_run(s->db, STMT_EVENT_PRUNE, err);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&s->lock);
	s->shared.stats.pruned += (uint64_t)sqlite3_changes64(s->db->h);
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* A clock that stands wrong for a while must not make all of history old: no
 * look back unless it ran evenly since the last one. */
static bool
clock_steady(struct upkeep *u)
{
	int64_t offset = wall_ms() - store_now_ms();
	bool steady = u->clock_known && llabs((long long)(offset -
	    u->clock_offset_ms)) < CLOCK_STEADY_MS;

	u->clock_offset_ms = offset;
	u->clock_known = true;
	return steady;
}

/* One step, or the begin of a walk from the oldest event on. */
static int
prune_step(struct store *s, const struct store_limits *l, struct errtext *err)
{
	struct upkeep *u = &s->upkeep;
	int64_t first, through;
	bool old = false;
	int r;

	if (u->prune_after < 0) {
		u->prune_at_ms = store_now_ms() + prune_every(l);
		if (!clock_steady(u))
			return 0;
		if ((r = first_and_last(s->db, &first, &u->prune_last,
		    err)) < 0)
			return r;
		if (u->prune_last == 0)
			return 0;
		u->prune_after = first - 1;
		u->prune_before_wall = wall_ms() - l->retain_ms;
	}
	through = u->prune_after + PRUNE_ROWS;
	r = prune_range(s, through, &old, err);
	u->prune_after = through;
	if (r < 0 || !old || through >= u->prune_last) {
		u->prune_after = -1;
		u->prune_at_ms = store_now_ms() + prune_every(l);
	} else {
		u->prune_at_ms = store_now_ms() + PRUNE_PAUSE_MS;
	}
	return r;
}

int
upkeep_work(struct store *s, struct errtext *err)
{
	struct store_limits l;
	int64_t now = store_now_ms();
	bool looked;
	int r = 0;

	(void)pthread_mutex_lock(&s->lock);
	l = s->shared.limits;
	looked = s->shared.looked;
	(void)pthread_mutex_unlock(&s->lock);
	if (!looked || (l.min_free > 0 && now >= s->upkeep.disk_at_ms))
		disk_look(s, &l);
	if (s->db != NULL && l.retain_ms > 0 && now >= s->upkeep.prune_at_ms)
		r = prune_step(s, &l, err);
	/* No room to remove something: what waits for room is told already. */
	return r == DB_FULL ? 0 : r;
}
