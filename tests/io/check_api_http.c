#include "config.h"
#include "api_client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * The API over TCP: who may come in, what pages of others may not make a
 * browser do, and the plain paths.
 */

static void
listen_tcp(void)
{
	struct trackers_address a = {.host = "127.0.0.1", .port = 0};
	struct errtext err;

	ck_assert_msg(api_listen(api, &a, 1, &err) == 0, "%s", err.text);
	ck_assert_uint_ne(api_port(api, 0), 0);
	ck_assert_uint_eq(api_port(api, 1), 0);
}

static struct reply
tcp(const char *request)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(api_port(api, 0)),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct reply r;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	puts_fd(fd, request);
	r = get_reply(fd);
	(void)close(fd);
	return r;
}

static void
tokens(const char *text, const char *error)
{
	struct errtext err = {0};
	char file[sizeof path];
	FILE *f;
	int r;

	(void)snprintf(file, sizeof file, "%s/t", dir);
	ck_assert_ptr_nonnull(f = fopen(file, "we"));
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	r = api_tokens(api, file, &err);
	(void)unlink(file);
	if (error == NULL)
		ck_assert_msg(r == 0, "%s", err.text);
	else
		ck_assert_msg(r < 0 && strstr(err.text, error) != NULL, "%s",
		    err.text);
}

/* The hash as another program of the system makes it. */
static void
sha256(const char *token, char ret[65])
{
	char cmd[128];
	FILE *p;

	(void)snprintf(cmd, sizeof cmd, "printf %%s '%s' | sha256sum", token);
	ck_assert_ptr_nonnull(p = popen(cmd, "re"));
	ck_assert_uint_eq(fread(ret, 1, 64, p), 64);
	ret[64] = '\0';
	(void)pclose(p);
}

static void
two_tokens(void)
{
	char look[65], pull[65], text[300];

	sha256("look-only", look);
	sha256("pull-the-brake", pull);
	(void)snprintf(text, sizeof text, "# who\n\nscreen read %s\n"
	    "  night.shift\toperate %s\r\n", look, pull);
	tokens(text, NULL);
}

#define GET(path, head) "GET " path " HTTP/1.1\r\n" head "\r\n"
#define POST(path, head) \
	"POST " path " HTTP/1.1\r\n" head "Content-Length: 2\r\n\r\n{}"
#define JSON "Content-Type: application/json\r\n"
#define HOST "Host: 127.0.0.1:9621\r\n"

START_TEST(loopback_without_tokens)
{
	struct reply r;

	listen_tcp();
	r = tcp(GET("/api/v1/status", HOST));
	ck_assert_int_eq(r.status, 200);
	ck_assert_ptr_nonnull(strstr(r.text, "default-src 'none'"));
	done(&r);
	expect_ok(tcp(POST("/api/v1/halt", "Host: localhost\r\n" JSON)));
	ck_assert_str_eq(world.last_who, "loopback");
	expect_ok(tcp(POST("/api/v1/halt", "Host: [::1]:1\r\n" JSON)));
}
END_TEST

/* A name that its owner points to this machine. */
START_TEST(rebound_names)
{
	listen_tcp();
	expect_error(tcp(GET("/api/v1/status", "Host: evil.example\r\n")), 421,
	    "host");
	expect_error(tcp(GET("/api/v1/status",
	    "Host: localhost.evil.example\r\n")), 421, "host");
	expect_error(tcp(GET("/api/v1/status",
	    "Host: 127.0.0.1.evil.example\r\n")), 421, "host");
	expect_error(tcp(GET("/metrics", "Host: evil.example\r\n")), 421,
	    "host");
	expect_error(tcp(GET("/api/v1/status", HOST HOST)), 400, "host");
}
END_TEST

