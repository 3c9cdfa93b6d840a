/* hex: the binary families among each other, with text, damaged, and what they
 * say. The frames are built by hexgram.c, which knows nothing of src. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "feeder.h"
#include "hexgram.h"
#include "proto/crc.h"
#include "proto/message.h"
#include "quick.h"
#include "splits.h"

#define ID "135790246811220"
#define SAID "20150201020000"
#define BEAT "+ACK:GTHBD,C20100," ID ",," SAID ",11F0$"
#define BEAT_OK "ok 55 " BEAT "\nrest 0 \n"

static const struct hexunit unit = {.id = ID, .type = 0xc2, .protover = 0x100,
	.firmware = 0x0a03};
static const struct hexunit named = {.id = ID, .name = "truck-7",
	.type = 0xc2, .protover = 0x100, .firmware = 0x0a03};

START_TEST(sums_of_the_textbook)
{
	struct span s = SPAN_LIT("123456789");

	ck_assert_uint_eq(crc16_add(CRC16_INIT, s), 0x29b1);
	ck_assert_uint_eq(crc8_add(CRC8_INIT, s), 0xf7);
	ck_assert_uint_eq(crc16_add(crc16_add(CRC16_INIT, span_of(s.p, 4)),
	    span_of(s.p + 4, 5)), 0x29b1);
}
END_TEST

/* --- one of each ---------------------------------------------------------- */

enum { EACH_MAX = 24 };

static void
masked(struct hexgram *g, const char *kind, unsigned type, uint64_t mask,
    size_t mask_n)
{
	hexgram_begin(g, kind);
	if (type != 0)
		hexgram_put(g, type, 1);
	hexgram_put(g, mask, mask_n);
	hexgram_uid(g, &unit);
	hexgram_put(g, 0x0d0a0d0a, 4); /* a line end is no end by itself */
	hexgram_put(g, 0x2401, 2);
	hexgram_time(g, SAID);
	hexgram_put(g, 0x11f1, 2);
	hexgram_end(g);
}

static void
with_mask(struct hexgram *g, const char *kind, unsigned type, uint64_t mask,
    size_t mask_n, size_t length_n, size_t before_id)
{
	hexgram_begin(g, kind);
	if (type != 0)
		hexgram_put(g, type, 1);
	hexgram_put(g, mask, mask_n);
	hexgram_length(g, length_n);
	for (size_t i = 0; i < before_id; i++)
		hexgram_put(g, 0x10 + i, 1);
	hexgram_uid(g, &unit);
	hexgram_put(g, 0x2b242d0d, 4); /* what could end or begin others */
	hexgram_time(g, SAID);
	hexgram_put(g, 0x11f2, 2);
	hexgram_end(g);
}

/* All that protocol.md tells apart. */
static size_t
each_of(struct hexgram *g)
{
	size_t n = 0;

	hexgram_ack(&g[n++], &unit, 0x15, 1, SAID, 0x11f3);
	hexgram_upd(&g[n++], &unit, 0, 200, 1, SAID, 0x11f4);
	hexgram_upd(&g[n++], &unit, 1, 301, 0, SAID, 0x11f5);
	hexgram_ver(&g[n++], &unit, 0, 0x0103, SAID, 0x11f6);
	hexgram_ver(&g[n++], &named, 1, 0x0103, SAID, 0x11f6);
	hexgram_beat(&g[n++], &unit, SAID, 0x11f7);
	hexgram_report(&g[n++], &unit, 0, 7, SAID, 0x11f8);
	hexgram_report(&g[n++], &named, 1, 7, SAID, 0x11f8);
	hexgram_beat2(&g[n++], ID, 0x11f9);
	hexgram_report2(&g[n++], ID, 0, 40, 0x11fa);
	hexgram_report2(&g[n++], ID, 1, 900, 0x11fb);
	masked(&g[n++], "+RSP", 7, 0x003e1830, 4);
	masked(&g[n++], "+INF", 1, 0x0160, 2);
	masked(&g[n++], "+ACK", 0x15, 0x60, 1);
	masked(&g[n++], "+HBD", 0, 0xe0, 1);
	with_mask(&g[n++], "+BSP", 0x12, UINT64_C(0x003e1fbf00000001), 8, 2,
	    5);
	with_mask(&g[n++], "+INF", 1, 0x01fd0001, 4, 2, 0);
	with_mask(&g[n++], "+CRD", 0, 0x00ef, 2, 2, 5);
	with_mask(&g[n++], "+LGN", 0x01, 0xff, 1, 2, 7);
	with_mask(&g[n++], "+DAT", 0x01, 0x003e1fbf, 4, 2, 5);
	with_mask(&g[n++], "+OBD", 0x01, 0x11223344, 4, 1, 3);
	ck_assert_uint_le(n, EACH_MAX);
	return n;
}

