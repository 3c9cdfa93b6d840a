#include "config.h"
#include "store/store.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper.h"
#include "store/db.h"

static struct testdir td;

static void
setup(void)
{
	td_init(&td);
}

static void
teardown(void)
{
	td_done(&td);
}

START_TEST(fresh_is_empty)
{
	static const struct flags_rec no_flags;
	static const struct stamp_rec no_stamp;
	struct store *s = open_store(td.path);
	struct loaded l;
	char text[32];

	loaded_get(&l, s);
	ck_assert_mem_eq(&l.flags, &no_flags, sizeof(no_flags));
	ck_assert_mem_eq(&l.stamp, &no_stamp, sizeof(no_stamp));
	ck_assert_int_eq(l.stage, 1);
	loaded_done(&l);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "PRAGMA application_id"), 0x54524b55);
	ck_assert_int_eq(sql_int(td.path, "PRAGMA user_version"),
	    SQL_MIGRATIONS);
	sql_query(td.path, "PRAGMA journal_mode", text, sizeof(text));
	ck_assert_str_eq(text, "wal");
}
END_TEST

static void
check_pragma(struct db *db, const char *sql, const char *value)
{
	sqlite3_stmt *st;

	ck_assert_int_eq(sqlite3_prepare_v2(db->h, sql, -1, &st, NULL),
	    SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(st), SQLITE_ROW);
	ck_assert_str_eq((const char *)sqlite3_column_text(st, 0), value);
	ck_assert_int_eq(sqlite3_finalize(st), SQLITE_OK);
}

START_TEST(pragmas_are_as_designed)
{
	struct errtext err = {0};
	struct db *db;
	int on = 0;

	/* Twice: of a new file and of one that was there. */
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(db_open(&db, td.path, true, &err) == 0, "%s",
		    err.text);
		check_pragma(db, "PRAGMA locking_mode", "exclusive");
		check_pragma(db, "PRAGMA synchronous", "3");
		check_pragma(db, "PRAGMA journal_mode", "wal");
		check_pragma(db, "PRAGMA foreign_keys", "1");
		check_pragma(db, "PRAGMA trusted_schema", "0");
		check_pragma(db, "PRAGMA wal_autocheckpoint", "0");
		check_pragma(db, "PRAGMA busy_timeout", "0");
		check_pragma(db, "PRAGMA cell_size_check", "1");
		ck_assert_int_eq(sqlite3_db_config(db->h,
		    SQLITE_DBCONFIG_DEFENSIVE, -1, &on), SQLITE_OK);
		ck_assert_int_eq(on, 1);
		ck_assert(db->checkpointed);
		db_close(db);
	}
}
END_TEST

/* Every field a value of its own: the smallest, the largest, or some. */
enum fill { FILL_LEAST, FILL_MOST, FILL_SOME, FILL_COUNT };

static int64_t fill_counter;

static int64_t
fill_i64(enum fill f)
{
	return f == FILL_LEAST ? INT64_MIN : f == FILL_MOST ? INT64_MAX :
	    INT64_C(0x123456789abc00) + ++fill_counter;
}

static uint64_t
fill_u64(enum fill f)
{
	return f == FILL_LEAST ? 0 : f == FILL_MOST ? UINT64_MAX :
	    UINT64_C(0x8123456789abcd00) + (uint64_t)++fill_counter;
}

static int
fill_int(enum fill f)
{
	return f == FILL_LEAST ? INT_MIN : f == FILL_MOST ? INT_MAX :
	    1000000 + (int)++fill_counter;
}

static unsigned
fill_uint(enum fill f)
{
	return f == FILL_LEAST ? 0 : f == FILL_MOST ? UINT_MAX :
	    2000000 + (unsigned)++fill_counter;
}

static uint16_t
fill_u16(enum fill f)
{
	return (uint16_t)(f == FILL_LEAST ? 0 : f == FILL_MOST ? UINT16_MAX :
	    3000 + ++fill_counter);
}

static bool
fill_bool(enum fill f)
{
	return f != FILL_LEAST;
}

