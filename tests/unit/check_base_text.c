/* base: what reads and writes text. Every table has rows that must fail. */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/devid.h"
#include "base/errtext.h"
#include "base/prng.h"
#include "base/sbuf.h"
#include "base/units.h"
#include "base/version.h"
#include "base/sha256.h"
#include "base/wtime.h"
#include "quick.h"

/* --- span ------------------------------------------------------------------ */

START_TEST(span_compares_bytes)
{
	struct span none = {NULL, 0};

	ck_assert(span_eq(SPAN_LIT("a\0b"), SPAN_LIT("a\0b")));
	ck_assert(!span_eq(SPAN_LIT("a\0b"), SPAN_LIT("a\0c")));
	ck_assert(!span_eq(SPAN_LIT("ab"), SPAN_LIT("abc")));
	ck_assert(span_eq(none, SPAN_LIT("")));
	ck_assert(span_is(SPAN_LIT("UPD"), "UPD"));
	ck_assert(!span_is(SPAN_LIT("UPD"), "UP"));
	ck_assert(!span_is(SPAN_LIT("UP"), "UPD"));
	ck_assert(span_starts(SPAN_LIT("+RESP:GT"), "+RESP:"));
	ck_assert(!span_starts(SPAN_LIT("+RES"), "+RESP:"));
	ck_assert(span_starts(none, ""));
}
END_TEST

START_TEST(span_trims_blanks_only)
{
	ck_assert(span_is(span_trim(SPAN_LIT(" \t a b\t ")), "a b"));
	ck_assert(span_is(span_trim(SPAN_LIT("\r\na\n")), "\r\na\n"));
	ck_assert_uint_eq(span_trim(SPAN_LIT(" \t ")).n, 0);
	ck_assert_uint_eq(span_trim(span_of(NULL, 0)).n, 0);
}
END_TEST

/* Fields of s joined by '|', from the front or from the end. */
static void
fields_join(char *out, size_t size, struct span s,
    bool (*cut)(struct span *, char, struct span *))
{
	struct span f;
	char *p = out;

	while (cut(&s, ',', &f)) {
		ck_assert_uint_lt((size_t)(p - out) + f.n + 2, size);
		if (f.n > 0)
			memcpy(p, f.p, f.n);
		p += f.n;
		*p++ = '|';
	}
	*p = '\0';
	ck_assert_ptr_null(s.p);
}

START_TEST(span_cuts_fields_from_both_ends)
{
	static const struct {
		const char *text, *front, *back;
	} rows[] = {
		{"a,b,c", "a|b|c|", "c|b|a|"},
		{"", "|", "|"},
		{",", "||", "||"},
		{"a,", "a||", "|a|"},
		{",a", "|a|", "a||"},
		{"abc", "abc|", "abc|"},
		{",,x,,", "||x|||", "||x|||"},
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		fields_join(out, sizeof(out), span_str(rows[i].text),
		    span_field);
		ck_assert_str_eq(out, rows[i].front);
		fields_join(out, sizeof(out), span_str(rows[i].text),
		    span_field_last);
		ck_assert_str_eq(out, rows[i].back);
	}
}
END_TEST

START_TEST(span_field_never_reads_past_its_end)
{
	char text[] = "ab,cd"; /* the span ends before the comma */
	struct span s = span_of(text, 2), f;

	ck_assert(span_field(&s, ',', &f));
	ck_assert(span_is(f, "ab"));
	ck_assert(!span_field(&s, ',', &f));
}
END_TEST