static void
want_frame(struct sbuf *want, const struct hexgram *g)
{
	sbuf_addf(want, "ok %zu ", g->n);
	sbuf_add_escaped(want, g->p, g->n);
	sbuf_adds(want, "\n");
}

/* Alone, behind itself and before text, in every split; then all of them and
 * text, in any order. */
START_TEST(each_in_every_split)
{
	static struct hexgram g[EACH_MAX];
	size_t n = each_of(g);
	struct sbuf all, want_all;
	struct prng r;

	prng_init(&r, 8);
	for (size_t i = 0; i < n; i++) {
		struct sbuf b, want;

		sbuf_init(&b, 0);
		sbuf_init(&want, 0);
		for (int twice = 0; twice < 2; twice++) {
			sbuf_add(&b, g[i].p, g[i].n);
			want_frame(&want, &g[i]);
		}
		sbuf_adds(&b, BEAT);
		sbuf_adds(&want, BEAT_OK);
		for (size_t a = 0; a <= b.len; a += g[i].n > 300 ? 13 : 1)
			check_split(span_of(b.p, b.len), FRAME_MAX_DEFAULT, a,
			    a, sbuf_str(&want));
		check_drip(span_of(b.p, b.len), FRAME_MAX_DEFAULT,
		    sbuf_str(&want));
		sbuf_done(&b);
		sbuf_done(&want);
	}
	for (int round = 0; round < 100; round++) {
		sbuf_init(&all, 0);
		sbuf_init(&want_all, 0);
		for (int k = 0; k < 12; k++) {
			size_t i = prng_below(&r, n + 1);

			if (i == n) {
				sbuf_adds(&all, BEAT "\r\n");
				sbuf_adds(&want_all, "ok 55 " BEAT "\n");
				continue;
			}
			sbuf_add(&all, g[i].p, g[i].n);
			want_frame(&want_all, &g[i]);
		}
		sbuf_adds(&all, BEAT);
		sbuf_adds(&want_all, BEAT_OK);
		check_random_splits(span_of(all.p, all.len),
		    FRAME_MAX_DEFAULT, &r, sbuf_str(&want_all));
		sbuf_done(&all);
		sbuf_done(&want_all);
	}
}
END_TEST

/* --- damage --------------------------------------------------------------- */

/* What stands behind a frame that lost a byte's bit or its end comes through
 * as soon as it is there, in every split the same. */
static void
check_damaged(const struct hexgram *g, struct span next, const char *want)
{
	char bin[HEXGRAM_MAX + 256];

	for (size_t cut = 0; cut < 2 * g->n; cut++) {
		size_t n = cut < g->n ? cut : g->n;
		struct span s = span_of(bin, n + next.n);
		char *once;

		memcpy(bin, g->p, g->n);
		if (cut >= g->n)
			bin[cut - g->n] ^= 0x04;
		memcpy(bin + n, next.p, next.n);
		once = push_at_once(s, FRAME_MAX_DEFAULT);
		ck_assert_msg(strstr(once, want) != NULL,
		    "%.4s of %zu, cut %zu: %s", g->p, g->n, cut, once);
		check_split(s, FRAME_MAX_DEFAULT, n / 2, n, once);
		check_drip(s, FRAME_MAX_DEFAULT, once);
		free(once);
	}
}

START_TEST(damage_takes_nothing_along)
{
	static struct hexgram g[EACH_MAX];
	size_t n = each_of(g);
	struct hexgram beat;
	struct sbuf want;

	hexgram_beat(&beat, &unit, SAID, 0x11f7);
	sbuf_init(&want, 0);
	want_frame(&want, &beat);
	sbuf_adds(&want, "rest 0 \n");
	for (size_t i = 0; i < n; i++) {
		if (g[i].n > 300)
			continue;
		check_damaged(&g[i], SPAN_LIT(BEAT), BEAT_OK);
		if (g[i].p[1] >= 'A')
			check_damaged(&g[i], span_of(beat.p, beat.n),
			    sbuf_str(&want));
	}
	sbuf_done(&want);
}
END_TEST

