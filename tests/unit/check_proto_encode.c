/* encode: what leaves is held against the vendor's examples, against a reader
 * that is written here, and against the layouts as regular expressions. */
#include "config.h"

#include <check.h>
#include <regex.h>
#include <stdlib.h>

#include "base/prng.h"
#include "proto/encode.h"
#include "quick.h"

#define SIZE (COMMAND_MAX + 1)
#define SPEC_URL "http://218.17.46.11:998/GV620M/deltabin/GV620MG_R13A01V01.enc"

static const struct start_command good_start = {
	.password = "gv620mg", .max_retry = 1, .timeout_min = 15, .user = "",
	.secret = "", .url = SPEC_URL, .type = UPDATE_MCU, .serial = 1,
};

START_TEST(vendor_examples)
{
	char buf[SIZE];
	int n = encode_start(buf, sizeof(buf), &good_start);

	ck_assert_str_eq(buf,
	    "AT+GTUPD=gv620mg,0,1,15,0,,," SPEC_URL ",,1,,,0001$");
	ck_assert_int_eq(n, (int)strlen(buf));
	n = encode_stop(buf, sizeof(buf), "gv620mg", 1);
	ck_assert_str_eq(buf, "AT+GTUPD=gv620mg,1,,,,,0001$");
	ck_assert_int_eq(n, (int)strlen(buf));
	n = encode_read_version(buf, sizeof(buf), "gv620mg", 0xfffe);
	ck_assert_str_eq(buf, "AT+GTRTO=gv620mg,8,,,,,,FFFE$");
	ck_assert_int_eq(n, (int)strlen(buf));
	n = encode_sack_heartbeat(buf, sizeof(buf), SPAN_LIT("C20100"),
	    SPAN_LIT("11F0"));
	ck_assert_str_eq(buf, "+SACK:GTHBD,C20100,11F0$");
	ck_assert_int_eq(n, (int)strlen(buf));
	n = encode_sack_heartbeat(buf, sizeof(buf), span_of(NULL, 0),
	    SPAN_LIT("11f0"));
	ck_assert_str_eq(buf, "+SACK:GTHBD,,11f0$");
	ck_assert_int_eq(n, (int)strlen(buf));
	n = encode_sack(buf, sizeof(buf), SPAN_LIT("11F0"));
	ck_assert_str_eq(buf, "+SACK:11F0$");
	ck_assert_int_eq(n, (int)strlen(buf));
}
END_TEST

START_TEST(start_at_its_limits)
{
	struct start_command c = good_start;
	char buf[SIZE], url[URL_MAX + 2], tight[SIZE];
	int n;

	c.timeout_min = 5;
	c.max_retry = 0;
	c.type = UPDATE_BLE;
	c.serial = 0xabc;
	c.user = "u$er";
	ck_assert_int_eq(encode_start(buf, sizeof(buf), &c), -1);
	c.user = "user12";
	c.secret = "=!\"#%~";
	ck_assert_int_gt(encode_start(buf, sizeof(buf), &c), 0);
	ck_assert_str_eq(buf, "AT+GTUPD=gv620mg,0,0,05,0,user12,=!\"#%~,"
	    SPEC_URL ",,2,,,0ABC$");

	memset(url, 'x', sizeof(url));
	memcpy(url, "http://", 7);
	url[URL_MAX + 1] = '\0';
	c.url = url;
	ck_assert_int_eq(encode_start(buf, sizeof(buf), &c), -1);
	ck_assert_str_eq(buf, "");
	url[URL_MAX] = '\0';
	c.password = "12345678901234567890";
	n = encode_start(buf, sizeof(buf), &c);
	ck_assert_int_gt(n, 0);
	ck_assert_ptr_nonnull(strstr(buf, url));
	/* The longest there is fits as the header promises, and a buffer that
	 * is one byte short gets nothing at all. */
	ck_assert_int_lt(n, COMMAND_MAX);
	ck_assert_int_eq(encode_start(tight, (size_t)n + 1, &c), n);
	ck_assert_str_eq(tight, buf);
	ck_assert_int_eq(encode_start(tight, (size_t)n, &c), -1);
	ck_assert_str_eq(tight, "");
	ck_assert_int_eq(encode_start(tight, 0, &c), -1);
	ck_assert_int_eq(encode_sack(tight, 0, SPAN_LIT("11F0")), -1);
}
END_TEST

