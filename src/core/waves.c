#include "config.h"
#include "core/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gate.h"
#include "core/plant.h"

/*
 * The waves of a campaign: counts, gates, what opens when. What changed is only
 * marked here; waves_judge() looks at it once, when the event is over
 * (core_leave), so that no decision is taken in the middle of another.
 */

/* Trackers speak at the latest every 360 minutes; who was silent for longer is
 * away and holds up no gate that wants all of its wave. */
#define AWAY_MS (INT64_C(7) * 3600 * 1000)

struct wave *
target_wave(const struct target *t)
{
	return t->campaign->wave[t->rec.wave];
}

bool
wave_lets(const struct target *t)
{
	return target_wave(t)->rec.state != WAVE_WAITING ||
	    planted("wave_never_holds");
}

/* NULL: nothing is judged, or the file that says how is not readable. */
const struct spec_gate *
wave_gate(const struct wave *w)
{
	const struct campaign *p = w->campaign;

	if (p->spec_broken || (size_t)w->rec.number >= p->spec->wave_count ||
	    !p->spec->waves[w->rec.number].gate.given)
		return NULL;
	return &p->spec->waves[w->rec.number].gate;
}

void
wave_figures(const struct wave *w, struct gate_figures *ret)
{
	*ret = (struct gate_figures){
	    .succeeded = w->count[TARGET_SUCCEEDED],
	    .failed = w->count[TARGET_FAILED],
	    .unverified = w->count[TARGET_UNVERIFIED],
	    .open = w->count[TARGET_WAITING] + w->count[TARGET_ACTIVE] +
		w->count[TARGET_BACKOFF],
	    .away = w->away,
	};
}

/* --- memory ----------------------------------------------------------------*/

static void
mark_wave(struct core *c, struct wave *w)
{
	struct campaign *p = w->campaign;

	/* What has not begun is only in memory: its file may still change. */
	if (p->rec.started_wall == 0)
		return;
	(void)core_ticket(c);
	if (!list_in(&w->dirty_node))
		list_push_back(&c->dirty_waves, &w->dirty_node);
}

static struct wave *
wave_add(struct campaign *p, const char *name)
{
	struct wave **v =
	    realloc(p->wave, (p->wave_count + 1) * sizeof(*v));
	struct wave *w;

	if (v == NULL)
		return NULL;
	p->wave = v;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return NULL;
	w->campaign = p;
	w->rec.campaign = p->rec.id;
	w->rec.number = (int)p->wave_count;
	(void)snprintf(w->rec.name, sizeof(w->rec.name), "%s", name);
	list_init(&w->ready);
	list_init(&w->quiet);
	p->wave[p->wave_count++] = w;
	return w;
}

void
waves_free(struct core *c, struct campaign *p)
{
	for (size_t i = 0; i < p->wave_count; i++) {
		timer_set(c, &c->wave_timers, &p->wave[i]->timer, INT64_MAX);
		list_remove(&p->wave[i]->dirty_node);
		free(p->wave[i]);
	}
	free(p->wave);
	p->wave = NULL;
	p->wave_count = 0;
}

/* Anew, as the file says. Only while there is no target. */
int
waves_make(struct core *c, struct campaign *p)
{
	assert(p->target_count == 0);
	waves_free(c, p);
	for (size_t i = 0; i < p->spec->wave_count; i++)
		if (wave_add(p, p->spec->waves[i].name) == NULL)
			return -1;
	return 0;
}

/* --- counts ----------------------------------------------------------------*/

void
wave_tally(struct target *t, int by)
{
	struct wave *w = target_wave(t);

	w->total += (size_t)by;
	w->count[t->rec.state] += (size_t)by;
}

/* Before the campaign runs only: nothing waits for a timer there. */
void
wave_move(struct target *t, int number)
{
	wave_tally(t, -1);
	t->rec.wave = number;
	wave_tally(t, 1);
}

static void
wave_mark(struct core *c, struct wave *w)
{
	w->judge = true;
	campaign_mark(c, w->campaign);
}