static void
fill_text(enum fill f, char *p, size_t size)
{
	if (f == FILL_SOME)
		(void)snprintf(p, size, "t%lld", (long long)++fill_counter);
	else if (f == FILL_MOST)
		for (size_t i = 0; i + 1 < size; i++)
			p[i] = (char)(i % 94 + 33);
}

#define FILL_TEXT(f, field) fill_text(f, field, sizeof(field))
/* Enums: first, last, one between. */
#define FILL_WORD(f, count, some) \
	((f) == FILL_LEAST ? 0 : (f) == FILL_MOST ? (count) - 1 : (some))

static struct device_rec
full_device(enum fill f)
{
	struct device_rec r;

	memset(&r, 0, sizeof(r));
	r.key = fill_u64(f);
	FILL_TEXT(f, r.id);
	FILL_TEXT(f, r.protover);
	FILL_TEXT(f, r.name);
	FILL_TEXT(f, r.device_type);
	FILL_TEXT(f, r.hardware);
	FILL_TEXT(f, r.mcu);
	r.version_wall = fill_i64(f);
	r.last_seen_wall = fill_i64(f);
	r.registered = fill_bool(f);
	r.serial_reserved = fill_uint(f);
	r.fence_seq = fill_u64(f);
	r.fence_at = fill_i64(f);
	r.fence_wall = fill_i64(f);
	FILL_TEXT(f, r.fence_version);
	r.stale_seq = fill_u64(f);
	r.power_seq = fill_u64(f);
	r.start_attempt = fill_i64(f);
	r.start_serial = fill_u16(f);
	r.start_seq = fill_u64(f);
	r.start_w_end_at = fill_i64(f);
	r.start_w_over_seq = fill_u64(f);
	r.start_ack_seq = fill_u64(f);
	r.start_final_seq = fill_u64(f);
	r.start_dropped_seq = fill_u64(f);
	r.stop_seq = fill_u64(f);
	r.stop_w_end_at = fill_i64(f);
	r.stop_udp = !fill_bool(f);
	r.foreign_until_at = fill_i64(f);
	r.foreign_seq = fill_u64(f);
	r.quarantined_wall = fill_i64(f);
	FILL_TEXT(f, r.quarantine);
	r.acked_wall = fill_i64(f);
	r.reads_unheard = fill_int(f);
	r.starts_unheard = fill_int(f);
	r.rhythm = fill_u64(f);
	return r;
}

static struct campaign_rec
full_campaign(enum fill f)
{
	struct campaign_rec r;

	memset(&r, 0, sizeof(r));
	r.id = fill_i64(f);
	FILL_TEXT(f, r.name);
	FILL_TEXT(f, r.digest);
	FILL_TEXT(f, r.targets_digest);
	r.revision = fill_int(f);
	r.state = FILL_WORD(f, CAMPAIGN_STATE_COUNT_, CAMPAIGN_PAUSED);
	r.reason = FILL_WORD(f, PAUSE_REASON_COUNT_, PAUSE_RULE);
	FILL_TEXT(f, r.reason_text);
	r.created_wall = fill_i64(f);
	r.started_wall = fill_i64(f);
	r.finished_wall = fill_i64(f);
	r.bucket_milli = fill_i64(f);
	r.bucket_at = fill_i64(f);
	r.rules_since_seq = fill_u64(f);
	return r;
}

static struct target_rec
full_target(enum fill f, int64_t campaign)
{
	struct target_rec r;

	memset(&r, 0, sizeof(r));
	r.campaign = campaign;
	r.device = fill_u64(f);
	r.ordinal = fill_uint(f);
	r.state = FILL_WORD(f, TARGET_STATE_COUNT_, TARGET_BACKOFF);
	r.cause = FILL_WORD(f, CAUSE_COUNT_, CAUSE_BAD_URL);
	r.wait_hold = FILL_WORD(f, HOLD_COUNT_, HOLD_BATTERY);
	r.attempts = fill_int(f);
	r.attempts_total = fill_int(f);
	r.deferrals = fill_int(f);
	r.deferrals_303 = fill_int(f);
	r.resends = fill_int(f);
	r.withdrawn = fill_int(f);
	r.update_failed = fill_int(f);
	r.retry_wall = fill_i64(f);
	r.ended_seq = fill_u64(f);
	r.hops = fill_int(f);
	r.via = fill_u64(f);
	r.edge = fill_int(f);
	r.last_attempt = fill_i64(f);
	r.wave = abs(fill_int(f) / 2); /* not negative */
	r.rule_causes = fill_uint(f);
	r.rule_edge_causes = fill_uint(f);
	r.rule_provisional = fill_uint(f);
	r.rule_edge = fill_int(f);
	r.rule_seq = fill_u64(f);
	return r;
}

