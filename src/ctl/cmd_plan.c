#include "config.h"
#include "ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
fact_of(struct table *t, const char *label, const json_t *counts)
{
	char *s = counts_text(counts);

	fact(t, label, "%s", s);
	free(s);
}

static const char *
duration_text(double s, char *buf, size_t size)
{
	if (s < 60)
		(void)snprintf(buf, size, "%.3g s", s);
	else if (s < 7200)
		(void)snprintf(buf, size, "%.3g min", s / 60);
	else
		(void)snprintf(buf, size, "%.3g h", s / 3600);
	return buf;
}

static void
print_paths(const struct ctl *c, const json_t *paths)
{
	static const char *const titles[] = {"FROM", "TO", "HOPS", "TRACKERS",
	    "BYTES EACH", NULL};
	static const int flags[] = {0, 0, COL_RIGHT, COL_RIGHT, COL_RIGHT};
	struct table *t = table_new(c, titles, flags);
	const json_t *w;
	char buf[64];
	size_t i;

	json_array_foreach(paths, i, w) {
		table_row(t);
		table_put(t, json_is_null(json_object_get(w, "from"))
		    ? "not known" : jtext(w, "from", buf, sizeof buf));
		table_put(t, jtext(w, "to", buf, sizeof buf));
		table_put(t, jtext(w, "hops", buf, sizeof buf));
		table_put(t, jtext(w, "count", buf, sizeof buf));
		table_put(t, jtext(w, "bytes", buf, sizeof buf));
	}
	table_print(t);
}

static void
print_waves_of(const struct ctl *c, const json_t *waves)
{
	static const char *const titles[] = {"WAVE", "TRACKERS", NULL};
	static const int flags[] = {0, COL_RIGHT};
	struct table *t = table_new(c, titles, flags);
	const char *name;
	json_t *n;

	json_object_foreach((json_t *)(uintptr_t)waves, name, n) {
		table_row(t);
		table_put(t, name);
		table_putf(t, "%" PRId64, (int64_t)json_integer_value(n));
	}
	table_print(t);
}

static void
print_plan(const struct ctl *c, const json_t *j)
{
	const json_t *targets = json_object_get(j, "targets");
	struct table *t = facts_new(c);
	char buf[128];

	fact(t, "Campaign", "%s", jtext(j, "campaign", buf, sizeof buf));
	fact(t, "To version", "%s",
	    jtext(j, "target_version", buf, sizeof buf));
	fact(t, "Targets", "%" PRId64, jint(targets, "total"));
	fact(t, "  to update", "%" PRId64, jint(targets, "update"));
	fact_of(t, "  skipped", json_object_get(targets, "skipped"));
	fact_of(t, "Left out", json_object_get(targets, "left_out"));
	fact(t, "Never heard", "%" PRId64, jint(targets, "never_heard"));
	fact(t, "Not in window", "%" PRId64, jint(targets, "outside_window"));
	if (jint(targets, "other_campaign") > 0)
		fact(t, "Also elsewhere", "%" PRId64,
		    jint(targets, "other_campaign"));
	fact(t, "Bytes", "%" PRId64, jint(j, "bytes"));
	if (jint(j, "bytes_unknown") > 0)
		fact(t, "  not known", "of %" PRId64 " trackers",
		    jint(j, "bytes_unknown"));
	fact(t, "Longest update", "%s", duration_text(json_number_value(
	    json_object_get(j, "worst_case_s")), buf, sizeof buf));
	fact(t, "Begins", "%s", jtime(j, "begin_at", buf, sizeof buf));
	fact(t, "Expected end", "%s",
	    json_is_null(json_object_get(j, "finish_expected"))
	    ? "not before the schedule ends"
	    : jtime(j, "finish_expected", buf, sizeof buf));
	fact(t, "Schedule ends", "%s", jtime(j, "end_at", buf, sizeof buf));
	if (jint(j, "waves_held") > 0)
		fact(t, "To approve", "%" PRId64 " waves, by "
		    "trackupctl wave approve", jint(j, "waves_held"));
	fact(t, "Digest", "%s", jtext(j, "digest", buf, sizeof buf));
	table_print(t);
	(void)putchar('\n');
	print_waves_of(c, json_object_get(targets, "waves"));
	if (json_array_size(json_object_get(j, "paths")) > 0) {
		(void)putchar('\n');
		print_paths(c, json_object_get(j, "paths"));
	}
}

int
cmd_campaign_plan(struct ctl *c, char *const *args)
{
	json_t *j;
	int r = ask_about(c, "plan", args[0], NULL, &j);

	if (r == 0 && c->json)
		print_json(j);
	else if (r == 0)
		print_plan(c, j);
	json_decref(j);
	return r;
}
