#include "config.h"

#include "proto/hex.h"

#include "proto/crc.h"

#define ID_LEN 8
#define TIME_LEN 7
#define LOGIN_ID_AT 7     /* behind its length: type, versions */
#define ACK_OF_UPD 0x15
#define EVT_UPD 0x0f
#define INF_VER 0x06

/* Which bit of the mask stands for which common field. */
struct hex1_bits {
	uint8_t type, protover, firmware, name, time, count;
};

static const struct hex1_bits report_bits = {8, 9, 10, 6, 4, 5};
static const struct hex1_bits info_bits = {2, 3, 4, 1, 5, 6};
static const struct hex1_bits beat_bits = {1, 2, 3, 4, 5, 6};
#define BEAT_ID_BIT 7

static bool
mask_has(const struct hex1_head *h, unsigned bit)
{
	return (h->mask >> bit & 1) != 0;
}

/* Cuts n bytes off the front; false when there are fewer. */
static bool
front(struct span *s, size_t n, struct span *ret)
{
	if (s->n < n)
		return false;
	*ret = span_of(s->p, n);
	*s = span_of(s->p + n, s->n - n);
	return true;
}

static bool
back(struct span *s, size_t n, struct span *ret)
{
	if (s->n < n)
		return false;
	s->n -= n;
	*ret = span_of(s->p + s->n, n);
	return true;
}

/* --- text of numbers ------------------------------------------------------ */

static bool
put_digits(char *to, unsigned value, int digits)
{
	for (int i = digits - 1; i >= 0; i--) {
		to[i] = (char)('0' + value % 10);
		value /= 10;
	}
	return value == 0;
}

/* A clock that makes no sense is no time; it orders nothing anyway. */
static struct span
time_text(char *to, struct span s)
{
	if (!put_digits(to, word_at(s, 0), 4))
		return SPAN_LIT("");
	for (size_t i = 0; i < TIME_LEN - 2; i++)
		if (!put_digits(to + 4 + 2 * i, byte_at(s, i + 2), 2))
			return SPAN_LIT("");
	return span_of(to, 14);
}

/* Each byte is the value of two digits, the last of one. */
static int
id_read(struct span s, struct devid *ret)
{
	char text[2 * ID_LEN - 1];

	for (size_t i = 0; i + 1 < ID_LEN; i++)
		if (!put_digits(text + 2 * i, byte_at(s, i), 2))
			return -1;
	if (!put_digits(text + 2 * (ID_LEN - 1), byte_at(s, ID_LEN - 1), 1))
		return -1;
	return devid_parse(span_of(text, sizeof(text)), ret);
}

/* The first characters of the name, padded with NUL. */
static struct span
name_read(struct span s)
{
	const char *end = memchr(s.p, '\0', s.n);

	if (end != NULL)
		s.n = (size_t)(end - s.p);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return SPAN_LIT("");
	return span_trim(s);
}

/* --- fields --------------------------------------------------------------- */

/* Cuts send time and count off the end. */
static enum msg_bad
tail_read(struct span *s, const struct hex1_head *h,
    const struct hex1_bits *bits, struct message *ret)
{
	struct span part;

	if (mask_has(h, bits->count)) {
		if (!back(s, 2, &part))
			return MSG_BAD_FIELDS;
		hex_text(ret->own.count, part);
		ret->count = (uint16_t)word_at(part, 0);
		ret->count_text = span_of(ret->own.count, 4);
	}
	if (mask_has(h, bits->time)) {
		if (!back(s, TIME_LEN, &part))
			return MSG_BAD_FIELDS;
		ret->send_time = time_text(ret->own.time, part);
	}
	return MSG_BAD_NONE;
}

static enum msg_bad
uid_read(struct span *s, bool is_name, struct message *ret)
{
	struct span part;

	if (!front(s, ID_LEN, &part))
		return MSG_BAD_FIELDS;
	if (is_name) {
		ret->name = name_read(part);
		return MSG_BAD_NONE;
	}
	if (id_read(part, &ret->id) < 0)
		return MSG_BAD_ID;
	ret->has_id = true;
	return MSG_BAD_NONE;
}

/* Device type, protocol version and firmware version, where they are. The two
 * first together are the protocol version of family A. */
