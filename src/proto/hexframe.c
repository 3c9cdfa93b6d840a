#include "config.h"

#include "proto/hex.h"

#include <assert.h>

#include "proto/crc.h"

#define KIND_LEN 4          /* '+' and three capitals */
#define CRC_FROM 4          /* the check sum leaves the kind out */
#define TEXT_WINDOW 8       /* bytes behind a kind that tell it from text */
#define HEX2_REPORT_MIN 17  /* head, IMEI, count, check byte, end */
#define HEX2_HEAD 4
#define SPARED_MAX HEX2_BEAT_LEN

static const struct hex1_kind {
	char name[4];
	enum hex1_layout layout;
	bool buffered;
} hex1_kinds[] = {
	{"RSP", HEX1_REPORT, false}, {"BSP", HEX1_REPORT, true},
	{"EVT", HEX1_REPORT, false}, {"BVT", HEX1_REPORT, true},
	{"INF", HEX1_INFO, false}, {"BNF", HEX1_INFO, true},
	{"ACK", HEX1_ACK, false},
	{"HBD", HEX1_BEAT, false}, {"BBD", HEX1_BEAT, true},
	{"CRD", HEX1_CRASH, false}, {"BRD", HEX1_CRASH, true},
	{"LGN", HEX1_LOGIN, false},
	{"DAT", HEX1_OPAQUE, false}, {"BAT", HEX1_OPAQUE, true},
	{"CAN", HEX1_OPAQUE, false}, {"BAN", HEX1_OPAQUE, true},
	{"OBD", HEX1_OPAQUE, false},
};

/* Where mask and length stand, and which bit of the mask says that there is a
 * length; -1: there always is. Nothing is known of the opaque ones: they are
 * tried as reports, and their check sum has the last word. */
static const struct {
	uint8_t mask_at, mask_n, length_n;
	int8_t length_bit;
} hex1_layouts[HEX1_LAYOUT_COUNT_] = {
	[HEX1_REPORT] = {5, 4, 2, 7},
	[HEX1_INFO] = {5, 2, 2, 0},
	[HEX1_ACK] = {5, 1, 1, 0},
	[HEX1_BEAT] = {4, 1, 1, 0},
	[HEX1_CRASH] = {4, 2, 2, -1},
	[HEX1_LOGIN] = {5, 1, 2, -1},
	[HEX1_OPAQUE] = {5, 4, 2, 7},
};

#define HEX1_ERI 0x12       /* its report has a second mask of 4 bytes */
#define INFO_WIDE_BIT 7     /* two more bytes of mask on some models */
#define INFO_MIN 21         /* head, id and tail */
#define INFO_MAX 1440

static struct span
span_from(struct span s, size_t at)
{
	return span_of(s.p + at, s.n - at);
}

void
hex_text(char *to, struct span s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		to[2 * i] = digits[byte_at(s, i) >> 4];
		to[2 * i + 1] = digits[byte_at(s, i) & 15];
	}
}

static const struct hex1_kind *
hex1_kind_of(struct span s)
{
	for (size_t i = 0; i < ARRAY_LEN(hex1_kinds); i++)
		if (memcmp(s.p + 1, hex1_kinds[i].name, KIND_LEN - 1) == 0)
			return &hex1_kinds[i];
	return NULL;
}

static enum hex_match
hex1_match(struct span s)
{
	const struct hex1_kind *k;

	if (s.p[0] != '+')
		return HEX_NO;
	if (s.n >= KIND_LEN) {
		if ((k = hex1_kind_of(s)) == NULL)
			return HEX_NO;
		if (k->layout != HEX1_ACK)
			return HEX_ONE;
		/* "+ACK:" is text. */
		if (s.n == KIND_LEN)
			return HEX_PART;
		return s.p[KIND_LEN] == ':' ? HEX_NO : HEX_ONE;
	}
	for (size_t i = 0; i < ARRAY_LEN(hex1_kinds); i++)
		if (memcmp(s.p + 1, hex1_kinds[i].name, s.n - 1) == 0)
			return HEX_PART;
	return HEX_NO;
}

