#include "config.h"

#include "splits.h"

#include <check.h>
#include <stdlib.h>

#include "feeder.h"

/* Not ck_assert_str_eq for each: see quick.h. */
static void
transcript_is(struct feeder *fd, const char *want)
{
	const char *got = feeder_end(fd);

	if (strcmp(got, want) != 0)
		ck_assert_str_eq(got, want);
}

char *
push_at_once(struct span s, size_t max)
{
	struct feeder fd;
	char *text;

	feeder_init(&fd, max);
	fd.room = s.n + max; /* what is beyond the limit is there, too */
	feeder_push(&fd, s.p, s.n);
	text = strdup(feeder_end(&fd));
	ck_assert_ptr_nonnull(text);
	feeder_done(&fd);
	return text;
}

void
check_split(struct span s, size_t max, size_t a, size_t b, const char *want)
{
	struct feeder fd;

	feeder_init(&fd, max);
	feeder_push(&fd, s.p, a);
	feeder_push(&fd, s.p + a, b - a);
	feeder_push(&fd, s.p + b, s.n - b);
	transcript_is(&fd, want);
	feeder_done(&fd);
}

void
check_drip(struct span s, size_t max, const char *want)
{
	struct feeder fd;

	feeder_init(&fd, max);
	for (size_t i = 0; i < s.n; i++)
		feeder_push(&fd, s.p + i, 1);
	transcript_is(&fd, want);
	feeder_done(&fd);
}

void
check_random_splits(struct span s, size_t max, struct prng *r,
    const char *want)
{
	struct feeder fd;
	size_t at = 0;

	feeder_init(&fd, max);
	while (at < s.n) {
		size_t n = 1 + prng_below(r, (uint64_t)1 <<
		    prng_below(r, 10));

		n = MIN_OF(n, s.n - at);
		feeder_push(&fd, s.p + at, n);
		at += n;
	}
	transcript_is(&fd, want);
	feeder_done(&fd);
}