static enum msg_bad
versions_read(struct span *s, const struct hex1_head *h,
    const struct hex1_bits *bits, struct message *ret)
{
	struct span type = {NULL, 0}, part;

	if (mask_has(h, bits->type)) {
		if (!front(s, 1, &type))
			return MSG_BAD_FIELDS;
		hex_text(ret->own.protover, type);
		ret->device_type = span_of(ret->own.protover, 2);
	}
	if (mask_has(h, bits->protover)) {
		if (!front(s, 2, &part))
			return MSG_BAD_FIELDS;
		hex_text(ret->own.protover + 2, part);
		if (type.n > 0)
			ret->protover = span_of(ret->own.protover, 6);
	}
	if (mask_has(h, bits->firmware)) {
		if (!front(s, 2, &part))
			return MSG_BAD_FIELDS;
		hex_text(ret->own.firmware, part);
		ret->firmware = span_of(ret->own.firmware, 4);
	}
	return MSG_BAD_NONE;
}

/* --- GTUPD ---------------------------------------------------------------- */

#define UPD_LEN 3         /* code and download times */
#define UPD_WINDOW 24     /* it begins within so many bytes behind the id */
#define TIMES_LIKELY 9

static bool
code_is_known(unsigned code)
{
	return (code >= 100 && code <= 103) || (code >= 200 && code <= 202) ||
	    (code >= 300 && code <= 303);
}

static bool
motion_is_known(unsigned motion)
{
	switch (motion) {
	case 0x11: case 0x12: case 0x16: case 0x1a:
	case 0x21: case 0x22: case 0x41: case 0x42:
		return true;
	default:
		return false;
	}
}

/* Bytes between id and code, as most models lay them out: battery, external
 * power, three analog inputs, digital inputs, outputs, motion, satellites. */
static size_t
upd_offset(const struct hex1_head *h)
{
	static const struct {
		uint8_t bit, n;
	} fields[] = {
		{11, 1}, {12, 2}, {14, 2}, {15, 2}, {16, 2}, {17, 1}, {18, 1},
		{19, 1}, {20, 1},
	};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (mask_has(h, fields[i].bit))
			n += fields[i].n;
	return n;
}

static bool
upd_likely(struct span s, size_t at)
{
	return at + UPD_LEN <= s.n && code_is_known(word_at(s, at)) &&
	    byte_at(s, at + 2) <= TIMES_LIKELY;
}

static bool
upd_behind_motion(struct span s, size_t at)
{
	return at >= 2 && motion_is_known(byte_at(s, at - 2));
}

/* The only place where it can be, or false. */
static bool
upd_search(struct span s, bool behind_motion, size_t *ret_at)
{
	size_t count = 0;

	for (size_t at = 0; at <= UPD_WINDOW; at++) {
		if (!upd_likely(s, at) ||
		    (behind_motion && !upd_behind_motion(s, at)))
			continue;
		*ret_at = at;
		count++;
	}
	return count == 1;
}

/*
 * Code and download times behind the satellites. What stands before them
 * differs from model to model, and no document says how for all: the layout of
 * most is tried first, then what can only be it. A wrong code is worse than
 * none, so anything else is refused.
 */
static enum msg_bad
upd_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	size_t at = upd_offset(h);
	unsigned code;

	if (at + UPD_LEN > s.n || (!upd_likely(s, at) &&
	    !(upd_behind_motion(s, at) && word_at(s, at) >= 100 &&
	    word_at(s, at) <= 399))) {
		if (!upd_search(s, true, &at) && !upd_search(s, false, &at))
			return MSG_BAD_VALUE;
	}
	code = word_at(s, at);
	ret->code = (int)code;
	/* 0 is what family A leaves empty. */
	if (byte_at(s, at + 2) != 0)
		ret->times = (int)byte_at(s, at + 2);
	return MSG_BAD_NONE;
}

/* --- the kinds ------------------------------------------------------------ */

static enum msg_bad
report_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	const struct hex1_bits *bits = &report_bits;
	enum msg_bad bad;

	if ((bad = tail_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = versions_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = uid_read(&s, mask_has(h, bits->name), ret)) != MSG_BAD_NONE)
		return bad;
	if (h->type != EVT_UPD || h->kind[1] != 'V')
		return MSG_BAD_NONE;
	ret->kind = MSG_GTUPD;
	ret->type = SPAN_LIT("UPD");
	return upd_read(s, h, ret);
}

/* The version is hardware, MCU and a reserved word behind the common fields. */
static enum msg_bad
info_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	const struct hex1_bits *bits = &info_bits;
	struct span part;
	enum msg_bad bad;

	if ((bad = tail_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = uid_read(&s, mask_has(h, bits->name), ret)) !=
	    MSG_BAD_NONE ||
	    (bad = versions_read(&s, h, bits, ret)) != MSG_BAD_NONE)
		return bad;
	if (h->type != INF_VER)
		return MSG_BAD_NONE;
	ret->kind = MSG_GTVER;
	ret->type = SPAN_LIT("VER");
	if (ret->firmware.n == 0)
		return MSG_BAD_VALUE;
	if (front(&s, 2, &part)) {
		hex_text(ret->own.hardware, part);
		ret->hardware = span_of(ret->own.hardware, 4);
	}
	return MSG_BAD_NONE;
}

