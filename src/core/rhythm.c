#include "config.h"
#include "core/rhythm.h"

#include "base/attr.h"

#define PAUSE_S 60
#define USUAL_MIN 3 /* pauses that make a habit */
/* A pause in one byte: four bits of exponent above 32 s, four of mantissa. */
#define EXP_LEAST 5
#define LONGEST_S (INT64_C(1) << 20)

static uint8_t
code_of(int64_t s)
{
	int e, code;

	s = MIN_OF(s, LONGEST_S);
	e = 63 - __builtin_clzll((unsigned long long)s);
	code = (e - EXP_LEAST) * 16 + (int)((s >> (e - 4)) & 15) + 1;
	return (uint8_t)MIN_OF(code, 255);
}

/* The middle of what it stands for. */
static int64_t
ms_of(uint8_t code)
{
	int e = (code - 1) / 16 + EXP_LEAST;
	int64_t step = INT64_C(1000) << (e - 4);

	return (16 + (code - 1) % 16) * step + step / 2;
}

void
rhythm_gap(struct rhythm *r, int64_t gap_ms)
{
	int64_t s = gap_ms / 1000;

	if (s <= 0)
		return;
	if (s < PAUSE_S) {
		r->short_s = (uint8_t)s;
		return;
	}
	r->gap[r->next] = code_of(s);
	r->next = (uint8_t)((r->next + 1) % RHYTHM_GAPS);
}

/* Ascending; returns how many. Codes are in the order of what they mean. */
static int
sorted(const struct rhythm *r, uint8_t ret[RHYTHM_GAPS])
{
	int n = 0;

	for (int i = 0; i < RHYTHM_GAPS; i++) {
		int k = n;

		if (r->gap[i] == 0)
			continue;
		for (; k > 0 && ret[k - 1] > r->gap[i]; k--)
			ret[k] = ret[k - 1];
		ret[k] = r->gap[i];
		n++;
	}
	return n;
}

int64_t
rhythm_usual_ms(const struct rhythm *r)
{
	uint8_t v[RHYTHM_GAPS];
	int n = sorted(r, v);

	return n < USUAL_MIN ? 0 : ms_of(v[n / 2]);
}

int64_t
rhythm_next_ms(const struct rhythm *r, int64_t since_ms)
{
	uint8_t v[RHYTHM_GAPS];
	int n = sorted(r, v);

	if (r->short_s > 0 && since_ms < r->short_s * INT64_C(1000))
		return r->short_s * INT64_C(1000);
	if (n == 0)
		return 0;
	if (since_ms < ms_of(v[n / 2]))
		return ms_of(v[n / 2]);
	return since_ms < ms_of(v[n - 1]) ? ms_of(v[n - 1]) : 0;
}

uint64_t
rhythm_pack(const struct rhythm *r)
{
	uint64_t v = 0;

	for (int i = 0; i < RHYTHM_GAPS; i++)
		v = v << 8 | r->gap[i];
	return v << 16 | (uint64_t)r->next << 8 | r->short_s;
}

void
rhythm_unpack(struct rhythm *r, uint64_t v)
{
	r->short_s = (uint8_t)(v & 0xff);
	r->next = (uint8_t)((v >> 8 & 0xff) % RHYTHM_GAPS);
	v >>= 16;
	for (int i = RHYTHM_GAPS; i-- > 0; v >>= 8)
		r->gap[i] = (uint8_t)(v & 0xff);
	if (r->short_s >= PAUSE_S)
		r->short_s = 0;
}