static bool
goes_on(const struct campaign *p)
{
	return p->rec.state == CAMPAIGN_RUNNING ||
	    p->rec.state == CAMPAIGN_PAUSED;
}

static void
arm(struct core *c, struct wave *w)
{
	const struct spec_gate *g = wave_gate(w);
	int64_t at = INT64_MAX;

	if (!goes_on(w->campaign)) {
		timer_set(c, &c->wave_timers, &w->timer, at);
		return;
	}
	if (g != NULL && w->rec.state == WAVE_SOAKING)
		at = w->rec.met_at + core_dur(c, g->soak_ms);
	else if (w->rec.state == WAVE_OPEN && w->rec.deadline_at != 0 &&
	    w->rec.paused_at == 0)
		at = w->rec.deadline_at;
	if (!list_empty(&w->quiet))
		at = MIN_OF(at, CONTAINER_OF(w->quiet.next, struct target,
				    quiet)->quiet_at + core_dur(c, AWAY_MS));
	timer_set(c, &c->wave_timers, &w->timer, at);
}

static bool
is_judged(const struct wave *w)
{
	return wave_gate(w) != NULL && w->rec.state != WAVE_WAITING &&
	    w->rec.state != WAVE_PASSED;
}

/* Whether t is open and offline, for as long as somebody asks. */
void
wave_presence(struct core *c, struct target *t)
{
	struct wave *w = target_wave(t);
	bool quiet = is_judged(w) && t->device->conn == NULL &&
	    (t->rec.state == TARGET_WAITING ||
		t->rec.state == TARGET_BACKOFF);

	if (quiet == (t->away || list_in(&t->quiet)))
		return;
	if (quiet) {
		t->quiet_at = c->now.at_ms;
		list_push_back(&w->quiet, &t->quiet);
		if (w->quiet.next == &t->quiet)
			arm(c, w);
		return;
	}
	list_remove(&t->quiet);
	if (t->away) {
		t->away = false;
		w->away--;
		wave_mark(c, w);
	}
}

/* The state of t changed: from. */
void
wave_changed(struct core *c, struct target *t, enum target_state from)
{
	struct wave *w = target_wave(t);

	if (is_judged(w) && (target_state_terminal(from) ||
		target_state_terminal(t->rec.state)))
		wave_mark(c, w);
	wave_presence(c, t);
}

static void
forget_quiet(struct wave *w)
{
	struct list *n, *tmp;

	LIST_EACH_SAFE(n, tmp, &w->quiet)
		list_remove(n);
	for (size_t i = 0; w->away > 0 && i < w->campaign->target_count; i++) {
		struct target *t = w->campaign->target[i];

		if (t->away && target_wave(t) == w) {
			t->away = false;
			w->away--;
		}
	}
}

/* --- a wave's machine ------------------------------------------------------*/

static void
wave_set(struct core *c, struct wave *w, enum wave_state state,
    const char *reason)
{
	enum wave_state from = w->rec.state;

	w->rec.state = state;
	(void)snprintf(w->rec.reason, sizeof(w->rec.reason), "%s", reason);
	if (state == WAVE_PASSED || state == WAVE_FAILED)
		w->rec.ended_wall = c->now.wall_ms;
	if (state != WAVE_SOAKING && state != WAVE_HELD)
		w->rec.met_at = 0;
	mark_wave(c, w);
	core_note(c, NOTE_INFO,
	    "wave campaign=%s name=%s from=%s to=%s text=\"%s\"",
	    w->campaign->rec.name, w->rec.name, wave_state_name(from),
	    wave_state_name(state), reason);
	core_event(c, NULL, w->campaign->rec.id, 0, EVENT_OPERATOR, PHASE_NONE,
	    -1, -1, "wave %s: %s -> %s%s%s", w->rec.name,
	    wave_state_name(from), wave_state_name(state),
	    reason[0] == '\0' ? "" : " ", reason);
	if (state == WAVE_PASSED)
		forget_quiet(w);
	arm(c, w);
}

