#include "config.h"

#include "proto/frame.h"

#include "base/devid.h"
#include "proto/hex.h"

/* Kinds of family A. Only some of them break off a frame that has no end:
 * those with which a tracker really begins anew (protocol.md 4). */
static const struct ascii_kind {
	const char *prefix;
	size_t n;
	bool breaks;
} ascii_kinds[] = {
	{"+RESP:", 6, true},
	{"+BUFF:", 6, true},
	{"+ACK:", 5, true},
	{"+NACK:", 6, true},
	{"+QRY:", 5, false},
};

enum match { MATCH_NO, MATCH_PART, MATCH_YES };

/* What one step of the search found; pos is where it ends or goes on. */
enum find { FIND_NOTHING, FIND_END, FIND_BREAK, FIND_PART };

static bool
char_is_filler(char c)
{
	return c == '\0' || c == '\r' || c == '\n' || c == ' ';
}

/* PART: too few bytes to tell. */
static enum match
kind_match(struct span s, bool breaking)
{
	enum match best = MATCH_NO;

	/* Nearly all that comes is of the first kind. */
	if (span_begins(s, "+RESP:", 6))
		return MATCH_YES;
	for (size_t i = 0; i < ARRAY_LEN(ascii_kinds); i++) {
		const struct ascii_kind *k = &ascii_kinds[i];
		size_t n = MIN_OF(s.n, k->n);

		if ((breaking && !k->breaks) || memcmp(s.p, k->prefix, n) != 0)
			continue;
		if (n == k->n)
			return MATCH_YES;
		best = MATCH_PART;
	}
	return best;
}

size_t
ascii_breaks(struct span s)
{
	for (size_t i = 0; i < ARRAY_LEN(ascii_kinds); i++) {
		const struct ascii_kind *k = &ascii_kinds[i];

		if (k->breaks && s.n >= k->n &&
		    memcmp(s.p, k->prefix, k->n) == 0)
			return k->n;
	}
	return 0;
}

bool
ascii_may_break(struct span s)
{
	return kind_match(s, true) != MATCH_NO;
}

/* What breaks off a message of text: another one, or a binary frame. */
static enum match
break_match(struct span s)
{
	enum match match = kind_match(s, true);
	size_t proof;

	if (match != MATCH_NO)
		return match;
	switch (hex1_in_text(s, &proof)) {
	case HEX_ONE:
		return MATCH_YES;
	case HEX_PART:
		return MATCH_PART;
	case HEX_NO:
	case HEX_TWO:
		break;
	}
	return MATCH_NO;
}

/*
 * A message without its end mark that lacks nothing else: a head of kind,
 * version and id, and a tail of send time and count. The cost is bounded by
 * constants, so that a frame full of NUL stays linear.
 */
#define HEAD_WINDOW 80
#define TAIL_WINDOW 32
static bool
message_is_whole(struct span s)
{
	struct span head = span_of(s.p, MIN_OF(s.n, HEAD_WINDOW));
	struct span tail = s, part;
	struct devid id;
	uint64_t v;

	for (int i = 0; i < 3; i++)
		if (!span_field(&head, ',', &part) || head.p == NULL)
			return false;
	if (devid_parse(span_trim(part), &id) < 0)
		return false;
	if (tail.n > TAIL_WINDOW)
		tail = span_of(s.p + s.n - TAIL_WINDOW, TAIL_WINDOW);
	if (!span_field_last(&tail, ',', &part) || tail.p == NULL ||
	    part.n != 4 || span_hex(part, UINT16_MAX, &v) < 0)
		return false;
	if (!span_field_last(&tail, ',', &part) || tail.p == NULL)
		return false;
	/* The id must not be taken for the send time. */
	return part.p >= head.p && (part.n == 0 || (part.n == 14 &&
	    span_dec(part, UINT64_MAX, &v) == 0));
}

/* Old units end with NUL; elsewhere a NUL is a byte like any other. */
static bool
nul_find(struct span s, size_t from, size_t to, size_t *ret_pos)
{
	while (from < to) {
		const char *nul = memchr(s.p + from, '\0', to - from);
		size_t at;

		if (nul == NULL)
			return false;
		at = (size_t)(nul - s.p);
		if (message_is_whole(span_of(s.p, at))) {
			*ret_pos = at;
			return true;
		}
		from = at + 1;
	}
	return false;
}

/* Where a new message begins in [from, to), or may begin (PART). s may reach
 * further than to. */
static enum find
break_find(struct span s, size_t from, size_t to, size_t *ret_pos)
{
	while (from < to) {
		const char *plus = memchr(s.p + from, '+', to - from);
		size_t at;

		if (plus == NULL)
			break;
		at = (size_t)(plus - s.p);
		*ret_pos = at;
		switch (break_match(span_of(plus, s.n - at))) {
		case MATCH_YES:
			return FIND_BREAK;
		case MATCH_PART:
			return FIND_PART;
		case MATCH_NO:
			from = at + 1;
			break;
		}
	}
	return FIND_NOTHING;
}

/* The first thing in [from, s.n) that settles the ASCII frame at s.p. For END
 * *ret_pos is the last byte of the frame; for PART and NOTHING it is where the
 * search goes on when there is more. */
static enum find
ascii_find(struct span s, size_t from, size_t *ret_pos)
{
	const char *dollar = memchr(s.p + from, '$', s.n - from);
	size_t end = dollar == NULL ? s.n : (size_t)(dollar - s.p);
	size_t at = end, nul;
	enum find found = break_find(s, from, end, &at);

	if (found == FIND_NOTHING)
		at = end;
	if (nul_find(s, from, at, &nul)) {
		*ret_pos = nul;
		return FIND_END;
	}
	*ret_pos = at;
	if (found == FIND_NOTHING && dollar != NULL)
		return FIND_END;
	return found;
}

