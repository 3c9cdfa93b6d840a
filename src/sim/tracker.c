#include "config.h"
#include "sim/tracker.h"

#include "sim/report.h"
#include "sim/voice.h"

/* Before --speed, and the least that is left of it: the server and the network
 * between are as slow as they are, whatever the speed of the devices. */
#define RESEND_MS 10000
#define RESEND_MAX_MS 60000
#define RESEND_FLOOR_MS 500
#define RESENDS_MAX 8 /* then the connection is held for dead */
#define RECONNECT_MS 5000
#define RECONNECT_MAX_MS 300000
#define RECONNECT_FLOOR_MS 200
#define RECONNECT_MAX_FLOOR_MS 5000
#define LINGER_MS 1000
#define LINGER_FLOOR_MS 500
#define BETWEEN_SHORT_MS 1000
#define BETWEEN_SHORT_FLOOR_MS 20
#define HEARTBEATS_MAX 3 /* without an answer, then as above */
#define HEARTBEATS_FLOOR_MS 5000

#define READ_VERSION 8
#define REBOOT 3

static const int32_t zones_s[] = {0, 3600, 7200, -18000, 28800, 19800};

static void on_phase(struct tracker *t);
static void on_connect(struct tracker *t);
static void on_resend(struct tracker *t);
static void on_heartbeat(struct tracker *t);
static void on_report(struct tracker *t);
static void on_linger(struct tracker *t);
static void on_cut(struct tracker *t);

static void (*const timer_act[TIMER_COUNT])(struct tracker *) = {
	[TIMER_PHASE] = on_phase,
	[TIMER_CONNECT] = on_connect,
	[TIMER_RESEND] = on_resend,
	[TIMER_HEARTBEAT] = on_heartbeat,
	[TIMER_REPORT] = on_report,
	[TIMER_LINGER] = on_linger,
	[TIMER_CUT] = on_cut,
};

/* --- time ----------------------------------------------------------------- */

int64_t
tracker_scaled(const struct tracker *t, int64_t wait_ms, int64_t floor_ms)
{
	int64_t ms = (int64_t)((double)wait_ms / t->conf->speed);

	return MAX_OF(MAX_OF(ms, floor_ms), 1);
}

void
tracker_arm(struct tracker *t, enum tracker_timer timer, int64_t wait_ms)
{
	t->due_ms[timer] = wait_ms == TRACKER_NEVER ? TRACKER_NEVER
	                                            : t->now.mono_ms + wait_ms;
}

void
tracker_spoke(struct tracker *t)
{
	if (t->short_mode)
		tracker_arm(t, TIMER_LINGER,
		    tracker_scaled(t, LINGER_MS, LINGER_FLOOR_MS));
}

/* Between from and to times ms. */
static int64_t
jittered(struct tracker *t, int64_t ms, double from, double to)
{
	return (int64_t)((double)ms *
	    (from + (to - from) * prng_unit(&t->chance))) + 1;
}

/* --- reports out ---------------------------------------------------------- */

/* The wait for a SACK grows from resend to resend. */
static void
arm_resend(struct tracker *t)
{
	int64_t ms = RESEND_MS;

	for (unsigned i = 1; i < t->flight_sends && ms < RESEND_MAX_MS; i++)
		ms *= 2;
	tracker_arm(t, TIMER_RESEND, tracker_scaled(t,
	    MIN_OF(ms, (int64_t)RESEND_MAX_MS), RESEND_FLOOR_MS));
}

/* Nothing waits for a SACK any more. */
static void
land(struct tracker *t)
{
	t->flight = 0;
	tracker_arm(t, TIMER_RESEND, TRACKER_NEVER);
}

static void
send_next(struct tracker *t)
{
	struct outbox_entry *e;
	bool update_only = phase_is_silent(t->phase);

	/* Answers go first, and in short mode on a connection of their own. */
	if (t->link != LINK_UP || t->answer_count > 0)
		return;
	/* The one on its way may have been dropped for want of room, or have
	 * no business in an update. */
	e = outbox_find(&t->out, t->flight);
	if (e == NULL || (update_only && e->report.kind != WIRE_UPDATE))
		land(t);
	while (t->flight == 0 &&
	    (e = outbox_first(&t->out, update_only)) != NULL) {
		voice_report(t, e);
		if (t->conf->no_sack) {
			outbox_remove(&t->out, e);
			continue;
		}
		t->flight = e->seq;
		t->flight_sends = 1;
		arm_resend(t);
	}
}

