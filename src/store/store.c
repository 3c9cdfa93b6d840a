#include "config.h"
#include "store/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "store/db.h"
#include "store/internal.h"

#define GROUP_MAX_DEFAULT 1000
#define QUEUE_MAX_DEFAULT ((size_t)64 << 20)
#define RETRY_MS_DEFAULT 1000

int64_t
store_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
store_notify(struct store *s)
{
	uint64_t one = 1;

	/* The counter is only ever full when the reader is told anyhow. */
	(void)!write(s->fd, &one, sizeof(one));
}

static int
sync_init(struct store *s)
{
	pthread_condattr_t attr;
	int r;

	if ((r = pthread_mutex_init(&s->lock, NULL)) != 0)
		return r;
	if ((r = pthread_condattr_init(&attr)) != 0)
		goto no_attr;
	/* Waits must not follow the wall clock. */
	if ((r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)) == 0)
		r = pthread_cond_init(&s->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (r == 0)
		return 0;
no_attr:
	(void)pthread_mutex_destroy(&s->lock);
	return r;
}

int
store_open(struct store **ret, const struct store_config *cfg,
    struct errtext *err)
{
	struct db_hooks hooks;
	struct store *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->path = strdup(cfg->path)) == NULL) {
		free(s);
		return errtext_set(err, STORE_ERR_MEMORY, "no memory");
	}
	s->linger_ms = cfg->linger_ms;
	s->retry_ms = cfg->retry_ms > 0 ? cfg->retry_ms : RETRY_MS_DEFAULT;
	s->group_max = cfg->group_max > 0 ? cfg->group_max : GROUP_MAX_DEFAULT;
	s->queue_max_bytes = cfg->queue_max_bytes > 0 ? cfg->queue_max_bytes :
	    QUEUE_MAX_DEFAULT;
	s->shared.stats.queue_max_bytes = s->queue_max_bytes;
	s->shared.last = &s->shared.first;
	read_list_init(&s->shared.waiting);
	read_list_init(&s->shared.answered);
	s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->fd < 0 || sync_init(s) != 0) {
		r = errtext_set(err, STORE_ERR_MEMORY, "eventfd or mutex: %s",
		    strerror(errno));
		goto no_sync;
	}
	hooks = (struct db_hooks){.arg = cfg->hook_arg, .busy = cfg->busy,
	    .copied = cfg->copied};
	if ((r = db_open_hooked(&s->db, s->path, true, &hooks, err)) < 0)
		goto no_db;
	upkeep_init(s);
	s->commit_number = s->db->commit_number;
	*ret = s;
	return 0;
no_db:
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
no_sync:
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->path);
	free(s);
	return r;
}

int
store_start(struct store *s, struct errtext *err)
{
	sigset_t all, old;
	int r;

	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&s->thread, NULL, writer_main, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return errtext_set(err, STORE_ERR_MEMORY,
		    "no thread for the database: %s", strerror(r));
	s->started = true;
	return 0;
}

void
store_close(struct store *s)
{
	struct read *r;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->shared.stopping = true;
	s->shared.stop_at_ms = store_now_ms() + CLOSE_FLUSH_MS;
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	if (s->started)
		(void)pthread_join(s->thread, NULL);
	else
		(void)writer_main(s);
	backup_done(s);
	db_close(s->db);
	batch_free_all(s->group.first);
	batch_free_all(s->shared.first);
	while ((r = read_list_pop(&s->shared.waiting)) != NULL ||
	    (r = read_list_pop(&s->shared.answered)) != NULL)
		read_free(r);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->lock);
	(void)close(s->fd);
	free(s->path);
	free(s);
}

int
store_fd(const struct store *s)
{
	return s->fd;
}

/* The group in work stays: the writer may have it in hand. */
void
store_break_locked(struct store *s, const char *why)
{
	struct store_stats *st = &s->shared.stats;
	struct batch *b;
	struct read *r;

	st->state = STORE_BROKEN;
	(void)snprintf(st->error, sizeof(st->error), "%s", why);
	for (b = s->shared.first; b != NULL; b = b->next)
		st->queue_bytes -= b->bytes;
	batch_free_all(s->shared.first);
	s->shared.first = NULL;
	s->shared.last = &s->shared.first;
	s->shared.ops = 0;
	s->shared.over = false;
	while ((r = read_list_pop(&s->shared.waiting)) != NULL) {
		r->status = -1;
		read_list_push(&s->shared.answered, r);
	}
	(void)pthread_cond_signal(&s->wake);
}

