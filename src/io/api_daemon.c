#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>
#include <string.h>

/* --- changes ---------------------------------------------------------------*/
static int
http_status(enum oper_status s)
{
	switch (s) {
	case OPER_OK: return 200;
	case OPER_NOT_FOUND: return 404;
	case OPER_REFUSED: return 409;
	case OPER_BAD: return 400;
	}
	return 500;
}

static const char *
default_code(enum oper_status s)
{
	switch (s) {
	case OPER_OK: return "ok";
	case OPER_NOT_FOUND: return "not_found";
	case OPER_REFUSED: return "refused";
	case OPER_BAD: return "bad_request";
	}
	return "internal";
}

bool
api_operate(struct api_call *c, struct oper *op, struct oper_result *ret,
    uint64_t *ret_ticket)
{
	struct api *a = c->api;
	const char *reason = api_field_text(c, API_REASON);

	op->kind = c->route->oper;
	op->who = c->who;
	op->reason = reason != NULL ? reason : "";
	memset(ret, 0, sizeof *ret);
	*ret_ticket = 0;
	a->ops.operate(a->ops.arg, op, ret, ret_ticket);
	if (ret->status == OPER_OK)
		return true;
	api_fail(c, http_status(ret->status), ret->code[0] != '\0' ?
	    ret->code : default_code(ret->status), "%s", ret->message);
	return false;
}

/* halt and resume-all */
void
api_post_fleet(struct api_call *c)
{
	struct oper op = {0};
	struct oper_result r;
	uint64_t ticket;

	if (!api_operate(c, &op, &r, &ticket))
		return;
	api_wait_durable(c, ticket, c->route->oper != OPER_RESUME_ALL ?
	    json_pack("{s:b, s:i, s:i, s:i}", "ok", 1,
	        "in_flight", r.in_flight, "stoppable", r.stoppable,
	        "flashing", r.flashing) :
	    json_pack("{s:b}", "ok", 1));
}

void
api_post_reload(struct api_call *c)
{
	struct api *a = c->api;
	const char *reason = api_field_text(c, API_REASON);
	struct sbuf diag;
	json_t *lines;
	int r;

	sbuf_init(&diag, 0);
	r = a->ops.reload(a->ops.arg, api_field_true(c, API_FORCE), c->who,
	    reason != NULL ? reason : "", &diag);
	lines = api_lines(sbuf_str(&diag));
	sbuf_done(&diag);
	if (r < 0)
		api_fail_list(c, 409, "refused", "something was refused and "
		    "stays as it was", "diagnostics", lines);
	else
		api_answer(c, 200, json_pack("{s:b, s:o}", "ok", 1,
		    "warnings", lines));
}

/* --- check -----------------------------------------------------------------*/
static void
files_done(struct api_files *f)
{
	free(f->name);
	free(f->text);
	free(f->len);
}

/* The texts stay in the body. False: already answered. */
static bool
files_read(struct api_call *c, struct api_files *ret)
{
	json_t *files = json_object_get(c->body, "files"), *value;
	const char *file = api_field_text(c, API_FILE), *name;
	size_t n = json_object_size(files);

	memset(ret, 0, sizeof *ret);
	if (file == NULL || json_object_get(files, file) == NULL) {
		api_fail(c, 400, "bad_field", "file and files are required, "
		    "and files must hold the text of file");
		return false;
	}
	if (n > API_FILES_MAX) {
		api_fail(c, 400, "bad_field", "files: at most %d",
		    API_FILES_MAX);
		return false;
	}
	json_object_foreach(files, name, value)
		if (!json_is_string(value)) {
			api_fail(c, 400, "bad_field", "files: %s: a string "
			    "is due", name);
			return false;
		}
	ret->name = calloc(n, sizeof *ret->name);
	ret->text = calloc(n, sizeof *ret->text);
	ret->len = calloc(n, sizeof *ret->len);
	if (ret->name == NULL || ret->text == NULL || ret->len == NULL) {
		files_done(ret);
		api_answer(c, 500, NULL);
		return false;
	}
	json_object_foreach(files, name, value) {
		ret->name[ret->count] = name;
		ret->text[ret->count] = json_string_value(value);
		ret->len[ret->count] = json_string_length(value);
		ret->count++;
	}
	return true;
}

void
api_post_check(struct api_call *c)
{
	struct api *a = c->api;
	struct sbuf diag, missing;
	struct api_files files;
	int r;

	if (!files_read(c, &files))
		return;
	sbuf_init(&diag, 0);
	sbuf_init(&missing, 0);
	r = a->ops.check(a->ops.arg, api_field_text(c, API_FILE), &files,
	    &diag, &missing);
	files_done(&files);
	if (r == 0)
		api_answer(c, 200, json_pack("{s:b, s:o}", "ok", 1,
		    "warnings", api_lines(sbuf_str(&diag))));
	else if (r == -2)
		api_fail_list(c, 409, "files_missing", "the campaign names "
		    "files that were not sent", "files",
		    api_lines(sbuf_str(&missing)));
	else
		api_fail_list(c, 422, "invalid", "the campaign file has "
		    "errors", "diagnostics", api_lines(sbuf_str(&diag)));
	sbuf_done(&diag);
	sbuf_done(&missing);
}
