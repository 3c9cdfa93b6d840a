/*
 * What the record says and what a file says: rows that belong to nothing are
 * refused one by one, and a file that comes again is held against the record
 * key by key.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare_core.h"
#include "core/state.h"

#define WALL INT64_C(1790000000000)
#define DEVICES 4

static struct core *c;
static struct fx fx;
static const struct core_now now = {.at_ms = 1000, .wall_ms = WALL};

static void
taken(void)
{
	ck_assert(!fx.ops.failed);
	opbuf_done(&fx.ops);
	fx_clear(&fx);
}

static void
empty(void)
{

	fx_init(&fx);
	c = bare_core(10);
}

static void
gone(void)
{
	core_free(c);
	opbuf_done(&fx.ops);
	fx_done(&fx);
}

static void
begun(void)
{
	ck_assert_int_eq(core_load_done(c, now, -1, false, &fx), 0);
	taken();
}

static struct campaign_spec *
spec_of(const char *digest)
{
	struct campaign_spec *s = spec_new();

	ck_assert_ptr_nonnull(s);
	(void)snprintf(s->name, sizeof(s->name), "one");
	(void)snprintf(s->digest, sizeof(s->digest), "%s", digest);
	(void)snprintf(s->target_version, sizeof(s->target_version), "0A05");
	(void)snprintf(s->targets_digest, sizeof(s->targets_digest), "t");
	s->packages = calloc(1, sizeof(*s->packages));
	s->devices = calloc(DEVICES, sizeof(*s->devices));
	ck_assert(s->packages != NULL && s->devices != NULL);
	s->package_count = 1;
	(void)snprintf(s->packages[0].from, 5, "0A03");
	(void)snprintf(s->packages[0].to, 5, "0A05");
	s->packages[0].file = strdup("1.enc");
	ck_assert_ptr_nonnull(s->packages[0].file);
	(void)snprintf(s->packages[0].url, URL_MAX, "http://x/1.enc");
	s->packages[0].bytes = 1000;
	(void)snprintf(s->packages[0].sha256, 4, "abc");
	for (unsigned i = 0; i < DEVICES; i++)
		s->devices[i] = bare_id(i);
	s->device_count = DEVICES;
	s->windows_always = true;
	s->approval_required = false;
	return s;
}

/* --- rows ------------------------------------------------------------------*/

static void
load_device(unsigned i)
{
	struct devid id = bare_id(i);
	struct device_rec r = {.key = id.key, .registered = true};

	(void)snprintf(r.id, sizeof(r.id), "%s", id.text);
	(void)snprintf(r.mcu, sizeof(r.mcu), "0A03");
	ck_assert_int_eq(core_load_device(c, &r), 0);
}

static void
load_campaign(enum campaign_state state, const char *targets_digest,
    struct campaign_spec *spec)
{
	struct campaign_rec r = {.id = 7, .state = state, .revision = 1,
	    .created_wall = WALL - 1000, .started_wall = WALL - 500};

	(void)snprintf(r.name, sizeof(r.name), "one");
	(void)snprintf(r.digest, sizeof(r.digest), "stored");
	(void)snprintf(r.targets_digest, sizeof(r.targets_digest), "%s",
	    targets_digest);
	/* A stored text has no lists. */
	if (spec != NULL)
		spec->device_count = 0;
	ck_assert_int_eq(core_load_campaign(c, &r, spec), 0);
}

static int
load_target(unsigned i, int wave)
{
	struct target_rec r = {.campaign = 7, .device = bare_id(i).key,
	    .ordinal = i, .state = TARGET_WAITING, .wave = wave,
	    .rule_edge = -1};

	return core_load_target(c, &r);
}

