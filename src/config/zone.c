#include "config.h"
#include "config/zone.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/span.h"
#include "base/text.h"
#include "core/plant.h"

#define DAY_S INT64_C(86400)
#define STEP_S (INT64_C(6) * 3600)   /* no zone changes twice as fast */
#define MARGIN_S (INT64_C(4) * DAY_S) /* windows that begin before, or end after */
#define THURSDAY 3                   /* 1970-01-01, counted from Monday */

/* --- names -----------------------------------------------------------------*/

static const char *
zone_directory(void)
{
	const char *dir = getenv("TZDIR");

	return dir == NULL || dir[0] == '\0' ? "/usr/share/zoneinfo" : dir;
}

/* posix/ and right/ are the same zones again, the latter with leap seconds;
 * the rest are files that mean something else on each machine. */
static bool
name_allowed(const char *name)
{
	static const char *const not[] = {"posix/", "right/", "posixrules",
		"localtime", "Factory"};

	if (name[0] == '\0' || strlen(name) > ZONE_NAME_MAX ||
	    !g_ascii_isalpha(name[0]) || strstr(name, "//") != NULL)
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!g_ascii_isalnum(*p) && strchr("_+-/", *p) == NULL)
			return false;
	for (size_t i = 0; i < ARRAY_LEN(not); i++)
		if (strncmp(name, not[i], strlen(not[i])) == 0)
			return false;
	return true;
}

bool
zone_known(const char *name)
{
	char path[4096], magic[4];
	FILE *f;
	bool ok;

	if (!name_allowed(name) ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", zone_directory(),
		name) >= sizeof(path) ||
	    (f = fopen(path, "re")) == NULL)
		return false;
	ok = fread(magic, 1, sizeof(magic), f) == sizeof(magic) &&
	    memcmp(magic, "TZif", sizeof(magic)) == 0;
	(void)fclose(f);
	return ok;
}

/* How far one is from the other: another case and a missing continent are the
 * usual slips. */
static size_t
name_distance(const char *name, const char *have)
{
	const char *city = strrchr(have, '/');

	if (strcasecmp(name, have) == 0 ||
	    (city != NULL && strcasecmp(name, city + 1) == 0))
		return 0;
	return text_distance(name, have);
}

/* tzdata.zi has a line for each zone ("Z Europe/Berlin …") and each other name
 * of one ("L Europe/Berlin Europe/Copenhagen"). */
bool
zone_suggest(const char *name, char ret[ZONE_NAME_MAX + 1])
{
	char path[4096], line[512], have[ZONE_NAME_MAX + 1];
	size_t least = SIZE_MAX;
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/tzdata.zi",
		zone_directory()) >= sizeof(path) ||
	    (f = fopen(path, "re")) == NULL)
		return false;
	while (fgets(line, sizeof(line), f) != NULL) {
		struct span rest = span_str(line), word, is;
		size_t d;

		line[strcspn(line, "\n")] = '\0';
		rest = span_str(line);
		if (!span_field(&rest, ' ', &word) ||
		    (!span_is(word, "Z") && !span_is(word, "L")) ||
		    (span_is(word, "L") && !span_field(&rest, ' ', &is)) ||
		    !span_field(&rest, ' ', &is) ||
		    !span_copy(have, sizeof(have), is))
			continue;
		d = name_distance(name, have);
		if (d < least && zone_known(have)) {
			least = d;
			memcpy(ret, have, sizeof(have));
		}
	}
	(void)fclose(f);
	return least != SIZE_MAX;
}

/* --- offsets ---------------------------------------------------------------*/

/* Behind 2037 there is only a rule in the zone files, and GLib (2.74) misreads
 * that of Europe/Dublin, which has its standard time in summer. */

/* From at on the local clock is offset ahead of UTC, until the next step. */
struct step {
	int64_t at;
	int64_t offset;
};

struct steps {
	struct step *v;
	size_t count, cap;
};

static bool
steps_add(struct steps *s, int64_t at, int64_t offset)
{
	if (s->count == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct step *v = realloc(s->v, cap * sizeof(*v));

		if (v == NULL)
			return false;
		s->v = v;
		s->cap = cap;
	}
	s->v[s->count++] = (struct step){at, offset};
	return true;
}

static int
interval_at(GTimeZone *tz, int64_t s)
{
	return g_time_zone_find_interval(tz, G_TIME_TYPE_UNIVERSAL, s);
}

/* GLib says which interval an instant lies in, and not where one begins: found
 * by halving, since the number of the interval only grows. */
