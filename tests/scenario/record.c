#include "config.h"
#include "record.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tempdir.h"
#include "world.h"

#define EVENTS_KEPT 4096

void (*record_committed)(const struct record *r);

/* Grows by doubling; ends the scenario when there is no memory. */
#define PUSH(v, n, cap) \
	do { \
		if ((n) == (cap)) { \
			(cap) = (cap) == 0 ? 16 : (cap) * 2; \
			(v) = realloc((v), (cap) * sizeof(*(v))); \
			if ((v) == NULL) \
				scn_fail("out of memory"); \
		} \
		(n)++; \
	} while (0)

struct stored_campaign {
	struct campaign_rec rec;
	char *text;
	int revision;
};

struct record {
	struct flags_rec flags;
	struct stamp_rec stamp;
	struct device_rec *device;
	size_t device_count, device_cap;
	struct stored_campaign *campaign;
	size_t campaign_count, campaign_cap;
	struct wave_rec *wave;
	size_t wave_count, wave_cap;
	struct target_rec *target;
	size_t target_count, target_cap;
	struct attempt_rec *attempt;
	size_t attempt_count, attempt_cap;
	struct package_rec *package;
	size_t package_count, package_cap;
	struct tuple_rec *tuple;
	size_t tuple_count, tuple_cap;
	struct exclusion_rec *exclusion;
	size_t exclusion_count, exclusion_cap;
	struct event_rec event[EVENTS_KEPT];
	size_t event_count;
	/* with SQLite */
	struct store *store;
	bool may_fail;
	uint64_t submitted, durable;
	char directory[64], path[80];
};

static void
store_again(struct record *r)
{
	struct store_config cfg = {.path = r->path, .retry_ms = 1};
	struct errtext err = {0};

	if (store_open(&r->store, &cfg, &err) < 0)
		scn_fail("store: %s", err.text);
}

struct record *
record_new(bool sqlite)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r == NULL)
		scn_fail("out of memory");
	if (!sqlite)
		return r;
	(void)snprintf(r->directory, sizeof(r->directory), "%s/scn.XXXXXX",
	    tempdir());
	if (mkdtemp(r->directory) == NULL)
		scn_fail("no temporary directory");
	(void)snprintf(r->path, sizeof(r->path), "%s/db", r->directory);
	store_again(r);
	return r;
}

void
record_free(struct record *r)
{
	static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
	char path[96];

	if (r == NULL)
		return;
	if (r->store != NULL)
		record_close(r);
	if (r->path[0] != '\0') {
		for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
			(void)snprintf(path, sizeof(path), "%s%s", r->path,
			    tails[i]);
			(void)unlink(path);
		}
		(void)rmdir(r->directory);
	}
	for (size_t i = 0; i < r->campaign_count; i++)
		free(r->campaign[i].text);
	free(r->device);
	free(r->campaign);
	free(r->wave);
	free(r->target);
	free(r->attempt);
	free(r->tuple);
	free(r->package);
	free(r->exclusion);
	free(r);
}

/* --- rows ------------------------------------------------------------------*/

static void
put_device(struct record *r, const struct device_rec *d)
{
	for (size_t i = 0; i < r->device_count; i++)
		if (r->device[i].key == d->key) {
			if (d->serial_reserved < r->device[i].serial_reserved)
				scn_fail("%s: serials go back", d->id);
			r->device[i] = *d;
			return;
		}
	PUSH(r->device, r->device_count, r->device_cap);
	r->device[r->device_count - 1] = *d;
}

static struct stored_campaign *
campaign_row(struct record *r, int64_t id)
{
	for (size_t i = 0; i < r->campaign_count; i++)
		if (r->campaign[i].rec.id == id)
			return &r->campaign[i];
	return NULL;
}

static void
put_campaign(struct record *r, const struct campaign_rec *c)
{
	struct stored_campaign *s = campaign_row(r, c->id);

	if (s == NULL) {
		PUSH(r->campaign, r->campaign_count, r->campaign_cap);
		s = &r->campaign[r->campaign_count - 1];
		memset(s, 0, sizeof(*s));
	}
	s->rec = *c;
}

static void
put_revision(struct record *r, const struct op_revision *v)
{
	struct stored_campaign *s = campaign_row(r, v->campaign);

	if (s == NULL)
		scn_fail("revision of campaign %lld, which has no row",
		    (long long)v->campaign);
	if (v->revision != s->revision + 1)
		scn_fail("revision %d behind %d", v->revision, s->revision);
	free(s->text);
	if ((s->text = strdup(v->text)) == NULL)
		scn_fail("out of memory");
	s->revision = v->revision;
}

static void
put_wave(struct record *r, const struct wave_rec *w)
{
	if (campaign_row(r, w->campaign) == NULL)
		scn_fail("wave of campaign %lld, which has no row",
		    (long long)w->campaign);
	for (size_t i = 0; i < r->wave_count; i++)
		if (r->wave[i].campaign == w->campaign &&
		    r->wave[i].number == w->number) {
			r->wave[i] = *w;
			return;
		}
	PUSH(r->wave, r->wave_count, r->wave_cap);
	r->wave[r->wave_count - 1] = *w;
}