START_TEST(rows_that_belong_to_nothing)
{
	struct target_rec t = {.campaign = 8, .device = bare_id(0).key};
	struct attempt_rec a = {.id = 40, .campaign = 7,
	    .device = bare_id(0).key, .phase = PHASE_SENDING};
	struct wave_rec w = {.campaign = 7, .name = "later"};
	struct package_rec k = {.campaign = 8};
	struct tuple_rec u = {.device = bare_id(0).key, .slot = -1};
	struct errtext err = {0};

	load_device(0);
	load_device(1);
	load_campaign(CAMPAIGN_RUNNING, "t", spec_of("stored"));
	/* Targets: no campaign, no device, no wave of that number. */
	ck_assert_int_eq(core_load_target(c, &t), -1);
	ck_assert_int_eq(load_target(3, 0), -1);
	ck_assert_int_eq(load_target(0, -1), -1);
	ck_assert_int_eq(load_target(0, 5), -1);
	t.campaign = 7;
	t.state = TARGET_ACTIVE;
	t.rule_edge = -1;
	ck_assert_int_eq(core_load_target(c, &t), 0);
	/* Attempts: ended ones only say which number comes next. */
	a.phase = PHASE_ENDED;
	ck_assert_int_eq(core_load_attempt(c, &a), 0);
	ck_assert_int_eq(c->flags.next_attempt, 41);
	a.phase = PHASE_SENDING;
	a.device = bare_id(3).key;
	ck_assert_int_eq(core_load_attempt(c, &a), -1);
	a.device = bare_id(1).key; /* in no campaign */
	ck_assert_int_eq(core_load_attempt(c, &a), -1);
	a.device = bare_id(0).key;
	a.campaign = 9;
	ck_assert_int_eq(core_load_attempt(c, &a), -1);
	a.campaign = 7;
	ck_assert_int_eq(core_load_attempt(c, &a), 0);
	a.id++; /* a second live one of the same device */
	ck_assert_int_eq(core_load_attempt(c, &a), -1);
	/* Waves: more than the file has are taken, up to the limit. */
	w.number = WAVES_MAX;
	ck_assert_int_eq(core_load_wave(c, &w), -1);
	w.number = -1;
	ck_assert_int_eq(core_load_wave(c, &w), -1);
	w.number = 2;
	ck_assert_int_eq(core_load_wave(c, &w), 0);
	ck_assert_uint_eq(c->campaign[0]->wave_count, 3);
	w.campaign = 8;
	ck_assert_int_eq(core_load_wave(c, &w), -1);
	/* Packages: those that the file has not are left aside. */
	ck_assert_int_eq(core_load_package(c, &k), -1);
	k.campaign = 7;
	k.number = -1;
	ck_assert_int_eq(core_load_package(c, &k), -1);
	k.number = 1;
	ck_assert_int_eq(core_load_package(c, &k), 0);
	ck_assert_uint_eq(c->campaign[0]->pinned_count, 0);
	/* What was heard before. */
	ck_assert_int_eq(core_load_tuple(c, &u), -1);
	u.slot = TUPLES_PER_DEVICE;
	ck_assert_int_eq(core_load_tuple(c, &u), -1);
	u.slot = 0;
	u.device = bare_id(3).key;
	ck_assert_int_eq(core_load_tuple(c, &u), -1);
	u.device = bare_id(0).key;
	ck_assert_int_eq(core_load_tuple(c, &u), 0);
	begun();
	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
}
END_TEST

/* A text of the record that no longer parses pauses its campaign. */
START_TEST(text_that_no_longer_parses)
{
	struct errtext err = {0};

	load_device(0);
	load_campaign(CAMPAIGN_RUNNING, "t", NULL);
	ck_assert_int_eq(load_target(0, 0), 0);
	begun();
	ck_assert(c->campaign[0]->spec_broken);
	ck_assert_int_eq(c->campaign[0]->rec.state, CAMPAIGN_PAUSED);
	ck_assert_int_eq(c->campaign[0]->rec.reason, PAUSE_FILE_BROKEN);
	/* Nothing that it could be held against: it may not change. */
	ck_assert_int_eq(core_campaign_file(c, spec_of("other"), true, now,
	    &fx, &err), FILE_REFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "the file: may not change"));
	ck_assert_int_eq(core_campaign_allowed(c, c->campaign[0]->spec, &err),
	    -1);
	ck_assert_int_eq(core_check(c, &err), 0);
}
END_TEST

static void
as_stored(const char *targets_digest)
{
	for (unsigned i = 0; i < DEVICES; i++)
		load_device(i);
	load_campaign(CAMPAIGN_RUNNING, targets_digest, spec_of("stored"));
	for (unsigned i = DEVICES; i-- > 0;)
		ck_assert_int_eq(load_target(i, 0), 0);
	begun();
}

