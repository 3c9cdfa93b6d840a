/* Campaign files and their lists: defaults by hand, ranges, errors. */
#include "config.h"
#include "config/campaign_file.h"

#include <stdint.h>

#include "base/units.h"
#include "config/campaign_options.h"
#include "diag.h"

/* --- a world of our own ----------------------------------------------------*/

struct world {
	const char *list;      /* text of lists/a.txt; NULL = no such file */
	size_t list_len;       /* 0 = as long as it is */
	bool posted;           /* lists that are not there may still come */
	size_t digested, digests;
	struct campaign_env env;
};

static int
read_list(void *arg, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	const struct world *world = arg;
	size_t n;

	ck_assert_str_eq(campaign_path, "c.yaml");
	/* Those of waves are there, too, and all the same. */
	if ((strcmp(list, "lists/a.txt") != 0 &&
		strncmp(list, "w/", 2) != 0) || world->list == NULL) {
		if (world->posted)
			return CAMPAIGN_FILES_MISSING;
		return errtext_set(err, -1, "%s: No such file", list);
	}
	n = world->list_len > 0 ? world->list_len : strlen(world->list);
	*ret_text = malloc(n + 1);
	ck_assert_ptr_nonnull(*ret_text);
	memcpy(*ret_text, world->list, n);
	*ret_len = n;
	return 0;
}

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	if (strncmp(file, "p/", 2) != 0)
		return errtext_set(err, -1, "%s: No such file", file);
	*ret_bytes = 4711;
	memcpy(ret_sha256, SHA, DIGEST_TEXT);
	return 0;
}

static void
digest(void *arg, const char *const *part, const size_t *len, size_t count,
    char ret[DIGEST_TEXT])
{
	struct world *world = arg;

	world->digests++;
	world->digested = 0;
	for (size_t i = 0; i < count; i++) {
		ck_assert_ptr_nonnull(part[i]);
		world->digested += len[i];
	}
	(void)snprintf(ret, DIGEST_TEXT, "%zu parts", count);
}

static struct world
new_world(void)
{
	return (struct world){.env = {.read_list = read_list,
	    .package = package, .digest = digest,
	    .public_url = "http://fw.example.org:9622"}};
}

/* What parse() returns when there is no campaign. */
static struct campaign_spec *
parse_in(struct world *world, const char *text, size_t len, int want,
    struct sbuf *diag, struct sbuf *missing)
{
	struct campaign_spec *s = NULL;
	int r;

	world->env.arg = world;
	sbuf_init(diag, 0);
	r = campaign_parse("c.yaml", text, len, &world->env, &s, diag, missing);
	if (r != want)
		ck_abort_msg("%s\n--- is %d, not %d:\n%s", text, r, want,
		    sbuf_str(diag));
	ck_assert((s != NULL) == (r == 0));
	return s;
}

static struct campaign_spec *
parse_good(const char *text)
{
	struct world world = new_world();
	struct campaign_spec *s;
	struct sbuf diag;

	s = parse_in(&world, text, strlen(text), 0, &diag, NULL);
	if (diag.len > 0)
		ck_abort_msg("%s\n---\n%s", text, sbuf_str(&diag));
	sbuf_done(&diag);
	return s;
}

static void
refuse(const char *text, const char *want)
{
	struct world world = new_world();
	struct sbuf diag;

	(void)parse_in(&world, text, strlen(text), -1, &diag, NULL);
	expect_diag(text, &diag, want);
	sbuf_done(&diag);
}

static void
refuse_in(const char *text, const char *part)
{
	struct world world = new_world();
	struct sbuf diag;

	(void)parse_in(&world, text, strlen(text), -1, &diag, NULL);
	expect_in(text, &diag, part);
	sbuf_done(&diag);
}

#define HEAD "campaign: c1\n"
#define TARGETS "targets: {devices: [A000002B41DEE0]}\n"
#define REQUIRE "require: {device_type: [GV620MG]}\n"
#define VERSION "target_version: \"0A05\"\n"
#define PACKAGES "packages: [{from: any, to: \"0A05\", file: p/x.enc}]\n"
#define WINDOWS "windows: always\n"
#define REST TARGETS REQUIRE VERSION PACKAGES WINDOWS
#define LEAST HEAD REST
/* Everything but one. */
#define BUT_TARGETS HEAD REQUIRE VERSION PACKAGES WINDOWS
#define BUT_PACKAGES HEAD TARGETS REQUIRE VERSION WINDOWS
#define BUT_WINDOWS HEAD TARGETS REQUIRE VERSION PACKAGES

/* A campaign with one more line, and what is said of it. */
static void
refuse_line(const char *line, const char *part)
{
	struct sbuf text;

	sbuf_init(&text, 0);
	sbuf_addf(&text, "%s\n" LEAST, line);
	refuse_in(sbuf_str(&text), part);
	sbuf_done(&text);
}

/* --- values ----------------------------------------------------------------*/

static void
expect_defaults(const struct campaign_spec *s)
{
	ck_assert_str_eq(s->description, "");
	ck_assert_int_eq(s->priority, 50);
	ck_assert(s->approval_required);
	ck_assert(!s->targets_all);
	ck_assert_int_eq(s->update, UPDATE_MCU);
	ck_assert(!s->downgrade);
	ck_assert_int_eq(s->max_download_retry, 1);
	ck_assert_int_eq(s->download_timeout_ms, 15 * 60000);
	ck_assert_str_eq(s->waves[0].name, "all");
	ck_assert_int_eq(s->pace.in_flight, 100);
	ck_assert_int_eq(s->pace.start_per_hour, 3600);
	ck_assert_int_eq(s->pace.jitter_ppm, 200000);
	ck_assert_int_eq(s->pace.dark_max, 20);
	ck_assert(s->window_fit);
	ck_assert_int_eq(s->retry.max_attempts, 3);
	ck_assert_int_eq(s->retry.backoff_ms, 15 * 60000);
	ck_assert_int_eq(s->retry.backoff_max_ms, 12 * 3600000);
	ck_assert_int_eq(s->retry.battery_wait_ms, 12 * 3600000);
	ck_assert_int_eq(s->retry.max_deferrals, 5);
	ck_assert_int_eq(s->timeouts.ack_ms, 120000);
	ck_assert_int_eq(s->timeouts.confirm_ms, 120000);
	ck_assert_int_eq(s->timeouts.start_download_ms, 300000);
	ck_assert_int_eq(s->timeouts.download_margin_ms, 60000);
	ck_assert_int_eq(s->timeouts.install_ms, 1800000);
	ck_assert_int_eq(s->timeouts.verify_ms, 24 * 3600000);
	ck_assert_int_eq(s->timeouts.probe_ms, 60000);
	ck_assert_int_eq(s->timeouts.silent_ms, 48 * 3600000);
	ck_assert_uint_eq(s->rule_count, 6);
	ck_assert_int_eq(s->rules[0].cause, CAUSE_BAD_URL);
}

