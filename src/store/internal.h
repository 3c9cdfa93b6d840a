#ifndef TRACKUP_STORE_INTERNAL_H
#define TRACKUP_STORE_INTERNAL_H
/*
 * internal: what store.c (the caller's thread) and writer.c (the writer's)
 * share.
 *
 * The connection and the group in work belong to the writer alone, from
 * store_start() to the join in store_close(). Everything in `shared` is
 * touched with `lock` held; no SQLite call is made under it.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "store/group.h"
#include "store/store.h"

struct db;

enum {
	TIMELINE_ROWS_MAX = 200,
	READS_MAX = 32,           /* waiting or not yet told */
	FAILURES_MAX = 3,         /* in FAILURE_WINDOW_MS: broken */
	FAILURE_WINDOW_MS = 60000,
	CLOSE_FLUSH_MS = 1500,
	IDLE_MS = 1000,
};

struct read {
	struct read *next;
	uint64_t device;
	int64_t after;
	size_t limit;
	store_timeline_fn *fn;    /* NULL = forgotten */
	void *arg;
	int status;
	struct timeline_row *rows;
	size_t count;
	bool more;
};

struct read_list {
	struct read *first, **last;
};

struct store {
	/* fixed after store_open() */
	char *path;
	int64_t linger_ms, retry_ms;
	size_t group_max, queue_max_bytes;
	int fd;                   /* eventfd */
	pthread_t thread;
	bool started;

	/* the writer's */
	struct db *db;            /* NULL while it is to be opened again */
	struct group group;       /* first == NULL: none in work */
	uint64_t commit_number;   /* of the last group known to be on disk */
	int64_t retry_at_ms;      /* nothing is tried before; 0 = at once */
	int64_t failed_at_ms[FAILURES_MAX];
	unsigned failure_count;
	int64_t busy_at_ms;       /* last commit, for the idle checkpoint */
	int64_t checkpoint_at_ms; /* none before, when there was no room */

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct {
		struct batch *first, **last;
		size_t ops;
		int64_t since_ms;     /* the oldest in the queue came */
		bool over;            /* the limit was hit; room at half */
		uint64_t durable;
		bool stopping;
		int64_t stop_at_ms;
		struct read_list waiting, answered;
		struct read *reading; /* the writer has it in hand */
		size_t reads;
		struct store_stats stats;
	} shared;
};

int64_t store_now_ms(void);
/* Makes store_fd() readable. */
void store_notify(struct store *s);

/* Ends when told to, or when the store is broken. arg is struct store *. */
void *writer_main(void *arg);
/* With the lock held: nothing will be written any more. */
void store_break_locked(struct store *s, const char *why);

void read_list_init(struct read_list *l);
void read_list_push(struct read_list *l, struct read *r);
struct read *read_list_pop(struct read_list *l); /* NULL: empty */
void read_free(struct read *r);
/* Runs the query and fills r. Negative: a DB_ code, and r->status too. */
MUST_CHECK int read_run(struct read *r, struct db *db, struct errtext *err);

#endif
