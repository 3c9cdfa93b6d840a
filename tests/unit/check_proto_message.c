/* message: every layout that is known, field by field; every way to be bad. */
#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "base/prng.h"
#include "proto/message.h"
#include "quick.h"
#include "vectors.h"

/* What a good message must say. NULL and 0 are the values of a field that its
 * kind does not have; code and times are given for all. */
struct want {
	const char *bytes;
	enum msg_kind kind;
	const char *type, *protover, *id, *name, *send_time, *count;
	int code, times;
	const char *serial; /* NULL: none */
	const char *device_type, *firmware, *hardware;
	bool buffered;
};

#define UID "A000002B41DEE0"
#define IMEI "135790246811220"
#define T1 "20150201020000"
#define NO_CODE .code = -1, .times = -1
#define VERSION(type, fw, hw) \
	.device_type = type, .firmware = fw, .hardware = hw

static const struct want wants[] = {
	/* SPEC's examples, blank before the id and all. */
	{SPEC_ACK, MSG_ACK_GTUPD, "UPD", "C20100", UID, "", "20150201000002",
	    "11F0", NO_CODE, .serial = "0001"},
	{SPEC_100, MSG_GTUPD, "UPD", "C20100", UID, "", T1, "11F0",
	    .code = 100, .times = -1},
	{SPEC_200, MSG_GTUPD, "UPD", "C20100", UID, "", T1, "11F0",
	    .code = 200, .times = 1},
	{SPEC_300, MSG_GTUPD, "UPD", "C20100", UID, "", T1, "11F0",
	    .code = 300, .times = -1},

	/* GTUPD: late copies, unknown codes, a VIN, foreign names. */
	{"+BUFF:GTUPD,C20100," UID ",,301,," T1 ",11F0$", MSG_GTUPD, "UPD",
	    "C20100", UID, "", T1, "11F0", .code = 301, .times = -1, .buffered = true},
	{"+RESP:GTUPD,," IMEI ",Truck 7 | north,202,4,,0000$", MSG_GTUPD,
	    "UPD", "", IMEI, "Truck 7 | north", "", "0000", .code = 202, .times = 4},
	{"+RESP:GTUPD,8020040200," IMEI ",1G1JC5444R7252367,GV620MG,103,,"
	    T1 ",ffff$", MSG_GTUPD, "UPD", "8020040200", IMEI, "GV620MG", T1,
	    "ffff", .code = 103, .times = -1},
	{"+RESP:GTUPD,C20100," UID ",\xd0\x9a\xd0\xb0,000,0," T1 ",11F0$",
	    MSG_GTUPD, "UPD", "C20100", UID, "\xd0\x9a\xd0\xb0", T1, "11F0",
	    .code = 0, .times = 0},
	{"+RESP:GTUPD,C20100," UID ",,999,999," T1 ",11F0$", MSG_GTUPD,
	    "UPD", "C20100", UID, "", T1, "11F0", .code = 999, .times = 999},
	{"+RESP:GTUPD, C20100 , " UID " , x , 201 , 1 , " T1 " , 11F0 $",
	    MSG_GTUPD, "UPD", "C20100", UID, "x", T1, "11F0", .code = 201, .times = 1},

	/* The configuration update is another command with codes of its own. */
	{"+RESP:GTUPC,C20100," UID ",,100,," T1 ",11F0$", MSG_REPORT, "UPC",
	    "C20100", UID, "", T1, "11F0", NO_CODE},
	{"+ACK:GTUPC,C20100," UID ",,0001," T1 ",11F0$", MSG_ACK_OTHER, "UPC",
	    "C20100", UID, "", T1, "11F0", NO_CODE, .serial = "0001"},

	/* ACKs: the serial is found from the end. */
	{"+ACK:GTUPD,C20100," UID ",n,FFFF," T1 ",11F0$", MSG_ACK_GTUPD,
	    "UPD", "C20100", UID, "n", T1, "11F0", NO_CODE, .serial = "FFFF"},
	{"+ACK:GTRTO,1A0800," IMEI ",GL300,VER,0a0b," T1 ",0C19$",
	    MSG_ACK_GTRTO, "RTO", "1A0800", IMEI, "GL300", T1, "0C19",
	    NO_CODE, .serial = "0A0B"},
	{"+ACK:GTRTO,350302," IMEI ",,0018," T1 ",0017$", MSG_ACK_GTRTO,
	    "RTO", "350302", IMEI, "", T1, "0017", NO_CODE, .serial = "0018"},
	{"+ACK:GTGEO,1A0102," IMEI ",,0,0008," T1 ",11F0$", MSG_ACK_OTHER,
	    "GEO", "1A0102", IMEI, "", T1, "11F0", NO_CODE, .serial = "0008"},
	{"+ACK:GTXYZ,1A0102," IMEI ",n,odd," T1 ",11F0$", MSG_ACK_OTHER,
	    "XYZ", "1A0102", IMEI, "n", T1, "11F0", NO_CODE},
	{"+ACK:GTXYZ,1A0102," IMEI "," T1 ",11F0$", MSG_ACK_OTHER, "XYZ",
	    "1A0102", IMEI, "", T1, "11F0", NO_CODE},
	{"+NACK:GTUPD,C20100," UID ",,0001," T1 ",11F0$", MSG_NACK, "UPD",
	    "C20100", UID, "", T1, "11F0", NO_CODE, .serial = "0001"},
	{"+NACK:GTUPD,C20100," UID ",,busy now," T1 ",11F0$", MSG_NACK,
	    "UPD", "C20100", UID, "", T1, "11F0", NO_CODE},

	/* Heartbeats of both forms. */
	{"+ACK:GTHBD,C20100," IMEI ",," T1 ",11F0$", MSG_HEARTBEAT, "HBD",
	    "C20100", IMEI, "", T1, "11F0", NO_CODE},
	{"+ACK:GTHBD,," IMEI ",gv620," ",0859$", MSG_HEARTBEAT, "HBD", "",
	    IMEI, "gv620", "", "0859", NO_CODE},
	{"+RESP:GTHBD,80202100," IMEI ",,00," T1 ",11F0$", MSG_HEARTBEAT,
	    "HBD", "80202100", IMEI, "", T1, "11F0", NO_CODE},
	{"+ACK:GTHBD,C20100," IMEI "," T1 ",11F0$", MSG_HEARTBEAT, "HBD",
	    "C20100", IMEI, "", T1, "11F0", NO_CODE},
	{"+BUFF:GTHBD,C20100," IMEI ",," T1 ",11F0$", MSG_REPORT, "HBD",
	    "C20100", IMEI, "", T1, "11F0", NO_CODE, .buffered = true},

	/* GTVER: the plain form … */
	{"+RESP:GTVER,1A0800," IMEI ",GL300,GL300,0A03,0103," T1 ",10F8$",
	    MSG_GTVER, "VER", "1A0800", IMEI, "GL300", T1, "10F8", NO_CODE,
	    VERSION("GL300", "0A03", "0103")},
	{"+RESP:GTVER,C20100," IMEI ",,GV620MG,0a05,0103," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "0a05", "0103")},
	{"+BUFF:GTVER,C20100," IMEI ",,GV620MG,R13A01V01,," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "R13A01V01", ""), .buffered = true},
	/* … with a reserved field, */
	{"+RESP:GTVER,C20100," IMEI ",n,,GV620MG,0A03,0103," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "n", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "0A03", "0103")},
	{"+RESP:GTVER,C20100," IMEI ",,,GV620MG,0A03,0103," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "0A03", "0103")},
	/* … with a VIN, */
	{"+RESP:GTVER,1F0101," IMEI ",1G1JC5444R7252367,gv500,GV500,0A03,"
	    "0103," T1 ",10F8$", MSG_GTVER, "VER", "1F0101", IMEI, "gv500",
	    T1, "10F8", NO_CODE,
	    VERSION("GV500", "0A03", "0103")},
	{"+RESP:GTVER,1F0101," IMEI ",1G1JC5444R7252367,,GV500,0A03,0103,"
	    T1 ",10F8$", MSG_GTVER, "VER", "1F0101", IMEI, "", T1, "10F8",
	    NO_CODE,
	    VERSION("GV500", "0A03", "0103")},
	/* … with a name as long as a VIN, which has other characters, */
	{"+RESP:GTVER,C20100," IMEI ",gv620mg-truck-017,GV620MG,0A03,0103,"
	    T1 ",10F8$", MSG_GTVER, "VER", "C20100", IMEI,
	    "gv620mg-truck-017", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "0A03", "0103")},
	{"+RESP:GTVER,C20100," IMEI ",TRUCK0001OFDEPOT7,GV620MG,0A03,0103,"
	    T1 ",10F8$", MSG_GTVER, "VER", "C20100", IMEI,
	    "TRUCK0001OFDEPOT7", T1, "10F8", NO_CODE,
	    VERSION("GV620MG", "0A03", "0103")},
	/* … with a VIN field that is empty, */
	{"+RESP:GTVER,1F0109," IMEI ",,gv500,GV500,0A03,0103," T1 ",10F8$",
	    MSG_GTVER, "VER", "1F0109", IMEI, "gv500", T1, "10F8", NO_CODE,
	    VERSION("GV500", "0A03", "0103")},
	/* … which a fifth field alone does not make, */
	{"+RESP:GTVER,C20100," IMEI ",,GV620MG,0A03,0103,0200," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8", NO_CODE, NULL,
	    "GV620MG", "0A03", "0103"},
	{"+RESP:GTVER,C20100," IMEI ",,GV620MG,R1V2,0103,M26," T1 ",10F8$",
	    MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8", NO_CODE, NULL,
	    "GV620MG", "R1V2", "0103"},
	{"+RESP:GTVER,C20100," IMEI ",,GV620MG,R1V2,0103,0200,M26," T1
	    ",10F8$", MSG_GTVER, "VER", "C20100", IMEI, "", T1, "10F8",
	    NO_CODE, VERSION("GV620MG", "R1V2", "0103")},
	/* … and with fields of the modem. */
	{"+RESP:GTVER,6E0100," IMEI ",GV310LAU,GV310LAU,0A03,0103,EG915,"
	    "R02,,," T1 ",10F8$", MSG_GTVER, "VER", "6E0100", IMEI,
	    "GV310LAU", T1, "10F8", NO_CODE,
	    VERSION("GV310LAU", "0A03", "0103")},

	/* Power; external supply is another thing. */
	{"+RESP:GTPNA,F50201," IMEI ",GL300M," T1 ",0BD5$", MSG_POWER_ON,
	    "PNA", "F50201", IMEI, "", T1, "0BD5", NO_CODE},
	{"+RESP:GTPFA,F50201," IMEI ",,2," T1 ",0BD5$", MSG_POWER_OFF, "PFA",
	    "F50201", IMEI, "", T1, "0BD5", NO_CODE},
	{"+RESP:GTMPN,F50201," IMEI ",," T1 ",0BD5$", MSG_REPORT, "MPN",
	    "F50201", IMEI, "", T1, "0BD5", NO_CODE},
	{"+BUFF:GTPNA,F50201," IMEI ",," T1 ",0BD5$", MSG_REPORT, "PNA",
	    "F50201", IMEI, "", T1, "0BD5", NO_CODE, .buffered = true},

	/* Reports: unknown ones are data, and fields in between are theirs. */
	{"+RESP:GTZ9Q,clone!," IMEI ",,,,,,,,,,,,,,,,," T1 ",0BD5$",
	    MSG_REPORT, "Z9Q", "clone!", IMEI, "", T1, "0BD5", NO_CODE},
	{"+RESP:GTFRI,C20100," IMEI "," T1 ",0BD5$", MSG_REPORT, "FRI",
	    "C20100", IMEI, "", T1, "0BD5", NO_CODE},
	{"+QRY:GTXXX,C20100," IMEI ",," T1 ",0BD5$", MSG_REPORT, "XXX",
	    "C20100", IMEI, "", T1, "0BD5", NO_CODE},
};

