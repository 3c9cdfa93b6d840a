/*
 * The API on a real unix socket, asked with raw bytes; core and daemon are
 * made up (fake_world.c). One thread: whoever waits also turns the loop.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/attr.h"
#include "fake_world.h"
#include "io/loop.h"

#define DEADLINE_MS 10000
#define POST_HEAD "POST /api/v1/%s HTTP/1.1\r\nHost: x\r\n"

static struct loop *loop;
static struct fake_world world;
static struct api *api;
static char dir[64], path[96];

static void
start(void)
{
	struct api_config cfg = {.socket = path, .group = "",
	    .request_timeout_ms = 4000, .durable_timeout_ms = 2000};
	struct api_ops ops;
	struct errtext err;

	loop = loop_new();
	ck_assert_ptr_nonnull(loop);
	(void)snprintf(dir, sizeof dir, "/tmp/trackup-api-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/control.sock", dir);
	fake_world_init(&world, loop);
	ops = fake_world_ops(&world);
	ck_assert_msg(api_new(&api, loop, &cfg, &ops, &err) == 0, "%s",
	    err.text);
	world.api = api;
}

static void
stop(void)
{
	struct stat st;

	api_free(api);
	fake_world_done(&world);
	loop_free(loop);
	ck_assert_int_lt(lstat(path, &st), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* --- a client that speaks bytes --------------------------------------------*/
struct reply {
	int status;
	char *text;       /* headers and body */
	const char *body;
	json_t *json;     /* NULL = the body is none */
};

static void
turn(void)
{
	(void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

static int
dial(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&sa, sizeof sa),
	    0);
	return fd;
}

static void
wait_fd(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	turn();
	(void)poll(&p, 1, 5);
}

/* All of it, unless the other side closes. */
static void
put(int fd, const char *p, size_t n)
{
	int64_t end = loop_mono_ms() + DEADLINE_MS;
	ssize_t r;

	while (n > 0 && loop_mono_ms() < end) {
		r = send(fd, p, n, MSG_NOSIGNAL);
		if (r < 0 && errno == EAGAIN) {
			wait_fd(fd, POLLOUT);
			continue;
		}
		if (r < 0)
			return;
		p += r;
		n -= (size_t)r;
	}
	ck_assert_uint_eq(n, 0);
}

static void
puts_fd(int fd, const char *s)
{
	put(fd, s, strlen(s));
}

static size_t
content_length(const char *head)
{
	const char *p = strcasestr(head, "\r\nContent-Length: ");

	return p == NULL ? 0 : (size_t)strtoul(p + 18, NULL, 10);
}

/* The next answer. status 0: closed without one; text then holds the bytes
 * that came all the same. */
static struct reply
get_reply(int fd)
{
	int64_t end = loop_mono_ms() + DEADLINE_MS;
	size_t cap = 4 << 20, n = 0, need = 0;
	struct reply r = {.text = calloc(1, cap)};
	char *body = NULL;
	ssize_t k;

	while (body == NULL || n < need) {
		ck_assert_msg(loop_mono_ms() < end, "no answer in time");
		/* Not past this answer: the next one may be behind it. */
		k = recv(fd, r.text + n, body == NULL ? 1 : need - n, 0);
		if (k < 0) {
			wait_fd(fd, POLLIN);
			continue;
		}
		if (k == 0)
			break;
		n += (size_t)k;
		ck_assert_uint_lt(n + 1, cap);
		if (body == NULL && (body = strstr(r.text, "\r\n\r\n"))) {
			body += 4;
			need = (size_t)(body - r.text) +
			    content_length(r.text);
			ck_assert_uint_lt(need, cap);
		}
	}
	if (body == NULL)
		return r;
	r.body = body;
	r.status = (int)strtol(r.text + strlen("HTTP/1.1 "), NULL, 10);
	r.json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	return r;
}

static void
done(struct reply *r)
{
	free(r->text);
	json_decref(r->json);
	memset(r, 0, sizeof *r);
}

static struct reply ask(const char *fmt, ...) PRINTF_LIKE(1, 2);

static struct reply
ask(const char *fmt, ...)
{
	char buf[8192];
	struct reply r;
	va_list ap;
	int n, fd = dial();

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof buf, fmt, ap);
	va_end(ap);
	ck_assert_int_lt(n, (int)sizeof buf);
	put(fd, buf, (size_t)n);
	r = get_reply(fd);
	(void)close(fd);
	return r;
}