static void
file_is(struct campaign_spec *s, enum file_verdict want, const char *says)
{
	struct errtext err = {0};
	enum file_verdict v;
	int allowed = core_campaign_allowed(c, s, &err);

	/* Asked beforehand it says the same. */
	ck_assert_msg((allowed == 0) == (want != FILE_REFUSED), "%s", err.text);
	v = core_campaign_file(c, s, false, now, &fx, &err);
	ck_assert_msg(v == want, "%d: %s", v, err.text);
	if (says != NULL)
		ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	taken();
	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
}

/* The record has no lists; the targets, or a digest of them, tell. */
START_TEST(lists_against_the_record)
{
	struct campaign_spec *s;

	as_stored(_i == 0 ? "t" : "");
	s = spec_of("v2");
	s->device_count--;
	(void)snprintf(s->targets_digest, sizeof(s->targets_digest), "less");
	file_is(s, FILE_REFUSED, "targets: may not change");
	s = spec_of("v3");
	s->devices[2] = bare_id(9);
	(void)snprintf(s->targets_digest, sizeof(s->targets_digest), "other");
	file_is(s, FILE_REFUSED, "targets: may not change");
	s = spec_of("v4");
	free(s->devices);
	s->devices = NULL;
	s->device_count = 0;
	s->targets_all = true;
	file_is(s, FILE_REFUSED, "targets: may not change");
	file_is(spec_of("v5"), FILE_CHANGED_OK, NULL);
	file_is(spec_of("v5"), FILE_SAME, NULL);
}
END_TEST

START_TEST(waves_against_the_record)
{
	struct campaign_spec *s = spec_of("stored");

	ck_assert_int_eq(spec_waves_new(s, 2), 0);
	s->waves[0].take = TAKE_FILE;
	for (unsigned i = 0; i < DEVICES; i++)
		load_device(i);
	load_campaign(CAMPAIGN_RUNNING, "t", s);
	for (unsigned i = 0; i < DEVICES; i++)
		ck_assert_int_eq(load_target(i, i == 0 ? 0 : 1), 0);
	begun();
	/* Another is in the first wave now; two are; the one that was is. */
	for (unsigned k = 0; k < 3; k++) {
		s = spec_of("next");
		ck_assert_int_eq(spec_waves_new(s, 2), 0);
		s->waves[0].take = TAKE_FILE;
		s->waves[0].devices = calloc(2, sizeof(struct devid));
		ck_assert_ptr_nonnull(s->waves[0].devices);
		s->waves[0].devices[0] = bare_id(k == 0 ? 1 : 0);
		s->waves[0].devices[1] = bare_id(2);
		s->waves[0].device_count = k == 1 ? 2 : 1;
		file_is(s, k == 2 ? FILE_CHANGED_OK : FILE_REFUSED,
		    k == 2 ? NULL : "waves: may not change");
	}
}
END_TEST

/* --- keys ------------------------------------------------------------------*/

static void
model_is(char (**ret)[MODEL_CODE_TEXT], size_t *count, const char *text)
{
	*ret = calloc(1, sizeof(**ret));
	ck_assert_ptr_nonnull(*ret);
	(void)snprintf(**ret, sizeof(**ret), "%s", text);
	*count = 1;
}

static void
tag_is(struct campaign_spec *s, const char *text)
{
	s->tags = calloc(1, sizeof(*s->tags));
	ck_assert_ptr_nonnull(s->tags);
	(void)snprintf(s->tags[0], sizeof(s->tags[0]), "%s", text);
	s->tag_count = 1;
}

static void
differs(struct campaign_spec *a, struct campaign_spec *b, const char *want)
{
	const char *key = NULL;

	ck_assert_msg(!spec_same_frozen(a, b, &key), "%s", want);
	ck_assert_str_eq(key, want);
	ck_assert(!spec_same_frozen(b, a, NULL));
	spec_free(a);
	spec_free(b);
}

/* Each by itself, two files that are else the same. */
#define DIFFERS(want, change) \
	do { \
		struct campaign_spec *a = spec_of("x"), *s = spec_of("x"); \
		ck_assert(spec_same_frozen(a, s, NULL)); \
		change; \
		differs(a, s, want); \
	} while (0)

