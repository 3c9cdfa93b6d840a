#include "config.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- show ------------------------------------------------------------------*/
int
cmd_campaign_list(struct ctl *c, char *const *args)
{
	static const struct list_column columns[] = {
		{"NAME", "name", 0, NULL},
		{"STATE", "state", COL_WORD, NULL},
		{"TO", "target_version", COL_SPARE, NULL},
		{"TOTAL", "targets.total", COL_RIGHT, NULL},
		{"WAIT", "targets.waiting", COL_RIGHT, NULL},
		{"ACT", "targets.active", COL_RIGHT, NULL},
		{"BACK", "targets.backoff", COL_RIGHT, NULL},
		{"OK", "targets.succeeded", COL_RIGHT, NULL},
		{"FAIL", "targets.failed", COL_RIGHT, NULL},
		{"CANC", "targets.cancelled", COL_RIGHT, NULL},
		{"SKIP", "targets.skipped", COL_RIGHT, NULL},
		{"UNV", "targets.unverified", COL_RIGHT, NULL},
		{"REASON", "reason", COL_WIDE | COL_SPARE, NULL},
		{"", "in_flight", COL_CSV, NULL},
		{"", "dark", COL_CSV, NULL},
		{"", "started_at", COL_CSV, NULL},
		{"", "finished_at", COL_CSV, NULL},
		{"", "eta", COL_CSV, NULL},
	};

	(void)args;
	return print_list(c, "campaigns", columns, ARRAY_LEN(columns),
	    "no campaigns; put a file into the campaign directory, then: "
	    "trackupctl reload, which says what was refused");
}

static void
fact_counts(struct table *t, const char *label, const json_t *counts)
{
	char *s = counts_text(counts);

	fact(t, label, "%s", s);
	free(s);
}

/* "2026-… to 2026-…", and whose hours these are. */
static void
fact_span(struct table *t, const char *label, const json_t *span,
    const char *from, const char *to)
{
	const char *zone = json_string_value(json_object_get(span, "timezone"));
	char a[64], b[64];

	(void)jtime(span, from, a, sizeof a);
	(void)jtime(span, to, b, sizeof b);
	if (a[0] == '\0' && b[0] == '\0')
		return;
	fact(t, label, "%s%sto %s%s%s", a, a[0] == '\0' ? "" : " ", b,
	    zone == NULL ? "" : ", ", zone == NULL ? "" : zone);
}

static void
print_campaign(struct ctl *c, const json_t *j)
{
	const json_t *targets = json_object_get(j, "targets");
	const json_t *waves = json_object_get(j, "waves");
	json_t *states = json_copy((json_t *)(uintptr_t)targets);
	struct table *t = facts_new(c);
	char buf[1024];

	(void)json_object_del(states, "total");
	fact(t, "Campaign", "%s", jtext(j, "name", buf, sizeof buf));
	fact(t, "About", "%s", jtext(j, "description", buf, sizeof buf));
	fact(t, "State", "%s", jtext(j, "state", buf, sizeof buf));
	fact(t, "Reason", "%s", jtext(j, "reason", buf, sizeof buf));
	fact(t, "To version", "%s",
	    jtext(j, "target_version", buf, sizeof buf));
	fact(t, "Targets", "%" PRId64, jint(targets, "total"));
	fact_counts(t, "  of these", states);
	fact_counts(t, "  waiting for", json_object_get(j, "holds"));
	fact_counts(t, "  causes", json_object_get(j, "causes"));
	fact(t, "Starts", "%" PRId64, jint(j, "attempts"));
	fact(t, "In flight", "%" PRId64, jint(j, "in_flight"));
	fact(t, "Dark", "%" PRId64, jint(j, "dark"));
	fact_span(t, "Window", json_object_get(j, "window"), "begin", "end");
	fact_span(t, "Schedule", json_object_get(j, "schedule"), "start",
	    "end");
	fact(t, "Started", "%s", jtime(j, "started_at", buf, sizeof buf));
	fact(t, "Finished", "%s", jtime(j, "finished_at", buf, sizeof buf));
	if (json_is_number(json_object_get(j, "rate")))
		fact(t, "Rate", "%.1f targets an hour",
		    json_number_value(json_object_get(j, "rate")));
	fact(t, "Expected end", "%s", jtime(j, "eta", buf, sizeof buf));
	fact(t, "Revision", "%" PRId64, jint(j, "revision"));
	fact(t, "Digest", "%s", jtext(j, "digest", buf, sizeof buf));
	table_print(t);
	json_decref(states);
	if (json_array_size(waves) > 0) {
		(void)putchar('\n');
		(void)print_waves(c, waves);
	}
}

static int
get_campaign(struct ctl *c, const char *name, json_t **ret)
{
	char *s = client_encode(c, name);
	int r = client_get(c, ret, "campaigns/%s", s);

	free(s);
	return r;
}

int
cmd_campaign_show(struct ctl *c, char *const *args)
{
	json_t *j;
	int r;

	if ((r = get_campaign(c, args[0], &j)) != 0)
		return r;
	if (c->json)
		print_json(j);
	else
		print_campaign(c, j);
	json_decref(j);
	return CTL_OK;
}