static struct reply
get(const char *what)
{
	return ask("GET /api/v1/%s HTTP/1.1\r\nHost: x\r\n\r\n", what);
}

static struct reply
post(const char *what, const char *body)
{
	return ask(POST_HEAD "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s", what, strlen(body), body);
}

static const char *
str(const struct reply *r, const char *a, const char *b)
{
	json_t *j = json_object_get(r->json, a);

	return json_string_value(b == NULL ? j : json_object_get(j, b));
}

/* The error's code is due, as JSON. */
static void
expect_error(struct reply r, int status, const char *code)
{
	ck_assert_msg(r.status == status, "%d, not %d: %s", r.status, status,
	    r.text);
	ck_assert_msg(r.json != NULL, "no JSON: %s", r.text);
	ck_assert_str_eq(str(&r, "error", "code"), code);
	ck_assert_ptr_nonnull(str(&r, "error", "message"));
	ck_assert_ptr_nonnull(strstr(r.text, "application/json"));
	done(&r);
}

static void
expect_ok(struct reply r)
{
	ck_assert_msg(r.status == 200, "%s", r.text);
	ck_assert_ptr_nonnull(r.json);
	done(&r);
}

static bool
is_null(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(v != NULL, "field %s is missing", key);
	return json_is_null(v);
}

static json_int_t
number(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_integer(v), "%s is not a number", key);
	return json_integer_value(v);
}

static const char *
text(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_string(v), "%s is not a text", key);
	return json_string_value(v);
}

static void
has_fields(const json_t *j, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(json_object_get(j, names[i]) != NULL,
		    "field %s is missing", names[i]);
}

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
	    "finished_at", "eta"};
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
	t = json_array_get(json_object_get(r.json, "waves"), 0);
	has_fields(t, wave, ARRAY_LEN(wave));
	ck_assert_int_eq(number(t, "done"), 1035);
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
		(void)snprintf(uri, sizeof uri, "%s%climit=%u%s%s", what, sep,
		    limit, after[0] == '\0' ? "" : "&after=", after);
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
	    "hold", "wave", "attempts", "retry_at", "version"};
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
		"campaigns/fleet/targets?wave=canary",
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
	    "diagnosis", "campaigns"};
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
	struct reply r = get("devices/A000002B000000/timeline?limit=2");
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

/* --- changes ---------------------------------------------------------------*/
START_TEST(changes)
{
	struct reply r = post("campaigns/draft/start",
	    "{\"reason\":\"go\",\"digest\":\"beef\"}");

	expect_error(r, 409, "digest");
	ck_assert_str_eq(world.last_digest, "beef");
	ck_assert_str_eq(world.last_reason, "go");
	r = post("campaigns/draft/start", "{\"reason\":\"gr\xc3\xbc\xc3\x9f\"}");
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(text(r.json, "state"), "running");
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	ck_assert_str_eq(world.last_digest, "(null)");
	ck_assert_str_eq(world.last_reason, "gr\xc3\xbc\xc3\x9f");
	done(&r);
	expect_error(post("campaigns/draft/start", "{}"), 409, "wrong_state");
	/* Without a body at all. */
	r = ask(POST_HEAD "\r\n", "campaigns/draft/pause");
	ck_assert_str_eq(text(r.json, "state"), "paused");
	done(&r);
	ck_assert_str_eq(world.last_reason, "");
	expect_ok(post("campaigns/draft/resume", "{}"));
	expect_error(post("campaigns/draft/resume", "{}"), 409,
	    "wrong_state");
	expect_error(post("campaigns/nobody/pause", "{}"), 404, "not_found");

	r = post("campaigns/fleet/abort", "{\"dry_run\":true}");
	ck_assert_int_eq(number(r.json, "in_flight"), 55);
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	ck_assert_str_eq(text(r.json, "state"), "running");
	ck_assert(world.last.dry_run);
	done(&r);
	r = post("campaigns/fleet/abort", "{}");
	ck_assert_str_eq(text(r.json, "state"), "aborting");
	ck_assert(!world.last.dry_run);
	done(&r);

	expect_ok(post("devices/A000002B000000/probe", "{}"));
	ck_assert_int_eq(world.last.kind, OPER_DEVICE_PROBE);
	ck_assert_str_eq(world.last_device, "A000002B000000");
	expect_ok(post("devices/A000002B000000/cancel", "{}"));
	ck_assert_int_eq(world.last.kind, OPER_DEVICE_CANCEL);
	expect_error(post("devices/A000002BFFFFFF/cancel", "{}"), 404,
	    "not_found");

	r = post("halt", "{}");
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	done(&r);
	ck_assert(world.core.halted);
	expect_ok(post("resume-all", "{}"));
	ck_assert(!world.core.halted);
}
END_TEST

