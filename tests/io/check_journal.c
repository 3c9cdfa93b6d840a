#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/journal.h"

/* Lines of the log as entries of the journal. */

static struct journal_fields f;

static const char *
field(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < f.count; i++)
		if (strncmp(f.text[i], name, n) == 0 && f.text[i][n] == '=')
			return f.text[i] + n + 1;
	return "";
}

START_TEST(fields)
{
	journal_fields_of("attempt_ended device=A000002B41DEE0 campaign=first "
	    "attempt=3 code=302 cause=update_failed", &f);
	ck_assert_uint_eq(f.count, 5);
	ck_assert_str_eq(field("DEVICE"), "A000002B41DEE0");
	ck_assert_str_eq(field("CAMPAIGN"), "first");
	ck_assert_str_eq(field("ATTEMPT"), "3");
	ck_assert_str_eq(field("CODE"), "302");
	ck_assert_uint_eq(strlen(field("MESSAGE_ID")), 32);
	journal_fields_of("campaign name=first from=running to=paused "
	    "reason=rule text=\"2 wave=x\" wave=\"the rest\"", &f);
	ck_assert_str_eq(field("CAMPAIGN"), "first");
	ck_assert_str_eq(field("WAVE"), "the rest");
	ck_assert_uint_eq(f.count, 3);
	journal_fields_of("connection refused peer=[::1]:4711 name=x", &f);
	ck_assert_str_eq(field("REMOTE_ADDR"), "[::1]:4711");
	ck_assert_uint_eq(f.count, 1);
}
END_TEST

START_TEST(odd_lines)
{
	char line[4000];

	journal_fields_of("", &f);
	ck_assert_uint_eq(f.count, 0);
	journal_fields_of("store: no room", &f);
	ck_assert_uint_eq(f.count, 0);
	journal_fields_of("x device= wave=\" code=", &f);
	ck_assert_str_eq(field("WAVE"), " code=");
	ck_assert_uint_eq(f.count, 1);
	journal_fields_of("= == device", &f);
	ck_assert_uint_eq(f.count, 0);
	(void)memcpy(line, "x device=", 9);
	memset(line + 9, 'A', sizeof(line) - 10);
	line[sizeof(line) - 1] = '\0';
	journal_fields_of(line, &f);
	ck_assert_uint_eq(strlen(f.text[0]), sizeof(f.text[0]) - 1);
	line[1] = '\0';
	for (int i = 0; i < 30; i++)
		(void)strcat(line, " code=1");
	journal_fields_of(line, &f);
	ck_assert_uint_eq(f.count, JOURNAL_FIELDS_MAX);
}
END_TEST

/* Every id is explained, and every explanation has its event. */
START_TEST(catalog)
{
	static const char *const events[] = {"attempt_ended", "backup",
	    "campaign", "clock_jump", "connections_resumed", "fatal",
	    "foreign_update", "operator", "package_changed", "store"};
	const char *dir = getenv("top_srcdir");
	static char text[65536];
	size_t entries = 0;
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/etc/trackupd.catalog",
	    dir == NULL ? "." : dir);
	ck_assert_ptr_nonnull(file = fopen(path, "re"));
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
	(void)fclose(file);
	for (const char *p = text; (p = strstr(p, "\n-- ")) != NULL; p++)
		entries++;
	ck_assert_uint_eq(entries, ARRAY_LEN(events));
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		char want[64];

		journal_fields_of(events[i], &f);
		ck_assert_uint_eq(f.count, 1);
		(void)snprintf(want, sizeof(want), "\n-- %s\n",
		    field("MESSAGE_ID"));
		ck_assert_msg(strstr(text, want) != NULL, "%s", events[i]);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tc = tcase_create("journal");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, fields);
	tcase_add_test(tc, odd_lines);
	tcase_add_test(tc, catalog);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
