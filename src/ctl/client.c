#include "config.h"
#include "ctl/ctl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/sbuf.h"
#include "base/span.h"

#define BASE "http://localhost/api/v1/"
#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 60000L
#define ANSWER_MAX (64 * 1024 * 1024)
#define WORD_BYTES_MAX 200

static size_t
on_data(char *p, size_t size, size_t n, void *arg)
{
	struct sbuf *b = arg;

	sbuf_add(b, p, size * n);
	return b->failed ? 0 : size * n;
}

/* What to do about a socket that cannot be connected to. */
static void
explain(const struct ctl *c, char *why, size_t size)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd, e = ENAMETOOLONG;

	if (span_copy(sa.sun_path, sizeof sa.sun_path, span_str(c->socket))) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		e = fd < 0 || connect(fd, (const struct sockaddr *)&sa,
		    sizeof sa) < 0 ? errno : 0;
		if (fd >= 0)
			(void)close(fd);
	}
	if (e == ENOENT || e == ECONNREFUSED)
		(void)snprintf(why, size, "%s: %s; is trackupd running? "
		    "(systemctl status trackupd; another socket: -s SOCKET or "
		    "-c CONFIG)", c->socket, e == ENOENT ? "no such socket" :
		    "nobody answers");
	else if (e == EACCES || e == EPERM)
		(void)snprintf(why, size, "%s: permission denied; be root, or "
		    "a member of the group that control.group of "
		    "trackupd.yaml names", c->socket);
	else
		(void)snprintf(why, size, "%s: %s", c->socket,
		    e == 0 ? "the connection broke" : strerror(e));
}

static CURL *
easy(struct ctl *c)
{
	if (c->curl == NULL) {
		if (curl_global_init(CURL_GLOBAL_NOTHING) != 0 ||
		    (c->curl = curl_easy_init()) == NULL)
			die("out of memory");
	} else {
		curl_easy_reset(c->curl);
	}
	return c->curl;
}

struct answer
client_ask(struct ctl *c, const char *path, json_t *body)
{
	struct answer a = {0};
	struct curl_slist *headers = NULL;
	CURL *e = easy(c);
	char *text = NULL, url[sizeof BASE + CTL_PATH_MAX];
	long wait_ms = c->answer_timeout_ms > 0 ? c->answer_timeout_ms :
	    ANSWER_TIMEOUT_MS;
	struct sbuf b;
	CURLcode r;

	sbuf_init(&b, ANSWER_MAX);
	(void)snprintf(url, sizeof url, BASE "%s", path);
	(void)curl_easy_setopt(e, CURLOPT_URL, url);
	(void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	/* An http_proxy of the environment is not for us. */
	(void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS,
	    CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, wait_ms);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* A wait of days must not hold one of the daemon's places, and a
	 * change must never be sent again over a second connection. */
	(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, &b);
	if (body != NULL) {
		if ((text = json_dumps(body, JSON_COMPACT)) == NULL)
			die("out of memory");
		headers = curl_slist_append(headers,
		    "Content-Type: application/json");
		headers = curl_slist_append(headers, "Expect:");
		(void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, text);
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)strlen(text));
	}
	r = curl_easy_perform(e);
	if (r == CURLE_OK) {
		(void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &a.status);
		a.json = json_loadb(sbuf_str(&b), b.len, 0, NULL);
	} else if (r == CURLE_OPERATION_TIMEDOUT) {
		(void)snprintf(a.why, sizeof a.why,
		    "%s: no answer within %ld s", c->socket,
		    wait_ms / 1000);
	} else {
		explain(c, a.why, sizeof a.why);
	}
	curl_slist_free_all(headers);
	free(text);
	json_decref(body);
	sbuf_done(&b);
	return a;
}

void
answer_done(struct answer *a)
{
	json_decref(a->json);
	a->json = NULL;
}