START_TEST(defaults)
{
	struct campaign_spec *s = parse_good(LEAST), *empty = spec_new();

	expect_defaults(s);
	ck_assert_ptr_nonnull(empty);
	/* The same defaults stand there a second time. */
	expect_defaults(empty);
	spec_free(empty);

	ck_assert_str_eq(s->name, "c1");
	ck_assert_uint_eq(s->device_count, 1);
	ck_assert_str_eq(s->devices[0].text, "A000002B41DEE0");
	ck_assert_uint_eq(s->require_type_count, 1);
	ck_assert_str_eq(s->require_type[0], "GV620MG");
	ck_assert_uint_eq(s->require_hardware_count, 0);
	ck_assert_ptr_null(s->require_hardware);
	ck_assert_str_eq(s->target_version, "0A05");
	ck_assert_uint_eq(s->package_count, 1);
	ck_assert(s->packages[0].from_any);
	ck_assert_str_eq(s->packages[0].from, "");
	ck_assert_str_eq(s->packages[0].to, "0A05");
	ck_assert_str_eq(s->packages[0].file, "p/x.enc");
	ck_assert_str_eq(s->packages[0].url,
	    "http://fw.example.org:9622/p/x.enc");
	ck_assert_uint_eq(s->packages[0].bytes, 4711);
	ck_assert_str_eq(s->packages[0].sha256, SHA);
	ck_assert(!s->waves_given);
	ck_assert(s->windows_always);
	ck_assert_str_eq(s->digest, "1 parts");
	ck_assert_str_eq(s->text, LEAST);
	ck_assert_uint_eq(s->text_len, strlen(LEAST));
	ck_assert_str_eq(s->path, "c.yaml");
	spec_free(s);
}
END_TEST

START_TEST(every_value)
{
	static const char text[] =
	    "campaign: a-b_c.9\n"
	    "description: |\n  Two\n  lines, \xc3\xa4\n"
	    "priority: 50\n"
	    "approval: none\n"
	    "targets: {all: true}\n"
	    "require: {device_type: [GV620MG, 'GV 600'], hardware: ['1.02']}\n"
	    "update: mcu\n"
	    "target_version: 0a05\n"
	    "packages:\n"
	    "  - {from: 0A03, to: 0A05, url: 'http://h/x', bytes: 412300}\n"
	    "  - {from: '0A04', to: '0a05', file: p/y, bytes: 4711,\n"
	    "     sha256: 0123456789ABCDEF0123456789abcdef0123456789abcdef"
	    "0123456789abcdef}\n"
	    "downgrade: false\n"
	    "command: {max_download_retry: 3, download_timeout: 30m}\n"
	    "waves: [{name: w1}]\n"
	    "pace: {in_flight: 1, start_rate: 10/s, jitter: 0%, dark_max: 20}\n"
	    "windows: always\n"
	    "window_fit: false\n"
	    "retry: {max_attempts: 1, backoff: 1s, backoff_max: 30d,\n"
	    "  battery_wait: 2s, max_deferrals: 0}\n"
	    "timeouts: {ack: 1s, confirm: 2s, start_download: 3s,\n"
	    "  download_margin: 4s, install: 5s, verify: 6s, probe: 7s,\n"
	    "  silent: 7d}\n"
	    "stop_rules: []\n";
	struct campaign_spec *s = parse_good(text);

	ck_assert_str_eq(s->name, "a-b_c.9");
	ck_assert_str_eq(s->description, "Two\nlines, \xc3\xa4\n");
	ck_assert(!s->approval_required);
	ck_assert(s->targets_all);
	ck_assert_uint_eq(s->device_count, 0);
	ck_assert_uint_eq(s->require_type_count, 2);
	ck_assert_str_eq(s->require_type[1], "GV 600");
	ck_assert_uint_eq(s->require_hardware_count, 1);
	ck_assert_str_eq(s->require_hardware[0], "1.02");
	ck_assert_uint_eq(s->package_count, 2);
	ck_assert_str_eq(s->packages[0].from, "0A03");
	ck_assert(!s->packages[0].from_any);
	ck_assert_ptr_null(s->packages[0].file);
	ck_assert_str_eq(s->packages[0].url, "http://h/x");
	ck_assert_uint_eq(s->packages[0].bytes, 412300);
	ck_assert_str_eq(s->packages[0].sha256, "");
	ck_assert_str_eq(s->packages[1].sha256, SHA);
	ck_assert_int_eq(s->max_download_retry, 3);
	ck_assert_int_eq(s->download_timeout_ms, 30 * 60000);
	ck_assert_str_eq(s->waves[0].name, "w1");
	ck_assert_int_eq(s->pace.in_flight, 1);
	ck_assert_int_eq(s->pace.start_per_hour, 36000);
	ck_assert_int_eq(s->pace.jitter_ppm, 0);
	ck_assert(!s->window_fit);
	ck_assert_int_eq(s->retry.max_attempts, 1);
	ck_assert_int_eq(s->retry.backoff_ms, 1000);
	ck_assert_int_eq(s->retry.backoff_max_ms, INT64_C(30) * 86400000);
	ck_assert_int_eq(s->retry.battery_wait_ms, 2000);
	ck_assert_int_eq(s->retry.max_deferrals, 0);
	ck_assert_int_eq(s->timeouts.ack_ms, 1000);
	ck_assert_int_eq(s->timeouts.confirm_ms, 2000);
	ck_assert_int_eq(s->timeouts.start_download_ms, 3000);
	ck_assert_int_eq(s->timeouts.download_margin_ms, 4000);
	ck_assert_int_eq(s->timeouts.install_ms, 5000);
	ck_assert_int_eq(s->timeouts.verify_ms, 6000);
	ck_assert_int_eq(s->timeouts.probe_ms, 7000);
	ck_assert_int_eq(s->timeouts.silent_ms, 7 * 86400000);
	ck_assert_uint_eq(s->rule_count, 0);
	spec_free(s);
}
END_TEST

/* A key that has its default value is always accepted (contract.md). */
START_TEST(defaults_written_out)
{
	struct campaign_spec *s = parse_good(LEAST
	    "description: \"\"\npriority: 50\napproval: required\n"
	    "update: mcu\ndowngrade: false\n"
	    "command: {max_download_retry: 1, download_timeout: 15m}\n"
	    "waves: []\n"
	    "pace: {in_flight: 100, start_rate: 60/min, jitter: 20%, "
	    "dark_max: 20}\n"
	    "timezone: \"\"\nfallback_timezone: \"\"\nwindow_fit: true\n"
	    "schedule: {start: \"\", end: \"\", at_end: stop}\n"
	    "retry: {max_attempts: 3, backoff: 15m, backoff_max: 12h, "
	    "battery_wait: 12h, max_deferrals: 5}\n"
	    "timeouts: {ack: 2m, confirm: 2m, start_download: 5m, "
	    "download_margin: 60s, install: 30m, verify: 24h, probe: 60s, "
	    "silent: 48h}\n"
	    "stop_rules:\n"
	    "  - {cause: bad_url, count: 2, do: pause}\n"
	    "  - {cause: update_failed, count: 2, scope: edge, do: pause}\n"
	    "  - {cause: wrong_version, count: 2, do: pause}\n"
	    "  - {cause: silent, count: 2, scope: wave, waves: first, "
	    "do: pause}\n"
	    "  - {cause: silent, rate: 0.5%, min_sample: 400, do: pause}\n"
	    "  - {cause: any, rate: 10%, min_sample: 20, do: pause}\n");

	expect_defaults(s);
	spec_free(s);
	s = parse_good(BUT_TARGETS "targets: {devices: [A000002B41DEE0], "
	    "file: \"\", all: false, models: [], tags: [], exclude: [], "
	    "exclude_file: \"\", membership: snapshot}\n"
	    "waves: [{name: all, file: \"\", spread: [], gate: "
	    "{success: 100%, unknown_max: 100%, soak: 0s, then: next}}]\n");
	expect_defaults(s);
	spec_free(s);
}
END_TEST

static void
put_option(const char *key, const char *value, struct sbuf *out)
{
	int indent = 0;

	sbuf_adds(out, LEAST);
	for (; strchr(key, '.') != NULL; key = strchr(key, '.') + 1) {
		sbuf_addf(out, "%*s%.*s:\n", indent, "",
		    (int)strcspn(key, "."), key);
		indent += 2;
	}
	sbuf_addf(out, "%*s%s: %s\n", indent, "", key, value);
	if (strcmp(key, "backoff") == 0)
		sbuf_adds(out, "  backoff_max: 30d\n");
	if (strcmp(key, "backoff_max") == 0)
		sbuf_adds(out, "  backoff: 1s\n");
}

