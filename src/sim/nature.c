#include "config.h"
#include "sim/nature.h"

#include <assert.h>
#include <stdlib.h>

#include "base/prng.h"
#include "sim/faults.h"

#define RULES_MAX 10000
#define PPM 1000000

struct nature_rule {
	enum nature nature;
	struct devid id;
	bool known; /* the fleet has it */
};

static const char *const names[] = {
	[NATURE_PLAIN] = "plain",
	[NATURE_SLOW] = "slow",
	[NATURE_LYING] = "lying",
	[NATURE_AMNESIAC] = "amnesiac",
	[NATURE_CLOCK_CRAZY] = "clock_crazy",
	[NATURE_SHORT] = "short",
};
static_assert(ARRAY_LEN(names) == NATURE_COUNT, "a name for each");

const char *
nature_name(enum nature n)
{
	return names[n];
}

void
natures_done(struct natures *v)
{
	free(v->rules);
	*v = (struct natures){0};
}

static int
add_rule(struct natures *v, enum nature nature, struct span text,
    struct errtext *err)
{
	struct nature_rule *p;
	struct devid id;

	if (devid_parse(text, &id) < 0)
		return errtext_set(err, -1, "%s: \"%.*s\" is neither a share "
		    "(0 to 1, or 0%% to 100%%) nor an id", names[nature],
		    (int)MIN_OF(text.n, (size_t)64), text.p);
	if (v->rule_count == RULES_MAX)
		return errtext_set(err, -1, "more than %d named trackers",
		    RULES_MAX);
	/* Doubles at powers of two, so a long list stays linear. */
	if ((v->rule_count & (v->rule_count - 1)) == 0) {
		size_t cap = v->rule_count == 0 ? 1 : 2 * v->rule_count;

		if ((p = realloc(v->rules, cap * sizeof(*p))) == NULL)
			return errtext_set(err, -1, "out of memory");
		v->rules = p;
	}
	v->rules[v->rule_count++] =
	    (struct nature_rule){.nature = nature, .id = id};
	return 0;
}

static int
parse_item(struct natures *v, struct span item, struct errtext *err)
{
	const char *equals = memchr(item.p, '=', item.n);
	struct span word = item, value, one;
	size_t nature = NATURE_PLAIN + 1;
	uint32_t ppm, sum = 0;

	if (equals == NULL)
		return errtext_set(err, -1, "\"%.*s\" is not NAME=SHARE or "
		    "NAME=ID[:ID...]", (int)MIN_OF(item.n, (size_t)64), item.p);
	word.n = (size_t)(equals - item.p);
	value = span_of(equals + 1, item.n - word.n - 1);
	while (nature < NATURE_COUNT && !span_is(word, names[nature]))
		nature++;
	if (nature == NATURE_COUNT)
		return errtext_set(err, -1, "no personality is called "
		    "\"%.*s\"; there are slow, lying, amnesiac, clock_crazy, "
		    "short", (int)MIN_OF(word.n, (size_t)64), word.p);
	if (fault_rate_parse(value, &ppm) == 0) {
		v->ppm[nature] = ppm;
		for (size_t i = 0; i < NATURE_COUNT; i++)
			sum += v->ppm[i];
		return sum <= PPM ? 0 : errtext_set(err, -1,
		    "the shares add up to more than all of them");
	}
	while (span_field(&value, ':', &one))
		if (add_rule(v, (enum nature)nature, one, err) < 0)
			return -1;
	return 0;
}

int
natures_parse(struct natures *v, struct span text, struct errtext *err)
{
	struct span item;

	while (span_field(&text, ',', &item))
		if (parse_item(v, span_trim(item), err) < 0)
			return -1;
	return 0;
}

void
natures_note_tracker(struct natures *v, uint64_t key)
{
	for (size_t i = 0; i < v->rule_count; i++)
		if (v->rules[i].id.key == key)
			v->rules[i].known = true;
}

const char *
natures_stranger(const struct natures *v)
{
	for (size_t i = 0; i < v->rule_count; i++)
		if (!v->rules[i].known)
			return v->rules[i].id.text;
	return NULL;
}

enum nature
nature_of(const struct natures *v, uint64_t seed, uint64_t key)
{
	struct prng r;
	uint64_t at;

	if (v == NULL)
		return NATURE_PLAIN;
	for (size_t i = 0; i < v->rule_count; i++)
		if (v->rules[i].id.key == key)
			return v->rules[i].nature;
	prng_init(&r, prng_mix(prng_mix(seed, key), UINT64_C(0x6e6174757265)));
	at = prng_below(&r, PPM);
	for (unsigned i = NATURE_PLAIN + 1; i < NATURE_COUNT; i++) {
		if (at < v->ppm[i])
			return (enum nature)i;
		at -= v->ppm[i];
	}
	return NATURE_PLAIN;
}
