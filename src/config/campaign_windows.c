#include "config.h"
#include "config/campaign_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/units.h"
#include "base/wtime.h"
#include "config/zone.h"

/* windows, timezone, fallback_timezone, window_fit and schedule. */

#define DAY_MIN 1440
#define WEEK_MIN (7 * DAY_MIN)
#define EVERY_DAY 0x7fu

/* --- windows ---------------------------------------------------------------*/

/* "01:30", which the walk has checked. */
static int
clock_minutes(struct span s)
{
	return ((s.p[0] - '0') * 10 + s.p[1] - '0') * 60 +
	    (s.p[3] - '0') * 10 + s.p[4] - '0';
}

static unsigned
load_days(struct campaign_load *l, const struct opt_value *v)
{
	const struct option *o = &window_options.row[WINDOW_OPT_DAYS];
	size_t n = opt_list_count(l->w, o, v);
	unsigned days = 0;

	for (size_t i = 0; i < n; i++)
		for (unsigned d = 0; o->words[d] != NULL; d++)
			if (span_is(opt_list_item(l->w, o, v, i), o->words[d]))
				days |= 1u << d;
	return n == 0 ? EVERY_DAY : days;
}

static void
load_window(struct campaign_load *l, size_t i, struct spec_window *ret)
{
	struct opt_value v[WINDOW_OPTION_COUNT_];
	char path[ENTRY_TEXT], key[ENTRY_TEXT + 8];
	const struct opt_value *from = &v[WINDOW_OPT_FROM];
	const struct opt_value *to = &v[WINDOW_OPT_TO];

	(void)campaign_entry(l, "windows", i, &window_options, v, path);
	if (v[WINDOW_OPT_DAYS].bad || from->bad || to->bad ||
	    from->node == 0 || to->node == 0)
		return;
	ret->days = load_days(l, &v[WINDOW_OPT_DAYS]);
	ret->from_min = clock_minutes(from->text);
	ret->to_min = clock_minutes(to->text);
	if (ret->from_min == ret->to_min && ret->from_min != 0) {
		(void)snprintf(key, sizeof(key), "%s.to", path);
		yw_error(l->w, to->pos, key, "is the same as from, allowed is "
		    "another time; a whole day is 00:00 to 00:00");
	}
	if (ret->to_min <= ret->from_min)
		ret->to_min += DAY_MIN;
}

static void
load_list(struct campaign_load *l, const struct opt_value *list)
{
	struct campaign_spec *s = l->s;
	size_t n = yw_count(l->w, list->node);

	if (n == 0 || n > WINDOWS_MAX) {
		yw_error(l->w, list->pos, "windows", n == 0 ?
		    "names no hours, allowed is the word always, or 1..%d "
		    "entries" : "has too many entries, allowed is 1..%d",
		    WINDOWS_MAX);
		return;
	}
	if ((s->windows = calloc(n, sizeof(*s->windows))) == NULL) {
		l->no_memory = true;
		return;
	}
	s->window_count = n;
	for (size_t i = 0; i < n && !yw_full(l->w); i++)
		load_window(l, i, &s->windows[i]);
}

/* --- what can never fit ----------------------------------------------------*/

/* One minute of the week each; true where some window is open. */
static void
mark_week(const struct campaign_spec *s, bool week[WEEK_MIN])
{
	memset(week, 0, WEEK_MIN * sizeof(*week));
	for (size_t i = 0; i < s->window_count; i++)
		for (int d = 0; d < 7; d++) {
			const struct spec_window *w = &s->windows[i];

			if ((w->days & (1u << d)) == 0)
				continue;
			for (int m = w->from_min; m < w->to_min; m++)
				week[(d * DAY_MIN + m) % WEEK_MIN] = true;
		}
}

/* How long it is open around a minute at which it is; WEEK_MIN: always. */
static int
open_around(const bool week[WEEK_MIN], int at)
{
	int n = 1;

	for (int i = 1; i < WEEK_MIN && week[(at + i) % WEEK_MIN]; i++)
		n++;
	for (int i = 1; i < WEEK_MIN && n < WEEK_MIN &&
	     week[(at - i + WEEK_MIN) % WEEK_MIN]; i++)
		n++;
	return n;
}

/* The longest that this entry is open at a time, with those it touches. */
static int
longest_open(const bool week[WEEK_MIN], const struct spec_window *w)
{
	int most = 0;

	for (int d = 0; d < 7; d++)
		if ((w->days & (1u << d)) != 0) {
			int n = open_around(week,
			    (d * DAY_MIN + w->from_min) % WEEK_MIN);

			most = MAX_OF(most, n);
		}
	return most;
}