/* The next byte in [from, s.n) with which a frame may begin. '-' is too common
 * to stand for itself; at the very end nobody knows yet (*ret_part). */
static size_t
begin_find(struct span s, size_t from, bool *ret_part)
{
	const char *plus = memchr(s.p + from, '+', s.n - from);
	size_t end = plus == NULL ? s.n : (size_t)(plus - s.p);

	*ret_part = false;
	while (from < end) {
		const char *minus = memchr(s.p + from, '-', end - from);
		size_t at;

		if (minus == NULL)
			break;
		at = (size_t)(minus - s.p);
		*ret_part = at + 1 == s.n;
		if (*ret_part || minus[1] == 0x00 || minus[1] == 0x10)
			return at;
		from = at + 1;
	}
	return end;
}

/* Bytes that are no frame last up to where the next may begin, or up to the
 * limit. */
static enum frame_status
lost_next(struct span s, bool limited, size_t from, enum frame_why why,
    size_t *scan, struct frame *ret, enum frame_why *ret_why)
{
	bool part = false;
	/* The first byte is known to begin nothing, be it a '+'. */
	size_t end = begin_find(s, MIN_OF(MAX_OF(from, 1), s.n), &part);

	if ((part || end == s.n) && !limited) {
		*scan = end;
		return FRAME_MORE;
	}
	ret->bytes = span_of(s.p, end);
	*ret_why = why;
	return FRAME_BAD;
}

static enum frame_status
hex_next(struct span s, enum hex_match kind, bool limited, size_t from,
    size_t *scan, struct frame *ret, enum frame_why *ret_why)
{
	size_t at = s.n;

	switch (hex_find(s, kind, from, &at)) {
	case HEX_END:
		ret->family = kind == HEX_ONE ? FRAME_HEX1 : FRAME_HEX2;
		ret->bytes = span_of(s.p, at);
		return FRAME_OK;
	case HEX_BREAK:
		*ret_why = FRAME_WHY_PREFIX;
		break;
	case HEX_FALSE:
		*ret_why = FRAME_WHY_KIND;
		break;
	case HEX_MORE:
		if (!limited) {
			*scan = s.n;
			return FRAME_MORE;
		}
		*ret_why = FRAME_WHY_OVERSIZE;
		break;
	}
	ret->bytes = span_of(s.p, at);
	return FRAME_BAD;
}

/* Everything but family A. part: it may still become that. */
static enum frame_status
other_next(struct span s, bool part, bool limited, size_t from, size_t *scan,
    struct frame *ret, enum frame_why *ret_why)
{
	enum hex_match kind = hex_match(s);

	if (kind == HEX_ONE || kind == HEX_TWO)
		return hex_next(s, kind, limited, from, scan, ret, ret_why);
	if (part || kind == HEX_PART)
		return FRAME_MORE;
	return lost_next(s, limited, from, s.p[0] == '+' ? FRAME_WHY_KIND :
	    FRAME_WHY_GARBAGE, scan, ret, ret_why);
}

static enum frame_status
ascii_next(struct span s, bool limited, size_t from, size_t *scan,
    struct frame *ret, enum frame_why *ret_why)
{
	size_t at;

	/* The '+' at 0 is this frame's own. */
	switch (ascii_find(s, MAX_OF(from, 1), &at)) {
	case FIND_END:
		ret->bytes = span_of(s.p, at + 1);
		return FRAME_OK;
	case FIND_BREAK:
		ret->bytes = span_of(s.p, at);
		*ret_why = FRAME_WHY_PREFIX;
		return FRAME_BAD;
	case FIND_PART:
	case FIND_NOTHING:
		break;
	}
	if (!limited) {
		*scan = at;
		return FRAME_MORE;
	}
	/* A message that may begin at the limit's edge is spared. */
	ret->bytes = span_of(s.p, at);
	*ret_why = FRAME_WHY_OVERSIZE;
	return FRAME_BAD;
}

enum frame_status
frame_next(const char *buf, size_t len, size_t max, size_t *scan,
    struct frame *ret, size_t *ret_used, enum frame_why *ret_why)
{
	enum frame_status status;
	enum match match = MATCH_NO;
	size_t skip = 0, from = *scan;
	struct span s;
	bool limited;

	assert(max >= FRAME_MAX_LEAST && from <= len);
	*scan = 0;
	*ret_why = FRAME_WHY_NONE;
	*ret = (struct frame){.family = FRAME_ASCII};
	while (skip < len && char_is_filler(buf[skip]))
		skip++;
	*ret_used = skip;
	if (skip == len)
		return FRAME_MORE;
	/* Nothing is decided by bytes beyond the limit: they may not be there
	 * yet when the same bytes come in another split. */
	limited = len - skip >= max;
	s = span_of(buf + skip, limited ? max : len - skip);
	from = from > skip ? from - skip : 0;

	if (s.p[0] == '+')
		match = kind_match(s, false);
	if (match == MATCH_YES)
		status = ascii_next(s, limited, from, scan, ret, ret_why);
	else
		status = other_next(s, match == MATCH_PART, limited, from,
		    scan, ret, ret_why);
	if (status != FRAME_MORE)
		*ret_used = skip + ret->bytes.n;
	return status;
}

const char *
frame_why_name(enum frame_why why)
{
	static const char *const names[FRAME_WHY_COUNT_] = {
		[FRAME_WHY_NONE] = "none",
		[FRAME_WHY_GARBAGE] = "garbage",
		[FRAME_WHY_PREFIX] = "prefix",
		[FRAME_WHY_OVERSIZE] = "oversize",
		[FRAME_WHY_KIND] = "kind",
	};

	assert(why < FRAME_WHY_COUNT_);
	return names[why];
}