static bool
steps_find(struct steps *s, GTimeZone *tz, int64_t from, int64_t to)
{
	int at = interval_at(tz, from);

	if (!steps_add(s, from, g_time_zone_get_offset(tz, at)))
		return false;
	for (int64_t t = from; t < to; t += STEP_S) {
		while (interval_at(tz, t + STEP_S) != at &&
		    !planted("summer_time_ignored")) {
			int64_t lo = t, hi = t + STEP_S;

			while (hi - lo > 1) {
				int64_t mid = lo + (hi - lo) / 2;

				if (interval_at(tz, mid) == at)
					lo = mid;
				else
					hi = mid;
			}
			at = interval_at(tz, hi);
			if (!steps_add(s, hi, g_time_zone_get_offset(tz, at)))
				return false;
			t = hi;
		}
	}
	return true;
}

/* The first instant at which the local clock shows local or later. */
static int64_t
first_at(const struct steps *s, int64_t local)
{
	for (size_t i = 0; i + 1 < s->count; i++) {
		int64_t t = MAX_OF(s->v[i].at, local - s->v[i].offset);

		if (t < s->v[i + 1].at)
			return t;
	}
	return MAX_OF(s->v[s->count - 1].at,
	    local - s->v[s->count - 1].offset);
}

/* The end of the last one at which it shows less. */
static int64_t
last_before(const struct steps *s, int64_t local)
{
	int64_t end = INT64_MAX;

	for (size_t i = s->count; i > 0; i--) {
		const struct step *p = &s->v[i - 1];

		if (p->at + p->offset < local)
			return MIN_OF(end, local - p->offset);
		end = p->at;
	}
	return end;
}

/* --- windows ---------------------------------------------------------------*/

static int
by_begin(const void *a, const void *b)
{
	const struct wall_span *x = a, *y = b;

	return (x->from_wall > y->from_wall) - (x->from_wall < y->from_wall);
}

static size_t
merge(struct wall_span *v, size_t n)
{
	size_t out = 0;

	qsort(v, n, sizeof(*v), by_begin);
	for (size_t i = 0; i < n; i++) {
		if (out > 0 && v[i].from_wall <= v[out - 1].to_wall)
			v[out - 1].to_wall =
			    MAX_OF(v[out - 1].to_wall, v[i].to_wall);
		else
			v[out++] = v[i];
	}
	return out;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* Each window of each local day that may reach into [from_wall, to_wall). */
static size_t
expand(const struct steps *s, const struct spec_window *w, size_t count,
    int64_t first_day, int64_t last_day, struct wall_span clip,
    struct wall_span *ret)
{
	size_t n = 0;

	for (int64_t day = first_day; day <= last_day; day++) {
		unsigned bit = 1u << (unsigned)(day + THURSDAY -
		    7 * floor_div(day + THURSDAY, 7));

		for (size_t i = 0; i < count; i++) {
			int64_t midnight = day * DAY_S;
			struct wall_span one;

			if ((w[i].days & bit) == 0)
				continue;
			one.from_wall = 1000 *
			    first_at(s, midnight + w[i].from_min * 60);
			one.to_wall = 1000 *
			    last_before(s, midnight + w[i].to_min * 60);
			one.from_wall = MAX_OF(one.from_wall, clip.from_wall);
			one.to_wall = MIN_OF(one.to_wall, clip.to_wall);
			if (one.from_wall < one.to_wall)
				ret[n++] = one;
		}
	}
	return n;
}

int
zone_windows(const char *zone, const struct spec_window *w, size_t count,
    int64_t from_wall, int64_t to_wall, struct wall_span **ret,
    size_t *ret_count)
{
	int64_t from = floor_div(from_wall, 1000), to = to_wall / 1000 + 1;
	int64_t first = floor_div(from, DAY_S) - 3;
	int64_t last = floor_div(to, DAY_S) + 2;
	struct steps steps = {0};
	struct wall_span *v = NULL;
	GTimeZone *tz;
	int r = ZONE_NO_MEMORY;

	if (!zone_known(zone) ||
	    (tz = g_time_zone_new_identifier(zone)) == NULL)
		return ZONE_UNKNOWN;
	if (!steps_find(&steps, tz, from - MARGIN_S, to + MARGIN_S) ||
	    (v = calloc((size_t)(last - first + 1) * MAX_OF(count, 1),
		 sizeof(*v))) == NULL)
		goto out;
	*ret_count = merge(v, expand(&steps, w, count, first, last,
	    (struct wall_span){from_wall, to_wall}, v));
	*ret = v;
	v = NULL;
	r = 0;
out:
	free(v);
	free(steps.v);
	g_time_zone_unref(tz);
	return r;
}