START_TEST(keys_that_may_not_change)
{
	DIFFERS("campaign", s->name[0] = 'x');
	DIFFERS("approval", s->approval_required = true);
	DIFFERS("targets", s->targets_all = true);
	DIFFERS("targets", s->dynamic = true);
	DIFFERS("targets", s->device_count--);
	DIFFERS("targets", s->devices[3] = bare_id(9));
	DIFFERS("targets", model_is(&s->models, &s->model_count, "C2"));
	DIFFERS("targets", model_is(&s->models, &s->model_count, "C2");
	    model_is(&a->models, &a->model_count, "27"));
	DIFFERS("targets", tag_is(s, "van"));
	DIFFERS("targets", tag_is(s, "van"); tag_is(a, "vip"));
	DIFFERS("update", s->update = UPDATE_BLE);
	DIFFERS("target_version", s->target_version[0] = '1');
	DIFFERS("packages", s->packages[0].from_any = true);
	DIFFERS("packages", s->packages[0].from[0] = '1');
	DIFFERS("packages", s->packages[0].to[0] = '1');
	DIFFERS("packages", s->packages[0].url[8] = 'y');
	DIFFERS("packages", s->packages[0].bytes++);
	DIFFERS("packages", s->packages[0].sha256[0] = 'b');
	DIFFERS("packages", free(s->packages[0].file); s->package_count = 0);
	DIFFERS("downgrade", s->downgrade = !s->downgrade);
	DIFFERS("command", s->max_download_retry++);
	DIFFERS("command", s->download_timeout_ms++);
}
END_TEST

#define WAVE_DIFFERS(change) \
	DIFFERS("waves", ck_assert_int_eq(spec_waves_new(a, 2), 0); \
	    ck_assert_int_eq(spec_waves_new(s, 2), 0); change)

static void
listed(struct spec_wave *w, unsigned first, size_t n)
{
	w->devices = calloc(n, sizeof(*w->devices));
	ck_assert_ptr_nonnull(w->devices);
	for (size_t i = 0; i < n; i++)
		w->devices[i] = bare_id(first + (unsigned)i);
	w->device_count = n;
}

START_TEST(waves_that_may_not_change)
{
	struct spec_wave *x;

	DIFFERS("waves", ck_assert_int_eq(spec_waves_new(s, 3), 0));
	WAVE_DIFFERS(s->waves[1].name[0] = 'z');
	WAVE_DIFFERS(s->waves[0].take = TAKE_COUNT;
	    a->waves[0].take = TAKE_PERCENT);
	WAVE_DIFFERS(s->waves[0].count++);
	WAVE_DIFFERS(s->waves[0].percent++);
	WAVE_DIFFERS(s->waves[0].spread = (s->waves[0].spread == 0));
	WAVE_DIFFERS(x = s->waves; x->gate.given = !x->gate.given);
	WAVE_DIFFERS(s->waves[0].gate.success_ppm++);
	WAVE_DIFFERS(s->waves[0].gate.min_done++);
	WAVE_DIFFERS(s->waves[0].gate.unknown_max_ppm++);
	WAVE_DIFFERS(s->waves[0].gate.soak_ms++);
	WAVE_DIFFERS(s->waves[0].gate.deadline_ms++);
	WAVE_DIFFERS(x = s->waves; x->gate.hold = !x->gate.hold);
	WAVE_DIFFERS(listed(s->waves, 0, 2); listed(a->waves, 0, 1));
	WAVE_DIFFERS(listed(s->waves, 0, 2); listed(a->waves, 1, 2));
}
END_TEST

/* What is not known of a package is no difference. */
START_TEST(unknown_is_no_difference)
{
	struct campaign_spec *a = spec_of("x"), *s = spec_of("x");

	s->packages[0].bytes = 0;
	s->packages[0].sha256[0] = '\0';
	ck_assert(spec_same_frozen(a, s, NULL) && spec_same_frozen(s, a, NULL));
	ck_assert(spec_same_frozen(s, s, NULL));
	spec_free(a);
	spec_free(s);
}
END_TEST

/* --- files and packages while it runs --------------------------------------*/

