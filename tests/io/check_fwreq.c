#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "io/fwreq.h"

/* What a request for a package asks for, without a server. */

START_TEST(paths)
{
	char buf[16];

	ck_assert_int_eq(fw_path_decode("/a%41b", buf, sizeof(buf)),
	    FW_PATH_OK);
	ck_assert_str_eq(buf, "aAb");
	ck_assert_int_eq(fw_path_decode("/a?%", buf, sizeof(buf)), FW_PATH_OK);
	ck_assert_str_eq(buf, "a");
	ck_assert_int_eq(fw_path_decode("HTTP://h/a", buf, sizeof(buf)),
	    FW_PATH_OK);
	ck_assert_str_eq(buf, "a");
	ck_assert_int_eq(fw_path_decode("/123456789012345", buf, sizeof(buf)),
	    FW_PATH_OK);
	ck_assert_int_eq(fw_path_decode("/1234567890123456", buf,
	    sizeof(buf)), FW_PATH_REFUSED);
	ck_assert_int_eq(fw_path_decode("", buf, sizeof(buf)),
	    FW_PATH_MALFORMED);
	ck_assert_int_eq(fw_path_decode("/", buf, sizeof(buf)),
	    FW_PATH_REFUSED);
	ck_assert_int_eq(fw_path_decode("/a/", buf, sizeof(buf)),
	    FW_PATH_REFUSED);
	ck_assert_int_eq(fw_path_decode("http://h?/a", buf, sizeof(buf)),
	    FW_PATH_MALFORMED);
}
END_TEST

START_TEST(ranges)
{
	uint64_t a = 7, b = 7;

	ck_assert_int_eq(fw_range_parse(NULL, 10, &a, &b), FW_WHOLE);
	ck_assert_int_eq(fw_range_parse("bytes=", 10, &a, &b), FW_WHOLE);
	ck_assert_int_eq(fw_range_parse("bytes=+1-2", 10, &a, &b), FW_WHOLE);
	ck_assert_int_eq(fw_range_parse("bytes=1--2", 10, &a, &b), FW_WHOLE);
	ck_assert_int_eq(fw_range_parse("bytes=99999999999999999999-", 10, &a,
	    &b), FW_WHOLE);
	ck_assert_uint_eq(a, 7);
	ck_assert_int_eq(fw_range_parse("bytes=0-18446744073709551615", 10,
	    &a, &b), FW_PART);
	ck_assert_uint_eq(a, 0);
	ck_assert_uint_eq(b, 9);
	ck_assert_int_eq(fw_range_parse("bytes=10-", 10, &a, &b),
	    FW_UNSATISFIABLE);
	ck_assert_int_eq(fw_range_parse("bytes=-5", 0, &a, &b),
	    FW_UNSATISFIABLE);
	ck_assert_int_eq(fw_range_parse("bytes=0-0", 0, &a, &b),
	    FW_UNSATISFIABLE);
}
END_TEST

START_TEST(credentials)
{
	char longer[FW_AUTH_MAX + 2];
	struct fw_auth a;

	ck_assert_int_eq(fw_auth_init(&a, "", ""), 0);
	ck_assert(fw_auth_ok(&a, NULL));
	ck_assert_int_eq(fw_auth_init(&a, "", "p"), 0);
	ck_assert(!fw_auth_ok(&a, NULL));
	ck_assert(fw_auth_ok(&a, "Basic OnA="));
	ck_assert_int_eq(fw_auth_init(&a, "u", ""), 0);
	ck_assert(fw_auth_ok(&a, "Basic dTo="));
	ck_assert_int_lt(fw_auth_init(&a, "a:b", "c"), 0);
	memset(longer, 'x', sizeof(longer));
	longer[FW_AUTH_MAX + 1] = '\0';
	ck_assert_int_lt(fw_auth_init(&a, longer, ""), 0);
	longer[FW_AUTH_MAX] = '\0';
	ck_assert_int_eq(fw_auth_init(&a, longer, longer), 0);
}
END_TEST

START_TEST(dates)
{
	char buf[FW_DATE_TEXT];

	ck_assert_str_eq(fw_date(784111777, buf),
	    "Sun, 06 Nov 1994 08:49:37 GMT");
	ck_assert_str_eq(fw_date(0, buf), "Thu, 01 Jan 1970 00:00:00 GMT");
	ck_assert_str_eq(fw_date(INT64_MAX, buf),
	    "Thu, 01 Jan 1970 00:00:00 GMT");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fwreq");
	TCase *tc = tcase_create("fwreq");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, paths);
	tcase_add_test(tc, ranges);
	tcase_add_test(tc, credentials);
	tcase_add_test(tc, dates);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