static struct wave_rec
full_wave(enum fill f, int64_t campaign)
{
	struct wave_rec r;

	memset(&r, 0, sizeof(r));
	r.campaign = campaign;
	r.number = abs(fill_int(f) / 2);
	FILL_TEXT(f, r.name);
	r.state = FILL_WORD(f, WAVE_STATE_COUNT_, WAVE_SOAKING);
	r.opened_wall = fill_i64(f);
	r.opened_at = fill_i64(f);
	r.met_at = fill_i64(f);
	r.deadline_at = fill_i64(f);
	r.paused_at = fill_i64(f);
	r.ended_wall = fill_i64(f);
	FILL_TEXT(f, r.reason);
	r.approved_wall = fill_i64(f);
	FILL_TEXT(f, r.approved_by);
	FILL_TEXT(f, r.approved_reason);
	return r;
}

static struct attempt_rec
full_attempt(enum fill f, const struct target_rec *t)
{
	struct attempt_rec r;

	memset(&r, 0, sizeof(r));
	r.id = fill_i64(f);
	r.campaign = t->campaign;
	r.device = t->device;
	r.number = fill_int(f);
	r.serial = fill_u16(f);
	FILL_TEXT(f, r.from);
	FILL_TEXT(f, r.to);
	FILL_TEXT(f, r.url);
	FILL_TEXT(f, r.command);
	/* The last one, ended, is not loaded. */
	r.phase = FILL_WORD(f, PHASE_ENDED, PHASE_DOWNLOADING);
	r.reached = FILL_WORD(f, REACHED_COUNT_, REACHED_CONFIRMED);
	r.result = FILL_WORD(f, RESULT_COUNT_, RESULT_DEFERRED);
	r.cause = FILL_WORD(f, CAUSE_COUNT_, CAUSE_TIMEOUT);
	r.holds_udp = fill_bool(f);
	r.uncharged = !fill_bool(f);
	r.foreign = fill_bool(f);
	r.earlier_start = !fill_bool(f);
	r.claimed_buffered = fill_bool(f);
	r.code = fill_int(f);
	r.times = fill_int(f);
	r.held_code = fill_int(f);
	r.tries_total = fill_int(f);
	r.started_mask = fill_uint(f);
	r.mode_over_acks = fill_int(f);
	r.reads_unanswered = fill_int(f);
	r.cancel_wanted = !fill_bool(f);
	r.cancel_cause = FILL_WORD(f, CAUSE_COUNT_, CAUSE_EXPIRED);
	r.stops_sent = fill_int(f);
	r.stop_acked = fill_bool(f);
	r.stop_serial[0] = fill_u16(f);
	r.stop_serial[1] = fill_u16(f);
	r.stop_at = fill_i64(f);
	r.intent_wall = fill_i64(f);
	r.ended_wall = fill_i64(f);
	r.intent_seq = fill_u64(f);
	r.written_seq = fill_u64(f);
	r.ack_seq = fill_u64(f);
	r.code_seq = fill_u64(f);
	r.w_over_seq = fill_u64(f);
	r.written_at = fill_i64(f);
	r.code_at = fill_i64(f);
	r.w_end_at = fill_i64(f);
	r.w_ms = fill_i64(f);
	r.deadline_at = fill_i64(f);
	r.given_back_ms = fill_i64(f);
	r.dark = fill_bool(f);
	return r;
}