static struct target_rec *
target_row(struct record *r, int64_t campaign, uint64_t device)
{
	for (size_t i = 0; i < r->target_count; i++)
		if (r->target[i].campaign == campaign &&
		    r->target[i].device == device)
			return &r->target[i];
	return NULL;
}

static void
put_target(struct record *r, const struct target_rec *t)
{
	struct target_rec *at = target_row(r, t->campaign, t->device);

	if (campaign_row(r, t->campaign) == NULL)
		scn_fail("target of campaign %lld, which has no row",
		    (long long)t->campaign);
	if (at == NULL) {
		PUSH(r->target, r->target_count, r->target_cap);
		at = &r->target[r->target_count - 1];
	}
	*at = *t;
}

static bool
claims(const struct attempt_rec *a)
{
	return a->phase != PHASE_ENDED && a->phase != PHASE_DEFERRED;
}

static void
put_attempt(struct record *r, const struct attempt_rec *a)
{
	struct attempt_rec *at = NULL;

	if (target_row(r, a->campaign, a->device) == NULL)
		scn_fail("attempt %lld of a target without a row",
		    (long long)a->id);
	for (size_t i = 0; i < r->attempt_count; i++) {
		struct attempt_rec *o = &r->attempt[i];

		if (o->id == a->id)
			at = o;
		else if (o->device == a->device && claims(o) && claims(a))
			scn_fail("S1: attempts %lld and %lld both claim the "
			    "device", (long long)o->id, (long long)a->id);
	}
	if (at == NULL) {
		PUSH(r->attempt, r->attempt_count, r->attempt_cap);
		at = &r->attempt[r->attempt_count - 1];
	} else if (a->reached < at->reached) {
		scn_fail("attempt %lld: reached falls from %s to %s",
		    (long long)a->id, reached_name(at->reached),
		    reached_name(a->reached));
	} else if (at->phase == PHASE_ENDED && a->phase != PHASE_ENDED) {
		scn_fail("S11: attempt %lld had ended", (long long)a->id);
	}
	*at = *a;
}

static void
put_tuple(struct record *r, const struct tuple_rec *t)
{
	for (size_t i = 0; i < r->tuple_count; i++)
		if (r->tuple[i].device == t->device &&
		    r->tuple[i].slot == t->slot) {
			r->tuple[i] = *t;
			return;
		}
	PUSH(r->tuple, r->tuple_count, r->tuple_cap);
	r->tuple[r->tuple_count - 1] = *t;
}

static void
put_package(struct record *r, const struct package_rec *k)
{
	for (size_t i = 0; i < r->package_count; i++)
		if (r->package[i].campaign == k->campaign &&
		    r->package[i].number == k->number) {
			r->package[i] = *k;
			return;
		}
	PUSH(r->package, r->package_count, r->package_cap);
	r->package[r->package_count - 1] = *k;
}

static void
put_exclusion(struct record *r, const struct exclusion_rec *e)
{
	for (size_t i = 0; i < r->exclusion_count; i++)
		if (r->exclusion[i].device == e->device) {
			r->exclusion[i] = *e;
			return;
		}
	PUSH(r->exclusion, r->exclusion_count, r->exclusion_cap);
	r->exclusion[r->exclusion_count - 1] = *e;
}

static void
put(struct record *r, const struct op *op)
{
	switch (op->kind) {
	case OP_DEVICE:
		put_device(r, op->device);
		break;
	case OP_CAMPAIGN:
		put_campaign(r, op->campaign);
		break;
	case OP_REVISION:
		put_revision(r, op->revision);
		break;
	case OP_WAVE:
		put_wave(r, op->wave);
		break;
	case OP_TARGET:
		put_target(r, op->target);
		break;
	case OP_ATTEMPT:
		put_attempt(r, op->attempt);
		break;
	case OP_TUPLE:
		put_tuple(r, op->tuple);
		break;
	case OP_EVENT:
		r->event[r->event_count++ % EVENTS_KEPT] = *op->event;
		break;
	case OP_STAMP:
		if (op->stamp->alive_ms < r->stamp.alive_ms ||
		    op->stamp->seq < r->stamp.seq)
			scn_fail("the stamp goes back");
		r->stamp = *op->stamp;
		break;
	case OP_FLAGS:
		r->flags = *op->flags;
		break;
	case OP_PACKAGE:
		put_package(r, op->package);
		break;
	case OP_EXCLUSION:
		put_exclusion(r, op->exclusion);
		break;
	case OP_AUDIT:
	case OP_KIND_COUNT_:
		break;
	}
}

