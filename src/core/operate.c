#include "config.h"
#include "core/core.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/plant.h"
#include "core/state.h"

/* What the operator asks for: carried out whole, or refused with a reason. */

void
oper_answer(struct oper_result *ret, enum oper_status status, const char *code,
    const char *fmt, ...)
{
	va_list ap;

	ret->status = status;
	(void)snprintf(ret->code, sizeof(ret->code), "%s", code);
	va_start(ap, fmt);
	(void)vsnprintf(ret->message, sizeof(ret->message), fmt, ap);
	va_end(ap);
}

static void
count_flight(const struct core *c, const struct campaign *only,
    struct oper_result *ret)
{
	struct list *n, *tmp;

	for (size_t i = 0; i < c->campaign_count; i++) {
		const struct campaign *p = c->campaign[i];

		if (only != NULL && p != only)
			continue;
		LIST_EACH_SAFE(n, tmp, &p->under_way) {
			const struct attempt *a =
			    CONTAINER_OF(n, struct attempt, of_campaign);

			if (a->rec.phase == PHASE_DEFERRED ||
			    a->rec.phase == PHASE_PROVISIONAL)
				continue;
			ret->in_flight += a->slot ? 1 : 0;
			if (attempt_stoppable(a))
				ret->stoppable++;
			else if (a->rec.reached >= REACHED_DOWNLOADED)
				ret->flashing++;
		}
	}
}

static void
begin(struct core *c, struct campaign *p, struct oper_result *ret)
{
	struct errtext err = {0};
	int r = campaign_begin(c, p, &err);

	if (r < 0)
		oper_answer(ret, OPER_REFUSED, r == CAMPAIGN_IS_OVER
			? "schedule_over" : "no_targets", "%s", err.text);
}

static void
oper_start(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret)
{
	if (p->rec.state != CAMPAIGN_DRAFT) {
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s; only a draft can be started",
		    p->rec.name, campaign_state_name(p->rec.state));
		return;
	}
	if (op->digest != NULL && strcmp(op->digest, p->rec.digest) != 0) {
		oper_answer(ret, OPER_REFUSED, "digest_mismatch",
		    "campaign %s has digest %s, not the one that was given",
		    p->rec.name, p->rec.digest);
		return;
	}
	if (p->spec_stored || p->file_gone) {
		oper_answer(ret, OPER_REFUSED, "no_file",
		    "the file of campaign %s is gone or broken", p->rec.name);
		return;
	}
	if (p->package_wrong) {
		oper_answer(ret, OPER_REFUSED, "package_changed",
		    "a package of campaign %s is not what it was when its file "
		    "was read: put it back, or reload, then start",
		    p->rec.name);
		return;
	}
	begin(c, p, ret);
}

static void
oper_pause(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret)
{
	if (p->rec.state != CAMPAIGN_RUNNING &&
	    p->rec.state != CAMPAIGN_SCHEDULED) {
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s; only a running one can be paused",
		    p->rec.name, campaign_state_name(p->rec.state));
		return;
	}
	campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_OPERATOR, op->reason);
	count_flight(c, p, ret);
}

static void
oper_resume(struct core *c, struct campaign *p, struct oper_result *ret)
{
	if (p->rec.state != CAMPAIGN_PAUSED) {
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s; only a paused one can be resumed",
		    p->rec.name, campaign_state_name(p->rec.state));
		return;
	}
	if (p->spec_stored || p->spec_broken || p->file_gone) {
		oper_answer(ret, OPER_REFUSED, "no_file",
		    "the file of campaign %s is gone, broken or changed: put "
		    "it back as it was, reload, then resume",
		    p->rec.name);
		return;
	}
	if (p->package_wrong) {
		oper_answer(ret, OPER_REFUSED, "package_changed",
		    "a package of campaign %s is not what it was when the "
		    "campaign began: put it back, then resume", p->rec.name);
		return;
	}
	if (p->rec.started_wall == 0) {
		begin(c, p, ret);
		return;
	}
	campaign_set(c, p, CAMPAIGN_RUNNING, PAUSE_NONE, NULL);
	sweep(c, p, SWEEP_WAKE);
	campaign_check_end(c, p);
}

/* Ended without proof: a fence may still have it tried again. The flag stays
 * until then (design.md 3, rule 8). */
static bool
may_settle(const struct target *t)
{
	return t->attempt != NULL &&
	    t->attempt->rec.phase == PHASE_PROVISIONAL &&
	    t->attempt->rec.reached < REACHED_DOWNLOADED;
}

void
target_cancel(struct core *c, struct target *t, enum cause cause)
{
	struct attempt *a = t->attempt;

	if (target_state_terminal(t->rec.state) && !may_settle(t))
		return;
	if (a == NULL) {
		t->preflight = false;
		target_set(c, t, TARGET_CANCELLED, cause);
		return;
	}
	a->rec.cancel_cause = cause;
	attempt_step(c, a, AE_CANCEL);
}