START_TEST(over_is_over)
{
	struct campaign_spec *s = spec_of("new");
	struct errtext err = {0};

	as_stored("t");
	ck_assert_int_eq(core_campaign_allowed(c, s, &err), 0);
	(void)snprintf(s->name, sizeof(s->name), "nobody");
	ck_assert_int_eq(core_campaign_allowed(c, s, &err), 0);
	(void)snprintf(s->name, sizeof(s->name), "one");
	c->campaign[0]->rec.state = CAMPAIGN_FINISHED;
	ck_assert_int_eq(core_campaign_allowed(c, s, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "never runs again"));
	c->campaign[0]->rec.state = CAMPAIGN_ABORTED;
	ck_assert_int_eq(core_campaign_allowed(c, s, &err), -1);
	c->campaign[0]->rec.state = CAMPAIGN_DRAFT;
	ck_assert_int_eq(core_campaign_allowed(c, s, &err), 0);
	spec_free(s);
}
END_TEST

static const struct op *
audited(const struct fx *f)
{
	static struct op op;
	size_t pos = 0;

	while (opbuf_next(&f->ops, &pos, &op))
		if (op.kind == OP_AUDIT)
			return &op;
	return NULL;
}

/* Who looks for what was done to a tracker looks for the id that it shows. */
START_TEST(audited_by_its_id)
{
	static const struct { const char *asked, *shown; } ids[] = {
	    {"a000002b41dee0", "A000002B41DEE0"}, /* never heard of */
	    {"860000000000017", "86000000000001"}};
	struct oper op = {.kind = OPER_DEVICE_EXCLUDE, .who = "ada",
	    .reason = ""};
	struct oper_result r;
	const struct op *row;

	as_stored("t");
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		op.device = ids[i].asked;
		core_operate(c, &op, now, &fx, &r);
		ck_assert_int_eq(r.status, OPER_OK);
		ck_assert_ptr_nonnull(row = audited(&fx));
		ck_assert_str_eq(row->audit->object, ids[i].shown);
		taken();
	}
}
END_TEST

START_TEST(files_that_go)
{
	const struct campaign *p;
	const struct op *op;

	as_stored("t");
	p = c->campaign[0];
	core_campaign_file_lost(c, "nobody", PAUSE_FILE_GONE, "", false, now,
	    &fx);
	/* Broken at a reload: what is in force stays. */
	core_campaign_file_lost(c, "one", PAUSE_FILE_BROKEN, "", false, now,
	    &fx);
	ck_assert_int_eq(p->rec.state, CAMPAIGN_RUNNING);
	taken();
	core_files_by(c, "ada", "tidying up");
	core_campaign_file_lost(c, "one", PAUSE_FILE_GONE, "", false, now,
	    &fx);
	ck_assert_int_eq(p->rec.state, CAMPAIGN_PAUSED);
	ck_assert_int_eq(p->rec.reason, PAUSE_FILE_GONE);
	ck_assert_ptr_nonnull(op = audited(&fx));
	ck_assert_str_eq(op->audit->who, "ada");
	ck_assert_str_eq(op->audit->reason, "file_gone: tidying up");
	taken();
	/* It pauses once. */
	core_campaign_file_lost(c, "one", PAUSE_FILE_GONE, "", false, now,
	    &fx);
	ck_assert_ptr_null(audited(&fx));
	core_files_by(c, NULL, NULL);
	taken();
}
END_TEST

