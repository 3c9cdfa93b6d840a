#include "config.h"
#include "io/fwfile_priv.h"

#include <event2/buffer.h>

/*
 * files.rate: one bucket of bytes over all downloads, and turns.
 *
 * A connection may only write in its turn, and a turn is one piece of the file:
 * sendfile() would take all of a longer one, as fast as the tracker reads. With
 * the turn its bytes leave the bucket; what it wrote less goes back. So all
 * shares are equal, whoever is fast, and the rate holds over a second or so.
 * Whoever has a token comes first: a start was only let out when there was a
 * share for it. Of what comes without one each eighth turn is left.
 */

#define TURN_MIN 4096
#define TURN_MAX (48 * 1024)
#define TURNS_A_SECOND 8
#define PLAIN_EVERY 8
#define PIECES_MAX 1024
#define HELD_MS 200     /* a turn that was not used by then is given back */

static int64_t
turn_bytes(int64_t rate)
{
	return MIN_OF(MAX_OF(rate / TURNS_A_SECOND, TURN_MIN), TURN_MAX);
}

static int64_t
rate_now(struct fwfile *f)
{
	return atomic_load_explicit(&f->rate, memory_order_relaxed);
}

static void
refill(struct fwfile *f, int64_t rate)
{
	int64_t now = loop_mono_ms();
	int64_t passed = MIN_OF(now - f->bucket_at, INT64_C(1000));
	int64_t most = MAX_OF(rate / 4, turn_bytes(rate));

	if (rate / 1000 * passed + rate % 1000 * passed / 1000 < 1)
		return;
	f->bucket += rate / 1000 * passed + rate % 1000 * passed / 1000;
	f->bucket = MIN_OF(f->bucket, most);
	f->bucket_at = now;
}

/* Whose turn it is; NULL: nobody waits. */
static struct fwconn *
next_of(struct fwfile *f)
{
	struct list *first = &f->turns, *other = &f->plain_turns;

	if (f->turn_number++ % PLAIN_EVERY == 0) {
		first = &f->plain_turns;
		other = &f->turns;
	}
	if (list_empty(first))
		first = other;
	return list_empty(first) ? NULL
				 : CONTAINER_OF(first->next, struct fwconn, turn);
}

static void
grant(struct fwconn *c, int64_t bytes)
{
	list_remove(&c->turn);
	c->granted = bytes;
	c->granted_at = loop_mono_ms();
	c->waited_ms += c->granted_at - c->turn_at;
	c->f->bucket -= bytes;
	(void)bufferevent_enable(c->bev, EV_WRITE);
}

static void
give_back(struct fwconn *c)
{
	c->f->bucket += c->granted;
	c->granted = 0;
}

void
fwpace_turns(struct fwfile *f)
{
	int64_t rate = rate_now(f), bytes = turn_bytes(rate), wait;
	struct fwconn *c;

	refill(f, rate);
	while (rate == 0 || f->bucket >= bytes) {
		if ((c = next_of(f)) == NULL)
			return;
		if (fwconn_gone(c))
			list_remove(&c->turn);
		else
			grant(c, rate == 0 ? 0 : c->piece);
	}
	if (list_empty(&f->turns) && list_empty(&f->plain_turns))
		return;
	wait = MIN_OF(MAX_OF((bytes - f->bucket) * 1000 / rate + 1, 2), 250);
	(void)event_add(f->pace,
	    &(struct timeval){.tv_usec = (suseconds_t)(wait * 1000)});
}

static void
wait_turn(struct fwconn *c)
{
	(void)bufferevent_disable(c->bev, EV_WRITE);
	c->turn_at = loop_mono_ms();
	list_push_back(c->attempt != 0 ? &c->f->turns : &c->f->plain_turns,
	    &c->turn);
}

/* It wrote: its turn is over. */
static void
on_drained(struct evbuffer *out, const struct evbuffer_cb_info *info,
    void *arg)
{
	struct fwconn *c = arg;

	(void)out;
	if (!c->paced || info->n_deleted == 0)
		return;
	give_back(c);
	c->f->bucket -= (int64_t)info->n_deleted;
	if (rate_now(c->f) == 0 || list_in(&c->turn))
		return;
	wait_turn(c);
	/* Not from here: libevent is in the middle of this write. */
	event_active(c->f->pace, EV_TIMEOUT, 0);
}

uint64_t
fwpace_piece(struct fwconn *c, uint64_t length)
{
	int64_t rate = rate_now(c->f);

	c->piece = 0;
	if (rate == 0)
		return length;
	c->piece = MAX_OF(turn_bytes(rate),
	    (int64_t)(length / PIECES_MAX) + 1);
	return (uint64_t)c->piece;
}

void
fwpace_begin(struct fwconn *c)
{
	c->paced = c->piece > 0;
	c->waited_ms = 0;
	if (!c->paced)
		return;
	if (!c->watched)
		c->watched = evbuffer_add_cb(bufferevent_get_output(c->bev),
		    on_drained, c) != NULL;
	/* No memory: it goes on without a rate, rather than not at all. */
	c->paced = c->watched;
	if (!c->paced)
		return;
	wait_turn(c);
	fwpace_turns(c->f);
}

bool
fwpace_starved(const struct fwconn *c)
{
	int64_t now = loop_mono_ms();
	int64_t waited = c->waited_ms +
	    (list_in(&c->turn) ? now - c->turn_at : 0);

	return c->paced && waited > (now - c->begin_at) / 2;
}

void
fwpace_end(struct fwconn *c)
{
	if (!c->paced)
		return;
	c->paced = false;
	give_back(c);
	list_remove(&c->turn);
}

void
fwpace_forget(struct fwconn *c)
{
	fwpace_end(c);
	if (c->watched)
		(void)evbuffer_remove_cb(bufferevent_get_output(c->bev),
		    on_drained, c);
}

void
fwpace_sweep(struct fwconn *c, int64_t now)
{
	if (c->granted > 0 && now - c->granted_at >= HELD_MS)
		give_back(c);
}

void
fwfile_set_rate(struct fwfile *f, int64_t rate)
{
	atomic_store_explicit(&f->rate, rate, memory_order_relaxed);
}
