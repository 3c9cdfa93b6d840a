#include "config.h"

#include "proto/message.h"

#include "base/version.h"
#include "proto/hex.h"

#define TYPE_LEN 3
#define SERIAL_LEN 4
#define COUNT_LEN 4
#define CODE_LEN 3
#define TIMES_MAX 999
#define SEND_TIME_LEN 14
#define VIN_LEN 17

/* Reads what follows the id of one kind; body is what stands between id and
 * send time. It may cut from either end. */
typedef enum msg_bad body_read(struct span body, struct message *ret);

static bool
name_read(struct span *body, struct span *ret)
{
	if (!span_field(body, ',', ret))
		return false;
	*ret = span_trim(*ret);
	return true;
}

static bool
span_is_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* Exactly n hex digits, as the counters of this protocol always are. */
static int
hex_word(struct span s, size_t n, uint16_t *ret)
{
	uint64_t v;

	if (s.n != n || span_hex(s, UINT16_MAX, &v) < 0)
		return -1;
	*ret = (uint16_t)v;
	return 0;
}

static bool
last_read(struct span *body, struct span *ret)
{
	if (!span_field_last(body, ',', ret))
		return false;
	*ret = span_trim(*ret);
	return true;
}

/* Positions, events: nobody here wants more than who and which. */
static enum msg_bad
body_skip(struct span body UNUSED, struct message *ret UNUSED)
{
	return MSG_BAD_NONE;
}

/* Newer units add a field to the heartbeat; old ones may lack the name. */
static enum msg_bad
body_heartbeat(struct span body, struct message *ret)
{
	(void)name_read(&body, &ret->name);
	return MSG_BAD_NONE;
}

/* <name>,[<sub name>,]<serial>: the serial is found from the end. */
static enum msg_bad
body_ack(struct span body, struct message *ret)
{
	struct span serial;

	if (!last_read(&body, &serial) || !name_read(&body, &ret->name))
		return MSG_BAD_FIELDS;
	if (hex_word(serial, SERIAL_LEN, &ret->serial) < 0)
		return MSG_BAD_VALUE;
	ret->has_serial = true;
	return MSG_BAD_NONE;
}

/* Layouts that no document shows us: a serial is taken where an ACK has it,
 * and its absence is no error. */
static enum msg_bad
body_ack_other(struct span body, struct message *ret)
{
	struct span serial;

	if (!last_read(&body, &serial))
		return MSG_BAD_NONE;
	(void)name_read(&body, &ret->name);
	ret->has_serial = hex_word(serial, SERIAL_LEN, &ret->serial) == 0;
	return MSG_BAD_NONE;
}

/* [<VIN>,]<name>,<code>,<download times or empty> */
static enum msg_bad
body_gtupd(struct span body, struct message *ret)
{
	struct span times, code;
	uint64_t v;

	if (!last_read(&body, &times) || !last_read(&body, &code) ||
	    !last_read(&body, &ret->name))
		return MSG_BAD_FIELDS;
	if (code.n != CODE_LEN || span_dec(code, 999, &v) < 0)
		return MSG_BAD_VALUE;
	if (times.n > 0) {
		uint64_t n;

		if (span_dec(times, TIMES_MAX, &n) < 0)
			return MSG_BAD_VALUE;
		ret->times = (int)n;
	}
	ret->code = (int)v;
	return MSG_BAD_NONE;
}

/* ISO 3779: 17 of digits and capitals without I, O and Q. */
static bool
span_is_vin(struct span s)
{
	if (s.n != VIN_LEN)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z'))
			return false;
		if (c == 'I' || c == 'O' || c == 'Q')
			return false;
	}
	return true;
}

static bool
span_is_word(struct span s)
{
	uint16_t v;

	return hex_word(s, SERIAL_LEN, &v) == 0;
}

/* What becomes a row, a table cell and an operator's filter must be text. */
static bool
span_is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

/*
 * [<VIN>,]<name>,[<empty>,]<device type>,<firmware>,<hardware>[,<modem>…]
 *
 * Nothing says whether there is a VIN field. A VIN tells by its form. When it
 * is empty (GV500 sends so) the name would pass for the type and the type for
 * the firmware; with exactly five fields, where the second reading has two
 * words of four hex digits and the first has none, the second is right.
 */
