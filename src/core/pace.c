#include "config.h"
#include "core/state.h"

#include <assert.h>

#include "core/plant.h"

/*
 * Token buckets. Depth: one second's worth, at least one token, so that in any
 * interval T at most rate x T + depth starts leave, restarts and clock jumps
 * included (alive time only goes forward, and the level is stored).
 *
 * What counts is when a start leaves, and its token is taken before, with the
 * intent. Until then its place is not filled again, or starts that a slow disk
 * held up would leave all at once, and the next ones with them.
 */
#define HOUR_MS INT64_C(3600000)

static int64_t
bucket_depth_milli(const struct bucket *b)
{
	int64_t second = b->per_hour * 1000 / 3600;

	return second < 1000 ? 1000 : second;
}

static int64_t
bucket_room_milli(const struct bucket *b)
{
	if (planted("held_up_starts_forgotten"))
		return bucket_depth_milli(b);
	return MAX_OF(bucket_depth_milli(b) - b->out * 1000, INT64_C(0));
}

static void
bucket_refill(struct bucket *b, int64_t now_at)
{
	int64_t room = bucket_room_milli(b);
	int64_t passed = now_at - b->at;
	int64_t gain;

	if (passed <= 0)
		return;
	/* More than fills it: no product that could overflow. */
	if (passed >= HOUR_MS) {
		b->milli = room;
		b->at = now_at;
		return;
	}
	gain = passed * b->per_hour / 3600; /* milli tokens */
	if (gain == 0)
		return; /* keep the fraction for the next time */
	b->milli = MIN_OF(b->milli + gain, room);
	/* Forward by what the whole milli tokens took, not by all of it. */
	b->at += (gain * 3600 + b->per_hour - 1) / b->per_hour;
	if (b->at > now_at || b->milli == room)
		b->at = now_at;
}

void
bucket_init(struct bucket *b, int64_t per_hour, int64_t now_at)
{
	b->per_hour = MAX_OF(per_hour, 1);
	b->milli = bucket_depth_milli(b);
	b->at = now_at;
}

void
bucket_rate(struct bucket *b, int64_t per_hour)
{
	b->per_hour = MAX_OF(per_hour, 1);
	b->milli = MIN_OF(b->milli, bucket_depth_milli(b));
}

bool
bucket_has(struct bucket *b, int64_t now_at)
{
	bucket_refill(b, now_at);
	return b->milli >= 1000;
}

bool
bucket_take(struct bucket *b, int64_t now_at)
{
	if (!bucket_has(b, now_at))
		return false;
	b->milli -= 1000;
	return true;
}

void
bucket_left(struct bucket *b, int64_t now_at)
{
	assert(b->out > 0);
	bucket_refill(b, now_at);
	b->out--;
}

/* Looks only: a copy is brought up to the time that is. */
int64_t
bucket_next_at(const struct bucket *b, int64_t now_at)
{
	struct bucket copy = *b;
	int64_t missing;

	bucket_refill(&copy, now_at);
	if (copy.milli >= 1000)
		return now_at;
	missing = 1000 - copy.milli;
	return copy.at +
	    (missing * 3600 + copy.per_hour - 1) / copy.per_hour + 1;
}
