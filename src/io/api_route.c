#include "config.h"
#include "io/api_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include "base/span.h"

#define SEGMENTS_MAX 6

#define PAGE (API_BIT(API_AFTER) | API_BIT(API_LIMIT))
#define FILTER (API_BIT(API_STATE) | API_BIT(API_CAUSE) | \
	API_BIT(API_HOLD) | API_BIT(API_WAVE))
#define WHY API_BIT(API_REASON)

/* clang-format off */
#define GET(path, fn, params) \
	{EVHTTP_REQ_GET, path, fn, API_READ, params, 0, 0, OPER_KIND_COUNT_}
#define OPERATE(path, fn, fields, oper) \
	{EVHTTP_REQ_POST, path, fn, API_OPERATE, 0, fields, API_BODY_MAX, oper}
/* About a file that comes with the question. */
#define ABOUT(path, fn, more) \
	{EVHTTP_REQ_POST, path, fn, API_READ, 0, \
	    WHY | API_BIT(API_FILE) | API_BIT(API_FILES) | (more), \
	    API_UPLOAD_MAX, OPER_KIND_COUNT_}

static const struct api_route table[] = {
	GET("status", api_get_status, 0),
	GET("campaigns", api_get_campaigns, PAGE),
	GET("campaigns/*", api_get_campaign, 0),
	GET("campaigns/*/targets", api_get_targets, FILTER | PAGE),
	GET("devices", api_get_devices, PAGE),
	GET("devices/*", api_get_device, 0),
	GET("devices/*/timeline", api_get_timeline, PAGE),
	GET("campaigns/*/report", api_get_report, 0),
	GET("fleet", api_get_fleet, 0),
	GET("audit", api_get_audit, PAGE),
	GET("events", api_get_events,
	    API_BIT(API_SINCE) | API_BIT(API_CAMPAIGN)),
	OPERATE("campaigns/*/start", api_post_campaign,
	    WHY | API_BIT(API_DIGEST), OPER_CAMPAIGN_START),
	OPERATE("campaigns/*/pause", api_post_campaign, WHY,
	    OPER_CAMPAIGN_PAUSE),
	OPERATE("campaigns/*/resume", api_post_campaign, WHY,
	    OPER_CAMPAIGN_RESUME),
	OPERATE("campaigns/*/abort", api_post_campaign,
	    WHY | API_BIT(API_DRY_RUN), OPER_CAMPAIGN_ABORT),
	OPERATE("campaigns/*/waves/*/approve", api_post_wave,
	    WHY | API_BIT(API_FORCE), OPER_WAVE_APPROVE),
	OPERATE("campaigns/*/retry-failed", api_post_campaign,
	    WHY | API_BIT(API_CAUSE_OF), OPER_CAMPAIGN_RETRY),
	OPERATE("devices/*/exclude", api_post_exclude,
	    WHY | API_BIT(API_FOR) | API_BIT(API_CANCEL),
	    OPER_DEVICE_EXCLUDE),
	OPERATE("devices/*/include", api_post_exclude, WHY,
	    OPER_DEVICE_INCLUDE),
	OPERATE("devices/*/probe", api_post_device, WHY, OPER_DEVICE_PROBE),
	OPERATE("devices/*/cancel", api_post_device, WHY, OPER_DEVICE_CANCEL),
	OPERATE("devices/*/release", api_post_device, WHY,
	    OPER_DEVICE_RELEASE),
	OPERATE("halt", api_post_fleet, WHY, OPER_HALT),
	OPERATE("resume-all", api_post_fleet, WHY, OPER_RESUME_ALL),
	OPERATE("drain", api_post_fleet, WHY, OPER_DRAIN),
	OPERATE("reload", api_post_reload, WHY | API_BIT(API_FORCE),
	    OPER_KIND_COUNT_),
	OPERATE("backup", api_post_backup, WHY | API_BIT(API_FILE) |
	    API_BIT(API_FORCE), OPER_KIND_COUNT_),
	GET("firmware", api_get_firmware, PAGE),
	ABOUT("check", api_post_check, 0),
	ABOUT("plan", api_post_plan, 0),
	ABOUT("simulate", api_post_simulate,
	    API_BIT(API_SEED) | API_BIT(API_DEVICES)),
};

