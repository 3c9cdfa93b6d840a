/*
 * Frames that are cut: each kind of the binary families at each length and with
 * each mask, its check sum right, so that the decoder sees what it promises.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "hexgram.h"
#include "proto/message.h"
#include "quick.h"

#define BODY_MAX 48

/* Of the common fields, which bit of the mask stands for which. */
struct bits {
	uint8_t type, protover, firmware, name, time, count;
};

static const struct bits of_report = {8, 9, 10, 6, 4, 5};
static const struct bits of_info = {2, 3, 4, 1, 5, 6};
static const struct bits of_beat = {1, 2, 3, 4, 5, 6};

/* What stands around the common fields. behind: what only this kind has. */
static const struct kind {
	const char *kind;
	const struct bits *bits;
	uint32_t base;        /* length and the like */
	int8_t type;          /* -1: none */
	uint8_t mask_n, length_n;
	uint8_t behind;
	bool has_id;
	bool versions;
	bool named;           /* the mask may say so */
	enum msg_kind want;
	bool buffered;
} kinds[] = {
	{"+RSP", &of_report, 1 << 7, 7, 4, 2, 0, true, true, true, MSG_REPORT,
		false},
	{"+BSP", &of_report, 1 << 7, 7, 4, 2, 0, true, true, true, MSG_REPORT,
		true},
	{"+EVT", &of_report, 1 << 7, 7, 4, 2, 0, true, true, true, MSG_REPORT,
		false},
	{"+BVT", &of_report, 1 << 7, 0x10, 4, 2, 0, true, true, true,
		MSG_REPORT, true},
	{"+INF", &of_info, 1, 1, 2, 2, 0, true, true, true, MSG_REPORT, false},
	{"+BNF", &of_info, 1, 1, 2, 2, 0, true, true, true, MSG_REPORT, true},
	{"+ACK", &of_beat, 1, 0x10, 1, 1, 2, true, true, true, MSG_ACK_OTHER,
		false},
	{"+ACK", &of_beat, 1, 0x15, 1, 1, 2, true, true, true, MSG_ACK_GTUPD,
		false},
	{"+HBD", &of_beat, 0x81, -1, 1, 1, 0, true, true, true, MSG_HEARTBEAT,
		false},
	{"+BBD", &of_beat, 1, -1, 1, 1, 0, false, true, true, MSG_HEARTBEAT,
		true},
	{"+CRD", &of_beat, 0, -1, 2, 2, 0, true, true, true, MSG_REPORT,
		false},
	{"+BRD", &of_beat, 0, -1, 2, 2, 0, true, true, true, MSG_REPORT, true},
	{"+LGN", &of_beat, 0, 1, 1, 2, 7, true, false, false, MSG_REPORT,
		false},
};

/* A mask of the common fields: bit 0 the type … bit 5 the count. */
static uint32_t
mask_of(const struct kind *k, unsigned fields)
{
	const uint8_t at[] = {k->bits->type, k->bits->protover,
		k->bits->firmware, k->bits->name, k->bits->time,
		k->bits->count};
	uint32_t mask = k->base;

	for (size_t i = 0; i < ARRAY_LEN(at); i++)
		if ((fields >> i & 1) != 0)
			mask |= UINT32_C(1) << at[i];
	return mask;
}

/* Bytes that these fields take. */
static size_t
need_of(const struct kind *k, unsigned fields)
{
	size_t need = k->behind;

	if (k->versions)
		need += (fields & 1) + (fields & 2) + (fields & 4) / 2;
	if (k->has_id)
		need += 8;
	return need + (fields & 16 ? 7u : 0u) + (fields & 32 ? 2u : 0u);
}

static void
frame_make(struct hexgram *g, const struct kind *k, unsigned fields,
    unsigned fill, size_t n)
{
	hexgram_begin(g, k->kind);
	if (k->type >= 0)
		hexgram_put(g, (uint64_t)k->type, 1);
	hexgram_put(g, mask_of(k, fields), k->mask_n);
	hexgram_length(g, k->length_n);
	for (size_t i = 0; i < n; i++)
		hexgram_put(g, fill, 1);
	hexgram_end(g);
}

