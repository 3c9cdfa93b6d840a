#include "config.h"
#include "api_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * Streams of events: positions, who is slow, who is gone; and the audit log.
 */

static char heard[1 << 20]; /* of the last stream that was listened to */
static size_t heard_len;

static int
listen_to(const char *what, const char *headers)
{
	char buf[512];
	int fd = dial();

	(void)snprintf(buf, sizeof buf,
	    "GET /api/v1/events%s HTTP/1.1\r\nHost: x\r\n%s\r\n", what,
	    headers);
	puts_fd(fd, buf);
	heard_len = 0;
	heard[0] = '\0';
	return fd;
}

/* Listens until the text was heard. */
static void
hear(int fd, const char *until)
{
	int64_t end = loop_mono_ms() + DEADLINE_MS;
	ssize_t n;

	while (strstr(heard, until) == NULL) {
		ck_assert_msg(loop_mono_ms() < end, "%s was not heard in: %.2000s",
		    until, heard);
		ck_assert_uint_lt(heard_len, sizeof heard - 1);
		n = recv(fd, heard + heard_len, sizeof heard - 1 - heard_len,
		    0);
		if (n < 0)
			wait_fd(fd, POLLIN);
		ck_assert_msg(n != 0, "closed after: %.2000s", heard);
		if (n > 0)
			heard_len += (size_t)n;
		heard[heard_len] = '\0';
	}
}