static void
try_number(const struct option *o, int64_t v, const char *want)
{
	struct world world = new_world();
	char buf[UNITS_TEXT], part[200];
	struct campaign_spec *s;
	struct sbuf text, diag;

	if (v < 0 || (o->type == VALUE_DURATION && v % 1000 != 0))
		return;
	if (o->type == VALUE_PERCENT && v > 1000000)
		return; /* no way to write that */
	sbuf_init(&text, 0);
	put_option(o->key, value_text(o->type, v, buf), &text);
	s = parse_in(&world, sbuf_str(&text), text.len,
	    want == NULL ? 0 : -1, &diag, NULL);
	if (want != NULL) {
		(void)snprintf(part, sizeof(part), ": %s: %s %s", o->key, buf,
		    want);
		expect_in(sbuf_str(&text), &diag, part);
	}
	spec_free(s);
	sbuf_done(&text);
	sbuf_done(&diag);
}

START_TEST(limits_of_each)
{
	size_t numbers = 0;

	for (size_t i = 0; i < campaign_options.count; i++) {
		const struct option *o = &campaign_options.row[i];
		int64_t one = o->type == VALUE_DURATION ? 1000 : 1;

		if (!value_is_number(o->type) || o->type == VALUE_WORD ||
		    o->type == VALUE_BOOL)
			continue;
		numbers++;
		ck_assert_int_lt(o->min, o->max);
		try_number(o, o->min - one, "is too small, allowed ");
		try_number(o, o->min, NULL);
		try_number(o, o->max, NULL);
		try_number(o, o->max + one, "is too large, allowed ");
	}
	ck_assert_uint_eq(numbers, 20);
}
END_TEST

START_TEST(lengths_of_each)
{
	for (size_t i = 0; i < campaign_options.count; i++) {
		const struct option *o = &campaign_options.row[i];
		struct sbuf text;
		char *value;

		if (value_is_number(o->type) || o->type == VALUE_NODE ||
		    (o->flags & OPT_LIST) != 0 || strcmp(o->key,
			"campaign") == 0 || strcmp(o->key,
			"target_version") == 0)
			continue;
		ck_assert_int_gt(o->max, 0);
		value = malloc((size_t)o->max + 2);
		ck_assert_ptr_nonnull(value);
		memset(value, 'a', (size_t)o->max + 1);
		value[o->max + 1] = '\0';
		sbuf_init(&text, 0);
		put_option(o->key, value, &text);
		/* LEAST has targets: a second one is refused as well. */
		if (strncmp(o->key, "targets.", 8) != 0)
			refuse_in(sbuf_str(&text), " is too long, allowed up ");
		sbuf_done(&text);
		free(value);
	}
	refuse_in("campaign: a234567890123456789012345678901234567890123456789"
		  "0123456789012345\n" REST, "c.yaml:1:11: campaign: \"a23456"
		  "7890123456789012345678901234567890...\" is too "
		  "long, allowed 1 to 64 characters\n");
	refuse_in(BUT_PACKAGES "packages: [{from: a234567890123456789012345, "
		  "to: \"0A05\", url: \"http://x\"}]\n",
	    "packages[0].from: \"a234567890123456789012345\" is too long, "
	    "allowed 1 to 24 characters\n");
}
END_TEST

/* --- errors ----------------------------------------------------------------*/

START_TEST(required_keys)
{
	refuse("", "c.yaml:1:1: the file is empty\n");
	refuse("# nothing\n", "c.yaml:1:1: the file is empty\n"
	    "  # nothing\n"
	    "  ^\n");
	refuse("\n  approval: none\n",
	    "c.yaml:2:3: campaign: is missing\n"
	    "    approval: none\n"
	    "    ^\n"
	    "c.yaml:2:3: packages: is missing\n"
	    "    approval: none\n"
	    "    ^\n"
	    "c.yaml:2:3: windows: is missing\n"
	    "    approval: none\n"
	    "    ^\n"
	    "c.yaml:2:3: targets: names nobody, allowed are devices, a file, "
	    "or all: true\n"
	    "    approval: none\n"
	    "    ^\n"
	    "warning: c.yaml:2:3: require: is not given: a device of another "
	    "type gets the package as well\n"
	    "    approval: none\n"
	    "    ^\n");
	refuse_in(BUT_PACKAGES "packages: [{file: p/x}]\n",
	    "c.yaml:6:12: packages[0].from: is missing\n");
	refuse_in(BUT_PACKAGES "packages: [{file: p/x}]\n",
	    "c.yaml:6:12: packages[0].to: is missing\n");
	refuse_in(BUT_PACKAGES "packages: []\n",
	    "c.yaml:6:11: packages: 0 entries, allowed 1 to 256\n");
	refuse_in(BUT_PACKAGES "packages: [x]\n",
	    "c.yaml:6:12: packages[0]: is no map (key: value)\n");
	refuse_in(BUT_PACKAGES "packages: {from: any}\n",
	    "c.yaml:6:11: packages: is no list, allowed is a list in [ ]; [] "
	    "is the empty one\n");
}
END_TEST

START_TEST(names)
{
	static const char *const bad[] = {"A", "a b", "a/b", ".", "..",
	    "\xc3\xa4", "''", "\"a\\nb\"", "\"a\\0b\""};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char text[400];

		(void)snprintf(text, sizeof(text), "campaign: %s\n" REST,
		    bad[i]);
		refuse_in(text, "c.yaml:1:11: campaign: ");
	}
	refuse_in("campaign: [a]\n" REST,
	    "c.yaml:1:11: campaign: is a list, allowed is a-z, 0-9");
	refuse_line("description: \"a\\eb\"",
	    "c.yaml:1:14: description: \"a\\x1bb\" has a control character");
}
END_TEST

START_TEST(unknown_and_twice)
{
	refuse_line("prioritty: 50", "c.yaml:1:1: \"prioritty\": unknown key, "
	    "did you mean \"priority\"?\n");
	refuse_line("device_type: [x]", "c.yaml:1:1: \"device_type\": unknown "
	    "key, did you mean \"require.device_type\"?\n");
	refuse_line("pace: {in_fligth: 1}", "c.yaml:1:8: \"in_fligth\": "
	    "unknown key in pace, did you mean \"in_flight\"?\n");
	refuse_line("windows: always",
	    "c.yaml:7:1: windows: given twice, first on line 1\n");
	refuse_in(BUT_PACKAGES "packages: [{form: any, to: '0A05', "
	    "file: p/x}]\n", "c.yaml:6:13: \"form\": unknown key, did you mean "
	    "\"from\"?\n");
	refuse_in(BUT_PACKAGES "packages: [{from: any, from: any, to: '0A05', "
	    "file: p/x}]\n", "c.yaml:6:24: packages[0].from: given twice, "
	    "first on line 6\n");
	refuse_line("? [a]\n: b\n", "c.yaml:1:3: a key is a word, not a list "
	    "or map\n");
	refuse_line("? \n: b\n", "c.yaml:1:2: \"\": unknown key\n");
	refuse_line("pace: {\"\": 1}", "c.yaml:1:8: \"\": unknown key in "
					"pace\n");
	refuse_line("\"a\\0b\": 1", "c.yaml:1:1: \"a\\x00b\": unknown key\n");
}
END_TEST

#define SOME "targets: {devices: [A000002B41DEE0], "