START_TEST(who_asks)
{
	char want[32];

	(void)snprintf(want, sizeof want, "uid:%lu",
	    (unsigned long)getuid());
	expect_ok(post("halt", "{}"));
	ck_assert_str_eq(world.last_who, want);
	ck_assert_ptr_nonnull(strstr(world.note, want));
	ck_assert_ptr_nonnull(strstr(world.note,
	    "method=POST path=\"/api/v1/halt\" status=200"));
	expect_error(get("a%0ab\"\x01"), 404, "no_route");
	ck_assert_ptr_nonnull(strstr(world.note,
	    "/api/v1/a%0ab\\x22\\x01\" status=404"));
}
END_TEST

START_TEST(reload)
{
	struct reply r = post("reload", "{\"force\":true,\"reason\":\"r\"}");

	ck_assert_int_eq(r.status, 200);
	done(&r);
	ck_assert(world.last_force);
	ck_assert_str_eq(world.last_reason, "r");
	r = post("reload", "{\"reason\":\"break it\"}");
	ck_assert_int_eq(r.status, 409);
	ck_assert(!world.last_force);
	ck_assert_str_eq(str(&r, "error", "code"), "refused");
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "diagnostics"), 0)),
	    "trackupd.yaml:3:1: trakers: unknown key");
	done(&r);
	ck_assert_uint_eq(world.reloaded, 2);
}
END_TEST

/* --- durability ------------------------------------------------------------*/
static int
begin(const char *what, unsigned operated)
{
	char buf[300];
	int fd = dial();

	(void)snprintf(buf, sizeof buf, POST_HEAD "Content-Length: 0\r\n\r\n",
	    what);
	puts_fd(fd, buf);
	while (world.operated < operated)
		wait_fd(fd, POLLIN);
	return fd;
}

static bool
silent(int fd)
{
	char c;

	turn();
	return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

START_TEST(durable)
{
	struct reply r;
	int a, b;

	world.hold_durable = true;
	a = begin("campaigns/fleet/pause", 1);
	b = begin("campaigns/fleet/resume", 2);
	ck_assert(silent(a) && silent(b));
	/* More bytes on a connection that waits harm nobody. */
	puts_fd(a, "GET /api/v1/status HTTP/1.1\r\nHost: x\r\n\r\n");
	ck_assert(silent(a));
	api_durable(api, 1);
	r = get_reply(a);
	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_true(json_object_get(r.json, "durable")));
	done(&r);
	expect_ok(get_reply(a));
	ck_assert(silent(b));
	/* A read is answered meanwhile. */
	expect_ok(get("status"));
	api_durable(api, 2);
	expect_ok(get_reply(b));
	(void)close(a);
	(void)close(b);
	/* Nothing to wait for: a dry run. */
	expect_ok(post("campaigns/fleet/abort", "{\"dry_run\":true}"));
}
END_TEST

START_TEST(client_gone)
{
	struct reply r;
	int a, b;

	world.hold_durable = true;
	a = begin("campaigns/fleet/pause", 1);
	b = begin("campaigns/fleet/resume", 2);
	(void)close(a);
	ck_assert(silent(b));
	fake_world_durable(&world);
	expect_ok(get_reply(b));
	expect_ok(get("status"));
	(void)close(b);
	/* The daemon ends while one waits. */
	a = begin("campaigns/fleet/pause", 3);
	api_free(api);
	api = NULL;
	r = get_reply(a);
	ck_assert_int_eq(r.status, 0);
	done(&r);
	(void)close(a);
}
END_TEST

/* The store fails: a halt is told with its figures, the rest as it is. */
START_TEST(not_durable)
{
	struct reply r;

	world.hold_durable = true;
	world.store_state = "full";
	r = post("halt", "{}");
	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_false(json_object_get(r.json, "durable")));
	ck_assert_int_eq(number(r.json, "stoppable"), 40);
	done(&r);
	expect_error(post("campaigns/fleet/pause", "{}"), 503, "not_durable");
	/* Late news change nothing. */
	fake_world_durable(&world);
	expect_ok(get("status"));
	/* It looks well, and hangs. */
	world.store_state = "ok";
	expect_error(post("campaigns/fleet/pause", "{}"), 503, "not_durable");
}
END_TEST