/* Its targets may start; those who are online are looked at once. */
static void
wave_open(struct core *c, struct wave *w, const char *reason)
{
	const struct spec_gate *g = wave_gate(w);
	struct campaign *p = w->campaign;

	w->rec.opened_wall = c->now.wall_ms;
	w->rec.opened_at = c->now.at_ms;
	if (g != NULL && g->deadline_ms != 0)
		w->rec.deadline_at =
		    c->now.at_ms + core_dur(c, g->deadline_ms);
	if (p->rec.state != CAMPAIGN_RUNNING)
		w->rec.paused_at = c->now.at_ms;
	wave_set(c, w, WAVE_OPEN, reason);
	sweep(c, p, SWEEP_PRESENCE | SWEEP_WAKE);
	wave_mark(c, w);
}

/* The next one opens when all before it have passed; unless its last target was
 * skipped as one opened, and all is over. */
static void
advance(struct core *c, struct campaign *p)
{
	for (size_t i = 0; i < p->wave_count; i++) {
		struct wave *w = p->wave[i];

		if (!goes_on(p))
			return;
		if (w->rec.state == WAVE_WAITING)
			wave_open(c, w, "");
		if (w->rec.state != WAVE_PASSED)
			return;
	}
}

static void
wave_pass(struct core *c, struct wave *w, const char *reason)
{
	wave_set(c, w, WAVE_PASSED, reason);
	advance(c, w->campaign);
}

static void
wave_fail(struct core *c, struct wave *w, const char *why)
{
	struct campaign *p = w->campaign;
	char text[REASON_MAX];

	wave_set(c, w, WAVE_FAILED, why);
	(void)snprintf(text, sizeof(text), "%s: %s", w->rec.name, why);
	campaign_set(c, p, CAMPAIGN_PAUSED, PAUSE_GATE, text);
	core_audit(c, "daemon", "campaign_pause", p->rec.name, text);
}

/* Its gate is met, and was met for the soak. */
static void
soaked(struct core *c, struct wave *w, const struct spec_gate *g)
{
	if (g->hold)
		wave_set(c, w, WAVE_HELD, "gate met, waits for approval");
	else
		wave_pass(c, w, "");
}

static void
met(struct core *c, struct wave *w, const struct spec_gate *g)
{
	w->rec.met_at = c->now.at_ms;
	if (g->soak_ms == 0 || planted("gate_without_soak")) {
		soaked(c, w, g);
		return;
	}
	wave_set(c, w, WAVE_SOAKING, "");
	w->rec.met_at = c->now.at_ms;
	arm(c, w);
}

static void
unmet(struct core *c, struct wave *w, const struct spec_gate *g,
    enum gate_verdict v, const struct gate_figures *f)
{
	char why[GATE_TEXT], text[REASON_MAX];

	(void)gate_lacks(g, f, why);
	if (w->rec.state == WAVE_SOAKING || w->rec.state == WAVE_HELD)
		wave_set(c, w, WAVE_OPEN, why);
	/* While somebody has it paused there is nothing to stop; it is judged
	 * when it goes on. */
	if (w->rec.state != WAVE_OPEN ||
	    w->campaign->rec.state != CAMPAIGN_RUNNING)
		return;
	if (v == GATE_LOST) {
		wave_fail(c, w, gate_shares(g, f, why));
	} else if (w->rec.deadline_at != 0 &&
	    c->now.at_ms >= w->rec.deadline_at) {
		(void)snprintf(text, sizeof(text), "deadline over, %s", why);
		wave_fail(c, w, text);
	}
}

static void
judge(struct core *c, struct wave *w)
{
	const struct spec_gate *g = wave_gate(w);
	struct gate_figures f;
	enum gate_verdict v;

	if (!is_judged(w))
		return;
	wave_figures(w, &f);
	v = gate_judge(g, &f);
	if (v != GATE_MET)
		unmet(c, w, g, v, &f);
	else if (w->rec.state == WAVE_OPEN || w->rec.state == WAVE_FAILED)
		met(c, w, g);
	else if (w->rec.state == WAVE_SOAKING &&
	    c->now.at_ms >= w->rec.met_at + core_dur(c, g->soak_ms))
		soaked(c, w, g);
	arm(c, w);
}

