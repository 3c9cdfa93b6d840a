/* The API: what must be refused, and limits that bite. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "api_client.h"

/* POST what with n bytes: a JSON object that is one long reason or text. */
static struct reply
post_big(const char *what, const char *head, size_t n, const char *tail)
{
	char *p = malloc(n + 1), buf[200];
	struct reply r;
	int fd = dial();

	memset(p, 'x', n);
	memcpy(p, head, strlen(head));
	memcpy(p + n - strlen(tail), tail, strlen(tail));
	(void)snprintf(buf, sizeof buf, POST_HEAD
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    what, n);
	puts_fd(fd, buf);
	put(fd, p, n);
	r = get_reply(fd);
	(void)close(fd);
	free(p);
	return r;
}

START_TEST(sizes)
{
	static const char good[] = "{\"file\":\"a\",\"files\":{\"a\":\"good ";
	size_t small = 64 * 1024, upload = 64 * 1024 * 1024;
	struct reply r;

	expect_error(post_big("halt", "{\"reason\":\"", small + 1, "\"}"), 413,
	    "too_large");
	expect_error(post_big("halt", "{\"reason\":\"", small, "\"}"), 400,
	    "bad_field");
	expect_error(post_big("halt", "{\"reason\":\"", 14 + 201, "\"}"), 400,
	    "bad_field");
	expect_ok(post_big("halt", "{\"reason\":\"", 13 + 200, "\"}"));
	expect_ok(post_big("check", good, 1 << 20, "\"}}"));
	expect_ok(post_big("check", good, upload, "\"}}"));
	/* Beyond that evhttp refuses by the length alone. */
	r = ask(POST_HEAD "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n{", "check", upload + 1);
	ck_assert_int_eq(r.status, 413);
	done(&r);
	ck_assert_uint_eq(world.checked, 2);
	ck_assert_uint_eq(world.operated, 1);
	expect_ok(get("status"));
}
END_TEST

/* --- what must be refused --------------------------------------------------*/
START_TEST(bodies)
{
	static const char *const bad_json[] = {"{", "[]", "1", "\"x\"", "{}x",
	    "{\"reason\":\"a\",\"reason\":\"b\"}", "{'reason':'a'}",
	    "{\"reason\":\"\\u0000\"}", "{\"reason\":\"\xff\"}", "null"};

	for (size_t i = 0; i < ARRAY_LEN(bad_json); i++)
		expect_error(post("halt", bad_json[i]), 400, "bad_json");
	expect_error(post("halt", "{\"why\":\"x\"}"), 400, "unknown_field");
	expect_error(post("halt", "{\"force\":true}"), 400, "unknown_field");
	expect_error(post("halt", "{\"reason\":5}"), 400, "bad_field");
	expect_error(post("halt", "{\"reason\":null}"), 400, "bad_field");
	expect_error(post("halt", "{\"reason\":\"a\\nb\"}"), 400,
	    "bad_field");
	expect_error(post("reload", "{\"force\":\"yes\"}"), 400, "bad_field");
	expect_error(post("campaigns/fleet/abort", "{\"dry_run\":1}"), 400,
	    "bad_field");
	ck_assert_uint_eq(world.operated + world.reloaded, 0);
}
END_TEST

