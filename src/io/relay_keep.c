#include "config.h"
#include "io/trackers_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/relay_priv.h"

/* Relayed connections over a restart of the daemon: both halves go through the
 * descriptor store, and go on in the next process where they were. */

bool
relay_kept(const struct conn *c, struct relay_kept *ret)
{
	const struct relay *r = c->relay;

	/* What waits for its platform ends as its tracker's connection does
	 * that has lost it: what was held comes again. */
	if (r->state != RELAY_UP || r->down_ended || r->up_shut)
		return false;
	*ret = (struct relay_kept){
	    .fd = r->fd,
	    .up = r->up == NULL ? NULL : r->up + r->up_off,
	    .up_len = r->up_len - r->up_off,
	    .late = r->late,
	    .late_len = r->late_len,
	    .ahead = r->ahead,
	    .inside = r->inside,
	    .head_len = r->head_len,
	};
	memcpy(ret->head, r->head, sizeof(ret->head));
	relay_target_name(r->target, ret->host, &ret->port);
	return true;
}

static int
bytes_restore(char **ret, uint32_t *ret_len, const char *p, size_t n)
{
	if (n == 0)
		return 0;
	if ((*ret = malloc(n)) == NULL)
		return -1;
	memcpy(*ret, p, n);
	*ret_len = (uint32_t)n;
	return 0;
}

int
relay_restore(struct conn *c, const struct relay_kept *k)
{
	struct relay_target *t =
	    relays_find_named(c->t->relays, k->host, k->port);
	struct relay *r;

	if (t == NULL || relay_open(c, t) < 0) {
		(void)close(k->fd);
		return -1;
	}
	r = c->relay;
	r->fd = k->fd;
	relay_enter(c, RELAY_UP);
	if (k->ahead > c->in_len || k->head_len > RELAY_HEAD ||
	    k->late_len > RELAY_LATE_MAX || k->up_len > INT32_MAX ||
	    bytes_restore(&r->up, &r->up_len, k->up, k->up_len) < 0)
		return -1;
	r->up_cap = r->up_len;
	relays_stats(c->t->relays)->held_bytes += r->up_len;
	if (bytes_restore(&r->late, &r->late_len, k->late, k->late_len) < 0)
		return -1;
	r->ahead = k->ahead;
	r->inside = k->inside;
	r->head_len = k->head_len;
	memcpy(r->head, k->head, sizeof(r->head));
	c->core.relayed = true;
	return 0;
}

void
relay_resume(struct conn *c)
{
	relay_target_told(c->relay->target, 0);
	relay_watch(c);
}