char *
client_encode(struct ctl *c, const char *s)
{
	char *p, *copy;

	if (strlen(s) > WORD_BYTES_MAX) {
		say("%.20s...: too long for a name", s);
		exit(CTL_USAGE);
	}
	if ((p = curl_easy_escape(easy(c), s, 0)) == NULL)
		die("out of memory");
	copy = xstrdup(p);
	curl_free(p);
	return copy;
}

void
client_close(struct ctl *c)
{
	if (c->curl == NULL)
		return;
	curl_easy_cleanup(c->curl);
	c->curl = NULL;
	curl_global_cleanup();
}

static void
say_lines(const json_t *lines)
{
	const json_t *line;
	size_t i;

	json_array_foreach(lines, i, line)
		(void)fprintf(stderr, "%s\n", json_string_value(line));
}

int
answer_failed(const struct ctl *c, const struct answer *a)
{
	const json_t *e = json_object_get(a->json, "error");
	const char *message = json_string_value(json_object_get(e, "message"));
	char code[40];

	(void)jtext(e, "code", code, sizeof code);
	if (a->status == 0) {
		say("%s", a->why);
		return CTL_UNREACHABLE;
	}
	if (a->status == 413) {
		say("too much for the daemon: 64 MiB in all");
		return CTL_FAILED;
	}
	if (message == NULL) {
		say("%s: HTTP %ld, and not what trackupd answers", c->socket,
		    a->status);
		return CTL_FAILED;
	}
	say_lines(json_object_get(a->json, "diagnostics"));
	say("%s", message);
	switch (a->status) {
	case 400:
		return strcmp(code, "bad_parameter") == 0 ||
		    strcmp(code, "bad_field") == 0 ? CTL_USAGE : CTL_FAILED;
	case 404:
		return CTL_NOT_FOUND;
	case 403:
	case 409:
		return CTL_REFUSED;
	default:
		return CTL_FAILED;
	}
}

int
client_get(struct ctl *c, json_t **ret, const char *fmt, ...)
{
	struct answer a;
	char path[CTL_PATH_MAX];
	va_list ap;
	int n, r = 0;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof path, fmt, ap);
	va_end(ap);
	assert(n >= 0 && (size_t)n < sizeof path);
	a = client_ask(c, path, NULL);
	if (a.status == 200 && a.json != NULL)
		*ret = json_incref(a.json);
	else
		r = answer_failed(c, &a);
	answer_done(&a);
	return r;
}

json_t *
client_body(const struct ctl *c)
{
	json_t *j = json_object();

	if (j == NULL)
		die("out of memory");
	if (c->reason != NULL &&
	    json_object_set_new(j, "reason", json_string(c->reason)) < 0)
		die("--reason: not UTF-8");
	return j;
}

int
client_each(struct ctl *c, const char *path, item_fn *fn, void *arg)
{
	char after[80] = "";
	int r = 0;

	do {
		const json_t *item;
		json_t *page;
		size_t i;

		r = client_get(c, &page, "%s%climit=1000%s%s", path,
		    strchr(path, '?') != NULL ? '&' : '?',
		    after[0] != '\0' ? "&after=" : "", after);
		if (r != 0)
			return r;
		json_array_foreach(json_object_get(page, "items"), i, item)
			if ((r = fn(c, item, arg)) != 0)
				break;
		(void)jtext(page, "next", after, sizeof after);
		json_decref(page);
	} while (r == 0 && after[0] != '\0');
	return r;
}

/* --- events ----------------------------------------------------------------*/
#define LINE_MAX_BYTES (1024 * 1024)
#define QUIET_S 60L /* the daemon speaks every 15 s */

struct listening {
	struct ctl *c;
	event_fn *fn;
	void *arg;
	char *last;
	struct sbuf line, data;
	char event[32];
	bool heard;
	int r;              /* of fn */
	struct sbuf answer; /* of what is no stream */
	CURL *easy;
};