static size_t
count_of(const char *what)
{
	size_t n = 0;

	for (const char *p = heard; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

static json_int_t
limit_of(const char *name, const char *field)
{
	struct reply r = get("status");
	json_int_t v = number(json_object_get(json_object_get(r.json,
	    "limits"), name), field);

	done(&r);
	return v;
}

static void
wait_limit(const char *name, const char *field, json_int_t want)
{
	int64_t end = loop_mono_ms() + DEADLINE_MS;

	while (limit_of(name, field) != want)
		ck_assert_msg(loop_mono_ms() < end, "%s.%s is not %d", name,
		    field, (int)want);
}

START_TEST(from_now_on)
{
	int fd;

	world.feed_events = 450;
	world.feed_audits = 2;
	fd = listen_to("", "");
	hear(fd, "id: e1c2.a2\nevent: live\n");
	ck_assert_ptr_nonnull(strstr(heard, "text/event-stream"));
	ck_assert_ptr_nonnull(strstr(heard, "no-store"));
	ck_assert_ptr_nonnull(strstr(heard, "retry: 3000\n\n"));
	ck_assert_uint_eq(count_of("event: timeline"), 0);
	ck_assert_int_eq(limit_of("api_streams", "now"), 1);
	/* What campaigns are is told unasked. */
	hear(fd, "\"name\":\"fleet\",\"state\":\"running\",\"reason\":null,"
	    "\"targets\":{\"total\":2345,");
	ck_assert_ptr_nonnull(strstr(heard, "event: campaign\n"));
	/* What is new is told when it is on disk. */
	world.feed_events = 451;
	world.feed_audits = 3;
	expect_ok(post("halt", "{}"));
	hear(fd, "\nid: e1c2.a3\nevent: audit\n");
	hear(fd, "\nid: e1c3.a3\nevent: timeline\ndata: {\"at\":\"");
	/* Nothing of a tracker ends a line of ours. */
	hear(fd, "\"text\":\"event 451\\\\x0a\\\\x0adata: x\","
	    "\"device\":\"A000002B000001\"}\n\n");
	hear(fd, "\"who\":\"uid:0\",\"action\":\"halt\",\"object\":\"\","
	    "\"reason\":\"<b>3\"}\n\n");
	ck_assert_uint_eq(count_of("event: timeline"), 1);
	(void)close(fd);
	wait_limit("api_streams", "now", 0);
}
END_TEST

START_TEST(positions)
{
	int fd;

	world.feed_events = 450;
	fd = listen_to("", "Last-Event-ID: e64.a0\r\n");
	hear(fd, "event: live");
	ck_assert_uint_eq(count_of("event: timeline"), 350);
	ck_assert_ptr_null(strstr(heard, "id: e64."));
	ck_assert_ptr_nonnull(strstr(heard, "id: e65.a0\n"));
	ck_assert_uint_eq(world.feed_query.kind, FEED_BEHIND);
	(void)close(fd);

	fd = listen_to("?since=2026-11-23T07:49:11.442Z&campaign=fleet", "");
	hear(fd, "event: live");
	ck_assert_uint_eq(count_of("event: timeline"), 50);
	ck_assert_str_eq(world.feed_query.campaign, "fleet");
	hear(fd, "\"name\":\"fleet\"");
	world.core.campaign[0].in_flight++;
	hear(fd, "\"in_flight\":56");
	ck_assert_ptr_null(strstr(heard, "\"name\":\"draft\""));
	(void)close(fd);

	expect_error(get("events?since=yesterday"), 400, "bad_parameter");
	expect_error(get("events?campaign=none"), 404, "not_found");
	expect_error(get("events?limit=1"), 400, "unknown_parameter");
	expect_error(ask("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n"
	    "Last-Event-ID: 7\r\n\r\n"), 400, "bad_parameter");
	expect_error(ask("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n"
	    "Last-Event-ID: e1.a8000000000000000\r\n\r\n"), 400,
	    "bad_parameter");
}
END_TEST

/* Who takes nothing is asked for no more than one page, then cut off. */
START_TEST(slow_clients)
{
	unsigned asked;
	int fd;

	world.feed_events = 1000000;
	fd = listen_to("", "Last-Event-ID: e0.a0\r\n");
	wait_limit("api_stream_slow", "hits", 1);
	asked = world.feeds_asked;
	ck_assert_uint_lt(asked, 100);
	wait_limit("api_streams", "now", 0);
	ck_assert_uint_eq(world.feeds_asked, asked);
	(void)close(fd);
	/* Nobody else has suffered. */
	expect_ok(get("status"));
}
END_TEST

START_TEST(too_many)
{
	int fd[24];

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = listen_to("", "");
		hear(fd[i], "retry:");
	}
	expect_error(get("events"), 503, "busy");
	ck_assert_int_eq(limit_of("api_streams", "hits"), 1);
	for (size_t i = 0; i < ARRAY_LEN(fd); i++)
		(void)close(fd[i]);
	wait_limit("api_streams", "now", 0);
	fd[0] = listen_to("", "");
	hear(fd[0], "event: live");
	(void)close(fd[0]);
}
END_TEST

/* The client goes, or the API does, while a page is on its way. */
START_TEST(gone_while_reading)
{
	char c;
	int fd;

	world.hold_feed = true;
	fd = listen_to("", "");
	while (world.feeds_asked == 0)
		wait_fd(fd, POLLIN);
	(void)close(fd);
	wait_limit("api_streams", "now", 0);
	ck_assert_uint_eq(world.feeds_forgotten, 1);

	/* The database cannot be read: the client comes again later. */
	world.feed_broken = true;
	fd = listen_to("", "");
	while (world.feeds_asked == 1)
		wait_fd(fd, POLLIN);
	fake_world_feed(&world);
	wait_limit("api_streams", "now", 0);
	(void)close(fd);

	fd = listen_to("", "");
	while (world.feeds_asked == 2)
		wait_fd(fd, POLLIN);
	api_free(api);
	api = NULL;
	ck_assert_uint_eq(world.feeds_forgotten, 2);
	while (recv(fd, &c, 1, 0) > 0)
		;
	(void)close(fd);
}
END_TEST

START_TEST(audit_pages)
{
	struct reply r;
	json_t *items;
	char next[64];

	world.feed_audits = 450;
	r = get("audit?limit=300");
	items = json_object_get(r.json, "items");
	ck_assert_uint_eq(json_array_size(items), 200);
	ck_assert_str_eq(text(json_array_get(items, 0), "reason"), "<b>450");
	ck_assert_str_eq(text(json_array_get(items, 199), "reason"),
	    "<b>251");
	(void)snprintf(next, sizeof next, "audit?limit=250&after=%s",
	    str(&r, "next", NULL));
	done(&r);
	r = get(next);
	items = json_object_get(r.json, "items");
	ck_assert_str_eq(text(json_array_get(items, 0), "reason"), "<b>250");
	done(&r);
	r = get("audit?limit=1&after=a2");
	ck_assert(is_null(r.json, "next"));
	done(&r);
	expect_error(get("audit?after=d1"), 400, "bad_parameter");
	world.feed_broken = true;
	expect_error(get("audit"), 503, "store");
	world.refuse_timeline = true;
	expect_error(get("audit"), 503, "busy");
}
END_TEST

void
add_events(TCase *tc)
{
	tcase_add_test(tc, from_now_on);
	tcase_add_test(tc, positions);
	tcase_add_test(tc, slow_clients);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, gone_while_reading);
	tcase_add_test(tc, audit_pages);
}