START_TEST(members)
{
	struct campaign_spec *s = parse_good(SOME "models: [C2, 6e0202], "
	    "tags: [van, a b], exclude: [A000002B41DEE1]}\n" BUT_TARGETS);

	ck_assert_uint_eq(s->model_count, 2);
	ck_assert_str_eq(s->models[1], "6e0202");
	ck_assert_uint_eq(s->tag_count, 2);
	ck_assert_str_eq(s->tags[1], "a b");
	ck_assert_uint_eq(s->exclude.count, 1);
	ck_assert(!s->dynamic);
	ck_assert_str_ne(s->targets_digest, "");
	spec_free(s);
	s = parse_good(SOME "membership: dynamic}\nschedule: {end: "
	    "'2027-01-31T04:00:00Z'}\n" BUT_TARGETS);
	ck_assert(s->dynamic);
	spec_free(s);
	refuse_in(SOME "membership: dynamic}\n" BUT_TARGETS,
	    "c.yaml:1:50: targets.membership: dynamic needs schedule.end");
	refuse_in(SOME "models: [C2, GV6]}\n" BUT_TARGETS,
	    "c.yaml:1:51: targets.models: \"GV6\" is no device-type code, "
	    "allowed 2 or 6 hex digits");
	refuse_in(SOME "tags: ['a;b']}\n" BUT_TARGETS,
	    "targets.tags: has a ; or a blank at an end");
	refuse_in(SOME "exclude: [8.67E+14]}\n" BUT_TARGETS,
	    "targets.exclude[0]: \"8.67E+14\" was damaged by a spreadsheet");
}
END_TEST

/* Typed and range-checked although they are not available. */
START_TEST(typed_all_the_same)
{
	refuse_line("priority: 101",
	    "priority: 101 is too large, allowed 0..100\n");
	refuse_line("schedule: {start: tomorrow}", "schedule.start: \"tomorrow"
	    "\" is not a time with date and zone, allowed RFC 3339, such as "
	    "2027-01-31T04:00:00Z\n");
	refuse_line("waves: [{name: A}]", "waves[0].name: \"A\" has a "
	    "character that is not allowed in a name");
	refuse_line("waves: [{count: 3}]", "c.yaml:1:9: waves[0].name: is "
	    "missing\n");
	refuse_line("waves: [{name: a, percent: 20%}, {name: b}]", "waves[0].percent: "
	    "\"20%\" is not a whole number in decimal digits, allowed "
	    "1..100\n");
	refuse_line("waves: [{name: a, gate: {sucess: 97%}}]", "c.yaml:1:26: "
	    "\"sucess\": unknown key in gate, did you mean \"success\"?\n");
	refuse_line("waves: [{name: a, spread: [coutry]}]", "c.yaml:1:28: "
	    "waves[0].spread[0]: \"coutry\" is not one of version, country "
	    "(did you mean \"country\"?)\n");
	refuse_in(BUT_WINDOWS "windows: [{days: [may], from: '25:00'}]\n",
	    "c.yaml:6:19: windows[0].days[0]: \"may\" is not one of mon, tue, "
	    "wed, thu, fri, sat, sun");
	refuse_in(BUT_WINDOWS "windows: [{days: [may], from: '25:00'}]\n",
	    "c.yaml:6:31: windows[0].from: \"25:00\" is not a time of day, "
	    "allowed \"00:00\" to \"23:59\"\n");
	refuse_in(BUT_WINDOWS "windows: [{days: [may], from: '25:00'}]\n",
	    "c.yaml:6:11: windows[0].to: is missing\n");
	refuse_in(BUT_WINDOWS "windows: allways\n", "c.yaml:6:10: windows: is "
	    "neither the word always nor a list\n");
	refuse_line("stop_rules: [{cause: slient, count: 2, do: pause}]",
	    "c.yaml:1:22: stop_rules[0].cause: \"slient\" is not one of any, "
	    "no_ack, refused, refused_power_off, bad_url, foreign_cancel, "
	    "low_battery, low_battery_install, download_failed, "
	    "update_failed, wrong_version, silent, timeout (did you mean "
	    "\"silent\"?)\n");
	refuse_line("stop_rules: [{cause: any, do: pause}]", "c.yaml:1:14: "
	    "stop_rules[0]: allowed is either count, or rate with "
	    "min_sample\n");
	refuse_line("stop_rules: [{cause: any, rate: 1%, do: pause}]",
	    "stop_rules[0]: rate needs min_sample\n");
	refuse_line("stop_rules: [{cause: any, count: 1, min_sample: 1, "
		    "do: pause}]", "stop_rules[0]: min_sample needs rate\n");
	refuse_line("stop_rules: [{cause: any, count: 1, waves: second, "
		    "do: abort}]", "c.yaml:1:44: stop_rules[0].waves: is "
		    "neither the word first nor a list of names\n");
	refuse_line("stop_rules: [{cause: any, count: 1, waves: [A], "
		    "do: abort}]", "stop_rules[0].waves: \"A\" has a "
		    "character");
}
END_TEST

#define LISTED_WAVES BUT_TARGETS "targets: {file: lists/a.txt}\n"

START_TEST(waves_and_gates)
{
	struct campaign_spec *s = parse_good(LEAST
	    "waves:\n"
	    "  - {name: canary, count: 60, spread: [version, country], gate: "
	    "{success: 97%, min_done: 40, unknown_max: 5%, soak: 24h, "
	    "then: hold, deadline: 5d}}\n"
	    "  - {name: early, percent: 20}\n"
	    "  - {name: rest}\n");
	const struct spec_wave *w = s->waves;

	ck_assert_uint_eq(s->wave_count, 3);
	ck_assert_str_eq(w[0].name, "canary");
	ck_assert_int_eq((int)w[0].take, TAKE_COUNT);
	ck_assert_int_eq(w[0].count, 60);
	ck_assert_uint_eq(w[0].spread, SPREAD_VERSION | SPREAD_COUNTRY);
	ck_assert(w[0].gate.given && w[0].gate.hold);
	ck_assert_int_eq(w[0].gate.success_ppm, 970000);
	ck_assert_int_eq(w[0].gate.min_done, 40);
	ck_assert_int_eq(w[0].gate.unknown_max_ppm, 50000);
	ck_assert_int_eq(w[0].gate.soak_ms, 86400000);
	ck_assert_int_eq(w[0].gate.deadline_ms, INT64_C(5) * 86400000);
	ck_assert_int_eq((int)w[1].take, TAKE_PERCENT);
	ck_assert_int_eq(w[1].percent, 20);
	/* Left out, the gate of a wave that others follow has its defaults. */
	ck_assert(w[1].gate.given && !w[1].gate.hold);
	ck_assert_int_eq(w[1].gate.success_ppm, 1000000);
	ck_assert_int_eq(w[1].gate.min_done, 0);
	ck_assert_int_eq(w[1].gate.unknown_max_ppm, 1000000);
	ck_assert_int_eq((int)w[2].take, TAKE_REST);
	ck_assert(!w[2].gate.given);
	spec_free(s);
}
END_TEST

START_TEST(waves_refused)
{
	refuse_line("waves: [{name: a, count: 3}]", "c.yaml:1:16: waves[0]: is "
	    "the last wave, which takes what is left: allowed without file, "
	    "count and percent; add one behind it\n");
	refuse_line("waves: [{name: a}, {name: b}]", "c.yaml:1:16: waves[0]: "
	    "allowed is one of file, count and percent; only the last wave "
	    "takes what is left\n");
	refuse_line("waves: [{name: a, count: 3, percent: 3}, {name: b}]",
	    "waves[0]: allowed is one of file, count and percent");
	refuse_line("waves: [{name: a, count: 3}, {name: a}]", "c.yaml:1:37: "
	    "waves[1].name: a is the name of waves[0] already\n");
	refuse_line("waves: [{name: a, spread: [version]}]", "c.yaml:1:27: "
	    "waves[0].spread: needs count or percent: nobody is picked for "
	    "this wave\n");
	refuse_line("waves: [{name: a, gate: {soak: 31d}}]", "waves[0].gate."
	    "soak: 31d is too large, allowed 0s..30d\n");
	refuse_line("waves: [{name: a, gate: {deadline: 30s}}]",
	    "waves[0].gate.deadline: 30s is too small, allowed 1m..365d\n");
}
END_TEST