START_TEST(packages_that_change)
{
	const struct spec_package *k;
	const struct campaign *p;
	const char *name;

	as_stored("t");
	p = c->campaign[0];
	/* A text of the record has no files that could be looked at. */
	ck_assert_uint_eq(core_packages_watched(c, 0, &k, &name), 0);
	ck_assert_uint_eq(core_packages_watched(c, 9, &k, &name), 0);
	file_is(spec_of("next"), FILE_CHANGED_OK, NULL);
	ck_assert_uint_eq(core_packages_watched(c, 0, &k, &name), 1);
	ck_assert_str_eq(name, "one");
	ck_assert_str_eq(k->url, "http://x/1.enc");
	core_packages_seen(c, "nobody", "it is gone", now, &fx);
	core_packages_seen(c, "one", NULL, now, &fx);
	ck_assert(fx.ops.count == 0 && p->rec.state == CAMPAIGN_RUNNING);
	core_packages_seen(c, "one", "1.enc: it is gone", now, &fx);
	ck_assert_int_eq(p->rec.state, CAMPAIGN_PAUSED);
	ck_assert_int_eq(p->rec.reason, PAUSE_PACKAGE_CHANGED);
	ck_assert_ptr_nonnull(audited(&fx));
	taken();
	core_packages_seen(c, "one", "1.enc: it is gone", now, &fx);
	ck_assert_uint_eq(fx.ops.count, 0);
	core_packages_seen(c, "one", NULL, now, &fx);
	ck_assert(!p->package_wrong && p->rec.state == CAMPAIGN_PAUSED);
	taken();
	/* The size that was pinned is held against the next reading. */
	c->campaign[0]->pinned[0].bytes = 999;
	{
		struct campaign_spec *s = spec_of("next");
		struct errtext err = {0};

		ck_assert_int_eq(core_campaign_file(c, s, false, now, &fx,
		    &err), FILE_REFUSED);
		ck_assert_ptr_nonnull(strstr(err.text, "is not the file"));
		ck_assert(p->package_wrong);
	}
	taken();
	/* Of a draft it keeps the start from what nobody approved. */
	c->campaign[0]->rec.state = CAMPAIGN_DRAFT;
	c->campaign[0]->package_wrong = false;
	ck_assert_uint_eq(core_packages_watched(c, 0, &k, &name), 1);
	for (int i = 0; i < 2; i++)
		core_packages_seen(c, "one", "1.enc: it is gone", now, &fx);
	ck_assert(p->package_wrong && p->rec.state == CAMPAIGN_DRAFT);
	{
		struct oper op = {.kind = OPER_CAMPAIGN_START, .who = "ada",
		    .campaign = "one"};
		struct oper_result r;

		core_operate(c, &op, now, &fx, &r);
		ck_assert_int_eq((int)r.status, OPER_REFUSED);
		ck_assert_str_eq(r.code, "package_changed");
		taken();
		core_packages_seen(c, "one", NULL, now, &fx);
		ck_assert(!p->package_wrong);
	}
	taken();
	/* Nobody looks once it is over. */
	c->campaign[0]->rec.state = CAMPAIGN_FINISHED;
	ck_assert_uint_eq(core_packages_watched(c, 0, &k, &name), 0);
	core_packages_seen(c, "one", "again", now, &fx);
	ck_assert_uint_eq(fx.ops.count, 0);
	c->campaign[0]->rec.state = CAMPAIGN_PAUSED;
}
END_TEST

/* --- connections -----------------------------------------------------------*/

static void
happens(enum ev_kind kind, struct core_conn *conn, const struct devid *id)
{
	struct ev ev = {.kind = kind, .conn = conn, .devid = id};
	struct errtext err = {0};

	core_handle(c, &ev, now, &fx);
	taken();
	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
}

/* Kept over a restart: whose it was is whose it is. */
START_TEST(connections_that_were_kept)
{
	struct core_conn a = {.id = 1}, b = {.id = 2}, d = {.id = 3};
	struct devid known = bare_id(0), stranger = bare_id(77), who;

	as_stored("t");
	happens(EV_RESUME, &a, &known);
	ck_assert(core_conn_device(c, &a, &who));
	ck_assert_str_eq(who.text, known.text);
	happens(EV_RESUME, &b, &stranger);
	ck_assert(core_conn_device(c, &b, &who));
	ck_assert_uint_eq(who.key, stranger.key);
	happens(EV_RESUME, &d, NULL);
	ck_assert(!core_conn_device(c, &d, &who));
	ck_assert(!core_device_busy(c, known.key));
	ck_assert(!core_device_busy(c, 12345));
	/* The newer one of a device has it. */
	happens(EV_RESUME, &d, &known);
	ck_assert(core_conn_device(c, &d, &who));
	ck_assert(!core_conn_device(c, &a, &who));
	happens(EV_CLOSE, &a, NULL);
	ck_assert(core_conn_device(c, &d, &who));
	happens(EV_CLOSE, &d, NULL);
	happens(EV_CLOSE, &b, NULL);
	ck_assert_uint_eq(c->online, 0);
	/* Strangers are not taken in where they are refused. */
	c->cfg.unknown = UNKNOWN_REFUSE;
	stranger = bare_id(78);
	happens(EV_RESUME, &b, &stranger);
	ck_assert(!core_conn_device(c, &b, &who));
	ck_assert_ptr_null(device_find(c, stranger.key));
	happens(EV_CLOSE, &b, NULL);
}
END_TEST

