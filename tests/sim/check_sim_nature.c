/*
 * Personalities of trackers: how they are given, and what each does.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/truth.h"
#include "world.h"

#define HONEST "100 200/1 201/1 300 301"
#define NAMED(word) word "=" WORLD_ID

static struct natures natures;

static struct world *
started(const char *personality)
{
	struct world *w = world_new(NULL);
	struct errtext err = {0};

	natures_done(&natures);
	ck_assert_msg(natures_parse(&natures, span_str(personality),
	    &err) == 0, "%s", err.text);
	w->conf.natures = &natures;
	world_start(w);
	world_run(w, SECOND);
	ck_assert(w->up);
	return w;
}

static int64_t
at(struct world *w, const char *text)
{
	for (size_t i = 0; i < w->frame_count; i++)
		if (strstr(w->frames[i].text, text) != NULL)
			return w->frames[i].at_ms;
	ck_abort_msg("never sent: %s", text);
}

static void
truth_has(const struct world *w, const char *text)
{
	struct sbuf b;

	sbuf_init(&b, 0);
	truth_add(&b, &w->t);
	ck_assert(!b.failed);
	ck_assert_msg(strstr(sbuf_str(&b), text) != NULL, "no %s in %s", text,
	    sbuf_str(&b));
	sbuf_done(&b);
}

START_TEST(test_words_wrong)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{"", "is not NAME=SHARE"},
		{"slow", "is not NAME=SHARE"},
		{"slow=0.1,,short=0.1", "is not NAME=SHARE"},
		{"plain=1", "no personality is called \"plain\""},
		{"slo=1", "no personality is called \"slo\""},
		{"=1", "no personality is called \"\""},
		{"slow=2", "slow: \"2\" is neither a share"},
		{"lying=101%", "neither a share"},
		{"short=86000000000000G", "neither a share"},
		{"short=860000000000008:", "neither a share"},
		{"slow=60%,lying=50%", "add up to more than all"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct natures v = {0};
		struct errtext err = {0};

		ck_assert_msg(natures_parse(&v, span_str(bad[i].text),
		    &err) < 0, "%s", bad[i].text);
		ck_assert_msg(strstr(err.text, bad[i].says) != NULL, "%s: %s",
		    bad[i].text, err.text);
		natures_done(&v);
	}
}
END_TEST

/* Who is named has it whatever the shares, and must be in the fleet. */
START_TEST(test_named)
{
	struct natures v = {0};
	struct errtext err;
	struct devid a, b;

	ck_assert_int_eq(devid_parse(span_str("860000000000008"), &a), 0);
	ck_assert_int_eq(devid_parse(span_str("860000000000016"), &b), 0);
	ck_assert_int_eq(natures_parse(&v, span_str("slow=100%,"
	    "lying=860000000000008:860000000000024"), &err), 0);
	ck_assert_int_eq(nature_of(&v, 1, a.key), NATURE_LYING);
	ck_assert_int_eq(nature_of(&v, 1, b.key), NATURE_SLOW);
	ck_assert_int_eq(nature_of(NULL, 1, b.key), NATURE_PLAIN);
	natures_note_tracker(&v, a.key);
	natures_note_tracker(&v, b.key);
	ck_assert_str_eq(natures_stranger(&v), "860000000000024");
	natures_done(&v);
	ck_assert_ptr_null(natures_stranger(&v));
}
END_TEST

START_TEST(test_shares)
{
	struct natures v = {0};
	struct errtext err;
	unsigned n[NATURE_COUNT] = {0}, moved = 0;

	/* The later word counts, as with faults. */
	ck_assert_int_eq(natures_parse(&v, span_str("slow=90%,slow=20%,"
	    "lying=0.05,short=.1"), &err), 0);
	for (uint64_t key = 1; key <= 10000; key++) {
		n[nature_of(&v, 7, key)]++;
		moved += nature_of(&v, 7, key) != nature_of(&v, 8, key);
	}
	ck_assert_uint_ge(n[NATURE_SLOW], 1850);
	ck_assert_uint_le(n[NATURE_SLOW], 2150);
	ck_assert_uint_ge(n[NATURE_LYING], 420);
	ck_assert_uint_le(n[NATURE_LYING], 580);
	ck_assert_uint_ge(n[NATURE_SHORT], 880);
	ck_assert_uint_le(n[NATURE_SHORT], 1120);
	ck_assert_uint_eq(n[NATURE_AMNESIAC] + n[NATURE_CLOCK_CRAZY], 0);
	ck_assert_uint_ge(moved, 3000);
	natures_done(&v);
}
END_TEST