static struct event_rec
full_event(enum fill f)
{
	struct event_rec r;

	memset(&r, 0, sizeof(r));
	r.wall = fill_i64(f);
	r.device = 77;
	r.campaign = fill_i64(f);
	r.attempt = fill_i64(f);
	r.kind = FILL_WORD(f, EVENT_KIND_COUNT_, EVENT_VERSION);
	r.phase = FILL_WORD(f, PHASE_COUNT_, PHASE_UNSURE);
	r.code = fill_int(f);
	r.serial = fill_int(f);
	FILL_TEXT(f, r.text);
	return r;
}

/* Each record comes back with each field as it was; i is the fill. */
START_TEST(records_round_trip)
{
	enum fill f = (enum fill)_i;
	struct device_rec device = full_device(f);
	struct campaign_rec campaign = full_campaign(f);
	struct wave_rec wave = full_wave(f, campaign.id);
	struct target_rec target = full_target(f, campaign.id);
	struct attempt_rec attempt = full_attempt(f, &target);
	struct event_rec event = full_event(f);
	struct exclusion_rec exclusion;
	struct tuple_rec tuple;
	struct flags_rec flags;
	struct stamp_rec stamp;
	struct package_rec package;
	struct op_revision rev;
	struct store *s = open_store(td.path);
	struct answer a = {0};
	struct loaded l;
	struct opbuf ops;

	memset(&tuple, 0, sizeof(tuple));
	tuple.device = fill_u64(f);
	tuple.slot = f == FILL_MOST ? TUPLES_PER_DEVICE - 1 : 0;
	tuple.hash = fill_u64(f);
	memset(&package, 0, sizeof(package));
	package.campaign = campaign.id;
	package.number = f == FILL_MOST ? 255 : 0;
	package.bytes = fill_u64(f);
	FILL_TEXT(f, package.name);
	FILL_TEXT(f, package.sha256);
	memset(&exclusion, 0, sizeof(exclusion));
	exclusion.device = fill_u64(f);
	FILL_TEXT(f, exclusion.id);
	exclusion.active = true; /* others are history, and not loaded */
	exclusion.since_wall = fill_i64(f);
	exclusion.until_wall = fill_i64(f);
	FILL_TEXT(f, exclusion.who);
	FILL_TEXT(f, exclusion.reason);
	memset(&flags, 0, sizeof(flags));
	flags.halted = fill_bool(f);
	flags.bucket_milli = fill_i64(f);
	flags.bucket_at = fill_i64(f);
	flags.next_campaign = fill_i64(f);
	flags.next_attempt = fill_i64(f);
	memset(&stamp, 0, sizeof(stamp));
	stamp.alive_ms = fill_i64(f);
	stamp.wall = fill_i64(f);
	stamp.seq = fill_u64(f);
	stamp.boot = fill_u64(f);
	stamp.boot_ms = fill_i64(f);
	memset(&rev, 0, sizeof(rev));
	rev.campaign = campaign.id;
	rev.revision = campaign.revision;
	rev.wall = fill_i64(f);
	FILL_TEXT(f, rev.digest);
	rev.text = strdup("campaign: x\n");
	rev.text_len = strlen(rev.text);

	opbuf_init(&ops);
	/* Children first: the store brings them into order. */
	opbuf_add(&ops, OP_ATTEMPT, &attempt);
	opbuf_add(&ops, OP_TARGET, &target);
	opbuf_add(&ops, OP_PACKAGE, &package);
	opbuf_add(&ops, OP_WAVE, &wave);
	opbuf_add(&ops, OP_REVISION, &rev);
	opbuf_add(&ops, OP_CAMPAIGN, &campaign);
	opbuf_add(&ops, OP_DEVICE, &device);
	opbuf_add(&ops, OP_EXCLUSION, &exclusion);
	opbuf_add(&ops, OP_TUPLE, &tuple);
	opbuf_add(&ops, OP_EVENT, &event);
	opbuf_add(&ops, OP_FLAGS, &flags);
	opbuf_add(&ops, OP_STAMP, &stamp);
	ck_assert(!ops.failed);
	ck_assert(store_submit(s, 1, &ops));
	store_close(s);

	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.device_count, 1);
	ck_assert_mem_eq(&l.devices[0], &device, sizeof(device));
	ck_assert_uint_eq(l.campaign_count, 1);
	ck_assert_mem_eq(&l.campaigns[0], &campaign, sizeof(campaign));
	ck_assert_str_eq(l.texts[0], "campaign: x\n");
	ck_assert_uint_eq(l.wave_count, 1);
	ck_assert_mem_eq(&l.waves[0], &wave, sizeof(wave));
	ck_assert_uint_eq(l.target_count, 1);
	ck_assert_mem_eq(&l.targets[0], &target, sizeof(target));
	ck_assert_uint_eq(l.attempt_count, 1);
	ck_assert_mem_eq(&l.attempts[0], &attempt, sizeof(attempt));
	ck_assert_uint_eq(l.tuple_count, 1);
	ck_assert_mem_eq(&l.tuples[0], &tuple, sizeof(tuple));
	ck_assert_uint_eq(l.package_count, 1);
	ck_assert_mem_eq(&l.packages[0], &package, sizeof(package));
	ck_assert_uint_eq(l.exclusion_count, 1);
	ck_assert_mem_eq(&l.exclusions[0], &exclusion, sizeof(exclusion));
	ck_assert_mem_eq(&l.flags, &flags, sizeof(flags));
	ck_assert_mem_eq(&l.stamp, &stamp, sizeof(stamp));
	loaded_done(&l);

	ck_assert_int_eq(store_start(s, NULL), 0);
	ck_assert(store_timeline(s, 77, 0, 10, on_timeline, &a));
	wait_answer(s, &a);
	ck_assert_int_eq(a.status, 0);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_mem_eq(&a.rows[0].ev, &event, sizeof(event));
	free(a.rows);
	store_close(s);
}
END_TEST