START_TEST(headers)
{
	static const char *const types[] = {"", "Content-Type: text/plain\r\n",
	    "Content-Type: application/x-www-form-urlencoded\r\n",
	    "Content-Type: application/jsonx\r\n",
	    "Content-Type: application/json\r\nContent-Type: text/html\r\n"};
	static const char *const framing[] = {
	    "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
	    "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
	    "Content-Length: 2\r\nContent-Length: 2\r\n",
	    "Content-Length: +2\r\n",
	    "Transfer-Encoding: gzip\r\n",
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"};
	struct reply r;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		expect_error(ask(POST_HEAD "%sContent-Length: 2\r\n\r\n{}",
		    "halt", types[i]), 415, "not_json");
	for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
		r = ask(POST_HEAD "Content-Type: application/json\r\n%s\r\n"
		    "2\r\n{}\r\n0\r\n\r\n", "halt", framing[i]);
		ck_assert_msg(strcasestr(r.text, "Connection: close") != NULL,
		    "%s: %s", framing[i], r.text);
		/* Some of them a newer evhttp refuses by itself. */
		ck_assert_int_eq(r.status, 400);
		done(&r);
	}
	ck_assert_uint_eq(world.operated, 0);
	expect_ok(ask(POST_HEAD
	    "Content-Type: Application/JSON ; charset=utf-8\r\n"
	    "Content-Length: 2\r\n\r\n{}", "halt"));
	expect_ok(ask(POST_HEAD "Content-Type: application/json\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
	    "halt"));
	expect_ok(ask(POST_HEAD "Content-Type: application/json\r\n"
	    "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", "halt"));
	ck_assert_uint_eq(world.operated, 3);
	expect_error(ask("GET /api/v1/status HTTP/1.1\r\nHost: x\r\n"
	    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
	    400, "unexpected_body");
}
END_TEST

START_TEST(routes)
{
	static const char *const none[] = {"", "nothing", "status/", "/status",
	    "campaigns/", "campaigns//targets", "status%2f", "stat%75s%00",
	    "campaigns/fleet/targets/x", "campaigns/a/b/c/d/e/f/g",
	    "campaigns/%zz", "campaigns/%", "devices/%00", "../v1/status",
	    "campaigns/fleet/start/now"};
	char longname[200];

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		expect_error(get(none[i]), 404, "no_route");
	expect_error(ask("GET /api/v2/status HTTP/1.1\r\nHost: x\r\n\r\n"),
	    404, "no_route");
	(void)snprintf(longname, sizeof longname, "campaigns/%0100d", 7);
	expect_error(get(longname), 404, "no_route");
	expect_error(get("campaigns/fle%65t%20"), 404, "not_found");
	expect_ok(get("campaigns/fle%65t"));
	expect_error(get("campaigns/..%2ffleet"), 404, "not_found");
	expect_error(get("firmware?x=1"), 400, "unknown_parameter");
}
END_TEST

START_TEST(methods)
{
	static const char *const others[] = {"HEAD", "PUT", "DELETE",
	    "OPTIONS", "TRACE", "PATCH"};
	static const char *const plain[] = {"/livez", "/metrics", "/"};
	struct reply r;

	r = get("halt");
	ck_assert_ptr_nonnull(strstr(r.text, "Allow: POST\r"));
	expect_error(r, 405, "method_not_allowed");
	r = post("status", "{}");
	ck_assert_ptr_nonnull(strstr(r.text, "Allow: GET, HEAD\r"));
	expect_error(r, 405, "method_not_allowed");
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		r = ask("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
		    "\r\n", plain[i]);
		ck_assert_ptr_nonnull(strstr(r.text, "Allow: GET, HEAD\r"));
		expect_error(r, 405, "method_not_allowed");
	}
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		int fd = dial();
		char buf[100];

		(void)snprintf(buf, sizeof buf, "%s /api/v1/halt HTTP/1.1\r\n"
		    "Host: x\r\nConnection: close\r\n\r\n", others[i]);
		puts_fd(fd, buf);
		/* A HEAD names a length and sends nothing. */
		r = get_reply(fd);
		ck_assert_int_eq(r.status, 405);
		ck_assert_ptr_nonnull(strcasestr(r.text, "Connection: close"));
		done(&r);
		(void)close(fd);
	}
	ck_assert_uint_eq(world.operated, 0);
}
END_TEST

/* What asks only whether all is well gets the answer of GET without its
 * body. */
START_TEST(heads)
{
	static const struct { const char *path; int status; } asked[] = {
	    {"/livez", 200}, {"/readyz", 200}, {"/metrics", 200}, {"/", 200},
	    {"/api/v1/status", 200}, {"/api/v1/status?x=1", 400},
	    {"/api/v1/nothing", 404},
	    {"/api/v1/devices/A000002B000000/timeline", 200},
	    /* It would never end. */
	    {"/api/v1/events", 405}};
	struct reply r;
	const char *body;

	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		int fd = dial();

		puts_fd(fd, "HEAD ");
		puts_fd(fd, asked[i].path);
		puts_fd(fd, " HTTP/1.1\r\nHost: x\r\n\r\n");
		r = get_reply(fd);
		ck_assert_msg(r.status == asked[i].status, "%s: %d",
		    asked[i].path, r.status);
		ck_assert_ptr_nonnull(strstr(r.text, "Content-Length: "));
		body = strstr(r.text, "\r\n\r\n");
		ck_assert_ptr_nonnull(body);
		ck_assert_str_eq(body, "\r\n\r\n");
		done(&r);
		(void)close(fd);
	}
}
END_TEST

/* Bytes that are no HTTP get an answer or a closed connection; the next
 * client is served. */