void
waves_judge(struct core *c, struct campaign *p)
{
	if (!goes_on(p))
		return;
	for (size_t i = 0; i < p->wave_count; i++) {
		if (!p->wave[i]->judge)
			continue;
		p->wave[i]->judge = false;
		judge(c, p->wave[i]);
	}
}

void
wave_timer(struct core *c, struct wave *w)
{
	/* A whole wave may have fallen silent when it opened. */
	for (size_t n = core_piece(c); n > 0 && !list_empty(&w->quiet); n--) {
		struct target *t =
		    CONTAINER_OF(w->quiet.next, struct target, quiet);

		if (t->quiet_at + core_dur(c, AWAY_MS) > c->now.at_ms)
			break;
		list_remove(&t->quiet);
		t->away = true;
		w->away++;
	}
	wave_mark(c, w);
	arm(c, w);
}

/* --- with the campaign -----------------------------------------------------*/

/* What was open when the last target ended has its last word. */
static void
finish(struct core *c, struct wave *w)
{
	const struct spec_gate *g = wave_gate(w);
	char why[GATE_TEXT];
	struct gate_figures f;

	if (w->rec.state == WAVE_WAITING || w->rec.state == WAVE_PASSED)
		return;
	wave_figures(w, &f);
	if (g == NULL || gate_judge(g, &f) == GATE_MET)
		wave_set(c, w, WAVE_PASSED, "");
	else if (w->rec.state != WAVE_FAILED)
		wave_set(c, w, WAVE_FAILED, gate_lacks(g, &f, why));
}

/* A pause stops the deadlines: nothing could be done about them. */
static void
paused(struct core *c, struct wave *w, bool on)
{
	if (on == (w->rec.paused_at != 0) || w->rec.state == WAVE_WAITING)
		return;
	if (!on && w->rec.deadline_at != 0)
		w->rec.deadline_at += c->now.at_ms - w->rec.paused_at;
	w->rec.paused_at = on ? c->now.at_ms : 0;
	mark_wave(c, w);
	arm(c, w);
}

/* The campaign has come to its state. */
void
waves_campaign(struct core *c, struct campaign *p)
{
	enum campaign_state now = p->rec.state;

	for (size_t i = 0; i < p->wave_count; i++) {
		struct wave *w = p->wave[i];

		if (now == CAMPAIGN_FINISHED)
			finish(c, w);
		if (goes_on(p))
			paused(c, w, now == CAMPAIGN_PAUSED);
		else
			timer_set(c, &c->wave_timers, &w->timer, INT64_MAX);
		if (now != CAMPAIGN_RUNNING)
			continue;
		mark_wave(c, w);
		wave_mark(c, w);
	}
	if (now == CAMPAIGN_RUNNING)
		advance(c, p);
}

/* Where the file's lists put targets elsewhere than the record has them. */
bool
waves_stored_same(const struct campaign *p, const struct campaign_spec *spec)
{
	size_t listed[WAVES_MAX] = {0};
	struct idmap at;
	bool same = spec->wave_count == p->wave_count;

	idmap_init(&at, 1);
	for (size_t i = 0; i < p->target_count && same; i++)
		same = idmap_put(&at, p->target[i]->device->key,
		    p->target[i]) == 0;
	for (size_t w = 0; w < spec->wave_count && same; w++)
		for (size_t i = 0; i < spec->waves[w].device_count; i++) {
			const struct target *t = idmap_get(&at,
			    spec->waves[w].devices[i].key);

			/* In the lists of two it is in the first. */
			same = same && (t == NULL || t->rec.wave <= (int)w);
			if (t != NULL && t->rec.wave == (int)w)
				listed[w]++;
		}
	for (size_t w = 0; w < spec->wave_count && same; w++)
		same = spec->waves[w].take != TAKE_FILE ||
		    listed[w] == p->wave[w]->total;
	idmap_done(&at);
	return same;
}

/* --- the operator ----------------------------------------------------------*/

