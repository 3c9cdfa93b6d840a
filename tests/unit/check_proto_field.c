/* Frames as units in the field sent them, in files that are not ours to ship:
 * TRACKUPD_FRAMES names the folder. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "feeder.h"
#include "proto/message.h"
#include "splits.h"

#define ACK "+ACK:GTUPD,C20100, A000002B41DEE0,,0001,20150201000002,11F0$"
#define EXIT_SKIP 77

/* Lines are read one by one, without their line end. */
static FILE *
field_open(const char *name)
{
	char path[4096];
	FILE *file;

	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s",
	    getenv("TRACKUPD_FRAMES"), name), (int)sizeof(path));
	file = fopen(path, "r");
	ck_assert_msg(file != NULL, "cannot read %s", path);
	return file;
}

static bool
field_line(FILE *file, char *line, size_t size, struct span *ret)
{
	if (fgets(line, (int)size, file) == NULL)
		return false;
	*ret = span_of(line, strcspn(line, "\r\n"));
	ck_assert_uint_gt(ret->n, 0);
	return true;
}

START_TEST(field_frames_in_every_split)
{
	FILE *file = field_open("frames_ascii.txt");
	char line[4096];
	struct sbuf all, want_all;
	struct prng r;
	struct span s;
	int count = 0;

	sbuf_init(&all, 0);
	sbuf_init(&want_all, 0);
	prng_init(&r, 5);
	while (field_line(file, line, sizeof(line), &s)) {
		struct sbuf glued, want, want_next;

		sbuf_init(&glued, 0);
		sbuf_init(&want, 0);
		sbuf_init(&want_next, 0);
		/* The frames are plain text: nothing is escaped. */
		sbuf_addf(&want_all, "ok %zu %.*s\n", s.n, (int)s.n, s.p);
		sbuf_addf(&want, "ok %zu %.*s\nrest 0 \n", s.n, (int)s.n,
		    s.p);
		sbuf_addf(&want_next, "ok %zu %.*s\nok 60 %s\nrest 0 \n",
		    s.n, (int)s.n, s.p, ACK);
		sbuf_add(&all, s.p, s.n);
		sbuf_add(&glued, s.p, s.n);
		sbuf_adds(&glued, ACK);
		for (size_t a = 0; a <= s.n; a++)
			check_split(s, FRAME_MAX_DEFAULT, a, a,
			    sbuf_str(&want));
		for (size_t a = 0; a <= glued.len; a++)
			check_split(span_of(glued.p, glued.len),
			    FRAME_MAX_DEFAULT, a, a, sbuf_str(&want_next));
		sbuf_done(&want);
		sbuf_done(&want_next);
		sbuf_done(&glued);
		count++;
	}
	fclose(file);
	ck_assert_int_ge(count, 100);
	sbuf_adds(&want_all, "rest 0 \n");
	for (int i = 0; i < 50; i++)
		check_random_splits(span_of(all.p, all.len),
		    FRAME_MAX_DEFAULT, &r, sbuf_str(&want_all));
	sbuf_done(&all);
	sbuf_done(&want_all);
}
END_TEST

/* Each frame of the field, broken off at every byte: the message that follows
 * is never lost. */
START_TEST(field_frames_broken_off)
{
	FILE *file = field_open("frames_ascii.txt");
	char line[4096];
	struct span s;

	while (field_line(file, line, sizeof(line), &s)) {
		for (size_t n = 0; n < s.n; n++) {
			struct feeder fd;

			feeder_init(&fd, FRAME_MAX_DEFAULT);
			feeder_push(&fd, s.p, n);
			feeder_push(&fd, ACK, sizeof(ACK) - 1);
			ck_assert_uint_eq(fd.frames, 1);
			ck_assert_ptr_nonnull(strstr(feeder_end(&fd),
			    "ok 60 " ACK "\nrest 0 \n"));
			ck_assert_uint_eq(fd.lost[FRAME_WHY_PREFIX] +
			    fd.lost[FRAME_WHY_KIND], n);
			feeder_done(&fd);
		}
	}
	fclose(file);
}
END_TEST

