#include "config.h"
#include "sim/faults.h"

#include <assert.h>
#include <stdlib.h>

#include "base/devid.h"
#include "base/prng.h"
#include "base/units.h"

#define RULES_MAX 10000
#define PPM 1000000

struct fault_rule {
	enum fault_kind kind;
	struct devid id;
	bool known; /* the fleet has it */
};

static const char *const names[] = {
	[FAULT_NO_ACK] = "no_ack",
	[FAULT_POWER_OFF] = "power_off",
	[FAULT_BAD_URL] = "bad_url",
	[FAULT_LOW_BATTERY] = "low_battery",
	[FAULT_DOWNLOAD_FAIL] = "download_fail",
	[FAULT_UPDATE_FAIL] = "update_fail",
	[FAULT_LOW_BATTERY_INSTALL] = "low_battery_install",
	[FAULT_BRICK] = "brick",
	[FAULT_LOSE_REPORT] = "lose_report",
	[FAULT_LOSE_RESULT] = "lose_result",
	[FAULT_DUPLICATE] = "duplicate",
	[FAULT_REORDER] = "reorder",
	[FAULT_BUFFERED] = "buffered",
	[FAULT_DISCONNECT] = "disconnect",
	[FAULT_GARBAGE] = "garbage",
	[FAULT_SPLIT] = "split",
	[FAULT_WRONG_CLOCK] = "wrong_clock",
	[FAULT_LIE_VERSION] = "lie_version",
};
static_assert(ARRAY_LEN(names) == FAULT_COUNT, "a name for each fault");

const char *
fault_name(enum fault_kind kind)
{
	return names[kind];
}

void
faults_init(struct faults *f)
{
	*f = (struct faults){0};
}

void
faults_done(struct faults *f)
{
	free(f->rules);
	faults_init(f);
}

static int
unknown_kind(struct span word, struct errtext *err)
{
	char list[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < FAULT_COUNT; i++) {
		size_t n = strlen(names[i]);

		if (at + n + 3 > sizeof(list))
			break;
		if (i > 0) {
			list[at++] = ',';
			list[at++] = ' ';
		}
		memcpy(list + at, names[i], n + 1);
		at += n;
	}
	return errtext_set(err, -1, "no fault is called \"%.*s\"; there are %s",
	    (int)MIN_OF(word.n, (size_t)64), word.p, list);
}

int
fault_rate_parse(struct span s, uint32_t *ret_ppm)
{
	uint64_t whole = 0, part = 0;
	int64_t percent;
	const char *dot;
	struct span head = s;

	if (s.n > 0 && s.p[s.n - 1] == '%') {
		if (units_percent(s, &percent) < 0 || percent > PPM)
			return -1;
		*ret_ppm = (uint32_t)percent;
		return 0;
	}
	if (s.n == 0 || s.n > 8)
		return -1;
	dot = memchr(s.p, '.', s.n);
	if (dot != NULL) {
		struct span tail = span_of(dot + 1,
		    s.n - (size_t)(dot - s.p) - 1);

		if (tail.n > 6 || span_dec(tail, PPM - 1, &part) < 0)
			return -1;
		for (size_t i = tail.n; i < 6; i++)
			part *= 10;
		head.n = (size_t)(dot - s.p);
	}
	if ((head.n > 0 || dot == NULL) && span_dec(head, 1, &whole) < 0)
		return -1;
	if (whole * PPM + part > PPM)
		return -1;
	*ret_ppm = (uint32_t)(whole * PPM + part);
	return 0;
}

static int
add_rule(struct faults *f, enum fault_kind kind, const struct devid *id,
    struct errtext *err)
{
	struct fault_rule *v;

	if (f->rule_count == RULES_MAX)
		return errtext_set(err, -1, "more than %d named trackers",
		    RULES_MAX);
	/* Doubles at powers of two, so a long list stays linear. */
	if ((f->rule_count & (f->rule_count - 1)) == 0) {
		size_t cap = f->rule_count == 0 ? 1 : 2 * f->rule_count;

		v = realloc(f->rules, cap * sizeof(*v));
		if (v == NULL)
			return errtext_set(err, -1, "out of memory");
		f->rules = v;
	}
	f->rules[f->rule_count++] =
	    (struct fault_rule){.kind = kind, .id = *id};
	return 0;
}

static int
parse_item(struct faults *f, struct span item, struct errtext *err)
{
	const char *equals = memchr(item.p, '=', item.n);
	size_t kind = 0;
	struct span word = item, value, one;
	struct devid id;

	if (equals == NULL)
		return errtext_set(err, -1, "\"%.*s\" is not KIND=RATE or "
		    "KIND=ID[:ID...]", (int)MIN_OF(item.n, (size_t)64), item.p);
	word.n = (size_t)(equals - item.p);
	value = span_of(equals + 1, item.n - word.n - 1);
	while (kind < FAULT_COUNT && !span_is(word, names[kind]))
		kind++;
	if (kind == FAULT_COUNT)
		return unknown_kind(word, err);
	if (fault_rate_parse(value, &f->ppm[kind]) == 0)
		return 0;
	while (span_field(&value, ':', &one)) {
		if (devid_parse(one, &id) < 0)
			return errtext_set(err, -1, "%s: \"%.*s\" is neither a "
			    "rate (0 to 1, or 0%% to 100%%) nor an id",
			    names[kind], (int)MIN_OF(one.n, (size_t)64), one.p);
		if (add_rule(f, (enum fault_kind)kind, &id, err) < 0)
			return -1;
	}
	return 0;
}

int
faults_parse(struct faults *f, struct span text, struct errtext *err)
{
	struct span item;

	while (span_field(&text, ',', &item))
		if (parse_item(f, span_trim(item), err) < 0)
			return -1;
	return 0;
}

void
faults_note_tracker(struct faults *f, uint64_t key)
{
	for (size_t i = 0; i < f->rule_count; i++)
		if (f->rules[i].id.key == key)
			f->rules[i].known = true;
}

const char *
faults_stranger(const struct faults *f)
{
	for (size_t i = 0; i < f->rule_count; i++)
		if (!f->rules[i].known)
			return f->rules[i].id.text;
	return NULL;
}

static bool
draw_fault(const struct faults *f, enum fault_kind kind, uint64_t attempt_seed,
    uint64_t key)
{
	struct prng r;

	for (size_t i = 0; i < f->rule_count; i++)
		if (f->rules[i].kind == kind && f->rules[i].id.key == key)
			return true;
	prng_init(&r, prng_mix(attempt_seed, (uint64_t)kind + 1));
	return prng_below(&r, PPM) < f->ppm[kind];
}

void
plan_draw(const struct faults *f, uint64_t seed, uint64_t key,
    uint32_t attempt, struct plan *ret)
{
	static const unsigned codes[] = {100, 200, 201, 300, 301};
	uint64_t attempt_seed = prng_mix(prng_mix(seed, key), attempt);
	struct prng r;

	*ret = (struct plan){0};
	for (unsigned k = 0; f != NULL && k < FAULT_COUNT; k++)
		if (draw_fault(f, (enum fault_kind)k, attempt_seed, key))
			ret->faults |= FAULT_BIT(k);
	prng_init(&r, attempt_seed);
	ret->lost_code = codes[prng_below(&r, ARRAY_LEN(codes))];
	ret->cut = (enum plan_cut)prng_below(&r, CUT_COUNT);
	ret->reports_power_on = prng_below(&r, 2) == 0;
	for (size_t i = 0; i < PLAN_CHANCES; i++)
		ret->chance[i] = prng_unit(&r);
}
