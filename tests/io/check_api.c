/*
 * The API on a real unix socket, asked with raw bytes; core and daemon are
 * made up (fake_world.c). Here: what it shows.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "api_client.h"

/* --- reads -----------------------------------------------------------------*/
START_TEST(status)
{
	static const char *const fields[] = {"version", "state", "reasons",
	    "uptime_s", "connections", "devices", "in_flight", "dark",
	    "store", "relay", "limits"};
	struct reply r = get("status");
	json_t *l;

	ck_assert_int_eq(r.status, 200);
	has_fields(r.json, fields, ARRAY_LEN(fields));
	ck_assert_str_eq(str(&r, "version", NULL), "0.1-test");
	ck_assert_str_eq(str(&r, "state", NULL), "ok");
	ck_assert_str_eq(str(&r, "store", "state"), "ok");
	ck_assert_int_eq(number(r.json, "uptime_s"), 61);
	ck_assert_int_eq(number(json_object_get(r.json, "devices"), "online"),
	    5);
	l = json_object_get(json_object_get(r.json, "limits"), "connections");
	ck_assert_int_eq(number(l, "limit"), 1000);
	ck_assert_int_eq(number(l, "now"), 6);
	ck_assert_int_eq(number(l, "hits"), 0);
	ck_assert_ptr_nonnull(strstr(r.text, "Cache-Control: no-store"));
	done(&r);

	world.store_state = "full";
	r = get("status");
	ck_assert_str_eq(str(&r, "state", NULL), "degraded");
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "reasons"), 0)), "store: disk full");
	done(&r);
	world.core.halted = true;
	r = get("status");
	ck_assert_str_eq(str(&r, "state", NULL), "halted");
	done(&r);
}
END_TEST

START_TEST(campaign)
{
	static const char *const fields[] = {"name", "state", "reason",
	    "revision", "digest", "target_version", "targets", "causes",
	    "holds", "waves", "attempts", "in_flight", "dark", "started_at",
	    "finished_at", "rate", "eta", "window", "schedule"};
	static const char *const wave[] = {"name", "state", "reason", "total",
	    "succeeded", "failed", "done", "gate"};
	struct reply r = get("campaigns/fleet");
	json_t *t, *value;
	const char *key;
	json_int_t sum = 0;

	ck_assert_int_eq(r.status, 200);
	has_fields(r.json, fields, ARRAY_LEN(fields));
	ck_assert(is_null(r.json, "reason"));
	ck_assert(is_null(r.json, "finished_at"));
	ck_assert_str_eq(text(r.json, "started_at"),
	    "2026-11-23T06:49:11.042Z");
	ck_assert_str_eq(text(r.json, "description"), "first w\xc3\xa4ve");
	t = json_object_get(r.json, "targets");
	json_object_foreach(t, key, value)
		if (strcmp(key, "total") != 0)
			sum += json_integer_value(value);
	ck_assert_int_eq(sum, FAKE_TARGETS);
	ck_assert_uint_eq(json_object_size(t), 1 + TARGET_STATE_COUNT_);
	ck_assert_int_eq(number(t, "total"), FAKE_TARGETS);
	ck_assert_int_eq(number(json_object_get(r.json, "causes"), "no_ack"),
	    29);
	ck_assert_int_eq(number(json_object_get(r.json, "holds"), "offline"),
	    240);
	ck_assert_uint_eq(json_array_size(json_object_get(r.json, "waves")),
	    2);
	t = json_array_get(json_object_get(r.json, "waves"), 1);
	has_fields(t, wave, ARRAY_LEN(wave));
	ck_assert_int_eq(number(t, "done"), 1035);
	ck_assert(is_null(t, "gate"));
	t = json_array_get(json_object_get(r.json, "waves"), 0);
	has_fields(t, wave, ARRAY_LEN(wave));
	ck_assert_str_eq(text(t, "state"), "held");
	ck_assert_int_eq(number(t, "offline"), 3);
	ck_assert(is_null(t, "approved_at"));
	t = json_object_get(t, "gate");
	ck_assert_int_eq(number(t, "success"), 97);
	ck_assert_double_eq(json_real_value(json_object_get(t,
	    "unknown_max")), 5.5);
	ck_assert_int_eq(number(t, "min_done"), 40);
	ck_assert_str_eq(text(t, "then"), "hold");
	ck_assert(is_null(t, "lacks"));
	done(&r);

	r = get("campaigns/ruled");
	ck_assert_str_eq(text(r.json, "reason"), "rule: bad_url 2 of 2");
	ck_assert_str_eq(text(r.json, "state"), "paused");
	ck_assert(is_null(r.json, "started_at"));
	done(&r);
	r = get("campaigns/stopped");
	ck_assert_str_eq(text(r.json, "reason"), "operator");
	done(&r);
	expect_error(get("campaigns/nobody"), 404, "not_found");
}
END_TEST

