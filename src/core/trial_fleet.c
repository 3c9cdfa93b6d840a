#include "config.h"
#include "core/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Who takes part in a trial. The campaign names its trackers and their waves
 * one by one, so that the trial runs with those that the plan has picked.
 */

static int
devices_into(struct campaign_spec *s, const struct plan_device *v, size_t n)
{
	struct devid *id = calloc(n + 1, sizeof(*id));

	if (id == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		id[i] = v[i].id;
	free(s->devices);
	s->devices = id;
	s->device_count = n;
	s->targets_all = false;
	s->dynamic = false;
	free(s->models);
	s->models = NULL;
	free(s->tags);
	s->tags = NULL;
	s->model_count = s->tag_count = 0;
	keyset_done(&s->exclude);
	/* Who approves would say yes: that is what the trial is about. */
	s->approval_required = false;
	return 0;
}

int
trial_known(struct campaign_spec *s, const struct plan_device *v, size_t n)
{
	size_t left[WAVES_MAX] = {0};

	if (devices_into(s, v, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		left[v[i].wave]++;
	for (size_t w = 0; w + 1 < s->wave_count; w++) {
		struct spec_wave *o = &s->waves[w];
		struct devid *id = calloc(left[w] + 1, sizeof(*id));
		size_t k = 0;

		if (id == NULL)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (v[i].wave == (int)w)
				id[k++] = v[i].id;
		free(o->devices);
		o->devices = id;
		o->device_count = k;
		o->take = TAKE_FILE;
	}
	return 0;
}

/* Digits that count up: 14 hex digits need no check digit. */
static void
made_up_id(size_t i, struct devid *ret)
{
	char text[DEVID_MAX + 1];

	(void)snprintf(text, sizeof(text), "A0000000%06X",
	    (unsigned)(i + 1) & 0xffffffu);
	if (devid_parse(span_str(text), ret) < 0)
		memset(ret, 0, sizeof(*ret));
}

/* The i-th of them begins at one of the versions that the packages leave. */
static const char *
made_up_version(const struct campaign_spec *s, size_t i)
{
	size_t from = 0, k = 0;

	for (size_t n = 0; n < s->package_count; n++)
		from += s->packages[n].from_any ? 0 : 1;
	if (from == 0)
		return "0001";
	i %= from;
	while (s->packages[k].from_any || i-- > 0)
		k++;
	return s->packages[k].from;
}

int
trial_made_up(struct campaign_spec *s, size_t n, struct plan_device **ret)
{
	struct plan_device *v = calloc(n + 1, sizeof(*v));

	*ret = NULL;
	if (v == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct plan_device *d = &v[i];

		made_up_id(i, &d->id);
		(void)snprintf(d->mcu, sizeof(d->mcu), "%s",
		    made_up_version(s, i));
		(void)snprintf(d->device_type, sizeof(d->device_type), "%s",
		    s->require_type_count > 0 ? s->require_type[0]
					      : "GV620MG");
		(void)snprintf(d->hardware, sizeof(d->hardware), "%s",
		    s->require_hardware_count > 0 ? s->require_hardware[0]
						  : "0103");
		(void)snprintf(d->zone, sizeof(d->zone), "%s",
		    s->fallback_timezone[0] != '\0' ? s->fallback_timezone
						    : "UTC");
		d->reachable = true;
	}
	if (devices_into(s, v, n) < 0) {
		free(v);
		return -1;
	}
	/* Lists name others: as many are taken in their place. */
	for (size_t w = 0; w < s->wave_count; w++)
		if (s->waves[w].take == TAKE_FILE) {
			s->waves[w].take = TAKE_COUNT;
			s->waves[w].count =
			    (int64_t)s->waves[w].device_count;
			s->waves[w].device_count = 0;
		}
	*ret = v;
	return 0;
}
