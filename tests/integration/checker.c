/*
 * checker: holds the daemon's record against what really happened.
 *
 *   checker truth TRUTH TARGETS DB VERSION [settled]
 *   checker counts SAMPLES
 *   checker database SQLFILE DB     (makes it; no counts)
 *
 * TRUTH is tracksim's file (a JSON line a device), TARGETS the output of
 * `trackupctl campaign targets --json`, DB the store of the stopped daemon,
 * VERSION the version that the campaign brings. SAMPLES are outputs of
 * `trackupctl campaign show --json` one after the other.
 *
 * Shares no code with the daemon: agreement with itself would prove nothing.
 * A verdict must equal the truth, or be one that no evidence could settle;
 * those are listed by cause, and with "settled" there must be none.
 */
#include "config.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long passed, failed;
static const char *version;

static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
fail(const char *fmt, ...)
{
	/* The first ones tell the story. */
	if (failed++ >= 30)
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)printf("failed: ");
	(void)vprintf(fmt, ap);
	(void)printf("\n");
	va_end(ap);
}

static void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "checker: %s: %s\n", what, why);
	exit(2);
}

static const char *
text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s == NULL ? "" : s;
}

/* --- what the store knows ------------------------------------------------ */

static sqlite3 *db;

static sqlite3_stmt *
query(const char *sql)
{
	sqlite3_stmt *st;
	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(db));
	return st;
}

/* The first column of the first row, -1 without one. */
static sqlite3_int64
one(sqlite3_stmt *st)
{
	sqlite3_int64 v = -1;
	int rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	else if (rc != SQLITE_DONE)
		die("query", sqlite3_errmsg(db));
	sqlite3_reset(st);
	return v;
}

static struct {
	sqlite3_stmt *device, *attempt, *serial_twice, *report, *provisional,
	    *target;
} q;

static void
open_store(const char *path)
{
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) !=
	    SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	/* Asked for once a device, and the store has no index for that. */
	if (sqlite3_exec(db, "CREATE TEMP TABLE a AS SELECT device, serial,"
	                     " phase FROM attempt;"
	                     "CREATE INDEX temp.a_device ON a (device);"
	                     "CREATE TEMP TABLE t AS SELECT device, state,"
	                     " cause FROM target;"
	                     "CREATE INDEX temp.t_device ON t (device)",
	        NULL, NULL, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(db));
	q.device = query("SELECT key FROM device WHERE id = ?1");
	q.attempt = query("SELECT count(*) FROM a"
	                  " WHERE device = ?1 AND serial = ?2");
	q.report = query("SELECT count(*) FROM event WHERE device = ?1"
	                 " AND device <> 0" /* as its index says */
	                 " AND kind = 'report' AND code = ?2"
	                 " AND instr(upper(text), ?3) > 0");
	q.provisional = query("SELECT count(*) FROM a WHERE device = ?1"
	                      " AND phase = 'provisional'");
	q.target = query("SELECT count(*) FROM t WHERE device = ?1"
	                 " AND state = ?2 AND cause = ?3");
}

static void
check_store(void)
{
	sqlite3_stmt *st = query("PRAGMA integrity_check");
	if (sqlite3_step(st) == SQLITE_ROW &&
	    strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0)
		passed++;
	else
		fail("the store is not sound");
	sqlite3_finalize(st);

	st = query("SELECT count(*) FROM (SELECT 1 FROM attempt"
	           " WHERE phase NOT IN ('ended', 'deferred')"
	           " GROUP BY device HAVING count(*) > 1)");
	sqlite3_int64 n = one(st);
	if (n == 0)
		passed++;
	else
		fail("%lld devices with two open attempts", (long long)n);
	sqlite3_finalize(st);
}

/* --- one device ----------------------------------------------------------- */

#define CAUSES_MAX 32
static struct {
	char name[40];
	long count;
} unsettled[CAUSES_MAX];

static void
note_unsettled(const char *state, const char *cause)
{
	char name[40];
	(void)snprintf(name, sizeof(name), "%.15s%s%.20s", state,
	    cause[0] != '\0' ? " " : "", cause);
	for (size_t i = 0; i < CAUSES_MAX; i++) {
		if (unsettled[i].count == 0)
			(void)snprintf(unsettled[i].name, sizeof(name), "%s",
			    name);
		if (strcmp(unsettled[i].name, name) == 0) {
			unsettled[i].count++;
			return;
		}
	}
}