START_TEST(garbage)
{
	static const char *const junk[] = {"\r\n\r\n", "GET\r\n\r\n",
	    "GET /api/v1/status\r\n\r\n", "GET /api/v1/status HTTP/9.9\r\n\r\n",
	    "+RESP:GTFRI,1$+RESP:GTFRI,2$ and more of that\r\n\r\n",
	    "GET /api/v1/status HTTP/1.1\r\nno colon\r\n\r\n",
	    "GET http:///// HTTP/1.1\r\n\r\n",
	    "FROB /api/v1/status HTTP/1.1\r\n\r\n",
	    "POST /api/v1/halt HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
	    ("POST /api/v1/halt HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
	    "zz\r\n")};
	char big[20000];
	struct reply r;
	int fd;

	for (size_t i = 0; i < ARRAY_LEN(junk); i++) {
		fd = dial();
		puts_fd(fd, junk[i]);
		(void)shutdown(fd, SHUT_WR);
		r = get_reply(fd);
		ck_assert_msg(r.status == 0 || r.status >= 400, "%s: %s",
		    junk[i], r.text);
		done(&r);
		(void)close(fd);
		expect_ok(get("status"));
	}
	memset(big, 'a', sizeof big);
	memcpy(big, "GET /api/v1/status HTTP/1.1\r\nX: ", 32);
	fd = dial();
	put(fd, big, sizeof big);
	r = get_reply(fd);
	ck_assert(r.status == 0 || r.status >= 400);
	done(&r);
	(void)close(fd);
	expect_ok(get("status"));
	ck_assert_uint_eq(world.operated, 0);
}
END_TEST

/* More clients than places: the rest wait, and are served when one leaves. */
START_TEST(connections)
{
	int fd[64 + 3];
	struct reply r;
	json_t *l;

	for (size_t i = 0; i < ARRAY_LEN(fd); i++) {
		fd[i] = dial();
		puts_fd(fd[i], "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
		turn();
	}
	for (size_t i = 0; i < 64; i++)
		expect_ok(get_reply(fd[i]));
	ck_assert(silent(fd[64]));
	for (size_t i = 0; i < 3; i++)
		(void)close(fd[i]);
	for (size_t i = 64; i < ARRAY_LEN(fd); i++) {
		r = get_reply(fd[i]);
		ck_assert_int_eq(r.status, 200);
		l = json_object_get(json_object_get(r.json, "limits"),
		    "api_connections");
		ck_assert_int_ge(number(l, "hits"), 1);
		ck_assert_int_le(number(l, "now"), 64);
		done(&r);
	}
	for (size_t i = 3; i < ARRAY_LEN(fd); i++)
		(void)close(fd[i]);
	expect_ok(get("status"));
}
END_TEST

/* Uploads that together are more than may lie unread: one is cut off. */
START_TEST(buffered)
{
	size_t chunk = 1 << 20, sent[3] = {0};
	char *p = calloc(1, chunk);
	int64_t end = loop_mono_ms() + DEADLINE_MS;
	bool cut = false;
	struct reply r;
	int fd[3];

	for (size_t i = 0; i < 3; i++) {
		fd[i] = dial();
		puts_fd(fd[i], "POST /api/v1/check HTTP/1.1\r\nHost: x\r\n"
		    "Content-Length: 67108864\r\n\r\n");
	}
	while (!cut && loop_mono_ms() < end) {
		for (size_t i = 0; i < 3; i++) {
			ssize_t k = sent[i] + chunk >= 67108864 ? 0 :
			    send(fd[i], p, chunk, MSG_NOSIGNAL);

			if (k > 0)
				sent[i] += (size_t)k;
			else if (k < 0 && errno != EAGAIN)
				cut = true;
		}
		turn();
	}
	ck_assert(cut);
	for (size_t i = 0; i < 3; i++)
		(void)close(fd[i]);
	turn();
	r = get("status");
	ck_assert_int_ge(number(json_object_get(json_object_get(r.json,
	    "limits"), "api_buffered_bytes"), "hits"), 1);
	done(&r);
	free(p);
}
END_TEST

void
add_hostile(TCase *tc)
{
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, bodies);
	tcase_add_test(tc, headers);
	tcase_add_test(tc, routes);
	tcase_add_test(tc, methods);
	tcase_add_test(tc, heads);
	tcase_add_test(tc, garbage);
	tcase_add_test(tc, connections);
	tcase_add_test(tc, buffered);
}