START_TEST(span_numbers)
{
	static const struct {
		const char *text;
		uint64_t max;
		int dec, hex;
		uint64_t dec_value, hex_value;
	} rows[] = {
		{"0", UINT64_MAX, 0, 0, 0, 0},
		{"0000000000000000000000017", 17, 0, -1, 17, 0},
		{"10", 10, 0, -1, 10, 0},
		{"11", 10, -1, -1, 0, 0},
		{"18446744073709551615", UINT64_MAX, 0, -1,
		    UINT64_MAX, 0},
		{"18446744073709551616", UINT64_MAX, -1, -1, 0, 0},
		{"99999999999999999999", UINT64_MAX, -1, -1, 0, 0},
		{"ffffffffffffffff", UINT64_MAX, -1, 0, 0, UINT64_MAX},
		{"10000000000000000", UINT64_MAX, 0, -1,
		    10000000000000000, 0},
		{"FfFf", 0xffff, -1, 0, 0, 0xffff},
		{"1", 0, -1, -1, 0, 0},
		{"5", 3, -1, -1, 0, 0},
		{"", 9, -1, -1, 0, 0},
		{"-1", 9, -1, -1, 0, 0},
		{"+1", 9, -1, -1, 0, 0},
		{" 1", 9, -1, -1, 0, 0},
		{"1 ", 9, -1, -1, 0, 0},
		{"0x1", 9, -1, -1, 0, 0},
		{"g", 99, -1, -1, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct span s = span_str(rows[i].text);
		uint64_t v = 77;

		ck_assert_msg(span_dec(s, rows[i].max, &v) == rows[i].dec,
		    "decimal \"%s\"", rows[i].text);
		ck_assert_uint_eq(v, rows[i].dec == 0 ?
		    rows[i].dec_value : 77);
		v = 77;
		ck_assert_msg(span_hex(s, rows[i].max, &v) == rows[i].hex,
		    "hex \"%s\"", rows[i].text);
		ck_assert_uint_eq(v, rows[i].hex == 0 ?
		    rows[i].hex_value : 77);
	}
}
END_TEST

START_TEST(span_copy_says_when_it_cuts)
{
	char buf[4] = "zzz";

	ck_assert(span_copy(buf, sizeof(buf), SPAN_LIT("abc")));
	ck_assert_str_eq(buf, "abc");
	ck_assert(!span_copy(buf, sizeof(buf), SPAN_LIT("abcd")));
	ck_assert_str_eq(buf, "abc");
	ck_assert(span_copy(buf, sizeof(buf), span_of(NULL, 0)));
	ck_assert_str_eq(buf, "");
	ck_assert(!span_copy(buf, 0, SPAN_LIT("a")));
}
END_TEST

/* --- devid ----------------------------------------------------------------- */

START_TEST(devid_reads_what_units_send)
{
	static const struct {
		const char *in, *text;
		uint64_t key;
	} rows[] = {
		{"A000002B41DEE0", "A000002B41DEE0", 0xa000002b41dee0},
		{"a000002b41dee0", "A000002B41DEE0", 0xa000002b41dee0},
		/* The vendor's own example has a wrong check digit. */
		{"135790246811220", "135790246811220", 0x13579024681122},
		{"135790246811224", "135790246811224", 0x13579024681122},
		{"13579024681122", "13579024681122", 0x13579024681122},
		{"0135790246811220", "0135790246811220", 0x13579024681122},
		{"012345678901237", "012345678901237", 0x01234567890123},
		{"86777777777777A", "86777777777777A", 0x86777777777777a},
		{"1234567890ABCDEF", "1234567890ABCDEF", 0x1234567890abcdef},
		{"00000000000001", "00000000000001", 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct devid id;

		ck_assert_msg(devid_parse(span_str(rows[i].in), &id) == 0,
		    "%s", rows[i].in);
		ck_assert_str_eq(id.text, rows[i].text);
		ck_assert_uint_eq(id.key, rows[i].key);
	}
}
END_TEST

START_TEST(devid_refuses_the_rest)
{
	static const char *const rows[] = {
		"", "1", "1234567890123", "12345678901234567",
		"00000000000000", "000000000000000", "0000000000000000",
		"000000000000005", /* nothing but a check digit */
		"A000002B41DEEG", "A000002B41DEE ", " A000002B41DEE0",
		"12345678901234,", "-1234567890123", "1234567890123x",
		("1234567890\xc3\xa4""12"), "0x234567890123",
		"12345678901234/", "12345678901234:",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct devid id = {.key = 42};

		ck_assert_msg(devid_parse(span_str(rows[i]), &id) == -1,
		    "%s", rows[i]);
		ck_assert_uint_eq(id.key, 42);
	}
	ck_assert_int_eq(devid_parse(span_of(NULL, 0), &(struct devid){0}),
	    -1);
}
END_TEST

/* What it takes for read is what reading would give. */
START_TEST(devid_knows_its_own_letters)
{
	static const char salt[] = "0019AFaf, ";
	struct devid last = {.key = 0}, id;
	unsigned known = 0;
	struct prng r;

	prng_init(&r, 3);
	ck_assert(!devid_reads(&last, span_of("\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 14)));
	for (int round = 0; round < 200000; round++) {
		char text[18] = "86123401234567E";
		size_t n = 14 + prng_below(&r, 3), at;
		struct span s = span_of(text, n);

		if (prng_below(&r, 2) == 0) {
			at = prng_below(&r, n);
			text[at] = salt[prng_below(&r, sizeof(salt))];
		}
		if (devid_reads(&last, s)) {
			known++;
			QUICK(devid_parse(s, &id) == 0 &&
			    id.key == last.key &&
			    strcmp(id.text, last.text) == 0);
		}
		if (devid_parse(s, &id) < 0)
			continue;
		QUICK(devid_reads(&id, span_str(id.text)));
		last = id;
	}
	ck_assert_uint_gt(known, 10000);
}
END_TEST

START_TEST(devid_knows_spreadsheet_damage)
{
	static const char *const bad[] = {
		"8.67E+14", "8,67E+14", "8.67844E+14", "8E+14", "8e14",
		"867844003012625.0", "867844003012625.00", "8.67844e14",
		"867844003012625.", "1.35790246811E+14",
	};
	static const char *const good[] = {
		"", "867844003012625", "A000002B41DEE0", "8670000000000E1",
		"86700000000E14", "id", "8.67F+14", "8.67E+", "8.67E+1x",
		".5", "E+14", "12345", "8-1",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(devid_is_damaged(span_str(bad[i])), "%s",
		    bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ck_assert_msg(!devid_is_damaged(span_str(good[i])), "%s",
		    good[i]);
}
END_TEST

/* --- errtext --------------------------------------------------------------- */

START_TEST(errtext_sets_and_cuts)
{
	struct errtext err;
	char big[sizeof(err.text) * 2];

	ck_assert_int_eq(errtext_set(&err, -3, "%s: %d", "line", 7), -3);
	ck_assert_int_eq(err.code, -3);
	ck_assert_str_eq(err.text, "line: 7");
	ck_assert_int_eq(errtext_set(NULL, -4, "%s", "x"), -4);

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	ck_assert_int_eq(errtext_set(&err, -5, "%s", big), -5);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

/* --- sbuf ------------------------------------------------------------------ */

START_TEST(sbuf_grows)
{
	struct sbuf b;

	sbuf_init(&b, 0);
	ck_assert_str_eq(sbuf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		sbuf_addf(&b, "%03d,", i);
	ck_assert(!b.failed);
	ck_assert_uint_eq(b.len, 4000);
	ck_assert_uint_eq(strlen(sbuf_str(&b)), 4000);
	ck_assert_str_eq(sbuf_str(&b) + 3996, "999,");
	sbuf_clear(&b);
	ck_assert_str_eq(sbuf_str(&b), "");
	sbuf_adds(&b, "");
	sbuf_add(&b, NULL, 0);
	sbuf_adds(&b, "again");
	ck_assert_str_eq(sbuf_str(&b), "again");
	sbuf_done(&b);
	ck_assert_str_eq(sbuf_str(&b), "");
}
END_TEST

START_TEST(sbuf_keeps_its_limit)
{
	struct sbuf b;

	sbuf_init(&b, 8);
	sbuf_adds(&b, "12345678");
	ck_assert(!b.failed);
	sbuf_add(&b, "", 0);
	ck_assert(!b.failed);
	sbuf_adds(&b, "9");
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "12345678");

	sbuf_clear(&b);
	ck_assert(!b.failed);
	sbuf_adds(&b, "abc");
	sbuf_addf(&b, "%s", "too much for it");
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "abc");
	/* A later piece that would fit must not make a text with a hole. */
	sbuf_adds(&b, "d");
	ck_assert_str_eq(sbuf_str(&b), "abc");
	ck_assert_uint_le(b.cap, 9);
	sbuf_done(&b);

	/* Nothing behind the limit, even when nothing ever fits. */
	sbuf_init(&b, 3);
	sbuf_adds(&b, "four");
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "");
	sbuf_done(&b);
}
END_TEST

START_TEST(sbuf_gives_its_text_away)
{
	struct sbuf b;
	char *text;

	sbuf_init(&b, 4);
	sbuf_adds(&b, "four");
	text = sbuf_take(&b);
	ck_assert_str_eq(text, "four");
	ck_assert_str_eq(sbuf_str(&b), "");
	free(text);
	/* Used again, with its limit: nothing, and then too much. */
	text = sbuf_take(&b);
	ck_assert_str_eq(text, "");
	free(text);
	sbuf_adds(&b, "fo");
	sbuf_adds(&b, "ur!");
	ck_assert_ptr_null(sbuf_take(&b));
	ck_assert(!b.failed);
	ck_assert_str_eq(sbuf_str(&b), "");
}
END_TEST

START_TEST(sbuf_escapes_foreign_bytes)
{
	struct sbuf b;

	sbuf_init(&b, 0);
	sbuf_add_escaped(&b, "a \"\\\x7f\x80\xff\r\n\0z~!", 13);
	ck_assert_str_eq(sbuf_str(&b),
	    "a \\x22\\x5C\\x7F\\x80\\xFF\\x0D\\x0A\\x00z~!");
	sbuf_done(&b);

	/* Whole or not at all: no half of an escape. */
	sbuf_init(&b, 6);
	sbuf_adds(&b, "ab");
	sbuf_add_escaped(&b, "c\n", 2);
	ck_assert(b.failed);
	ck_assert_str_eq(sbuf_str(&b), "ab");
	sbuf_clear(&b);
	sbuf_add_escaped(&b, "ab\n", 3);
	ck_assert_str_eq(sbuf_str(&b), "ab\\x0A");
	sbuf_done(&b);
}
END_TEST

/* --- units ----------------------------------------------------------------- */

enum unit_kind { DURATION, RATE, SIZE, PERCENT };

static int
unit_parse(enum unit_kind kind, struct span s, int64_t *ret)
{
	uint64_t size;
	int r = -1;

	switch (kind) {
	case DURATION:
		return units_duration(s, ret);
	case RATE:
		return units_rate(s, ret);
	case PERCENT:
		return units_percent(s, ret);
	case SIZE:
		r = units_size(s, &size);
		if (r == 0)
			*ret = (int64_t)size;
		break;
	}
	return r;
}

static char *
unit_text(enum unit_kind kind, int64_t v, char buf[UNITS_TEXT])
{
	switch (kind) {
	case DURATION:
		return units_duration_text(v, buf);
	case RATE:
		return units_rate_text(v, buf);
	case PERCENT:
		return units_percent_text(v, buf);
	case SIZE:
		return units_size_text((uint64_t)v, buf);
	}
	return NULL;
}

START_TEST(units_good)
{
	static const struct {
		enum unit_kind kind;
		const char *text;
		int64_t value;
		const char *shortest;
	} rows[] = {
		{DURATION, "90s", 90000, "90s"},
		{DURATION, "15m", 900000, "15m"},
		{DURATION, "12h", 43200000, "12h"},
		{DURATION, "24h", 86400000, "1d"},
		{DURATION, "7d", 604800000, "7d"},
		{DURATION, "3600s", 3600000, "1h"},
		{DURATION, "0s", 0, "0s"},
		{DURATION, "0d", 0, "0s"},
		{DURATION, "36500d", UNITS_DURATION_MAX, "36500d"},
		{RATE, "30/min", 1800, "30/min"},
		{RATE, "10/s", 36000, "10/s"},
		{RATE, "60/min", 3600, "1/s"},
		{RATE, "5/h", 5, "5/h"},
		{RATE, "0/s", 0, "0/h"},
		{RATE, "1000000/s", UNITS_RATE_MAX, "1000000/s"},
		{SIZE, "256KiB", 262144, "256KiB"},
		{SIZE, "10MiB", 10485760, "10MiB"},
		{SIZE, "1024KiB", 1048576, "1MiB"},
		{SIZE, "412300", 412300, "412300"},
		{SIZE, "2GiB", (int64_t)2 << 30, "2GiB"},
		{SIZE, "0", 0, "0"},
		{SIZE, "1125899906842624", (int64_t)1 << 50, "1048576GiB"},
		{PERCENT, "97%", 970000, "97%"},
		{PERCENT, "100%", 1000000, "100%"},
		{PERCENT, "100.0000%", 1000000, "100%"},
		{PERCENT, "0.5%", 5000, "0.5%"},
		{PERCENT, "0%", 0, "0%"},
		{PERCENT, "0.0001%", 1, "0.0001%"},
		{PERCENT, "33.3300%", 333300, "33.33%"},
		{PERCENT, "12.05%", 120500, "12.05%"},
	};
	char buf[UNITS_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = -7;

		ck_assert_msg(unit_parse(rows[i].kind, span_str(rows[i].text),
		    &v) == 0, "%s", rows[i].text);
		ck_assert_int_eq(v, rows[i].value);
		ck_assert_str_eq(unit_text(rows[i].kind, v, buf),
		    rows[i].shortest);
		/* What is printed is what is read. */
		ck_assert_int_eq(unit_parse(rows[i].kind, span_str(buf), &v),
		    0);
		ck_assert_int_eq(v, rows[i].value);
	}
}
END_TEST

START_TEST(units_bad)
{
	static const struct {
		enum unit_kind kind;
		const char *text;
	} rows[] = {
		{DURATION, ""}, {DURATION, "s"}, {DURATION, "90"},
		{DURATION, "90 s"}, {DURATION, " 90s"}, {DURATION, "90s "},
		{DURATION, "-90s"}, {DURATION, "+90s"}, {DURATION, "1.5h"},
		{DURATION, "010s"}, {DURATION, "00s"}, {DURATION, "1e3s"},
		{DURATION, "90S"}, {DURATION, "1w"}, {DURATION, "250ms"},
		{DURATION, "1h30m"}, {DURATION, "36501d"},
		{DURATION, "99999999999999999999d"}, {DURATION, "0x10s"},
		{RATE, ""}, {RATE, "/s"}, {RATE, "30"}, {RATE, "30/m"},
		{RATE, "30/ min"}, {RATE, "30/minute"}, {RATE, "1.5/s"},
		{RATE, "030/min"}, {RATE, "-1/s"}, {RATE, "1000001/s"},
		{RATE, "30/d"}, {RATE, "30/"},
		{SIZE, ""}, {SIZE, "KiB"}, {SIZE, "10MB"}, {SIZE, "10 MiB"},
		{SIZE, "10mib"}, {SIZE, "010"}, {SIZE, "1e3"},
		{SIZE, "-1"}, {SIZE, "1.5MiB"}, {SIZE, "10B"},
		{SIZE, "1125899906842625"}, {SIZE, "18446744073709551615GiB"},
		{PERCENT, ""}, {PERCENT, "%"}, {PERCENT, "97"},
		{PERCENT, "0.5"}, {PERCENT, ".5%"}, {PERCENT, "5.%"},
		{PERCENT, "0.00001%"}, {PERCENT, "100.0001%"},
		{PERCENT, "101%"}, {PERCENT, "-1%"}, {PERCENT, "097%"},
		{PERCENT, "97 %"}, {PERCENT, "97%%"}, {PERCENT, "1.2.3%"},
		{PERCENT, "0,5%"}, {PERCENT, "0.-5%"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = -7;

		ck_assert_msg(unit_parse(rows[i].kind, span_str(rows[i].text),
		    &v) == -1, "\"%s\" is %" PRId64, rows[i].text, v);
		ck_assert_int_eq(v, -7);
		ck_assert_int_eq(unit_parse(rows[i].kind, span_of(NULL, 0),
		    &v), -1);
	}
}
END_TEST

START_TEST(units_print_what_nobody_writes)
{
	char buf[UNITS_TEXT];

	ck_assert_str_eq(units_duration_text(250, buf), "250ms");
	ck_assert_str_eq(units_duration_text(1500, buf), "1500ms");
	ck_assert_str_eq(units_duration_text(-60000, buf), "-1m");
	ck_assert_str_eq(units_duration_text(INT64_MIN, buf),
	    "-9223372036854775808ms");
	ck_assert_str_eq(units_rate_text(INT64_MIN, buf),
	    "-9223372036854775808/h");
	ck_assert_str_eq(units_percent_text(-5000, buf), "-0.5%");
	ck_assert_str_eq(units_percent_text(INT64_MIN, buf),
	    "-922337203685477.5808%");
	ck_assert_str_eq(units_size_text(UINT64_MAX, buf),
	    "18446744073709551615");
}
END_TEST

/* --- version --------------------------------------------------------------- */

START_TEST(version_order)
{
	static const struct {
		const char *a, *b;
		enum version_order order;
	} rows[] = {
		{"0A03", "0A05", VERSION_LESS},
		{"0A05", "0A03", VERSION_GREATER},
		{"0A05", "0a05", VERSION_EQUAL},
		{"0A0F", "0a10", VERSION_LESS},
		{"9999", "A000", VERSION_LESS},
		{"0000", "FFFF", VERSION_LESS},
		{"R13A01V01", "r13a01v01", VERSION_EQUAL},
		{"R13A01V01", "R13A01V02", VERSION_UNORDERED},
		{"0A03", "R13A01V01", VERSION_UNORDERED},
		{"0A3", "0A05", VERSION_UNORDERED},
		{"00A03", "0A05", VERSION_UNORDERED},
		{"0A0G", "0A05", VERSION_UNORDERED},
		{"", "0A05", VERSION_UNORDERED},
		{"", "", VERSION_EQUAL},
		{"0A03", "0A033", VERSION_UNORDERED},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_assert_msg(version_compare(rows[i].a, rows[i].b) ==
		    rows[i].order, "%s %s", rows[i].a, rows[i].b);
		ck_assert_int_eq(version_equal(rows[i].a, rows[i].b),
		    rows[i].order == VERSION_EQUAL);
		ck_assert_int_eq(version_equal(rows[i].b, rows[i].a),
		    rows[i].order == VERSION_EQUAL);
	}
}
END_TEST

/* --- wtime ----------------------------------------------------------------- */

/* Values from another calendar implementation. */
START_TEST(wtime_known_instants)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1795416551042, "2026-11-23T06:49:11.042Z"},
		{951868799999, "2000-02-29T23:59:59.999Z"},
		{-2203891200000, "1900-03-01T00:00:00.000Z"},
		{4107499200500, "2100-02-28T12:00:00.500Z"},
		{-62167219200000, "0000-01-01T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
	};
	char buf[WTIME_TEXT];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms;

		ck_assert_str_eq(wtime_format(rows[i].ms, buf), rows[i].text);
		ck_assert_int_eq(wtime_parse(span_str(rows[i].text), &ms), 0);
		ck_assert_int_eq(ms, rows[i].ms);
	}
	ck_assert_str_eq(wtime_format(INT64_MIN, buf),
	    "0000-01-01T00:00:00.000Z");
	ck_assert_str_eq(wtime_format(INT64_MAX, buf),
	    "9999-12-31T23:59:59.999Z");
}
END_TEST

START_TEST(wtime_reads_rfc3339)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"1970-01-01t00:00:00z", 0},
		{"1970-01-01T02:00:00+02:00", 0},
		{"1969-12-31T18:30:00-05:30", 0},
		{"1970-01-01T00:00:00-00:00", 0},
		{"1970-01-01T00:00:00.5Z", 500},
		{"1970-01-01T00:00:00.04Z", 40},
		{"1970-01-01T00:00:00.0429999999999Z", 42},
		{"2026-03-29T02:30:00.000+01:00", 1774747800000},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = 1;

		ck_assert_msg(wtime_parse(span_str(rows[i].text), &ms) == 0,
		    "%s", rows[i].text);
		ck_assert_int_eq(ms, rows[i].ms);
	}
}
END_TEST

START_TEST(wtime_refuses_the_rest)
{
	static const char *const rows[] = {
		"", "1970-01-01", "1970-01-01T00:00:00",
		"1970-01-01T00:00Z", "1970-01-01 00:00:00Z",
		"1970-1-01T00:00:00Z", "1970-00-01T00:00:00Z",
		"1970-13-01T00:00:00Z", "1970-01-00T00:00:00Z",
		"1970-01-32T00:00:00Z", "1970-04-31T00:00:00Z",
		"2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
		"1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
		"1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00,5Z", "1970-01-01T00:00:00+0200",
		"1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+02:60",
		"1970-01-01T00:00:00Z ", " 1970-01-01T00:00:00Z",
		"1970-01-01T00:00:00ZZ", "-970-01-01T00:00:00Z",
		"+1970-01-01T00:00:00Z", "19700101T000000Z",
		"1970-01-01T00:00:00+", "1970-01-01T-1:00:00Z",
		("1970-01-01T00:00:00\xe2\x88\x92""02:00"),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = 1;

		ck_assert_msg(wtime_parse(span_str(rows[i]), &ms) == -1,
		    "%s", rows[i]);
		ck_assert_int_eq(ms, 1);
	}
}
END_TEST

/* Day by day through every kind of century. */
START_TEST(wtime_round_trip)
{
	char buf[WTIME_TEXT], before[WTIME_TEXT] = "";

	for (int64_t t = -62167219200000; t <= 253402300799999;
	    t += 86400000 - 1) {
		int64_t ms;

		wtime_format(t, buf);
		QUICK(wtime_parse(span_str(buf), &ms) == 0 && ms == t);
		/* The text sorts like the time. */
		QUICK(strcmp(before, buf) < 0);
		memcpy(before, buf, sizeof(before));
	}
}
END_TEST

/* Random bytes and damaged good texts: nothing is read out of bounds (the
 * sanitizers watch a heap copy of the exact size), and what is accepted
 * prints and reads the same. */
START_TEST(readers_survive_damage)
{
	static const char *const seeds[] = {
		"2026-11-23T06:49:11.042+02:00", "30/min", "256KiB", "0.5%",
		"36500d", "135790246811220", "8.67E+14",
	};
	struct prng r;

	prng_init(&r, 20261123);
	for (int round = 0; round < 20000; round++) {
		const char *seed = seeds[prng_below(&r, ARRAY_LEN(seeds))];
		size_t n = strlen(seed);
		char *p = malloc(n);
		struct span s = span_of(p, prng_below(&r, n) + 1);
		char buf[UNITS_TEXT];
		struct devid id;
		int64_t v, again;

		QUICK(p != NULL);
		memcpy(p, seed, n);
		for (uint64_t hits = prng_below(&r, 3); hits > 0; hits--)
			p[prng_below(&r, n)] = (char)prng_next(&r);
		for (int kind = DURATION; kind <= PERCENT; kind++) {
			if (unit_parse((enum unit_kind)kind, s, &v) < 0)
				continue;
			unit_text((enum unit_kind)kind, v, buf);
			QUICK(unit_parse((enum unit_kind)kind, span_str(buf),
			    &again) == 0 && again == v);
		}
		if (wtime_parse(s, &v) == 0) {
			wtime_format(v, buf);
			QUICK(wtime_parse(span_str(buf), &again) == 0 &&
			    again == v);
		}
		if (devid_parse(s, &id) == 0) {
			struct devid twice;

			QUICK(!devid_is_damaged(s));
			QUICK(devid_parse(span_str(id.text), &twice) ==
			    0 && twice.key == id.key && id.key != 0);
		} else {
			(void)devid_is_damaged(s);
		}
		free(p);
	}
}
END_TEST

/* FIPS 180-4 and NIST's examples; the lengths around a block's end against
 * what OpenSSL says. */
START_TEST(sha256_vectors)
{
	static const struct {
		size_t len; /* of a's; 0: text */
		const char *text, *hash;
	} v[] = {
		{0, "", "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855"},
		{0, "abc", "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad"},
		{0, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnop"
		    "nopq", "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1"},
		{55, NULL, "9f4390f8d30c2dd92ec9f095b65e2b9a"
		    "e9b0a925a5258e241c9f1e910f734318"},
		{56, NULL, "b35439a4ac6f0948b6d6f9e3c6af0f5f"
		    "590ce20f1bde7090ef7970686ec6738a"},
		{64, NULL, "ffe054fe7ae0cb6dc65c3af9b61d5209"
		    "f439851db43d0ba5997337df154668eb"},
		{200, NULL, "c2a908d98f5df987ade41b5fce213067"
		    "efbcc21ef2240212a41e54b5e7c28ae5"},
	};
	unsigned char md[SHA256_BYTES];
	char a[200], hex[2 * SHA256_BYTES + 1];

	memset(a, 'a', sizeof(a));
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		sha256(v[i].text != NULL ? v[i].text : a,
		    v[i].text != NULL ? strlen(v[i].text) : v[i].len, md);
		for (size_t k = 0; k < sizeof(md); k++)
			(void)snprintf(hex + 2 * k, 3, "%02x", md[k]);
		ck_assert_str_eq(hex, v[i].hash);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base text");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, span_compares_bytes);
	tcase_add_test(tc, span_trims_blanks_only);
	tcase_add_test(tc, span_cuts_fields_from_both_ends);
	tcase_add_test(tc, span_field_never_reads_past_its_end);
	tcase_add_test(tc, span_numbers);
	tcase_add_test(tc, span_copy_says_when_it_cuts);
	tcase_add_test(tc, devid_reads_what_units_send);
	tcase_add_test(tc, devid_refuses_the_rest);
	tcase_add_test(tc, devid_knows_its_own_letters);
	tcase_add_test(tc, devid_knows_spreadsheet_damage);
	tcase_add_test(tc, errtext_sets_and_cuts);
	tcase_add_test(tc, sbuf_grows);
	tcase_add_test(tc, sbuf_keeps_its_limit);
	tcase_add_test(tc, sbuf_gives_its_text_away);
	tcase_add_test(tc, sbuf_escapes_foreign_bytes);
	tcase_add_test(tc, units_good);
	tcase_add_test(tc, units_bad);
	tcase_add_test(tc, units_print_what_nobody_writes);
	tcase_add_test(tc, version_order);
	tcase_add_test(tc, wtime_known_instants);
	tcase_add_test(tc, wtime_reads_rfc3339);
	tcase_add_test(tc, wtime_refuses_the_rest);
	tcase_add_test(tc, sha256_vectors);
	tcase_add_test(tc, wtime_round_trip);
	tcase_add_test(tc, readers_survive_damage);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