static void
on_resend(struct tracker *t)
{
	struct outbox_entry *e = outbox_find(&t->out, t->flight);

	if (e == NULL || (phase_is_silent(t->phase) &&
	    e->report.kind != WIRE_UPDATE)) {
		land(t);
		send_next(t);
		return;
	}
	if (t->flight_sends > RESENDS_MAX) {
		t->io->disconnect(t);
		tracker_closed(t, t->now);
		return;
	}
	t->counts.resends++;
	t->flight_sends++;
	voice_report(t, e);
	arm_resend(t);
}

/* --- ordinary life -------------------------------------------------------- */

static void
on_report(struct tracker *t)
{
	tracker_arm(t, TIMER_REPORT,
	    tracker_scaled(t, t->conf->report_ms, 1));
	if (!phase_is_silent(t->phase))
		report_make(t, WIRE_POSITION, 0, 0);
}

static void
on_heartbeat(struct tracker *t)
{
	tracker_arm(t, TIMER_HEARTBEAT,
	    tracker_scaled(t, t->conf->heartbeat_ms, 1));
	if (phase_is_silent(t->phase))
		return;
	t->buried = false;
	if (t->short_mode) {
		t->poll = true;
		tracker_resume(t);
		return;
	}
	if (t->link != LINK_UP)
		return;
	if (t->heartbeats_missed >= HEARTBEATS_MAX &&
	    t->now.mono_ms - t->heartbeat_first_ms >= HEARTBEATS_FLOOR_MS) {
		t->io->disconnect(t);
		tracker_closed(t, t->now);
		return;
	}
	voice_heartbeat(t);
	t->counts.heartbeats++;
	if (t->heartbeats_missed++ == 0)
		t->heartbeat_first_ms = t->now.mono_ms;
}

/* --- answers to commands -------------------------------------------------- */

static void
answer(struct tracker *t, const struct tracker_answer *a)
{
	if (!a->realtime) {
		voice_ack_update(t, a->serial);
		if (a->start) {
			history_add_acked(&t->history, a->serial);
			update_acknowledged(t);
		}
		return;
	}
	voice_ack_realtime(t, a->sub, a->serial);
	if (a->sub == READ_VERSION) {
		t->counts.reads++;
		report_make(t, WIRE_VERSION, 0, 0);
	} else if (a->sub == REBOOT) {
		update_restart(t);
	}
}

/* Returns true when anything was sent. */
static bool
send_answers(struct tracker *t)
{
	size_t n = t->answer_count;

	if (t->link != LINK_UP)
		return false;
	for (size_t i = 0; i < n; i++)
		answer(t, &t->answers[i]);
	t->answer_count = 0;
	return n > 0;
}

/* In short mode the connection that brought the command is about to close, so
 * the answer waits for the next one. */
static void
owe_answer(struct tracker *t, const struct wire_in *in)
{
	struct tracker_answer *a = &t->answers[t->answer_count++];

	*a = (struct tracker_answer){
		.realtime = in->kind == WIRE_REALTIME,
		.start = in->kind == WIRE_START,
		.sub = in->sub,
	};
	(void)span_copy(a->serial, sizeof(a->serial), span_str(in->serial));
	if (!t->short_mode) {
		(void)send_answers(t);
		send_next(t);
	}
}

/* --- frames in ------------------------------------------------------------ */

static void
on_sack(struct tracker *t, const struct wire_in *in)
{
	struct outbox_entry *e;
	struct history_report *r;
	uint64_t count;

	if (span_hex(span_str(in->count), UINT16_MAX, &count) < 0 ||
	    (e = outbox_find_count(&t->out, (uint16_t)count)) == NULL)
		return; /* of an ACK, of a duplicate: nobody waits for it */
	t->counts.sacked++;
	r = history_report(&t->history, e->log);
	if (r != NULL)
		r->sacked = true;
	if (e->seq == t->flight)
		land(t);
	outbox_remove(&t->out, e);
	send_next(t);
}

static void
on_start(struct tracker *t, const struct wire_in *in)
{
	if (phase_is_busy(t->phase)) {
		t->counts.while_busy++;
		return;
	}
	update_begin(t, in);
	if (t->phase == PHASE_ACCEPTED)
		owe_answer(t, in);
}

static void
on_stop(struct tracker *t, const struct wire_in *in)
{
	bool running = phase_is_stoppable(t->phase);

	if (!running && phase_is_busy(t->phase)) {
		t->counts.ignored++;
		return;
	}
	owe_answer(t, in);
	if (running)
		update_stop(t);
}

