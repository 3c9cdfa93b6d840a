#ifndef TRACKUP_TESTS_STORE_HELPER_H
#define TRACKUP_TESTS_STORE_HELPER_H
/*
 * helper: a directory per test, records to write, and all that a store holds
 * read back. Failures end the test through Check.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/store.h"

/* A fresh directory; td_path() is a file in it. Removed by td_done(). */
struct testdir {
	char dir[64];
	char path[128];
};
void td_init(struct testdir *td);
void td_done(struct testdir *td);

/* Everything that store_load() told, in its order. */
struct loaded {
	struct flags_rec flags;
	struct stamp_rec stamp;
	struct device_rec *devices;
	struct campaign_rec *campaigns;
	char **texts;
	struct wave_rec *waves;
	struct target_rec *targets;
	struct attempt_rec *attempts;
	struct tuple_rec *tuples;
	struct package_rec *packages;
	struct exclusion_rec *exclusions;
	size_t device_count, campaign_count, wave_count, target_count,
	    attempt_count, tuple_count, package_count, exclusion_count;
	int stage; /* of the order */
};
void loaded_get(struct loaded *l, struct store *s);
void loaded_done(struct loaded *l);

struct store *open_store(const char *path);
struct store *open_started(const char *path);
/* Waits until that ticket is durable; at most 20 s. */
void wait_durable(struct store *s, uint64_t ticket);
void wait_state(struct store *s, enum store_state state);
void submit_one(struct store *s, uint64_t ticket, enum op_kind kind,
    const void *rec);

/* The answer of a history read; rows is a copy, owned by it. */
struct answer {
	int calls, status;
	size_t count;
	bool more;
	struct timeline_row *rows;
};
void on_timeline(void *arg, int status, const struct timeline_row *rows,
    size_t count, bool more);
/* Polls until the answer has come. */
void wait_answer(struct store *s, struct answer *a);

/* Plain, valid records; the rest of the fields is zero. */
struct device_rec make_device(uint64_t key);
struct campaign_rec make_campaign(int64_t id);
struct target_rec make_target(int64_t campaign, uint64_t device);
struct attempt_rec make_attempt(int64_t id, uint64_t device,
    enum phase phase);
struct event_rec make_event(uint64_t device, int code);
/* The campaign 1 and a target of it per device 1..devices. */
void add_base(struct opbuf *ops, uint64_t devices);

/* A script: batch n appends the event n and changes some rows. What it leaves
 * is always the same, however often it was disturbed. */
enum { SCRIPT_BATCHES = 12 };
void script_submit(struct store *s, int n);
/* The file holds the first n batches, neither more nor less. */
void script_check(const char *path, int n);
/* Removes the database and what lies beside it. */
void script_remove(const char *path);

/* Runs SQL on a connection of its own; the first value as text. */
void sql_query(const char *path, const char *sql, char *ret, size_t size);
int64_t sql_int(const char *path, const char *sql);
/* The code of SQLite. */
int sql_try(const char *path, const char *sql);

/* A file in memory, to be compared with what it is later. */
struct image {
	bool there;
	unsigned char *p;
	size_t len;
};
void image_take(struct image *im, const char *path, const char *suffix);
bool image_same(const struct image *a, const struct image *b);
void image_done(struct image *im);

int64_t test_now_ms(void);

#endif
