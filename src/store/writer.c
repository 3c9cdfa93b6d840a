#include "config.h"
#include "store/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/plant.h"
#include "store/db.h"

/* Copied into the database when nothing else is to do, and in any case before
 * the log is as large as this. */
#define WAL_IDLE_BYTES ((uint64_t)4 << 20)
#define WAL_MAX_BYTES ((uint64_t)64 << 20)

#define GROUP_GAP_MS 1

const double store_commit_bounds_s[12] = {0.001, 0.002, 0.005, 0.01, 0.02,
	0.05, 0.1, 0.2, 0.5, 1, 5, INFINITY};

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static uint64_t
wal_bytes(const struct db *db)
{
	if (db == NULL || db->wal_frames == 0)
		return 0;
	return 32 + db->wal_frames * (db->page_size + 24);
}

/* When the batches that wait become a group. Who comes after a quiet
 * millisecond is written at once; in a rush a group waits for the next one, for
 * it pays for its pages and its sync whether one report is in it or ten, and
 * what is not written to the log need not be copied by the checkpoint, during
 * which nobody is served. Lock held. */
static int64_t
group_due_at(const struct store *s)
{
	if (s->shared.stopping || s->shared.ops >= s->group_max)
		return 0;
	return MAX_OF(s->shared.since_ms + s->linger_ms,
	    s->busy_at_ms + GROUP_GAP_MS);
}

/* What is to do next, and from when on; INT64_MAX = nothing. Lock held. */
static int64_t
work_due_at(const struct store *s)
{
	int64_t due = INT64_MAX;

	if (s->db == NULL || s->group.first != NULL)
		due = s->retry_at_ms;
	else if (s->shared.first != NULL)
		due = group_due_at(s);
	else if (wal_bytes(s->db) >= WAL_IDLE_BYTES)
		due = MAX_OF(s->busy_at_ms + IDLE_MS, s->checkpoint_at_ms);
	if (s->db != NULL && (s->shared.waiting.first != NULL ||
	    backup_due_locked(s)))
		due = 0;
	return s->shared.ping ? 0 : MIN_OF(due, upkeep_due_at_locked(s));
}

/* Lock held. */
static bool
writer_done(const struct store *s, int64_t now)
{
	if (s->shared.stats.state == STORE_BROKEN)
		return true;
	if (!s->shared.stopping)
		return false;
	return now >= s->shared.stop_at_ms ||
	    (s->shared.first == NULL && s->group.first == NULL);
}

/* Sleeps until there is something to do. False: the end. Lock held. */
static bool
writer_wait(struct store *s)
{
	for (;;) {
		int64_t now = store_now_ms(), due = work_due_at(s);
		struct timespec ts;

		if (writer_done(s, now))
			return false;
		if (due <= now)
			return true;
		if (s->shared.stopping)
			due = MIN_OF(due, s->shared.stop_at_ms);
		if (due == INT64_MAX) {
			(void)pthread_cond_wait(&s->wake, &s->lock);
			continue;
		}
		ts.tv_sec = due / 1000;
		ts.tv_nsec = due % 1000 * 1000000;
		(void)pthread_cond_timedwait(&s->wake, &s->lock, &ts);
	}
}

/* At least one batch, then as many as the group may have. Lock held. */
static void
group_take(struct store *s)
{
	struct group *g = &s->group;
	struct batch *b, **last = &g->first;

	memset(g, 0, sizeof(*g));
	while ((b = s->shared.first) != NULL &&
	    (g->first == NULL || g->ops + b->ops.count <= s->group_max)) {
		s->shared.first = b->next;
		s->shared.ops -= b->ops.count;
		b->next = NULL;
		*last = b;
		last = &b->next;
		g->ops += b->ops.count;
		g->bytes += b->bytes;
		g->ticket = b->ticket;
	}
	if (s->shared.first == NULL)
		s->shared.last = &s->shared.first;
	g->number = s->commit_number + 1;
	if (planted("store_early_ticket"))
		s->shared.durable = g->ticket;
}

/* The group is on disk: here, and only here, its ticket becomes durable. */
static void
group_done(struct store *s)
{
	struct group *g = &s->group;
	struct store_stats *st = &s->shared.stats;

	s->commit_number = g->number;
	(void)pthread_mutex_lock(&s->lock);
	s->shared.durable = g->ticket;
	if (st->state != STORE_BROKEN)
		st->state = store_good_locked(s);
	st->operations += g->ops;
	assert(st->queue_bytes >= g->bytes);
	st->queue_bytes -= g->bytes;
	for (const struct batch *b = g->first; b != NULL; b = b->next)
		if (b->bytes > s->queue_max_bytes)
			s->shared.bulk_bytes -= b->bytes;
	if (st->queue_bytes - s->shared.bulk_bytes <= s->queue_max_bytes / 2)
		s->shared.over = false;
	st->wal_bytes = wal_bytes(s->db);
	(void)pthread_mutex_unlock(&s->lock);
	batch_free_all(g->first);
	memset(g, 0, sizeof(*g));
	s->retry_at_ms = 0;
	store_notify(s);
}

static void
commit_counted(struct store *s, int64_t took_us)
{
	struct store_stats *st = &s->shared.stats;
	size_t i = 0;

	while ((double)took_us > store_commit_bounds_s[i] * 1e6)
		i++;
	(void)pthread_mutex_lock(&s->lock);
	st->commits++;
	st->commit_us_total += (uint64_t)took_us;
	st->commit_bucket[i]++;
	(void)pthread_mutex_unlock(&s->lock);
}

