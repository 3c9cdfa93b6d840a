#include "config.h"
#include "core/state.h"

#include "core/plant.h"
#include "core/startrule.h"

/* Why a target is not started now: the holds, and their order. */

enum hold
campaign_hold(const struct core *c, const struct campaign *p)
{
	switch (p->rec.state) {
	case CAMPAIGN_DRAFT:
		return HOLD_APPROVAL;
	case CAMPAIGN_SCHEDULED:
		return HOLD_SCHEDULE;
	default:
		break;
	}
	if (schedule_shut(c, p))
		return HOLD_SCHEDULE;
	if (c->flags.halted)
		return HOLD_HALTED;
	if (p->rec.state != CAMPAIGN_RUNNING)
		return HOLD_PAUSED;
	if (c->draining)
		return HOLD_DRAINING;
	if (!c->store_ok || c->store_low)
		return HOLD_STORE;
	return HOLD_NONE;
}

/* An attempt of it lives, or it runs and comes first. */
const struct campaign *
target_blocker(const struct target *t)
{
	const struct device *d = t->device;
	const struct campaign *first = NULL;
	const struct target *o;

	if (planted("device_shared"))
		return NULL;
	if (d->more != NULL && d->more->attempt != NULL &&
	    d->more->attempt->target != t && attempt_live(d->more->attempt))
		return d->more->attempt->target->campaign;
	for (o = d->targets; o != NULL; o = o->next_of_device) {
		const struct campaign *p = o->campaign;
		const struct campaign *than =
		    first == NULL ? t->campaign : first;

		if (o == t || target_state_terminal(o->rec.state) ||
		    p->rec.state != CAMPAIGN_RUNNING)
			continue;
		if (p->spec->priority > than->spec->priority ||
		    (p->spec->priority == than->spec->priority &&
			p->rec.id < than->rec.id))
			first = p;
	}
	return first;
}

bool
target_needs_version(const struct target *t)
{
	const struct campaign_spec *s = t->campaign->spec;

	return s->target_version[0] != '\0' || s->require_type_count > 0 ||
	    s->require_hardware_count > 0;
}

static enum hold
hold_version(const struct core *c, const struct target *t,
    int64_t *ret_until_at)
{
	const struct device *d = t->device;
	int64_t until = 0;

	if (d->more != NULL) {
		enum start_block b =
		    start_rule(&d->more->rec, c->now.at_ms, &until);

		if (b != START_OK) {
			*ret_until_at = until;
			return HOLD_VERSION_UNKNOWN;
		}
	}
	if (target_needs_version(t) && !device_version_fresh(c, d))
		return HOLD_VERSION_UNKNOWN;
	return HOLD_NONE;
}

static enum hold
hold_pace(const struct core *c, const struct campaign *p,
    int64_t *ret_until_at)
{
	int64_t now = c->now.at_ms;
	int64_t next;

	if (p->dark >= (size_t)p->spec->pace.dark_max &&
	    !planted("dark_without_end"))
		return HOLD_DARK_MAX;
	if (p->in_flight >= (size_t)p->spec->pace.in_flight +
		    (planted("in_flight_one_more") ? 1 : 0) ||
	    c->in_flight >= (size_t)c->cfg.in_flight)
		return HOLD_IN_FLIGHT;
	if (now < p->jitter_until_at) {
		*ret_until_at = p->jitter_until_at;
		return HOLD_RATE;
	}
	next = MAX_OF(bucket_next_at(&p->bucket, now),
	    bucket_next_at(&c->bucket, now));
	if (next > now) {
		*ret_until_at = next;
		return HOLD_RATE;
	}
	return HOLD_NONE;
}

enum hold
target_hold(const struct core *c, const struct target *t,
    int64_t *ret_until_at)
{
	const struct device *d = t->device;
	enum hold h;

	*ret_until_at = 0;
	if ((h = campaign_hold(c, t->campaign)) != HOLD_NONE)
		return h;
	if (target_not_allowed(c, t))
		return HOLD_NOT_ALLOWED;
	if (device_quarantined(c, d)) {
		*ret_until_at = device_contested_until(c, d);
		return HOLD_QUARANTINED;
	}
	if (target_blocker(t) != NULL)
		return HOLD_OTHER_CAMPAIGN;
	if (device_foreign(c, d))
		return HOLD_FOREIGN_UPDATE;
	if (!wave_lets(t))
		return HOLD_WAVE;
	if (t->rec.wait_hold != HOLD_NONE)
		return t->rec.wait_hold;
	if (!device_hears(d))
		return HOLD_OFFLINE;
	if ((h = hold_version(c, t, ret_until_at)) != HOLD_NONE)
		return h;
	if ((h = windows_hold(c, t, ret_until_at)) != HOLD_NONE)
		return h;
	if ((h = download_hold(c, t->campaign)) != HOLD_NONE)
		return h;
	return hold_pace(c, t->campaign, ret_until_at);
}

bool
target_gate_open(struct core *c, struct target *t)
{
	int64_t until;

	return campaign_hold(c, t->campaign) == HOLD_NONE &&
	    !target_not_allowed(c, t) && !device_quarantined(c, t->device) &&
	    target_blocker(t) == NULL &&
	    !device_foreign(c, t->device) && wave_lets(t) &&
	    hold_version(c, t, &until) == HOLD_NONE &&
	    (windows_hold(c, t, &until) == HOLD_NONE ||
		planted("window_not_held_again"));
}