static bool
is_dead(const json_t *truth)
{
	return strcmp(text(truth, "state"), "bricked") == 0;
}

/* A device is flashed at most once with a version: this is what the whole
 * program is for. */
static bool
check_flashed(const json_t *truth, const char *id)
{
	const json_t *list = json_object_get(truth, "flashed");
	size_t n = 0, i;
	const json_t *v;
	if (!json_is_array(list)) {
		fail("%s: the truth has no list of flashes", id);
		return false;
	}
	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);
		n += s != NULL && strcmp(s, version) == 0;
	}
	if (json_array_size(list) > 1)
		fail("%s: flashed %zu times", id, json_array_size(list));
	else
		passed++;
	return n > 0;
}

/* Every start that a tracker received has its intent in the store, and no
 * intent made two. */
static void
check_received(const json_t *truth, const char *id, sqlite3_int64 key)
{
	const json_t *list = json_object_get(truth, "received");
	size_t i;
	const json_t *v;
	if (!json_is_array(list)) {
		fail("%s: the truth has no list of starts", id);
		return;
	}
	json_array_foreach(list, i, v)
	{
		const char *s = json_string_value(v);
		if (s == NULL)
			die("truth", "a serial that is no text");
		sqlite3_bind_int64(q.attempt, 1, key);
		sqlite3_bind_int64(q.attempt, 2,
		    (sqlite3_int64)strtoul(s, NULL, 16));
		sqlite3_int64 n = one(q.attempt);
		if (n == 1)
			passed++;
		else
			fail("%s: start %s received, %lld intents", id, s,
			    (long long)n);
		for (size_t j = 0; j < i; j++)
			if (strcmp(s,
				json_string_value(json_array_get(list, j))) ==
			    0)
				fail("%s: start %s received twice", id, s);
	}
}

/* The end of a report as the store has it: text, or of a binary frame the
 * digits of its bytes, year to second and then the count. */
static void
tail_of(const json_t *report, bool hex, char *ret, size_t size)
{
	const char *count = text(report, "count");
	int v[6] = {0};

	if (!hex) {
		(void)snprintf(ret, size, ",%s,%s$", text(report, "time"),
		    count);
		return;
	}
	if (sscanf(text(report, "time"), "%4d%2d%2d%2d%2d%2d", &v[0], &v[1],
		&v[2], &v[3], &v[4], &v[5]) != 6)
		die("truth", "a report without its time");
	(void)snprintf(ret, size, "%04X%02X%02X%02X%02X%02X%s", v[0], v[1],
	    v[2], v[3], v[4], v[5], count);
}

/* What the tracker saw acknowledged, the store must know. */
static long
check_acknowledged(const json_t *truth, const char *id, sqlite3_int64 key)
{
	const json_t *list = json_object_get(truth, "reports");
	size_t i;
	long seen = 0;
	bool hex = strcmp(text(truth, "protocol"), "hex") == 0;
	const json_t *v;
	json_array_foreach(list, i, v)
	{
		if (!json_is_true(json_object_get(v, "sacked")))
			continue;
		char tail[64];
		json_int_t code =
		    json_integer_value(json_object_get(v, "code"));
		tail_of(v, hex, tail, sizeof(tail));
		sqlite3_bind_int64(q.report, 1, key);
		sqlite3_bind_int64(q.report, 2, code);
		sqlite3_bind_text(q.report, 3, tail, -1, SQLITE_STATIC);
		seen++;
		if (one(q.report) > 0)
			passed++;
		else
			fail("%s: report %lld%s was acknowledged and is not in"
			     " the store",
			    id, (long long)code, tail);
	}
	return seen;
}

/* True when some attempt of the device really ended like that. */
static bool
truth_has_result(const json_t *truth, const char *result)
{
	size_t i;
	const json_t *v;
	json_array_foreach(json_object_get(truth, "attempts"), i, v)
		if (strcmp(text(v, "result"), result) == 0)
			return true;
	return false;
}