static enum hex_match
hex2_match(struct span s)
{
	size_t length;

	if (s.p[0] != '+' && s.p[0] != '-')
		return HEX_NO;
	if (s.n < 2)
		return HEX_PART;
	if (s.p[1] == 0x10) {
		if (s.n < 3)
			return HEX_PART;
		return s.p[2] == HEX2_BEAT_LEN ? HEX_TWO : HEX_NO;
	}
	if (s.p[1] != 0x00)
		return HEX_NO;
	if (s.n >= 3 && byte_at(s, 2) > HEX2_REPORT_MAX >> 8)
		return HEX_NO;
	if (s.n < HEX2_HEAD)
		return HEX_PART;
	length = word_at(s, 2);
	return length >= HEX2_REPORT_MIN && length <= HEX2_REPORT_MAX ?
	    HEX_TWO : HEX_NO;
}

enum hex_match
hex_match(struct span s)
{
	enum hex_match one = hex1_match(s), two;

	if (one == HEX_ONE)
		return one;
	two = hex2_match(s);
	return two == HEX_NO ? one : two;
}

enum hex_match
hex1_in_text(struct span s, size_t *ret_proof)
{
	enum hex_match match = hex1_match(s);

	if (match != HEX_ONE)
		return match;
	for (size_t i = KIND_LEN; i < KIND_LEN + TEXT_WINDOW; i++) {
		unsigned c;

		if (i >= s.n)
			return HEX_PART;
		c = byte_at(s, i);
		if (c == '$')
			return HEX_NO;
		if (c > 0x7e || (c < ' ' && c != '\t' && c != '\r' &&
		    c != '\n')) {
			*ret_proof = i + 1;
			return HEX_ONE;
		}
	}
	return HEX_NO;
}

static bool
info_length_ok(size_t length)
{
	return length >= INFO_MIN && length <= INFO_MAX;
}

bool
hex1_head_read(struct span s, struct hex1_head *ret)
{
	const struct hex1_kind *k = hex1_kind_of(s);
	struct hex1_head h = {.mask = 0};
	size_t at, mask_n;
	bool has_length;

	assert(k != NULL);
	memcpy(h.kind, k->name, sizeof(h.kind));
	h.layout = k->layout;
	h.buffered = k->buffered;
	at = hex1_layouts[k->layout].mask_at;
	mask_n = hex1_layouts[k->layout].mask_n;
	if (s.n < at + mask_n)
		return false;
	if (at > KIND_LEN)
		h.type = byte_at(s, KIND_LEN);
	for (size_t i = 0; i < mask_n; i++)
		h.mask = h.mask << 8 | byte_at(s, at + i);
	at += mask_n;
	if (h.layout == HEX1_REPORT && h.type == HEX1_ERI &&
	    k->name[1] == 'S')
		at += 4;
	has_length = hex1_layouts[k->layout].length_bit < 0 ||
	    (h.mask >> hex1_layouts[k->layout].length_bit & 1) != 0;
	h.body = at;
	if (has_length) {
		h.body += hex1_layouts[k->layout].length_n;
		if (s.n < h.body)
			return false;
		h.length = hex1_layouts[k->layout].length_n == 1 ?
		    byte_at(s, at) : word_at(s, at);
	}
	/* Which models have the wide mask is not known; the length tells, for
	 * an id in its place is no length. */
	if (h.layout == HEX1_INFO && has_length &&
	    (h.mask >> INFO_WIDE_BIT & 1) != 0) {
		if (s.n < at + 4)
			return false;
		if (!info_length_ok(h.length) &&
		    info_length_ok(word_at(s, at + 2))) {
			h.length = word_at(s, at + 2);
			h.body = at + 4;
		}
	}
	if (h.length < h.body + HEX1_TAIL)
		h.length = 0;
	*ret = h;
	return true;
}

static bool
line_end_at(struct span s, size_t at)
{
	return s.p[at] == '\r' && s.p[at + 1] == '\n';
}

/* The length that the head of a binary frame declares and that its end bears
 * out; 0: none, or not all of it is here. */
static size_t
declared_end(struct span s, enum hex_match kind)
{
	struct hex1_head h;
	size_t length;

	if (kind == HEX_ONE) {
		if (!hex1_head_read(s, &h) || h.length == 0 ||
		    h.length > s.n || !line_end_at(s, h.length - 2))
			return 0;
		return h.length;
	}
	length = s.p[1] == 0x10 ? HEX2_BEAT_LEN : word_at(s, 2);
	return length <= s.n && s.p[length - 1] == '$' ? length : 0;
}

