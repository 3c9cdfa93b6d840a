#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <event2/event.h>
#include <sys/wait.h>

#include "tio.h"

static struct loop *l;
static int fired;
static char logged[256];
static enum note_level logged_level;

static void
setup(void)
{
	fired = 0;
	logged[0] = '\0';
	l = loop_new();
	ck_assert_ptr_nonnull(l);
}

static void
teardown(void)
{
	loop_set_log(NULL, NULL);
	loop_free(l);
}

static void
count(void *arg)
{
	(*(int *)arg)++;
}

static void
stop(void *arg)
{
	(*(int *)arg)++;
	loop_stop(l);
}

static void
log_line(void *arg, enum note_level level, const char *line)
{
	ck_assert_ptr_eq(arg, &fired);
	logged_level = level;
	strncpy(logged, line, sizeof(logged) - 1);
}

START_TEST(timers)
{
	struct loop_timer *t = loop_timer_new(l, stop, &fired);
	struct loop_timer *never = loop_timer_new(l, count, &fired);
	int64_t begin = loop_mono_ms();

	ck_assert_ptr_nonnull(t);
	ck_assert_ptr_nonnull(never);
	loop_timer_set(never, 1);
	loop_timer_set(never, -1); /* disarmed */
	loop_timer_set(t, 60000);
	loop_timer_set(t, 30);     /* set again, not twice */
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(fired, 1);
	ck_assert_int_ge(loop_mono_ms() - begin, 29);
	ck_assert_int_lt(loop_mono_ms() - begin, 5000);
	/* One shot; and the loop can be run again. */
	loop_timer_set(t, 0);
	ck_assert_int_eq(loop_run(l), 0);
	ck_assert_int_eq(fired, 2);
	loop_timer_free(t);
	loop_timer_free(never);
	loop_timer_free(NULL);
}
END_TEST

START_TEST(watches)
{
	struct loop_watch *w;
	char c;
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	w = loop_readable(l, fd[0], count, &fired);
	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(write(fd[1], "xy", 2), 2);
	UNTIL(l, fired == 2); /* as long as there is something */
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	fired = 0;
	DURING(l, 20, fired == 0);
	loop_watch_free(w);
	ck_assert_int_eq(write(fd[1], "z", 1), 1);
	DURING(l, 20, fired == 0);
	close(fd[0]);
	close(fd[1]);
	loop_watch_free(NULL);
}
END_TEST

START_TEST(signals)
{
	struct loop_watch *w = loop_signal(l, SIGHUP, count, &fired);

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(raise(SIGHUP), 0);
	UNTIL(l, fired == 1);
	ck_assert_int_eq(raise(SIGHUP), 0);
	UNTIL(l, fired == 2);
	loop_watch_free(w);
}
END_TEST

START_TEST(clocks)
{
	int64_t a = loop_mono_ms(), wall = loop_wall_ms();

	ck_assert_int_le(a, loop_mono_ms());
	ck_assert_int_gt(wall, 1600000000000);
}
END_TEST

START_TEST(log_hook)
{
	struct event *ev = event_new(loop_base(l), 9999, EV_READ, NULL, NULL);

	ck_assert_ptr_nonnull(ev);
	loop_set_log(log_line, &fired);
	/* It complains of a descriptor that is none. */
	ck_assert_int_lt(event_add(ev, NULL), 0);
	event_free(ev);
	ck_assert_ptr_nonnull(strstr(logged, "9999"));
	ck_assert_int_eq(logged_level, NOTE_WARN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("loop");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, timers);
	tcase_add_test(tc, watches);
	tcase_add_test(tc, signals);
	tcase_add_test(tc, clocks);
	tcase_add_test(tc, log_hook);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