#define VER_FIELDS 6
static enum msg_bad
body_gtver(struct span body, struct message *ret)
{
	struct span f[VER_FIELDS] = {{NULL, 0}};
	size_t n = 0, total, i = 1;

	while (n < VER_FIELDS && name_read(&body, &f[n]))
		n++;
	total = n + (body.p != NULL ? 1 : 0);
	if (n == 0)
		return MSG_BAD_FIELDS;
	if (span_is_vin(f[0]) ||
	    (total == 5 && f[0].n == 0 && f[1].n > 0 && f[2].n > 0 &&
	    !span_is_word(f[2]) && span_is_word(f[3]) && span_is_word(f[4])))
		i = 2;
	ret->name = f[i - 1];
	while (i < n && f[i].n == 0)
		i++;
	if (i + 3 > n)
		return MSG_BAD_FIELDS;
	if (f[i + 1].n == 0 || f[i + 1].n > VERSION_MAX ||
	    !span_is_text(f[i]) || !span_is_text(f[i + 1]) ||
	    !span_is_text(f[i + 2]))
		return MSG_BAD_VALUE;
	ret->device_type = f[i];
	ret->firmware = f[i + 1];
	ret->hardware = f[i + 2];
	return MSG_BAD_NONE;
}

enum head { HEAD_RESP, HEAD_BUFF, HEAD_ACK, HEAD_NACK, HEAD_QRY, HEAD_COUNT };

static const struct {
	const char *text;
	size_t n;
} head_prefixes[HEAD_COUNT] = {
	[HEAD_RESP] = {"+RESP:GT", 8},
	[HEAD_BUFF] = {"+BUFF:GT", 8},
	[HEAD_ACK] = {"+ACK:GT", 7},
	[HEAD_NACK] = {"+NACK:GT", 8},
	[HEAD_QRY] = {"+QRY:GT", 7},
};

/* Which message is what; the first row that fits, and "" fits every type. */
static const struct msg_row {
	enum head head;
	const char *type;
	enum msg_kind kind;
} msg_rows[] = {
	{HEAD_RESP, "UPD", MSG_GTUPD},
	{HEAD_RESP, "HBD", MSG_HEARTBEAT},
	{HEAD_RESP, "VER", MSG_GTVER},
	{HEAD_RESP, "PNA", MSG_POWER_ON},
	{HEAD_RESP, "PFA", MSG_POWER_OFF},
	{HEAD_RESP, "", MSG_REPORT},
	{HEAD_BUFF, "UPD", MSG_GTUPD},
	{HEAD_BUFF, "VER", MSG_GTVER},
	{HEAD_BUFF, "", MSG_REPORT},
	{HEAD_ACK, "UPD", MSG_ACK_GTUPD},
	{HEAD_ACK, "HBD", MSG_HEARTBEAT},
	{HEAD_ACK, "RTO", MSG_ACK_GTRTO},
	{HEAD_ACK, "", MSG_ACK_OTHER},
	{HEAD_NACK, "", MSG_NACK},
	{HEAD_QRY, "", MSG_REPORT},
};

static const struct {
	const char *name;
	body_read *read;
} msg_kinds[MSG_KIND_COUNT_] = {
	[MSG_REPORT] = {"report", body_skip},
	[MSG_ACK_GTUPD] = {"ack_gtupd", body_ack},
	[MSG_GTUPD] = {"gtupd", body_gtupd},
	[MSG_HEARTBEAT] = {"heartbeat", body_heartbeat},
	[MSG_ACK_GTRTO] = {"ack_gtrto", body_ack},
	[MSG_GTVER] = {"gtver", body_gtver},
	[MSG_NACK] = {"nack", body_ack_other},
	[MSG_POWER_ON] = {"power_on", body_skip},
	[MSG_POWER_OFF] = {"power_off", body_skip},
	[MSG_ACK_OTHER] = {"ack_other", body_ack_other},
};

