#include "config.h"
#include "store/store.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "helper.h"
#include "store/db.h"
#include "store/group.h"

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

START_TEST(tickets_ascend)
{
	struct store *s = open_started(td.path);
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	uint64_t durable = 0, before = 0;
	enum store_state state;
	bool room;

	for (uint64_t i = 1; i <= 500; i++) {
		struct event_rec e = make_event(1, (int)i);

		submit_one(s, i * 10, OP_EVENT, &e);
	}
	while (durable < 5000) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &durable, &state, &room);
		ck_assert_uint_ge(durable, before);
		ck_assert_uint_eq(durable % 10, 0);
		ck_assert_int_eq((int)state, (int)STORE_OK);
		before = durable;
	}
	/* Told: nothing more to read until something happens. */
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 500);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event "
	    "WHERE code <> id"), 0);
}
END_TEST

START_TEST(groups_are_committed)
{
	struct store_config cfg = {.path = td.path, .group_max = 100,
		.linger_ms = 200};
	struct store_stats st;
	struct store *s;
	uint64_t sum = 0;

	ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
	for (uint64_t i = 1; i <= 1050; i++) {
		struct event_rec e = make_event(1, (int)i);

		submit_one(s, i, OP_EVENT, &e);
	}
	ck_assert_int_eq(store_start(s, NULL), 0);
	wait_durable(s, 1050);
	store_get_stats(s, &st);
	/* Ten full groups at once; the rest after the linger. */
	ck_assert_uint_eq(st.commits, 11);
	ck_assert_uint_eq(st.operations, 1050);
	ck_assert_uint_eq(st.failures, 0);
	ck_assert_uint_eq(st.queue_bytes, 0);
	ck_assert_uint_gt(st.wal_bytes, 0);
	ck_assert_uint_gt(st.commit_us_total, 0);
	for (size_t i = 0; i < 12; i++)
		sum += st.commit_bucket[i];
	ck_assert_uint_eq(sum, st.commits);
	store_close(s);
}
END_TEST

static struct store *
open_with(const struct store_config *cfg)
{
	struct store *s;

	ck_assert_int_eq(store_open(&s, cfg, NULL), 0);
	ck_assert_int_eq(store_start(s, NULL), 0);
	return s;
}

START_TEST(linger_waits_for_company)
{
	struct store_config cfg = {.path = td.path, .linger_ms = 100};
	struct event_rec e = make_event(1, 1);
	struct store_stats st;
	struct store *s = open_with(&cfg);
	int64_t start = test_now_ms();

	submit_one(s, 1, OP_EVENT, &e);
	submit_one(s, 2, OP_EVENT, &e);
	wait_durable(s, 2);
	ck_assert_int_ge(test_now_ms() - start, 100);
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.commits, 1);
	store_close(s);
}
END_TEST

/* In a rush one group a millisecond is begun, whatever the disk could do. */
START_TEST(groups_are_a_millisecond_apart)
{
	struct store_config cfg = {.path = td.path, .group_max = 1000000};
	struct event_rec e = make_event(1, 1);
	struct store_stats st;
	struct store *s = open_with(&cfg);
	int64_t start = test_now_ms();

	/* One after the other, as the writer comes to rest in between. */
	for (uint64_t i = 1; i <= 200; i++) {
		submit_one(s, i, OP_EVENT, &e);
		wait_durable(s, i);
	}
	store_get_stats(s, &st);
	ck_assert_int_le((int64_t)st.commits, test_now_ms() - start + 1);
	ck_assert_uint_eq(st.commits, 200);
	store_close(s);
}
END_TEST