/* A client that drips its request is cut off in spite of its bytes; one that
 * says nothing too; one whose change is waited for is not. */
START_TEST(slow)
{
	static const char drip[] = "GET /api/v1/status HTTP/1.1\r\nHost: x";
	int64_t start_ms = loop_mono_ms(), next_ms = 0;
	int dripping = dial(), mute = dial();
	size_t sent = 0;
	struct reply r;
	char c;

	while (recv(mute, &c, 1, MSG_PEEK) != 0 ||
	    recv(dripping, &c, 1, MSG_PEEK) != 0) {
		ck_assert_int_lt(loop_mono_ms() - start_ms, DEADLINE_MS);
		if (loop_mono_ms() >= next_ms && sent < sizeof drip - 1) {
			(void)send(dripping, drip + sent++, 1, MSG_NOSIGNAL);
			next_ms = loop_mono_ms() + 200;
		}
		wait_fd(mute, POLLIN);
	}
	ck_assert_int_ge(loop_mono_ms() - start_ms, 4000);
	(void)close(dripping);
	(void)close(mute);
	r = get("status");
	ck_assert_int_eq(number(json_object_get(json_object_get(r.json,
	    "limits"), "api_slow"), "hits"), 2);
	done(&r);
}
END_TEST

/* --- check -----------------------------------------------------------------*/
START_TEST(check_file)
{
	struct reply r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"good\"}}");

	ck_assert_int_eq(r.status, 200);
	ck_assert(json_is_true(json_object_get(r.json, "ok")));
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "warnings"), 0)),
	    "a.yaml:1:1: require: not given");
	done(&r);
	r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"bad\"}}");
	ck_assert_int_eq(r.status, 422);
	ck_assert_str_eq(str(&r, "error", "code"), "invalid");
	ck_assert_uint_eq(json_array_size(json_object_get(r.json,
	    "diagnostics")), 3);
	done(&r);
	r = post("check", "{\"file\":\"a.yaml\","
	    "\"files\":{\"a.yaml\":\"list l/x.txt\"}}");
	ck_assert_int_eq(r.status, 409);
	ck_assert_str_eq(str(&r, "error", "code"), "files_missing");
	ck_assert_str_eq(json_string_value(json_array_get(
	    json_object_get(r.json, "files"), 0)), "l/x.txt");
	done(&r);
	expect_ok(post("check", "{\"file\":\"a.yaml\",\"files\":{"
	    "\"a.yaml\":\"list l/x.txt\",\"l/x.txt\":\"A\\nB\\n\"}}"));
	expect_error(post("check", "{\"files\":{\"a\":\"good\"}}"), 400,
	    "bad_field");
	expect_error(post("check", "{\"file\":\"a\"}"), 400, "bad_field");
	expect_error(post("check", "{\"file\":\"a\",\"files\":{\"b\":\"\"}}"),
	    400, "bad_field");
	expect_error(post("check", "{\"file\":\"a\",\"files\":{\"a\":1}}"),
	    400, "bad_field");
	expect_error(ask(POST_HEAD "\r\n", "check"), 400, "bad_field");
	ck_assert_uint_eq(world.checked, 4);
}
END_TEST

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
	static const char *const later_post[] = {
	    "campaigns/fleet/retry-failed", "campaigns/fleet/waves/rest/approve",
	    "devices/A000002B000000/exclude", "devices/A000002B000000/include",
	    "devices/A000002B000000/release", "plan", "simulate", "drain",
	    "backup"};
	char longname[200];

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		expect_error(get(none[i]), 404, "no_route");
	expect_error(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 404,
	    "no_route");
	expect_error(ask("GET /api/v2/status HTTP/1.1\r\nHost: x\r\n\r\n"),
	    404, "no_route");
	(void)snprintf(longname, sizeof longname, "campaigns/%0100d", 7);
	expect_error(get(longname), 404, "no_route");
	expect_error(get("campaigns/fle%65t%20"), 404, "not_found");
	expect_ok(get("campaigns/fle%65t"));
	expect_error(get("campaigns/..%2ffleet"), 404, "not_found");
	for (size_t i = 0; i < ARRAY_LEN(later_post); i++)
		expect_error(post(later_post[i], "{\"x\":1}"), 501,
		    "not_available");
	expect_error(get("firmware?x=1"), 501, "not_available");
	expect_error(get("events"), 501, "not_available");
}
END_TEST

