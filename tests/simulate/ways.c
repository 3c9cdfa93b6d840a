#include "config.h"
#include "tests/simulate/ways.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "tests/simulate/world.h"

static void
add(struct ways_plan *w, const char *from, const char *to, uint64_t bytes)
{
	assert(w->count < WAYS_MAX);
	w->package[w->count].from = from;
	w->package[w->count].to = to;
	w->package[w->count].bytes = bytes;
	w->count++;
}

void
ways_draw(struct ways_plan *w, uint64_t seed)
{
	struct prng r;

	memset(w, 0, sizeof(*w));
	prng_init(&r, seed ^ UINT64_C(0x77a95));
	switch (prng_below(&r, 5)) {
	case 0:
		/* Two hops would be smaller. */
		add(w, FROM_VERSION, "0A04", 1);
		add(w, "0A04", TO_VERSION, 1);
		add(w, FROM_VERSION, TO_VERSION, 100);
		w->right = 1u << 2;
		break;
	case 1:
		/* One of them is larger, one leads nowhere. */
		add(w, "0A04", "0A06", 1);
		add(w, FROM_VERSION, "0A04", 10);
		add(w, FROM_VERSION, "0A04", 9);
		add(w, "0A04", TO_VERSION, 10);
		w->right = 1u << 2 | 1u << 3;
		break;
	case 2:
		/* The short way leads down in the end. */
		add(w, FROM_VERSION, "0A0F", 1);
		add(w, "0A0F", TO_VERSION, 1);
		add(w, FROM_VERSION, "0A04", 10);
		add(w, "0A04", "0A06", 10);
		add(w, "0A06", TO_VERSION, 10);
		w->downgrade = prng_below(&r, 2) == 0;
		w->right = w->downgrade ? 1u << 0 | 1u << 1
		    : 1u << 2 | 1u << 3 | 1u << 4;
		break;
	case 3:
		/* The only way does: without leave it is none. */
		add(w, FROM_VERSION, "0A0F", 1);
		add(w, "0A0F", TO_VERSION, 1);
		w->downgrade = prng_below(&r, 3) != 0;
		w->right = w->downgrade ? 1u << 0 | 1u << 1 : 0;
		break;
	default:
		/* And one leads down. */
		add(w, FROM_VERSION, "0A04", 10);
		add(w, "0A06", TO_VERSION, 0);
		add(w, "0A04", "0A06", 10);
		add(w, "0A06", "0A04", 1);
		w->right = 1u << 0 | 1u << 1 | 1u << 2;
		break;
	}
}

void
ways_into(const struct ways_plan *w, struct campaign_spec *s)
{
	s->packages = calloc(w->count, sizeof(*s->packages));
	assert(s->packages != NULL);
	s->package_count = w->count;
	s->downgrade = w->downgrade;
	(void)snprintf(s->target_version, sizeof(s->target_version), "%s",
	    TO_VERSION);
	for (size_t i = 0; i < w->count; i++) {
		struct spec_package *p = &s->packages[i];

		(void)snprintf(p->from, sizeof(p->from), "%s",
		    w->package[i].from);
		(void)snprintf(p->to, sizeof(p->to), "%s", w->package[i].to);
		(void)snprintf(p->url, sizeof(p->url), "http://x/%zu.enc", i);
		p->bytes = w->package[i].bytes;
	}
}

const char *
ways_flash(const struct ways_plan *w, const char *command,
    const char *version, const char **ret_wrong)
{
	const char *p = strstr(command, "http://x/");
	size_t i = p == NULL ? WAYS_MAX : (size_t)(p[9] - '0');

	*ret_wrong = NULL;
	if (i >= w->count)
		*ret_wrong = "no package of this world";
	else if ((w->right >> i & 1) == 0)
		*ret_wrong = "a package that is not on the way";
	else if (strcmp(w->package[i].from, version) != 0)
		*ret_wrong = "a package for another version";
	return *ret_wrong == NULL ? w->package[i].to : version;
}
