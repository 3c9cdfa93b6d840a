/* frame: whatever comes, in whatever portions, the answers are the same. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "feeder.h"
#include "quick.h"
#include "splits.h"
#include "vectors.h"

#define ACK SPEC_ACK
#define ERI_HEAD "+RESP:GTERI,350502,135790246811220,,00000002,13740"

/* A stream, and the transcript that it must give in every split. */
static const struct stream {
	struct span bytes;
	const char *transcript;
} streams[] = {
	{SPAN_LIT("+ACK:GTHBD,,1,,,1$"),
	    "ok 18 +ACK:GTHBD,,1,,,1$\nrest 0 \n"},
	{SPAN_LIT(""), "rest 0 \n"},
	{SPAN_LIT("\r\n\0  "), "rest 0 \n"},
	{SPAN_LIT("\r\n+QRY:a$\0\r\n +NACK:b$ "),
	    "ok 7 +QRY:a$\nok 8 +NACK:b$\nrest 0 \n"},
	/* Unknown kinds are frames; what they mean is another matter. */
	{SPAN_LIT("+RESP:$+BUFF:x$"),
	    "ok 7 +RESP:$\nok 8 +BUFF:x$\nrest 0 \n"},
	/* Garbage before, between and behind. */
	{SPAN_LIT("abc+RESP:a$de $ f\n+RESP:b$zz"),
	    "garbage 3 abc\nok 8 +RESP:a$\ngarbage 7 de $ f\\x0A\n"
	    "ok 8 +RESP:b$\nrest 2 zz\n"},
	{SPAN_LIT("\0\0x\r\n+RESP:a$"),
	    "garbage 3 x\\x0D\\x0A\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("AT+GTUPD=gv620mg,1,,,,,0001$+RESP:a$"),
	    "garbage 2 AT\nkind 26 +GTUPD=gv620mg,1,,,,,0001$\n"
	    "ok 8 +RESP:a$\nrest 0 \n"},
	/* '+' that begins nothing we know. */
	{SPAN_LIT("+FOO:a$+RESP:a$"),
	    "kind 7 +FOO:a$\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+++RESP+RESP:a$"),
	    "kind 1 +\nkind 1 +\nkind 5 +RESP\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+resp:a$+RESP:a$"),
	    "kind 8 +resp:a$\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+SACK:11F0$+RESP:a$"),
	    "kind 11 +SACK:11F0$\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+ACK\x15\x01+RESP:a$"),
	    "prefix 6 +ACK\\x15\\x01\nok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+RESP"), "rest 5 +RESP\n"},
	{SPAN_LIT("+"), "rest 1 +\n"},
	/* A message that broke off. */
	{SPAN_LIT(ERI_HEAD ACK),
	    "prefix 50 " ERI_HEAD "\nok 60 " ACK "\nrest 0 \n"},
	{SPAN_LIT("+RESP:a+BUFF:b+ACK:c+NACK:d$"),
	    "prefix 7 +RESP:a\nprefix 7 +BUFF:b\nprefix 6 +ACK:c\n"
	    "ok 8 +NACK:d$\nrest 0 \n"},
	{SPAN_LIT("+RESP:+RESP:+RESP:a$"),
	    "prefix 6 +RESP:\nprefix 6 +RESP:\nok 8 +RESP:a$\nrest 0 \n"},
	/* A '+' inside a message is a byte like any other, as in a phone
	 * number; a query does not break a message off. */
	{SPAN_LIT("+RESP:a,+8613800000000,+RES,+QRY:b,+$"),
	    "ok 37 +RESP:a,+8613800000000,+RES,+QRY:b,+$\nrest 0 \n"},
	{SPAN_LIT("+RESP:a+RESP"), "rest 12 +RESP:a+RESP\n"},
	{SPAN_LIT("+RESP:a+RESP$"), "ok 13 +RESP:a+RESP$\nrest 0 \n"},
	/* NUL ends what is a whole message, and nothing else. */
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,,,11F0\0+RESP:a$"),
	    "ok 34 +ACK:GTHBD,,A000002B41DEE0,,,11F0\\x00\n"
	    "ok 8 +RESP:a$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,20150201020000,11f0\0x"),
	    "ok 47 +ACK:GTHBD,,A000002B41DEE0,20150201020000,11f0\\x00\n"
	    "rest 1 x\n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,,,11F\0$"),
	    "ok 34 +ACK:GTHBD,,A000002B41DEE0,,,11F\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,,2015,11F0\0$"),
	    "ok 39 +ACK:GTHBD,,A000002B41DEE0,,2015,11F0\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,11F0\0$"),
	    "ok 33 +ACK:GTHBD,,A000002B41DEE0,11F0\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,12345678901234,11F0\0$"),
	    "ok 33 +ACK:GTHBD,,12345678901234,11F0\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B,,,11F0\0$"),
	    "ok 29 +ACK:GTHBD,,A000002B,,,11F0\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,A000002B41DEE0\0$"),
	    "ok 27 +ACK:GTHBD,A000002B41DEE0\\x00$\nrest 0 \n"},
	{SPAN_LIT("+ACK:GTHBD,,A000002B41DEE0,x,1234\0$"),
	    "ok 35 +ACK:GTHBD,,A000002B41DEE0,x,1234\\x00$\nrest 0 \n"},
	/* … and a break comes before a NUL behind it. */
	{SPAN_LIT("+RESP:a+ACK:GTHBD,,A000002B41DEE0,,,11F0\0"),
	    "prefix 7 +RESP:a\nok 34 +ACK:GTHBD,,A000002B41DEE0,,,11F0\\x00\n"
	    "rest 0 \n"},
	{SPAN_LIT("+RESP:\0\0\0$"), "ok 10 +RESP:\\x00\\x00\\x00$\nrest 0 \n"},
};