START_TEST(foreign_pages)
{
	listen_tcp();
	expect_error(tcp(POST("/api/v1/halt", HOST JSON
	    "Origin: http://evil.example\r\n")), 403, "origin");
	expect_error(tcp(POST("/api/v1/halt", HOST JSON "Origin: null\r\n")),
	    403, "origin");
	expect_error(tcp(POST("/api/v1/halt", HOST JSON
	    "Sec-Fetch-Site: cross-site\r\n")), 403, "origin");
	expect_error(tcp(POST("/api/v1/halt", HOST
	    "Content-Type: text/plain\r\n")), 415, "not_json");
	expect_error(tcp("POST /api/v1/halt HTTP/1.1\r\n" HOST
	    "Content-Length: 0\r\n\r\n"), 415, "not_json");
	ck_assert_uint_eq(world.operated, 0);
	expect_ok(tcp(POST("/api/v1/halt", HOST JSON
	    "Origin: http://127.0.0.1:9621\r\n"
	    "Sec-Fetch-Site: same-origin\r\n")));
	ck_assert_uint_eq(world.operated, 1);
}
END_TEST

START_TEST(tokens_and_roles)
{
	struct reply r;

	listen_tcp();
	two_tokens();
	r = tcp(GET("/api/v1/status", HOST));
	ck_assert_ptr_nonnull(strstr(r.text, "WWW-Authenticate: Bearer"));
	expect_error(r, 401, "token");
	expect_error(tcp(GET("/metrics", HOST)), 401, "token");
	expect_error(tcp(GET("/api/v1/status", HOST
	    "Authorization: Bearer look-onl\r\n")), 401, "token");
	expect_error(tcp(GET("/api/v1/status", HOST
	    "Authorization: Basic bG9vay1vbmx5\r\n")), 401, "token");
	/* Whoever has a token may use any name of this machine. */
	r = tcp(GET("/api/v1/status", "Host: fleet.example\r\n"
	    "Authorization: Bearer look-only\r\n"));
	ck_assert_int_eq(r.status, 200);
	done(&r);
	expect_error(tcp(POST("/api/v1/halt", HOST JSON
	    "Authorization: Bearer look-only\r\n")), 403, "role");
	ck_assert_uint_eq(world.operated, 0);
	expect_ok(tcp(POST("/api/v1/halt", HOST JSON
	    "Authorization: bearer pull-the-brake\r\n")));
	ck_assert_str_eq(world.last_who, "night.shift");
	/* The control socket asks for none. */
	expect_ok(post("halt", "{}"));
	r = get("status");
	ck_assert_int_ge(number(json_object_get(json_object_get(r.json,
	    "limits"), "api_forbidden"), "hits"), 5);
	done(&r);
}
END_TEST

START_TEST(broken_token_files)
{
	char text[200], hash[65];

	sha256("x", hash);
	tokens("a read\n", ":1: hash: the SHA-256");
	(void)snprintf(text, sizeof text, "\na write %s\n", hash);
	tokens(text, ":2: role: read or operate");
	(void)snprintf(text, sizeof text, "uid:0 read %s\n", hash);
	tokens(text, ":1: name: at most 64");
	(void)snprintf(text, sizeof text, "a read %s x\n", hash);
	tokens(text, ":1: hash:");
	(void)snprintf(text, sizeof text, "a read %sab\n", hash);
	tokens(text, ":1: hash:");
	(void)snprintf(text, sizeof text, "a read %s\na read %s\n", hash, hash);
	tokens(text, ":2: name: stands in the file already");
	/* What was in force stays in force. */
	listen_tcp();
	two_tokens();
	tokens("nonsense\n", ":1:");
	expect_error(tcp(GET("/api/v1/status", HOST)), 401, "token");
	{
		struct errtext err = {0};

		ck_assert_int_lt(api_tokens(api, "/nowhere/t", &err), 0);
		ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/t: No such"));
		ck_assert_int_lt(api_tokens_check("/nowhere/t", &err), 0);
		ck_assert_int_eq(api_tokens_check("", &err), 0);
	}
}
END_TEST