/* Whether this failure is one too many. */
static bool
failures_exhausted(struct store *s, int64_t now)
{
	memmove(&s->failed_at_ms[1], &s->failed_at_ms[0],
	    sizeof(s->failed_at_ms) - sizeof(s->failed_at_ms[0]));
	s->failed_at_ms[0] = now;
	if (s->failure_count < FAILURES_MAX)
		s->failure_count++;
	return s->failure_count == FAILURES_MAX &&
	    now - s->failed_at_ms[FAILURES_MAX - 1] < FAILURE_WINDOW_MS;
}

/* No room: the connection is good, and the group stays for another try. Any
 * other failure costs the connection: what a failed sync left in the page
 * cache is unknown, and a second try on it would be told a lie. A record that
 * the schema refuses would be refused again, and nothing behind it may pass. */
static void
writer_failed(struct store *s, int code, const char *text)
{
	int64_t now = store_now_ms();
	bool broken = code == DB_REFUSED;

	if (code != DB_FULL) {
		backup_break(s, STORE_ERR_OPEN, text);
		db_abandon(s->db);
		s->db = NULL;
		if (failures_exhausted(s, now))
			broken = true;
	}
	s->retry_at_ms = code == DB_FULL || s->failure_count > 1 ?
	    now + s->retry_ms : now;
	(void)pthread_mutex_lock(&s->lock);
	s->shared.stats.failures++;
	(void)snprintf(s->shared.stats.error, sizeof(s->shared.stats.error),
	    "%s", text);
	if (code == DB_FULL)
		s->shared.stats.state = STORE_FULL;
	if (broken)
		store_break_locked(s, text);
	(void)pthread_mutex_unlock(&s->lock);
	store_notify(s);
}

/* After a failure the file tells by its number whether the group in work had
 * reached it. db_open() has settled the log: what is read is on disk. */
static void
writer_reopen(struct store *s)
{
	struct errtext err = {0};
	uint64_t number;

	if (db_open(&s->db, s->path, false, &err) < 0) {
		writer_failed(s, DB_FAILED, err.text);
		return;
	}
	if (!s->db->checkpointed) {
		db_abandon(s->db);
		s->db = NULL;
		writer_failed(s, DB_FULL, "no room to settle the log");
		return;
	}
	number = s->db->commit_number;
	if (planted("store_double_apply"))
		return;
	if (s->group.first != NULL && number == s->group.number)
		group_done(s);
	else if (number != s->commit_number)
		writer_failed(s, DB_REFUSED,
		    "the database is not the one that was open before");
}

static void
writer_commit(struct store *s)
{
	struct errtext err = {0};
	int64_t start = now_us();
	int r = group_apply(&s->group, s->db, &err);

	s->busy_at_ms = store_now_ms();
	if (r < 0) {
		writer_failed(s, r, err.text);
		return;
	}
	commit_counted(s, now_us() - start);
	group_done(s);
}

static void
writer_checkpoint(struct store *s)
{
	struct errtext err = {0};
	int r = db_checkpoint(s->db, &err);

	if (r == 0) {
		(void)pthread_mutex_lock(&s->lock);
		s->shared.stats.wal_bytes = wal_bytes(s->db);
		(void)pthread_mutex_unlock(&s->lock);
	} else if (r == DB_FULL) {
		/* Commits still work: the log is there for it. */
		s->checkpoint_at_ms = store_now_ms() + s->retry_ms;
	} else {
		writer_failed(s, r, err.text);
	}
}

static bool
checkpoint_due(const struct store *s, int64_t now)
{
	uint64_t bytes = wal_bytes(s->db);

	if (bytes < WAL_IDLE_BYTES || now < s->checkpoint_at_ms)
		return false;
	return bytes >= WAL_MAX_BYTES || now >= s->busy_at_ms + IDLE_MS;
}

/* Takes and gives back the lock around the query. Lock held. */
static void
writer_read(struct store *s)
{
	struct errtext err = {0};
	struct read *r = read_list_pop(&s->shared.waiting);
	int e;

	s->shared.reading = r;
	(void)pthread_mutex_unlock(&s->lock);
	/* A row that does not fit is the asker's trouble only. */
	e = read_run(r, s->db, &err);
	if (e < 0 && e != DB_REFUSED)
		writer_failed(s, e, err.text);
	(void)pthread_mutex_lock(&s->lock);
	s->shared.reading = NULL;
	read_list_push(&s->shared.answered, r);
	store_notify(s);
}

static void
writer_upkeep(struct store *s)
{
	struct errtext err = {0};
	int r = upkeep_work(s, &err);

	if (r < 0)
		writer_failed(s, r, err.text);
}

void *
writer_main(void *arg)
{
	struct store *s = arg;

	(void)pthread_mutex_lock(&s->lock);
	while (writer_wait(s)) {
		bool due;

		s->shared.ping = false;
		s->shared.stats.heard_ms = store_now_ms();
		/* One read a turn: a group never waits for more. */
		if (s->db != NULL && s->shared.waiting.first != NULL)
			writer_read(s);
		if (s->db != NULL && s->group.first == NULL &&
		    s->shared.first != NULL &&
		    group_due_at(s) <= store_now_ms())
			group_take(s);
		(void)pthread_mutex_unlock(&s->lock);
		due = store_now_ms() >= s->retry_at_ms;
		if (s->db == NULL && due)
			writer_reopen(s);
		else if (s->group.first != NULL && due)
			writer_commit(s);
		if (s->db != NULL && checkpoint_due(s, store_now_ms()))
			writer_checkpoint(s);
		if (s->db != NULL)
			backup_work(s);
		writer_upkeep(s);
		(void)pthread_mutex_lock(&s->lock);
	}
	(void)pthread_mutex_unlock(&s->lock);
	backup_break(s, STORE_ERR_STOPPED, "trackupd ends");
	return NULL;
}