START_TEST(streams_in_every_split)
{
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		const struct stream *st = &streams[i];
		char *once = push_at_once(st->bytes, FRAME_MAX_DEFAULT);

		ck_assert_str_eq(once, st->transcript);
		free(once);
		for (size_t a = 0; a <= st->bytes.n; a++)
			for (size_t b = a; b <= st->bytes.n; b++)
				check_split(st->bytes, FRAME_MAX_DEFAULT, a,
				    b, st->transcript);
		check_drip(st->bytes, FRAME_MAX_DEFAULT, st->transcript);
	}
}
END_TEST

/* Every vector alone, at every split; then all of them as one stream, with
 * and without garbage between. */
START_TEST(vectors_in_every_split)
{
	struct sbuf all, noisy, want, want_noisy;
	struct prng r;

	sbuf_init(&all, 0);
	sbuf_init(&noisy, 0);
	sbuf_init(&want, 0);
	sbuf_init(&want_noisy, 0);
	prng_init(&r, 3);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct span s = span_str(vectors[i]);
		char line[512];

		ck_assert_int_lt(snprintf(line, sizeof(line), "ok %zu %s\n",
		    s.n, s.p), (int)sizeof(line));
		sbuf_adds(&want, line);
		sbuf_addf(&want_noisy, "garbage 3 #%zu\\x0D\n", i % 10);
		sbuf_adds(&want_noisy, line);
		sbuf_add(&all, s.p, s.n);
		sbuf_addf(&noisy, " \n#%zu\r", i % 10);
		sbuf_add(&noisy, s.p, s.n);
		strcat(line, "rest 0 \n");
		for (size_t a = 0; a <= s.n; a++)
			check_split(s, FRAME_MAX_DEFAULT, a, a, line);
		check_drip(s, FRAME_MAX_DEFAULT, line);
	}
	sbuf_adds(&want, "rest 0 \n");
	sbuf_adds(&want_noisy, "rest 0 \n");
	for (size_t a = 0; a <= all.len; a++)
		check_split(span_of(all.p, all.len), FRAME_MAX_DEFAULT, a, a,
		    sbuf_str(&want));
	for (int i = 0; i < 200; i++) {
		check_random_splits(span_of(all.p, all.len), 512, &r,
		    sbuf_str(&want));
		check_random_splits(span_of(noisy.p, noisy.len), 512, &r,
		    sbuf_str(&want_noisy));
	}
	sbuf_done(&all);
	sbuf_done(&noisy);
	sbuf_done(&want);
	sbuf_done(&want_noisy);
}
END_TEST

