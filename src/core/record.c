#include "config.h"
#include "core/record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A block is a run of {header, record}, each padded to 16 bytes, so that the
 * records can be used in place. */
struct op_head {
	uint32_t kind;
	uint32_t size;
	uint64_t pad;
};

static const size_t op_size[OP_KIND_COUNT_] = {
	[OP_DEVICE] = sizeof(struct device_rec),
	[OP_CAMPAIGN] = sizeof(struct campaign_rec),
	[OP_REVISION] = sizeof(struct op_revision),
	[OP_WAVE] = sizeof(struct wave_rec),
	[OP_TARGET] = sizeof(struct target_rec),
	[OP_ATTEMPT] = sizeof(struct attempt_rec),
	[OP_TUPLE] = sizeof(struct tuple_rec),
	[OP_EVENT] = sizeof(struct event_rec),
	[OP_AUDIT] = sizeof(struct audit_rec),
	[OP_STAMP] = sizeof(struct stamp_rec),
	[OP_FLAGS] = sizeof(struct flags_rec),
	[OP_PACKAGE] = sizeof(struct package_rec),
	[OP_EXCLUSION] = sizeof(struct exclusion_rec),
};

static size_t
padded(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

void
opbuf_init(struct opbuf *b)
{
	memset(b, 0, sizeof(*b));
}

void
opbuf_done(struct opbuf *b)
{
	struct op op;
	size_t pos = 0;

	while (opbuf_next(b, &pos, &op))
		if (op.kind == OP_REVISION)
			free(op.revision->text);
	free(b->p);
	opbuf_init(b);
}

static bool
opbuf_grow(struct opbuf *b, size_t need)
{
	unsigned char *p;
	size_t cap = b->cap == 0 ? 4096 : b->cap;

	while (cap - b->len < need) {
		if (cap > SIZE_MAX / 2)
			return false;
		cap *= 2;
	}
	if (cap == b->cap)
		return true;
	if ((p = realloc(b->p, cap)) == NULL)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

void
opbuf_add(struct opbuf *b, enum op_kind kind, const void *rec)
{
	struct op_head head = {.kind = kind};
	size_t size, total;

	assert((unsigned)kind < OP_KIND_COUNT_);
	size = op_size[kind];
	total = sizeof(head) + padded(size);
	if (b->failed || !opbuf_grow(b, total)) {
		b->failed = true;
		if (kind == OP_REVISION)
			free(((const struct op_revision *)rec)->text);
		return;
	}
	head.size = (uint32_t)size;
	memcpy(b->p + b->len, &head, sizeof(head));
	memcpy(b->p + b->len + sizeof(head), rec, size);
	memset(b->p + b->len + sizeof(head) + size, 0, padded(size) - size);
	b->len += total;
	b->count++;
}

bool
opbuf_next(const struct opbuf *b, size_t *pos, struct op *ret)
{
	struct op_head head;

	if (*pos >= b->len)
		return false;
	memcpy(&head, b->p + *pos, sizeof(head));
	ret->kind = (enum op_kind)head.kind;
	ret->any = b->p + *pos + sizeof(head);
	*pos += sizeof(head) + padded(head.size);
	return true;
}

void
opbuf_append(struct opbuf *dst, struct opbuf *src)
{
	if (src->failed)
		dst->failed = true;
	/* A campaign's targets are many: they change hands. */
	if (dst->len == 0 && !dst->failed && src->len > 0) {
		struct opbuf empty = *dst;

		*dst = *src;
		empty.count = 0;
		*src = empty;
		return;
	}
	if (src->len > 0 && (dst->failed || !opbuf_grow(dst, src->len))) {
		/* Texts stay with src, for opbuf_done() to release. */
		dst->failed = true;
		return;
	}
	if (src->len > 0)
		memcpy(dst->p + dst->len, src->p, src->len);
	dst->len += src->len;
	dst->count += src->count;
	src->len = src->count = 0;
}

void
opbuf_move(struct opbuf *dst, struct opbuf *src)
{
	assert(dst->p == NULL);
	*dst = *src;
	opbuf_init(src);
}