static const char *const param_names[API_PARAM_COUNT_] = {
	[API_STATE] = "state", [API_CAUSE] = "cause", [API_HOLD] = "hold",
	[API_WAVE] = "wave", [API_AFTER] = "after", [API_LIMIT] = "limit",
	[API_SINCE] = "since", [API_CAMPAIGN] = "campaign",
};

static const struct {
	const char *name;
	json_type type; /* JSON_TRUE stands for either boolean */
	const char *due;
} fields[API_FIELD_COUNT_] = {
	[API_REASON] = {"reason", JSON_STRING, "a string"},
	[API_DIGEST] = {"digest", JSON_STRING, "a string"},
	[API_DRY_RUN] = {"dry_run", JSON_TRUE, "true or false"},
	[API_FORCE] = {"force", JSON_TRUE, "true or false"},
	[API_FOR] = {"for", JSON_STRING, "a duration such as 12h"},
	[API_CANCEL] = {"cancel", JSON_TRUE, "true or false"},
	[API_CAUSE_OF] = {"cause", JSON_STRING, "a string"},
	[API_FILE] = {"file", JSON_STRING, "a string"},
	[API_FILES] = {"files", JSON_OBJECT, "an object of texts"},
	[API_SEED] = {"seed", JSON_INTEGER, "a whole number"},
	[API_DEVICES] = {"devices", JSON_INTEGER, "a whole number"},
};
/* clang-format on */

/* --- path ------------------------------------------------------------------*/
/* Percent decoding into ret. A NUL, a bad escape or more than API_WORD_MAX
 * bytes is an error; + stays what it is. */
static int
decode(struct span s, char ret[API_WORD_MAX + 1])
{
	uint64_t byte;
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		byte = (unsigned char)s.p[i];
		if (byte == '%') {
			if (s.n - i < 3 ||
			    span_hex(span_of(s.p + i + 1, 2), 255, &byte) < 0)
				return -1;
			i += 2;
		}
		if (byte == 0 || n == API_WORD_MAX)
			return -1;
		ret[n++] = (char)byte;
	}
	ret[n] = '\0';
	return 0;
}

struct path {
	char seg[SEGMENTS_MAX][API_WORD_MAX + 1];
	size_t n;
};

static int
path_split(const char *uri_path, struct path *ret)
{
	struct span rest, seg;

	if (uri_path == NULL ||
	    strncmp(uri_path, API_PREFIX, strlen(API_PREFIX)) != 0)
		return -1;
	rest = span_str(uri_path + strlen(API_PREFIX));
	ret->n = 0;
	while (span_field(&rest, '/', &seg)) {
		if (ret->n == SEGMENTS_MAX || seg.n == 0 ||
		    decode(seg, ret->seg[ret->n]) < 0)
			return -1;
		ret->n++;
	}
	return 0;
}

static bool
path_matches(const struct path *p, const char *pattern)
{
	struct span rest = span_str(pattern), seg;
	size_t i = 0;

	while (span_field(&rest, '/', &seg)) {
		if (i == p->n)
			return false;
		if (!span_is(seg, "*") && !span_is(seg, p->seg[i]))
			return false;
		i++;
	}
	return i == p->n;
}

static void
take_args(struct api_call *c, const struct path *p)
{
	struct span rest = span_str(c->route->path), seg;
	size_t n = 0;

	for (size_t i = 0; span_field(&rest, '/', &seg); i++)
		if (span_is(seg, "*"))
			memcpy(c->arg[n++], p->seg[i], sizeof c->arg[0]);
}

/* False: already answered. */
static bool
find_route(struct api_call *c)
{
	const struct evhttp_uri *uri =
	    evhttp_request_get_evhttp_uri(c->req);
	bool head = evhttp_request_get_command(c->req) == EVHTTP_REQ_HEAD;
	enum evhttp_cmd_type method = head ? EVHTTP_REQ_GET
	    : evhttp_request_get_command(c->req);
	const char *allow = NULL;
	struct path path;

	if (path_split(evhttp_uri_get_path(uri), &path) < 0)
		path.n = 0;
	for (size_t i = 0; i < ARRAY_LEN(table) && path.n > 0; i++) {
		if (!path_matches(&path, table[i].path))
			continue;
		/* A stream has no end that its head could be sent at. */
		if (table[i].method == method &&
		    (!head || table[i].handle != api_get_events)) {
			c->route = &table[i];
			take_args(c, &path);
			return true;
		}
		allow = table[i].method == EVHTTP_REQ_POST ? "POST"
		    : table[i].handle == api_get_events ? "GET"
							: API_ALLOW_READ;
	}
	if (allow == NULL) {
		api_fail(c, 404, "no_route",
		    "no such resource; see trackupd-api(7)");
		return false;
	}
	api_fail_method(c, allow);
	return false;
}

