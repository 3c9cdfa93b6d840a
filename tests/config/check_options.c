/* The tables against themselves, the samples and the manuals. */
#include "config.h"
#include "config/options.h"

#include <stdint.h>

#include "config/campaign_file.h"
#include "config/campaign_options.h"
#include "config/daemon_conf.h"
#include "config/daemon_options.h"
#include "core/words.h"
#include "diag.h"

static const struct {
	const struct opt_table *table;
	const char *page;    /* manual */
	const char *section; /* of it */
	const char *prefix;  /* of its keys among those not available yet */
} tables[] = {
	{&daemon_options, "man/trackupd.yaml.5", "OPTIONS", ""},
	{&model_options, "man/trackupd.yaml.5", "MODELS", NULL},
	{&campaign_options, "man/trackupd-campaign.5", "OPTIONS", ""},
	{&package_options, "man/trackupd-campaign.5", "PACKAGES", ""},
	{&wave_options, "man/trackupd-campaign.5", "WAVES", "waves[]."},
	{&window_options, "man/trackupd-campaign.5", "WINDOWS", ""},
	{&rule_options, "man/trackupd-campaign.5", "STOP RULES", ""},
};

/* --- the rows themselves ---------------------------------------------------*/

static void
check_row(const struct option *o)
{
	struct sbuf range;

	ck_assert_msg(o->help != NULL && o->help[0] != '\0', "%s", o->key);
	ck_assert_msg(strlen(o->key) < 64, "%s", o->key);
	ck_assert_msg((o->type == VALUE_WORD) == (o->words != NULL), "%s",
	    o->key);
	ck_assert_int_le(o->min, o->max > 0 ? o->max : o->min);
	/* A limit for everything that a file can make us keep. */
	if (!value_is_number(o->type) && o->type != VALUE_NODE &&
	    o->type != VALUE_DEVICE)
		ck_assert_msg(o->max > 0, "%s has no limit", o->key);
	if (o->size > 0 && !value_is_number(o->type) &&
	    (o->flags & (OPT_POINTER | OPT_LIST)) == 0)
		ck_assert_msg((uint64_t)o->max < o->size, "%s does not fit",
		    o->key);
	if (o->size > 0 && o->size < 8 && value_is_number(o->type))
		ck_assert_msg(o->max <= INT32_MAX, "%s does not fit", o->key);
	if ((o->flags & OPT_SECRET) != 0)
		ck_assert_msg(o->dflt != NULL, "%s: the mask needs one",
		    o->key);
	sbuf_init(&range, 0);
	opt_range(o, &range);
	ck_assert(!range.failed);
	sbuf_done(&range);
}

START_TEST(rows)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		const struct opt_table *table = tables[t].table;

		for (size_t i = 0; i < table->count; i++) {
			check_row(&table->row[i]);
			for (size_t j = 0; j < i; j++)
				ck_assert_str_ne(table->row[i].key,
				    table->row[j].key);
		}
	}
}
END_TEST

/* A secret key without one of these words would be shown in source lines. */
START_TEST(secret_names)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++)
		for (size_t i = 0; i < tables[t].table->count; i++) {
			const struct option *o = &tables[t].table->row[i];

			if ((o->flags & OPT_SECRET) != 0)
				ck_assert_ptr_nonnull(strstr(o->key, "pass"));
		}
}
END_TEST

/* --- manuals ---------------------------------------------------------------*/

/* The text of a section, or of an item in one, up to the next. */
static char *
cut(const char *text, const char *head, const char *next)
{
	const char *from = strstr(text, head), *to;

	if (from == NULL)
		ck_abort_msg("the manual lacks:%s", head);
	from += strlen(head);
	to = strstr(from, next);
	return strndup(from, to == NULL ? strlen(from) : (size_t)(to - from));
}

static char *
section_of(const char *page, const char *name)
{
	char head[80];

	(void)snprintf(head, sizeof(head), "\n.Sh %s\n", name);
	return cut(page, head, "\n.Sh ");
}

static bool
shows_range(const struct option *o)
{
	if (value_is_number(o->type))
		return o->type != VALUE_BOOL;
	switch (o->type) {
	case VALUE_TEXT:
	case VALUE_STRING:
	case VALUE_NAME:
	case VALUE_TOKEN:
	case VALUE_PASSWORD:
	case VALUE_CREDENTIAL:
		return o->max <= 1000;
	default:
		return false;
	}
}

