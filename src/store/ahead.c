#include "config.h"
#include "store/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* Some milliseconds of rows: when one of the two threads has to wait for a
 * core for a while, the other one goes on. */
#define BLOCK_ROWS 128
#define BLOCKS 64

struct ahead {
	struct db *db;
	enum op_kind kind;
	size_t row_size;
	unsigned char *rows;      /* BLOCKS x BLOCK_ROWS */
	pthread_t thread;
	struct errtext err;       /* the thread's, until it is joined */
	int result;               /* of db_next() at the end; the same */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* with the lock held */
	size_t count[BLOCKS];
	size_t filled, taken;     /* blocks so far */
	bool ended, stop;
};

static unsigned char *
block_at(const struct ahead *a, size_t i)
{
	return a->rows + i % BLOCKS * BLOCK_ROWS * a->row_size;
}

/* False: the end, told or reached. */
static bool
block_wait_free(struct ahead *a)
{
	bool go;

	(void)pthread_mutex_lock(&a->lock);
	while (a->filled - a->taken == BLOCKS && !a->stop)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	go = !a->stop;
	(void)pthread_mutex_unlock(&a->lock);
	return go;
}

static void *
ahead_main(void *arg)
{
	struct ahead *a = arg;
	size_t block = 0;
	int r = 1;

	while (r > 0 && block_wait_free(a)) {
		unsigned char *row = block_at(a, block);
		size_t n = 0;

		while (n < BLOCK_ROWS && (r = db_next(a->db, a->kind, row,
		    &a->err)) > 0) {
			row += a->row_size;
			n++;
		}
		(void)pthread_mutex_lock(&a->lock);
		if (n > 0) {
			a->count[block++ % BLOCKS] = n;
			a->filled = block;
		}
		a->ended = r <= 0;
		(void)pthread_cond_signal(&a->changed);
		(void)pthread_mutex_unlock(&a->lock);
	}
	/* Told to stop in the middle of the table. */
	if (r > 0)
		db_reset(a->db, row_types[a->kind].load);
	a->result = MIN_OF(r, 0);
	return NULL;
}

static int
thread_start(struct ahead *a)
{
	sigset_t all, old;
	int r;

	/* Signals are the main thread's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&a->thread, NULL, ahead_main, a);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

struct ahead *
ahead_start(struct db *db, enum op_kind kind, struct errtext *err)
{
	struct ahead *a = calloc(1, sizeof(*a));
	int r;

	if (a == NULL)
		goto no_memory;
	a->db = db;
	a->kind = kind;
	a->row_size = row_types[kind].rec_size;
	a->rows = malloc(BLOCKS * BLOCK_ROWS * a->row_size);
	if (a->rows == NULL)
		goto no_memory;
	/* With the default attributes neither can fail here. */
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->changed, NULL);
	if ((r = thread_start(a)) == 0)
		return a;
	(void)errtext_set(err, -1, "no thread to load with: %s", strerror(r));
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->rows);
	free(a);
	return NULL;
no_memory:
	(void)errtext_set(err, -1, "no memory");
	free(a);
	return NULL;
}

const void *
ahead_next(struct ahead *a, size_t *ret_count)
{
	const void *rows = NULL;

	(void)pthread_mutex_lock(&a->lock);
	/* The block before is done with, if this is not the first call. */
	if (a->filled > a->taken && a->count[a->taken % BLOCKS] == 0) {
		a->taken++;
		(void)pthread_cond_signal(&a->changed);
	}
	while (a->filled == a->taken && !a->ended)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	if (a->filled > a->taken) {
		rows = block_at(a, a->taken);
		*ret_count = a->count[a->taken % BLOCKS];
		a->count[a->taken % BLOCKS] = 0;
	}
	(void)pthread_mutex_unlock(&a->lock);
	return rows;
}

int
ahead_end(struct ahead *a, struct errtext *err)
{
	int r;

	(void)pthread_mutex_lock(&a->lock);
	a->stop = true;
	(void)pthread_cond_signal(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
	(void)pthread_join(a->thread, NULL);
	if ((r = a->result) < 0)
		*err = a->err;
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->rows);
	free(a);
	return r;
}