/* By the operator, or by a stop rule. */
void
campaign_abort(struct core *c, struct campaign *p, enum pause_reason reason,
    const char *text)
{
	campaign_set(c, p, CAMPAIGN_ABORTING, reason, text);
	campaign_cancel(c, p, CAUSE_OPERATOR);
}

static void
oper_abort(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret)
{
	switch (p->rec.state) {
	case CAMPAIGN_DRAFT:
	case CAMPAIGN_SCHEDULED:
	case CAMPAIGN_RUNNING:
	case CAMPAIGN_PAUSED:
		break;
	default:
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s already", p->rec.name,
		    campaign_state_name(p->rec.state));
		return;
	}
	count_flight(c, p, ret);
	if (op->dry_run)
		return;
	if (p->rec.started_wall != 0) {
		campaign_abort(c, p, PAUSE_OPERATOR, op->reason);
		return;
	}
	/* It never took its snapshot, and the record knows of no target. */
	campaign_set(c, p, CAMPAIGN_ABORTED, PAUSE_OPERATOR, op->reason);
	intake_drop(c, p);
	campaign_drop_targets(p);
}

static void
oper_approve(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret)
{
	struct wave *w = wave_find(p, op->wave);
	struct errtext err = {0};

	if (w == NULL) {
		oper_answer(ret, OPER_NOT_FOUND, "not_found",
		    "campaign %s has no wave %s", p->rec.name, op->wave);
		return;
	}
	if (p->rec.state != CAMPAIGN_RUNNING &&
	    p->rec.state != CAMPAIGN_PAUSED) {
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s; waves are approved while it runs or "
		    "is paused", p->rec.name,
		    campaign_state_name(p->rec.state));
		return;
	}
	if (wave_approve(c, w, op->force, op->who, op->reason, &err) < 0)
		oper_answer(ret, OPER_REFUSED, "wrong_state", "%s", err.text);
}

static void
oper_halt(struct core *c, bool on, struct oper_result *ret)
{
	bool drained = c->draining;

	if (!on)
		c->draining = false;
	if (c->flags.halted == on && !on && !drained) {
		oper_answer(ret, OPER_OK, "", "nothing was halted");
		return;
	}
	c->flags.halted = on;
	c->flags_dirty = !planted("halt_forgotten");
	(void)core_ticket(c);
	core_note(c, NOTE_WARN, "%s", on ? "halted" : "halt_lifted");
	count_flight(c, NULL, ret);
	if (on)
		return;
	for (size_t i = 0; i < c->campaign_count; i++)
		if (c->campaign[i]->rec.state == CAMPAIGN_RUNNING)
			sweep(c, c->campaign[i], SWEEP_WAKE);
}

static void
oper_probe(struct core *c, struct device *d, struct oper_result *ret)
{
	if (d->observed) {
		oper_answer(ret, OPER_REFUSED, "not_allowed",
		    "device %s is in no list; it is answered, never commanded",
		    d->id);
		return;
	}
	if (!device_commandable(c, d)) {
		oper_answer(ret, OPER_REFUSED, "not_allowed",
		    "device %s may not be commanded: it is in "
		    "devices.never_file, its address is in none of the "
		    "networks, or the inventory cannot be read", d->id);
		return;
	}
	if (device_quarantined(c, d)) {
		oper_answer(ret, OPER_REFUSED, "quarantined",
		    "device %s is in quarantine: nothing is sent to it before "
		    "trackupctl device release", d->id);
		return;
	}
	if (d->conn == NULL) {
		oper_answer(ret, OPER_REFUSED, "offline", "device %s is offline",
		    d->id);
		return;
	}
	core_event(c, d, 0, 0, EVENT_OPERATOR, PHASE_NONE, -1, -1,
	    "to be read");
	if (!read_vacant(c, d)) {
		oper_answer(ret, OPER_OK, "", "a version read is out already");
		return;
	}
	read_want(c, d, READ_OPERATOR);
}

void
oper_cancel(struct core *c, struct device *d, struct oper_result *ret)
{
	struct target *t, *next;
	int done = 0, late = 0;

	for (t = d->targets; t != NULL; t = next) {
		next = t->next_of_device;
		if (t->campaign->rec.started_wall == 0 ||
		    (target_state_terminal(t->rec.state) && !may_settle(t)))
			continue;
		if (!may_settle(t) && t->attempt != NULL && attempt_live(t->attempt) &&
		    !attempt_stoppable(t->attempt)) {
			late++;
			continue;
		}
		core_event(c, d, t->rec.campaign, t->attempt == NULL ? 0
		    : t->attempt->rec.id, EVENT_OPERATOR, PHASE_NONE, -1, -1,
		    "to be cancelled");
		target_cancel(c, t, CAUSE_OPERATOR);
		done++;
	}
	if (done == 0 && late > 0)
		oper_answer(ret, OPER_REFUSED, "too_late",
		    "device %s has downloaded: no stop is sent any more",
		    d->id);
	else if (done == 0)
		oper_answer(ret, OPER_REFUSED, "nothing_to_cancel",
		    "device %s has no open target", d->id);
}