static void
on_message(struct listening *l)
{
	json_t *j = json_loadb(sbuf_str(&l->data), l->data.len, 0, NULL);

	l->heard = true;
	if (j != NULL)
		l->r = l->fn(l->c, l->event, j, l->arg);
	json_decref(j);
}

static void
on_line(struct listening *l, const char *s)
{
	if (s[0] == '\0') {
		if (l->data.len > 0)
			on_message(l);
		sbuf_clear(&l->data);
		l->event[0] = '\0';
	} else if (strncmp(s, "id: ", 4) == 0) {
		(void)snprintf(l->last, CTL_EVENT_ID_MAX, "%s", s + 4);
	} else if (strncmp(s, "event: ", 7) == 0) {
		(void)snprintf(l->event, sizeof l->event, "%s", s + 7);
	} else if (strncmp(s, "data: ", 6) == 0) {
		sbuf_adds(&l->data, s + 6);
	}
}

static size_t
on_events(char *p, size_t size, size_t n, void *arg)
{
	struct listening *l = arg;
	long status = 0;

	n *= size;
	(void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) {
		sbuf_add(&l->answer, p, n);
		return l->answer.failed ? 0 : n;
	}
	for (size_t i = 0; i < n && l->r == 0; i++) {
		if (p[i] != '\n') {
			sbuf_add(&l->line, &p[i], 1);
			continue;
		}
		on_line(l, sbuf_str(&l->line));
		sbuf_clear(&l->line);
	}
	return l->r != 0 || l->line.failed || l->data.failed ? 0 : n;
}

static int
events_ended(struct listening *l, CURLcode r)
{
	struct answer a = {0};
	int exit_code;

	(void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &a.status);
	if (l->r != 0 || (a.status == 200 && l->heard))
		return l->r;
	if (r != CURLE_OK) {
		a.status = 0;
		explain(l->c, a.why, sizeof a.why);
	} else {
		a.json = json_loadb(sbuf_str(&l->answer), l->answer.len, 0,
		    NULL);
	}
	exit_code = answer_failed(l->c, &a);
	answer_done(&a);
	return exit_code;
}

int
client_events(struct ctl *c, const char *path, char last[CTL_EVENT_ID_MAX],
    event_fn *fn, void *arg, bool *ret_heard)
{
	char url[sizeof BASE + CTL_PATH_MAX], header[CTL_EVENT_ID_MAX + 20];
	struct listening l = {.c = c, .fn = fn, .arg = arg, .last = last,
	    .easy = easy(c)};
	struct curl_slist *headers = NULL;
	CURLcode r;
	int e;

	sbuf_init(&l.line, LINE_MAX_BYTES);
	sbuf_init(&l.data, LINE_MAX_BYTES);
	sbuf_init(&l.answer, ANSWER_MAX);
	(void)snprintf(url, sizeof url, BASE "%s", path);
	(void)snprintf(header, sizeof header, "Last-Event-ID: %s", last);
	if (last[0] != '\0')
		headers = curl_slist_append(NULL, header);
	(void)curl_easy_setopt(l.easy, CURLOPT_URL, url);
	(void)curl_easy_setopt(l.easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	(void)curl_easy_setopt(l.easy, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(l.easy, CURLOPT_CONNECTTIMEOUT_MS,
	    CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(l.easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(l.easy, CURLOPT_LOW_SPEED_TIME, QUIET_S);
	(void)curl_easy_setopt(l.easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(l.easy, CURLOPT_FORBID_REUSE, 1L);
	(void)curl_easy_setopt(l.easy, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(l.easy, CURLOPT_WRITEFUNCTION, on_events);
	(void)curl_easy_setopt(l.easy, CURLOPT_WRITEDATA, &l);
	r = curl_easy_perform(l.easy);
	e = events_ended(&l, r);
	*ret_heard = l.heard;
	curl_slist_free_all(headers);
	sbuf_done(&l.line);
	sbuf_done(&l.data);
	sbuf_done(&l.answer);
	return e;
}