static void
on_command(struct tracker *t, const struct wire_in *in)
{
	/* No answer to a stranger, as SPEC has it. */
	if (strcmp(in->password, t->conf->password) != 0)
		t->counts.wrong_password++;
	else if (t->answer_count == TRACKER_ANSWERS_MAX)
		t->counts.ignored++;
	else if (in->kind == WIRE_START)
		on_start(t, in);
	else if (in->kind == WIRE_STOP)
		on_stop(t, in);
	else if (phase_is_deaf(t->phase))
		t->counts.ignored++;
	else
		owe_answer(t, in);
}

void
tracker_input(struct tracker *t, struct span frame, struct moment now)
{
	struct wire_in in;

	t->now = now;
	wire_parse(frame, &in);
	if (in.is_start)
		history_add_received(&t->history, in.serial);
	if (in.kind != WIRE_BAD) {
		t->heard = true;
		t->failures = 0;
	}
	switch (in.kind) {
	case WIRE_BAD:
		t->counts.malformed++;
		break;
	case WIRE_OTHER:
		t->counts.ignored++;
		break;
	case WIRE_SACK:
		on_sack(t, &in);
		break;
	case WIRE_SACK_HEARTBEAT:
		t->heartbeats_missed = 0;
		break;
	case WIRE_START:
	case WIRE_STOP:
	case WIRE_REALTIME:
		on_command(t, &in);
		break;
	}
}

void
tracker_fetched(struct tracker *t, bool ok, uint64_t bytes, struct moment now)
{
	t->now = now;
	t->counts.bytes += bytes;
	update_fetched(t, ok);
}

/* --- the connection ------------------------------------------------------- */

static bool
wants_link(struct tracker *t)
{
	bool silent = phase_is_silent(t->phase);

	if (phase_is_dark(t->phase))
		return false;
	if (outbox_first(&t->out, silent) != NULL || t->answer_count > 0)
		return true;
	if (silent)
		return false;
	return !t->short_mode || t->poll;
}

void
tracker_resume(struct tracker *t)
{
	send_next(t);
	if (t->link == LINK_DOWN && t->due_ms[TIMER_CONNECT] == TRACKER_NEVER &&
	    wants_link(t))
		tracker_arm(t, TIMER_CONNECT, 1);
}

static void
on_connect(struct tracker *t)
{
	if (t->link != LINK_DOWN || !wants_link(t))
		return;
	t->link = LINK_OPENING;
	t->counts.connects++;
	t->io->connect(t);
}

/* NATURE_AMNESIAC: neither what it had to say nor where it was in counting. */
static void
forget(struct tracker *t)
{
	outbox_done(&t->out);
	t->has_held = false;
	t->count = 0;
}

static void
link_down(struct tracker *t)
{
	t->link = LINK_DOWN;
	land(t);
	if (t->nature == NATURE_AMNESIAC)
		forget(t);
	tracker_arm(t, TIMER_LINGER, TRACKER_NEVER);
	tracker_arm(t, TIMER_CONNECT, TRACKER_NEVER);
	if (!t->short_mode)
		tracker_arm(t, TIMER_HEARTBEAT, TRACKER_NEVER);
}

void
tracker_opened(struct tracker *t, struct moment now)
{
	bool introduced;

	t->now = now;
	t->link = LINK_UP;
	t->heard = t->outage = t->poll = false;
	t->heartbeats_missed = 0;
	if (t->short_mode)
		tracker_spoke(t);
	else
		tracker_arm(t, TIMER_HEARTBEAT, jittered(t,
		    tracker_scaled(t, t->conf->heartbeat_ms, 1), 0.5, 1.0));
	introduced = send_answers(t);
	/* Something live has to say who speaks. */
	if (!introduced && !phase_is_silent(t->phase) &&
	    !outbox_has_live(&t->out))
		report_make(t, WIRE_POSITION, 0, 0);
	send_next(t);
}

static int64_t
reconnect_wait_ms(struct tracker *t)
{
	int64_t base = tracker_scaled(t, RECONNECT_MS, RECONNECT_FLOOR_MS);
	int64_t max = tracker_scaled(t, RECONNECT_MAX_MS,
	    RECONNECT_MAX_FLOOR_MS);

	for (unsigned i = 1; i < t->failures && base < max; i++)
		base *= 2;
	return jittered(t, MIN_OF(base, max), 0.5, 1.5);
}

