#include "config.h"
#include "sim/voice.h"

#include "sim/hexwire.h"
#include "sim/tracker.h"

#define WRONG_CLOCK_START INT64_C(1072915200) /* 2004-01-01 */
#define CRAZY_CLOCK_END UINT64_C(4102444800) /* 2100-01-01, from 1970 on */
#define PROTOCOL "C20100"
#define NAME "GV620MG"
#define JUNK_MAX 16

#define NOISE (FAULT_BIT(FAULT_DUPLICATE) | FAULT_BIT(FAULT_GARBAGE) | \
	FAULT_BIT(FAULT_SPLIT) | FAULT_BIT(FAULT_WRONG_CLOCK))

static struct wire_unit
unit_of(const struct tracker *t)
{
	return (struct wire_unit){
	    .protocol = PROTOCOL,
	    .id = t->id,
	    .name = NAME,
	    .hex = t->conf->hex,
	    .firmware = hexwire_version_ok(t->version) ? t->version : "0000",
	};
}

uint32_t
voice_noise(const struct tracker *t)
{
	return t->update.open ? t->update.plan.faults & NOISE : 0;
}

void
voice_time(struct tracker *t, uint32_t noise, char buf[WIRE_TIME + 1])
{
	if (noise & FAULT_BIT(FAULT_WRONG_CLOCK)) {
		update_fire(t, FAULT_WRONG_CLOCK);
		wire_time(WRONG_CLOCK_START +
		    (t->now.mono_ms - t->born_ms) / 1000, buf);
	} else if (t->nature == NATURE_CLOCK_CRAZY) {
		wire_time((int64_t)prng_below(&t->chance, CRAZY_CLOCK_END),
		    buf);
	} else {
		wire_time(t->now.wall_ms / 1000 + t->zone_s, buf);
	}
}

/* Bytes between two frames. Never + or -: these begin a binary frame, whose
 * length would swallow what follows, and no server can help that. */
static void
send_junk(struct tracker *t)
{
	char junk[JUNK_MAX];
	size_t n = 1 + (size_t)prng_below(&t->chance, JUNK_MAX);

	for (size_t i = 0; i < n; i++) {
		do
			junk[i] = (char)prng_below(&t->chance, 256);
		while (junk[i] == '+' || junk[i] == '-');
	}
	t->io->send(t, junk, n, false);
}

static void
send_frame(struct tracker *t, const char *frame, size_t n, uint32_t noise)
{
	if (noise & FAULT_BIT(FAULT_GARBAGE)) {
		update_fire(t, FAULT_GARBAGE);
		send_junk(t);
	}
	if (noise & FAULT_BIT(FAULT_SPLIT))
		update_fire(t, FAULT_SPLIT);
	t->io->send(t, frame, n, noise & FAULT_BIT(FAULT_SPLIT));
	tracker_spoke(t);
}

void
voice_heartbeat(struct tracker *t)
{
	struct wire_unit unit = unit_of(t);
	char buf[WIRE_OUT_MAX], time[WIRE_TIME + 1];

	voice_time(t, voice_noise(t), time);
	send_frame(t, buf, wire_heartbeat(buf, &unit, time, t->count++),
	    voice_noise(t));
}

void
voice_ack_update(struct tracker *t, const char *serial)
{
	struct wire_unit unit = unit_of(t);
	char buf[WIRE_OUT_MAX], time[WIRE_TIME + 1];

	voice_time(t, voice_noise(t), time);
	send_frame(t, buf, wire_ack_update(buf, &unit, serial, time,
	    t->count++), voice_noise(t));
}

void
voice_ack_realtime(struct tracker *t, unsigned sub, const char *serial)
{
	struct wire_unit unit = unit_of(t);
	const char *name = t->names_sub ? wire_realtime_name(sub) : NULL;
	char buf[WIRE_OUT_MAX], time[WIRE_TIME + 1];

	voice_time(t, voice_noise(t), time);
	send_frame(t, buf, wire_ack_realtime(buf, &unit, name, serial, time,
	    t->count++), voice_noise(t));
}

void
voice_report(struct tracker *t, struct outbox_entry *e)
{
	struct wire_unit unit = unit_of(t);
	struct history_report *r = history_report(&t->history, e->log);
	char buf[WIRE_OUT_MAX];
	size_t n = wire_report(buf, &unit, &e->report, e->late);

	send_frame(t, buf, n, e->noise);
	if (e->noise & FAULT_BIT(FAULT_DUPLICATE)) {
		update_fire(t, FAULT_DUPLICATE);
		send_frame(t, buf, n, e->noise);
	}
	if (e->sends < UINT16_MAX)
		e->sends++;
	if (r != NULL) {
		r->sends = e->sends;
		r->late = r->late || e->late;
	}
}