/* The platform behind us commands an update: nothing of ours begins. */
START_TEST(commands_of_the_platform)
{
	struct core_conn a = {.id = 1}, nobody = {.id = 2}, other = {.id = 3};
	struct devid known = bare_id(0), stranger = bare_id(77);
	const struct device *d;

	as_stored("t");
	happens(EV_OPEN, &nobody, NULL);
	happens(EV_FOREIGN, &nobody, NULL);
	happens(EV_RESUME, &other, &stranger);
	happens(EV_FOREIGN, &other, NULL);
	happens(EV_RESUME, &a, &known);
	happens(EV_FOREIGN, &a, NULL);
	d = device_find(c, known.key);
	ck_assert(device_foreign(c, d));
	happens(EV_CLOSE, &a, NULL);
	happens(EV_CLOSE, &other, NULL);
	happens(EV_CLOSE, &nobody, NULL);
}
END_TEST

/* --- what our file server saw ----------------------------------------------*/

/* How many lines of history a report made. */
static size_t
seen(const struct download_report *r)
{
	struct ev ev = {.kind = EV_DOWNLOAD, .download = r};
	struct errtext err = {0};
	size_t pos = 0, n = 0;
	struct op op;

	core_handle(c, &ev, now, &fx);
	while (opbuf_next(&fx.ops, &pos, &op))
		n += op.kind == OP_EVENT;
	taken();
	ck_assert_msg(core_check(c, &err) == 0, "%s", err.text);
	return n;
}

static struct attempt *
downloading(void)
{
	struct target_rec t = {.campaign = 7, .device = bare_id(0).key,
	    .state = TARGET_ACTIVE, .rule_edge = -1, .attempts = 1,
	    .attempts_total = 1, .edge = 1, .last_attempt = 40};
	struct attempt_rec a = {.id = 40, .campaign = 7, .number = 1,
	    .device = bare_id(0).key, .phase = PHASE_DOWNLOADING,
	    .reached = REACHED_DOWNLOADING, .serial = 1, .from = "0A03",
	    .to = "0A05", .url = "http://x/1.enc", .tries_total = 4,
	    .code = 200, .times = 1, .w_end_at = 3600000,
	    .deadline_at = 3600000, .w_ms = 3600000};

	load_device(0);
	load_device(1);
	load_campaign(CAMPAIGN_RUNNING, "t", spec_of("stored"));
	ck_assert_int_eq(core_load_target(c, &t), 0);
	ck_assert_int_eq(core_load_attempt(c, &a), 0);
	begun();
	return device_find(c, t.device)->more->attempt;
}

START_TEST(downloads_of_others)
{
	struct core_conn conn = {.id = 1};
	struct devid stranger = bare_id(77);
	struct download_report r = {.kind = DOWNLOAD_BEGIN, .attempt = 40,
	    .device = bare_id(9).key, .length = 1000, .size = 1000};
	struct attempt *a = downloading();

	/* Of nobody, of somebody who is only observed. */
	ck_assert_uint_eq(seen(&r), 0);
	happens(EV_RESUME, &conn, &stranger);
	r.device = stranger.key;
	ck_assert_uint_eq(seen(&r), 0);
	happens(EV_CLOSE, &conn, NULL);
	/* With a token of an attempt that is over, or of another's. */
	r.device = bare_id(1).key;
	ck_assert_uint_eq(seen(&r), 1);
	r.device = bare_id(0).key;
	r.attempt = 39;
	ck_assert_uint_eq(seen(&r), 1);
	r.kind = DOWNLOAD_END;
	r.why = DOWNLOAD_FAULT;
	ck_assert_uint_eq(seen(&r), 1);
	ck_assert(a->rec.gets == 0 && !a->rec.fetching && !a->rec.file_fault);
}
END_TEST