START_TEST(audit_and_revisions_are_kept)
{
	struct store *s = open_store(td.path);
	struct campaign_rec c = make_campaign(1);
	struct audit_rec audit;
	struct op_revision rev;
	struct loaded l;
	struct opbuf ops;
	char text[64];

	memset(&audit, 0, sizeof(audit));
	audit.wall = 5;
	(void)strcpy(audit.who, "uid:0");
	(void)strcpy(audit.action, "pause");
	(void)strcpy(audit.object, "campaign-1");
	(void)strcpy(audit.reason, "because");
	opbuf_init(&ops);
	opbuf_add(&ops, OP_CAMPAIGN, &c);
	for (int i = 1; i <= 3; i++) {
		memset(&rev, 0, sizeof(rev));
		rev.campaign = 1;
		rev.revision = i;
		ck_assert_int_gt(asprintf(&rev.text, "revision %d", i), 0);
		rev.text_len = strlen(rev.text);
		opbuf_add(&ops, OP_REVISION, &rev);
	}
	opbuf_add(&ops, OP_AUDIT, &audit);
	(void)store_submit(s, 1, &ops);
	store_close(s);

	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.campaign_count, 1);
	ck_assert_str_eq(l.texts[0], "revision 3");
	loaded_done(&l);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM revision"), 3);
	sql_query(td.path, "SELECT who || ' ' || action || ' ' || object || "
	    "' ' || reason || ' ' || wall FROM audit", text, sizeof(text));
	ck_assert_str_eq(text, "uid:0 pause campaign-1 because 5");
	ck_assert_int_eq(sql_try(td.path, "UPDATE revision SET text = ''"),
	    SQLITE_CONSTRAINT);
	ck_assert_int_eq(sql_try(td.path, "UPDATE audit SET who = ''"),
	    SQLITE_CONSTRAINT);
}
END_TEST