/* Blocks of the exact size: a sanitizer sees each byte too far. */
START_TEST(small_buffers_get_nothing)
{
	for (size_t size = 0; size <= SIZE; size++) {
		char *buf = malloc(size == 0 ? 1 : size);
		int n;

		ck_assert_ptr_nonnull(buf);
		n = encode_start(buf, size, &good_start);
		ck_assert_int_eq(n, size > 100 ? 100 : -1);
		ck_assert(size == 0 || strlen(buf) == (n < 0 ? 0 : 100));
		n = encode_sack(buf, size, SPAN_LIT("11F0"));
		ck_assert_int_eq(n, size > 11 ? 11 : -1);
		ck_assert(size == 0 || strlen(buf) == (n < 0 ? 0 : 11));
		free(buf);
	}
}
END_TEST

START_TEST(start_refuses_bad_values)
{
	static const char *const bad_passwords[] = {
		"", "abc", "123456789012345678901", "gv 620", "gv,620",
		"gv620$", "gv-620", "gv\xc3\xbc", "gv620\n",
	};
	static const char *const bad_credentials[] = {
		"1234567", "a b", "a,b", "a$b", "a\tb", "\x7f", "\xc3\xbc",
	};
	static const char *const bad_urls[] = {
		"", "http://", "https://fw.example.org/a", "ftp://x/a",
		"HTTP://fw.example.org/a", "fw.example.org/a",
		"http:///a", "http://?", "http://a b/", "http://a,b/",
		"http://a/$", "http://a/\r\n", "http://a/\x80",
		" http://a/", "http://a/ ", "http://a/\x7f",
	};
	struct start_command c;
	char buf[SIZE];

	for (size_t i = 0; i < ARRAY_LEN(bad_passwords); i++) {
		c = good_start;
		c.password = bad_passwords[i];
		ck_assert_msg(encode_start(buf, SIZE, &c) == -1 &&
		    buf[0] == '\0', "password \"%s\"", c.password);
		ck_assert(!command_password_ok(c.password));
		ck_assert_int_eq(encode_stop(buf, SIZE, c.password, 1), -1);
		ck_assert_int_eq(encode_read_version(buf, SIZE, c.password,
		    1), -1);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_credentials); i++) {
		c = good_start;
		c.user = bad_credentials[i];
		ck_assert_msg(encode_start(buf, SIZE, &c) == -1 &&
		    buf[0] == '\0', "user \"%s\"", c.user);
		c.user = "";
		c.secret = bad_credentials[i];
		ck_assert_int_eq(encode_start(buf, SIZE, &c), -1);
		ck_assert(!command_credential_ok(c.secret));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_urls); i++) {
		c = good_start;
		c.url = bad_urls[i];
		ck_assert_msg(encode_start(buf, SIZE, &c) == -1 &&
		    buf[0] == '\0', "URL \"%s\"", c.url);
		ck_assert(!command_url_ok(c.url));
	}
	ck_assert(command_password_ok("gv620mg"));
	ck_assert(command_password_ok("Abc9"));
	ck_assert(command_credential_ok("") && command_credential_ok("a.b_c!"));
	ck_assert(command_url_ok(SPEC_URL) && command_url_ok("http://a"));
	ck_assert(command_url_ok("http://[2001:db8::1]:80/x"));
}
END_TEST

