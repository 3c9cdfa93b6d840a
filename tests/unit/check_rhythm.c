#include "config.h"
#include "core/rhythm.h"

#include <check.h>
#include <stdlib.h>

#define MIN INT64_C(60000)
#define HOUR (60 * MIN)
#define NEAR(have, want) \
	ck_assert_int_ge(have, (want) - (want) / 16); \
	ck_assert_int_le(have, (want) + (want) / 16)

START_TEST(nothing_known)
{
	struct rhythm r = {0};

	ck_assert_int_eq(rhythm_usual_ms(&r), 0);
	ck_assert_int_eq(rhythm_next_ms(&r, 0), 0);
	rhythm_gap(&r, 0);
	rhythm_gap(&r, 999);
	rhythm_gap(&r, -5 * HOUR);
	ck_assert_uint_eq(rhythm_pack(&r), 0);
	rhythm_gap(&r, 24 * HOUR);
	rhythm_gap(&r, 24 * HOUR);
	ck_assert_int_eq(rhythm_usual_ms(&r), 0);
	NEAR(rhythm_next_ms(&r, 0), 24 * HOUR);
}
END_TEST

START_TEST(median)
{
	struct rhythm r = {0};

	/* One night and one outage among the days of a heartbeat. */
	for (int i = 0; i < 20; i++)
		rhythm_gap(&r, i == 17 ? 12 * HOUR : i == 19 ? 300 * HOUR
							    : 5 * MIN);
	NEAR(rhythm_usual_ms(&r), 5 * MIN);
	NEAR(rhythm_next_ms(&r, MIN), 5 * MIN);
	/* Past its habit: the longest of them, and then nothing. */
	NEAR(rhythm_next_ms(&r, HOUR), 300 * HOUR);
	ck_assert_int_eq(rhythm_next_ms(&r, 400 * HOUR), 0);
}
END_TEST

START_TEST(bursts)
{
	struct rhythm r = {0};

	for (int i = 0; i < 5; i++) {
		rhythm_gap(&r, 24 * HOUR);
		for (int k = 0; k < 10; k++)
			rhythm_gap(&r, 3000);
	}
	NEAR(rhythm_usual_ms(&r), 24 * HOUR);
	ck_assert_int_eq(rhythm_next_ms(&r, 1000), 3000);
	NEAR(rhythm_next_ms(&r, 3000), 24 * HOUR);
}
END_TEST

/* Every length comes back within a sixteenth, and they keep their order. */
START_TEST(lengths)
{
	int64_t before = 0;

	for (int64_t s = 60; s < 1000000; s += 1 + s / 50) {
		struct rhythm r = {0};
		int64_t ms;

		for (int i = 0; i < 3; i++)
			rhythm_gap(&r, s * 1000);
		ms = rhythm_usual_ms(&r);
		NEAR(ms, s * 1000);
		ck_assert_int_ge(ms, before);
		before = ms;
	}
	for (int64_t s = 1000000; s > 0 && s < INT64_MAX / 4000; s *= 3) {
		struct rhythm r = {0};

		for (int i = 0; i < 3; i++)
			rhythm_gap(&r, s * 1000);
		ck_assert_int_ge(rhythm_usual_ms(&r), before);
	}
}
END_TEST

START_TEST(record)
{
	struct rhythm a = {0}, b;
	uint64_t v = 1;

	for (int i = 1; i < 9; i++)
		rhythm_gap(&a, i * HOUR);
	rhythm_gap(&a, 7000);
	rhythm_unpack(&b, rhythm_pack(&a));
	ck_assert_mem_eq(&a, &b, sizeof(a));
	/* Whatever lies in a file. */
	for (int i = 0; i < 100000; i++) {
		v = v * UINT64_C(6364136223846793005) + 1442695040888963407u;
		rhythm_unpack(&b, v);
		ck_assert_int_ge(rhythm_usual_ms(&b), 0);
		rhythm_gap(&b, HOUR);
		ck_assert_int_ge(rhythm_next_ms(&b, 0), 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rhythm");
	TCase *tc = tcase_create("rhythm");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, nothing_known);
	tcase_add_test(tc, median);
	tcase_add_test(tc, bursts);
	tcase_add_test(tc, lengths);
	tcase_add_test(tc, record);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