/* Twenty changes of each row are one write of it, the last one's. */
START_TEST(rows_are_coalesced)
{
	struct group g = {.number = 1, .ticket = 20};
	struct batch **last = &g.first;
	struct errtext err = {0};
	struct store *s;
	struct loaded l;
	struct db *db;
	int64_t before;
	struct opbuf ops;

	ck_assert_int_eq(db_open(&db, td.path, true, &err), 0);
	for (int i = 1; i <= 20; i++) {
		struct campaign_rec c = make_campaign(1);
		struct device_rec d = make_device(5);
		struct target_rec t = make_target(1, 5);
		struct attempt_rec a = make_attempt(9, 5, PHASE_SENDING);
		struct tuple_rec u = {.device = 5, .slot = 3};
		struct event_rec e = make_event(5, i);
		struct stamp_rec st = {.seq = (uint64_t)i};
		struct flags_rec fl = {.next_attempt = i};

		c.bucket_at = i;
		d.last_seen_wall = i;
		t.attempts = i;
		a.code = i;
		u.hash = (uint64_t)i;
		opbuf_init(&ops);
		opbuf_add(&ops, OP_STAMP, &st);
		opbuf_add(&ops, OP_EVENT, &e);
		opbuf_add(&ops, OP_TUPLE, &u);
		opbuf_add(&ops, OP_ATTEMPT, &a);
		opbuf_add(&ops, OP_TARGET, &t);
		opbuf_add(&ops, OP_DEVICE, &d);
		opbuf_add(&ops, OP_CAMPAIGN, &c);
		opbuf_add(&ops, OP_FLAGS, &fl);
		*last = batch_new((uint64_t)i, &ops);
		ck_assert_ptr_nonnull(*last);
		g.ops += (*last)->ops.count;
		last = &(*last)->next;
	}
	before = sqlite3_total_changes64(db->h);
	ck_assert_msg(group_apply(&g, db, &err) == 0, "%s", err.text);
	/* Seven rows, twenty events, the number of the group. */
	ck_assert_int_eq(sqlite3_total_changes64(db->h) - before, 7 + 20 + 1);
	batch_free_all(g.first);
	db_close(db);

	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_int_eq(l.campaigns[0].bucket_at, 20);
	ck_assert_int_eq(l.devices[0].last_seen_wall, 20);
	ck_assert_int_eq(l.targets[0].attempts, 20);
	ck_assert_int_eq(l.attempts[0].code, 20);
	ck_assert_uint_eq(l.tuples[0].hash, 20);
	ck_assert_uint_eq(l.stamp.seq, 20);
	ck_assert_int_eq(l.flags.next_attempt, 20);
	loaded_done(&l);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event WHERE "
	    "code = id"), 20);
}
END_TEST

/* Keys that share one half are different rows. */
START_TEST(coalescing_keeps_rows_apart)
{
	struct store *s = open_store(td.path);
	struct campaign_rec c2 = make_campaign(2);
	struct loaded l;
	struct opbuf ops;

	opbuf_init(&ops);
	add_base(&ops, 2);
	opbuf_add(&ops, OP_CAMPAIGN, &c2);
	for (uint64_t d = 1; d <= 2; d++) {
		struct target_rec t = make_target(2, d);

		opbuf_add(&ops, OP_TARGET, &t);
		for (int slot = 0; slot < TUPLES_PER_DEVICE; slot++) {
			struct tuple_rec u = {.device = d, .slot = slot,
				.hash = d * 100 + (uint64_t)slot};

			opbuf_add(&ops, OP_TUPLE, &u);
		}
	}
	(void)store_submit(s, 1, &ops);
	store_close(s);
	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.target_count, 4);
	ck_assert_uint_eq(l.tuple_count, 2 * TUPLES_PER_DEVICE);
	for (size_t i = 0; i < l.tuple_count; i++)
		ck_assert_uint_eq(l.tuples[i].hash, l.tuples[i].device * 100 +
		    (uint64_t)l.tuples[i].slot);
	loaded_done(&l);
	store_close(s);
}
END_TEST

/* Within one group a device changes hands and comes back: only the end of
 * the group may be judged by the index. */