START_TEST(start_refuses_bad_numbers)
{
	static const struct {
		int retry, timeout, type, good;
	} rows[] = {
		{0, 5, 1, 1}, {3, 30, 2, 1}, {-1, 15, 1, 0}, {4, 15, 1, 0},
		{10, 15, 1, 0}, {1, 4, 1, 0}, {1, 31, 1, 0}, {1, 0, 1, 0},
		{1, -5, 1, 0}, {1, 100, 1, 0}, {1, 15, 0, 0}, {1, 15, 3, 0},
		{1, 15, 11, 0}, {INT32_MIN, INT32_MAX, 1, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct start_command c = good_start;
		char buf[SIZE];

		c.max_retry = rows[i].retry;
		c.timeout_min = rows[i].timeout;
		c.type = (enum update_type)rows[i].type;
		ck_assert_msg((encode_start(buf, SIZE, &c) > 0) ==
		    (rows[i].good != 0), "%d,%d,%d", c.max_retry,
		    c.timeout_min, (int)c.type);
		ck_assert_int_eq(buf[0] != '\0', rows[i].good);
	}
}
END_TEST

START_TEST(sack_echoes_or_is_silent)
{
	static const struct span bad_counts[] = {
		SPAN_LIT(""), SPAN_LIT("11F"), SPAN_LIT("11F00"),
		SPAN_LIT("11FG"), SPAN_LIT("1 F0"), SPAN_LIT("11F$"),
		SPAN_LIT("11F0\0"), SPAN_LIT("11F\0"), SPAN_LIT("-1F0"),
		SPAN_LIT("0x1F"),
	};
	static const struct span bad_protovers[] = {
		SPAN_LIT("C2,100"), SPAN_LIT("C2$100"), SPAN_LIT("C2 100"),
		SPAN_LIT("C2\0100"), SPAN_LIT("\r\n"), SPAN_LIT("C2\xff"),
		SPAN_LIT("123456789012345678901234567890123"),
	};
	char buf[SIZE], big[1000];

	for (size_t i = 0; i < ARRAY_LEN(bad_counts); i++) {
		ck_assert_int_eq(encode_sack(buf, SIZE, bad_counts[i]), -1);
		ck_assert_str_eq(buf, "");
		ck_assert_int_eq(encode_sack_heartbeat(buf, SIZE,
		    SPAN_LIT("C20100"), bad_counts[i]), -1);
		ck_assert_str_eq(buf, "");
	}
	for (size_t i = 0; i < ARRAY_LEN(bad_protovers); i++) {
		ck_assert_int_eq(encode_sack_heartbeat(buf, SIZE,
		    bad_protovers[i], SPAN_LIT("11F0")), -1);
		ck_assert_str_eq(buf, "");
	}
	memset(big, 'a', sizeof(big));
	ck_assert_int_eq(encode_sack_heartbeat(buf, SIZE,
	    span_of(big, sizeof(big)), SPAN_LIT("11F0")), -1);
	ck_assert_int_eq(encode_sack(buf, SIZE, span_of(big, sizeof(big))),
	    -1);
	/* Clones whose version is not hex are answered with it all the same. */
	ck_assert_int_gt(encode_sack_heartbeat(buf, SIZE,
	    SPAN_LIT("clone-1.0!"), SPAN_LIT("11F0")), 0);
	ck_assert_str_eq(buf, "+SACK:GTHBD,clone-1.0!,11F0$");
}
END_TEST

/* --- a reader of its own ---------------------------------------------------- */

#define FIELDS 13

/* Splits a frame between '=' and '$' in place. */
static size_t
frame_split(char *frame, const char *head, char *fields[FIELDS])
{
	size_t n = 0, len = strlen(frame);
	char *p = frame + strlen(head);

	QUICK(strncmp(frame, head, strlen(head)) == 0);
	QUICK(frame[len - 1] == '$');
	frame[len - 1] = '\0';
	for (;;) {
		char *comma = strchr(p, ',');

		QUICK(n < FIELDS);
		fields[n++] = p;
		if (comma == NULL)
			return n;
		*comma = '\0';
		p = comma + 1;
	}
}

static void
random_text(struct prng *r, char *out, size_t max, bool nasty)
{
	static const char plain[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char odd[] = ",$ \r\n\t\x7f\x01+=:/.\"'%\\";
	size_t n = prng_below(r, max + 1);

	for (size_t i = 0; i < n; i++)
		out[i] = plain[prng_below(r, sizeof(plain) - 1)];
	if (nasty && n > 0)
		out[prng_below(r, n)] = prng_below(r, 4) == 0 ?
		    (char)(0x80 + prng_below(r, 0x80)) :
		    odd[prng_below(r, sizeof(odd) - 1)];
	out[n] = '\0';
}

static void
check_harmless(const char *frame)
{
	size_t n = strlen(frame);

	QUICK(n <= COMMAND_MAX);
	for (size_t i = 0; i < n; i++)
		QUICK(frame[i] > 0x20 && frame[i] < 0x7f);
	QUICK(strchr(frame, '$') == frame + n - 1);
}

/* Whatever is asked for: what leaves reads back as asked, and is one frame. */
START_TEST(random_starts)
{
	struct prng r;
	int good = 0, bad = 0;

	prng_init(&r, 77);
	for (int round = 0; round < 40000; round++) {
		bool nasty = prng_below(&r, 2) == 0;
		char password[32], user[12], secret[12], url[160], buf[SIZE];
		char *f[FIELDS];
		struct start_command c = {
			.password = password, .user = user, .secret = secret,
			.url = url,
			.max_retry = (int)prng_below(&r, 4),
			.timeout_min = (int)prng_below(&r, 28) + 4,
			.type = prng_below(&r, 2) == 0 ? UPDATE_MCU :
			    UPDATE_BLE,
			.serial = (uint16_t)prng_next(&r),
		};

		random_text(&r, password, 24, nasty && prng_below(&r, 4) == 0);
		random_text(&r, user, 7, nasty && prng_below(&r, 4) == 0);
		random_text(&r, secret, 7, nasty && prng_below(&r, 4) == 0);
		memcpy(url, "http://", 8);
		random_text(&r, url + 7, 110, nasty);
		if (encode_start(buf, SIZE, &c) < 0) {
			QUICK(strcmp(buf, "") == 0);
			bad++;
			continue;
		}
		good++;
		check_harmless(buf);
		QUICK(frame_split(buf, "AT+GTUPD=", f) == 13);
		QUICK(strcmp(f[0], password) == 0);
		QUICK(strcmp(f[1], "0") == 0);
		QUICK(atoi(f[2]) == c.max_retry);
		QUICK(strlen(f[3]) == 2);
		QUICK(atoi(f[3]) == c.timeout_min);
		QUICK(strcmp(f[4], "0") == 0);
		QUICK(strcmp(f[5], user) == 0);
		QUICK(strcmp(f[6], secret) == 0);
		QUICK(strcmp(f[7], url) == 0);
		QUICK(strlen(f[7]) <= 100);
		QUICK(strcmp(f[8], "") == 0);
		QUICK(atoi(f[9]) == (int)c.type);
		QUICK(strcmp(f[10], "") == 0);
		QUICK(strcmp(f[11], "") == 0);
		QUICK(strlen(f[12]) == 4);
		QUICK(strtoul(f[12], NULL, 16) == c.serial);
	}
	/* The generator must have met both outcomes often. */
	QUICK(good > 1000);
	QUICK(bad > 1000);
}
END_TEST

START_TEST(every_serial)
{
	for (unsigned serial = 0; serial <= UINT16_MAX; serial++) {
		char buf[SIZE];
		char *f[FIELDS];

		QUICK(encode_stop(buf, SIZE, "gv620mg",
		    (uint16_t)serial) > 0);
		QUICK(frame_split(buf, "AT+GTUPD=", f) == 7);
		QUICK(strlen(f[6]) == 4);
		QUICK(strspn(f[6], "0123456789ABCDEF") == 4);
		QUICK(strtoul(f[6], NULL, 16) == serial);
	}
}
END_TEST

/* --- the grammar against another one ---------------------------------------- */

static const char *const patterns[] = {
	"^AT\\+GTUPD=[0-9A-Za-z]{4,20},0,[0-3],(0[5-9]|[12][0-9]|30),0,"
	    "[!-#%-+.-~-]{0,6},[!-#%-+.-~-]{0,6},"
	    "http://[][0-9A-Za-z][!-#%-+.-~-]{0,92},,[12],,,[0-9A-F]{4}\\$$",
	"^AT\\+GTUPD=[0-9A-Za-z]{4,20},1,,,,,[0-9A-F]{4}\\$$",
	"^AT\\+GTRTO=[0-9A-Za-z]{4,20},8,,,,,,[0-9A-F]{4}\\$$",
	"^\\+SACK:GTHBD,[!-#%-+.-~-]{0,32},[0-9A-Fa-f]{4}\\$$",
	"^\\+SACK:[0-9A-Fa-f]{4}\\$$",
};

static bool
pattern_fits(const regex_t re[ARRAY_LEN(patterns)], const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		if (regexec(&re[i], text, 0, NULL, 0) == 0)
			return true;
	return false;
}

START_TEST(grammar_equals_the_patterns)
{
	static const char *const frames[] = {
		"AT+GTUPD=gv620,0,1,15,0,user,secret,http://a.b:80/c,,1,,,01AF$",
		"AT+GTUPD=gv620mg,1,,,,,0001$",
		"AT+GTRTO=gv620mg,8,,,,,,FFFF$",
		"+SACK:GTHBD,C20100,11F0$",
		"+SACK:11F0$",
	};
	static const char salt[] = "0189AFGafgz,,,$+=: \n\x7f";
	regex_t re[ARRAY_LEN(patterns)];
	struct prng r;
	int good = 0;

	setenv("LC_ALL", "C", 1);
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		ck_assert_int_eq(regcomp(&re[i], patterns[i],
		    REG_EXTENDED | REG_NOSUB), 0);
	prng_init(&r, 8);
	for (int round = 0; round < 60000; round++) {
		const char *from = frames[prng_below(&r, ARRAY_LEN(frames))];
		char text[SIZE];
		size_t n = strlen(from);
		int got;

		memcpy(text, from, n + 1);
		for (uint64_t k = prng_below(&r, 4); k > 0 && n > 1; k--) {
			size_t at = prng_below(&r, n);
			char c = salt[prng_below(&r, sizeof(salt) - 1)];

			switch (prng_below(&r, 3)) {
			case 0:
				text[at] = c;
				break;
			case 1:
				memmove(text + at, text + at + 1, n - at);
				n--;
				break;
			default:
				memmove(text + at + 1, text + at, n - at + 1);
				text[at] = c;
				n++;
				break;
			}
		}
		got = command_check(span_of(text, n));
		if ((got == 0) != pattern_fits(re, text))
			ck_abort_msg("%s", text);
		good += got == 0 ? 1 : 0;
	}
	ck_assert_int_gt(good, 10000);
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
		regfree(&re[i]);
}
END_TEST

START_TEST(grammar_refuses_more_than_one_frame)
{
	static const struct span rows[] = {
		SPAN_LIT(""), SPAN_LIT("$"), SPAN_LIT("+SACK:11F0"),
		SPAN_LIT("+SACK:11F0$+SACK:11F0$"), SPAN_LIT("+SACK:11F0$\n"),
		SPAN_LIT("+SACK:11F0$$"), SPAN_LIT("\n+SACK:11F0$"),
		SPAN_LIT("AT+GTUPD=gv620mg,1,,,,,0001$\r\n"),
		SPAN_LIT("AT+GTRTO=gv620mg,3,,,,,,0001$"),
		SPAN_LIT("AT+GTUPD=gv620mg,2,,,,,0001$"),
		SPAN_LIT("+SACK:11F0\0$"), SPAN_LIT("+RESP:11F0$"),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(command_check(rows[i]) == -1, "%.*s",
		    (int)rows[i].n, rows[i].p);
	ck_assert_int_eq(command_check(span_of(NULL, 0)), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proto encode");
	TCase *tc = tcase_create("all");
	SRunner *sr = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, vendor_examples);
	tcase_add_test(tc, start_at_its_limits);
	tcase_add_test(tc, small_buffers_get_nothing);
	tcase_add_test(tc, start_refuses_bad_values);
	tcase_add_test(tc, start_refuses_bad_numbers);
	tcase_add_test(tc, sack_echoes_or_is_silent);
	tcase_add_test(tc, random_starts);
	tcase_add_test(tc, every_serial);
	tcase_add_test(tc, grammar_equals_the_patterns);
	tcase_add_test(tc, grammar_refuses_more_than_one_frame);
	suite_add_tcase(suite, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