static bool
sum_fits(struct span s, enum hex_match kind, size_t length)
{
	if (kind == HEX_ONE)
		return crc16_add(CRC16_INIT, span_of(s.p + CRC_FROM,
		    length - HEX1_TAIL - CRC_FROM)) ==
		    word_at(s, length - HEX1_TAIL);
	return crc8_add(CRC8_INIT, span_of(s.p, length - 2)) ==
	    byte_at(s, length - 2);
}

/*
 * The last byte that it takes to be sure that a frame begins at p, inside what
 * claims to be another; 0: not sure. Chance must not look like it: each of
 * these is worth 40 bits and more.
 */
static size_t
begin_proof(struct span s, size_t p)
{
	struct span rest = span_from(s, p);
	struct hex1_head h;
	size_t length = ascii_breaks(rest);

	if (length != 0)
		return p + length;
	switch (hex_match(rest)) {
	case HEX_ONE:
		if (p >= 2 && line_end_at(s, p - 2) &&
		    hex1_in_text(rest, &length) == HEX_ONE)
			return p + length;
		if (!hex1_head_read(rest, &h) || h.length == 0 ||
		    h.length > rest.n || !line_end_at(rest, h.length - 2))
			return 0;
		return p + h.length;
	case HEX_TWO:
		length = declared_end(rest, HEX_TWO);
		if (length == 0)
			return 0;
		if (rest.p[1] == 0x10)
			return sum_fits(rest, HEX_TWO, length) ? p + length : 0;
		/* Flag byte, and the leading 0 of the IMEI. */
		return (byte_at(rest, 4) & 0x7f) == 0 &&
		    ((byte_at(rest, 4) & 0x80) != 0 ||
		    byte_at(rest, 5) >> 4 == 0) ? p + length : 0;
	case HEX_NO:
	case HEX_PART:
		break;
	}
	return 0;
}

/* The first line end in [from, to) in front of which the check sum fits; its
 * end, or 0. One pass, however many line ends there are. */
static size_t
fitting_end(struct span s, size_t from, size_t to)
{
	size_t summed = CRC_FROM;
	uint16_t crc = CRC16_INIT;

	from = MAX_OF(from, CRC_FROM + 3);
	while (from + 1 < to) {
		const char *cr = memchr(s.p + from, '\r', to - from - 1);
		size_t at;

		if (cr == NULL)
			break;
		at = (size_t)(cr - s.p);
		from = at + 1;
		if (cr[1] != '\n')
			continue;
		crc = crc16_add(crc, span_of(s.p + summed, at - 2 - summed));
		summed = at - 2;
		if (crc == word_at(s, at - 2))
			return at + 2;
	}
	return 0;
}

/* Where a frame may begin that the end of s cuts off: it is not lost with what
 * is in front of it. Only so much is looked at again. */
static size_t
spared_from(struct span s)
{
	size_t p = s.n > SPARED_MAX ? s.n - SPARED_MAX : 1;

	for (; p < s.n; p++) {
		struct span rest = span_from(s, p);

		if ((s.p[p] == '+' || s.p[p] == '-') &&
		    (ascii_may_break(rest) || hex_match(rest) != HEX_NO))
			return p;
	}
	return s.n;
}

enum hex_found
hex_find(struct span s, enum hex_match kind, size_t from, size_t *ret_pos)
{
	enum hex_found found = HEX_MORE;
	size_t before = s.n + 1; /* what settles it ends before this */
	size_t end = declared_end(s, kind);

	if (end != 0) {
		found = HEX_END;
		*ret_pos = before = end;
	} else if (kind == HEX_TWO) {
		size_t length = s.p[1] == 0x10 ? HEX2_BEAT_LEN : word_at(s, 2);

		if (length <= s.n) {
			found = HEX_FALSE;
			before = length;
			*ret_pos = spared_from(span_of(s.p, length));
		}
	}
	for (size_t p = 1; p + 1 < before; p++) {
		size_t proof;

		if (s.p[p] != '+' && s.p[p] != '-')
			continue;
		proof = begin_proof(s, p);
		/* Both end here: whose sum fits? */
		if (proof == before && found != HEX_BREAK &&
		    !sum_fits(s, kind, before))
			proof--;
		if (proof != 0 && proof < before) {
			found = HEX_BREAK;
			*ret_pos = p;
			before = proof;
		}
	}
	if (kind != HEX_ONE)
		return found;
	end = fitting_end(s, from == 0 ? 0 : from - 1, before - 1);
	if (end != 0) {
		found = HEX_END;
		*ret_pos = end;
	}
	return found;
}