/* Causes that a report of the tracker itself must have brought about: cause,
 * and how the truth file says that such an attempt ended. */
static const char *const reported[][2] = {
	{"refused_power_off", "101"},
	{"bad_url", "102"},
	{"low_battery", "103"},
	{"update_failed", "302"},
	{"low_battery_install", "303"},
};

static void
check_verdict(const json_t *truth, const json_t *target, bool flashed,
    sqlite3_int64 key)
{
	const char *id = text(truth, "id"), *state = text(target, "state");
	const char *cause = text(target, "cause");
	sqlite3_bind_int64(q.provisional, 1, key);
	bool provisional = one(q.provisional) > 0;

	if (strcmp(state, "succeeded") == 0) {
		if (flashed && !is_dead(truth))
			passed++;
		else
			fail("%s: succeeded, but it runs %s and is %s", id,
			    text(truth, "version"), text(truth, "state"));
		return;
	}
	if (is_dead(truth) && strcmp(state, "failed") == 0 &&
	    strcmp(cause, "silent") == 0) {
		passed++; /* silent is what a dead one is */
		return;
	}
	if (strcmp(state, "unverified") == 0 || provisional) {
		note_unsettled(state, cause);
		return;
	}
	if (strcmp(state, "failed") != 0 && strcmp(state, "cancelled") != 0) {
		fail("%s: %s %s at the end", id, state, cause);
		return;
	}
	if (flashed) {
		fail("%s: %s %s, but it was flashed", id, state, cause);
		return;
	}
	for (size_t i = 0; i < sizeof(reported) / sizeof(reported[0]); i++)
		if (strcmp(cause, reported[i][0]) == 0 &&
		    !truth_has_result(truth, reported[i][1])) {
			fail("%s: failed %s, which never happened", id, cause);
			return;
		}
	passed++;
}

/* --- the whole run ---------------------------------------------------------*/

static const json_t *
target_of(const json_t *targets, const char *id)
{
	/* Most come in the order of the truth: begins where it was last. */
	static size_t last;
	size_t n = json_array_size(targets);
	for (size_t i = 0; i < n; i++) {
		size_t at = (last + i) % n;
		const json_t *v = json_array_get(targets, at);
		if (strcmp(text(v, "id"), id) == 0) {
			last = at + 1;
			return v;
		}
	}
	return NULL;
}

static int
check_truth(const char *truth_path, const char *targets_path,
    const char *db_path, bool settled)
{
	json_error_t err;
	json_t *targets = json_load_file(targets_path, 0, &err);
	if (!json_is_array(targets))
		die(targets_path, "no JSON array");
	FILE *f = fopen(truth_path, "r");
	if (f == NULL)
		die(truth_path, "cannot be opened");
	open_store(db_path);
	check_store();

	long devices = 0, starts = 0, acknowledged = 0, open_count = 0;
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, f) > 0) {
		json_t *truth = json_loads(line, 0, &err);
		if (truth == NULL)
			die(truth_path, err.text);
		const char *id = text(truth, "id");
		const json_t *target = target_of(targets, id);
		sqlite3_bind_text(q.device, 1, id, -1, SQLITE_STATIC);
		sqlite3_int64 key = one(q.device);
		devices++;
		if (target == NULL || key < 0) {
			fail("%s: %s", id,
			    target == NULL ? "no target" : "not in the store");
			json_decref(truth);
			continue;
		}
		bool flashed = check_flashed(truth, id);
		check_received(truth, id, key);
		starts += (long)json_array_size(
		    json_object_get(truth, "received"));
		acknowledged += check_acknowledged(truth, id, key);
		check_verdict(truth, target, flashed, key);
		sqlite3_bind_int64(q.target, 1, key);
		sqlite3_bind_text(q.target, 2, text(target, "state"), -1,
		    SQLITE_STATIC);
		sqlite3_bind_text(q.target, 3, text(target, "cause"), -1,
		    SQLITE_STATIC);
		if (one(q.target) == 1)
			passed++;
		else
			fail("%s: shown as %s %s, stored otherwise", id,
			    text(target, "state"), text(target, "cause"));
		json_decref(truth);
	}
	free(line);
	(void)fclose(f);

	if ((size_t)devices != json_array_size(targets))
		fail("%ld devices, %zu targets", devices,
		    json_array_size(targets));
	/* A check of nothing passes; so there must have been something. */
	if (devices == 0 || starts == 0 || acknowledged == 0)
		fail("%ld devices, %ld starts, %ld acknowledged reports",
		    devices, starts, acknowledged);
	for (size_t i = 0; i < CAUSES_MAX && unsettled[i].count > 0; i++) {
		open_count += unsettled[i].count;
		(void)printf("no evidence could settle: %s: %ld\n",
		    unsettled[i].name, unsettled[i].count);
	}
	if (settled && open_count > 0)
		fail("%ld verdicts are not settled", open_count);
	(void)printf("%ld devices, %ld starts received, %ld acknowledged"
	             " reports, %ld not settled\n",
	    devices, starts, acknowledged, open_count);
	json_decref(targets);
	return 0;
}

