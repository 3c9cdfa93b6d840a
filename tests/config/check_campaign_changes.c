#include "config.h"

#include "config/campaign_file.h"
#include "diag.h"

/*
 * What may change while a campaign runs and what may not (contract.md, Campaign
 * file), key by key, from text to spec_same_frozen().
 */

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	(void)err;
	/* The content follows the name: another file is another one. */
	*ret_bytes = 1000 + strlen(file);
	(void)snprintf(ret_sha256, DIGEST_TEXT, "%064zu", strlen(file));
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

#define BASE(more) "campaign: c1\nwindows: always\n" more
#define TARGETS "targets: {devices: [A000002B41DEE0, A000002B41DEE1]}\n"
#define REQUIRE "require: {device_type: [GV620MG]}\n"
#define VERSION "target_version: \"0A05\"\n"
#define PACKAGES "packages: [{from: \"0A03\", to: \"0A05\", file: p/x}]\n"

static struct campaign_spec *
parse(const char *text)
{
	const struct campaign_env env = {.package = package, .digest = digest,
	    .public_url = "http://fw.example.org:9622"};
	struct campaign_spec *s = NULL;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	if (campaign_parse("c.yaml", text, strlen(text), &env, &s, &diag,
		NULL) != 0)
		ck_abort_msg("%s\n%s", text, sbuf_str(&diag));
	sbuf_done(&diag);
	return s;
}

static void
compare(const char *before, const char *after, const char *want)
{
	struct campaign_spec *a = parse(before), *b = parse(after);
	const char *key = NULL;
	bool same = spec_same_frozen(a, b, &key);

	if (want == NULL)
		ck_assert_msg(same, "%s\nmay change, and %s may not", after,
		    key == NULL ? "?" : key);
	else
		ck_assert_msg(!same && strcmp(key, want) == 0,
		    "%s\nis %s, not %s", after, same ? "free" : key, want);
	spec_free(a);
	spec_free(b);
}

#define ALL TARGETS REQUIRE VERSION PACKAGES

START_TEST(free_keys)
{
	static const char *const lines[] = {
	    "description: other\n", "priority: 51\n", "priority: 0\n",
	    "pace: {in_flight: 7}\n", "pace: {start_rate: 1/s}\n",
	    "pace: {jitter: 0%}\n", "pace: {dark_max: 3}\n",
	    "window_fit: false\n",
	    "retry: {max_attempts: 20}\n", "retry: {backoff: 1m}\n",
	    "retry: {backoff_max: 1d}\n", "retry: {battery_wait: 1h}\n",
	    "retry: {max_deferrals: 0}\n", "timeouts: {ack: 3m}\n",
	    "timeouts: {confirm: 3m}\n", "timeouts: {start_download: 1m}\n",
	    "timeouts: {download_margin: 2m}\n", "timeouts: {install: 1h}\n",
	    "timeouts: {verify: 1h}\n", "timeouts: {probe: 2m}\n",
	    "timeouts: {silent: 1h}\n", "stop_rules: []\n",
	    "schedule: {end: 2030-01-01T00:00:00Z}\n",
	    ("schedule: {start: 2029-01-01T00:00:00Z, "
	    "end: 2030-01-01T00:00:00Z}\n"),
	    "schedule: {at_end: cancel}\n"};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		char text[800];

		(void)snprintf(text, sizeof(text), BASE(ALL) "%s", lines[i]);
		compare(BASE(ALL), text, NULL);
		compare(text, BASE(ALL), NULL);
	}
	compare(BASE(ALL), "campaign: c1\ntimezone: Europe/Berlin\n"
	    "windows: [{from: '01:00', to: '05:00'}]\n" ALL, NULL);
}
END_TEST

START_TEST(frozen_keys)
{
	static const struct {
		const char *text, *key;
	} rows[] = {
	    {BASE(ALL) "approval: none\n", "approval"},
	    {BASE(ALL) "update: mcu\ndowngrade: true\n", "downgrade"},
	    {BASE(ALL) "command: {max_download_retry: 2}\n", "command"},
	    {BASE(ALL) "command: {download_timeout: 6m}\n", "command"},
	    {BASE(ALL) "waves: [{name: other}]\n", "waves"},
	    {BASE(REQUIRE VERSION PACKAGES)
		"targets: {devices: [A000002B41DEE0]}\n", "targets"},
	    {BASE(REQUIRE VERSION PACKAGES) "targets: {all: true}\n",
		"targets"},
	    {BASE(TARGETS VERSION PACKAGES)
		"require: {device_type: [GV620MG], hardware: ['0100']}\n",
		"require"},
	    {BASE(TARGETS VERSION PACKAGES) "require: {device_type: [X]}\n",
		"require"},
	    {BASE(TARGETS REQUIRE) "target_version: '0A06'\n"
		"packages: [{from: '0A03', to: '0A06', file: p/x}]\n",
		"target_version"},
	    {BASE(TARGETS REQUIRE) "update: ble\n"
		"packages: [{from: any, to: '', file: p/x}]\n", "update"},
	    {BASE(TARGETS REQUIRE VERSION)
		"packages: [{from: any, to: '0A05', file: p/x}]\n",
		"packages"},
	    {BASE(TARGETS REQUIRE VERSION)
		"packages: [{from: '0A04', to: '0A05', file: p/x}]\n",
		"packages"},
	    {BASE(TARGETS REQUIRE VERSION)
		"packages: [{from: '0A03', to: '0A05', file: p/long}]\n",
		"packages"},
	    {BASE(TARGETS REQUIRE VERSION)
		"packages: [{from: '0A03', to: '0A05', "
		"url: 'http://h/x'}]\n", "packages"},
	    {BASE(TARGETS REQUIRE VERSION)
		"packages: [{from: '0A03', to: '0A05', file: p/x}, "
		"{from: '0A02', to: '0A03', file: p/y}]\n", "packages"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		compare(BASE(ALL), rows[i].text, rows[i].key);
		compare(rows[i].text, BASE(ALL), rows[i].key);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("campaign_changes");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, free_keys);
	tcase_add_test(tc, frozen_keys);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
