#include "config.h"
#include "ctl/ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIMULATE_TIMEOUT_MS (7L * 60 * 1000)

/* A whole number of an option into more. 0, or the exit code. */
static int
number(const struct ctl *c, enum ctl_option opt, const char *name,
    json_t *more)
{
	const char *s = c->value[opt];
	char *end;
	long long v;

	if ((c->given & OPT_BIT(opt)) == 0)
		return 0;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (s[0] < '0' || s[0] > '9' || *end != '\0' || errno != 0) {
		say("--%s: %s: a whole number is due", name, s);
		return CTL_USAGE;
	}
	(void)json_object_set_new(more, name, json_integer(v));
	return 0;
}

static void
print_lines_of(const json_t *j)
{
	const json_t *l;
	char at[64], text[300];
	size_t i;

	json_array_foreach(json_object_get(j, "timeline"), i, l)
		(void)printf("%s  %s\n", jtime(l, "at", at, sizeof at),
		    jtext(l, "text", text, sizeof text));
	if (jint(j, "timeline_left_out") > 0)
		(void)printf("and %" PRId64 " more\n",
		    jint(j, "timeline_left_out"));
	(void)putchar('\n');
}

static const char *
result_text(const json_t *j, char *buf, size_t size)
{
	const char *r = jtext(j, "result", buf, size);

	if (strcmp(r, "over") == 0)
		return jtext(j, "state", buf, size);
	if (strcmp(r, "paused") == 0)
		return "paused, and somebody would have to look";
	if (strcmp(r, "stuck") == 0)
		return "never over";
	return "cut off: too many events; try fewer --devices";
}

static void
print_trial(const struct ctl *c, const json_t *j)
{
	json_t *states = json_copy(json_object_get(j, "targets"));
	struct table *t;
	char buf[300], *s;

	print_lines_of(j);
	t = facts_new(c);
	fact(t, "Result", "%s", result_text(j, buf, sizeof buf));
	fact(t, "Reason", "%s", jtext(j, "reason", buf, sizeof buf));
	fact(t, "Targets", "%" PRId64, jint(states, "total"));
	(void)json_object_del(states, "total");
	s = counts_text(states);
	fact(t, "  of these", "%s", s);
	free(s);
	s = counts_text(json_object_get(j, "causes"));
	fact(t, "  causes", "%s", s);
	free(s);
	if (jint(j, "unreachable") > 0)
		fact(t, "Not there", "%" PRId64 ", not heard of for a day",
		    jint(j, "unreachable"));
	fact(t, "Starts", "%" PRId64, jint(j, "attempts"));
	fact(t, "At once", "%" PRId64, jint(j, "in_flight_max"));
	fact(t, "Begin", "%s", jtime(j, "begin_at", buf, sizeof buf));
	fact(t, "End", "%s", jtime(j, "end_at", buf, sizeof buf));
	fact(t, "Seed", "%" PRId64, jint(j, "seed"));
	table_print(t);
	json_decref(states);
}

int
cmd_campaign_simulate(struct ctl *c, char *const *args)
{
	json_t *more = json_object(), *j = NULL;
	int r = number(c, OPT_SEED, "seed", more);

	if (r == 0)
		r = number(c, OPT_DEVICES, "devices", more);
	c->answer_timeout_ms = SIMULATE_TIMEOUT_MS;
	if (r == 0)
		r = ask_about(c, "simulate", args[0], more, &j);
	if (r == 0 && c->json)
		print_json(j);
	else if (r == 0)
		print_trial(c, j);
	json_decref(j);
	json_decref(more);
	return r;
}
