#include "config.h"
#include "story_disk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/prng.h"
#include "helper.h"
#include "power.h"
#include "shim.h"

#define POINTS_MAX 20000
#define POINTS_MIN 25

static struct prng rnd;

static void
setup(void)
{
	const char *fixed = getenv("TRACKUPD_SEED");
	uint64_t seed = fixed != NULL ? strtoull(fixed, NULL, 0) :
	    (uint64_t)time(NULL) ^ (uint64_t)getpid() << 32;

	(void)printf("TRACKUPD_SEED=%llu\n", (unsigned long long)seed);
	prng_init(&rnd, seed);
}

/* The points 1 to n to be tried, all or as many as time allows, in an order
 * that leaves no region out. */
struct points {
	long at[POINTS_MAX];
	size_t count, next;
	int64_t until_ms; /* 0 = all */
};

static void
points_init(struct points *p, long first, long last, int64_t ms)
{
	const char *how = getenv("CRASH_POINTS");

	ck_assert_int_lt(last - first, POINTS_MAX);
	p->count = p->next = 0;
	for (long i = first; i <= last; i++)
		p->at[p->count++] = i;
	p->until_ms = how != NULL && strcmp(how, "all") == 0 ? 0 :
	    test_now_ms() + ms;
	if (p->until_ms == 0)
		return;
	for (size_t i = p->count; i > 1; i--) {
		size_t k = (size_t)prng_below(&rnd, i);
		long v = p->at[i - 1];

		p->at[i - 1] = p->at[k];
		p->at[k] = v;
	}
}

static bool
points_next(struct points *p, long *ret)
{
	if (p->next == p->count || (p->until_ms != 0 &&
		p->next >= POINTS_MIN && test_now_ms() > p->until_ms))
		return false;
	*ret = p->at[p->next++];
	return true;
}

/* Steps of the begin, and of all: before the first the file is made. */
static void
count_steps(long *ret_begin, long *ret_all)
{
	struct tale t;

	power_on(0, false);
	tale_begin(&t);
	*ret_begin = power_steps();
	while (tale_next(&t))
		continue;
	ck_assert(!t.w->broken);
	*ret_all = power_steps();
	tale_end(&t);
}

/* The power goes off at each step of a campaign: what comes back is what was
 * there behind the last commit that anybody was told of, or behind the one that
 * was under way; the core goes on from it to a good end. */
START_TEST(power_cut_in_a_campaign)
{
	static struct points p;
	long begin, all, k;
	int cuts = 0, survived = 0;
	int64_t n;

	power_install();
	n = tale_learn();
	ck_assert_int_ge(n, 60);
	count_steps(&begin, &all);
	points_init(&p, begin + 1, all, 6000);
	while (points_next(&p, &k)) {
		struct tale t;
		int64_t on_disk;

		power_on(k, false);
		tale_begin(&t);
		while (tale_next(&t))
			continue;
		record_close(t.w->record);
		cuts += power_is_off();
		power_settle(&rnd);
		power_on(0, false);
		on_disk = tale_disk(&t);
		ck_assert_msg(on_disk >= tale_told(&t), "step %ld: %lld told, "
		    "%lld on disk", k, (long long)tale_told(&t),
		    (long long)on_disk);
		survived += on_disk > tale_told(&t);
		tale_restart(&t, on_disk);
		tale_ends_well(&t);
		tale_end(&t);
	}
	(void)printf("%lld commits, %ld steps, %zu tried, %d cuts, of %d a "
	    "commit that nobody was told of\n", (long long)n, all - begin,
	    p.next, cuts, survived);
	ck_assert_int_ge(cuts, POINTS_MIN - 5);
	ck_assert_int_gt(survived, 0);
}
END_TEST

/* The same harness loses commits on a disk that lies, and with a log that is
 * not synced at commits: it can fail. */
START_TEST(losses_are_seen)
{
	int lost = 0;
	long begin, all;

	power_install();
	count_steps(&begin, &all);
	for (int i = 0; i < 60 && lost == 0; i++) {
		struct tale t;

		power_on(begin + 1 + (long)prng_below(&rnd,
		    (uint64_t)(all - begin)), _i == 0);
		if (_i == 1)
			power_no_log_sync();
		tale_begin(&t);
		while (tale_next(&t))
			continue;
		record_close(t.w->record);
		power_settle(&rnd);
		power_on(0, false);
		lost += sql_try(record_path(t.w->record),
		    "SELECT commit_number FROM stamp") != 0 ||
		    sql_int(record_path(t.w->record),
			"SELECT commit_number FROM stamp") < tale_told(&t);
		tale_end(&t);
	}
	ck_assert_int_gt(lost, 0);
}
END_TEST

/* How many calls a whole tale makes behind its begin. */
static long
count_calls(void)
{
	struct tale t;
	long n;

	tale_begin(&t);
	shim_arm(SHIM_NONE, 0);
	while (tale_next(&t))
		continue;
	n = shim_calls();
	tale_end(&t);
	return n;
}

/* An I/O error at each call: once (_i 0, got over), or for good (1, the daemon
 * ends and begins again); a full disk from there on, for a while (2). Nothing
 * that was told is lost, and the campaign comes to its end. */
START_TEST(errors_in_a_campaign)
{
	static const enum shim_fault faults[] = {SHIM_IOERR_ONCE,
	    SHIM_IOERR_FROM, SHIM_FULL_FROM};
	static struct points p;
	int hit = 0, ended = 0;
	long k;

	shim_install();
	(void)tale_learn();
	points_init(&p, 1, count_calls(), 3000);
	while (points_next(&p, &k)) {
		struct tale t;
		int since = 0;

		tale_begin(&t);
		shim_arm(faults[_i], k);
		while (tale_next(&t))
			if (t.w->store_full && ++since == 5) {
				shim_heal();
				story_line(t.s, "STORE ok");
			}
		hit += shim_failed() > 0;
		shim_heal();
		ended += t.w->broken;
		if (t.w->broken) {
			int64_t on_disk;

			record_close(t.w->record);
			on_disk = tale_disk(&t);
			tale_restart(&t, on_disk);
		} else if (t.w->store_full) {
			story_line(t.s, "STORE ok");
		}
		tale_ends_well(&t);
		tale_end(&t);
	}
	(void)printf("fault %d: %zu of %zu calls tried, %d hit, %d ends\n", _i,
	    p.next, p.count, hit, ended);
	ck_assert_int_ge(hit, 20);
	if (_i == 1)
		ck_assert_int_gt(ended, 0);
	else
		ck_assert_int_eq(ended, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store story");
	TCase *tc = tcase_create("store story");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 3600);
	tcase_add_test(tc, power_cut_in_a_campaign);
	tcase_add_loop_test(tc, losses_are_seen, 0, 2);
	tcase_add_loop_test(tc, errors_in_a_campaign, 0, 3);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