/* In memory that ends with the frame: a sanitizer sees the byte behind it. The
 * message points there until the next call. */
static int
decode(const char *p, size_t n, enum frame_family family, struct message *ret,
    enum msg_bad *bad)
{
	static char *exact;

	free(exact);
	exact = malloc(n > 0 ? n : 1);
	ck_assert_ptr_nonnull(exact);
	memcpy(exact, p, n);
	return message_decode(&(struct frame){family, span_of(exact, n)}, ret,
	    bad);
}

START_TEST(hex1_cut_at_each_length)
{
	const struct kind *k = &kinds[_i];

	for (unsigned fields = 0; fields < 64; fields++) {
		bool named = k->named && (fields & 8) != 0;
		size_t need = need_of(k, fields);

		for (size_t n = 0; n < BODY_MAX; n++) {
			struct hexgram g;
			struct message m;
			enum msg_bad bad;

			/* 0x55: an id of 15 digits would be 555…, a name UUU…,
			 * and the clock shows no year. */
			frame_make(&g, k, fields, 0x55, n);
			(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
			if (n < need) /* the id of some stands in front */
				QUICK(bad == MSG_BAD_FIELDS ||
				    (bad == MSG_BAD_ID && !named &&
				    (k->bits == &of_info ||
				    k->behind == 2)));
			else if (k->has_id && !named)
				QUICK(bad == MSG_BAD_ID && !m.has_id);
			else
				QUICK(bad == MSG_BAD_NONE);
			QUICK(m.kind == k->want && m.buffered == k->buffered);
			if (bad != MSG_BAD_NONE)
				continue;
			QUICK(span_is(m.name,
			    k->has_id ? "UUUUUUUU" : ""));
			QUICK((m.count_text.n == 4) == ((fields & 32) != 0));
			QUICK(m.send_time.n == 0);
			QUICK(m.has_serial == (k->behind == 2));
			if (!k->versions)
				continue;
			QUICK((m.device_type.n == 2) == ((fields & 1) != 0));
			QUICK((m.protover.n == 6) == ((fields & 3) == 3));
			QUICK((m.firmware.n == 4) == ((fields & 4) != 0));
		}
	}
}
END_TEST

/* A head that is not all there is none, whatever the mask promises. */
START_TEST(hex1_cut_in_its_head)
{
	const struct kind *k = &kinds[_i];
	struct hexgram g;

	for (unsigned fill = 0; fill <= 0xff; fill += 0x55) {
		frame_make(&g, k, fill & 63, fill, 0);
		for (size_t n = 4; n < g.n; n++) {
			struct message m;
			enum msg_bad bad;

			QUICK(decode(g.p, n, FRAME_HEX1, &m, &bad) < 0);
			QUICK(bad == MSG_BAD_HEAD || bad == MSG_BAD_CRC);
			QUICK(!m.has_id && m.count_text.n == 0);
		}
	}
}
END_TEST

/* What has a place of its own behind the common fields. */
START_TEST(hex1_version_and_update_cut)
{
	static const struct kind ver = {"+INF", &of_info, 1, 6, 2, 2, 0, true,
		true, true, MSG_GTVER, false};
	static const struct kind upd = {"+EVT", &of_report, 1 << 7, 0x0f, 4, 2,
		0, true, true, true, MSG_GTUPD, false};

	for (size_t n = 0; n < BODY_MAX; n++) {
		size_t need = need_of(&ver, 63);
		struct hexgram g;
		struct message m;
		enum msg_bad bad;

		frame_make(&g, &ver, 63, 0x55, n);
		(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
		ck_assert_int_eq(bad, n < need ? MSG_BAD_FIELDS : MSG_BAD_NONE);
		if (n >= need)
			ck_assert(span_is(m.hardware,
			    n >= need + 2 ? "5555" : ""));
		/* No place in it can be a code. */
		frame_make(&g, &upd, 63, 0x55, n);
		(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
		ck_assert_int_eq(bad, n < need_of(&upd, 63) ? MSG_BAD_FIELDS
							    : MSG_BAD_VALUE);
		ck_assert_int_eq(m.code, -1);
	}
}
END_TEST

/* Of an id each byte is two digits, and it is checked as a whole. */
START_TEST(hex1_ids_that_are_none)
{
	static const char good[] = "\x56\x00\x00\x00\x00\x00\x00\x08";
	const struct kind *k = &kinds[0];

	for (size_t at = 0; at < 8; at++) {
		struct hexgram g;
		struct message m;
		enum msg_bad bad;

		frame_make(&g, k, 0, 0, 0);
		g.n -= 4;
		for (size_t i = 0; i < 8; i++)
			hexgram_put(&g, i == at ? (at == 7 ? 10 : 100) :
			    (unsigned char)good[i], 1);
		hexgram_end(&g);
		(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
		ck_assert_int_eq(bad, MSG_BAD_ID);
		ck_assert(!m.has_id);
	}
}
END_TEST

/* Names: what is no text is not shown as one; blanks around it go. */
START_TEST(hex1_names)
{
	static const struct {
		const char *bytes, *want;
	} rows[] = {
		{"truck\0\0\0", "truck"}, {" truck 7", "truck 7"},
		{"truck\n\0\0", ""}, {"tr\x7f" "ck\0\0\0", ""},
		{"tr\xc3\xbc" "ck\0\0", ""}, {"\0ruckruc", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hexgram g;
		struct message m;
		enum msg_bad bad;

		frame_make(&g, &kinds[0], 8, 0, 0);
		g.n -= 4;
		for (size_t k = 0; k < 8; k++)
			hexgram_put(&g, (unsigned char)rows[i].bytes[k], 1);
		hexgram_end(&g);
		(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
		ck_assert_int_eq(bad, MSG_BAD_NONE);
		ck_assert_msg(span_is(m.name, rows[i].want), "row %zu: \"%.*s\"",
		    i, (int)m.name.n, m.name.p);
	}
}
END_TEST

/* The send time is text, or none: a clock is never believed. */
START_TEST(hex1_clocks)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} rows[] = {
		{UINT64_C(0x07ea0b170d2605), "20261123133805"},
		{UINT64_C(0x00000000000000), "00000000000000"},
		{UINT64_C(0x270f6363636363), "99999999999999"},
		{UINT64_C(0x27100101010101), ""},
		{UINT64_C(0x07ea6401010101), ""},
		{UINT64_C(0x07ea01010101ff), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hexgram g;
		struct message m;
		enum msg_bad bad;

		frame_make(&g, &kinds[0], 8 + 16 + 32, 'A', 8);
		g.n -= 4;
		hexgram_put(&g, rows[i].bytes, 7);
		hexgram_put(&g, 0x0102, 2);
		hexgram_end(&g);
		(void)decode(g.p, g.n, FRAME_HEX1, &m, &bad);
		ck_assert_int_eq(bad, MSG_BAD_NONE);
		ck_assert_msg(span_is(m.send_time, rows[i].want), "row %zu", i);
		ck_assert(span_is(m.count_text, "0102"));
	}
}
END_TEST

/* The second family. An IMEI has 15 digits, or 16 with a 0 in front. */
START_TEST(hex2_cut_at_each_length)
{
	for (int flag = 0; flag <= 0x80; flag += 0x80) {
		size_t wide = flag != 0 ? 2 : 0;

		for (size_t n = 0; n < 40; n++) {
			struct hexgram g;
			struct message m;
			enum msg_bad bad;
			enum msg_bad want = n < 8 + wide ? MSG_BAD_FIELDS
							 : MSG_BAD_NONE;

			hexgram_begin(&g, "-");
			hexgram_put(&g, 0, 1);
			hexgram_length(&g, 2);
			hexgram_put(&g, (uint64_t)flag, 1);
			for (size_t i = 0; i < n; i++)
				hexgram_put(&g, i < wide ? 0xff :
				    UINT64_C(0x0860000000000008) >>
				    8 * (7 - (i - wide) % 8) & 0xff, 1);
			hexgram_put(&g, 0xabcd, 2);
			hexgram_end2(&g);
			(void)decode(g.p, g.n, FRAME_HEX2, &m, &bad);
			ck_assert_msg(bad == want, "%zu bytes: %s", n,
			    msg_bad_name(bad));
			ck_assert(m.buffered);
			ck_assert(m.has_id == (want == MSG_BAD_NONE));
			if (want != MSG_BAD_NONE)
				continue;
			ck_assert_str_eq(m.id.text, "860000000000008");
			ck_assert(span_is(m.count_text, "ABCD"));
			ck_assert(span_is(m.device_type,
			    n >= 12 + wide ? "0860" : ""));
			for (size_t cut = 0; cut < 9; cut++)
				QUICK(decode(g.p, cut, FRAME_HEX2, &m,
				    &bad) < 0 && bad == MSG_BAD_HEAD);
		}
	}
}
END_TEST

START_TEST(hex2_id_of_zeros)
{
	struct hexgram g;
	struct message m;
	enum msg_bad bad;

	hexgram_begin(&g, "+");
	hexgram_put(&g, 0, 1);
	hexgram_length(&g, 2);
	hexgram_put(&g, 0, 1);
	hexgram_put(&g, 0, 8);
	hexgram_put(&g, 1, 2);
	hexgram_end2(&g);
	(void)decode(g.p, g.n, FRAME_HEX2, &m, &bad);
	ck_assert_int_eq(bad, MSG_BAD_ID);
	ck_assert(!m.has_id);
}
END_TEST

/* Text, cut everywhere: never good before its end, never more than is there. */
START_TEST(text_cut_at_each_length)
{
	static const char *const frames[] = {
		"+RESP:GTUPD,C20100,860000000000008,,301,,20261123133805,0A1F$",
		"+BUFF:GTUPD,C20100,860000000000008,1HGCM82633A004352,truck,"
		    "200,1,20261123133805,0A1F$",
		"+RESP:GTVER,C20100,860000000000008,truck,GV620MG,0A03,0103,"
		    "20261123133805,0A1F$",
		"+ACK:GTHBD,C20100,860000000000008,,20261123133805,FFFF$",
		"+ACK:GTUPD,C20100,860000000000008,,0001,20261123133805,FFFF$",
	};

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		size_t n = strlen(frames[i]);
		struct message m;
		enum msg_bad bad;

		ck_assert_int_eq(decode(frames[i], n, FRAME_ASCII, &m, &bad),
		    0);
		for (size_t cut = 0; cut < n; cut++) {
			char text[200];

			/* The end mark is the framer's, and is there. */
			memcpy(text, frames[i], cut);
			text[cut] = '$';
			(void)decode(text, cut + 1, FRAME_ASCII, &m, &bad);
			QUICK(cut == n - 1 || bad != MSG_BAD_NONE ||
			    m.count_text.n == 4);
			QUICK(m.code == -1 || (m.code >= 100 && m.code <= 399));
			(void)decode(frames[i], cut, FRAME_ASCII, &m, &bad);
			QUICK(cut < n - 1 || bad == MSG_BAD_TAIL);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proto short");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, hex1_cut_at_each_length, 0,
	    (int)ARRAY_LEN(kinds));
	tcase_add_loop_test(tc, hex1_cut_in_its_head, 0,
	    (int)ARRAY_LEN(kinds));
	tcase_add_test(tc, hex1_version_and_update_cut);
	tcase_add_test(tc, hex1_ids_that_are_none);
	tcase_add_test(tc, hex1_names);
	tcase_add_test(tc, hex1_clocks);
	tcase_add_test(tc, hex2_cut_at_each_length);
	tcase_add_test(tc, hex2_id_of_zeros);
	tcase_add_test(tc, text_cut_at_each_length);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