/* The words of the schema and those of the code are the same. */
START_TEST(every_word_is_accepted)
{
	struct store *s = open_store(td.path);
	struct loaded l;
	struct opbuf ops;
	size_t live = 0;

	opbuf_init(&ops);
	add_base(&ops, 100);
	for (int i = 0; i < CAMPAIGN_STATE_COUNT_; i++) {
		struct campaign_rec c = make_campaign(100 + i);

		c.state = (enum campaign_state)i;
		opbuf_add(&ops, OP_CAMPAIGN, &c);
	}
	for (int i = 0; i < PAUSE_REASON_COUNT_; i++) {
		struct campaign_rec c = make_campaign(200 + i);

		c.reason = (enum pause_reason)i;
		opbuf_add(&ops, OP_CAMPAIGN, &c);
	}
	for (int i = 0; i < WAVE_STATE_COUNT_; i++) {
		struct wave_rec w = {.campaign = 1, .number = i,
		    .state = (enum wave_state)i};

		opbuf_add(&ops, OP_WAVE, &w);
	}
	for (int i = 0; i < 40; i++) {
		struct target_rec t = make_target(1, 1000 + (uint64_t)i);

		t.state = (enum target_state)(i % TARGET_STATE_COUNT_);
		t.cause = (enum cause)(i % CAUSE_COUNT_);
		t.wait_hold = (enum hold)(i % HOLD_COUNT_);
		opbuf_add(&ops, OP_TARGET, &t);
	}
	for (int i = 0; i < 40; i++) {
		struct attempt_rec t = make_attempt(1 + i, 1 + (uint64_t)i,
		    (enum phase)(i % PHASE_COUNT_));

		t.reached = (enum reached)(i % REACHED_COUNT_);
		t.result = (enum result)(i % RESULT_COUNT_);
		t.cause = (enum cause)(i % CAUSE_COUNT_);
		t.cancel_cause = (enum cause)((i + 3) % CAUSE_COUNT_);
		live += t.phase != PHASE_ENDED;
		opbuf_add(&ops, OP_ATTEMPT, &t);
	}
	for (int i = 0; i < 40; i++) {
		struct event_rec e = make_event(1, i);

		e.kind = (enum event_kind)(i % EVENT_KIND_COUNT_);
		e.phase = (enum phase)(i % PHASE_COUNT_);
		opbuf_add(&ops, OP_EVENT, &e);
	}
	(void)store_submit(s, 1, &ops);
	ck_assert_int_eq(store_start(s, NULL), 0);
	wait_durable(s, 1);
	store_close(s);

	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.campaign_count,
	    1 + CAMPAIGN_STATE_COUNT_ + PAUSE_REASON_COUNT_);
	ck_assert_uint_eq(l.wave_count, WAVE_STATE_COUNT_);
	for (size_t i = 0; i < l.wave_count; i++)
		ck_assert_int_eq((int)l.waves[i].state, (int)i);
	for (size_t i = 100; i < 140; i++) {
		const struct target_rec *t = &l.targets[i];

		ck_assert_int_eq((int)t->cause,
		    (int)((i - 100) % CAUSE_COUNT_));
		ck_assert_int_eq((int)t->wait_hold,
		    (int)((i - 100) % HOLD_COUNT_));
	}
	ck_assert_uint_eq(l.attempt_count, live);
	loaded_done(&l);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 40);
}
END_TEST

START_TEST(schema_refuses)
{
	static const char *const wrong[] = {
		"UPDATE event SET code = 1",
		"PRAGMA foreign_keys = ON; INSERT INTO event (wall, device, "
		    "campaign, attempt, kind, "
		    "phase, code, serial, text) VALUES (0, 0, 0, 0, 'odd', "
		    "'', 0, 0, '')",
		"INSERT INTO tuple VALUES (1, 32, 0)",
		"INSERT INTO tuple VALUES (1, 'x', 0)",
		"INSERT INTO stamp VALUES (2, 0, 0, 0, 0, 0, 0)",
		"PRAGMA foreign_keys = ON; INSERT INTO target (campaign, "
		    "device, ordinal, state, cause, wait_hold, attempts, "
		    "attempts_total, deferrals, deferrals_303, resends, "
		    "withdrawn, update_failed, retry_wall, ended_seq) VALUES "
		    "(9, 1, 0, 'waiting', '', '', 0, 0, 0, 0, 0, 0, 0, 0, 0)",
	};
	struct store *s = open_store(td.path);
	struct event_rec e = make_event(1, 7);

	submit_one(s, 1, OP_EVENT, &e);
	store_close(s);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		ck_assert_msg(sql_try(td.path, wrong[i]) == SQLITE_CONSTRAINT,
		    "%s", wrong[i]);
	ck_assert_int_eq(sql_int(td.path, "SELECT code FROM event"), 7);
	/* Retention will have to remove. */
	ck_assert_int_eq(sql_try(td.path, "DELETE FROM event"), SQLITE_OK);
}
END_TEST

