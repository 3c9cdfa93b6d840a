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
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "store/group.h"
#include "store/store.h"

struct copy;
struct db;

enum {
	TIMELINE_ROWS_MAX = 200,
	READS_MAX = 32,           /* waiting or not yet told */
	FAILURES_MAX = 3,         /* in FAILURE_WINDOW_MS: broken */
	FAILURE_WINDOW_MS = 60000,
	CLOSE_FLUSH_MS = 1500,
	IDLE_MS = 1000,
	DISK_LOOK_MS = 1000,
	PRUNE_EVERY_MS = 3600000,
	PRUNE_ROWS = 500,         /* ids looked at in one transaction … */
	PRUNE_PAUSE_MS = 100,     /* … and then groups have their turn */
};

struct read {
	struct read *next;
	uint64_t device;
	int64_t after;
	size_t limit;
	bool is_feed;
	store_timeline_fn *fn;    /* NULL = forgotten */
	void *arg;
	int status;
	struct timeline_row *rows;
	size_t count;
	bool more;
	/* of a feed, instead of fn and rows */
	feed_fn *feed_fn;
	struct feed_query query;
	struct feed_row *feed_rows;
	struct feed_page page;
};

struct read_list {
	struct read *first, **last;
};

enum backup_stage {
	BACKUP_NONE,
	BACKUP_WAITING,    /* for the writer */
	BACKUP_COPYING,    /* the writer's, a step at a time */
	BACKUP_PUBLISHING, /* its own thread's */
	BACKUP_DONE,       /* to be told by store_poll() */
};

/* stage, fn and arg are touched with the lock held; the rest belongs to whom
 * the stage says. */
struct backup {
	enum backup_stage stage;
	store_backup_fn *fn;      /* NULL = forgotten */
	void *arg;
	char *path;
	bool force;
	unsigned keep;
	struct copy *copy;
	pthread_t thread;
	bool thread_runs;         /* and is to be joined */
	atomic_bool cancel;
	int64_t began_ms;
	int status;
	uint64_t bytes;
	char text[256];
};

/* The writer's, of what it does beside groups. */
struct upkeep {
	int64_t disk_at_ms;       /* next look */
	int64_t prune_at_ms;
	int64_t prune_after;      /* event id; -1 = none under way */
	int64_t prune_last, prune_before_wall;
	int64_t clock_offset_ms;  /* wall minus monotonic, when last pruned */
	bool clock_known;
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
	struct upkeep upkeep;

	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct {
		struct batch *first, **last;
		size_t ops;
		int64_t since_ms;     /* the oldest in the queue came */
		/* Of the queue: batches over its limit by themselves. A
		 * campaign's targets come like that, once, and no tracker
		 * would make them fewer by being held up. */
		size_t bulk_bytes;
		bool over;            /* the limit was hit; room at half */
		uint64_t durable;
		bool stopping;
		int64_t stop_at_ms;
		struct read_list waiting, answered;
		struct read *reading; /* the writer has it in hand */
		size_t reads;
		struct store_stats stats;
		struct store_limits limits;
		bool looked;          /* at the disk, with these limits */
		bool low;             /* the disk, below min_free */
		bool ping;            /* a sign of life is wanted */
		struct backup backup;
	} shared;
};

int64_t store_now_ms(void);
/* Makes store_fd() readable. */
void store_notify(struct store *s);

/* Ends when told to, or when the store is broken. arg is struct store *. */
void *writer_main(void *arg);
/* With the lock held: nothing will be written any more. */
void store_break_locked(struct store *s, const char *why);

/* The state when commits work. Lock held. */
enum store_state store_good_locked(const struct store *s);

/* --- backup.c; on the writer's thread, without the lock */
bool backup_due_locked(const struct store *s); /* with it */
/* One step of what there is. */
void backup_work(struct store *s);
/* The connection is about to go, or the writer ends. */
void backup_break(struct store *s, int code, const char *why);
/* On the caller's thread. */
void backup_answer(struct store *s);
void backup_done(struct store *s);

/* --- upkeep.c; on the writer's thread */
void upkeep_init(struct store *s);
int64_t upkeep_due_at_locked(const struct store *s);
/* Negative: a DB_ code. Without the lock. */
MUST_CHECK int upkeep_work(struct store *s, struct errtext *err);

void read_list_init(struct read_list *l);
void read_list_push(struct read_list *l, struct read *r);
struct read *read_list_pop(struct read_list *l); /* NULL: empty */
void read_free(struct read *r);
/* Runs the query and fills r. Negative: a DB_ code, and r->status too. */
MUST_CHECK int read_run(struct read *r, struct db *db, struct errtext *err);
/* The same of a feed. */
MUST_CHECK int feed_run(struct read *r, struct db *db, struct errtext *err);

#endif