static struct frame
frame_of(struct span s)
{
	return (struct frame){.family = FRAME_ASCII, .bytes = s};
}

static bool
text_is(struct span s, const char *want)
{
	return span_is(s, want == NULL ? "" : want);
}

static void
check_want(const struct want *w, struct span bytes)
{
	struct frame f = frame_of(bytes);
	struct message m;
	enum msg_bad bad;
	uint64_t v;

	ck_assert_msg(message_decode(&f, &m, &bad) == 0, "%s: %s",
	    msg_bad_name(bad), w->bytes);
	ck_assert_int_eq(bad, MSG_BAD_NONE);
	ck_assert_msg(m.kind == w->kind, "%s: %s", msg_kind_name(m.kind),
	    w->bytes);
	ck_assert_msg(text_is(m.type, w->type) &&
	    text_is(m.protover, w->protover) && text_is(m.name, w->name) &&
	    text_is(m.send_time, w->send_time) &&
	    text_is(m.count_text, w->count), "%s", w->bytes);
	ck_assert_str_eq(m.id.text, w->id);
	ck_assert_int_eq(span_hex(span_str(w->count), UINT16_MAX, &v), 0);
	ck_assert_uint_eq(m.count, v);
	ck_assert_msg(m.code == w->code && m.times == w->times,
	    "%d,%d: %s", m.code, m.times, w->bytes);
	ck_assert_msg(m.has_serial == (w->serial != NULL), "%s", w->bytes);
	if (w->serial != NULL) {
		ck_assert_int_eq(span_hex(span_str(w->serial), UINT16_MAX,
		    &v), 0);
		ck_assert_uint_eq(m.serial, v);
	}
	ck_assert_msg(text_is(m.device_type, w->device_type) &&
	    text_is(m.firmware, w->firmware) &&
	    text_is(m.hardware, w->hardware), "%.*s %.*s %.*s: %s",
	    (int)m.device_type.n, m.device_type.p, (int)m.firmware.n,
	    m.firmware.p, (int)m.hardware.n, m.hardware.p, w->bytes);
	ck_assert_int_eq(m.buffered, w->buffered);
	ck_assert(span_eq(m.raw, bytes));
}