START_TEST(waves_limit)
{
	struct sbuf text;

	sbuf_init(&text, 0);
	sbuf_adds(&text, LEAST "waves:\n");
	for (int i = 0; i < WAVES_MAX; i++)
		sbuf_addf(&text, "  - {name: w%d, count: 1}\n", i);
	sbuf_adds(&text, "  - {name: rest}\n");
	refuse_in(sbuf_str(&text), "c.yaml:8:3: waves: 65 entries, allowed 1 "
	    "to 64\n");
	sbuf_done(&text);
}
END_TEST

START_TEST(wave_lists)
{
	static const char text[] = LISTED_WAVES
	    "waves: [{name: a, file: w/b.txt}, {name: rest}]\n";
	struct world world = new_world();
	struct campaign_spec *s;
	struct sbuf diag;

	world.list = "A000002B41DEE0\nA000002B41DEE1\n";
	s = parse_in(&world, text, strlen(text), 0, &diag, NULL);
	ck_assert_int_eq((int)s->waves[0].take, TAKE_FILE);
	ck_assert_str_eq(s->waves[0].file, "w/b.txt");
	ck_assert_uint_eq(s->waves[0].device_count, 2);
	ck_assert_str_eq(s->waves[0].devices[1].text, "A000002B41DEE1");
	/* The file and both lists. */
	ck_assert_str_eq(s->digest, "3 parts");
	spec_free(s);
	sbuf_done(&diag);
}
END_TEST

/* One list for all waves; targets of their own. */
START_TEST(wave_lists_and_targets)
{
	static const char one[] = LEAST
	    "waves: [{name: a, file: w/b.txt}, {name: rest}]\n";
	static const char two[] = LEAST "waves: [{name: a, file: w/x}, "
	    "{name: b, file: w/y}, {name: rest}]\n";
	struct world world = new_world();
	struct campaign_spec *s;
	struct sbuf diag;

	world.list = "A000002B41DEE0\nA000002B41DEE9\n";
	s = parse_in(&world, one, strlen(one), 0, &diag, NULL);
	expect_in(one, &diag, "warning: c.yaml:7:25: waves[0].file: 1 ids of "
	    "w/b.txt are no targets and are left out, the first is "
	    "A000002B41DEE9\n");
	spec_free(s);
	sbuf_done(&diag);
	s = parse_in(&world, two, strlen(two), 0, &diag, NULL);
	expect_in(two, &diag, "waves[1].file: 2 ids stand in the list of an "
	    "earlier wave and stay there\n");
	spec_free(s);
	sbuf_done(&diag);
	world.list = "A000002B41DEE9\n";
	(void)parse_in(&world, one, strlen(one), -1, &diag, NULL);
	expect_in(one, &diag, "c.yaml:7:25: waves[0].file: no id of "
	    "w/b.txt is a target of this campaign\n");
	sbuf_done(&diag);
	world.list = "# nobody\n";
	(void)parse_in(&world, one, strlen(one), -1, &diag, NULL);
	expect_in(one, &diag, "waves[0].file: w/b.txt names nobody\n");
	sbuf_done(&diag);
}
END_TEST

START_TEST(rules_of_your_own)
{
	struct campaign_spec *s = parse_good(LEAST
	    "waves: [{name: a, count: 1}, {name: b, count: 1}, {name: c}]\n"
	    "stop_rules:\n"
	    "  - {cause: no_ack, count: 3, scope: wave, waves: [c, a], "
	    "do: abort}\n"
	    "  - {cause: any, rate: 0.5%, min_sample: 7, waves: first, "
	    "scope: edge, do: pause}\n");

	ck_assert_uint_eq(s->rule_count, 2);
	ck_assert(!s->rules[0].any);
	ck_assert_int_eq((int)s->rules[0].cause, CAUSE_NO_ACK);
	ck_assert_int_eq(s->rules[0].count, 3);
	ck_assert_uint_eq(s->rules[0].waves, 5);
	ck_assert_int_eq((int)s->rules[0].scope, RULE_WAVE);
	ck_assert_int_eq((int)s->rules[0].act, RULE_ABORT);
	ck_assert(s->rules[1].any);
	ck_assert_int_eq(s->rules[1].rate_ppm, 5000);
	ck_assert_int_eq(s->rules[1].min_sample, 7);
	ck_assert_uint_eq(s->rules[1].waves, 1);
	spec_free(s);
	refuse_line("stop_rules: [{cause: any, count: 1, waves: [x], "
	    "do: abort}]", "c.yaml:1:45: stop_rules[0].waves: \"x\" is no "
	    "wave of this campaign, allowed all\n");
	refuse_line("stop_rules: [{cause: any, count: 1, waves: [], "
	    "do: abort}]", "stop_rules[0].waves: names no wave; leave it out "
	    "for all\n");
}
END_TEST

/* The words of causes are those of the core. */
START_TEST(cause_words)
{
	const char *const *words = rule_options.row[RULE_OPT_CAUSE].words;
	size_t n = 0;

	for (size_t i = 1; words[i] != NULL; i++, n++)
		ck_assert_str_eq(words[i], cause_name((enum cause)i));
	ck_assert_uint_eq(n, CAUSE_TIMEOUT);
}
END_TEST

START_TEST(targets)
{
	refuse_in(BUT_TARGETS "targets: {all: true, file: lists/a.txt}\n",
	    "c.yaml:6:16: targets.all: takes every device, allowed is true "
	    "without devices and file\n");
	refuse_in(BUT_TARGETS "targets: {all: yes}\n",
	    "c.yaml:6:16: targets.all: \"yes\" is not true or false\n");
	refuse_in(BUT_TARGETS "targets: {devices: [], file: \"\"}\n",
	    "c.yaml:6:20: targets: names nobody");
	refuse_in(BUT_TARGETS "targets: {file: w/b.txt}\n",
	    "c.yaml:6:17: targets.file: w/b.txt: No such file\n");
	refuse_in(BUT_TARGETS "targets: {devices: [A000002B41DEE0, 123, "
	    "8.67E+14]}\n", "c.yaml:6:37: targets.devices[1]: \"123\" is not "
	    "an id, allowed 14 to 16 of 0-9 and A-F\n");
	refuse_in(BUT_TARGETS "targets: {devices: [A000002B41DEE0, 123, "
	    "8.67E+14]}\n", "c.yaml:6:42: targets.devices[2]: \"8.67E+14\" "
	    "was damaged by a spreadsheet (make the column text, then export "
	    "again), allowed 14 to 16 of 0-9 and A-F\n");
	refuse_in(BUT_TARGETS "targets: {devices: A000002B41DEE0}\n",
	    "targets.devices: is no list, allowed is a list in [ ]");
}
END_TEST

START_TEST(retry_and_command)
{
	refuse_line("retry: {backoff: 13h}", "c.yaml:1:18: retry.backoff: is "
	    "longer than retry.backoff_max\n");
	refuse_line("retry: {backoff_max: 1m}", "c.yaml:1:22: retry.backoff: "
	    "is longer than retry.backoff_max\n");
	refuse_line("command: {download_timeout: 301s}", "c.yaml:1:29: "
	    "command.download_timeout: 301s is not in whole minutes, allowed "
	    "5m..30m\n");
	refuse_line("pace: {jitter: 101%}", "pace.jitter: \"101%\" is not a "
	    "percentage such as 97% or 0.5%, allowed 0%..100%\n");
}
END_TEST