START_TEST(alive_and_ready)
{
	struct reply r;

	listen_tcp();
	two_tokens();
	r = tcp(GET("/livez", HOST));
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.body, "ok\n");
	done(&r);
	r = tcp(GET("/readyz", HOST));
	ck_assert_int_eq(r.status, 200);
	done(&r);
	world.store_state = "full";
	r = tcp(GET("/readyz", HOST));
	ck_assert_int_eq(r.status, 503);
	ck_assert_str_eq(r.body, "the database does not commit\n");
	done(&r);
	r = tcp(GET("/livez", HOST));
	ck_assert_int_eq(r.status, 200);
	done(&r);
	r = tcp("PUT /livez HTTP/1.1\r\n" HOST "Content-Length: 0\r\n"
	    "Authorization: Bearer look-only\r\n\r\n");
	expect_error(r, 405, "method_not_allowed");
}
END_TEST

START_TEST(metrics_text)
{
	static const char *const lines[] = {
		"# TYPE trackupd_build_info gauge\n",
		"\ntrackupd_build_info{version=\"",
		"\ntrackupd_devices_online 5\n",
		"\ntrackupd_in_flight 55\n",
		"\n# TYPE trackupd_frames_total counter\n",
		"\ntrackupd_commands_total{command=\"start\"} ",
		"\ntrackupd_campaign_state{campaign=\"fleet\",state=\"",
		("\ntrackupd_campaign_targets{campaign=\"fleet\",state=\""
		    "waiting\"} "),
		"\ntrackupd_wave_state{campaign=\"fleet\",wave=\"",
		"\ntrackupd_attempts_total{campaign=\"fleet\",result=\"",
		"\ntrackupd_dispatch_seconds_bucket{le=\"+Inf\"} 0\n",
		"\ntrackupd_commit_seconds_count ",
		"\ntrackupd_update_seconds_sum 0\n",
		"\ntrackupd_files_bytes_total ",
		"\ntrackupd_reload_success ",
		"\ntrackupd_reload_timestamp_seconds ",
	};
	struct reply r;

	listen_tcp();
	r = tcp(GET("/metrics", HOST));
	ck_assert_int_eq(r.status, 200);
	ck_assert_ptr_nonnull(strstr(r.text, "text/plain; version=0.0.4"));
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		ck_assert_msg(strstr(r.body, lines[i]) != NULL, "%s lacks %s",
		    r.body, lines[i]);
	done(&r);
	/* On the control socket too. */
	r = ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert_int_eq(r.status, 200);
	done(&r);
}
END_TEST

/* The page needs no token: it holds nothing of this fleet. */
START_TEST(page)
{
	static const char *const files[][2] = {
		{"/", "text/html"}, {"/app.js", "text/javascript"},
		{"/views.js", "text/javascript"}, {"/style.css", "text/css"},
		{"/chart.js", "text/javascript"}, {"/icon.svg", "image/svg"},
	};
	char request[300], etag[80], *p;
	struct reply r;

	listen_tcp();
	two_tokens();
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		(void)snprintf(request, sizeof request,
		    "GET %s HTTP/1.1\r\n" HOST "\r\n", files[i][0]);
		r = tcp(request);
		ck_assert_int_eq(r.status, 200);
		ck_assert_ptr_nonnull(strstr(r.text, files[i][1]));
		ck_assert_ptr_nonnull(strstr(r.text, "Cache-Control: no-cache"));
		ck_assert_ptr_nonnull(strstr(r.text,
		    "Content-Security-Policy: default-src 'none'; "
		    "script-src 'self'; style-src 'self'; "));
		/* What the policy would not run, and what leaves the house. */
		if (strcmp(files[i][0], "/chart.js") != 0) {
			ck_assert_ptr_null(strstr(r.body, "innerHTML ="));
			ck_assert_ptr_null(strstr(r.body, "https://"));
			ck_assert_ptr_null(strstr(r.body, " style=\""));
		}
		p = strstr(r.text, "ETag: \"");
		ck_assert_ptr_nonnull(p);
		(void)snprintf(etag, sizeof etag, "%.34s", p + 6);
		done(&r);
		(void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n"
		    HOST "If-None-Match: %s\r\n\r\n", files[i][0], etag);
		r = tcp(request);
		ck_assert_msg(r.status == 304, "%s", r.text);
		done(&r);
	}
	expect_error(tcp(GET("/../style.css", HOST
	    "Authorization: Bearer look-only\r\n")), 404, "no_route");
}
END_TEST