static void
check_fit(struct campaign_load *l, const struct opt_value *list)
{
	double scale = l->env->time_scale > 0 ? l->env->time_scale : 1;
	int64_t w_ms = (int64_t)((double)spec_worst_case_ms(l->s) / scale);
	char have[UNITS_TEXT], want[UNITS_TEXT], path[ENTRY_TEXT];
	bool *week;

	if (!l->s->window_fit || l->env->stored || yw_failed(l->w))
		return;
	if ((week = malloc(WEEK_MIN * sizeof(*week))) == NULL) {
		l->no_memory = true;
		return;
	}
	mark_week(l->s, week);
	for (size_t i = 0; i < l->s->window_count; i++) {
		int open_min = longest_open(week, &l->s->windows[i]);

		if (open_min == WEEK_MIN || open_min * INT64_C(60000) >= w_ms)
			continue;
		(void)snprintf(path, sizeof(path), "windows[%zu]", i);
		yw_error(l->w, yw_at(l->w, yw_item(l->w, list->node, i)), path,
		    "is open for %s, and an update takes up to %s: with "
		    "window_fit none would ever start, allowed is at least as "
		    "much, or window_fit: false",
		    units_duration_text(open_min * INT64_C(60000), have),
		    units_duration_text(w_ms, want));
	}
	free(week);
}

/* --- zones -----------------------------------------------------------------*/

static void
load_zone(struct campaign_load *l, const char *key, char ret[ZONE_NAME_MAX + 1])
{
	const struct opt_value *v = campaign_value(l, key);
	char near[ZONE_NAME_MAX + 1], quote[TEXT_QUOTE];

	if (v->bad || v->text.n == 0)
		return;
	(void)span_copy(ret, ZONE_NAME_MAX + 1, v->text);
	/* A zone that the machine no longer has keeps nobody from being shown;
	 * its devices wait. */
	if (l->env->stored || zone_known(ret))
		return;
	(void)text_quote(v->text, quote);
	if (zone_suggest(ret, near))
		yw_error(l->w, v->pos, key, "%s is no time zone, allowed is an "
		    "IANA name such as Europe/Berlin; did you mean \"%s\"?",
		    quote, near);
	else
		yw_error(l->w, v->pos, key, "%s is no time zone, allowed is an "
		    "IANA name such as Europe/Berlin", quote);
}

static void
load_zones(struct campaign_load *l, bool with_hours)
{
	const struct opt_value *v = campaign_value(l, "timezone");
	struct campaign_spec *s = l->s;

	s->timezone_device = !v->bad && span_is(v->text, "device");
	if (!s->timezone_device)
		load_zone(l, "timezone", s->timezone);
	load_zone(l, "fallback_timezone", s->fallback_timezone);
	if (!with_hours || v->bad)
		return;
	if (v->text.n == 0)
		yw_error(l->w, v->pos, "timezone", "is needed with windows, "
		    "allowed is an IANA name such as Europe/Berlin, or "
		    "device");
	else if (s->timezone_device && s->fallback_timezone[0] == '\0' &&
	    campaign_value(l, "fallback_timezone")->text.n == 0)
		yw_warn(l->w, v->pos, "timezone", "without a "
		    "fallback_timezone a device that has none in the "
		    "inventory never starts");
}

/* --- schedule --------------------------------------------------------------*/

static void
load_time(struct campaign_load *l, const char *key, int64_t *ret_wall)
{
	const struct opt_value *v = campaign_value(l, key);

	if (!v->bad && v->text.n > 0 && wtime_parse(v->text, ret_wall) == 0 &&
	    *ret_wall <= 0)
		yw_error(l->w, v->pos, key, "lies before 1970");
}

static void
load_schedule(struct campaign_load *l)
{
	struct spec_schedule *s = &l->s->schedule;
	const struct opt_value *end = campaign_value(l, "schedule.end");

	load_time(l, "schedule.start", &s->start_wall);
	load_time(l, "schedule.end", &s->end_wall);
	s->cancel = campaign_value(l, "schedule.at_end")->num != 0;
	if (s->end_wall != 0 && s->end_wall <= s->start_wall)
		yw_error(l->w, end->pos, "schedule.end", "is not after "
		    "schedule.start");
}

void
campaign_load_windows(struct campaign_load *l)
{
	const struct opt_value *v = campaign_value(l, "windows");

	load_schedule(l);
	if (!v->bad && yw_kind(l->w, v->node) == YW_SCALAR &&
	    span_is(yw_text(l->w, v->node), "always")) {
		l->s->windows_always = true;
	} else if (!v->bad && yw_kind(l->w, v->node) == YW_LIST) {
		load_list(l, v);
		load_zones(l, true);
		check_fit(l, v);
		return;
	} else if (!v->bad) {
		yw_error(l->w, v->pos, "windows", "is neither the word always "
		    "nor a list");
	}
	load_zones(l, false);
}
