/* Every allocation of the loaders fails in turn: nothing crashes or leaks, what
 * is wrong is never taken for good, and what was refused says why. */
#include "config.h"

#include <stdint.h>

#include "config/campaign_file.h"
#include "config/daemon_conf.h"
#include "diag.h"

/* Allocations of our own code that still succeed; below 0 all do. libyaml is
 * a library of its own and not reached. */
static long left = -1;
static bool all; /* there was enough */

/* The names that the linker gives to --wrap. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);

static bool
fails(void)
{
	if (left < 0)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

/* Before Check, which allocates as well, has anything to say. */
static void
feed_again(void)
{
	all = left > 0;
	left = -1;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t count, size_t n)
{
	return fails() ? NULL : __real_calloc(count, n);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *
__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static const char daemon_good[] =
    "trackers: {listen: ['0.0.0.0:1', '[::]:2']}\n"
    "devices: {password: abcd}\n"
    "models: {C2: {}}\n"
    "store: {path: x}\n"
    "files: {public_url: 'http://h/', listen: ['0.0.0.0:3']}\n"
    "http: {listen: []}\n";
static const char daemon_bad[] = "trackers: {frame_max: 1}\n";
static const char daemon_bad_text[] = "devices: {password: 'a b c'}\n";

static const char campaign_good[] =
    "campaign: c\n"
    "description: d\n"
    "targets: {devices: [A000002B41DEE0], file: l}\n"
    "require: {device_type: [GV620MG], hardware: [x]}\n"
    "target_version: '0A05'\n"
    "packages: [{from: any, to: '0A05', file: f},\n"
    "  {from: '0A01', to: '0A05', url: 'http://h'}]\n"
    "windows: always\n"
    "stop_rules: []\n";
static const char campaign_bad[] =
    "campaign: c\n"
    "targets: {file: bad}\n"
    "packages: [{from: any, to: '', url: 'http://h'}]\n"
    "windows: always\n";

static int
read_list(void *arg, const char *campaign_path, const char *list,
    char **ret_text, size_t *ret_len, struct errtext *err)
{
	static const char good[] = "name,id\nx,867162026310811\ny,\"A1000000000"
				   "000\"\n", bad[] = "12\n";
	const char *text = list[0] == 'b' ? bad : good;

	(void)arg;
	(void)campaign_path;
	*ret_len = strlen(text);
	*ret_text = strdup(text);
	return *ret_text != NULL ? 0 : errtext_set(err, -1, "out of memory");
}

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	(void)file;
	(void)err;
	*ret_bytes = 1;
	ret_sha256[0] = '\0';
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

/* 1 accepted, 0 refused. */
static int
load_daemon(const char *text, struct sbuf *diag)
{
	struct daemon_conf *c;

	c = daemon_conf_parse("f", text, strlen(text), diag);
	feed_again();
	if (c != NULL) {
		ck_assert_str_eq(c->store_path, "x");
		ck_assert_str_eq(c->files_public_url, "http://h");
		ck_assert_uint_eq(c->listen_count, 2);
	}
	daemon_conf_free(c);
	return c != NULL;
}

static int
load_campaign(const char *text, struct sbuf *diag)
{
	const struct campaign_env env = {.read_list = read_list,
	    .package = package, .digest = digest, .public_url = "http://a"};
	struct campaign_spec *s = NULL;
	int r = campaign_parse("f", text, strlen(text), &env, &s, diag, NULL);

	feed_again();
	if (s != NULL) {
		ck_assert_uint_eq(s->device_count, 3);
		ck_assert_uint_eq(s->package_count, 2);
		ck_assert_str_eq(s->packages[0].file, "f");
		ck_assert_str_eq(s->description, "d");
	}
	spec_free(s);
	return r == 0;
}

static void
starve(int (*load)(const char *text, struct sbuf *diag), const char *text,
    bool good)
{
	long n;

	all = false;
	for (n = 0; !all; n++) {
		struct sbuf diag;
		int accepted;

		ck_assert_int_lt(n, 10000);
		sbuf_init(&diag, 0);
		left = n;
		accepted = load(text, &diag);
		ck_assert(!accepted || good);
		ck_assert(accepted || diag.len > 0 || diag.failed);
		if (all)
			ck_assert_int_eq(accepted, good);
		sbuf_done(&diag);
	}
	/* It did take some. */
	ck_assert_int_gt(n, 5);
}

START_TEST(daemon_without_memory)
{
	starve(load_daemon, daemon_good, true);
	starve(load_daemon, daemon_bad, false);
	starve(load_daemon, daemon_bad_text, false);
}
END_TEST

START_TEST(campaign_without_memory)
{
	starve(load_campaign, campaign_good, true);
	starve(load_campaign, campaign_bad, false);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("no_memory");
	TCase *t = tcase_create("no_memory");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, daemon_without_memory);
	tcase_add_test(t, campaign_without_memory);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