START_TEST(good_messages)
{
	for (size_t i = 0; i < ARRAY_LEN(wants); i++)
		check_want(&wants[i], span_str(wants[i].bytes));
}
END_TEST

/* Old units end with NUL. */
START_TEST(good_messages_ending_in_nul)
{
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		char buf[512];
		size_t n = strlen(wants[i].bytes);

		memcpy(buf, wants[i].bytes, n);
		buf[n - 1] = '\0';
		check_want(&wants[i], span_of(buf, n));
	}
}
END_TEST

START_TEST(every_vector_decodes)
{
	bool seen[MSG_KIND_COUNT_] = {false};

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct frame f = frame_of(span_str(vectors[i]));
		struct message m;
		enum msg_bad bad;

		ck_assert_msg(message_decode(&f, &m, &bad) == 0, "%s",
		    vectors[i]);
		seen[m.kind] = true;
	}
	for (int kind = 0; kind < MSG_KIND_COUNT_; kind++)
		ck_assert_msg(seen[kind] || kind == MSG_ACK_OTHER, "%s",
		    msg_kind_name((enum msg_kind)kind));
}
END_TEST

START_TEST(bad_messages)
{
	static const struct {
		const char *bytes;
		enum msg_bad bad;
		bool answerable; /* id and count are known nevertheless */
	} rows[] = {
		{"$", MSG_BAD_HEAD, false},
		{"+RESP:$", MSG_BAD_HEAD, false},
		{"+RESP:GTUPD$", MSG_BAD_HEAD, false},
		{"+RESP:GTUP,C20100," UID ",,100,," T1 ",11F0$", MSG_BAD_HEAD,
		    false},
		{"+RESP:GTUPDX,C20100," UID ",,100,," T1 ",11F0$",
		    MSG_BAD_HEAD, false},
		{"+RESP:GTupd,C20100," UID ",,100,," T1 ",11F0$",
		    MSG_BAD_HEAD, false},
		{"+RESP:UPD,C20100," UID ",,100,," T1 ",11F0$", MSG_BAD_HEAD,
		    false},
		{"+RESP:GT\0PD,C20100," UID ",,100,," T1 ",11F0$",
		    MSG_BAD_HEAD, false},
		{"+SACK:GTHBD,C20100," UID ",," T1 ",11F0$", MSG_BAD_HEAD,
		    false},
		{"+RESP:GTUPD,C20100$", MSG_BAD_FIELDS, false},
		{"+RESP:GTUPD,C20100," UID "$", MSG_BAD_FIELDS, false},
		{"+RESP:GTUPD,C20100," UID ",11F0$", MSG_BAD_FIELDS, false},
		{"+RESP:GTUPD,C20100,,,100,," T1 ",11F0$", MSG_BAD_ID, false},
		{"+RESP:GTUPD,C20100,00000000000000,,100,," T1 ",11F0$",
		    MSG_BAD_ID, false},
		{"+RESP:GTUPD,C20100,A000002B41DEEX,,100,," T1 ",11F0$",
		    MSG_BAD_ID, false},
		{"+RESP:GTUPD,C20100,A000002 B41DEE0,,100,," T1 ",11F0$",
		    MSG_BAD_ID, false},
		{"+RESP:GTUPD,C20100," UID ",,100,," T1 ",$", MSG_BAD_TAIL,
		    false},
		{"+RESP:GTUPD,C20100," UID ",,100,," T1 ",11F$", MSG_BAD_TAIL,
		    false},
		{"+RESP:GTUPD,C20100," UID ",,100,," T1 ",11F00$",
		    MSG_BAD_TAIL, false},
		{"+RESP:GTUPD,C20100," UID ",,100,," T1 ",11FG$",
		    MSG_BAD_TAIL, false},
		{"+RESP:GTUPD,C20100," UID ",,100,,2015020102000,11F0$",
		    MSG_BAD_TAIL, false},
		{"+RESP:GTUPD,C20100," UID ",,100,,2015020102000x,11F0$",
		    MSG_BAD_TAIL, false},
		{"+RESP:GTUPD,C20100," UID "," T1 ",11F0$", MSG_BAD_FIELDS,
		    true},
		{"+RESP:GTUPD,C20100," UID ",100,," T1 ",11F0$",
		    MSG_BAD_FIELDS, true},
		{"+RESP:GTUPD,C20100," UID ",100," T1 ",11F0$",
		    MSG_BAD_FIELDS, true},
		{"+RESP:GTUPD,C20100," UID ",,,," T1 ",11F0$", MSG_BAD_VALUE,
		    true},
		{"+RESP:GTUPD,C20100," UID ",,10,," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTUPD,C20100," UID ",,1000,," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTUPD,C20100," UID ",,-10,," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTUPD,C20100," UID ",,1A0,," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTUPD,C20100," UID ",,200,-1," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTUPD,C20100," UID ",,200,1000," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+ACK:GTUPD,C20100," UID ",,1," T1 ",11F0$", MSG_BAD_VALUE,
		    true},
		{"+ACK:GTUPD,C20100," UID ",,00001," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+ACK:GTUPD,C20100," UID ",,," T1 ",11F0$", MSG_BAD_VALUE,
		    true},
		{"+ACK:GTUPD,C20100," UID ",0001," T1 ",11F0$",
		    MSG_BAD_FIELDS, true},
		{"+ACK:GTUPD,C20100," UID "," T1 ",11F0$", MSG_BAD_FIELDS,
		    true},
		{"+ACK:GTRTO,C20100," UID ",,VER," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTVER,C20100," UID "," T1 ",11F0$", MSG_BAD_FIELDS,
		    true},
		{"+RESP:GTVER,C20100," UID ",GV620MG,0A03,0103," T1 ",11F0$",
		    MSG_BAD_FIELDS, true},
		{"+RESP:GTVER,C20100," UID ",,,,,," T1 ",11F0$",
		    MSG_BAD_FIELDS, true},
		{"+RESP:GTVER,C20100," UID ",,GV620MG,,0103," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
		{"+RESP:GTVER,C20100," UID ",,GV620MG,1234567890123456789012"
		    "345,0103," T1 ",11F0$", MSG_BAD_VALUE, true},
		{"+RESP:GTVER,C20100," UID ",,GV620MG,0A\x01,0103," T1
		    ",11F0$", MSG_BAD_VALUE, true},
		{"+RESP:GTVER,C20100," UID ",,GV\xff,0A03,0103," T1 ",11F0$",
		    MSG_BAD_VALUE, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct frame f = frame_of(span_str(rows[i].bytes));
		struct message m;
		enum msg_bad bad = MSG_BAD_NONE;

		ck_assert_msg(message_decode(&f, &m, &bad) < 0, "%s",
		    rows[i].bytes);
		ck_assert_msg(bad == rows[i].bad, "%s, not %s: %s",
		    msg_bad_name(bad), msg_bad_name(rows[i].bad),
		    rows[i].bytes);
		ck_assert_msg((m.count_text.n > 0) == rows[i].answerable,
		    "%s", rows[i].bytes);
		if (!rows[i].answerable)
			continue;
		ck_assert_str_eq(m.id.text, UID);
		ck_assert(span_is(m.count_text, "11F0"));
		/* Nothing half-read looks like a value. */
		ck_assert_int_eq(m.code, -1);
		ck_assert_int_eq(m.times, -1);
		ck_assert(!m.has_serial && m.firmware.n == 0);
	}
}
END_TEST

START_TEST(binary_families_are_not_read_as_text)
{
	struct frame f = frame_of(span_str(vectors[0]));
	struct message m;
	enum msg_bad bad;

	f.family = FRAME_HEX1;
	ck_assert_int_lt(message_decode(&f, &m, &bad), 0);
	ck_assert_int_eq(bad, MSG_BAD_HEAD);
	ck_assert(span_eq(m.raw, f.bytes));
	f = frame_of(span_of(NULL, 0));
	ck_assert_int_lt(message_decode(&f, &m, &bad), 0);
	ck_assert_int_eq(bad, MSG_BAD_HEAD);
}
END_TEST

static void
check_inside(struct span part, struct span whole)
{
	if (part.n == 0)
		return;
	QUICK(part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* Damaged messages in blocks of their exact size: views stay inside, a value
 * is only there when its message is good, and the message before changes
 * nothing. */
START_TEST(damaged_messages)
{
	static const char salt[] = ",,,,$+ \0\r\n0A\xff";
	struct message next = {.kind = MSG_REPORT};
	struct prng r;

	prng_init(&r, 1);
	for (int round = 0; round < 50000; round++) {
		const char *v = vectors[prng_below(&r, ARRAY_LEN(vectors))];
		size_t n = strlen(v);
		char *p = malloc(n);
		struct frame f;
		struct message m;
		enum msg_bad bad, next_bad;

		QUICK(p != NULL);
		memcpy(p, v, n);
		for (uint64_t k = prng_below(&r, 4); k > 0; k--)
			p[prng_below(&r, n)] =
			    salt[prng_below(&r, sizeof(salt) - 1)];
		f = frame_of(span_of(p, prng_below(&r, 4) == 0 ?
		    prng_below(&r, n) + 1 : n));
		if (message_decode(&f, &m, &bad) == 0) {
			QUICK(m.id.key != 0);
			QUICK(m.count_text.n == 4);
			QUICK(m.code >= -1 && m.code <= 999);
			QUICK(m.kind == MSG_GTUPD || m.code == -1);
			QUICK((m.kind == MSG_GTVER) ==
			    (m.firmware.n > 0));
		} else {
			QUICK(bad != MSG_BAD_NONE);
			QUICK(!m.has_serial && m.code == -1);
		}
		QUICK((message_decode_next(&f, &next, &next_bad) == 0) ==
		    (bad == MSG_BAD_NONE) && next_bad == bad);
		QUICK(next.kind == m.kind && next.count == m.count &&
		    next.serial == m.serial && next.code == m.code);
		QUICK(next.has_id == m.has_id && next.id.key == m.id.key &&
		    strcmp(next.id.text, m.id.text) == 0);
		check_inside(m.type, f.bytes);
		check_inside(m.protover, f.bytes);
		check_inside(m.name, f.bytes);
		check_inside(m.send_time, f.bytes);
		check_inside(m.count_text, f.bytes);
		check_inside(m.device_type, f.bytes);
		check_inside(m.firmware, f.bytes);
		check_inside(m.hardware, f.bytes);
		free(p);
	}
}
END_TEST

START_TEST(every_kind_and_reason_has_a_name)
{
	for (int i = 0; i < MSG_KIND_COUNT_; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(msg_kind_name((enum msg_kind)i),
			    msg_kind_name((enum msg_kind)k));
	for (int i = 0; i < MSG_BAD_COUNT_; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(msg_bad_name((enum msg_bad)i),
			    msg_bad_name((enum msg_bad)k));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proto message");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, good_messages);
	tcase_add_test(tc, good_messages_ending_in_nul);
	tcase_add_test(tc, every_vector_decodes);
	tcase_add_test(tc, bad_messages);
	tcase_add_test(tc, binary_families_are_not_read_as_text);
	tcase_add_test(tc, damaged_messages);
	tcase_add_test(tc, every_kind_and_reason_has_a_name);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
