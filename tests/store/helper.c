#include "config.h"
#include "helper.h"

#include <check.h>
#include <dirent.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/plant.h"
#include "../tempdir.h"

#define WAIT_MS 20000

void
td_init(struct testdir *td)
{
#ifdef PLANTED_BUGS
	plant_select(getenv("TRACKUPD_PLANT"));
#endif
	(void)snprintf(td->dir, sizeof(td->dir), "%s/trackupd.XXXXXX", tempdir());
	ck_assert_ptr_nonnull(mkdtemp(td->dir));
	(void)snprintf(td->path, sizeof(td->path), "%s/t.db", td->dir);
}

void
td_done(struct testdir *td)
{
	DIR *d = opendir(td->dir);
	struct dirent *e;
	char name[512];

	ck_assert_ptr_nonnull(d);
	while ((e = readdir(d)) != NULL) {
		(void)snprintf(name, sizeof(name), "%s/%s", td->dir,
		    e->d_name);
		if (e->d_name[0] != '.' || e->d_name[1] > '.')
			(void)remove(name);
	}
	(void)closedir(d);
	(void)rmdir(td->dir);
}

int64_t
test_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *
append(void *array, size_t *count, size_t size, const void *rec)
{
	if ((*count & (*count - 1)) == 0) {
		array = realloc(array, (*count == 0 ? 1 : *count * 2) * size);
		ck_assert_ptr_nonnull(array);
	}
	memcpy((char *)array + *count * size, rec, size);
	++*count;
	return array;
}

static void
stage(struct loaded *l, int next)
{
	ck_assert_int_le(l->stage, next);
	l->stage = next;
}

static int
on_flags(void *arg, const struct flags_rec *f, const struct stamp_rec *s)
{
	struct loaded *l = arg;

	ck_assert_int_eq(l->stage, 0);
	stage(l, 1);
	l->flags = *f;
	l->stamp = *s;
	return 0;
}

static int
on_device(void *arg, const struct device_rec *r)
{
	struct loaded *l = arg;

	stage(l, 2);
	l->devices = append(l->devices, &l->device_count, sizeof(*r), r);
	return 0;
}

static int
on_campaign(void *arg, const struct campaign_rec *r, const char *text,
    size_t len)
{
	struct loaded *l = arg;
	size_t count = l->campaign_count;
	char *copy = strndup(text, len);

	stage(l, 3);
	ck_assert_ptr_nonnull(copy);
	ck_assert_uint_eq(strlen(text), len);
	l->texts = append(l->texts, &count, sizeof(copy), &copy);
	l->campaigns = append(l->campaigns, &l->campaign_count, sizeof(*r), r);
	return 0;
}

static int
on_package(void *arg, const struct package_rec *r)
{
	struct loaded *l = arg;

	stage(l, 4);
	l->packages = append(l->packages, &l->package_count, sizeof(*r), r);
	return 0;
}

static int
on_target(void *arg, const struct target_rec *r)
{
	struct loaded *l = arg;

	stage(l, 6);
	l->targets = append(l->targets, &l->target_count, sizeof(*r), r);
	return 0;
}

static int
on_wave(void *arg, const struct wave_rec *r)
{
	struct loaded *l = arg;

	stage(l, 5);
	l->waves = append(l->waves, &l->wave_count, sizeof(*r), r);
	return 0;
}

static int
on_attempt(void *arg, const struct attempt_rec *r)
{
	struct loaded *l = arg;

	stage(l, 7);
	l->attempts = append(l->attempts, &l->attempt_count, sizeof(*r), r);
	return 0;
}

static int
on_tuple(void *arg, const struct tuple_rec *r)
{
	struct loaded *l = arg;

	stage(l, 8);
	l->tuples = append(l->tuples, &l->tuple_count, sizeof(*r), r);
	return 0;
}

static int
on_exclusion(void *arg, const struct exclusion_rec *r)
{
	struct loaded *l = arg;

	stage(l, 9);
	l->exclusions = append(l->exclusions, &l->exclusion_count, sizeof(*r),
	    r);
	return 0;
}

void
loaded_get(struct loaded *l, struct store *s)
{
	struct store_loader loader = {
		.arg = l, .flags = on_flags, .device = on_device,
		.campaign = on_campaign, .wave = on_wave,
		.target = on_target,
		.package = on_package, .attempt = on_attempt, .tuple = on_tuple,
		.exclusion = on_exclusion,
	};
	struct errtext err = {0};
	int r;

	memset(l, 0, sizeof(*l));
	r = store_load(s, &loader, &err);
	ck_assert_msg(r == 0, "load: %d %s", r, err.text);
	ck_assert_int_ge(l->stage, 1);
}