/* --- limits ---------------------------------------------------------------- */

enum { LIMIT = FRAME_MAX_LEAST };

/* A message of exactly n bytes, '$' included. */
static void
message_fill(char *p, size_t n)
{
	memset(p, 'x', n);
	memcpy(p, "+RESP:", 6);
	p[n - 1] = '$';
}

START_TEST(limit_is_exact)
{
	char stream[LIMIT * 4 + 8];
	struct feeder fd;

	message_fill(stream, LIMIT);
	memcpy(stream + LIMIT, "+RESP:a$", 8);
	feeder_init(&fd, LIMIT);
	feeder_push(&fd, stream, LIMIT + 8);
	ck_assert_uint_eq(fd.frames, 2);
	feeder_done(&fd);

	/* One more byte, and it is lost: up to the limit as oversize, its end
	 * as garbage; the next message is whole. */
	message_fill(stream, LIMIT + 1);
	memcpy(stream + LIMIT + 1, "+RESP:a$", 8);
	feeder_init(&fd, LIMIT);
	feeder_push(&fd, stream, LIMIT + 1 + 8);
	ck_assert_uint_eq(fd.frames, 1);
	ck_assert_uint_eq(fd.losses[FRAME_WHY_OVERSIZE], 1);
	ck_assert_uint_eq(fd.lost[FRAME_WHY_OVERSIZE], LIMIT);
	ck_assert_uint_eq(fd.lost[FRAME_WHY_GARBAGE], 1);
	feeder_done(&fd);
}
END_TEST

/* A message may begin on both sides of the limit's edge, however much of its
 * prefix is this side. */
START_TEST(limit_spares_the_next_message)
{
	for (size_t cut = 1; cut < 8; cut++) {
		char stream[LIMIT + 16];
		struct span s = span_of(stream, LIMIT - cut + 8);
		char *once;

		memset(stream, 'x', sizeof(stream));
		memcpy(stream, "+RESP:", 6);
		memcpy(stream + LIMIT - cut, "+RESP:a$", 8);
		once = push_at_once(s, LIMIT);
		ck_assert_msg(strstr(once, "\nok 8 +RESP:a$\nrest 0") != NULL,
		    "cut %zu: %s", cut, once);
		for (size_t a = 0; a <= s.n; a++)
			check_split(s, LIMIT, a, a, once);
		check_drip(s, LIMIT, once);
		free(once);
	}
}
END_TEST

/* Endless bytes without an end: what is held stays below the limit, nothing is
 * counted twice or not at all, and the loss comes in pieces of the limit. */
START_TEST(endless_streams_are_bounded)
{
	static const struct {
		const char *first;
		char then;
		enum frame_why why;
	} rows[] = {
		{"x", 'x', FRAME_WHY_GARBAGE},
		{"$", '$', FRAME_WHY_GARBAGE},
		{"+FOO", 'x', FRAME_WHY_KIND},
		{"+RESP:", 'x', FRAME_WHY_OVERSIZE},
		{"+RESP:", '\0', FRAME_WHY_OVERSIZE},
		{"+RESP:", '+', FRAME_WHY_OVERSIZE},
		{"+RESP:", ',', FRAME_WHY_OVERSIZE},
	};
	enum { TOTAL = 100000 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct feeder fd;
		size_t n = strlen(rows[i].first), lost = 0, losses = 0;

		feeder_init(&fd, FRAME_MAX_DEFAULT);
		feeder_push(&fd, rows[i].first, n);
		for (size_t k = n; k < TOTAL; k++) {
			feeder_push(&fd, &rows[i].then, 1);
			QUICK(fd.len < FRAME_MAX_DEFAULT);
		}
		QUICK(fd.frames == 0);
		QUICK(fd.losses[rows[i].why] >= 1);
		for (int why = 0; why < FRAME_WHY_COUNT_; why++) {
			lost += fd.lost[why];
			losses += fd.losses[why];
		}
		/* Blanks of the endless kind are skipped, not lost. */
		if (rows[i].then != '\0')
			QUICK(lost + fd.len == TOTAL);
		if (rows[i].then != '+')
			QUICK(losses <= TOTAL / FRAME_MAX_DEFAULT);
		feeder_done(&fd);
	}
}
END_TEST