/* --- targets ---------------------------------------------------------------*/
static const char *
retry_text(const json_t *t, char *buf, size_t size)
{
	return jtime(t, json_is_null(json_object_get(t, "retry_at"))
	    ? "hold_until" : "retry_at", buf, size);
}

/* With the filters that were given. */
static int
print_targets(struct ctl *c, const char *name)
{
	static const struct list_column columns[] = {
		{"ID", "id", 0, NULL},
		{"STATE", "state", COL_WORD, NULL},
		{"DETAIL", NULL, COL_TABLE, target_detail},
		{"", "phase", COL_CSV, NULL},
		{"", "cause", COL_CSV, NULL},
		{"", "hold", COL_CSV, NULL},
		{"WAVE", "wave", COL_SPARE, NULL},
		{"STARTS", "attempts", COL_RIGHT, NULL},
		{"AGAIN AT", "retry_at", 0, retry_text},
		{"", "hold_until", COL_CSV, NULL},
		{"VERSION", "version", COL_SPARE, NULL},
		{"DIAGNOSIS", "diagnosis", COL_WIDE | COL_SPARE, NULL},
	};
	static const struct { enum ctl_option opt; const char *param; }
	    filters[] = {{OPT_STATE, "state"}, {OPT_CAUSE, "cause"},
	    {OPT_HOLD, "hold"}, {OPT_WAVE, "wave"}};
	char path[CTL_PATH_MAX], *s = client_encode(c, name);
	char sep = '?';
	size_t n;

	n = (size_t)snprintf(path, sizeof path, "campaigns/%s/targets", s);
	free(s);
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		if ((c->given & OPT_BIT(filters[i].opt)) == 0)
			continue;
		s = client_encode(c, c->value[filters[i].opt]);
		n += (size_t)snprintf(path + n, sizeof path - n, "%c%s=%s",
		    sep, filters[i].param, s);
		free(s);
		sep = '&';
	}
	return print_list(c, path, columns, ARRAY_LEN(columns),
	    "no such targets");
}

int
cmd_campaign_targets(struct ctl *c, char *const *args)
{
	return print_targets(c, args[0]);
}

/* For programs: CSV, unless JSON was asked for. */
int
cmd_campaign_export(struct ctl *c, char *const *args)
{
	c->csv = !c->json;
	return print_targets(c, args[0]);
}

/* --- changes ---------------------------------------------------------------*/
static struct answer
post_campaign(struct ctl *c, const char *name, const char *verb, json_t *body)
{
	char path[CTL_PATH_MAX], *s = client_encode(c, name);

	(void)snprintf(path, sizeof path, "campaigns/%s/%s", s, verb);
	free(s);
	return client_ask(c, path, body);
}

/* start, pause and resume */
int
cmd_campaign_change(struct ctl *c, char *const *args)
{
	json_t *body = client_body(c);
	struct answer a;
	char state[40];
	int r = CTL_OK;

	if ((c->given & OPT_BIT(OPT_DIGEST)) != 0 &&
	    json_object_set_new(body, "digest",
	    json_string(c->value[OPT_DIGEST])) < 0)
		die("--digest: not UTF-8");
	a = post_campaign(c, args[0], c->cmd->word, body);
	if (a.status != 200)
		r = answer_failed(c, &a);
	else if (c->json)
		print_json(a.json);
	else
		(void)printf("campaign %s: %s\n", args[0],
		    jtext(a.json, "state", state, sizeof state));
	answer_done(&a);
	return r;
}

static int
post_abort(struct ctl *c, const char *name, bool dry, struct answer *ret)
{
	json_t *body = client_body(c);

	if (dry)
		(void)json_object_set_new(body, "dry_run", json_true());
	*ret = post_campaign(c, name, "abort", body);
	return ret->status == 200 ? 0 : answer_failed(c, ret);
}

/* The question has the figures of a dry run. 0, or the exit code. */
static int
ask_abort(struct ctl *c, const char *name)
{
	struct answer a;
	int r = post_abort(c, name, true, &a);

	if (r == 0 && !confirmed(c, "Abort campaign %s for good? %" PRId64
	    " in flight, %" PRId64 " of them can be stopped.", name,
	    jint(a.json, "in_flight"), jint(a.json, "stoppable")))
		r = CTL_FAILED;
	answer_done(&a);
	return r;
}

int
cmd_campaign_abort(struct ctl *c, char *const *args)
{
	bool dry = (c->given & OPT_BIT(OPT_DRY_RUN)) != 0;
	struct answer a;
	int r;

	if (!dry && !may_stop(c))
		return CTL_REFUSED;
	if (!dry && asks_back(c) && (r = ask_abort(c, args[0])) != 0)
		return r;
	r = post_abort(c, args[0], dry, &a);
	if (r == 0 && c->json) {
		print_json(a.json);
	} else if (r == 0) {
		(void)printf(dry ? "campaign %s would be aborted\n" :
		    "campaign %s: aborting\n", args[0]);
		print_in_flight(a.json);
	}
	if (r == 0)
		warn_not_durable(a.json, "abort");
	answer_done(&a);
	return r;
}