/* Pages of a list until its end; how many items, each key once. */
static size_t
walk(const char *what, char sep, unsigned limit, const char *key)
{
	char uri[200], after[80] = "";
	json_t *seen = json_object(), *item;
	size_t n = 0, i;
	struct reply r;

	do {
		(void)snprintf(uri, sizeof uri, "%s%climit=%u&after=%s", what,
		    sep, limit, after);
		r = get(uri);
		ck_assert_msg(r.status == 200, "%s", r.text);
		json_array_foreach(json_object_get(r.json, "items"), i, item) {
			ck_assert_ptr_null(json_object_get(seen,
			    text(item, key)));
			(void)json_object_set_new(seen, text(item, key),
			    json_true());
			n++;
		}
		ck_assert_uint_le(json_array_size(
		    json_object_get(r.json, "items")), limit);
		after[0] = '\0';
		if (!is_null(r.json, "next"))
			(void)snprintf(after, sizeof after, "%s",
			    text(r.json, "next"));
		done(&r);
	} while (after[0] != '\0');
	ck_assert_uint_eq(json_object_size(seen), n);
	json_decref(seen);
	return n;
}

START_TEST(paging)
{
	struct reply r = get("campaigns/fleet/targets");

	ck_assert_uint_eq(json_array_size(json_object_get(r.json, "items")),
	    100);
	done(&r);
	ck_assert_uint_eq(walk("campaigns/fleet/targets", '?', 1000, "id"),
	    FAKE_TARGETS);
	ck_assert_uint_eq(walk("campaigns/fleet/targets", '?', 469, "id"),
	    FAKE_TARGETS);
	ck_assert_uint_eq(walk("campaigns/fleet/targets?state=failed", '&',
	    100, "id"), 586);
	ck_assert_uint_eq(walk("campaigns", '?', 1, "name"),
	    world.core.count);
	ck_assert_uint_eq(walk("campaigns", '?', 1000, "name"),
	    world.core.count);
	ck_assert_uint_eq(walk("devices", '?', 23, "id"), FAKE_DEVICES);
	ck_assert_uint_eq(walk("devices/A000002B000000/timeline", '?', 1000,
	    "at"), 450);
	ck_assert_uint_eq(walk("devices/A000002B000000/timeline", '?', 7,
	    "at"), 450);
}
END_TEST

START_TEST(targets)
{
	static const char *const fields[] = {"id", "state", "phase", "cause",
	    "hold", "blocked_by", "missing", "wave", "hops", "attempts",
	    "retry_at", "hold_until", "version", "diagnosis"};
	struct reply r = get("campaigns/fleet/targets?limit=4");
	json_t *a = json_object_get(r.json, "items"), *t;

	t = json_array_get(a, 0);
	ck_assert_uint_eq(json_object_size(t), ARRAY_LEN(fields));
	has_fields(t, fields, ARRAY_LEN(fields));
	ck_assert_str_eq(text(t, "state"), "waiting");
	ck_assert_str_eq(text(t, "hold"), "offline");
	ck_assert(is_null(t, "phase") && is_null(t, "cause") &&
	    is_null(t, "version") && is_null(t, "retry_at"));
	t = json_array_get(a, 1);
	ck_assert_str_eq(text(t, "phase"), "downloading");
	ck_assert_str_eq(text(t, "version"), "0A03");
	ck_assert(is_null(t, "hold"));
	ck_assert_str_eq(text(json_array_get(a, 2), "cause"), "no_ack");
	ck_assert_str_eq(text(json_array_get(a, 3), "retry_at"),
	    "2026-11-23T07:50:11.042Z");
	done(&r);
	r = get("campaigns/fleet/targets?hold=offline&state=waiting&wave=rest"
	    "&limit=1000");
	ck_assert_uint_eq(json_array_size(json_object_get(r.json, "items")),
	    294);
	done(&r);
}
END_TEST