void
tracker_closed(struct tracker *t, struct moment now)
{
	bool failed = t->link == LINK_OPENING;

	t->now = now;
	if (t->link == LINK_DOWN)
		return;
	if (failed)
		t->counts.connect_failures++;
	if (failed || !t->heard)
		t->failures += t->failures < 16;
	/* A short connection is over when the server says so; what it did not
	 * carry has not had its chance yet. */
	outbox_make_late(&t->out, t->short_mode && !failed);
	t->outage = failed ||
	    (!t->short_mode && !phase_is_silent(t->phase));
	link_down(t);
	if (wants_link(t))
		tracker_arm(t, TIMER_CONNECT, reconnect_wait_ms(t));
}

void
tracker_hang_up(struct tracker *t)
{
	if (t->link != LINK_DOWN)
		t->io->disconnect(t);
	outbox_make_late(&t->out, true);
	t->outage = false;
	link_down(t);
}

static void
on_linger(struct tracker *t)
{
	bool unheard = t->flight != 0 && !t->heard;

	tracker_hang_up(t);
	if (!wants_link(t))
		return;
	if (unheard) {
		t->failures += t->failures < 16;
		tracker_arm(t, TIMER_CONNECT, reconnect_wait_ms(t));
	} else {
		tracker_arm(t, TIMER_CONNECT, tracker_scaled(t,
		    BETWEEN_SHORT_MS, BETWEEN_SHORT_FLOOR_MS));
	}
}

static void
on_cut(struct tracker *t)
{
	if (t->link != LINK_UP)
		return;
	update_fire(t, FAULT_DISCONNECT);
	tracker_hang_up(t);
	if (wants_link(t))
		tracker_arm(t, TIMER_CONNECT, reconnect_wait_ms(t));
}

/* --- life ----------------------------------------------------------------- */

static void
on_phase(struct tracker *t)
{
	update_step(t);
}

void
tracker_init(struct tracker *t, const struct tracker_conf *conf,
    const struct tracker_io *io, const char *id, uint64_t key,
    struct moment now, int64_t delay_ms)
{
	*t = (struct tracker){
		.conf = conf,
		.io = io,
		.now = now,
		.born_ms = now.mono_ms,
		.key = key,
		.poll = true,
	};
	t->nature = nature_of(conf->natures, conf->seed, key);
	t->short_mode = conf->short_mode || t->nature == NATURE_SHORT;
	prng_init(&t->chance, prng_mix(conf->seed, ~key));
	(void)span_copy(t->id, sizeof(t->id), span_str(id));
	(void)span_copy(t->version, sizeof(t->version),
	    span_str(conf->firmware));
	t->count = (uint16_t)prng_below(&t->chance, UINT16_MAX + 1);
	t->zone_s = zones_s[prng_below(&t->chance, ARRAY_LEN(zones_s))];
	t->names_sub = prng_below(&t->chance, 2) == 0;
	t->longitude_e6 = (int32_t)prng_below(&t->chance, 360000000) -
	    180000000;
	t->latitude_e6 = (int32_t)prng_below(&t->chance, 140000000) - 70000000;
	for (size_t i = 0; i < TIMER_COUNT; i++)
		t->due_ms[i] = TRACKER_NEVER;
	tracker_arm(t, TIMER_CONNECT, delay_ms);
	if (t->short_mode)
		tracker_arm(t, TIMER_HEARTBEAT, delay_ms + jittered(t,
		    tracker_scaled(t, conf->heartbeat_ms, 1), 0.5, 1.0));
	if (conf->report_ms > 0)
		tracker_arm(t, TIMER_REPORT, delay_ms + jittered(t,
		    tracker_scaled(t, conf->report_ms, 1), 0.0, 1.0));
}

void
tracker_done(struct tracker *t)
{
	outbox_done(&t->out);
	history_done(&t->history);
}

static enum tracker_timer
first_timer(const struct tracker *t)
{
	enum tracker_timer first = TIMER_PHASE;

	for (unsigned i = 1; i < TIMER_COUNT; i++)
		if (t->due_ms[i] < t->due_ms[first])
			first = (enum tracker_timer)i;
	return first;
}

int64_t
tracker_next(const struct tracker *t)
{
	return t->due_ms[first_timer(t)];
}

void
tracker_tick(struct tracker *t, struct moment now)
{
	/* Every handler arms for the future only, so this ends. */
	for (;;) {
		enum tracker_timer timer = first_timer(t);

		t->now = now;
		if (t->due_ms[timer] > now.mono_ms)
			return;
		t->due_ms[timer] = TRACKER_NEVER;
		timer_act[timer](t);
	}
}