/* A message of text that broke off does not swallow the binary frame. */
START_TEST(text_breaks_off_before_binary)
{
	static const char head[] = "+RESP:GTFRI,C20100," ID ",,+49170,";
	struct hexgram beat;
	struct sbuf b, want;
	char *once;

	hexgram_beat(&beat, &unit, SAID, 0x11f7);
	sbuf_init(&b, 0);
	sbuf_init(&want, 0);
	sbuf_adds(&b, head);
	sbuf_add(&b, beat.p, beat.n);
	sbuf_addf(&want, "prefix %zu %s\n", sizeof(head) - 1, head);
	want_frame(&want, &beat);
	sbuf_adds(&want, "rest 0 \n");
	once = push_at_once(span_of(b.p, b.len), FRAME_MAX_DEFAULT);
	ck_assert_str_eq(once, sbuf_str(&want));
	for (size_t a = 0; a <= b.len; a++)
		check_split(span_of(b.p, b.len), FRAME_MAX_DEFAULT, a, a,
		    once);
	free(once);
	sbuf_done(&b);
	sbuf_done(&want);
}
END_TEST

/* Heads without an end: held below the limit, every byte counted, and a drip
 * costs what a gush does. */
START_TEST(endless_is_bounded)
{
	static const struct {
		struct span first, unit;
	} rows[] = {
		{SPAN_LIT("+RSP"), SPAN_LIT("x")},
		{SPAN_LIT("+RSP\x07\0\0\0\0"), SPAN_LIT("\r\n")},
		{SPAN_LIT("+DAT"), SPAN_LIT("+DAT")},
		{SPAN_LIT("+DAT"), SPAN_LIT("\r\n+DAT\xff")},
		{SPAN_LIT("+HBD"), SPAN_LIT("+HBD\x01\x20")},
		{SPAN_LIT("+RSP\x07\0\0\0\xbf\x0f\xff"), SPAN_LIT("+ACK\x15")},
		{SPAN_LIT("+\0\x05\xa0"), SPAN_LIT("-")},
		{SPAN_LIT("-\0\x05\xa0"), SPAN_LIT("+\0\x05\xa0")},
		{SPAN_LIT("+\x10\x18"), SPAN_LIT("-\x10")},
	};
	enum { TOTAL = 40000 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sbuf b;
		struct feeder fd;
		size_t lost = 0;
		char *once;

		sbuf_init(&b, 0);
		sbuf_add(&b, rows[i].first.p, rows[i].first.n);
		while (b.len < TOTAL)
			sbuf_add(&b, rows[i].unit.p, rows[i].unit.n);
		once = push_at_once(span_of(b.p, b.len), FRAME_MAX_DEFAULT);
		feeder_init(&fd, FRAME_MAX_DEFAULT);
		for (size_t k = 0; k < b.len; k++) {
			feeder_push(&fd, b.p + k, 1);
			QUICK(fd.len < FRAME_MAX_DEFAULT);
		}
		ck_assert_uint_eq(fd.frames, 0);
		for (int why = 0; why < FRAME_WHY_COUNT_; why++)
			lost += fd.lost[why];
		ck_assert_uint_le(lost + fd.len, b.len);
		/* Line ends between losses are blanks. */
		if (rows[i].unit.p[0] != '\r')
			ck_assert_uint_eq(lost + fd.len, b.len);
		ck_assert_msg(fd.looked <= 8 * b.len, "row %zu: %zu of %zu",
		    i, (size_t)fd.looked, b.len);
		ck_assert_str_eq(feeder_end(&fd), once);
		feeder_done(&fd);
		sbuf_done(&b);
		free(once);
	}
}
END_TEST

/* --- what they say -------------------------------------------------------- */

static struct frame
frame_of(const struct hexgram *g)
{
	return (struct frame){
	    .family = g->p[1] >= 'A' ? FRAME_HEX1 : FRAME_HEX2,
	    .bytes = span_of(g->p, g->n),
	};
}