START_TEST(reports)
{
	json_t *j;
	struct reply r;
	int64_t end = loop_mono_ms() + DEADLINE_MS;

	/* The fleet is counted in pieces: until it is done, nothing is known. */
	r = get("fleet");
	ck_assert(json_is_true(json_object_get(r.json, "counting")));
	ck_assert(is_null(r.json, "as_of"));
	done(&r);
	for (;; done(&r)) {
		r = get("fleet");
		if (json_is_false(json_object_get(r.json, "counting")))
			break;
		ck_assert(loop_mono_ms() < end);
	}
	ck_assert_int_eq(number(r.json, "devices"), 200);
	j = json_array_get(json_object_get(r.json, "versions"), 0);
	ck_assert_str_eq(text(j, "version"), "0A03");
	ck_assert_int_eq(number(j, "online"), 5);
	ck_assert_int_eq(number(json_object_get(r.json, "last_seen"), "never"),
	    200);
	done(&r);

	r = get("campaigns/fleet/report");
	j = json_object_get(r.json, "funnel");
	ck_assert_int_eq(number(json_array_get(j, 0), "count"), 9);
	ck_assert_int_eq(number(json_array_get(j, 0), "ended"), 0);
	ck_assert_int_eq(number(json_array_get(j, 1), "ended"), 3);
	j = json_array_get(json_object_get(r.json, "failures"), 0);
	ck_assert_str_eq(text(j, "cause"), "bad_url");
	ck_assert_str_eq(text(j, "from"), "0A03");
	ck_assert_ptr_nonnull(strstr(text(j, "action"), "fetch the URL"));
	ck_assert_int_eq(number(json_object_get(r.json, "phases"),
	    "downloading"), 2);
	j = json_array_get(json_object_get(r.json, "progress"), 0);
	ck_assert_int_eq(number(j, "succeeded"), 1000);
	done(&r);
	expect_error(get("campaigns/none/report"), 404, "not_found");
}
END_TEST

/* The port is taken: nothing of it stays open, and it may be tried again. */
START_TEST(port_taken)
{
	struct trackers_address a[2] = {{.host = "127.0.0.1"},
	    {.host = "127.0.0.1"}};
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof sin;
	struct errtext err = {0};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	a[1].port = ntohs(sin.sin_port);
	ck_assert_int_lt(api_listen(api, a, 2, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "bind: Address already in use"));
	ck_assert_uint_eq(api_port(api, 0), 0);
	ck_assert_int_lt(api_listen(api, a, 9, &err), 0);
	(void)close(fd);
	ck_assert_msg(api_listen(api, a, 2, &err) == 0, "%s", err.text);
	ck_assert_uint_ne(api_port(api, 1), 0);
}
END_TEST

void
add_http(TCase *tc)
{
	tcase_add_test(tc, loopback_without_tokens);
	tcase_add_test(tc, rebound_names);
	tcase_add_test(tc, foreign_pages);
	tcase_add_test(tc, tokens_and_roles);
	tcase_add_test(tc, broken_token_files);
	tcase_add_test(tc, alive_and_ready);
	tcase_add_test(tc, metrics_text);
	tcase_add_test(tc, page);
	tcase_add_test(tc, reports);
	tcase_add_test(tc, port_taken);
}