struct wave *
wave_find(const struct campaign *p, const char *name)
{
	for (size_t i = 0; i < p->wave_count; i++)
		if (strcmp(p->wave[i]->rec.name, name) == 0)
			return p->wave[i];
	return NULL;
}

/* Why it cannot be approved without force. */
static int
not_held(const struct wave *w, struct errtext *err)
{
	const struct campaign *p = w->campaign;
	const struct spec_gate *g = wave_gate(w);
	char why[GATE_TEXT];
	struct gate_figures f;

	if (w->rec.state == WAVE_PASSED)
		return errtext_set(err, -1, "wave %s has passed already",
		    w->rec.name);
	for (size_t i = 0; i < p->wave_count; i++)
		if (p->wave[i]->rec.state == WAVE_HELD)
			return errtext_set(err, -1,
			    "wave %s is %s; the one that is held is %s",
			    w->rec.name, wave_state_name(w->rec.state),
			    p->wave[i]->rec.name);
	if (g == NULL || w->rec.state == WAVE_WAITING)
		return errtext_set(err, -1,
		    "wave %s is %s, not held; --force %s it all the same",
		    w->rec.name, wave_state_name(w->rec.state),
		    w->rec.state == WAVE_WAITING ? "opens" : "passes");
	wave_figures(w, &f);
	(void)gate_lacks(g, &f, why);
	return errtext_set(err, -1,
	    "wave %s is %s, not held%s%s; --force passes it all the same",
	    w->rec.name, wave_state_name(w->rec.state),
	    why[0] == '\0' ? "" : ": ", why);
}

int
wave_approve(struct core *c, struct wave *w, bool force, const char *who,
    const char *reason, struct errtext *err)
{
	char text[REASON_MAX];
	bool forced = w->rec.state != WAVE_HELD;

	if (forced && (!force || w->rec.state == WAVE_PASSED))
		return not_held(w, err);
	w->rec.approved_wall = c->now.wall_ms;
	(void)snprintf(w->rec.approved_by, sizeof(w->rec.approved_by), "%s",
	    who);
	(void)snprintf(w->rec.approved_reason, sizeof(w->rec.approved_reason),
	    "%s", reason == NULL ? "" : reason);
	(void)snprintf(text, sizeof(text), "%s by %s",
	    forced ? "forced" : "approved", who);
	if (w->rec.state == WAVE_WAITING)
		wave_open(c, w, text);
	else
		wave_pass(c, w, text);
	return 0;
}

/* --- at start --------------------------------------------------------------*/

int
core_load_wave(struct core *c, const struct wave_rec *r)
{
	struct campaign *p = NULL;

	for (size_t i = 0; i < c->campaign_count; i++)
		if (c->campaign[i]->rec.id == r->campaign)
			p = c->campaign[i];
	if (p == NULL || r->number < 0 || r->number >= WAVES_MAX)
		return -1;
	/* A text that no longer parses does not tell how many there are. */
	while (p->wave_count <= (size_t)r->number)
		if (wave_add(p, r->name) == NULL)
			return -1;
	p->wave[r->number]->rec = *r;
	return 0;
}

/* Once its targets are loaded. An older database knows of no waves: all of a
 * campaign was in one, and that was open. */
void
waves_restart(struct core *c, struct campaign *p)
{
	bool begun = false;

	if (p->rec.started_wall == 0)
		return;
	for (size_t i = 0; i < p->wave_count; i++)
		begun |= p->wave[i]->rec.state != WAVE_WAITING;
	if (!begun && p->wave_count > 0) {
		p->wave[0]->rec.opened_wall = p->rec.started_wall;
		p->wave[0]->rec.opened_at = c->now.at_ms;
		p->wave[0]->rec.state = p->rec.state == CAMPAIGN_FINISHED
		    ? WAVE_PASSED : WAVE_OPEN;
		mark_wave(c, p->wave[0]);
	}
	for (size_t i = 0; i < p->target_count; i++)
		wave_presence(c, p->target[i]);
	for (size_t i = 0; i < p->wave_count; i++) {
		arm(c, p->wave[i]);
		wave_mark(c, p->wave[i]);
	}
}
