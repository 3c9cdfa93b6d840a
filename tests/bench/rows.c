#include "config.h"
#include "bench.h"

#include <poll.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"

/*
 * The store against a loop that does nothing but bind the same values and
 * step: the same schema, pragmas, rows and rows in a transaction.
 */
#define GROUP_OPS 1000          /* what the store takes at a time */
#define BATCH_OPS 3             /* a stamp, a device, an event */
#define GROUP_BATCHES (GROUP_OPS / BATCH_OPS)
#define AHEAD (8 * GROUP_BATCHES)
#define DEVICES 10000
#define ROWS_A_BATCH 2          /* stamps of a group are one row */
#define RUN_S 1.5
#define WAL_MAX_BYTES (64 << 20)

static uint64_t chance;

static uint64_t
device_next(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return 86000000000000 + chance % DEVICES * 7;
}

static double
process_cpu_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct device_rec
device_make(uint64_t n)
{
	struct device_rec d = {.key = device_next(), .registered = true,
		.version_wall = 1700000000000, .stale_seq = n};

	(void)snprintf(d.id, sizeof(d.id), "%014llu",
	    (unsigned long long)d.key);
	(void)strcpy(d.protover, "C20100");
	(void)strcpy(d.name, "GV620MG");
	(void)strcpy(d.device_type, "GV620MG");
	(void)strcpy(d.hardware, "0102");
	(void)strcpy(d.mcu, "0A03");
	d.last_seen_wall = 1700000000000 + (int64_t)n;
	return d;
}

static const char event_text[] =
    "+RESP:GTUPD,C20100,86000000000000,,200,1,20150201020000,11F0$";

/* --- through the store -----------------------------------------------------*/

static void
batch_submit(struct store *st, uint64_t n)
{
	struct stamp_rec stamp = {.seq = n};
	struct device_rec d = device_make(n);
	struct event_rec e = {.kind = EVENT_REPORT, .device = d.key,
		.wall = d.last_seen_wall, .code = 200, .serial = -1};
	struct opbuf ops;

	(void)strcpy(e.text, event_text);
	opbuf_init(&ops);
	opbuf_add(&ops, OP_DEVICE, &d);
	opbuf_add(&ops, OP_EVENT, &e);
	opbuf_add(&ops, OP_STAMP, &stamp);
	(void)store_submit(st, n, &ops);
}

/* Rows a second, and us of CPU for each. */
static double
through_store(double *ret_cpu_us)
{
	struct store_config cfg = {.path = "rows-store.db"};
	struct errtext err = {0};
	struct pollfd p = {.events = POLLIN};
	uint64_t n = 0, durable = 0;
	enum store_state state;
	struct store *st;
	double start, t, cpu;
	bool room;

	if (store_open(&st, &cfg, &err) < 0 || store_start(st, &err) < 0)
		die("store: %s", err.text);
	p.fd = store_fd(st);
	start = now_s();
	cpu = process_cpu_s();
	while ((t = now_s() - start) < RUN_S || durable < n) {
		for (; t < RUN_S && n < durable + AHEAD; n++)
			batch_submit(st, n + 1);
		(void)poll(&p, 1, 10);
		store_poll(st, &durable, &state, &room);
		if (state != STORE_OK)
			die("the store failed");
	}
	*ret_cpu_us = (process_cpu_s() - cpu) / (double)(n * ROWS_A_BATCH) *
	    1e6;
	store_close(st);
	return (double)(n * ROWS_A_BATCH) / t;
}

/* --- by hand ---------------------------------------------------------------*/

static void
sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die("%s: %s", text, sqlite3_errmsg(db));
}

/* An insert of every column of a table, which replaces the row of that key. */
static sqlite3_stmt *
upsert(sqlite3 *db, const char *table)
{
	char text[4096], names[1200] = "", values[400] = "", sets[1600] = "";
	size_t a = 0, b = 0, c = 0;
	sqlite3_stmt *st;

	(void)snprintf(text, sizeof(text), "PRAGMA table_info(%s)", table);
	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
		die("%s: %s", text, sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW) {
		const unsigned char *name = sqlite3_column_text(st, 1);
		const char *sep = a == 0 ? "" : ", ";

		a += (size_t)snprintf(names + a, sizeof(names) - a, "%s%s",
		    sep, name);
		b += (size_t)snprintf(values + b, sizeof(values) - b, "%s?",
		    sep);
		if (sqlite3_column_int(st, 5) == 0)
			c += (size_t)snprintf(sets + c, sizeof(sets) - c,
			    "%s%s = excluded.%s", c == 0 ? "" : ", ", name,
			    name);
	}
	(void)sqlite3_finalize(st);
	(void)snprintf(text, sizeof(text), "INSERT INTO %s (%s) VALUES (%s) "
	    "ON CONFLICT DO UPDATE SET %s", table, names, values, sets);
	if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &st,
	    NULL) != SQLITE_OK)
		die("%s: %s", text, sqlite3_errmsg(db));
	return st;
}