/* At every look the eight counts of targets add up to the total. */
static int
check_counts(const char *path)
{
	static const char *const states[] = {"waiting", "active", "backoff",
		"succeeded", "failed", "cancelled", "skipped", "unverified"};
	FILE *f = fopen(path, "r");
	if (f == NULL)
		die(path, "cannot be opened");
	json_error_t err;
	json_t *v;
	long looks = 0;
	while ((v = json_loadf(f, JSON_DISABLE_EOF_CHECK, &err)) != NULL) {
		const json_t *t = json_object_get(v, "targets");
		json_int_t sum = 0, holds = 0;
		looks++;
		for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
			const json_t *n = json_object_get(t, states[i]);
			if (!json_is_integer(n))
				fail("look %ld: no count of %s", looks,
				    states[i]);
			sum += json_integer_value(n);
		}
		const char *key;
		json_t *n;
		json_object_foreach(json_object_get(v, "holds"), key, n)
			holds += json_integer_value(n);
		json_int_t total =
		    json_integer_value(json_object_get(t, "total"));
		json_int_t waiting =
		    json_integer_value(json_object_get(t, "waiting"));
		if (sum != total || total == 0)
			fail("look %ld: %lld of %lld targets", looks,
			    (long long)sum, (long long)total);
		else if (holds > waiting) /* one that is due now has none */
			fail("look %ld: %lld holds for %lld waiting", looks,
			    (long long)holds, (long long)waiting);
		else
			passed++;
		json_decref(v);
	}
	if (looks < 5)
		fail("only %ld looks at the counts (%s)", looks, err.text);
	(void)fclose(f);
	(void)printf("%ld looks at the counts\n", looks);
	return 0;
}

/* The database that a dump describes. */
static int
make_database(const char *dump, const char *path)
{
	FILE *f = fopen(dump, "re");
	char *text = NULL, *why = NULL;
	size_t size = 0;
	sqlite3 *h = NULL;
	int r;

	if (f == NULL || getdelim(&text, &size, '\0', f) < 0) {
		perror(dump);
		return 1;
	}
	(void)fclose(f);
	r = sqlite3_open(path, &h);
	if (r == SQLITE_OK)
		r = sqlite3_exec(h, text, NULL, NULL, &why);
	if (r != SQLITE_OK)
		(void)fprintf(stderr, "%s: %s\n", path,
		    why != NULL ? why : sqlite3_errstr(r));
	sqlite3_free(why);
	(void)sqlite3_close(h);
	free(text);
	return r == SQLITE_OK ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "database") == 0)
		return make_database(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "counts") == 0) {
		(void)check_counts(argv[2]);
	} else if ((argc == 6 || (argc == 7 && strcmp(argv[6], "settled") == 0))
	    && strcmp(argv[1], "truth") == 0) {
		version = argv[5];
		(void)check_truth(argv[2], argv[3], argv[4], argc == 7);
	} else {
		(void)fprintf(stderr,
		    "usage: checker truth TRUTH TARGETS DB VERSION [settled]\n"
		    "       checker counts SAMPLES\n");
		return 2;
	}
	(void)printf("%ld passed, %ld failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
