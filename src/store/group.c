#include "config.h"
#include "store/group.h"

#include <stdlib.h>

#include "core/plant.h"
#include "store/db.h"

/* One operation of a group. Sorted by rank, key and order, the last of each
 * key is the one that is written. */
struct entry {
	unsigned rank;
	enum op_kind kind;
	uint64_t key, key2;
	size_t order;
	const void *rec;
};

/* Parents before children, so that foreign keys hold at every row. */
static const unsigned op_rank[OP_KIND_COUNT_] = {
	[OP_STAMP] = 0,
	[OP_FLAGS] = 1,
	[OP_CAMPAIGN] = 2,
	[OP_REVISION] = 3,
	[OP_PACKAGE] = 4,
	[OP_DEVICE] = 5,
	[OP_WAVE] = 6,
	[OP_TARGET] = 7,
	[OP_ATTEMPT] = 8,
	[OP_TUPLE] = 9,
	[OP_EVENT] = 10,
	[OP_AUDIT] = 11,
	[OP_EXCLUSION] = 12,
};

static size_t
ops_bytes(const struct opbuf *ops)
{
	size_t bytes = ops->cap, pos = 0;
	struct op op;

	while (opbuf_next(ops, &pos, &op))
		if (op.kind == OP_REVISION)
			bytes += op.revision->text_len;
	return bytes;
}

struct batch *
batch_new(uint64_t ticket, struct opbuf *ops)
{
	struct batch *b = malloc(sizeof(*b));

	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->ticket = ticket;
	b->bytes = sizeof(*b) + ops_bytes(ops);
	opbuf_init(&b->ops);
	opbuf_move(&b->ops, ops);
	return b;
}

void
batch_free_all(struct batch *b)
{
	struct batch *next;

	for (; b != NULL; b = next) {
		next = b->next;
		opbuf_done(&b->ops);
		free(b);
	}
}

/* Rows that are appended have no key: each is its own by its order. */
static void
entry_key(struct entry *e, const struct op *op)
{
	e->key = e->key2 = 0;
	switch (op->kind) {
	case OP_DEVICE:
		e->key = op->device->key;
		return;
	case OP_CAMPAIGN:
		e->key = (uint64_t)op->campaign->id;
		return;
	case OP_WAVE:
		e->key = (uint64_t)op->wave->campaign;
		e->key2 = (uint64_t)op->wave->number;
		return;
	case OP_TARGET:
		e->key = (uint64_t)op->target->campaign;
		e->key2 = op->target->device;
		return;
	case OP_ATTEMPT:
		e->key = (uint64_t)op->attempt->id;
		return;
	case OP_TUPLE:
		e->key = op->tuple->device;
		e->key2 = (uint64_t)op->tuple->slot;
		return;
	case OP_PACKAGE:
		e->key = (uint64_t)op->package->campaign;
		e->key2 = (uint64_t)op->package->number;
		return;
	case OP_EXCLUSION:
		e->key = op->exclusion->device;
		return;
	case OP_STAMP:
	case OP_FLAGS:
		return;
	case OP_REVISION:
	case OP_EVENT:
	case OP_AUDIT:
		e->key = e->order;
		return;
	case OP_KIND_COUNT_:
		break;
	}
	assert(false && "unknown kind of operation");
}

static int
entry_compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->key2 != b->key2)
		return a->key2 < b->key2 ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool
same_row(const struct entry *a, const struct entry *b)
{
	return a->rank == b->rank && a->key == b->key && a->key2 == b->key2;
}

/* As the partial unique index attempt_claim has it. */
static bool
claims_device(const struct attempt_rec *a)
{
	return a->phase != PHASE_ENDED && a->phase != PHASE_DEFERRED;
}

/* The sorted last changes of the group. NULL: no memory. */
static struct entry *
group_entries(const struct group *g, size_t *ret_count)
{
	struct entry *e = malloc((g->ops + 1) * sizeof(*e));
	size_t n = 0, kept = 0;

	if (e == NULL)
		return NULL;
	for (const struct batch *b = g->first; b != NULL; b = b->next) {
		size_t pos = 0;
		struct op op;

		while (opbuf_next(&b->ops, &pos, &op)) {
			assert(n < g->ops);
			e[n].rank = op_rank[op.kind];
			e[n].kind = op.kind;
			e[n].order = n;
			e[n].rec = op.any;
			entry_key(&e[n], &op);
			n++;
		}
	}
	qsort(e, n, sizeof(*e), entry_compare);
	for (size_t i = 0; i < n; i++) {
		/* The bug: the first change of a row wins. */
		if (planted("store_first_wins") ?
		    i > 0 && same_row(&e[i - 1], &e[i]) :
		    i + 1 < n && same_row(&e[i], &e[i + 1]))
			continue;
		e[kept++] = e[i];
	}
	*ret_count = kept;
	return e;
}

/* Attempts that give up their device are written before those that claim one:
 * the index must hold at every row, and only the end of the group counts. */
static int
put_attempts(struct db *db, const struct entry *e, size_t count, bool claiming,
    struct errtext *err)
{
	int r;

	for (size_t i = 0; i < count; i++)
		if (e[i].kind == OP_ATTEMPT &&
		    claims_device(e[i].rec) == claiming &&
		    (r = db_put(db, OP_ATTEMPT, e[i].rec, err)) < 0)
			return r;
	return 0;
}

static int
put_entries(struct db *db, const struct entry *e, size_t count,
    struct errtext *err)
{
	size_t run;
	int r;

	for (size_t i = 0; i < count; i += run) {
		run = 1;
		if (e[i].kind != OP_ATTEMPT) {
			if ((r = db_put(db, e[i].kind, e[i].rec, err)) < 0)
				return r;
			continue;
		}
		while (i + run < count && e[i + run].kind == OP_ATTEMPT)
			run++;
		if ((r = put_attempts(db, e + i, run, false, err)) < 0 ||
		    (r = put_attempts(db, e + i, run, true, err)) < 0)
			return r;
	}
	return 0;
}

int
group_apply(const struct group *g, struct db *db, struct errtext *err)
{
	struct entry *e;
	size_t count;
	int r;

	if ((e = group_entries(g, &count)) == NULL)
		return errtext_set(err, DB_FAILED, "no memory");
	if ((r = db_run(db, STMT_BEGIN, err)) == 0 &&
	    (r = put_entries(db, e, count, err)) == 0 &&
	    (r = db_commit_number_put(db, g->number, err)) == 0)
		r = db_run(db, STMT_COMMIT, err);
	free(e);
	if (r < 0 && db_rollback(db, err) < 0)
		return DB_FAILED;
	return r;
}