static enum msg_bad
ack_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	const struct hex1_bits *bits = &beat_bits;
	struct span part;
	enum msg_bad bad;

	ret->kind = h->type == ACK_OF_UPD ? MSG_ACK_GTUPD : MSG_ACK_OTHER;
	ret->type = h->type == ACK_OF_UPD ? SPAN_LIT("UPD") : SPAN_LIT("");
	if ((bad = tail_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = versions_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = uid_read(&s, mask_has(h, bits->name), ret)) != MSG_BAD_NONE)
		return bad;
	/* A sub command may stand before it: found from the end. */
	if (!back(&s, 2, &part))
		return MSG_BAD_FIELDS;
	ret->serial = (uint16_t)word_at(part, 0);
	ret->has_serial = true;
	return MSG_BAD_NONE;
}

static enum msg_bad
beat_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	const struct hex1_bits *bits = &beat_bits;
	enum msg_bad bad;

	ret->kind = MSG_HEARTBEAT;
	ret->type = SPAN_LIT("HBD");
	if ((bad = tail_read(&s, h, bits, ret)) != MSG_BAD_NONE ||
	    (bad = versions_read(&s, h, bits, ret)) != MSG_BAD_NONE)
		return bad;
	if (!mask_has(h, BEAT_ID_BIT))
		return MSG_BAD_NONE;
	return uid_read(&s, mask_has(h, bits->name), ret);
}

/* Crash data: its mask is not documented; the fields are those of an ACK. */
static enum msg_bad
crash_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	enum msg_bad bad = tail_read(&s, h, &beat_bits, ret);

	if (bad == MSG_BAD_NONE)
		bad = versions_read(&s, h, &beat_bits, ret);
	if (bad == MSG_BAD_NONE)
		bad = uid_read(&s, mask_has(h, beat_bits.name), ret);
	return bad;
}

static enum msg_bad
login_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	struct span part;
	enum msg_bad bad = tail_read(&s, h, &beat_bits, ret);

	if (bad != MSG_BAD_NONE)
		return bad;
	if (!front(&s, LOGIN_ID_AT, &part))
		return MSG_BAD_FIELDS;
	return uid_read(&s, false, ret);
}

/* Nobody knows its fields but for the count; without an id it is the
 * connection's. */
static enum msg_bad
opaque_read(struct span s, const struct hex1_head *h, struct message *ret)
{
	static const struct hex1_head tail = {.mask = 1u << 6};

	(void)h;
	return tail_read(&s, &tail, &beat_bits, ret);
}

/* --- the frame ------------------------------------------------------------ */

/* With the whole frame at hand, the length field shows itself. */
static size_t
info_body(struct span s, const struct hex1_head *h)
{
	if (mask_has(h, 7) && s.n >= 11 && word_at(s, 9) == s.n &&
	    word_at(s, 7) != s.n)
		return 11;
	return h->body;
}

enum msg_bad
hex1_decode(struct span s, struct message *ret)
{
	static enum msg_bad (*const readers[HEX1_LAYOUT_COUNT_])(struct span,
	    const struct hex1_head *, struct message *) = {
		[HEX1_REPORT] = report_read,
		[HEX1_INFO] = info_read,
		[HEX1_ACK] = ack_read,
		[HEX1_BEAT] = beat_read,
		[HEX1_CRASH] = crash_read,
		[HEX1_LOGIN] = login_read,
		[HEX1_OPAQUE] = opaque_read,
	};
	struct hex1_head h;
	size_t end;

	if (hex_match(s) != HEX_ONE || !hex1_head_read(s, &h) ||
	    s.n < h.body + HEX1_TAIL)
		return MSG_BAD_HEAD;
	if (h.layout == HEX1_INFO)
		h.body = info_body(s, &h);
	end = s.n - HEX1_TAIL;
	if (crc16_add(CRC16_INIT, span_of(s.p + 4, end - 4)) !=
	    word_at(s, end))
		return MSG_BAD_CRC;
	ret->kind = MSG_REPORT;
	ret->buffered = h.buffered;
	if (end < h.body)
		return MSG_BAD_FIELDS;
	return readers[h.layout](span_of(s.p + h.body, end - h.body), &h, ret);
}
