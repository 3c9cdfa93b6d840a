#include "config.h"
#include "story_disk.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/prng.h"
#include "core/view.h"
#include "helper.h"

#define COMMITS_MAX 1000
#define TRACKERS 3 /* of STORY_TRACKERS: those of the campaign */
#define BYTES 260

static uint64_t content[COMMITS_MAX];
static int64_t commits;
static int64_t told; /* by the store, since tale_begin() */

static void
count_commit(const struct record *r)
{
	(void)r;
	told++;
}

/* Honest trackers; time passes, and a connection is lost now and then. */
static const uint8_t *
script(void)
{
	static uint8_t bytes[BYTES];
	struct prng rnd;

	prng_init(&rnd, 11);
	for (size_t i = 0; i + 1 < BYTES; i++) {
		uint64_t what = prng_below(&rnd, 16);

		bytes[i] = (uint8_t)prng_below(&rnd, TRACKERS);
		bytes[i] = (uint8_t)(bytes[i] + 4 * prng_below(&rnd, 20));
		if (what == 0) {
			bytes[i++] = 168; /* PASS */
			bytes[i] = (uint8_t)prng_below(&rnd, 8);
		} else if (what == 1) {
			bytes[i++] = (uint8_t)(192 + prng_below(&rnd, 3));
			bytes[i] = 0; /* CLOSE */
		}
	}
	return bytes;
}

static void
begin(struct tale *t, void (*committed)(const struct record *r))
{
	told = 0;
	record_committed = committed;
	t->w = calloc(1, sizeof(*t->w));
	ck_assert_ptr_nonnull(t->w);
	world_init(t->w, "tale", true, false);
	record_may_fail(t->w->record);
	t->s = story_new(t->w, script(), BYTES,
	    "waves=a:1:success=50%,b in_flight=2");
}

void
tale_begin(struct tale *t)
{
	begin(t, count_commit);
}

void
tale_end(struct tale *t)
{
	story_free(t->s);
	world_done(t->w);
	free(t->w);
	record_committed = NULL;
}

bool
tale_next(struct tale *t)
{
	return !t->w->broken && story_next(t->s) && !t->w->broken;
}

int64_t
tale_told(const struct tale *t)
{
	(void)t;
	return told;
}

/* --- what is on disk -------------------------------------------------------*/

static uint64_t
row_hash(sqlite3_stmt *q, uint64_t seed)
{
	uint64_t h = seed;

	for (int i = 0; i < sqlite3_column_count(q); i++) {
		const unsigned char *p = sqlite3_column_text(q, i);

		h = prng_mix(h, (uint64_t)sqlite3_column_type(q, i));
		for (; p != NULL && *p != '\0'; p++)
			h = (h ^ *p) * UINT64_C(0x100000001b3);
	}
	return prng_mix(h, 1);
}

static uint64_t
table_hash(sqlite3 *db, const char *name)
{
	char sql[128];
	sqlite3_stmt *q = NULL;
	uint64_t sum = 0;

	(void)snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", name);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		sum += row_hash(q, strlen(name));
	ck_assert_int_eq(sqlite3_finalize(q), SQLITE_OK);
	return sum;
}

/* Of every row of every table, in no order. */
static uint64_t
content_hash(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *q = NULL;
	uint64_t sum = 0;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE,
		"unix"), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master"
		" WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", -1, &q,
		NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW)
		sum += table_hash(db, (const char *)sqlite3_column_text(q, 0));
	ck_assert_int_eq(sqlite3_finalize(q), SQLITE_OK);
	ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
	return sum;
}

static void
copy_file(const char *from, const char *to)
{
	char buf[65536];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	ck_assert(out != NULL);
	while (in != NULL && (n = fread(buf, 1, sizeof(buf), in)) > 0)
		ck_assert_uint_eq(fwrite(buf, 1, n, out), n);
	if (in != NULL)
		(void)fclose(in);
	ck_assert_int_eq(fclose(out), 0);
}

/* The store has its file for itself: a copy of both files is looked at. Not
 * even a copy of the log in the middle of a checkpoint misses anything. */
static void
learn(const struct record *r)
{
	char from[200], to[200], log[200];
	int64_t n;

	(void)snprintf(to, sizeof(to), "%s.copy", record_path(r));
	(void)snprintf(log, sizeof(log), "%s.copy-wal", record_path(r));
	(void)snprintf(from, sizeof(from), "%s-wal", record_path(r));
	copy_file(record_path(r), to);
	copy_file(from, log);
	n = sql_int(to, "SELECT commit_number FROM stamp");
	ck_assert_int_gt(n, 0);
	ck_assert_int_lt(n, COMMITS_MAX);
	content[n] = content_hash(to);
	commits = n;
	told++;
	script_remove(to);
}

int64_t
tale_learn(void)
{
	struct tale t;

	begin(&t, learn);
	while (tale_next(&t))
		continue;
	ck_assert_int_eq(told, commits);
	tale_end(&t);
	return commits;
}

int64_t
tale_disk(struct tale *t)
{
	const char *path = record_path(t->w->record);
	char text[256];
	int64_t n;

	sql_query(path, "PRAGMA integrity_check", text, sizeof(text));
	ck_assert_str_eq(text, "ok");
	text[0] = '\0';
	sql_query(path, "SELECT count(*) FROM pragma_foreign_key_check", text,
	    sizeof(text));
	ck_assert_str_eq(text, "0");
	n = sql_int(path, "SELECT commit_number FROM stamp");
	ck_assert_int_ge(n, 0);
	ck_assert_int_le(n, commits);
	if (n > 0)
		ck_assert_msg(content_hash(path) == content[n],
		    "after commit %lld it holds something else",
		    (long long)n);
	return n;
}

/* --- and on it goes --------------------------------------------------------*/

void
tale_restart(struct tale *t, int64_t on_disk)
{
	ck_assert_int_ge(on_disk, told);
	ck_assert_int_le(on_disk, told + 1);
	if (on_disk > told)
		world_torn(t->w);
	world_crash(t->w, 5000, false, false);
	world_check(t->w);
}

static bool
all_there(const struct tale *t)
{
	struct view_campaign v;

	return core_view_campaign(t->w->core, world_now(t->w), "c1", &v) &&
	    v.targets[TARGET_SUCCEEDED] == TRACKERS;
}

/* In steps shorter than the wait for the answer to a read, or one that is due
 * in the middle of a step would never be answered in time. */
void
tale_ends_well(struct tale *t)
{
	static const uint8_t bytes[] = {0, 1, 2, 0, 1, 2, 168, 3}; /* 30s */

	for (int round = 0; round < 24 * 120 && !all_there(t); round++) {
		story_more(t->s, bytes, sizeof(bytes));
		while (tale_next(t))
			continue;
	}
	ck_assert(!t->w->broken);
	ck_assert_msg(all_there(t), "it does not come to its end");
	for (size_t i = 0; i < TRACKERS; i++) {
		ck_assert_str_eq(story_version(t->s, i), "0A05");
		ck_assert_uint_eq(story_flashes(t->s, i), 1);
	}
	ck_assert_uint_eq(story_flashes(t->s, TRACKERS), 0);
}