START_TEST(claims_change_hands_in_a_group)
{
	struct store *s = open_store(td.path);
	struct attempt_rec a, b;
	struct loaded l;
	struct opbuf ops;

	opbuf_init(&ops);
	add_base(&ops, 1);
	a = make_attempt(1, 1, PHASE_SENDING);
	opbuf_add(&ops, OP_ATTEMPT, &a);
	(void)store_submit(s, 1, &ops);
	store_close(s);

	s = open_store(td.path);
	opbuf_init(&ops);
	a.phase = PHASE_ENDED;
	a.result = RESULT_FAILED;
	opbuf_add(&ops, OP_ATTEMPT, &a);
	b = make_attempt(2, 1, PHASE_SENDING);
	opbuf_add(&ops, OP_ATTEMPT, &b);
	a.code = 202; /* late evidence */
	opbuf_add(&ops, OP_ATTEMPT, &a);
	(void)store_submit(s, 2, &ops);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM attempt "
	    "WHERE phase = 'ended' AND code = 202"), 1);

	/* And back: the older claims again, the newer gives up. */
	s = open_store(td.path);
	opbuf_init(&ops);
	a.phase = PHASE_PROVISIONAL;
	opbuf_add(&ops, OP_ATTEMPT, &a);
	b.phase = PHASE_DEFERRED;
	opbuf_add(&ops, OP_ATTEMPT, &b);
	(void)store_submit(s, 3, &ops);
	ck_assert_int_eq(store_start(s, NULL), 0);
	wait_durable(s, 3);
	store_close(s);
	s = open_store(td.path);
	loaded_get(&l, s);
	ck_assert_uint_eq(l.attempt_count, 2);
	ck_assert_int_eq((int)l.attempts[0].phase, PHASE_PROVISIONAL);
	ck_assert_int_eq((int)l.attempts[1].phase, PHASE_DEFERRED);
	loaded_done(&l);
	store_close(s);
}
END_TEST

/* Two claims on one device are a bug of ours: the batch is refused whole, and
 * nothing after it is written. */
START_TEST(second_claim_breaks_the_store)
{
	struct store *s = open_started(td.path);
	struct attempt_rec a = make_attempt(1, 1, PHASE_PROVISIONAL);
	struct event_rec e = make_event(1, 1);
	struct store_stats st;
	enum store_state state;
	uint64_t durable = 0;
	struct opbuf ops;
	bool room;

	a.result = RESULT_FAILED;
	opbuf_init(&ops);
	add_base(&ops, 1);
	opbuf_add(&ops, OP_ATTEMPT, &a);
	(void)store_submit(s, 1, &ops);
	wait_durable(s, 1);

	opbuf_init(&ops);
	a = make_attempt(2, 1, PHASE_INTENT);
	opbuf_add(&ops, OP_EVENT, &e);
	opbuf_add(&ops, OP_ATTEMPT, &a);
	(void)store_submit(s, 2, &ops);
	wait_state(s, STORE_BROKEN);
	for (uint64_t i = 3; i < 50; i++)
		submit_one(s, i, OP_EVENT, &e);
	store_poll(s, &durable, &state, &room);
	ck_assert_uint_eq(durable, 1);
	ck_assert_int_eq((int)state, STORE_BROKEN);
	ck_assert(room);
	store_get_stats(s, &st);
	ck_assert_msg(strstr(st.error, "attempt.device") != NULL, "%s",
	    st.error);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 0);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM attempt"), 1);
}
END_TEST

START_TEST(lost_batch_breaks_the_store)
{
	struct store *s = open_started(td.path);
	struct event_rec e = make_event(1, 1);
	struct opbuf ops;

	opbuf_init(&ops);
	opbuf_add(&ops, OP_EVENT, &e);
	ops.failed = true;
	ck_assert(store_submit(s, 1, &ops));
	ck_assert_ptr_null(ops.p);
	wait_state(s, STORE_BROKEN);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"), 0);
}
END_TEST

