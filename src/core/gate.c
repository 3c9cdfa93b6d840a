#include "config.h"
#include "core/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/plant.h"

#define FULL INT64_C(1000000)

size_t
gate_done(const struct gate_figures *f)
{
	return f->succeeded + f->failed + f->unverified;
}

size_t
gate_min_done(const struct spec_gate *g, const struct gate_figures *f)
{
	size_t done = gate_done(f), all = done + f->open;

	if (g->min_done > 0)
		return MIN_OF((size_t)g->min_done, all);
	/* Who is away does not block a wave in which others have answered; a
	 * wave of which nobody has is no proof of anything. */
	return done > 0 ? all - MIN_OF(f->away, f->open) : all;
}

/* n of all, against a share in millionths. */
static bool
below(size_t n, size_t all, int64_t ppm)
{
	return (int64_t)n * FULL < ppm * (int64_t)all;
}

static bool
above(size_t n, size_t all, int64_t ppm)
{
	return (int64_t)n * FULL > ppm * (int64_t)all;
}

enum gate_verdict
gate_judge(const struct spec_gate *g, const struct gate_figures *f)
{
	size_t done = gate_done(f), all = done + f->open;

	if (below(f->succeeded + f->open, all, g->success_ppm) ||
	    above(f->unverified, all, g->unknown_max_ppm))
		return GATE_LOST;
	if (planted("gate_ignores_min_done") && done > 0 &&
	    !below(f->succeeded, done, g->success_ppm))
		return GATE_MET;
	return done >= gate_min_done(g, f) &&
		!below(f->succeeded, done, g->success_ppm) &&
		!above(f->unverified, done, g->unknown_max_ppm)
	    ? GATE_MET
	    : GATE_UNMET;
}

/* Tenths of a percent, rounded away from the limit's side, so that no figure
 * that is short looks as if it were enough. */
static void
share(size_t n, size_t all, bool up, char *buf, size_t size)
{
	int64_t tenths = ((int64_t)n * 1000 + (up ? (int64_t)all - 1 : 0)) /
	    (int64_t)all;

	if (tenths % 10 == 0)
		(void)snprintf(buf, size, "%" PRId64, tenths / 10);
	else
		(void)snprintf(buf, size, "%" PRId64 ".%" PRId64,
		    tenths / 10, tenths % 10);
}

/* A limit as it was written: up to four decimals. */
static void
limit(int64_t ppm, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%" PRId64 ".%04" PRId64,
	    ppm / 10000, ppm % 10000);

	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[n - 1] = '\0';
}

char *
gate_shares(const struct spec_gate *g, const struct gate_figures *f,
    char buf[GATE_TEXT])
{
	size_t done = gate_done(f), n = 0;
	char have[24], want[24];

	buf[0] = '\0';
	if (done > 0 && below(f->succeeded, done, g->success_ppm)) {
		share(f->succeeded, done, false, have, sizeof(have));
		limit(g->success_ppm, want, sizeof(want));
		n += (size_t)snprintf(buf + n, GATE_TEXT - n,
		    "success %s %% < %s %% (%zu done)", have, want, done);
	}
	if (done > 0 && above(f->unverified, done, g->unknown_max_ppm)) {
		share(f->unverified, done, true, have, sizeof(have));
		limit(g->unknown_max_ppm, want, sizeof(want));
		(void)snprintf(buf + n, GATE_TEXT - n,
		    "%sunverified %s %% > %s %% (%zu done)",
		    n > 0 ? "; " : "", have, want, done);
	}
	return buf;
}

char *
gate_lacks(const struct spec_gate *g, const struct gate_figures *f,
    char buf[GATE_TEXT])
{
	size_t done = gate_done(f), min = gate_min_done(g, f);
	size_t n = strlen(gate_shares(g, f, buf));

	if (done < min)
		(void)snprintf(buf + n, GATE_TEXT - n, "%s%zu of %zu done",
		    n > 0 ? "; " : "", done, min);
	return buf;
}