/* The shortest download takes half a minute, its eightfold four. */
START_TEST(test_slow)
{
	struct world *w = started(NAMED("slow"));

	world_say(w, START("0001"));
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	ck_assert_int_ge(at(w, ",201,1,") - at(w, ",200,1,"), 4 * MINUTE);
	ck_assert_int_ge(at(w, ",301,,") - at(w, ",300,,"), 8 * MINUTE);
	truth_has(w, "\"personality\":\"slow\"");
	world_free(w);
}
END_TEST

START_TEST(test_lying)
{
	struct world *w = started(NAMED("lying"));
	const struct world_frame *f;

	world_say(w, START("0001"));
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	world_say(w, READ("0002"));
	f = world_wait(w, "+RESP:GTVER", MINUTE);
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(strstr(f->text, ",0A03,"));
	truth_has(w, "\"result\":\"lie\"");
	truth_has(w, "\"flashed\":[]");
	world_free(w);
}
END_TEST

/* Not acknowledged when the connection broke: gone for good. */
START_TEST(test_amnesiac)
{
	struct world *w = started(NAMED("amnesiac"));

	world_say(w, START("0001"));
	ck_assert_ptr_nonnull(world_wait(w, ",100,,", 10 * SECOND));
	w->mute = true;
	ck_assert_ptr_nonnull(world_wait(w, ",200,1,", 10 * SECOND));
	world_cut(w);
	w->mute = false;
	world_run(w, HOUR);
	ck_assert_uint_eq(world_count(w, "+BUFF"), 0);
	ck_assert_uint_eq(world_count(w, ",200,1,"), 1);
	ck_assert_uint_eq(world_count(w, ",301,,"), 1);
	/* The first frame of the last connection begins to count anew. */
	for (size_t i = 0; i < w->frame_count; i++)
		if (w->frames[i].link == w->link) {
			ck_assert_str_eq(world_field(&w->frames[i], 1), "0000");
			break;
		}
	truth_has(w, "\"personality\":\"amnesiac\"");
	world_free(w);
}
END_TEST

START_TEST(test_clock_crazy)
{
	struct world *w = started(NAMED("clock_crazy"));
	unsigned years = 0;
	char last[5] = "";

	world_say(w, START("0001"));
	world_run(w, HOUR);
	ck_assert_str_eq(world_codes(w), HONEST);
	for (size_t i = 0; i < w->frame_count; i++) {
		const char *time = world_field(&w->frames[i], 2);

		ck_assert_uint_eq(strspn(time, "0123456789"), 14);
		ck_assert_int_ge(strncmp(time, "1970", 4), 0);
		ck_assert_int_lt(strncmp(time, "2100", 4), 0);
		years += strncmp(time, last, 4) != 0;
		memcpy(last, time, 4);
	}
	ck_assert_uint_ge(years, 6);
	world_free(w);
}
END_TEST

/* Short connections although the fleet is not of that mode. */
START_TEST(test_short)
{
	struct world *w = started(NAMED("short"));

	world_run(w, MINUTE);
	ck_assert(!w->up);
	world_run(w, HOUR);
	ck_assert_uint_ge(w->link, 8);
	ck_assert_uint_eq(world_count(w, "GTHBD"), 0);
	world_free(w);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("sim nature");
	TCase *words = tcase_create("words"), *life = tcase_create("life");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(words, test_words_wrong);
	tcase_add_test(words, test_named);
	tcase_add_test(words, test_shares);
	tcase_add_test(life, test_slow);
	tcase_add_test(life, test_lying);
	tcase_add_test(life, test_amnesiac);
	tcase_add_test(life, test_clock_crazy);
	tcase_add_test(life, test_short);
	suite_add_tcase(s, words);
	suite_add_tcase(s, life);
	srunner_run_all(sr, CK_NORMAL);
	natures_done(&natures);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
