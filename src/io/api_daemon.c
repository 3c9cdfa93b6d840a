#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>
#include <string.h>

#define RELOAD_MS (10 * 60 * 1000)

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

static void
on_reload(void *arg, int result, const char *diag)
{
	struct api_call *c = arg;
	json_t *lines = api_lines(diag);

	c->reload = false;
	if (result < 0)
		api_fail_list(c, 409, "refused", "something was refused and "
		    "stays as it was", "diagnostics", lines);
	else
		api_answer(c, 200, json_pack("{s:b, s:o}", "ok", 1,
		    "warnings", lines));
}

void
api_reload_drop(struct api_call *c)
{
	c->reload = false;
	c->api->ops.reload_forget(c->api->ops.arg, c);
}

void
api_post_reload(struct api_call *c)
{
	struct api *a = c->api;
	const char *reason = api_field_text(c, API_REASON);

	/* Parked first: the answer may come before reload() returns. */
	c->reload = true;
	api_park(c, RELOAD_MS);
	if (!a->ops.reload(a->ops.arg, api_field_true(c, API_FORCE), c->who,
	    reason != NULL ? reason : "", on_reload, c)) {
		c->reload = false;
		api_fail(c, 409, "busy", "a reload is under way; try again");
	}
}