static void
check_item(const char *section, const struct option *o)
{
	char head[120], *item;
	struct sbuf want;

	(void)snprintf(head, sizeof(head), "\n.It Cm %s : Ar ", o->key);
	item = cut(section, head, "\n.It ");
	ck_assert_ptr_nonnull(item);
	sbuf_init(&want, 0);
	if (o->dflt == NULL)
		sbuf_adds(&want, (o->flags & OPT_REQUIRED) != 0 ?
		    "\nRequired" : "\nNo default");
	else
		sbuf_addf(&want, "\nDefault %s", o->dflt[0] == '\0' ? "\"\"" :
		    o->dflt);
	if (shows_range(o)) {
		sbuf_addf(&want, "; %sallowed ",
		    (o->flags & OPT_LIST) != 0 ? "each " : "");
		opt_range(o, &want);
	}
	sbuf_adds(&want, ".\n");
	ck_assert_msg(strstr(item, sbuf_str(&want)) != NULL,
	    "%s: the manual lacks %s--- in:\n%s", o->key, sbuf_str(&want),
	    item);
	ck_assert_msg((strstr(item, "\n.Pq restart") != NULL) ==
	    ((o->flags & OPT_RESTART) != 0), "%s: restart", o->key);
	sbuf_done(&want);
	free(item);
}

START_TEST(manuals)
{
	for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
		char *page = read_source(tables[t].page);
		char *section = section_of(page, tables[t].section);
		size_t items = 0;

		for (size_t i = 0; i < tables[t].table->count; i++)
			check_item(section, &tables[t].table->row[i]);
		for (const char *p = section; (p = strstr(p, "\n.It Cm ")) !=
		    NULL; p++)
			items++;
		/* Nor does it describe keys that are not there. */
		ck_assert_uint_eq(items, tables[t].table->count);
		free(section);
		free(page);
	}
}
END_TEST

/* --- samples ---------------------------------------------------------------*/

/* "#key: value" is an option that is commented out, "# text" is text. */
static void
uncomment(char *text)
{
	char *out = text;

	for (const char *p = text; *p != '\0'; p++) {
		const char *line = p;

		while (line > text && line[-1] == ' ')
			line--;
		if (*p == '#' && (line == text || line[-1] == '\n') &&
		    p[1] >= 'a' && p[1] <= 'z')
			continue;
		*out++ = *p;
	}
	*out = '\0';
}

static void
load_sample(const char *text, struct sbuf *dump)
{
	struct daemon_conf *c;
	struct sbuf diag;

	sbuf_init(&diag, 0);
	c = daemon_conf_parse("etc/trackupd.yaml", text, strlen(text), &diag);
	ck_assert_msg(c != NULL && diag.len == 0, "%s", sbuf_str(&diag));
	sbuf_init(dump, 0);
	daemon_conf_dump(c, dump);
	daemon_conf_free(c);
	sbuf_done(&diag);
}

START_TEST(sample_of_the_daemon)
{
	char *text = read_source("etc/trackupd.yaml");
	struct sbuf empty, commented, live;
	struct opt_value *v;
	struct yw *w;

	load_sample("", &empty);
	load_sample(text, &commented);
	ck_assert_str_eq(sbuf_str(&commented), sbuf_str(&empty));
	uncomment(text);
	load_sample(text, &live);
	ck_assert_str_eq(sbuf_str(&live), sbuf_str(&empty));

	v = calloc(daemon_options.count, sizeof(*v));
	ck_assert_ptr_nonnull(v);
	w = yw_new("f", text, strlen(text));
	ck_assert_ptr_nonnull(w);
	opt_walk(w, yw_root(w), &daemon_options, "", v);
	for (size_t i = 0; i < daemon_options.count; i++)
		ck_assert_msg(v[i].node != 0, "the sample lacks %s",
		    daemon_options.row[i].key);
	yw_free(w);
	free(v);
	free(text);
	sbuf_done(&empty);
	sbuf_done(&commented);
	sbuf_done(&live);
}
END_TEST

static int
package(void *arg, const char *file, uint64_t *ret_bytes,
    char ret_sha256[DIGEST_TEXT], struct errtext *err)
{
	(void)arg;
	(void)err;
	ck_assert_int_eq(strncmp(file, "gv620mg_0A0", 11), 0);
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
	ck_assert_uint_eq(count, 1);
	ret[0] = '\0';
}