START_TEST(timeline_is_paged)
{
	struct store *s = open_started(td.path);
	struct answer a = {0};
	struct opbuf ops;
	int64_t after = 0;
	int next = 0;

	opbuf_init(&ops);
	add_base(&ops, 1);
	for (int i = 0; i < 450; i++) {
		struct event_rec mine = make_event(7, i);
		struct event_rec other = make_event(8, 1000 + i);

		opbuf_add(&ops, OP_EVENT, &mine);
		opbuf_add(&ops, OP_EVENT, &other);
	}
	(void)store_submit(s, 1, &ops);
	wait_durable(s, 1);
	for (int page = 0; page < 3; page++) {
		a.calls = 0;
		ck_assert(store_timeline(s, 7, after, 0, on_timeline, &a));
		wait_answer(s, &a);
		ck_assert_int_eq(a.status, 0);
		ck_assert_uint_eq(a.count, page < 2 ? 200 : 50);
		ck_assert_int_eq(a.more, page < 2);
		for (size_t i = 0; i < a.count; i++) {
			ck_assert_int_eq(a.rows[i].ev.code, next);
			ck_assert_uint_eq(a.rows[i].ev.device, 7);
			ck_assert_str_eq(a.rows[i].campaign, "campaign-1");
			ck_assert_int_gt(a.rows[i].id, after);
			after = a.rows[i].id;
			next++;
		}
	}
	ck_assert_int_eq(next, 450);

	a.calls = 0;
	ck_assert(store_timeline(s, 7, 0, 3, on_timeline, &a));
	wait_answer(s, &a);
	ck_assert_uint_eq(a.count, 3);
	ck_assert(a.more);
	a.calls = 0;
	ck_assert(store_timeline(s, 99, 0, 100000, on_timeline, &a));
	wait_answer(s, &a);
	ck_assert_int_eq(a.status, 0);
	ck_assert_uint_eq(a.count, 0);
	ck_assert(!a.more);
	free(a.rows);
	store_close(s);
}
END_TEST

struct fed {
	struct feed_row row[FEED_ROWS_MAX * 2];
	struct feed_page page;
	unsigned calls;
};

static void
on_fed(void *arg, const struct feed_page *p)
{
	struct fed *f = arg;

	f->calls++;
	f->page = *p;
	for (size_t i = 0; i < p->count; i++)
		f->row[i] = p->row[i];
}

static void
feed(struct store *s, struct fed *f, struct feed_query q)
{
	int64_t end = test_now_ms() + 10000;
	struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};
	enum store_state state;
	uint64_t ticket = 0;
	bool room;

	f->calls = 0;
	ck_assert(store_feed(s, &q, on_fed, f));
	while (store_poll(s, &ticket, &state, &room), f->calls == 0) {
		ck_assert(test_now_ms() < end);
		(void)poll(&pfd, 1, 100);
	}
	ck_assert_int_eq(f->page.status, 0);
}

/* 6000 events, one a ms; an audit line beside each thousandth. */
static void
fill_feed(struct store *s)
{
	struct opbuf ops;

	opbuf_init(&ops);
	add_base(&ops, 1);
	for (int i = 1; i <= 6000; i++) {
		struct event_rec ev = make_event(7, i);
		struct audit_rec au = {.wall = i, .who = "uid:0",
		    .action = "pause"};

		ev.wall = i;
		if (i == 5990)
			ev.campaign = 0;
		opbuf_add(&ops, OP_EVENT, &ev);
		if (i % 1000 != 0)
			continue;
		(void)snprintf(au.object, sizeof(au.object), "%s",
		    i == 1000 ? "campaign-1/rest" : i == 2000 ? "campaign-1"
		    : "campaign-11");
		opbuf_add(&ops, OP_AUDIT, &au);
	}
	(void)store_submit(s, 1, &ops);
	wait_durable(s, 1);
}

START_TEST(feed_is_in_order)
{
	static struct fed f;
	struct store *s = open_started(td.path);
	struct feed_query q = {.kind = FEED_END};
	int64_t wall = 0, events = 0, audits = 0;

	feed(s, &f, q);
	ck_assert_int_eq(f.page.event, 0);
	ck_assert_int_eq(f.page.audit, 0);
	fill_feed(s);
	q.kind = FEED_BEHIND;
	do {
		feed(s, &f, q);
		for (size_t i = 0; i < f.page.count; i++) {
			const struct feed_row *r = &f.row[i];
			int64_t w = r->is_audit ? r->au.wall : r->ev.wall;

			ck_assert_int_ge(w, wall);
			wall = w;
			events += !r->is_audit;
			audits += r->is_audit;
			/* From any row on, nothing is missed or told twice. */
			ck_assert_int_eq(r->event, events);
			ck_assert_int_eq(r->audit, audits);
			if (!r->is_audit)
				ck_assert_str_eq(r->campaign,
				    w == 5990 ? "" : "campaign-1");
		}
		q.event = f.page.event;
		q.audit = f.page.audit;
	} while (f.page.more);
	ck_assert_int_eq(events, 6000);
	ck_assert_int_eq(audits, 6);
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 0);
	store_close(s);
}
END_TEST