/* The store takes what it is given, and the scenario looks at it afterwards. */
static void
copy_ops(struct opbuf *to, const struct opbuf *from)
{
	struct op op;
	size_t pos = 0;

	opbuf_init(to);
	while (opbuf_next(from, &pos, &op)) {
		struct op_revision v;

		if (op.kind != OP_REVISION) {
			opbuf_add(to, op.kind, op.any);
			continue;
		}
		v = *op.revision;
		if ((v.text = strdup(v.text)) == NULL)
			scn_fail("out of memory");
		opbuf_add(to, OP_REVISION, &v);
	}
	if (to->failed)
		scn_fail("out of memory");
}

enum record_outcome
record_commit(struct record *r, uint64_t ticket, const struct opbuf *ops)
{
	enum store_state state = STORE_OK;
	bool room = true;

	if (r->store == NULL)
		return RECORD_DONE;
	if (r->submitted < ticket) {
		struct opbuf copy;

		copy_ops(&copy, ops);
		(void)store_submit(r->store, ticket, &copy);
		opbuf_done(&copy);
		r->submitted = ticket;
	}
	while (r->durable < ticket) {
		struct pollfd p = {.fd = store_fd(r->store), .events = POLLIN};
		struct store_stats st;

		if (poll(&p, 1, 20000) <= 0)
			scn_fail("the store does not commit");
		store_poll(r->store, &r->durable, &state, &room);
		if (r->durable >= ticket || state == STORE_OK)
			continue;
		if (r->may_fail)
			return state == STORE_BROKEN ? RECORD_BROKEN
						     : RECORD_FULL;
		store_get_stats(r->store, &st);
		scn_fail("store: %s", st.error);
	}
	if (record_committed != NULL)
		record_committed(r);
	return RECORD_DONE;
}

void
record_keep(struct record *r, const struct opbuf *ops)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(ops, &pos, &op))
		put(r, &op);
}

void
record_may_fail(struct record *r)
{
	r->may_fail = true;
}

const char *
record_path(const struct record *r)
{
	return r->path;
}

void
record_close(struct record *r)
{
	store_close(r->store);
	r->store = NULL;
}

/* --- start -----------------------------------------------------------------*/

static void
load_rows(const struct record *r, const struct store_loader *l)
{
	int bad = l->flags(l->arg, &r->flags, &r->stamp);

	for (size_t i = 0; i < r->device_count; i++)
		bad |= l->device(l->arg, &r->device[i]);
	for (size_t i = 0; i < r->campaign_count; i++)
		bad |= l->campaign(l->arg, &r->campaign[i].rec,
		    r->campaign[i].text, strlen(r->campaign[i].text));
	for (size_t i = 0; i < r->package_count; i++)
		bad |= l->package(l->arg, &r->package[i]);
	for (size_t i = 0; i < r->wave_count; i++)
		bad |= l->wave(l->arg, &r->wave[i]);
	for (size_t i = 0; i < r->target_count; i++)
		bad |= l->target(l->arg, &r->target[i]);
	for (size_t i = 0; i < r->attempt_count; i++)
		if (r->attempt[i].phase != PHASE_ENDED)
			bad |= l->attempt(l->arg, &r->attempt[i]);
	for (size_t i = 0; i < r->tuple_count; i++)
		bad |= l->tuple(l->arg, &r->tuple[i]);
	for (size_t i = 0; i < r->exclusion_count; i++)
		if (r->exclusion[i].active)
			bad |= l->exclusion(l->arg, &r->exclusion[i]);
	if (bad != 0)
		scn_fail("the core does not load what it wrote");
}

void
record_load(struct record *r, const struct store_loader *l)
{
	struct errtext err = {0};

	if (r->store == NULL)
		load_rows(r, l);
	else if (store_load(r->store, l, &err) < 0)
		scn_fail("store: %s", err.text);
}

void
record_start(struct record *r)
{
	struct errtext err = {0};

	if (r->store != NULL && store_start(r->store, &err) < 0)
		scn_fail("store: %s", err.text);
}

void
record_reopen(struct record *r)
{
	if (r->path[0] == '\0')
		return;
	if (r->store != NULL)
		record_close(r);
	r->submitted = r->durable = 0;
	store_again(r);
}

/* --- looking ---------------------------------------------------------------*/

const struct event_rec *
record_event(const struct record *r, uint64_t device, size_t back)
{
	size_t kept = MIN_OF(r->event_count, EVENTS_KEPT);

	for (size_t i = 1; i <= kept; i++) {
		const struct event_rec *e =
		    &r->event[(r->event_count - i) % EVENTS_KEPT];

		if (device != 0 && e->device != device)
			continue;
		if (back-- == 0)
			return e;
	}
	return NULL;
}

const struct attempt_rec *
record_attempt(const struct record *r, uint64_t device, size_t back)
{
	for (size_t i = r->attempt_count; i-- > 0;)
		if (r->attempt[i].device == device && back-- == 0)
			return &r->attempt[i];
	return NULL;
}
