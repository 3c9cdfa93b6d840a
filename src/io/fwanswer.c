#include "config.h"
#include "io/fwfile_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <event2/buffer.h>

static void
header_add(struct evhttp_request *req, const char *name, const char *value)
{
	/* No memory: the header is missing; the length never is, for evhttp
	 * adds that itself. */
	(void)evhttp_add_header(evhttp_request_get_output_headers(req), name,
	    value);
}

static const char *
header_find(struct evhttp_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

static void
send_reply(struct evhttp_request *req, int code, const char *reason)
{
	struct bufferevent *bev = evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(req));

	evhttp_send_reply(req, code, reason, NULL);
	/* evhttp would take the end of a peer's input for the end of the
	 * peer; it reads again when the answer is out. */
	(void)bufferevent_disable(bev, EV_READ);
}

static void
answer_error(struct evhttp_request *req, int code, const char *reason)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	char length[24];

	header_add(req, "Content-Type", "text/plain");
	header_add(req, "X-Content-Type-Options", "nosniff");
	/* "404 Not Found\n" */
	(void)snprintf(length, sizeof(length), "%zu", strlen(reason) + 5);
	header_add(req, "Content-Length", length);
	if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD)
		(void)evbuffer_add_printf(out, "%d %s\n", code, reason);
	send_reply(req, code, reason);
}

/* What the answer means for the attempt whose URL it was. */
static void
refuse(struct fwconn *c, struct evhttp_request *req, int code,
    const char *reason, enum download_why why)
{
	c->status = code;
	if (evhttp_request_get_command(req) == EVHTTP_REQ_GET)
		fwconn_report(c, DOWNLOAD_END, why);
	answer_error(req, code, reason);
}

static void
on_answered(struct evhttp_request *req, void *arg)
{
	struct fwconn *c = arg;

	(void)req;
	fwconn_answered(c, true);
	/* Kept alive: the next request has its own time. */
	c->idle_at = loop_mono_ms();
	c->deadline_at = c->idle_at + c->f->request_ms;
	/* Not kept alive: gone when evhttp is done with us. */
	event_active(c->f->reap, EV_TIMEOUT, 0);
}

static void
etag_of(const struct stat *st, char *buf, size_t size)
{
	(void)snprintf(buf, size, "\"%llx-%llx-%llx\"",
	    (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
	    (unsigned long long)st->st_mtim.tv_sec * 1000000000ULL +
	    (unsigned long long)st->st_mtim.tv_nsec);
}

static enum fw_range
range_of(struct evhttp_request *req, const char *etag, uint64_t size,
    uint64_t *first, uint64_t *last)
{
	const char *condition = header_find(req, "If-Range");

	if (condition != NULL && strcmp(condition, etag) != 0)
		return FW_WHOLE;
	return fw_range_parse(header_find(req, "Range"), size, first, last);
}

/* Headers of a file's answer; the status, and what of the file it carries. */
static int
answer_headers(struct evhttp_request *req, const struct stat *st,
    uint64_t *ret_first, uint64_t *ret_length)
{
	uint64_t size = (uint64_t)st->st_size, first = 0, last = 0;
	char etag[64], text[80], date[FW_DATE_TEXT];
	int status = 200;

	etag_of(st, etag, sizeof(etag));
	header_add(req, "ETag", etag);
	header_add(req, "Last-Modified", fw_date(st->st_mtim.tv_sec, date));
	header_add(req, "Accept-Ranges", "bytes");
	*ret_first = 0;
	*ret_length = size;
	switch (range_of(req, etag, size, &first, &last)) {
	case FW_WHOLE:
		break;
	case FW_PART:
		status = 206;
		*ret_first = first;
		*ret_length = last - first + 1;
		(void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu",
		    (unsigned long long)first, (unsigned long long)last,
		    (unsigned long long)size);
		header_add(req, "Content-Range", text);
		break;
	case FW_UNSATISFIABLE:
		(void)snprintf(text, sizeof(text), "bytes */%llu",
		    (unsigned long long)size);
		header_add(req, "Content-Range", text);
		return 416;
	}
	header_add(req, "Content-Type", "application/octet-stream");
	(void)snprintf(text, sizeof(text), "%llu",
	    (unsigned long long)*ret_length);
	header_add(req, "Content-Length", text);
	return status;
}

static int
add_body(struct fwconn *c, struct evbuffer *out, struct fwseg *seg,
    uint64_t first, uint64_t length)
{
	uint64_t piece = fwpace_piece(c, length);

	for (uint64_t at = 0; at < length; at += piece)
		if (evbuffer_add_file_segment(out, seg->segment,
			(ev_off_t)(first + at),
			(ev_off_t)MIN_OF(piece, length - at)) != 0)
			return -1;
	return 0;
}

/* Takes the use of seg. */
static void
answer_file(struct fwconn *c, struct evhttp_request *req, struct fwseg *seg)
{
	struct evbuffer *out = evhttp_request_get_output_buffer(req);
	bool head = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
	uint64_t first, length;
	int status = answer_headers(req, &seg->st, &first, &length);
	const char *reason = status == 206 ? "Partial Content" : "OK";

	if (status == 416) {
		fwseg_put(seg, loop_mono_ms());
		refuse(c, req, 416, "Range Not Satisfiable", DOWNLOAD_REFUSED);
		return;
	}
	if (!head && length > 0) {
		/* Without the flag libevent maps the file and copies it; with
		 * it the kernel sends from its cache. */
		evbuffer_set_flags(out, EVBUFFER_FLAG_DRAINS_TO_FD);
		if (add_body(c, out, seg, first, length) < 0) {
			fwseg_put(seg, loop_mono_ms());
			(void)evbuffer_drain(out, evbuffer_get_length(out));
			evhttp_clear_headers(
			    evhttp_request_get_output_headers(req));
			refuse(c, req, 500, "Internal Server Error",
			    DOWNLOAD_FAULT);
			return;
		}
	}
	if (head) {
		fwseg_put(seg, loop_mono_ms());
		send_reply(req, status, reason);
		return;
	}
	c->seg = seg;
	c->first = first;
	c->length = length;
	c->counted = 0;
	c->status = status;
	c->begin_at = loop_mono_ms();
	c->told_at = c->begin_at;
	c->deadline_at = c->begin_at + c->f->download_ms;
	fwconn_report(c, DOWNLOAD_BEGIN, DOWNLOAD_COMPLETE);
	fw_count(c->f, ST_DOWNLOADS, 1);
	evhttp_request_set_on_complete_cb(req, on_answered, c);
	send_reply(req, status, reason);
	fwpace_begin(c);
}

static void
conn_peer(struct fwconn *c, struct evhttp_request *req)
{
	char *host = NULL;
	ev_uint16_t port = 0;

	evhttp_connection_get_peer(evhttp_request_get_connection(req), &host,
	    &port);
	(void)snprintf(c->peer, sizeof(c->peer), "%s:%u",
	    host != NULL ? host : "?", port);
}

/* A body would be taken for the next request: such a connection ends. */
static bool
has_body(struct evhttp_request *req)
{
	const char *length = header_find(req, "Content-Length");

	return header_find(req, "Transfer-Encoding") != NULL ||
	    (length != NULL && strcmp(length, "0") != 0);
}

static void
answer_path(struct fwconn *c, struct evhttp_request *req, const char *path)
{
	struct fwfile *f = c->f;
	struct fwseg *seg;

	if ((seg = fwseg_get(&f->files, path)) != NULL) {
		answer_file(c, req, seg);
		return;
	}
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EIO:
		header_add(req, "Retry-After", RETRY_AFTER_S);
		header_add(req, "Connection", "close");
		fw_warn(f, "file server: file could not be opened "
		    "reason=no_resources");
		refuse(c, req, 503, "Service Unavailable", DOWNLOAD_FAULT);
		return;
	case ELOOP:
	case EXDEV:
		fw_count(f, ST_REFUSED_PATH, 1);
		break;
	default:
		fw_count(f, ST_NOT_FOUND, 1);
		break;
	}
	/* One answer for what is missing and for what is not shown. */
	refuse(c, req, 404, "Not Found", DOWNLOAD_MISSING);
}