void
loaded_done(struct loaded *l)
{
	for (size_t i = 0; i < l->campaign_count; i++)
		free(l->texts[i]);
	free(l->texts);
	free(l->devices);
	free(l->campaigns);
	free(l->waves);
	free(l->targets);
	free(l->attempts);
	free(l->tuples);
	free(l->packages);
	free(l->exclusions);
}

struct store *
open_store(const char *path)
{
	struct store_config cfg = {.path = path, .retry_ms = 20};
	struct errtext err = {0};
	struct store *s = NULL;
	int r = store_open(&s, &cfg, &err);

	ck_assert_msg(r == 0, "open: %d %s", r, err.text);
	return s;
}

struct store *
open_started(const char *path)
{
	struct store *s = open_store(path);

	ck_assert_int_eq(store_start(s, NULL), 0);
	return s;
}

static void
wait_for(struct store *s, uint64_t ticket, int state)
{
	int64_t end = test_now_ms() + WAIT_MS;
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	enum store_state now;
	uint64_t durable = 0;
	bool room;

	for (;;) {
		store_poll(s, &durable, &now, &room);
		if (state < 0 ? durable >= ticket : (int)now == state)
			return;
		ck_assert_msg(test_now_ms() < end, "waited in vain: durable "
		    "%llu of %llu, state %d of %d",
		    (unsigned long long)durable, (unsigned long long)ticket,
		    (int)now, state);
		(void)poll(&pfd, 1, 1000);
	}
}

void
wait_durable(struct store *s, uint64_t ticket)
{
	wait_for(s, ticket, -1);
}

void
wait_state(struct store *s, enum store_state state)
{
	wait_for(s, 0, (int)state);
}

void
submit_one(struct store *s, uint64_t ticket, enum op_kind kind,
    const void *rec)
{
	struct opbuf ops;

	opbuf_init(&ops);
	opbuf_add(&ops, kind, rec);
	ck_assert(!ops.failed);
	(void)store_submit(s, ticket, &ops);
	ck_assert_ptr_null(ops.p);
	ck_assert_uint_eq(ops.count, 0);
}

void
on_timeline(void *arg, int status, const struct timeline_row *rows,
    size_t count, bool more)
{
	struct answer *a = arg;

	a->calls++;
	a->status = status;
	a->count = count;
	a->more = more;
	free(a->rows);
	a->rows = NULL;
	if (count > 0) {
		a->rows = malloc(count * sizeof(*rows));
		ck_assert_ptr_nonnull(a->rows);
		memcpy(a->rows, rows, count * sizeof(*rows));
	}
}

void
wait_answer(struct store *s, struct answer *a)
{
	int64_t end = test_now_ms() + 10000;
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	enum store_state state;
	uint64_t ticket = 0;
	bool room;

	while (store_poll(s, &ticket, &state, &room), a->calls == 0) {
		ck_assert(test_now_ms() < end);
		(void)poll(&pfd, 1, 1000);
	}
}

struct device_rec
make_device(uint64_t key)
{
	struct device_rec r;

	memset(&r, 0, sizeof(r));
	r.key = key;
	(void)snprintf(r.id, sizeof(r.id), "%014llu",
	    (unsigned long long)(key % 100000000000000));
	return r;
}

struct campaign_rec
make_campaign(int64_t id)
{
	struct campaign_rec r;

	memset(&r, 0, sizeof(r));
	r.id = id;
	r.revision = 1;
	(void)snprintf(r.name, sizeof(r.name), "campaign-%lld", (long long)id);
	return r;
}

struct target_rec
make_target(int64_t campaign, uint64_t device)
{
	struct target_rec r;

	memset(&r, 0, sizeof(r));
	r.campaign = campaign;
	r.device = device;
	return r;
}

struct attempt_rec
make_attempt(int64_t id, uint64_t device, enum phase phase)
{
	struct attempt_rec r;

	memset(&r, 0, sizeof(r));
	r.id = id;
	r.campaign = 1;
	r.device = device;
	r.phase = phase;
	r.result = phase == PHASE_ENDED ? RESULT_FAILED : RESULT_OPEN;
	return r;
}

struct event_rec
make_event(uint64_t device, int code)
{
	struct event_rec r;

	memset(&r, 0, sizeof(r));
	r.device = device;
	r.campaign = 1;
	r.kind = EVENT_REPORT;
	r.code = code;
	(void)snprintf(r.text, sizeof(r.text), "event %d", code);
	return r;
}

void
add_base(struct opbuf *ops, uint64_t devices)
{
	struct campaign_rec c = make_campaign(1);

	opbuf_add(ops, OP_CAMPAIGN, &c);
	for (uint64_t i = 1; i <= devices; i++) {
		struct target_rec t = make_target(1, i);

		opbuf_add(ops, OP_TARGET, &t);
	}
}

