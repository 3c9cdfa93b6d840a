#include "config.h"
#include "io/api_int.h"

#include <ctype.h>

#define BACKUP_MS (60 * 60 * 1000)

static void
on_backup(void *arg, const struct api_backup_result *r)
{
	struct api_call *c = arg;

	c->backup = false;
	if (r->http != 200)
		api_fail(c, r->http, r->code, "%s", r->text);
	else
		api_answer(c, 200, json_pack("{s:b, s:o, s:I, s:I}", "ok", 1,
		    "file", api_text(r->path), "bytes", (json_int_t)r->bytes,
		    "took_ms", (json_int_t)r->took_ms));
}

void
api_backup_drop(struct api_call *c)
{
	c->backup = false;
	c->api->ops.backup_forget(c->api->ops.arg, c);
}

void
api_post_backup(struct api_call *c)
{
	struct api *a = c->api;
	const char *reason = api_field_text(c, API_REASON);
	const char *file = api_field_text(c, API_FILE);
	struct api_backup_result r = {0};
	struct api_backup_order o = {
		.who = c->who,
		.reason = reason != NULL ? reason : "",
		.path = file != NULL ? file : "",
		.force = api_field_true(c, API_FORCE),
	};

	for (const char *p = o.path; *p != '\0'; p++)
		if (iscntrl((unsigned char)*p)) {
			api_fail(c, 400, "bad_field",
			    "file: no control characters");
			return;
		}
	/* Parked first: the answer may come before backup() returns. */
	c->backup = true;
	api_park(c, BACKUP_MS);
	if (!a->ops.backup(a->ops.arg, &o, on_backup, c, &r)) {
		c->backup = false;
		api_fail(c, r.http, r.code, "%s", r.text);
	}
}