static size_t
hex_decode(struct span s, char *out, size_t size)
{
	ck_assert_uint_eq(s.n % 2, 0);
	ck_assert_uint_le(s.n / 2, size);
	for (size_t i = 0; i < s.n; i += 2) {
		uint64_t v;

		ck_assert_int_eq(span_hex(span_of(s.p + i, 2), 255, &v), 0);
		out[i / 2] = (char)(unsigned char)v;
	}
	return s.n / 2;
}

/* Each binary frame ends where its line ends, alone and with a message of text
 * or with itself behind it, whatever the portions. */
START_TEST(field_binary_frames_in_every_split)
{
	FILE *file = field_open("frames_hex.txt");
	char line[8192];
	struct sbuf all, want_all;
	struct prng r;
	struct span s;
	int count = 0;

	sbuf_init(&all, 0);
	sbuf_init(&want_all, 0);
	prng_init(&r, 6);
	while (field_line(file, line, sizeof(line), &s)) {
		static char bin[4096];
		struct sbuf one, want;
		size_t n = hex_decode(s, bin, sizeof(bin) / 2);
		size_t step = n > 300 ? 7 : 1;

		sbuf_init(&one, 0);
		sbuf_init(&want, 0);
		sbuf_addf(&one, "ok %zu ", n);
		sbuf_add_escaped(&one, bin, n);
		sbuf_addf(&want_all, "%s\nok 60 " ACK "\n", sbuf_str(&one));
		sbuf_add(&all, bin, n);
		sbuf_adds(&all, ACK);
		memcpy(bin + n, bin, n);
		sbuf_addf(&want, "%s\n%s\nok 60 " ACK "\nrest 0 \n",
		    sbuf_str(&one), sbuf_str(&one));
		sbuf_done(&one);
		memcpy(bin + 2 * n, ACK, sizeof(ACK) - 1);
		for (size_t a = 0; a <= 2 * n + 60; a += step)
			check_split(span_of(bin, 2 * n + 60),
			    FRAME_MAX_DEFAULT, a, a, sbuf_str(&want));
		check_drip(span_of(bin, 2 * n + 60), FRAME_MAX_DEFAULT,
		    sbuf_str(&want));
		sbuf_done(&want);
		count++;
	}
	fclose(file);
	ck_assert_int_ge(count, 20);
	sbuf_adds(&want_all, "rest 0 \n");
	for (int i = 0; i < 50; i++)
		check_random_splits(span_of(all.p, all.len),
		    FRAME_MAX_DEFAULT, &r, sbuf_str(&want_all));
	sbuf_done(&all);
	sbuf_done(&want_all);
}
END_TEST

/* A binary frame that broke off or was damaged takes no message of text with
 * it, and no byte gets lost uncounted. */
START_TEST(field_binary_frames_damaged)
{
	FILE *file = field_open("frames_hex.txt");
	char line[8192];
	static char bin[4096];
	struct span s;

	while (field_line(file, line, sizeof(line), &s)) {
		size_t n = hex_decode(s, bin, sizeof(bin) - sizeof(ACK));

		if (n > 300)
			continue;
		for (size_t cut = 0; cut < 2 * n; cut++) {
			size_t kept = cut < n ? cut : n, lost = 0;
			struct feeder fd;
			char saved = bin[cut % n];

			if (cut >= n)
				bin[cut - n] ^= 0x10;
			feeder_init(&fd, FRAME_MAX_DEFAULT);
			feeder_push(&fd, bin, kept);
			feeder_push(&fd, ACK, sizeof(ACK) - 1);
			ck_assert_msg(strstr(feeder_end(&fd),
			    "ok 60 " ACK "\nrest 0 \n") != NULL,
			    "cut %zu of %zu: %s", cut, n, line);
			for (int why = 0; why < FRAME_WHY_COUNT_; why++)
				lost += fd.lost[why];
			ck_assert_uint_le(lost, kept);
			if (cut < n)
				ck_assert_uint_eq(lost, kept);
			feeder_done(&fd);
			bin[cut % n] = saved;
		}
	}
	fclose(file);
}
END_TEST

