#include "config.h"
#include "sim/truth.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/fleet.h"
#include "sim/tracker.h"

/* A line of one tracker: 4096 reports of at most 150 bytes and the rest. */
#define LINE_MAX_BYTES (4 << 20)

/* All text here is made of letters, digits and _: nothing needs escaping,
 * except what the command line says of versions, and options.c lets only
 * letters and digits through there. */
static void
add_strings(struct sbuf *b, const char *key, const struct history_rows *rows,
    const char *(*text)(const struct history_rows *, size_t))
{
	sbuf_addf(b, ",\"%s\":[", key);
	for (size_t i = 0; i < rows->len; i++)
		sbuf_addf(b, "%s\"%s\"", i > 0 ? "," : "", text(rows, i));
	sbuf_adds(b, "]");
}

static void
add_kinds(struct sbuf *b, uint32_t kinds)
{
	const char *comma = "";

	sbuf_adds(b, "[");
	for (unsigned k = 0; k < FAULT_COUNT; k++) {
		if (!(kinds & FAULT_BIT(k)))
			continue;
		sbuf_addf(b, "%s\"%s\"", comma,
		    fault_name((enum fault_kind)k));
		comma = ",";
	}
	sbuf_adds(b, "]");
}

static uint32_t
kinds_fired(const struct tracker *t)
{
	uint32_t kinds = 0;

	for (unsigned k = 0; k < FAULT_COUNT; k++)
		if (t->counts.fired[k] > 0)
			kinds |= FAULT_BIT(k);
	return kinds;
}

static void
add_attempts(struct sbuf *b, const struct history *h)
{
	sbuf_adds(b, ",\"attempts\":[");
	for (uint32_t i = 1; i <= h->attempts.len; i++) {
		const struct history_attempt *a = history_attempt(h, i);

		sbuf_addf(b, "%s{\"serial\":\"%s\",\"type\":%u,"
		    "\"result\":\"%s\",\"faults\":", i > 1 ? "," : "",
		    a->serial, a->update_type, a->result);
		add_kinds(b, a->fired);
		sbuf_adds(b, "}");
	}
	sbuf_adds(b, "]");
}

static const char *
boolean(bool v)
{
	return v ? "true" : "false";
}

static void
add_reports(struct sbuf *b, const struct history *h)
{
	sbuf_adds(b, ",\"reports\":[");
	for (uint32_t i = 1; i <= h->reports.len; i++) {
		const struct history_report *r = history_report(h, i);

		sbuf_addf(b, "%s{\"attempt\":%" PRIu32 ",\"code\":%u,"
		    "\"times\":", i > 1 ? "," : "", r->attempt, r->code);
		if (r->times > 0)
			sbuf_addf(b, "%u", r->times);
		else
			sbuf_adds(b, "null");
		sbuf_addf(b, ",\"count\":\"%04X\",\"time\":\"%s\","
		    "\"sends\":%u,\"sacked\":%s,\"buffered\":%s,\"lost\":%s}",
		    r->count, r->time, r->sends, boolean(r->sacked),
		    boolean(r->late), boolean(r->lost));
	}
	sbuf_adds(b, "]");
}

static void
add_counts(struct sbuf *b, const struct tracker *t)
{
	const struct tracker_counts *c = &t->counts;

	sbuf_addf(b, ",\"sacked\":%" PRIu32 ",\"while_busy\":%" PRIu32
	    ",\"wrong_password\":%" PRIu32 ",\"malformed\":%" PRIu32
	    ",\"ignored\":%" PRIu32 ",\"reads\":%" PRIu32
	    ",\"heartbeats\":%" PRIu32 ",\"resends\":%" PRIu32
	    ",\"connects\":%" PRIu32 ",\"connect_failures\":%" PRIu32
	    ",\"downloads\":{\"ok\":%" PRIu32 ",\"failed\":%" PRIu32
	    ",\"bytes\":%" PRIu64 "},\"ble_updates\":%" PRIu32
	    ",\"outbox\":{\"waiting\":%zu,\"dropped\":%" PRIu32
	    "},\"truncated\":%" PRIu32, c->sacked, c->while_busy,
	    c->wrong_password, c->malformed, c->ignored, c->reads,
	    c->heartbeats, c->resends, c->connects, c->connect_failures,
	    c->downloads_ok, c->downloads_failed, c->bytes, c->ble_updates,
	    t->out.len, t->out.dropped, t->history.truncated);
}

void
truth_add(struct sbuf *b, const struct tracker *t)
{
	const struct history *h = &t->history;

	sbuf_addf(b, "{\"id\":\"%s\"", t->id);
	add_strings(b, "received", &h->received, history_serial);
	sbuf_addf(b, ",\"acked\":%zu", h->acked.len);
	add_strings(b, "acked_serials", &h->acked, history_serial);
	add_strings(b, "flashed", &h->flashed, history_version);
	sbuf_addf(b, ",\"version\":\"%s\",\"state\":\"%s\",\"online\":%s",
	    t->version, phase_name(t->phase), boolean(t->link == LINK_UP));
	if (t->nature != NATURE_PLAIN)
		sbuf_addf(b, ",\"personality\":\"%s\"",
		    nature_name(t->nature));
	sbuf_adds(b, ",\"faults\":");
	add_kinds(b, kinds_fired(t));
	add_attempts(b, h);
	add_reports(b, h);
	add_counts(b, t);
	sbuf_addf(b, ",\"protocol\":\"%s\"}\n",
	    t->conf->hex ? "hex" : "ascii");
}

static int
write_all(FILE *out, const struct fleet *f)
{
	struct sbuf line;
	int r = 0;

	sbuf_init(&line, LINE_MAX_BYTES);
	for (size_t i = 0; i < fleet_count(f) && r == 0; i++) {
		sbuf_clear(&line);
		truth_add(&line, fleet_tracker(f, i));
		if (line.failed) {
			errno = ENOMEM;
			r = -1;
		} else if (fwrite(sbuf_str(&line), 1, line.len, out) !=
		    line.len) {
			r = -1;
		}
	}
	sbuf_done(&line);
	return r;
}

int
truth_save(const char *path, const struct fleet *f, struct errtext *err)
{
	size_t n = strlen(path) + sizeof(".new");
	char *temporary = malloc(n);
	FILE *out;
	int r, saved;

	if (temporary == NULL)
		return errtext_set(err, -1, "out of memory");
	(void)snprintf(temporary, n, "%s.new", path);
	out = fopen(temporary, "we");
	r = out == NULL ? -1 : write_all(out, f);
	if (out != NULL && fclose(out) != 0)
		r = -1;
	if (r == 0)
		r = rename(temporary, path);
	if (r < 0) {
		saved = errno;
		if (out != NULL)
			(void)unlink(temporary);
		r = errtext_set(err, -1, "%s: %s", path, strerror(saved));
	}
	free(temporary);
	return r;
}