static void
decode_good(const struct hexgram *g, enum msg_kind kind, bool buffered,
    unsigned count, struct message *ret)
{
	struct frame f = frame_of(g);
	enum msg_bad bad;
	char text[8];

	ck_assert_msg(message_decode(&f, ret, &bad) == 0, "%.4s: %s", g->p,
	    msg_bad_name(bad));
	ck_assert_int_eq(ret->kind, kind);
	ck_assert_int_eq(ret->family, f.family);
	ck_assert_int_eq(ret->buffered, buffered);
	ck_assert_uint_eq(ret->count, count);
	(void)snprintf(text, sizeof(text), "%04X", count);
	ck_assert(span_is(ret->count_text, text));
	ck_assert(span_eq(ret->raw, f.bytes));
	if (ret->has_id)
		ck_assert_str_eq(ret->id.text, ID);
}

START_TEST(acks_carry_the_serial)
{
	struct hexgram g;
	struct message m;

	hexgram_ack(&g, &unit, 0x15, 0xfffe, SAID, 0x11f3);
	decode_good(&g, MSG_ACK_GTUPD, false, 0x11f3, &m);
	ck_assert(m.has_id && m.has_serial);
	ck_assert_uint_eq(m.serial, 0xfffe);
	ck_assert(span_is(m.protover, "C20100"));
	ck_assert(span_is(m.firmware, "0A03"));
	ck_assert(span_is(m.send_time, SAID));
	hexgram_ack(&g, &named, 0x10, 2, SAID, 0x11f3);
	decode_good(&g, MSG_ACK_OTHER, false, 0x11f3, &m);
	ck_assert(!m.has_id && m.has_serial && m.serial == 2);
	ck_assert(span_is(m.name, "truck-7"));
}
END_TEST

