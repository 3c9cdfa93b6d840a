#include "config.h"

#include "config/campaign_file.h"
#include "diag.h"

/* What the loader says of the packages as a graph of versions. */

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	(void)file;
	(void)err;
	*ret_bytes = 4711;
	memset(ret_sha256, 'a', DIGEST_TEXT - 1);
	ret_sha256[DIGEST_TEXT - 1] = '\0';
	return 0;
}

static void
digest(void *arg, const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_TEXT])
{
	(void)arg;
	(void)part;
	(void)len;
	(void)count;
	ret[0] = '\0';
}

/* The campaign, or NULL and what is wrong with it. */
static struct campaign_spec *
parse(const char *text, bool advise, struct sbuf *diag)
{
	const struct campaign_env env = {.package = package, .digest = digest,
	    .public_url = "http://fw.example.org:9622", .advise = advise};
	struct campaign_spec *s = NULL;
	int r;

	sbuf_init(diag, 0);
	r = campaign_parse("c.yaml", text, strlen(text), &env, &s, diag, NULL);
	ck_assert((s != NULL) == (r == 0));
	return s;
}

#define HEAD "campaign: c1\ntargets: {devices: [A000002B41DEE0]}\n" \
	"require: {device_type: [GV620MG]}\nwindows: always\n"
#define TO_5 HEAD "target_version: \"0A05\"\n"
#define WAY(from, to) "  - {from: \"" from "\", to: \"" to "\", file: p/x}\n"

static void
good(const char *text)
{
	struct sbuf diag;
	struct campaign_spec *s = parse(text, false, &diag);

	ck_assert_msg(s != NULL && diag.len == 0, "%s\n---\n%s", text,
	    sbuf_str(&diag));
	spec_free(s);
	sbuf_done(&diag);
}

static void
says(const char *text, bool taken, bool advise, const char *part)
{
	struct sbuf diag;
	struct campaign_spec *s = parse(text, advise, &diag);

	ck_assert_msg((s != NULL) == taken, "%s\n---\n%s", text,
	    sbuf_str(&diag));
	expect_in(text, &diag, part);
	spec_free(s);
	sbuf_done(&diag);
}

START_TEST(accepted)
{
	good(TO_5 "packages:\n" WAY("0A01", "0A03") WAY("0A03", "0A05"));
	good(TO_5 "packages:\n" WAY("any", "0A03") WAY("0A03", "0A05"));
	good(TO_5 "downgrade: true\npackages:\n" WAY("0B00", "0A05"));
	good("priority: 0\n" TO_5 "packages:\n" WAY("0A03", "0A05"));
	good("priority: 100\n" TO_5 "packages:\n" WAY("0A03", "0A05"));
	good(TO_5 "pace: {dark_max: 1}\npackages:\n" WAY("any", "0A05"));
	good(HEAD "update: ble\npackages:\n" WAY("any", ""));
}
END_TEST

START_TEST(refused)
{
	says(TO_5 "packages:\n" WAY("0A01", "0A03") WAY("0A03", "0A04"),
	    false, false,
	    "c.yaml:7:3: packages: none leads to the target_version (0A05)\n");
	says(TO_5 "packages:\n" WAY("0A03", "0a03") WAY("0A03", "0A05"),
	    false, false,
	    "c.yaml:7:12: packages[0].from: is the same version as to\n");
	says(TO_5 "pace: {dark_max: 0}\npackages:\n" WAY("any", "0A05"), false,
	    false, "c.yaml:6:18: pace.dark_max: 0 is too small, allowed "
	    "1..100000\n");
	says("priority: 101\n" TO_5 "packages:\n" WAY("any", "0A05"), false,
	    false, "c.yaml:1:11: priority: 101 is too large, allowed "
	    "0..100\n");
	says(HEAD "downgrade: yes\npackages:\n" WAY("any", ""), false, false,
	    "c.yaml:5:12: downgrade: ");
}
END_TEST

START_TEST(ble)
{
	says(TO_5 "update: ble\npackages:\n" WAY("any", "0A05"), false, false,
	    "c.yaml:5:17: target_version: 0A05 cannot be read back with "
	    "update: ble, allowed is \"\"\n");
	says(HEAD "update: ble\npackages:\n" WAY("0A03", ""), false, false,
	    "c.yaml:7:12: packages[0].from: without a target_version allowed "
	    "is any\n");
	says(HEAD "update: bluetooth\npackages:\n" WAY("any", ""), false,
	    false, "c.yaml:5:9: update: \"bluetooth\" is not one of mcu, "
	    "ble\n");
}
END_TEST

START_TEST(warnings)
{
	says(TO_5 "packages:\n" WAY("0A01", "0A02") WAY("0A03", "0A05"), true,
	    false, "warning: c.yaml:7:24: packages[0].to: from there no "
	    "package leads on to the target_version, and this one is never "
	    "used (0A02 -> 0A05: no package begins at 0A02)\n");
	says(TO_5 "packages:\n" WAY("0A05", "0A06") WAY("0A03", "0A05"), true,
	    false, "warning: c.yaml:7:12: packages[0].from: 0A05 is the "
	    "target_version: such a device is up to date");
	says(TO_5 "packages:\n" WAY("0A04", "0A06") WAY("0A06", "0A05"), true,
	    false, "packages[0].to: from there no package leads on to the "
	    "target_version, and this one is never used (0A06 -> 0A05 leads "
	    "down: it needs downgrade: true)\n");
	says(TO_5 "packages:\n" WAY("0A03", "0A05"), true, true,
	    "warning: c.yaml:7:3: packages: none leads back from 0A05: have "
	    "one at hand");
	says(HEAD "target_version: \"0A09\"\npackages:\n" WAY("0A00", "0A01")
	    WAY("0A01", "0A02") WAY("0A02", "0A03") WAY("0A03", "0A04")
	    WAY("0A04", "0A05") WAY("0A05", "0A06") WAY("0A06", "0A07")
	    WAY("0A07", "0A08") WAY("0A08", "0A09") WAY("09FE", "09FF")
	    WAY("09FF", "0A00"), true, false, "packages[9].to: from there no "
	    "package leads on to the target_version, and this one is never "
	    "used (09FF -> 0A09: not within 8 hops)\n");
}
END_TEST

/* A stored text is not looked at twice: it was good once. */
START_TEST(stored_is_quiet)
{
	const struct campaign_env env = {.digest = digest, .stored = true,
	    .advise = true, .public_url = "http://fw.example.org:9622"};
	const char *text = TO_5 "packages:\n" WAY("0A05", "0A06")
	    WAY("0A03", "0A05");
	struct campaign_spec *s = NULL;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	ck_assert_int_eq(campaign_parse("c.yaml", text, strlen(text), &env, &s,
	    &diag, NULL), 0);
	expect_diag(text, &diag, "");
	spec_free(s);
	sbuf_done(&diag);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("campaign_paths");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, accepted);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, ble);
	tcase_add_test(tc, warnings);
	tcase_add_test(tc, stored_is_quiet);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
