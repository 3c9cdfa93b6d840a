/*
 * Who speaks, and what it is answered: strangers by each mode, frames without
 * an id, repeats, late copies, serials that are missing or wrong, and what of
 * it a platform behind us gets to see.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_core.h"
#include "core/state.h"

#define WALL INT64_C(1790000000000)

static struct core *c;
static struct fx fx;
static struct core_now now;
static struct core_conn conn;
static unsigned count; /* of the next frame */

static void
setup(void)
{
	struct devid id = bare_id(0);
	struct device_rec r = {.key = id.key, .registered = true};

	now = (struct core_now){.at_ms = 1000000, .wall_ms = WALL};
	fx_init(&fx);
	c = bare_core(5);
	(void)snprintf(r.id, sizeof(r.id), "%s", id.text);
	ck_assert_int_eq(core_load_device(c, &r), 0);
	ck_assert_int_eq(core_load_done(c, now, -1, false, &fx), 0);
	conn = (struct core_conn){.id = 1};
}

static void
teardown(void)
{
	core_free(c);
	opbuf_done(&fx.ops);
	fx.reply = NULL;
	fx_done(&fx);
}

static void
happens(enum ev_kind kind, struct core_conn *who, const struct message *m)
{
	struct ev ev = {.kind = kind, .conn = who, .message = m};
	struct errtext err = {0};

	static char reply[256];

	opbuf_done(&fx.ops);
	fx_clear(&fx);
	fx.reply = reply;
	fx.reply_cap = sizeof(reply);
	fx.reply_len = 0;
	now.at_ms += 10;
	now.wall_ms += 10;
	core_handle(c, &ev, now, &fx);
	ck_assert(!fx.ops.failed);
	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
}

static struct message
message_of(enum msg_kind kind, const struct devid *id)
{
	static char digits[5];
	/* An update report has a code, or it is no message. */
	struct message m = {.kind = kind, .family = FRAME_ASCII,
	    .code = kind == MSG_GTUPD ? 777 : -1, .times = -1,
	    .type = SPAN_LIT("FRI"),
	    .protover = SPAN_LIT("C20100"), .raw = SPAN_LIT("+RESP:GTFRI$")};

	(void)snprintf(digits, sizeof(digits), "%04X", count & 0xffff);
	m.count = (uint16_t)count++;
	m.count_text = span_of(digits, 4);
	if (id != NULL) {
		m.has_id = true;
		m.id = *id;
	}
	return m;
}

static bool
says(enum msg_kind kind, const struct devid *id)
{
	struct message m = message_of(kind, id);

	happens(EV_FRAME, &conn, &m);
	/* At once, or when it is durable. */
	for (size_t i = 0; i < fx.count; i++)
		if (fx.item[i].kind == FX_REPLY)
			return true;
	return fx.reply_len > 0;
}

static const struct fx_item *
effect(enum fx_kind kind)
{
	for (size_t i = 0; i < fx.count; i++)
		if (fx.item[i].kind == kind)
			return &fx.item[i];
	return NULL;
}

/* --- strangers -------------------------------------------------------------*/

START_TEST(strangers_are_observed)
{
	struct core_conn v[12];

	/* As many as are kept, and whoever is online above that. */
	for (unsigned i = 0; i < 12; i++) {
		struct devid id = bare_id(100 + i);

		v[i] = (struct core_conn){.id = 10 + i};
		happens(EV_OPEN, &v[i], NULL);
		conn = v[i];
		ck_assert(says(MSG_REPORT, &id));
		ck_assert_uint_eq(fx.ops.count, 0);
		happens(EV_CLOSE, &conn, NULL);
		ck_assert_uint_le(c->observed_count, 5);
	}
	ck_assert_uint_eq(c->observed_evicted, 7);
	ck_assert_ptr_null(device_find(c, bare_id(100).key));
	ck_assert_ptr_nonnull(device_find(c, bare_id(111).key));
	/* Whoever is here cannot be forgotten: then it is one more. */
	for (unsigned i = 0; i < 7; i++) {
		struct devid id = bare_id(200 + i);
		struct message m = message_of(MSG_REPORT, &id);

		v[i] = (struct core_conn){.id = 30 + i};
		happens(EV_OPEN, &v[i], NULL);
		happens(EV_FRAME, &v[i], &m);
	}
	ck_assert_uint_eq(c->observed_count, 7);
	for (unsigned i = 0; i < 7; i++)
		happens(EV_CLOSE, &v[i], NULL);
}
END_TEST