/* --- framing ---------------------------------------------------------------*/
size_t
api_header(const struct api_call *c, const char *name,
    const char **ret_value)
{
	const struct evkeyvalq *q = evhttp_request_get_input_headers(c->req);
	const struct evkeyval *h;
	size_t n = 0;

	*ret_value = NULL;
	for (h = q->tqh_first; h != NULL; h = h->next.tqe_next)
		if (strcasecmp(h->key, name) == 0) {
			*ret_value = h->value;
			n++;
		}
	return n;
}

/* Where two readers may disagree about where a request ends, the second one
 * can be smuggled: such a connection is answered and closed. */
static bool
check_framing(struct api_call *c)
{
	enum evhttp_cmd_type method = evhttp_request_get_command(c->req);
	const char *length, *encoding;
	size_t lengths = api_header(c, "Content-Length", &length);
	size_t encodings = api_header(c, "Transfer-Encoding", &encoding);

	/* evhttp reads no body after these. */
	c->close = method != EVHTTP_REQ_GET && method != EVHTTP_REQ_POST;
	if (lengths + encodings > 1) {
		c->close = true;
		api_fail(c, 400, "bad_framing",
		    "Content-Length and Transfer-Encoding: only one, once");
		return false;
	}
	if (lengths == 1 && length[strspn(length, "0123456789")] != '\0') {
		c->close = true;
		api_fail(c, 400, "bad_framing", "Content-Length: not a number");
		return false;
	}
	if (encodings == 1 && strcasecmp(encoding, "chunked") != 0) {
		c->close = true;
		api_fail(c, 400, "bad_framing",
		    "Transfer-Encoding: only chunked is understood");
		return false;
	}
	return true;
}

/* --- query -----------------------------------------------------------------*/
static int
find_param(struct span name)
{
	for (int i = 0; i < API_PARAM_COUNT_; i++)
		if (span_is(name, param_names[i]))
			return i;
	return -1;
}

static bool
read_query(struct api_call *c)
{
	const char *q = evhttp_uri_get_query(
	    evhttp_request_get_evhttp_uri(c->req));
	struct span rest, value, name;
	int i;

	if (q == NULL || q[0] == '\0')
		return true;
	rest = span_str(q);
	while (span_field(&rest, '&', &value)) {
		(void)span_field(&value, '=', &name);
		i = find_param(name);
		if (i < 0 || (c->route->params & API_BIT(i)) == 0) {
			api_fail(c, 400, "unknown_parameter",
			    "%.*s: no parameter of this resource",
			    (int)MIN_OF(name.n, 40), name.p);
			return false;
		}
		/* The first page is behind nothing: who pages in a loop begins
		 * with that. */
		if (value.p == NULL || (value.n == 0 && i != API_AFTER) ||
		    (c->given & API_BIT(i)) != 0 ||
		    decode(value, c->param[i]) < 0) {
			api_fail(c, 400, "bad_parameter",
			    "%s: give one value of at most %d bytes",
			    param_names[i], API_WORD_MAX);
			return false;
		}
		c->given |= API_BIT(i);
	}
	return true;
}

bool
api_page(struct api_call *c, char mark, size_t *ret_limit,
    uint64_t *ret_after)
{
	const char *after = c->param[API_AFTER];
	uint64_t limit = API_LIMIT_DEFAULT;

	if ((c->given & API_BIT(API_LIMIT)) != 0 &&
	    (span_dec(span_str(c->param[API_LIMIT]), API_LIMIT_MAX,
	    &limit) < 0 || limit == 0)) {
		api_fail(c, 400, "bad_parameter", "limit: 1 to %d",
		    API_LIMIT_MAX);
		return false;
	}
	*ret_limit = (size_t)limit;
	*ret_after = 0;
	if (after[0] != '\0' && (after[0] != mark ||
	    span_hex(span_str(after + 1), UINT64_MAX, ret_after) < 0)) {
		api_fail(c, 400, "bad_parameter",
		    "after: not a \"next\" of this list");
		return false;
	}
	return true;
}