START_TEST(methods)
{
	static const char *const others[] = {"HEAD", "PUT", "DELETE",
	    "OPTIONS", "TRACE", "PATCH"};
	struct reply r;

	r = get("halt");
	ck_assert_ptr_nonnull(strstr(r.text, "Allow: POST"));
	expect_error(r, 405, "method_not_allowed");
	r = post("status", "{}");
	ck_assert_ptr_nonnull(strstr(r.text, "Allow: GET"));
	expect_error(r, 405, "method_not_allowed");
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

/* --- the socket ------------------------------------------------------------*/
static int
try_new(const char *socket_path, const char *group, struct errtext *err)
{
	struct api_config cfg = {.socket = socket_path, .group = group};
	struct api_ops ops = fake_world_ops(&world);
	struct api *other = NULL;
	int r = api_new(&other, loop, &cfg, &ops, err);

	if (r == 0)
		api_free(other);
	else
		ck_assert_ptr_null(other);
	return r;
}

START_TEST(socket_live)
{
	struct errtext err;
	struct stat st;
	char p[96];

	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_lt(try_new(path, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "another trackupd answers"));
	expect_ok(get("status"));

	(void)snprintf(p, sizeof p, "%s/no/such/dir.sock", dir);
	ck_assert_int_lt(try_new(p, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, p));
	ck_assert_int_lt(try_new("/tmp/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	    "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "longer than"));
	ck_assert_int_lt(try_new(path, "no-such-group-here", &err), 0);
}
END_TEST

START_TEST(socket_stale)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct errtext err;
	struct stat st;
	char p[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(p, sizeof p, "%s/stale.sock", dir);
	(void)snprintf(sa.sun_path, sizeof sa.sun_path, "%s", p);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&sa, sizeof sa), 0);
	(void)close(fd);
	ck_assert_msg(try_new(p, "", &err) == 0, "%s", err.text);
	ck_assert_int_lt(lstat(p, &st), 0);
	/* What is no socket is not ours to replace. */
	fd = open(p, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert_int_lt(try_new(p, "", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "not a socket"));
	ck_assert_int_eq(unlink(p), 0);
	/* A group that does not exist leaves nothing behind. */
	ck_assert_int_lt(try_new(p, "no-such-group-here", &err), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "no such group"));
}
END_TEST

START_TEST(socket_group)
{
	struct group *g = getgrgid(getegid());
	struct api_config cfg = {.socket = NULL};
	struct api_ops ops = fake_world_ops(&world);
	struct api *other = NULL;
	struct errtext err;
	struct stat st;
	char p[96];

	(void)snprintf(p, sizeof p, "%s/group.sock", dir);
	ck_assert_ptr_nonnull(g);
	cfg.socket = p;
	cfg.group = g->gr_name;
	ck_assert_msg(api_new(&other, loop, &cfg, &ops, &err) == 0, "%s",
	    err.text);
	ck_assert_int_eq(lstat(p, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_gid, getegid());
	api_free(other);
}
END_TEST

/* A successor took the path over: its socket is not removed. */
START_TEST(socket_taken_over)
{
	char aside[100];
	int fd;

	(void)snprintf(aside, sizeof aside, "%s.old", path);
	ck_assert_int_eq(rename(path, aside), 0);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	api_free(api);
	api = NULL;
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unlink(aside), 0);
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
	tcase_add_test(tc, changes);
	tcase_add_test(tc, who_asks);
	tcase_add_test(tc, reload);
	tcase_add_test(tc, durable);
	tcase_add_test(tc, client_gone);
	tcase_add_test(tc, not_durable);
	tcase_add_test(tc, slow);
	tcase_add_test(tc, check_file);
	tcase_add_test(tc, sizes);
	tcase_add_test(tc, bodies);
	tcase_add_test(tc, headers);
	tcase_add_test(tc, routes);
	tcase_add_test(tc, methods);
	tcase_add_test(tc, garbage);
	tcase_add_test(tc, connections);
	tcase_add_test(tc, buffered);
	tcase_add_test(tc, socket_live);
	tcase_add_test(tc, socket_stale);
	tcase_add_test(tc, socket_group);
	tcase_add_test(tc, socket_taken_over);
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