/* --- packages --------------------------------------------------------------*/

static void
refuse_package(const char *entry, const char *part)
{
	struct sbuf text;

	sbuf_init(&text, 0);
	sbuf_addf(&text, BUT_PACKAGES "packages: [%s]\n", entry);
	refuse_in(sbuf_str(&text), part);
	sbuf_done(&text);
}

START_TEST(packages)
{
	refuse_package("{from: '0a05', to: '0A05', file: p/x}",
	    "c.yaml:6:19: packages[0].from: is the same version as to\n");
	refuse_package("{from: any, to: '', file: p/x}", "c.yaml:6:28: "
	    "packages[0].to: is empty, allowed is target_version (0A05), or a "
	    "version on the way to it\n");
	refuse_package("{from: any, to: '0A05'}",
	    "c.yaml:6:12: packages[0]: needs a file or a url\n");
	refuse_package("{from: any, to: '0A05', file: p/x, url: 'http://h'}",
	    "c.yaml:6:52: packages[0].url: stands beside file, allowed is one "
	    "of the two\n");
	refuse_package("{from: 'a,b', to: '0A05', file: p/x}",
	    "packages[0].from: \"a,b\" has a character that no message can "
	    "carry");
	refuse_package("{from: any, to: '0A05', file: q}",
	    "c.yaml:6:42: packages[0].file: q: No such file\n");
	refuse_package("{from: any, to: '0A05', file: p/x, bytes: 4712}",
	    "c.yaml:6:54: packages[0].bytes: the file has 4711 bytes\n");
	refuse_package("{from: any, to: '0A05', file: p/x, bytes: 0}",
	    "packages[0].bytes: 0 is too small, allowed 1..1GiB\n");
	refuse_package("{from: any, to: '0A05', file: p/x, sha256: "
	    "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}",
	    "c.yaml:6:55: packages[0].sha256: the file has " SHA "\n");
	refuse_package("{from: any, to: '0A05', file: p/x, sha256: 0123}",
	    "packages[0].sha256: \"0123\" has not 64 hex digits, allowed 64 "
	    "hex digits\n");
}
END_TEST

START_TEST(package_urls)
{
	static const char *const bad[] = {"/p/x", "p//x", "p/../x", "..",
	    "p/./x", "p/", "'p x'", "'p,x'", "p$x", "'p?x'", "'p#x'", "'p%20'",
	    "p\xc3\xa4", "'p\\x'"};
	struct world world = new_world();
	char text[400], file[100];
	struct campaign_spec *s;
	struct sbuf diag;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text),
		    "{from: any, to: '0A05', file: %s}", bad[i]);
		refuse_package(text, "c.yaml:6:42: packages[0].file: ");
	}
	refuse_package("{from: any, to: '0A05', url: 'https://h/x'}",
	    "packages[0].url: \"https://h/x\" is https, which these trackers "
	    "do not speak");
	refuse_package("{from: any, to: '0A05', url: '/x'}",
	    "does not begin with http://");

	/* 26 characters and a slash before the file; 100 are allowed. */
	memset(file, 'x', sizeof(file));
	memcpy(file, "p/", 2);
	file[73] = '\0';
	(void)snprintf(text, sizeof(text), BUT_PACKAGES
	    "packages: [{from: any, to: '0A05', file: %s}]\n", file);
	s = parse_good(text);
	ck_assert_uint_eq(strlen(s->packages[0].url), 100);
	spec_free(s);
	file[73] = 'x';
	file[74] = '\0';
	(void)snprintf(text, sizeof(text), BUT_PACKAGES
	    "packages: [{from: any, to: '0A05', file: %s}]\n", file);
	refuse_in(text, "packages[0].file: makes the URL http://fw.example.org"
	    ":9622/p/xxx");
	refuse_in(text, "xxx of 101 characters, allowed up to 100\n");
	refuse_package("{from: any, to: '0A05', file: "
	    "_abcdefghijklmnop/x.enc}", "packages[0].file: begins as the "
	    "token of a download does");

	/* Served by us: room for a token of 17 and its slash. */
	world.env.tokens = true;
	file[73 - 18] = '\0';
	(void)snprintf(text, sizeof(text), BUT_PACKAGES
	    "packages: [{from: any, to: '0A05', file: %s}]\n", file);
	s = parse_in(&world, text, strlen(text), 0, &diag, NULL);
	ck_assert_uint_eq(strlen(s->packages[0].url), 82);
	spec_free(s);
	sbuf_done(&diag);
	file[73 - 18] = 'x';
	file[73 - 17] = '\0';
	(void)snprintf(text, sizeof(text), BUT_PACKAGES
	    "packages: [{from: any, to: '0A05', file: %s}]\n", file);
	(void)parse_in(&world, text, strlen(text), -1, &diag, NULL);
	expect_in(text, &diag, "xxx of 101 characters, allowed up to 100\n");
	sbuf_done(&diag);
	/* One from before there were tokens goes on without. */
	world.env.stored = true;
	s = parse_in(&world, text, strlen(text), 0, &diag, NULL);
	spec_free(s);
	sbuf_done(&diag);
	world = new_world();

	/* A rate that no download could live with. */
	world.env.tokens = true;
	world.env.file_rate = 1;
	s = parse_in(&world, LEAST, strlen(LEAST), 0, &diag, NULL);
	expect_in(LEAST, &diag, "files.rate is 1: nothing starts\n");
	spec_free(s);
	sbuf_done(&diag);
	world = new_world();

	world.env.public_url = "";
	(void)parse_in(&world, LEAST, strlen(LEAST), -1, &diag, NULL);
	expect_in(LEAST, &diag, "c.yaml:5:42: packages[0].file: needs "
	    "files.public_url in the configuration of the daemon, or url in "
	    "its place\n");
	sbuf_done(&diag);
	world.env.public_url = "https://x";
	(void)parse_in(&world, LEAST, strlen(LEAST), -1, &diag, NULL);
	expect_in(LEAST, &diag, "makes the URL https://x/p/x.enc, which no "
	    "command can carry\n");
	sbuf_done(&diag);
}
END_TEST

/* 301 alone is success. */
START_TEST(without_version)
{
	struct campaign_spec *s = parse_good(HEAD TARGETS REQUIRE WINDOWS
	    "packages: [{from: any, to: \"\", file: p/x}]\n");

	ck_assert_str_eq(s->target_version, "");
	ck_assert(s->packages[0].from_any);
	ck_assert_str_eq(s->packages[0].to, "");
	spec_free(s);
	refuse_in(HEAD TARGETS REQUIRE WINDOWS
	    "packages: [{from: '0A03', to: '0A05', file: p/x}]\n",
	    "c.yaml:5:19: packages[0].from: without a target_version allowed "
	    "is any\n");
	refuse_in(HEAD TARGETS REQUIRE WINDOWS
	    "packages: [{from: '0A03', to: '0A05', file: p/x}]\n",
	    "c.yaml:5:31: packages[0].to: without a target_version allowed is "
	    "\"\"\n");
	refuse_in(HEAD TARGETS REQUIRE WINDOWS
	    "packages: [{from: any, to: '', file: p/x}, {from: any, to: '', "
	    "file: p/x}]\n", "c.yaml:5:11: packages: 2 entries, allowed "
	    "without a target_version is one, from any\n");
}
END_TEST