START_TEST(strangers_are_refused)
{
	struct devid stranger = bare_id(77), known = bare_id(0);
	const struct fx_item *it;

	c->cfg.unknown = UNKNOWN_REFUSE;
	happens(EV_OPEN, &conn, NULL);
	ck_assert(!says(MSG_REPORT, &stranger));
	ck_assert_ptr_nonnull(it = effect(FX_CLOSE));
	ck_assert_str_eq(it->bytes, "unknown_device");
	ck_assert_ptr_eq(it->conn, &conn);
	ck_assert_ptr_null(device_find(c, stranger.key));
	/* Nameless ones are not even answered. */
	ck_assert(!says(MSG_REPORT, NULL));
	ck_assert_uint_eq(c->frames_nameless, 1);
	ck_assert(says(MSG_REPORT, &known));
	ck_assert_ptr_null(effect(FX_CLOSE));
	happens(EV_CLOSE, &conn, NULL);
	/* A platform behind us may know it. */
	conn = (struct core_conn){.id = 2, .relayed = true};
	happens(EV_OPEN, &conn, NULL);
	ck_assert(!says(MSG_REPORT, &stranger));
	ck_assert_ptr_null(effect(FX_CLOSE));
	happens(EV_CLOSE, &conn, NULL);
	/* While the lists cannot be read nobody is turned away. */
	c->fleet.broken = true;
	conn = (struct core_conn){.id = 3};
	happens(EV_OPEN, &conn, NULL);
	ck_assert(says(MSG_REPORT, &stranger));
	ck_assert_ptr_null(effect(FX_CLOSE));
	happens(EV_CLOSE, &conn, NULL);
	/* Observed meanwhile, and strangers still. */
	c->fleet.broken = false;
	conn = (struct core_conn){.id = 4};
	happens(EV_OPEN, &conn, NULL);
	ck_assert(!says(MSG_REPORT, &stranger));
	ck_assert_ptr_nonnull(effect(FX_CLOSE));
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

START_TEST(strangers_are_registered)
{
	struct devid first = bare_id(77), second = bare_id(78);

	c->cfg.unknown = UNKNOWN_REGISTER;
	c->cfg.registered_max = 2; /* one is in the record */
	happens(EV_OPEN, &conn, NULL);
	ck_assert(says(MSG_REPORT, &first));
	ck_assert_uint_gt(fx.ops.count, 0);
	ck_assert(device_find(c, first.key)->more->rec.registered);
	ck_assert(says(MSG_REPORT, &second));
	ck_assert_uint_eq(c->registered_refused, 1);
	ck_assert(device_find(c, second.key)->observed);
	ck_assert_uint_eq(c->registered, 2);
	/* No limit. */
	c->cfg.registered_max = 0;
	ck_assert(says(MSG_REPORT, &second));
	ck_assert(!device_find(c, second.key)->observed);
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* --- frames without an id --------------------------------------------------*/

START_TEST(nameless_frames)
{
	struct devid known = bare_id(0);

	happens(EV_OPEN, &conn, NULL);
	/* Answered, or it would say the same for ever; and nobody's. */
	ck_assert(says(MSG_REPORT, NULL));
	ck_assert_uint_eq(c->frames_nameless, 1);
	ck_assert_ptr_null(conn.device);
	ck_assert(says(MSG_REPORT, &known));
	ck_assert_ptr_eq(conn.device, device_find(c, known.key));
	/* From then on it is that one's. */
	ck_assert(says(MSG_HEARTBEAT, NULL));
	ck_assert_uint_eq(c->frames_nameless, 1);
	ck_assert_int_eq(conn.device->last_seen_at, now.at_ms);
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* --- what proves nothing ---------------------------------------------------*/

START_TEST(serials_that_are_missing)
{
	static const enum msg_kind kinds[] = {MSG_NACK, MSG_ACK_GTRTO,
	    MSG_ACK_GTUPD};
	struct devid known = bare_id(0);
	struct device *d = device_find(c, known.key);

	happens(EV_OPEN, &conn, NULL);
	ck_assert(says(MSG_REPORT, &known));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct message m = message_of(kinds[i], &known);

		happens(EV_FRAME, &conn, &m);
		ck_assert(!device_foreign(c, d));
		/* One that nobody asked for. */
		m = message_of(kinds[i], &known);
		m.has_serial = true;
		m.serial = 0x1234;
		happens(EV_FRAME, &conn, &m);
		/* Of an update alone it says that somebody else began one. */
		ck_assert(device_foreign(c, d) == (kinds[i] == MSG_ACK_GTUPD));
	}
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* The same frame twice is one, the same words with another count are two. */
START_TEST(repeats)
{
	struct devid known = bare_id(0);
	struct device *d = device_find(c, known.key);
	struct message m = message_of(MSG_POWER_OFF, &known);
	uint64_t seq;

	happens(EV_OPEN, &conn, NULL);
	happens(EV_FRAME, &conn, &m);
	seq = d->more->rec.power_seq;
	ck_assert_uint_gt(seq, 0);
	happens(EV_FRAME, &conn, &m);
	ck_assert_uint_eq(d->more->rec.power_seq, seq);
	/* A late copy makes no version stale. */
	m = message_of(MSG_POWER_OFF, &known);
	m.buffered = true;
	happens(EV_FRAME, &conn, &m);
	ck_assert_uint_eq(d->more->rec.power_seq, seq);
	m = message_of(MSG_POWER_ON, &known);
	happens(EV_FRAME, &conn, &m);
	ck_assert_uint_gt(d->more->rec.power_seq, seq);
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* The copy of a power report waits for the disk as the report does, any other
 * copy is acknowledged at once. */
START_TEST(late_copies_of_power_reports)
{
	static const struct {
		const char *type;
		bool waits;
	} rows[] = {{"PNA", true}, {"PFA", true}, {"FRI", false}};
	struct devid known = bare_id(0);

	happens(EV_OPEN, &conn, NULL);
	(void)says(MSG_REPORT, &known);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct message m = message_of(MSG_POWER_OFF, &known);

		/* Something is on its way to the disk. */
		happens(EV_FRAME, &conn, &m);
		ck_assert_ptr_nonnull(effect(FX_REPLY));
		m = message_of(MSG_REPORT, &known);
		m.buffered = true;
		m.type = span_str(rows[i].type);
		happens(EV_FRAME, &conn, &m);
		ck_assert_msg((effect(FX_REPLY) != NULL) == rows[i].waits,
		    "%s", rows[i].type);
		ck_assert((fx.reply_len > 0) == !rows[i].waits);
	}
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* What one device adds to the history is bounded, and comes back in time. */
START_TEST(history_is_bounded)
{
	struct devid known = bare_id(0);

	happens(EV_OPEN, &conn, NULL);
	for (int i = 0; i < FRAMES_KEPT + 50; i++) {
		struct message m = message_of(MSG_NACK, &known);

		happens(EV_FRAME, &conn, &m);
	}
	ck_assert_uint_gt(c->frames_not_kept, 0);
	ck_assert_uint_le(c->frames_not_kept, 50);
	c->frames_not_kept = 0;
	now.at_ms += 10 * FRAMES_KEPT_MS;
	for (int i = 0; i < 9; i++) {
		struct message m = message_of(MSG_NACK, &known);

		happens(EV_FRAME, &conn, &m);
	}
	ck_assert_uint_eq(c->frames_not_kept, 0);
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* --- the platform behind us ------------------------------------------------*/

START_TEST(what_is_our_own)
{
	struct devid known = bare_id(0), stranger = bare_id(77);
	struct device *d = device_find(c, known.key);
	struct message m;

	conn.relayed = true;
	happens(EV_OPEN, &conn, NULL);
	c->cfg.hide_own = true;
	/* Nothing is, of whom we never told anything. */
	for (int k = 0; k < MSG_KIND_COUNT_; k++) {
		m = message_of((enum msg_kind)k, &stranger);
		m.has_serial = true;
		m.serial = 1;
		happens(EV_FRAME, &conn, &m);
		ck_assert(!fx.own);
		m = message_of((enum msg_kind)k, &known);
		m.has_serial = k % 2 == 0;
		m.serial = 1;
		happens(EV_FRAME, &conn, &m);
		ck_assert(!fx.own);
	}
	/* Reports of an update that is ours, unless somebody else updates. */
	d->more->rec.foreign_seq = 0;
	d->more->rec.foreign_until_at = 0;
	d->more->rec.start_attempt = 9;
	m = message_of(MSG_GTUPD, &known);
	happens(EV_FRAME, &conn, &m);
	ck_assert(fx.own);
	c->cfg.hide_own = false;
	m = message_of(MSG_GTUPD, &known);
	happens(EV_FRAME, &conn, &m);
	ck_assert(!fx.own);
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

/* A heartbeat's version is echoed where it may be. */
START_TEST(heartbeats_are_echoed)
{
	struct devid known = bare_id(0);
	struct message m = message_of(MSG_HEARTBEAT, &known);

	happens(EV_OPEN, &conn, NULL);
	happens(EV_FRAME, &conn, &m);
	ck_assert_uint_gt(fx.reply_len, 0);
	ck_assert_ptr_nonnull(memmem(fx.reply, fx.reply_len, ":GTHBD,C20100,",
	    14));
	m = message_of(MSG_HEARTBEAT, &known);
	m.protover = SPAN_LIT("C2\x01$");
	happens(EV_FRAME, &conn, &m);
	ck_assert_ptr_nonnull(memmem(fx.reply, fx.reply_len, ":GTHBD,,", 8));
	happens(EV_CLOSE, &conn, NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frames");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, strangers_are_observed);
	tcase_add_test(tc, strangers_are_refused);
	tcase_add_test(tc, strangers_are_registered);
	tcase_add_test(tc, nameless_frames);
	tcase_add_test(tc, serials_that_are_missing);
	tcase_add_test(tc, repeats);
	tcase_add_test(tc, late_copies_of_power_reports);
	tcase_add_test(tc, history_is_bounded);
	tcase_add_test(tc, what_is_our_own);
	tcase_add_test(tc, heartbeats_are_echoed);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