/* --- body ------------------------------------------------------------------*/
static bool
is_json(const char *type)
{
	static const char want[] = "application/json";
	size_t n = strcspn(type, ";");

	while (n > 0 && isspace((unsigned char)type[n - 1]))
		n--;
	return n == sizeof want - 1 && strncasecmp(type, want, n) == 0;
}

static bool
check_field(struct api_call *c, const char *name, json_t *value)
{
	size_t i = 0;

	while (i < API_FIELD_COUNT_ && strcmp(name, fields[i].name) != 0)
		i++;
	if (i == API_FIELD_COUNT_ || (c->route->fields & API_BIT(i)) == 0) {
		api_fail(c, 400, "unknown_field",
		    "%.40s: no field of this request", name);
		return false;
	}
	if (fields[i].type == JSON_TRUE ? !json_is_boolean(value) :
	    json_typeof(value) != fields[i].type) {
		api_fail(c, 400, "bad_field", "%s: %s is due", name,
		    fields[i].due);
		return false;
	}
	return true;
}

static bool
check_reason(struct api_call *c)
{
	const char *s = api_field_text(c, API_REASON);

	if (s == NULL)
		return true;
	if (strlen(s) > REASON_MAX) {
		api_fail(c, 400, "bad_field", "reason: at most %d bytes",
		    REASON_MAX);
		return false;
	}
	for (; *s != '\0'; s++)
		if (iscntrl((unsigned char)*s)) {
			api_fail(c, 400, "bad_field",
			    "reason: one line, without control characters");
			return false;
		}
	return true;
}

static bool
parse_body(struct api_call *c, struct evbuffer *b, size_t len)
{
	const unsigned char *p = evbuffer_pullup(b, (ev_ssize_t)len);
	json_error_t e;
	const char *name;
	json_t *value;

	if (p == NULL) {
		api_answer(c, 500, NULL);
		return false;
	}
	c->body = json_loadb((const char *)p, len, JSON_REJECT_DUPLICATES, &e);
	if (c->body == NULL) {
		api_fail(c, 400, "bad_json", "body:%d:%d: %s", e.line,
		    e.column, e.text);
		return false;
	}
	if (!json_is_object(c->body)) {
		api_fail(c, 400, "bad_json", "body: an object is due");
		return false;
	}
	json_object_foreach(c->body, name, value)
		if (!check_field(c, name, value))
			return false;
	return check_reason(c);
}

static bool
read_body(struct api_call *c)
{
	struct evbuffer *b = evhttp_request_get_input_buffer(c->req);
	size_t len = evbuffer_get_length(b);
	const char *type;

	/* A form of some page can post without asking; never this type. */
	if (len == 0 && c->door->tcp && c->route->method == EVHTTP_REQ_POST &&
	    (api_header(c, "Content-Type", &type) != 1 || !is_json(type))) {
		api_fail(c, 415, "not_json",
		    "Content-Type: application/json is required");
		return false;
	}
	if (len == 0)
		return true;
	if (c->route->fields == 0) {
		api_fail(c, 400, "unexpected_body", "GET takes no body");
		return false;
	}
	if (len > c->route->body_max) {
		c->api->hits[API_HITS_BODY]++;
		api_fail(c, 413, "too_large", "body: at most %zu bytes here",
		    c->route->body_max);
		return false;
	}
	if (api_header(c, "Content-Type", &type) != 1 || !is_json(type)) {
		api_fail(c, 415, "not_json",
		    "Content-Type: application/json is required");
		return false;
	}
	return parse_body(c, b, len);
}

const char *
api_field_text(const struct api_call *c, enum api_field f)
{
	return json_string_value(json_object_get(c->body, fields[f].name));
}

bool
api_field_true(const struct api_call *c, enum api_field f)
{
	return json_is_true(json_object_get(c->body, fields[f].name));
}

/* --- dispatch --------------------------------------------------------------*/
void
api_dispatch(struct api_call *c)
{
	if (!check_framing(c) || api_plain(c) || !api_admit(c) ||
	    !find_route(c))
		return;
	if (c->route->role == API_OPERATE && c->who[0] == '\0') {
		api_fail(c, 403, "who", "the kernel does not say who asks");
		return;
	}
	if (c->route->role > c->role) {
		c->api->hits[API_HITS_FORBIDDEN]++;
		api_fail(c, 403, "role", "%s may read, and change nothing",
		    c->who);
		return;
	}
	if (!read_query(c) || !read_body(c))
		return;
	c->route->handle(c);
}