START_TEST(parameters)
{
	static const char *const bad[] = {
		"campaigns/fleet/targets?limit=0",
		"campaigns/fleet/targets?limit=1001",
		"campaigns/fleet/targets?limit=-1",
		"campaigns/fleet/targets?limit=1x",
		"campaigns/fleet/targets?limit=",
		"campaigns/fleet/targets?limit",
		"campaigns/fleet/targets?limit=5&limit=5",
		"campaigns/fleet/targets?state=gone",
		"campaigns/fleet/targets?state=failed%00x",
		"campaigns/fleet/targets?state=failed%2",
		"campaigns/fleet/targets?cause=offline",
		"campaigns/fleet/targets?hold=no_ack",
		"campaigns/fleet/targets?wave=gone",
		"campaigns/fleet/targets?after",
		"campaigns/fleet/targets?after=&after=",
		"campaigns/fleet/targets?state=",
		"campaigns/fleet/targets?after=d5",
		"campaigns/fleet/targets?after=t",
		"campaigns/fleet/targets?after=tzz",
		"campaigns/fleet/targets?after=t11112222333344445",
		"devices?after=t5",
		"devices/A000002B000000/timeline?after=effffffffffffffff",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		expect_error(get(bad[i]), 400, "bad_parameter");
	expect_error(get("campaigns/fleet/targets?stat=failed"), 400,
	    "unknown_parameter");
	expect_error(get("status?limit=5"), 400, "unknown_parameter");
	expect_error(get("devices?state=failed"), 400, "unknown_parameter");
	expect_error(post("halt?force=1", "{}"), 400, "unknown_parameter");
	expect_error(get("devices?%6cimit=5"), 400, "unknown_parameter");
	expect_ok(get("campaigns/fleet/targets?state=f%61iled"));
	expect_ok(get("status?"));
	ck_assert_uint_eq(world.operated, 0);
}
END_TEST

START_TEST(device)
{
	static const char *const fields[] = {"id", "model", "protocol",
	    "name", "device_type", "hardware", "versions", "version_at",
	    "online", "transport", "last_seen", "next_contact", "address",
	    "diagnosis", "campaigns", "quarantined_at"};
	struct reply r = get("devices/a000002b000000");
	json_t *t;

	ck_assert_int_eq(r.status, 200);
	has_fields(r.json, fields, ARRAY_LEN(fields));
	/* A name of stray bytes, a colour and a bidi override. */
	ck_assert_str_eq(text(r.json, "name"),
	    "a\\xff\\x1b[31mred\\xe2\\x80\\xaegnp\"\\<b>");
	ck_assert_str_eq(text(r.json, "transport"), "tcp");
	ck_assert_str_eq(text(json_object_get(r.json, "versions"), "mcu"),
	    "0A03");
	ck_assert(is_null(json_object_get(r.json, "versions"), "ble"));
	ck_assert(is_null(r.json, "next_contact") &&
	    is_null(r.json, "diagnosis"));
	t = json_array_get(json_object_get(r.json, "campaigns"), 0);
	ck_assert_str_eq(text(t, "campaign"), "fleet");
	ck_assert_str_eq(text(t, "hold"), "offline");
	ck_assert_int_eq(number(t, "attempts"), 0);
	done(&r);

	r = get("devices/A000002B000001");
	ck_assert(is_null(json_object_get(r.json, "versions"), "mcu") &&
	    is_null(r.json, "transport") && is_null(r.json, "last_seen") &&
	    is_null(r.json, "name") && is_null(r.json, "hardware"));
	ck_assert_str_eq(text(r.json, "diagnosis"),
	    "never connected; check APN and address");
	done(&r);
	expect_error(get("devices/A000002BFFFFFF"), 404, "not_found");
	expect_error(get("devices/..%2f..%2fetc"), 404, "not_found");
}
END_TEST

START_TEST(timeline)
{
	struct reply r = get("devices/A000002B000000/timeline?limit=3");
	json_t *a = json_object_get(r.json, "items"), *t;

	t = json_array_get(a, 0);
	ck_assert_uint_eq(json_object_size(t), 8);
	ck_assert_str_eq(text(t, "kind"), "session");
	ck_assert_str_eq(text(t, "text"), "event 1\\x01");
	ck_assert(is_null(t, "campaign") && is_null(t, "attempt") &&
	    is_null(t, "phase") && is_null(t, "code") && is_null(t, "serial"));
	t = json_array_get(a, 1);
	ck_assert_int_eq(number(t, "code"), 200);
	ck_assert_str_eq(text(t, "serial"), "000A");
	ck_assert_str_eq(text(t, "phase"), "downloading");
	ck_assert_str_eq(text(t, "at"), "2026-11-23T07:49:11.044Z");
	/* What has ended is in no phase. */
	t = json_array_get(a, 2);
	ck_assert(is_null(t, "phase") && number(t, "code") == 200);
	done(&r);

	world.refuse_timeline = true;
	expect_error(get("devices/A000002B000000/timeline"), 503, "busy");
	world.refuse_timeline = false;
	world.hold_timeline = true;
	expect_error(get("devices/A000002BFFFFFF/timeline"), 404, "not_found");
}
END_TEST

/* The read fails; the client leaves; the daemon ends: each with a read out. */
START_TEST(timeline_pending)
{
	static const char uri[] = "GET /api/v1/devices/A000002B000000/timeline"
	    " HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = dial();
	struct reply r;

	world.hold_timeline = true;
	puts_fd(fd, uri);
	while (world.timeline_asked < 1)
		wait_fd(fd, POLLIN);
	fake_world_events(&world, -1);
	expect_error(get_reply(fd), 503, "store");
	/* On the same connection, bytes of a next request behind it. */
	puts_fd(fd, uri);
	puts_fd(fd, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
	while (world.timeline_asked < 2)
		wait_fd(fd, POLLIN);
	turn();
	world.hold_timeline = false;
	fake_world_events(&world, 0);
	r = get_reply(fd);
	ck_assert_int_eq(r.status, 200);
	done(&r);
	r = get_reply(fd);
	ck_assert_str_eq(str(&r, "state", NULL), "ok");
	done(&r);

	world.hold_timeline = true;
	puts_fd(fd, uri);
	while (world.timeline_asked < 3)
		wait_fd(fd, POLLIN);
	(void)close(fd);
	turn();
	fake_world_events(&world, 0);
	expect_ok(get("status"));

	fd = dial();
	puts_fd(fd, uri);
	while (world.timeline_asked < 4)
		wait_fd(fd, POLLIN);
	api_free(api);
	ck_assert_ptr_null(world.event_fn);
	r = get_reply(fd);
	ck_assert_int_eq(r.status, 0);
	done(&r);
	(void)close(fd);
	api = NULL;
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("api");
	TCase *tc = tcase_create("api");

	tcase_add_checked_fixture(tc, start, stop);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, status);
	tcase_add_test(tc, campaign);
	tcase_add_test(tc, paging);
	tcase_add_test(tc, targets);
	tcase_add_test(tc, parameters);
	tcase_add_test(tc, device);
	tcase_add_test(tc, timeline);
	tcase_add_test(tc, timeline_pending);
	add_changes(tc);
	add_hostile(tc);
	add_events(tc);
	add_http(tc);
	add_socket(tc);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