START_TEST(feed_since_and_of_one)
{
	static struct fed f;
	struct store *s = open_started(td.path);
	struct feed_query q = {.kind = FEED_SINCE, .since_wall = 5989};
	int64_t audits = 0;
	unsigned pages = 0;

	fill_feed(s);
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 12 + 1);
	ck_assert_int_eq(f.row[0].ev.wall, 5989);
	ck_assert(!f.page.more);
	(void)snprintf(q.campaign, sizeof(q.campaign), "campaign-1");
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 11);
	q.since_wall = 1 << 20;
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 0);
	ck_assert_int_eq(f.page.event, 6000);

	/* One without rows costs a bounded look at a time. */
	q = (struct feed_query){.kind = FEED_BEHIND, .campaign = "campaign"};
	do {
		feed(s, &f, q);
		ck_assert_uint_eq(f.page.count, 0);
		ck_assert_int_le(f.page.event - q.event, 5000);
		q.event = f.page.event;
		pages++;
	} while (f.page.more);
	ck_assert_uint_eq(pages, 2);

	/* The wave's approval is the campaign's, another one's is not. */
	q = (struct feed_query){.kind = FEED_BEHIND, .campaign = "campaign-1"};
	do {
		feed(s, &f, q);
		for (size_t i = 0; i < f.page.count; i++)
			audits += f.row[i].is_audit;
		q.event = f.page.event;
		q.audit = f.page.audit;
	} while (f.page.more);
	ck_assert_int_eq(audits, 2);

	q = (struct feed_query){.kind = FEED_AUDIT, .limit = 4};
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 4);
	ck_assert_int_eq(f.row[0].au.wall, 6000);
	ck_assert(f.page.more);
	q.audit = f.page.audit;
	feed(s, &f, q);
	ck_assert_uint_eq(f.page.count, 2);
	ck_assert_int_eq(f.row[1].au.wall, 1000);
	ck_assert(!f.page.more);
	store_close(s);
}
END_TEST

/* Who listened before an older backup was restored has a position that this
 * database never had: it hears of a gap, and then what comes. */
START_TEST(feed_of_a_later_position)
{
	static const struct { int64_t event, audit; bool gap; } at[] = {
	    {6000, 6, false}, {0, 0, false}, {6001, 6, true},
	    {6000, 7, true}, {7000, 3, true}, {INT64_MAX, INT64_MAX, true}};
	static struct fed f;
	struct store *s = open_started(td.path);
	struct feed_query q = {.kind = FEED_BEHIND, .event = 5, .audit = 5};

	feed(s, &f, q);
	ck_assert(f.page.gap && f.page.event == 0 && f.page.audit == 0);
	fill_feed(s);
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		q.event = at[i].event;
		q.audit = at[i].audit;
		feed(s, &f, q);
		ck_assert_int_eq(f.page.gap, at[i].gap);
		ck_assert_int_le(f.page.event, 6000);
		ck_assert_int_le(f.page.audit, 6);
		for (size_t k = 0; k < f.page.count; k++)
			ck_assert(f.row[k].event <= 6000 &&
			    f.row[k].audit <= 6);
	}
	store_close(s);
}
END_TEST