START_TEST(warnings)
{
	static const struct {
		const char *text, *want;
	} row[] = {
	    {HEAD TARGETS VERSION PACKAGES WINDOWS,
		"warning: c.yaml:1:1: require: is not given: a device of "
		"another type gets the package as well\n"
		"  campaign: c1\n"
		"  ^\n"},
	    {HEAD TARGETS REQUIRE WINDOWS "target_version: R13A01V01\n"
		"packages: [{from: any, to: R13A01V01, file: p/x}]\n",
		"warning: c.yaml:5:17: target_version: R13A01V01 is not 4 hex "
		"digits and has no order: a device with another version is "
		"skipped as a downgrade\n"
		"  target_version: R13A01V01\n"
		"                  ^\n"},
	    {BUT_PACKAGES "packages: [{from: \"0A06\", to: \"0A05\", "
		"file: p/x}]\n",
		"warning: c.yaml:6:19: packages[0].from: 0A06 is above 0A05: "
		"without downgrade such a device is skipped\n"
		"  packages: [{from: \"0A06\", to: \"0A05\", file: p/x}]\n"
		"                    ^\n"},
	    {BUT_TARGETS "targets: {devices: [867162026310811, "
		"86716202631081]}\n",
		"warning: c.yaml:6:20: targets.devices: 1 ids were named "
		"before; each counts once\n"
		"  targets: {devices: [867162026310811, 86716202631081]}\n"
		"                     ^\n"},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		struct world world = new_world();
		struct sbuf diag;

		spec_free(parse_in(&world, row[i].text, strlen(row[i].text), 0,
		    &diag, NULL));
		expect_diag(row[i].text, &diag, row[i].want);
		sbuf_done(&diag);
	}
	/* Nobody is skipped where a version may fall. */
	spec_free(parse_good(HEAD TARGETS REQUIRE WINDOWS "downgrade: true\n"
	    "target_version: R13A01V01\n"
	    "packages: [{from: any, to: R13A01V01, file: p/x}]\n"));
}
END_TEST

/* --- lists -----------------------------------------------------------------*/

#define LISTED BUT_TARGETS "targets: {file: lists/a.txt}\n"

static struct campaign_spec *
parse_list(const char *list, size_t len, int want, struct sbuf *diag)
{
	struct world world = new_world();

	world.list = list;
	world.list_len = len;
	return parse_in(&world, LISTED, strlen(LISTED), want, diag, NULL);
}

static void
accept_list(const char *list, size_t count, const char *first,
    const char *last)
{
	struct sbuf diag;
	struct campaign_spec *s = parse_list(list, 0, 0, &diag);

	expect_diag(list, &diag, "");
	ck_assert_uint_eq(s->device_count, count);
	ck_assert_str_eq(s->devices[0].text, first);
	ck_assert_str_eq(s->devices[count - 1].text, last);
	ck_assert_str_eq(s->digest, "2 parts");
	spec_free(s);
	sbuf_done(&diag);
}

static void
refuse_list(const char *list, const char *want)
{
	struct sbuf diag;

	(void)parse_list(list, 0, -1, &diag);
	expect_diag(list, &diag, want);
	sbuf_done(&diag);
}

#define A "A000002B41DEE0"
#define B "867162026310811"
#define C "86716202631082"
#define NO_ID " is not an id, allowed is 14 to 16 of 0-9 and A-F"
#define DAMAGED " was damaged by a spreadsheet (make the column text, then " \
	"export again), allowed is 14 to 16 of 0-9 and A-F\n"

START_TEST(text_lists)
{
	accept_list(A, 1, A, A);
	accept_list("\xef\xbb\xbf" A "\r\n" B "\r\n", 2, A, B);
	accept_list("# first\n\n  " A "  # mine\n\t" B "\n\n", 2, A, B);
	accept_list(A "\r" B "\r", 2, A, B);
	accept_list("a000002b41dee0\n", 1, A, A);
	/* 15 digits and their first 14 count once, the first way. */
	accept_list(B "\n" C "\n", 2, B, C);
	refuse_list(A "\n12\n" B "\nx y\n",
	    "lists/a.txt:2: \"12\"" NO_ID "\n"
	    "lists/a.txt:4: \"x y\"" NO_ID "\n");
	refuse_list("8.67E+14\n8,67E+14\n8.67162026310811E+14\n"
		    "867162026310811.0\n",
	    "lists/a.txt:1: \"8.67E+14\"" DAMAGED
	    "lists/a.txt:2: \"8,67E+14\"" DAMAGED
	    "lists/a.txt:3: \"8.67162026310811E+14\"" DAMAGED
	    "lists/a.txt:4: \"867162026310811.0\"" DAMAGED);
	refuse_list(A ",x\n", "lists/a.txt:1: \"" A ",x\"" NO_ID
	    "; a CSV needs a header with a column named id\n");
	refuse_list("imei;name\n" A ";x\n",
	    "lists/a.txt:1: \"imei;name\"" NO_ID
	    "; a CSV needs a header with a column named id\n"
	    "lists/a.txt:2: \"" A ";x\"" NO_ID
	    "; a CSV needs a header with a column named id\n");
	refuse_list("\xff\xfe" "A\n", "lists/a.txt:1: is UTF-16 text, allowed "
				      "is UTF-8\n");
	refuse_list("\x1b[2J\xff\n", "lists/a.txt:1: \"\\x1b[2J\\xff\"" NO_ID
				     "\n");
	refuse_list("00000000000000\n", "lists/a.txt:1: \"00000000000000\""
	    NO_ID "\n");
}
END_TEST

START_TEST(csv_lists)
{
	accept_list("id\n" A "\n", 1, A, A);
	accept_list("name,ID,tags\nx," A ",\n\"y, \"\"z\"\"\",\"" B
		    "\",a;b\n", 2, A, B);
	accept_list("\xef\xbb\xbf\"id\";\"name\"\r\n" A ";x\r\n;\r\n" B ";\r\n",
	    2, A, B);
	accept_list("name\tid\n\t" A "\n", 1, A, A);
	accept_list("# export\nid,name\n# comment\n" A ",x\n", 1, A, A);
	refuse_list("name,id\nx\ny,\n,\nz,12\n\"q," A "\n\"q\"x," A "\n",
	    "lists/a.txt:2: has no column 2, which is id\n"
	    "lists/a.txt:3: the id is empty\n"
	    "lists/a.txt:5: \"12\"" NO_ID "\n"
	    "lists/a.txt:6: a quote does not end where its field ends\n"
	    "lists/a.txt:7: a quote does not end where its field ends\n");
	refuse_list("id,name\n8,67E+14,x\n\"8,67E+14\",x\n8.67E+14,x\n",
	    "lists/a.txt:2: the id was damaged by a spreadsheet (make the "
	    "column text, then export again)\n"
	    "lists/a.txt:3: \"8,67E+14\"" DAMAGED
	    "lists/a.txt:4: \"8.67E+14\"" DAMAGED);
	refuse_list("id,x,id\n" A ",," A "\n",
	    "lists/a.txt:1: two columns are named id\n");
}
END_TEST

START_TEST(lists_with_errors_of_the_file)
{
	struct world world = new_world();
	struct sbuf diag;

	/* Where the campaign names the list. */
	world.list = "1\n";
	(void)parse_in(&world, "priority: x\n" LISTED "update: no\n",
	    strlen("priority: x\n" LISTED "update: no\n"), -1, &diag, NULL);
	expect_diag("", &diag,
	    "c.yaml:1:11: priority: \"x\" is not a whole number in decimal "
	    "digits, allowed 0..100\n"
	    "  priority: x\n"
	    "            ^\n"
	    "lists/a.txt:1: \"1\"" NO_ID "\n"
	    "c.yaml:8:9: update: \"no\" is not one of mcu, ble\n"
	    "  update: no\n"
	    "          ^\n");
	sbuf_done(&diag);
}
END_TEST

