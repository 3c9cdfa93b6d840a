#include "config.h"
#include "api_client.h"

#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int64_t
api_slowness(void)
{
	const char *s = getenv("CK_TIMEOUT_MULTIPLIER");
	long n = s == NULL ? 1 : strtol(s, NULL, 10);

	return n < 1 ? 1 : n;
}

struct loop *loop;
struct fake_world world;
struct api *api;
char dir[64], path[96];

void
start(void)
{
	struct api_config cfg = {.socket = path, .group = "",
	    .request_timeout_ms = SLOW_MS, .durable_timeout_ms = 2000};
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

void
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
void
turn(void)
{
	(void)event_base_loop(loop_base(loop), EVLOOP_NONBLOCK);
}

int
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

void
wait_fd(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	turn();
	(void)poll(&p, 1, 5);
}

/* All of it, unless the other side closes. */
void
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

void
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
struct reply
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

void
done(struct reply *r)
{
	free(r->text);
	json_decref(r->json);
	memset(r, 0, sizeof *r);
}

struct reply
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

struct reply
get(const char *what)
{
	return ask("GET /api/v1/%s HTTP/1.1\r\nHost: x\r\n\r\n", what);
}

struct reply
post(const char *what, const char *body)
{
	return ask(POST_HEAD "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n\r\n%s", what, strlen(body), body);
}

const char *
str(const struct reply *r, const char *a, const char *b)
{
	json_t *j = json_object_get(r->json, a);

	return json_string_value(b == NULL ? j : json_object_get(j, b));
}

/* The error's code is due, as JSON. */
void
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

void
expect_ok(struct reply r)
{
	ck_assert_msg(r.status == 200, "%s", r.text);
	ck_assert_ptr_nonnull(r.json);
	done(&r);
}

bool
is_null(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(v != NULL, "field %s is missing", key);
	return json_is_null(v);
}

json_int_t
number(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_integer(v), "%s is not a number", key);
	return json_integer_value(v);
}

const char *
text(const json_t *j, const char *key)
{
	json_t *v = json_object_get(j, key);

	ck_assert_msg(json_is_string(v), "%s is not a text", key);
	return json_string_value(v);
}

void
has_fields(const json_t *j, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(json_object_get(j, names[i]) != NULL,
		    "field %s is missing", names[i]);
}

bool
silent(int fd)
{
	char c;

	turn();
	return recv(fd, &c, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}