START_TEST(reads_are_bounded_and_forgotten)
{
	struct store *s = open_store(td.path);
	struct answer kept = {0}, gone = {0}, last = {0};
	int taken = 0;

	/* The writer does not run yet, so they wait. */
	ck_assert(store_timeline(s, 1, 0, 10, on_timeline, &kept));
	while (taken < 1000 &&
	    store_timeline(s, 1, 0, 10, on_timeline, &gone))
		taken++;
	ck_assert_int_ge(taken, 8);
	ck_assert_int_le(taken, 64);
	store_forget(s, &gone);
	ck_assert_int_eq(store_start(s, NULL), 0);
	wait_answer(s, &kept);
	while (!store_timeline(s, 1, 0, 10, on_timeline, &last)) {
		enum store_state state;
		uint64_t ticket;
		bool room;
		struct pollfd pfd = {.fd = store_fd(s), .events = POLLIN};

		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &ticket, &state, &room);
	}
	wait_answer(s, &last);
	ck_assert_int_eq(kept.calls, 1);
	ck_assert_int_eq(last.calls, 1);
	ck_assert_int_eq(gone.calls, 0);
	/* Not told any more: closing frees it. */
	ck_assert(store_timeline(s, 1, 0, 10, on_timeline, &gone));
	store_close(s);
	ck_assert_int_eq(gone.calls, 0);
}
END_TEST

START_TEST(broken_store_answers_reads)
{
	struct store *s = open_started(td.path);
	struct answer a = {0};
	struct opbuf ops;

	opbuf_init(&ops);
	ops.failed = true;
	(void)store_submit(s, 1, &ops);
	wait_state(s, STORE_BROKEN);
	ck_assert(store_timeline(s, 1, 0, 10, on_timeline, &a));
	wait_answer(s, &a);
	ck_assert_int_lt(a.status, 0);
	ck_assert_uint_eq(a.count, 0);
	store_close(s);
}
END_TEST

START_TEST(queue_limit_is_told)
{
	struct store_config cfg = {.path = td.path,
		.queue_max_bytes = 256 * 1024};
	struct pollfd pfd = {.events = POLLIN};
	struct event_rec e = make_event(1, 1);
	struct store_stats st;
	enum store_state state;
	uint64_t ticket = 0, durable = 0;
	struct store *s;
	struct opbuf ops;
	bool room = true;

	ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
	do {
		opbuf_init(&ops);
		opbuf_add(&ops, OP_EVENT, &e);
		ck_assert_uint_lt(ticket, 10000);
	} while (store_submit(s, ++ticket, &ops));
	store_poll(s, &durable, &state, &room);
	ck_assert(!room);
	/* Over the limit it is taken all the same. */
	submit_one(s, ++ticket, OP_EVENT, &e);
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.queue_full_hits, 2);
	ck_assert_uint_gt(st.queue_bytes, st.queue_max_bytes);
	ck_assert_int_eq(store_start(s, NULL), 0);
	pfd.fd = store_fd(s);
	while (!room || durable < ticket) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &durable, &state, &room);
	}
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.queue_bytes, 0);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"),
	    (int64_t)ticket);
}
END_TEST

/* The targets of a large campaign are one batch over the limit: it holds nobody
 * back, and the others have the limit to themselves. */
START_TEST(queue_limit_without_bulk)
{
	struct store_config cfg = {.path = td.path,
		.queue_max_bytes = 256 * 1024};
	struct pollfd pfd = {.events = POLLIN};
	struct event_rec e = make_event(1, 1);
	uint64_t ticket = 1, durable = 0;
	enum store_state state;
	struct store_stats st;
	struct store *s;
	struct opbuf ops;
	bool room = true;

	ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
	opbuf_init(&ops);
	for (int i = 0; i < 5000; i++)
		opbuf_add(&ops, OP_EVENT, &e);
	ck_assert(store_submit(s, ticket, &ops));
	store_get_stats(s, &st);
	ck_assert_uint_gt(st.queue_bytes, 2 * st.queue_max_bytes);
	ck_assert_uint_eq(st.queue_full_hits, 0);
	do {
		opbuf_init(&ops);
		opbuf_add(&ops, OP_EVENT, &e);
		ck_assert_uint_lt(ticket, 10000);
	} while (store_submit(s, ++ticket, &ops));
	ck_assert_uint_gt(ticket, 50);
	ck_assert_int_eq(store_start(s, NULL), 0);
	pfd.fd = store_fd(s);
	room = false;
	while (!room || durable < ticket) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &durable, &state, &room);
	}
	/* The limit is what it was. */
	opbuf_init(&ops);
	for (int i = 0; i < 5000; i++)
		opbuf_add(&ops, OP_EVENT, &e);
	ck_assert(store_submit(s, ++ticket, &ops));
	while (durable < ticket) {
		ck_assert_int_eq(poll(&pfd, 1, 10000), 1);
		store_poll(s, &durable, &state, &room);
	}
	store_get_stats(s, &st);
	ck_assert_uint_eq(st.queue_bytes, 0);
	store_close(s);
}
END_TEST

