/*
 * Templates of commands: which are refused and why, and that nothing that was
 * filled in ever ends a command early or makes it too long.
 */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/template.h"

#define START "AT+GTUPD={password},0,{retry},{timeout},0,{user},{secret}," \
	"{url},,{type},{serial}$"
#define STOP "AT+GTUPD={password},1,,,,,,{serial}$"
#define TEN "0123456789"
#define FIFTY TEN TEN TEN TEN TEN

static const struct start_command good = {
	.password = "gv620mg", .max_retry = 3, .timeout_min = 5,
	.user = "", .secret = "", .url = "http://h/f.enc", .serial = 0x0A1F,
};

static const struct {
	const char *text, *says;
	bool stop;
} wrong[] = {
	{"", "does not begin with AT+GTUPD=", false},
	{"AT+GTRTO={password},{url},{serial}$", "does not begin", false},
	{"AT+GTUPD=", "does not end with ,{serial}$", false},
	{"AT+GTUPD={password},{url},{serial}", "does not end", false},
	{"AT+GTUPD={password},{url},{serial}$ ", "does not end", false},
	{"AT+GTUPD={password}, {url},{serial}$", "has a blank", false},
	{"AT+GTUPD={password},\t{url},{serial}$", "has a control", false},
	{"AT+GTUPD={password},\x7f{url},{serial}$", "has a control", false},
	{"AT+GTUPD={password},\xc3\xa4{url},{serial}$", "non-ASCII", false},
	{"AT+GTUPD={password}$,{url},{serial}$", "has a $ before", false},
	{"AT+GTUPD={password},{uri},{serial}$", "names none of", false},
	{"AT+GTUPD={password},url},{serial}$", "names none of", false},
	{"AT+GTUPD={password},{url},{url},{serial}$", "twice", false},
	{"AT+GTUPD={password},{url},{serial},{serial}$", "twice", false},
	{"AT+GTUPD=gv620mg,{url},{serial}$", "does not name {password}",
		false},
	{"AT+GTUPD={password},{serial}$", "does not name {url}", false},
	{"AT+GTUPD={password},{url},{serial}$", "is a stop", true},
	{"AT+GTUPD={password},{retry},{serial}$", "is a stop", true},
	{"AT+GTUPD={password},{type},{serial}$", "is a stop", true},
	{"AT+GTUPD={password}," FIFTY FIFTY TEN TEN ",{url},{serial}$",
		"longer than 256", false},
};

START_TEST(wrong_ones)
{
	const char *why = template_check(span_str(wrong[_i].text),
	    wrong[_i].stop);
	struct start_command c = good;
	char buf[COMMAND_MAX + 1] = "x";

	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, wrong[_i].says) != NULL, "%s", why);
	if (wrong[_i].stop)
		c.url = NULL;
	ck_assert_int_eq(template_fill(buf, sizeof(buf), wrong[_i].text, &c,
	    0), -1);
	ck_assert_str_eq(buf, "");
}
END_TEST

START_TEST(filled_and_shown)
{
	struct start_command c = good;
	char buf[COMMAND_MAX + 1];
	const char *want;

	ck_assert_ptr_null(template_check(span_str(START), false));
	ck_assert_ptr_null(template_check(span_str(STOP), true));
	want = "AT+GTUPD=gv620mg,0,3,05,0,,,http://h/f.enc,,255,0A1F$";
	ck_assert_int_eq(template_fill(buf, sizeof(buf), START, &c, 255),
	    (int)strlen(want));
	ck_assert_str_eq(buf, want);
	c.user = "fleet";
	c.secret = "hush";
	ck_assert_int_gt(template_fill(buf, sizeof(buf), START, &c, 0), 0);
	ck_assert_str_eq(buf, "AT+GTUPD=gv620mg,0,3,05,0,fleet,hush,"
	    "http://h/f.enc,,0,0A1F$");
	ck_assert_int_gt(template_show(buf, sizeof(buf), START, &c, 0), 0);
	ck_assert_str_eq(buf, "AT+GTUPD=********,0,3,05,0,fleet,******,"
	    "http://h/f.enc,,0,0A1F$");
	c.url = NULL;
	ck_assert_int_gt(template_fill(buf, sizeof(buf), STOP, &c, 0), 0);
	ck_assert_str_eq(buf, "AT+GTUPD=gv620mg,1,,,,,,0A1F$");
	/* A start is never filled in as a stop, nor the other way round. */
	ck_assert_int_eq(template_fill(buf, sizeof(buf), START, &c, 0), -1);
	ck_assert_int_eq(template_fill(buf, sizeof(buf), STOP, &good, 0), -1);
}
END_TEST

/* Each value by itself, one step past what is allowed. */
START_TEST(wrong_values)
{
	char buf[COMMAND_MAX + 1], longest[URL_MAX + 2];
	struct start_command c;
	int type = 0;

#define REFUSED(change) \
	do { \
		c = good; \
		type = 0; \
		change; \
		buf[0] = 'x'; \
		ck_assert_int_eq(template_fill(buf, sizeof(buf), START, &c, \
		    type), -1); \
		ck_assert_str_eq(buf, ""); \
	} while (0)
	REFUSED(c.password = "a,b,c,d");
	REFUSED(c.password = "");
	REFUSED(c.user = "a$b");
	REFUSED(c.secret = "a,b");
	REFUSED(c.url = "http://h/a,b");
	REFUSED(c.url = "http://h/a$b");
	REFUSED(c.url = "");
	REFUSED(c.max_retry = -1);
	REFUSED(c.max_retry = 4);
	REFUSED(c.timeout_min = -1);
	REFUSED(c.timeout_min = 100);
	REFUSED(type = -1);
	REFUSED(type = TEMPLATE_TYPE_MAX + 1);
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "http://h/", 9);
	longest[URL_MAX + 1] = '\0';
	REFUSED(c.url = longest);
	longest[URL_MAX] = '\0';
	ck_assert_int_gt(template_fill(buf, sizeof(buf), START, &c, 0), 0);
}
END_TEST

/* Any buffer that is too small stays empty; the first that fits is full. */
START_TEST(small_buffers)
{
	char buf[COMMAND_MAX + 1];
	int n = template_fill(buf, sizeof(buf), START, &good, 0);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(template_fill(buf, 0, START, &good, 0), -1);
	for (size_t size = 1; size <= (size_t)n; size++) {
		memset(buf, 'x', sizeof(buf));
		ck_assert_int_eq(template_fill(buf, size, START, &good, 0),
		    -1);
		ck_assert_int_eq(buf[0], '\0');
		ck_assert_int_eq(buf[size], 'x');
	}
	ck_assert_int_eq(template_fill(buf, (size_t)n + 1, START, &good, 0),
	    n);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("template");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, wrong_ones, 0, (int)ARRAY_LEN(wrong));
	tcase_add_test(tc, filled_and_shown);
	tcase_add_test(tc, wrong_values);
	tcase_add_test(tc, small_buffers);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
