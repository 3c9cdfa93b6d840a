#ifndef TRACKUP_STORE_STORE_H
#define TRACKUP_STORE_STORE_H
/*
 * store: the durable record, behind a few operations.
 *
 * One SQLite connection, owned by one writer thread (EXCLUSIVE, WAL,
 * synchronous=EXTRA; read back at open). Batches are committed in groups, in
 * order; when a group is on disk the notify callback's descriptor becomes
 * readable and store_poll() tells the tickets and read results on the caller's
 * thread. Nothing here knows sockets or the core's decisions.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/errtext.h"
#include "core/feed.h"
#include "core/record.h"

struct store;

enum { /* codes of store_open() */
	STORE_ERR_OPEN = -1,     /* path, permission, directory */
	STORE_ERR_LOCKED = -2,   /* another process has it */
	STORE_ERR_FOREIGN = -3,  /* not ours; untouched */
	STORE_ERR_NEWER = -4,    /* of a newer trackupd; untouched */
	STORE_ERR_CORRUPT = -5,  /* quick_check failed; untouched */
	STORE_ERR_PRAGMA = -6,   /* the file system cannot do WAL, … */
	STORE_ERR_MEMORY = -7,
	STORE_ERR_EXISTS = -8,   /* of a backup: what is there stays */
	STORE_ERR_BUSY = -9,     /* of a backup: one is under way */
	STORE_ERR_STOPPED = -10, /* of a backup: the daemon ends */
};

struct store_config {
	const char *path;
	int64_t linger_ms;        /* 0 = commit when idle */
	size_t group_max;         /* operations in a group, default 1000 */
	size_t queue_max_bytes;   /* of batches waiting; 0 = 64 MiB */
	int64_t retry_ms;         /* after a full disk; 0 = 1 s */
	/* While store_open() takes long, and when it has copied the database
	 * before a migration. May be NULL. */
	void *hook_arg;
	void (*busy)(void *arg);
	void (*copied)(void *arg, const char *path);
};

/* LOW: everything is committed as ever, but the disk is nearly full. */
enum store_state { STORE_OK, STORE_FULL, STORE_BROKEN, STORE_LOW };

/* May change at any time. */
struct store_limits {
	int64_t retain_ms;        /* age at which events go; 0 = never */
	uint64_t min_free;        /* bytes; 0 = no limit */
	int64_t prune_every_ms;   /* 0 = an hour */
};

struct store_stats {
	enum store_state state;
	char error[256];          /* of the last failure, "" */
	uint64_t wal_bytes;
	uint64_t commits, operations, failures;
	size_t queue_bytes, queue_max_bytes;
	uint64_t queue_full_hits;
	size_t reads, reads_max;  /* of history, waiting */
	uint64_t reads_refused;
	uint64_t commit_us_total;
	uint64_t disk_free;       /* where the database is, at the last look */
	uint64_t disk_low_hits;   /* times that it fell below min_free */
	uint64_t pruned;          /* events removed for their age */
	int64_t heard_ms;         /* when the writer last turned, store_now */
	/* Of commit times: up to the bound of the same index and over the one
	 * before; not summed up. */
	uint64_t commit_bucket[12];
};

/* Upper bounds in seconds; the last is infinite. */
extern const double store_commit_bounds_s[12];

/* Opens or creates, migrates, verifies pragmas and starts no thread yet. */
MUST_CHECK int store_open(struct store **ret, const struct store_config *cfg,
    struct errtext *err);
/* Flushes what is queued (at most 1.5 s), ends the thread, closes. */
void store_close(struct store *s);

/* Calls back for every row, in this order: stamp and flags (once, zeroed when
 * the database is new), devices, campaigns (with the text of the revision in
 * force), packages, waves, targets, open attempts (phase not ended), tuples,
 * active exclusions. Before store_start(). A callback's negative return ends
 * the load with it. device_soon: some devices ahead, where these are known; a
 * hint, to fetch from memory what will be needed. */
struct store_loader {
	void *arg;
	int (*flags)(void *arg, const struct flags_rec *,
	    const struct stamp_rec *);
	int (*device)(void *arg, const struct device_rec *);
	void (*device_soon)(void *arg, const struct device_rec *); /* or NULL */
	int (*campaign)(void *arg, const struct campaign_rec *,
	    const char *text, size_t len);
	int (*package)(void *arg, const struct package_rec *); /* or NULL */
	int (*wave)(void *arg, const struct wave_rec *); /* or NULL */
	int (*target)(void *arg, const struct target_rec *);
	int (*attempt)(void *arg, const struct attempt_rec *);
	int (*tuple)(void *arg, const struct tuple_rec *);
	int (*exclusion)(void *arg, const struct exclusion_rec *);
};
MUST_CHECK int store_load(struct store *s, const struct store_loader *l,
    struct errtext *err);

/* Starts the writer thread. */
MUST_CHECK int store_start(struct store *s, struct errtext *err);
/* Readable when store_poll() has something to tell. Level. */
int store_fd(const struct store *s);

/* Takes the content of ops (empty afterwards). Tickets ascend. False: the
 * queue is over its limit and took it all the same; the caller should stop
 * reading from peers until store_poll() says so. */
bool store_submit(struct store *s, uint64_t ticket, struct opbuf *ops);

struct timeline_row {
	int64_t id;
	struct event_rec ev;
	char campaign[CAMPAIGN_NAME_MAX + 1];
};
typedef void store_timeline_fn(void *arg, int status,
    const struct timeline_row *rows, size_t count, bool more);
/* History read, answered through store_poll(): rows of the device after event
 * id `after`, oldest first, at most 200. False: too many reads wait. */
bool store_timeline(struct store *s, uint64_t device, int64_t after,
    size_t limit, store_timeline_fn *fn, void *arg);
/* As store_timeline(), of everything; q is copied. */
bool store_feed(struct store *s, const struct feed_query *q, feed_fn *fn,
    void *arg);
/* Forgets pending answers for arg (its connection is gone). */
void store_forget(struct store *s, void *arg);

void store_set_limits(struct store *s, const struct store_limits *limits);

struct store_backup {
	int status;               /* 0, or a STORE_ERR_ code */
	const char *path, *text;  /* text: of a failure */
	uint64_t bytes;
	int64_t took_ms;
};
typedef void store_backup_fn(void *arg, const struct store_backup *b);
/* Copies the database to path while it is in use: in small steps between the
 * groups, checked and durable before the file has its name. Told through
 * store_poll(). keep > 0: a scheduled one (copy.h); of these in the directory
 * the newest keep stay. 0, or STORE_ERR_BUSY, STORE_ERR_MEMORY. */
MUST_CHECK int store_backup(struct store *s, const char *path, bool force,
    unsigned keep, store_backup_fn *fn, void *arg, struct errtext *err);
/* Its file is made all the same, and nobody is told. */
void store_backup_forget(struct store *s, void *arg);

/* Whether the writer still turns: asks it for a sign of life and tells how
 * long the last one is ago. A writer with nothing to do answers at once. */
int64_t store_heard_ms_ago(struct store *s);

/* On the caller's thread. *ret_ticket: durable through it (unchanged when
 * nothing new). *ret_state as it is now. Answers history reads. */
void store_poll(struct store *s, uint64_t *ret_ticket,
    enum store_state *ret_state, bool *ret_room);
void store_get_stats(struct store *s, struct store_stats *ret);

#endif