static int
stop_here(void *arg, const struct device_rec *r UNUSED)
{
	++*(int *)arg;
	return -42;
}

static int
no_flags(void *arg UNUSED, const struct flags_rec *f UNUSED,
    const struct stamp_rec *st UNUSED)
{
	return 0;
}

START_TEST(callback_ends_the_load)
{
	int calls = 0;
	struct store_loader l = {.arg = &calls, .flags = no_flags,
		.device = stop_here};
	struct store *s = open_store(td.path);
	struct device_rec d1 = make_device(1), d2 = make_device(2);

	submit_one(s, 1, OP_DEVICE, &d1);
	submit_one(s, 2, OP_DEVICE, &d2);
	store_close(s);
	s = open_store(td.path);
	ck_assert_int_eq(store_load(s, &l, NULL), -42);
	ck_assert_int_eq(calls, 1);
	/* And it can be loaded again. */
	ck_assert_int_eq(store_load(s, &l, NULL), -42);
	ck_assert_int_eq(calls, 2);
	store_close(s);
}
END_TEST

#define MANY_DEVICES 1000 /* more than one block of rows */

struct hints {
	uint64_t key[MANY_DEVICES];
	size_t count, met, loaded;
};

static void
hint_device(void *arg, const struct device_rec *r)
{
	struct hints *h = arg;

	ck_assert_uint_lt(h->count, MANY_DEVICES);
	h->key[h->count++] = r->key;
}

static int
load_hinted(void *arg, const struct device_rec *r)
{
	struct hints *h = arg;

	ck_assert_uint_eq(r->key, ++h->loaded);
	if (h->met < h->count && h->key[h->met] == r->key)
		h->met++;
	return 0;
}

/* Hints come before their devices, in order, for most of them, and leave out
 * and double none of those that are loaded. */
START_TEST(devices_are_told_of_ahead)
{
	struct hints h = {.count = 0};
	struct store_loader l = {.arg = &h, .flags = no_flags,
		.device = load_hinted, .device_soon = hint_device};
	struct store *s = open_store(td.path);
	struct opbuf ops;

	opbuf_init(&ops);
	for (uint64_t key = 1; key <= MANY_DEVICES; key++) {
		struct device_rec d = make_device(key);

		opbuf_add(&ops, OP_DEVICE, &d);
	}
	(void)store_submit(s, 1, &ops);
	store_close(s);
	s = open_store(td.path);
	ck_assert_int_eq(store_load(s, &l, NULL), 0);
	ck_assert_uint_eq(h.loaded, MANY_DEVICES);
	ck_assert_uint_gt(h.count, MANY_DEVICES / 2);
	ck_assert_uint_eq(h.met, h.count);
	store_close(s);
}
END_TEST

/* What cannot be held by a field is not cut but refused. */
START_TEST(load_refuses_what_does_not_fit)
{
	struct store_loader l = {.flags = no_flags, .device = stop_here};
	struct device_rec d = make_device(1);
	struct errtext err = {0};
	struct store *s = open_store(td.path);

	submit_one(s, 1, OP_DEVICE, &d);
	store_close(s);
	ck_assert_int_eq(sql_try(td.path, "UPDATE device SET protover = "
	    "'0123456789A'"), SQLITE_OK);
	s = open_store(td.path);
	ck_assert_int_eq(store_load(s, &l, &err), STORE_ERR_CORRUPT);
	ck_assert_msg(strstr(err.text, "device.protover") != NULL, "%s",
	    err.text);
	store_close(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store records");
	TCase *tc = tcase_create("store records");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, fresh_is_empty);
	tcase_add_test(tc, pragmas_are_as_designed);
	tcase_add_loop_test(tc, records_round_trip, 0, FILL_COUNT);
	tcase_add_test(tc, audit_and_revisions_are_kept);
	tcase_add_test(tc, every_word_is_accepted);
	tcase_add_test(tc, schema_refuses);
	tcase_add_test(tc, callback_ends_the_load);
	tcase_add_test(tc, devices_are_told_of_ahead);
	tcase_add_test(tc, load_refuses_what_does_not_fit);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