/* The path of the file below root; behind a token that stands for an attempt
 * the rest of it. False: answered. */
static bool
path_of(struct fwconn *c, struct evhttp_request *req, char *path, size_t size,
    const char **ret)
{
	struct fwfile *f = c->f;

	*ret = path;
	c->attempt = 0;
	switch (fw_path_decode(evhttp_request_get_uri(req), path, size)) {
	case FW_PATH_OK:
		break;
	case FW_PATH_MALFORMED:
		fw_count(f, ST_REFUSED_PATH, 1);
		answer_error(req, 400, "Bad Request");
		return false;
	case FW_PATH_REFUSED:
		fw_count(f, ST_REFUSED_PATH, 1);
		answer_error(req, 404, "Not Found");
		return false;
	}
	if (f->tokens == NULL || !file_token_leads(path) ||
	    path[FILE_TOKEN_LEN] != '/')
		return true;
	if (!fwtokens_find(f->tokens, path, &c->attempt, &c->device)) {
		fw_count(f, ST_REFUSED_TOKEN, 1);
		answer_error(req, 410, "Gone");
		return false;
	}
	*ret = path + FILE_TOKEN_LEN + 1;
	return true;
}

static void
answer_busy(struct evhttp_request *req)
{
	header_add(req, "Retry-After", RETRY_AFTER_S);
	header_add(req, "Connection", "close");
	answer_error(req, 503, "Service Unavailable");
}

void
fw_on_request(struct evhttp_request *req, void *arg)
{
	struct fwfile *f = arg;
	struct fwconn *c = idmap_get(&f->by_bev, bev_key(
	    evhttp_connection_get_bufferevent(
	    evhttp_request_get_connection(req))));
	enum evhttp_cmd_type cmd = evhttp_request_get_command(req);
	char path[BENEATH_PATH_MAX];
	const char *file;

	fw_count(f, ST_REQUESTS, 1);
	/* Not ours: there was no memory when it came. */
	if (c == NULL) {
		answer_busy(req);
		return;
	}
	conn_peer(c, req);
	c->idle_at = loop_mono_ms();
	c->deadline_at = c->idle_at + f->request_ms;
	if (cmd != EVHTTP_REQ_GET && cmd != EVHTTP_REQ_HEAD) {
		header_add(req, "Allow", "GET, HEAD");
		header_add(req, "Connection", "close");
		answer_error(req, 405, "Method Not Allowed");
		return;
	}
	if (has_body(req)) {
		header_add(req, "Connection", "close");
		answer_error(req, 400, "Bad Request");
		return;
	}
	if (!path_of(c, req, path, sizeof(path), &file))
		return;
	/* Whom we told to come is never sent away. */
	if (c->busy && c->attempt == 0) {
		answer_busy(req);
		return;
	}
	if (!fw_auth_ok(&f->auth, header_find(req, "Authorization"))) {
		fw_count(f, ST_REFUSED_AUTH, 1);
		header_add(req, "WWW-Authenticate",
		    "Basic realm=\"firmware\"");
		refuse(c, req, 401, "Unauthorized", DOWNLOAD_REFUSED);
		return;
	}
	answer_path(c, req, file);
}
