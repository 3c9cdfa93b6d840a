#include "config.h"
#include "core/spec.h"

#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

/* contract.md, stop_rules. */
const struct spec_rule spec_builtin_rules[] = {
	{.cause = CAUSE_BAD_URL, .count = 2},
	{.cause = CAUSE_UPDATE_FAILED, .count = 2, .scope = RULE_EDGE},
	{.cause = CAUSE_WRONG_VERSION, .count = 2},
	{.cause = CAUSE_SILENT, .count = 2, .scope = RULE_WAVE,
	    .waves = 1},
	{.cause = CAUSE_SILENT, .rate_ppm = 5000, .min_sample = 400},
	{.any = true, .rate_ppm = 100000, .min_sample = 20},
};
const size_t spec_builtin_rule_count = ARRAY_LEN(spec_builtin_rules);

static const struct campaign_spec spec_defaults = {
	.priority = 50,
	.approval_required = true,
	.update = UPDATE_MCU,
	.max_download_retry = 1,
	.download_timeout_ms = 15 * MINUTE,
	.pace = {.in_flight = 100, .start_per_hour = 3600,
	    .jitter_ppm = 200000, .dark_max = 20},
	.window_fit = true,
	.retry = {.max_attempts = 3, .backoff_ms = 15 * MINUTE,
	    .backoff_max_ms = 12 * HOUR, .battery_wait_ms = 12 * HOUR,
	    .max_deferrals = 5},
	.timeouts = {.ack_ms = 2 * MINUTE, .confirm_ms = 2 * MINUTE,
	    .start_download_ms = 5 * MINUTE, .download_margin_ms = MINUTE,
	    .install_ms = 30 * MINUTE, .verify_ms = 24 * HOUR,
	    .probe_ms = MINUTE, .silent_ms = 48 * HOUR},
};

struct campaign_spec *
spec_new(void)
{
	struct campaign_spec *s = malloc(sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = spec_defaults;
	s->rules = malloc(sizeof(spec_builtin_rules));
	s->description = calloc(1, 1);
	s->text = calloc(1, 1);
	if (s->rules == NULL || s->description == NULL || s->text == NULL ||
	    spec_waves_new(s, 1) < 0) {
		spec_free(s);
		return NULL;
	}
	memcpy(s->waves[0].name, "all", sizeof("all"));
	memcpy(s->rules, spec_builtin_rules, sizeof(spec_builtin_rules));
	s->rule_count = spec_builtin_rule_count;
	return s;
}

static void
waves_free(struct campaign_spec *s)
{
	for (size_t i = 0; i < s->wave_count; i++) {
		free(s->waves[i].file);
		free(s->waves[i].devices);
	}
	free(s->waves);
}

int
spec_waves_new(struct campaign_spec *s, size_t n)
{
	struct spec_wave *v = calloc(n, sizeof(*v));

	if (v == NULL)
		return -1;
	waves_free(s);
	s->waves = v;
	s->wave_count = n;
	return 0;
}

void
spec_free(struct campaign_spec *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->package_count; i++)
		free(s->packages[i].file);
	free(s->packages);
	waves_free(s);
	free(s->description);
	free(s->devices);
	free(s->models);
	free(s->tags);
	keyset_done(&s->exclude);
	free(s->require_type);
	free(s->require_hardware);
	free(s->rules);
	free(s->windows);
	free(s->text);
	free(s->path);
	free(s);
}

int64_t
spec_rate_needed(uint64_t bytes, int64_t download_timeout_ms)
{
	uint64_t ms = (uint64_t)MAX_OF(download_timeout_ms / 4 * 3, 1);

	return (int64_t)(MIN_OF(bytes, UINT64_MAX / 2000) * 1000 / ms) + 1;
}

int64_t
spec_worst_case_ms(const struct campaign_spec *s)
{
	const struct spec_timeouts *t = &s->timeouts;

	return t->ack_ms + t->confirm_ms + t->start_download_ms +
	    (s->max_download_retry + 1) *
	    (s->download_timeout_ms + t->download_margin_ms) + t->install_ms;
}