START_TEST(united)
{
	static const char text[] = BUT_TARGETS "targets: {devices: [" B ", " A
	    "], file: lists/a.txt}\n";
	struct world world = new_world();
	struct campaign_spec *s;
	struct sbuf diag;

	/* C is another device, the 14 digits of B are not. */
	world.list = C "\n86716202631081\n" A "\n0" B "\n";
	s = parse_in(&world, text, strlen(text), 0, &diag, NULL);
	expect_diag(text, &diag, "warning: lists/a.txt: 3 ids were named "
	    "before; each counts once\n");
	ck_assert_uint_eq(s->device_count, 3);
	ck_assert_str_eq(s->devices[0].text, B);
	ck_assert_str_eq(s->devices[1].text, A);
	ck_assert_str_eq(s->devices[2].text, C);
	/* The digest is over both texts. */
	ck_assert_uint_eq(world.digested, strlen(text) + strlen(world.list));
	spec_free(s);
	sbuf_done(&diag);
	world.list = "# nobody\n";
	s = parse_in(&world, LISTED, strlen(LISTED), 0, &diag, NULL);
	expect_in(LISTED, &diag, "warning: c.yaml:6:17: targets: no device is "
	    "named: the campaign cannot start\n");
	spec_free(s);
	sbuf_done(&diag);
}
END_TEST

static char *
many_ids(size_t n)
{
	struct sbuf b;
	char *ret;

	sbuf_init(&b, (size_t)64 << 20);
	for (size_t i = 0; i < n; i++)
		sbuf_addf(&b, "%014zu\n", i + 1);
	ck_assert(!b.failed);
	ret = b.p;
	return ret;
}

START_TEST(waves_needed)
{
	struct campaign_spec *s;
	struct sbuf diag;
	struct world world = new_world();
	char *list = many_ids(200);
	static const char waves[] = LISTED "waves: [{name: everyone}]\n";

	accept_list(list, 200, "00000000000001", "00000000000200");
	free(list);
	list = many_ids(201);
	refuse_list(list, "c.yaml:1:1: waves: must be given for 201 targets, "
	    "as for any number above 200; one entry is enough: waves: "
	    "[{name: all}]\n"
	    "  campaign: c1\n"
	    "  ^\n");
	world.list = list;
	s = parse_in(&world, waves, strlen(waves), 0, &diag, NULL);
	ck_assert_uint_eq(s->device_count, 201);
	ck_assert_str_eq(s->waves[0].name, "everyone");
	ck_assert(s->waves_given);
	spec_free(s);
	sbuf_done(&diag);
	free(list);
}
END_TEST

/* Only targets count: the excluded are none, and who has the tags, or is of the
 * models, is known at the start alone. */
START_TEST(waves_needed_less)
{
	static const struct {
		const char *less;
		size_t ids;
		int want;
	} row[] = {
	    {"exclude: [00000000000007]", 201, 0},
	    {"exclude: [00000000000007]", 202, -1},
	    {"exclude: [00000000000999]", 201, -1},
	    {"tags: [van]", 201, 0},
	    {"models: [C2]", 201, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		char *list = many_ids(row[i].ids), text[400];
		struct world world = new_world();
		struct sbuf diag;

		world.list = list;
		(void)snprintf(text, sizeof(text), BUT_TARGETS
		    "targets: {file: lists/a.txt, %s}\n", row[i].less);
		spec_free(parse_in(&world, text, strlen(text), row[i].want,
		    &diag, NULL));
		expect_in(text, &diag, row[i].want == 0 ? ""
		    : "waves: must be given for 201 targets");
		sbuf_done(&diag);
		free(list);
	}
}
END_TEST

START_TEST(list_limits)
{
	char *list = many_ids(2000001);
	struct world world = new_world();
	uint64_t full = 0;
	struct sbuf diag;

	world.list = list;
	world.env.lists_full = &full;
	(void)parse_in(&world, LISTED, strlen(LISTED), -1, &diag, NULL);
	ck_assert_uint_eq(full, 1);
	expect_in("", &diag, "lists/a.txt:2000001: one id too many, allowed "
	    "are 2000000\n");
	sbuf_done(&diag);
	free(list);
	list = calloc(1, ((size_t)64 << 20) + 1);
	ck_assert_ptr_nonnull(list);
	memset(list, '\n', ((size_t)64 << 20) + 1);
	(void)parse_list(list, ((size_t)64 << 20) + 1, -1, &diag);
	expect_in("", &diag, "lists/a.txt:1: the file is too large, allowed "
	    "up to 64 MiB\n");
	sbuf_done(&diag);
	free(list);
}
END_TEST

START_TEST(at_most_100)
{
	struct sbuf list, diag;

	sbuf_init(&list, 0);
	for (int i = 0; i < 1000; i++)
		sbuf_addf(&list, "x%d\n", i);
	(void)parse_list(sbuf_str(&list), 0, -1, &diag);
	expect_in("", &diag, "lists/a.txt:100: \"x99\"");
	expect_in("", &diag, "c.yaml: there are more errors, only the first "
	    "100 are shown\n");
	ck_assert_ptr_null(strstr(sbuf_str(&diag), "lists/a.txt:101"));
	sbuf_done(&list);
	sbuf_done(&diag);
}
END_TEST

START_TEST(missing_lists)
{
	struct world world = new_world();
	struct sbuf diag, missing;

	world.posted = true;
	sbuf_init(&missing, 0);
	(void)parse_in(&world, LISTED, strlen(LISTED), CAMPAIGN_FILES_MISSING,
	    &diag, &missing);
	ck_assert_str_eq(sbuf_str(&missing), "lists/a.txt\n");
	expect_diag(LISTED, &diag, "");
	sbuf_done(&diag);
	/* Errors first: no use in posting again. */
	(void)parse_in(&world, "x: 1\n" LISTED, strlen("x: 1\n" LISTED), -1,
	    &diag, &missing);
	expect_in(LISTED, &diag, "c.yaml:1:1: \"x\": unknown key\n");
	sbuf_done(&diag);
	sbuf_done(&missing);
}
END_TEST

/* A text of the store stands for itself: nothing else is read. */
START_TEST(stored)
{
	struct world world = new_world();
	struct campaign_spec *s;
	struct sbuf diag;

	world.env.stored = true;
	world.env.read_list = NULL;
	world.env.package = NULL;
	s = parse_in(&world, LISTED, strlen(LISTED), 0, &diag, NULL);
	expect_diag(LISTED, &diag, "");
	ck_assert_uint_eq(s->device_count, 0);
	ck_assert_uint_eq(s->packages[0].bytes, 0);
	ck_assert_str_eq(s->packages[0].sha256, "");
	ck_assert_str_eq(s->packages[0].url,
	    "http://fw.example.org:9622/p/x.enc");
	ck_assert_str_eq(s->digest, "");
	ck_assert_uint_eq(world.digests, 0);
	ck_assert_str_eq(s->text, LISTED);
	spec_free(s);
	sbuf_done(&diag);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {defaults, every_value,
	    defaults_written_out, limits_of_each, lengths_of_each,
	    required_keys, names, unknown_and_twice, members,
	    typed_all_the_same, cause_words, targets, retry_and_command,
	    packages, package_urls, without_version, warnings, text_lists,
	    waves_and_gates, waves_refused, waves_limit, wave_lists,
	    wave_lists_and_targets, rules_of_your_own,
	    csv_lists, lists_with_errors_of_the_file, united, waves_needed,
	    waves_needed_less, list_limits, at_most_100, missing_lists, stored};
	Suite *s = suite_create("campaign_file");
	TCase *t = tcase_create("campaign_file");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