struct binder {
	sqlite3_stmt *st;
	int at;
};

static void
put_int(struct binder *b, int64_t v)
{
	(void)sqlite3_bind_int64(b->st, ++b->at, v);
}

static void
put_text(struct binder *b, const char *s)
{
	(void)sqlite3_bind_text(b->st, ++b->at, s, -1, SQLITE_STATIC);
}

static void
step(sqlite3_stmt *st)
{
	if (sqlite3_step(st) != SQLITE_DONE)
		die("step: %s", sqlite3_errmsg(sqlite3_db_handle(st)));
	(void)sqlite3_reset(st);
}

static void
device_step(sqlite3_stmt *st, const struct device_rec *d)
{
	struct binder b = {.st = st};

	put_int(&b, (int64_t)d->key);
	put_text(&b, d->id);
	put_text(&b, d->protover);
	put_text(&b, d->name);
	put_text(&b, d->device_type);
	put_text(&b, d->hardware);
	put_text(&b, d->mcu);
	put_int(&b, d->version_wall);
	put_int(&b, d->last_seen_wall);
	put_int(&b, d->registered);
	for (int i = 0; i < 4; i++) /* serials and the fence */
		put_int(&b, 0);
	put_text(&b, d->fence_version);
	put_int(&b, (int64_t)d->stale_seq);
	while (b.at < sqlite3_bind_parameter_count(st))
		put_int(&b, 0);
	step(st);
}

static void
event_step(sqlite3_stmt *st, const struct device_rec *d)
{
	struct binder b = {.st = st};

	b.at = 1; /* the id is given by SQLite */
	put_int(&b, d->last_seen_wall);
	put_int(&b, (int64_t)d->key);
	put_int(&b, 0);
	put_int(&b, 0);
	put_text(&b, "report");
	put_text(&b, "");
	put_int(&b, 200);
	put_int(&b, -1);
	put_text(&b, event_text);
	step(st);
}

static const char pragmas[] =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA;"
    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;"
    "PRAGMA journal_mode = WAL;";

static int
on_commit(void *arg, sqlite3 *db UNUSED, const char *name UNUSED, int pages)
{
	*(int64_t *)arg = (int64_t)pages * 4120;
	return SQLITE_OK;
}

static double
by_hand(double *ret_cpu_us)
{
	struct store_config cfg = {.path = "rows-hand.db"};
	struct errtext err = {0};
	sqlite3_stmt *device, *event;
	int64_t wal_bytes = 0;
	struct store *st;
	uint64_t n = 0;
	double start, t, cpu;
	sqlite3 *db;

	if (store_open(&st, &cfg, &err) < 0) /* for its schema */
		die("store: %s", err.text);
	store_close(st);
	if (sqlite3_open(cfg.path, &db) != SQLITE_OK)
		die("%s", cfg.path);
	sql(db, pragmas);
	(void)sqlite3_wal_hook(db, on_commit, &wal_bytes);
	device = upsert(db, "device");
	event = upsert(db, "event");
	start = now_s();
	cpu = process_cpu_s();
	while ((t = now_s() - start) < RUN_S) {
		sql(db, "BEGIN IMMEDIATE");
		for (int i = 0; i < GROUP_BATCHES; i++) {
			struct device_rec d = device_make(++n);

			device_step(device, &d);
			event_step(event, &d);
		}
		sql(db, "UPDATE stamp SET seq = seq + 1 WHERE id = 1");
		sql(db, "COMMIT");
		if (wal_bytes >= WAL_MAX_BYTES)
			sql(db, "PRAGMA wal_checkpoint(PASSIVE)");
	}
	*ret_cpu_us = (process_cpu_s() - cpu) / (double)(n * ROWS_A_BATCH) *
	    1e6;
	(void)sqlite3_finalize(device);
	(void)sqlite3_finalize(event);
	(void)sqlite3_close(db);
	return (double)(n * ROWS_A_BATCH) / t;
}

void
bench_rows(void)
{
	struct outcome *r = outcome_new("rows", "Rows a second made durable, "
	    "666 a transaction, 10,000 devices", "/s");
	struct outcome *c = outcome_new("rows_cpu", "CPU of these, per row",
	    "us");
	static const char *const names[] = {"SQLite, bind and step",
		"store of trackupd"};
	struct series *rate[2], *cpu[2];

	say("%s ...", r->title);
	r->goal = GOAL_AT_LEAST;
	r->limit = 0.8;
	r->subject = c->subject = 1;
	r->beside = c->beside = 0;
	for (size_t i = 0; i < 2; i++) {
		rate[i] = outcome_row(r, names[i]);
		cpu[i] = outcome_row(c, names[i]);
	}
	for (int turn = 0; turn < 5; turn++)
		for (size_t i = 0; i < 2; i++) {
			double us;

			chance = 88172645463325252u;
			series_add(rate[i], i == 0 ? by_hand(&us) :
			    through_store(&us));
			series_add(cpu[i], us);
			work_clear();
		}
}
