#include "config.h"
#include "io/api_int.h"

#include <stdlib.h>

/*
 * What only a look at each target tells: what they wait for, who of a wave is
 * offline, how a campaign went. Of a million that takes a third of a second;
 * so whoever asks waits while they are looked at by pieces, and trackers are
 * heard in between. One call after the other is served.
 */
#define PIECE 20000
#define NEXT_MS 1
#define LOOKS_MS 20000 /* of all that are served before it, too */

struct api_looks *
api_looks_new(struct api_call *c)
{
	struct api_looks *l = calloc(1, sizeof *l);

	if (l == NULL) {
		api_answer(c, 500, NULL);
		return NULL;
	}
	l->call = c;
	c->looks = l;
	return l;
}

void
api_looks_drop(struct api_call *c)
{
	struct api_looks *l = c->looks;

	c->looks = NULL;
	list_remove(&l->node);
	json_decref(l->items);
	free(l->report);
	free(l);
}

void
api_looks_begin(struct api_looks *l,
    bool (*on)(struct api_looks *l, size_t *room))
{
	struct api *a = l->call->api;
	size_t room = PIECE;

	l->on = on;
	if (on(l, &room))
		return;
	api_park(l->call, LOOKS_MS);
	list_push_back(&a->looks, &l->node);
	loop_timer_set(a->looks_timer, NEXT_MS);
}

void
api_looks_timer(void *api)
{
	struct api *a = api;
	size_t room = PIECE;
	struct api_looks *l;

	do {
		if (list_empty(&a->looks))
			return;
		l = CONTAINER_OF(a->looks.next, struct api_looks, node);
	} while (l->on(l, &room));
	loop_timer_set(a->looks_timer, NEXT_MS);
}
