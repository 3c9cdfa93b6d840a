#include "config.h"
#include "tests/simulate/hours.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"

#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)

void
hours_draw(struct hours_plan *h, uint64_t seed, int64_t first_wall)
{
	struct prng g;

	*h = (struct hours_plan){0};
	prng_init(&g, seed ^ UINT64_C(0x686f757273));
	if (prng_below(&g, 2) == 0) {
		h->windows = true;
		h->fit = prng_below(&g, 3) != 0;
		h->period_ms = (int64_t)(3 + prng_below(&g, 28)) * HOUR;
		h->open_ms = h->fit ? 80 * MINUTE : 5 * MINUTE;
		h->open_ms += (int64_t)prng_below(&g,
		    (uint64_t)(h->period_ms - h->open_ms - MINUTE));
		h->phase_ms = (int64_t)prng_below(&g, (uint64_t)h->period_ms);
	}
	if (prng_below(&g, 4) == 0)
		h->start_wall = first_wall +
		    (int64_t)prng_below(&g, 10) * HOUR + MINUTE;
	if (prng_below(&g, 4) == 0) {
		h->end_wall = MAX_OF(h->start_wall, first_wall) +
		    (int64_t)(1 + prng_below(&g, 30)) * HOUR;
		h->cancel = prng_below(&g, 2) == 0;
	}
}

void
hours_into(const struct hours_plan *h, struct campaign_spec *s)
{
	s->windows_always = !h->windows;
	s->window_fit = h->fit;
	if (h->windows)
		(void)snprintf(s->timezone, sizeof(s->timezone), "Sim/Town");
	s->schedule.start_wall = h->start_wall;
	s->schedule.end_wall = h->end_wall;
	s->schedule.cancel = h->cancel;
}

struct wall_span *
hours_tell(const struct hours_plan *h, int64_t from_wall, int64_t to_wall,
    size_t *ret_count)
{
	size_t n = 0, max =
	    (size_t)((to_wall - from_wall) / h->period_ms) + 3;
	struct wall_span *v = calloc(max, sizeof(*v));
	int64_t at = from_wall - (from_wall - h->phase_ms) % h->period_ms -
	    h->period_ms;

	assert(v != NULL);
	for (; at < to_wall; at += h->period_ms) {
		struct wall_span one = {MAX_OF(at, from_wall),
		    MIN_OF(at + h->open_ms, to_wall)};

		if (one.from_wall < one.to_wall)
			v[n++] = one;
	}
	assert(n <= max);
	*ret_count = n;
	return v;
}

const char *
hours_forbid(const struct hours_plan *h, int64_t wall, int64_t w_ms)
{
	int64_t since;

	if (wall < h->start_wall)
		return "before schedule.start";
	if (h->end_wall != 0 && wall >= h->end_wall)
		return "after schedule.end";
	if (!h->windows)
		return NULL;
	since = (wall - h->phase_ms) % h->period_ms;
	if (since >= h->open_ms)
		return "outside of the windows";
	if (h->fit && since + w_ms > h->open_ms)
		return "too late for its window";
	return NULL;
}