static bool
same_models(const char (*a)[MODEL_MAX + 1], size_t n,
    const char (*b)[MODEL_MAX + 1], size_t m)
{
	if (n != m)
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

static bool
same_packages(const struct campaign_spec *a, const struct campaign_spec *b)
{
	if (a->package_count != b->package_count)
		return false;
	for (size_t i = 0; i < a->package_count; i++) {
		const struct spec_package *p = &a->packages[i];
		const struct spec_package *q = &b->packages[i];

		if (p->from_any != q->from_any ||
		    strcmp(p->from, q->from) != 0 ||
		    strcmp(p->to, q->to) != 0 || strcmp(p->url, q->url) != 0)
			return false;
		/* A stored text is read without its package files. */
		if (p->bytes != 0 && q->bytes != 0 && p->bytes != q->bytes)
			return false;
		if (p->sha256[0] != '\0' && q->sha256[0] != '\0' &&
		    strcmp(p->sha256, q->sha256) != 0)
			return false;
	}
	return true;
}

static bool
same_targets(const struct campaign_spec *a, const struct campaign_spec *b)
{
	if (a->targets_all != b->targets_all || a->dynamic != b->dynamic ||
	    a->device_count != b->device_count ||
	    a->model_count != b->model_count || a->tag_count != b->tag_count)
		return false;
	for (size_t i = 0; i < a->model_count; i++)
		if (strcmp(a->models[i], b->models[i]) != 0)
			return false;
	for (size_t i = 0; i < a->tag_count; i++)
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	for (size_t i = 0; i < a->device_count; i++)
		if (a->devices[i].key != b->devices[i].key)
			return false;
	return true;
}

static bool
same_gate(const struct spec_gate *a, const struct spec_gate *b)
{
	return a->given == b->given && a->success_ppm == b->success_ppm &&
	    a->min_done == b->min_done &&
	    a->unknown_max_ppm == b->unknown_max_ppm &&
	    a->soak_ms == b->soak_ms && a->deadline_ms == b->deadline_ms &&
	    a->hold == b->hold;
}

/* A stored text is read without its lists; who is in which wave is on record
 * then (waves_stored_same). */
static bool
same_list(const struct spec_wave *a, const struct spec_wave *b)
{
	if (a->device_count == 0 || b->device_count == 0)
		return true;
	if (a->device_count != b->device_count)
		return false;
	for (size_t i = 0; i < a->device_count; i++)
		if (a->devices[i].key != b->devices[i].key)
			return false;
	return true;
}

static bool
same_waves(const struct campaign_spec *a, const struct campaign_spec *b)
{
	if (a->wave_count != b->wave_count)
		return false;
	for (size_t i = 0; i < a->wave_count; i++) {
		const struct spec_wave *x = &a->waves[i], *y = &b->waves[i];

		if (strcmp(x->name, y->name) != 0 || x->take != y->take ||
		    x->count != y->count || x->percent != y->percent ||
		    x->spread != y->spread || !same_list(x, y) ||
		    !same_gate(&x->gate, &y->gate))
			return false;
	}
	return true;
}

bool
spec_same_frozen(const struct campaign_spec *a, const struct campaign_spec *b,
    const char **ret_key)
{
	const char *key = NULL;

	if (strcmp(a->name, b->name) != 0)
		key = "campaign";
	else if (a->approval_required != b->approval_required)
		key = "approval";
	else if (!same_targets(a, b))
		key = "targets";
	else if (!same_models(
		     (const char(*)[MODEL_MAX + 1])a->require_type,
		     a->require_type_count,
		     (const char(*)[MODEL_MAX + 1])b->require_type,
		     b->require_type_count) ||
	    !same_models((const char(*)[MODEL_MAX + 1])a->require_hardware,
		a->require_hardware_count,
		(const char(*)[MODEL_MAX + 1])b->require_hardware,
		b->require_hardware_count))
		key = "require";
	else if (a->update != b->update)
		key = "update";
	else if (!version_equal(a->target_version, b->target_version))
		key = "target_version";
	else if (!same_packages(a, b))
		key = "packages";
	else if (a->downgrade != b->downgrade)
		key = "downgrade";
	else if (a->max_download_retry != b->max_download_retry ||
	    a->download_timeout_ms != b->download_timeout_ms)
		key = "command";
	else if (!same_waves(a, b))
		key = "waves";
	if (key != NULL && ret_key != NULL)
		*ret_key = key;
	return key == NULL;
}