/* One line has a check sum that is wrong; the others say who they are from, or
 * that they are of whom the connection knows, and how to acknowledge them. */
START_TEST(field_binary_frames_decode)
{
	FILE *file = field_open("frames_hex.txt");
	char line[8192];
	static char bin[4096];
	struct span s;
	int bad_sums = 0, nameless = 0, beats = 0;

	while (field_line(file, line, sizeof(line), &s)) {
		struct frame f = {.family = FRAME_HEX1};
		struct message m;
		enum msg_bad bad;

		f.bytes = span_of(bin, hex_decode(s, bin, sizeof(bin)));
		if (message_decode(&f, &m, &bad) < 0) {
			ck_assert_msg(bad == MSG_BAD_CRC, "%s: %s",
			    msg_bad_name(bad), line);
			bad_sums++;
			continue;
		}
		ck_assert_uint_eq(m.count_text.n, 4);
		ck_assert_uint_eq(m.send_time.n, 14);
		ck_assert(span_starts(m.send_time, "20"));
		ck_assert(m.kind == MSG_REPORT || m.kind == MSG_HEARTBEAT);
		ck_assert_int_eq(m.buffered, bin[1] == 'B');
		if (m.has_id)
			ck_assert_msg(strlen(m.id.text) == 15, "%s", line);
		else
			nameless++;
		beats += m.kind == MSG_HEARTBEAT;
	}
	fclose(file);
	ck_assert_int_eq(bad_sums, 1);
	ck_assert_int_eq(nameless, 1);
	ck_assert_int_eq(beats, 1);
}
END_TEST

/* Exactly those two lines whose tail was cut off do not decode; the rest say
 * who they are from. No report of the field is taken for one of an update. */
START_TEST(field_frames_decode)
{
	FILE *file = field_open("frames_ascii.txt");
	char line[4096];
	struct span s;
	int bad_tails = 0;

	while (field_line(file, line, sizeof(line), &s)) {
		struct frame f = {.family = FRAME_ASCII, .bytes = s};
		struct message m;
		enum msg_bad bad;

		if (message_decode(&f, &m, &bad) < 0) {
			ck_assert_msg(bad == MSG_BAD_TAIL, "%s: %s",
			    msg_bad_name(bad), line);
			bad_tails++;
			continue;
		}
		ck_assert_uint_ne(m.id.key, 0);
		ck_assert(m.kind != MSG_GTUPD && m.kind != MSG_ACK_GTUPD);
		ck_assert_int_eq(m.buffered, span_starts(s, "+BUFF"));
		ck_assert_int_eq(m.has_serial, span_starts(s, "+ACK:") &&
		    m.kind != MSG_HEARTBEAT);
		if (m.kind == MSG_GTVER)
			ck_assert(span_is(m.firmware, "0A03"));
	}
	fclose(file);
	ck_assert_int_eq(bad_tails, 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proto field");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	const char *dir = getenv("TRACKUPD_FRAMES");
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, field_frames_in_every_split);
	tcase_add_test(tc, field_frames_broken_off);
	tcase_add_test(tc, field_binary_frames_in_every_split);
	tcase_add_test(tc, field_binary_frames_damaged);
	tcase_add_test(tc, field_binary_frames_decode);
	tcase_add_test(tc, field_frames_decode);
	suite_add_tcase(suite, tc);
	if (dir == NULL || *dir == '\0') {
		srunner_free(sr);
		printf("TRACKUPD_FRAMES is not set\n");
		return EXIT_SKIP;
	}
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