static struct campaign_spec *
load_campaign(const char *text)
{
	const struct campaign_env env = {.package = package, .digest = digest,
	    .public_url = "http://fw.example.org:9622"};
	struct campaign_spec *s = NULL;
	struct sbuf diag;
	int r;

	sbuf_init(&diag, 0);
	r = campaign_parse("f", text, strlen(text), &env, &s, &diag, NULL);
	ck_assert_msg(r == 0 && diag.len == 0, "%s\n%s", text,
	    sbuf_str(&diag));
	sbuf_done(&diag);
	return s;
}

START_TEST(sample_of_a_campaign)
{
	char *text = read_source("etc/campaign-example.yaml");
	struct campaign_spec *a = load_campaign(text), *b;
	const char *key = "";

	ck_assert_uint_eq(a->device_count, 2);
	uncomment(text);
	b = load_campaign(text);
	/* What is commented out shows the defaults. */
	ck_assert_msg(spec_same_frozen(a, b, &key), "%s", key);
	ck_assert_int_eq(memcmp(&a->timeouts, &b->timeouts,
	    sizeof(a->timeouts)), 0);
	ck_assert_int_eq(a->retry.max_attempts, b->retry.max_attempts);
	ck_assert_int_eq(a->retry.backoff_ms, b->retry.backoff_ms);
	ck_assert_int_eq(a->retry.backoff_max_ms, b->retry.backoff_max_ms);
	ck_assert_int_eq(a->retry.battery_wait_ms, b->retry.battery_wait_ms);
	ck_assert_int_eq(a->retry.max_deferrals, b->retry.max_deferrals);
	ck_assert_int_eq(a->window_fit, b->window_fit);
	spec_free(a);
	spec_free(b);
	free(text);
}
END_TEST

/* What a table or the JSON calls something, the manual explains. */
static void
word_in(const char *section, const char *word)
{
	const char *p = section;
	size_t n = strlen(word);

	while ((p = strstr(p, word)) != NULL) {
		if (p[-1] == ' ' && (p[n] == ' ' || p[n] == '\n'))
			return;
		p += n;
	}
	ck_abort_msg("the manual does not explain %s", word);
}

START_TEST(words_of_the_manual)
{
	char *page = read_source("man/trackupd-campaign.5");
	char *section = section_of(page, "STATES AND REASONS");

	for (int i = 0; i < TARGET_STATE_COUNT_; i++)
		word_in(section, target_state_name((enum target_state)i));
	for (int i = HOLD_NONE + 1; i < HOLD_COUNT_; i++)
		word_in(section, hold_name((enum hold)i));
	for (int i = PHASE_NONE + 1; i < PHASE_DEFERRED; i++)
		if (i != PHASE_INTENT)
			word_in(section, phase_name((enum phase)i));
	for (int i = CAUSE_NONE + 1; i < CAUSE_COUNT_; i++)
		word_in(section, cause_name((enum cause)i));
	free(section);
	free(page);
}
END_TEST

/* Examples of a manual that do not load are worse than none. */
START_TEST(examples_of_the_manuals)
{
	static const char *const pages[] = {"man/trackupd.yaml.5",
	    "man/trackupd-campaign.5"};
	static const char begin[] = ".Bd -literal -offset indent\n";
	size_t examples = 0;

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		char *page = read_source(pages[i]);
		char *section = section_of(page, "EXAMPLES");

		for (const char *p = section; (p = strstr(p, begin)) != NULL;
		    p++) {
			char *text = cut(p, begin, ".Ed");
			struct sbuf dump;

			/* What the second one needs lies elsewhere. */
			if (i == 1 && strstr(text, "targets: {file:") != NULL) {
				free(text);
				continue;
			}
			if (i == 1)
				spec_free(load_campaign(text));
			else if (strstr(text, "CREDENTIALS") == NULL) {
				load_sample(text, &dump);
				sbuf_done(&dump);
			}
			examples++;
			free(text);
		}
		free(section);
		free(page);
	}
	ck_assert_uint_eq(examples, 3);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {rows, secret_names, manuals,
	    sample_of_the_daemon, sample_of_a_campaign,
	    words_of_the_manual, examples_of_the_manuals};
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	SRunner *r = srunner_create(s);
	int failed;

	for (size_t i = 0; i < ARRAY_LEN(tests); i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