START_TEST(reports_of_an_update)
{
	static const struct {
		unsigned code, times;
		int want_times;
	} rows[] = {
		{100, 0, -1}, {101, 0, -1}, {102, 0, -1}, {103, 0, -1},
		{200, 1, 1}, {200, 4, 4}, {201, 2, 2}, {202, 3, 3},
		{300, 0, -1}, {301, 0, -1}, {302, 0, -1}, {303, 0, -1},
		{104, 0, -1}, {399, 0, -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hexgram g;
		struct message m;

		for (int b = 0; b < 2; b++) {
			hexgram_upd(&g, b ? &named : &unit, b, rows[i].code,
			    rows[i].times, SAID, 0xfff1);
			decode_good(&g, MSG_GTUPD, b, 0xfff1, &m);
			ck_assert_int_eq(m.has_id, !b);
			ck_assert_int_eq(m.code, (int)rows[i].code);
			ck_assert_int_eq(m.times, rows[i].want_times);
			ck_assert(span_is(m.type, "UPD"));
		}
	}
}
END_TEST

/* Between id and code models differ: by the mask, or beside it. */
static void
upd_of(struct hexgram *g, uint32_t mask, const char *fields, size_t n,
    unsigned code)
{
	hexgram_begin(g, "+EVT");
	hexgram_put(g, 0x0f, 1);
	hexgram_put(g, mask, 4);
	hexgram_length(g, 2);
	hexgram_put(g, 0x270100, 3);
	hexgram_put(g, 0x0a03, 2);
	hexgram_uid(g, &unit);
	for (size_t i = 0; i < n; i++)
		hexgram_put(g, (unsigned char)fields[i], 1);
	hexgram_put(g, code, 2);
	hexgram_put(g, 1, 1);
	for (size_t i = 0; i < 30; i++)
		hexgram_put(g, 0, 1);
	hexgram_time(g, SAID);
	hexgram_put(g, 0x11f4, 2);
	hexgram_end(g);
}

START_TEST(code_behind_other_fields)
{
	static const struct {
		uint32_t mask;
		struct span fields;
		int want; /* -1: refused, but to be acknowledged */
	} rows[] = {
		{0x000007b0, SPAN_LIT(""), 200},
		{0x001e1fb0, SPAN_LIT("\x58\x2f\x5b\0\0\x11\x07"), 200},
		{0x001fdfb0, SPAN_LIT("\x58\x2f\x5b\0\1\0\2\0\3\0\0\x21\x07"),
		    200},
		/* One field more than the mask tells. */
		{0x001e1fb0, SPAN_LIT("\3\x3f\x2f\x78\1\0\x21\x08"), 200},
		{0x000007b0, SPAN_LIT("\x58\x2f\x5b\x42\x07"), 200},
		/* No motion: the only likely place is still one place. */
		{0x000007b0, SPAN_LIT("\x58\x2f\x5b\0\x07"), 200},
		/* Two likely places. */
		{0x000007b0, SPAN_LIT("\x58\0\x64\0\x01\xff\x07"), -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hexgram g;
		struct frame f;
		struct message m;
		enum msg_bad bad;

		upd_of(&g, rows[i].mask, rows[i].fields.p, rows[i].fields.n,
		    200);
		f = frame_of(&g);
		ck_assert_msg((message_decode(&f, &m, &bad) == 0) ==
		    (rows[i].want >= 0), "row %zu: %s", i, msg_bad_name(bad));
		ck_assert_int_eq(m.code, rows[i].want);
		ck_assert(m.has_id && span_is(m.count_text, "11F4"));
		if (rows[i].want < 0)
			ck_assert_int_eq(bad, MSG_BAD_VALUE);
	}
}
END_TEST

START_TEST(versions)
{
	struct hexgram g;
	struct message m;

	hexgram_ver(&g, &unit, 0, 0x0103, SAID, 0x11f6);
	decode_good(&g, MSG_GTVER, false, 0x11f6, &m);
	ck_assert(m.has_id && span_is(m.device_type, "C2"));
	ck_assert(span_is(m.firmware, "0A03") && span_is(m.hardware, "0103"));
	hexgram_ver(&g, &named, 1, 0x0103, SAID, 0x11f6);
	decode_good(&g, MSG_GTVER, true, 0x11f6, &m);
	ck_assert(!m.has_id && span_is(m.name, "truck-7"));
	ck_assert(span_is(m.firmware, "0A03"));
	/* Without a firmware there is no version. */
	hexgram_begin(&g, "+INF");
	hexgram_put(&g, 0x06016d, 3);
	hexgram_length(&g, 2);
	hexgram_uid(&g, &unit);
	hexgram_put(&g, 0xc20100, 3);
	hexgram_time(&g, SAID);
	hexgram_put(&g, 1, 2);
	hexgram_end(&g);
	{
		struct frame f = frame_of(&g);
		enum msg_bad bad;

		ck_assert_int_lt(message_decode(&f, &m, &bad), 0);
		ck_assert_int_eq(bad, MSG_BAD_VALUE);
		ck_assert(span_is(m.count_text, "0001"));
	}
}
END_TEST

START_TEST(heartbeats)
{
	/* The vendor's example of the second family. */
	static const char example[] = "\x2b\x10\x18\x01\x23\x45\x67\x89\x01"
	    "\x23\x45\x80\x01\x00\x07\x00\x5e\x36\x2f\x5a\x10\xf2\x14\x24";
	struct hexgram g;
	struct message m;
	struct frame f = {FRAME_HEX2, {example, sizeof(example) - 1}};
	enum msg_bad bad;

	ck_assert_int_eq(message_decode(&f, &m, &bad), 0);
	ck_assert_int_eq(m.kind, MSG_HEARTBEAT);
	ck_assert_str_eq(m.id.text, "123456789012345");
	ck_assert(span_is(m.count_text, "10F2"));
	ck_assert(span_is(m.protover, "80010007"));
	hexgram_beat(&g, &unit, SAID, 0x11f7);
	decode_good(&g, MSG_HEARTBEAT, false, 0x11f7, &m);
	ck_assert(m.has_id && span_is(m.protover, "C20100"));
	hexgram_beat(&g, &named, SAID, 0x11f7);
	decode_good(&g, MSG_HEARTBEAT, false, 0x11f7, &m);
	ck_assert(!m.has_id);
	/* Mask bit 7 = 0: no id at all. */
	hexgram_begin(&g, "+HBD");
	hexgram_put(&g, 0x6f, 1);
	hexgram_length(&g, 1);
	hexgram_put(&g, 0xc20100, 3);
	hexgram_put(&g, 0x0a03, 2);
	hexgram_time(&g, SAID);
	hexgram_put(&g, 0x11f8, 2);
	hexgram_end(&g);
	decode_good(&g, MSG_HEARTBEAT, false, 0x11f8, &m);
	ck_assert(!m.has_id);
	hexgram_beat2(&g, ID, 0xffff);
	decode_good(&g, MSG_HEARTBEAT, false, 0xffff, &m);
	ck_assert(m.has_id && span_is(m.protover, "C031000A"));
}
END_TEST

START_TEST(reports)
{
	struct hexgram g;
	struct message m;

	hexgram_report(&g, &unit, 0, 7, SAID, 0x11f8);
	decode_good(&g, MSG_REPORT, false, 0x11f8, &m);
	ck_assert(m.has_id && span_is(m.firmware, "0A03"));
	/* The update report is an event: a report of that number is not. */
	hexgram_report(&g, &unit, 0, 0x0f, SAID, 0x11f8);
	decode_good(&g, MSG_REPORT, false, 0x11f8, &m);
	hexgram_report2(&g, ID, 1, 40, 0x11fa);
	decode_good(&g, MSG_REPORT, true, 0x11fa, &m);
	ck_assert(m.has_id);
	with_mask(&g, "+BSP", 0x12, UINT64_C(0x003e1fbf00000001), 8, 2, 5);
	decode_good(&g, MSG_REPORT, true, 0x11f2, &m);
	ck_assert(m.has_id);
	with_mask(&g, "+INF", 1, 0x01e10001, 4, 2, 0);
	decode_good(&g, MSG_REPORT, false, 0x11f2, &m);
	ck_assert(m.has_id);
	with_mask(&g, "+LGN", 0x01, 0xff, 1, 2, 7);
	decode_good(&g, MSG_REPORT, false, 0x11f2, &m);
	ck_assert(m.has_id);
	with_mask(&g, "+DAT", 0x01, 0x11223344, 4, 2, 5);
	decode_good(&g, MSG_REPORT, false, 0x11f2, &m);
	ck_assert(!m.has_id);
}
END_TEST

/* Not one flipped bit of any frame goes through. */
START_TEST(sums_are_held)
{
	static struct hexgram g[EACH_MAX];
	size_t n = each_of(g);

	for (size_t i = 0; i < n; i++) {
		/* The kind is not summed, and its end is the framer's. */
		size_t from = g[i].p[1] >= 'A' ? 4 : 3;
		size_t to = g[i].n - (g[i].p[1] >= 'A' ? 2 : 1);

		for (size_t bit = 8 * from; bit < 8 * to; bit += 3) {
			struct frame f = frame_of(&g[i]);
			struct message m;
			enum msg_bad bad;

			g[i].p[bit / 8] ^= (char)(1 << bit % 8);
			if (g[i].p[4] != ':' || g[i].p[1] != 'A') {
				QUICK(message_decode(&f, &m, &bad) < 0);
				QUICK(bad == MSG_BAD_CRC ||
				    bad == MSG_BAD_HEAD);
				QUICK(m.count_text.n == 0 && !m.has_id);
			}
			g[i].p[bit / 8] ^= (char)(1 << bit % 8);
		}
	}
}
END_TEST

/* An id whose bytes are no two digits each is none; so is one of zeros. */
START_TEST(ids_must_be_ids)
{
	struct hexgram g;
	struct message m;
	enum msg_bad bad;
	struct hexunit bad_unit = unit;
	struct frame f;

	bad_unit.id = "000000000000000";
	hexgram_report(&g, &bad_unit, 0, 7, SAID, 1);
	f = frame_of(&g);
	ck_assert_int_lt(message_decode(&f, &m, &bad), 0);
	ck_assert_int_eq(bad, MSG_BAD_ID);
	/* A name where the mask promises an id. */
	hexgram_begin(&g, "+HBD");
	hexgram_put(&g, 0xef, 1);
	hexgram_length(&g, 1);
	hexgram_put(&g, UINT64_C(0xc201000a03), 5);
	hexgram_uid(&g, &named);
	hexgram_time(&g, SAID);
	hexgram_put(&g, 1, 2);
	hexgram_end(&g);
	f = frame_of(&g);
	ck_assert_int_lt(message_decode(&f, &m, &bad), 0);
	ck_assert_int_eq(bad, MSG_BAD_ID);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proto hex");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, sums_of_the_textbook);
	tcase_add_test(tc, each_in_every_split);
	tcase_add_test(tc, damage_takes_nothing_along);
	tcase_add_test(tc, text_breaks_off_before_binary);
	tcase_add_test(tc, endless_is_bounded);
	tcase_add_test(tc, acks_carry_the_serial);
	tcase_add_test(tc, reports_of_an_update);
	tcase_add_test(tc, code_behind_other_fields);
	tcase_add_test(tc, versions);
	tcase_add_test(tc, heartbeats);
	tcase_add_test(tc, reports);
	tcase_add_test(tc, sums_are_held);
	tcase_add_test(tc, ids_must_be_ids);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