static bool
type_is_good(struct span type)
{
	if (type.n != TYPE_LEN)
		return false;
	for (size_t i = 0; i < type.n; i++) {
		char c = type.p[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			return false;
	}
	return true;
}

static enum msg_kind
kind_of(enum head head, struct span type)
{
	for (size_t i = 0; i < ARRAY_LEN(msg_rows); i++) {
		const struct msg_row *row = &msg_rows[i];

		if (row->head == head && (row->type[0] == '\0' ||
		    memcmp(row->type, type.p, TYPE_LEN) == 0))
			return row->kind;
	}
	assert(false && "each head has a row for every type");
	return MSG_REPORT;
}

/* Cuts "+RESP:GTUPD," off *s. */
static int
head_read(struct span *s, struct message *ret)
{
	size_t h = 0, n;

	while (h < HEAD_COUNT && !span_begins(*s, head_prefixes[h].text,
	    head_prefixes[h].n))
		h++;
	if (h == HEAD_COUNT)
		return -1;
	n = head_prefixes[h].n;
	*s = span_of(s->p + n, s->n - n);
	if (!span_field(s, ',', &ret->type) || s->p == NULL ||
	    !type_is_good(ret->type))
		return -1;
	ret->kind = kind_of((enum head)h, ret->type);
	ret->buffered = h == HEAD_BUFF;
	return 0;
}

/* Cuts send time and count off the end of *s, which then is the body. */
static enum msg_bad
tail_read(struct span *s, struct message *ret)
{
	struct span count;

	if (!last_read(s, &count) || !last_read(s, &ret->send_time))
		return MSG_BAD_FIELDS;
	if (hex_word(count, COUNT_LEN, &ret->count) < 0)
		return MSG_BAD_TAIL;
	if (ret->send_time.n != 0 && (ret->send_time.n != SEND_TIME_LEN ||
	    !span_is_digits(ret->send_time)))
		return MSG_BAD_TAIL;
	/* Set last: it says that the frame can be acknowledged. */
	ret->count_text = count;
	return MSG_BAD_NONE;
}

static enum msg_bad
decode(struct span s, struct message *ret)
{
	struct span id;
	enum msg_bad bad;

	if (s.n == 0)
		return MSG_BAD_HEAD;
	s.n--; /* the end mark */
	if (head_read(&s, ret) < 0)
		return MSG_BAD_HEAD;
	if (!name_read(&s, &ret->protover) || !name_read(&s, &id))
		return MSG_BAD_FIELDS;
	if (!devid_reads(&ret->id, id) && devid_parse(id, &ret->id) < 0)
		return MSG_BAD_ID;
	ret->has_id = true;
	bad = tail_read(&s, ret);
	if (bad != MSG_BAD_NONE)
		return bad;
	return msg_kinds[ret->kind].read(s, ret);
}

/* Field by field: a compiler clears the whole of it by an instruction that
 * takes longer to start than all the rest of a short frame. own is filled
 * before anything points there; the id waits for the one that comes. */
static void
message_clear(struct message *m)
{
	const struct span none = {NULL, 0};

	m->kind = MSG_REPORT;
	m->buffered = m->has_id = m->has_serial = false;
	/* Each by itself: what was just written in halves is slow to be read
	 * again as a whole. */
	m->type = none;
	m->protover = none;
	m->name = none;
	m->send_time = none;
	m->count_text = none;
	m->device_type = none;
	m->firmware = none;
	m->hardware = none;
	m->count = m->serial = 0;
	m->code = m->times = -1;
}

static void
id_clear(struct devid *id)
{
	id->key = 0;
	id->text[0] = '\0';
}

int
message_decode(const struct frame *f, struct message *ret,
    enum msg_bad *ret_bad)
{
	id_clear(&ret->id);
	return message_decode_next(f, ret, ret_bad);
}

int
message_decode_next(const struct frame *f, struct message *ret,
    enum msg_bad *ret_bad)
{
	message_clear(ret);
	ret->family = f->family;
	ret->raw = f->bytes;
	switch (f->family) {
	case FRAME_ASCII:
		*ret_bad = decode(f->bytes, ret);
		break;
	case FRAME_HEX1:
		*ret_bad = hex1_decode(f->bytes, ret);
		break;
	case FRAME_HEX2:
		*ret_bad = hex2_decode(f->bytes, ret);
		break;
	}
	if (!ret->has_id)
		id_clear(&ret->id);
	return *ret_bad == MSG_BAD_NONE ? 0 : -1;
}

const char *
frame_family_name(enum frame_family family)
{
	switch (family) {
	case FRAME_HEX1:
		return "hex1";
	case FRAME_HEX2:
		return "hex2";
	default:
		return "ascii";
	}
}

const char *
msg_kind_name(enum msg_kind kind)
{
	assert(kind < MSG_KIND_COUNT_);
	return msg_kinds[kind].name;
}

const char *
msg_bad_name(enum msg_bad bad)
{
	static const char *const names[MSG_BAD_COUNT_] = {
		[MSG_BAD_NONE] = "none",
		[MSG_BAD_HEAD] = "head",
		[MSG_BAD_FIELDS] = "fields",
		[MSG_BAD_ID] = "id",
		[MSG_BAD_TAIL] = "tail",
		[MSG_BAD_VALUE] = "value",
		[MSG_BAD_CRC] = "crc",
	};

	assert(bad < MSG_BAD_COUNT_);
	return names[bad];
}