/* The text of a revision is outside of the block and counts too. */
START_TEST(queue_limit_counts_texts)
{
	struct store_config cfg = {.path = td.path,
		.queue_max_bytes = 256 * 1024};
	struct campaign_rec c = make_campaign(1);
	struct op_revision rev;
	struct store *s;
	struct opbuf ops;

	memset(&rev, 0, sizeof(rev));
	rev.campaign = 1;
	rev.text_len = 150 * 1024;
	ck_assert_int_eq(store_open(&s, &cfg, NULL), 0);
	for (uint64_t i = 1; i <= 2; i++) {
		rev.revision = (int)i;
		rev.text = malloc(rev.text_len);
		ck_assert_ptr_nonnull(rev.text);
		memset(rev.text, 'x', rev.text_len);
		opbuf_init(&ops);
		opbuf_add(&ops, OP_CAMPAIGN, &c);
		opbuf_add(&ops, OP_REVISION, &rev);
		ck_assert_int_eq(store_submit(s, i, &ops), i == 1);
	}
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT sum(length(text)) "
	    "FROM revision"), 300 * 1024);
}
END_TEST

/* The log is copied back when the writer is idle, and never grows for ever. */
START_TEST(idle_writer_checkpoints)
{
	struct store *s = open_started(td.path);
	struct store_stats st;
	int64_t end = test_now_ms() + 20000;
	uint64_t most = 0, ticket = 0;

	do {
		struct opbuf ops;

		opbuf_init(&ops);
		for (int i = 0; i < 1000; i++) {
			struct event_rec e = make_event(1, i);

			memset(e.text, 'x', sizeof(e.text) - 1);
			opbuf_add(&ops, OP_EVENT, &e);
		}
		(void)store_submit(s, ++ticket, &ops);
		wait_durable(s, ticket);
		store_get_stats(s, &st);
		most = MAX_OF(most, st.wal_bytes);
	} while (st.wal_bytes < 5u << 20);
	while (st.wal_bytes > 0) {
		struct timespec pause = {.tv_nsec = 10000000};

		ck_assert(test_now_ms() < end);
		(void)nanosleep(&pause, NULL);
		store_get_stats(s, &st);
	}
	ck_assert_uint_ge(most, 5u << 20);
	ck_assert_uint_eq(st.failures, 0);
	store_close(s);
	ck_assert_int_eq(sql_int(td.path, "SELECT count(*) FROM event"),
	    (int64_t)ticket * 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store writer");
	TCase *tc = tcase_create("store writer");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tickets_ascend);
	tcase_add_test(tc, groups_are_committed);
	tcase_add_test(tc, linger_waits_for_company);
	tcase_add_test(tc, groups_are_a_millisecond_apart);
	tcase_add_test(tc, rows_are_coalesced);
	tcase_add_test(tc, coalescing_keeps_rows_apart);
	tcase_add_test(tc, claims_change_hands_in_a_group);
	tcase_add_test(tc, second_claim_breaks_the_store);
	tcase_add_test(tc, lost_batch_breaks_the_store);
	tcase_add_test(tc, timeline_is_paged);
	tcase_add_test(tc, feed_is_in_order);
	tcase_add_test(tc, feed_since_and_of_one);
	tcase_add_test(tc, feed_of_a_later_position);
	tcase_add_test(tc, reads_are_bounded_and_forgotten);
	tcase_add_test(tc, broken_store_answers_reads);
	tcase_add_test(tc, queue_limit_is_told);
	tcase_add_test(tc, queue_limit_without_bulk);
	tcase_add_test(tc, queue_limit_counts_texts);
	tcase_add_test(tc, idle_writer_checkpoints);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