void
script_submit(struct store *s, int n)
{
	uint64_t device = 1 + (uint64_t)n % 3;
	struct stamp_rec stamp = {.seq = (uint64_t)n, .wall = n};
	struct device_rec d = make_device(device);
	struct attempt_rec a = make_attempt(n, device, PHASE_SENDING);
	struct event_rec e = make_event(device, n);
	struct opbuf ops;

	opbuf_init(&ops);
	if (n == 1)
		add_base(&ops, 3);
	if (n > 3) {
		struct attempt_rec old = make_attempt(n - 3, device,
		    PHASE_ENDED);

		opbuf_add(&ops, OP_ATTEMPT, &old);
	}
	d.last_seen_wall = n;
	opbuf_add(&ops, OP_DEVICE, &d);
	opbuf_add(&ops, OP_ATTEMPT, &a);
	opbuf_add(&ops, OP_EVENT, &e);
	opbuf_add(&ops, OP_STAMP, &stamp);
	ck_assert(!ops.failed);
	(void)store_submit(s, (uint64_t)n, &ops);
}

void
script_check(const char *path, int n)
{
	struct store *s = open_store(path);
	struct loaded l;
	char text[64];

	loaded_get(&l, s);
	ck_assert_uint_eq(l.stamp.seq, (uint64_t)n);
	ck_assert_uint_eq(l.attempt_count, (size_t)MIN_OF(n, 3));
	for (size_t i = 0; i < l.device_count; i++)
		ck_assert_int_gt(l.devices[i].last_seen_wall, n - 3);
	loaded_done(&l);
	store_close(s);
	ck_assert_int_eq(sql_int(path, "SELECT count(*) FROM event"), n);
	ck_assert_int_eq(sql_int(path, "SELECT count(*) FROM event "
	    "WHERE code <> id"), 0);
	ck_assert_int_eq(sql_int(path, "SELECT count(*) FROM attempt"), n);
	sql_query(path, "PRAGMA integrity_check", text, sizeof(text));
	ck_assert_str_eq(text, "ok");
}

void
script_remove(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-journal"};
	char name[256];

	for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", path,
		    suffix[i]);
		(void)remove(name);
	}
}

static int
sql_run(const char *path, const char *sql, char *ret, size_t size)
{
	const char *tail = sql;
	sqlite3 *h = NULL;
	int r = SQLITE_OK;

	ret[0] = '\0';
	/* Never a VFS that a test has put over it. */
	ck_assert_int_eq(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE, "unix"), SQLITE_OK);
	while (r == SQLITE_OK && *tail != '\0') {
		sqlite3_stmt *st = NULL;

		r = sqlite3_prepare_v2(h, tail, -1, &st, &tail);
		if (st == NULL)
			continue;
		while (sqlite3_step(st) == SQLITE_ROW)
			if (ret[0] == '\0' &&
			    sqlite3_column_text(st, 0) != NULL)
				(void)snprintf(ret, size, "%s", (const char *)
				    sqlite3_column_text(st, 0));
		r = sqlite3_finalize(st);
	}
	(void)sqlite3_close(h);
	return r;
}

void
sql_query(const char *path, const char *sql, char *ret, size_t size)
{
	ck_assert_msg(sql_run(path, sql, ret, size) == SQLITE_OK, "%s", sql);
}

int
sql_try(const char *path, const char *sql)
{
	char text[64];

	return sql_run(path, sql, text, sizeof(text));
}

int64_t
sql_int(const char *path, const char *sql)
{
	char text[64];

	sql_query(path, sql, text, sizeof(text));
	ck_assert_msg(text[0] != '\0', "no row: %s", sql);
	return strtoll(text, NULL, 10);
}

void
image_take(struct image *im, const char *path, const char *suffix)
{
	char name[512];
	struct stat st;
	FILE *f;

	memset(im, 0, sizeof(*im));
	(void)snprintf(name, sizeof(name), "%s%s", path, suffix);
	if ((f = fopen(name, "rb")) == NULL)
		return;
	ck_assert_int_eq(fstat(fileno(f), &st), 0);
	im->there = true;
	im->len = (size_t)st.st_size;
	im->p = malloc(im->len + 1);
	ck_assert_ptr_nonnull(im->p);
	ck_assert_uint_eq(fread(im->p, 1, im->len, f), im->len);
	(void)fclose(f);
}

bool
image_same(const struct image *a, const struct image *b)
{
	return a->there == b->there && a->len == b->len &&
	    (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

void
image_done(struct image *im)
{
	free(im->p);
}