/* Bytes count from the first on, without a gap, however often it asks. */
START_TEST(downloads_in_ranges)
{
	struct download_report r = {.kind = DOWNLOAD_BEGIN, .attempt = 40,
	    .device = bare_id(0).key, .length = 1000, .size = 1000,
	    .status = 200};
	struct attempt *a = downloading();

	ck_assert_uint_eq(seen(&r), 1);
	ck_assert(a->rec.gets == 1 && a->rec.fetching);
	r.kind = DOWNLOAD_PROGRESS;
	r.bytes = 300;
	ck_assert_uint_eq(seen(&r), 0);
	ck_assert_uint_eq(a->rec.file_bytes, 300);
	r.kind = DOWNLOAD_END;
	r.why = DOWNLOAD_CUT;
	r.ms = 1500;
	ck_assert_uint_eq(seen(&r), 1);
	ck_assert(!a->rec.fetching && !a->rec.fetched && !a->rec.file_fault);
	/* Behind a gap: nothing that could be used. */
	r.first = 500;
	r.length = r.bytes = 500;
	r.why = DOWNLOAD_COMPLETE;
	ck_assert_uint_eq(seen(&r), 1);
	ck_assert_uint_eq(a->rec.file_bytes, 300);
	ck_assert(!a->rec.fetched);
	r.first = 300;
	r.bytes = r.length = 100;
	(void)seen(&r);
	ck_assert_uint_eq(a->rec.file_bytes, 400);
	/* Less again takes nothing back. */
	r.first = 0;
	(void)seen(&r);
	ck_assert_uint_eq(a->rec.file_bytes, 400);
	ck_assert(!a->rec.fetched);
	r.first = 400;
	r.length = r.bytes = 600;
	(void)seen(&r);
	ck_assert(a->rec.fetched && a->rec.file_bytes == 1000);
}
END_TEST

START_TEST(downloads_that_fail)
{
	static const struct {
		enum download_why why;
		int status;
		bool ours;
	} rows[] = {
		{DOWNLOAD_CUT, 200, false}, {DOWNLOAD_SLOW, 200, false},
		{DOWNLOAD_FAULT, 200, true}, {DOWNLOAD_MISSING, 404, true},
		{DOWNLOAD_REFUSED, 401, false}, {DOWNLOAD_COMPLETE, 200, false},
	};
	struct attempt *a = downloading();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct download_report r = {.kind = DOWNLOAD_END,
		    .attempt = 40, .device = bare_id(0).key, .length = 1000,
		    .why = rows[i].why, .status = rows[i].status};

		a->rec.file_fault = false;
		a->rec.reached = REACHED_DOWNLOADING;
		ck_assert_uint_eq(seen(&r), 1);
		ck_assert(a->rec.file_fault == rows[i].ours);
		/* What was not downloaded for us is nobody else's fault. */
		ck_assert(download_our_fault(a, CAUSE_DOWNLOAD_FAILED) ==
		    rows[i].ours);
		ck_assert(download_our_fault(a, CAUSE_TIMEOUT) ==
		    rows[i].ours);
		ck_assert(download_our_fault(a, CAUSE_BAD_URL) ==
		    rows[i].ours);
		ck_assert(download_our_fault(a, CAUSE_FOREIGN_CANCEL) ==
		    rows[i].ours);
		ck_assert(!download_our_fault(a, CAUSE_UPDATE_FAILED));
		a->rec.reached = REACHED_DOWNLOADED;
		ck_assert(!download_our_fault(a, CAUSE_DOWNLOAD_FAILED));
		/* A file of no size was never all there. */
		ck_assert(!a->rec.fetched);
	}
	a->rec.reached = REACHED_DOWNLOADING;
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("record");
	TCase *tc = tcase_create("record"), *keys = tcase_create("keys");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, empty, gone);
	tcase_add_test(tc, rows_that_belong_to_nothing);
	tcase_add_test(tc, text_that_no_longer_parses);
	tcase_add_loop_test(tc, lists_against_the_record, 0, 2);
	tcase_add_test(tc, waves_against_the_record);
	tcase_add_test(tc, over_is_over);
	tcase_add_test(tc, audited_by_its_id);
	tcase_add_test(tc, files_that_go);
	tcase_add_test(tc, packages_that_change);
	tcase_add_test(tc, connections_that_were_kept);
	tcase_add_test(tc, commands_of_the_platform);
	tcase_add_test(tc, downloads_of_others);
	tcase_add_test(tc, downloads_in_ranges);
	tcase_add_test(tc, downloads_that_fail);
	tcase_add_test(keys, keys_that_may_not_change);
	tcase_add_test(keys, waves_that_may_not_change);
	tcase_add_test(keys, unknown_is_no_difference);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, keys);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