/* A peer that drips costs as much as one that does not: each byte is looked at
 * once, but for the few of a prefix that is not decided yet. */
START_TEST(drip_is_linear)
{
	static const struct {
		const char *first, *unit;
	} rows[] = {
		{"+RESP:", "x"}, {"x", "x"}, {"+FOO", "x"},
		{"+RESP:", "+RESP"}, {"+RESP:", "+NACK"}, {"+RESP:", "+"},
		{"+RESP:", ",,0000"}, {"", "+RESP:a$"}, {"", "\r\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct feeder fd;
		size_t n = strlen(rows[i].first), unit = strlen(rows[i].unit);

		feeder_init(&fd, FRAME_MAX_DEFAULT);
		feeder_push(&fd, rows[i].first, n);
		fd.looked = 0;
		for (size_t k = 0; k < FRAME_MAX_DEFAULT - 8; k++)
			feeder_push(&fd, rows[i].unit + k % unit, 1);
		ck_assert_msg(fd.looked <= (uint64_t)6 * FRAME_MAX_DEFAULT,
		    "%s%s: looked at %zu bytes", rows[i].first, rows[i].unit,
		    (size_t)fd.looked);
		feeder_done(&fd);
	}
}
END_TEST

/* --- chance ---------------------------------------------------------------- */

/* Streams of likely and unlikely pieces, each in several splits, with a limit
 * so small that it bites. */
START_TEST(random_streams_in_random_splits)
{
	static const char *const pieces[] = {
		"+RESP:", "+BUFF:", "+ACK:", "+NACK:", "+QRY:", "+", "$", ",",
		"GTUPD,C20100,A000002B41DEE0,,100,,20150201020000,11F0",
		",,0000", "\r\n", " ", "+RES", "+AC", "-", "xyz",
	};
	struct prng r;

	prng_init(&r, 99);
	for (int round = 0; round < 3000; round++) {
		struct sbuf b;
		char *once;
		struct span s;

		sbuf_init(&b, 0);
		for (uint64_t n = prng_below(&r, 24); n > 0; n--) {
			uint64_t k = prng_below(&r, ARRAY_LEN(pieces) + 1);

			if (k == ARRAY_LEN(pieces))
				sbuf_add(&b, "", 1);
			else
				sbuf_adds(&b, pieces[k]);
		}
		s = span_of(sbuf_str(&b), b.len);
		once = push_at_once(s, LIMIT);
		check_drip(s, LIMIT, once);
		for (int i = 0; i < 4; i++)
			check_random_splits(s, LIMIT, &r, once);
		free(once);
		sbuf_done(&b);
	}
}
END_TEST

START_TEST(every_reason_has_a_name)
{
	for (int i = 0; i < FRAME_WHY_COUNT_; i++) {
		const char *name = frame_why_name((enum frame_why)i);

		ck_assert_ptr_nonnull(name);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(name,
			    frame_why_name((enum frame_why)k));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proto frame");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, streams_in_every_split);
	tcase_add_test(tc, vectors_in_every_split);
	tcase_add_test(tc, limit_is_exact);
	tcase_add_test(tc, limit_spares_the_next_message);
	tcase_add_test(tc, endless_streams_are_bounded);
	tcase_add_test(tc, drip_is_linear);
	tcase_add_test(tc, random_streams_in_random_splits);
	tcase_add_test(tc, every_reason_has_a_name);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
