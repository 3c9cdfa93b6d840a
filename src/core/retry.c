#include "config.h"
#include "core/state.h"

/*
 * retry-failed: the operator has removed what made targets fail. What may
 * still be running, or may have been flashed (unverified), is left alone.
 */

static bool
wanted(const struct target *t, enum cause cause)
{
	return t->rec.state == TARGET_FAILED &&
	    (cause == CAUSE_NONE || t->rec.cause == cause);
}

/* As on the first day of this hop. That its device failed once stays counted
 * by the stop rules, until the next resume. */
static void
again(struct core *c, struct target *t)
{
	t->rec.attempts = 0;
	t->rec.deferrals = t->rec.deferrals_303 = 0;
	t->rec.resends = t->rec.withdrawn = 0;
	t->rec.update_failed = 0;
	target_set(c, t, TARGET_WAITING, CAUSE_NONE);
	core_event(c, t->device, t->rec.campaign, 0, EVENT_OPERATOR,
	    PHASE_NONE, -1, -1, "to be tried again");
}

void
oper_retry(struct core *c, struct campaign *p, const struct oper *op,
    struct oper_result *ret)
{
	if (p->rec.state != CAMPAIGN_RUNNING &&
	    p->rec.state != CAMPAIGN_PAUSED) {
		oper_answer(ret, OPER_REFUSED, "wrong_state",
		    "campaign %s is %s; only of one that is running or paused "
		    "can the failed ones be tried again",
		    p->rec.name, campaign_state_name(p->rec.state));
		return;
	}
	if (p->rec.expired_wall != 0) {
		oper_answer(ret, OPER_REFUSED, "schedule_over",
		    "campaign %s: schedule.end: is over already; nothing of it "
		    "is tried again", p->rec.name);
		return;
	}
	for (size_t i = 0; i < p->target_count; i++) {
		struct target *t = p->target[i];

		if (!wanted(t, op->cause))
			continue;
		/* Ended without proof: its update may still be running. */
		if (t->attempt != NULL && attempt_live(t->attempt)) {
			ret->claimed++;
			continue;
		}
		again(c, t);
		ret->retried++;
	}
	if (ret->retried == 0 && ret->claimed > 0)
		oper_answer(ret, OPER_REFUSED, "unsettled", "the %zu failed "
		    "targets of campaign %s ended without proof: none is tried "
		    "again before its tracker was heard of", ret->claimed,
		    p->rec.name);
	else if (ret->retried == 0)
		oper_answer(ret, OPER_REFUSED, "nothing_to_retry",
		    "campaign %s has no such failed target", p->rec.name);
	else if (p->rec.state == CAMPAIGN_RUNNING)
		sweep(c, p, SWEEP_WAKE);
}