static bool
is_campaign_oper(enum oper_kind k)
{
	return k == OPER_CAMPAIGN_START || k == OPER_CAMPAIGN_PAUSE ||
	    k == OPER_CAMPAIGN_RESUME || k == OPER_CAMPAIGN_ABORT ||
	    k == OPER_WAVE_APPROVE || k == OPER_CAMPAIGN_RETRY;
}

static void
operate_campaign(struct core *c, const struct oper *op,
    struct oper_result *ret)
{
	struct campaign *p = campaign_find(c, op->campaign);

	if (p == NULL) {
		oper_answer(ret, OPER_NOT_FOUND, "not_found", "no campaign %s",
		    op->campaign);
		return;
	}
	switch (op->kind) {
	case OPER_CAMPAIGN_START:
		oper_start(c, p, op, ret);
		break;
	case OPER_CAMPAIGN_PAUSE:
		oper_pause(c, p, op, ret);
		break;
	case OPER_CAMPAIGN_RESUME:
		oper_resume(c, p, ret);
		break;
	case OPER_WAVE_APPROVE:
		oper_approve(c, p, op, ret);
		break;
	case OPER_CAMPAIGN_RETRY:
		oper_retry(c, p, op, ret);
		break;
	default:
		oper_abort(c, p, op, ret);
		break;
	}
}

static void
operate_device(struct core *c, const struct oper *op, struct oper_result *ret)
{
	struct devid id;
	struct device *d;

	if (op->kind == OPER_DEVICE_EXCLUDE) {
		oper_exclude(c, op, ret);
		return;
	}
	if (op->kind == OPER_DEVICE_INCLUDE) {
		oper_include(c, op, ret);
		return;
	}
	if (devid_parse(span_str(op->device), &id) < 0) {
		oper_answer(ret, OPER_BAD, "bad_id",
		    "%s is no device id: 14 to 16 of 0-9A-F", op->device);
		return;
	}
	if ((d = device_find(c, id.key)) == NULL) {
		oper_answer(ret, OPER_NOT_FOUND, "not_found", "no device %s",
		    id.text);
		return;
	}
	if (op->kind == OPER_DEVICE_PROBE)
		oper_probe(c, d, ret);
	else if (op->kind == OPER_DEVICE_RELEASE)
		oper_release(c, d, ret);
	else
		oper_cancel(c, d, ret);
}

const char *
oper_kind_name(enum oper_kind v)
{
	static const char *const name[OPER_KIND_COUNT_] = {
	    "campaign_start", "campaign_pause", "campaign_resume",
	    "campaign_abort", "halt", "resume_all", "device_probe",
	    "device_cancel", "drain", "wave_approve", "device_exclude",
	    "device_include", "campaign_retry_failed", "device_release"};

	return name[v];
}

static void
audit(struct core *c, const struct oper *op)
{
	char object[2 * CAMPAIGN_NAME_MAX + 2] = "";
	const struct device *d;
	struct devid id;

	if (op->wave != NULL) {
		(void)snprintf(object, sizeof(object), "%s/%s", op->campaign,
		    op->wave);
	} else if (op->campaign != NULL) {
		(void)snprintf(object, sizeof(object), "%s", op->campaign);
	} else if (op->device != NULL &&
	    devid_parse(span_str(op->device), &id) == 0) {
		/* As it is shown elsewhere, however it was asked for. */
		d = device_find(c, id.key);
		(void)snprintf(object, sizeof(object), "%s",
		    d != NULL ? d->id : id.text);
	}
	core_audit(c, op->who, oper_kind_name(op->kind), object, op->reason);
}

void
core_operate(struct core *c, const struct oper *op, struct core_now now,
    struct fx *fx, struct oper_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	core_enter(c, now, fx);
	if (is_campaign_oper(op->kind)) {
		operate_campaign(c, op, ret);
	} else if (op->device != NULL) {
		operate_device(c, op, ret);
	} else if (op->kind == OPER_DRAIN) {
		c->draining = true;
		count_flight(c, NULL, ret);
	} else {
		oper_halt(c, op->kind == OPER_HALT, ret);
	}
	if (ret->status == OPER_OK && !op->dry_run)
		audit(c, op);
	core_leave(c);
}