/* A broken store takes nothing and holds nobody back: the relay may go on. */
bool
store_submit(struct store *s, uint64_t ticket, struct opbuf *ops)
{
	struct batch *b = ops->failed ? NULL : batch_new(ticket, ops);
	struct store_stats *st = &s->shared.stats;
	bool room = true, tell;

	(void)pthread_mutex_lock(&s->lock);
	if (b == NULL && st->state != STORE_BROKEN) {
		/* A batch is lost; what comes after it must not be kept. */
		store_break_locked(s, "no memory for a batch");
		store_notify(s);
	}
	if (b == NULL || st->state == STORE_BROKEN) {
		(void)pthread_mutex_unlock(&s->lock);
		batch_free_all(b);
		opbuf_done(ops);
		return true;
	}
	/* Of the others the writer knows when it will look. */
	tell = s->shared.first == NULL;
	if (tell)
		s->shared.since_ms = store_now_ms();
	*s->shared.last = b;
	s->shared.last = &b->next;
	s->shared.ops += b->ops.count;
	tell = tell || s->shared.ops >= s->group_max;
	st->queue_bytes += b->bytes;
	if (b->bytes > s->queue_max_bytes)
		s->shared.bulk_bytes += b->bytes;
	if (st->queue_bytes - s->shared.bulk_bytes > s->queue_max_bytes) {
		s->shared.over = true;
		st->queue_full_hits++;
		room = false;
	}
	if (tell)
		(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	return room;
}

/* Takes r. */
static bool
read_submit(struct store *s, struct read *r)
{
	bool taken = false;

	(void)pthread_mutex_lock(&s->lock);
	if (s->shared.reads < READS_MAX) {
		taken = true;
		s->shared.reads++;
		if (s->shared.stats.state == STORE_BROKEN) {
			r->status = r->page.status = -1;
			read_list_push(&s->shared.answered, r);
			store_notify(s);
		} else {
			read_list_push(&s->shared.waiting, r);
			(void)pthread_cond_signal(&s->wake);
		}
	}
	if (!taken)
		s->shared.stats.reads_refused++;
	(void)pthread_mutex_unlock(&s->lock);
	if (!taken)
		read_free(r);
	return taken;
}

bool
store_timeline(struct store *s, uint64_t device, int64_t after, size_t limit,
    store_timeline_fn *fn, void *arg)
{
	struct read *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return false;
	r->device = device;
	r->after = after;
	r->limit = limit == 0 || limit > TIMELINE_ROWS_MAX ?
	    TIMELINE_ROWS_MAX : limit;
	r->fn = fn;
	r->arg = arg;
	return read_submit(s, r);
}

bool
store_feed(struct store *s, const struct feed_query *q, feed_fn *fn,
    void *arg)
{
	struct read *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return false;
	r->is_feed = true;
	r->query = *q;
	if (q->limit == 0 || q->limit > FEED_ROWS_MAX)
		r->query.limit = FEED_ROWS_MAX;
	r->feed_fn = fn;
	r->arg = arg;
	return read_submit(s, r);
}

static void
forget_in(struct read *r, const void *arg)
{
	for (; r != NULL; r = r->next)
		if (r->arg == arg) {
			r->fn = NULL;
			r->feed_fn = NULL;
		}
}

void
store_forget(struct store *s, void *arg)
{
	(void)pthread_mutex_lock(&s->lock);
	forget_in(s->shared.waiting.first, arg);
	forget_in(s->shared.answered.first, arg);
	if (s->shared.reading != NULL && s->shared.reading->arg == arg) {
		s->shared.reading->fn = NULL;
		s->shared.reading->feed_fn = NULL;
	}
	(void)pthread_mutex_unlock(&s->lock);
}

/* One at a time: a callback may ask again, or forget another answer. Only as
 * many as were there, so that asking again in the callback ends. */
static void
answer_reads(struct store *s)
{
	size_t left = READS_MAX;
	struct read *r;

	while (left-- > 0) {
		(void)pthread_mutex_lock(&s->lock);
		if ((r = read_list_pop(&s->shared.answered)) != NULL)
			s->shared.reads--;
		(void)pthread_mutex_unlock(&s->lock);
		if (r == NULL)
			return;
		if (r->fn != NULL)
			r->fn(r->arg, r->status, r->rows, r->count, r->more);
		if (r->feed_fn != NULL)
			r->feed_fn(r->arg, &r->page);
		read_free(r);
	}
}

void
store_poll(struct store *s, uint64_t *ret_ticket, enum store_state *ret_state,
    bool *ret_room)
{
	uint64_t n;

	/* Emptied first: what happens after this makes it readable again. */
	(void)!read(s->fd, &n, sizeof(n));
	(void)pthread_mutex_lock(&s->lock);
	if (s->shared.durable != 0)
		*ret_ticket = s->shared.durable;
	*ret_state = s->shared.stats.state;
	*ret_room = !s->shared.over;
	(void)pthread_mutex_unlock(&s->lock);
	answer_reads(s);
	backup_answer(s);
}

void
store_set_limits(struct store *s, const struct store_limits *limits)
{
	(void)pthread_mutex_lock(&s->lock);
	s->shared.limits = *limits;
	s->shared.looked = false;
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
}

int64_t
store_heard_ms_ago(struct store *s)
{
	int64_t ago;

	(void)pthread_mutex_lock(&s->lock);
	ago = store_now_ms() - s->shared.stats.heard_ms;
	s->shared.ping = true;
	(void)pthread_cond_signal(&s->wake);
	(void)pthread_mutex_unlock(&s->lock);
	return ago;
}

enum store_state
store_good_locked(const struct store *s)
{
	return s->shared.low ? STORE_LOW : STORE_OK;
}

void
store_get_stats(struct store *s, struct store_stats *ret)
{
	(void)pthread_mutex_lock(&s->lock);
	*ret = s->shared.stats;
	ret->reads = s->shared.reads;
	ret->reads_max = READS_MAX;
	(void)pthread_mutex_unlock(&s->lock);
}
